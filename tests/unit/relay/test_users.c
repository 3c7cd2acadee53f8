#include "relay/core.h"
#include "stun/seal.h"
#include "support/test.h"
#include "support/turn_rig.h"

TEST(a_stranger_gets_at_most_76_bytes_with_realm_and_nonce)
{
    struct rig *g = rig_new(NULL);
    struct rig_client c = rig_client(40000);
    struct rig_request q;
    struct ptn_bytes nonce;

    rig_begin(&q, &c, PTN_STUN_ALLOCATE);
    ptn_stun_put_u32(&q.o, PTN_STUN_REQUESTED_TRANSPORT, 17u << 24);
    CHECK_EQ(401, rig_ask_plainly(g, &q));
    CHECK(q.answer.bytes.size <= 76);
    CHECK(ptn_stun_has(&q.answer, PTN_STUN_REALM));
    CHECK(ptn_stun_get(&q.answer, PTN_STUN_NONCE, &nonce));
    CHECK(!ptn_stun_has(&q.answer, PTN_STUN_MESSAGE_INTEGRITY));
    CHECK_EQ(1, rig_count(g, PTN_RELAY_CHALLENGED));
    CHECK_EQ(0, ptn_relay_now(g->relay).allocations);
    rig_free(g);
}

TEST(a_request_with_a_fingerprint_is_answered_with_one_and_a_broken_one_not_at_all)
{
    struct rig *g = rig_new(NULL);
    struct rig_client c = rig_client(40000);
    struct rig_request q;

    rig_begin(&q, &c, PTN_STUN_ALLOCATE);
    ptn_stun_put_fingerprint(&q.o);
    CHECK_EQ(401, rig_ask_plainly(g, &q));
    CHECK_EQ(PTN_STUN_SEAL_GOOD, ptn_stun_check_fingerprint(&q.answer));
    CHECK(q.answer.bytes.size <= 84);
    q.buf[27] ^= 1;
    CHECK_EQ(1, rig_ask_again(g, &q));
    CHECK_EQ(1, rig_count(g, PTN_RELAY_BROKEN_FINGERPRINT));
    rig_free(g);
}

TEST(credentials_are_good_or_not)
{
    static const struct {
        const char *user, *password;
        unsigned code;
    } cases[] = {
        {"alice", "secret", 0},     {"alice", "wrong", 401},  {"alice", "", 401},
        {"mallory", "secret", 401}, {"Alice", "secret", 401},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rig *g = rig_new(NULL);
        struct rig_client c = rig_client(40000);
        CHECK_EQ(cases[i].code, rig_allocate_as(g, &c, cases[i].user, cases[i].password));
        CHECK_EQ(cases[i].code == 0, ptn_relay_now(g->relay).allocations);
        rig_free(g);
    }
}

TEST(a_request_lacks_a_part_of_the_credentials_and_is_a_bad_one)
{
    struct rig *g = rig_new(NULL);
    struct rig_client c = rig_client(40000);
    struct rig_request q;

    for (unsigned missing = 0; missing < 3; missing++) {
        rig_begin(&q, &c, PTN_STUN_ALLOCATE);
        if (missing != 0)
            ptn_stun_put(&q.o, PTN_STUN_USERNAME, ptn_bytes("alice", 5));
        if (missing != 1)
            ptn_stun_put(&q.o, PTN_STUN_REALM, ptn_bytes("example.org", 11));
        if (missing != 2)
            ptn_stun_put(&q.o, PTN_STUN_NONCE, ptn_bytes("1", 1));
        ptn_stun_put_integrity(&q.o, g->crypto, ptn_bytes("key", 3));
        CHECK_EQ(400, rig_ask_plainly(g, &q));
    }
    rig_free(g);
}

