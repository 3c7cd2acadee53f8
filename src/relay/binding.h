/*
 * relay/binding.h - one Binding request and its answer.
 *
 * RFC 3489 §8.1, RFC 5780 §6, RFC 8489 §6.3.
 */
#ifndef PTN_RELAY_BINDING_H
#define PTN_RELAY_BINDING_H

#include "relay/listeners.h"

/* Where a message came from. Over TCP `listener` is the one that accepted the connection. */
struct ptn_relay_source {
    const struct ptn_relay_listener_row *listener;
    struct ptn_addr from;
};

/* Sets `out->size` when the verdict is one that answers, `out->socket` and `out->to` as well. */
enum ptn_relay_verdict ptn_relay_binding(const struct ptn_relay_opts *opts,
                                         const struct ptn_relay_listeners *listeners,
                                         const struct ptn_relay_source *source,
                                         struct ptn_bytes message, struct ptn_relay_out *out);

static inline bool ptn_relay_answers(enum ptn_relay_verdict v)
{
    return v == PTN_RELAY_ANSWERED || v == PTN_RELAY_UNKNOWN_ATTRIBUTE ||
           v == PTN_RELAY_BAD_REQUEST;
}

#endif
