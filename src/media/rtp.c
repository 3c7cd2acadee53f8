/*
 * media/rtp.c - the RTP header, read and written.
 *
 *     0                   1                   2                   3
 *     |V=2|P|X|  CC   |M|     PT      |       sequence number         |
 *     |                           timestamp                           |
 *     |                             SSRC                              |
 *     |                    CSRC, CC times, 0 to 15                    |
 *     |      extension profile        |  length in words  | words …   |
 *     |                    payload …            | padding … | count   |
 */
#include "media/rtp.h"

#include <assert.h>

#define VERSION_BITS 0x80
#define PADDING_BIT 0x20
#define EXTENSION_BIT 0x10
#define MARKER_BIT 0x80

static enum ptn_rtp_verdict decode_padding(struct ptn_rtp *rtp)
{
    if (rtp->payload.size == 0)
        return PTN_RTP_BAD_PADDING;
    rtp->padding_bytes = rtp->payload.data[rtp->payload.size - 1];
    if (rtp->padding_bytes == 0 || rtp->padding_bytes > rtp->payload.size)
        return PTN_RTP_BAD_PADDING;
    rtp->payload.size -= rtp->padding_bytes;
    return PTN_RTP_OK;
}

enum ptn_rtp_verdict ptn_rtp_decode(struct ptn_bytes packet, struct ptn_rtp *rtp)
{
    struct ptn_reader r = ptn_reader(packet);
    uint8_t first = ptn_read_u8(&r);
    uint8_t second = ptn_read_u8(&r);

    *rtp = (struct ptn_rtp){
        .payload_type = second & 0x7f,
        .marker = (second & MARKER_BIT) != 0,
        .csrc_count = first & 0x0f,
        .has_extension = (first & EXTENSION_BIT) != 0,
    };
    rtp->seq = ptn_read_u16(&r);
    rtp->timestamp = ptn_read_u32(&r);
    rtp->ssrc = ptn_read_u32(&r);
    for (unsigned i = 0; i < rtp->csrc_count; i++)
        rtp->csrc[i] = ptn_read_u32(&r);
    if (rtp->has_extension) {
        rtp->extension_profile = ptn_read_u16(&r);
        size_t words = ptn_read_u16(&r);
        rtp->extension = ptn_read(&r, words * 4);
    }
    rtp->payload = ptn_read(&r, ptn_reader_left(&r));

    if (packet.size > 0 && (first & 0xc0) != VERSION_BITS)
        return PTN_RTP_BAD_VERSION;
    if (second >= 192 && second <= 223)
        return PTN_RTP_IS_RTCP; /* even if too short for RTP: an empty RR has 8 bytes */
    if (r.bad)
        return PTN_RTP_TRUNCATED;
    return first & PADDING_BIT ? decode_padding(rtp) : PTN_RTP_OK;
}

void ptn_rtp_encode(struct ptn_writer *w, const struct ptn_rtp *rtp)
{
    assert(rtp->payload_type <= 127);
    assert(rtp->csrc_count <= PTN_RTP_CSRC_MAX);
    assert(rtp->extension.size % 4 == 0 && rtp->extension.size / 4 <= UINT16_MAX);

    ptn_write_u8(w, (uint8_t)(VERSION_BITS | (rtp->padding_bytes ? PADDING_BIT : 0) |
                              (rtp->has_extension ? EXTENSION_BIT : 0) | rtp->csrc_count));
    ptn_write_u8(w, (uint8_t)((rtp->marker ? MARKER_BIT : 0) | rtp->payload_type));
    ptn_write_u16(w, rtp->seq);
    ptn_write_u32(w, rtp->timestamp);
    ptn_write_u32(w, rtp->ssrc);
    for (unsigned i = 0; i < rtp->csrc_count; i++)
        ptn_write_u32(w, rtp->csrc[i]);
    if (rtp->has_extension) {
        ptn_write_u16(w, rtp->extension_profile);
        ptn_write_u16(w, (uint16_t)(rtp->extension.size / 4));
        ptn_write(w, rtp->extension);
    }
    ptn_write(w, rtp->payload);
    if (rtp->padding_bytes) {
        ptn_write_zeros(w, rtp->padding_bytes - 1u);
        ptn_write_u8(w, rtp->padding_bytes);
    }
}
