/*
 * stun/cred.c - digests over user, realm and password, and the nonce cookie.
 */
#include "stun/cred.h"

static const char cookie[] = "obMatJos2";
static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
enum { COOKIE_BYTES = sizeof cookie - 1, FEATURE_CHARS = 4 };

size_t ptn_stun_long_term_key(struct ptn_crypto *c, enum ptn_stun_password_algorithm algorithm,
                              struct ptn_bytes user, struct ptn_bytes realm,
                              struct ptn_bytes password, uint8_t out[static PTN_DIGEST_BYTES_MAX])
{
    enum ptn_digest digest = algorithm == PTN_STUN_ALGORITHM_SHA256 ? PTN_SHA256 : PTN_MD5;
    struct ptn_bytes colon = ptn_bytes(":", 1);
    const struct ptn_bytes parts[] = {user, colon, realm, colon, password};

    ptn_crypto_digest(c, digest, parts, 5, out);
    return ptn_digest_bytes(digest);
}

void ptn_stun_userhash(struct ptn_crypto *c, struct ptn_bytes user, struct ptn_bytes realm,
                       uint8_t out[static PTN_DIGEST_BYTES_MAX])
{
    const struct ptn_bytes parts[] = {user, ptn_bytes(":", 1), realm};

    ptn_crypto_digest(c, PTN_SHA256, parts, 3, out);
}

void ptn_stun_nonce_cookie(uint32_t features, char out[static PTN_STUN_NONCE_COOKIE_BYTES])
{
    memcpy(out, cookie, COOKIE_BYTES);
    for (unsigned i = 0; i < FEATURE_CHARS; i++)
        out[COOKIE_BYTES + i] = base64[features >> (18 - 6 * i) & 63];
}

bool ptn_stun_nonce_features(struct ptn_bytes nonce, uint32_t *features)
{
    uint32_t bits = 0;

    if (nonce.size < PTN_STUN_NONCE_COOKIE_BYTES || memcmp(nonce.data, cookie, COOKIE_BYTES) != 0)
        return false;
    for (unsigned i = 0; i < FEATURE_CHARS; i++) {
        const char *at = memchr(base64, nonce.data[COOKIE_BYTES + i], sizeof base64 - 1);
        if (!at)
            return false;
        bits = bits << 6 | (uint32_t)(at - base64);
    }
    *features = bits;
    return true;
}
