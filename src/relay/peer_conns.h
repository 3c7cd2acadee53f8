/*
 * relay/peer_conns.h - connections with peers (RFC 6062).
 *
 *     CONNECTING --opened--> WAITING --ConnectionBind--> JOINED
 *                 a peer that connects to us begins as WAITING
 *
 * What a peer says before a client's connection is joined to his is kept, up to a page.
 */
#ifndef PTN_RELAY_PEER_CONNS_H
#define PTN_RELAY_PEER_CONNS_H

#include "base/ids.h"
#include "relay/allocs.h"

enum { PTN_RELAY_EARLY_BYTES = 4096, PTN_RELAY_PEER_CONNS_EACH = 64 /* of an allocation */ };

enum ptn_relay_peer_conn_state {
    PTN_RELAY_PEER_CONNECTING,
    PTN_RELAY_PEER_WAITING,
    PTN_RELAY_PEER_JOINED,
};

struct ptn_relay_peer_conn {
    uint32_t number; /* CONNECTION-ID: the worker's number and 24 bits; 0: the row is free */
    ptn_id conn;     /* with the peer */
    ptn_id client;   /* JOINED: the client's connection */
    uint32_t alloc;  /* row */
    uint32_t next;   /* of the same allocation, or NONE */
    uint8_t state;
    bool sealed_sha256, key_sha256, fingerprint; /* how Connect came, and is to be answered */
    struct ptn_addr peer;
    struct ptn_stun_id id; /* of the Connect request */
    size_t early_size;
};

struct ptn_relay_peer_conns {
    struct ptn_relay_peer_conn *rows;
    uint8_t *early; /* EARLY_BYTES a row */
    struct ptn_relay_pool pool;
    struct ptn_ids by_conn; /* accepted ones, whose ids the world chose */
    uint32_t *accepted;     /* by_conn's slot to row */
};

/* With `max` 0 there is never one. OK or NO_MEMORY. */
enum ptn_err ptn_relay_peer_conns_init(struct ptn_relay_peer_conns *p, uint32_t max);
void ptn_relay_peer_conns_fini(struct ptn_relay_peer_conns *p);

/* One more for the allocation; `conn` 0: one that is to be made, whose id is given here. NONE when
 * all rows are taken. */
uint32_t ptn_relay_peer_conns_add(struct ptn_relay_peer_conns *p, struct ptn_relay_allocs *allocs,
                                  uint32_t alloc, const struct ptn_addr *peer, ptn_id conn,
                                  uint32_t number);
void ptn_relay_peer_conns_remove(struct ptn_relay_peer_conns *p, struct ptn_relay_allocs *allocs,
                                 uint32_t row);

/* Rows, or NONE. */
uint32_t ptn_relay_peer_conns_by_conn(const struct ptn_relay_peer_conns *p, ptn_id conn);
uint32_t ptn_relay_peer_conns_by_number(const struct ptn_relay_peer_conns *p, uint32_t number);
uint32_t ptn_relay_peer_conns_by_peer(const struct ptn_relay_peer_conns *p,
                                      const struct ptn_relay_alloc *alloc,
                                      const struct ptn_addr *peer);

/* Keeps what the peer said early; false when it is too much. */
bool ptn_relay_peer_conns_keep(struct ptn_relay_peer_conns *p, uint32_t row,
                               struct ptn_bytes bytes);
struct ptn_bytes ptn_relay_peer_conns_early(const struct ptn_relay_peer_conns *p, uint32_t row);

#endif
