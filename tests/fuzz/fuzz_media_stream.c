/*
 * A stream's life as the input tells it, in steps: a byte says what happens, the
 * next ones how. Packets are made from few bytes, so that sequences of valid
 * ones are found; step 7 feeds raw bytes.
 */
#include <stdlib.h>

#include "base/cursor.h"
#include "media/rtcp.h"
#include "media/rtp.h"
#include "media/stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t payload[1200];

static void feed_rtp(struct ptn_stream *s, ptn_time now, struct ptn_reader *r)
{
    uint8_t packet[1400];
    struct ptn_writer w = ptn_writer(packet, sizeof(packet));
    uint8_t kind = ptn_read_u8(r);
    ptn_rtp_encode(&w, &(struct ptn_rtp){
                           .payload_type = kind & 1   ? 8
                                           : kind & 2 ? 0
                                                      : 101,
                           .ssrc = kind >> 2 & 3 ? 1 : ptn_read_u8(r),
                           .seq = ptn_read_u16(r),
                           .timestamp = (uint32_t)ptn_read_u16(r) * 80,
                           .payload = ptn_bytes(payload, ptn_read_u8(r) * (size_t)4),
                       });
    ptn_stream_input(s, now, ptn_bytes(packet, ptn_writer_size(&w)));
}

static void feed_rtcp(struct ptn_stream *s, ptn_time now, struct ptn_reader *r)
{
    uint8_t packet[200];
    struct ptn_writer w = ptn_writer(packet, sizeof(packet));
    struct ptn_rtcp_sender sender = {.ntp = (uint64_t)ptn_read_u32(r) << 16};
    struct ptn_rtcp_report report = {
        .ssrc = ptn_stream_ssrc(s), .last_sr = ptn_read_u32(r), .delay = ptn_read_u32(r)};
    ptn_rtcp_write_sr(&w, 1, &sender, &report, 1);
    ptn_stream_input(s, now, ptn_bytes(packet, ptn_writer_size(&w)));
}

static void drain(struct ptn_stream *s, ptn_time now)
{
    struct ptn_stream_packet packet;
    struct ptn_rtp rtp;
    struct ptn_rtcp_reader reader;
    int16_t frame[PTN_FRAME_SAMPLES];
    unsigned count = 0;

    ptn_stream_tick(s, now);
    while (ptn_stream_output(s, now, &packet)) {
        if (packet.rtcp ? ptn_rtcp_open(&reader, packet.bytes) != PTN_RTCP_OK
                        : ptn_rtp_decode(packet.bytes, &rtp) != PTN_RTP_OK)
            abort();
        count++;
    }
    while (ptn_stream_frame(s, now, frame))
        count++;
    if (count > 30 || ptn_stream_deadline(s) <= now)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ptn_stream_opts opts = {
        .send = {PTN_CODEC_PCMU, 0},
        .accept = {{PTN_CODEC_PCMU, 0}, {PTN_CODEC_PCMA, 8}},
        .accept_count = 2,
        .ptime_ms = 20,
        .cname = "fuzz",
        .source = ptn_source_tone(440, -10),
        .dice = ptn_dice_seeded(1),
    };
    struct ptn_stream *s = ptn_stream_new(&opts);
    if (!s)
        abort();
    struct ptn_reader r = ptn_reader(ptn_bytes(data, size));
    ptn_time now = PTN_S(1);

    ptn_stream_start(s, now);
    for (unsigned steps = 0; ptn_reader_left(&r) > 0 && steps < 2000; steps++) {
        switch (ptn_read_u8(&r) % 8) {
        case 0: now += PTN_MS(ptn_read_u8(&r)); break;
        case 1: now += PTN_MS(20); break;
        case 2:
        case 3: feed_rtp(s, now, &r); break;
        case 4: feed_rtcp(s, now, &r); break;
        case 5: ptn_stream_set_sending(s, now, ptn_read_u8(&r) & 1); break;
        case 6:
            opts.ptime_ms = 10 + 10 * (ptn_read_u8(&r) % 6u);
            ptn_stream_set_formats(s, &opts);
            break;
        case 7: ptn_stream_input(s, now, ptn_read(&r, ptn_read_u8(&r))); break;
        }
        drain(s, now);
    }
    struct ptn_stream_stats stats;
    ptn_stream_stop(s, now);
    drain(s, now);
    ptn_stream_stats(s, now, &stats);
    ptn_stream_free(s);
    return 0;
}
