/*
 * discover/survey.c - who asks what, and how long silence must last.
 *
 * The probe socket must never send to B, nor to A's second port: a filter lets in
 * whoever was sent to, and would then look more open than it is. The questions to
 * those addresses are the main socket's.
 *
 * How sure is silence? A filter is known by answers that do not come, and so is
 * a loss. With a loss of 10 % in each direction an exchange fails with q = 0.19;
 * after n tries all lost, silence is mistaken for a filter with q^n:
 *
 *     tries   8        10       12       14
 *     q^n     1.7e-6   6.1e-8   2.2e-9   8e-11
 *
 * So twelve at least, 60 ms apart (PTN_STUN_TXN_DISCOVER), are out after 660 ms, and more when the
 * answered questions show that more is lost: as many as bring q^n under 1e-7. At most three
 * questions are judged by silence in one run, so a run on such a way is wrong less
 * than once in 10^7, and one on a way that loses half of all exchanges still less
 * than once in 10^6. What is lost in bursts is worse than that; the spacing is for it.
 *
 * An answer that comes after its question was judged silent still counts, as long as
 * the run lasts: an arrival is a proof, silence is only a likelihood.
 */
#include "discover/survey.h"

#include <assert.h>

#define NO_CHANGE (-1)

enum where {
    AT_A,
    AT_B_OTHER_PORT,
    AT_B_SAME_PORT,
    AT_A_OTHER_PORT,
};

static const struct {
    enum ptn_discover_role by;
    enum where at;
    int change;
} table[PTN_DISCOVER_ASKED] = {
    [PTN_DISCOVER_PLAIN] = {PTN_DISCOVER_MAIN, AT_A, NO_CHANGE},
    /* A server that amplifies as little as it can tells its second address only to those who seem
     * to want it; an empty CHANGE-REQUEST does. */
    [PTN_DISCOVER_OTHER] = {PTN_DISCOVER_MAIN, AT_A, 0},
    [PTN_DISCOVER_AT_OTHER] = {PTN_DISCOVER_MAIN, AT_B_OTHER_PORT, NO_CHANGE},
    [PTN_DISCOVER_AT_IP] = {PTN_DISCOVER_MAIN, AT_B_SAME_PORT, NO_CHANGE},
    [PTN_DISCOVER_AT_PORT] = {PTN_DISCOVER_MAIN, AT_A_OTHER_PORT, NO_CHANGE},
    [PTN_DISCOVER_CONTROL] = {PTN_DISCOVER_PROBE, AT_A, NO_CHANGE},
    [PTN_DISCOVER_FROM_OTHER] = {PTN_DISCOVER_PROBE, AT_A,
                                 PTN_STUN_CHANGE_IP | PTN_STUN_CHANGE_PORT},
    [PTN_DISCOVER_FROM_PORT] = {PTN_DISCOVER_PROBE, AT_A, PTN_STUN_CHANGE_PORT},
    [PTN_DISCOVER_AGAIN] = {PTN_DISCOVER_SECOND, AT_A, NO_CHANGE},
};

enum { TRIES_MIN = 12, CLASSIC = 1 << PTN_STUN_CLASSIC, MODERN = 1 << PTN_STUN_MODERN };
#define WRONG_MAX 1e-7
/* What is believed of the loss before anything is seen, with the weight of so many exchanges. */
#define PRIOR_LOSS 0.19
#define PRIOR_WEIGHT 10

enum ptn_discover_role ptn_discover_survey_role(enum ptn_discover_asked asked)
{
    return table[asked].by;
}

int ptn_discover_survey_change(enum ptn_discover_asked asked)
{
    return table[asked].change;
}

struct ptn_discover_patience ptn_discover_patience(const struct ptn_discover_way *way,
                                                   unsigned proven, ptn_time rtt)
{
    double loss = (way->lost + PRIOR_LOSS * PRIOR_WEIGHT) / (way->tries + PRIOR_WEIGHT);
    double wrong = 1;
    unsigned tries = 0;

    while (tries < TRIES_MIN || (wrong > WRONG_MAX && tries < PTN_DISCOVER_TRIES_MAX)) {
        wrong *= loss;
        tries++;
    }
    /* Later than a round trip by half, and by what a home router's queue adds at the worst. */
    ptn_time wait = rtt == PTN_NEVER ? PTN_MS(500) : rtt + ptn_time_max(PTN_MS(80), rtt / 2);
    return (struct ptn_discover_patience){proven, tries, wait};
}

static struct ptn_addr destination(const struct ptn_discover_survey *s,
                                   enum ptn_discover_asked asked)
{
    switch (table[asked].at) {
    case AT_A: return s->is.addr;
    case AT_B_OTHER_PORT: return s->is.other;
    case AT_B_SAME_PORT: return ptn_addr_with_port(s->is.other, s->is.addr.port);
    case AT_A_OTHER_PORT: return ptn_addr_with_port(s->is.addr, s->is.other.port);
    }
    assert(false);
    return s->is.addr;
}

