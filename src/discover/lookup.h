/*
 * discover/lookup.h - from a server's name to one address (RFC 8489 §8.1).
 *
 * An address stands for itself. A name with a port is asked for its addresses; one
 * without for SRV _stun._udp as well, at the same time, so that the usual case, no
 * such record, costs no second round trip.
 */
#ifndef PTN_DISCOVER_LOOKUP_H
#define PTN_DISCOVER_LOOKUP_H

#include "base/effect.h"
#include "discover/discover.h"

#define PTN_DISCOVER_LOOKUP_IDS 3
#define PTN_DISCOVER_TARGETS_MAX 4

enum ptn_discover_lookup_state {
    PTN_DISCOVER_LOOKUP_BUSY,
    PTN_DISCOVER_LOOKUP_FOUND,
    PTN_DISCOVER_LOOKUP_FAILED,
};

struct ptn_discover_lookup {
    enum ptn_discover_lookup_state state;
    struct ptn_addr addr; /* FOUND: with port */
    enum ptn_err why;     /* FAILED */

    ptn_id first_id;
    uint8_t family;
    uint16_t port;
    char name[PTN_DISCOVER_NAME_MAX], srv_name[PTN_DISCOVER_NAME_MAX + 16];
    struct {
        char name[PTN_DISCOVER_NAME_MAX];
        uint16_t port, priority, weight;
    } targets[PTN_DISCOVER_TARGETS_MAX]; /* best first */
    unsigned target_count, target;
    unsigned to_ask, waiting; /* bits by query */
    struct ptn_addr host;     /* what the name itself says; none */
    ptn_time srv_until, until;
};

/* Uses ids from `first_id` to first_id + PTN_DISCOVER_LOOKUP_IDS - 1. */
void ptn_discover_lookup_start(struct ptn_discover_lookup *l, ptn_time now, ptn_id first_id,
                               const char *name, uint16_t port, uint8_t family);

void ptn_discover_lookup_input(struct ptn_discover_lookup *l, const struct ptn_tell *tell);
/* Nobody answers at the address found: true when SRV names another server, which is looked up. */
bool ptn_discover_lookup_next(struct ptn_discover_lookup *l, ptn_time now);
void ptn_discover_lookup_tick(struct ptn_discover_lookup *l, ptn_time now);
bool ptn_discover_lookup_output(struct ptn_discover_lookup *l, struct ptn_ask *ask);
ptn_time ptn_discover_lookup_deadline(const struct ptn_discover_lookup *l);

#endif
