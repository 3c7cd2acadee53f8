/*
 * flow/latch.h - where a component's far end really is (symmetric RTP, RFC 4961, RFC 7362).
 *
 * SDP says where the far end wishes to receive. Behind a NAT that is often not
 * where its packets come from, and only the latter leads back in. So packets go to
 * where packets come from, but not on the first word of anybody:
 *
 *   - a new source needs consecutive packets of one SSRC and of a format agreed on;
 *   - one that is being heard is left only after it fell silent, except for the
 *     address that SDP named, and for a source that another one replaced while it
 *     was silent: both may always take their place back;
 *   - moves are few in any ten seconds.
 *
 * RTCP comes too seldom to prove itself; it follows the IP address or the SSRC of
 * the RTP beside it.
 */
#ifndef PTN_FLOW_LATCH_H
#define PTN_FLOW_LATCH_H

#include "base/addr.h"
#include "base/bytes.h"
#include "base/time.h"

enum ptn_latch_mode {
    PTN_LATCH_ANY,     /* a source anywhere */
    PTN_LATCH_SAME_IP, /* of the IP address that SDP named, with any port */
    PTN_LATCH_OFF,     /* what SDP named and nothing else */
};

enum ptn_latch_verdict {
    PTN_LATCH_TAKEN,      /* from the far end */
    PTN_LATCH_MOVED,      /* the same, and packets go there from now on */
    PTN_LATCH_WAITING,    /* from a source that has not proved itself yet */
    PTN_LATCH_FOREIGN,    /* from a source that may not replace the present one */
    PTN_LATCH_NO_MEDIA,   /* no RTP or RTCP packet, or of no format agreed on */
    PTN_LATCH_NO_FAR_END, /* nobody is expected */
};

/* Payload types agreed on, a bit each. */
struct ptn_latch_formats {
    uint64_t bits[2];
};

struct ptn_latch {
    enum ptn_latch_mode mode;
    bool rtcp;
    struct ptn_latch_formats formats;
    struct ptn_addr signalled, target;
    struct ptn_addr beside; /* RTCP: where the RTP of this call goes */
    bool heard;             /* the target has sent something */
    ptn_time heard_at;
    uint32_t ssrc; /* RTP: of the target; RTCP: of the RTP beside it, once known */
    bool ssrc_known;
    struct ptn_latch_source {
        struct ptn_addr from;
        uint32_t ssrc;
        uint16_t seq;
        unsigned count;
    } candidate, replaced; /* who had the place before; count 0: nobody */
    ptn_time window_start;
    unsigned moves;
};

void ptn_latch_init(struct ptn_latch *l, enum ptn_latch_mode mode, bool rtcp);

/* What SDP said; none: nobody is expected any more. The same address again changes nothing, so
 * that an answer repeated does not undo what was learnt. */
void ptn_latch_expect(struct ptn_latch *l, const struct ptn_addr *signalled,
                      const struct ptn_latch_formats *formats);

/* RTCP only: where RTP goes now, and whose it is. */
void ptn_latch_beside(struct ptn_latch *l, const struct ptn_latch *rtp);

enum ptn_latch_verdict ptn_latch_take(struct ptn_latch *l, ptn_time now,
                                      const struct ptn_addr *from, struct ptn_bytes packet);

#endif
