/*
 * server/sockets.h - the UDP sockets of one worker: a batch in, the relay, a batch out.
 *
 * Datagrams of several sockets fill one batch. What the relay answers leaves from where it
 * lies, in its buffer or in the datagram that came in: nothing is copied in between.
 */
#ifndef PTN_SERVER_SOCKETS_H
#define PTN_SERVER_SOCKETS_H

#include "os/loop.h"
#include "os/udp.h"
#include "relay/relay.h"

struct server_dtls;

struct server_sockets_opts {
    struct ptn_loop *loop; /* borrowed, as the others */
    uint8_t owner;         /* on the loop; keys are ids of the relay */
    struct ptn_relay *relay;
    struct server_dtls *dtls; /* NULL: none */
    bool shared, joins;       /* listeners' ports, among the workers */
};

struct server_sockets_counts {
    uint64_t in, out, batches;
    uint64_t dropped; /* the kernel had no room */
    uint64_t refused; /* no route, not allowed, or no such socket */
};

struct server_socket;

struct server_sockets {
    struct server_sockets_opts opts;
    struct server_socket *listeners, *relays; /* by id, from 1 and from PTN_RELAY_SOCKET_ID */
    uint32_t relay_room;
    struct ptn_udp_in *in;
    struct ptn_udp_out *out;
    size_t filled; /* of the batch that is being collected */
    ptn_id busy;   /* a listener that the loop does not watch, as it is read anyway; 0: none */
    struct ptn_relay_in list[PTN_UDP_BATCH_MAX];
    struct ptn_relay_out outs[PTN_UDP_BATCH_MAX];
    uint8_t *room; /* of outs */
    struct server_sockets_counts counts;
};

enum ptn_err server_sockets_init(struct server_sockets *s, const struct server_sockets_opts *opts);
void server_sockets_fini(struct server_sockets *s);

/* Takes what has come by the socket `ready->key` into the batch, and answers the batch when it is
 * full. */
void server_sockets_ready(struct server_sockets *s, ptn_time now, const struct ptn_ready *ready);

/* The same for a listener that is too busy to be waited for. While there is one (`s->busy`), the
 * program does not wait in its loop, and calls this after each look into it. */
void server_sockets_go_on(struct server_sockets *s, ptn_time now);

/* Answers what the batch holds. */
void server_sockets_serve(struct server_sockets *s, ptn_time now);

/* Does what the relay asks if it is about a UDP socket; false: it is not. */
bool server_sockets_ask(struct server_sockets *s, ptn_time now, const struct ptn_ask *ask);

/* Sends what was asked for. */
void server_sockets_flush(struct server_sockets *s, ptn_time now);

/* Takes a relay socket out, for another worker; -1: there is none. */
int server_sockets_take(struct server_sockets *s, ptn_id id);
enum ptn_err server_sockets_put(struct server_sockets *s, ptn_id id, int fd);

/* Copies the bytes; they leave with the next flush. */
void server_sockets_send(struct server_sockets *s, ptn_time now, ptn_id id,
                         const struct ptn_addr *to, struct ptn_bytes bytes);

#endif
