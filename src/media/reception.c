/*
 * media/reception.c - counting arrivals.
 *
 * A jump of sequence numbers is believed up to 3,000 forwards and 100 back
 * (RFC 3550 A.1's bounds). One beyond is a stray; a sender that has really
 * begun anew is recognised by the stream, which starts another reception.
 */
#include "media/reception.h"

#include <math.h>

#define DROPOUT_MAX 3000
#define MISORDER_MAX 100
#define WINDOW_BITS 64

static int64_t transit(ptn_time now, uint32_t timestamp, unsigned clock_rate)
{
    int64_t arrival = now / PTN_S(1) * clock_rate + now % PTN_S(1) * clock_rate / PTN_S(1);
    /* Both count units of the media clock; only differences of this number mean anything. */
    return (int32_t)((uint32_t)arrival - timestamp);
}

void ptn_reception_start(struct ptn_reception *r, ptn_time now, const struct ptn_rtp *first,
                         unsigned clock_rate)
{
    *r = (struct ptn_reception){
        .ssrc = first->ssrc,
        .first_seq = first->seq,
        .highest_seq = first->seq,
        .transit = transit(now, first->timestamp, clock_rate),
    };
}

static void watch_jitter(struct ptn_reception *r, ptn_time now, uint32_t timestamp,
                         unsigned clock_rate)
{
    int64_t before = r->transit;
    r->transit = transit(now, timestamp, clock_rate);
    double change = fabs((double)(int32_t)(uint32_t)(r->transit - before));
    r->jitter += (change - r->jitter) / 16;
}

static enum ptn_reception_verdict mark(struct ptn_reception *r, unsigned behind)
{
    /* Older than the window: told apart from a duplicate by nothing, so counted as new. */
    if (behind < WINDOW_BITS) {
        uint64_t bit = (uint64_t)1 << behind;
        if (r->window & bit)
            return PTN_RECEPTION_DUPLICATE;
        r->window |= bit;
    }
    return PTN_RECEPTION_NEW;
}

enum ptn_reception_verdict ptn_reception_put(struct ptn_reception *r, ptn_time now,
                                             const struct ptn_rtp *rtp, unsigned clock_rate)
{
    int step = (int16_t)(uint16_t)(rtp->seq - (uint16_t)r->highest_seq);
    if (step > DROPOUT_MAX || step < -MISORDER_MAX)
        return PTN_RECEPTION_STRAY;
    if (step > 0) {
        r->highest_seq += (uint32_t)step;
        r->window = step < WINDOW_BITS ? r->window << step : 0;
    }
    enum ptn_reception_verdict verdict = mark(r, step < 0 ? (unsigned)-step : 0);
    if (verdict != PTN_RECEPTION_NEW)
        return verdict;
    /* One that overtook the first packet makes the beginning earlier. */
    uint32_t seq = r->highest_seq - (step < 0 ? (uint32_t)-step : 0);
    if ((int32_t)(seq - r->first_seq) < 0)
        r->first_seq = seq;
    r->received++;
    watch_jitter(r, now, rtp->timestamp, clock_rate);
    return PTN_RECEPTION_NEW;
}

uint64_t ptn_reception_expected(const struct ptn_reception *r)
{
    return (uint64_t)(r->highest_seq - r->first_seq) + 1;
}

struct ptn_rtcp_report ptn_reception_report(struct ptn_reception *r)
{
    uint64_t expected = ptn_reception_expected(r);
    int64_t expected_now = (int64_t)(expected - r->expected_reported);
    int64_t lost_now = expected_now - (int64_t)(r->received - r->received_reported);
    int64_t lost = (int64_t)(expected - r->received);

    r->expected_reported = expected;
    r->received_reported = r->received;
    if (lost > 0x7fffff)
        lost = 0x7fffff;
    int64_t fraction = expected_now > 0 && lost_now > 0 ? lost_now * 256 / expected_now : 0;
    return (struct ptn_rtcp_report){
        .ssrc = r->ssrc,
        .fraction_lost = (uint8_t)(fraction < 255 ? fraction : 255),
        .lost = (int32_t)lost,
        .highest_seq = r->highest_seq,
        .jitter = (uint32_t)r->jitter,
    };
}
