#include "support/turn_rig.h"

#include "support/test.h"

static const struct ptn_addr bob = {.ip = {91, 198, 174, 77}, .port = 6000, .family = PTN_IPV4};
static const struct ptn_addr carol = {.ip = {91, 198, 174, 78}, .port = 6000, .family = PTN_IPV4};

static struct ptn_bytes text(const char *t)
{
    return ptn_bytes_of_text(t);
}

/* An allocation with a permission for bob and, if `number`, a channel. */
static ptn_id prepare(struct rig *g, struct rig_client *c, uint16_t number)
{
    struct ptn_addr relayed;

    CHECK_EQ(0, rig_allocate(g, c, &relayed));
    CHECK_EQ(0, rig_permit(g, c, &bob));
    if (number)
        CHECK_EQ(0, rig_bind(g, c, number, &bob));
    g->sent_count = 0;
    return rig_socket(g, &relayed);
}

static struct ptn_bytes send_indication(uint8_t buf[static 500], const struct ptn_addr *peer,
                                        struct ptn_bytes data, bool dont_fragment)
{
    struct ptn_stun_id id = {{0x21, 0x12, 0xa4, 0x42}};
    struct ptn_stun_out o;
    struct ptn_bytes message;

    ptn_stun_begin(&o, buf, 500, PTN_STUN_INDICATION, PTN_STUN_SEND, &id);
    ptn_stun_put_addr(&o, PTN_STUN_XOR_PEER_ADDRESS, peer);
    if (dont_fragment)
        ptn_stun_put(&o, PTN_STUN_DONT_FRAGMENT, ptn_bytes(NULL, 0));
    ptn_stun_put(&o, PTN_STUN_DATA, data);
    CHECK(ptn_stun_end(&o, &message));
    return message;
}

static void check_data_indication(struct ptn_bytes message, const struct ptn_addr *peer,
                                  const char *data)
{
    struct ptn_stun_msg m;
    struct ptn_addr from;
    struct ptn_bytes value;

    CHECK_EQ(PTN_STUN_OK, ptn_stun_decode(&m, message));
    CHECK_EQ(PTN_STUN_INDICATION, m.class);
    CHECK_EQ(PTN_STUN_DATA_INDICATION, m.method);
    CHECK(ptn_stun_get_addr(&m, PTN_STUN_XOR_PEER_ADDRESS, &from));
    CHECK_ADDR(peer, &from);
    CHECK(ptn_stun_get(&m, PTN_STUN_DATA, &value));
    CHECK(ptn_bytes_equal(text(data), value));
}

TEST(a_channel_carries_data_both_ways_and_nothing_is_copied_upwards)
{
    struct rig *g = rig_new(NULL);
    struct rig_client c = rig_client(40000);
    ptn_id relay = prepare(g, &c, 0x4001);
    static const uint8_t up[] = {0x40, 1, 0, 3, 'a', 'b', 'c', 0}; /* padding may come */
    struct ptn_relay_out out;

    CHECK(rig_datagram(g, c.path, &c.addr, ptn_bytes(up, sizeof up), &out));
    CHECK_EQ(relay, out.socket);
    CHECK_ADDR(&bob, &out.to);
    CHECK(out.bytes.data == up + 4);
    CHECK_EQ(3, out.bytes.size);
    CHECK(rig_datagram(g, relay, &bob, text("hello"), &out));
    CHECK_EQ(RIG_UDP, out.socket);
    CHECK_ADDR(&c.addr, &out.to);
    CHECK_EQ(9, out.bytes.size);
    CHECK_BYTES("\x40\1\0\5hello", out.bytes.data, 9);
    CHECK_EQ(0, rig_refresh(g, &c, 0));
    CHECK_EQ(3, g->ended.bytes_up);
    CHECK_EQ(5, g->ended.bytes_down);
    CHECK_EQ(1, g->ended.packets_up);
    CHECK_EQ(1, g->ended.packets_down);
    rig_free(g);
}

TEST(an_empty_datagram_is_relayed_too)
{
    struct rig *g = rig_new(NULL);
    struct rig_client c = rig_client(40000);
    ptn_id relay = prepare(g, &c, 0x4001);
    struct ptn_relay_out out;

    CHECK(rig_datagram(g, c.path, &c.addr, ptn_bytes("\x40\1\0\0", 4), &out));
    CHECK_EQ(relay, out.socket);
    CHECK_EQ(0, out.bytes.size);
    CHECK(rig_datagram(g, relay, &bob, ptn_bytes("", 0), &out));
    CHECK_EQ(4, out.bytes.size);
    rig_free(g);
}

