#include "crypto/crypto.h"

#include <stdio.h>

#include "support/test.h"

static const char *hex(const uint8_t *bytes, size_t size)
{
    static char text[2 * PTN_DIGEST_BYTES_MAX + 1];

    for (size_t i = 0; i < size; i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    return text;
}

TEST(digests_of_known_texts_come_out)
{
    static const struct {
        enum ptn_digest digest;
        const char *text, *expected;
    } cases[] = {
        {PTN_MD5, "", "d41d8cd98f00b204e9800998ecf8427e"},
        {PTN_MD5, "abc", "900150983cd24fb0d6963f7d28e17f72"},
        {PTN_SHA1, "abc", "a9993e364706816aba3e25717850c26c9cd0d89d"},
        {PTN_SHA256, "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    };
    struct ptn_crypto *c = ptn_crypto_new();
    uint8_t out[PTN_DIGEST_BYTES_MAX];

    /* Twice, because the context is used again. */
    for (unsigned round = 0; round < 2; round++)
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            struct ptn_bytes text = ptn_bytes_of_text(cases[i].text);
            ptn_crypto_digest(c, cases[i].digest, &text, 1, out);
            CHECK_STR(cases[i].expected, hex(out, ptn_digest_bytes(cases[i].digest)));
        }
    ptn_crypto_free(c);
}

TEST(parts_hash_as_if_they_were_one_text)
{
    struct ptn_crypto *c = ptn_crypto_new();
    uint8_t whole[PTN_DIGEST_BYTES_MAX], split[PTN_DIGEST_BYTES_MAX];
    struct ptn_bytes one = ptn_bytes_of_text("user:realm:pass");
    struct ptn_bytes parts[] = {
        ptn_bytes_of_text("user:"), {NULL, 0}, ptn_bytes_of_text("realm:pass")};

    ptn_crypto_digest(c, PTN_MD5, &one, 1, whole);
    ptn_crypto_digest(c, PTN_MD5, parts, 3, split);
    CHECK_BYTES(whole, split, 16);
    ptn_crypto_free(c);
}

/* RFC 2202 §3 case 2, RFC 4231 §4.3, and an empty key after a full one. */
TEST(hmacs_of_known_texts_come_out_and_the_key_is_not_remembered)
{
    struct ptn_crypto *c = ptn_crypto_new();
    uint8_t out[PTN_DIGEST_BYTES_MAX];
    struct ptn_bytes key = ptn_bytes_of_text("Jefe"), none = {NULL, 0};
    struct ptn_bytes text = ptn_bytes_of_text("what do ya want for nothing?");

    ptn_crypto_hmac(c, PTN_SHA1, key, &text, 1, out);
    CHECK_STR("effcdf6ae5eb2fa2d27416d5f184df9c259a7c79", hex(out, 20));
    ptn_crypto_hmac(c, PTN_SHA256, key, &text, 1, out);
    CHECK_STR("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843", hex(out, 32));
    ptn_crypto_hmac(c, PTN_SHA1, none, &none, 1, out);
    CHECK_STR("fbdb1d1b18aa6c08324b7d64b71fb76370690e1d", hex(out, 20));
    ptn_crypto_free(c);
}

TEST(crc32_is_the_one_of_zlib_and_runs_on)
{
    CHECK_EQ(0xcbf43926, ptn_crc32(0, ptn_bytes_of_text("123456789")));
    CHECK_EQ(0xcbf43926, ptn_crc32(ptn_crc32(ptn_crc32(0, ptn_bytes_of_text("1234")),
                                             (struct ptn_bytes){NULL, 0}),
                                   ptn_bytes_of_text("56789")));
}

TEST(secrets_are_equal_only_when_size_and_bytes_are)
{
    CHECK(ptn_crypto_equal(ptn_bytes_of_text("abcd"), ptn_bytes_of_text("abcd")));
    CHECK(!ptn_crypto_equal(ptn_bytes_of_text("abcd"), ptn_bytes_of_text("abce")));
    CHECK(!ptn_crypto_equal(ptn_bytes_of_text("abcd"), ptn_bytes_of_text("abc")));
    CHECK(ptn_crypto_equal((struct ptn_bytes){NULL, 0}, (struct ptn_bytes){NULL, 0}));
}
