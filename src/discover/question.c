/*
 * discover/question.c - when to try again, and when silence is an answer.
 */
#include "discover/question.h"

/* Short enough for a dozen tries within a second, long enough that a burst of loss does not eat
 * several, and no more than a voice call's packets. */
#define SPACING PTN_MS(60)

void ptn_discover_question_start(struct ptn_discover_question *q, ptn_time now,
                                 const struct ptn_addr *to)
{
    *q = (struct ptn_discover_question){.state = PTN_DISCOVER_ASKING, .to = *to, .next = now};
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
    if (now < q->next)
        return;
    q->to_send = (uint8_t)forms;
    for (unsigned d = PTN_STUN_CLASSIC; d <= PTN_STUN_MODERN; d++)
        q->tries_by[d] += forms >> d & 1;
    q->sent_at[q->tries++] = now;
    q->next = now + SPACING;
}

ptn_time ptn_discover_question_deadline(const struct ptn_discover_question *q,
                                        const struct ptn_discover_patience *patience)
{
    if (q->state != PTN_DISCOVER_ASKING)
        return PTN_NEVER;
    return all_sent(q, patience) ? q->sent_at[q->tries - 1] + patience->wait : q->next;
}