TEST(without_a_channel_data_travels_in_indications)
{
    struct rig *g = rig_new(NULL);
    struct rig_client c = rig_client(40000);
    ptn_id relay = prepare(g, &c, 0);
    struct ptn_addr other_port = ptn_addr_with_port(bob, 7000);
    struct ptn_relay_out out;
    uint8_t buf[500];

    CHECK(rig_datagram(g, c.path, &c.addr, send_indication(buf, &other_port, text("up"), false),
                       &out));
    CHECK_EQ(relay, out.socket);
    CHECK_ADDR(&other_port, &out.to);
    CHECK(ptn_bytes_equal(text("up"), out.bytes));
    CHECK(!out.dont_fragment);
    CHECK(rig_datagram(g, relay, &other_port, text("down"), &out));
    check_data_indication(out.bytes, &other_port, "down");
    CHECK_EQ(RIG_UDP, out.socket);
    rig_free(g);
}

TEST(data_that_may_not_pass_is_dropped_and_counted)
{
    struct rig *g = rig_new(NULL);
    struct rig_client c = rig_client(40000), stranger = rig_client(40001);
    ptn_id relay = prepare(g, &c, 0x4001);
    uint8_t buf[500];
    const struct {
        ptn_id socket;
        const struct ptn_addr *from;
        struct ptn_bytes bytes;
        enum ptn_relay_verdict verdict;
    } cases[] = {
        {RIG_UDP, &stranger.addr, ptn_bytes("\x40\1\0\3abc", 7), PTN_RELAY_NO_ALLOCATION},
        {RIG_UDP, &c.addr, ptn_bytes("\x40\2\0\3abc", 7), PTN_RELAY_NO_CHANNEL},
        {RIG_UDP, &c.addr, ptn_bytes("\x40\1\0\4abc", 7), PTN_RELAY_MALFORMED},
        {RIG_UDP, &c.addr, ptn_bytes("\x40\1\xff\xff", 4), PTN_RELAY_MALFORMED},
        {RIG_UDP, &c.addr, ptn_bytes("\x40\1\0", 3), PTN_RELAY_NOT_STUN},
        {RIG_UDP, &stranger.addr, send_indication(buf, &bob, text("x"), false),
         PTN_RELAY_NO_ALLOCATION},
        {relay, &carol, text("x"), PTN_RELAY_NO_PERMISSION},
        {relay + 1, &bob, text("x"), PTN_RELAY_NO_ALLOCATION},
        {PTN_RELAY_SOCKET_ID + 30000, &bob, text("x"), PTN_RELAY_NO_ALLOCATION},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ptn_relay_out out;
        uint64_t before = rig_count(g, cases[i].verdict);
        CHECK(!rig_datagram(g, cases[i].socket, cases[i].from, cases[i].bytes, &out));
        CHECK_EQ(before + 1, rig_count(g, cases[i].verdict));
    }
    rig_free(g);
}

TEST(a_permission_ends_and_lets_nobody_in_any_more)
{
    struct rig *g = rig_new(NULL);
    struct rig_client c = rig_client(40000);
    ptn_id relay = prepare(g, &c, 0);
    struct ptn_relay_out out;
    uint8_t buf[500];

    rig_sleep(g, PTN_S(299));
    CHECK(rig_datagram(g, relay, &bob, text("x"), &out));
    /* The program may be late with its tick. */
    g->now += PTN_S(1);
    CHECK(!rig_datagram(g, relay, &bob, text("x"), &out));
    CHECK(!rig_datagram(g, c.path, &c.addr, send_indication(buf, &bob, text("x"), false), &out));
    CHECK_EQ(2, rig_count(g, PTN_RELAY_NO_PERMISSION));
    rig_free(g);
}

TEST(dont_fragment_is_passed_on_where_the_program_can)
{
    struct ptn_relay_opts opts = rig_opts();

    for (unsigned can = 0; can < 2; can++) {
        opts.turn.dont_fragment = can;
        struct rig *g = rig_new(&opts);
        struct rig_client c = rig_client(40000);
        struct ptn_relay_out out;
        uint8_t buf[500];

        prepare(g, &c, 0);
        bool sent =
            rig_datagram(g, c.path, &c.addr, send_indication(buf, &bob, text("x"), true), &out);
        CHECK_EQ(can, sent);
        if (can)
            CHECK(out.dont_fragment);
        rig_free(g);
    }
}

TEST(an_allocation_gets_its_bandwidth_and_no_more_each_way)
{
    struct ptn_relay_opts opts = rig_opts();
    opts.turn.max_bps = 1000;
    struct rig *g = rig_new(&opts);
    struct rig_client c = rig_client(40000);
    ptn_id relay = prepare(g, &c, 0x4001);
    uint8_t data[104] = {0x40, 1, 0, 100};
    struct ptn_relay_out out;

    for (unsigned second = 0; second < 5; second++) {
        unsigned up = 0, down = 0;
        for (unsigned i = 0; i < 30; i++) {
            up += rig_datagram(g, c.path, &c.addr, ptn_bytes(data, sizeof data), &out);
            down += rig_datagram(g, relay, &bob, ptn_bytes(data, 100), &out);
        }
        CHECK_EQ(10, up);
        CHECK_EQ(10, down);
        rig_sleep(g, PTN_S(1));
    }
    CHECK_EQ(200, rig_count(g, PTN_RELAY_OVER_BANDWIDTH));
    rig_free(g);
}

