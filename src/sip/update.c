/*
 * sip/update.c - an offer of ours in an UPDATE, for when an INVITE cannot be sent. RFC 3311.
 *
 *     before the answer     each dialog that has finished its first offer and answer, and whose far
 *                           end allows UPDATE, gets one of its own
 *     before the ACK        of our 200 has come, and may never come, because it is sent to where we
 *                           were: the UPDATE also tells where we are
 *
 * Its answer changes the call as that of an INVITE does (change.c), but needs no ACK.
 */
#include <string.h>

#include "sip/agent.h"

static bool send_update(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                        struct ptn_sip_dialog *d, ptn_sip_txn_id *txn)
{
    *txn = ptn_sip_call_send(s, now, c,
                             &(struct ptn_sip_within){.user = PTN_SIP_FOR_UPDATE,
                                                      .dialog = d,
                                                      .method = "UPDATE",
                                                      .able = true,
                                                      .sdp = c->offer});
    return *txn != 0;
}

/* ---- before the answer, where we call ---- */

static bool send_early(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c)
{
    bool sent = false;

    for (struct ptn_sip_early *e = c->early; e; e = e->next) {
        if (!e->updates || e->talks != PTN_SIP_TALKS_AGREED || e->update)
            continue;
        e->chain = (struct ptn_sip_auth_chain){0};
        sent |= send_update(s, now, c, &e->dialog, &e->update);
    }
    return sent;
}

static bool has_early(const struct ptn_sip_session *c)
{
    for (const struct ptn_sip_early *e = c->early; e; e = e->next)
        if (e->updates && e->talks == PTN_SIP_TALKS_AGREED && !e->update)
            return true;
    return false;
}

/* ---- the call's own dialog ---- */

static bool send_within(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c)
{
    c->chain = (struct ptn_sip_auth_chain){0};
    c->change =
        send_update(s, now, c, NULL, &c->update) ? PTN_SIP_CHANGE_OURS : PTN_SIP_CHANGE_NONE;
    return c->update != 0;
}

bool ptn_sip_may_update(const struct ptn_sip_session *c)
{
    if (c->state == PTN_SIP_CALL_PROCEEDING)
        return has_early(c);
    if (c->change != PTN_SIP_CHANGE_NONE || !c->updates)
        return false;
    return c->state == PTN_SIP_CALL_RINGING
               ? c->talks == PTN_SIP_TALKS_AGREED
               : c->state == PTN_SIP_CALL_UP && !c->needs_answer && !c->hang_up_later;
}

bool ptn_sip_update_offer(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c)
{
    return c->state == PTN_SIP_CALL_PROCEEDING ? send_early(s, now, c) : send_within(s, now, c);
}

void ptn_sip_update_goes_on(struct ptn_sip_session *c, const struct ptn_sip_early *e)
{
    c->updates = e && e->updates;
    c->update = e ? e->update : 0;
    if (c->update)
        c->change = PTN_SIP_CHANGE_OURS;
}

/* ---- what comes back ---- */

/* `e` NULL: in the call's own dialog. True when it was sent again, with credentials. */
static bool is_challenged(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                          struct ptn_sip_early *e, const struct ptn_sip_in *in)
{
    struct ptn_sip_acct *a = ptn_sip_find_account(s, c->account);
    unsigned status = in ? in->msg->scode : 0;

    return (status == 401 || status == 407) && a && ptn_sip_call_trusts(s, c) &&
           ptn_sip_account_challenged(s, a, e ? &e->chain : &c->chain, in) &&
           send_update(s, now, c, e ? &e->dialog : NULL, e ? &e->update : &c->update);
}

static void early_answered(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                           struct ptn_sip_early *e, const struct ptn_sip_in *in)
{
    unsigned status = in ? in->msg->scode : 0;
    bool unsupported, bad;
    struct ptn_sdp room;

    e->update = 0;
    if (is_challenged(s, now, c, e, in))
        return;
    const struct ptn_sdp *sdp =
        status / 100 == 2 ? ptn_sip_in_sdp(in, &room, &unsupported, &bad) : NULL;
    if (sdp) {
        ptn_sip_dialog_refresh(&e->dialog, in);
        ptn_sip_early_keep_answer(e, sdp);
        ptn_sip_call_tell(s, c, PTN_SIP_MODIFIED, status, sdp);
        return;
    }
    e->updates = status != 405 && status != 501 && status != 481;
    ptn_sip_call_tell(s, c, PTN_SIP_MODIFY_FAILED, status, NULL);
}

/* Whose UPDATE was answered, or has been in vain: its transaction is gone. */
static struct ptn_sip_early *early_of(struct ptn_sip *s, struct ptn_sip_session *c,
                                      const struct ptn_sip_in *in)
{
    struct ptn_sip_early *e = in ? ptn_sip_early_find(c, in) : c->early;

    while (!in && e && (!e->update || ptn_sip_exchange_find(s, e->update)))
        e = e->next;
    return e;
}

void ptn_sip_update_answered(struct ptn_sip *s, ptn_time now, ptn_sip_id call,
                             const struct ptn_sip_in *in, enum ptn_err why)
{
    struct ptn_sip_session *c = ptn_sip_find_call(s, call);
    struct ptn_sip_early *e = c && c->state == PTN_SIP_CALL_PROCEEDING ? early_of(s, c, in) : NULL;

    if (!c || (in && in->msg->scode < 200))
        return;
    if (e) {
        if (e->update)
            early_answered(s, now, c, e, in);
        return;
    }
    if (c->change != PTN_SIP_CHANGE_OURS || !c->update)
        return;
    c->update = 0;
    if (is_challenged(s, now, c, NULL, in))
        return;
    if (in && (in->msg->scode == 405 || in->msg->scode == 501))
        c->updates = false;
    ptn_sip_change_answered(s, now, c, in, why);
}