static void ask(struct ptn_discover_survey *s, ptn_time now, enum ptn_discover_asked asked)
{
    struct ptn_addr to = destination(s, asked);

    ptn_discover_question_start(&s->q[asked], now, &to);
}

void ptn_discover_survey_start(struct ptn_discover_survey *s, ptn_time now,
                               const struct ptn_addr *addr, enum ptn_discover_dialect dialect,
                               ptn_time contact, unsigned usable)
{
    *s = (struct ptn_discover_survey){
        .is = {.state = PTN_DISCOVER_SERVER_ASKED, .addr = *addr, .rtt = PTN_NEVER},
        .dialect = dialect,
        .contact_until = now + contact,
    };
    for (enum ptn_discover_asked a = PTN_DISCOVER_PLAIN; a < PTN_DISCOVER_ASKED; a++) {
        if (!(usable >> table[a].by & 1))
            s->q[a].state = PTN_DISCOVER_NOT_GRANTED;
        else if (table[a].at == AT_A)
            ask(s, now, a);
    }
}

/* Another address and another port of the same family, or it is of no use. */
static bool is_other(const struct ptn_discover_survey *s, const struct ptn_addr *a)
{
    enum ptn_addr_kind kind = ptn_addr_kind(a);

    return a->family == s->is.addr.family && a->port != 0 && a->port != s->is.addr.port &&
           !ptn_addr_same_ip(a, &s->is.addr) && kind != PTN_ADDR_UNSPECIFIED &&
           kind != PTN_ADDR_MULTICAST;
}

static void learn_other(struct ptn_discover_survey *s, ptn_time now, const struct ptn_stun_msg *m)
{
    struct ptn_addr other;

    /* Servers older than RFC 5780 name it CHANGED-ADDRESS in modern answers, too. */
    if (!ptn_addr_is_none(&s->is.other) ||
        !(ptn_stun_get_addr(m, PTN_STUN_OTHER_ADDRESS, &other) ||
          ptn_stun_get_addr(m, PTN_STUN_CHANGED_ADDRESS, &other)) ||
        !is_other(s, &other))
        return;
    s->is.other = other;
    if (s->q[PTN_DISCOVER_OTHER].state == PTN_DISCOVER_ASKING)
        s->q[PTN_DISCOVER_OTHER].state = PTN_DISCOVER_ANSWERED;
    for (enum ptn_discover_asked a = PTN_DISCOVER_AT_OTHER; a <= PTN_DISCOVER_AT_PORT; a++)
        ask(s, now, a);
}

static bool from_where_it_was_asked_for(const struct ptn_discover_survey *s,
                                        enum ptn_discover_asked asked, const struct ptn_addr *from)
{
    int change = table[asked].change;

    if (change <= 0)
        return true;
    return ptn_addr_same_ip(from, &s->is.addr) == !(change & PTN_STUN_CHANGE_IP) &&
           (from->port == s->is.addr.port) == !(change & PTN_STUN_CHANGE_PORT);
}

static void measure(struct ptn_discover_survey *s, ptn_time now,
                    const struct ptn_discover_question *q, unsigned try,
                    enum ptn_stun_dialect dialect, struct ptn_discover_way *way)
{
    s->is.rtt = ptn_time_min(s->is.rtt, now - q->sent_at[try]);
    /* While the dialect is being found out, tries in the wrong one are no losses. */
    if (dialect == PTN_STUN_CLASSIC && s->dialect == PTN_DISCOVER_AUTO)
        return;
    way->lost += try;
    way->tries += try + 1;
}

static void refused(struct ptn_discover_survey *s, struct ptn_discover_question *q,
                    const struct ptn_stun_msg *m)
{
    struct ptn_bytes reason;

    ptn_stun_get_error(m, &q->error_code, &reason);
    if (q == &s->q[PTN_DISCOVER_PLAIN])
        s->refused |= 1u << m->dialect;
    /* Refused in one dialect, the server may yet take the other. */
    if (q != &s->q[PTN_DISCOVER_PLAIN] || s->dialect != PTN_DISCOVER_AUTO ||
        s->refused == (CLASSIC | MODERN))
        q->state = PTN_DISCOVER_NOT_GRANTED;
    if (s->is.state == PTN_DISCOVER_SERVER_ANSWERED)
        return;
    s->is.state = PTN_DISCOVER_SERVER_REFUSED;
    s->is.error_code = q->error_code;
}

