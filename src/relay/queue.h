/*
 * relay/queue.h - what a relay asks of the world, until it is taken.
 *
 * Of fixed size. Half of its places are for bytes, so that there is always one for a
 * CLOSE; the memory of bytes is free again once the queue ran dry.
 */
#ifndef PTN_RELAY_QUEUE_H
#define PTN_RELAY_QUEUE_H

#include "relay/relay.h"

enum { PTN_RELAY_QUEUE_MAX = 1024, PTN_RELAY_QUEUE_BYTES = 256 * 1024 };

struct ptn_relay_queued {
    enum ptn_ask_kind kind;
    enum ptn_transport transport;
    ptn_id id;
    struct ptn_addr local, to;
    size_t at, size;
};

struct ptn_relay_queue {
    size_t first, count, bytes_used;
    struct ptn_relay_queued places[PTN_RELAY_QUEUE_MAX];
    uint8_t bytes[PTN_RELAY_QUEUE_BYTES];
};

bool ptn_relay_queue_full(const struct ptn_relay_queue *q);

/* Where an answer can be written that is then put(); without capacity when there is no place. */
struct ptn_relay_out ptn_relay_queue_room(struct ptn_relay_queue *q);

/* `out` came from room(), or its bytes are the caller's and are copied. DATAGRAM or STREAM. False
 * when there is no room. */
bool ptn_relay_queue_put(struct ptn_relay_queue *q, enum ptn_ask_kind kind,
                         const struct ptn_relay_out *out);

/* CLOSE or CONNECT. False when the queue is full. */
bool ptn_relay_queue_ask(struct ptn_relay_queue *q, const struct ptn_ask *ask);

/* The next one; false: there is none. */
bool ptn_relay_queue_next(struct ptn_relay_queue *q, struct ptn_ask *ask);

#endif
