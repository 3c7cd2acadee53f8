/*
 * base/crowd.h - who of many is one of the largest crowd: addresses counted in fixed memory.
 *
 * Who makes room when a table is full? The one whose address holds the most places, so that
 * a stranger with one address cannot shut out all others. Of IPv6 the first 64 bits count. Two
 * addresses may fall together; then they are taken for one crowd.
 */
#ifndef PTN_BASE_CROWD_H
#define PTN_BASE_CROWD_H

#include <string.h>

#include "base/hash.h"

enum { PTN_CROWD_PLACES = 1024 };

struct ptn_crowd {
    uint32_t key;
    uint32_t counts[PTN_CROWD_PLACES];
};

static inline uint32_t *ptn_crowd_place(struct ptn_crowd *c, const struct ptn_addr *a)
{
    uint64_t word;

    memcpy(&word, a->ip, sizeof word); /* IPv4's four bytes and four zeros */
    return &c->counts[ptn_hash_word(c->key, word) % PTN_CROWD_PLACES];
}

static inline void ptn_crowd_add(struct ptn_crowd *c, const struct ptn_addr *a)
{
    ++*ptn_crowd_place(c, a);
}

static inline uint32_t ptn_crowd_size(struct ptn_crowd *c, const struct ptn_addr *a)
{
    return *ptn_crowd_place(c, a);
}

#endif
