/*
 * stun/seal.h - MESSAGE-INTEGRITY, MESSAGE-INTEGRITY-SHA256 and FINGERPRINT.
 *
 * RFC 8489 §14.5 to §14.7; for messages without the cookie RFC 3489 §11.2.8, which
 * pads what is hashed to 64 bytes. Keys come from stun/cred.h or are a password.
 */
#ifndef PTN_STUN_SEAL_H
#define PTN_STUN_SEAL_H

#include "crypto/crypto.h"
#include "stun/msg.h"

enum ptn_stun_seal {
    PTN_STUN_NO_SEAL,
    PTN_STUN_SEAL_GOOD,
    PTN_STUN_SEAL_BROKEN, /* wrong key, changed on the way, or malformed */
};

enum ptn_stun_seal ptn_stun_check_integrity(const struct ptn_stun_msg *m, struct ptn_crypto *c,
                                            struct ptn_bytes key);

/* Accepts the truncated forms, 16 to 32 bytes in steps of four. */
enum ptn_stun_seal ptn_stun_check_integrity_sha256(const struct ptn_stun_msg *m,
                                                   struct ptn_crypto *c, struct ptn_bytes key);

enum ptn_stun_seal ptn_stun_check_fingerprint(const struct ptn_stun_msg *m);

/* In this order, after everything else: integrity, integrity_sha256, fingerprint. */
void ptn_stun_put_integrity(struct ptn_stun_out *o, struct ptn_crypto *c, struct ptn_bytes key);
void ptn_stun_put_integrity_sha256(struct ptn_stun_out *o, struct ptn_crypto *c,
                                   struct ptn_bytes key);
void ptn_stun_put_fingerprint(struct ptn_stun_out *o);

#endif
