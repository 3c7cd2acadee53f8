/*
 * stun/seal.c - a seal covers what stands before it, and a header that counts it.
 *
 *     header | attributes … | seal | what may follow
 *     '---- hashed ---------'
 *
 * The header's length in the hash is that of a message which ends with the seal,
 * so a receiver hashes a header of its own making when something follows.
 */
#include "stun/seal.h"

#include <assert.h>

#define FINGERPRINT_XOR 0x5354554eu
enum { ATTR_HEADER = 4, CRC_BYTES = 4, CLASSIC_BLOCK = 64 };

/* The parts of what is hashed for a seal of `seal_bytes` that begins at `covered` bytes. */
struct cover {
    uint8_t header[PTN_STUN_HEADER_BYTES];
    struct ptn_bytes parts[3];
};

static void cover(struct cover *c, const uint8_t *message, size_t covered, size_t seal_bytes,
                  bool classic)
{
    static const uint8_t zeros[CLASSIC_BLOCK];
    size_t length = covered - PTN_STUN_HEADER_BYTES + ATTR_HEADER + seal_bytes;
    size_t pad = classic ? (CLASSIC_BLOCK - covered % CLASSIC_BLOCK) % CLASSIC_BLOCK : 0;

    memcpy(c->header, message, sizeof c->header);
    c->header[2] = (uint8_t)(length >> 8);
    c->header[3] = (uint8_t)length;
    c->parts[0] = ptn_bytes(c->header, sizeof c->header);
    c->parts[1] = ptn_bytes(message + PTN_STUN_HEADER_BYTES, covered - PTN_STUN_HEADER_BYTES);
    c->parts[2] = ptn_bytes(zeros, pad);
}

static enum ptn_stun_seal check_hmac(const struct ptn_stun_msg *m, struct ptn_crypto *c,
                                     struct ptn_bytes key, enum ptn_stun_attr type,
                                     enum ptn_digest digest, size_t bytes_min)
{
    struct ptn_bytes seal;
    struct cover covered;
    uint8_t expected[PTN_DIGEST_BYTES_MAX];

    if (!ptn_stun_get(m, type, &seal))
        return PTN_STUN_NO_SEAL;
    if (seal.size < bytes_min || seal.size > ptn_digest_bytes(digest) || seal.size % 4 != 0)
        return PTN_STUN_SEAL_BROKEN;
    cover(&covered, m->bytes.data, (size_t)(seal.data - m->bytes.data) - ATTR_HEADER, seal.size,
          m->dialect == PTN_STUN_CLASSIC);
    ptn_crypto_hmac(c, digest, key, covered.parts, 3, expected);
    return ptn_crypto_equal(seal, ptn_bytes(expected, seal.size)) ? PTN_STUN_SEAL_GOOD
                                                                  : PTN_STUN_SEAL_BROKEN;
}

enum ptn_stun_seal ptn_stun_check_integrity(const struct ptn_stun_msg *m, struct ptn_crypto *c,
                                            struct ptn_bytes key)
{
    return check_hmac(m, c, key, PTN_STUN_MESSAGE_INTEGRITY, PTN_SHA1, 20);
}

enum ptn_stun_seal ptn_stun_check_integrity_sha256(const struct ptn_stun_msg *m,
                                                   struct ptn_crypto *c, struct ptn_bytes key)
{
    return check_hmac(m, c, key, PTN_STUN_MESSAGE_INTEGRITY_SHA256, PTN_SHA256, 16);
}

static uint32_t fingerprint(const uint8_t *message, size_t covered)
{
    struct cover c;

    cover(&c, message, covered, CRC_BYTES, false);
    return ptn_crc32(ptn_crc32(0, c.parts[0]), c.parts[1]) ^ FINGERPRINT_XOR;
}

enum ptn_stun_seal ptn_stun_check_fingerprint(const struct ptn_stun_msg *m)
{
    uint32_t told;

    if (!ptn_stun_has(m, PTN_STUN_FINGERPRINT))
        return PTN_STUN_NO_SEAL;
    /* It is the last attribute: the decoder saw to that. */
    return ptn_stun_get_u32(m, PTN_STUN_FINGERPRINT, &told) &&
                   told == fingerprint(m->bytes.data, m->bytes.size - ATTR_HEADER - CRC_BYTES)
               ? PTN_STUN_SEAL_GOOD
               : PTN_STUN_SEAL_BROKEN;
}

static void put_hmac(struct ptn_stun_out *o, struct ptn_crypto *c, struct ptn_bytes key,
                     enum ptn_stun_attr type, enum ptn_digest digest)
{
    struct cover covered;
    uint8_t seal[PTN_DIGEST_BYTES_MAX];

    if (o->w.bad)
        return;
    cover(&covered, o->w.start, ptn_writer_size(&o->w), ptn_digest_bytes(digest),
          ptn_stun_id_dialect(&o->id) == PTN_STUN_CLASSIC);
    ptn_crypto_hmac(c, digest, key, covered.parts, 3, seal);
    ptn_stun_put(o, type, ptn_bytes(seal, ptn_digest_bytes(digest)));
}

void ptn_stun_put_integrity(struct ptn_stun_out *o, struct ptn_crypto *c, struct ptn_bytes key)
{
    put_hmac(o, c, key, PTN_STUN_MESSAGE_INTEGRITY, PTN_SHA1);
}

void ptn_stun_put_integrity_sha256(struct ptn_stun_out *o, struct ptn_crypto *c,
                                   struct ptn_bytes key)
{
    put_hmac(o, c, key, PTN_STUN_MESSAGE_INTEGRITY_SHA256, PTN_SHA256);
}

void ptn_stun_put_fingerprint(struct ptn_stun_out *o)
{
    if (!o->w.bad)
        ptn_stun_put_u32(o, PTN_STUN_FINGERPRINT, fingerprint(o->w.start, ptn_writer_size(&o->w)));
}