TEST(a_nonce_of_another_time_or_address_or_make_is_stale)
{
    struct rig *g = rig_new(NULL);
    struct rig_client c = rig_client(40000);
    struct rig_request q;

    CHECK_EQ(0, rig_allocate(g, &c, NULL));
    CHECK_EQ(0, rig_refresh(g, &c, 600));
    CHECK_EQ(0, rig_count(g, PTN_RELAY_STALE_NONCE));
    rig_sleep(g, PTN_S(599));
    CHECK_EQ(0, rig_refresh(g, &c, 3600));
    CHECK_EQ(0, rig_count(g, PTN_RELAY_STALE_NONCE));
    rig_sleep(g, PTN_S(5));
    CHECK_EQ(0, rig_refresh(g, &c, 3600)); /* with the new one that came with 438 */
    CHECK_EQ(1, rig_count(g, PTN_RELAY_STALE_NONCE));
    struct rig_client thief = rig_client(40001);
    thief.addr.ip[3]++;
    memcpy(thief.realm, c.realm, sizeof c.realm);
    memcpy(thief.nonce, c.nonce, sizeof c.nonce);
    rig_begin(&q, &thief, PTN_STUN_ALLOCATE);
    CHECK_EQ(400, rig_ask(g, &q)); /* after a 438: there is no REQUESTED-TRANSPORT */
    CHECK_EQ(2, rig_count(g, PTN_RELAY_STALE_NONCE));
    memset(thief.nonce, 'A', 24);
    thief.nonce[24] = '\0';
    rig_begin(&q, &thief, PTN_STUN_ALLOCATE);
    CHECK_EQ(400, rig_ask(g, &q));
    CHECK_EQ(3, rig_count(g, PTN_RELAY_STALE_NONCE));
    rig_free(g);
}

TEST(nonces_of_a_fleet_with_one_secret_are_taken_by_each_other)
{
    for (unsigned same = 0; same < 2; same++) {
        struct ptn_relay_opts opts = rig_opts();
        opts.turn.nonce_secret = ptn_bytes("fleet", 5);
        struct rig *a = rig_new(&opts);
        opts.turn.nonce_secret = same ? ptn_bytes("fleet", 5) : ptn_bytes("other", 5);
        opts.dice = ptn_dice_seeded(2);
        struct rig *b = rig_new(&opts);
        struct rig_client c = rig_client(40000);

        ptn_relay_set_wall(a->relay, 0, 1000000);
        ptn_relay_set_wall(b->relay, 0, 1000004); /* clocks differ a little */
        CHECK_EQ(0, rig_allocate(a, &c, NULL));
        CHECK_EQ(0, rig_allocate(b, &c, NULL));
        CHECK_EQ(same ? 0 : 1, rig_count(b, PTN_RELAY_STALE_NONCE));
        rig_free(a);
        rig_free(b);
    }
}

TEST(sha256_and_userhash_are_offered_where_it_costs_nobody_anything)
{
    struct ptn_relay_opts opts = rig_opts();

    for (unsigned always = 0; always < 2; always++)
        for (unsigned stream = 0; stream < 2; stream++) {
            opts.turn.always_algorithms = always;
            struct rig *g = rig_new(&opts);
            struct rig_client c =
                stream ? rig_stream_client(g, PTN_ID_WORLD + 1) : rig_client(40000);
            struct rig_request q;
            uint32_t features;

            rig_begin(&q, &c, PTN_STUN_ALLOCATE);
            CHECK_EQ(401, rig_ask_plainly(g, &q));
            CHECK_EQ(always || stream, ptn_stun_has(&q.answer, PTN_STUN_PASSWORD_ALGORITHMS));
            struct ptn_bytes nonce;
            CHECK(ptn_stun_get(&q.answer, PTN_STUN_NONCE, &nonce));
            CHECK_EQ(always || stream, ptn_stun_nonce_features(nonce, &features));
            if (always || stream) {
                CHECK_EQ(PTN_STUN_FEATURE_PASSWORD_ALGORITHMS | PTN_STUN_FEATURE_USER_ANONYMITY,
                         features);
                c.sha256 = c.userhash = true;
                CHECK_EQ(0, rig_allocate(g, &c, NULL));
                CHECK(ptn_stun_has(&q.answer, PTN_STUN_NONCE));
                CHECK_EQ(0, rig_refresh(g, &c, 700));
            }
            rig_free(g);
        }
}

