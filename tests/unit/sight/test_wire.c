/*
 * What a machine and its host say to each other becomes packets: sight/ends and sight/wire.
 */
#include "sight/wire.h"

#include <stdlib.h>

#include "ip/ip.h"
#include "stun/msg.h"
#include "support/test.h"

enum { PACKETS_MAX = 64 };

static const struct ptn_addr HERE = {.ip = {192, 0, 2, 1}, .port = 5060, .family = PTN_IPV4};
static const struct ptn_addr THERE = {.ip = {192, 0, 2, 9}, .port = 5062, .family = PTN_IPV4};

static struct ptn_ends *ends;
static struct ptn_wire *wire;

static struct packet {
    struct ptn_ip ip;
    uint32_t interface;
    char comment[160];
    uint8_t payload[2000];
} packets[PACKETS_MAX];
static unsigned count;

static void begin(void)
{
    ends = ptn_ends_new(8);
    wire = ptn_wire_new(2);
    count = 0;
    CHECK(ends && wire);
}

static void end(void)
{
    ptn_ends_free(ends);
    ptn_wire_free(wire);
}

static void show(const struct ptn_seen *seen)
{
    static uint8_t buf[PTN_WIRE_PACKET_MAX];
    struct ptn_wire_packet p;

    ptn_wire_input(wire, seen);
    while (ptn_wire_output(wire, buf, &p)) {
        struct packet *to = &packets[count++];
        CHECK(count < PACKETS_MAX);
        CHECK_EQ(PTN_IP_FINE, ptn_ip_parse(p.bytes, &to->ip));
        CHECK(ptn_ip_checksums_hold(p.bytes, &to->ip));
        CHECK_EQ(p.bytes.size, to->ip.size);
        CHECK(to->ip.payload.size <= sizeof to->payload);
        if (to->ip.payload.size > 0)
            memcpy(to->payload, to->ip.payload.data, to->ip.payload.size);
        to->interface = p.interface;
        strcpy(to->comment, p.comment ? p.comment : "");
    }
}

static bool ask(const struct ptn_ask *ask)
{
    struct ptn_seen seen;
    bool any = ptn_ends_ask(ends, ask, &seen);
    if (any)
        show(&seen);
    return any;
}

static bool tell(const struct ptn_tell *tell)
{
    struct ptn_seen seen;
    bool any = ptn_ends_tell(ends, tell, &seen);
    if (any)
        show(&seen);
    return any;
}

static void connect_to(ptn_id id, enum ptn_transport transport)
{
    CHECK(!ask(&(struct ptn_ask){.kind = PTN_ASK_CONNECT,
                                 .id = id,
                                 .transport = transport,
                                 .local = ptn_addr_with_port(HERE, 0),
                                 .to = THERE}));
    CHECK(tell(&(struct ptn_tell){.kind = PTN_TELL_OPENED, .id = id, .local = HERE}));
}

static void send(ptn_id id, const char *text)
{
    CHECK(
        ask(&(struct ptn_ask){.kind = PTN_ASK_STREAM, .id = id, .bytes = ptn_bytes_of_text(text)}));
}

static void receive(ptn_id id, const char *text)
{
    CHECK(tell(
        &(struct ptn_tell){.kind = PTN_TELL_STREAM, .id = id, .bytes = ptn_bytes_of_text(text)}));
}

static void check_segment(unsigned i, bool sent, uint8_t flags, size_t size)
{
    CHECK(i < count);
    const struct packet *p = &packets[i];
    CHECK_ADDR(sent ? &HERE : &THERE, &p->ip.ends.from);
    CHECK_ADDR(sent ? &THERE : &HERE, &p->ip.ends.to);
    CHECK_EQ(flags, p->ip.tcp.flags);
    CHECK_EQ(size, p->ip.payload.size);
}

