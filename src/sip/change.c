/*
 * sip/change.c - an INVITE within a call: hold, resume, another address. RFC 3261 §14.
 * The far end may use UPDATE (RFC 3311) instead, which needs no ACK; so do we at times (update.c).
 *
 * One at a time in either direction; two that meet are both refused (491) and tried again
 * after a while that differs for the two sides.
 */
#include "sip/agent.h"

/* The talks of the dialog that a request belongs to, before the call is answered. */
static enum ptn_sip_talks *early_talks(struct ptn_sip_session *c, const struct ptn_sip_in *in)
{
    struct ptn_sip_early *e =
        c->state == PTN_SIP_CALL_PROCEEDING ? ptn_sip_early_find(c, in) : NULL;

    return c->state == PTN_SIP_CALL_RINGING ? &c->talks : e ? &e->talks : NULL;
}

/* Is an offer of ours out in that dialog, before the call is answered? */
static bool is_updating(struct ptn_sip_session *c, const struct ptn_sip_in *in)
{
    const struct ptn_sip_early *e =
        c->state == PTN_SIP_CALL_PROCEEDING ? ptn_sip_early_find(c, in) : NULL;

    return e ? e->update != 0 : c->change == PTN_SIP_CHANGE_OURS;
}

/* Why this is no moment for a change of theirs; 0: it is one. §14.2, RFC 3311 §5.2. */
static unsigned status_now(struct ptn_sip_session *c, const struct ptn_sip_in *in,
                           enum ptn_sip_change_by by)
{
    const enum ptn_sip_talks *talks = early_talks(c, in);

    if (c->change == PTN_SIP_CHANGE_THEIRS)
        return 500;
    if (talks && by == PTN_SIP_BY_INVITE)
        return c->incoming ? 500 : 491;
    if (talks)
        return is_updating(c, in) ? 491 : ptn_sip_talks_refuse(*talks);
    if (c->state != PTN_SIP_CALL_UP)
        return 481;
    if (c->change == PTN_SIP_CHANGE_OURS)
        return 491;
    /* The ACK of our 200 is missing. Another INVITE says that it will not come, and is as good,
     * unless ours was an offer or ends the call (RFC 5407 §3.1.4, §3.1.5). */
    if (c->ok_until != PTN_NEVER)
        return by == PTN_SIP_BY_INVITE && !c->needs_answer && !c->hang_up_later ? 0 : 491;
    return 0;
}

/* True: they were told to come again. */
static bool turn_away(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c, ptn_sip_txn_id id,
                      const struct ptn_sip_in *in, enum ptn_sip_change_by by)
{
    unsigned status = status_now(c, in, by);

    if (status)
        ptn_sip_reject(s, now, id, status, status == 500 ? "Retry-After: 3\r\n" : NULL);
    return status != 0;
}

void ptn_sip_change_take_on(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                            ptn_sip_txn_id id, const struct ptn_sdp *offer,
                            enum ptn_sip_change_by by)
{
    ptn_sip_exchange_assign(s, id, c);
    c->changing = id;
    c->change_by = by;
    /* Ours waits on; theirs may make it needless, but that is the owner's to know. */
    if (c->change == PTN_SIP_CHANGE_OURS_LATER) {
        c->change_at = PTN_NEVER;
        ptn_sip_call_tell(s, c, PTN_SIP_MODIFY_FAILED, 491, NULL);
    }
    c->change = PTN_SIP_CHANGE_THEIRS;
    if (by == PTN_SIP_BY_INVITE) {
        c->invite = id;
        ptn_sip_call_respond(s, now, c, 100, NULL);
    }
    ptn_sip_call_tell(s, c, PTN_SIP_OFFERED, 0, offer);
}

