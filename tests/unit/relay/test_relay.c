#include "relay/relay.h"

#include "stun/seal.h"
#include "support/test.h"

/* Two addresses times two ports in one group, TCP, and a lone IPv6 socket. */
enum { A1 = 1, A2, B1, B2, TCP_A, V6 };

static const struct ptn_addr a1 = {.ip = {192, 0, 2, 1}, .port = 3478, .family = PTN_IPV4};
static const struct ptn_addr a2 = {.ip = {192, 0, 2, 1}, .port = 3479, .family = PTN_IPV4};
static const struct ptn_addr b1 = {.ip = {192, 0, 2, 2}, .port = 3478, .family = PTN_IPV4};
static const struct ptn_addr b2 = {.ip = {192, 0, 2, 2}, .port = 3479, .family = PTN_IPV4};
static const struct ptn_addr v6 = {
    .ip = {0x20, 0x01, 0xd, 0xb8, [15] = 1}, .port = 3478, .family = PTN_IPV6};
static const struct ptn_addr phone = {.ip = {203, 0, 113, 9}, .port = 40000, .family = PTN_IPV4};

static const struct ptn_stun_id modern_id = {{0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8}};
static const struct ptn_stun_id classic_id = {{9, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8}};

static struct ptn_relay_opts four_sockets(void)
{
    return (struct ptn_relay_opts){
        .listeners = {{A1, PTN_UDP, a1, .group = 1},
                      {A2, PTN_UDP, a2, .group = 1},
                      {B1, PTN_UDP, b1, .group = 1},
                      {B2, PTN_UDP, b2, .group = 1},
                      {TCP_A, PTN_TCP, a1, .group = 1},
                      {V6, PTN_UDP, v6}},
        .listener_count = 6,
        .behaviour_discovery = true,
        .connections_max = 2,
    };
}

/* A request and its answer. */
struct exchange {
    uint8_t request_buf[2000], answer_buf[PTN_RELAY_ANSWER_MAX];
    struct ptn_stun_out request;
    struct ptn_relay_out out;
    struct ptn_stun_msg answer;
};

static void begin(struct exchange *x, const struct ptn_stun_id *id)
{
    memset(x, 0, sizeof *x);
    ptn_stun_begin(&x->request, x->request_buf, sizeof x->request_buf, PTN_STUN_REQUEST,
                   PTN_STUN_BINDING, id);
    x->out = (struct ptn_relay_out){.buf = x->answer_buf, .capacity = sizeof x->answer_buf};
}

static bool send_from(struct ptn_relay *r, struct exchange *x, ptn_id socket,
                      const struct ptn_addr *from)
{
    struct ptn_relay_in in = {.socket = socket, .from = *from};

    CHECK(ptn_stun_end(&x->request, &in.bytes));
    if (!ptn_relay_datagram(r, 0, &in, &x->out))
        return false;
    CHECK_EQ(PTN_STUN_OK, ptn_stun_decode(&x->answer, x->out.bytes));
    CHECK(ptn_stun_id_equal(&x->request.id, &x->answer.id));
    return true;
}

static bool send(struct ptn_relay *r, struct exchange *x, ptn_id socket)
{
    return send_from(r, x, socket, &phone);
}

static void check_addr(const struct exchange *x, enum ptn_stun_attr type,
                       const struct ptn_addr *expected)
{
    struct ptn_addr got;

    CHECK_EQ(expected != NULL, ptn_stun_get_addr(&x->answer, type, &got));
    if (expected)
        CHECK_ADDR(expected, &got);
}

static void check_error(const struct exchange *x, unsigned expected)
{
    unsigned code;
    struct ptn_bytes reason;

    CHECK_EQ(PTN_STUN_ERROR, x->answer.class);
    CHECK(ptn_stun_get_error(&x->answer, &code, &reason));
    CHECK_EQ(expected, code);
}

TEST(a_plain_modern_request_gets_exactly_32_bytes)
{
    struct ptn_relay_opts opts = four_sockets();
    struct ptn_relay *r = ptn_relay_new(&opts);
    struct exchange x;

    begin(&x, &modern_id);
    CHECK(send(r, &x, A1));
    CHECK_EQ(32, x.out.bytes.size);
    CHECK_EQ(A1, x.out.socket);
    CHECK_ADDR(&phone, &x.out.to);
    CHECK_EQ(PTN_STUN_SUCCESS, x.answer.class);
    check_addr(&x, PTN_STUN_XOR_MAPPED_ADDRESS, &phone);
    CHECK_EQ(1, ptn_relay_count(r, PTN_RELAY_ANSWERED));
    ptn_relay_free(r);
}

