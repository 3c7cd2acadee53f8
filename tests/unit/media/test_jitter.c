#include "media/jitter.h"

#include "media/conceal.h"
#include "media/pcm.h"
#include "support/test.h"

static struct ptn_jitter j;
static const struct ptn_jitter_opts OPTS = {.delay_min = PTN_MS(40), .delay_max = PTN_MS(200)};

/* Packet `n` of a sender that sends 20 ms each, all octets of it `n`. */
static enum ptn_jitter_verdict put(ptn_time now, unsigned n)
{
    uint8_t payload[PTN_FRAME_SAMPLES];
    memset(payload, (int)n, sizeof(payload));
    struct ptn_rtp rtp = {.seq = (uint16_t)n,
                          .timestamp = n * PTN_FRAME_SAMPLES,
                          .payload = ptn_bytes(payload, sizeof(payload))};
    return ptn_jitter_put(&j, now, &rtp, PTN_CODEC_PCMU, PTN_FRAME_SAMPLES);
}

/* What is played at `now`: n for packet n, or minus what else it is. */
enum { NOTHING = -1, GAP = -2, DRY = -3 };
static int take(ptn_time now)
{
    struct ptn_jitter_item item;
    switch (ptn_jitter_take(&j, now, &item)) {
    case PTN_JITTER_NOTHING: return NOTHING;
    case PTN_JITTER_GAP: CHECK_EQ(PTN_FRAME_SAMPLES, item.samples); return GAP;
    case PTN_JITTER_DRY: return DRY;
    case PTN_JITTER_SOUND: break;
    }
    CHECK_EQ(PTN_FRAME_SAMPLES, item.samples);
    CHECK_EQ(0, item.skip);
    return item.payload.data[0];
}

static void init(void)
{
    ptn_jitter_init(&j, &OPTS);
}

TEST(play_out_begins_one_delay_after_the_first_packet)
{
    init();
    CHECK_EQ(NOTHING, take(0));
    put(PTN_MS(100), 1);
    put(PTN_MS(120), 2);
    CHECK_EQ(NOTHING, take(PTN_MS(139)));
    CHECK_EQ(1, take(PTN_MS(140)));
    CHECK_EQ(2, take(PTN_MS(160)));
    CHECK_EQ(PTN_MS(40), ptn_jitter_delay(&j));
}

TEST(packets_are_played_in_order_whatever_order_they_came_in)
{
    init();
    put(0, 10);
    put(PTN_MS(20), 12);
    put(PTN_MS(21), 11);
    CHECK_EQ(10, take(PTN_MS(40)));
    CHECK_EQ(11, take(PTN_MS(60)));
    CHECK_EQ(12, take(PTN_MS(80)));
}

TEST(a_first_packet_that_was_overtaken_is_still_played_first)
{
    init();
    put(0, 11);
    put(PTN_MS(5), 10);
    CHECK_EQ(10, take(PTN_MS(40)));
    CHECK_EQ(11, take(PTN_MS(60)));
}

TEST(what_is_missing_between_two_packets_is_a_gap)
{
    init();
    put(0, 1);
    put(PTN_MS(40), 3);
    CHECK_EQ(1, take(PTN_MS(40)));
    CHECK_EQ(GAP, take(PTN_MS(60)));
    CHECK_EQ(3, take(PTN_MS(80)));
}

TEST(a_packet_is_kept_once)
{
    init();
    CHECK_EQ(PTN_JITTER_KEPT, put(0, 1));
    CHECK_EQ(PTN_JITTER_DUPLICATE, put(0, 1));
}

TEST(a_late_packet_makes_the_delay_longer_by_one_frame)
{
    init();
    put(0, 1);
    put(PTN_MS(40), 3);
    put(PTN_MS(60), 4);
    CHECK_EQ(1, take(PTN_MS(40)));
    CHECK_EQ(GAP, take(PTN_MS(60)));
    CHECK_EQ(PTN_JITTER_LATE, put(PTN_MS(61), 2));
    CHECK_EQ(DRY, take(PTN_MS(80))); /* held for a frame */
    CHECK_EQ(3, take(PTN_MS(100)));
    CHECK_EQ(4, take(PTN_MS(120)));
    CHECK(ptn_jitter_delay(&j) >= PTN_MS(55));
}

TEST(a_straggler_of_seconds_does_not_make_it_longer)
{
    init();
    for (unsigned n = 1; n <= 60; n++) {
        put(PTN_MS(20) * n, n);
        take(PTN_MS(20) * n + PTN_MS(20));
    }
    CHECK_EQ(PTN_JITTER_LATE, put(PTN_MS(1215), 20));
    CHECK(take(PTN_MS(1240)) > 0);
}

TEST(running_dry_waits_for_the_next_packet_and_goes_on_with_it)
{
    init();
    put(0, 1);
    CHECK_EQ(1, take(PTN_MS(40)));
    CHECK_EQ(DRY, take(PTN_MS(60)));
    CHECK_EQ(DRY, take(PTN_MS(80)));
    CHECK_EQ(PTN_JITTER_KEPT, put(PTN_MS(90), 2));
    CHECK_EQ(2, take(PTN_MS(100)));
}

TEST(a_sender_that_paused_is_buffered_anew)
{
    init();
    put(0, 1);
    CHECK_EQ(1, take(PTN_MS(40)));
    ptn_time now = PTN_MS(60);
    unsigned dry = 0;
    for (; take(now) == DRY; now += PTN_MS(20))
        dry++;
    CHECK_EQ(9, dry);
    put(now, 50);
    CHECK_EQ(NOTHING, take(now + PTN_MS(20)));
    CHECK_EQ(50, take(now + ptn_jitter_delay(&j)));
}

