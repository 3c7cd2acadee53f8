/*
 * media/stream.c - the clocks of a call's sound, and what hangs on each.
 *
 *     send_due   every ptime     source -> codec -> RTP packet
 *     play_due   every 20 ms     jitter buffer -> codec or concealment -> frame
 *     rtcp_due   about every 5 s SR or RR, CNAME
 *
 * The clocks advance by their period, never "from now", so that neither the
 * sound nor its timestamps drift however late the owner wakes.
 */
#include "media/stream.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "media/conceal.h"
#include "media/jitter.h"
#include "media/reception.h"

#define PTIME_MAX_MS 60
#define SAMPLES_PER_MS (PTN_PCM_RATE / 1000)
#define BACKLOG_MAX PTN_MS(100)
#define PACKET_BYTES_MAX (PTN_RTP_HEADER_BYTES + PTIME_MAX_MS * SAMPLES_PER_MS)
/* NTP time of the start: with 0, the first SR would look like "no SR yet" in the answer to it. */
#define NTP_START PTN_S(1)

struct candidate {
    bool set;
    uint32_t ssrc;
    uint16_t seq;
};

struct receiver {
    bool known; /* `reception` has a source */
    struct ptn_reception reception;
    struct candidate candidate;                /* who else, or where else, the source may be */
    uint64_t expected_before, received_before; /* of former sources */
    struct ptn_jitter jitter;
    struct ptn_conceal conceal;
    int16_t pcm[PTN_FRAME_SAMPLES + PTN_JITTER_PAYLOAD_MAX]; /* decoded, not yet in a frame */
    size_t pcm_count;
};

struct sender {
    bool sending;
    bool marker; /* the next packet begins a talkspurt */
    uint32_t ssrc;
    uint16_t seq;
    uint32_t timestamp; /* of the start */
};

struct reports {
    unsigned sent;
    uint32_t last_sr; /* of the far end; 0 is none */
    ptn_time last_sr_at;
};

struct ptn_stream {
    struct ptn_stream_opts opts;
    char cname[PTN_STREAM_CNAME_MAX + 1];
    struct ptn_dice dice;
    ptn_time start, stop; /* PTN_NEVER before */
    ptn_time send_due, play_due, rtcp_due;
    bool bye_due;
    struct sender sender;
    struct receiver receiver;
    struct reports reports;
    struct ptn_stream_stats stats; /* what is counted as it happens */
    uint8_t packet[PTN_STREAM_ROOM + PACKET_BYTES_MAX];
};

bool ptn_stream_ptime_ok(unsigned ptime_ms)
{
    return ptime_ms >= 10 && ptime_ms <= PTIME_MAX_MS && ptime_ms % 10 == 0;
}

static void check_formats(const struct ptn_stream_opts *opts)
{
    assert(ptn_stream_ptime_ok(opts->ptime_ms));
    assert(opts->send.codec < PTN_CODEC_COUNT);
    assert(opts->accept_count <= PTN_STREAM_FORMATS_MAX);
    (void)opts;
}

struct ptn_stream *ptn_stream_new(const struct ptn_stream_opts *opts)
{
    check_formats(opts);
    struct ptn_stream *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;

    s->opts = *opts;
    snprintf(s->cname, sizeof(s->cname), "%s", opts->cname);
    s->opts.cname = s->cname;
    s->dice = opts->dice;
    s->start = s->stop = s->send_due = s->play_due = s->rtcp_due = PTN_NEVER;
    s->sender = (struct sender){
        .sending = true,
        .marker = true,
        .ssrc = (uint32_t)ptn_dice_u64(&s->dice),
        .seq = (uint16_t)ptn_dice_u64(&s->dice),
        .timestamp = (uint32_t)ptn_dice_u64(&s->dice),
    };
    ptn_jitter_init(&s->receiver.jitter,
                    &(struct ptn_jitter_opts){
                        .delay_min = opts->delay_min ? opts->delay_min : PTN_MS(40),
                        .delay_max = opts->delay_max ? opts->delay_max : PTN_MS(200),
                    });
    s->stats.first_received = s->stats.last_received = s->stats.rtt = PTN_NEVER;
    return s;
}

