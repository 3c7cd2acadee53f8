/*
 * ua/pool.c - opening, taking and closing pairs.
 *
 * Ports go round: a port that a call has just left is the last to be used again, for
 * its NAT mapping and its far end may live on for a while. Asks are marks on the
 * ends, not a queue, so a pair that is dropped before it was opened asks for nothing.
 */
#include "ua/pool.h"

#include <assert.h>

void ptn_pool_init(struct ptn_pool *p, const struct ptn_pool_opts *opts)
{
    uint16_t first = (uint16_t)(opts->port_min + opts->port_min % 2);

    assert(opts->local_count <= PTN_POOL_LOCALS_MAX);
    assert(first < opts->port_max);

    p->opts = *opts;
    p->servers = (struct ptn_anchor_servers){0};
    p->nat = PTN_REACH_NAT_UNKNOWN;
    for (unsigned i = 0; i < PTN_POOL_LOCALS_MAX; i++)
        p->locals[i] = (struct ptn_pool_local){.next_port = first};
    p->next_id = opts->id_first;
    p->pair_count = 0;
}

/* --- ports --- */

static bool port_in_use(const struct ptn_pool *p, unsigned local, uint16_t port)
{
    for (unsigned i = 0; i < p->pair_count; i++)
        if (p->pairs[i].state != PTN_PAIR_FREE && p->pairs[i].local == local &&
            p->pairs[i].port == port)
            return true;
    return false;
}

static unsigned port_pairs(const struct ptn_pool *p)
{
    return (unsigned)(p->opts.port_max - (p->opts.port_min + p->opts.port_min % 2) + 1) / 2;
}

/* 0 when each port of the range serves a pair already. */
static uint16_t next_port(struct ptn_pool *p, unsigned local)
{
    uint16_t first = (uint16_t)(p->opts.port_min + p->opts.port_min % 2);

    for (unsigned i = port_pairs(p); i > 0; i--) {
        uint16_t port = p->locals[local].next_port;
        p->locals[local].next_port = port + 3 <= p->opts.port_max ? (uint16_t)(port + 2) : first;
        if (!port_in_use(p, local, port))
            return port;
    }
    return 0;
}

/* --- one pair --- */

static ptn_id new_id(struct ptn_pool *p)
{
    ptn_id id = p->next_id++;

    if (p->next_id == p->opts.id_first + p->opts.id_count)
        p->next_id = p->opts.id_first;
    return id;
}

/* ---- relayed addresses ---- */

static bool needs_relays(const struct ptn_pool *p, const struct ptn_pair *pair)
{
    if (p->opts.relays_all)
        return true;
    for (unsigned end = 0; end < 2 && !p->servers_pending; end++)
        if (ptn_reach_needs_relay(&pair->ends[end].flow.anchor.reach))
            return true;
    return false;
}

static void take_back(struct ptn_pool *p, ptn_time now, struct ptn_pair_end *e)
{
    struct ptn_turn *turn = e->flow.turn;
    bool closes = e->id != 0 && e->close_id == e->id;

    if (!turn)
        return;
    ptn_flow_lend(&e->flow, NULL);
    if (ptn_relays_take_back(p->opts.relays, now, turn, closes ? e->id : 0) && closes)
        e->close_id = 0;
}

/* Both ends or none: sound whose reports take another way is hard to explain. */
static void look_for_relays(struct ptn_pool *p, ptn_time now, struct ptn_pair *pair)
{
    bool needed = needs_relays(p, pair);

    for (unsigned end = 0; end < 2; end++) {
        struct ptn_pair_end *e = &pair->ends[end];
        if (e->flow.turn)
            ptn_relays_hear(p->opts.relays, now, e->flow.turn);
        if (!needed && !pair->taken)
            take_back(p, now, e);
        if (!needed || e->flow.turn)
            continue;
        ptn_flow_lend(&e->flow, ptn_relays_lend(p->opts.relays, now, e->id,
                                                &e->flow.anchor.reach.opts.local));
        ptn_flow_tick(&e->flow, now);
    }
}

