/*
 * turn/turn.h: each word of a server that is no "yes", and what is made of it.
 */
#include "support/test.h"
#include "world.h"

static struct world *asked(void)
{
    struct world *w = world_new(NULL);

    w->scripted = true;
    world_start(w, 1, &WORLD_UDP);
    CHECK_EQ(1, w->requests[PTN_STUN_ALLOCATE]);
    return w;
}

static void say(struct world *w, unsigned code)
{
    struct world_answer a;

    world_begin(w, &a, code);
    world_answer(w, &a, false);
}

static const struct ptn_turn_event *failed(const struct world *w)
{
    const struct ptn_turn_event *ev = world_event(w, PTN_TURN_FAILED);

    CHECK(ev != NULL);
    return ev;
}

TEST(each_refusal_has_its_name)
{
    static const struct {
        unsigned code;
        enum ptn_turn_why why;
    } cases[] = {
        {300, PTN_TURN_SENT_IN_CIRCLES}, /* without an alternate server */
        {400, PTN_TURN_NOT_UNDERSTOOD},  {401, PTN_TURN_WRONG_CREDENTIALS},
        {403, PTN_TURN_FORBIDDEN},       {420, PTN_TURN_NOT_UNDERSTOOD},
        {440, PTN_TURN_NO_FAMILY},       {441, PTN_TURN_WRONG_CREDENTIALS},
        {442, PTN_TURN_NO_TRANSPORT},    {486, PTN_TURN_QUOTA},
        {500, PTN_TURN_REFUSED},         {508, PTN_TURN_FULL},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct world *w = asked();
        world_challenge(w);
        CHECK_EQ(2, w->requests[PTN_STUN_ALLOCATE]);
        say(w, cases[i].code);
        CHECK_EQ(cases[i].why, failed(w)->why);
        CHECK_EQ(cases[i].code, failed(w)->code);
        CHECK_EQ(PTN_TURN_RESTING, w->t.state);
        CHECK(strcmp("unknown", ptn_turn_why_text(failed(w)->why)) != 0);
        world_free(w);
    }
}

TEST(a_challenge_without_a_realm_or_with_a_cut_off_offer_cannot_be_met)
{
    char nonce[PTN_STUN_NONCE_COOKIE_BYTES];
    struct world *w = asked();

    say(w, 401);
    CHECK_EQ(PTN_TURN_NO_CHALLENGE, failed(w)->why);
    world_free(w);

    /* The nonce says that SHA-256 was offered, and the offer is not there. */
    struct world_answer a;
    w = asked();
    world_begin(w, &a, 401);
    ptn_stun_nonce_cookie(PTN_STUN_FEATURE_PASSWORD_ALGORITHMS, nonce);
    ptn_stun_put(&a.o, PTN_STUN_REALM, ptn_bytes_of_text("example.org"));
    ptn_stun_put(&a.o, PTN_STUN_NONCE, ptn_bytes(nonce, sizeof nonce));
    world_answer(w, &a, false);
    CHECK_EQ(PTN_TURN_NO_CHALLENGE, failed(w)->why);
    world_free(w);
}

TEST(stale_nonces_are_followed_three_times_and_no_more)
{
    struct world *w = asked();

    world_challenge(w);
    for (unsigned i = 0; i < 4; i++) {
        struct world_answer a;
        CHECK(world_event(w, PTN_TURN_FAILED) == NULL);
        world_begin(w, &a, 438);
        ptn_stun_put(&a.o, PTN_STUN_REALM, ptn_bytes_of_text("example.org"));
        ptn_stun_put(&a.o, PTN_STUN_NONCE, ptn_bytes_of_text("n2"));
        world_answer(w, &a, false);
    }
    CHECK_EQ(PTN_TURN_NO_CHALLENGE, failed(w)->why);
    CHECK_EQ(438, failed(w)->code);
    world_free(w);
}

static void send_on(struct world *w, const struct ptn_addr *to)
{
    struct world_answer a;

    world_begin(w, &a, 300);
    ptn_stun_put_addr(&a.o, PTN_STUN_ALTERNATE_SERVER, to);
    world_answer(w, &a, false);
}

TEST(another_server_is_gone_to_once)
{
    struct ptn_addr other = ptn_addr_v4(81, 2, 69, 9, 3478);
    struct world *w = asked();

    send_on(w, &other);
    CHECK_ADDR(&other, &w->sent_to);
    CHECK_EQ(2, w->requests[PTN_STUN_ALLOCATE]);
    struct ptn_stun_msg m = world_last(w);
    CHECK(!ptn_stun_has(&m, PTN_STUN_USERNAME));
    world_challenge(w);
    CHECK_ADDR(&other, &w->sent_to);
    struct ptn_addr third = ptn_addr_v4(81, 2, 69, 10, 3478);
    send_on(w, &third);
    CHECK_EQ(PTN_TURN_SENT_IN_CIRCLES, failed(w)->why);
    world_free(w);

    w = asked();
    send_on(w, &WORLD_UDP.server);
    CHECK_EQ(PTN_TURN_SENT_IN_CIRCLES, failed(w)->why);
    world_free(w);
}

static void grant(struct world *w, bool seal)
{
    struct ptn_addr relayed = ptn_addr_v4(81, 2, 69, 2, 50000);
    struct world_answer a;

    world_begin(w, &a, 0);
    ptn_stun_put_addr(&a.o, PTN_STUN_XOR_RELAYED_ADDRESS, &relayed);
    ptn_stun_put_u32(&a.o, PTN_STUN_LIFETIME, 600);
    world_answer(w, &a, seal);
}

