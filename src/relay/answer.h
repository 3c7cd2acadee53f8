/*
 * relay/answer.h - how an answer to a TURN request begins and ends.
 */
#ifndef PTN_RELAY_ANSWER_H
#define PTN_RELAY_ANSWER_H

#include "relay/core.h"

void ptn_relay_begin(const struct ptn_relay_request *q, struct ptn_stun_out *o,
                     enum ptn_stun_class class);

/* Seals it as the request was sealed, and sends it to whom it came from. `v`, or NO_ROOM. */
enum ptn_relay_verdict ptn_relay_finish(struct ptn_relay *r, struct ptn_relay_request *q,
                                        struct ptn_stun_out *o, enum ptn_relay_verdict v);

/* An error without more to say; answers the verdict of that code. */
enum ptn_relay_verdict ptn_relay_refuse(struct ptn_relay *r, struct ptn_relay_request *q,
                                        unsigned code);

/* A message of ours, or bytes framed already, to an allocation's client: into `out` when he came by
 * datagrams, else into the queue. False: there was no room. */
bool ptn_relay_to_client(struct ptn_relay *r, const struct ptn_relay_alloc *alloc,
                         struct ptn_bytes bytes, struct ptn_relay_out *out);

static inline bool ptn_relay_is_stream(enum ptn_transport t)
{
    return t == PTN_TCP || t == PTN_TLS;
}

#endif
