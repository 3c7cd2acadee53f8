/*
 * tests/unit/discover/world.h - a NAT, or two, and STUN servers, as small as can be.
 *
 * Not the simulator: this one is scripted by the test and written from RFC 4787's
 * text alone, so that discovery is tested against a second opinion.
 */
#ifndef PTN_TEST_DISCOVER_WORLD_H
#define PTN_TEST_DISCOVER_WORLD_H

#include "discover/discover.h"

enum { LAYERS_MAX = 2, WORLD_SERVERS_MAX = 3, ENTRIES_MAX = 128, FLIGHT_MAX = 512 };

struct layer {
    bool translates;                /* false: a firewall */
    enum ptn_discover_sees mapping; /* ENDPOINT_INDEPENDENT to ADDRESS_AND_PORT_DEPENDENT */
    enum ptn_discover_sees filtering;
    bool hairpin, preserves_ports;
    struct entry {
        struct ptn_addr inner, outer, key; /* key: the part of the far end that the mapping sees */
        struct ptn_addr sent_to[32];
        unsigned sent_count;
    } entries[ENTRIES_MAX];
    unsigned entry_count;
    struct ptn_addr outside;
};

enum speaks {
    SPEAKS_BOTH,
    SPEAKS_MODERN,
    SPEAKS_CLASSIC,       /* and drops what has a cookie */
    SPEAKS_CLASSIC_ECHOES /* and takes the cookie for a part of the id */
};

struct server {
    struct ptn_addr a, b; /* first address and port, second ones; b none: has none */
    enum speaks speaks;
    bool dead, second_dead, ignores_change, silent_on_change, tells_other_always;
    unsigned refuses; /* with this error code; 0: does not */
};

struct world {
    struct layer layers[LAYERS_MAX]; /* innermost first */
    unsigned layer_count;
    struct server servers[WORLD_SERVERS_MAX];
    unsigned server_count;
    bool blocked; /* nothing passes */
    bool says_so; /* and an ICMP error comes back for it */
    double loss;  /* in each direction */
    ptn_time one_way;
    struct ptn_dice dice;

    struct ptn_addr host;
    ptn_time now;
    struct {
        ptn_time at;
        enum ptn_tell_kind kind; /* DATAGRAM or ICMP_ERROR */
        ptn_id socket;           /* to the host */
        struct ptn_addr from;
        uint8_t bytes[200];
        size_t size;
    } flight[FLIGHT_MAX];
    unsigned flight_count;
    struct {
        ptn_id id;
        struct ptn_addr local;
        bool open;
    } sockets[16];
    unsigned socket_count;
    unsigned sent, opened, closed;
    bool refuse_sockets;
    const struct ptn_dns_record *(*resolve)(const char *name, unsigned types, size_t *count);
};

/* One server of two addresses, a host behind no NAT, 40 ms round trip, no loss. */
struct world *world_new(uint64_t seed);
void world_free(struct world *w);

/* Puts a NAT in front of the host and of what is in front of it already. */
struct layer *world_add_nat(struct world *w, enum ptn_discover_sees mapping,
                            enum ptn_discover_sees filtering);
struct layer *world_add_firewall(struct world *w, enum ptn_discover_sees filtering);

/* Asks all servers of the world and runs until DONE. */
struct ptn_discover_result world_discover(struct world *w, enum ptn_discover_dialect dialect);

/* The same with options of the caller's; dice and local are filled in. */
struct ptn_discover_result world_discover_with(struct world *w, struct ptn_discover_opts opts);

#endif
