/*
 * ice/answer.c - answers to our checks (RFC 8445 §7.2.5) and to our questions for consent.
 *
 * Nothing is believed that the far end's password does not seal. An answer must take the way of
 * its check backwards: else media could go where nothing comes from.
 */
#include "ice/inside.h"
#include "stun/seal.h"

/* Whose answer it is. */
struct asked {
    struct ptn_ice_pair *pair;
    struct ptn_ice_try try;
    struct ptn_ice_way *way; /* a question for consent */
    bool earlier;
    ptn_id path;
    struct ptn_addr to;
};

static bool find_pair(struct ptn_ice *ice, const struct ptn_stun_id *id, struct asked *a)
{
    for (unsigned i = 0; i < ice->pair_count; i++)
        for (unsigned k = 0; k < 2; k++) {
            struct ptn_ice_pair *p = &ice->pairs[i];
            if (!ptn_stun_id_equal(id, &p->tries[k].id))
                continue;
            *a = (struct asked){.pair = p,
                                .try = p->tries[k],
                                .path = ice->locals[p->local].path,
                                .to = ice->remotes[p->remote].addr};
            return true;
        }
    return false;
}

static bool find_way(struct ptn_ice *ice, const struct ptn_stun_id *id, struct asked *a)
{
    for (unsigned i = 0; i < PTN_ICE_COMPONENTS_MAX; i++)
        for (unsigned earlier = 0; earlier < 2; earlier++) {
            struct ptn_ice_way *w = earlier ? &ice->component[i].held : &ice->component[i].way;
            if (!w->set || !ptn_ice_consent_asked(&w->consent, id))
                continue;
            *a = (struct asked){
                .way = w, .earlier = earlier, .path = w->route.path, .to = w->route.to};
            return true;
        }
    return false;
}

void ptn_ice_fail_pair(struct ptn_ice_pair *p)
{
    ptn_stun_txn_stop(&p->txn, 0, NULL);
    p->state = PTN_ICE_PAIR_FAILED;
    p->queued = 0;
    p->to_send = p->proven = p->nominating = false;
}

/* RFC 8445 §7.2.5.1: we both thought that we lead. Answers to checks from before the change say
 * nothing new. */
static enum ptn_ice_verdict change_sides(struct ptn_ice *ice, const struct asked *a)
{
    if (!a->pair || a->try.controlling == ice->controlling) {
        ptn_ice_change_role(ice, !ice->controlling);
        ptn_dice_fill(&ice->dice, ice->tie_breaker, sizeof ice->tie_breaker);
    }
    if (a->pair && !a->pair->proven)
        ptn_ice_trigger(ice, a->pair);
    return PTN_ICE_ANSWER;
}

/* The address that the far end sees us by is a candidate of its own kind (§7.2.5.3.1). */
static void see_ourselves(struct ptn_ice *ice, struct ptn_ice_pair *p,
                          const struct ptn_addr *mapped)
{
    const struct ptn_ice_base *base = &ice->locals[p->local];

    p->mapped = *mapped;
    p->mapped_kind = PTN_ICE_PEER_REFLEXIVE;
    for (unsigned i = 0; i < ice->local_count; i++)
        if (ice->locals[i].path == base->path && ptn_addr_equal(&ice->locals[i].c.addr, mapped))
            p->mapped_kind = ice->locals[i].c.kind;
}

static void succeed(struct ptn_ice *ice, ptn_time now, const struct asked *a,
                    const struct ptn_addr *mapped)
{
    struct ptn_ice_pair *p = a->pair;

    if (!ptn_stun_txn_stop(&p->txn, now, &p->rtt) && !p->proven)
        p->rtt = PTN_NEVER;
    see_ourselves(ice, p, mapped);
    p->answered_at = p->kept_at = now;
    p->proven = true;
    p->doubted = p->slow = false;
    /* An older try's answer proves the pair; but a nomination must be answered itself. */
    bool nomination_pends = p->nominating && !a->try.nominates;
    if (!nomination_pends) {
        p->state = PTN_ICE_SUCCEEDED;
        p->queued = 0;
        p->to_send = false;
    } else if (!p->queued) {
        ptn_ice_trigger(ice, p);
    }
    if (ice->controlling ? p->nominating && a->try.nominates : p->wanted) {
        p->nominated = true;
        p->nominating = false;
    }
    ptn_ice_reprioritize(ice);
    ptn_ice_unfreeze(ice, p);
    ice->failed = false;
}

