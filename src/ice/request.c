/*
 * ice/request.c - the far end's checks (RFC 8445 §7.3).
 *
 * A check is answered in any case that the RFC names, but never by more bytes than came: those
 * whose sender has proved nothing get an error without words.
 */
#include <string.h>

#include "ice/inside.h"
#include "stun/seal.h"

/* What an agent understands of that which must be understood. */
#define UNDERSTOOD                                                                                 \
    (PTN_STUN_UNDERSTOOD | UINT64_C(1) << PTN_STUN_PRIORITY | UINT64_C(1) << PTN_STUN_USE_CANDIDATE)

/* Header, ERROR-CODE without words, FINGERPRINT. */
enum { BARE_ERROR_BYTES = PTN_STUN_HEADER_BYTES + 8 + 8 };

struct request {
    const struct ptn_tell *tell;
    const struct ptn_stun_msg *m;
    struct ptn_bytes theirs; /* the far end's half of USERNAME */
    bool earlier;            /* it names us as before the restart */
    struct ptn_ice_early check;
};

static bool reply(struct ptn_ice *ice, const struct request *q, unsigned code, bool sealed)
{
    struct ptn_ice_reply *r;

    if (ice->reply_count == PTN_ICE_ANSWERS_MAX)
        return false;
    r = &ice->replies[(ice->reply_first + ice->reply_count++) % PTN_ICE_ANSWERS_MAX];
    *r = (struct ptn_ice_reply){.path = q->tell->id,
                                .to = q->tell->from,
                                .id = q->m->id,
                                .code = code,
                                .sealed = sealed,
                                .earlier = q->earlier};
    if (code == 420)
        r->unknown_count = ptn_stun_unknown(q->m, UNDERSTOOD, r->unknown, PTN_ICE_UNKNOWN_MAX);
    return true;
}

static enum ptn_ice_verdict refuse(struct ptn_ice *ice, const struct request *q, unsigned code,
                                   bool sealed, enum ptn_ice_verdict verdict)
{
    if (sealed || q->m->bytes.size >= BARE_ERROR_BYTES)
        reply(ice, q, code, sealed);
    return verdict;
}

/* "ours:theirs", where ours may be that of before a restart. */
static bool read_user(const struct ptn_ice *ice, struct request *q)
{
    const struct ptn_ice_creds *ours[] = {&ice->ours, &ice->earlier_ours};
    const struct ptn_ice_creds *theirs[] = {&ice->far.creds, &ice->earlier_theirs};
    bool known[] = {ice->has_far, true};
    struct ptn_bytes user;

    if (!ptn_stun_get(q->m, PTN_STUN_USERNAME, &user))
        return false;
    for (unsigned i = 0; i < 2; i++) {
        size_t size = strlen(ours[i]->ufrag);
        if (size == 0 || user.size <= size || user.data[size] != ':' ||
            memcmp(user.data, ours[i]->ufrag, size) != 0)
            continue;
        q->theirs = ptn_bytes(user.data + size + 1, user.size - size - 1);
        q->earlier = i == 1;
        return q->theirs.size <= PTN_ICE_UFRAG_MAX &&
               (!known[i] || ptn_bytes_equal(q->theirs, ptn_bytes_of_text(theirs[i]->ufrag)));
    }
    return false;
}

void ptn_ice_change_role(struct ptn_ice *ice, bool controlling)
{
    ice->controlling = controlling;
    for (unsigned i = 0; i < ice->pair_count; i++)
        ice->pairs[i].nominating = false;
    for (unsigned i = 0; i < PTN_ICE_COMPONENTS_MAX; i++)
        ice->component[i].nominating = PTN_ICE_NO_PAIR;
    ptn_ice_reprioritize(ice);
}

/* RFC 8445 §7.3.1.1. False: the far end must change. */
static bool settle_roles(struct ptn_ice *ice, const struct ptn_stun_msg *m)
{
    struct ptn_bytes theirs;

    if (!ptn_stun_get(m, ice->controlling ? PTN_STUN_ICE_CONTROLLING : PTN_STUN_ICE_CONTROLLED,
                      &theirs) ||
        theirs.size != sizeof ice->tie_breaker)
        return true;
    bool ours_is_greater = memcmp(ice->tie_breaker, theirs.data, sizeof ice->tie_breaker) >= 0;
    if (ice->controlling == ours_is_greater)
        return false;
    ptn_ice_change_role(ice, !ice->controlling);
    return true;
}

static int local_of(const struct ptn_ice *ice, ptn_id path)
{
    for (unsigned i = 0; i < ice->local_count; i++)
        if (ice->locals[i].pairs && ice->locals[i].path == path)
            return (int)i;
    return -1;
}

/* A row of this component that no pair needs any more, because all of its pairs have failed. */
static int spent_remote(struct ptn_ice *ice, unsigned component)
{
    for (unsigned r = 0; r < ice->remote_count; r++) {
        bool needed = ice->remotes[r].kind != PTN_ICE_PEER_REFLEXIVE ||
                      ice->remotes[r].component != component;
        for (unsigned i = 0; i < ice->pair_count && !needed; i++)
            needed = ice->pairs[i].remote == r && ice->pairs[i].state != PTN_ICE_PAIR_FAILED;
        if (!needed)
            return (int)r;
    }
    return -1;
}

