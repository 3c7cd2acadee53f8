/*
 * ua/relays.h: which ways are tried in which order, who is lent a client, and how it comes back.
 */
#include "ua/relays.h"

#include "support/test.h"

enum { NAMES = 100, CONNS = 200, SOCKET = 300 };
static const struct ptn_addr LOCAL = {{192, 168, 1, 10}, 11780, PTN_IPV4, 0};
static const struct ptn_addr LOCAL6 = {{0xfd, [15] = 1}, 11780, PTN_IPV6, 0};

static struct ptn_relays *relays(enum ptn_relays_by by, const char *first, const char *second)
{
    struct ptn_relays_opts opts = {.servers = {{first, 3478, 5349}, {second, 3478, 443}},
                                   .server_count = second ? 2 : 1,
                                   .user = {"alice", "secret"},
                                   .by = by,
                                   .types = PTN_DNS_A,
                                   .count = 2,
                                   .names_id = NAMES,
                                   .conns_id = CONNS,
                                   .dice = ptn_dice_seeded(1)};
    struct ptn_relays *r = ptn_relays_new(&opts);

    assert_non_null(r);
    return r;
}

TEST(ways_are_tried_by_transport_first_and_then_by_server)
{
    static const struct {
        enum ptn_relays_by by;
        unsigned count;
        const char *ways[6];
    } cases[] = {
        {PTN_RELAYS_BY_ANY,
         6,
         {"turn:192.0.2.1:3478", "turn:192.0.2.2:3478", "turn:192.0.2.1:3478?transport=tcp",
          "turn:192.0.2.2:3478?transport=tcp", "turns:192.0.2.1:5349", "turns:192.0.2.2:443"}},
        {PTN_RELAYS_BY_UDP, 2, {"turn:192.0.2.1:3478", "turn:192.0.2.2:3478"}},
        {PTN_RELAYS_BY_TCP,
         2,
         {"turn:192.0.2.1:3478?transport=tcp", "turn:192.0.2.2:3478?transport=tcp"}},
        {PTN_RELAYS_BY_TLS, 2, {"turns:192.0.2.1:5349", "turns:192.0.2.2:443"}},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ptn_relays *r = relays(cases[i].by, "192.0.2.1", "192.0.2.2");
        const struct ptn_turn *t = ptn_relays_lend(r, 0, SOCKET, &LOCAL);
        assert_non_null(t);
        CHECK_EQ(cases[i].count, t->ways.count);
        for (unsigned w = 0; w < cases[i].count; w++) {
            char text[PTN_TURN_WAY_TEXT_MAX];
            CHECK_STR(cases[i].ways[w], ptn_turn_way_text(&t->ways.ways[w], text));
        }
        /* Only those that UDP leads to can be asked for the mapped address. */
        struct ptn_anchor_servers asked = {1, {ptn_addr_v4(192, 0, 2, 2, 3478)}};
        ptn_relays_add_to(r, &asked);
        bool by_udp = cases[i].by == PTN_RELAYS_BY_ANY || cases[i].by == PTN_RELAYS_BY_UDP;
        CHECK_EQ(by_udp ? 2 : 1, asked.count);
        ptn_relays_free(r);
    }
}

TEST(a_server_that_is_a_name_is_of_use_when_it_is_resolved)
{
    struct ptn_relays *r = relays(PTN_RELAYS_BY_TLS, "turn.example", NULL);
    struct ptn_dns_record record = {
        .type = PTN_DNS_A, .ttl_s = 300, .addr = ptn_addr_v4(192, 0, 2, 7, 0)};
    struct ptn_ask ask;

    CHECK(ptn_relays_lend(r, 0, SOCKET, &LOCAL) == NULL);
    ptn_relays_tick(r, 0);
    CHECK(ptn_relays_output(r, 0, &ask));
    CHECK_EQ(PTN_ASK_RESOLVE, ask.kind);
    CHECK_STR("turn.example", ask.name);
    CHECK(ptn_relays_owns(r, ask.id));
    CHECK(ptn_relays_input(
        r, 0,
        &(struct ptn_tell){
            .kind = PTN_TELL_RESOLVED, .id = ask.id, .records = &record, .record_count = 1}));
    struct ptn_turn *t = ptn_relays_lend(r, 0, SOCKET, &LOCAL);
    assert_non_null(t);
    CHECK(ptn_turn_output(t, 0, &ask));
    CHECK_EQ(PTN_ASK_CONNECT, ask.kind);
    CHECK_EQ(PTN_TLS, ask.transport);
    CHECK_EQ(5349, ask.to.port);
    CHECK_STR("turn.example", ask.name); /* which the certificate must hold */
    CHECK(ptn_relays_of_connection(r, ask.id) == t);
    /* It has no IPv6 address. */
    CHECK(ptn_relays_lend(r, 0, SOCKET, &LOCAL6) == NULL);
    ptn_relays_free(r);
}

TEST(no_more_are_lent_than_there_are_and_one_that_is_back_is_lent_again)
{
    struct ptn_relays *r = relays(PTN_RELAYS_BY_UDP, "192.0.2.1", NULL);
    struct ptn_turn *a = ptn_relays_lend(r, 0, SOCKET, &LOCAL);

    CHECK(a && ptn_relays_lend(r, 0, SOCKET + 1, &LOCAL));
    CHECK(ptn_relays_lend(r, 0, SOCKET + 2, &LOCAL) == NULL);
    /* It has not been given anything yet, so there is nothing to give back. */
    CHECK(!ptn_relays_take_back(r, 0, a, SOCKET));
    CHECK(ptn_relays_idle(r));
    CHECK(ptn_relays_lend(r, 0, SOCKET + 2, &LOCAL) == a);
    ptn_relays_free(r);
}

/* The server has been told who asks, so it may hold something though its answer is lost. */
TEST(the_socket_stays_open_until_the_server_knows_or_never_will)
{
    struct ptn_relays *r = relays(PTN_RELAYS_BY_UDP, "192.0.2.1", NULL);
    struct ptn_turn *t = ptn_relays_lend(r, 0, SOCKET, &LOCAL);
    struct ptn_ask ask;
    unsigned sent = 0;
    ptn_time now = 0;

    t->auth.known = true;
    ptn_turn_tick(t, now);
    CHECK(ptn_turn_output(t, now, &ask));
    CHECK(ptn_relays_take_back(r, now, t, SOCKET));
    CHECK(!ptn_relays_idle(r));
    CHECK(ptn_relays_owns(r, SOCKET));
    for (;;) {
        ptn_relays_tick(r, now);
        if (ptn_relays_output(r, now, &ask)) {
            sent += ask.kind == PTN_ASK_DATAGRAM;
            if (ask.kind == PTN_ASK_CLOSE)
                break;
            continue;
        }
        now = ptn_relays_deadline(r);
        CHECK(now < PTN_S(3));
    }
    CHECK_EQ(SOCKET, ask.id);
    CHECK_EQ(3, sent);
    CHECK(ptn_relays_idle(r));
    CHECK_EQ(PTN_NEVER, ptn_relays_deadline(r));
    ptn_relays_free(r);
}