TEST(an_icmp_error_about_a_permitted_peer_is_told)
{
    static const struct {
        enum ptn_err why;
        const char *icmp;
    } cases[] = {{PTN_ERR_REFUSED, "\0\0\6\3"}, {PTN_ERR_UNREACHABLE, "\0\0\6\1"}};
    struct rig *g = rig_new(NULL);
    struct rig_client c = rig_client(40000);
    ptn_id relay = prepare(g, &c, 0);

    for (size_t i = 0; i < 2; i++) {
        struct ptn_tell tell = {
            .kind = PTN_TELL_ICMP_ERROR, .id = relay, .from = bob, .why = cases[i].why};
        struct ptn_stun_msg m;
        struct ptn_bytes value;

        g->sent_count = 0;
        ptn_relay_input(g->relay, g->now, &tell);
        tell.from = carol;
        ptn_relay_input(g->relay, g->now, &tell);
        rig_settle(g);
        CHECK_EQ(1, g->sent_count);
        CHECK_ADDR(&c.addr, &g->sent[0].to);
        CHECK_EQ(PTN_STUN_OK, ptn_stun_decode(&m, ptn_bytes(g->sent[0].bytes, g->sent[0].size)));
        CHECK(ptn_stun_get(&m, PTN_STUN_ICMP, &value));
        CHECK_EQ(8, value.size);
        CHECK_BYTES(cases[i].icmp, value.data, 4);
        CHECK(!ptn_stun_has(&m, PTN_STUN_DATA));
    }
    rig_free(g);
}

TEST(a_peer_gets_nothing_back_from_us)
{
    struct rig *g = rig_new(NULL);
    struct rig_client c = rig_client(40000);
    ptn_id relay = prepare(g, &c, 0);
    static const uint8_t binding[20] = {0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42};
    struct ptn_relay_out out;

    CHECK(rig_datagram(g, relay, &bob, ptn_bytes(binding, sizeof binding), &out));
    CHECK_ADDR(&c.addr, &out.to); /* STUN between the ends is theirs */
    CHECK(!rig_datagram(g, relay, &carol, ptn_bytes(binding, sizeof binding), &out));
    rig_free(g);
}

/* What is sent to the announced name goes out to a NAT that may not send it back. */
TEST(behind_a_one_to_one_nat_our_relays_reach_each_other_by_the_names_they_announce)
{
    struct ptn_relay_opts opts = rig_opts();
    opts.turn.addresses[0] = (struct ptn_relay_address){.local = ptn_addr_v4(10, 0, 0, 5, 0),
                                                        .announced = ptn_addr_v4(81, 2, 69, 9, 0)};
    struct rig *g = rig_new(&opts);
    struct rig_client a = rig_client(40000), b = rig_client(40001);
    struct ptn_addr at_a, at_b;
    struct ptn_relay_out out;

    CHECK_EQ(0, rig_allocate(g, &a, &at_a));
    CHECK_EQ(0, rig_allocate(g, &b, &at_b));
    struct ptn_addr public = ptn_addr_v4(81, 2, 69, 9, at_b.port);
    CHECK_ADDR(&public, &at_b);
    CHECK_EQ(0, rig_bind(g, &a, 0x4000, &at_b));
    CHECK_EQ(0, rig_permit(g, &b, &at_a));
    CHECK(rig_datagram(g, a.path, &a.addr, ptn_bytes("\x40\0\0\2hi", 6), &out));
    struct ptn_addr inside_a = ptn_addr_v4(10, 0, 0, 5, at_a.port),
                    inside_b = ptn_addr_v4(10, 0, 0, 5, at_b.port);
    CHECK_ADDR(&inside_b, &out.to);
    CHECK_EQ(rig_socket(g, &inside_a), out.socket);
    CHECK(rig_datagram(g, rig_socket(g, &inside_b), &inside_a, text("hi"), &out));
    check_data_indication(out.bytes, &at_a, "hi");
    rig_free(g);
}

/* ---- clients by streams and by DTLS ---- */