void ptn_stream_free(struct ptn_stream *s)
{
    free(s);
}

static bool is_running(const struct ptn_stream *s)
{
    return s->start != PTN_NEVER && s->stop == PTN_NEVER;
}

void ptn_stream_start(struct ptn_stream *s, ptn_time now)
{
    if (s->start != PTN_NEVER)
        return;
    s->start = s->send_due = s->play_due = s->rtcp_due = now;
}

void ptn_stream_stop(struct ptn_stream *s, ptn_time now)
{
    if (!is_running(s))
        return;
    s->stop = now;
    s->send_due = s->play_due = s->rtcp_due = PTN_NEVER;
    s->bye_due = s->reports.sent > 0; /* who never reported says no BYE either (§6.3.7) */
}

void ptn_stream_set_sending(struct ptn_stream *s, ptn_time now, bool sending)
{
    ptn_stream_tick(s, now);
    if (sending && !s->sender.sending)
        s->sender.marker = true;
    s->sender.sending = sending;
}

void ptn_stream_set_source(struct ptn_stream *s, const struct ptn_source *source)
{
    s->opts.source = *source;
}

void ptn_stream_set_formats(struct ptn_stream *s, const struct ptn_stream_opts *opts)
{
    check_formats(opts);
    s->opts.send = opts->send;
    memcpy(s->opts.accept, opts->accept, sizeof(s->opts.accept));
    s->opts.accept_count = opts->accept_count;
    s->opts.ptime_ms = opts->ptime_ms;
}

/* ---- receiving ---- */

static enum ptn_codec accepted_codec(const struct ptn_stream *s, uint8_t payload_type)
{
    for (unsigned i = 0; i < s->opts.accept_count; i++)
        if (s->opts.accept[i].payload_type == payload_type)
            return s->opts.accept[i].codec;
    return PTN_CODEC_COUNT;
}

static void take_source(struct ptn_stream *s, ptn_time now, const struct ptn_rtp *rtp)
{
    struct receiver *r = &s->receiver;
    if (r->known) {
        r->expected_before += ptn_reception_expected(&r->reception);
        r->received_before += r->reception.received;
        if (rtp->ssrc != r->reception.ssrc)
            s->reports.last_sr = 0;
    }
    r->known = true;
    r->candidate.set = false;
    ptn_reception_start(&r->reception, now, rtp, PTN_PCM_RATE);
    ptn_jitter_reset(&r->jitter);
}

/* A second packet in order proves that a new source, or a new count of the old one, is meant. */
static bool is_proven(struct receiver *r, const struct ptn_rtp *rtp)
{
    bool proven = r->candidate.set && r->candidate.ssrc == rtp->ssrc &&
                  (uint16_t)(r->candidate.seq + 1) == rtp->seq;
    r->candidate = (struct candidate){true, rtp->ssrc, rtp->seq};
    return proven;
}

/* Whether `rtp` is of the one we listen to, who may be new. */
static bool is_source(struct ptn_stream *s, ptn_time now, const struct ptn_rtp *rtp)
{
    struct receiver *r = &s->receiver;
    /* Our own packets, sent back by a confused box: nobody wants to hear himself. */
    if (rtp->ssrc == s->sender.ssrc)
        return false;
    if (r->known && rtp->ssrc == r->reception.ssrc)
        return true;
    if (accepted_codec(s, rtp->payload_type) == PTN_CODEC_COUNT)
        return false;
    if (r->known && !is_proven(r, rtp))
        return false;
    take_source(s, now, rtp);
    return true;
}

