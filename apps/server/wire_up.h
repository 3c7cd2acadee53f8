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

enum { SERVER_OWN_MAX = 64 };

/* What is on this computer or serves this server, and is no business of those it relays for: all
 * addresses here, and ports that take who comes from here for one of us. */
struct server_surroundings {
    struct ptn_addr own[SERVER_OWN_MAX], guarded[PTN_RELAY_GUARDED_MAX];
    size_t own_count, guarded_count;
};

/* What the options of TURN refer to beyond the settings. Starts zeroed but for the last three. */
struct server_turn_parts {
    struct ptn_relay_user *users;
    uint8_t (*keys)[32];
    struct ptn_bytes *secrets;
    struct ptn_relay_range *allowed, *denied;
    /* Set before: the realm, when the settings name none; secrets beside theirs, or NULL; what
     * peers may not be, or NULL. */
    const char *host_name;
    const struct ptn_conf_list *more_secrets;
    const struct server_surroundings *around;
};

/* Fills opts->turn, after server_wire_up(). `sockets_max`: how many descriptors relay sockets may
 * take. False, and a sentence in `why`, when that cannot be. The options hold as long as `parts`,
 * and the settings, do. */
bool server_wire_turn(const struct server_settings *s, uint32_t sockets_max,
                      struct server_turn_parts *parts, struct ptn_relay_opts *opts,
                      char why[static PTN_CONF_WHY_SIZE]);
void server_turn_parts_fini(struct server_turn_parts *parts);

/* "0x" and the digits of an MD5 or a SHA-256 key; answers its size, 0 when it is none. */
size_t server_parse_key(const char *text, uint8_t key[static 32]);

/* What external-ip says of an address here; none when it says nothing. */
struct ptn_addr server_announced(const struct server_settings *s, const struct ptn_addr *local);

/* Is there anything by which a client could be known? */
bool server_has_credentials(const struct server_settings *s);

#endif
