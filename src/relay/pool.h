/*
 * relay/pool.h - which rows of a table are free.
 *
 * Rows that were never used are not touched, so a large table costs memory only as
 * it comes into use.
 */
#ifndef PTN_RELAY_POOL_H
#define PTN_RELAY_POOL_H

#include <stdlib.h>

#include "base/err.h"
#include "relay/relay.h"

#define PTN_RELAY_NONE UINT32_MAX /* no row */

struct ptn_relay_pool {
    uint32_t *next; /* of a free row */
    uint32_t max, touched, free, count;
};

static inline enum ptn_err ptn_relay_pool_init(struct ptn_relay_pool *p, uint32_t max)
{
    *p = (struct ptn_relay_pool){.max = max, .free = PTN_RELAY_NONE};
    p->next = malloc((max ? max : 1) * sizeof *p->next);
    return p->next ? PTN_OK : PTN_ERR_NO_MEMORY;
}

static inline void ptn_relay_pool_fini(struct ptn_relay_pool *p)
{
    free(p->next);
    p->next = NULL;
}

/* NONE when all are taken. */
static inline uint32_t ptn_relay_pool_take(struct ptn_relay_pool *p)
{
    uint32_t row = p->free;

    if (row != PTN_RELAY_NONE)
        p->free = p->next[row];
    else if (p->touched < p->max)
        row = p->touched++;
    else
        return PTN_RELAY_NONE;
    p->count++;
    return row;
}

static inline void ptn_relay_pool_give(struct ptn_relay_pool *p, uint32_t row)
{
    p->next[row] = p->free;
    p->free = row;
    p->count--;
}

#endif