TEST(a_success_that_is_not_sealed_is_none)
{
    struct world *w = asked();

    world_challenge(w);
    grant(w, false);
    CHECK_EQ(PTN_TURN_ASKING, w->t.state);
    CHECK_EQ(1, w->t.counts[PTN_TURN_BROKEN_SEAL]);
    grant(w, true);
    CHECK_EQ(PTN_TURN_STANDS, w->t.state);
    world_free(w);
}

TEST(a_success_without_an_address_is_nonsense)
{
    struct world_answer a;
    struct world *w = asked();

    world_challenge(w);
    world_begin(w, &a, 0);
    ptn_stun_put_u32(&a.o, PTN_STUN_LIFETIME, 600);
    world_answer(w, &a, true);
    CHECK_EQ(PTN_TURN_NONSENSE, failed(w)->why);
    world_free(w);
}

TEST(a_mismatch_is_cleared_once_and_then_believed)
{
    struct world *w = asked();

    world_challenge(w);
    say(w, 437);
    CHECK_EQ(PTN_STUN_REFRESH, world_last(w).method);
    say(w, 437);
    CHECK_EQ(PTN_STUN_ALLOCATE, world_last(w).method);
    say(w, 437);
    CHECK_EQ(PTN_TURN_FORGOTTEN, failed(w)->why);
    world_free(w);
}

TEST(a_user_whom_the_server_lets_in_no_more_is_told_so)
{
    struct world *w = asked();

    world_challenge(w);
    grant(w, true);
    ptn_turn_doubt(&w->t, w->now);
    world_drain(w);
    CHECK_EQ(PTN_STUN_REFRESH, world_last(w).method);
    say(w, 441);
    CHECK_EQ(PTN_TURN_WRONG_CREDENTIALS, world_event(w, PTN_TURN_LOST)->why);
    CHECK_EQ(441, world_event(w, PTN_TURN_LOST)->code);
    world_free(w);
}

TEST(a_lifetime_that_is_short_is_renewed_at_its_half)
{
    struct ptn_addr relayed = ptn_addr_v4(81, 2, 69, 2, 50000);
    struct world_answer a;
    struct world *w = asked();

    world_challenge(w);
    world_begin(w, &a, 0);
    ptn_stun_put_addr(&a.o, PTN_STUN_XOR_RELAYED_ADDRESS, &relayed);
    ptn_stun_put_u32(&a.o, PTN_STUN_LIFETIME, 20);
    world_answer(w, &a, true);
    world_run(w, PTN_S(10));
    CHECK_EQ(PTN_STUN_REFRESH, world_last(w).method);
    world_begin(w, &a, 0);
    ptn_stun_put_u32(&a.o, PTN_STUN_LIFETIME, 0);
    world_answer(w, &a, true);
    CHECK_EQ(PTN_TURN_FORGOTTEN, world_event(w, PTN_TURN_LOST)->why);
    world_free(w);
}

TEST(what_is_no_turn_over_a_connection_ends_it)
{
    struct world *w = world_new(NULL);

    w->scripted = true;
    world_start(w, 1, &WORLD_TCP);
    world_tell(w, &(struct ptn_tell){.kind = PTN_TELL_STREAM,
                                     .id = WORLD_CONNECTION,
                                     .bytes = ptn_bytes_of_text("HTTP/1.1 400 Bad Request\r\n")});
    CHECK_EQ(PTN_ASK_CLOSE, w->asked.kind);
    CHECK_EQ(PTN_TURN_NONSENSE, failed(w)->why);
    world_free(w);
}

TEST(answers_to_the_owners_own_questions_are_left_to_him)
{
    struct world *w = asked();
    struct ptn_dice dice = ptn_dice_seeded(3);
    struct ptn_stun_id id = ptn_stun_id_new(&dice, PTN_STUN_MODERN);
    struct ptn_stun_out o;
    struct ptn_bytes message;
    uint8_t buf[100];

    ptn_stun_begin(&o, buf, sizeof buf, PTN_STUN_SUCCESS, PTN_STUN_BINDING, &id);
    ptn_stun_put_addr(&o, PTN_STUN_XOR_MAPPED_ADDRESS, &w->client);
    CHECK(ptn_stun_end(&o, &message));
    struct ptn_tell tell = {
        .kind = PTN_TELL_DATAGRAM, .id = WORLD_SOCKET, .from = WORLD_UDP.server, .bytes = message};
    CHECK(!ptn_turn_input(&w->t, w->now, &tell));
    /* And what others than the server send is none of ours whatever it looks like. */
    tell.from.port++;
    CHECK(!ptn_turn_input(&w->t, w->now, &tell));
    world_free(w);
}

TEST(ways_are_written_as_uris)
{
    char text[PTN_TURN_WAY_TEXT_MAX];
    struct ptn_turn_way tls = {ptn_addr_v4(203, 0, 113, 5, 443), PTN_TLS, "turn.example"};

    CHECK_STR("turn:81.2.69.1:3478", ptn_turn_way_text(&WORLD_UDP, text));
    CHECK_STR("turn:81.2.69.1:3478?transport=tcp", ptn_turn_way_text(&WORLD_TCP, text));
    CHECK_STR("turns:203.0.113.5:443", ptn_turn_way_text(&tls, text));
}
