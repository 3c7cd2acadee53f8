/*
 * tests/support/turn_rig.h - a relay in a world of nothing but sockets, and clients who speak TURN.
 *
 * The world opens what the relay asks for and aborts when it closes what is not open, opens
 * what is, or sends through what is closed.
 */
#ifndef PTN_TURN_RIG_H
#define PTN_TURN_RIG_H

#include "crypto/crypto.h"
#include "relay/relay.h"
#include "stun/cred.h"
#include "stun/msg.h"

enum { RIG_UDP = 1, RIG_TCP = 2, RIG_UDP6 = 3, RIG_SOCKETS_MAX = 40000, RIG_SENT_MAX = 64 };

/* What the relay sent through output(). */
struct rig_sent {
    enum ptn_ask_kind kind; /* DATAGRAM, STREAM, CONNECT */
    ptn_id id;
    struct ptn_addr local, to;
    size_t size;
    uint8_t bytes[2048];
};

struct rig {
    struct ptn_relay *relay;
    struct ptn_crypto *crypto;
    ptn_time now;
    bool is_open[RIG_SOCKETS_MAX]; /* relay sockets by id - PTN_RELAY_SOCKET_ID */
    unsigned open_count, closed_conns;
    uint32_t touched; /* indices from here on were never open */
    struct ptn_addr local[RIG_SOCKETS_MAX];
    bool busy;             /* outputs are not taken: the program is in a batch */
    unsigned refuse_opens; /* so many opens fail because the port is taken */
    bool taken[65536];     /* ports that other programs have */
    struct rig_sent sent[RIG_SENT_MAX];
    size_t sent_count;
    struct ptn_relay_event begun, ended, wanted; /* the last of each */
    unsigned begun_count, ended_count, wanted_count;
};

struct rig_client {
    ptn_id path;
    struct ptn_addr addr;
    const char *user, *password;
    bool sha256, userhash;
    char realm[64], nonce[64];
    uint8_t algorithms[32];
    size_t algorithms_size;
    uint8_t serial; /* of the next transaction id */
};

/* A request under construction, and its answer. */
struct rig_request {
    struct rig_client *client;
    uint16_t method;
    uint8_t buf[2048], answer_buf[2048];
    struct ptn_stun_out o;
    struct ptn_stun_id id;
    struct ptn_stun_msg answer;
    size_t body; /* where what was put began, and its end */
};

/* Listeners RIG_UDP, RIG_TCP, RIG_UDP6 at 81.2.69.1:3478; user "alice" with "secret"; relays at
 * 81.2.69.2 and 2a02:1::2. */
struct ptn_relay_opts rig_opts(void);

/* NULL opts: the above. */
struct rig *rig_new(const struct ptn_relay_opts *opts);
void rig_free(struct rig *g);

/* Ticks at `now` and takes all outputs and events. */
void rig_settle(struct rig *g);
void rig_sleep(struct rig *g, ptn_time span);

struct rig_client rig_client(uint16_t port);
struct rig_client rig_client6(uint16_t port);
struct rig_client rig_stream_client(struct rig *g, ptn_id conn);

void rig_begin(struct rig_request *q, struct rig_client *c, uint16_t method);

/* Sends with credentials, learning realm and nonce first if there is none. Answers the error code,
 * 0 for success, 1 when there was no answer. */
unsigned rig_ask(struct rig *g, struct rig_request *q);

/* The same bytes again. */
unsigned rig_ask_again(struct rig *g, struct rig_request *q);

/* Without credentials. */
unsigned rig_ask_plainly(struct rig *g, struct rig_request *q);

/* Short forms. */
unsigned rig_allocate(struct rig *g, struct rig_client *c, struct ptn_addr *relayed);
/* The same by another user from now on, who has no nonce yet. */
unsigned rig_allocate_as(struct rig *g, struct rig_client *c, const char *user,
                         const char *password);
unsigned rig_refresh(struct rig *g, struct rig_client *c, uint32_t lifetime_s);
unsigned rig_permit(struct rig *g, struct rig_client *c, const struct ptn_addr *peer);
unsigned rig_bind(struct rig *g, struct rig_client *c, uint16_t number,
                  const struct ptn_addr *peer);

/* Any datagram through the fast path; false when nothing came out. Outputs in `out`, whose bytes
 * hold until the next call. */
bool rig_datagram(struct rig *g, ptn_id socket, const struct ptn_addr *from, struct ptn_bytes bytes,
                  struct ptn_relay_out *out);

/* A relay socket came from another worker's world, or went there. */
void rig_opened(struct rig *g, ptn_id id, const struct ptn_addr *local);
void rig_closed(struct rig *g, ptn_id id);

/* The relay socket with this address; 0 when there is none. */
ptn_id rig_socket(const struct rig *g, const struct ptn_addr *local);

/* The count of a verdict. */
uint64_t rig_count(const struct rig *g, enum ptn_relay_verdict v);

#endif