TEST(a_datagram_goes_from_the_real_port_to_its_far_end_with_its_dscp)
{
    begin();
    CHECK(!ask(&(struct ptn_ask){
        .kind = PTN_ASK_OPEN, .id = 1, .local = ptn_addr_with_port(HERE, 0), .dscp = 46}));
    CHECK(!tell(&(struct ptn_tell){.kind = PTN_TELL_OPENED, .id = 1, .local = HERE}));
    CHECK(ask(&(struct ptn_ask){
        .kind = PTN_ASK_DATAGRAM, .id = 1, .to = THERE, .bytes = ptn_bytes("abc", 3)}));
    CHECK(tell(&(struct ptn_tell){
        .kind = PTN_TELL_DATAGRAM, .id = 1, .from = THERE, .bytes = ptn_bytes("de", 2)}));
    CHECK_EQ(2, count);
    CHECK_EQ(PTN_IP_UDP, packets[0].ip.ends.proto);
    CHECK_ADDR(&HERE, &packets[0].ip.ends.from);
    CHECK_ADDR(&THERE, &packets[0].ip.ends.to);
    CHECK_EQ(46, packets[0].ip.dscp);
    CHECK_EQ(3, packets[0].ip.payload.size);
    CHECK_BYTES("abc", packets[0].payload, 3);
    CHECK_ADDR(&THERE, &packets[1].ip.ends.from);
    CHECK_BYTES("de", packets[1].payload, 2);
    CHECK_EQ(PTN_WIRE_PLAIN, packets[1].interface);
    end();
}

TEST(a_socket_that_is_closed_or_was_never_opened_is_not_seen)
{
    struct ptn_ask datagram = {.kind = PTN_ASK_DATAGRAM, .id = 1, .to = THERE};
    begin();
    CHECK(!ask(&datagram));
    CHECK(!ask(&(struct ptn_ask){.kind = PTN_ASK_OPEN, .id = 1, .local = HERE}));
    CHECK(ask(&datagram));
    CHECK(!ask(&(struct ptn_ask){.kind = PTN_ASK_CLOSE, .id = 1}));
    CHECK(!ask(&datagram));
    end();
}

TEST(a_connection_shakes_hands_numbers_its_bytes_and_ends)
{
    begin();
    connect_to(1, PTN_TCP);
    send(1, "hello");
    receive(1, "yes");
    send(1, "more");
    CHECK(tell(&(struct ptn_tell){.kind = PTN_TELL_CLOSED, .id = 1, .why = PTN_OK}));
    CHECK_EQ(9, count);
    check_segment(0, true, PTN_TCP_SYN, 0);
    check_segment(1, false, PTN_TCP_SYN | PTN_TCP_ACK, 0);
    check_segment(2, true, PTN_TCP_ACK, 0);
    check_segment(3, true, PTN_TCP_PSH | PTN_TCP_ACK, 5);
    check_segment(4, false, PTN_TCP_PSH | PTN_TCP_ACK, 3);
    check_segment(5, true, PTN_TCP_PSH | PTN_TCP_ACK, 4);
    check_segment(6, false, PTN_TCP_FIN | PTN_TCP_ACK, 0);
    check_segment(7, true, PTN_TCP_FIN | PTN_TCP_ACK, 0);
    check_segment(8, false, PTN_TCP_ACK, 0);
    CHECK_BYTES("hello", packets[3].payload, 5);

    /* Each segment begins where the one before it ended, and acknowledges all of the other way. */
    uint32_t ours = packets[0].ip.tcp.seq, theirs = packets[1].ip.tcp.seq;
    CHECK_EQ((uint32_t)(ours + 1), packets[1].ip.tcp.ack);
    CHECK_EQ((uint32_t)(ours + 1), packets[3].ip.tcp.seq);
    CHECK_EQ((uint32_t)(ours + 6), packets[4].ip.tcp.ack);
    CHECK_EQ((uint32_t)(ours + 6), packets[5].ip.tcp.seq);
    CHECK_EQ((uint32_t)(theirs + 4), packets[5].ip.tcp.ack);
    CHECK_EQ((uint32_t)(theirs + 4), packets[6].ip.tcp.seq);
    CHECK_EQ((uint32_t)(theirs + 5), packets[7].ip.tcp.ack);
    CHECK_EQ((uint32_t)(ours + 11), packets[8].ip.tcp.ack);
    end();
}

TEST(long_bytes_become_segments_that_fit_a_wire)
{
    static char text[4001];
    size_t sum = 0;
    begin();
    memset(text, 'x', sizeof text - 1);
    connect_to(1, PTN_TCP);
    send(1, text);
    CHECK_EQ(6, count);
    for (unsigned i = 3; i < count; i++) {
        CHECK(packets[i].ip.size <= 1500);
        CHECK_EQ((uint32_t)(packets[3].ip.tcp.seq + sum), packets[i].ip.tcp.seq);
        sum += packets[i].ip.payload.size;
    }
    CHECK_EQ(4000, sum);
    end();
}

