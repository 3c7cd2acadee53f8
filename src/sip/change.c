/*
 * sip/change.c - an INVITE within a call: hold, resume, another address. RFC 3261 §14.
 *
 * One at a time in either direction; two that meet are both refused (491) and tried again
 * after a while that differs for the two sides.
 */
#include "sip/agent.h"

void ptn_sip_call_reinvited(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                            ptn_sip_txn_id id, const struct ptn_sip_in *in)
{
    const struct ptn_sdp *offer;
    struct ptn_sdp room;

    /* §14.2: theirs before theirs is answered; then ours under way, or our 200 without ACK. */
    if (c->state == PTN_SIP_CALL_RINGING || c->change == PTN_SIP_CHANGE_THEIRS) {
        ptn_sip_reject(s, now, id, 500, "Retry-After: 3\r\n");
        return;
    }
    if (c->state != PTN_SIP_CALL_UP) {
        ptn_sip_reject(s, now, id, 481, NULL);
        return;
    }
    if (c->change == PTN_SIP_CHANGE_OURS || c->ok_until != PTN_NEVER) {
        ptn_sip_reject(s, now, id, 491, NULL);
        return;
    }
    if (!ptn_sip_call_read_offer(s, now, id, in, &room, &offer))
        return;
    ptn_sip_exchange_assign(s, id, c);
    c->invite = id;
    c->their_cseq = in->msg->cseq.num;
    c->needs_answer = !offer;
    /* Ours waits on; theirs may make it needless, but that is the owner's to know. */
    if (c->change == PTN_SIP_CHANGE_OURS_LATER) {
        c->change_at = PTN_NEVER;
        ptn_sip_call_tell(s, c, PTN_SIP_MODIFY_FAILED, 491, NULL);
    }
    c->change = PTN_SIP_CHANGE_THEIRS;
    ptn_sip_call_respond(s, now, c, 100, NULL);
    ptn_sip_call_tell(s, c, PTN_SIP_OFFERED, 0, offer);
}

void ptn_sip_change_accept(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                           const struct ptn_sdp *sdp)
{
    const struct ptn_sip_entry *e = ptn_sip_exchange_find(s, c->invite);

    c->change = PTN_SIP_CHANGE_NONE;
    if (e)
        ptn_sip_dialog_refresh(&c->dialog, &e->request);
    ptn_sip_call_send_ok(s, now, c, sdp);
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
    if ((status == 401 || status == 407) && a && ptn_sip_account_challenged(s, a, &c->chain, in)) {
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
