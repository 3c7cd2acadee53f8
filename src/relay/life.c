/*
 * relay/life.c - how allocations end, and all that hangs on them.
 */
#include "relay/core.h"

#include <assert.h>

void ptn_relay_end_permission(struct ptn_relay *r, uint32_t row)
{
    ptn_relay_timer(r, PTN_RELAY_TIMER_PERMISSION, row, PTN_NEVER);
    ptn_relay_permissions_remove(&r->permissions, &r->allocs, row);
}

void ptn_relay_end_channel(struct ptn_relay *r, uint32_t row)
{
    ptn_relay_timer(r, PTN_RELAY_TIMER_CHANNEL, row, PTN_NEVER);
    ptn_relay_channels_remove(&r->channels, &r->allocs, row);
}

void ptn_relay_drop_socket(struct ptn_relay *r, uint32_t row)
{
    ptn_relay_timer(r, PTN_RELAY_TIMER_SOCKET, row, PTN_NEVER);
    if (r->sockets.rows[row].state == PTN_RELAY_SOCKET_USED)
        ptn_relay_shared_leave_port(r->shared, ptn_relay_place_of(&r->sockets.rows[row]));
    ptn_relay_close(r, ptn_relay_socket_id(row));
    ptn_relay_sockets_remove(&r->sockets, row);
}

struct ptn_relay_event ptn_relay_news_of(const struct ptn_relay *r, const struct ptn_relay_alloc *a)
{
    struct ptn_relay_event ev = {
        .kind = PTN_RELAY_BEGUN,
        .name = ptn_relay_user_name(&r->users.rows[a->user]),
        .realm = ptn_bytes(r->users.realm, r->users.realm_size),
        .number = a->number,
        .client = a->client,
        .transport = (enum ptn_transport)a->transport,
        .relays_tcp = a->relays_tcp,
        .lifetime_s = a->lifetime_s,
    };

    for (unsigned i = 0; i < 2; i++)
        if (a->sockets[i] != PTN_RELAY_NONE)
            ev.relayed[i] = ptn_relay_sockets_announced(&r->sockets, a->sockets[i]);
    return ev;
}

static void tell_end(struct ptn_relay *r, ptn_time now, const struct ptn_relay_alloc *a,
                     enum ptn_relay_end why)
{
    struct ptn_relay_event ev = ptn_relay_news_of(r, a);

    ev.kind = PTN_RELAY_ENDED;
    ev.lifetime_s = (uint32_t)((now - a->begun) / PTN_S(1));
    ev.end = why;
    ev.bytes_up = a->bytes_up;
    ev.bytes_down = a->bytes_down;
    ev.packets_up = a->packets_up;
    ev.packets_down = a->packets_down;
    ptn_relay_news_add(&r->news, &ev);
}

/* A port in reserve counts in no quota: without its allocation nobody has a claim to it. */
static void drop_reserve(struct ptn_relay *r, const struct ptn_relay_alloc *a)
{
    uint32_t row = ptn_relay_sockets_reserved(&r->sockets, a->token);

    if (row != PTN_RELAY_NONE)
        ptn_relay_drop_socket(r, row);
}

void ptn_relay_end(struct ptn_relay *r, ptn_time now, uint32_t row, enum ptn_relay_end why)
{
    struct ptn_relay_alloc *a = &r->allocs.rows[row];

    assert(a->number != 0);
    tell_end(r, now, a, why);
    while (a->permissions != PTN_RELAY_NONE)
        ptn_relay_end_permission(r, a->permissions);
    while (a->channels != PTN_RELAY_NONE)
        ptn_relay_end_channel(r, a->channels);
    while (a->peer_conns != PTN_RELAY_NONE)
        ptn_relay_end_peer_conn(r, a->peer_conns);
    for (unsigned i = 0; i < 2; i++)
        if (a->sockets[i] != PTN_RELAY_NONE)
            ptn_relay_drop_socket(r, a->sockets[i]);
    drop_reserve(r, a);
    ptn_relay_shared_give(r->shared, a->tag, a->bps);
    ptn_relay_users_release(&r->users, a->user);
    ptn_relay_timer(r, PTN_RELAY_TIMER_ALLOC, row, PTN_NEVER);
    ptn_relay_allocs_remove(&r->allocs, row);
    r->ended[why]++;
}

void ptn_relay_end_due(struct ptn_relay *r, ptn_time now, uint32_t alloc)
{
    ptn_relay_end(r, now, alloc,
                  r->allocs.rows[alloc].revoked ? PTN_RELAY_END_REVOKED : PTN_RELAY_END_EXPIRED);
}

static void expire(struct ptn_relay *r, ptn_time now, enum ptn_relay_timer kind, uint32_t row)
{
    switch (kind) {
    case PTN_RELAY_TIMER_ALLOC: ptn_relay_end_due(r, now, row); break;
    case PTN_RELAY_TIMER_PERMISSION: ptn_relay_end_permission(r, row); break;
    case PTN_RELAY_TIMER_CHANNEL: ptn_relay_end_channel(r, row); break;
    case PTN_RELAY_TIMER_SOCKET: ptn_relay_drop_socket(r, row); break;
    case PTN_RELAY_TIMER_PEER_CONN: ptn_relay_end_peer_conn(r, row); break;
    case PTN_RELAY_TIMERS: assert(false);
    }
}

/* As long as there is room to say so; the rest waits until outputs and events were taken. */
void ptn_relay_expire(struct ptn_relay *r, ptn_time now)
{
    uint32_t item;

    while (!ptn_relay_news_full(&r->news) && r->queue.count < PTN_RELAY_QUEUE_MAX / 2 &&
           ptn_heap_pop(&r->timers, now, &item)) {
        unsigned kind = 0;
        while (item >= r->timer_base[kind + 1])
            kind++;
        expire(r, now, (enum ptn_relay_timer)kind, item - r->timer_base[kind]);
    }
}
