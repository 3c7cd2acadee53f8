/*
 * ice/pairs.c - the checklist.
 *
 *     frozen ──▶ waiting ──▶ in progress ──▶ succeeded     (its mapped address is the valid pair's)
 *                   ▲             │
 *                   └─ triggered ─┴────────▶ failed
 *
 * Of pairs with one foundation only one is checked at first: what is true for it will mostly be
 * true for the others. The table is not kept in order: it is short, and every question to it is
 * asked once in a pacing interval.
 */
#include <string.h>

#include "ice/inside.h"

enum { TRIGGERED_IN_A_ROW = 3 };

static const struct ptn_ice_base *base_of(const struct ptn_ice *ice, const struct ptn_ice_pair *p)
{
    return &ice->locals[p->local];
}

static bool same_foundation(const struct ptn_ice *ice, const struct ptn_ice_pair *a,
                            const struct ptn_ice_pair *b)
{
    return strcmp(base_of(ice, a)->c.foundation, base_of(ice, b)->c.foundation) == 0 &&
           strcmp(ice->remotes[a->remote].foundation, ice->remotes[b->remote].foundation) == 0;
}

static uint64_t priority_of(const struct ptn_ice *ice, uint32_t local, uint32_t remote)
{
    return ice->controlling ? ptn_ice_pair_priority(local, remote)
                            : ptn_ice_pair_priority(remote, local);
}

static void prioritize(struct ptn_ice *ice, struct ptn_ice_pair *p)
{
    const struct ptn_ice_base *base = base_of(ice, p);
    uint32_t remote = ice->remotes[p->remote].priority;

    p->priority = priority_of(ice, base->c.priority, remote);
    p->valid_priority = priority_of(
        ice,
        p->mapped_kind == base->c.kind
            ? base->c.priority
            : ptn_ice_priority((enum ptn_ice_kind)p->mapped_kind, base->preference, p->component),
        remote);
}

void ptn_ice_reprioritize(struct ptn_ice *ice)
{
    for (unsigned i = 0; i < ice->pair_count; i++)
        prioritize(ice, &ice->pairs[i]);
}

/* The worst one that nothing hangs on, if the new one is better; else none. */
static struct ptn_ice_pair *room_for(struct ptn_ice *ice, const struct ptn_ice_pair *p)
{
    struct ptn_ice_pair *worst = NULL;

    if (ice->pair_count < PTN_ICE_PAIRS_MAX)
        return &ice->pairs[ice->pair_count++];
    for (unsigned i = 0; i < ice->pair_count; i++) {
        struct ptn_ice_pair *q = &ice->pairs[i];
        bool idle = q->state == PTN_ICE_PAIR_FAILED ||
                    (q->state <= PTN_ICE_WAITING && !q->queued && q->priority < p->priority);
        if (idle && !q->proven &&
            (!worst || q->state == PTN_ICE_PAIR_FAILED || q->priority < worst->priority))
            worst = q;
    }
    return worst;
}

/* Of a pair that comes when checks have begun already (RFC 8838 §12). */
static enum ptn_ice_pair_state late_state(const struct ptn_ice *ice, const struct ptn_ice_pair *p)
{
    enum ptn_ice_pair_state state = PTN_ICE_WAITING;

    for (unsigned i = 0; i < ice->pair_count; i++) {
        const struct ptn_ice_pair *q = &ice->pairs[i];
        if (q == p || !same_foundation(ice, p, q))
            continue;
        if (q->proven)
            return PTN_ICE_WAITING;
        if (q->state == PTN_ICE_WAITING || q->state == PTN_ICE_IN_PROGRESS)
            state = PTN_ICE_FROZEN;
    }
    return state;
}

struct ptn_ice_pair *ptn_ice_pair_of(struct ptn_ice *ice, unsigned local, unsigned remote)
{
    const struct ptn_ice_base *l = &ice->locals[local];
    const struct ptn_ice_candidate *r = &ice->remotes[remote];
    struct ptn_ice_pair new = {.local = (uint8_t)local,
                               .remote = (uint8_t)remote,
                               .component = l->c.component,
                               .mapped_kind = l->c.kind,
                               .txn.due = PTN_NEVER};

    for (unsigned i = 0; i < ice->pair_count; i++)
        if (ice->pairs[i].local == local && ice->pairs[i].remote == remote)
            return &ice->pairs[i];
    if (!l->pairs || l->c.component != r->component || !ptn_ice_may_pair(&l->base, &r->addr))
        return NULL;
    prioritize(ice, &new);
    struct ptn_ice_pair *p = room_for(ice, &new);
    if (!p)
        return NULL;
    *p = new;
    p->state = (uint8_t)(ice->begun ? late_state(ice, p) : PTN_ICE_FROZEN);
    return p;
}

void ptn_ice_pair_local(struct ptn_ice *ice, unsigned local)
{
    for (unsigned i = 0; i < ice->remote_count; i++)
        ptn_ice_pair_of(ice, local, i);
}

