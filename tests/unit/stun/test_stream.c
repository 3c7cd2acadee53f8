#include "stun/stream.h"

#include "support/test.h"

/* STUN over TCP from one port: two servers, whose connections the test plays. */

enum { FIRST = 40 };

static const struct ptn_addr LOCAL = {{192, 168, 1, 10}, 5060, PTN_IPV4, 0};
static const struct ptn_addr SERVERS[] = {{{203, 0, 113, 1}, 3478, PTN_IPV4, 0},
                                          {{203, 0, 113, 2}, 3478, PTN_IPV4, 0}};
static const struct ptn_addr MAPPED = {{192, 0, 2, 1}, 40000, PTN_IPV4, 0};

static struct ptn_stun_stream s;

static void begin(size_t servers)
{
    struct ptn_stun_stream_opts opts = {
        .id_first = FIRST, .local = LOCAL, .dialect = PTN_STUN_MODERN, .dice = ptn_dice_seeded(1)};

    ptn_stun_stream_init(&s, &opts);
    ptn_stun_stream_ask(&s, 0, SERVERS, servers);
}

/* The one ask that is due, of that kind. */
static struct ptn_ask expect(ptn_time now, enum ptn_ask_kind kind)
{
    struct ptn_ask ask = {0};

    ptn_stun_stream_tick(&s, now);
    CHECK(ptn_stun_stream_output(&s, now, &ask));
    CHECK_EQ(kind, ask.kind);
    return ask;
}

static void expect_nothing(ptn_time now)
{
    struct ptn_ask ask;

    ptn_stun_stream_tick(&s, now);
    CHECK(!ptn_stun_stream_output(&s, now, &ask));
    CHECK(ptn_stun_stream_deadline(&s) > now);
}

static void tell(ptn_time now, ptn_id id, enum ptn_tell_kind kind, struct ptn_bytes bytes)
{
    ptn_stun_stream_input(
        &s, now,
        &(struct ptn_tell){.kind = kind, .id = id, .bytes = bytes, .why = PTN_ERR_REFUSED});
}

static struct ptn_bytes answer(const struct ptn_stun_id *id, const struct ptn_addr *mapped)
{
    static uint8_t buf[100];
    struct ptn_stun_out o;
    struct ptn_bytes bytes = {0};

    ptn_stun_begin(&o, buf, sizeof buf, mapped ? PTN_STUN_SUCCESS : PTN_STUN_ERROR,
                   PTN_STUN_BINDING, id);
    if (mapped)
        ptn_stun_put_addr(&o, PTN_STUN_XOR_MAPPED_ADDRESS, mapped);
    else
        ptn_stun_put_error(&o, 400);
    CHECK(ptn_stun_end(&o, &bytes));
    return bytes;
}

static struct ptn_stun_id open_and_ask(ptn_time now, ptn_id id)
{
    struct ptn_stun_msg m;

    tell(now, id, PTN_TELL_OPENED, (struct ptn_bytes){0});
    struct ptn_ask ask = expect(now, PTN_ASK_STREAM);
    CHECK_EQ(id, ask.id);
    CHECK_EQ(PTN_STUN_OK, ptn_stun_decode(&m, ask.bytes));
    CHECK_EQ(PTN_STUN_REQUEST, m.class);
    return m.id;
}

TEST(the_port_itself_connects_asks_tells_and_closes)
{
    struct ptn_stun_stream_seen seen;

    begin(1);
    struct ptn_ask ask = expect(0, PTN_ASK_CONNECT);
    CHECK_EQ(PTN_TCP, ask.transport);
    CHECK_ADDR(&LOCAL, &ask.local);
    CHECK_ADDR(&SERVERS[0], &ask.to);
    CHECK_EQ(FIRST, ask.id);
    expect_nothing(0);
    CHECK(!ptn_stun_stream_settled(&s));
    struct ptn_stun_id id = open_and_ask(PTN_MS(20), FIRST);
    /* The answer may come in pieces. */
    struct ptn_bytes bytes = answer(&id, &MAPPED);
    tell(PTN_MS(40), FIRST, PTN_TELL_STREAM, ptn_bytes(bytes.data, 7));
    CHECK(!ptn_stun_stream_event(&s, &seen));
    tell(PTN_MS(41), FIRST, PTN_TELL_STREAM, ptn_bytes(bytes.data + 7, bytes.size - 7));
    CHECK(ptn_stun_stream_event(&s, &seen));
    CHECK_ADDR(&SERVERS[0], &seen.server);
    CHECK_ADDR(&MAPPED, &seen.mapped);
    CHECK(!ptn_stun_stream_event(&s, &seen));
    CHECK(ptn_stun_stream_settled(&s));
    CHECK_EQ(FIRST, expect(PTN_MS(41), PTN_ASK_CLOSE).id);
    expect_nothing(PTN_MS(41));
    /* And anew minutes later, or when it is doubted. */
    CHECK(ptn_stun_stream_deadline(&s) >= PTN_S(240));
    CHECK(ptn_stun_stream_deadline(&s) <= PTN_S(301));
    ptn_stun_stream_doubt(&s, PTN_S(5));
    expect(PTN_S(5), PTN_ASK_CONNECT);
}

