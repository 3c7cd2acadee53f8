/*
 * ua/relays.c - lending and taking back.
 *
 * Ways are tried by transport first and then by server: where UDP is blocked it is so for all
 * servers, but a server that is dark is better replaced by the next one over UDP than by TCP.
 */
#include "ua/relays.h"

#include <stdlib.h>

struct ptn_relays *ptn_relays_new(const struct ptn_relays_opts *opts)
{
    struct ptn_relays *r = calloc(1, sizeof *r + opts->count * sizeof r->slots[0]);

    if (!r)
        return NULL;
    r->opts = *opts;
    r->dice = opts->dice;
    r->crypto = ptn_crypto_new();
    ptn_servers_init(&r->names, opts->names_id, opts->types);
    bool good = r->crypto != NULL;
    for (unsigned i = 0; i < opts->server_count; i++)
        good = good && ptn_servers_add(&r->names, opts->servers[i].name, opts->servers[i].port);
    if (!good) {
        ptn_relays_free(r);
        return NULL;
    }
    return r;
}

void ptn_relays_free(struct ptn_relays *r)
{
    if (r)
        ptn_crypto_free(r->crypto);
    free(r);
}

/* ---- ways ---- */

static bool may_go_by(const struct ptn_relays *r, enum ptn_transport transport)
{
    switch (r->opts.by) {
    case PTN_RELAYS_BY_ANY: return true;
    case PTN_RELAYS_BY_UDP: return transport == PTN_UDP;
    case PTN_RELAYS_BY_TCP: return transport == PTN_TCP;
    case PTN_RELAYS_BY_TLS: return transport == PTN_TLS;
    }
    return false;
}

static bool same_way(const struct ptn_turn_way *a, const struct ptn_turn_way *b)
{
    return a->transport == b->transport && ptn_addr_equal(&a->server, &b->server);
}

static struct ptn_turn_ways ways_of(const struct ptn_relays *r, uint8_t family)
{
    static const enum ptn_transport order[] = {PTN_UDP, PTN_TCP, PTN_TLS};
    struct ptn_turn_ways ways = {0};

    for (unsigned t = 0; t < 3; t++)
        for (unsigned i = 0; i < r->names.count && may_go_by(r, order[t]); i++) {
            const struct ptn_server *server = &r->names.servers[i];
            struct ptn_addr addr = family == PTN_IPV6 ? server->v6 : server->v4;
            struct ptn_turn_way *way = &ways.ways[ways.count];
            if (ptn_addr_is_none(&addr))
                continue;
            if (order[t] == PTN_TLS)
                addr.port = r->opts.servers[i].tls_port;
            *way = (struct ptn_turn_way){addr, order[t], r->opts.servers[i].name};
            if (same_way(way, &r->good))
                ways.first = ways.count;
            ways.count++;
        }
    return ways;
}

static void renew_ways(struct ptn_relays *r, ptn_time now)
{
    for (unsigned i = 0; i < r->opts.count; i++) {
        struct ptn_relays_slot *slot = &r->slots[i];
        if (!slot->lent)
            continue;
        struct ptn_turn_ways ways = ways_of(r, slot->turn.opts.local.family);
        if (ways.count > 0)
            ptn_turn_set_ways(&slot->turn, now, &ways);
    }
}

void ptn_relays_add_to(const struct ptn_relays *r, struct ptn_anchor_servers *servers)
{
    for (unsigned family = PTN_IPV4; may_go_by(r, PTN_UDP) && family <= PTN_IPV6; family += 2) {
        struct ptn_turn_ways ways = ways_of(r, (uint8_t)family);
        for (unsigned i = 0; i < ways.count && ways.ways[i].transport == PTN_UDP; i++) {
            bool known = servers->count == PTN_ANCHOR_SERVERS_MAX;
            for (unsigned k = 0; k < servers->count && !known; k++)
                known = ptn_addr_equal(&servers->addrs[k], &ways.ways[i].server);
            if (!known)
                servers->addrs[servers->count++] = ways.ways[i].server;
        }
    }
}

/* ---- lending ---- */

