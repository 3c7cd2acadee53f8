#include "stun/cred.h"
#include "stun/seal.h"

#include "support/test.h"
#include "vectors/rfc5769.h"

static const struct ptn_stun_id short_id = {{0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7, 0xa7, 0x01, 0xbc,
                                             0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae}};
static const struct ptn_stun_id long_id = {{0x21, 0x12, 0xa4, 0x42, 0x78, 0xad, 0x34, 0x33, 0xc6,
                                            0xad, 0x72, 0xc0, 0x29, 0xda, 0x41, 0x2e}};

/* The RFC pads some texts with spaces, we always with zeros. */
static void put_with_spaces(struct ptn_stun_out *o, enum ptn_stun_attr type, const char *text)
{
    size_t padded = (strlen(text) + 3) / 4 * 4;
    ptn_stun_put(o, type, ptn_bytes_of_text(text));
    memset(o->w.at - (padded - strlen(text)), ' ', padded - strlen(text));
}

static void check_written(const struct ptn_stun_out *o, const uint8_t *expected, size_t size)
{
    struct ptn_bytes message;

    CHECK(ptn_stun_end(o, &message));
    CHECK_EQ(size, message.size);
    CHECK_BYTES(expected, message.data, size);
}

TEST(rfc5769_request_is_read_and_written_byte_for_byte)
{
    struct ptn_crypto *c = ptn_crypto_new();
    struct ptn_bytes key = ptn_bytes_of_text(RFC5769_PASSWORD), value;
    struct ptn_stun_msg m;
    struct ptn_stun_out o;
    uint8_t buf[200];

    CHECK_EQ(PTN_STUN_OK, ptn_stun_decode(&m, ptn_bytes(rfc5769_request, sizeof rfc5769_request)));
    CHECK_EQ(PTN_STUN_REQUEST, m.class);
    CHECK_EQ(PTN_STUN_BINDING, m.method);
    CHECK_EQ(PTN_STUN_MODERN, m.dialect);
    CHECK(ptn_stun_id_equal(&short_id, &m.id));
    CHECK(ptn_stun_get(&m, PTN_STUN_USERNAME, &value));
    CHECK(ptn_bytes_equal(ptn_bytes_of_text("evtj:h6vY"), value));
    CHECK(ptn_stun_get(&m, PTN_STUN_SOFTWARE, &value));
    CHECK(ptn_bytes_equal(ptn_bytes_of_text("STUN test client"), value));
    CHECK_EQ(PTN_STUN_SEAL_GOOD, ptn_stun_check_integrity(&m, c, key));
    CHECK_EQ(PTN_STUN_SEAL_GOOD, ptn_stun_check_fingerprint(&m));

    ptn_stun_begin(&o, buf, sizeof buf, PTN_STUN_REQUEST, PTN_STUN_BINDING, &short_id);
    ptn_stun_put(&o, PTN_STUN_SOFTWARE, ptn_bytes_of_text("STUN test client"));
    /* PRIORITY and ICE-CONTROLLED belong to ICE (RFC 8445 §16.1). */
    ptn_stun_put_u32(&o, (enum ptn_stun_attr)0x0024, 0x6e0001ff);
    ptn_stun_put(&o, (enum ptn_stun_attr)0x8029, ptn_bytes("\x93\x2f\xf9\xb1\x51\x26\x3b\x36", 8));
    put_with_spaces(&o, PTN_STUN_USERNAME, "evtj:h6vY");
    ptn_stun_put_integrity(&o, c, key);
    ptn_stun_put_fingerprint(&o);
    check_written(&o, rfc5769_request, sizeof rfc5769_request);
    ptn_crypto_free(c);
}

TEST(rfc5769_responses_are_read_and_written_byte_for_byte)
{
    struct ptn_crypto *c = ptn_crypto_new();
    struct ptn_bytes key = ptn_bytes_of_text(RFC5769_PASSWORD);
    const struct {
        const uint8_t *bytes;
        size_t size;
        const char *mapped;
    } cases[] = {
        {rfc5769_response_v4, sizeof rfc5769_response_v4, "192.0.2.1:32853"},
        {rfc5769_response_v6, sizeof rfc5769_response_v6,
         "[2001:db8:1234:5678:11:2233:4455:6677]:32853"},
    };

    for (size_t i = 0; i < 2; i++) {
        struct ptn_stun_msg m;
        struct ptn_stun_out o;
        struct ptn_addr mapped, expected;
        enum ptn_stun_dialect server;
        uint8_t buf[200];

        CHECK_EQ(PTN_STUN_OK, ptn_stun_decode(&m, ptn_bytes(cases[i].bytes, cases[i].size)));
        CHECK_EQ(PTN_STUN_SUCCESS, m.class);
        CHECK_EQ(PTN_STUN_SEAL_GOOD, ptn_stun_check_integrity(&m, c, key));
        CHECK_EQ(PTN_STUN_SEAL_GOOD, ptn_stun_check_fingerprint(&m));
        CHECK(ptn_stun_get_mapped(&m, &mapped, &server));
        CHECK(ptn_addr_parse(cases[i].mapped, &expected));
        CHECK_ADDR(&expected, &mapped);
        CHECK_EQ(PTN_STUN_MODERN, server);

        ptn_stun_begin(&o, buf, sizeof buf, PTN_STUN_SUCCESS, PTN_STUN_BINDING, &short_id);
        put_with_spaces(&o, PTN_STUN_SOFTWARE, "test vector");
        ptn_stun_put_addr(&o, PTN_STUN_XOR_MAPPED_ADDRESS, &mapped);
        ptn_stun_put_integrity(&o, c, key);
        ptn_stun_put_fingerprint(&o);
        check_written(&o, cases[i].bytes, cases[i].size);
    }
    ptn_crypto_free(c);
}

