/*
 * stun/txn.h - one client transaction: ask, repeat, give up; and what round trips teach.
 *
 * Holds only when to send and how often it has been sent. The owner keeps the
 * request bytes, so a transaction is small enough to sit inside each ICE pair.
 *
 * RFC 8489 §6.2.1 (UDP), §6.2.2 (TCP and TLS).
 */
#ifndef PTN_STUN_TXN_H
#define PTN_STUN_TXN_H

#include <stdbool.h>

#include "base/time.h"

struct ptn_stun_txn_opts {
    ptn_time rto;        /* wait before the first repeat; doubles after each */
    ptn_time rto_max;    /* where doubling ends; PTN_NEVER: nowhere */
    unsigned sends_max;  /* requests in all, at least 1 (Rc) */
    unsigned final_rtos; /* wait after the last one, in multiples of rto, at least 1 (Rm) */
};

extern const struct ptn_stun_txn_opts PTN_STUN_TXN_UDP;      /* the RFC's: gives up at 39.5 s */
extern const struct ptn_stun_txn_opts PTN_STUN_TXN_STREAM;   /* once; gives up at 39.5 s (Ti) */
extern const struct ptn_stun_txn_opts PTN_STUN_TXN_DISCOVER; /* silence is meant to be judged */
extern const struct ptn_stun_txn_opts PTN_STUN_TXN_CALL;     /* a call waits: three tries at once */

enum ptn_stun_txn_step {
    PTN_STUN_TXN_WAIT,    /* nothing is due */
    PTN_STUN_TXN_SEND,    /* send the request now, then look at the new deadline */
    PTN_STUN_TXN_GIVE_UP, /* nobody answered; reported once, then WAIT for ever */
};

struct ptn_stun_txn {
    struct ptn_stun_txn_opts opts;
    ptn_time due, wait, sent_at;
    unsigned sends;
};

/* Begins anew; the first tick at or after `now` answers SEND. Copies `opts`. */
void ptn_stun_txn_start(struct ptn_stun_txn *t, ptn_time now, const struct ptn_stun_txn_opts *opts);

/* When to call tick() next; PTN_NEVER once answered, cancelled or given up. */
ptn_time ptn_stun_txn_deadline(const struct ptn_stun_txn *t);

/* Calling early or twice is harmless: it answers WAIT. */
enum ptn_stun_txn_step ptn_stun_txn_tick(struct ptn_stun_txn *t, ptn_time now);

/* Repeats now instead of later, if a repeat is left: somebody cannot wait. */
void ptn_stun_txn_hurry(struct ptn_stun_txn *t, ptn_time now);

/* The answer came (or nobody wants it any more): nothing is due again. True when the round trip
 * is known: the request went out exactly once, for otherwise nobody can say which of its copies
 * was answered (Karn's rule). Only then `rtt` is written; it may be NULL. */
bool ptn_stun_txn_stop(struct ptn_stun_txn *t, ptn_time now, ptn_time *rtt);

/* Smoothed round trips to one server (RFC 6298 §2 without its one-second floor, as RFC 8489
 * §6.2.1 wants). Zeroed memory is the beginning. */
struct ptn_stun_rtt {
    ptn_time smoothed, variation;
    bool known;
};

void ptn_stun_rtt_add(struct ptn_stun_rtt *r, ptn_time rtt);

/* What to wait before repeating: smoothed plus four variations, never under 20 ms; `fallback`
 * while nothing is known. */
ptn_time ptn_stun_rtt_rto(const struct ptn_stun_rtt *r, ptn_time fallback);

#endif
