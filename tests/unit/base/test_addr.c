#include "base/addr.h"

#include "support/test.h"

TEST(an_address_prints_as_it_was_read)
{
    static const char *const texts[] = {
        "192.0.2.1",       "192.0.2.1:5060",  "2001:db8::1", "[2001:db8::1]:5060", "::",
        "[::1]:65535",     "1:2:3:4:5:6:7:8", "1::8",        "::ffff:c000:201",    "fe80::",
        "1:0:0:2:0:0:0:3",
    };
    static const char *const shown[] = {[10] = "1:0:0:2::3"};

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct ptn_addr a;
        char buf[PTN_ADDR_TEXT_MAX];

        CHECK(ptn_addr_parse(texts[i], &a));
        const char *want = i < sizeof shown / sizeof shown[0] && shown[i] ? shown[i] : texts[i];
        CHECK_STR(want, ptn_addr_format(&a, buf));
    }
}

TEST(dotted_ipv4_may_end_an_ipv6_address)
{
    struct ptn_addr mapped, plain = ptn_addr_v4(192, 0, 2, 1, 9);

    CHECK(ptn_addr_parse("[::ffff:192.0.2.1]:9", &mapped));
    CHECK_EQ(PTN_IPV6, mapped.family);
    mapped = ptn_addr_unmapped(mapped);
    CHECK_ADDR(&plain, &mapped);
}

TEST(half_an_address_is_none)
{
    static const char *const texts[] = {
        "",
        "1.2.3",
        "1.2.3.4.5",
        "256.1.1.1",
        "1.2.3.4:",
        "1.2.3.4:65536",
        "1.2.3.4:5x",
        "1.2.3.4 ",
        ":",
        ":::",
        "1::2::3",
        "1:2:3:4:5:6:7",
        "12345::",
        "[::1",
        "[::1]x",
        "[1.2.3.4]",
        "1:2:3:4:5:6:7:8:9",
        "::1]",
        "example.org",
        "1:2:3:4:5:6:7::8:9",
        ":1:2:3:4:5:6:7:8",
        "1:2:3:4:5:6:7:",
        "1.2.3.4:123456",
    };

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct ptn_addr a = ptn_addr_v4(9, 9, 9, 9, 9), before = a;

        if (ptn_addr_parse(texts[i], &a))
            fail_msg("\"%s\" was taken for an address", texts[i]);
        CHECK_ADDR(&before, &a);
    }
}

TEST(private_addresses_are_told_from_public_ones)
{
    static const struct {
        const char *text;
        enum ptn_addr_kind kind;
    } cases[] = {
        {"0.1.2.3", PTN_ADDR_UNSPECIFIED},        {"::", PTN_ADDR_UNSPECIFIED},
        {"127.9.9.9", PTN_ADDR_LOOPBACK},         {"::1", PTN_ADDR_LOOPBACK},
        {"169.254.169.254", PTN_ADDR_LINK_LOCAL}, {"fe80::1", PTN_ADDR_LINK_LOCAL},
        {"10.255.0.1", PTN_ADDR_PRIVATE},         {"172.31.255.255", PTN_ADDR_PRIVATE},
        {"172.32.0.0", PTN_ADDR_PUBLIC},          {"192.168.1.1", PTN_ADDR_PRIVATE},
        {"192.169.1.1", PTN_ADDR_PUBLIC},         {"fd00::1", PTN_ADDR_PRIVATE},
        {"100.64.0.1", PTN_ADDR_SHARED},          {"100.128.0.1", PTN_ADDR_PUBLIC},
        {"224.0.0.1", PTN_ADDR_MULTICAST},        {"ff02::1", PTN_ADDR_MULTICAST},
        {"255.255.255.255", PTN_ADDR_RESERVED},   {"2001:db8::1", PTN_ADDR_PUBLIC},
        {"::ffff:10.0.0.1", PTN_ADDR_PRIVATE},    {"203.0.113.7", PTN_ADDR_PUBLIC},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ptn_addr a;

        CHECK(ptn_addr_parse(cases[i].text, &a));
        CHECK_EQ(cases[i].kind, ptn_addr_kind(&a));
    }
}

TEST(a_prefix_may_end_inside_a_byte)
{
    struct ptn_addr net = ptn_addr_v4(100, 64, 0, 0, 0), in = ptn_addr_v4(100, 127, 1, 1, 7),
                    out = ptn_addr_v4(100, 128, 0, 0, 7);

    CHECK(ptn_addr_in_prefix(&in, &net, 10));
    CHECK(!ptn_addr_in_prefix(&out, &net, 10));
    CHECK(ptn_addr_in_prefix(&out, &net, 0));
    CHECK(!ptn_addr_in_prefix(&in, &net, 33));
}
