#include "stun/binding.h"

#include "support/test.h"

enum { SOCKET = 7, ASKS_MAX = 32 };

static const struct ptn_addr server_1 = {.ip = {198, 51, 100, 1}, .port = 3478, .family = PTN_IPV4};
static const struct ptn_addr server_2 = {.ip = {198, 51, 100, 2}, .port = 3478, .family = PTN_IPV4};
static const struct ptn_addr mapped_1 = {.ip = {203, 0, 113, 5}, .port = 40000, .family = PTN_IPV4};
static const struct ptn_addr mapped_2 = {.ip = {203, 0, 113, 5}, .port = 40002, .family = PTN_IPV4};

struct sent {
    struct ptn_addr to;
    struct ptn_stun_id id;
    ptn_time at;
};

/* A binding, what it sent so far, and the time. */
struct bench {
    struct ptn_stun_binding b;
    struct sent sent[ASKS_MAX];
    size_t count;
    ptn_time now;
};

static struct bench bench(size_t servers, enum ptn_stun_binding_dialect dialect)
{
    struct bench t = {0};
    struct ptn_stun_binding_opts opts = {
        .socket = SOCKET,
        .servers = {server_1, server_2},
        .server_count = servers,
        .dialect = dialect,
        .dice = ptn_dice_seeded(11),
    };
    ptn_stun_binding_init(&t.b, &opts);
    return t;
}

static void drain(struct bench *t)
{
    struct ptn_ask ask;
    struct ptn_stun_msg m;

    while (ptn_stun_binding_output(&t->b, t->now, &ask)) {
        CHECK_EQ(PTN_ASK_DATAGRAM, ask.kind);
        CHECK_EQ(SOCKET, ask.id);
        CHECK_EQ(PTN_STUN_OK, ptn_stun_decode(&m, ask.bytes));
        CHECK_EQ(PTN_STUN_REQUEST, m.class);
        CHECK(t->count < ASKS_MAX);
        t->sent[t->count++] = (struct sent){ask.to, m.id, t->now};
    }
}

/* Runs the binding's own time until `until`. */
static void run(struct bench *t, ptn_time until)
{
    ptn_stun_binding_tick(&t->b, t->now);
    drain(t);
    for (ptn_time due; (due = ptn_stun_binding_deadline(&t->b)) <= until;) {
        t->now = due > t->now ? due : t->now;
        ptn_stun_binding_tick(&t->b, t->now);
        drain(t);
    }
    t->now = until;
}

static bool answer_as(struct bench *t, const struct sent *q, enum ptn_stun_attr form,
                      const struct ptn_addr *mapped)
{
    uint8_t buf[100];
    struct ptn_stun_out o;
    struct ptn_tell tell = {.kind = PTN_TELL_DATAGRAM, .id = SOCKET, .from = q->to};

    ptn_stun_begin(&o, buf, sizeof buf, PTN_STUN_SUCCESS, PTN_STUN_BINDING, &q->id);
    ptn_stun_put_addr(&o, form, mapped);
    CHECK(ptn_stun_end(&o, &tell.bytes));
    return ptn_stun_binding_input(&t->b, t->now, &tell);
}

static bool answer(struct bench *t, const struct sent *q, const struct ptn_addr *mapped)
{
    return answer_as(t, q, PTN_STUN_XOR_MAPPED_ADDRESS, mapped);
}

static void refuse(struct bench *t, const struct sent *q, unsigned code)
{
    uint8_t buf[100];
    struct ptn_stun_out o;
    struct ptn_tell tell = {.kind = PTN_TELL_DATAGRAM, .id = SOCKET, .from = q->to};

    ptn_stun_begin(&o, buf, sizeof buf, PTN_STUN_ERROR, PTN_STUN_BINDING, &q->id);
    ptn_stun_put_error(&o, code);
    CHECK(ptn_stun_end(&o, &tell.bytes));
    CHECK(ptn_stun_binding_input(&t->b, t->now, &tell));
}

static struct ptn_stun_binding_event expect(struct bench *t, enum ptn_stun_binding_event_kind kind)
{
    struct ptn_stun_binding_event ev;

    CHECK(ptn_stun_binding_event(&t->b, &ev));
    CHECK_EQ(kind, ev.kind);
    return ev;
}

static void expect_nothing(struct bench *t)
{
    struct ptn_stun_binding_event ev;

    CHECK(!ptn_stun_binding_event(&t->b, &ev));
}

/* One server, asked at 0, answered at 40 ms; all events taken. */
static struct bench mapped_bench(size_t servers)
{
    struct bench t = bench(servers, PTN_STUN_BINDING_AUTO);
    struct ptn_stun_binding_event ev;

