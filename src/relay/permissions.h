/*
 * relay/permissions.h - which peers may speak to an allocation (RFC 8656 §9), by IP address.
 */
#ifndef PTN_RELAY_PERMISSIONS_H
#define PTN_RELAY_PERMISSIONS_H

#include "relay/allocs.h"

enum { PTN_RELAY_PERMISSIONS_EACH = 1024 }; /* of one allocation, at most */

struct ptn_relay_permission {
    struct ptn_addr peer; /* port 0 */
    uint32_t alloc;       /* row */
    uint32_t next;        /* of the same allocation, or NONE */
    bool by_port;         /* the policy is asked again with each port */
    ptn_time expires;
};

struct ptn_relay_permissions {
    struct ptn_relay_permission *rows;
    struct ptn_relay_pool pool;
    struct ptn_hash by_peer;
    uint32_t key;
};

enum ptn_err ptn_relay_permissions_init(struct ptn_relay_permissions *p, uint32_t max,
                                        struct ptn_dice *dice);
void ptn_relay_permissions_fini(struct ptn_relay_permissions *p);

/* Row, or NONE; the port of `peer` does not matter. */
uint32_t ptn_relay_permissions_find(const struct ptn_relay_permissions *p, uint32_t alloc,
                                    const struct ptn_addr *peer);

/* One more for the allocation of this row. NONE when all rows, or all that one allocation may have,
 * are taken. */
uint32_t ptn_relay_permissions_add(struct ptn_relay_permissions *p, struct ptn_relay_allocs *allocs,
                                   uint32_t alloc, const struct ptn_addr *peer);
void ptn_relay_permissions_remove(struct ptn_relay_permissions *p, struct ptn_relay_allocs *allocs,
                                  uint32_t row);

#endif