TEST(an_ipv6_request_gets_exactly_44_bytes)
{
    struct ptn_relay_opts opts = four_sockets();
    struct ptn_relay *r = ptn_relay_new(&opts);
    struct ptn_addr from = v6;
    struct exchange x;

    from.ip[15] = 99;
    begin(&x, &modern_id);
    CHECK(send_from(r, &x, V6, &from));
    CHECK_EQ(44, x.out.bytes.size);
    check_addr(&x, PTN_STUN_XOR_MAPPED_ADDRESS, &from);
    ptn_relay_free(r);
}

TEST(a_classic_request_gets_the_three_addresses_of_rfc3489)
{
    struct ptn_relay_opts opts = four_sockets();
    struct ptn_relay *r = ptn_relay_new(&opts);
    struct exchange x;

    begin(&x, &classic_id);
    CHECK(send(r, &x, A1));
    CHECK_EQ(56, x.out.bytes.size);
    CHECK_EQ(PTN_STUN_CLASSIC, x.answer.dialect);
    check_addr(&x, PTN_STUN_MAPPED_ADDRESS, &phone);
    check_addr(&x, PTN_STUN_SOURCE_ADDRESS, &a1);
    check_addr(&x, PTN_STUN_CHANGED_ADDRESS, &b2);
    check_addr(&x, PTN_STUN_XOR_MAPPED_ADDRESS, NULL);
    ptn_relay_free(r);
}

TEST(a_server_of_one_address_tells_no_changed_address_and_grants_no_change)
{
    for (unsigned classic = 0; classic < 2; classic++)
        for (uint32_t change = 0; change < 8; change += 2) {
            struct ptn_relay_opts opts = {.listeners = {{A1, PTN_UDP, a1, .group = 1}},
                                          .listener_count = 1,
                                          .behaviour_discovery = true};
            struct ptn_relay *r = ptn_relay_new(&opts);
            struct ptn_bytes unknown;
            struct exchange x;

            begin(&x, classic ? &classic_id : &modern_id);
            ptn_stun_put_u32(&x.request, PTN_STUN_CHANGE_REQUEST, change);
            CHECK(send(r, &x, A1));
            if (change == 0) {
                CHECK_EQ(PTN_STUN_SUCCESS, x.answer.class);
                check_addr(&x, PTN_STUN_CHANGED_ADDRESS, NULL);
                check_addr(&x, PTN_STUN_OTHER_ADDRESS, NULL);
            } else {
                check_error(&x, 420);
                CHECK(ptn_stun_get(&x.answer, PTN_STUN_UNKNOWN_ATTRIBUTES, &unknown));
                CHECK_BYTES("\0\3", unknown.data, 2);
            }
            ptn_relay_free(r);
        }
}