TEST(a_connection_from_the_same_port_has_other_numbers_than_the_one_before)
{
    begin();
    connect_to(1, PTN_TCP);
    CHECK(ask(&(struct ptn_ask){.kind = PTN_ASK_CLOSE, .id = 1}));
    check_segment(3, true, PTN_TCP_FIN | PTN_TCP_ACK, 0);
    connect_to(2, PTN_TCP);
    check_segment(6, true, PTN_TCP_SYN, 0);
    uint32_t apart = packets[6].ip.tcp.seq - packets[3].ip.tcp.seq;
    CHECK(apart > 1u << 20 && apart < -(1u << 20));
    end();
}

TEST(who_connects_to_us_sends_the_first_segment)
{
    begin();
    CHECK(!ask(
        &(struct ptn_ask){.kind = PTN_ASK_LISTEN, .id = 1, .transport = PTN_TLS, .local = HERE}));
    CHECK(tell(&(struct ptn_tell){.kind = PTN_TELL_ACCEPTED,
                                  .id = PTN_ID_WORLD + 1,
                                  .listener = 1,
                                  .transport = PTN_TLS,
                                  .local = HERE,
                                  .from = THERE}));
    check_segment(0, false, PTN_TCP_SYN, 0);
    check_segment(1, true, PTN_TCP_SYN | PTN_TCP_ACK, 0);
    check_segment(2, false, PTN_TCP_ACK, 0);
    receive(PTN_ID_WORLD + 1, "in the clear");
    CHECK_BYTES("in the clear", packets[3].payload, 12);
    CHECK_EQ(PTN_WIRE_CLEAR, packets[3].interface);
    CHECK(strstr(packets[0].comment, "encrypted"));
    end();
}

TEST(empty_lines_within_tls_are_left_out_and_those_of_tcp_are_not)
{
    static const enum ptn_transport kinds[] = {PTN_TCP, PTN_TLS};
    for (size_t i = 0; i < 2; i++) {
        bool tls = kinds[i] == PTN_TLS;
        begin();
        connect_to(1, kinds[i]);
        send(1, "\r\n\r\n");
        send(1, "\r\nx");
        CHECK_EQ(tls ? 4 : 5, count);
        CHECK_EQ((uint32_t)(packets[2].ip.tcp.seq + (tls ? 0 : 4)), packets[count - 1].ip.tcp.seq);
        CHECK_EQ(3, packets[count - 1].ip.payload.size);
        end();
    }
}