    ptn_stun_binding_start(&t.b, t.now);
    run(&t, PTN_MS(40));
    CHECK_EQ(servers, t.count);
    for (size_t i = 0; i < servers; i++)
        CHECK(answer(&t, &t.sent[i], &mapped_1));
    while (ptn_stun_binding_event(&t.b, &ev))
        continue;
    return t;
}

TEST(the_first_answer_is_learned_with_its_round_trip_and_dialect)
{
    struct bench t = bench(1, PTN_STUN_BINDING_AUTO);
    struct ptn_stun_binding_event ev;
    struct ptn_addr mapped;

    CHECK_EQ(PTN_NEVER, ptn_stun_binding_deadline(&t.b));
    ptn_stun_binding_start(&t.b, t.now);
    run(&t, PTN_MS(40));
    CHECK_EQ(1, t.count);
    CHECK_ADDR(&server_1, &t.sent[0].to);
    CHECK_EQ(PTN_STUN_MODERN, ptn_stun_id_dialect(&t.sent[0].id));
    CHECK(!ptn_stun_binding_mapped(&t.b, &mapped));
    CHECK(answer(&t, &t.sent[0], &mapped_1));
    ev = expect(&t, PTN_STUN_BINDING_HEARD);
    CHECK_EQ(PTN_MS(40), ev.rtt);
    CHECK_EQ(PTN_STUN_MODERN, ev.dialect);
    ev = expect(&t, PTN_STUN_BINDING_MAPPED);
    CHECK_ADDR(&mapped_1, &ev.mapped);
    CHECK(ptn_addr_is_none(&ev.before));
    expect(&t, PTN_STUN_BINDING_SETTLED);
    expect_nothing(&t);
    CHECK(ptn_stun_binding_mapped(&t.b, &mapped));
    CHECK_ADDR(&mapped_1, &mapped);
}

TEST(an_answer_counts_once_and_strangers_never)
{
    struct bench t = bench(1, PTN_STUN_BINDING_AUTO);
    struct sent stranger = {.to = server_1, .id = {{0x21, 0x12, 0xa4, 0x42, 1}}};
    struct ptn_tell rtp = {
        .kind = PTN_TELL_DATAGRAM, .id = SOCKET, .bytes = ptn_bytes("\x80 rtp", 5)};

    ptn_stun_binding_start(&t.b, t.now);
    run(&t, PTN_MS(1));
    CHECK(!answer(&t, &stranger, &mapped_2));
    CHECK(!ptn_stun_binding_input(&t.b, t.now, &rtp));
    CHECK(answer(&t, &t.sent[0], &mapped_1));
    CHECK(!answer(&t, &t.sent[0], &mapped_2));
    CHECK_ADDR(&mapped_1, &t.b.mapped);
}

TEST(the_mapping_is_refreshed_in_time_and_by_one_server_only)
{
    struct bench t = mapped_bench(2);

    for (unsigned i = 0; i < 50; i++) {
        size_t before = t.count = 2;
        ptn_time asked = t.now, due = ptn_stun_binding_deadline(&t.b);
        CHECK(due - asked <= PTN_S(25) && due - asked >= PTN_S(19));
        run(&t, due);
        CHECK_EQ(before + 1, t.count);
        CHECK_ADDR(&server_1, &t.sent[2].to);
        CHECK(answer(&t, &t.sent[2], &mapped_1));
        expect_nothing(&t);
    }
}

TEST(a_doubt_is_asked_about_at_once_and_once)
{
    struct bench t = mapped_bench(1);

    t.count = 1;
    run(&t, t.now + PTN_S(5));
    ptn_stun_binding_doubt(&t.b, t.now);
    CHECK(ptn_stun_binding_deadline(&t.b) <= t.now);
    run(&t, t.now);
    CHECK_EQ(2, t.count);
    /* The question is out: another doubt changes nothing. */
    ptn_stun_binding_doubt(&t.b, t.now);
    run(&t, t.now);
    CHECK_EQ(2, t.count);
    CHECK(answer(&t, &t.sent[1], &mapped_2));
    struct ptn_stun_binding_event ev = expect(&t, PTN_STUN_BINDING_MAPPED);
    CHECK_ADDR(&mapped_2, &ev.mapped);
    ptn_stun_binding_stop(&t.b);
    ptn_stun_binding_doubt(&t.b, t.now);
    CHECK_EQ(PTN_NEVER, ptn_stun_binding_deadline(&t.b));
}

