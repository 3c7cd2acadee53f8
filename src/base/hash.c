/*
 * base/hash.c - chained rows, in arrays of fixed size.
 */
#include "base/hash.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum ptn_err ptn_hash_init(struct ptn_hash *h, uint32_t rows)
{
    uint32_t chains = 16;

    while (chains < rows)
        chains *= 2;
    *h = (struct ptn_hash){
        .first = calloc(chains, sizeof *h->first),
        .next = malloc(rows * sizeof *h->next),
        .mask = chains - 1,
    };
    if (h->first && h->next)
        return PTN_OK;
    ptn_hash_fini(h);
    return PTN_ERR_NO_MEMORY;
}

void ptn_hash_fini(struct ptn_hash *h)
{
    free(h->first);
    free(h->next);
    *h = (struct ptn_hash){0};
}

void ptn_hash_add(struct ptn_hash *h, uint32_t key, uint32_t row)
{
    h->next[row] = h->first[key & h->mask];
    h->first[key & h->mask] = row + 1;
}

void ptn_hash_remove(struct ptn_hash *h, uint32_t key, uint32_t row)
{
    uint32_t *at = &h->first[key & h->mask];

    while (*at != row + 1) {
        assert(*at != 0);
        at = &h->next[*at - 1];
    }
    *at = h->next[row];
}

uint32_t ptn_hash_word(uint32_t key, uint64_t word)
{
    uint64_t z = (word ^ key) * 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 32) * 0xd6e8feb86659fd93u;
    return (uint32_t)(z >> 32) ^ (uint32_t)z;
}

uint32_t ptn_hash_addr(uint32_t key, const struct ptn_addr *a)
{
    uint64_t half[2];

    memcpy(half, a->ip, sizeof half);
    key = ptn_hash_word(key, half[0]);
    key = ptn_hash_word(key, half[1]);
    return ptn_hash_word(key, (uint64_t)a->port << 8 | a->family);
}
