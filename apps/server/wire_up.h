/*
 * server/wire_up.h - where settings become options of the machine, and nowhere else.
 */
#ifndef PTN_SERVER_WIRE_UP_H
#define PTN_SERVER_WIRE_UP_H

#include "relay/relay.h"
#include "settings.h"

/* `addrs`: the addresses of this computer, used when no listening-ip is set. False, and a sentence
 * in `why`, when they cannot be served. */
bool server_wire_up(const struct server_settings *s, const struct ptn_addr *addrs,
                    size_t addr_count, struct ptn_relay_opts *opts,
                    char why[static PTN_CONF_WHY_SIZE]);

#endif
