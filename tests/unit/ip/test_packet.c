#include "base/dice.h"
#include "ip/ip.h"
#include "support/test.h"

static struct ptn_addr addr(const char *text)
{
    struct ptn_addr a;

    CHECK(ptn_addr_parse(text, &a));
    return a;
}

struct packet {
    uint8_t bytes[2000];
    size_t size;
    struct ptn_ip ip;
};

static struct ptn_bytes bytes_of(const struct packet *p)
{
    return ptn_bytes(p->bytes, p->size);
}

static void parse(struct packet *p)
{
    CHECK_EQ(PTN_IP_FINE, ptn_ip_parse(bytes_of(p), &p->ip));
}

static struct packet udp(const char *from, const char *to, const char *payload)
{
    struct packet p;
    struct ptn_writer w = ptn_writer(p.bytes, sizeof p.bytes);
    struct ptn_ip_head head = {.from = addr(from), .to = addr(to), .dscp = 46};

    ptn_ip_build_udp(&w, &head, ptn_bytes_of_text(payload));
    CHECK(!w.bad);
    p.size = ptn_writer_size(&w);
    parse(&p);
    return p;
}

static struct packet error_about(const struct packet *about, const char *from,
                                 enum ptn_icmp_error error, uint32_t mtu)
{
    struct packet p;
    struct ptn_writer w = ptn_writer(p.bytes, sizeof p.bytes);
    struct ptn_addr by = addr(from);

    CHECK(ptn_ip_build_error(&w, &by, error, mtu, bytes_of(about), &about->ip));
    p.size = ptn_writer_size(&w);
    parse(&p);
    return p;
}

/* Byte for byte, the sums computed elsewhere: an independent witness for builder, parser and
 * checksum. */
TEST(a_udp_packet_has_the_bytes_of_the_rfcs)
{
    static const uint8_t expected[] = {
        0x45, 0xb8, 0x00, 0x1e, 0x00, 0x00, 0x00, 0x00, 0x40, 0x11, 0x8d, 0xdb, 192,  0,    2,
        1,    198,  51,   100,  7,    0x13, 0xc4, 0x0d, 0x96, 0x00, 0x0a, 0x89, 0xda, 0x68, 0x69,
    };
    struct packet p = udp("192.0.2.1:5060", "198.51.100.7:3478", "hi");

    CHECK_EQ(sizeof expected, p.size);
    CHECK_BYTES(expected, p.bytes, sizeof expected);
    parse(&p); /* the payload of a copy would point into the original */
    CHECK(ptn_ip_checksums_hold(bytes_of(&p), &p.ip));
    CHECK_EQ(46, p.ip.dscp);
    CHECK_EQ(64, p.ip.ttl);
    CHECK_EQ(5060, p.ip.ends.from.port);
    CHECK_EQ(3478, p.ip.ends.to.port);
    CHECK(ptn_bytes_equal(ptn_bytes_of_text("hi"), p.ip.payload));
}

TEST(what_is_built_is_what_is_parsed_in_both_families)
{
    static const struct {
        const char *from, *to;
    } ends[] = {{"192.0.2.1:5060", "198.51.100.7:80"}, {"[2001:db8::1]:5060", "[2001:db8::7]:80"}};

    for (unsigned i = 0; i < 2; i++) {
        struct packet p = udp(ends[i].from, ends[i].to, "odd");
        struct ptn_ip_head head = {.from = addr(ends[i].from),
                                   .to = addr(ends[i].to),
                                   .ttl = 9,
                                   .dscp = 46,
                                   .dont_fragment = true};
        struct ptn_tcp tcp = {.seq = 0x01020304,
                              .ack = 0xfffefdfc,
                              .window = 4096,
                              .mss = 1400,
                              .flags = PTN_TCP_SYN};
        struct ptn_writer w = ptn_writer(p.bytes, sizeof p.bytes);

        CHECK(ptn_ip_checksums_hold(bytes_of(&p), &p.ip));
        CHECK_EQ(46, p.ip.dscp);
        ptn_ip_build_tcp(&w, &head, &tcp, ptn_bytes_of_text("abc"));
        p.size = ptn_writer_size(&w);
        parse(&p);
        CHECK(ptn_ip_checksums_hold(bytes_of(&p), &p.ip));
        CHECK_EQ(9, p.ip.ttl);
        CHECK(p.ip.dont_fragment);
        CHECK_EQ(tcp.seq, p.ip.tcp.seq);
        CHECK_EQ(tcp.ack, p.ip.tcp.ack);
        CHECK_EQ(1400, p.ip.tcp.mss);
        CHECK_EQ(PTN_TCP_SYN, p.ip.tcp.flags);
        CHECK_EQ(3, p.ip.payload.size);

        w = ptn_writer(p.bytes, sizeof p.bytes);
        head.to.port = 0;
        head.from.port = 0xbeef;
        ptn_ip_build_echo(&w, &head, false, 7, ptn_bytes_of_text("ping!"));
        p.size = ptn_writer_size(&w);
        parse(&p);
        CHECK(ptn_ip_checksums_hold(bytes_of(&p), &p.ip));
        CHECK(p.ip.icmp.is_echo && !p.ip.icmp.is_reply);
        CHECK_EQ(0xbeef, p.ip.ends.from.port);
        CHECK_EQ(0, p.ip.ends.to.port);
        CHECK_EQ(7, p.ip.icmp.seq);
    }
}