TEST(a_changed_mapping_is_told_with_the_one_before_and_all_are_asked)
{
    struct bench t = mapped_bench(2);
    struct ptn_stun_binding_event ev;

    run(&t, ptn_stun_binding_deadline(&t.b));
    CHECK(answer(&t, &t.sent[2], &mapped_2));
    ev = expect(&t, PTN_STUN_BINDING_MAPPED);
    CHECK_ADDR(&mapped_2, &ev.mapped);
    CHECK_ADDR(&mapped_1, &ev.before);
    run(&t, t.now + PTN_MS(1));
    CHECK_EQ(4, t.count);
    CHECK_ADDR(&server_2, &t.sent[3].to);
    /* It agrees; its word of the round before does not count against it. */
    CHECK(answer(&t, &t.sent[3], &mapped_2));
    expect_nothing(&t);
}

TEST(servers_that_see_different_addresses_are_told_as_varying)
{
    struct bench t = bench(2, PTN_STUN_BINDING_AUTO);
    struct ptn_stun_binding_event ev;

    ptn_stun_binding_start(&t.b, t.now);
    run(&t, PTN_MS(30));
    CHECK(answer(&t, &t.sent[1], &mapped_2));
    run(&t, PTN_MS(40));
    CHECK(answer(&t, &t.sent[0], &mapped_1));
    expect(&t, PTN_STUN_BINDING_HEARD);
    expect(&t, PTN_STUN_BINDING_HEARD);
    ev = expect(&t, PTN_STUN_BINDING_MAPPED);
    CHECK_ADDR(&mapped_2, &ev.mapped);
    ev = expect(&t, PTN_STUN_BINDING_VARIES);
    CHECK(ev.varies);
    expect(&t, PTN_STUN_BINDING_SETTLED);

    /* Later rounds ask both, and hear when it is over. */
    run(&t, ptn_stun_binding_deadline(&t.b));
    CHECK_EQ(4, t.count);
    CHECK(answer(&t, &t.sent[2], &mapped_2));
    CHECK(answer(&t, &t.sent[3], &mapped_2));
    CHECK(!expect(&t, PTN_STUN_BINDING_VARIES).varies);
}

TEST(a_call_waits_for_silent_servers_no_longer_than_its_budget)
{
    struct bench t = bench(2, PTN_STUN_BINDING_AUTO);
    struct ptn_stun_binding_event ev;

    ptn_stun_binding_want(&t.b, t.now);
    run(&t, PTN_MS(299));
    expect_nothing(&t);
    run(&t, PTN_MS(300));
    ev = expect(&t, PTN_STUN_BINDING_SETTLED);
    CHECK(ptn_addr_is_none(&ev.mapped));

    /* The next call neither starts anew nor waits longer. */
    size_t count = t.count;
    t.now = PTN_S(2);
    ptn_stun_binding_want(&t.b, t.now);
    run(&t, PTN_S(2) + PTN_MS(300));
    CHECK(t.count > count);
    expect(&t, PTN_STUN_BINDING_SETTLED);
    CHECK(answer(&t, &t.sent[1], &mapped_1));
}

TEST(after_the_first_answer_the_other_server_gets_a_moment_only)
{
    struct bench t = bench(2, PTN_STUN_BINDING_AUTO);

    ptn_stun_binding_want(&t.b, t.now);
    run(&t, PTN_MS(20));
    CHECK(answer(&t, &t.sent[0], &mapped_1));
    expect(&t, PTN_STUN_BINDING_HEARD);
    expect(&t, PTN_STUN_BINDING_MAPPED);
    expect_nothing(&t);
    run(&t, PTN_MS(69));
    expect_nothing(&t);
    run(&t, PTN_MS(70));
    expect(&t, PTN_STUN_BINDING_SETTLED);
}

TEST(a_warm_mapping_settles_at_once)
{
    struct bench t = mapped_bench(1);

    t.now = PTN_S(10);
    ptn_stun_binding_want(&t.b, t.now);
    expect(&t, PTN_STUN_BINDING_SETTLED);
    CHECK_EQ(1, t.count);
}

TEST(a_silent_server_is_told_and_asked_again_later)
{
    struct bench t = bench(1, PTN_STUN_BINDING_MODERN);

    ptn_stun_binding_start(&t.b, t.now);
    run(&t, PTN_MS(7524));
    CHECK_EQ(8, t.count);
    expect(&t, PTN_STUN_BINDING_SETTLED);
    expect_nothing(&t);
    run(&t, PTN_MS(7525));
    CHECK_EQ(PTN_ERR_TIMED_OUT, expect(&t, PTN_STUN_BINDING_SILENT).why);
    expect_nothing(&t);
    run(&t, PTN_MS(12600));
    CHECK(t.count > 8);
    CHECK(!ptn_stun_id_equal(&t.sent[0].id, &t.sent[8].id));
    CHECK(answer(&t, &t.sent[t.count - 1], &mapped_1));
    expect(&t, PTN_STUN_BINDING_HEARD);
    expect(&t, PTN_STUN_BINDING_MAPPED);
}

