/*
 * base/ids.c - open addressing with linear probing.
 *
 * Never more than half full, so chains are short. Removal moves later entries of
 * the chain back instead of leaving tombstones, so a table that lives for months
 * stays as fast as a new one.
 */
#include "base/ids.h"

#include <assert.h>
#include <stdlib.h>

struct ptn_ids_entry {
    uint32_t id, slot;
};

/* Ids are often consecutive: multiplying spreads them (Knuth's golden ratio). */
static uint32_t home(const struct ptn_ids *t, uint32_t id)
{
    return (id * 2654435769u >> 7) & t->mask;
}

/* Where `id` is, or the empty entry where it would go. */
static uint32_t place(const struct ptn_ids *t, uint32_t id)
{
    uint32_t at = home(t, id);

    while (t->entries[at].id != 0 && t->entries[at].id != id)
        at = (at + 1) & t->mask;
    return at;
}

enum ptn_err ptn_ids_init(struct ptn_ids *t, uint32_t capacity)
{
    uint32_t size = 2;

    assert(capacity > 0 && capacity <= 1u << 30);
    while (size < 2 * capacity)
        size *= 2;
    *t = (struct ptn_ids){.mask = size - 1, .capacity = capacity};
    t->entries = calloc(size, sizeof *t->entries);
    t->free_slots = calloc(capacity, sizeof *t->free_slots);
    if (!t->entries || !t->free_slots) {
        ptn_ids_fini(t);
        return PTN_ERR_NO_MEMORY;
    }
    /* Taken from the end: slot 0 first. */
    for (uint32_t i = 0; i < capacity; i++)
        t->free_slots[i] = capacity - 1 - i;
    return PTN_OK;
}

void ptn_ids_fini(struct ptn_ids *t)
{
    free(t->entries);
    free(t->free_slots);
    *t = (struct ptn_ids){0};
}

bool ptn_ids_add(struct ptn_ids *t, uint32_t id, uint32_t *slot)
{
    uint32_t at = place(t, id);

    assert(id != 0 && t->entries[at].id == 0);
    if (t->count == t->capacity)
        return false;
    t->count++;
    *slot = t->free_slots[t->capacity - t->count];
    t->entries[at] = (struct ptn_ids_entry){id, *slot};
    return true;
}

bool ptn_ids_find(const struct ptn_ids *t, uint32_t id, uint32_t *slot)
{
    uint32_t at = place(t, id);

    if (id == 0 || t->entries[at].id == 0)
        return false;
    *slot = t->entries[at].slot;
    return true;
}

void ptn_ids_remove(struct ptn_ids *t, uint32_t id)
{
    uint32_t hole = place(t, id);

    if (id == 0 || t->entries[hole].id == 0)
        return;
    t->free_slots[t->capacity - t->count] = t->entries[hole].slot;
    t->count--;
    t->entries[hole].id = 0;
    for (uint32_t at = (hole + 1) & t->mask; t->entries[at].id != 0; at = (at + 1) & t->mask) {
        /* An entry may move back only as far as its home. */
        uint32_t from_home = (at - home(t, t->entries[at].id)) & t->mask;
        if (from_home < ((at - hole) & t->mask))
            continue;
        t->entries[hole] = t->entries[at];
        t->entries[at].id = 0;
        hole = at;
    }
}