/* RFC 8445 §7.3.1.3: a check from where nobody is known to be. */
static int learn_remote(struct ptn_ice *ice, const struct ptn_ice_early *check, unsigned component)
{
    int row = ptn_ice_find_remote(ice, component, &check->from);

    if (row >= 0)
        return row;
    if (ice->remote_count < PTN_ICE_REMOTES_MAX)
        row = (int)ice->remote_count++;
    else if ((row = spent_remote(ice, component)) < 0)
        return -1;
    struct ptn_ice_candidate *c = &ice->remotes[row];
    *c = (struct ptn_ice_candidate){.addr = check->from,
                                    .priority = check->priority,
                                    .kind = PTN_ICE_PEER_REFLEXIVE,
                                    .component = (uint8_t)component};
    /* Like nobody else's: '~' is no ice-char. */
    unsigned n = ++ice->reflexive_count;
    char *at = c->foundation;
    *at++ = '~';
    for (unsigned shift = 32; shift > 0; shift -= 4)
        *at++ = "0123456789abcdef"[n >> (shift - 4) & 15];
    ptn_ice_reprioritize(ice);
    return row;
}

/* With a nominated way that works, a new port of the far end is nothing to look into, unless it
 * is nominated: behind some NATs each check comes from another one. */
static bool is_news(const struct ptn_ice *ice, const struct ptn_ice_early *check,
                    unsigned component)
{
    const struct ptn_ice_way *way = &ice->component[component - 1].way;
    bool works = way->set && way->route.nominated && way->consent.asked <= PTN_ICE_SLOW;

    return !works || check->nominates || ptn_ice_find_remote(ice, component, &check->from) >= 0;
}

bool ptn_ice_learn(struct ptn_ice *ice, ptn_time now, const struct ptn_ice_early *check)
{
    int local = local_of(ice, check->path);

    if (local < 0)
        return false;
    unsigned component = ice->locals[local].c.component;
    if (!is_news(ice, check, component))
        return true;
    int remote = learn_remote(ice, check, component);
    struct ptn_ice_pair *p =
        remote < 0 ? NULL : ptn_ice_pair_of(ice, (unsigned)local, (unsigned)remote);
    if (!p)
        return false;
    p->heard = true;
    p->wanted |= check->nominates && !ice->controlling;
    if (ptn_ice_pair_usable(p, now))
        p->nominated |= p->wanted;
    else
        ptn_ice_trigger(ice, p);
    return true;
}

static enum ptn_ice_verdict take(struct ptn_ice *ice, ptn_time now, struct request *q)
{
    const struct ptn_stun_msg *m = q->m;
    struct ptn_ice_early *c = &q->check;

    if (q->earlier)
        return reply(ice, q, 0, true) ? PTN_ICE_EARLIER : PTN_ICE_NO_ROOM;
    if (!ptn_stun_get_u32(m, PTN_STUN_PRIORITY, &c->priority))
        return refuse(ice, q, 400, true, PTN_ICE_NO_PRIORITY);
    if (!settle_roles(ice, m))
        return refuse(ice, q, 487, true, PTN_ICE_ROLE_CONFLICT);
    c->path = q->tell->id;
    c->from = q->tell->from;
    c->nominates = ptn_stun_has(m, PTN_STUN_USE_CANDIDATE);
    if (ice->has_far && !ptn_ice_learn(ice, now, c))
        return PTN_ICE_NO_ROOM;
    if (!ice->has_far) {
        /* Repeats and what finds no room are answered: nothing is lost but a head start. */
        for (unsigned i = 0; i < ice->early_count; i++)
            if (ice->early[i].path == c->path && ptn_addr_equal(&ice->early[i].from, &c->from)) {
                ice->early[i].nominates |= c->nominates;
                return reply(ice, q, 0, true) ? PTN_ICE_EARLY : PTN_ICE_NO_ROOM;
            }
        if (ice->early_count == PTN_ICE_EARLY_MAX)
            return PTN_ICE_NO_ROOM;
        memcpy(c->ufrag, q->theirs.data, q->theirs.size);
        ice->early[ice->early_count++] = *c;
    }
    if (!reply(ice, q, 0, true))
        return PTN_ICE_NO_ROOM;
    return ice->has_far ? PTN_ICE_CHECK : PTN_ICE_EARLY;
}

enum ptn_ice_verdict ptn_ice_read_request(struct ptn_ice *ice, ptn_time now,
                                          const struct ptn_tell *tell, const struct ptn_stun_msg *m)
{
    struct request q = {.tell = tell, .m = m};
    bool has_user = ptn_stun_has(m, PTN_STUN_USERNAME);
    bool has_seal = ptn_stun_has(m, PTN_STUN_MESSAGE_INTEGRITY);

    /* A bare Binding request is somebody's question about a mapping, and none for an agent. */
    if (!has_user && !has_seal && !ptn_stun_has(m, PTN_STUN_PRIORITY))
        return PTN_ICE_NOT_OURS;
    if (ptn_stun_check_fingerprint(m) == PTN_STUN_SEAL_BROKEN)
        return PTN_ICE_BAD_FINGERPRINT;
    if (!has_user || !has_seal)
        return refuse(ice, &q, 400, false, PTN_ICE_NO_CREDENTIALS);
    if (!read_user(ice, &q))
        return refuse(ice, &q, 401, false, PTN_ICE_FOREIGN_USER);
    const char *pwd = q.earlier ? ice->earlier_ours.pwd : ice->ours.pwd;
    if (ptn_stun_check_integrity(m, ice->opts.crypto, ptn_bytes_of_text(pwd)) != PTN_STUN_SEAL_GOOD)
        return refuse(ice, &q, 401, false, PTN_ICE_BAD_INTEGRITY);
    uint16_t unknown;
    if (ptn_stun_unknown(m, UNDERSTOOD, &unknown, 1) > 0)
        return refuse(ice, &q, 420, true, PTN_ICE_UNKNOWN_ATTRIBUTE);
    return take(ice, now, &q);
}
