#include "stun/msg.h"

#include "stun/cred.h"
#include "stun/seal.h"
#include "support/test.h"

static const struct ptn_stun_id modern_id = {{0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8}};
static const struct ptn_stun_id classic_id = {{9, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8}};

static struct ptn_stun_msg decoded(const struct ptn_stun_out *o)
{
    struct ptn_bytes bytes;
    struct ptn_stun_msg m;

    CHECK(ptn_stun_end(o, &bytes));
    CHECK_EQ(PTN_STUN_OK, ptn_stun_decode(&m, bytes));
    return m;
}

TEST(what_is_not_a_stun_message_gets_the_verdict_that_says_why)
{
    static const struct {
        const char *bytes;
        size_t size;
        enum ptn_stun_verdict verdict;
    } cases[] = {
        {"", 0, PTN_STUN_NOT_STUN},
        {"\0\1\0\0\x21\x12\xa4\x42"
         "abcdefghijk",
         19, PTN_STUN_NOT_STUN},
        {"\x80\1\0\0\x21\x12\xa4\x42"
         "abcdefghijkl",
         20, PTN_STUN_NOT_STUN},
        {"\x40\1\0\0\x21\x12\xa4\x42"
         "abcdefghijkl",
         20, PTN_STUN_NOT_STUN},
        {"\0\1\0\4\x21\x12\xa4\x42"
         "abcdefghijkl",
         20, PTN_STUN_BAD_LENGTH},
        {"\0\1\0\0\x21\x12\xa4\x42"
         "abcdefghijkl\0\0\0\0",
         24, PTN_STUN_BAD_LENGTH},
        {"\0\1\0\2\x21\x12\xa4\x42"
         "abcdefghijkl\0\0",
         22, PTN_STUN_BAD_LENGTH},
        {"\0\1\0\4\x21\x12\xa4\x42"
         "abcdefghijkl\0\6\0\1",
         24, PTN_STUN_BAD_ATTRIBUTE},
        {"\0\1\0\x8\x21\x12\xa4\x42"
         "abcdefghijkl\0\6\xff\xff\0\0\0\0",
         28, PTN_STUN_BAD_ATTRIBUTE},
        {"\0\1\0\xc\x21\x12\xa4\x42"
         "abcdefghijkl\x80\x28\0\4\0\0\0\0\0\6\0\0",
         32, PTN_STUN_BAD_ORDER},
        {"\0\1\0\4\x21\x12\xa4\x42"
         "abcdefghijkl\0\6\0\0",
         24, PTN_STUN_OK},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ptn_stun_msg m;
        CHECK_EQ(cases[i].verdict, ptn_stun_decode(&m, ptn_bytes(cases[i].bytes, cases[i].size)));
        CHECK(strlen(ptn_stun_verdict_name(cases[i].verdict)) > 0);
    }
}

TEST(class_and_method_survive_the_scattering_of_their_bits)
{
    for (unsigned method = 0; method < 0x1000; method++)
        for (unsigned class = 0; class < 4; class ++) {
            uint8_t buf[20];
            struct ptn_stun_out o;

            ptn_stun_begin(&o, buf, sizeof buf, (enum ptn_stun_class) class, (uint16_t)method,
                           &modern_id);
            struct ptn_stun_msg m = decoded(&o);
            CHECK_EQ(method, m.method);
            CHECK_EQ(class, m.class);
        }
}

TEST(the_cookie_tells_the_dialect)
{
    uint8_t buf[20];
    struct ptn_stun_out o;

    ptn_stun_begin(&o, buf, sizeof buf, PTN_STUN_REQUEST, PTN_STUN_BINDING, &modern_id);
    CHECK_EQ(PTN_STUN_MODERN, decoded(&o).dialect);
    ptn_stun_begin(&o, buf, sizeof buf, PTN_STUN_REQUEST, PTN_STUN_BINDING, &classic_id);
    CHECK_EQ(PTN_STUN_CLASSIC, decoded(&o).dialect);
}

TEST(new_ids_speak_their_dialect_and_differ)
{
    struct ptn_dice dice = ptn_dice_seeded(5);
    struct ptn_stun_id a = ptn_stun_id_new(&dice, PTN_STUN_MODERN);
    struct ptn_stun_id b = ptn_stun_id_new(&dice, PTN_STUN_MODERN);

    CHECK(!ptn_stun_id_equal(&a, &b));
    CHECK_EQ(PTN_STUN_MODERN, ptn_stun_id_dialect(&a));
    a = ptn_stun_id_new(&dice, PTN_STUN_CLASSIC);
    CHECK_EQ(PTN_STUN_CLASSIC, ptn_stun_id_dialect(&a));
}

