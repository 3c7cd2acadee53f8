/*
 * relay/plain.h - the request that most phones send most of the time: modern, over UDP, without
 * attributes. Its answer is 32 bytes over IPv4 and 44 over IPv6, written without taking it apart.
 */
#ifndef PTN_RELAY_PLAIN_H
#define PTN_RELAY_PLAIN_H

#include "relay/relay.h"

/* Takes plain requests off the front of `in`; answers how many, with `*answers` of `out` filled. */
size_t ptn_relay_plain(struct ptn_relay *r, ptn_time now, const struct ptn_relay_in *in,
                       size_t count, struct ptn_relay_out *out, size_t *answers);

#endif
