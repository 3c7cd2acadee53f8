#include "relay/relay.h"

#include "stun/msg.h"
#include "support/test.h"

enum { UDP = 1, TCP = 2 };
#define CONN (PTN_ID_WORLD + 5)

static const struct ptn_addr here = {.ip = {192, 0, 2, 1}, .port = 3478, .family = PTN_IPV4};
static const struct ptn_addr phone = {.ip = {203, 0, 113, 9}, .port = 40000, .family = PTN_IPV4};
static const uint8_t request[20] = {0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1};

static struct ptn_relay *relay(void)
{
    struct ptn_relay_opts opts = {.listeners = {{UDP, PTN_UDP, here}, {TCP, PTN_TCP, here}},
                                  .listener_count = 2,
                                  .behaviour_discovery = true,
                                  .connections_max = 2};
    return ptn_relay_new(&opts);
}

static void accept_conn(struct ptn_machine m, ptn_time now, ptn_id id)
{
    m.input(m.self, now,
            &(struct ptn_tell){.kind = PTN_TELL_ACCEPTED,
                               .id = id,
                               .listener = TCP,
                               .transport = PTN_TCP,
                               .local = here,
                               .from = phone});
}

static void stream(struct ptn_machine m, ptn_time now, ptn_id id, const void *bytes, size_t size)
{
    m.input(m.self, now,
            &(struct ptn_tell){.kind = PTN_TELL_STREAM, .id = id, .bytes = ptn_bytes(bytes, size)});
}

static struct ptn_ask expect(struct ptn_machine m, enum ptn_ask_kind kind, ptn_id id)
{
    struct ptn_ask ask;

    CHECK(m.output(m.self, 0, &ask));
    CHECK_EQ(kind, ask.kind);
    CHECK_EQ(id, ask.id);
    return ask;
}

static void expect_nothing(struct ptn_machine m)
{
    struct ptn_ask ask;
    CHECK(!m.output(m.self, 0, &ask));
}

TEST(started_it_opens_its_sockets_and_tells_what_became_of_them)
{
    struct ptn_relay *r = relay();
    struct ptn_machine m = ptn_relay_machine(r);
    struct ptn_addr real = ptn_addr_with_port(here, 5000);
    struct ptn_relay_event ev;

    expect_nothing(m);
    ptn_relay_start(r);
    struct ptn_ask ask = expect(m, PTN_ASK_OPEN, UDP);
    CHECK_ADDR(&here, &ask.local);
    CHECK_EQ(PTN_TCP, expect(m, PTN_ASK_LISTEN, TCP).transport);
    expect_nothing(m);
    m.input(m.self, 0, &(struct ptn_tell){.kind = PTN_TELL_OPENED, .id = UDP, .local = real});
    m.input(m.self, 0,
            &(struct ptn_tell){.kind = PTN_TELL_FAILED, .id = TCP, .why = PTN_ERR_IN_USE});
    CHECK(ptn_relay_event(r, &ev));
    CHECK_EQ(PTN_RELAY_LISTENING, ev.kind);
    CHECK_ADDR(&real, &ev.local);
    CHECK(ptn_relay_event(r, &ev));
    CHECK_EQ(PTN_RELAY_NOT_LISTENING, ev.kind);
    CHECK_EQ(TCP, ev.listener);
    CHECK_EQ(PTN_ERR_IN_USE, ev.why);
    CHECK(!ptn_relay_event(r, &ev));
    ptn_relay_free(r);
}

TEST(a_datagram_through_the_machine_is_answered_too)
{
    struct ptn_relay *r = relay();
    struct ptn_machine m = ptn_relay_machine(r);

    for (unsigned i = 0; i < 3; i++)
        m.input(m.self, 0,
                &(struct ptn_tell){.kind = PTN_TELL_DATAGRAM,
                                   .id = UDP,
                                   .from = ptn_addr_with_port(phone, (uint16_t)(100 + i)),
                                   .bytes = ptn_bytes(request, sizeof request)});
    for (unsigned i = 0; i < 3; i++) {
        struct ptn_ask ask = expect(m, PTN_ASK_DATAGRAM, UDP);
        struct ptn_stun_msg answer;
        struct ptn_addr mapped;

        CHECK_EQ(100 + i, ask.to.port);
        CHECK_EQ(PTN_STUN_OK, ptn_stun_decode(&answer, ask.bytes));
        CHECK(ptn_stun_get_mapped(&answer, &mapped, NULL));
        CHECK_ADDR(&ask.to, &mapped);
    }
    expect_nothing(m);
    ptn_relay_free(r);
}