TEST(the_mapped_address_is_found_in_every_form_and_tells_the_server)
{
    struct ptn_addr a = ptn_addr_v4(198, 51, 100, 7, 40000), b = ptn_addr_v4(10, 0, 0, 1, 5060);
    static const struct {
        bool modern_id;
        enum ptn_stun_attr first, second;
        enum ptn_stun_dialect server;
    } cases[] = {
        {true, PTN_STUN_XOR_MAPPED_ADDRESS, PTN_STUN_MAPPED_ADDRESS, PTN_STUN_MODERN},
        {true, PTN_STUN_OLD_XOR_MAPPED_ADDRESS, PTN_STUN_MAPPED_ADDRESS, PTN_STUN_CLASSIC},
        /* An old server takes the cookie for a part of the id and echoes it. */
        {true, PTN_STUN_MAPPED_ADDRESS, PTN_STUN_SOURCE_ADDRESS, PTN_STUN_CLASSIC},
        {false, PTN_STUN_MAPPED_ADDRESS, PTN_STUN_SOURCE_ADDRESS, PTN_STUN_CLASSIC},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t buf[100];
        struct ptn_stun_out o;
        struct ptn_addr mapped;
        enum ptn_stun_dialect server;

        ptn_stun_begin(&o, buf, sizeof buf, PTN_STUN_SUCCESS, PTN_STUN_BINDING,
                       cases[i].modern_id ? &modern_id : &classic_id);
        ptn_stun_put_addr(&o, cases[i].second, &b);
        ptn_stun_put_addr(&o, cases[i].first, &a);
        struct ptn_stun_msg m = decoded(&o);
        CHECK(ptn_stun_get_mapped(&m, &mapped, &server));
        CHECK_ADDR(&a, &mapped);
        CHECK_EQ(cases[i].server, server);
    }
}