void ptn_ice_pair_remote(struct ptn_ice *ice, unsigned remote)
{
    for (unsigned i = 0; i < ice->local_count; i++)
        ptn_ice_pair_of(ice, i, remote);
}

void ptn_ice_trigger(struct ptn_ice *ice, struct ptn_ice_pair *p)
{
    p->state = PTN_ICE_WAITING;
    p->to_send = false;
    ptn_stun_txn_stop(&p->txn, 0, NULL);
    if (!p->queued)
        p->queued = ++ice->trigger_count;
}

void ptn_ice_unfreeze(struct ptn_ice *ice, const struct ptn_ice_pair *p)
{
    for (unsigned i = 0; i < ice->pair_count; i++)
        if (ice->pairs[i].state == PTN_ICE_FROZEN && same_foundation(ice, p, &ice->pairs[i]))
            ice->pairs[i].state = PTN_ICE_WAITING;
}

/* RFC 8445 §6.1.2.6: of each foundation the pair of the lowest component, and of those the best. */
static void set_initial_states(struct ptn_ice *ice)
{
    for (unsigned i = 0; i < ice->pair_count; i++) {
        struct ptn_ice_pair *p = &ice->pairs[i];
        bool first = true;
        for (unsigned k = 0; k < ice->pair_count && first; k++) {
            const struct ptn_ice_pair *q = &ice->pairs[k];
            bool before = q->component < p->component ||
                          (q->component == p->component &&
                           (q->priority > p->priority || (q->priority == p->priority && k < i)));
            first = k == i || !before || !same_foundation(ice, p, q);
        }
        if (p->state == PTN_ICE_FROZEN && first)
            p->state = PTN_ICE_WAITING;
    }
}

static struct ptn_ice_pair *best_in_state(struct ptn_ice *ice, enum ptn_ice_pair_state state)
{
    struct ptn_ice_pair *best = NULL;

    for (unsigned i = 0; i < ice->pair_count; i++) {
        struct ptn_ice_pair *p = &ice->pairs[i];
        if (p->state == state && !p->queued && (!best || p->priority > best->priority))
            best = p;
    }
    return best;
}

/* RFC 8445 §6.1.4.2, step 2: a foundation that nobody speaks for gets a turn. */
static struct ptn_ice_pair *thaw(struct ptn_ice *ice)
{
    struct ptn_ice_pair *best = NULL;

    for (unsigned i = 0; i < ice->pair_count; i++) {
        struct ptn_ice_pair *p = &ice->pairs[i];
        if (p->state != PTN_ICE_FROZEN || (best && p->priority <= best->priority))
            continue;
        if (late_state(ice, p) == PTN_ICE_WAITING)
            best = p;
    }
    return best;
}

static struct ptn_ice_pair *next_triggered(struct ptn_ice *ice)
{
    struct ptn_ice_pair *next = NULL;

    for (unsigned i = 0; i < ice->pair_count; i++)
        if (ice->pairs[i].queued && (!next || ice->pairs[i].queued < next->queued))
            next = &ice->pairs[i];
    return next;
}

static struct ptn_ice_pair *next_ordinary(struct ptn_ice *ice)
{
    struct ptn_ice_pair *next = best_in_state(ice, PTN_ICE_WAITING);

    return next ? next : thaw(ice);
}

struct ptn_ice_pair *ptn_ice_next_pair(struct ptn_ice *ice)
{
    struct ptn_ice_pair *triggered = next_triggered(ice), *next = NULL;

    if (!ice->begun)
        set_initial_states(ice);
    /* Triggered ones first (RFC 8445 §6.1.4.2), but two ends that see each other come from ever new
     * ports would never get to the pair with the relay. */
    if (!triggered || ice->in_a_row >= TRIGGERED_IN_A_ROW)
        next = next_ordinary(ice);
    if (!next)
        next = triggered;
    if (!next)
        return NULL;
    ice->in_a_row = next->queued ? ice->in_a_row + 1 : 0;
    ice->begun = true;
    return next;
}

bool ptn_ice_has_work(const struct ptn_ice *ice)
{
    for (unsigned i = 0; i < ice->pair_count; i++) {
        const struct ptn_ice_pair *p = &ice->pairs[i];
        if (p->state == PTN_ICE_WAITING ||
            (p->state == PTN_ICE_FROZEN && (!ice->begun || late_state(ice, p) == PTN_ICE_WAITING)))
            return true;
    }
    return false;
}

ptn_time ptn_ice_pacing(const struct ptn_ice *ice)
{
    unsigned theirs = ice->far.pacing_ms ? ice->far.pacing_ms : 50;
    unsigned ours = ice->opts.pacing_ms;

    return PTN_MS(ours > theirs ? ours : theirs);
}

ptn_time ptn_ice_rto(const struct ptn_ice *ice)
{
    unsigned busy = 0;

    for (unsigned i = 0; i < ice->pair_count; i++)
        busy +=
            ice->pairs[i].state == PTN_ICE_WAITING || ice->pairs[i].state == PTN_ICE_IN_PROGRESS;
    return ptn_time_max(PTN_MS(500), busy * ptn_ice_pacing(ice));
}
