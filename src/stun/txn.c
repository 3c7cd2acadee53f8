/*
 * stun/txn.c - when a STUN request is repeated, and when to stop hoping.
 *
 *     send      send            send                              fail
 *      |  rto    |    2 rto      |     4 rto   ...   Rm * rto      |
 *      0        500            1500           ...  31500         39500  ms
 */
#include "stun/txn.h"

#include <assert.h>

const struct ptn_stun_txn_opts PTN_STUN_TXN_UDP = {PTN_MS(500), PTN_NEVER, 7, 16};
const struct ptn_stun_txn_opts PTN_STUN_TXN_STREAM = {PTN_MS(39500), PTN_NEVER, 1, 1};
/* Evenly, so that a dozen tries are out within a second; the asker stops when it is sure. */
const struct ptn_stun_txn_opts PTN_STUN_TXN_DISCOVER = {PTN_MS(60), PTN_MS(60), 48, 1};
/* 0, 75, 225 ms: three tries may be answered within the 300 ms that a call waits, and where a
 * tenth is lost each way all three fail once in 150. Then slower, up to 7.5 s in all. */
const struct ptn_stun_txn_opts PTN_STUN_TXN_CALL = {PTN_MS(75), PTN_S(2), 8, 16};

/* Finer than the clocks and queues of home routers is noise. */
#define RTO_MIN PTN_MS(20)

void ptn_stun_txn_start(struct ptn_stun_txn *t, ptn_time now, const struct ptn_stun_txn_opts *opts)
{
    assert(opts->sends_max > 0 && opts->final_rtos > 0);
    assert(opts->rto > 0);

    *t = (struct ptn_stun_txn){.opts = *opts, .due = now, .wait = opts->rto};
}

ptn_time ptn_stun_txn_deadline(const struct ptn_stun_txn *t)
{
    return t->due;
}

enum ptn_stun_txn_step ptn_stun_txn_tick(struct ptn_stun_txn *t, ptn_time now)
{
    if (now < t->due || t->due == PTN_NEVER)
        return PTN_STUN_TXN_WAIT;
    if (t->sends == t->opts.sends_max) {
        t->due = PTN_NEVER;
        return PTN_STUN_TXN_GIVE_UP;
    }
    t->sends++;
    t->sent_at = now;
    /* From now, not from the old due time: an owner that woke late would otherwise
     * find the next repeat already due and send two in one breath. */
    t->due = now + (t->sends == t->opts.sends_max ? t->opts.final_rtos * t->opts.rto : t->wait);
    t->wait = ptn_time_min(2 * t->wait, ptn_time_max(t->opts.rto_max, t->opts.rto));
    return PTN_STUN_TXN_SEND;
}

void ptn_stun_txn_hurry(struct ptn_stun_txn *t, ptn_time now)
{
    if (t->due != PTN_NEVER && t->sends < t->opts.sends_max)
        t->due = ptn_time_min(t->due, now);
}

bool ptn_stun_txn_stop(struct ptn_stun_txn *t, ptn_time now, ptn_time *rtt)
{
    bool known = t->due != PTN_NEVER && t->sends == 1;

    t->due = PTN_NEVER;
    if (known && rtt)
        *rtt = now - t->sent_at;
    return known;
}

void ptn_stun_rtt_add(struct ptn_stun_rtt *r, ptn_time rtt)
{
    ptn_time off = rtt > r->smoothed ? rtt - r->smoothed : r->smoothed - rtt;

    assert(rtt >= 0);
    if (!r->known) {
        *r = (struct ptn_stun_rtt){.smoothed = rtt, .variation = rtt / 2, .known = true};
        return;
    }
    r->variation += (off - r->variation) / 4;
    r->smoothed += (rtt - r->smoothed) / 8;
}

ptn_time ptn_stun_rtt_rto(const struct ptn_stun_rtt *r, ptn_time fallback)
{
    if (!r->known)
        return fallback;
    return ptn_time_max(r->smoothed + 4 * r->variation, RTO_MIN);
}
