/*
 * relay/conns.c - a table of connections with their deadlines in a heap.
 */
#include "relay/conns.h"

#include <stdlib.h>

enum ptn_err ptn_relay_conns_init(struct ptn_relay_conns *c, size_t max)
{
    *c = (struct ptn_relay_conns){0};
    if (max == 0)
        return PTN_OK;
    c->conns = calloc(max, sizeof *c->conns);
    if (!c->conns || ptn_ids_init(&c->ids, (uint32_t)max) != PTN_OK ||
        ptn_heap_init(&c->idle, (uint32_t)max) != PTN_OK) {
        ptn_relay_conns_fini(c);
        return PTN_ERR_NO_MEMORY;
    }
    return PTN_OK;
}

void ptn_relay_conns_fini(struct ptn_relay_conns *c)
{
    free(c->conns);
    ptn_ids_fini(&c->ids);
    ptn_heap_fini(&c->idle);
    *c = (struct ptn_relay_conns){0};
}

struct ptn_relay_conn *ptn_relay_conns_add(struct ptn_relay_conns *c, ptn_id id,
                                           const struct ptn_relay_source *source)
{
    uint32_t slot;

    if (!c->conns || !ptn_ids_add(&c->ids, id, &slot))
        return NULL;
    struct ptn_relay_conn *conn = &c->conns[slot];
    if (slot >= c->touched)
        c->touched = slot + 1;
    conn->id = id;
    conn->source = *source;
    conn->source.path = id;
    conn->source.conn = conn;
    conn->joined = 0;
    conn->moved = false;
    ptn_stun_frame_init(&conn->frame, conn->buf, sizeof conn->buf);
    conn->frame.channels = true;
    return conn;
}

struct ptn_relay_conn *ptn_relay_conns_find(struct ptn_relay_conns *c, ptn_id id)
{
    uint32_t slot;

    return c->conns && ptn_ids_find(&c->ids, id, &slot) ? &c->conns[slot] : NULL;
}

void ptn_relay_conns_remove(struct ptn_relay_conns *c, struct ptn_relay_conn *conn)
{
    ptn_heap_set(&c->idle, (uint32_t)(conn - c->conns), PTN_NEVER);
    ptn_ids_remove(&c->ids, conn->id);
    conn->id = 0;
}

void ptn_relay_conns_alive(struct ptn_relay_conns *c, struct ptn_relay_conn *conn, ptn_time at)
{
    conn->idle_at = at;
    ptn_heap_set(&c->idle, (uint32_t)(conn - c->conns), at);
}

struct ptn_relay_conn *ptn_relay_conns_idle(struct ptn_relay_conns *c, ptn_time now)
{
    uint32_t slot;

    return ptn_heap_pop(&c->idle, now, &slot) ? &c->conns[slot] : NULL;
}

ptn_time ptn_relay_conns_deadline(const struct ptn_relay_conns *c)
{
    return ptn_heap_deadline(&c->idle);
}
