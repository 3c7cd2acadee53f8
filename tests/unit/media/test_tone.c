#include <math.h>

#include "base/dice.h"
#include "media/g711.h"
#include "media/pcm.h"
#include "media/source.h"
#include "media/tone.h"
#include "support/test.h"

static int16_t pcm[PTN_TONE_HEAR_MAX];

TEST(a_tone_is_found_again_with_its_frequency_and_level)
{
    static const double tones[][2] = {{440, -10}, {1004, -16}, {123.4, -3},  {3400, -20},
                                      {350, -40}, {2000, 0},   {999.5, -30}, {697, -6}};
    for (size_t i = 0; i < sizeof(tones) / sizeof(*tones); i++) {
        struct ptn_tone tone = ptn_tone(tones[i][0], tones[i][1]);
        ptn_tone_read(&tone, pcm, 4000);
        struct ptn_tone_heard heard = ptn_tone_hear(pcm, 4000);
        CHECK(fabs(heard.hz - tones[i][0]) < 0.5);
        CHECK(fabs(heard.level_dbfs - tones[i][1]) < 0.2);
        CHECK(fabs(heard.total_dbfs - tones[i][1]) < 0.2);
        CHECK(heard.purity > 0.97);
    }
}

TEST(a_single_frame_is_enough_to_tell_tones_apart)
{
    struct ptn_tone tone = ptn_tone(850, -10);
    ptn_tone_read(&tone, pcm, PTN_TONE_HEAR_MIN);
    CHECK(fabs(ptn_tone_hear(pcm, PTN_TONE_HEAR_MIN).hz - 850) < 20);
}

TEST(both_laws_keep_a_tone_a_tone)
{
    for (int law = PTN_G711_ULAW; law <= PTN_G711_ALAW; law++) {
        uint8_t octets[800];
        struct ptn_tone tone = ptn_tone(440, -12);
        ptn_tone_read(&tone, pcm, 800);
        ptn_g711_encode(law, pcm, 800, octets);
        ptn_g711_decode(law, octets, 800, pcm);
        struct ptn_tone_heard heard = ptn_tone_hear(pcm, 800);
        CHECK(fabs(heard.hz - 440) < 1);
        CHECK(fabs(heard.level_dbfs - -12) < 0.3);
        CHECK(heard.purity > 0.99);
    }
}

TEST(the_louder_of_two_tones_is_named_and_is_not_pure)
{
    int16_t other[4000];
    struct ptn_tone loud = ptn_tone(440, -10), soft = ptn_tone(1200, -16);
    ptn_tone_read(&loud, pcm, 4000);
    ptn_tone_read(&soft, other, 4000);
    for (int i = 0; i < 4000; i++)
        pcm[i] = (int16_t)(pcm[i] + other[i]);
    struct ptn_tone_heard heard = ptn_tone_hear(pcm, 4000);
    CHECK(fabs(heard.hz - 440) < 1);
    CHECK(heard.purity > 0.75 && heard.purity < 0.85); /* 6 dB above: four fifths */
}

TEST(noise_is_not_pure_and_silence_is_nothing)
{
    struct ptn_dice dice = ptn_dice_seeded(5);
    for (int i = 0; i < 4000; i++)
        pcm[i] = (int16_t)(ptn_dice_below(&dice, 20001) - 10000);
    CHECK(ptn_tone_hear(pcm, 4000).purity < 0.05);

    memset(pcm, 0, sizeof(pcm));
    struct ptn_tone_heard heard = ptn_tone_hear(pcm, 4000);
    CHECK(heard.hz == 0 && heard.purity == 0);
    CHECK(heard.level_dbfs == PTN_TONE_SILENCE && heard.total_dbfs == PTN_TONE_SILENCE);
}

TEST(a_tone_has_no_seam_between_reads)
{
    int16_t whole[640];
    struct ptn_source once = ptn_source_tone(440, -3), bits = once;
    ptn_source_read(&once, whole, 640);
    for (int i = 0; i < 640; i += 80)
        ptn_source_read(&bits, pcm + i, 80);
    CHECK_BYTES(whole, pcm, sizeof(whole));
    CHECK(!ptn_source_done(&once));
}

TEST(samples_end_in_silence_or_begin_again)
{
    static const int16_t samples[] = {1, 2, 3};
    static const int16_t once_expected[] = {1, 2, 3, 0, 0, 0, 0};
    static const int16_t loop_expected[] = {1, 2, 3, 1, 2, 3, 1};

    struct ptn_source once = ptn_source_samples(samples, 3, false);
    CHECK(!ptn_source_done(&once));
    ptn_source_read(&once, pcm, 7);
    CHECK_BYTES(once_expected, pcm, sizeof(once_expected));
    CHECK(ptn_source_done(&once));

    struct ptn_source loop = ptn_source_samples(samples, 3, true);
    ptn_source_read(&loop, pcm, 7);
    CHECK_BYTES(loop_expected, pcm, sizeof(loop_expected));
    CHECK(!ptn_source_done(&loop));

    struct ptn_source empty = ptn_source_samples(NULL, 0, true);
    ptn_source_read(&empty, pcm, 1);
    CHECK_EQ(0, pcm[0]);
    CHECK(ptn_source_done(&empty));

    struct ptn_source silence = ptn_source_silence();
    pcm[0] = 5;
    ptn_source_read(&silence, pcm, 1);
    CHECK_EQ(0, pcm[0]);
}
