#include "ip/fragment.h"

#include "base/dice.h"
#include "support/test.h"

enum { PARTS_MAX = 200 };

struct part {
    uint8_t bytes[1504];
    size_t size;
    struct ptn_ip ip;
};

static struct part parts[PARTS_MAX];
static uint8_t original[65536];

static struct ptn_bytes bytes_of(const struct part *p)
{
    return ptn_bytes(p->bytes, p->size);
}

static size_t build(uint8_t family, size_t payload, uint16_t id)
{
    static uint8_t data[65536];
    struct ptn_writer w = ptn_writer(original, sizeof original);
    struct ptn_ip_head head = {.from = ptn_addr_v4(192, 0, 2, 1, 5060),
                               .to = ptn_addr_v4(198, 51, 100, 7, 3478),
                               .id = id};

    if (family == PTN_IPV6) {
        CHECK(ptn_addr_parse("[2001:db8::1]:5060", &head.from));
        CHECK(ptn_addr_parse("[2001:db8::7]:3478", &head.to));
    }
    for (size_t i = 0; i < payload; i++)
        data[i] = (uint8_t)(i * 31 + i / 256);
    ptn_ip_build_udp(&w, &head, ptn_bytes(data, payload));
    CHECK(!w.bad);
    return ptn_writer_size(&w);
}

/* Cuts `original`; the number of parts. */
static unsigned cut(size_t size, size_t mtu)
{
    struct ptn_ip ip;
    size_t offset = 0;
    unsigned count = 0;

    CHECK_EQ(PTN_IP_FINE, ptn_ip_parse(ptn_bytes(original, size), &ip));
    for (;; count++) {
        CHECK(count < PARTS_MAX);
        struct ptn_writer w = ptn_writer(parts[count].bytes, sizeof parts[count].bytes);
        if (!ptn_ip_cut(&w, ptn_bytes(original, size), &ip, mtu, 0xabcd1234, &offset))
            return count;
        CHECK(!w.bad);
        parts[count].size = ptn_writer_size(&w);
        CHECK(parts[count].size <= mtu);
        CHECK_EQ(PTN_IP_FINE, ptn_ip_parse(bytes_of(&parts[count]), &parts[count].ip));
        CHECK(ptn_ip_checksums_hold(bytes_of(&parts[count]), &parts[count].ip));
    }
}

static struct ptn_ip_store *store(uint32_t slots)
{
    struct ptn_ip_store *s;
    struct ptn_ip_store_opts opts = {.slots_max = slots, .timeout = PTN_S(30)};

    CHECK_EQ(PTN_OK, ptn_ip_store_new(&s, &opts));
    return s;
}

static enum ptn_ip_store_verdict give(struct ptn_ip_store *s, const struct part *p,
                                      struct ptn_bytes *whole)
{
    return ptn_ip_store_input(s, 0, 1, bytes_of(p), &p->ip, whole);
}

TEST(what_is_cut_comes_together_again_in_any_order_with_copies_in_between)
{
    static const struct {
        uint8_t family;
        size_t payload, mtu;
    } cases[] = {{PTN_IPV4, 3000, 1500}, {PTN_IPV4, 65000, 576},  {PTN_IPV4, 1473, 1500},
                 {PTN_IPV6, 3000, 1500}, {PTN_IPV6, 60000, 1280}, {PTN_IPV6, 1453, 1500}};
    struct ptn_dice d = ptn_dice_seeded(5);

    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        struct ptn_ip_store *s = store(2);
        size_t size = build(cases[c].family, cases[c].payload, 7);
        unsigned order[PARTS_MAX], count = cut(size, cases[c].mtu);
        struct ptn_bytes whole = {0};

        CHECK(count > 1);
        for (unsigned i = 0; i < count; i++)
            order[i] = i;
        for (unsigned i = count - 1; i > 0; i--) {
            unsigned j = ptn_dice_below(&d, i + 1), swapped = order[i];
            order[i] = order[j];
            order[j] = swapped;
        }
        for (unsigned i = 0; i + 1 < count; i++) {
            CHECK_EQ(PTN_IP_STORE_WAIT, give(s, &parts[order[i]], &whole));
            CHECK_EQ(PTN_IP_STORE_WAIT, give(s, &parts[order[i]], &whole));
        }
        CHECK_EQ(PTN_IP_STORE_WHOLE, give(s, &parts[order[count - 1]], &whole));
        CHECK_EQ(size, whole.size);
        CHECK_BYTES(original, whole.data, size);
        CHECK_EQ(PTN_NEVER, ptn_ip_store_deadline(s));
        ptn_ip_store_free(s);
    }
}

