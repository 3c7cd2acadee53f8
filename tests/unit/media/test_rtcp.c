#include "media/rtcp.h"

#include "support/test.h"

static const struct ptn_rtcp_report REPORT = {
    .ssrc = 7,
    .fraction_lost = 64,
    .lost = -3,
    .highest_seq = 0x00010002,
    .jitter = 99,
    .last_sr = 0xaabbccdd,
    .delay = 65536,
};

TEST(a_compound_of_sr_cname_and_bye_is_read_as_it_was_written)
{
    uint8_t buf[256];
    struct ptn_writer w = ptn_writer(buf, sizeof(buf));
    struct ptn_rtcp_sender sender = {0x0123456789abcdefu, 1600, 10, 1600};
    ptn_rtcp_write_sr(&w, 42, &sender, &REPORT, 1);
    ptn_rtcp_write_cname(&w, 42, "alice@host");
    ptn_rtcp_write_bye(&w, 42);
    CHECK(!w.bad);
    CHECK_EQ(52 + 24 + 8, ptn_writer_size(&w));

    struct ptn_rtcp_reader r;
    struct ptn_rtcp_packet p;
    CHECK_EQ(PTN_RTCP_OK, ptn_rtcp_open(&r, ptn_bytes(buf, ptn_writer_size(&w))));
    CHECK(ptn_rtcp_next(&r, &p));
    CHECK_EQ(PTN_RTCP_SR, p.type);
    CHECK_EQ(42, p.ssrc);
    CHECK(p.sender.ntp == sender.ntp);
    CHECK_EQ(1600, p.sender.timestamp);
    CHECK_EQ(10, p.sender.packets);
    CHECK_EQ(1600, p.sender.bytes);
    CHECK_EQ(1, p.report_count);
    CHECK_EQ(7, p.reports[0].ssrc);
    CHECK_EQ(64, p.reports[0].fraction_lost);
    CHECK_EQ(-3, p.reports[0].lost);
    CHECK_EQ(0x00010002, p.reports[0].highest_seq);
    CHECK_EQ(99, p.reports[0].jitter);
    CHECK_EQ(0xaabbccdd, p.reports[0].last_sr);
    CHECK_EQ(65536, p.reports[0].delay);
    CHECK(ptn_rtcp_next(&r, &p));
    CHECK_EQ(PTN_RTCP_SDES, p.type);
    CHECK(ptn_bytes_equal(ptn_bytes_of_text("alice@host"), p.text));
    CHECK(ptn_rtcp_next(&r, &p));
    CHECK_EQ(PTN_RTCP_BYE, p.type);
    CHECK_EQ(42, p.ssrc);
    CHECK_EQ(0, p.text.size);
    CHECK(!ptn_rtcp_next(&r, &p));
}

TEST(cnames_of_every_length_end_on_a_word_with_a_zero)
{
    for (size_t length = 0; length < 9; length++) {
        char name[10] = "";
        memset(name, 'x', length);
        uint8_t buf[64];
        struct ptn_writer w = ptn_writer(buf, sizeof(buf));
        ptn_rtcp_write_rr(&w, 1, NULL, 0);
        ptn_rtcp_write_cname(&w, 1, name);
        CHECK_EQ(0, ptn_writer_size(&w) % 4);
        CHECK_EQ(0, w.at[-1]);
        struct ptn_rtcp_reader r;
        struct ptn_rtcp_packet p;
        CHECK_EQ(PTN_RTCP_OK, ptn_rtcp_open(&r, ptn_bytes(buf, ptn_writer_size(&w))));
        CHECK(ptn_rtcp_next(&r, &p) && p.type == PTN_RTCP_RR);
        CHECK(ptn_rtcp_next(&r, &p) && p.type == PTN_RTCP_SDES);
        CHECK_EQ(length, p.text.size);
    }
}

TEST(other_types_and_items_are_stepped_over)
{
    static const uint8_t compound[] = {
        0x80, 201, 0, 1, 0, 0, 0, 1,                                     /* RR */
        0x81, 204, 0, 2, 0, 0, 0, 1, 'a', 'b', 'c', 'd',                 /* APP */
        0x81, 207, 0, 0,                                                 /* XR, empty */
        0x81, 202, 0, 3, 0, 0, 0, 1, 2,   1,   'n', 1,   1, 'c', 0,   0, /* NAME, then CNAME */
        0x82, 203, 0, 4, 0, 0, 0, 1, 0,   0,   0,   2,   3, 'b', 'y', 'e', 0, 0, 0, 0,
    };
    struct ptn_rtcp_reader r;
    struct ptn_rtcp_packet p;
    struct ptn_bytes whole = ptn_bytes(compound, sizeof(compound));
    CHECK_EQ(PTN_RTCP_TRUNCATED, ptn_rtcp_open(&r, ptn_bytes(compound, sizeof(compound) - 1)));
    CHECK_EQ(PTN_RTCP_OK, ptn_rtcp_open(&r, whole));
    CHECK(ptn_rtcp_next(&r, &p) && p.type == PTN_RTCP_RR);
    CHECK(ptn_rtcp_next(&r, &p) && p.type == PTN_RTCP_SDES);
    CHECK(ptn_bytes_equal(ptn_bytes_of_text("c"), p.text));
    CHECK(ptn_rtcp_next(&r, &p) && p.type == PTN_RTCP_BYE);
    CHECK_EQ(1, p.ssrc);
    CHECK(ptn_bytes_equal(ptn_bytes_of_text("bye"), p.text));
    CHECK(!ptn_rtcp_next(&r, &p));
}

