#include "media/g711.h"

#include <stdlib.h>

#include "support/test.h"

/* G.711 table 2a: the decision values between segments, and the values of the steps around them. */
TEST(ulaw_has_the_decision_values_of_table_2a)
{
    static const struct {
        int level; /* 14 bits */
        uint8_t below, at;
        int below_value, at_value;
    } cases[] = {
        {4063, 0x90, 0x8f, 3999, 4191}, {2015, 0xa0, 0x9f, 1983, 2079},
        {991, 0xb0, 0xaf, 975, 1023},   {479, 0xc0, 0xbf, 471, 495},
        {223, 0xd0, 0xcf, 219, 231},    {95, 0xe0, 0xdf, 93, 99},
        {31, 0xf0, 0xef, 30, 33},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        int16_t at = (int16_t)(cases[i].level * 4), below = (int16_t)(at - 4);
        CHECK_EQ(cases[i].below, ptn_g711_compress(PTN_G711_ULAW, below));
        CHECK_EQ(cases[i].at, ptn_g711_compress(PTN_G711_ULAW, at));
        CHECK_EQ(cases[i].below_value * 4, ptn_g711_expand(PTN_G711_ULAW, cases[i].below));
        CHECK_EQ(cases[i].at_value * 4, ptn_g711_expand(PTN_G711_ULAW, cases[i].at));
    }
    CHECK_EQ(0x80, ptn_g711_compress(PTN_G711_ULAW, INT16_MAX));
    CHECK_EQ(0x00, ptn_g711_compress(PTN_G711_ULAW, INT16_MIN));
    CHECK_EQ(8031 * 4, ptn_g711_expand(PTN_G711_ULAW, 0x80));
    CHECK_EQ(-8031 * 4, ptn_g711_expand(PTN_G711_ULAW, 0x00));
    CHECK_EQ(0xff, ptn_g711_compress(PTN_G711_ULAW, 0));
    CHECK_EQ(0, ptn_g711_expand(PTN_G711_ULAW, 0xff));
    CHECK_EQ(0, ptn_g711_expand(PTN_G711_ULAW, 0x7f));
}

/* Table 1a, whose levels have 12 bits; its even bits are inverted on the line. */
TEST(alaw_has_the_decision_values_of_table_1a)
{
    static const struct {
        int level;
        uint8_t below, at;
        int below_value_2, at_value_2; /* twice the table's y, which has halves */
    } cases[] = {
        {2048, 0xef ^ 0x55, 0xf0 ^ 0x55, 4032, 4224}, {1024, 0xdf ^ 0x55, 0xe0 ^ 0x55, 2016, 2112},
        {512, 0xcf ^ 0x55, 0xd0 ^ 0x55, 1008, 1056},  {256, 0xbf ^ 0x55, 0xc0 ^ 0x55, 504, 528},
        {128, 0xaf ^ 0x55, 0xb0 ^ 0x55, 252, 264},    {64, 0x9f ^ 0x55, 0xa0 ^ 0x55, 126, 132},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        int16_t at = (int16_t)(cases[i].level * 8), below = (int16_t)(at - 8);
        uint8_t below_octet = ptn_g711_compress(PTN_G711_ALAW, below);
        uint8_t at_octet = ptn_g711_compress(PTN_G711_ALAW, at);
        CHECK_EQ(cases[i].below, below_octet);
        CHECK_EQ(cases[i].at, at_octet);
        CHECK_EQ(cases[i].below_value_2 * 4, ptn_g711_expand(PTN_G711_ALAW, below_octet));
        CHECK_EQ(cases[i].at_value_2 * 4, ptn_g711_expand(PTN_G711_ALAW, at_octet));
    }
    CHECK_EQ(0xaa, ptn_g711_compress(PTN_G711_ALAW, INT16_MAX));
    CHECK_EQ(0x2a, ptn_g711_compress(PTN_G711_ALAW, INT16_MIN));
    CHECK_EQ(4032 * 8, ptn_g711_expand(PTN_G711_ALAW, 0xaa));
    CHECK_EQ(-4032 * 8, ptn_g711_expand(PTN_G711_ALAW, 0x2a));
    CHECK_EQ(0xd5, ptn_g711_compress(PTN_G711_ALAW, 0));
    CHECK_EQ(8, ptn_g711_expand(PTN_G711_ALAW, 0xd5));
}

TEST(every_octet_survives_the_way_there_and_back)
{
    for (unsigned octet = 0; octet < 256; octet++) {
        int16_t sample = ptn_g711_expand(PTN_G711_ALAW, (uint8_t)octet);
        CHECK_EQ(octet, ptn_g711_compress(PTN_G711_ALAW, sample));
        sample = ptn_g711_expand(PTN_G711_ULAW, (uint8_t)octet);
        /* µ-law has two zeros; the negative one is never sent. */
        CHECK_EQ(octet == 0x7f ? 0xff : octet, ptn_g711_compress(PTN_G711_ULAW, sample));
    }
}

TEST(no_sample_is_off_by_more_than_half_a_step)
{
    for (int law = PTN_G711_ULAW; law <= PTN_G711_ALAW; law++) {
        for (int sample = -32000; sample <= 32000; sample++) {
            int got = ptn_g711_expand(law, ptn_g711_compress(law, (int16_t)sample));
            /* Steps are at most a sixteenth of the segment's lower end. */
            CHECK(abs(got - sample) <= abs(sample) / 32 + 8);
        }
    }
}

TEST(blocks_are_the_same_as_single_samples)
{
    int16_t pcm[300], back[300];
    uint8_t octets[300];
    for (int i = 0; i < 300; i++)
        pcm[i] = (int16_t)(i * 109 - 16000);

    ptn_g711_encode(PTN_G711_ALAW, pcm, 300, octets);
    ptn_g711_decode(PTN_G711_ALAW, octets, 300, back);
    for (int i = 0; i < 300; i++) {
        CHECK_EQ(ptn_g711_compress(PTN_G711_ALAW, pcm[i]), octets[i]);
        CHECK_EQ(ptn_g711_expand(PTN_G711_ALAW, octets[i]), back[i]);
    }
}