TEST(what_ends_a_connection_out_of_order_is_said)
{
    static const struct {
        bool up;
        enum ptn_err why;
        unsigned packets;
        uint8_t last_flags;
        const char *comment;
    } cases[] = {
        {true, PTN_ERR_RESET, 4, PTN_TCP_RST | PTN_TCP_ACK, "lost: connection reset"},
        {false, PTN_ERR_REFUSED, 2, PTN_TCP_RST | PTN_TCP_ACK, "failed: refused"},
        {false, PTN_ERR_TIMED_OUT, 1, PTN_TCP_SYN, "failed: timed out"},
        {false, PTN_ERR_NOT_TRUSTED, 1, PTN_TCP_SYN, "failed: certificate not trusted"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        begin();
        ask(&(struct ptn_ask){
            .kind = PTN_ASK_CONNECT, .id = 1, .transport = PTN_TLS, .local = HERE, .to = THERE});
        if (cases[i].up)
            tell(&(struct ptn_tell){.kind = PTN_TELL_OPENED, .id = 1, .local = HERE});
        CHECK(tell(&(struct ptn_tell){.kind = cases[i].up ? PTN_TELL_CLOSED : PTN_TELL_FAILED,
                                      .id = 1,
                                      .why = cases[i].why}));
        CHECK_EQ(cases[i].packets, count);
        CHECK_EQ(cases[i].last_flags, packets[count - 1].ip.tcp.flags);
        bool said = false;
        for (unsigned p = 0; p < count; p++)
            said = said || strstr(packets[p].comment, cases[i].comment);
        CHECK(said);
        end();
    }
}

TEST(a_connection_older_than_the_capture_is_introduced)
{
    begin();
    connect_to(1, PTN_TCP);
    ptn_wire_free(wire);
    wire = ptn_wire_new(2);
    count = 0;
    receive(1, "abc");
    CHECK_EQ(4, count);
    CHECK(strstr(packets[0].comment, "older"));
    check_segment(0, true, PTN_TCP_SYN, 0);
    check_segment(3, false, PTN_TCP_PSH | PTN_TCP_ACK, 3);
    end();
}

TEST(with_more_connections_than_places_one_is_introduced_anew)
{
    begin();
    for (ptn_id id = 1; id <= 3; id++)
        connect_to(id, PTN_TCP);
    count = 0;
    send(1, "a");
    send(2, "b");
    send(3, "c");
    CHECK(count >= 6 && count <= 12); /* a handshake for at least one of them */
    end();
}

TEST(a_machine_that_leaves_ends_its_connections)
{
    struct ptn_seen seen;
    begin();
    ask(&(struct ptn_ask){.kind = PTN_ASK_OPEN, .id = 7, .local = HERE});
    connect_to(1, PTN_TCP);
    connect_to(2, PTN_TLS);
    unsigned left = 0;
    for (; ptn_ends_leave(ends, &seen); left++)
        CHECK(seen.kind == PTN_SEEN_DOWN && seen.sent && seen.why == PTN_OK);
    CHECK_EQ(2, left);
    CHECK(!ask(&(struct ptn_ask){.kind = PTN_ASK_DATAGRAM, .id = 7, .to = THERE}));
    connect_to(1, PTN_TCP);
    CHECK(ptn_ends_leave(ends, &seen));
    CHECK(!ptn_ends_leave(ends, &seen));
    end();
}

TEST(ipv6_and_the_largest_datagram_are_shown_and_ends_of_two_families_are_not)
{
    static uint8_t big[65507];
    struct ptn_addr v6[2];
    struct ptn_wire_packet p;
    static uint8_t buf[PTN_WIRE_PACKET_MAX];
    begin();
    CHECK(ptn_addr_parse("[2001:db8::1]:5060", &v6[0]) &&
          ptn_addr_parse("[2001:db8::2]:1", &v6[1]));
    struct ptn_seen seen = {.kind = PTN_SEEN_DATAGRAM,
                            .sent = true,
                            .local = v6[0],
                            .far = v6[1],
                            .bytes = ptn_bytes("x", 1)};
    show(&seen);
    CHECK_ADDR(&v6[1], &packets[0].ip.ends.to);
    seen.far = THERE;
    show(&seen);
    CHECK_EQ(1, count);
    seen.local = HERE;
    seen.bytes = ptn_bytes(big, sizeof big);
    ptn_wire_input(wire, &seen);
    CHECK(ptn_wire_output(wire, buf, &p));
    CHECK_EQ(65535, p.bytes.size);
    CHECK(!ptn_wire_output(wire, buf, &p));
    end();
}

/* An Allocate success by 192.0.2.9, for 203.0.113.5:50000. */
static struct ptn_bytes allocate_success(uint8_t buf[static 100])
{
    struct ptn_dice dice = ptn_dice_seeded(1);
    struct ptn_stun_id id = ptn_stun_id_new(&dice, PTN_STUN_MODERN);
    struct ptn_addr relayed = ptn_addr_v4(203, 0, 113, 5, 50000);
    struct ptn_bytes message = {0};
    struct ptn_stun_out o;

    ptn_stun_begin(&o, buf, 100, PTN_STUN_SUCCESS, PTN_STUN_ALLOCATE, &id);
    ptn_stun_put_addr(&o, PTN_STUN_XOR_RELAYED_ADDRESS, &relayed);
    CHECK(ptn_stun_end(&o, &message));
    return message;
}

TEST(a_relayed_address_is_explained_where_it_is_given)
{
    uint8_t buf[100];
    struct ptn_seen seen = {.kind = PTN_SEEN_DATAGRAM,
                            .id = 1,
                            .transport = PTN_UDP,
                            .local = HERE,
                            .far = THERE,
                            .bytes = allocate_success(buf)};

    begin();
    show(&seen);
    CHECK_STR("what comes to 203.0.113.5:50000 is relayed by turn:192.0.2.9:5062 from now on",
              packets[0].comment);
    seen.sent = true; /* nobody gives a server one */
    show(&seen);
    CHECK_STR("", packets[1].comment);
    seen = (struct ptn_seen){.kind = PTN_SEEN_UP,
                             .id = 2,
                             .sent = true,
                             .transport = PTN_TLS,
                             .local = HERE,
                             .far = THERE};
    show(&seen);
    seen.kind = PTN_SEEN_STREAM;
    seen.sent = false;
    seen.bytes = allocate_success(buf);
    unsigned before = count;
    show(&seen);
    CHECK_STR("what comes to 203.0.113.5:50000 is relayed by turns:192.0.2.9:5062 from now on",
              packets[before].comment);
    end();
}