TEST(a_jump_of_the_senders_clock_begins_anew)
{
    init();
    put(0, 1);
    put(PTN_MS(20), 2);
    CHECK_EQ(1, take(PTN_MS(40)));
    CHECK_EQ(PTN_JITTER_KEPT, put(PTN_MS(60), 200)); /* four seconds ahead */
    CHECK_EQ(NOTHING, take(PTN_MS(80)));
    CHECK_EQ(200, take(PTN_MS(100)));
}

TEST(timestamps_wrap_without_a_seam)
{
    init();
    uint8_t payload[PTN_FRAME_SAMPLES] = {0};
    struct ptn_jitter_item item;
    for (unsigned n = 0; n < 4; n++) {
        struct ptn_rtp rtp = {.seq = (uint16_t)(65534 + n),
                              .timestamp = (uint32_t)-320 + n * PTN_FRAME_SAMPLES,
                              .payload = ptn_bytes(payload, sizeof(payload))};
        CHECK_EQ(PTN_JITTER_KEPT,
                 ptn_jitter_put(&j, PTN_MS(20) * n, &rtp, PTN_CODEC_PCMU, PTN_FRAME_SAMPLES));
    }
    for (unsigned n = 0; n < 4; n++)
        CHECK_EQ(PTN_JITTER_SOUND, ptn_jitter_take(&j, PTN_MS(100 + 20 * n), &item));
    CHECK_EQ(PTN_JITTER_DRY, ptn_jitter_take(&j, PTN_MS(180), &item));
}

/* A network that delayed by 160 ms for a while, then is calm: the added delay goes again. */
TEST(a_calm_network_gets_its_short_delay_back)
{
    init();
    unsigned sent = 0, played = 0;
    ptn_time now = 0;
    for (unsigned n = 0; n < 1000; n++, now += PTN_MS(20)) {
        bool congested = n >= 50 && n < 58;
        while (!congested && sent <= n)
            put(now, sent++);
        if (take(now) >= 0)
            played++;
    }
    CHECK_EQ(1000, sent);
    /* What is still waiting is the delay; it was eight frames more than at the start. */
    unsigned waiting = 0;
    while (take(now) >= 0)
        waiting++;
    CHECK(waiting <= 4);
    CHECK(j.shortened >= 6);
    CHECK(played + waiting + j.shortened >= 999);
}

TEST(longer_packets_are_cut_where_a_frame_was_skipped)
{
    init();
    uint8_t payload[480] = {0};
    struct ptn_rtp rtp = {.seq = 1, .timestamp = 0, .payload = ptn_bytes(payload, 480)};
    struct ptn_jitter_item item;
    ptn_jitter_put(&j, 0, &rtp, PTN_CODEC_PCMU, 480);
    CHECK_EQ(PTN_JITTER_SOUND, ptn_jitter_take(&j, PTN_MS(60), &item));
    CHECK_EQ(480, item.samples);
    j.next += PTN_FRAME_SAMPLES;
    rtp.seq = 2;
    rtp.timestamp = 480;
    ptn_jitter_put(&j, PTN_MS(60), &rtp, PTN_CODEC_PCMU, 480);
    CHECK_EQ(PTN_JITTER_SOUND, ptn_jitter_take(&j, PTN_MS(120), &item));
    CHECK_EQ(PTN_FRAME_SAMPLES, item.skip);
}

TEST(no_sound_and_too_much_sound_are_refused)
{
    init();
    uint8_t payload[PTN_JITTER_PAYLOAD_MAX + 1] = {0};
    struct ptn_rtp rtp = {.payload = ptn_bytes(payload, sizeof(payload))};
    CHECK_EQ(PTN_JITTER_TOO_BIG, ptn_jitter_put(&j, 0, &rtp, PTN_CODEC_PCMU, 961));
    rtp.payload.size = 0;
    CHECK_EQ(PTN_JITTER_TOO_BIG, ptn_jitter_put(&j, 0, &rtp, PTN_CODEC_PCMU, 0));
}

static int peak(const int16_t *pcm, size_t count)
{
    int most = 0;
    for (size_t i = 0; i < count; i++)
        if (pcm[i] > most)
            most = pcm[i];
    return most;
}

TEST(concealment_repeats_and_fades_to_silence_in_80_ms)
{
    struct ptn_conceal c = {0};
    int16_t pcm[PTN_FRAME_SAMPLES];
    for (int i = 0; i < PTN_FRAME_SAMPLES; i++)
        pcm[i] = 1000;
    ptn_conceal_hear(&c, pcm, PTN_FRAME_SAMPLES);

    int before = 1001;
    for (int i = 0; i < 4; i++) {
        ptn_conceal_fill(&c, pcm, PTN_FRAME_SAMPLES);
        int now = peak(pcm, PTN_FRAME_SAMPLES);
        CHECK(now < before && now > 0);
        before = now;
    }
    ptn_conceal_fill(&c, pcm, PTN_FRAME_SAMPLES);
    CHECK_EQ(0, peak(pcm, PTN_FRAME_SAMPLES));

    int16_t good[40];
    for (int i = 0; i < 40; i++)
        good[i] = 500;
    ptn_conceal_hear(&c, good, 40);
    ptn_conceal_fill(&c, pcm, PTN_FRAME_SAMPLES);
    CHECK(peak(pcm, PTN_FRAME_SAMPLES) > 0);
}