TEST(when_the_source_falls_silent_another_server_takes_its_place)
{
    struct bench t = mapped_bench(2);
    struct ptn_stun_binding_event ev;

    run(&t, ptn_stun_binding_deadline(&t.b));
    size_t count = t.count;
    run(&t, ptn_stun_binding_deadline(&t.b));
    /* The repeat to server 1 comes with the first question to server 2. */
    CHECK(t.count > count);
    struct sent *other = &t.sent[t.count - 1];
    CHECK_ADDR(&server_2, &other->to);
    CHECK(answer(&t, other, &mapped_2));
    expect_nothing(&t);
    run(&t, t.now + PTN_S(12));
    ev = expect(&t, PTN_STUN_BINDING_SILENT);
    CHECK_EQ(0, ev.server);
    ev = expect(&t, PTN_STUN_BINDING_MAPPED);
    CHECK_ADDR(&mapped_2, &ev.mapped);
    expect_nothing(&t);
}

TEST(a_mapping_nobody_confirms_is_lost_and_may_come_back)
{
    struct bench t = mapped_bench(1);
    struct ptn_stun_binding_event ev;
    struct ptn_addr mapped;

    while (ptn_stun_binding_mapped(&t.b, &mapped))
        run(&t, ptn_stun_binding_deadline(&t.b));
    CHECK(t.now < PTN_S(40));
    expect(&t, PTN_STUN_BINDING_SILENT);
    ev = expect(&t, PTN_STUN_BINDING_LOST);
    CHECK_ADDR(&mapped_1, &ev.before);
    CHECK(!ptn_stun_binding_mapped(&t.b, &mapped));
    run(&t, ptn_stun_binding_deadline(&t.b));
    CHECK(answer(&t, &t.sent[t.count - 1], &mapped_1));
    expect(&t, PTN_STUN_BINDING_HEARD);
    expect(&t, PTN_STUN_BINDING_MAPPED);
}

TEST(a_server_silent_to_the_modern_form_gets_the_classic_one_too)
{
    struct bench t = bench(1, PTN_STUN_BINDING_AUTO);
    struct ptn_stun_binding_event ev;

    ptn_stun_binding_start(&t.b, t.now);
    run(&t, PTN_MS(80));
    CHECK_EQ(3, t.count);
    struct sent *classic =
        ptn_stun_id_dialect(&t.sent[1].id) == PTN_STUN_CLASSIC ? &t.sent[1] : &t.sent[2];
    CHECK_EQ(PTN_STUN_CLASSIC, ptn_stun_id_dialect(&classic->id));
    CHECK(answer_as(&t, classic, PTN_STUN_MAPPED_ADDRESS, &mapped_1));
    ev = expect(&t, PTN_STUN_BINDING_HEARD);
    CHECK_EQ(PTN_STUN_CLASSIC, ev.dialect);
    /* A round trip cannot be known: the request went out twice. */
    CHECK_EQ(PTN_NEVER, ev.rtt);

    /* From now on it is asked in the form that it answered. */
    t.count = 0;
    run(&t, ptn_stun_binding_deadline(&t.b));
    CHECK_EQ(1, t.count);
    CHECK_EQ(PTN_STUN_CLASSIC, ptn_stun_id_dialect(&t.sent[0].id));
}

TEST(a_classic_server_that_echoes_the_cookie_is_understood_and_told)
{
    struct bench t = bench(1, PTN_STUN_BINDING_AUTO);

    ptn_stun_binding_start(&t.b, t.now);
    run(&t, PTN_MS(10));
    CHECK(answer_as(&t, &t.sent[0], PTN_STUN_MAPPED_ADDRESS, &mapped_1));
    CHECK_EQ(PTN_STUN_CLASSIC, expect(&t, PTN_STUN_BINDING_HEARD).dialect);
    expect(&t, PTN_STUN_BINDING_MAPPED);
}

