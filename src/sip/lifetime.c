/*
 * sip/lifetime.c - how long a call lives without a word from its far end. RFC 4028.
 *
 *     refresher   agreed ----- half -----> UPDATE or INVITE ---- 2xx ----> agreed anew
 *     the other   agreed ------------- no refresh -----------> BYE, shortly before the end
 *
 * Proxies forget calls whose lifetime has passed, so a side that hears nothing any more ends
 * the call a little earlier than that. We take part whenever we are asked to, and ask
 * ourselves where the account says so.
 */
#include "sip/agent.h"

#include <stdio.h>

enum { LEAST_S = 90, MOST_S = 86400, TOO_SMALL_MAX = 3 };

/* A refusal that says nothing about the call: tried again while it lives. */
#define TRY_AGAIN PTN_S(10)

static uint32_t seconds_in(const struct ptn_sip_in *in, enum sip_hdrid id)
{
    struct pl value = ptn_sip_in_value(in, id), number = value;
    uint32_t seconds = 0;

    for (number.l = 0; number.l < value.l && value.p[number.l] >= '0' && value.p[number.l] <= '9';)
        number.l++;
    ptn_sip_number(number, MOST_S, &seconds);
    return seconds;
}

/* "uac" or "uas" after Session-Expires; empty: not said. */
static struct pl refresher_in(const struct ptn_sip_in *in)
{
    struct pl value = ptn_sip_in_value(in, SIP_HDR_SESSION_EXPIRES), refresher = {0};

    if (msg_param_decode(&value, "refresher", &refresher))
        refresher = (struct pl){0};
    return refresher;
}

static bool supports_timer(const struct ptn_sip_in *in)
{
    return ptn_sip_in_lists(in, SIP_HDR_SUPPORTED, "timer") ||
           ptn_sip_in_lists(in, SIP_HDR_REQUIRE, "timer");
}

static unsigned most_of(unsigned a, unsigned b)
{
    return a > b ? a : b;
}

static void start(ptn_time now, struct ptn_sip_lifetime *l, unsigned interval_s, bool ours)
{
    ptn_time interval = PTN_S(interval_s);

    l->interval_s = interval_s;
    l->ours = ours;
    l->too_small = 0;
    l->refresh_at = interval_s && ours ? now + interval / 2 : PTN_NEVER;
    /* §10: a third of it, but no more than 32 s, before the proxies forget. */
    l->dead_at = interval_s ? now + interval - ptn_time_min(PTN_S(32), interval / 3) : PTN_NEVER;
}

void ptn_sip_lifetime_stop(struct ptn_sip_lifetime *l)
{
    l->refresh_at = l->dead_at = PTN_NEVER;
}

/* ---- asking ---- */

/* What our INVITE or UPDATE asks for: what holds, or else what the account wishes. */
static unsigned wish(const struct ptn_sip *s, const struct ptn_sip_session *c)
{
    const struct ptn_sip_acct *a = ptn_sip_find_account(s, c->account);
    unsigned wished = c->lifetime.interval_s ? c->lifetime.interval_s
                      : a                    ? a->session_expires_s
                                             : 0;

    return wished ? most_of(wished, most_of(LEAST_S, c->lifetime.min_s)) : 0;
}

void ptn_sip_lifetime_ask(const struct ptn_sip *s, const struct ptn_sip_session *c,
                          struct ptn_writer *w)
{
    const struct ptn_sip_acct *a = ptn_sip_find_account(s, c->account);
    unsigned interval_s = wish(s, c);
    bool ours = c->lifetime.interval_s ? c->lifetime.ours : a && !a->session_refresher_uas;

    if (!interval_s)
        return;
    ptn_sip_printf(w, "Session-Expires: %u;refresher=%s\r\n", interval_s, ours ? "uac" : "uas");
    if (c->lifetime.min_s > LEAST_S)
        ptn_sip_printf(w, "Min-SE: %u\r\n", c->lifetime.min_s);
}

bool ptn_sip_lifetime_too_small(struct ptn_sip_session *c, const struct ptn_sip_in *in)
{
    struct ptn_sip_lifetime *l = &c->lifetime;
    unsigned min_s = in->msg->scode == 422 ? seconds_in(in, SIP_HDR_MIN_SE) : 0;

    if (!min_s || l->too_small >= TOO_SMALL_MAX)
        return false;
    l->too_small++;
    l->min_s = most_of(l->min_s, min_s);
    return true;
}

