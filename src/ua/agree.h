/*
 * ua/agree.h - what two session descriptions agree on.
 *
 * Writes our offer and our answer, reads theirs. One line of audio is used; an
 * answer refuses all others. Addresses come from outside, by way of `reach`.
 *
 * RFC 3264.
 */
#ifndef PTN_UA_AGREE_H
#define PTN_UA_AGREE_H

#include "media/stream.h"
#include "sip/sdp.h"

/* What we bring. */
struct ptn_agree_ours {
    uint64_t id, version;
    struct ptn_addr rtp, rtcp;
    enum ptn_codec codecs[PTN_CODEC_COUNT]; /* best first */
    unsigned codec_count;
    unsigned ptime_ms;
    enum ptn_sdp_direction direction;
};

/* What comes of it. */
struct ptn_agreed {
    struct ptn_addr rtp, rtcp; /* where they wish to receive; none: nowhere now */
    struct ptn_stream_format send;
    struct ptn_stream_format accept[PTN_STREAM_FORMATS_MAX];
    unsigned accept_count;
    unsigned ptime_ms;
    bool we_send, we_receive;
    bool held_there; /* they do not wish to hear us now */
};

void ptn_agree_offer(const struct ptn_agree_ours *ours, struct ptn_sdp *offer);

/* False when no line of `offer` can be taken: 488. The offerer's first codec that is ours wins. */
bool ptn_agree_answer(const struct ptn_agree_ours *ours, const struct ptn_sdp *offer,
                      struct ptn_sdp *answer, struct ptn_agreed *out);

/* Reads the answer to an offer of ours. False when it refuses or has nothing of ours. */
bool ptn_agree_read_answer(const struct ptn_agree_ours *ours, const struct ptn_sdp *answer,
                           struct ptn_agreed *out);

/* Where the other side of `offer` wishes to receive sound; none when it has no usable line. */
struct ptn_addr ptn_agree_their_rtp(const struct ptn_sdp *offer);

#endif