void ptn_sip_call_reinvited(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                            ptn_sip_txn_id id, const struct ptn_sip_in *in)
{
    const struct ptn_sdp *offer;
    struct ptn_sdp room;

    if (turn_away(s, now, c, id, in, PTN_SIP_BY_INVITE) ||
        !ptn_sip_call_read_offer(s, now, id, in, &room, &offer) ||
        !ptn_sip_lifetime_judge(s, now, id, in))
        return;
    if (c->ok_until != PTN_NEVER)
        ptn_sip_call_is_acked(s, c);
    c->their_cseq = in->msg->cseq.num;
    c->needs_answer = !offer;
    ptn_sip_change_take_on(s, now, c, id, offer, PTN_SIP_BY_INVITE);
}

void ptn_sip_call_updated(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                          ptn_sip_txn_id id, const struct ptn_sip_in *in)
{
    enum ptn_sip_talks *talks = early_talks(c, in);
    const struct ptn_sdp *offer;
    struct ptn_sdp room;

    if (!ptn_sip_call_read_offer(s, now, id, in, &room, &offer) ||
        !ptn_sip_lifetime_judge(s, now, id, in) ||
        (offer && turn_away(s, now, c, id, in, PTN_SIP_BY_UPDATE)))
        return;
    if (offer) {
        if (talks)
            ptn_sip_talks_received(talks, PTN_SIP_IN_UPDATE);
        ptn_sip_change_take_on(s, now, c, id, offer, PTN_SIP_BY_UPDATE);
    } else {
        ptn_sip_dialog_refresh(ptn_sip_call_dialog(c, in), in);
        ptn_sip_call_respond_to(s, now, c, id, 200, NULL);
    }
}

/* The answer to a change of theirs goes out: the talks of an early dialog stand where they did. */
static void settle(struct ptn_sip *s, struct ptn_sip_session *c, bool taken)
{
    struct ptn_sip_entry *e = ptn_sip_exchange_find(s, c->changing);
    enum ptn_sip_talks *talks = e && e->request.msg ? early_talks(c, &e->request) : NULL;
    struct ptn_sip_dialog *d =
        taken && e && e->request.msg ? ptn_sip_call_dialog(c, &e->request) : NULL;

    c->change = PTN_SIP_CHANGE_NONE;
    if (talks)
        *talks = PTN_SIP_TALKS_AGREED;
    if (d)
        ptn_sip_dialog_refresh(d, &e->request);
}

void ptn_sip_change_accept(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                           const struct ptn_sdp *sdp)
{
    settle(s, c, true);
    if (c->change_by == PTN_SIP_BY_INVITE) {
        ptn_sip_call_send_ok(s, now, c, sdp);
        return;
    }
    ptn_sip_call_keep_offer(c, sdp);
    ptn_sip_call_respond_to(s, now, c, c->changing, 200, sdp);
    if (c->change_by == PTN_SIP_BY_PRACK)
        ptn_sip_prack_go_on(s, now, c);
}

void ptn_sip_change_reject(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                           unsigned status)
{
    settle(s, c, false);
    ptn_sip_call_respond_to(s, now, c, c->changing, status, NULL);
    if (c->change_by == PTN_SIP_BY_PRACK)
        ptn_sip_prack_go_on(s, now, c);
}

/* Not while the ACK of our 200 is missing: only one INVITE at a time (§14.1). */
static bool may_invite(const struct ptn_sip_session *c)
{
    return c->state == PTN_SIP_CALL_UP && c->change == PTN_SIP_CHANGE_NONE &&
           c->ok_until == PTN_NEVER && !c->hang_up_later;
}

static bool send_offer(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c)
{
    if (!may_invite(c))
        return ptn_sip_may_update(c) && ptn_sip_update_offer(s, now, c);
    c->change = PTN_SIP_CHANGE_OURS;
    c->update = 0;
    c->chain = (struct ptn_sip_auth_chain){0};
    ptn_sip_call_send_invite(s, now, c);
    if (!c->invite)
        c->change = PTN_SIP_CHANGE_NONE;
    return c->invite != 0;
}

bool ptn_sip_call_modify(struct ptn_sip *s, ptn_time now, ptn_sip_id call,
                         const struct ptn_sip_path *path, const struct ptn_sdp *offer)
{
    struct ptn_sip_session *c = ptn_sip_find_call(s, call);

    if (!c || (!may_invite(c) && !ptn_sip_may_update(c)) || !ptn_sip_call_keep_offer(c, offer))
        return false;
    if (path)
        c->path = *path;
    return send_offer(s, now, c);
}

