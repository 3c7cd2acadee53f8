/*
 * relay/nonce.c - 18 bytes in 24 characters: the time and 112 bits of HMAC-SHA256.
 */
#include "relay/nonce.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

enum { TIME_BYTES = 4, MAC_BYTES = 14, RAW_BYTES = TIME_BYTES + MAC_BYTES };

/* Clocks of a fleet differ a little. */
#define SKEW_S 10

void ptn_relay_nonces_init(struct ptn_relay_nonces *n, struct ptn_crypto *c,
                           struct ptn_bytes secret, struct ptn_dice *dice)
{
    if (secret.size > 0)
        ptn_crypto_digest(c, PTN_SHA256, &secret, 1, n->secret);
    else
        ptn_dice_fill(dice, n->secret, sizeof n->secret);
}

static void seal(const struct ptn_relay_nonces *n, struct ptn_crypto *c,
                 const uint8_t time[TIME_BYTES], const struct ptn_addr *of, uint32_t features,
                 uint8_t mac[static PTN_DIGEST_BYTES_MAX])
{
    const uint8_t more[] = {of->family, (uint8_t)(features >> 16), (uint8_t)(features >> 8),
                            (uint8_t)features};
    const struct ptn_bytes parts[] = {ptn_bytes(time, TIME_BYTES), ptn_bytes(of->ip, sizeof of->ip),
                                      ptn_bytes(more, sizeof more)};

    ptn_crypto_hmac(c, PTN_SHA256, ptn_bytes(n->secret, sizeof n->secret), parts, 3, mac);
}

static void to_text(const uint8_t raw[RAW_BYTES], char *out)
{
    for (unsigned i = 0; i < RAW_BYTES; i += 3) {
        unsigned word = (unsigned)raw[i] << 16 | (unsigned)raw[i + 1] << 8 | raw[i + 2];
        for (int shift = 18; shift >= 0; shift -= 6)
            *out++ = alphabet[word >> shift & 63];
    }
}

static bool from_text(const uint8_t *text, uint8_t raw[RAW_BYTES])
{
    for (unsigned i = 0; i < RAW_BYTES; i += 3) {
        unsigned word = 0;
        for (unsigned k = 0; k < 4; k++, text++) {
            const char *at = *text ? memchr(alphabet, *text, sizeof alphabet - 1) : NULL;
            if (!at)
                return false;
            word = word << 6 | (unsigned)(at - alphabet);
        }
        raw[i] = (uint8_t)(word >> 16);
        raw[i + 1] = (uint8_t)(word >> 8);
        raw[i + 2] = (uint8_t)word;
    }
    return true;
}

size_t ptn_relay_nonce_make(const struct ptn_relay_nonces *n, struct ptn_crypto *c, int64_t wall_s,
                            const struct ptn_addr *to, uint32_t features,
                            char out[static PTN_RELAY_NONCE_BYTES_MAX])
{
    uint32_t t = (uint32_t)wall_s;
    uint8_t raw[TIME_BYTES + PTN_DIGEST_BYTES_MAX] = {(uint8_t)(t >> 24), (uint8_t)(t >> 16),
                                                      (uint8_t)(t >> 8), (uint8_t)t};
    size_t cookie = features ? PTN_STUN_NONCE_COOKIE_BYTES : 0;

    seal(n, c, raw, to, features, raw + TIME_BYTES);
    if (features)
        ptn_stun_nonce_cookie(features, out);
    to_text(raw, out + cookie);
    return cookie + PTN_RELAY_NONCE_TEXT;
}

enum ptn_relay_nonce ptn_relay_nonce_check(const struct ptn_relay_nonces *n, struct ptn_crypto *c,
                                           int64_t wall_s, const struct ptn_addr *from,
                                           struct ptn_bytes nonce, uint32_t *features)
{
    uint8_t raw[RAW_BYTES], mac[PTN_DIGEST_BYTES_MAX];

    *features = 0;
    if (nonce.size == PTN_RELAY_NONCE_BYTES_MAX) {
        if (!ptn_stun_nonce_features(nonce, features))
            return PTN_RELAY_NONCE_FOREIGN;
        nonce = ptn_bytes(nonce.data + PTN_STUN_NONCE_COOKIE_BYTES, PTN_RELAY_NONCE_TEXT);
    }
    if (nonce.size != PTN_RELAY_NONCE_TEXT || !from_text(nonce.data, raw))
        return PTN_RELAY_NONCE_FOREIGN;
    seal(n, c, raw, from, *features, mac);
    if (!ptn_crypto_equal(ptn_bytes(mac, MAC_BYTES), ptn_bytes(raw + TIME_BYTES, MAC_BYTES)))
        return PTN_RELAY_NONCE_FOREIGN;
    uint32_t made =
        (uint32_t)raw[0] << 24 | (uint32_t)raw[1] << 16 | (uint32_t)raw[2] << 8 | raw[3];
    int32_t age_s = (int32_t)((uint32_t)wall_s - made);
    return age_s >= -SKEW_S && age_s <= (int32_t)n->lifetime_s ? PTN_RELAY_NONCE_GOOD
                                                               : PTN_RELAY_NONCE_STALE;
}
