/*
 * relay/permissions.c - a table, its index, and a list for each allocation.
 */
#include "relay/permissions.h"

static uint32_t key_of(const struct ptn_relay_permissions *p, uint32_t alloc,
                       const struct ptn_addr *peer)
{
    return ptn_hash_addr(p->key ^ alloc, peer);
}

enum ptn_err ptn_relay_permissions_init(struct ptn_relay_permissions *p, uint32_t max,
                                        struct ptn_dice *dice)
{
    *p = (struct ptn_relay_permissions){.key = (uint32_t)ptn_dice_u64(dice)};
    p->rows = calloc(max, sizeof *p->rows);
    return p->rows && ptn_relay_pool_init(&p->pool, max) == PTN_OK &&
                   ptn_hash_init(&p->by_peer, max) == PTN_OK
               ? PTN_OK
               : PTN_ERR_NO_MEMORY;
}

void ptn_relay_permissions_fini(struct ptn_relay_permissions *p)
{
    free(p->rows);
    ptn_relay_pool_fini(&p->pool);
    ptn_hash_fini(&p->by_peer);
    *p = (struct ptn_relay_permissions){0};
}

uint32_t ptn_relay_permissions_find(const struct ptn_relay_permissions *p, uint32_t alloc,
                                    const struct ptn_addr *peer)
{
    struct ptn_addr ip = ptn_addr_with_port(*peer, 0);
    uint32_t at = ptn_hash_first(&p->by_peer, key_of(p, alloc, &ip));

    for (; at; at = ptn_hash_next(&p->by_peer, at))
        if (p->rows[at - 1].alloc == alloc && ptn_addr_equal(&p->rows[at - 1].peer, &ip))
            return at - 1;
    return PTN_RELAY_NONE;
}

uint32_t ptn_relay_permissions_add(struct ptn_relay_permissions *p, struct ptn_relay_allocs *allocs,
                                   uint32_t alloc, const struct ptn_addr *peer)
{
    struct ptn_relay_alloc *a = &allocs->rows[alloc];
    uint32_t row = a->permission_count < PTN_RELAY_PERMISSIONS_EACH ? ptn_relay_pool_take(&p->pool)
                                                                    : PTN_RELAY_NONE;

    if (row == PTN_RELAY_NONE)
        return row;
    p->rows[row] = (struct ptn_relay_permission){
        .peer = ptn_addr_with_port(*peer, 0), .alloc = alloc, .next = a->permissions};
    a->permissions = row;
    a->permission_count++;
    ptn_hash_add(&p->by_peer, key_of(p, alloc, &p->rows[row].peer), row);
    return row;
}

void ptn_relay_permissions_remove(struct ptn_relay_permissions *p, struct ptn_relay_allocs *allocs,
                                  uint32_t row)
{
    struct ptn_relay_permission *permission = &p->rows[row];
    struct ptn_relay_alloc *a = &allocs->rows[permission->alloc];
    uint32_t *at = &a->permissions;

    while (*at != row)
        at = &p->rows[*at].next;
    *at = permission->next;
    a->permission_count--;
    ptn_hash_remove(&p->by_peer, key_of(p, permission->alloc, &permission->peer), row);
    ptn_relay_pool_give(&p->pool, row);
}