void ptn_discover_survey_answer(struct ptn_discover_survey *s, ptn_time now,
                                enum ptn_discover_asked asked, unsigned try,
                                const struct ptn_stun_msg *m, const struct ptn_addr *from,
                                struct ptn_discover_way *way)
{
    struct ptn_discover_question *q = &s->q[asked];
    enum ptn_stun_dialect is;
    struct ptn_addr mapped;
    uint16_t unknown;

    if (try >= q->tries || q->state == PTN_DISCOVER_ANSWERED)
        return;
    if (m->class == PTN_STUN_ERROR) {
        refused(s, q, m);
        return;
    }
    if (!ptn_stun_get_mapped(m, &mapped, &is) ||
        ptn_stun_unknown(m, PTN_STUN_UNDERSTOOD, &unknown, 1) > 0)
        return;
    s->proven |= 1u << m->dialect;
    s->is.state = PTN_DISCOVER_SERVER_ANSWERED;
    s->is.dialect = is;
    measure(s, now, q, try, m->dialect, way);
    if (!from_where_it_was_asked_for(s, asked, from)) {
        q->state = PTN_DISCOVER_NOT_GRANTED;
        s->ignored_change = true;
        return;
    }
    q->state = PTN_DISCOVER_ANSWERED;
    q->to_send = 0;
    q->mapped = mapped;
    if (asked == PTN_DISCOVER_PLAIN || asked == PTN_DISCOVER_OTHER)
        s->is.mapped = mapped;
    learn_other(s, now, m);
}

/* In which forms the next try goes out: what the server was heard in; before that the modern one,
 * and with repeats of the plain question the classic one as well. */
static unsigned forms(const struct ptn_discover_survey *s, enum ptn_discover_asked asked)
{
    if (s->dialect != PTN_DISCOVER_AUTO)
        return s->dialect == PTN_DISCOVER_CLASSIC ? CLASSIC : MODERN;
    if (s->proven)
        return s->proven & MODERN ? MODERN : CLASSIC;
    if (asked == PTN_DISCOVER_PLAIN && s->q[asked].tries > 0)
        return (CLASSIC | MODERN) & ~s->refused;
    return MODERN;
}

static bool contacted(const struct ptn_discover_survey *s)
{
    return s->is.state == PTN_DISCOVER_SERVER_ANSWERED ||
           s->is.state == PTN_DISCOVER_SERVER_REFUSED;
}

void ptn_discover_survey_tick(struct ptn_discover_survey *s, ptn_time now,
                              const struct ptn_discover_way *way)
{
    struct ptn_discover_patience patience = ptn_discover_patience(way, s->proven, s->is.rtt);

    if (!contacted(s) && now >= s->contact_until)
        s->is.state = PTN_DISCOVER_SERVER_SILENT;
    if (s->is.state == PTN_DISCOVER_SERVER_SILENT)
        return;
    for (enum ptn_discover_asked a = PTN_DISCOVER_PLAIN; a < PTN_DISCOVER_ASKED; a++)
        ptn_discover_question_tick(&s->q[a], now, forms(s, a), &patience);
}

bool ptn_discover_survey_output(struct ptn_discover_survey *s, enum ptn_discover_asked *asked,
                                enum ptn_stun_dialect *dialect)
{
    for (enum ptn_discover_asked a = PTN_DISCOVER_PLAIN; a < PTN_DISCOVER_ASKED; a++)
        for (unsigned d = PTN_STUN_CLASSIC; d <= PTN_STUN_MODERN; d++)
            if (s->q[a].to_send >> d & 1) {
                s->q[a].to_send &= (uint8_t) ~(1u << d);
                *asked = a;
                *dialect = (enum ptn_stun_dialect)d;
                return true;
            }
    return false;
}

ptn_time ptn_discover_survey_deadline(const struct ptn_discover_survey *s,
                                      const struct ptn_discover_way *way)
{
    struct ptn_discover_patience patience = ptn_discover_patience(way, s->proven, s->is.rtt);
    ptn_time due = contacted(s) ? PTN_NEVER : s->contact_until;

    if (s->is.state == PTN_DISCOVER_SERVER_SILENT)
        return PTN_NEVER;
    for (enum ptn_discover_asked a = PTN_DISCOVER_PLAIN; a < PTN_DISCOVER_ASKED; a++)
        due = ptn_time_min(due, ptn_discover_question_deadline(&s->q[a], &patience));
    return due;
}

bool ptn_discover_survey_settled(const struct ptn_discover_survey *s)
{
    if (s->is.state == PTN_DISCOVER_SERVER_SILENT || s->is.state == PTN_DISCOVER_SERVER_UNRESOLVED)
        return true;
    if (!contacted(s))
        return false;
    for (enum ptn_discover_asked a = PTN_DISCOVER_PLAIN; a < PTN_DISCOVER_ASKED; a++)
        if (s->q[a].state == PTN_DISCOVER_ASKING)
            return false;
    return true;
}
