/*
 * Two streams and a wire between them, in virtual time. The wire delays, loses
 * and doubles; what the far end plays is listened to.
 */
#include "media/stream.h"

#include <math.h>
#include <stdlib.h>

#include "media/rtcp.h"
#include "media/rtp.h"
#include "support/test.h"

enum { IN_FLIGHT_MAX = 256, HEARD_MAX = 8000 * 70 };

struct datagram {
    ptn_time arrives;
    size_t size;
    uint8_t bytes[600];
};

struct end {
    struct ptn_stream *stream;
    struct datagram inbound[IN_FLIGHT_MAX];
    size_t inbound_count;
    int16_t heard[HEARD_MAX];
    size_t heard_count;
    unsigned rtp, rtcp; /* sent */
};

struct wire {
    ptn_time delay, delay_spread;
    double loss, twice;
    bool no_rtp; /* of a to b */
};

static struct end a, b;
static struct wire wire;
static struct ptn_dice dice;
static ptn_time now;

static const struct ptn_stream_opts OPTS = {
    .send = {PTN_CODEC_PCMA, 8},
    .accept = {{PTN_CODEC_PCMU, 0}, {PTN_CODEC_PCMA, 8}},
    .accept_count = 2,
    .ptime_ms = 20,
    .cname = "test",
};

static struct ptn_stream *new_stream(const struct ptn_stream_opts *base, double hz, uint64_t seed)
{
    struct ptn_stream_opts opts = *base;
    opts.source = ptn_source_tone(hz, -10);
    opts.dice = ptn_dice_seeded(seed);
    return ptn_stream_new(&opts);
}

static void set_up(const struct ptn_stream_opts *a_opts, const struct ptn_stream_opts *b_opts)
{
    a.inbound_count = b.inbound_count = a.heard_count = b.heard_count = 0;
    a.rtp = a.rtcp = b.rtp = b.rtcp = 0;
    wire = (struct wire){.delay = PTN_MS(30)};
    dice = ptn_dice_seeded(1);
    now = PTN_S(1000);
    a.stream = new_stream(a_opts, 440, 2);
    b.stream = new_stream(b_opts, 1000, 3);
    ptn_stream_start(a.stream, now);
    ptn_stream_start(b.stream, now);
}

static void tear_down(void)
{
    ptn_stream_free(a.stream);
    ptn_stream_free(b.stream);
}

static void post(struct end *to, struct ptn_bytes bytes)
{
    CHECK(to->inbound_count < IN_FLIGHT_MAX && bytes.size <= sizeof(to->inbound[0].bytes));
    struct datagram *d = &to->inbound[to->inbound_count++];
    ptn_time spread = (ptn_time)((double)wire.delay_spread * ptn_dice_unit(&dice));
    d->arrives = now + wire.delay + spread;
    d->size = bytes.size;
    memcpy(d->bytes, bytes.data, bytes.size);
}

static void drain(struct end *from, struct end *to)
{
    struct ptn_stream_packet packet;
    ptn_stream_tick(from->stream, now);
    while (ptn_stream_output(from->stream, now, &packet)) {
        *(packet.rtcp ? &from->rtcp : &from->rtp) += 1;
        if (wire.no_rtp && from == &a && !packet.rtcp)
            continue;
        if (ptn_dice_unit(&dice) >= wire.loss)
            post(to, packet.bytes);
        if (ptn_dice_unit(&dice) < wire.twice)
            post(to, packet.bytes);
    }
    int16_t frame[PTN_FRAME_SAMPLES];
    while (ptn_stream_frame(from->stream, now, frame)) {
        CHECK(from->heard_count + PTN_FRAME_SAMPLES <= HEARD_MAX);
        memcpy(from->heard + from->heard_count, frame, sizeof(frame));
        from->heard_count += PTN_FRAME_SAMPLES;
    }
}

static void deliver(struct end *to)
{
    for (size_t i = 0; i < to->inbound_count;) {
        struct datagram *d = &to->inbound[i];
        if (d->arrives <= now) {
            ptn_stream_input(to->stream, now, ptn_bytes(d->bytes, d->size));
            *d = to->inbound[--to->inbound_count];
        } else {
            i++;
        }
    }
}

static ptn_time next_moment(const struct end *e)
{
    ptn_time next = ptn_stream_deadline(e->stream);
    for (size_t i = 0; i < e->inbound_count; i++)
        next = ptn_time_min(next, e->inbound[i].arrives);
    return next;
}

static void run(ptn_time span)
{
    ptn_time end = now + span;
    while (now < end) {
        deliver(&a);
        deliver(&b);
        drain(&a, &b);
        drain(&b, &a);
        now = ptn_time_min(end, ptn_time_min(next_moment(&a), next_moment(&b)));
    }
}

