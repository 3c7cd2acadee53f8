/*
 * ice/nominate.c - by which pair media goes, and which one is for good.
 *
 * Media takes the best pair that is proven and whose far end still agrees. Nominated ones come
 * first; of several, which an aggressive far end makes (RFC 5245 §8.1.1.2), the best. When the far
 * end has been silent there for a while, the other proven ones are asked, and one that answers
 * takes its place; or one by which the far end shows itself, since its NAT has given it another
 * port.
 *
 * Who controls nominates once a component. A direct pair waits a moment and a relayed one two
 * seconds for better pairs that have been asked and may yet answer, at most twice that: media
 * flows meanwhile, and a nomination cannot be taken back without a restart (RFC 8445 §8.1.1).
 */
#include "ice/inside.h"

enum { REPEATS_IN_DOUBT = 2 };

bool ptn_ice_pair_usable(const struct ptn_ice_pair *p, ptn_time now)
{
    return p->proven && now - p->answered_at < PTN_ICE_CONSENT_LASTS;
}

static bool is_relayed(const struct ptn_ice *ice, const struct ptn_ice_pair *p)
{
    return ice->locals[p->local].c.kind == PTN_ICE_RELAYED ||
           ice->remotes[p->remote].kind == PTN_ICE_RELAYED;
}

static bool is_better(const struct ptn_ice_pair *a, const struct ptn_ice_pair *b)
{
    if (a->slow != b->slow && (a->slow ? b : a)->answered_at > (a->slow ? a : b)->answered_at)
        return b->slow;
    if (a->nominated != b->nominated)
        return a->nominated;
    return a->valid_priority > b->valid_priority;
}

static struct ptn_ice_pair *best(struct ptn_ice *ice, ptn_time now, unsigned component)
{
    struct ptn_ice_pair *found = NULL;

    for (unsigned i = 0; i < ice->pair_count; i++) {
        struct ptn_ice_pair *p = &ice->pairs[i];
        if (p->component == component && ptn_ice_pair_usable(p, now) &&
            (!found || is_better(p, found)))
            found = p;
    }
    return found;
}

/* ---- where media goes ---- */

static void describe(const struct ptn_ice *ice, const struct ptn_ice_pair *p,
                     struct ptn_ice_route *route)
{
    *route = (struct ptn_ice_route){.path = ice->locals[p->local].path,
                                    .to = ice->remotes[p->remote].addr,
                                    .local = p->mapped,
                                    .local_kind = p->mapped_kind,
                                    .remote_kind = ice->remotes[p->remote].kind,
                                    .nominated = p->nominated,
                                    .rtt = p->rtt};
}

/* RFC 8445 §8.1.2: what has not been asked yet need not be. What the far end asks for later is
 * another matter. */
static void settle_list(struct ptn_ice *ice, const struct ptn_ice_pair *chosen)
{
    for (unsigned i = 0; i < ice->pair_count; i++) {
        struct ptn_ice_pair *p = &ice->pairs[i];
        if (p->component != chosen->component || !ptn_ice_pair_is_open(p) || p->queued || p->wanted)
            continue;
        if (p->state != PTN_ICE_IN_PROGRESS || p->priority < chosen->priority) {
            ptn_stun_txn_stop(&p->txn, 0, NULL);
            p->to_send = false;
            p->state = PTN_ICE_PAIR_FAILED;
        }
    }
}

/* The far end was slow to consent: a check tells sooner, since it is repeated. When that is not
 * answered either, perhaps those by other pairs are. */
static void doubt(struct ptn_ice *ice, struct ptn_ice_component *c)
{
    struct ptn_ice_pair *p = &ice->pairs[c->way.pair];

    if (!p->slow) {
        p->slow = true;
        ptn_ice_trigger(ice, p);
    }
    if (c->way.asked_around || p->state != PTN_ICE_IN_PROGRESS || p->txn.sends <= REPEATS_IN_DOUBT)
        return;
    c->way.asked_around = true;
    for (unsigned i = 0; i < ice->pair_count; i++) {
        struct ptn_ice_pair *q = &ice->pairs[i];
        if (q != p && q->component == p->component && q->proven)
            ptn_ice_trigger(ice, q);
    }
}