struct ptn_turn *ptn_relays_lend(struct ptn_relays *r, ptn_time now, ptn_id socket,
                                 const struct ptn_addr *local)
{
    struct ptn_turn_ways ways = ways_of(r, local->family);
    unsigned i = 0;

    while (i < r->opts.count && (r->slots[i].lent || r->slots[i].leaving))
        i++;
    if (ways.count == 0 || i == r->opts.count)
        return NULL;
    struct ptn_relays_slot *slot = &r->slots[i];
    struct ptn_turn_opts opts = {.socket = socket,
                                 .connection = r->opts.conns_id + i,
                                 .local = *local,
                                 .user = &r->opts.user,
                                 .crypto = r->crypto,
                                 .dscp = r->opts.dscp,
                                 .dice = ptn_dice_split(&r->dice)};
    slot->lent = true;
    ptn_turn_init(&slot->turn, &opts);
    ptn_turn_start(&slot->turn, now, &ways);
    return &slot->turn;
}

static struct ptn_relays_slot *slot_of(struct ptn_relays *r, const struct ptn_turn *turn)
{
    unsigned i = 0;

    while (&r->slots[i].turn != turn)
        i++;
    return &r->slots[i];
}

bool ptn_relays_take_back(struct ptn_relays *r, ptn_time now, struct ptn_turn *turn, ptn_id socket)
{
    struct ptn_relays_slot *slot = slot_of(r, turn);

    ptn_relays_hear(r, now, turn);
    ptn_turn_release(turn, now);
    slot->lent = false;
    slot->leaving = !ptn_turn_done(turn);
    bool needs_socket = turn->state == PTN_TURN_LEAVING && turn->at.transport == PTN_UDP;
    slot->socket = needs_socket ? socket : 0;
    return needs_socket;
}

/* ---- what they tell ---- */

static bool same_wrong(const struct ptn_turn_event *a, const struct ptn_turn_event *b)
{
    return a->why == b->why && a->code == b->code && a->err == b->err && same_way(&a->way, &b->way);
}

/* Each socket fails for the same reasons, and again each minute: each is said once. */
static void say_wrong(struct ptn_relays *r, const struct ptn_turn_event *ev)
{
    char way[PTN_TURN_WAY_TEXT_MAX];

    for (unsigned i = 0; i < r->wrong_count; i++)
        if (same_wrong(&r->wrongs[i], ev))
            return;
    if (r->wrong_count == PTN_TURN_WAYS_MAX)
        return;
    r->wrongs[r->wrong_count++] = *ev;
    ptn_log(r->opts.log, PTN_LOG_WARN, "%s: no relayed address: %s%s%s",
            ptn_turn_way_text(&ev->way, way), ptn_turn_why_text(ev->why), ev->err ? ": " : "",
            ev->err ? ptn_err_text(ev->err) : "");
}

/* What a server has answered says more than a way on which none has. */
const struct ptn_turn_event *ptn_relays_wrong(const struct ptn_relays *r)
{
    for (unsigned i = 0; i < r->wrong_count; i++)
        if (r->wrongs[i].code != 0)
            return &r->wrongs[i];
    return r->wrong_count > 0 ? &r->wrongs[0] : NULL;
}

static void hear(struct ptn_relays *r, ptn_time now, const struct ptn_turn_event *ev)
{
    char way[PTN_TURN_WAY_TEXT_MAX], addr[PTN_ADDR_TEXT_MAX];

    switch (ev->kind) {
    case PTN_TURN_UP:
        r->begun++;
        if (r->wrong_count > 0 || !same_way(&r->good, &ev->way))
            ptn_log(r->opts.log, PTN_LOG_INFO, "%s: gives relayed addresses, the first is %s",
                    ptn_turn_way_text(&ev->way, way), ptn_addr_format(&ev->relayed, addr));
        r->good = ev->way;
        r->wrong_count = 0;
        break;
    case PTN_TURN_LOST:
        r->lost++;
        ptn_log(r->opts.log, PTN_LOG_WARN, "%s: the relayed address %s is lost: %s",
                ptn_turn_way_text(&ev->way, way), ptn_addr_format(&ev->relayed, addr),
                ptn_turn_why_text(ev->why));
        break;
    case PTN_TURN_FAILED:
        ptn_servers_doubt(&r->names, now); /* a name server may have lied */
        say_wrong(r, ev);
        break;
    case PTN_TURN_WAY_FAILED: say_wrong(r, ev); break;
    case PTN_TURN_PEER_REFUSED:
        ptn_log(r->opts.log, PTN_LOG_WARN, "%s: does not relay to %s (%u)",
                ptn_turn_way_text(&ev->way, way), ptn_addr_format(&ev->peer, addr), ev->code);
        break;
    }
}

