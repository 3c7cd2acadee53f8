/*
 * os/slots.c - a table of fixed size with chains.
 */
#include "os/slots.h"

#include <stdlib.h>
#include <string.h>

#include "os/tls.h"

/* A key on the loop: the slot's place, and 23 bits of how often it was used. PTN_RESOLVER_KEYS
 * begin above. */
enum { PLACE_BITS = 24 };
#define GENERATION_MASK ((UINT64_C(1) << 23) - 1)

enum ptn_err ptn_slots_init(struct ptn_slots *s, uint32_t capacity)
{
    *s = (struct ptn_slots){.capacity = capacity, .head_count = 16};
    while (s->head_count < capacity)
        s->head_count *= 2;
    s->slots = calloc(capacity, sizeof *s->slots);
    s->heads = calloc(s->head_count, sizeof *s->heads);
    if (!s->slots || !s->heads || capacity >= 1u << PLACE_BITS) {
        ptn_slots_fini(s);
        return PTN_ERR_NO_MEMORY;
    }
    return PTN_OK;
}

void ptn_slots_fini(struct ptn_slots *s)
{
    for (uint32_t i = 0; s->slots && i < s->touched; i++) {
        ptn_tls_free(s->slots[i].tls);
        free(s->slots[i].out);
    }
    free(s->slots);
    free(s->heads);
    *s = (struct ptn_slots){0};
}

static uint32_t *head_of(const struct ptn_slots *s, uint32_t machine, ptn_id id)
{
    uint32_t hash = (id ^ machine * 0x9e3779b9u) * 0x85ebca6bu;

    return &s->heads[(hash ^ hash >> 15) & (s->head_count - 1)];
}

struct ptn_slot *ptn_slots_find(const struct ptn_slots *s, uint32_t machine, ptn_id id)
{
    for (uint32_t at = *head_of(s, machine, id); at; at = s->slots[at - 1].next) {
        struct ptn_slot *slot = &s->slots[at - 1];
        if (slot->machine == machine && slot->id == id)
            return slot;
    }
    return NULL;
}

struct ptn_slot *ptn_slots_take(struct ptn_slots *s, enum ptn_slot_kind kind, uint32_t machine,
                                ptn_id id)
{
    uint32_t *head = head_of(s, machine, id), place = s->free;

    if ((!place && s->touched == s->capacity) || ptn_slots_find(s, machine, id))
        return NULL;
    if (!place)
        place = ++s->touched;
    struct ptn_slot *slot = &s->slots[place - 1];
    s->free = slot->next;
    *slot = (struct ptn_slot){.kind = kind,
                              .generation = slot->generation,
                              .machine = machine,
                              .id = id,
                              .fd = -1,
                              .next = *head};
    *head = place;
    s->used++;
    return slot;
}

void ptn_slots_forget_id(struct ptn_slots *s, struct ptn_slot *slot)
{
    uint32_t place = (uint32_t)(slot - s->slots) + 1;

    if (slot->id == 0)
        return;
    for (uint32_t *at = head_of(s, slot->machine, slot->id); *at; at = &s->slots[*at - 1].next)
        if (*at == place) {
            *at = slot->next;
            break;
        }
    slot->id = 0;
    slot->next = 0;
}

void ptn_slots_release(struct ptn_slots *s, struct ptn_slot *slot)
{
    ptn_slots_forget_id(s, slot);
    ptn_tls_free(slot->tls);
    free(slot->out);
    *slot = (struct ptn_slot){.generation = slot->generation + 1, .next = s->free};
    s->free = (uint32_t)(slot - s->slots) + 1;
    s->used--;
}

uint64_t ptn_slots_key(const struct ptn_slots *s, const struct ptn_slot *slot)
{
    return (slot->generation & GENERATION_MASK) << PLACE_BITS | (uint64_t)(slot - s->slots);
}

struct ptn_slot *ptn_slots_by_key(const struct ptn_slots *s, uint64_t key)
{
    uint32_t place = (uint32_t)(key & ((1u << PLACE_BITS) - 1));

    if (place >= s->touched)
        return NULL;
    struct ptn_slot *slot = &s->slots[place];
    bool same =
        slot->kind != PTN_SLOT_FREE && (slot->generation & GENERATION_MASK) == key >> PLACE_BITS;
    return same ? slot : NULL;
}
