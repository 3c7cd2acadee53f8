/*
 * tests/unit/sip/test_digest.c - the RFCs' own examples, and the guard against loops.
 */
#include "sip/digest.h"

#include <stdio.h>

#include "support/test.h"

static bool parse(const char *text, struct ptn_sip_challenge *c)
{
    return ptn_sip_challenge_parse(ptn_bytes_of_text(text), false, c);
}

static const struct ptn_sip_credentials mufasa = {"Mufasa", "Circle of Life"};
static const struct ptn_sip_credentials mufasa_2617 = {"Mufasa", "Circle Of Life"};

TEST(the_examples_of_rfc_7616_and_rfc_2617_come_out_as_printed_there)
{
    static const struct {
        const char *challenge;
        const struct ptn_sip_credentials *who;
        const char *cnonce;
        const char *response;
    } cases[] = {
        /* RFC 7616 §3.9.1 */
        {"Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm=MD5, "
         "nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", "
         "opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"",
         &mufasa, "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
         "8ca523f5e9506fed4657c9700eebdbec"},
        {"Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm=SHA-256, "
         "nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", "
         "opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"",
         &mufasa, "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
         "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"},
        /* RFC 2617 §3.5 */
        {"Digest realm=\"testrealm@host.com\", qop=\"auth,auth-int\", "
         "nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", "
         "opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"",
         &mufasa_2617, "0a4f113b", "6629fae49393a05397450978507c4ef1"},
    };
    struct ptn_crypto *crypto = ptn_crypto_new();
    char response[2 * PTN_DIGEST_BYTES_MAX + 1];

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ptn_sip_challenge c;
        CHECK(parse(cases[i].challenge, &c));
        CHECK(c.qop);
        ptn_sip_digest_response(crypto, &c, cases[i].who, "GET", "/dir/index.html", 1,
                                cases[i].cnonce, response);
        CHECK_STR(cases[i].response, response);
    }
    ptn_crypto_free(crypto);
}

TEST(without_qop_the_old_form_is_used)
{
    struct ptn_crypto *crypto = ptn_crypto_new();
    struct ptn_sip_challenge c;
    char response[2 * PTN_DIGEST_BYTES_MAX + 1];

    CHECK(parse("Digest realm=\"testrealm@host.com\", "
                "nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\"",
                &c));
    CHECK(!c.qop);
    /* RFC 2069's sum over the values of RFC 2617's example, as other tools compute it. */
    ptn_sip_digest_response(crypto, &c, &mufasa_2617, "GET", "/dir/index.html", 0, "", response);
    CHECK_STR("670fd8c2df070c60b045671b8b24ff02", response);
    ptn_crypto_free(crypto);
}

TEST(challenges_that_cannot_be_answered_are_turned_down)
{
    static const struct {
        const char *text;
        bool good;
    } cases[] = {
        {"Digest realm=\"r\", nonce=\"n\"", true},
        {"digest  realm = \"r\" , nonce = \"n\" ,unknown=3", true},
        {"Digest\r\n realm=\"r, s\",\r\n nonce=\"n\"", true},
        {"Digest realm=\"r\", nonce=\"n\", algorithm=md5-sess, qop=auth", true},
        {"Digest realm=\"r\", nonce=\"n\", algorithm=SHA-512-256", false},
        {"Digest realm=\"r\", nonce=\"n\", qop=\"auth-int\"", false},
        {"Digest realm=\"r\"", false},
        {"Digest nonce=\"n\"", false},
        {"Digest realm=\"\", nonce=\"n\"", false},
        {"Basic realm=\"r\", nonce=\"n\"", false},
        {"Digest", false},
        {"Digestrealm=\"r\", nonce=\"n\"", false},
        {"Digest realm=\"r\", nonce=\"n\", bare", false},
        {"", false},
    };
    struct ptn_sip_challenge c;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        CHECK_EQ(cases[i].good, parse(cases[i].text, &c));

    char longest[1200] = "Digest realm=\"r\", nonce=\"";
    memset(longest + strlen(longest), 'x', 600);
    strcat(longest, "\"");
    CHECK(!parse(longest, &c));
}

static struct ptn_sip_challenge challenge(const char *realm, const char *nonce,
                                          enum ptn_digest algorithm, bool stale)
{
    struct ptn_sip_challenge c = {
        .algorithm = algorithm, .said = true, .qop = true, .stale = stale};

    c.realm = ptn_bytes_of_text(realm);
    c.nonce = ptn_bytes_of_text(nonce);
    return c;
}

static void check_nonce(const struct ptn_sip_auth *auth, const char *nonce)
{
    CHECK(auth->realms[0] &&
          ptn_bytes_equal(ptn_bytes_of_text(nonce), auth->realms[0]->challenge.nonce));
}

TEST(a_wrong_password_is_tried_once)
{
    struct ptn_sip_auth auth = {0};
    struct ptn_sip_auth_chain chain = {0};
    struct ptn_sip_challenge first = challenge("r", "1", PTN_MD5, false),
                             second = challenge("r", "2", PTN_MD5, false);

    CHECK(ptn_sip_auth_challenged(&auth, &chain, &first, 1));
    CHECK(!ptn_sip_auth_challenged(&auth, &chain, &second, 1));
    /* And not from the start of the next request either. */
    CHECK(!auth.realms[0]);
    ptn_sip_auth_fini(&auth);
}