static enum ptn_reception_verdict count_arrival(struct ptn_stream *s, ptn_time now,
                                                const struct ptn_rtp *rtp)
{
    struct receiver *r = &s->receiver;
    enum ptn_reception_verdict verdict = ptn_reception_put(&r->reception, now, rtp, PTN_PCM_RATE);
    if (verdict == PTN_RECEPTION_STRAY && is_proven(r, rtp)) {
        take_source(s, now, rtp);
        verdict = ptn_reception_put(&r->reception, now, rtp, PTN_PCM_RATE);
    }
    if (verdict == PTN_RECEPTION_DUPLICATE)
        s->stats.duplicates++;
    else if (verdict == PTN_RECEPTION_STRAY)
        s->stats.foreign++;
    return verdict;
}

static void note_arrival(struct ptn_stream *s, ptn_time now, const struct ptn_rtp *rtp)
{
    struct ptn_stream_stats *stats = &s->stats;
    stats->received_packets++;
    stats->received_bytes += rtp->payload.size;
    if (stats->first_received == PTN_NEVER)
        stats->first_received = now;
    else
        stats->gap_max = ptn_time_max(stats->gap_max, now - stats->last_received);
    stats->last_received = now;
}

static void input_rtp(struct ptn_stream *s, ptn_time now, const struct ptn_rtp *rtp)
{
    if (!is_source(s, now, rtp)) {
        s->stats.foreign++;
        return;
    }
    if (count_arrival(s, now, rtp) != PTN_RECEPTION_NEW)
        return;
    enum ptn_codec codec = accepted_codec(s, rtp->payload_type);
    if (codec == PTN_CODEC_COUNT) {
        s->stats.foreign++;
        return;
    }
    size_t samples = ptn_codec_samples(codec, rtp->payload);
    if (samples == 0)
        return; /* sent to keep a NAT's mapping alive, RFC 6263 §4.1 */
    note_arrival(s, now, rtp);
    switch (ptn_jitter_put(&s->receiver.jitter, now, rtp, codec, (unsigned)samples)) {
    case PTN_JITTER_KEPT: break;
    case PTN_JITTER_DUPLICATE: s->stats.duplicates++; break;
    case PTN_JITTER_LATE: s->stats.late++; break;
    case PTN_JITTER_TOO_BIG: s->stats.malformed++; break;
    }
}

static uint64_t ntp_at(const struct ptn_stream *s, ptn_time now)
{
    return ptn_rtcp_ntp(now - s->start + NTP_START);
}

static void read_reports(struct ptn_stream *s, ptn_time now, const struct ptn_rtcp_packet *packet)
{
    for (unsigned i = 0; i < packet->report_count; i++) {
        const struct ptn_rtcp_report *report = &packet->reports[i];
        if (report->ssrc != s->sender.ssrc)
            continue;
        s->stats.remote_known = true;
        s->stats.remote_lost = report->lost;
        s->stats.remote_lost_fraction = report->fraction_lost / 256.0;
        s->stats.remote_jitter = PTN_PCM_SPAN(report->jitter);
        ptn_time rtt = ptn_rtcp_round_trip(ntp_at(s, now), report);
        if (rtt != PTN_NEVER)
            s->stats.rtt = rtt;
    }
}

static void input_rtcp(struct ptn_stream *s, ptn_time now, struct ptn_bytes compound)
{
    struct ptn_rtcp_reader reader;
    if (ptn_rtcp_open(&reader, compound) != PTN_RTCP_OK) {
        s->stats.malformed++;
        return;
    }
    s->stats.rtcp_received++;
    for (struct ptn_rtcp_packet packet; ptn_rtcp_next(&reader, &packet);) {
        bool ours = !s->receiver.known || packet.ssrc == s->receiver.reception.ssrc;
        if (packet.type == PTN_RTCP_SR && ours) {
            s->reports.last_sr = ptn_rtcp_ntp_middle(packet.sender.ntp);
            s->reports.last_sr_at = now;
        }
        read_reports(s, now, &packet);
        if (packet.type == PTN_RTCP_BYE)
            s->stats.remote_bye = true;
    }
}

