/*
 * unit/os/probes.h - two machines of the test's own on one host, on real loopback sockets.
 */
#ifndef PTN_TEST_OS_PROBES_H
#define PTN_TEST_OS_PROBES_H

#include "os/host.h"

enum { LOG_MAX = 64, ASKS_MAX = 200 };

/* A machine that asks what the test puts in and keeps what it is told. */
struct probe {
    struct ptn_ask asks[ASKS_MAX];
    size_t ask_count, ask_next;
    struct ptn_tell tells[LOG_MAX]; /* without bytes and records */
    size_t tell_count;
    char text[LOG_MAX][64];
    size_t stream_size; /* of all STREAM tells */
    unsigned ticks;
    ptn_time due;
    bool echo; /* answers each datagram with itself */
    uint8_t echo_bytes[64];
};

struct fixture {
    struct ptn_loop *loop;
    struct ptn_host *host;
    struct probe a, b;
    uint32_t a_index, b_index;
};

static const struct ptn_addr loopback = {.ip = {127, 0, 0, 1}, .family = PTN_IPV4};
static const struct ptn_addr loopback_2 = {.ip = {127, 0, 0, 2}, .family = PTN_IPV4};

/* `tls` and `log` may be NULL. */
void set_up_with(struct fixture *f, uint32_t sockets_max, const struct ptn_tls_rules *tls,
                 const struct ptn_log *log);
void tear_down(struct fixture *f);

/* One round of the loop, which waits at most 200 ms. */
void turn(struct fixture *f);
void ask(struct probe *p, struct ptn_ask a);

/* The first tell of this kind about this id (0: any); the test fails when none comes. */
const struct ptn_tell *wait_tell(struct fixture *f, struct probe *p, enum ptn_tell_kind kind,
                                 ptn_id id);
struct ptn_addr open_udp(struct fixture *f, struct probe *p, ptn_id id,
                         const struct ptn_addr *local);
struct ptn_addr listen_stream(struct fixture *f, struct probe *p, ptn_id id,
                              enum ptn_transport transport, const struct ptn_addr *local);
/* How many sockets of this process have that local port, and how many of these mark their packets
 * so. */
struct marked {
    unsigned sockets, so;
};
struct marked count_marked(uint16_t port, uint8_t dscp);
const char *text_of(const struct probe *p, const struct ptn_tell *tell);

#endif