TEST(rfc5769_long_term_request_is_read_and_written_byte_for_byte)
{
    struct ptn_crypto *c = ptn_crypto_new();
    struct ptn_bytes user = ptn_bytes_of_text(RFC5769_USER),
                     realm = ptn_bytes_of_text(RFC5769_REALM);
    uint8_t key[PTN_DIGEST_BYTES_MAX], buf[200];
    struct ptn_stun_msg m;
    struct ptn_stun_out o;

    CHECK_EQ(16, ptn_stun_long_term_key(c, PTN_STUN_ALGORITHM_MD5, user, realm,
                                        ptn_bytes_of_text("TheMatrIX"), key));
    CHECK_EQ(PTN_STUN_OK,
             ptn_stun_decode(&m, ptn_bytes(rfc5769_long_term, sizeof rfc5769_long_term)));
    CHECK_EQ(PTN_STUN_SEAL_GOOD, ptn_stun_check_integrity(&m, c, ptn_bytes(key, 16)));
    CHECK_EQ(PTN_STUN_NO_SEAL, ptn_stun_check_fingerprint(&m));

    ptn_stun_begin(&o, buf, sizeof buf, PTN_STUN_REQUEST, PTN_STUN_BINDING, &long_id);
    ptn_stun_put(&o, PTN_STUN_USERNAME, user);
    ptn_stun_put(&o, PTN_STUN_NONCE, ptn_bytes_of_text("f//499k954d6OL34oL9FSTvy64sA"));
    ptn_stun_put(&o, PTN_STUN_REALM, realm);
    ptn_stun_put_integrity(&o, c, ptn_bytes(key, 16));
    check_written(&o, rfc5769_long_term, sizeof rfc5769_long_term);
    ptn_crypto_free(c);
}

TEST(rfc8489_sha256_request_is_read_and_written_byte_for_byte)
{
    struct ptn_crypto *c = ptn_crypto_new();
    struct ptn_bytes user = ptn_bytes_of_text(RFC5769_USER),
                     realm = ptn_bytes_of_text(RFC5769_REALM), list, params, hash;
    uint8_t key[PTN_DIGEST_BYTES_MAX], userhash[PTN_DIGEST_BYTES_MAX], buf[200];
    uint16_t algorithm;
    struct ptn_stun_msg m;
    struct ptn_stun_out o;

    CHECK_EQ(32, ptn_stun_long_term_key(c, PTN_STUN_ALGORITHM_SHA256, user, realm,
                                        ptn_bytes_of_text("TheMatrIX"), key));
    ptn_stun_userhash(c, user, realm, userhash);
    CHECK_EQ(PTN_STUN_OK, ptn_stun_decode(&m, ptn_bytes(rfc8489_long_term_sha256,
                                                        sizeof rfc8489_long_term_sha256)));
    CHECK_EQ(PTN_STUN_SEAL_GOOD, ptn_stun_check_integrity_sha256(&m, c, ptn_bytes(key, 32)));
    CHECK_EQ(PTN_STUN_NO_SEAL, ptn_stun_check_integrity(&m, c, ptn_bytes(key, 32)));
    CHECK(ptn_stun_get(&m, PTN_STUN_USERHASH, &hash));
    CHECK(ptn_bytes_equal(ptn_bytes(userhash, 32), hash));
    CHECK(ptn_stun_get(&m, PTN_STUN_PASSWORD_ALGORITHM, &list));
    CHECK(ptn_stun_next_algorithm(&list, &algorithm, &params));
    CHECK_EQ(PTN_STUN_ALGORITHM_SHA256, algorithm);
    CHECK_EQ(0, list.size);

    ptn_stun_begin(&o, buf, sizeof buf, PTN_STUN_REQUEST, PTN_STUN_BINDING, &long_id);
    ptn_stun_put(&o, PTN_STUN_USERHASH, ptn_bytes(userhash, 32));
    ptn_stun_put(&o, PTN_STUN_NONCE,
                 ptn_bytes_of_text("obMatJos2AAACf//499k954d6OL34oL9FSTvy64sA"));
    ptn_stun_put(&o, PTN_STUN_REALM, realm);
    ptn_stun_put_algorithms(&o, PTN_STUN_PASSWORD_ALGORITHM,
                            (const uint16_t[]){PTN_STUN_ALGORITHM_SHA256}, 1);
    ptn_stun_put_integrity_sha256(&o, c, ptn_bytes(key, 32));
    check_written(&o, rfc8489_long_term_sha256, sizeof rfc8489_long_term_sha256);
    ptn_crypto_free(c);
}

TEST(every_changed_bit_breaks_a_seal_or_the_message)
{
    struct ptn_crypto *c = ptn_crypto_new();
    struct ptn_bytes key = ptn_bytes_of_text(RFC5769_PASSWORD);

    for (size_t bit = 0; bit < sizeof rfc5769_response_v4 * 8; bit++) {
        uint8_t bytes[sizeof rfc5769_response_v4];
        struct ptn_stun_msg m;

        memcpy(bytes, rfc5769_response_v4, sizeof bytes);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (ptn_stun_decode(&m, ptn_bytes(bytes, sizeof bytes)) != PTN_STUN_OK)
            continue;
        CHECK(ptn_stun_check_fingerprint(&m) != PTN_STUN_SEAL_GOOD);
        /* The fingerprint itself is not under the integrity's protection. */
        if (bit / 8 < sizeof bytes - 8)
            CHECK(ptn_stun_check_integrity(&m, c, key) != PTN_STUN_SEAL_GOOD);
    }
    ptn_crypto_free(c);
}