TEST(a_full_writer_turns_bad_and_takes_no_more)
{
    uint8_t small[30];
    struct ptn_writer w = ptn_writer(small, sizeof small);
    struct ptn_ip_head head = {.from = addr("192.0.2.1:1"), .to = addr("192.0.2.2:2")};

    ptn_ip_build_udp(&w, &head, ptn_bytes_of_text("too long"));
    CHECK(w.bad);
}

TEST(packets_that_cannot_be_are_told_from_packets_that_end_early)
{
    struct packet good = udp("192.0.2.1:1", "192.0.2.2:2", "payload");
    static const struct {
        size_t at;
        uint8_t value;
        enum ptn_ip_verdict verdict;
    } cases[] = {
        {0, 0x55, PTN_IP_MALFORMED}, /* version 5 */
        {0, 0x44, PTN_IP_MALFORMED}, /* a header of 16 bytes */
        {0, 0x4f, PTN_IP_MALFORMED}, /* a header longer than the packet */
        {3, 19, PTN_IP_MALFORMED},   /* shorter than its header */
        {3, 200, PTN_IP_SHORT},
        {25, 7, PTN_IP_MALFORMED}, /* a UDP length below its header's */
        {25, 100, PTN_IP_SHORT},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct packet p = good;
        p.bytes[cases[i].at] = cases[i].value;
        CHECK_EQ(cases[i].verdict, ptn_ip_parse(bytes_of(&p), &p.ip));
    }
    for (size_t size = 0; size < good.size; size++)
        CHECK_EQ(PTN_IP_SHORT, ptn_ip_parse(ptn_bytes(good.bytes, size), &good.ip));
}

TEST(bytes_behind_the_stated_length_are_padding)
{
    struct packet p = udp("192.0.2.1:1", "192.0.2.2:2", "hi");

    memset(p.bytes + p.size, 0xee, 20);
    p.size += 20;
    parse(&p);
    CHECK_EQ(30, p.ip.size);
    CHECK_EQ(2, p.ip.payload.size);
    CHECK(ptn_ip_checksums_hold(bytes_of(&p), &p.ip));
}

/* Puts hop-by-hop, routing and destination options in front of the UDP header. */
static struct packet with_extensions(void)
{
    struct packet p = udp("[2001:db8::1]:5060", "[2001:db8::2]:3478", "deep");
    static const uint8_t headers[] = {
        43, 0, 1, 4,  0, 0, 0, 0,                        /* hop-by-hop, padding */
        60, 0, 0, 0,  0, 0, 0, 0,                        /* routing, nothing left */
        17, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 /* destination options, 16 bytes */
    };

    memmove(p.bytes + 40 + sizeof headers, p.bytes + 40, p.size - 40);
    memcpy(p.bytes + 40, headers, sizeof headers);
    p.size += sizeof headers;
    p.bytes[6] = 0;
    p.bytes[5] = (uint8_t)(p.bytes[5] + sizeof headers);
    return p;
}

