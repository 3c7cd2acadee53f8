/*
 * relay/allocs.c - a table and its index.
 */
#include "relay/allocs.h"

static uint32_t key_of(const struct ptn_relay_allocs *a, const struct ptn_addr *client, ptn_id path)
{
    return ptn_hash_addr(a->key ^ path, client);
}

enum ptn_err ptn_relay_allocs_init(struct ptn_relay_allocs *a, uint32_t max, struct ptn_dice *dice)
{
    *a = (struct ptn_relay_allocs){.key = (uint32_t)ptn_dice_u64(dice)};
    a->rows = calloc(max, sizeof *a->rows);
    return a->rows && ptn_relay_pool_init(&a->pool, max) == PTN_OK &&
                   ptn_hash_init(&a->by_client, max) == PTN_OK
               ? PTN_OK
               : PTN_ERR_NO_MEMORY;
}

void ptn_relay_allocs_fini(struct ptn_relay_allocs *a)
{
    free(a->rows);
    ptn_relay_pool_fini(&a->pool);
    ptn_hash_fini(&a->by_client);
    *a = (struct ptn_relay_allocs){0};
}

uint32_t ptn_relay_allocs_add(struct ptn_relay_allocs *a, const struct ptn_addr *client,
                              ptn_id path)
{
    uint32_t row = ptn_relay_pool_take(&a->pool);

    if (row == PTN_RELAY_NONE)
        return row;
    if (++a->numbered == 0)
        a->numbered = 1;
    a->rows[row] = (struct ptn_relay_alloc){
        .client = *client,
        .path = path,
        .number = a->numbered,
        .sockets = {PTN_RELAY_NONE, PTN_RELAY_NONE},
        .permissions = PTN_RELAY_NONE,
        .channels = PTN_RELAY_NONE,
        .peer_conns = PTN_RELAY_NONE,
    };
    ptn_hash_add(&a->by_client, key_of(a, client, path), row);
    return row;
}

void ptn_relay_allocs_remove(struct ptn_relay_allocs *a, uint32_t row)
{
    struct ptn_relay_alloc *alloc = &a->rows[row];

    ptn_hash_remove(&a->by_client, key_of(a, &alloc->client, alloc->path), row);
    alloc->number = 0;
    ptn_relay_pool_give(&a->pool, row);
}

uint32_t ptn_relay_allocs_find(const struct ptn_relay_allocs *a, const struct ptn_addr *client,
                               ptn_id path)
{
    if (a->pool.count == 0)
        return PTN_RELAY_NONE;
    uint32_t at = ptn_hash_first(&a->by_client, key_of(a, client, path));
    for (; at; at = ptn_hash_next(&a->by_client, at)) {
        const struct ptn_relay_alloc *alloc = &a->rows[at - 1];
        if (alloc->path == path && ptn_addr_equal(&alloc->client, client))
            return at - 1;
    }
    return PTN_RELAY_NONE;
}