static void begin_end(struct ptn_pool *p, ptn_time now, struct ptn_pair *pair, unsigned end)
{
    struct ptn_pair_end *e = &pair->ends[end];
    struct ptn_flow_opts opts = {
        .socket = new_id(p),
        .rtcp = end == 1,
        .latch = p->opts.latch,
        .anchor = {.reach = p->opts.locals[pair->local], .binding = p->opts.binding},
        .dice = ptn_dice_split(&p->opts.dice),
    };
    const struct ptn_reach_sight *signal = &p->locals[pair->local].signal;
    struct ptn_latch far_end = e->flow.latch;

    opts.anchor.reach.local.port = (uint16_t)(pair->port + end);
    *e = (struct ptn_pair_end){.id = opts.socket, .close_id = e->close_id, .ask_open = true};
    ptn_flow_init(&e->flow, &opts);
    if (pair->taken)
        e->flow.latch = far_end;
    ptn_reach_see_nat(&e->flow.anchor.reach, p->nat);
    if (!ptn_addr_is_none(&signal->seen))
        ptn_reach_see(&e->flow.anchor.reach, now, signal);
}

static void begin_pair(struct ptn_pool *p, ptn_time now, struct ptn_pair *pair)
{
    pair->port = next_port(p, pair->local);
    if (pair->port == 0 || pair->tries > port_pairs(p)) {
        pair->state = PTN_PAIR_FAILED;
        return;
    }
    pair->state = PTN_PAIR_OPENING;
    for (unsigned end = 0; end < 2; end++)
        begin_end(p, now, pair, end);
}

static struct ptn_pair *new_pair(struct ptn_pool *p, ptn_time now, unsigned local)
{
    unsigned i = 0;

    while (i < p->pair_count && p->pairs[i].state != PTN_PAIR_FREE)
        i++;
    if (i == PTN_POOL_PAIRS_MAX)
        return NULL;
    struct ptn_pair *pair = &p->pairs[i];
    if (i == p->pair_count) {
        *pair = (struct ptn_pair){0};
        p->pair_count++;
    }
    pair->local = local;
    pair->port = 0;
    pair->tries = 0;
    begin_pair(p, now, pair);
    return pair;
}

/* An end that was asked for is closed; one that was not asked for yet never is. */
static void close_ends(struct ptn_pool *p, ptn_time now, struct ptn_pair *pair)
{
    for (unsigned end = 0; end < 2; end++) {
        struct ptn_pair_end *e = &pair->ends[end];
        if (e->id != 0 && !e->ask_open)
            e->close_id = e->id;
        take_back(p, now, e);
        e->id = 0;
        e->ask_open = e->open = false;
    }
}

static void fill_up(struct ptn_pool *p, ptn_time now, unsigned local)
{
    unsigned ready = 0;

    for (unsigned i = 0; i < p->pair_count; i++) {
        const struct ptn_pair *pair = &p->pairs[i];
        ready += pair->state != PTN_PAIR_FREE && !pair->taken && pair->local == local;
    }
    for (; ready < p->opts.warm; ready++)
        if (!new_pair(p, now, local))
            break;
}

void ptn_pool_use(struct ptn_pool *p, ptn_time now, unsigned local)
{
    if (p->locals[local].used)
        return;
    p->locals[local].used = true;
    fill_up(p, now, local);
}

void ptn_pool_rehome(struct ptn_pool *p, ptn_time now, struct ptn_pair *pair, unsigned local)
{
    close_ends(p, now, pair);
    pair->local = local;
    pair->tries = 0;
    begin_pair(p, now, pair);
}

void ptn_pool_move(struct ptn_pool *p, ptn_time now, unsigned local, const struct ptn_addr *addr)
{
    p->opts.locals[local].local = *addr;
    p->locals[local].signal = (struct ptn_reach_sight){0};
    for (unsigned i = 0; i < p->pair_count; i++) {
        struct ptn_pair *pair = &p->pairs[i];
        if (pair->state == PTN_PAIR_FREE || pair->local != local)
            continue;
        if (pair->taken) {
            ptn_pool_rehome(p, now, pair, local);
        } else {
            close_ends(p, now, pair);
            pair->state = PTN_PAIR_FREE;
        }
    }
    if (p->locals[local].used)
        fill_up(p, now, local);
}