TEST(extension_headers_are_stepped_over)
{
    struct packet p = with_extensions();
    struct ptn_addr to = addr("[2001:db8::99]:1234");

    parse(&p);
    CHECK_EQ(PTN_IP_UDP, p.ip.ends.proto);
    CHECK_EQ(5060, p.ip.ends.from.port);
    CHECK(ptn_bytes_equal(ptn_bytes_of_text("deep"), p.ip.payload));
    CHECK(ptn_ip_checksums_hold(bytes_of(&p), &p.ip));
    ptn_ip_rewrite(p.bytes, &p.ip, &p.ip.ends.from, &to);
    CHECK(ptn_ip_checksums_hold(bytes_of(&p), &p.ip));
    p.bytes[41] = 200; /* reaches far beyond the end */
    CHECK_EQ(PTN_IP_SHORT, ptn_ip_parse(bytes_of(&p), &p.ip));
}

TEST(a_damaged_byte_is_noticed_and_stays_noticed_after_rewriting)
{
    struct ptn_addr from = addr("203.0.113.9:40000"), to = addr("198.51.100.200:9");

    for (size_t at = 0; at < 34; at++) {
        struct packet p = udp("192.0.2.1:5060", "198.51.100.7:3478", "hihihi");
        if (at == 0 || at == 2 || at == 3 || at == 6 || at == 7 || at == 9 || at == 24 || at == 25)
            continue; /* these change what it is a packet of */
        p.bytes[at] ^= 0x10;
        parse(&p);
        CHECK(!ptn_ip_checksums_hold(bytes_of(&p), &p.ip));
        ptn_ip_rewrite(p.bytes, &p.ip, &from, &to);
        parse(&p);
        CHECK(!ptn_ip_checksums_hold(bytes_of(&p), &p.ip));
    }
}

TEST(udp_without_a_checksum_is_fine_on_ipv4_only_and_is_given_none)
{
    struct packet p = udp("192.0.2.1:5060", "198.51.100.7:3478", "hi");
    struct ptn_addr from = addr("203.0.113.9:40000");

    p.bytes[26] = p.bytes[27] = 0;
    CHECK(ptn_ip_checksums_hold(bytes_of(&p), &p.ip));
    ptn_ip_rewrite(p.bytes, &p.ip, &from, &p.ip.ends.to);
    CHECK_EQ(0, p.bytes[26] | p.bytes[27]);
    p = udp("[2001:db8::1]:1", "[2001:db8::2]:2", "hi");
    p.bytes[46] = p.bytes[47] = 0;
    CHECK(!ptn_ip_checksums_hold(bytes_of(&p), &p.ip));
}

static struct ptn_addr random_end(struct ptn_dice *d, uint8_t family)
{
    struct ptn_addr a = {.family = family};

    ptn_dice_fill(d, a.ip, family == PTN_IPV4 ? 4 : 16);
    /* Numbers that make one's complement sums meet their two zeros. */
    if (ptn_dice_below(d, 3) == 0)
        memset(a.ip, ptn_dice_below(d, 2) ? 0xff : 0, family == PTN_IPV4 ? 4 : 16);
    a.port =
        (uint16_t)(ptn_dice_below(d, 3) ? ptn_dice_below(d, 65536) : ptn_dice_below(d, 2) * 65535);
    return a;
}

static void build_any(struct packet *p, struct ptn_dice *d, struct ptn_dice payload,
                      const struct ptn_ip_head *head)
{
    struct ptn_writer w = ptn_writer(p->bytes, sizeof p->bytes);
    uint8_t data[64];
    unsigned kind = ptn_dice_below(d, 3);
    struct ptn_bytes text = {data, ptn_dice_below(d, sizeof data)};
    struct ptn_ip_head portless = *head;

    ptn_dice_fill(&payload, data, sizeof data);
    portless.to.port = 0;
    if (kind == 0)
        ptn_ip_build_udp(&w, head, text);
    else if (kind == 1)
        ptn_ip_build_tcp(&w, head, &(struct ptn_tcp){.seq = 1, .flags = PTN_TCP_ACK}, text);
    else
        ptn_ip_build_echo(&w, &portless, false, 3, text);
    p->size = ptn_writer_size(&w);
    parse(p);
}

