/*
 * relay/shared.h - what all workers of a server count together: quotas.
 *
 * Touched when an allocation begins or ends, never by data. Any thread may call
 * anything here at any time.
 */
#ifndef PTN_RELAY_SHARED_H
#define PTN_RELAY_SHARED_H

#include <stdbool.h>
#include <stdint.h>

#define PTN_RELAY_ADDRESSES_MAX 16 /* of relay sockets */

struct ptn_relay_shared;

/* For about `users` different users with allocations at a time. NULL when memory is short. */
struct ptn_relay_shared *ptn_relay_shared_new(uint32_t users);
void ptn_relay_shared_free(struct ptn_relay_shared *s);

/* Limits; 0 is none. */
struct ptn_relay_quota {
    uint32_t user, total;  /* allocations */
    uint64_t bps_capacity; /* of all */
};

/* One more allocation, of the user whose name hashes to `user` (not 0), that may relay `bps`.
 * False, with nothing taken, when that is beyond a limit. */
bool ptn_relay_shared_take(struct ptn_relay_shared *s, const struct ptn_relay_quota *quota,
                           uint64_t user, uint32_t bps);

/* Gives back exactly what was taken. */
void ptn_relay_shared_give(struct ptn_relay_shared *s, uint64_t user, uint32_t bps);

/*
 * Ports of relayed addresses that are in use: what our own relays may reach on our own computer.
 * The same number is another program's for the other transport, or on another address.
 */
struct ptn_relay_place {
    uint8_t address; /* of the relay's options, by its number */
    bool tcp;
    uint16_t port;
};
void ptn_relay_shared_use_port(struct ptn_relay_shared *s, struct ptn_relay_place at);
void ptn_relay_shared_leave_port(struct ptn_relay_shared *s, struct ptn_relay_place at);
bool ptn_relay_shared_has_port(const struct ptn_relay_shared *s, struct ptn_relay_place at);

/* Allocations of all workers, now. */
uint32_t ptn_relay_shared_total(const struct ptn_relay_shared *s);

#endif
