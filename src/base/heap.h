/*
 * base/heap.h - deadlines in order.
 *
 * A binary heap of (time, item) with a place for each item, so that an item's
 * deadline can be moved or removed. Items are small numbers, 0 to capacity - 1,
 * usually slots of a table. Equal times come out in the order of their items,
 * so a simulation repeats.
 */
#ifndef PTN_BASE_HEAP_H
#define PTN_BASE_HEAP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/time.h"

struct ptn_heap_node {
    ptn_time at;
    uint32_t item;
};

struct ptn_heap {
    struct ptn_heap_node *nodes;
    uint32_t *place; /* of each item in nodes, plus 1; 0 when it is not there */
    uint32_t count, capacity;
};

enum ptn_err ptn_heap_init(struct ptn_heap *h, uint32_t capacity);
void ptn_heap_fini(struct ptn_heap *h);

/* Sets the deadline of `item`, whether it has one or not; PTN_NEVER removes it. */
void ptn_heap_set(struct ptn_heap *h, uint32_t item, ptn_time at);

/* The deadline of `item`, PTN_NEVER when it has none. */
ptn_time ptn_heap_get(const struct ptn_heap *h, uint32_t item);

/* The earliest deadline; PTN_NEVER when the heap is empty. */
ptn_time ptn_heap_deadline(const struct ptn_heap *h);

/* Takes out the earliest item if it is due at `now`; false leaves `item` alone. */
bool ptn_heap_pop(struct ptn_heap *h, ptn_time now, uint32_t *item);

#endif