/* A packet rewritten to new ends is the packet that would have been built with them. */
TEST(mended_checksums_are_those_that_would_have_been_computed)
{
    struct ptn_dice d = ptn_dice_seeded(20);

    for (unsigned i = 0; i < 20000; i++) {
        uint8_t family = ptn_dice_below(&d, 2) ? PTN_IPV4 : PTN_IPV6;
        struct ptn_ip_head before = {.from = random_end(&d, family), .to = random_end(&d, family)};
        struct ptn_ip_head after = {
            .from = random_end(&d, family), .to = random_end(&d, family), .ttl = 63};
        struct ptn_dice again = d, payload = ptn_dice_seeded(i);
        struct packet rewritten, built;

        build_any(&rewritten, &d, payload, &before);
        build_any(&built, &again, payload, &after);
        ptn_ip_rewrite(rewritten.bytes, &rewritten.ip, &after.from, &built.ip.ends.to);
        ptn_ip_decrement_ttl(rewritten.bytes, &rewritten.ip);
        CHECK_EQ(built.size, rewritten.size);
        CHECK_BYTES(built.bytes, rewritten.bytes, built.size);
        CHECK(ptn_addr_equal(&built.ip.ends.from, &rewritten.ip.ends.from));
    }
}

/* The same for what an ICMP error quotes, and for the error around it. */
TEST(an_error_about_a_rewritten_packet_is_turned_into_one_about_the_original)
{
    struct ptn_dice d = ptn_dice_seeded(21);

    for (unsigned i = 0; i < 5000; i++) {
        uint8_t family = ptn_dice_below(&d, 2) ? PTN_IPV4 : PTN_IPV6;
        struct ptn_addr router = family == PTN_IPV4 ? addr("198.51.100.1") : addr("2001:db8::1");
        struct ptn_ip_head inside = {.from = random_end(&d, family), .to = random_end(&d, family)};
        struct packet original, outside, error = {0}, expected = {0};

        inside.from.ip[0] = inside.to.ip[0] = 32; /* ends that may be answered */
        build_any(&original, &d, ptn_dice_seeded(i), &inside);
        outside = original;
        struct ptn_addr mapped = random_end(&d, family);
        mapped.ip[0] = 32;
        ptn_ip_rewrite(outside.bytes, &outside.ip, &mapped, &original.ip.ends.to);

        struct ptn_writer w = ptn_writer(error.bytes, sizeof error.bytes);
        CHECK(ptn_ip_build_error(&w, &router, PTN_ICMP_PORT_UNREACHABLE, 0, bytes_of(&outside),
                                 &outside.ip));
        error.size = ptn_writer_size(&w);
        w = ptn_writer(expected.bytes, sizeof expected.bytes);
        CHECK(ptn_ip_build_error(&w, &router, PTN_ICMP_PORT_UNREACHABLE, 0, bytes_of(&original),
                                 &original.ip));
        expected.size = ptn_writer_size(&w);

        parse(&error);
        CHECK(error.ip.icmp.has_quoted);
        CHECK_ADDR(&outside.ip.ends.from, &error.ip.icmp.quoted.from);
        ptn_ip_rewrite_quoted(error.bytes, &error.ip, &original.ip.ends.from, &original.ip.ends.to);
        struct ptn_addr to = ptn_addr_with_port(inside.from, 0);
        ptn_ip_rewrite(error.bytes, &error.ip, &router, &to);
        CHECK_EQ(expected.size, error.size);
        CHECK_BYTES(expected.bytes, error.bytes, error.size);
    }
}