TEST(over_a_stream_data_is_framed_and_padded)
{
    struct rig *g = rig_new(NULL);
    struct rig_client c = rig_stream_client(g, PTN_ID_WORLD + 1);
    ptn_id relay = prepare(g, &c, 0x4001);
    static const uint8_t up[] = {0x40, 1, 0, 3, 'a', 'b', 'c', 0,
                                 0x40, 1, 0, 4, 'd', 'e', 'f', 'g'};
    struct ptn_relay_out out;

    /* In pieces of every size: what comes out is the same. */
    for (size_t piece = 1; piece <= sizeof up; piece++) {
        g->sent_count = 0;
        for (size_t at = 0; at < sizeof up; at += piece) {
            size_t size = sizeof up - at < piece ? sizeof up - at : piece;
            ptn_relay_input(g->relay, g->now,
                            &(struct ptn_tell){.kind = PTN_TELL_STREAM,
                                               .id = c.path,
                                               .bytes = ptn_bytes(up + at, size)});
            rig_settle(g);
        }
        CHECK_EQ(2, g->sent_count);
        CHECK_EQ(PTN_ASK_DATAGRAM, g->sent[0].kind);
        CHECK_EQ(relay, g->sent[0].id);
        CHECK_EQ(3, g->sent[0].size);
        CHECK_BYTES("abc", g->sent[0].bytes, 3);
        CHECK_BYTES("defg", g->sent[1].bytes, 4);
        CHECK_ADDR(&bob, &g->sent[1].to);
    }
    g->sent_count = 0;
    CHECK(!rig_datagram(g, relay, &bob, text("hello"), &out)); /* not as a datagram */
    rig_settle(g);
    CHECK_EQ(1, g->sent_count);
    CHECK_EQ(PTN_ASK_STREAM, g->sent[0].kind);
    CHECK_EQ(c.path, g->sent[0].id);
    CHECK_EQ(12, g->sent[0].size);
    CHECK_BYTES("\x40\1\0\5hello\0\0\0", g->sent[0].bytes, 12);
    rig_free(g);
}

TEST(an_allocation_ends_with_its_connection)
{
    for (unsigned by_client = 0; by_client < 2; by_client++) {
        struct rig *g = rig_new(NULL);
        struct rig_client c = rig_stream_client(g, PTN_ID_WORLD + 1);
        unsigned open = g->open_count;

        prepare(g, &c, 0);
        if (by_client)
            ptn_relay_input(g->relay, g->now,
                            &(struct ptn_tell){.kind = PTN_TELL_CLOSED, .id = c.path});
        else /* what is no STUN and no ChannelData */
            ptn_relay_input(
                g->relay, g->now,
                &(struct ptn_tell){.kind = PTN_TELL_STREAM,
                                   .id = c.path,
                                   .bytes = text("GET / HTTP/1.1\r\n\r\n\xff\xff\xff")});
        rig_settle(g);
        CHECK_EQ(0, ptn_relay_now(g->relay).connections);
        CHECK_EQ(PTN_RELAY_END_CONNECTION, g->ended.end);
        CHECK_EQ(open, g->open_count);
        CHECK_EQ(by_client ? 0 : 1, g->closed_conns);
        rig_free(g);
    }
}

TEST(a_connection_with_an_allocation_is_not_idle)
{
    struct rig *g = rig_new(NULL);
    struct rig_client c = rig_stream_client(g, PTN_ID_WORLD + 1);

    rig_stream_client(g, PTN_ID_WORLD + 2);
    prepare(g, &c, 0);
    rig_sleep(g, PTN_S(599));
    CHECK_EQ(1, ptn_relay_now(g->relay).connections);
    CHECK_EQ(1, ptn_relay_now(g->relay).allocations);
    rig_sleep(g, PTN_S(100));
    CHECK_EQ(0, ptn_relay_now(g->relay).allocations);
    CHECK_EQ(0, ptn_relay_now(g->relay).connections);
    rig_free(g);
}

TEST(a_dtls_client_has_its_records_as_datagrams)
{
    struct ptn_relay_opts opts = rig_opts();
    opts.listeners[1].transport = PTN_DTLS;
    struct rig *g = rig_new(&opts);
    struct rig_client c = rig_stream_client(g, PTN_ID_WORLD + 1);
    struct rig_request q;
    struct ptn_bytes message;
    struct ptn_relay_out out;

    rig_begin(&q, &c, PTN_STUN_ALLOCATE);
    CHECK(ptn_stun_end(&q.o, &message));
    CHECK(rig_datagram(g, c.path, &c.addr, message, &out));
    CHECK_EQ(c.path, out.socket);
    CHECK_EQ(PTN_STUN_OK, ptn_stun_decode(&q.answer, out.bytes));
    CHECK(ptn_stun_has(&q.answer, PTN_STUN_PASSWORD_ALGORITHMS)); /* he showed his address */
    CHECK(!rig_datagram(g, PTN_ID_WORLD + 9, &c.addr, message, &out));
    rig_free(g);
}
