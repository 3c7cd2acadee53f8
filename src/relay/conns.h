/*
 * relay/conns.h - the connections of clients: who, how long idle, what came so far.
 */
#ifndef PTN_RELAY_CONNS_H
#define PTN_RELAY_CONNS_H

#include "base/crowd.h"
#include "base/heap.h"
#include "base/ids.h"
#include "relay/binding.h"
#include "stun/frame.h"

/* The largest message taken over TCP and TLS. */
#define PTN_RELAY_REQUEST_MAX 4096

struct ptn_relay_conn {
    ptn_id id; /* 0: the place is free */
    struct ptn_relay_source source;
    ptn_id joined; /* with the connection of a peer (RFC 6062): bytes pass, nothing is read; or 0 */
    bool moved;    /* to another worker: what else it says is not ours */
    ptn_time idle_at;
    struct ptn_stun_frame frame;
    uint8_t buf[PTN_RELAY_REQUEST_MAX];
};

struct ptn_relay_conns {
    struct ptn_relay_conn *conns;
    struct ptn_ids ids;
    struct ptn_heap idle;
    uint32_t key;     /* of their crowds */
    uint32_t touched; /* places from here on were never taken */
};

/* OK or NO_MEMORY; with `max` 0 there is never a connection. */
enum ptn_err ptn_relay_conns_init(struct ptn_relay_conns *c, size_t max);
void ptn_relay_conns_fini(struct ptn_relay_conns *c);

/* NULL when all places are taken. */
struct ptn_relay_conn *ptn_relay_conns_add(struct ptn_relay_conns *c, ptn_id id,
                                           const struct ptn_relay_source *source);

/* NULL when the id is not of one of these. */
struct ptn_relay_conn *ptn_relay_conns_find(struct ptn_relay_conns *c, ptn_id id);

void ptn_relay_conns_remove(struct ptn_relay_conns *c, struct ptn_relay_conn *conn);

/* Idle at `at` unless told otherwise before. */
void ptn_relay_conns_alive(struct ptn_relay_conns *c, struct ptn_relay_conn *conn, ptn_time at);

/* One connection that is idle at `now`, or NULL. */
struct ptn_relay_conn *ptn_relay_conns_idle(struct ptn_relay_conns *c, ptn_time now);

ptn_time ptn_relay_conns_deadline(const struct ptn_relay_conns *c);

#endif