TEST(an_error_quotes_what_fits_and_names_its_reason_in_both_families)
{
    static const enum ptn_icmp_error errors[] = {
        PTN_ICMP_NET_UNREACHABLE, PTN_ICMP_HOST_UNREACHABLE, PTN_ICMP_PORT_UNREACHABLE,
        PTN_ICMP_PROHIBITED,      PTN_ICMP_TOO_BIG,          PTN_ICMP_TIME_EXCEEDED,
        PTN_ICMP_OTHER_ERROR};
    char text[1401] = {0};

    memset(text, 'x', sizeof text - 1);
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        struct packet v4 = udp("192.0.2.1:5060", "198.51.100.7:3478", text);
        struct packet v6 = udp("[2001:db8::1]:5060", "[2001:db8::7]:3478", text);
        struct packet e4 = error_about(&v4, "192.0.2.254", errors[i], 1280);
        struct packet e6 = error_about(&v6, "2001:db8::fe", errors[i], 1280);
        CHECK_EQ(errors[i], e4.ip.icmp.error);
        CHECK_EQ(errors[i], e6.ip.icmp.error);
        CHECK_EQ(576, e4.size);
        CHECK_EQ(1280, e6.size);
        CHECK(ptn_ip_checksums_hold(bytes_of(&e4), &e4.ip));
        CHECK(ptn_ip_checksums_hold(bytes_of(&e6), &e6.ip));
        CHECK_EQ(3478, e6.ip.icmp.quoted.to.port);
        CHECK_ADDR(&v4.ip.ends.from, &e4.ip.icmp.quoted.from);
        if (errors[i] == PTN_ICMP_TOO_BIG) {
            CHECK_EQ(1280, e4.ip.icmp.mtu);
            CHECK_EQ(1280, e6.ip.icmp.mtu);
        }
    }
}

TEST(no_error_is_sent_about_what_would_make_errors_multiply)
{
    struct packet p = udp("192.0.2.1:5060", "198.51.100.7:3478", "hi");
    struct packet error = error_about(&p, "192.0.2.254", PTN_ICMP_TIME_EXCEEDED, 0);
    struct packet multicast = udp("192.0.2.1:5060", "224.0.0.1:3478", "hi");
    struct packet nobody = udp("0.0.0.0:5060", "198.51.100.7:3478", "hi");
    struct packet later = p;
    const struct packet *silent[] = {&error, &multicast, &nobody, &later};
    struct ptn_addr by = addr("192.0.2.254"), other_family = addr("2001:db8::1");
    uint8_t out[600];
    struct ptn_writer w = ptn_writer(out, sizeof out);

    later.bytes[7] = 1;
    parse(&later);
    for (size_t i = 0; i < sizeof silent / sizeof silent[0]; i++)
        CHECK(!ptn_ip_build_error(&w, &by, PTN_ICMP_TIME_EXCEEDED, 0, bytes_of(silent[i]),
                                  &silent[i]->ip));
    CHECK(!ptn_ip_build_error(&w, &other_family, PTN_ICMP_TIME_EXCEEDED, 0, bytes_of(&p), &p.ip));
    CHECK_EQ(0, ptn_writer_size(&w));
}

TEST(an_error_that_quotes_too_little_has_no_quoted_ends)
{
    struct packet p = udp("192.0.2.1:5060", "198.51.100.7:3478", "hi");
    struct packet error = error_about(&p, "192.0.2.254", PTN_ICMP_PORT_UNREACHABLE, 0);

    error.bytes[3] = 20 + 8 + 20 + 7; /* one byte short of the ports' eight */
    parse(&error);
    CHECK(error.ip.icmp.has_quoted);
    CHECK(!error.ip.icmp.quoted.has_ports);
    error.bytes[3] = 20 + 8 + 19;
    parse(&error);
    CHECK(!error.ip.icmp.has_quoted);
}

/* Found by fuzz_ip_packet: the view kept a port that the packet has no room for. */
TEST(a_rewritten_query_is_viewed_as_it_is_parsed)
{
    struct packet p;
    struct ptn_writer w = ptn_writer(p.bytes, sizeof p.bytes);
    struct ptn_ip_head head = {.from = addr("192.0.2.1:77"), .to = addr("198.51.100.7")};
    struct ptn_addr from = addr("203.0.113.9:4000"), to = addr("198.51.100.8:5000");

    ptn_ip_build_echo(&w, &head, false, 1, ptn_bytes_of_text("ping"));
    p.size = ptn_writer_size(&w);
    parse(&p);
    ptn_ip_rewrite(p.bytes, &p.ip, &from, &to);
    struct ptn_ip_ends viewed = p.ip.ends;
    parse(&p);
    CHECK_ADDR(&p.ip.ends.from, &viewed.from);
    CHECK_ADDR(&p.ip.ends.to, &viewed.to);
}