static struct ptn_stream_stats stats_of(const struct end *e)
{
    struct ptn_stream_stats stats;
    ptn_stream_stats(e->stream, now, &stats);
    return stats;
}

/* The last half second that `e` played. */
static struct ptn_tone_heard hear(const struct end *e)
{
    CHECK(e->heard_count >= 4000);
    return ptn_tone_hear(e->heard + e->heard_count - 4000, 4000);
}

/* How much of what `e` played was silent, counted in frames. */
static unsigned silent_frames(const struct end *e)
{
    unsigned silent = 0;
    for (size_t i = 0; i < e->heard_count; i += PTN_FRAME_SAMPLES) {
        bool any = false;
        for (size_t k = 0; k < PTN_FRAME_SAMPLES; k++)
            any = any || abs(e->heard[i + k]) > 100;
        silent += !any;
    }
    return silent;
}

TEST(both_hear_each_others_tone)
{
    set_up(&OPTS, &OPTS);
    run(PTN_S(3));

    CHECK(fabs(hear(&a).hz - 1000) < 1 && hear(&a).purity > 0.99);
    CHECK(fabs(hear(&b).hz - 440) < 1 && fabs(hear(&b).level_dbfs + 10) < 0.3);
    CHECK_EQ(150, a.rtp);
    CHECK_EQ(3 * 8000, b.heard_count);
    struct ptn_stream_stats stats = stats_of(&b);
    CHECK_EQ(0, stats.lost);
    CHECK_EQ(0, stats.late);
    CHECK_EQ(PTN_S(1000) + PTN_MS(30), stats.first_received);
    CHECK_EQ(PTN_MS(20), stats.gap_max);
    CHECK_EQ(PTN_MS(40), stats.play_delay);
    CHECK(stats.jitter < PTN_MS(1));
    /* Silent only until the first packet had come (30 ms) and waited (40 ms). */
    CHECK(silent_frames(&b) <= 4);
    tear_down();
}

TEST(each_side_may_choose_its_law_and_its_ptime)
{
    static const unsigned ptimes[] = {10, 20, 30, 40, 50, 60};
    for (size_t i = 0; i < sizeof(ptimes) / sizeof(*ptimes); i++) {
        struct ptn_stream_opts ulaw = OPTS;
        ulaw.send = (struct ptn_stream_format){PTN_CODEC_PCMU, 0};
        ulaw.ptime_ms = ptimes[i];
        set_up(&ulaw, &OPTS);
        run(PTN_S(3));
        CHECK_EQ(3000 / ptimes[i], a.rtp);
        CHECK(fabs(hear(&b).hz - 440) < 1 && hear(&b).purity > 0.99);
        CHECK(fabs(hear(&a).hz - 1000) < 1);
        CHECK_EQ(0, stats_of(&b).lost);
        CHECK(silent_frames(&b) <= 7);
        tear_down();
    }
}

TEST(loss_is_concealed_counted_and_reported_back)
{
    set_up(&OPTS, &OPTS);
    wire.loss = 0.05;
    run(PTN_S(60));

    struct ptn_stream_stats stats = stats_of(&b);
    CHECK(stats.lost > 100 && stats.lost < 200);
    CHECK(stats.lost_fraction > 0.033 && stats.lost_fraction < 0.067);
    /* One lost at the very end is not missed yet. */
    uint64_t known = stats.received_packets + (uint64_t)stats.lost + b.inbound_count;
    CHECK(known >= 2998 && known <= 3001);
    CHECK(hear(&b).purity > 0.7);
    CHECK(silent_frames(&b) < 10);
    stats = stats_of(&a);
    CHECK(stats.remote_known);
    CHECK(stats.remote_lost > 80);
    CHECK(stats.remote_lost_fraction < 0.2);
    tear_down();
}

TEST(reordered_and_doubled_packets_play_once_in_order)
{
    set_up(&OPTS, &OPTS);
    wire.delay_spread = PTN_MS(50);
    wire.twice = 0.2;
    run(PTN_S(20));

    struct ptn_stream_stats stats = stats_of(&b);
    CHECK(stats.duplicates > 120 && stats.duplicates < 280);
    CHECK(stats.lost <= 3); /* those that are overtaken just now */
    CHECK(stats.late < 30);
    CHECK(stats.play_delay > PTN_MS(40));
    CHECK(fabs(hear(&b).hz - 440) < 2 && hear(&b).purity > 0.95);
    tear_down();
}