TEST(only_the_first_fragment_has_ports)
{
    cut(build(PTN_IPV4, 3000, 7), 1500);
    CHECK(parts[0].ip.ends.has_ports && parts[0].ip.is_fragment && parts[0].ip.more);
    CHECK(!parts[1].ip.ends.has_ports);
    CHECK_EQ(1480, parts[1].ip.fragment_offset);
    CHECK(!parts[2].ip.more);
}

TEST(a_fragment_can_be_cut_again)
{
    struct ptn_ip_store *s = store(2);
    size_t size = build(PTN_IPV4, 2900, 7);
    struct ptn_bytes whole = {0};
    struct part first, second;
    uint8_t kept[3000];

    memcpy(kept, original, size);
    CHECK_EQ(2, cut(size, 1500));
    first = parts[0];
    second = parts[1];
    memcpy(original, first.bytes, first.size);
    unsigned count = cut(first.size, 576);
    CHECK(parts[count - 1].ip.more);
    for (unsigned i = 0; i < count; i++)
        CHECK_EQ(PTN_IP_STORE_WAIT, give(s, &parts[i], &whole));
    CHECK_EQ(PTN_IP_STORE_WHOLE, give(s, &second, &whole));
    CHECK_BYTES(kept, whole.data, size);
    ptn_ip_store_free(s);
}

TEST(what_fits_is_passed_as_it_is)
{
    size_t size = build(PTN_IPV4, 100, 7);

    CHECK_EQ(1, cut(size, 576));
    CHECK_EQ(size, parts[0].size);
    CHECK_BYTES(original, parts[0].bytes, size);
}

/* RFC 5722 and RFC 1858: overlaps are attacks. */
TEST(a_fragment_that_contradicts_another_spoils_the_packet)
{
    struct ptn_bytes whole;

    for (unsigned kind = 0; kind < 3; kind++) {
        struct ptn_ip_store *s = store(2);
        cut(build(PTN_IPV4, 3000, 7), 1500);
        struct part evil = parts[kind == 2 ? 1 : 0];
        unsigned second = kind == 2 ? 2 : 1;
        if (kind == 0)
            evil.bytes[100] ^= 1; /* the same place, other bytes */
        if (kind == 1)
            evil.bytes[7] = 1; /* 8 bytes further on: half over what is there */
        if (kind == 2)
            evil.bytes[6] &= 0xdf; /* says it is the last, before the last */
        CHECK_EQ(PTN_IP_FINE, ptn_ip_parse(bytes_of(&evil), &evil.ip));
        CHECK_EQ(PTN_IP_STORE_WAIT, give(s, &parts[0], &whole));
        CHECK_EQ(PTN_IP_STORE_WAIT, give(s, &parts[second], &whole));
        CHECK_EQ(PTN_IP_STORE_SPOILT, give(s, &evil, &whole));
        CHECK_EQ(PTN_IP_STORE_WAIT, give(s, &parts[3 - second], &whole)); /* begins anew */
        ptn_ip_store_free(s);
    }
}

