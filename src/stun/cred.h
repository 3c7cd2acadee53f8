/*
 * stun/cred.h - long-term credentials: keys, USERHASH, and what a nonce announces.
 *
 * Short-term credentials need nothing from here: their key is the password.
 *
 * RFC 8489 §9.2, §14.4, §18.5.1.
 */
#ifndef PTN_STUN_CRED_H
#define PTN_STUN_CRED_H

#include "crypto/crypto.h"
#include "stun/attr.h"

/* The key of a user: the digest of user:realm:password. 16 bytes with MD5, 32 with SHA-256;
 * answers how many. */
size_t ptn_stun_long_term_key(struct ptn_crypto *c, enum ptn_stun_password_algorithm algorithm,
                              struct ptn_bytes user, struct ptn_bytes realm,
                              struct ptn_bytes password, uint8_t out[static PTN_DIGEST_BYTES_MAX]);

/* The value of USERHASH, 32 bytes. */
void ptn_stun_userhash(struct ptn_crypto *c, struct ptn_bytes user, struct ptn_bytes realm,
                       uint8_t out[static PTN_DIGEST_BYTES_MAX]);

/* Security features as they stand in a nonce; RFC 8489 §18.1 counts from the left of 24 bits. */
#define PTN_STUN_FEATURE_PASSWORD_ALGORITHMS 0x800000u
#define PTN_STUN_FEATURE_USER_ANONYMITY 0x400000u

#define PTN_STUN_NONCE_COOKIE_BYTES 13

/* The beginning of a nonce that announces `features` (24 bits): "obMatJos2" and four more
 * characters. No final zero. */
void ptn_stun_nonce_cookie(uint32_t features, char out[static PTN_STUN_NONCE_COOKIE_BYTES]);

/* False when the nonce does not begin with a cookie: the server is of RFC 5389 or older. */
bool ptn_stun_nonce_features(struct ptn_bytes nonce, uint32_t *features);

#endif
