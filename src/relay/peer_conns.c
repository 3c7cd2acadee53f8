/*
 * relay/peer_conns.c - a table of connections with peers.
 *
 * There are few of them, and they are looked for by number only when one is joined: that is
 * a walk. What happens for each piece of data is a hash or an index.
 */
#include "relay/peer_conns.h"

#include <assert.h>

enum ptn_err ptn_relay_peer_conns_init(struct ptn_relay_peer_conns *p, uint32_t max)
{
    *p = (struct ptn_relay_peer_conns){0};
    if (max == 0)
        return PTN_OK;
    p->rows = calloc(max, sizeof *p->rows);
    p->early = malloc((size_t)max * PTN_RELAY_EARLY_BYTES);
    p->accepted = malloc(max * sizeof *p->accepted);
    return p->rows && p->early && p->accepted && ptn_relay_pool_init(&p->pool, max) == PTN_OK &&
                   ptn_ids_init(&p->by_conn, max) == PTN_OK
               ? PTN_OK
               : PTN_ERR_NO_MEMORY;
}

void ptn_relay_peer_conns_fini(struct ptn_relay_peer_conns *p)
{
    free(p->rows);
    free(p->early);
    free(p->accepted);
    ptn_relay_pool_fini(&p->pool);
    ptn_ids_fini(&p->by_conn);
    *p = (struct ptn_relay_peer_conns){0};
}

uint32_t ptn_relay_peer_conns_add(struct ptn_relay_peer_conns *p, struct ptn_relay_allocs *allocs,
                                  uint32_t alloc, const struct ptn_addr *peer, ptn_id conn,
                                  uint32_t number)
{
    struct ptn_relay_alloc *a = &allocs->rows[alloc];
    uint32_t row = p->rows && a->peer_conn_count < PTN_RELAY_PEER_CONNS_EACH
                       ? ptn_relay_pool_take(&p->pool)
                       : PTN_RELAY_NONE;
    uint32_t slot;

    assert(number != 0);
    if (row == PTN_RELAY_NONE)
        return row;
    if (conn && ptn_ids_add(&p->by_conn, conn, &slot))
        p->accepted[slot] = row;
    p->rows[row] = (struct ptn_relay_peer_conn){.number = number,
                                                .conn = conn ? conn : PTN_RELAY_PEER_CONN_ID + row,
                                                .alloc = alloc,
                                                .next = a->peer_conns,
                                                .state = conn ? PTN_RELAY_PEER_WAITING
                                                              : PTN_RELAY_PEER_CONNECTING,
                                                .peer = *peer};
    a->peer_conns = row;
    a->peer_conn_count++;
    return row;
}

void ptn_relay_peer_conns_remove(struct ptn_relay_peer_conns *p, struct ptn_relay_allocs *allocs,
                                 uint32_t row)
{
    struct ptn_relay_peer_conn *conn = &p->rows[row];
    struct ptn_relay_alloc *a = &allocs->rows[conn->alloc];
    uint32_t *at = &a->peer_conns;

    while (*at != row)
        at = &p->rows[*at].next;
    *at = conn->next;
    a->peer_conn_count--;
    if (conn->conn >= PTN_ID_WORLD)
        ptn_ids_remove(&p->by_conn, conn->conn);
    conn->number = 0;
    ptn_relay_pool_give(&p->pool, row);
}

uint32_t ptn_relay_peer_conns_by_conn(const struct ptn_relay_peer_conns *p, ptn_id conn)
{
    uint32_t row = conn - PTN_RELAY_PEER_CONN_ID, slot;

    if (!p->rows)
        return PTN_RELAY_NONE;
    if (conn >= PTN_ID_WORLD)
        return ptn_ids_find(&p->by_conn, conn, &slot) ? p->accepted[slot] : PTN_RELAY_NONE;
    return row < p->pool.touched && p->rows[row].number && p->rows[row].conn == conn
               ? row
               : PTN_RELAY_NONE;
}

uint32_t ptn_relay_peer_conns_by_number(const struct ptn_relay_peer_conns *p, uint32_t number)
{
    for (uint32_t row = 0; number != 0 && row < p->pool.touched; row++)
        if (p->rows[row].number == number)
            return row;
    return PTN_RELAY_NONE;
}

uint32_t ptn_relay_peer_conns_by_peer(const struct ptn_relay_peer_conns *p,
                                      const struct ptn_relay_alloc *alloc,
                                      const struct ptn_addr *peer)
{
    uint32_t row = alloc->peer_conns;

    while (row != PTN_RELAY_NONE && !ptn_addr_equal(&p->rows[row].peer, peer))
        row = p->rows[row].next;
    return row;
}

bool ptn_relay_peer_conns_keep(struct ptn_relay_peer_conns *p, uint32_t row, struct ptn_bytes bytes)
{
    struct ptn_relay_peer_conn *conn = &p->rows[row];

    if (bytes.size > PTN_RELAY_EARLY_BYTES - conn->early_size)
        return false;
    if (bytes.size > 0)
        memcpy(p->early + (size_t)row * PTN_RELAY_EARLY_BYTES + conn->early_size, bytes.data,
               bytes.size);
    conn->early_size += bytes.size;
    return true;
}

struct ptn_bytes ptn_relay_peer_conns_early(const struct ptn_relay_peer_conns *p, uint32_t row)
{
    return ptn_bytes(p->early + (size_t)row * PTN_RELAY_EARLY_BYTES, p->rows[row].early_size);
}