void ptn_stream_input(struct ptn_stream *s, ptn_time now, struct ptn_bytes datagram)
{
    if (!is_running(s))
        return;
    struct ptn_rtp rtp;
    switch (ptn_rtp_decode(datagram, &rtp)) {
    case PTN_RTP_OK: input_rtp(s, now, &rtp); break;
    case PTN_RTP_IS_RTCP: input_rtcp(s, now, datagram); break;
    case PTN_RTP_TRUNCATED:
    case PTN_RTP_BAD_VERSION:
    case PTN_RTP_BAD_PADDING: s->stats.malformed++; break;
    }
}

/* ---- playing ---- */

static void decode(struct receiver *r, const struct ptn_jitter_item *item)
{
    int16_t *pcm = r->pcm + r->pcm_count;
    ptn_codec_decode(item->codec, item->payload, pcm);
    size_t samples = item->samples - item->skip;
    memmove(pcm, pcm + item->skip, samples * sizeof(*pcm));
    ptn_conceal_hear(&r->conceal, pcm, samples);
    r->pcm_count += samples;
}

static void make_up(struct receiver *r, size_t samples)
{
    ptn_conceal_fill(&r->conceal, r->pcm + r->pcm_count, samples);
    r->pcm_count += samples;
}

bool ptn_stream_frame(struct ptn_stream *s, ptn_time now, int16_t pcm[static PTN_FRAME_SAMPLES])
{
    struct receiver *r = &s->receiver;
    if (s->play_due > now)
        return false;

    while (r->pcm_count < PTN_FRAME_SAMPLES) {
        struct ptn_jitter_item item;
        switch (ptn_jitter_take(&r->jitter, s->play_due, &item)) {
        case PTN_JITTER_SOUND: decode(r, &item); break;
        case PTN_JITTER_GAP: make_up(r, item.samples); break;
        case PTN_JITTER_DRY:
        case PTN_JITTER_NOTHING: make_up(r, PTN_FRAME_SAMPLES - r->pcm_count); break;
        }
    }
    memcpy(pcm, r->pcm, PTN_FRAME_SAMPLES * sizeof(*pcm));
    r->pcm_count -= PTN_FRAME_SAMPLES;
    memmove(r->pcm, r->pcm + PTN_FRAME_SAMPLES, r->pcm_count * sizeof(*pcm));
    s->play_due += PTN_FRAME_SPAN;
    return true;
}

/* ---- sending ---- */

static uint32_t timestamp_at(const struct ptn_stream *s, ptn_time t)
{
    return s->sender.timestamp + (uint32_t)PTN_PCM_SAMPLES(t - s->start);
}

static struct ptn_bytes make_rtp(struct ptn_stream *s)
{
    int16_t pcm[PTIME_MAX_MS * SAMPLES_PER_MS];
    uint8_t payload[PTIME_MAX_MS * SAMPLES_PER_MS];
    size_t samples = s->opts.ptime_ms * SAMPLES_PER_MS;
    ptn_source_read(&s->opts.source, pcm, samples);
    size_t size = ptn_codec_encode(s->opts.send.codec, pcm, samples, payload);

    struct ptn_writer w = ptn_writer(s->packet + PTN_STREAM_ROOM, PACKET_BYTES_MAX);
    ptn_rtp_encode(&w, &(struct ptn_rtp){
                           .payload_type = s->opts.send.payload_type,
                           .marker = s->sender.marker,
                           .seq = s->sender.seq++,
                           .timestamp = timestamp_at(s, s->send_due),
                           .ssrc = s->sender.ssrc,
                           .payload = ptn_bytes(payload, size),
                       });
    s->sender.marker = false;
    s->stats.sent_packets++;
    s->stats.sent_bytes += size;
    return ptn_bytes(s->packet + PTN_STREAM_ROOM, ptn_writer_size(&w));
}