TEST(a_packet_that_would_be_too_large_is_spoilt)
{
    struct ptn_ip_store *s = store(1);
    struct ptn_bytes whole;

    cut(build(PTN_IPV4, 3000, 7), 1500);
    parts[1].bytes[6] = 0x3f;
    parts[1].bytes[7] = 0xff; /* offset 65,528 */
    CHECK_EQ(PTN_IP_FINE, ptn_ip_parse(bytes_of(&parts[1]), &parts[1].ip));
    CHECK_EQ(PTN_IP_STORE_SPOILT, give(s, &parts[1], &whole));
    ptn_ip_store_free(s);
}

TEST(fragments_of_other_packets_and_places_are_kept_apart)
{
    struct ptn_ip_store *s = store(3);
    struct ptn_bytes whole;
    struct part other_id;

    cut(build(PTN_IPV4, 2000, 8), 1500);
    other_id = parts[1];
    cut(build(PTN_IPV4, 2000, 7), 1500);
    CHECK_EQ(PTN_IP_STORE_WAIT, give(s, &parts[0], &whole));
    CHECK_EQ(PTN_IP_STORE_WAIT, give(s, &other_id, &whole));
    CHECK_EQ(PTN_IP_STORE_WAIT,
             ptn_ip_store_input(s, 0, 2, bytes_of(&parts[1]), &parts[1].ip, &whole));
    CHECK_EQ(PTN_IP_STORE_WHOLE, give(s, &parts[1], &whole));
    ptn_ip_store_free(s);
}

TEST(a_full_store_refuses_until_the_oldest_has_timed_out)
{
    struct ptn_ip_store *s = store(2);
    struct ptn_bytes whole;
    struct part p[3];

    for (uint16_t i = 0; i < 3; i++) {
        cut(build(PTN_IPV4, 2000, i), 1500);
        p[i] = parts[0];
    }
    CHECK_EQ(PTN_IP_STORE_WAIT,
             ptn_ip_store_input(s, PTN_S(1), 1, bytes_of(&p[0]), &p[0].ip, &whole));
    CHECK_EQ(PTN_IP_STORE_WAIT,
             ptn_ip_store_input(s, PTN_S(2), 1, bytes_of(&p[1]), &p[1].ip, &whole));
    CHECK_EQ(PTN_IP_STORE_FULL,
             ptn_ip_store_input(s, PTN_S(3), 1, bytes_of(&p[2]), &p[2].ip, &whole));
    CHECK_EQ(PTN_S(31), ptn_ip_store_deadline(s));
    CHECK_EQ(0, ptn_ip_store_tick(s, PTN_S(31) - 1));
    CHECK_EQ(1, ptn_ip_store_tick(s, PTN_S(31)));
    CHECK_EQ(PTN_IP_STORE_WAIT,
             ptn_ip_store_input(s, PTN_S(31), 1, bytes_of(&p[2]), &p[2].ip, &whole));
    ptn_ip_store_free(s);
}

/* RFC 6946: a lone IPv6 fragment that is all of its packet. */
TEST(an_atomic_fragment_is_whole_at_once)
{
    struct ptn_ip_store *s = store(1);
    struct ptn_bytes whole;
    size_t size = build(PTN_IPV6, 2000, 0);

    CHECK_EQ(2, cut(size, 1500));
    struct part p = parts[1];
    p.bytes[42] = p.bytes[43] = 0;
    memcpy(p.bytes + 48, original + 40, 8);
    p.bytes[52] = (uint8_t)((p.size - 48) >> 8);
    p.bytes[53] = (uint8_t)(p.size - 48);
    CHECK_EQ(PTN_IP_FINE, ptn_ip_parse(bytes_of(&p), &p.ip));
    CHECK(p.ip.is_fragment);
    CHECK_EQ(PTN_IP_STORE_WHOLE, give(s, &p, &whole));
    CHECK_EQ(p.size - 8, whole.size);
    CHECK_EQ(PTN_IP_UDP, whole.data[6]);
    ptn_ip_store_free(s);
}