/* Somebody on the way struck SHA-256 out of what we offered (RFC 8489 §9.2.4). */
TEST(a_list_of_algorithms_that_was_tampered_with_is_a_bad_request)
{
    struct ptn_relay_opts opts = rig_opts();
    opts.turn.always_algorithms = true;
    struct rig *g = rig_new(&opts);
    struct rig_client c = rig_client(40000);
    struct rig_request q;

    c.sha256 = true;
    CHECK_EQ(0, rig_allocate(g, &c, NULL));
    c.algorithms_size = 4; /* the first only */
    rig_begin(&q, &c, PTN_STUN_REFRESH);
    CHECK_EQ(400, rig_ask(g, &q));
    c.algorithms_size = 8;
    c.algorithms[1] = 1;
    rig_begin(&q, &c, PTN_STUN_REFRESH);
    CHECK_EQ(400, rig_ask(g, &q));
    rig_free(g);
}

/* The password of a name by a secret, as a web server makes it. */
static void make_password(struct rig *g, const char *secret, const char *name, char out[29])
{
    static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    struct ptn_bytes text = ptn_bytes_of_text(name);
    uint8_t mac[PTN_DIGEST_BYTES_MAX + 1] = {0};

    ptn_crypto_hmac(g->crypto, PTN_SHA1, ptn_bytes_of_text(secret), &text, 1, mac);
    mac[20] = 0;
    for (unsigned k = 0; k < 28; k++) {
        unsigned bit = 6 * k, two = (unsigned)mac[bit / 8] << 8 | mac[bit / 8 + 1];
        out[k] = base64[two >> (10 - bit % 8) & 63];
    }
    out[27] = '=';
    out[28] = '\0';
}

TEST(a_quota_is_the_users_whatever_time_is_in_his_name)
{
    const struct ptn_bytes secret = ptn_bytes("north", 5);
    static const char *const names[] = {"1000600:alice", "1000700:alice", "1000800:alice",
                                        "1000600:bob"};
    struct ptn_relay_opts opts = rig_opts();
    opts.turn.user_count = 0;
    opts.turn.secrets = &secret;
    opts.turn.secret_count = 1;
    opts.turn.user_quota = 2;
    struct rig *g = rig_new(&opts);

    ptn_relay_set_wall(g->relay, 0, 1000000);
    for (uint16_t i = 0; i < 4; i++) {
        struct rig_client c = rig_client((uint16_t)(40000 + i));
        char password[29];
        make_password(g, "north", names[i], password);
        CHECK_EQ(i == 2 ? 486 : 0, rig_allocate_as(g, &c, names[i], password));
    }
    rig_free(g);
}

TEST(an_allocation_that_is_over_is_over_though_the_tick_is_late)
{
    struct rig *g = rig_new(NULL);
    struct rig_client c = rig_client(40000);
    struct ptn_addr first, second;

    CHECK_EQ(0, rig_allocate(g, &c, &first));
    g->now += PTN_S(599);
    CHECK_EQ(0, rig_refresh(g, &c, 600)); /* with a nonce that is as old */
    g->now += PTN_S(600);
    c.nonce[0] = '\0';
    CHECK_EQ(437, rig_refresh(g, &c, 600));
    CHECK_EQ(PTN_RELAY_END_EXPIRED, g->ended.end);
    CHECK_EQ(0, rig_allocate(g, &c, &second));
    CHECK(first.port != second.port);
    rig_free(g);
}

