/*
 * sip/redirect.c - an INVITE that is sent elsewhere by 3xx. RFC 3261 §8.1.3.4.
 *
 *     302 a;q=0.5, b      b first, then a: each once, whoever names it again
 *     b: 302 c, a         c, then a (named anew), then nobody: the last refusal is the caller's
 *
 * Bounded: so many places in all. The owner is asked before each, because under which address
 * we can be reached may differ there. Who is not our server gets no credentials of ours.
 */
#include <stdlib.h>
#include <strings.h>

#include "sip/agent.h"

enum { URI_MAX = 1000, Q_MAX = 1000 };

void ptn_sip_redirect_fini(struct ptn_sip_redirect *r)
{
    for (unsigned i = 0; i < r->count; i++)
        free(r->places[i].uri);
    *r = (struct ptn_sip_redirect){0};
}

static bool is_same_user(struct pl a, struct pl b)
{
    char text_a[URI_MAX], text_b[URI_MAX];

    return pl_strcpy(&a, text_a, sizeof text_a) == 0 && pl_strcpy(&b, text_b, sizeof text_b) == 0 &&
           (ptn_sip_user_is(a, text_b) || ptn_sip_user_is(b, text_a));
}

/* §19.1.4 as far as it tells one place from another; a port that is not said is the usual one. */
static bool is_same(struct pl a, struct pl b)
{
    struct ptn_sip_target target_a, target_b;
    struct uri uri_a, uri_b;

    return uri_decode(&uri_a, &a) == 0 && uri_decode(&uri_b, &b) == 0 &&
           ptn_sip_target_of_uri(a, &target_a) && ptn_sip_target_of_uri(b, &target_b) &&
           target_a.transport == target_b.transport &&
           strcasecmp(target_a.host, target_b.host) == 0 &&
           (target_a.port ? target_a.port : 5060) == (target_b.port ? target_b.port : 5060) &&
           is_same_user(uri_a.user, uri_b.user);
}

static struct ptn_sip_place *find(struct ptn_sip_redirect *r, struct pl uri)
{
    for (unsigned i = 0; i < r->count; i++)
        if (is_same(ptn_pl(r->places[i].uri), uri))
            return &r->places[i];
    return NULL;
}

/* "0.7" in thousandths; what is not said, or said badly, is 1. */
static unsigned q_of(const struct sip_addr *contact)
{
    struct pl q, whole, part = {0};
    uint32_t thousandths = 0;

    if (msg_param_decode(&contact->params, "q", &q) || q.l == 0 || (q.p[0] != '0' && q.p[0] != '1'))
        return Q_MAX;
    whole = (struct pl){q.p, 1};
    if (q.l > 2 && q.p[1] == '.')
        part = (struct pl){q.p + 2, q.l - 2 < 3 ? q.l - 2 : 3};
    if (whole.p[0] == '1' || (part.l && !ptn_sip_number(part, 999, &thousandths)))
        return Q_MAX;
    for (size_t i = part.l; i < 3; i++)
        thousandths *= 10;
    return thousandths;
}

static void add(struct ptn_sip_redirect *r, struct pl uri, unsigned q, bool tried)
{
    struct ptn_sip_place *known = find(r, uri);

    if (known && !known->tried) {
        known->q = q;
        known->round = r->round;
    }
    if (known || r->count == PTN_SIP_PLACES_MAX || uri.l > URI_MAX)
        return;
    char *copy = ptn_sip_dup(uri);
    if (copy)
        r->places[r->count++] =
            (struct ptn_sip_place){.uri = copy, .q = q, .round = r->round, .tried = tried};
}

/* Where a 3xx points; headers that its URIs carry are left out. */
static void take_contacts(struct ptn_sip_session *c, const struct ptn_sip_in *in)
{
    struct ptn_sip_walk walk = ptn_sip_walk(in, SIP_HDR_CONTACT);
    struct ptn_sip_redirect *r = &c->redirect;
    struct ptn_sip_target target;
    struct pl element, uri;

    if (r->round++ == 0)
        add(r, ptn_pl(c->dialog.target), Q_MAX, true);
    while (ptn_sip_walk_element(&walk, &element)) {
        struct sip_addr contact;
        if (sip_addr_decode(&contact, &element))
            continue;
        uri = contact.auri;
        for (size_t i = 0; i < uri.l; i++)
            if (uri.p[i] == '?')
                uri.l = i;
        /* One that was called securely is not called otherwise because somebody says so (§26.4.4).
         */
        bool lowers = strncasecmp(c->dialog.target, "sips:", 5) == 0 &&
                      pl_strcasecmp(&contact.uri.scheme, "sips") != 0;
        if (ptn_sip_target_of_uri(uri, &target) && !lowers)
            add(r, uri, q_of(&contact), false);
    }
}

/* The latest word first, then what it prefers, then its order. */
static struct ptn_sip_place *best(struct ptn_sip_redirect *r)
{
    struct ptn_sip_place *best = NULL;

    for (unsigned i = 0; i < r->count; i++) {
        struct ptn_sip_place *p = &r->places[i];
        if (!p->tried &&
            (!best || p->round > best->round || (p->round == best->round && p->q > best->q)))
            best = p;
    }
    return best;
}

/* Does the account's server know the way there, or have we to find it ourselves? */
static bool is_away(const struct ptn_sip_acct *a, const struct ptn_sip_session *c,
                    const struct ptn_sip_target *target)
{
    return !a || !a->has_hop ||
           (!c->dialog.route_set[0] && strcasecmp(target->host, a->domain) != 0 &&
            strcasecmp(target->host, a->server->host) != 0);
}

bool ptn_sip_redirect_follow(struct ptn_sip *s, struct ptn_sip_session *c,
                             const struct ptn_sip_in *in)
{
    unsigned status = in ? in->msg->scode : 408;
    bool points = status >= 300 && status < 400 && status != 305 && status != 380;
    struct ptn_sip_target target;

    if (points)
        take_contacts(c, in);
    struct ptn_sip_place *place = status < 600 ? best(&c->redirect) : NULL;
    if (!place)
        return false;
    place->tried = true;
    if (!ptn_sip_target_of_uri(ptn_pl(place->uri), &target) ||
        !ptn_sip_dialog_retarget(&c->dialog, place->uri))
        return false;
    c->redirect.away = is_away(ptn_sip_find_account(s, c->account), c, &target);
    c->chain = (struct ptn_sip_auth_chain){0};
    c->state = PTN_SIP_CALL_CALLING;
    c->invite = 0;
    ptn_sip_tell(s, &(struct ptn_sip_event){.kind = PTN_SIP_REDIRECTED,
                                            .call = c->id,
                                            .account = c->account,
                                            .status = status,
                                            .called = place->uri,
                                            .transport = target.transport,
                                            .direct = c->redirect.away});
    return true;
}

bool ptn_sip_call_follow(struct ptn_sip *s, ptn_time now, ptn_sip_id call,
                         const struct ptn_sip_path *path, const struct ptn_sdp *offer)
{
    struct ptn_sip_session *c = ptn_sip_find_call(s, call);

    if (!c || c->state != PTN_SIP_CALL_CALLING || c->invite || !ptn_sip_call_keep_offer(c, offer))
        return false;
    if (path)
        c->path = *path;
    ptn_sip_call_send_invite(s, now, c);
    return c->invite != 0;
}
