/*
 * crypto/crypto.c - thin over libcrypto's EVP interface and zlib's crc32.
 *
 * OpenSSL 3 looks algorithms up by name at every use unless one fetches them;
 * the look-up costs more than hashing a STUN message does. So they are fetched
 * once, and a context object is kept for each digest and for each HMAC.
 *
 * After the context exists, libcrypto's calls fail only when they are misused
 * or when memory corruption has reached them: both are our bugs, so they abort.
 */
#include "crypto/crypto.h"

#include <assert.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <zlib.h>

#define DIGESTS 3

static const struct {
    const char *name;
    size_t bytes;
} digests[DIGESTS] = {
    [PTN_MD5] = {"MD5", 16},
    [PTN_SHA1] = {"SHA1", 20},
    [PTN_SHA256] = {"SHA256", 32},
};

struct ptn_crypto {
    EVP_MD *md[DIGESTS];
    EVP_MD_CTX *md_ctx;
    EVP_MAC *hmac;
    EVP_MAC_CTX *hmac_ctx[DIGESTS];
};

static void must(int ok)
{
    if (ok != 1)
        abort();
}

static bool make_digest(struct ptn_crypto *c, enum ptn_digest digest)
{
    char name[8];
    OSSL_PARAM params[2];

    memcpy(name, digests[digest].name, strlen(digests[digest].name) + 1);
    params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0);
    params[1] = OSSL_PARAM_construct_end();
    c->md[digest] = EVP_MD_fetch(NULL, name, NULL);
    c->hmac_ctx[digest] = EVP_MAC_CTX_new(c->hmac);
    return c->md[digest] && c->hmac_ctx[digest] &&
           EVP_MAC_CTX_set_params(c->hmac_ctx[digest], params) == 1;
}

struct ptn_crypto *ptn_crypto_new(void)
{
    struct ptn_crypto *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->md_ctx = EVP_MD_CTX_new();
    c->hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    bool made = c->md_ctx && c->hmac;
    for (unsigned d = 0; made && d < DIGESTS; d++)
        made = make_digest(c, (enum ptn_digest)d);
    if (!made) {
        ptn_crypto_free(c);
        return NULL;
    }
    return c;
}

void ptn_crypto_free(struct ptn_crypto *c)
{
    if (!c)
        return;
    for (unsigned d = 0; d < DIGESTS; d++) {
        EVP_MAC_CTX_free(c->hmac_ctx[d]);
        EVP_MD_free(c->md[d]);
    }
    EVP_MAC_free(c->hmac);
    EVP_MD_CTX_free(c->md_ctx);
    free(c);
}

size_t ptn_digest_bytes(enum ptn_digest digest)
{
    assert(digest < DIGESTS);
    return digests[digest].bytes;
}

void ptn_crypto_digest(struct ptn_crypto *c, enum ptn_digest digest, const struct ptn_bytes *parts,
                       size_t count, uint8_t out[static PTN_DIGEST_BYTES_MAX])
{
    assert(digest < DIGESTS);
    must(EVP_DigestInit_ex2(c->md_ctx, c->md[digest], NULL));
    for (size_t i = 0; i < count; i++)
        must(EVP_DigestUpdate(c->md_ctx, parts[i].data, parts[i].size));
    must(EVP_DigestFinal_ex(c->md_ctx, out, NULL));
}

void ptn_crypto_hmac(struct ptn_crypto *c, enum ptn_digest digest, struct ptn_bytes key,
                     const struct ptn_bytes *parts, size_t count,
                     uint8_t out[static PTN_DIGEST_BYTES_MAX])
{
    /* A NULL key means "the key of last time" to EVP_MAC_init; an empty one is meant here. */
    static const uint8_t none;
    assert(digest < DIGESTS);
    EVP_MAC_CTX *ctx = c->hmac_ctx[digest];
    size_t size;

    must(EVP_MAC_init(ctx, key.size ? key.data : &none, key.size, NULL));
    for (size_t i = 0; i < count; i++)
        must(EVP_MAC_update(ctx, parts[i].data, parts[i].size));
    must(EVP_MAC_final(ctx, out, &size, PTN_DIGEST_BYTES_MAX));
}

bool ptn_crypto_equal(struct ptn_bytes a, struct ptn_bytes b)
{
    return a.size == b.size && (a.size == 0 || CRYPTO_memcmp(a.data, b.data, a.size) == 0);
}

uint32_t ptn_crc32(uint32_t crc, struct ptn_bytes bytes)
{
    /* zlib reads NULL as "the value to begin with", whatever the size. */
    if (bytes.size == 0)
        return crc;
    return (uint32_t)crc32_z(crc, bytes.data, bytes.size);
}
