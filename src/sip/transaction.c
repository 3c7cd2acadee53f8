/*
 * sip/transaction.c - RFC 3261's four figures as two tables.
 *
 * `rules` are the arrows, `timers` what is armed on entering a state. A timer's span is
 * counted in T1 or T4; END with span 0 (a reliable transport) leaves the state at once.
 */
#include "sip/transaction.h"

#include <assert.h>
#include <stddef.h>

enum {
    CI = 1 << PTN_SIP_CLIENT_INVITE,
    CO = 1 << PTN_SIP_CLIENT_OTHER,
    SI = 1 << PTN_SIP_SERVER_INVITE,
    SO = 1 << PTN_SIP_SERVER_OTHER,
};

static const struct rule {
    unsigned kinds;
    enum ptn_sip_txn_state state;
    enum ptn_sip_txn_what what;
    enum ptn_sip_txn_state next;
    unsigned actions;
} rules[] = {
#define RULE(kinds, state, what, next, actions)                                                    \
    {                                                                                              \
        kinds, PTN_SIP_TXN_##state, PTN_SIP_TXN_##what, PTN_SIP_TXN_##next, actions                \
    }
    /* client, INVITE: figure 5, and RFC 6026 §7.2 */
    RULE(CI, TRYING, REPEAT, TRYING, PTN_SIP_TXN_SEND),
    RULE(CI, TRYING, END, TERMINATED, PTN_SIP_TXN_TIMEOUT),
    RULE(CI, TRYING, 1XX, PROCEEDING, PTN_SIP_TXN_PASS),
    RULE(CI, TRYING, 2XX, ACCEPTED, PTN_SIP_TXN_PASS),
    RULE(CI, TRYING, 3XX, COMPLETED, PTN_SIP_TXN_PASS | PTN_SIP_TXN_SEND_ACK),
    RULE(CI, PROCEEDING, 1XX, PROCEEDING, PTN_SIP_TXN_PASS),
    RULE(CI, PROCEEDING, 2XX, ACCEPTED, PTN_SIP_TXN_PASS),
    RULE(CI, PROCEEDING, 3XX, COMPLETED, PTN_SIP_TXN_PASS | PTN_SIP_TXN_SEND_ACK),
    RULE(CI, COMPLETED, 3XX, COMPLETED, PTN_SIP_TXN_SEND_ACK),
    RULE(CI, COMPLETED, END, TERMINATED, 0),
    RULE(CI, ACCEPTED, 2XX, ACCEPTED, PTN_SIP_TXN_PASS),
    RULE(CI, ACCEPTED, END, TERMINATED, 0),
    /* client, everything else: figure 6 */
    RULE(CO, TRYING, REPEAT, TRYING, PTN_SIP_TXN_SEND),
    RULE(CO, PROCEEDING, REPEAT, PROCEEDING, PTN_SIP_TXN_SEND),
    RULE(CO, TRYING, END, TERMINATED, PTN_SIP_TXN_TIMEOUT),
    RULE(CO, PROCEEDING, END, TERMINATED, PTN_SIP_TXN_TIMEOUT),
    RULE(CO, TRYING, 1XX, PROCEEDING, PTN_SIP_TXN_PASS),
    RULE(CO, PROCEEDING, 1XX, PROCEEDING, PTN_SIP_TXN_PASS),
    RULE(CO, TRYING, 2XX, COMPLETED, PTN_SIP_TXN_PASS),
    RULE(CO, PROCEEDING, 2XX, COMPLETED, PTN_SIP_TXN_PASS),
    RULE(CO, TRYING, 3XX, COMPLETED, PTN_SIP_TXN_PASS),
    RULE(CO, PROCEEDING, 3XX, COMPLETED, PTN_SIP_TXN_PASS),
    RULE(CO, COMPLETED, END, TERMINATED, 0),
    /* server, INVITE: figure 7, and RFC 6026 §7.1. TRYING is before the first response. */
    RULE(SI, TRYING, 1XX, PROCEEDING, PTN_SIP_TXN_SEND),
    RULE(SI, TRYING, 2XX, ACCEPTED, PTN_SIP_TXN_SEND),
    RULE(SI, TRYING, 3XX, COMPLETED, PTN_SIP_TXN_SEND),
    RULE(SI, PROCEEDING, REQUEST, PROCEEDING, PTN_SIP_TXN_SEND),
    RULE(SI, PROCEEDING, 1XX, PROCEEDING, PTN_SIP_TXN_SEND),
    RULE(SI, PROCEEDING, 2XX, ACCEPTED, PTN_SIP_TXN_SEND),
    RULE(SI, PROCEEDING, 3XX, COMPLETED, PTN_SIP_TXN_SEND),
    RULE(SI, ACCEPTED, 2XX, ACCEPTED, PTN_SIP_TXN_SEND),
    RULE(SI, ACCEPTED, ACK, ACCEPTED, PTN_SIP_TXN_PASS),
    RULE(SI, ACCEPTED, END, TERMINATED, 0),
    RULE(SI, COMPLETED, REQUEST, COMPLETED, PTN_SIP_TXN_SEND),
    RULE(SI, COMPLETED, REPEAT, COMPLETED, PTN_SIP_TXN_SEND),
    RULE(SI, COMPLETED, ACK, CONFIRMED, 0),
    RULE(SI, COMPLETED, END, TERMINATED, PTN_SIP_TXN_TIMEOUT),
    RULE(SI, CONFIRMED, END, TERMINATED, 0),
    /* server, everything else: figure 8 */
    RULE(SO, TRYING, 1XX, PROCEEDING, PTN_SIP_TXN_SEND),
    RULE(SO, TRYING, 2XX, COMPLETED, PTN_SIP_TXN_SEND),
    RULE(SO, TRYING, 3XX, COMPLETED, PTN_SIP_TXN_SEND),
    RULE(SO, PROCEEDING, REQUEST, PROCEEDING, PTN_SIP_TXN_SEND),
    RULE(SO, PROCEEDING, 1XX, PROCEEDING, PTN_SIP_TXN_SEND),
    RULE(SO, PROCEEDING, 2XX, COMPLETED, PTN_SIP_TXN_SEND),
    RULE(SO, PROCEEDING, 3XX, COMPLETED, PTN_SIP_TXN_SEND),
    RULE(SO, COMPLETED, REQUEST, COMPLETED, PTN_SIP_TXN_SEND),
    RULE(SO, COMPLETED, END, TERMINATED, 0),
#undef RULE
};

