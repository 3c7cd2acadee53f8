/*
 * discover/question.h - one question: asked again and again until it is answered or
 * silence has become an answer.
 *
 * Every try has an id of its own, so that round trips and losses are exact. Which
 * tries were worth something is known only later: those in a dialect that the
 * server turns out to speak.
 */
#ifndef PTN_DISCOVER_QUESTION_H
#define PTN_DISCOVER_QUESTION_H

#include "base/effect.h"
#include "stun/msg.h"
#include "stun/txn.h"

#define PTN_DISCOVER_TRIES_MAX 48 /* those of PTN_STUN_TXN_DISCOVER */

enum ptn_discover_question_state {
    PTN_DISCOVER_NOT_ASKED,
    PTN_DISCOVER_ASKING,
    PTN_DISCOVER_ANSWERED,
    PTN_DISCOVER_NOT_GRANTED, /* an error, or an answer from an address that was not asked for */
    PTN_DISCOVER_SILENT,
};

struct ptn_discover_question {
    enum ptn_discover_question_state state;
    struct ptn_addr to;
    struct ptn_addr mapped; /* ANSWERED */
    unsigned tries;
    unsigned tries_by[2];    /* by dialect */
    unsigned error_code;     /* NOT_GRANTED; 0: wrong source */
    uint8_t to_send;         /* bits by dialect */
    struct ptn_stun_txn txn; /* when to try again */
    ptn_time sent_at[PTN_DISCOVER_TRIES_MAX];
};

/* What is known about the way to the server when silence is judged. */
struct ptn_discover_patience {
    unsigned proven;       /* bits by dialect: the server was heard in it */
    unsigned tries_needed; /* in a proven dialect, before silence means anything */
    ptn_time wait;         /* after the last of them */
};

void ptn_discover_question_start(struct ptn_discover_question *q, ptn_time now,
                                 const struct ptn_addr *to);

/* Sends what is due (to_send) and turns silence into an answer. `forms`: bits by dialect, with
 * which to ask. */
void ptn_discover_question_tick(struct ptn_discover_question *q, ptn_time now, unsigned forms,
                                const struct ptn_discover_patience *patience);

ptn_time ptn_discover_question_deadline(const struct ptn_discover_question *q,
                                        const struct ptn_discover_patience *patience);

static inline bool ptn_discover_question_settled(const struct ptn_discover_question *q)
{
    return q->state >= PTN_DISCOVER_ANSWERED;
}

/* Tries that count, given what the server was heard in. */
unsigned ptn_discover_question_proven(const struct ptn_discover_question *q, unsigned proven);

#endif
