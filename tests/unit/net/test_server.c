/* The scripted name server, asked with bytes written by hand. */
#include "world.h"

#define NET                                                                                        \
    "wire core 203.0.113.0/24\nhost alice core 203.0.113.7\n"                                      \
    "nameserver dns core 203.0.113.53\n"                                                           \
    "record stun.example.test A 203.0.113.5 203.0.113.6\n"                                         \
    "record stun.example.test ttl 30 AAAA 2001:db8::5\n"                                           \
    "record _sip._udp.example.test SRV 10 20 5060 sip.example.test\n"                              \
    "record example.test NAPTR 10 50 s SIP+D2U _sip._udp.example.test\n"                           \
    "record *.phones.example.test A 203.0.113.8\n"

enum { A = 1, TXT = 16, AAAA = 28, SRV = 33, NAPTR = 35 };

/* What came back: the DNS message, and its header's parts. */
struct answer {
    bool came;
    ptn_time after;
    const uint8_t *at;
    size_t size;
    unsigned id, flags, code, answers;
};

static size_t write_query(uint8_t *at, const char *name, uint16_t type)
{
    struct ptn_writer w = ptn_writer(at, 400);

    ptn_write_u32(&w, 0x12340100); /* id, recursion desired */
    ptn_write_u32(&w, 0x00010000);
    ptn_write_u32(&w, 0);
    while (*name) {
        size_t size = strcspn(name, ".");
        ptn_write_u8(&w, (uint8_t)size);
        ptn_write(&w, ptn_bytes(name, size));
        name += size + (name[size] == '.');
    }
    ptn_write_u8(&w, 0);
    ptn_write_u16(&w, type);
    ptn_write_u16(&w, 1);
    return ptn_writer_size(&w);
}

static struct answer ask_bytes(struct world *w, const uint8_t *query, size_t size)
{
    uint8_t bytes[1500];
    struct ptn_writer writer = ptn_writer(bytes, sizeof bytes);
    struct ptn_ip_head head = {.from = addr("203.0.113.7:4000"), .to = addr("203.0.113.53:53")};
    ptn_time start = w->now;

    ptn_ip_build_udp(&writer, &head, ptn_bytes(query, size));
    world_clear(w);
    world_send_packet(w, "alice", ptn_bytes(bytes, ptn_writer_size(&writer)));
    world_run(w, w->now + PTN_S(5));
    if (w->count == 0)
        return (struct answer){0};
    CHECK_EQ(1, w->count);
    CHECK_EQ(53, w->arrivals[0].ip.ends.from.port);
    CHECK_EQ(4000, w->arrivals[0].ip.ends.to.port);
    struct ptn_bytes payload = w->arrivals[0].ip.payload;
    struct ptn_reader r = ptn_reader(payload);
    struct answer a = {
        .came = true, .after = w->arrivals[0].at - start, .at = payload.data, .size = payload.size};
    a.id = ptn_read_u16(&r);
    a.flags = ptn_read_u16(&r);
    a.code = a.flags & 15;
    ptn_read_u16(&r);
    a.answers = ptn_read_u16(&r);
    return a;
}

static struct answer ask(struct world *w, const char *name, uint16_t type)
{
    uint8_t query[400];

    return ask_bytes(w, query, write_query(query, name, type));
}

TEST(every_type_is_answered_byte_for_byte)
{
    static const uint8_t a[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 203, 0, 113, 5,
                                0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 203, 0, 113, 6};
    static const uint8_t aaaa[] = {0xc0, 12,   0, 28, 0, 1, 0, 0, 0, 30, 0, 16, 0x20, 1,
                                   0x0d, 0xb8, 0, 0,  0, 0, 0, 0, 0, 0,  0, 0,  0,    5};
    static const uint8_t srv[] = {0xc0, 12,  0,   33,  0,    1,    0, 0,   1,   44,  0,   24,
                                  0,    10,  0,   20,  0x13, 0xc4, 3, 's', 'i', 'p', 7,   'e',
                                  'x',  'a', 'm', 'p', 'l',  'e',  4, 't', 'e', 's', 't', 0};
    static const uint8_t naptr[] = {
        0xc0, 12,  0,   35,  0,   1,   0,   0,   1,   44,  0,   39,  0,   10,  0,   50,  1,
        's',  7,   'S', 'I', 'P', '+', 'D', '2', 'U', 0,   4,   '_', 's', 'i', 'p', 4,   '_',
        'u',  'd', 'p', 7,   'e', 'x', 'a', 'm', 'p', 'l', 'e', 4,   't', 'e', 's', 't', 0};
    static const struct {
        const char *name;
        uint16_t type;
        unsigned answers;
        const uint8_t *records;
        size_t size;
    } cases[] = {{"stun.example.test", A, 2, a, sizeof a},
                 {"STUN.Example.TEST", A, 2, a, sizeof a},
                 {"stun.example.test", AAAA, 1, aaaa, sizeof aaaa},
                 {"_sip._udp.example.test", SRV, 1, srv, sizeof srv},
                 {"example.test", NAPTR, 1, naptr, sizeof naptr}};
    struct world w;

    world_start(&w, NET, 1);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct answer got = ask(&w, cases[i].name, cases[i].type);
        CHECK(got.came);
        CHECK_EQ(0x1234, got.id);
        CHECK_EQ(0x8580, got.flags); /* answer, authoritative, recursion desired and available */
        CHECK_EQ(cases[i].answers, got.answers);
        CHECK(got.size > cases[i].size);
        CHECK_BYTES(cases[i].records, got.at + got.size - cases[i].size, cases[i].size);
    }
    world_end(&w);
}

