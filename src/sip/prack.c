/*
 * sip/prack.c - provisional answers of ours that must arrive. RFC 3262 §3.
 *
 *     ringing      180 RSeq n  --T1--> again --2 T1--> … --64 T1--> 504, the call has ended
 *                      | PRACK n
 *                  the next one that waits, or the 200 that had to
 *
 * One at a time, so that they arrive in order. A 200 waits for a description that is on its way:
 * it would be an answer to an offer that nobody may have seen.
 */
#include <stdlib.h>
#include <string.h>

#include "sip/agent.h"

void ptn_sip_prack_stop(struct ptn_sip_reliable *r)
{
    r->repeat_at = r->until = PTN_NEVER;
}

void ptn_sip_prack_fini(struct ptn_sip_reliable *r)
{
    free(r->next_sdp);
    r->next_sdp = NULL;
}

void ptn_sip_prack_begin(const struct ptn_sip *s, struct ptn_sip_session *c,
                         const struct ptn_sip_in *invite, bool has_offer)
{
    const struct ptn_sip_acct *a = ptn_sip_find_account(s, c->account);

    c->reliable.required = ptn_sip_in_lists(invite, SIP_HDR_REQUIRE, "100rel");
    c->reliable.used = c->reliable.required ||
                       (a && a->reliable && ptn_sip_in_lists(invite, SIP_HDR_SUPPORTED, "100rel"));
    c->talks = has_offer ? PTN_SIP_TALKS_THEIRS : PTN_SIP_TALKS_NONE;
}

/* ---- sending ---- */

static void send_reliably(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                          unsigned status, const struct ptn_sdp *sdp)
{
    struct ptn_sip_reliable *r = &c->reliable;

    /* §3: the first by chance, below 2^31, the next one higher each. */
    r->rseq = r->rseq ? r->rseq + 1 : 1 + ptn_dice_below(&s->dice, 100000);
    r->unheard = r->rseq;
    r->status = status;
    r->with_sdp = sdp != NULL;
    if (sdp) {
        ptn_sip_call_keep_offer(c, sdp);
        ptn_sip_talks_sent(&c->talks, PTN_SIP_IN_RELIABLE);
    }
    ptn_sip_call_respond(s, now, c, status, sdp);
    r->repeat_wait = s->opts.t1;
    r->repeat_at = now + r->repeat_wait;
    r->until = now + 64 * s->opts.t1;
}

/* The latest state is what counts; but a description that waits is not lost to a later ringing. */
static void send_later(struct ptn_sip_session *c, unsigned status, const struct ptn_sdp *sdp)
{
    c->reliable.next_status = status;
    if (!sdp)
        return;
    if (!c->reliable.next_sdp)
        c->reliable.next_sdp = malloc(sizeof *sdp);
    if (c->reliable.next_sdp)
        *c->reliable.next_sdp = *sdp;
}

void ptn_sip_prack_progress(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                            unsigned status, const struct ptn_sdp *sdp)
{
    struct ptn_sip_reliable *r = &c->reliable;

    /* §5: where the INVITE had no offer, the first reliable answer brings it. Who does not insist
     * is told without it that it rings. */
    bool owes_offer = c->talks == PTN_SIP_TALKS_NONE && !sdp;
    /* What was agreed on already is not said again. */
    if (c->talks == PTN_SIP_TALKS_AGREED || c->talks == PTN_SIP_TALKS_OURS)
        sdp = NULL;
    if (!r->used || (owes_offer && !r->required))
        ptn_sip_call_respond(s, now, c, status, sdp);
    else if (owes_offer)
        return;
    else if (r->until != PTN_NEVER)
        send_later(c, status, sdp);
    else
        send_reliably(s, now, c, status, sdp);
}

bool ptn_sip_prack_holds(struct ptn_sip_session *c, const struct ptn_sdp *sdp)
{
    struct ptn_sip_reliable *r = &c->reliable;

    if (r->until == PTN_NEVER || !r->with_sdp)
        return false;
    send_later(c, 200, sdp);
    return true;
}

/* ---- being acknowledged ---- */

static void go_on(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c)
{
    struct ptn_sip_reliable *r = &c->reliable;
    unsigned status = r->next_status;
    struct ptn_sdp *sdp = r->next_sdp;

    r->next_status = 0;
    r->next_sdp = NULL;
    if (c->state == PTN_SIP_CALL_RINGING && status == 200)
        ptn_sip_call_answer(s, now, c, sdp);
    else if (c->state == PTN_SIP_CALL_RINGING && status)
        ptn_sip_prack_progress(s, now, c, status, sdp);
    free(sdp);
}

/* RAck: "776656 1 INVITE" */
static bool acknowledges(const struct ptn_sip_session *c, const struct ptn_sip_in *in)
{
    struct pl value = ptn_sip_in_value(in, SIP_HDR_RACK), rseq, cseq, method;
    uint32_t number, invite;

    return value.l &&
           re_regex(value.p, value.l, "[0-9]+[ \t]+[0-9]+[ \t]+[^ \t]+", &rseq, NULL, &cseq, NULL,
                    &method) == 0 &&
           ptn_sip_number(rseq, UINT32_MAX, &number) && ptn_sip_number(cseq, UINT32_MAX, &invite) &&
           ptn_pl_is(method, "INVITE") && c->reliable.unheard && number == c->reliable.unheard &&
           invite == c->their_cseq;
}

void ptn_sip_call_pracked(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                          ptn_sip_txn_id id, const struct ptn_sip_in *in)
{
    const struct ptn_sdp *sdp;
    struct ptn_sdp room;

    if (!c->incoming || !acknowledges(c, in)) {
        ptn_sip_reject(s, now, id, 481, NULL);
        return;
    }
    if (!ptn_sip_call_read_offer(s, now, id, in, &room, &sdp))
        return;
    c->reliable.unheard = 0;
    ptn_sip_prack_stop(&c->reliable);
    /* Our offer went unanswered: without it there is nothing to talk with. */
    bool unanswered = c->talks == PTN_SIP_TALKS_OURS && !sdp && c->reliable.with_sdp;
    enum ptn_sip_meaning means =
        sdp ? ptn_sip_talks_received(&c->talks, PTN_SIP_IN_PRACK) : PTN_SIP_MEANS_NOTHING;
    if (means == PTN_SIP_MEANS_OFFER) {
        ptn_sip_change_take_on(s, now, c, id, sdp, PTN_SIP_BY_PRACK);
        return;
    }
    ptn_sip_call_respond_to(s, now, c, id, 200, NULL);
    if (unanswered) {
        ptn_sip_call_reject(s, now, c->id, 488);
        return;
    }
    if (means == PTN_SIP_MEANS_ANSWER)
        ptn_sip_call_tell(s, c, PTN_SIP_EARLY_ANSWER, 0, sdp);
    go_on(s, now, c);
}

void ptn_sip_prack_go_on(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c)
{
    if (c->reliable.until == PTN_NEVER)
        go_on(s, now, c);
}

void ptn_sip_prack_tick(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c)
{
    struct ptn_sip_reliable *r = &c->reliable;

    if (r->until <= now) {
        ptn_sip_prack_stop(r);
        ptn_sip_call_respond(s, now, c, 504, NULL);
        ptn_sip_call_end(s, now, c, PTN_SIP_ENDED_NO_ACK, 504);
    } else if (r->repeat_at <= now) {
        r->repeat_wait *= 2;
        r->repeat_at = now + r->repeat_wait;
        ptn_sip_exchange_repeat(s, now, c->invite);
    }
}