static void taken(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                  const struct ptn_sip_in *in)
{
    bool unsupported, bad;
    struct ptn_sdp room;

    c->change = PTN_SIP_CHANGE_NONE;
    ptn_sip_dialog_refresh(&c->dialog, in);
    if (ptn_sip_in_is(in, "INVITE")) {
        ptn_sip_lifetime_answered(s, now, c, in);
        ptn_sip_call_send_ack(s, now, c, &c->dialog, in->msg->cseq.num);
    }
    const struct ptn_sdp *sdp = ptn_sip_in_sdp(in, &room, &unsupported, &bad);
    if (sdp)
        ptn_sip_call_tell(s, c, PTN_SIP_MODIFIED, in->msg->scode, sdp);
    else
        ptn_sip_call_tell(s, c, PTN_SIP_MODIFY_FAILED, in->msg->scode, NULL);
}

/* §14.1: whose call it is waits longer, in steps of 10 ms. */
static void wait_after_glare(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c)
{
    ptn_time wait = c->incoming ? PTN_MS(10) * ptn_dice_below(&s->dice, 201)
                                : PTN_MS(2100) + PTN_MS(10) * ptn_dice_below(&s->dice, 191);

    c->change = PTN_SIP_CHANGE_OURS_LATER;
    c->change_at = now + wait;
}

static void refused(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                    const struct ptn_sip_in *in, enum ptn_err why)
{
    struct ptn_sip_acct *a = ptn_sip_find_account(s, c->account);
    unsigned status = in ? in->msg->scode : 0;

    c->change = PTN_SIP_CHANGE_NONE;
    if (((status == 401 || status == 407) && a && ptn_sip_call_trusts(s, c) &&
         ptn_sip_account_challenged(s, a, &c->chain, in)) ||
        (in && ptn_sip_lifetime_too_small(c, in))) {
        c->change = PTN_SIP_CHANGE_OURS;
        ptn_sip_call_send_invite(s, now, c);
        if (c->invite)
            return;
        c->change = PTN_SIP_CHANGE_NONE;
    }
    if (status == 491) {
        wait_after_glare(s, now, c);
    } else if (c->state != PTN_SIP_CALL_UP) {
        /* The call is not answered yet; whether it can be is not said by this. */
        ptn_sip_call_tell(s, c, PTN_SIP_MODIFY_FAILED, status, NULL);
    } else if (status == 481) {
        /* §12.2.1.2: for the far end the call is over. */
        ptn_sip_call_end(s, now, c, PTN_SIP_ENDED_BY_PEER, status);
    } else if (status == 408 || (!in && why == PTN_ERR_TIMED_OUT)) {
        /* The same, where there is no far end; but it may have moved. */
        ptn_sip_call_tell(s, c, PTN_SIP_MODIFY_FAILED, 408, NULL);
    } else {
        ptn_sip_lifetime_refused(now, c);
        ptn_sip_call_tell(s, c, PTN_SIP_MODIFY_FAILED, status, NULL);
    }
}

void ptn_sip_change_answered(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                             const struct ptn_sip_in *in, enum ptn_err why)
{
    if (in && in->msg->scode < 200)
        return;
    if (in && in->msg->scode < 300)
        taken(s, now, c, in);
    else
        refused(s, now, c, in, why);
}

void ptn_sip_change_abandon(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c)
{
    if (c->change == PTN_SIP_CHANGE_THEIRS)
        ptn_sip_call_respond_to(s, now, c, c->changing, 487, NULL);
    c->change = PTN_SIP_CHANGE_NONE;
    c->change_at = PTN_NEVER;
}

void ptn_sip_change_tick(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c)
{
    if (c->change_at > now)
        return;
    c->change_at = PTN_NEVER;
    c->change = PTN_SIP_CHANGE_NONE;
    if (!send_offer(s, now, c))
        ptn_sip_call_tell(s, c, PTN_SIP_MODIFY_FAILED, 0, NULL);
}