enum repeat {
    REPEAT_NEVER,
    REPEAT_DOUBLING, /* T1, 2 T1, 4 T1, … */
    REPEAT_CAPPED,   /* the same up to T2 */
};

/* What a span is counted in. */
enum unit { T1, T4, MS };

/* §17's table 4. A client repeats the request, a server the final response to INVITE. */
static const struct timers {
    unsigned kinds;
    enum ptn_sip_txn_state state;
    enum repeat repeat;      /* over unreliable transports only */
    unsigned unreliable_end; /* 0: no such timer */
    unsigned reliable_end;
    enum unit unit;
} timers[] = {
    {CI, PTN_SIP_TXN_TRYING, REPEAT_DOUBLING, 64, 64, T1},   /* A, B */
    {CI, PTN_SIP_TXN_COMPLETED, REPEAT_NEVER, 32000, 0, MS}, /* D */
    {CI, PTN_SIP_TXN_ACCEPTED, REPEAT_NEVER, 64, 64, T1},    /* M */
    {CO, PTN_SIP_TXN_TRYING, REPEAT_CAPPED, 64, 64, T1},     /* E, F */
    {CO, PTN_SIP_TXN_COMPLETED, REPEAT_NEVER, 1, 0, T4},     /* K */
    {SI, PTN_SIP_TXN_ACCEPTED, REPEAT_NEVER, 64, 64, T1},    /* L */
    {SI, PTN_SIP_TXN_COMPLETED, REPEAT_CAPPED, 64, 64, T1},  /* G, H */
    {SI, PTN_SIP_TXN_CONFIRMED, REPEAT_NEVER, 1, 0, T4},     /* I */
    {SO, PTN_SIP_TXN_COMPLETED, REPEAT_NEVER, 64, 0, T1},    /* J */
};