static void choose_way(struct ptn_ice *ice, ptn_time now, unsigned component)
{
    struct ptn_ice_component *c = ptn_ice_component(ice, component);
    struct ptn_ice_way *way = &c->way;

    if (way->set && way->consent.asked > PTN_ICE_SLOW)
        doubt(ice, c);
    struct ptn_ice_pair *p = best(ice, now, component);
    if (!p) {
        c->lost |= way->set;
        way->set = false;
        return;
    }
    uint8_t number = (uint8_t)(p - ice->pairs);
    if (!way->set || way->pair != number) {
        bool as_before = way->set && is_relayed(ice, p) == is_relayed(ice, &ice->pairs[way->pair]);
        ptn_time since = as_before ? way->since : now;
        *way = (struct ptn_ice_way){.set = true, .pair = number, .since = since};
        way->priority =
            ptn_ice_priority(PTN_ICE_PEER_REFLEXIVE, ice->locals[p->local].preference, component);
        ptn_ice_consent_start(&way->consent, p->answered_at, &ice->dice);
        c->held.set = false;
    } else if (way->consent.answered_at < p->answered_at) {
        /* A check says the same as an answer to a question. */
        ptn_ice_consent_answered(&way->consent, p->answered_at, &ice->dice);
        way->asked_around = false;
    }
    describe(ice, p, &way->route);
    if (p->nominated && c->settled != number) {
        c->settled = number;
        settle_list(ice, p);
    }
}

static void choose_held(struct ptn_ice *ice, ptn_time now, unsigned component)
{
    struct ptn_ice_way *held = &ptn_ice_component(ice, component)->held;

    if (held->set && !ptn_ice_consent_fresh(&held->consent, now)) {
        held->set = false;
        ptn_ice_component(ice, component)->lost = true;
    }
}

/* ---- nomination ---- */

static bool has_nominated(const struct ptn_ice *ice, unsigned component)
{
    for (unsigned i = 0; i < ice->pair_count; i++)
        if (ice->pairs[i].component == component && ice->pairs[i].nominated && ice->pairs[i].proven)
            return true;
    return false;
}

/* Until when is this pair worth waiting for? One that waits will be asked soon; a frozen one
 * perhaps not for long, since another of its foundation is still hoped for. */
static ptn_time worth_until(const struct ptn_ice *ice, const struct ptn_ice_pair *p,
                            ptn_time patience)
{
    if (p->first_sent)
        return p->first_sent + patience;
    return p->state == PTN_ICE_WAITING ? PTN_NEVER : ice->started_at + patience;
}

ptn_time ptn_ice_nomination_due(const struct ptn_ice *ice, ptn_time now, unsigned component)
{
    const struct ptn_ice_component *c = &ice->component[component - 1];
    const struct ptn_ice_way *way = &c->way;
    ptn_time due = now;

    if (!ice->controlling || !way->set || c->nominating != PTN_ICE_NO_PAIR ||
        has_nominated(ice, component))
        return PTN_NEVER;
    const struct ptn_ice_pair *chosen = &ice->pairs[way->pair];
    ptn_time patience =
        is_relayed(ice, chosen) ? ice->opts.relay_patience : ice->opts.direct_patience;
    /* Better candidates may yet be told of. */
    if (is_relayed(ice, chosen) && !(ice->local_ended && ice->remote_ended))
        due = ptn_time_max(due, ice->started_at + patience);
    for (unsigned i = 0; i < ice->pair_count; i++) {
        const struct ptn_ice_pair *p = &ice->pairs[i];
        if (p->component == component && ptn_ice_pair_is_open(p) && !p->doubted &&
            p->priority > chosen->valid_priority)
            due = ptn_time_max(due, worth_until(ice, p, patience));
    }
    return ptn_time_min(due, ptn_time_max(now, way->since + 2 * patience));
}

static void nominate(struct ptn_ice *ice, ptn_time now, unsigned component)
{
    struct ptn_ice_component *c = ptn_ice_component(ice, component);

    if (c->nominating != PTN_ICE_NO_PAIR && !ice->pairs[c->nominating].nominating)
        c->nominating = PTN_ICE_NO_PAIR; /* its check failed: another one's turn */
    if (ptn_ice_nomination_due(ice, now, component) > now)
        return;
    c->nominating = c->way.pair;
    ice->pairs[c->nominating].nominating = true;
    ptn_ice_trigger(ice, &ice->pairs[c->nominating]);
}

static bool has_better(const struct ptn_ice *ice, ptn_time now, unsigned component)
{
    const struct ptn_ice_way *way = &ice->component[component - 1].way;

    if (!way->set || !way->route.nominated || !is_relayed(ice, &ice->pairs[way->pair]))
        return false;
    for (unsigned i = 0; i < ice->pair_count; i++)
        if (ice->pairs[i].component == component && ptn_ice_pair_usable(&ice->pairs[i], now) &&
            !is_relayed(ice, &ice->pairs[i]))
            return true;
    return false;
}

void ptn_ice_choose(struct ptn_ice *ice, ptn_time now)
{
    for (unsigned n = 1; n <= ice->components; n++) {
        choose_way(ice, now, n);
        choose_held(ice, now, n);
        nominate(ice, now, n);
        ptn_ice_component(ice, n)->better = has_better(ice, now, n);
    }
}
