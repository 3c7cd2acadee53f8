/*
 * relay/listeners.h - the sockets a relay serves on, and which stands in for which.
 */
#ifndef PTN_RELAY_LISTENERS_H
#define PTN_RELAY_LISTENERS_H

#include "relay/relay.h"

/* Indices of ptn_relay_listener_row.other: bit 0 another port, bit 1 another address. */
#define PTN_RELAY_OTHER_PORT 1u
#define PTN_RELAY_OTHER_IP 2u

struct ptn_relay_listener_row {
    struct ptn_relay_listener is;
    const struct ptn_relay_listener_row *other[4]; /* NULL: there is none; [0]: itself */
    bool to_open, told, open;
    enum ptn_err why;
};

struct ptn_relay_listeners {
    struct ptn_relay_listener_row rows[PTN_RELAY_LISTENERS_MAX];
    size_t count;
    uint8_t by_id[256];   /* place of a listener with a small id, plus 1 */
    uint64_t ports[1024]; /* a bit for each port that one of them has */
};

void ptn_relay_listeners_init(struct ptn_relay_listeners *l, const struct ptn_relay_opts *opts);

/* Again after a listener learned its real port. */
void ptn_relay_listeners_pair(struct ptn_relay_listeners *l);

/* NULL when the id is not of a listener. */
struct ptn_relay_listener_row *ptn_relay_listeners_find(struct ptn_relay_listeners *l, ptn_id id);

/* Clients' ports are hardly ever ours, so that is looked at first. */
static inline bool ptn_relay_listeners_have_port(const struct ptn_relay_listeners *l, uint16_t port)
{
    return l->ports[port / 64] >> port % 64 & 1;
}

/* True when `a` is an address and port that we listen on, by its local or its announced name. */
bool ptn_relay_listeners_own(const struct ptn_relay_listeners *l, const struct ptn_addr *a);

#endif
