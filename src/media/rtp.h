/*
 * media/rtp.h - one RTP packet as bytes and as a struct (RFC 3550 §5.1).
 *
 * Decoding copies nothing: payload and extension point into the packet.
 */
#ifndef PTN_MEDIA_RTP_H
#define PTN_MEDIA_RTP_H

#include "base/cursor.h"

#define PTN_RTP_HEADER_BYTES 12
#define PTN_RTP_CSRC_MAX 15

struct ptn_rtp {
    uint8_t payload_type; /* 0 to 127 */
    bool marker;
    uint16_t seq;
    uint32_t timestamp;
    uint32_t ssrc;
    uint8_t csrc_count;
    uint32_t csrc[PTN_RTP_CSRC_MAX];
    bool has_extension;
    uint16_t extension_profile;
    struct ptn_bytes extension; /* a multiple of four bytes */
    uint8_t padding_bytes;      /* behind the payload, the count itself included; 0 is none */
    struct ptn_bytes payload;
};

enum ptn_rtp_verdict {
    PTN_RTP_OK,
    PTN_RTP_TRUNCATED,   /* ends within header, CSRC list or extension */
    PTN_RTP_BAD_VERSION, /* not 2 */
    PTN_RTP_BAD_PADDING, /* the pad count is 0 or reaches into the header */
    PTN_RTP_IS_RTCP,     /* the second byte is an RTCP type, RFC 5761 §4 */
};

/* `rtp` is whole only with PTN_RTP_OK. */
enum ptn_rtp_verdict ptn_rtp_decode(struct ptn_bytes packet, struct ptn_rtp *rtp);

/* Writes what decode reads; turns the writer bad when the packet does not fit. */
void ptn_rtp_encode(struct ptn_writer *w, const struct ptn_rtp *rtp);

#endif