TEST(who_refuses_is_silent_ends_or_talks_nonsense_is_asked_again_later_only)
{
    for (unsigned fault = 0; fault < 6; fault++) {
        struct ptn_stun_stream_seen seen;
        ptn_time now = PTN_MS(20);
        bool closes = true;

        begin(1);
        expect(0, PTN_ASK_CONNECT);
        if (fault == 0) { /* refuses */
            tell(now, FIRST, PTN_TELL_FAILED, (struct ptn_bytes){0});
            closes = false;
        } else if (fault == 1) { /* does not answer the connection */
            now = PTN_S(3);
        } else {
            struct ptn_stun_id id = open_and_ask(now, FIRST);
            if (fault == 2) /* nor the question */
                now += PTN_S(3);
            else if (fault == 3)
                tell(now, FIRST, PTN_TELL_CLOSED, (struct ptn_bytes){0}), closes = false;
            else if (fault == 4)
                tell(now, FIRST, PTN_TELL_STREAM,
                     ptn_bytes_of_text("HTTP/1.1 400 Bad Request\r\n"));
            else
                tell(now, FIRST, PTN_TELL_STREAM, answer(&id, NULL));
        }
        if (closes)
            expect(now, PTN_ASK_CLOSE);
        expect_nothing(now);
        CHECK(ptn_stun_stream_settled(&s));
        CHECK(!ptn_stun_stream_event(&s, &seen));
        CHECK(ptn_stun_stream_deadline(&s) >= now + PTN_S(480));
    }
}

TEST(an_answer_to_another_question_is_none)
{
    struct ptn_stun_stream_seen seen;

    begin(1);
    expect(0, PTN_ASK_CONNECT);
    struct ptn_stun_id id = open_and_ask(0, FIRST), other = id;
    other.bytes[15] ^= 1;
    tell(0, FIRST, PTN_TELL_STREAM, answer(&other, &MAPPED));
    CHECK(!ptn_stun_stream_event(&s, &seen));
    tell(0, FIRST, PTN_TELL_STREAM, answer(&id, &MAPPED));
    CHECK(ptn_stun_stream_event(&s, &seen));
}

TEST(servers_come_and_go_while_they_are_asked)
{
    struct ptn_stun_stream_seen seen;

    begin(2);
    expect(0, PTN_ASK_CONNECT);
    CHECK_EQ(FIRST + 1, expect(0, PTN_ASK_CONNECT).id);
    struct ptn_stun_id id = open_and_ask(0, FIRST + 1);
    /* The first is another now: what is under way there ends, then it is asked. */
    ptn_stun_stream_ask(&s, PTN_MS(5), (const struct ptn_addr[]){SERVERS[1], SERVERS[1]}, 2);
    CHECK_EQ(FIRST, expect(PTN_MS(5), PTN_ASK_CLOSE).id);
    struct ptn_ask ask = expect(PTN_MS(5), PTN_ASK_CONNECT);
    CHECK_ADDR(&SERVERS[1], &ask.to);
    tell(PTN_MS(9), FIRST + 1, PTN_TELL_STREAM, answer(&id, &MAPPED));
    CHECK(ptn_stun_stream_event(&s, &seen));
    expect(PTN_MS(9), PTN_ASK_CLOSE);
    /* Nobody is left. */
    ptn_stun_stream_ask(&s, PTN_MS(9), NULL, 0);
    expect(PTN_MS(9), PTN_ASK_CLOSE);
    expect_nothing(PTN_MS(9));
    CHECK_EQ(PTN_NEVER, ptn_stun_stream_deadline(&s));
    ptn_stun_stream_doubt(&s, PTN_S(1));
    expect_nothing(PTN_S(1));
}