static struct ptn_bytes make_rtcp(struct ptn_stream *s, ptn_time now, bool bye)
{
    struct ptn_writer w = ptn_writer(s->packet + PTN_STREAM_ROOM, PACKET_BYTES_MAX);
    struct ptn_rtcp_report report;
    unsigned count = s->receiver.known ? 1 : 0;
    if (count > 0) {
        report = ptn_reception_report(&s->receiver.reception);
        report.last_sr = s->reports.last_sr;
        if (report.last_sr)
            report.delay = ptn_rtcp_ntp_middle(ptn_rtcp_ntp(now - s->reports.last_sr_at));
    }
    if (s->sender.sending && s->stats.sent_packets > 0) {
        struct ptn_rtcp_sender sender = {
            .ntp = ntp_at(s, now),
            .timestamp = timestamp_at(s, now),
            .packets = (uint32_t)s->stats.sent_packets,
            .bytes = (uint32_t)s->stats.sent_bytes,
        };
        ptn_rtcp_write_sr(&w, s->sender.ssrc, &sender, &report, count);
    } else {
        ptn_rtcp_write_rr(&w, s->sender.ssrc, &report, count);
    }
    ptn_rtcp_write_cname(&w, s->sender.ssrc, s->cname);
    if (bye)
        ptn_rtcp_write_bye(&w, s->sender.ssrc);
    assert(!w.bad);
    s->reports.sent++;
    s->stats.rtcp_sent++;
    return ptn_bytes(s->packet + PTN_STREAM_ROOM, ptn_writer_size(&w));
}

/* The first `due` plus whole periods that is at or after `bound`. */
static ptn_time skip_until(ptn_time due, ptn_time period, ptn_time bound)
{
    return due >= bound ? due : due + (bound - due + period - 1) / period * period;
}

void ptn_stream_tick(struct ptn_stream *s, ptn_time now)
{
    if (!is_running(s))
        return;
    ptn_time ptime = PTN_MS(s->opts.ptime_ms);
    if (!s->sender.sending)
        s->send_due = skip_until(s->send_due, ptime, now + 1);
    s->send_due = skip_until(s->send_due, ptime, now - BACKLOG_MAX);
    s->play_due = skip_until(s->play_due, PTN_FRAME_SPAN, now - BACKLOG_MAX);
}

bool ptn_stream_output(struct ptn_stream *s, ptn_time now, struct ptn_stream_packet *packet)
{
    if (s->sender.sending && s->send_due <= now) {
        *packet = (struct ptn_stream_packet){.bytes = make_rtp(s), .room = s->packet};
        s->send_due += PTN_MS(s->opts.ptime_ms);
        return true;
    }
    if (s->rtcp_due <= now) {
        *packet = (struct ptn_stream_packet){
            .rtcp = true, .bytes = make_rtcp(s, now, false), .room = s->packet};
        s->rtcp_due = now + ptn_rtcp_interval(&s->dice, s->reports.sent == 1);
        return true;
    }
    if (s->bye_due) {
        *packet = (struct ptn_stream_packet){
            .rtcp = true, .bytes = make_rtcp(s, now, true), .room = s->packet};
        s->bye_due = false;
        return true;
    }
    return false;
}

ptn_time ptn_stream_deadline(const struct ptn_stream *s)
{
    if (s->bye_due)
        return s->stop;
    return ptn_time_min(s->send_due, ptn_time_min(s->play_due, s->rtcp_due));
}

uint32_t ptn_stream_ssrc(const struct ptn_stream *s)
{
    return s->sender.ssrc;
}

void ptn_stream_stats(const struct ptn_stream *s, ptn_time now, struct ptn_stream_stats *stats)
{
    const struct receiver *r = &s->receiver;
    *stats = s->stats;
    stats->play_delay = ptn_jitter_delay(&r->jitter);
    if (!r->known)
        return;
    uint64_t expected = r->expected_before + ptn_reception_expected(&r->reception);
    stats->lost = (int64_t)(expected - r->received_before - r->reception.received);
    stats->lost_fraction = stats->lost > 0 ? (double)stats->lost / (double)expected : 0;
    stats->jitter = (ptn_time)(r->reception.jitter * PTN_PCM_SPAN(1));
    stats->gap_max =
        ptn_time_max(stats->gap_max, ptn_time_min(now, s->stop) - stats->last_received);
}