void ptn_relays_hear(struct ptn_relays *r, ptn_time now, struct ptn_turn *turn)
{
    struct ptn_turn_event ev;

    while (ptn_turn_event(turn, &ev))
        hear(r, now, &ev);
}

/* ---- the machine ---- */

static bool is_query(const struct ptn_relays *r, ptn_id id)
{
    return ptn_servers_own(&r->names, id);
}

struct ptn_turn *ptn_relays_of_connection(struct ptn_relays *r, ptn_id id)
{
    ptn_id i = id - r->opts.conns_id;

    return id >= r->opts.conns_id && i < r->opts.count && (r->slots[i].lent || r->slots[i].leaving)
               ? &r->slots[i].turn
               : NULL;
}

/* Among those that leave; opts.count: none. */
static unsigned leaving_of(const struct ptn_relays *r, ptn_id id)
{
    unsigned i = 0;

    while (i < r->opts.count && !(r->slots[i].leaving && id != 0 &&
                                  (r->slots[i].socket == id || r->opts.conns_id + i == id)))
        i++;
    return i;
}

bool ptn_relays_owns(const struct ptn_relays *r, ptn_id id)
{
    return is_query(r, id) || leaving_of(r, id) < r->opts.count;
}

bool ptn_relays_input(struct ptn_relays *r, ptn_time now, const struct ptn_tell *tell)
{
    unsigned i = leaving_of(r, tell->id);
    struct ptn_addr from;
    struct ptn_bytes bytes;

    if (is_query(r, tell->id)) {
        bool changed = ptn_servers_input(&r->names, now, tell);
        if (changed)
            renew_ways(r, now);
        return changed;
    }
    if (i < r->opts.count && ptn_turn_input(&r->slots[i].turn, now, tell))
        while (ptn_turn_data(&r->slots[i].turn, now, &from, &bytes))
            ; /* late media, which nobody waits for */
    return false;
}

void ptn_relays_tick(struct ptn_relays *r, ptn_time now)
{
    ptn_servers_tick(&r->names, now);
    for (unsigned i = 0; i < r->opts.count; i++)
        if (r->slots[i].leaving)
            ptn_turn_tick(&r->slots[i].turn, now);
}

bool ptn_relays_output(struct ptn_relays *r, ptn_time now, struct ptn_ask *ask)
{
    if (ptn_servers_output(&r->names, now, ask))
        return true;
    for (unsigned i = 0; i < r->opts.count; i++) {
        struct ptn_relays_slot *slot = &r->slots[i];
        if (!slot->leaving)
            continue;
        if (ptn_turn_output(&slot->turn, now, ask))
            return true;
        if (!ptn_turn_done(&slot->turn))
            continue;
        slot->leaving = false;
        if (slot->socket == 0)
            continue;
        *ask = (struct ptn_ask){.kind = PTN_ASK_CLOSE, .id = slot->socket};
        slot->socket = 0;
        return true;
    }
    return false;
}

ptn_time ptn_relays_deadline(const struct ptn_relays *r)
{
    ptn_time due = ptn_servers_deadline(&r->names);

    for (unsigned i = 0; i < r->opts.count; i++)
        if (r->slots[i].leaving)
            due = ptn_time_min(due, ptn_turn_deadline(&r->slots[i].turn));
    return due;
}

bool ptn_relays_idle(const struct ptn_relays *r)
{
    for (unsigned i = 0; i < r->opts.count; i++)
        if (r->slots[i].leaving)
            return false;
    return true;
}

unsigned ptn_relays_standing(const struct ptn_relays *r)
{
    unsigned standing = 0;

    for (unsigned i = 0; i < r->opts.count; i++)
        standing += r->slots[i].lent && ptn_turn_relayed(&r->slots[i].turn) != NULL;
    return standing;
}