TEST(round_trip_is_measured_by_rtcp)
{
    set_up(&OPTS, &OPTS);
    wire.delay = PTN_MS(75);
    run(PTN_S(12));
    CHECK(llabs(stats_of(&a).rtt - PTN_MS(150)) < PTN_MS(2));
    CHECK(llabs(stats_of(&b).rtt - PTN_MS(150)) < PTN_MS(2));
    CHECK(a.rtcp >= 2 && a.rtcp <= 6);
    tear_down();
}

TEST(an_end_that_only_listens_reports_too)
{
    set_up(&OPTS, &OPTS);
    ptn_stream_set_sending(b.stream, now, false);
    run(PTN_S(12));
    CHECK_EQ(0, b.rtp);
    CHECK(b.rtcp >= 2);
    CHECK(stats_of(&a).remote_known);
    CHECK(llabs(stats_of(&a).rtt - PTN_MS(60)) < PTN_MS(2));
    CHECK_EQ(PTN_NEVER, stats_of(&a).first_received);
    CHECK_EQ(PTN_NEVER, stats_of(&b).rtt); /* nobody answers an SR that was never sent */
    tear_down();
}

TEST(after_a_pause_sound_goes_on_with_a_marker_and_honest_timestamps)
{
    set_up(&OPTS, &OPTS);
    run(PTN_S(2));
    ptn_stream_set_sending(a.stream, now, false);
    run(PTN_S(3));
    struct ptn_stream_packet packet;
    struct ptn_rtp rtp;
    ptn_stream_set_sending(a.stream, now, true);
    ptn_time due = now;
    while (!ptn_stream_output(a.stream, due, &packet) || packet.rtcp)
        due += PTN_MS(1);
    CHECK_EQ(PTN_RTP_OK, ptn_rtp_decode(packet.bytes, &rtp));
    CHECK(rtp.marker);
    post(&b, packet.bytes);
    run(PTN_S(2));
    CHECK(fabs(hear(&b).hz - 440) < 1);
    CHECK_EQ(0, stats_of(&b).lost);
    CHECK(stats_of(&b).gap_max > PTN_MS(2900) && stats_of(&b).gap_max < PTN_MS(3100));
    tear_down();
}

TEST(silence_of_the_far_end_shows_as_a_gap_while_it_lasts)
{
    set_up(&OPTS, &OPTS);
    run(PTN_S(2));
    wire.no_rtp = true;
    run(PTN_S(2));
    CHECK(stats_of(&b).gap_max > PTN_MS(1900));
    CHECK_EQ(0, hear(&b).hz);
    wire.no_rtp = false;
    run(PTN_S(2));
    CHECK(fabs(hear(&b).hz - 440) < 1);
    CHECK(stats_of(&b).lost >= 98 && stats_of(&b).lost <= 102);
    tear_down();
}

TEST(an_owner_who_slept_makes_up_for_100_ms_and_leaves_out_the_rest)
{
    set_up(&OPTS, &OPTS);
    run(PTN_S(1));
    CHECK_EQ(50, a.rtp);
    now += PTN_S(1);
    drain(&a, &b);
    CHECK(a.rtp >= 55 && a.rtp <= 56);
    CHECK(a.heard_count / PTN_FRAME_SAMPLES >= 55 && a.heard_count / PTN_FRAME_SAMPLES <= 56);
    deliver(&b);
    drain(&b, &a);
    run(PTN_S(1));
    CHECK(fabs(hear(&b).hz - 440) < 1);
    CHECK_EQ(0, stats_of(&b).lost);
    tear_down();
}

static void feed(struct end *e, uint32_t ssrc, uint16_t seq, uint8_t type, const char *payload)
{
    uint8_t packet[64];
    struct ptn_writer w = ptn_writer(packet, sizeof(packet));
    ptn_rtp_encode(&w, &(struct ptn_rtp){.ssrc = ssrc,
                                         .seq = seq,
                                         .timestamp = seq * 160u,
                                         .payload_type = type,
                                         .payload = ptn_bytes_of_text(payload)});
    ptn_stream_input(e->stream, now, ptn_bytes(packet, ptn_writer_size(&w)));
}

TEST(another_source_is_believed_from_its_second_packet_on)
{
    set_up(&OPTS, &OPTS);
    feed(&b, 1, 100, 8, "x");
    feed(&b, 2, 500, 8, "x"); /* one stray packet changes nothing */
    feed(&b, 1, 101, 8, "x");
    CHECK_EQ(2, stats_of(&b).received_packets);
    CHECK_EQ(1, stats_of(&b).foreign);
    feed(&b, 2, 501, 8, "x"); /* its second in order */
    feed(&b, 2, 502, 8, "x");
    CHECK_EQ(4, stats_of(&b).received_packets);
    CHECK_EQ(0, stats_of(&b).lost);
    tear_down();
}