void ptn_sip_lifetime_answered(const struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                               const struct ptn_sip_in *in)
{
    unsigned granted_s = seconds_in(in, SIP_HDR_SESSION_EXPIRES);

    c->updates = ptn_sip_in_lists(in, SIP_HDR_ALLOW, "UPDATE");
    /* §7.2: a far end that knows nothing of this may still be asked whether it is there. */
    struct pl said = refresher_in(in);
    if (granted_s)
        start(now, &c->lifetime, granted_s, pl_strcasecmp(&said, "uas") != 0);
    else
        start(now, &c->lifetime, wish(s, c), true);
}

/* ---- being asked ---- */

bool ptn_sip_lifetime_judge(struct ptn_sip *s, ptn_time now, ptn_sip_txn_id id,
                            const struct ptn_sip_in *in)
{
    char header[32];
    uint32_t asked_s = seconds_in(in, SIP_HDR_SESSION_EXPIRES);

    /* §9: who does not know the extension would not understand the refusal. */
    if (!asked_s || asked_s >= LEAST_S || !supports_timer(in))
        return true;
    snprintf(header, sizeof header, "Min-SE: %u\r\n", (unsigned)LEAST_S);
    ptn_sip_reject(s, now, id, 422, header);
    return false;
}

void ptn_sip_lifetime_answer(const struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                             const struct ptn_sip_in *request, struct ptn_writer *w)
{
    const struct ptn_sip_acct *a = ptn_sip_find_account(s, c->account);
    unsigned interval_s = seconds_in(request, SIP_HDR_SESSION_EXPIRES);
    unsigned wished_s = a ? a->session_expires_s : 0;
    struct pl said = refresher_in(request);
    bool knows = supports_timer(request);

    c->updates = ptn_sip_in_lists(request, SIP_HDR_ALLOW, "UPDATE");
    if (wished_s && (!interval_s || wished_s < interval_s))
        interval_s = most_of(wished_s, most_of(LEAST_S, seconds_in(request, SIP_HDR_MIN_SE)));
    bool ours = said.l ? pl_strcasecmp(&said, "uas") == 0 : a && a->session_refresher_uas;
    start(now, &c->lifetime, interval_s, ours || !knows);
    if (!interval_s)
        return;
    ptn_sip_printf(w, "Session-Expires: %u;refresher=%s\r\n", interval_s,
                   c->lifetime.ours ? "uas" : "uac");
    if (knows && !c->lifetime.ours)
        ptn_sip_printf(w, "Require: timer\r\n");
}

/* ---- refreshing ---- */

static void refresh(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c)
{
    c->lifetime.refresh_at = PTN_NEVER;
    if (c->updates) {
        c->lifetime.chain = (struct ptn_sip_auth_chain){0};
        ptn_sip_call_send_update(s, now, c);
    } else if (!c->offer || !ptn_sip_call_modify(s, now, c->id, NULL, c->offer)) {
        /* A change of either side is under way; it refreshes, too. */
        c->lifetime.refresh_at = now + TRY_AGAIN;
    }
}

void ptn_sip_lifetime_refused(ptn_time now, struct ptn_sip_session *c)
{
    if (c->lifetime.dead_at != PTN_NEVER && c->lifetime.ours)
        c->lifetime.refresh_at = now + TRY_AGAIN;
}

void ptn_sip_lifetime_updated(struct ptn_sip *s, ptn_time now, ptn_sip_id call,
                              const struct ptn_sip_in *in)
{
    struct ptn_sip_session *c = ptn_sip_find_call(s, call);
    struct ptn_sip_acct *a = c ? ptn_sip_find_account(s, c->account) : NULL;
    unsigned status = in ? in->msg->scode : 408;

    if (!c || !a || c->state != PTN_SIP_CALL_UP || status < 200)
        return;
    if (status < 300) {
        ptn_sip_dialog_refresh(&c->dialog, in);
        ptn_sip_lifetime_answered(s, now, c, in);
        return;
    }
    bool again = status == 422 && ptn_sip_lifetime_too_small(c, in);
    if (status == 401 || status == 407)
        again =
            ptn_sip_call_trusts(s, c) && ptn_sip_account_challenged(s, a, &c->lifetime.chain, in);
    if (again) {
        ptn_sip_call_send_update(s, now, c);
    } else if (status == 481 || status == 408) {
        ptn_sip_call_end(s, now, c, in ? PTN_SIP_ENDED_BY_PEER : PTN_SIP_ENDED_TIMED_OUT, status);
    } else {
        /* It does not know UPDATE after all, or has no time for it now. */
        c->updates = c->updates && status != 405 && status != 501;
        ptn_sip_lifetime_refused(now, c);
    }
}

void ptn_sip_lifetime_tick(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c)
{
    if (c->lifetime.dead_at <= now)
        ptn_sip_call_say_bye(s, now, c, PTN_SIP_ENDED_TIMED_OUT, 408);
    else if (c->lifetime.refresh_at <= now)
        refresh(s, now, c);
}
