/*
 * flow/latch.c - who is believed to be the far end.
 *
 * An attacker who can send but not listen knows neither the SSRC nor the sequence
 * numbers in use, and finds the true source already heard. In the moment before
 * anything was heard he needs two fitting packets in a row, from an address he
 * reveals by it. More than that only SRTP can give.
 */
#include "flow/latch.h"

#include "base/cursor.h"

#define SILENT_BEFORE_SAME_SSRC PTN_MS(200) /* the far end's NAT moved it */
#define SILENT_BEFORE_OTHER_SSRC PTN_S(2)   /* the far end was replaced */
#define MOVES_WINDOW PTN_S(10)

enum {
    PACKETS_AT_FIRST = 2, /* in a row; RFC 3550 A.1 asks for as many */
    PACKETS_LATER = 4,
    SEQ_STEP_MAX = 8, /* some may be lost in between */
    MOVES_MAX = 4,
};

struct head {
    uint8_t payload_type; /* RTCP: the packet type */
    uint16_t seq;         /* RTP only */
    uint32_t ssrc;
};

static bool read_head(struct ptn_bytes packet, bool rtcp, struct head *out)
{
    struct ptn_reader r = ptn_reader(packet);
    uint8_t first = ptn_read_u8(&r), second = ptn_read_u8(&r);

    *out = (struct head){.payload_type = rtcp ? second : second & 0x7f};
    out->seq = ptn_read_u16(&r);
    if (!rtcp)
        ptn_read(&r, 4);
    out->ssrc = (uint32_t)ptn_read_u16(&r) << 16;
    out->ssrc |= ptn_read_u16(&r);
    bool is_rtcp = second >= 192 && second <= 223; /* RFC 5761 §4 */
    return !r.bad && first >> 6 == 2 && is_rtcp == rtcp;
}

void ptn_latch_init(struct ptn_latch *l, enum ptn_latch_mode mode, bool rtcp)
{
    *l = (struct ptn_latch){.mode = mode, .rtcp = rtcp};
}

void ptn_latch_expect(struct ptn_latch *l, const struct ptn_addr *signalled,
                      const struct ptn_latch_formats *formats)
{
    l->formats = *formats;
    if (ptn_addr_equal(signalled, &l->signalled))
        return;
    ptn_latch_init(l, l->mode, l->rtcp);
    l->formats = *formats;
    l->signalled = l->target = *signalled;
}

void ptn_latch_beside(struct ptn_latch *l, const struct ptn_latch *rtp)
{
    l->beside = rtp->heard ? rtp->target : (struct ptn_addr){0};
    l->ssrc = rtp->ssrc;
    l->ssrc_known = rtp->ssrc_known;
}

static bool mode_allows(const struct ptn_latch *l, const struct ptn_addr *from)
{
    switch (l->mode) {
    case PTN_LATCH_ANY: return true;
    case PTN_LATCH_SAME_IP: return ptn_addr_same_ip(from, &l->signalled);
    case PTN_LATCH_OFF: break;
    }
    return false;
}

static bool target_silent(const struct ptn_latch *l, ptn_time now, const struct head *head)
{
    bool same = l->ssrc_known && l->ssrc == head->ssrc;

    if (!l->heard)
        return true;
    return now - l->heard_at >= (same ? SILENT_BEFORE_SAME_SSRC : SILENT_BEFORE_OTHER_SSRC);
}

static bool may_move(struct ptn_latch *l, ptn_time now)
{
    if (now - l->window_start >= MOVES_WINDOW) {
        l->window_start = now;
        l->moves = 0;
    }
    return l->moves < MOVES_MAX;
}

/* Counts packets of one source in a row; any other source's packet begins anew. */
static bool proved(struct ptn_latch *l, const struct ptn_addr *from, const struct head *head)
{
    struct ptn_latch_source *c = &l->candidate;
    uint16_t step = (uint16_t)(head->seq - c->seq);

    if (l->rtcp)
        return (l->ssrc_known && head->ssrc == l->ssrc) || ptn_addr_same_ip(from, &l->beside) ||
               ptn_addr_same_ip(from, &l->signalled);
    if (c->count == 0 || !ptn_addr_equal(&c->from, from) || c->ssrc != head->ssrc || step == 0 ||
        step > SEQ_STEP_MAX)
        *c = (struct ptn_latch_source){.from = *from, .ssrc = head->ssrc};
    c->seq = head->seq;
    c->count++;
    return c->count >= (l->heard ? PACKETS_LATER : PACKETS_AT_FIRST);
}

/* Whoever steals the place of a far end that is on hold, or says nothing for a while, loses it as
 * soon as that one speaks again. */
static bool was_replaced(const struct ptn_latch *l, const struct ptn_addr *from,
                         const struct head *head)
{
    return l->replaced.count > 0 && ptn_addr_equal(from, &l->replaced.from) &&
           head->ssrc == l->replaced.ssrc;
}

static void hear(struct ptn_latch *l, ptn_time now, const struct head *head)
{
    l->heard = true;
    l->heard_at = now;
    if (!l->rtcp) {
        l->ssrc = head->ssrc;
        l->ssrc_known = true;
    }
}

enum ptn_latch_verdict ptn_latch_take(struct ptn_latch *l, ptn_time now,
                                      const struct ptn_addr *from, struct ptn_bytes packet)
{
    struct head head;

    if (ptn_addr_is_none(&l->signalled))
        return PTN_LATCH_NO_FAR_END;
    if (!read_head(packet, l->rtcp, &head))
        return PTN_LATCH_NO_MEDIA;
    if (!l->rtcp && !(l->formats.bits[head.payload_type / 64] >> head.payload_type % 64 & 1))
        return PTN_LATCH_NO_MEDIA;
    if (ptn_addr_equal(from, &l->target)) {
        hear(l, now, &head);
        return PTN_LATCH_TAKEN;
    }
    bool home = was_replaced(l, from, &head) || ptn_addr_equal(from, &l->signalled);
    if (!home && (!mode_allows(l, from) || !target_silent(l, now, &head)))
        return PTN_LATCH_FOREIGN;
    if (!proved(l, from, &head))
        return PTN_LATCH_WAITING;
    if (!may_move(l, now))
        return PTN_LATCH_FOREIGN;
    if (l->heard && !home && !l->rtcp && head.ssrc != l->ssrc)
        l->replaced = (struct ptn_latch_source){.from = l->target, .ssrc = l->ssrc, .count = 1};
    else if (home)
        l->replaced = (struct ptn_latch_source){0};
    l->target = *from;
    l->moves++;
    l->candidate = (struct ptn_latch_source){0};
    hear(l, now, &head);
    return PTN_LATCH_MOVED;
}
