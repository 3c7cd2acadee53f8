/*
 * sight/ends.h - what goes between a machine and its host, with both ends named.
 *
 * Asks and tells know sockets by ids only. This remembers whose address is behind each id,
 * so that whoever looks on (trace, wire) sees "from here to there" and needs no kernel.
 */
#ifndef PTN_SIGHT_ENDS_H
#define PTN_SIGHT_ENDS_H

#include "base/effect.h"

enum ptn_seen_kind {
    PTN_SEEN_DATAGRAM,
    PTN_SEEN_STREAM, /* bytes of a connection, in order; of TLS what is inside it */
    PTN_SEEN_UP,     /* a connection; `sent`: made by us */
    PTN_SEEN_DOWN,   /* it has ended; `sent`: by us */
    PTN_SEEN_FAILED, /* one that never came up */
};

struct ptn_seen {
    enum ptn_seen_kind kind;
    bool sent; /* from here to there */
    ptn_id id;
    enum ptn_transport transport;
    struct ptn_addr local, far;
    uint8_t dscp;           /* of what is sent */
    struct ptn_bytes bytes; /* borrowed from the ask or tell */
    enum ptn_err why;       /* DOWN: PTN_OK is in order; FAILED */
};

struct ptn_ends;

/* `sockets_max`: as many as the machine may have; of more, what they carry is not seen. NULL: no
 * memory. */
struct ptn_ends *ptn_ends_new(uint32_t sockets_max);
void ptn_ends_free(struct ptn_ends *e);

/* Each ask on its way to the host, each tell on its way to the machine. True when there is
 * something to see. */
bool ptn_ends_ask(struct ptn_ends *e, const struct ptn_ask *ask, struct ptn_seen *seen);
bool ptn_ends_tell(struct ptn_ends *e, const struct ptn_tell *tell, struct ptn_seen *seen);

/* The machine has left its host: true with each connection that ended thereby, then false. */
bool ptn_ends_leave(struct ptn_ends *e, struct ptn_seen *seen);

#endif