static enum ptn_ice_verdict read_pair(struct ptn_ice *ice, ptn_time now, const struct asked *a,
                                      const struct ptn_tell *tell, const struct ptn_stun_msg *m)
{
    struct ptn_addr mapped;

    if (tell->id != a->path || !ptn_addr_equal(&tell->from, &a->to)) {
        ptn_ice_fail_pair(a->pair);
        return PTN_ICE_ANSWER_ASYMMETRIC;
    }
    if (m->class == PTN_STUN_ERROR || !ptn_stun_get_mapped(m, &mapped, NULL)) {
        ptn_ice_fail_pair(a->pair);
        return PTN_ICE_ANSWER_MEANINGLESS;
    }
    succeed(ice, now, a, &mapped);
    return PTN_ICE_ANSWER;
}

static enum ptn_ice_verdict read_consent(struct ptn_ice *ice, ptn_time now, const struct asked *a,
                                         const struct ptn_tell *tell, const struct ptn_stun_msg *m)
{
    if (tell->id != a->path || !ptn_addr_equal(&tell->from, &a->to))
        return PTN_ICE_ANSWER_ASYMMETRIC;
    if (m->class == PTN_STUN_ERROR)
        return PTN_ICE_ANSWER_MEANINGLESS;
    ptn_ice_consent_answered(&a->way->consent, now, &ice->dice);
    if (a->way->pair != PTN_ICE_NO_PAIR) {
        struct ptn_ice_pair *p = &ice->pairs[a->way->pair];
        p->answered_at = now;
        p->slow = false;
        /* The pair lives, and yet its nomination was lost again and again: each repeat waits twice
         * as long, so begin anew. */
        if (p->nominating && p->state == PTN_ICE_IN_PROGRESS && p->txn.sends > 2)
            ptn_ice_trigger(ice, p);
    }
    return PTN_ICE_ANSWER;
}

enum ptn_ice_verdict ptn_ice_read_answer(struct ptn_ice *ice, ptn_time now,
                                         const struct ptn_tell *tell, const struct ptn_stun_msg *m)
{
    struct asked a;
    struct ptn_bytes reason;
    unsigned code;

    if (!find_pair(ice, &m->id, &a) && !find_way(ice, &m->id, &a))
        return PTN_ICE_NOT_OURS;
    const struct ptn_ice_creds *theirs = a.earlier ? &ice->earlier_theirs : &ice->far.creds;
    uint16_t unknown;
    if (ptn_stun_check_fingerprint(m) == PTN_STUN_SEAL_BROKEN)
        return PTN_ICE_BAD_FINGERPRINT;
    if (ptn_stun_check_integrity(m, ice->opts.crypto, ptn_bytes_of_text(theirs->pwd)) !=
        PTN_STUN_SEAL_GOOD)
        return PTN_ICE_ANSWER_NOT_SEALED;
    if (m->class == PTN_STUN_ERROR && ptn_stun_get_error(m, &code, &reason) && code == 487)
        return change_sides(ice, &a);
    if (ptn_stun_unknown(m, PTN_STUN_UNDERSTOOD, &unknown, 1) > 0) {
        if (a.pair)
            ptn_ice_fail_pair(a.pair);
        return PTN_ICE_ANSWER_MEANINGLESS;
    }
    return a.pair ? read_pair(ice, now, &a, tell, m) : read_consent(ice, now, &a, tell, m);
}
