/*
 * tests/unit/net/world.h - a net from a text, with hosts that send and collect UDP.
 */
#ifndef PTN_TEST_NET_WORLD_H
#define PTN_TEST_NET_WORLD_H

#include "ip/ip.h"
#include "net/net.h"
#include "support/test.h"

/* What reached a host, whole. */
struct arrival {
    ptn_time at;
    unsigned host;
    size_t size;
    uint8_t bytes[4000];
    struct ptn_ip ip;
};

struct world {
    struct ptn_scenario *s;
    struct ptn_net *net;
    ptn_time now;
    struct arrival arrivals[64]; /* the first ones since world_clear() */
    unsigned count;              /* of all, kept or not */
    unsigned taps, events;
};

void world_start(struct world *w, const char *text, uint64_t seed);
void world_end(struct world *w);

/* Runs until then, and collects. */
void world_run(struct world *w, ptn_time until);
void world_clear(struct world *w);

/* "alice", "192.168.1.10:5000" and so on; `size` bytes of payload. */
void world_send(struct world *w, const char *host, const char *from, const char *to, size_t size);
void world_send_packet(struct world *w, const char *host, struct ptn_bytes packet);
void world_apply(struct world *w, const char *event);

struct ptn_addr addr(const char *text);

/* Sends, waits a second, and says from where it was seen to come; none when it did not arrive. */
struct ptn_addr world_seen(struct world *w, const char *host, const char *from, const char *to);

#endif