TEST(names_with_a_time_get_their_password_from_any_of_the_secrets)
{
    const struct ptn_bytes secrets[] = {ptn_bytes("north", 5), ptn_bytes("south", 5)};
    static const char *const names[] = {"1000600:alice", "1000600", "alice:1000600",
                                        "999999:alice",  "alice",   "x1000600:alice"};
    struct ptn_relay_opts opts = rig_opts();
    opts.turn.user_count = 0;
    opts.turn.secrets = secrets;
    opts.turn.secret_count = 2;
    opts.turn.ask_for_users = false;

    for (size_t s = 0; s < 2; s++)
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
            struct rig *g = rig_new(&opts);
            struct rig_client c = rig_client(40000);
            char password[29];

            ptn_relay_set_wall(g->relay, 0, 1000000);
            make_password(g, s ? "south" : "north", names[i], password);
            CHECK_EQ(i < 3 ? 0 : 401, rig_allocate_as(g, &c, names[i], password));
            if (i < 3) {
                /* When his time is over he keeps what he has, and gets nothing new. */
                rig_sleep(g, PTN_S(590));
                CHECK_EQ(0, rig_refresh(g, &c, 3600));
                rig_sleep(g, PTN_S(20));
                CHECK_EQ(0, rig_refresh(g, &c, 3600));
                struct rig_client again = c;
                again.addr.port++;
                CHECK_EQ(401, rig_allocate(g, &again, NULL));
            }
            rig_free(g);
        }
}

TEST(a_user_nobody_knows_yet_is_asked_for_once_and_answered_when_he_is_found)
{
    for (unsigned exists = 0; exists < 2; exists++) {
        struct ptn_relay_opts opts = rig_opts();
        opts.turn.user_count = 0;
        opts.turn.ask_for_users = true;
        struct rig *g = rig_new(&opts);
        struct rig_client c = rig_client(40000);
        struct rig_request q;
        struct ptn_relay_user dora = {.name = ptn_bytes("dora", 4)};

        c.user = "dora";
        rig_begin(&q, &c, PTN_STUN_ALLOCATE);
        ptn_stun_put_u32(&q.o, PTN_STUN_REQUESTED_TRANSPORT, 17u << 24);
        CHECK_EQ(1, rig_ask(g, &q));
        CHECK_EQ(1, g->wanted_count);
        CHECK_EQ(4, g->wanted.name.size);
        CHECK_EQ(1, rig_ask_again(g, &q)); /* he repeats it, as clients do */
        CHECK_EQ(1, g->wanted_count);
        CHECK_EQ(2, rig_count(g, PTN_RELAY_WAITING));
        if (exists)
            dora.password = ptn_bytes("secret", 6);
        g->sent_count = 0;
        ptn_relay_user_found(g->relay, g->now, &dora);
        rig_settle(g);
        CHECK_EQ(2, g->sent_count); /* both get the same answer */
        CHECK_EQ(exists, ptn_relay_now(g->relay).allocations);
        CHECK_ADDR(&c.addr, &g->sent[0].to);
        /* From now on he is known, for a while; and so is that there is none. */
        rig_sleep(g, PTN_S(exists ? 59 : 4));
        struct rig_client again = rig_client(40001);
        again.user = "dora";
        CHECK_EQ(exists ? 0 : 401, rig_allocate(g, &again, NULL));
        CHECK_EQ(1, g->wanted_count);
        rig_sleep(g, PTN_S(2));
        again = rig_client(40002);
        again.user = "dora";
        CHECK_EQ(1, rig_allocate(g, &again, NULL));
        CHECK_EQ(2, g->wanted_count);
        if (exists) /* but his allocation is his */
            CHECK_EQ(0, rig_refresh(g, &c, 600));
        rig_free(g);
    }
}