TEST(an_address_of_the_wrong_size_or_family_is_no_address)
{
    static const struct {
        const char *value;
        size_t size;
    } cases[] = {
        {"\0\1\0\1abc", 7},
        {"\0\1\0\1abcde", 9},
        {"\0\2\0\1abcd", 8},
        {"\0\3\0\1abcd", 8},
        {"\0\1\0\1abcdefghijklmnop", 20},
        {"", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t buf[100];
        struct ptn_stun_out o;
        struct ptn_addr out = ptn_addr_v4(1, 2, 3, 4, 5), before = out;

        ptn_stun_begin(&o, buf, sizeof buf, PTN_STUN_SUCCESS, PTN_STUN_BINDING, &modern_id);
        ptn_stun_put(&o, PTN_STUN_MAPPED_ADDRESS, ptn_bytes(cases[i].value, cases[i].size));
        struct ptn_stun_msg m = decoded(&o);
        CHECK(!ptn_stun_get_addr(&m, PTN_STUN_MAPPED_ADDRESS, &out));
        CHECK(!ptn_stun_get_mapped(&m, &out, NULL));
        CHECK_ADDR(&before, &out);
    }
}

TEST(the_first_of_equal_attributes_counts)
{
    uint8_t buf[100];
    struct ptn_stun_out o;
    uint32_t flags;

    ptn_stun_begin(&o, buf, sizeof buf, PTN_STUN_REQUEST, PTN_STUN_BINDING, &modern_id);
    ptn_stun_put_u32(&o, PTN_STUN_CHANGE_REQUEST, PTN_STUN_CHANGE_IP);
    ptn_stun_put_u32(&o, PTN_STUN_CHANGE_REQUEST, PTN_STUN_CHANGE_PORT);
    struct ptn_stun_msg m = decoded(&o);
    CHECK(ptn_stun_get_u32(&m, PTN_STUN_CHANGE_REQUEST, &flags));
    CHECK_EQ(PTN_STUN_CHANGE_IP, flags);
}

TEST(what_follows_an_integrity_attribute_does_not_count)
{
    struct ptn_crypto *c = ptn_crypto_new();
    struct ptn_bytes key = ptn_bytes_of_text("secret");
    uint8_t buf[300];
    struct ptn_stun_out o;

    ptn_stun_begin(&o, buf, sizeof buf, PTN_STUN_REQUEST, PTN_STUN_BINDING, &modern_id);
    ptn_stun_put(&o, PTN_STUN_USERNAME, ptn_bytes_of_text("a"));
    ptn_stun_put_integrity(&o, c, key);
    ptn_stun_put_u32(&o, PTN_STUN_CHANGE_REQUEST, 6);
    ptn_stun_put_integrity_sha256(&o, c, key);
    ptn_stun_put(&o, PTN_STUN_REALM, ptn_bytes_of_text("r"));
    ptn_stun_put_fingerprint(&o);
    struct ptn_stun_msg m = decoded(&o);
    CHECK(ptn_stun_has(&m, PTN_STUN_USERNAME));
    CHECK(!ptn_stun_has(&m, PTN_STUN_CHANGE_REQUEST));
    CHECK(!ptn_stun_has(&m, PTN_STUN_REALM));
    CHECK_EQ(PTN_STUN_SEAL_GOOD, ptn_stun_check_integrity(&m, c, key));
    CHECK_EQ(PTN_STUN_SEAL_GOOD, ptn_stun_check_integrity_sha256(&m, c, key));
    CHECK_EQ(PTN_STUN_SEAL_GOOD, ptn_stun_check_fingerprint(&m));
    CHECK_EQ(PTN_STUN_SEAL_BROKEN, ptn_stun_check_integrity(&m, c, ptn_bytes_of_text("Secret")));
    ptn_crypto_free(c);
}

TEST(a_truncated_sha256_seal_is_accepted_down_to_16_bytes)
{
    struct ptn_crypto *c = ptn_crypto_new();
    struct ptn_bytes key = ptn_bytes_of_text("secret");

    for (size_t kept = 8; kept <= 36; kept += 4) {
        uint8_t buf[100] = {0}, mac[PTN_DIGEST_BYTES_MAX + 4] = {0};
        struct ptn_stun_out o;
        struct ptn_bytes covered;

        ptn_stun_begin(&o, buf, sizeof buf, PTN_STUN_REQUEST, PTN_STUN_BINDING, &modern_id);
        buf[3] = (uint8_t)(4 + kept);
        CHECK(ptn_stun_end(&o, &covered));
        ptn_crypto_hmac(c, PTN_SHA256, key, &covered, 1, mac);
        ptn_stun_put(&o, PTN_STUN_MESSAGE_INTEGRITY_SHA256, ptn_bytes(mac, kept));
        struct ptn_stun_msg m = decoded(&o);
        CHECK_EQ(kept >= 16 && kept <= 32 ? PTN_STUN_SEAL_GOOD : PTN_STUN_SEAL_BROKEN,
                 ptn_stun_check_integrity_sha256(&m, c, key));
    }
    ptn_crypto_free(c);
}

/* RFC 3489 §11.2.8: what is hashed is filled up to 64 bytes with zeros. */
TEST(the_classic_integrity_hashes_whole_blocks)
{
    struct ptn_crypto *c = ptn_crypto_new();
    struct ptn_bytes key = ptn_bytes_of_text("secret"), message;
    uint8_t buf[100] = {0}, block[64] = {0}, mac[PTN_DIGEST_BYTES_MAX];
    struct ptn_stun_out o;

    ptn_stun_begin(&o, buf, sizeof buf, PTN_STUN_REQUEST, PTN_STUN_BINDING, &classic_id);
    ptn_stun_put(&o, PTN_STUN_USERNAME, ptn_bytes_of_text("user"));
    memcpy(block, buf, 28);
    block[3] = 8 + 24;
    struct ptn_bytes whole = ptn_bytes(block, sizeof block);
    ptn_crypto_hmac(c, PTN_SHA1, key, &whole, 1, mac);
    ptn_stun_put_integrity(&o, c, key);
    CHECK(ptn_stun_end(&o, &message));
    CHECK_BYTES(mac, message.data + 32, 20);
    struct ptn_stun_msg m = decoded(&o);
    CHECK_EQ(PTN_STUN_SEAL_GOOD, ptn_stun_check_integrity(&m, c, key));
    ptn_crypto_free(c);
}

TEST(attributes_that_must_be_understood_and_are_not_are_told_once_each)
{
    uint8_t buf[200];
    struct ptn_stun_out o;
    uint16_t unknown[10];

    ptn_stun_begin(&o, buf, sizeof buf, PTN_STUN_REQUEST, PTN_STUN_BINDING, &modern_id);
    ptn_stun_put_u32(&o, PTN_STUN_CHANGE_REQUEST, 0);
    ptn_stun_put_u32(&o, (enum ptn_stun_attr)0x7abc, 0);
    ptn_stun_put_u32(&o, (enum ptn_stun_attr)0x0024, 0);
    ptn_stun_put_u32(&o, (enum ptn_stun_attr)0x7abc, 0);
    ptn_stun_put_u32(&o, (enum ptn_stun_attr)0xfabc, 0);
    ptn_stun_put_u32(&o, PTN_STUN_SOFTWARE, 0);
    struct ptn_stun_msg m = decoded(&o);
    CHECK_EQ(2, ptn_stun_unknown(&m, 1u << PTN_STUN_CHANGE_REQUEST, unknown, 10));
    CHECK_EQ(0x0024, unknown[0]);
    CHECK_EQ(0x7abc, unknown[1]);
    CHECK_EQ(3, ptn_stun_unknown(&m, 0, unknown, 10));
    CHECK_EQ(1, ptn_stun_unknown(&m, 0, unknown, 1));
}

TEST(many_strangers_do_not_overflow)
{
    uint8_t buf[PTN_STUN_BYTES_MAX];
    struct ptn_stun_out o;
    uint16_t unknown[20];

    ptn_stun_begin(&o, buf, sizeof buf, PTN_STUN_REQUEST, PTN_STUN_BINDING, &modern_id);
    for (unsigned i = 0; i < 100; i++)
        ptn_stun_put_u32(&o, (enum ptn_stun_attr)(0x4000 + i), i);
    struct ptn_stun_msg m = decoded(&o);
    CHECK_EQ(PTN_STUN_STRANGERS_MAX, ptn_stun_unknown(&m, 0, unknown, 20));
}

TEST(unknown_attributes_and_errors_are_filled_up_as_each_dialect_wants)
{
    for (unsigned classic = 0; classic < 2; classic++) {
        uint8_t buf[100];
        struct ptn_stun_out o;
        struct ptn_bytes value, reason;
        unsigned code;

        ptn_stun_begin(&o, buf, sizeof buf, PTN_STUN_ERROR, PTN_STUN_BINDING,
                       classic ? &classic_id : &modern_id);
        ptn_stun_put_error(&o, 420);
        ptn_stun_put_unknown(&o, (const uint16_t[]){0x24, 0x25, 0x7abc}, 3);
        struct ptn_stun_msg m = decoded(&o);
        CHECK(ptn_stun_get_error(&m, &code, &reason));
        CHECK_EQ(420, code);
        CHECK_EQ(classic ? 20 : 17, reason.size);
        CHECK_BYTES("Unknown Attribute   ", reason.data, reason.size);
        CHECK(ptn_stun_get(&m, PTN_STUN_UNKNOWN_ATTRIBUTES, &value));
        CHECK_EQ(classic ? 8 : 6, value.size);
        CHECK_BYTES("\0\x24\0\x25\x7a\xbc\x7a\xbc", value.data, value.size);
    }
}

TEST(an_error_code_outside_its_range_is_none)
{
    static const char *const values[] = {"\0\0\2\0", "\0\0\7\0", "\0\0\4\x64", "\0\0\4"};

    for (size_t i = 0; i < 4; i++) {
        uint8_t buf[100];
        struct ptn_stun_out o;
        struct ptn_bytes reason;
        unsigned code;

        ptn_stun_begin(&o, buf, sizeof buf, PTN_STUN_ERROR, PTN_STUN_BINDING, &modern_id);
        ptn_stun_put(&o, PTN_STUN_ERROR_CODE, ptn_bytes(values[i], i == 3 ? 3 : 4));
        struct ptn_stun_msg m = decoded(&o);
        CHECK(!ptn_stun_get_error(&m, &code, &reason));
    }
}

TEST(password_algorithms_are_walked_and_a_cut_list_ends)
{
    struct ptn_bytes list = ptn_bytes("\0\2\0\1x\0\0\0\0\1\0\0\0\3\0\7ab", 18), params;
    uint16_t algorithm;

    CHECK(ptn_stun_next_algorithm(&list, &algorithm, &params));
    CHECK_EQ(PTN_STUN_ALGORITHM_SHA256, algorithm);
    CHECK(ptn_bytes_equal(ptn_bytes("x", 1), params));
    CHECK(ptn_stun_next_algorithm(&list, &algorithm, &params));
    CHECK_EQ(PTN_STUN_ALGORITHM_MD5, algorithm);
    CHECK(!ptn_stun_next_algorithm(&list, &algorithm, &params));
}

TEST(a_response_port_is_two_bytes_and_two_of_reserve)
{
    uint8_t buf[100];
    struct ptn_stun_out o;
    uint16_t port;

    ptn_stun_begin(&o, buf, sizeof buf, PTN_STUN_REQUEST, PTN_STUN_BINDING, &modern_id);
    ptn_stun_put_u16(&o, PTN_STUN_RESPONSE_PORT, 40001);
    struct ptn_stun_msg m = decoded(&o);
    CHECK(ptn_stun_get_u16(&m, PTN_STUN_RESPONSE_PORT, &port));
    CHECK_EQ(40001, port);
    CHECK(!ptn_stun_get_u16(&m, PTN_STUN_CHANGE_REQUEST, &port));
}

TEST(a_message_that_does_not_fit_is_not_finished)
{
    struct ptn_crypto *c = ptn_crypto_new();
    struct ptn_addr a = ptn_addr_v4(192, 0, 2, 1, 1);
    uint8_t buf[80];

    for (size_t size = 0; size < 64; size++) {
        struct ptn_stun_out o;
        struct ptn_bytes message;

        memset(buf, 0xee, sizeof buf);
        ptn_stun_begin(&o, buf, size, PTN_STUN_REQUEST, PTN_STUN_BINDING, &modern_id);
        ptn_stun_put_addr(&o, PTN_STUN_MAPPED_ADDRESS, &a);
        ptn_stun_put_integrity(&o, c, ptn_bytes_of_text("k"));
        ptn_stun_put_fingerprint(&o);
        CHECK(!ptn_stun_end(&o, &message));
        for (size_t i = size; i < sizeof buf; i++)
            CHECK_EQ(0xee, buf[i]);
    }
    ptn_crypto_free(c);
}

TEST(a_value_beyond_16_bits_of_length_is_refused)
{
    static uint8_t buf[70000], value[65536];
    struct ptn_stun_out o;
    struct ptn_bytes message;

    ptn_stun_begin(&o, buf, sizeof buf, PTN_STUN_REQUEST, PTN_STUN_BINDING, &modern_id);
    ptn_stun_put(&o, PTN_STUN_PADDING, ptn_bytes(value, 65536));
    CHECK(!ptn_stun_end(&o, &message));
    ptn_stun_begin(&o, buf, sizeof buf, PTN_STUN_REQUEST, PTN_STUN_BINDING, &modern_id);
    ptn_stun_put(&o, PTN_STUN_PADDING, ptn_bytes(value, 65528));
    ptn_stun_put_u32(&o, PTN_STUN_CHANGE_REQUEST, 0);
    CHECK(!ptn_stun_end(&o, &message));
}

TEST(an_attribute_at_the_far_end_of_the_largest_message_is_found)
{
    static uint8_t buf[70000], value[65520];
    struct ptn_stun_out o;

    ptn_stun_begin(&o, buf, sizeof buf, PTN_STUN_REQUEST, PTN_STUN_BINDING, &modern_id);
    ptn_stun_put(&o, PTN_STUN_PADDING, ptn_bytes(value, sizeof value));
    ptn_stun_put(&o, PTN_STUN_REALM, ptn_bytes_of_text("rest"));
    struct ptn_stun_msg m = decoded(&o);
    CHECK_EQ(65552, m.bytes.size);
    CHECK(ptn_stun_has(&m, PTN_STUN_REALM));
}

TEST(a_nonce_cookie_tells_its_features_and_others_tell_none)
{
    static const uint32_t features[] = {0, PTN_STUN_FEATURE_PASSWORD_ALGORITHMS,
                                        PTN_STUN_FEATURE_USER_ANONYMITY, 0xffffff, 0x123456};
    uint32_t got;

    for (size_t i = 0; i < 5; i++) {
        char cookie[PTN_STUN_NONCE_COOKIE_BYTES];
        ptn_stun_nonce_cookie(features[i], cookie);
        CHECK(ptn_stun_nonce_features(ptn_bytes(cookie, sizeof cookie), &got));
        CHECK_EQ(features[i], got);
    }
    CHECK(ptn_stun_nonce_features(ptn_bytes_of_text("obMatJos2gAAAxyz"), &got));
    CHECK_EQ(PTN_STUN_FEATURE_PASSWORD_ALGORITHMS, got);
    CHECK(!ptn_stun_nonce_features(ptn_bytes_of_text("obMatJos2gAA"), &got));
    CHECK(!ptn_stun_nonce_features(ptn_bytes_of_text("obMatJos2gA-A"), &got));
    CHECK(!ptn_stun_nonce_features(ptn_bytes_of_text("f//499k954d6OL34oL9FSTvy64sA"), &got));
}