TEST(a_name_without_that_type_is_told_from_a_name_that_is_not)
{
    struct world w;

    world_start(&w, NET, 1);
    struct answer no_type = ask(&w, "stun.example.test", TXT);
    CHECK_EQ(0, no_type.code);
    CHECK_EQ(0, no_type.answers);
    CHECK_EQ(3, ask(&w, "nowhere.example.test", A).code);
    CHECK_EQ(3, ask(&w, "phones.example.test", A).code);
    CHECK_EQ(1, ask(&w, "a.b.phones.example.test", A).answers);
    CHECK_EQ(3, ask(&w, "aphones.example.test", A).code);
    world_end(&w);
}

TEST(the_server_is_slow_gone_failing_or_lying_when_told_to)
{
    struct world w;

    world_start(&w, NET, 1);
    CHECK(ask(&w, "stun.example.test", A).after < PTN_US(1));
    world_apply(&w, "0 dns dns answers delay 2s");
    ptn_time slow = ask(&w, "stun.example.test", A).after;
    CHECK(slow >= PTN_S(2) && slow < PTN_S(2) + PTN_US(1));
    world_apply(&w, "0 dns dns gone");
    CHECK(!ask(&w, "stun.example.test", A).came);
    world_apply(&w, "0 dns dns fails");
    CHECK_EQ(2, ask(&w, "stun.example.test", A).code);
    world_apply(&w, "0 dns dns lies 203.0.113.66");
    struct answer lie = ask(&w, "whatever.test", A);
    CHECK_EQ(1, lie.answers);
    CHECK_EQ(66, lie.at[lie.size - 1]);
    CHECK_EQ(0, ask(&w, "stun.example.test", AAAA).answers);
    CHECK_EQ(1, ask(&w, "_sip._udp.example.test", SRV).answers);
    world_apply(&w, "0 dns dns answers");
    CHECK_EQ(2, ask(&w, "stun.example.test", A).answers);
    world_end(&w);
}

TEST(new_records_take_the_place_of_their_name_and_type_only)
{
    struct world w;

    world_start(&w, NET, 1);
    world_apply(&w, "0 record dns stun.example.test A 203.0.113.99");
    struct answer a = ask(&w, "stun.example.test", A);
    CHECK_EQ(1, a.answers);
    CHECK_EQ(99, a.at[a.size - 1]);
    CHECK_EQ(1, ask(&w, "stun.example.test", AAAA).answers);
    world_apply(&w, "0 record dns new.test A 203.0.113.1 203.0.113.2 203.0.113.3");
    CHECK_EQ(3, ask(&w, "new.test", A).answers);
    world_end(&w);
}

TEST(an_answer_that_does_not_fit_is_cut_after_a_record_and_says_so)
{
    char text[4000] = NET "record many.test A";
    struct world w;
    uint8_t query[400];

    for (unsigned i = 0; i < 60; i++)
        strcat(text, " 203.0.113.200");
    strcat(text, "\n");
    world_start(&w, text, 1);
    struct answer small = ask(&w, "many.test", A);
    CHECK(small.size <= 512);
    CHECK(small.flags & 0x0200);
    CHECK_EQ((512 - 12 - 15) / 16, small.answers);

    size_t size = write_query(query, "many.test", A);
    static const uint8_t opt[] = {0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0}; /* takes 1232 */
    memcpy(query + size, opt, sizeof opt);
    query[11] = 1;
    struct answer large = ask_bytes(&w, query, size + sizeof opt);
    CHECK(!(large.flags & 0x0200));
    CHECK_EQ(60, large.answers);
    world_end(&w);
}

TEST(what_is_no_query_gets_no_answer)
{
    struct world w;
    uint8_t query[400];

    world_start(&w, NET, 1);
    size_t size = write_query(query, "stun.example.test", A);
    for (size_t cut = 0; cut < size; cut++)
        CHECK(!ask_bytes(&w, query, cut).came);
    query[2] |= 0x80; /* an answer */
    CHECK(!ask_bytes(&w, query, size).came);
    query[2] = 0x28; /* an update */
    CHECK(!ask_bytes(&w, query, size).came);
    query[2] = 1;
    query[5] = 2; /* two questions */
    CHECK(!ask_bytes(&w, query, size).came);
    query[5] = 1;
    query[12] = 0xc0; /* a name that is a pointer to itself */
    query[13] = 12;
    CHECK(!ask_bytes(&w, query, size).came);
    world_end(&w);
}

TEST(other_ports_of_the_name_server_are_closed)
{
    struct world w;

    world_start(&w, NET, 1);
    world_send(&w, "alice", "203.0.113.7:4000", "203.0.113.53:5060", 20);
    world_run(&w, w.now + PTN_S(1));
    CHECK_EQ(1, w.count);
    CHECK_EQ(PTN_ICMP_PORT_UNREACHABLE, w.arrivals[0].ip.icmp.error);
    world_end(&w);
}