static const struct timers *timers_of(const struct ptn_sip_txn *t)
{
    for (size_t i = 0; i < sizeof timers / sizeof timers[0]; i++)
        if (timers[i].kinds & 1u << t->kind && timers[i].state == t->state)
            return &timers[i];
    return NULL;
}

static void enter(struct ptn_sip_txn *t, ptn_time now, enum ptn_sip_txn_state state)
{
    t->state = state;
    /* F goes on from trying to proceeding; there E slows down to T2. */
    if (t->kind == PTN_SIP_CLIENT_OTHER && state == PTN_SIP_TXN_PROCEEDING) {
        t->repeat_wait = t->opts.t2;
        t->repeat_at = t->opts.reliable ? PTN_NEVER : now + t->repeat_wait;
        return;
    }
    t->repeat_at = t->end_at = PTN_NEVER;
    const struct timers *timer = timers_of(t);
    if (!timer)
        return;
    unsigned span = t->opts.reliable ? timer->reliable_end : timer->unreliable_end;
    if (span == 0) {
        t->state = PTN_SIP_TXN_TERMINATED;
        return;
    }
    ptn_time unit = timer->unit == T1 ? t->opts.t1 : timer->unit == T4 ? t->opts.t4 : PTN_MS(1);
    t->end_at = now + span * unit;
    if (timer->repeat != REPEAT_NEVER && !t->opts.reliable) {
        t->repeat_wait = t->opts.t1;
        t->repeat_at = now + t->repeat_wait;
    }
}

unsigned ptn_sip_txn_start(struct ptn_sip_txn *t, ptn_time now, enum ptn_sip_txn_kind kind,
                           const struct ptn_sip_txn_opts *opts)
{
    assert(opts->t1 > 0 && opts->t2 >= opts->t1 && opts->t4 > 0);

    *t = (struct ptn_sip_txn){.kind = kind, .opts = *opts};
    enter(t, now, PTN_SIP_TXN_TRYING);
    return (1u << kind) & (CI | CO) ? PTN_SIP_TXN_SEND : PTN_SIP_TXN_NOTHING;
}

unsigned ptn_sip_txn_happens(struct ptn_sip_txn *t, ptn_time now, enum ptn_sip_txn_what what)
{
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        const struct rule *r = &rules[i];
        if (!(r->kinds & 1u << t->kind) || r->state != t->state || r->what != what)
            continue;
        if (r->next != t->state)
            enter(t, now, r->next);
        return r->actions;
    }
    return PTN_SIP_TXN_NOTHING;
}

unsigned ptn_sip_txn_tick(struct ptn_sip_txn *t, ptn_time now)
{
    if (t->end_at <= now) {
        t->end_at = PTN_NEVER;
        return ptn_sip_txn_happens(t, now, PTN_SIP_TXN_END);
    }
    if (t->repeat_at <= now) {
        const struct timers *timer = timers_of(t);
        t->repeat_wait *= 2;
        if (!timer || timer->repeat == REPEAT_CAPPED)
            t->repeat_wait = ptn_time_min(t->repeat_wait, t->opts.t2);
        /* From now: an owner that woke late must not send twice in one breath. */
        t->repeat_at = now + t->repeat_wait;
        return ptn_sip_txn_happens(t, now, PTN_SIP_TXN_REPEAT);
    }
    return PTN_SIP_TXN_NOTHING;
}

ptn_time ptn_sip_txn_deadline(const struct ptn_sip_txn *t)
{
    return ptn_time_min(t->repeat_at, t->end_at);
}
