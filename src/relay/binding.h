/*
 * relay/binding.h - one Binding request and its answer.
 *
 * RFC 3489 §8.1, RFC 5780 §6, RFC 8489 §6.3.
 */
#ifndef PTN_RELAY_BINDING_H
#define PTN_RELAY_BINDING_H

#include "relay/listeners.h"
#include "stun/msg.h"

struct ptn_relay;
struct ptn_relay_conn;

/* Where a message came from. Over a connection `listener` is the one that accepted it. */
struct ptn_relay_source {
    const struct ptn_relay_listener_row *listener;
    struct ptn_addr from;
    ptn_id path;                 /* the listener's id, or the connection's */
    struct ptn_relay_conn *conn; /* NULL over UDP */
};

/* Fills in `out` when there is an answer; else its bytes stay empty. */
enum ptn_relay_verdict ptn_relay_binding(struct ptn_relay *r, ptn_time now,
                                         const struct ptn_relay_source *source,
                                         const struct ptn_stun_msg *m, struct ptn_relay_out *out);

#endif
