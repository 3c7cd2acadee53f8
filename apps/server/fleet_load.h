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
};

enum { SERVER_LOAD_TEXT_SIZE = 48 };

/* "12 1000 0": allocations, capacity, draining. */
void server_load_format(const struct server_load *load, char buf[static SERVER_LOAD_TEXT_SIZE]);
bool server_load_parse(struct ptn_bytes text, struct server_load *load);

/* So much that others should have the next client. */
bool server_load_is_full(const struct server_load *load);

/* Has `a` more room than `b`, in parts of what each can do? */
bool server_load_is_lighter(const struct server_load *a, const struct server_load *b);

#endif
