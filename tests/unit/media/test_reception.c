#include "media/reception.h"

#include "base/dice.h"
#include "support/test.h"

static struct ptn_reception r;

static enum ptn_reception_verdict put_at(ptn_time now, unsigned seq)
{
    struct ptn_rtp rtp = {.seq = (uint16_t)seq, .timestamp = seq * 160, .ssrc = 9};
    return ptn_reception_put(&r, now, &rtp, 8000);
}

static void start(unsigned seq)
{
    struct ptn_rtp rtp = {.seq = (uint16_t)seq, .timestamp = seq * 160, .ssrc = 9};
    ptn_reception_start(&r, 0, &rtp, 8000);
    CHECK_EQ(PTN_RECEPTION_NEW, put_at(0, seq));
}

TEST(loss_is_what_was_expected_and_did_not_come)
{
    start(100);
    for (unsigned i = 1; i < 100; i++)
        if (i % 10 != 5)
            put_at(PTN_MS(20) * i, 100 + i);
    CHECK_EQ(100, ptn_reception_expected(&r));
    CHECK_EQ(90, r.received);
    struct ptn_rtcp_report report = ptn_reception_report(&r);
    CHECK_EQ(9, report.ssrc);
    CHECK_EQ(10, report.lost);
    CHECK_EQ(10 * 256 / 100, report.fraction_lost);
    CHECK_EQ(199, report.highest_seq);
    CHECK_EQ(0, report.jitter);
}

TEST(a_fraction_covers_the_time_since_the_last_report)
{
    start(0);
    put_at(0, 3);
    CHECK_EQ(128, ptn_reception_report(&r).fraction_lost);
    put_at(0, 4);
    CHECK_EQ(0, ptn_reception_report(&r).fraction_lost);
    CHECK_EQ(0, ptn_reception_report(&r).fraction_lost); /* nothing expected */
    CHECK_EQ(2, ptn_reception_report(&r).lost);
}

TEST(a_latecomer_fills_its_gap_and_a_second_copy_does_not)
{
    start(10);
    CHECK_EQ(PTN_RECEPTION_NEW, put_at(0, 13));
    CHECK_EQ(PTN_RECEPTION_NEW, put_at(0, 11));
    CHECK_EQ(PTN_RECEPTION_DUPLICATE, put_at(0, 11));
    CHECK_EQ(PTN_RECEPTION_DUPLICATE, put_at(0, 13));
    CHECK_EQ(PTN_RECEPTION_DUPLICATE, put_at(0, 10));
    CHECK_EQ(1, ptn_reception_report(&r).lost);
    CHECK_EQ(3, r.received);
}

TEST(sequence_numbers_wrap)
{
    start(65534);
    for (unsigned i = 65535; i < 65540; i++)
        CHECK_EQ(PTN_RECEPTION_NEW, put_at(0, i));
    CHECK_EQ(6, ptn_reception_expected(&r));
    CHECK_EQ(0x10003, ptn_reception_report(&r).highest_seq);
    CHECK_EQ(0, ptn_reception_report(&r).lost);
}

TEST(one_that_overtook_the_first_makes_the_beginning_earlier)
{
    start(0);
    CHECK_EQ(PTN_RECEPTION_NEW, put_at(0, 65535));
    CHECK_EQ(2, ptn_reception_expected(&r));
    CHECK_EQ(0, ptn_reception_report(&r).lost);
}

TEST(a_wild_sequence_number_is_a_stray)
{
    start(1000);
    CHECK_EQ(PTN_RECEPTION_STRAY, put_at(0, 1000 + 3001));
    CHECK_EQ(PTN_RECEPTION_STRAY, put_at(0, 1000 - 101));
    CHECK_EQ(PTN_RECEPTION_NEW, put_at(0, 1000 - 100));
    CHECK_EQ(PTN_RECEPTION_NEW, put_at(0, 1000 + 3000));
}

TEST(jitter_settles_at_the_mean_change_of_transit)
{
    struct ptn_dice dice = ptn_dice_seeded(11);
    start(0);
    for (unsigned i = 1; i < 2000; i++)
        put_at(PTN_MS(20) * i + PTN_MS(ptn_dice_below(&dice, 2) * 10), i);
    /* Transit is 0 or 10 ms: it changes by 10 ms half of the time, so 5 ms on the average. */
    uint32_t jitter = ptn_reception_report(&r).jitter;
    CHECK(jitter > 25 && jitter < 55);
}