TEST(while_nobody_can_be_asked_the_known_are_served_and_others_told_to_try_again)
{
    struct ptn_relay_opts opts = rig_opts();
    opts.turn.user_count = 0;
    opts.turn.ask_for_users = true;
    struct rig *g = rig_new(&opts);
    struct rig_client first = rig_client(40000), second = rig_client(40001),
                      stranger = rig_client(40002);
    const struct ptn_relay_user dora = {ptn_bytes("dora", 4), ptn_bytes("secret", 6)};

    CHECK_EQ(1, rig_allocate_as(g, &first, "dora", "secret"));
    ptn_relay_user_found(g->relay, g->now, &dora);
    rig_settle(g);
    CHECK_EQ(1, ptn_relay_now(g->relay).allocations);

    /* An hour later, and the program's source is gone. */
    rig_sleep(g, PTN_S(3600));
    CHECK_EQ(0, ptn_relay_now(g->relay).allocations);
    CHECK_EQ(1, rig_allocate_as(g, &second, "dora", "secret"));
    CHECK_EQ(1, rig_allocate_as(g, &stranger, "nobody", "secret"));
    CHECK_EQ(3, g->wanted_count);
    ptn_relay_user_undecided(g->relay, g->now, dora.name);
    ptn_relay_user_undecided(g->relay, g->now, ptn_bytes("nobody", 6));
    g->sent_count = 0;
    rig_settle(g);
    CHECK_EQ(2, g->sent_count);
    CHECK_EQ(1, ptn_relay_now(g->relay).allocations);
    CHECK_EQ(1, rig_count(g, PTN_RELAY_UNDECIDED));
    CHECK_EQ(500, rig_allocate(g, &stranger, NULL)); /* for a moment without asking */
    first = rig_client(40003);
    CHECK_EQ(0, rig_allocate_as(g, &first, "dora", "secret"));
    CHECK_EQ(401, rig_allocate_as(g, &first, "dora", "wrong"));
    CHECK_EQ(3, g->wanted_count);

    /* Soon the program is asked again, and what it says counts. */
    rig_sleep(g, PTN_S(6));
    CHECK_EQ(1, rig_allocate(g, &stranger, NULL));
    first = rig_client(40004);
    CHECK_EQ(1, rig_allocate_as(g, &first, "dora", "secret"));
    CHECK_EQ(5, g->wanted_count);
    ptn_relay_user_found(g->relay, g->now, &(struct ptn_relay_user){.name = dora.name});
    rig_sleep(g, PTN_S(6));
    CHECK_EQ(1, rig_allocate_as(g, &first, "dora", "secret"));
    ptn_relay_user_undecided(g->relay, g->now, dora.name);
    CHECK_EQ(500, rig_allocate(g, &first, NULL)); /* her old key is good no more */
    rig_free(g);
}

TEST(keys_of_secrets_and_of_former_settings_are_not_taken_on_trust)
{
    struct ptn_relay_opts opts = rig_opts(), later = opts;
    opts.turn.ask_for_users = later.turn.ask_for_users = true;
    struct rig *g = rig_new(&opts);
    struct rig_client c = rig_client(40000), again = rig_client(40001);

    CHECK_EQ(0, rig_allocate(g, &c, NULL)); /* his allocation holds his row */
    later.turn.user_count = 0;
    CHECK(ptn_relay_change(g->relay, g->now, &later));
    CHECK_EQ(1, rig_allocate(g, &again, NULL));
    ptn_relay_user_undecided(g->relay, g->now, ptn_bytes("alice", 5));
    CHECK_EQ(500, rig_allocate(g, &again, NULL));
    CHECK_EQ(500, rig_refresh(g, &c, 600));
    CHECK_EQ(1, ptn_relay_now(g->relay).allocations);
    rig_free(g);
}

TEST(a_key_in_place_of_a_password_is_as_good)
{
    struct ptn_crypto *crypto = ptn_crypto_new();
    uint8_t key[PTN_DIGEST_BYTES_MAX];
    size_t size = ptn_stun_long_term_key(crypto, PTN_STUN_ALGORITHM_MD5, ptn_bytes("alice", 5),
                                         ptn_bytes("example.org", 11), ptn_bytes("secret", 6), key);
    const struct ptn_relay_user users[] = {
        {.name = ptn_bytes("alice", 5), .key = ptn_bytes(key, size)}};
    struct ptn_relay_opts opts = rig_opts();
    opts.turn.users = users;
    struct rig *g = rig_new(&opts);
    struct rig_client c = rig_client(40000);

    CHECK_EQ(0, rig_allocate(g, &c, NULL));
    ptn_crypto_free(crypto);
    rig_free(g);
}

TEST(without_users_there_is_no_turn)
{
    struct ptn_relay_opts opts = rig_opts();
    opts.turn.user_count = 0;
    struct rig *g = rig_new(&opts);
    struct rig_client c = rig_client(40000);

    CHECK_EQ(1, rig_allocate(g, &c, NULL));
    CHECK_EQ(1, rig_count(g, PTN_RELAY_UNKNOWN_METHOD));
    CHECK_EQ(0, g->open_count);
    rig_free(g);
}
