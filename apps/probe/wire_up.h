/*
 * probe/wire_up.h - where settings and words become options of the machine, and nowhere else.
 */
#ifndef PTN_PROBE_WIRE_UP_H
#define PTN_PROBE_WIRE_UP_H

#include "discover/discover.h"
#include "settings.h"

/* The servers as words, taken apart. */
struct probe_servers {
    ptn_conf_text names[PTN_DISCOVER_SERVERS_MAX];
    uint16_t ports[PTN_DISCOVER_SERVERS_MAX];
    size_t count;
};

/* "stun.example.org", "stun.example.org:3478", "192.0.2.1:3478", "2001:db8::1",
 * "[2001:db8::1]:3478", each also behind "stun:". False, and a sentence in `why`, when a word is
 * none of these or there are too many or none. */
bool probe_take_servers(const char *const *words, size_t count, struct probe_servers *servers,
                        char why[static PTN_CONF_WHY_SIZE]);

/* Where a packet must go that finds out which address of the computer to ask from: the first
 * server that is an address, else any public one, of the family the settings ask for. */
struct ptn_addr probe_target(const struct probe_settings *s, const struct probe_servers *servers);

/* All but `local` and the dice. */
void probe_wire_up(const struct probe_settings *s, const struct probe_servers *servers,
                   struct ptn_discover_opts *opts);

#endif
