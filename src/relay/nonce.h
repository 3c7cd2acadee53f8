/*
 * relay/nonce.h - nonces that need no memory: the server knows its own when it sees one.
 *
 *     [obMatJos2 + features] time, and a MAC over time, address and features
 *
 * Who gives one back has received something at its address a short while ago. A fleet with
 * one secret takes each other's. Bound to the IP address, not to the port: a client may use it
 * for several connections (RFC 6062).
 *
 * RFC 8489 §9.2.
 */
#ifndef PTN_RELAY_NONCE_H
#define PTN_RELAY_NONCE_H

#include "base/addr.h"
#include "base/dice.h"
#include "base/time.h"
#include "stun/cred.h"

enum {
    PTN_RELAY_NONCE_TEXT = 24, /* without the cookie */
    PTN_RELAY_NONCE_BYTES_MAX = PTN_STUN_NONCE_COOKIE_BYTES + PTN_RELAY_NONCE_TEXT,
};

struct ptn_relay_nonces {
    uint8_t secret[PTN_DIGEST_BYTES_MAX];
    uint32_t lifetime_s;
};

/* Any secret; an empty one is drawn. */
void ptn_relay_nonces_init(struct ptn_relay_nonces *n, struct ptn_crypto *c,
                           struct ptn_bytes secret, struct ptn_dice *dice);

/* Writes one for `to`; `features` 0: without the cookie. Answers its size. */
size_t ptn_relay_nonce_make(const struct ptn_relay_nonces *n, struct ptn_crypto *c, int64_t wall_s,
                            const struct ptn_addr *to, uint32_t features,
                            char out[static PTN_RELAY_NONCE_BYTES_MAX]);

enum ptn_relay_nonce {
    PTN_RELAY_NONCE_GOOD,
    PTN_RELAY_NONCE_STALE,   /* ours and this address's, but old */
    PTN_RELAY_NONCE_FOREIGN, /* shows nothing */
};

/* `features` is set unless FOREIGN. */
enum ptn_relay_nonce ptn_relay_nonce_check(const struct ptn_relay_nonces *n, struct ptn_crypto *c,
                                           int64_t wall_s, const struct ptn_addr *from,
                                           struct ptn_bytes nonce, uint32_t *features);

#endif