TEST(requests_over_tcp_are_answered_in_order_however_they_are_cut)
{
    uint8_t two[40];

    memcpy(two, request, 20);
    memcpy(two + 20, request, 20);
    two[39] = 7;
    for (size_t cut = 0; cut <= 40; cut++) {
        struct ptn_relay *r = relay();
        struct ptn_machine m = ptn_relay_machine(r);
        struct ptn_ask ask;

        accept_conn(m, 0, CONN);
        stream(m, 0, CONN, two, cut);
        stream(m, 0, CONN, two + cut, 40 - cut);
        ask = expect(m, PTN_ASK_STREAM, CONN);
        CHECK_EQ(32, ask.bytes.size);
        CHECK_EQ(0, ask.bytes.data[19]);
        ask = expect(m, PTN_ASK_STREAM, CONN);
        CHECK_EQ(7, ask.bytes.data[19]);
        expect_nothing(m);
        ptn_relay_free(r);
    }
}

TEST(a_connection_that_speaks_no_stun_is_closed_after_what_was_answered)
{
    struct ptn_relay *r = relay();
    struct ptn_machine m = ptn_relay_machine(r);
    uint8_t bytes[44] = {0};

    memcpy(bytes, request, 20);
    memcpy(bytes + 20, "GET / HTTP/1.1\r\n\r\n", 19);
    accept_conn(m, 0, CONN);
    stream(m, 0, CONN, bytes, sizeof bytes);
    expect(m, PTN_ASK_STREAM, CONN);
    expect(m, PTN_ASK_CLOSE, CONN);
    expect_nothing(m);
    /* What was on its way still comes, and is nobody's. */
    stream(m, 0, CONN, request, sizeof request);
    expect_nothing(m);
    CHECK_EQ(PTN_NEVER, m.deadline(m.self));
    ptn_relay_free(r);
}

TEST(an_idle_connection_is_closed_and_one_that_asks_stays)
{
    struct ptn_relay *r = relay();
    struct ptn_machine m = ptn_relay_machine(r);

    accept_conn(m, 0, CONN);
    accept_conn(m, 0, CONN + 1);
    CHECK_EQ(PTN_S(60), m.deadline(m.self));
    stream(m, PTN_S(50), CONN, request, sizeof request);
    expect(m, PTN_ASK_STREAM, CONN);
    /* Bytes without a whole request keep nothing alive. */
    stream(m, PTN_S(50), CONN + 1, request, 10);
    m.tick(m.self, PTN_S(60));
    expect(m, PTN_ASK_CLOSE, CONN + 1);
    expect_nothing(m);
    CHECK_EQ(PTN_S(110), m.deadline(m.self));
    CHECK_EQ(1, ptn_relay_count(r, PTN_RELAY_CONNECTION_IDLE));
    ptn_relay_free(r);
}

TEST(one_connection_too_many_is_closed_and_a_place_is_free_when_one_goes)
{
    struct ptn_relay *r = relay();
    struct ptn_machine m = ptn_relay_machine(r);

    for (ptn_id i = 0; i < 3; i++)
        accept_conn(m, 0, CONN + i);
    expect(m, PTN_ASK_CLOSE, CONN + 2);
    expect_nothing(m);
    CHECK_EQ(1, ptn_relay_count(r, PTN_RELAY_CONNECTION_FULL));
    m.input(m.self, 0, &(struct ptn_tell){.kind = PTN_TELL_CLOSED, .id = CONN});
    accept_conn(m, 0, CONN + 3);
    expect_nothing(m);
    ptn_relay_free(r);
}

TEST(nobody_who_never_reads_makes_the_queue_grow)
{
    struct ptn_relay *r = relay();
    struct ptn_machine m = ptn_relay_machine(r);
    struct ptn_ask ask;
    unsigned answers = 0;

    accept_conn(m, 0, CONN);
    for (unsigned i = 0; i < 5000; i++)
        stream(m, 0, CONN, request, sizeof request);
    while (m.output(m.self, 0, &ask))
        answers++;
    CHECK_EQ(answers, ptn_relay_count(r, PTN_RELAY_ANSWERED));
    CHECK_EQ(5000 - answers, ptn_relay_count(r, PTN_RELAY_NO_ROOM));
    CHECK(answers >= 500);
    stream(m, 0, CONN, request, sizeof request);
    expect(m, PTN_ASK_STREAM, CONN);
    ptn_relay_free(r);
}