/* --- knowledge --- */

void ptn_pool_ask_servers(struct ptn_pool *p, ptn_time now,
                          const struct ptn_anchor_servers *servers)
{
    p->servers = *servers;
    for (unsigned i = 0; i < p->pair_count; i++)
        if (p->pairs[i].state == PTN_PAIR_OPEN)
            for (unsigned end = 0; end < 2; end++)
                ptn_anchor_ask(&p->pairs[i].ends[end].flow.anchor, now, servers);
}

void ptn_pool_see_pending(struct ptn_pool *p, bool servers_pending)
{
    p->servers_pending = servers_pending;
}

void ptn_pool_see_nat(struct ptn_pool *p, enum ptn_reach_nat nat)
{
    p->nat = nat;
    for (unsigned i = 0; i < p->pair_count; i++)
        if (p->pairs[i].state != PTN_PAIR_FREE)
            for (unsigned end = 0; end < 2; end++)
                ptn_reach_see_nat(&p->pairs[i].ends[end].flow.anchor.reach, nat);
}

void ptn_pool_see_signal(struct ptn_pool *p, ptn_time now, unsigned local,
                         const struct ptn_reach_sight *sight)
{
    p->locals[local].signal = *sight;
    for (unsigned i = 0; i < p->pair_count; i++)
        if (p->pairs[i].state != PTN_PAIR_FREE && p->pairs[i].local == local)
            for (unsigned end = 0; end < 2; end++)
                ptn_reach_see(&p->pairs[i].ends[end].flow.anchor.reach, now, sight);
}

void ptn_pool_doubt(struct ptn_pool *p, ptn_time now, unsigned local)
{
    for (unsigned i = 0; i < PTN_POOL_PAIRS_MAX; i++)
        if (p->pairs[i].state == PTN_PAIR_OPEN && p->pairs[i].local == local)
            for (unsigned end = 0; end < 2; end++)
                ptn_flow_doubt(&p->pairs[i].ends[end].flow, now);
}

/* --- taking and dropping --- */

static unsigned readiness(const struct ptn_pair *pair)
{
    return pair->state == PTN_PAIR_OPEN ? ptn_pair_settled(pair) ? 3 : 2 : 1;
}

struct ptn_pair *ptn_pool_take(struct ptn_pool *p, ptn_time now, unsigned local)
{
    struct ptn_pair *best = NULL;

    for (unsigned i = 0; i < p->pair_count; i++) {
        struct ptn_pair *pair = &p->pairs[i];
        if (pair->taken || pair->local != local ||
            (pair->state != PTN_PAIR_OPEN && pair->state != PTN_PAIR_OPENING))
            continue;
        if (!best || readiness(pair) > readiness(best))
            best = pair;
    }
    if (!best)
        best = new_pair(p, now, local);
    if (!best)
        return NULL;
    best->taken = true;
    if (p->locals[local].used)
        fill_up(p, now, local);
    return best;
}

void ptn_pool_drop(struct ptn_pool *p, ptn_time now, struct ptn_pair *pair)
{
    close_ends(p, now, pair);
    pair->state = PTN_PAIR_FREE;
    pair->taken = false;
    if (p->locals[pair->local].used)
        fill_up(p, now, pair->local);
}

void ptn_pool_end(struct ptn_pool *p, ptn_time now)
{
    for (unsigned i = 0; i < PTN_POOL_LOCALS_MAX; i++)
        p->locals[i].used = false;
    for (unsigned i = 0; i < p->pair_count; i++)
        if (p->pairs[i].state != PTN_PAIR_FREE && !p->pairs[i].taken) {
            close_ends(p, now, &p->pairs[i]);
            p->pairs[i].state = PTN_PAIR_FREE;
        }
}

bool ptn_pair_settled(const struct ptn_pair *pair)
{
    return pair->state == PTN_PAIR_OPEN && ptn_flow_settled(&pair->ends[0].flow) &&
           ptn_flow_settled(&pair->ends[1].flow);
}

bool ptn_pair_relays_settled(const struct ptn_pair *pair)
{
    for (unsigned end = 0; end < 2; end++)
        if (pair->ends[end].flow.turn && !ptn_turn_settled(pair->ends[end].flow.turn))
            return false;
    return true;
}

