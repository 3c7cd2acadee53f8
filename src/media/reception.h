/*
 * media/reception.h - what has arrived from one source, counted as RTCP reports it.
 *
 * RFC 3550 A.1 (sequence numbers), A.3 (loss), A.8 (jitter); and which packets
 * came twice, for the last 64 sequence numbers.
 */
#ifndef PTN_MEDIA_RECEPTION_H
#define PTN_MEDIA_RECEPTION_H

#include "base/time.h"
#include "media/rtcp.h"
#include "media/rtp.h"

struct ptn_reception {
    uint32_t ssrc;
    uint32_t first_seq, highest_seq; /* with the wraps above bit 16 */
    uint64_t window;                 /* bit n: highest_seq - n has come */
    uint64_t received;               /* each packet once */
    uint64_t expected_reported, received_reported;
    int64_t transit; /* of the last packet, in timestamp units */
    double jitter;   /* in timestamp units */
};

enum ptn_reception_verdict {
    PTN_RECEPTION_NEW,
    PTN_RECEPTION_DUPLICATE,
    PTN_RECEPTION_STRAY, /* a sequence number far from all others; not counted */
};

/* Begins with the first packet of a source, which is to be put as well. */
void ptn_reception_start(struct ptn_reception *r, ptn_time now, const struct ptn_rtp *first,
                         unsigned clock_rate);

enum ptn_reception_verdict ptn_reception_put(struct ptn_reception *r, ptn_time now,
                                             const struct ptn_rtp *rtp, unsigned clock_rate);

/* From first to highest sequence number. */
uint64_t ptn_reception_expected(const struct ptn_reception *r);

/* A report block; its fraction covers the time since the last call. last_sr and delay are 0. */
struct ptn_rtcp_report ptn_reception_report(struct ptn_reception *r);

#endif
