/*
 * sip/failures.c - servers that did not answer, and for how long they are left alone.
 *
 *     fails        answers, or any other sign of life
 *   ---------> here ------------------------------> forgotten
 *
 * When one is asked again is for the account to say whose server it is: soon, with the next
 * answer of the name servers, with the next refresh, or after a time (`ptn_sip_rule`).
 */
#include "sip/agent.h"

/* Soon: then after twice as long each time it has failed again. */
#define SOON_FIRST PTN_S(30)
#define SOON_MAX PTN_S(300)
enum { DOUBLINGS_MAX = 4 };

bool ptn_sip_same_dest(const struct ptn_sip_dest *a, const struct ptn_sip_dest *b)
{
    return a->transport == b->transport && ptn_addr_equal(&a->addr, &b->addr);
}

static struct ptn_sip_failure *find(struct ptn_sip *s, const struct ptn_sip_dest *dest)
{
    for (unsigned i = 0; i < s->failure_count; i++)
        if (ptn_sip_same_dest(&s->failures[i].dest, dest))
            return &s->failures[i];
    return NULL;
}

/* A new one; without room, in the place of the one that failed longest ago. */
static struct ptn_sip_failure *add(struct ptn_sip *s, const struct ptn_sip_dest *dest)
{
    struct ptn_sip_failure *f = &s->failures[0];

    if (s->failure_count < PTN_SIP_FAILURES_MAX)
        f = &s->failures[s->failure_count++];
    else
        for (unsigned i = 1; i < s->failure_count; i++)
            if (s->failures[i].at < f->at)
                f = &s->failures[i];
    *f = (struct ptn_sip_failure){.dest = *dest};
    return f;
}

void ptn_sip_dest_fails(struct ptn_sip *s, ptn_time now, const struct ptn_sip_dest *dest,
                        enum ptn_err why, ptn_time wait)
{
    struct ptn_sip_failure *f = find(s, dest);

    if (!f)
        f = add(s, dest);
    /* What was out to it at the same time fails at the same time: that is one failure. */
    if (f->times == 0 || now > f->at + PTN_S(1))
        f->times++;
    f->at = now;
    f->why = why;
    f->wait_until = wait ? now + wait : 0;
}

void ptn_sip_dest_works(struct ptn_sip *s, const struct ptn_sip_dest *dest)
{
    struct ptn_sip_failure *f = find(s, dest);

    if (f)
        *f = s->failures[--s->failure_count];
}

static ptn_time soon(const struct ptn_sip_failure *f)
{
    unsigned doublings = f->times - 1 < DOUBLINGS_MAX ? f->times - 1 : DOUBLINGS_MAX;

    return f->at + ptn_time_min(SOON_MAX, SOON_FIRST << doublings);
}

const struct ptn_sip_failure *ptn_sip_dest_failure(const struct ptn_sip *s,
                                                   const struct ptn_sip_dest *dest)
{
    for (unsigned i = 0; i < s->failure_count; i++)
        if (ptn_sip_same_dest(&s->failures[i].dest, dest))
            return &s->failures[i];
    return NULL;
}

ptn_time ptn_sip_dest_shunned_until(struct ptn_sip *s, ptn_time now,
                                    const struct ptn_sip_dest *dest,
                                    const struct ptn_sip_rule *rule, ptn_time answered_at)
{
    const struct ptn_sip_failure *f = find(s, dest);
    enum ptn_sip_failback mode = rule ? rule->mode : PTN_SIP_FAILBACK_SOON;
    ptn_time until = 0;

    if (!f)
        return 0;
    switch (mode) {
    case PTN_SIP_FAILBACK_SOON: until = soon(f); break;
    case PTN_SIP_FAILBACK_TTL:
        /* A lifetime of zero must not mean "with every request"; an address has none. */
        until = answered_at == 0 ? soon(f) : answered_at > f->at ? f->at + SOON_FIRST : PTN_NEVER;
        break;
    case PTN_SIP_FAILBACK_REFRESH: until = rule->since > f->at ? 0 : PTN_NEVER; break;
    case PTN_SIP_FAILBACK_AFTER:
        until = rule->after ? ptn_time_add(f->at, rule->after) : PTN_NEVER;
        break;
    }
    until = ptn_time_max(until, f->wait_until);
    return until > now ? until : 0;
}