/* --- the machine --- */

bool ptn_pool_owns(const struct ptn_pool *p, ptn_id id)
{
    return id >= p->opts.id_first && id - p->opts.id_first < p->opts.id_count;
}

struct ptn_pair *ptn_pool_find(struct ptn_pool *p, ptn_id id, unsigned *end)
{
    for (unsigned i = 0; i < p->pair_count; i++) {
        struct ptn_pair *pair = &p->pairs[i];
        for (*end = 0; *end < 2; (*end)++)
            if (pair->state != PTN_PAIR_FREE && pair->ends[*end].id == id)
                return pair;
    }
    return NULL;
}

struct ptn_pair *ptn_pool_find_turn(struct ptn_pool *p, const struct ptn_turn *turn, unsigned *end)
{
    for (unsigned i = 0; i < p->pair_count; i++)
        for (*end = 0; *end < 2; (*end)++)
            if (p->pairs[i].ends[*end].flow.turn == turn)
                return &p->pairs[i];
    return NULL;
}

void ptn_pool_input(struct ptn_pool *p, ptn_time now, const struct ptn_tell *tell)
{
    unsigned end;
    struct ptn_pair *pair = ptn_pool_find(p, tell->id, &end);

    if (!pair || pair->state != PTN_PAIR_OPENING)
        return;
    if (tell->kind == PTN_TELL_OPENED) {
        pair->ends[end].open = true;
        if (!pair->ends[1 - end].open)
            return;
        pair->state = PTN_PAIR_OPEN;
        for (end = 0; end < 2; end++)
            ptn_anchor_ask(&pair->ends[end].flow.anchor, now, &p->servers);
    } else if (tell->kind == PTN_TELL_FAILED) {
        /* RTCP belongs beside RTP: both go, and the next two ports are tried. */
        pair->ends[end].id = 0;
        close_ends(p, now, pair);
        pair->tries++;
        begin_pair(p, now, pair);
    }
}

void ptn_pool_tick(struct ptn_pool *p, ptn_time now)
{
    for (unsigned i = 0; i < p->pair_count; i++) {
        if (p->pairs[i].state != PTN_PAIR_OPEN)
            continue;
        for (unsigned end = 0; end < 2; end++)
            ptn_flow_tick(&p->pairs[i].ends[end].flow, now);
        if (p->opts.relays)
            look_for_relays(p, now, &p->pairs[i]);
    }
}

static bool ask_of_end(struct ptn_pool *p, ptn_time now, const struct ptn_pair *pair,
                       struct ptn_pair_end *e, struct ptn_ask *ask)
{
    if (e->close_id != 0) {
        *ask = (struct ptn_ask){.kind = PTN_ASK_CLOSE, .id = e->close_id};
        e->close_id = 0;
        return true;
    }
    if (e->ask_open) {
        e->ask_open = false;
        *ask = (struct ptn_ask){.kind = PTN_ASK_OPEN,
                                .id = e->id,
                                .transport = PTN_UDP,
                                .local = e->flow.opts.anchor.reach.local,
                                .dscp = p->opts.dscp};
        return true;
    }
    return pair->state == PTN_PAIR_OPEN && ptn_flow_output(&e->flow, now, ask);
}

bool ptn_pool_output(struct ptn_pool *p, ptn_time now, struct ptn_ask *ask)
{
    for (unsigned i = 0; i < p->pair_count; i++)
        for (unsigned end = 0; end < 2; end++)
            if (ask_of_end(p, now, &p->pairs[i], &p->pairs[i].ends[end], ask))
                return true;
    return false;
}

ptn_time ptn_pool_deadline(const struct ptn_pool *p)
{
    ptn_time deadline = PTN_NEVER;

    for (unsigned i = 0; i < p->pair_count; i++)
        if (p->pairs[i].state == PTN_PAIR_OPEN)
            for (unsigned end = 0; end < 2; end++)
                deadline = ptn_time_min(deadline, ptn_flow_deadline(&p->pairs[i].ends[end].flow));
    return deadline;
}