TEST(a_stale_nonce_is_no_wrong_password_but_not_for_ever)
{
    struct ptn_sip_auth auth = {0};
    struct ptn_sip_auth_chain chain = {0};
    struct ptn_sip_challenge stale = challenge("r", "1", PTN_MD5, true);
    unsigned again = 0;

    while (again < 100 && ptn_sip_auth_challenged(&auth, &chain, &stale, 1))
        again++;
    CHECK_EQ(5, again);
    ptn_sip_auth_fini(&auth);
}

TEST(an_old_nonce_refused_on_a_later_request_is_answered_anew)
{
    struct ptn_sip_auth auth = {0};
    struct ptn_sip_auth_chain registration = {0}, invite = {0};
    struct ptn_sip_challenge first = challenge("r", "1", PTN_MD5, false),
                             second = challenge("r", "2", PTN_MD5, false);

    CHECK(ptn_sip_auth_challenged(&auth, &registration, &first, 1));
    CHECK(ptn_sip_auth_challenged(&auth, &invite, &second, 1));
    check_nonce(&auth, "2");
    ptn_sip_auth_fini(&auth);
}

TEST(of_several_challenges_for_a_realm_the_strongest_is_answered)
{
    struct ptn_sip_auth auth = {0};
    struct ptn_sip_auth_chain chain = {0};
    struct ptn_sip_challenge both[] = {challenge("r", "256", PTN_SHA256, false),
                                       challenge("r", "md5", PTN_MD5, false)};

    CHECK(ptn_sip_auth_challenged(&auth, &chain, both, 2));
    check_nonce(&auth, "256");
    CHECK_EQ(PTN_SHA256, auth.realms[0]->challenge.algorithm);
    ptn_sip_auth_fini(&auth);
}

TEST(proxy_and_registrar_of_one_realm_are_two)
{
    struct ptn_sip_auth auth = {0};
    struct ptn_sip_auth_chain chain = {0};
    struct ptn_sip_challenge www = challenge("r", "w", PTN_MD5, false), proxy = www;

    proxy.proxy = true;
    CHECK(ptn_sip_auth_challenged(&auth, &chain, &proxy, 1));
    CHECK(ptn_sip_auth_challenged(&auth, &chain, &www, 1));
    CHECK(!ptn_sip_auth_challenged(&auth, &chain, &proxy, 1));
    ptn_sip_auth_fini(&auth);
}

TEST(lines_count_the_nonce_and_name_what_was_asked)
{
    struct ptn_sip_auth auth = {0};
    struct ptn_sip_auth_chain chain = {0};
    struct ptn_sip_challenge c = challenge("r", "n", PTN_SHA256, false);
    struct ptn_crypto *crypto = ptn_crypto_new();
    struct ptn_dice dice = ptn_dice_seeded(1);
    char text[2000];

    c.opaque = ptn_bytes_of_text("o");
    CHECK(ptn_sip_auth_challenged(&auth, &chain, &c, 1));
    for (unsigned i = 1; i <= 2; i++) {
        struct ptn_writer w = ptn_writer(text, sizeof text);
        char count[20];
        ptn_sip_auth_print(&auth, crypto, &dice, &(struct ptn_sip_credentials){"a\"b", "p"},
                           "REGISTER", "sip:x", &w);
        ptn_write_u8(&w, 0);
        CHECK(!w.bad);
        snprintf(count, sizeof count, "nc=%08x", i);
        CHECK(strstr(text, count) != NULL);
        CHECK(strstr(text, "Authorization: Digest username=\"a\\\"b\", realm=\"r\"") == text);
        CHECK(strstr(text, "algorithm=SHA-256") && strstr(text, "opaque=\"o\"") &&
              strstr(text, "qop=auth"));
    }
    ptn_sip_auth_info(&auth, ptn_bytes_of_text("nextnonce=\"n2\", qop=auth"));
    check_nonce(&auth, "n2");
    CHECK_EQ(0, auth.realms[0]->nonce_count);
    ptn_crypto_free(crypto);
    ptn_sip_auth_fini(&auth);
}

TEST(without_a_password_nothing_is_sent)
{
    struct ptn_sip_auth auth = {0};
    struct ptn_sip_auth_chain chain = {0};
    struct ptn_sip_challenge c = challenge("r", "n", PTN_MD5, false);
    struct ptn_dice dice = ptn_dice_seeded(1);
    uint8_t room[100];
    struct ptn_writer w = ptn_writer(room, sizeof room);

    CHECK(ptn_sip_auth_challenged(&auth, &chain, &c, 1));
    ptn_sip_auth_print(&auth, NULL, &dice, &(struct ptn_sip_credentials){"a", NULL}, "INVITE",
                       "sip:x", &w);
    CHECK_EQ(0, ptn_writer_size(&w));
    ptn_sip_auth_fini(&auth);
}
