/*
 * discover/question.c - when to try again, and when silence is an answer.
 */
#include "discover/question.h"

void ptn_discover_question_start(struct ptn_discover_question *q, ptn_time now,
                                 const struct ptn_addr *to)
{
    *q = (struct ptn_discover_question){.state = PTN_DISCOVER_ASKING, .to = *to};
    ptn_stun_txn_start(&q->txn, now, &PTN_STUN_TXN_DISCOVER);
}

unsigned ptn_discover_question_proven(const struct ptn_discover_question *q, unsigned proven)
{
    unsigned count = 0;

    for (unsigned d = PTN_STUN_CLASSIC; d <= PTN_STUN_MODERN; d++)
        if (proven >> d & 1)
            count += q->tries_by[d];
    return count;
}

/* All tries are out that are needed. */
static bool all_sent(const struct ptn_discover_question *q,
                     const struct ptn_discover_patience *patience)
{
    return q->tries == PTN_DISCOVER_TRIES_MAX ||
           ptn_discover_question_proven(q, patience->proven) >= patience->tries_needed;
}

void ptn_discover_question_tick(struct ptn_discover_question *q, ptn_time now, unsigned forms,
                                const struct ptn_discover_patience *patience)
{
    if (q->state != PTN_DISCOVER_ASKING)
        return;
    if (all_sent(q, patience)) {
        if (now >= q->sent_at[q->tries - 1] + patience->wait)
            q->state = PTN_DISCOVER_SILENT;
        return;
    }
    if (ptn_stun_txn_tick(&q->txn, now) != PTN_STUN_TXN_SEND)
        return;
    q->to_send = (uint8_t)forms;
    for (unsigned d = PTN_STUN_CLASSIC; d <= PTN_STUN_MODERN; d++)
        q->tries_by[d] += forms >> d & 1;
    q->sent_at[q->tries++] = now;
}

ptn_time ptn_discover_question_deadline(const struct ptn_discover_question *q,
                                        const struct ptn_discover_patience *patience)
{
    if (q->state != PTN_DISCOVER_ASKING)
        return PTN_NEVER;
    return all_sent(q, patience) ? q->sent_at[q->tries - 1] + patience->wait
                                 : ptn_stun_txn_deadline(&q->txn);
}