TEST(a_sender_that_counts_anew_is_followed)
{
    set_up(&OPTS, &OPTS);
    feed(&b, 1, 100, 8, "x");
    feed(&b, 1, 30000, 8, "x");
    CHECK_EQ(1, stats_of(&b).foreign);
    feed(&b, 1, 30001, 8, "x");
    CHECK_EQ(2, stats_of(&b).received_packets);
    CHECK_EQ(0, stats_of(&b).lost);
    tear_down();
}

TEST(what_cannot_be_played_is_counted_by_its_kind)
{
    set_up(&OPTS, &OPTS);
    feed(&b, 1, 1, 101, "dtmf");                         /* not accepted, so no source yet */
    feed(&b, ptn_stream_ssrc(b.stream), 1, 8, "mirror"); /* our own */
    CHECK_EQ(2, stats_of(&b).foreign);
    feed(&b, 1, 1, 8, "x");
    feed(&b, 1, 2, 13, "comfort noise"); /* received, so not lost, but not playable */
    feed(&b, 1, 3, 8, "");               /* an empty one keeps a mapping alive */
    CHECK_EQ(3, stats_of(&b).foreign);
    CHECK_EQ(1, stats_of(&b).received_packets);
    CHECK_EQ(0, stats_of(&b).lost);
    ptn_stream_input(b.stream, now, ptn_bytes_of_text("garbage that is long enough"));
    ptn_stream_input(b.stream, now, ptn_bytes("\x80\xc8\x00\x01", 4)); /* half an SR */
    ptn_stream_input(b.stream, now, ptn_bytes("", 0));
    CHECK_EQ(3, stats_of(&b).malformed);
    tear_down();
}

TEST(a_stopped_stream_says_bye_once_and_is_silent)
{
    set_up(&OPTS, &OPTS);
    run(PTN_S(1));
    ptn_stream_stop(a.stream, now);
    CHECK_EQ(now, ptn_stream_deadline(a.stream));
    unsigned rtcp = a.rtcp, rtp = a.rtp;
    run(PTN_S(1));
    CHECK_EQ(rtcp + 1, a.rtcp);
    CHECK_EQ(rtp, a.rtp);
    CHECK_EQ(PTN_NEVER, ptn_stream_deadline(a.stream));
    CHECK(stats_of(&b).remote_bye);
    CHECK_EQ(8000, a.heard_count);
    struct ptn_stream_stats before = stats_of(&a);
    run(PTN_S(1));
    CHECK_EQ(before.gap_max, stats_of(&a).gap_max);
    CHECK_EQ(before.received_packets, stats_of(&a).received_packets);
    tear_down();
}

TEST(before_the_start_nothing_is_due)
{
    struct ptn_stream *s = new_stream(&OPTS, 440, 1);
    struct ptn_stream_packet packet;
    int16_t frame[PTN_FRAME_SAMPLES];

    ptn_stream_tick(s, PTN_S(5));
    CHECK_EQ(PTN_NEVER, ptn_stream_deadline(s));
    CHECK(!ptn_stream_output(s, PTN_S(5), &packet));
    CHECK(!ptn_stream_frame(s, PTN_S(5), frame));
    ptn_stream_stop(s, PTN_S(6)); /* never began: no BYE */
    CHECK(!ptn_stream_output(s, PTN_S(6), &packet));
    ptn_stream_free(s);
    ptn_stream_free(NULL);
}

TEST(only_ptimes_of_whole_tens_from_10_to_60_are_sent)
{
    CHECK(!ptn_stream_ptime_ok(0) && ptn_stream_ptime_ok(10) && ptn_stream_ptime_ok(60));
    CHECK(!ptn_stream_ptime_ok(70) && !ptn_stream_ptime_ok(25));
}

TEST(new_formats_take_effect_with_the_next_packet)
{
    set_up(&OPTS, &OPTS);
    run(PTN_S(1));
    struct ptn_stream_opts changed = OPTS;
    changed.send = (struct ptn_stream_format){PTN_CODEC_PCMU, 0};
    changed.ptime_ms = 40;
    ptn_stream_set_formats(a.stream, &changed);
    struct ptn_source source = ptn_source_tone(700, -10);
    ptn_stream_set_source(a.stream, &source);
    unsigned before = a.rtp;
    run(PTN_S(2));
    CHECK_EQ(50, a.rtp - before);
    CHECK(fabs(hear(&b).hz - 700) < 1);
    CHECK_EQ(0, stats_of(&b).lost);
    tear_down();
}
