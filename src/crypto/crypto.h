/*
 * crypto/crypto.h - digests, HMAC and CRC-32 as the RFCs of this house use them.
 *
 * A context holds OpenSSL's state objects, made once: afterwards no call here
 * allocates, so a server can check and seal every packet with one context. A
 * context belongs to one thread at a time.
 *
 * User names and passwords come in as the bytes to be hashed. SASLprep and
 * OpaqueString (RFC 8265) leave printable ASCII as it is; who accepts more than
 * that from a person prepares it before it gets here.
 */
#ifndef PTN_CRYPTO_CRYPTO_H
#define PTN_CRYPTO_CRYPTO_H

#include "base/bytes.h"

enum ptn_digest {
    PTN_MD5,
    PTN_SHA1,
    PTN_SHA256,
};

#define PTN_DIGEST_BYTES_MAX 32

struct ptn_crypto;

/* NULL when memory is short or OpenSSL refuses one of the three digests (MD5 under FIPS). */
struct ptn_crypto *ptn_crypto_new(void);
void ptn_crypto_free(struct ptn_crypto *c);

/* 16, 20 or 32. */
size_t ptn_digest_bytes(enum ptn_digest digest);

/* The digest of all parts, one after the other; fills ptn_digest_bytes() of `out`. */
void ptn_crypto_digest(struct ptn_crypto *c, enum ptn_digest digest, const struct ptn_bytes *parts,
                       size_t count, uint8_t out[static PTN_DIGEST_BYTES_MAX]);

/* HMAC (RFC 2104) of all parts, one after the other; any key size, also 0. */
void ptn_crypto_hmac(struct ptn_crypto *c, enum ptn_digest digest, struct ptn_bytes key,
                     const struct ptn_bytes *parts, size_t count,
                     uint8_t out[static PTN_DIGEST_BYTES_MAX]);

/* Compares secrets in a time that does not depend on where they differ. */
bool ptn_crypto_equal(struct ptn_bytes a, struct ptn_bytes b);

/* CRC-32 of ITU-T V.42, ISO-HDLC order, as in zlib and RFC 8489 §14.7. Begin with 0. */
uint32_t ptn_crc32(uint32_t crc, struct ptn_bytes bytes);

#endif
