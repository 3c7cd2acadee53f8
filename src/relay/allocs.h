/*
 * relay/allocs.h - allocations: whose, by which path, through which sockets, until when.
 *
 * A row has no pointers; it names rows of other tables. Found by the client's
 * address and the listener or connection he came by: RFC 8656's 5-tuple.
 */
#ifndef PTN_RELAY_ALLOCS_H
#define PTN_RELAY_ALLOCS_H

#include "base/hash.h"
#include "relay/pool.h"
#include "stun/msg.h"

struct ptn_relay_alloc {
    /* What data needs comes first. */
    struct ptn_addr client;
    ptn_id path; /* listener (UDP) or connection */
    ptn_time expires;
    ptn_time up_clear, down_clear; /* when what was relayed fits max_bps again */
    uint32_t bps;                  /* as counted in the shared quota */
    uint8_t transport;             /* enum ptn_transport, between client and server */
    bool relays_tcp;
    bool revoked; /* it ends at the next tick */
    uint64_t bytes_up, bytes_down, packets_up, packets_down;

    uint32_t number;      /* counted from 1; 0: the row is free */
    uint32_t user;        /* row */
    uint32_t sockets[2];  /* rows, or NONE: the first asked for, and the additional family's */
    uint32_t permissions; /* first of its rows, or NONE */
    uint32_t channels;
    uint32_t peer_conns;
    uint16_t permission_count, channel_count, peer_conn_count;
    uint16_t additional_error; /* why the additional family was not had, or 0 */
    uint32_t lifetime_s;
    uint64_t token, tag;   /* of the socket reserved with it, or 0; of the user, in the quota */
    struct ptn_stun_id id; /* of the Allocate request, to know it again */
    ptn_time begun;
};

struct ptn_relay_allocs {
    struct ptn_relay_alloc *rows;
    struct ptn_relay_pool pool;
    struct ptn_hash by_client;
    uint32_t key, numbered;
};

enum ptn_err ptn_relay_allocs_init(struct ptn_relay_allocs *a, uint32_t max, struct ptn_dice *dice);
void ptn_relay_allocs_fini(struct ptn_relay_allocs *a);

/* A row with client, path and number set, and no sockets; NONE when all are taken. */
uint32_t ptn_relay_allocs_add(struct ptn_relay_allocs *a, const struct ptn_addr *client,
                              ptn_id path);
void ptn_relay_allocs_remove(struct ptn_relay_allocs *a, uint32_t row);

/* Row of the client's, or NONE. */
uint32_t ptn_relay_allocs_find(const struct ptn_relay_allocs *a, const struct ptn_addr *client,
                               ptn_id path);

/* What may be relayed at once after a silence, as time at max_bps. */
#define PTN_RELAY_BURST PTN_S(1)

static inline ptn_time ptn_relay_alloc_after(const struct ptn_relay_alloc *a, ptn_time clear,
                                             ptn_time now, size_t bytes)
{
    return ptn_time_max(clear, now) + PTN_S(1) / a->bps * (ptn_time)bytes;
}

/* True when `bytes` more fit; `clear` is one of the allocation's two. */
static inline bool ptn_relay_alloc_fits(const struct ptn_relay_alloc *a, ptn_time *clear,
                                        ptn_time now, size_t bytes)
{
    if (a->bps == 0)
        return true;
    ptn_time after = ptn_relay_alloc_after(a, *clear, now, bytes);
    if (after - now > PTN_RELAY_BURST)
        return false;
    *clear = after;
    return true;
}

/* The same for what cannot be left out: whoever brought it has to rest when it did not fit. */
static inline void ptn_relay_alloc_charge(const struct ptn_relay_alloc *a, ptn_time *clear,
                                          ptn_time now, size_t bytes)
{
    if (a->bps > 0)
        *clear = ptn_relay_alloc_after(a, *clear, now, bytes);
}

#endif
