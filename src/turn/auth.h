/*
 * turn/auth.h - what a server must hear to believe us, and what of its answers we believe.
 *
 * Learnt from a challenge (401, 438): realm, nonce, which digests it takes, whether it wants our
 * name hashed. RFC 8489 §9.2.
 */
#ifndef PTN_TURN_AUTH_H
#define PTN_TURN_AUTH_H

#include "stun/cred.h"
#include "stun/seal.h"

enum {
    PTN_TURN_REALM_MAX = 256,
    PTN_TURN_NONCE_MAX = 256,
    PTN_TURN_ALGORITHMS_MAX = 64,
};

/* Texts are borrowed. */
struct ptn_turn_user {
    const char *name, *password;
};

struct ptn_turn_auth {
    bool known;
    bool sha256; /* seals are MESSAGE-INTEGRITY-SHA256 */
    bool hashed; /* USERHASH in the place of USERNAME */
    uint16_t algorithm;
    uint16_t realm_size, nonce_size, algorithms_size, key_size;
    uint8_t realm[PTN_TURN_REALM_MAX], nonce[PTN_TURN_NONCE_MAX];
    uint8_t algorithms[PTN_TURN_ALGORITHMS_MAX]; /* to be given back to the letter; none: MD5 */
    uint8_t key[PTN_DIGEST_BYTES_MAX];
};

/* False, and nothing changed, when the challenge cannot be met or was tampered with. */
bool ptn_turn_auth_learn(struct ptn_turn_auth *a, struct ptn_crypto *c,
                         const struct ptn_turn_user *user, const struct ptn_stun_msg *challenge);

/* Appends credentials and seal; nothing while nothing was learnt. */
void ptn_turn_auth_seal(const struct ptn_turn_auth *a, struct ptn_crypto *c,
                        const struct ptn_turn_user *user, struct ptn_stun_out *o);

enum ptn_stun_seal ptn_turn_auth_check(const struct ptn_turn_auth *a, struct ptn_crypto *c,
                                       const struct ptn_stun_msg *answer);

#endif
