/*
 * sim/sockets.h - the sockets of one host, found by their id or by their ends.
 *
 * A table and nothing else: who may bind what, which port is free, whom a packet
 * is for. What a socket does is the business of sim/host.c. A socket stays where
 * it is in memory until it is removed.
 */
#ifndef PTN_SIM_SOCKETS_H
#define PTN_SIM_SOCKETS_H

#include "base/dice.h"
#include "base/effect.h"
#include "ip/ip.h"
#include "sim/resolver.h"
#include "sim/tcp.h"

enum ptn_sim_socket_kind {
    PTN_SIM_SOCKET_UDP,
    PTN_SIM_SOCKET_QUERY, /* UDP, of a resolver's */
    PTN_SIM_SOCKET_LISTENER,
    PTN_SIM_SOCKET_CONNECTION,
};

enum { PTN_SIM_NOBODY = -1 };

struct ptn_sim_socket {
    enum ptn_sim_socket_kind kind;
    int machine; /* its number on the host, or PTN_SIM_NOBODY: closed, but TCP still works on */
    ptn_id id;   /* 0: a connection that has not been accepted yet */
    ptn_id listener;
    enum ptn_transport transport; /* of the ask: TLS is TCP here */
    struct ptn_addr local, far;   /* far: of a connection */
    uint8_t dscp;
    bool connected; /* the machine has been told */
    struct ptn_sim_tcp tcp;
    struct ptn_sim_resolver *query;

    uint32_t place; /* in sockets->all */
    struct ptn_sim_socket *next_by_id, *next_by_ends;
};

enum { PTN_SIM_SOCKET_BUCKETS = 128 };

struct ptn_sim_sockets {
    struct ptn_sim_socket **all; /* in no order */
    uint32_t count, room;
    struct ptn_sim_socket *by_id[PTN_SIM_SOCKET_BUCKETS], *by_ends[PTN_SIM_SOCKET_BUCKETS];
};

void ptn_sim_sockets_fini(struct ptn_sim_sockets *s);

/* A copy of `socket` enters the table; NULL without memory. Its ends and its id must be free:
 * see ptn_sim_sockets_bind(). */
struct ptn_sim_socket *ptn_sim_sockets_add(struct ptn_sim_sockets *s,
                                           const struct ptn_sim_socket *socket);
void ptn_sim_sockets_remove(struct ptn_sim_sockets *s, struct ptn_sim_socket *socket);

/* From now on the machine knows the socket by `id`; with PTN_SIM_NOBODY none does any more. */
void ptn_sim_sockets_rename(struct ptn_sim_sockets *s, struct ptn_sim_socket *socket, int machine,
                            ptn_id id);

struct ptn_sim_socket *ptn_sim_sockets_by_id(const struct ptn_sim_sockets *s, int machine,
                                             ptn_id id);

/* Whom a packet with these ends is for: `proto` UDP or TCP, a connection before a listener. */
struct ptn_sim_socket *ptn_sim_sockets_by_ends(const struct ptn_sim_sockets *s, uint8_t proto,
                                               const struct ptn_addr *local,
                                               const struct ptn_addr *far);

/* Whether a socket of this kind may have these ends, as a kernel decides: one UDP socket and one
 * listener to an address and port, connections differ in one of their ends. Port 0 is replaced
 * by a free one from 32768 to 60999. PTN_ERR_IN_USE, or PTN_ERR_NO_ROOM when none is free. */
enum ptn_err ptn_sim_sockets_bind(const struct ptn_sim_sockets *s, enum ptn_sim_socket_kind kind,
                                  struct ptn_addr *local, const struct ptn_addr *far,
                                  struct ptn_dice *dice);

#endif
