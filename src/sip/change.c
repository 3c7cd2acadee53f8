/*
 * sip/change.c - an INVITE within a call: hold, resume, another address. RFC 3261 §14.
 * The far end may use UPDATE (RFC 3311) instead, which needs no ACK.
 *
 * One at a time in either direction; two that meet are both refused (491) and tried again
 * after a while that differs for the two sides.
 */
#include "sip/agent.h"

/* True: this is no moment for a change of theirs, and they were told. */
static bool turn_away(struct ptn_sip *s, ptn_time now, const struct ptn_sip_session *c,
                      ptn_sip_txn_id id)
{
    /* §14.2: theirs before theirs is answered; then ours under way, or our 200 without ACK. */
    if (c->state == PTN_SIP_CALL_RINGING || c->change == PTN_SIP_CHANGE_THEIRS)
        ptn_sip_reject(s, now, id, 500, "Retry-After: 3\r\n");
    else if (c->state == PTN_SIP_CALL_PROCEEDING)
        ptn_sip_reject(s, now, id, 491, NULL);
    else if (c->state != PTN_SIP_CALL_UP)
        ptn_sip_reject(s, now, id, 481, NULL);
    else if (c->change == PTN_SIP_CHANGE_OURS || c->ok_until != PTN_NEVER)
        ptn_sip_reject(s, now, id, 491, NULL);
    else
        return false;
    return true;
}

static void take_on(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c, ptn_sip_txn_id id,
                    const struct ptn_sdp *offer)
{
    ptn_sip_exchange_assign(s, id, c);
    c->invite = id;
    /* Ours waits on; theirs may make it needless, but that is the owner's to know. */
    if (c->change == PTN_SIP_CHANGE_OURS_LATER) {
        c->change_at = PTN_NEVER;
        ptn_sip_call_tell(s, c, PTN_SIP_MODIFY_FAILED, 491, NULL);
    }
    c->change = PTN_SIP_CHANGE_THEIRS;
    if (!c->change_by_update)
        ptn_sip_call_respond(s, now, c, 100, NULL);
    ptn_sip_call_tell(s, c, PTN_SIP_OFFERED, 0, offer);
}

void ptn_sip_call_reinvited(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                            ptn_sip_txn_id id, const struct ptn_sip_in *in)
{
    const struct ptn_sdp *offer;
    struct ptn_sdp room;

    if (turn_away(s, now, c, id) || !ptn_sip_call_read_offer(s, now, id, in, &room, &offer) ||
        !ptn_sip_lifetime_judge(s, now, id, in))
        return;
    c->their_cseq = in->msg->cseq.num;
    c->needs_answer = !offer;
    c->change_by_update = false;
    take_on(s, now, c, id, offer);
}

void ptn_sip_call_updated(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                          ptn_sip_txn_id id, const struct ptn_sip_in *in)
{
    const struct ptn_sdp *offer;
    struct ptn_sdp room;

    if (!ptn_sip_call_read_offer(s, now, id, in, &room, &offer) ||
        !ptn_sip_lifetime_judge(s, now, id, in) || (offer && turn_away(s, now, c, id)))
        return;
    if (offer) {
        c->change_by_update = true;
        take_on(s, now, c, id, offer);
    } else {
        ptn_sip_dialog_refresh(&c->dialog, in);
        ptn_sip_call_respond_to(s, now, c, id, 200, NULL);
    }
}

void ptn_sip_change_accept(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                           const struct ptn_sdp *sdp)
{
    const struct ptn_sip_entry *e = ptn_sip_exchange_find(s, c->invite);

    c->change = PTN_SIP_CHANGE_NONE;
    if (e)
        ptn_sip_dialog_refresh(&c->dialog, &e->request);
    if (c->change_by_update) {
        ptn_sip_call_keep_offer(c, sdp);
        ptn_sip_call_respond(s, now, c, 200, sdp);
    } else {
        ptn_sip_call_send_ok(s, now, c, sdp);
    }
}

bool ptn_sip_call_modify(struct ptn_sip *s, ptn_time now, ptn_sip_id call,
                         const struct ptn_sip_path *path, const struct ptn_sdp *offer)
{
    struct ptn_sip_session *c = ptn_sip_find_call(s, call);

    if (!c || c->state != PTN_SIP_CALL_UP || c->change != PTN_SIP_CHANGE_NONE ||
        c->ok_until != PTN_NEVER || c->hang_up_later || !ptn_sip_call_keep_offer(c, offer))
        return false;
    if (path)
        c->path = *path;
    c->change = PTN_SIP_CHANGE_OURS;
    c->chain = (struct ptn_sip_auth_chain){0};
    ptn_sip_call_send_invite(s, now, c);
    if (!c->invite)
        c->change = PTN_SIP_CHANGE_NONE;
    return c->invite != 0;
}

static void taken(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                  const struct ptn_sip_in *in)
{
    bool unsupported, bad;
    struct ptn_sdp room;

    c->change = PTN_SIP_CHANGE_NONE;
    ptn_sip_dialog_refresh(&c->dialog, in);
    ptn_sip_lifetime_answered(s, now, c, in);
    ptn_sip_call_send_ack(s, now, c, &c->dialog, in->msg->cseq.num);
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
    if (((status == 401 || status == 407) && a &&
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
    } else if (status == 481 || status == 408 || (!in && why == PTN_ERR_TIMED_OUT)) {
        /* §12.2.1.2: for the far end the call is over, or there is no far end. */
        ptn_sip_call_end(s, now, c, in ? PTN_SIP_ENDED_BY_PEER : PTN_SIP_ENDED_TIMED_OUT, status);
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
        ptn_sip_call_respond(s, now, c, 487, NULL);
    c->change = PTN_SIP_CHANGE_NONE;
    c->change_at = PTN_NEVER;
}

void ptn_sip_change_tick(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c)
{
    if (c->change_at > now)
        return;
    c->change_at = PTN_NEVER;
    c->change = PTN_SIP_CHANGE_OURS;
    c->chain = (struct ptn_sip_auth_chain){0};
    ptn_sip_call_send_invite(s, now, c);
    if (!c->invite) {
        c->change = PTN_SIP_CHANGE_NONE;
        ptn_sip_call_tell(s, c, PTN_SIP_MODIFY_FAILED, 0, NULL);
    }
}
