#include "os/pcapng.h"

#include "support/test.h"

static uint32_t u32_at(const uint8_t *bytes)
{
    struct ptn_reader r = ptn_reader(ptn_bytes(bytes, 4));
    return ptn_read_u32(&r);
}

TEST(a_section_says_its_byte_order_and_its_program)
{
    static const uint8_t expected[] = {
        0x0a, 0x0d, 0x0d, 0x0a, 0,    0,    0,    40,               /* type, length */
        0x1a, 0x2b, 0x3c, 0x4d, 0,    1,    0,    0,                /* magic, version */
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,             /* no length */
        0,    4,    0,    3,    'l',  'a',  'b',  0,    0, 0, 0, 0, /* program, end */
        0,    0,    0,    40,
    };
    uint8_t buf[128];
    struct ptn_writer w = ptn_writer(buf, sizeof buf);

    ptn_pcapng_section(&w, "lab");
    CHECK_EQ(sizeof expected, ptn_writer_size(&w));
    CHECK_BYTES(expected, buf, sizeof expected);
}

TEST(an_interface_carries_raw_ip_in_nanoseconds_under_its_name)
{
    static const uint8_t expected[] = {
        0, 0,   0, 1, 0,   0,   0,   40,                          /* type, length */
        0, 101, 0, 0, 0,   0,   0,   0,                           /* LINKTYPE_RAW, no snap length */
        0, 2,   0, 4, 'h', 'o', 'm', 'e', 0, 9, 0, 1, 9, 0, 0, 0, /* name, resolution */
        0, 0,   0, 0, 0,   0,   0,   40,
    };
    uint8_t buf[128];
    struct ptn_writer w = ptn_writer(buf, sizeof buf);

    ptn_pcapng_interface(&w, "home");
    CHECK_EQ(sizeof expected, ptn_writer_size(&w));
    CHECK_BYTES(expected, buf, sizeof expected);
}

TEST(a_packet_of_any_length_is_padded_to_whole_words)
{
    static const uint8_t packet[5] = {0x45, 1, 2, 3, 4};
    uint8_t buf[128];

    for (size_t size = 0; size <= sizeof packet; size++) {
        struct ptn_writer w = ptn_writer(buf, sizeof buf);
        ptn_pcapng_packet(&w, 3, 0x0123456789abcdef, ptn_bytes(packet, size), NULL);
        size_t padded = (size + 3) & ~(size_t)3;
        CHECK(!w.bad);
        CHECK_EQ(32 + padded, ptn_writer_size(&w));
        CHECK_EQ(6, u32_at(buf));
        CHECK_EQ(32 + padded, u32_at(buf + 4));
        CHECK_EQ(3, u32_at(buf + 8));
        CHECK_EQ(0x01234567, u32_at(buf + 12));
        CHECK_EQ(0x89abcdef, u32_at(buf + 16));
        CHECK_EQ(size, u32_at(buf + 20));
        CHECK_EQ(size, u32_at(buf + 24));
        CHECK_BYTES(packet, buf + 28, size);
        CHECK_EQ(32 + padded, u32_at(buf + 28 + padded));
    }
}

TEST(a_comment_stands_behind_its_packet)
{
    static const uint8_t expected[] = {0,   1, 0, 7, 'd', 'r', 'o', 'p', 'p', 'e',
                                       'd', 0, 0, 0, 0,   0,   0,   0,   0,   48};
    uint8_t buf[128];
    struct ptn_writer w = ptn_writer(buf, sizeof buf);

    ptn_pcapng_packet(&w, 0, 1, ptn_bytes(NULL, 0), "dropped");
    CHECK_EQ(48, ptn_writer_size(&w));
    CHECK_BYTES(expected, buf + 28, sizeof expected);
}

TEST(a_block_that_does_not_fit_turns_the_writer_bad)
{
    uint8_t whole[128], buf[128];
    static const uint8_t packet[21];
    struct ptn_writer w = ptn_writer(whole, sizeof whole);

    ptn_pcapng_packet(&w, 0, 1, ptn_bytes(packet, sizeof packet), "seen");
    size_t size = ptn_writer_size(&w);
    CHECK(size <= sizeof packet + 4 + PTN_PCAPNG_BLOCK_OVERHEAD);
    for (size_t room = 0; room < size; room++) {
        w = ptn_writer(buf, room);
        ptn_pcapng_packet(&w, 0, 1, ptn_bytes(packet, sizeof packet), "seen");
        CHECK(w.bad);
    }
}
