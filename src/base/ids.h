/*
 * base/ids.h - from an id that somebody else chose to a slot of one's own table.
 *
 * A hash of fixed size that hands out small slot numbers, 0 to capacity - 1, so
 * the things themselves can sit in plain arrays. Ids are not 0.
 */
#ifndef PTN_BASE_IDS_H
#define PTN_BASE_IDS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct ptn_ids {
    struct ptn_ids_entry *entries; /* a power of two, at least twice the capacity */
    uint32_t *free_slots;
    uint32_t mask, count, capacity;
};

/* OK or NO_MEMORY; capacity from 1 to 2^30. */
enum ptn_err ptn_ids_init(struct ptn_ids *t, uint32_t capacity);
void ptn_ids_fini(struct ptn_ids *t);

/* False when the table is full. Adding an id that is there is a bug. */
bool ptn_ids_add(struct ptn_ids *t, uint32_t id, uint32_t *slot);

bool ptn_ids_find(const struct ptn_ids *t, uint32_t id, uint32_t *slot);

/* The slot is free for another id from now on. Removing an id that is not there is harmless. */
void ptn_ids_remove(struct ptn_ids *t, uint32_t id);

#endif
