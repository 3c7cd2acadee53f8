/*
 * server/fleet_load.h - how much goes on at the servers of a fleet, and which has the most room.
 */
#ifndef PTN_SERVER_FLEET_LOAD_H
#define PTN_SERVER_FLEET_LOAD_H

#include "base/addr.h"
#include "base/bytes.h"

struct server_load {
    uint32_t allocations, capacity;
    bool draining;
    uint16_t tls_port; /* 0: it does not take clients by TLS and DTLS */
};

enum { SERVER_LOAD_TEXT_SIZE = 48 };

/* "12 1000 0 5349": allocations, capacity, draining, tls_port. */
void server_load_format(const struct server_load *load, char buf[static SERVER_LOAD_TEXT_SIZE]);
bool server_load_parse(struct ptn_bytes text, struct server_load *load);

/* So much that others should have the next client. */
bool server_load_is_full(const struct server_load *load);

/* Has `a` more room than `b`, in parts of what each can do? */
bool server_load_is_lighter(const struct server_load *a, const struct server_load *b);

#endif