TEST(a_change_request_is_answered_by_the_socket_it_asks_for)
{
    static const struct {
        ptn_id asked;
        uint32_t change;
        ptn_id answers;
        const struct ptn_addr *origin, *other;
    } cases[] = {
        {A1, 0, A1, &a1, &b2},
        {A1, PTN_STUN_CHANGE_PORT, A2, &a2, &b2},
        {A1, PTN_STUN_CHANGE_IP, B1, &b1, &b2},
        {A1, PTN_STUN_CHANGE_IP | PTN_STUN_CHANGE_PORT, B2, &b2, &b2},
        {B2, PTN_STUN_CHANGE_IP | PTN_STUN_CHANGE_PORT, A1, &a1, &a1},
        {B1, PTN_STUN_CHANGE_PORT, B2, &b2, &a2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (unsigned classic = 0; classic < 2; classic++) {
            struct ptn_relay_opts opts = four_sockets();
            struct ptn_relay *r = ptn_relay_new(&opts);
            struct exchange x;

            begin(&x, classic ? &classic_id : &modern_id);
            ptn_stun_put_u32(&x.request, PTN_STUN_CHANGE_REQUEST, cases[i].change);
            CHECK(send(r, &x, cases[i].asked));
            CHECK_EQ(cases[i].answers, x.out.socket);
            CHECK_ADDR(&phone, &x.out.to);
            check_addr(&x, classic ? PTN_STUN_SOURCE_ADDRESS : PTN_STUN_RESPONSE_ORIGIN,
                       cases[i].origin);
            check_addr(&x, classic ? PTN_STUN_CHANGED_ADDRESS : PTN_STUN_OTHER_ADDRESS,
                       cases[i].other);
            ptn_relay_free(r);
        }
}

TEST(extras_are_always_told_when_so_configured)
{
    struct ptn_relay_opts opts = four_sockets();
    opts.always_extras = true;
    opts.mapped_in_modern = true;
    struct ptn_relay *r = ptn_relay_new(&opts);
    struct exchange x;

    begin(&x, &modern_id);
    CHECK(send(r, &x, A1));
    check_addr(&x, PTN_STUN_XOR_MAPPED_ADDRESS, &phone);
    check_addr(&x, PTN_STUN_MAPPED_ADDRESS, &phone);
    check_addr(&x, PTN_STUN_RESPONSE_ORIGIN, &a1);
    check_addr(&x, PTN_STUN_OTHER_ADDRESS, &b2);
    ptn_relay_free(r);
}

TEST(announced_addresses_are_told_instead_of_local_ones)
{
    struct ptn_relay_opts opts = four_sockets();
    struct ptn_addr public_a = ptn_addr_v4(198, 51, 100, 1, 3478),
                    public_b = ptn_addr_v4(198, 51, 100, 2, 3479);
    opts.listeners[0].announced = public_a;
    opts.listeners[3].announced = public_b;
    struct ptn_relay *r = ptn_relay_new(&opts);
    struct exchange x;

    begin(&x, &classic_id);
    CHECK(send(r, &x, A1));
    check_addr(&x, PTN_STUN_SOURCE_ADDRESS, &public_a);
    check_addr(&x, PTN_STUN_CHANGED_ADDRESS, &public_b);
    /* And both names are ours when it comes to mirrors. */
    begin(&x, &modern_id);
    CHECK(!send_from(r, &x, A1, &public_b));
    CHECK(!send_from(r, &x, A1, &b2));
    CHECK_EQ(2, ptn_relay_count(r, PTN_RELAY_OWN_ADDRESS));
    ptn_relay_free(r);
}

TEST(without_behaviour_discovery_its_attributes_are_unknown_but_an_empty_change_is_not)
{
    struct ptn_relay_opts opts = four_sockets();
    opts.behaviour_discovery = false;
    struct ptn_relay *r = ptn_relay_new(&opts);
    struct exchange x;

    begin(&x, &classic_id);
    ptn_stun_put_u32(&x.request, PTN_STUN_CHANGE_REQUEST, 0);
    CHECK(send(r, &x, A1));
    CHECK_EQ(PTN_STUN_SUCCESS, x.answer.class);
    check_addr(&x, PTN_STUN_CHANGED_ADDRESS, NULL);
    begin(&x, &modern_id);
    ptn_stun_put_u32(&x.request, PTN_STUN_CHANGE_REQUEST, PTN_STUN_CHANGE_PORT);
    CHECK(send(r, &x, A1));
    check_error(&x, 420);
    begin(&x, &modern_id);
    ptn_stun_put_u16(&x.request, PTN_STUN_RESPONSE_PORT, 1000);
    CHECK(send(r, &x, A1));
    check_error(&x, 420);
    ptn_relay_free(r);
}

TEST(a_response_port_moves_the_answer_to_another_port_of_the_same_address)
{
    struct ptn_relay_opts opts = four_sockets();
    struct ptn_relay *r = ptn_relay_new(&opts);
    struct ptn_addr moved = ptn_addr_with_port(phone, 41000);
    struct exchange x;

    begin(&x, &modern_id);
    ptn_stun_put_u16(&x.request, PTN_STUN_RESPONSE_PORT, 41000);
    CHECK(send(r, &x, A1));
    CHECK_ADDR(&moved, &x.out.to);
    check_addr(&x, PTN_STUN_XOR_MAPPED_ADDRESS, &phone);

    begin(&x, &modern_id);
    ptn_stun_put_u16(&x.request, PTN_STUN_RESPONSE_PORT, 0);
    CHECK(send(r, &x, A1));
    check_error(&x, 400);
    CHECK_ADDR(&phone, &x.out.to);

    begin(&x, &modern_id);
    ptn_stun_put_u16(&x.request, PTN_STUN_RESPONSE_PORT, 41000);
    ptn_stun_put(&x.request, PTN_STUN_PADDING, ptn_bytes("12345678", 8));
    CHECK(send(r, &x, A1));
    check_error(&x, 400);
    CHECK_ADDR(&phone, &x.out.to);
    ptn_relay_free(r);
}

/* The answer would go to port 3478 of the "client", which is our other socket. */
TEST(an_answer_is_never_sent_to_a_socket_of_ours)
{
    struct ptn_relay_opts opts = four_sockets();
    struct ptn_relay *r = ptn_relay_new(&opts);
    struct ptn_addr odd_port = ptn_addr_with_port(b1, 5000);
    struct exchange x;

    begin(&x, &modern_id);
    ptn_stun_put_u16(&x.request, PTN_STUN_RESPONSE_PORT, 3478);
    CHECK(!send_from(r, &x, A1, &odd_port));
    CHECK_EQ(1, ptn_relay_count(r, PTN_RELAY_OWN_ADDRESS));
    /* Another program on our address is a client like any other. */
    begin(&x, &modern_id);
    CHECK(send_from(r, &x, A1, &odd_port));
    ptn_relay_free(r);
}

TEST(padding_comes_back_no_longer_than_it_came_and_never_beyond_a_packet)
{
    static uint8_t zeros[1800];
    static const size_t sizes[][2] = {{1, 1}, {500, 500}, {1440, 1440}, {1800, 1440}};
    struct ptn_relay_opts opts = four_sockets();
    struct ptn_relay *r = ptn_relay_new(&opts);

    for (size_t i = 0; i < 4; i++) {
        struct ptn_bytes padding;
        struct exchange x;

        begin(&x, &modern_id);
        ptn_stun_put(&x.request, PTN_STUN_PADDING, ptn_bytes(zeros, sizes[i][0]));
        CHECK(send(r, &x, A1));
        CHECK(ptn_stun_get(&x.answer, PTN_STUN_PADDING, &padding));
        CHECK_EQ(sizes[i][1], padding.size);
    }
    ptn_relay_free(r);
}

TEST(a_response_address_is_refused_unless_it_is_the_source)
{
    for (unsigned same = 0; same < 2; same++) {
        struct ptn_relay_opts opts = four_sockets();
        struct ptn_relay *r = ptn_relay_new(&opts);
        struct ptn_addr victim = ptn_addr_v4(198, 51, 100, 77, 53);
        struct exchange x;

        begin(&x, &classic_id);
        ptn_stun_put_addr(&x.request, PTN_STUN_RESPONSE_ADDRESS, same ? &phone : &victim);
        CHECK(send(r, &x, A1));
        CHECK_ADDR(&phone, &x.out.to);
        if (same)
            CHECK_EQ(PTN_STUN_SUCCESS, x.answer.class);
        else
            check_error(&x, 420);
        ptn_relay_free(r);
    }
}

TEST(unknown_attributes_that_must_be_understood_are_told)
{
    struct ptn_relay_opts opts = four_sockets();
    struct ptn_relay *r = ptn_relay_new(&opts);
    struct ptn_bytes unknown;
    struct exchange x;

    begin(&x, &modern_id);
    ptn_stun_put_u32(&x.request, (enum ptn_stun_attr)0x0024, 1);
    ptn_stun_put_u32(&x.request, (enum ptn_stun_attr)0x5555, 1);
    ptn_stun_put_u32(&x.request, (enum ptn_stun_attr)0xd555, 1);
    CHECK(send(r, &x, A1));
    check_error(&x, 420);
    CHECK(ptn_stun_get(&x.answer, PTN_STUN_UNKNOWN_ATTRIBUTES, &unknown));
    CHECK_EQ(4, unknown.size);
    CHECK_BYTES("\0\x24\x55\x55", unknown.data, 4);
    CHECK_EQ(1, ptn_relay_count(r, PTN_RELAY_UNKNOWN_ATTRIBUTE));
    ptn_relay_free(r);
}

TEST(a_fingerprint_is_checked_and_answered_with_one)
{
    struct ptn_relay_opts opts = four_sockets();
    struct ptn_relay *r = ptn_relay_new(&opts);
    struct exchange x;

    begin(&x, &modern_id);
    ptn_stun_put_fingerprint(&x.request);
    CHECK(send(r, &x, A1));
    CHECK_EQ(40, x.out.bytes.size);
    CHECK_EQ(PTN_STUN_SEAL_GOOD, ptn_stun_check_fingerprint(&x.answer));
    x.request_buf[27] ^= 1;
    CHECK(!send(r, &x, A1));
    CHECK_EQ(1, ptn_relay_count(r, PTN_RELAY_BROKEN_FINGERPRINT));
    ptn_relay_free(r);
}

TEST(what_deserves_no_answer_gets_none_and_is_counted_by_name)
{
    static const struct {
        const char *bytes;
        size_t size;
        enum ptn_relay_verdict verdict;
    } cases[] = {
        {"\1\1\0\0\x21\x12\xa4\x42"
         "abcdefghijkl",
         20, PTN_RELAY_RESPONSE},
        {"\1\x11\0\0\x21\x12\xa4\x42"
         "abcdefghijkl",
         20, PTN_RELAY_RESPONSE},
        {"\0\x11\0\0\x21\x12\xa4\x42"
         "abcdefghijkl",
         20, PTN_RELAY_INDICATION},
        {"\0\2\0\0\x21\x12\xa4\x43"
         "abcdefghijkl",
         20, PTN_RELAY_UNKNOWN_METHOD},
        {"\x80 rtp, or whatever else it is", 29, PTN_RELAY_NOT_STUN},
        {"", 0, PTN_RELAY_NOT_STUN},
        {"\0\1\0\4\x21\x12\xa4\x42"
         "abcdefghijkl",
         20, PTN_RELAY_MALFORMED},
    };
    struct ptn_relay_opts opts = four_sockets();

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ptn_relay *r = ptn_relay_new(&opts);
        uint8_t buf[100];
        struct ptn_relay_in in = {A1, phone, ptn_bytes(cases[i].bytes, cases[i].size)};
        struct ptn_relay_out out = {.buf = buf, .capacity = sizeof buf};

        CHECK(!ptn_relay_datagram(r, 0, &in, &out));
        CHECK_EQ(1, ptn_relay_count(r, cases[i].verdict));
        ptn_relay_free(r);
    }
    for (unsigned v = 0; v < PTN_RELAY_VERDICTS; v++)
        CHECK(strlen(ptn_relay_verdict_name((enum ptn_relay_verdict)v)) > 3);
}

TEST(a_source_that_cannot_be_answered_is_not)
{
    const struct ptn_addr sources[] = {
        ptn_addr_with_port(phone, 0), ptn_addr_v4(224, 0, 0, 251, 5353),
        ptn_addr_v4(255, 255, 255, 255, 68), ptn_addr_v4(0, 0, 0, 0, 68)};
    struct ptn_relay_opts opts = four_sockets();
    struct ptn_relay *r = ptn_relay_new(&opts);

    for (size_t i = 0; i < 4; i++) {
        struct exchange x;
        begin(&x, &modern_id);
        CHECK(!send_from(r, &x, A1, &sources[i]));
        CHECK_EQ(i + 1, ptn_relay_count(r, PTN_RELAY_BAD_SOURCE));
    }
    ptn_relay_free(r);
}

TEST(an_answer_larger_than_its_buffer_is_dropped_whole)
{
    struct ptn_relay_opts opts = four_sockets();
    struct ptn_relay *r = ptn_relay_new(&opts);

    for (size_t capacity = 0; capacity < 56; capacity++) {
        struct exchange x;
        begin(&x, &classic_id);
        x.out.capacity = capacity;
        CHECK(!send(r, &x, A1));
    }
    CHECK_EQ(56, ptn_relay_count(r, PTN_RELAY_NO_ROOM));
    ptn_relay_free(r);
}

TEST(a_batch_gives_its_answers_without_gaps)
{
    struct ptn_relay_opts opts = four_sockets();
    struct ptn_relay *r = ptn_relay_new(&opts);
    struct exchange x;
    uint8_t bufs[4][100];
    struct ptn_relay_in in[4];
    struct ptn_relay_out out[4];

    begin(&x, &modern_id);
    for (unsigned i = 0; i < 4; i++) {
        in[i] = (struct ptn_relay_in){A1 + i, ptn_addr_with_port(phone, (uint16_t)(1000 + i))};
        CHECK(ptn_stun_end(&x.request, &in[i].bytes));
        out[i] = (struct ptn_relay_out){.buf = bufs[i], .capacity = sizeof bufs[i]};
    }
    in[1].bytes = ptn_bytes("junk", 4);
    CHECK_EQ(3, ptn_relay_batch(r, 0, in, 4, out));
    CHECK_EQ(1000, out[0].to.port);
    CHECK_EQ(1002, out[1].to.port);
    CHECK_EQ(B1, out[1].socket);
    CHECK_EQ(1003, out[2].to.port);
    ptn_relay_free(r);
}