TEST(a_compound_is_refused_as_a_whole)
{
    static const struct {
        const char *why;
        uint8_t bytes[24];
        size_t size;
        enum ptn_rtcp_verdict verdict;
    } cases[] = {
        {"empty", {0}, 0, PTN_RTCP_TRUNCATED},
        {"half a header", {0x80, 201, 0}, 3, PTN_RTCP_TRUNCATED},
        {"no SSRC", {0x80, 201, 0, 0}, 4, PTN_RTCP_TRUNCATED},
        {"version 1", {0x40, 201, 0, 1, 0, 0, 0, 1}, 8, PTN_RTCP_BAD_VERSION},
        {"length beyond the end", {0x80, 201, 0, 2, 0, 0, 0, 1}, 8, PTN_RTCP_TRUNCATED},
        {"a report promised", {0x81, 201, 0, 1, 0, 0, 0, 1}, 8, PTN_RTCP_TRUNCATED},
        {"SDES first", {0x81, 202, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0}, 12, PTN_RTCP_NO_REPORT_FIRST},
        {"bad one behind",
         {0x80, 201, 0, 1, 0, 0, 0, 1, 0x00, 203, 0, 1, 0, 0, 0, 1},
         16,
         PTN_RTCP_BAD_VERSION},
        {"padding not last",
         {0xa0, 201, 0, 2, 0, 0, 0, 1, 0, 0, 0, 4, 0x80, 203, 0, 0},
         16,
         PTN_RTCP_BAD_PADDING},
        {"padding odd", {0xa0, 201, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3}, 12, PTN_RTCP_BAD_PADDING},
        {"padding 0", {0xa0, 201, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0}, 12, PTN_RTCP_BAD_PADDING},
        {"padding too long", {0xa0, 201, 0, 2, 0, 0, 0, 1, 0, 0, 0, 12}, 12, PTN_RTCP_BAD_PADDING},
        {"padding eats the SSRC", {0xa0, 201, 0, 1, 0, 0, 0, 4}, 8, PTN_RTCP_TRUNCATED},
        {"padding as it should be", {0xa0, 201, 0, 2, 0, 0, 0, 1, 0, 0, 0, 4}, 12, PTN_RTCP_OK},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct ptn_rtcp_reader r;
        print_message("# %s\n", cases[i].why);
        CHECK_EQ(cases[i].verdict, ptn_rtcp_open(&r, ptn_bytes(cases[i].bytes, cases[i].size)));
    }
}

/* RFC 3550 figure 2: SR sent at 46853.125 s, held 5.25 s, back at 46864.500 s. */
TEST(the_round_trip_is_that_of_the_rfc)
{
    struct ptn_rtcp_report report = {.last_sr = 0xb7052000, .delay = 0x00054000};
    CHECK_EQ(PTN_MS(6125), ptn_rtcp_round_trip((uint64_t)0xb7108000 << 16, &report));
}

TEST(a_round_trip_that_cannot_be_is_none)
{
    struct ptn_rtcp_report none = {.delay = 10};
    struct ptn_rtcp_report liar = {.last_sr = 1000, .delay = 5000};
    struct ptn_rtcp_report rounded = {.last_sr = 1000, .delay = 101};

    CHECK_EQ(PTN_NEVER, ptn_rtcp_round_trip((uint64_t)2000 << 16, &none));
    CHECK_EQ(PTN_NEVER, ptn_rtcp_round_trip((uint64_t)2000 << 16, &liar));
    CHECK_EQ(0, ptn_rtcp_round_trip((uint64_t)1100 << 16, &rounded));
}

TEST(ntp_time_is_seconds_and_their_fraction)
{
    CHECK(ptn_rtcp_ntp(PTN_MS(1500)) == 0x180000000u);
    CHECK_EQ(0x00018000, ptn_rtcp_ntp_middle(ptn_rtcp_ntp(PTN_MS(1500))));
}

TEST(intervals_spread_around_five_seconds_and_begin_with_half)
{
    struct ptn_dice dice = ptn_dice_seeded(1);
    ptn_time sum = 0;
    for (int i = 0; i < 1000; i++) {
        ptn_time wait = ptn_rtcp_interval(&dice, false);
        CHECK(wait >= PTN_MS(2500) && wait <= PTN_MS(7500));
        sum += wait;
        wait = ptn_rtcp_interval(&dice, true);
        CHECK(wait >= PTN_MS(1250) && wait <= PTN_MS(3750));
    }
    CHECK(sum > PTN_S(4800) && sum < PTN_S(5200));
}