TEST(a_fixed_dialect_is_kept)
{
    for (unsigned classic = 0; classic < 2; classic++) {
        struct bench t = bench(1, classic ? PTN_STUN_BINDING_CLASSIC : PTN_STUN_BINDING_MODERN);

        ptn_stun_binding_start(&t.b, t.now);
        run(&t, PTN_S(7));
        CHECK_EQ(8, t.count);
        for (size_t i = 0; i < t.count; i++)
            CHECK_EQ(classic ? PTN_STUN_CLASSIC : PTN_STUN_MODERN,
                     ptn_stun_id_dialect(&t.sent[i].id));
    }
}

TEST(a_refusal_in_both_dialects_is_told_with_its_code)
{
    struct bench t = bench(1, PTN_STUN_BINDING_AUTO);
    struct ptn_stun_binding_event ev;

    ptn_stun_binding_start(&t.b, t.now);
    run(&t, PTN_MS(10));
    refuse(&t, &t.sent[0], 400);
    run(&t, PTN_MS(20));
    CHECK_EQ(2, t.count);
    CHECK_EQ(PTN_STUN_CLASSIC, ptn_stun_id_dialect(&t.sent[1].id));
    expect_nothing(&t);
    refuse(&t, &t.sent[1], 401);
    ev = expect(&t, PTN_STUN_BINDING_SILENT);
    CHECK_EQ(PTN_ERR_REFUSED, ev.why);
    CHECK_EQ(401, ev.error_code);
    expect(&t, PTN_STUN_BINDING_SETTLED);
}

TEST(an_icmp_error_ends_the_waiting_and_does_not_make_a_storm)
{
    struct bench t = bench(1, PTN_STUN_BINDING_AUTO);
    struct ptn_tell icmp = {.kind = PTN_TELL_ICMP_ERROR, .id = SOCKET, .from = server_1};

    CHECK(!ptn_stun_binding_input(&t.b, t.now, &icmp));
    ptn_stun_binding_want(&t.b, t.now);
    run(&t, PTN_MS(5));
    CHECK(ptn_stun_binding_input(&t.b, t.now, &icmp));
    CHECK_EQ(PTN_ERR_UNREACHABLE, expect(&t, PTN_STUN_BINDING_SILENT).why);
    expect(&t, PTN_STUN_BINDING_SETTLED);
    run(&t, PTN_S(1));
    CHECK_EQ(1, t.count);
    CHECK(!ptn_stun_binding_input(&t.b, t.now, &icmp));
}

TEST(an_icmp_error_takes_no_mapping_from_us_that_silence_would_not)
{
    struct bench t = mapped_bench(1);
    struct ptn_tell icmp = {.kind = PTN_TELL_ICMP_ERROR, .id = SOCKET, .from = server_1};
    struct ptn_addr mapped;

    run(&t, ptn_stun_binding_deadline(&t.b));
    CHECK(ptn_stun_binding_input(&t.b, t.now, &icmp));
    expect_nothing(&t);
    CHECK(ptn_stun_binding_mapped(&t.b, &mapped));
    run(&t, t.now + PTN_S(10));
    expect(&t, PTN_STUN_BINDING_SILENT);
    expect(&t, PTN_STUN_BINDING_LOST);
}

TEST(an_answer_with_an_attribute_nobody_knows_is_not_believed)
{
    struct bench t = bench(1, PTN_STUN_BINDING_MODERN);
    uint8_t buf[100];
    struct ptn_stun_out o;
    struct ptn_tell tell = {.kind = PTN_TELL_DATAGRAM, .id = SOCKET, .from = server_1};

    ptn_stun_binding_start(&t.b, t.now);
    run(&t, PTN_MS(10));
    ptn_stun_begin(&o, buf, sizeof buf, PTN_STUN_SUCCESS, PTN_STUN_BINDING, &t.sent[0].id);
    ptn_stun_put_addr(&o, PTN_STUN_XOR_MAPPED_ADDRESS, &mapped_1);
    ptn_stun_put_u32(&o, (enum ptn_stun_attr)0x7777, 0);
    CHECK(ptn_stun_end(&o, &tell.bytes));
    CHECK(ptn_stun_binding_input(&t.b, t.now, &tell));
    CHECK_EQ(PTN_ERR_REFUSED, expect(&t, PTN_STUN_BINDING_SILENT).why);
}

TEST(a_stopped_binding_is_silent_and_starts_anew)
{
    struct bench t = mapped_bench(1);

    ptn_stun_binding_stop(&t.b);
    run(&t, PTN_S(100));
    CHECK_EQ(1, t.count);
    expect_nothing(&t);
    CHECK_EQ(PTN_NEVER, ptn_stun_binding_deadline(&t.b));
    ptn_stun_binding_start(&t.b, t.now);
    run(&t, t.now + PTN_MS(1));
    CHECK_EQ(2, t.count);
}
