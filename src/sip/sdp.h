/*
 * sip/sdp.h - a session description as a value: parsed from bytes, printed to bytes.
 *
 * What the phone decides about media it decides on this value, so that neither ua
 * nor media needs a parser. Lines and attributes not named here are ignored when
 * parsed and never printed. Media lines keep their order and their number: an answer
 * has one for each of the offer's, with port 0 where it refuses.
 *
 * RFC 8866 (SDP), RFC 3264 (offer and answer), RFC 3605 (a=rtcp), RFC 8839 (ICE, as text).
 */
#ifndef PTN_SIP_SDP_H
#define PTN_SIP_SDP_H

#include "base/addr.h"
#include "base/bytes.h"
#include "base/cursor.h"

enum {
    PTN_SDP_MEDIA_MAX = 4,   /* a description with more media lines is TOO_BIG */
    PTN_SDP_CODECS_MAX = 16, /* of one line; later ones are left out */
    PTN_SDP_ICE_MAX = 2047,  /* bytes of ICE's lines; those that find no room are left out */
};

enum ptn_sdp_direction {
    PTN_SDP_SENDRECV,
    PTN_SDP_SENDONLY,
    PTN_SDP_RECVONLY,
    PTN_SDP_INACTIVE,
};

enum ptn_sdp_verdict {
    PTN_SDP_OK,
    PTN_SDP_MALFORMED,
    PTN_SDP_TOO_BIG, /* more media lines, or longer words, than the value holds */
};

struct ptn_sdp_codec {
    uint8_t payload_type;
    uint8_t channels; /* at least 1 */
    uint32_t rate_hz; /* the RTP clock */
    char name[24];    /* as in rtpmap; static payload types without one get RFC 3551's */
    char params[104]; /* a=fmtp, "" without */
};

struct ptn_sdp_media {
    char kind[12];                    /* "audio", "video", … */
    char proto[24];                   /* "RTP/AVP", … */
    struct ptn_addr rtp;              /* none: named by host name; port 0: refused or ended */
    struct ptn_addr rtcp;             /* a=rtcp, else rtp's next port; none with port 0 */
    enum ptn_sdp_direction direction; /* the writer's view: sendonly means he only sends */
    unsigned ptime_ms;                /* 0: not said */
    unsigned codec_count;
    struct ptn_sdp_codec codecs[PTN_SDP_CODECS_MAX];
};

struct ptn_sdp {
    uint64_t id;           /* o=: chosen once a call by the writer */
    uint64_t version;      /* o=: one more with each change */
    struct ptn_addr owner; /* o= and the session's c=; its port means nothing */
    unsigned media_count;
    struct ptn_sdp_media media[PTN_SDP_MEDIA_MAX];
    /* What is said of ICE (RFC 8839) for the session and, behind it, for the first media line that
     * has such lines: attributes without "a=", each with a newline. ice/words.h reads and writes
     * them. "": nothing. */
    unsigned ice_media;
    char ice[PTN_SDP_ICE_MAX + 1];
};

/* `out` is whole on PTN_SDP_OK and zero otherwise. A connection address 0.0.0.0 (the hold of
 * RFC 2543) is kept as the unspecified address. */
enum ptn_sdp_verdict ptn_sdp_parse(struct ptn_bytes text, struct ptn_sdp *out);

/* Appends; `w` turns bad when there is no room. a=rtcp is printed for every line with a port,
 * with its address where that differs from the line's. */
void ptn_sdp_print(const struct ptn_sdp *sdp, struct ptn_writer *w);

/* The direction seen from the other end: sendonly and recvonly change places. */
enum ptn_sdp_direction ptn_sdp_direction_reversed(enum ptn_sdp_direction d);

/* Names compare without case, as rtpmap's do. NULL when the line has no such codec. */
const struct ptn_sdp_codec *ptn_sdp_find_codec(const struct ptn_sdp_media *media, const char *name,
                                               uint32_t rate_hz);

#endif
