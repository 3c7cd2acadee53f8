/*
 * base/hash.h - finding a row of a table by a hash of its key.
 *
 * Chains of row numbers, nothing else: keys stay in the table, the caller
 * compares them. Rows are numbered from 0; 0 in a chain means its end, so rows
 * are handed over and out as number + 1.
 */
#ifndef PTN_BASE_HASH_H
#define PTN_BASE_HASH_H

#include "base/addr.h"
#include "base/err.h"

struct ptn_hash {
    uint32_t *first; /* of each chain */
    uint32_t *next;  /* of each row */
    uint32_t mask;
};

enum ptn_err ptn_hash_init(struct ptn_hash *h, uint32_t rows);
void ptn_hash_fini(struct ptn_hash *h);

void ptn_hash_add(struct ptn_hash *h, uint32_t key, uint32_t row);
/* The row must be there under this key. */
void ptn_hash_remove(struct ptn_hash *h, uint32_t key, uint32_t row);

static inline uint32_t ptn_hash_first(const struct ptn_hash *h, uint32_t key)
{
    return h->first[key & h->mask];
}

static inline uint32_t ptn_hash_next(const struct ptn_hash *h, uint32_t row_plus_1)
{
    return h->next[row_plus_1 - 1];
}

/* Mixes a word, or an address with its port, into a key; begin with a number nobody knows. */
uint32_t ptn_hash_word(uint32_t key, uint64_t word);
uint32_t ptn_hash_addr(uint32_t key, const struct ptn_addr *a);

#endif
