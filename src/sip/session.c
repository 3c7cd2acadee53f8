/*
 * sip/session.c - calls, from INVITE to the end of their last transaction.
 *
 *   ours    CALLING --1xx--> PROCEEDING --2xx--> UP --hang up--> ENDING --> OVER
 *              | hang up        |                 |
 *              +------------> CANCELLING          | BYE
 *                               | 487, 200+BYE    v
 *   theirs  RINGING --accept--> UP               OVER     any refusal: OVER
 *
 * ENDED is told on entering OVER. The call itself stays until its transactions are gone: a
 * 2xx that comes again still wants its ACK.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sip/agent.h"

enum { URI_MAX = 1100 };

struct ptn_sip_dialog *ptn_sip_call_dialog(struct ptn_sip_session *c,
                                           const struct ptn_sip_in *request)
{
    if (ptn_sip_dialog_has(&c->dialog, request))
        return &c->dialog;
    struct ptn_sip_early *e =
        c->state == PTN_SIP_CALL_PROCEEDING ? ptn_sip_early_find(c, request) : NULL;
    return e && ptn_sip_dialog_has(&e->dialog, request) ? &e->dialog : NULL;
}

const char *ptn_sip_call_name(const struct ptn_sip *s, ptn_sip_id call)
{
    const struct ptn_sip_session *c = ptn_sip_find_call(s, call);

    return c && c->dialog.call_id ? c->dialog.call_id : "";
}

struct ptn_addr ptn_sip_call_far_end(const struct ptn_sip *s, ptn_sip_id call)
{
    const struct ptn_sip_session *c = ptn_sip_find_call(s, call);
    struct ptn_sip_target target;
    struct ptn_addr addr = {0};
    struct pl uri;

    if (!c || !c->dialog.target)
        return addr;
    pl_set_str(&uri, c->dialog.target);
    if (ptn_sip_target_of_uri(uri, &target))
        ptn_addr_parse(target.host, &addr);
    return ptn_addr_with_port(addr, 0);
}

/* ---- beginning and end ---- */

void ptn_sip_call_tell(struct ptn_sip *s, const struct ptn_sip_session *c,
                       enum ptn_sip_event_kind kind, unsigned status, const struct ptn_sdp *sdp)
{
    ptn_sip_tell(s, &(struct ptn_sip_event){
                        .kind = kind,
                        .call = c->id,
                        .account = c->account,
                        .status = status,
                        .reason = status ? ptn_sip_reason(status) : NULL,
                        .sdp = sdp,
                    });
}

void ptn_sip_call_end(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                      enum ptn_sip_ended ended, unsigned status)
{
    if (c->state == PTN_SIP_CALL_OVER)
        return;
    ptn_sip_change_abandon(s, now, c);
    c->state = PTN_SIP_CALL_OVER;
    ptn_sip_call_is_over(s, c);
    c->ok_repeat = c->ok_until = c->ringing_repeat = PTN_NEVER;
    c->change_at = c->cancel_until = c->expires_at = PTN_NEVER;
    ptn_sip_prack_stop(&c->reliable);
    ptn_sip_lifetime_stop(&c->lifetime);
    ptn_sip_next_hop_stop(s, c);
    ptn_sip_tell(s, &(struct ptn_sip_event){
                        .kind = PTN_SIP_ENDED,
                        .call = c->id,
                        .account = c->account,
                        .ended = ended,
                        .status = status,
                        .reason = status ? ptn_sip_reason(status) : NULL,
                    });
}

void ptn_sip_call_say_bye(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                          enum ptn_sip_ended ended, unsigned status)
{
    c->ended = ended;
    c->ended_status = status;
    ptn_sip_change_abandon(s, now, c);
    c->state = PTN_SIP_CALL_ENDING;
    c->ok_repeat = c->ok_until = c->change_at = PTN_NEVER;
    ptn_sip_lifetime_stop(&c->lifetime);
    ptn_sip_next_hop_stop(s, c);
    c->chain = (struct ptn_sip_auth_chain){0};
    ptn_sip_call_send_bye(s, now, c, &c->dialog, PTN_SIP_FOR_CALL);
}

/* ---- calling ---- */

bool ptn_sip_may_call(struct ptn_sip *s, ptn_sip_id account, const char *target)
{
    const struct ptn_sip_acct *a = ptn_sip_find_account(s, account);
    char uri[URI_MAX];

    return a && ptn_sip_print_target(a, target, uri, sizeof uri);
}

enum ptn_err ptn_sip_call_begin(struct ptn_sip *s, ptn_time now, ptn_sip_id account,
                                const struct ptn_sip_calling *how, ptn_sip_id *call)
{
    const struct ptn_sip_path *path = how->path;
    const char *target = how->target;
    struct ptn_sip_acct *a = ptn_sip_find_account(s, account);
    char uri[URI_MAX], to[URI_MAX + 2];

    if (!a || !ptn_sip_print_target(a, target, uri, sizeof uri))
        return PTN_ERR_INVALID;
    if (!path)
        path = &a->path;
    if (!ptn_sip_find_socket(s, path->socket))
        return PTN_ERR_UNREACHABLE;
    struct ptn_sip_session *c = ptn_sip_call_add(s, account);
    if (!c)
        return PTN_ERR_NO_ROOM;
    c->path = *path;
    c->reliable.shown = a->reliable;
    c->replaces_only = how->replaces_only;
    snprintf(to, sizeof to, "<%s>", uri);
    bool made =
        ptn_sip_replace(&c->dialled, ptn_pl(target)) &&
        ptn_sip_dialog_call(&c->dialog, &s->dice, a->aor, to, uri, ptn_sip_account_route(a)) &&
        ptn_sip_call_keep_offer(c, how->offer) && ptn_sip_target_replaces(target, &c->replaces);
    if (made)
        ptn_sip_call_send_invite(s, now, c);
    if (!c->invite) {
        ptn_sip_call_free(s, c);
        return made ? PTN_ERR_NO_ROOM : PTN_ERR_NO_MEMORY;
    }
    *call = c->id;
    return PTN_OK;
}

enum ptn_err ptn_sip_call(struct ptn_sip *s, ptn_time now, ptn_sip_id account, const char *target,
                          const struct ptn_sip_path *path, const struct ptn_sdp *offer,
                          ptn_sip_id *call)
{
    struct ptn_sip_calling how = {.target = target, .path = path, .offer = offer};

    return ptn_sip_call_begin(s, now, account, &how, call);
}

static void cancel(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c)
{
    c->cancel_sent = true;
    /* §9.1: whom CANCEL does not move to a last word is not waited for longer than this. */
    c->cancel_until = now + 64 * s->opts.t1;
    ptn_sip_exchange_cancel(s, now, c->invite);
}

static void hang_up_ours(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c)
{
    struct ptn_sip_entry *e = ptn_sip_exchange_find(s, c->invite);

    if (!e || e->waiting) {
        ptn_sip_exchange_drop(s, c->invite);
        ptn_sip_call_end(s, now, c, PTN_SIP_ENDED_BY_US, 0);
        return;
    }
    e->settled = true;
    /* Before any answer a CANCEL could overtake the INVITE: it waits for the first. */
    if (c->state == PTN_SIP_CALL_PROCEEDING)
        cancel(s, now, c);
    c->state = PTN_SIP_CALL_CANCELLING;
}

static void progress(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                     const struct ptn_sip_in *in)
{
    struct ptn_sdp room;
    bool unsupported, bad;

    if (c->state == PTN_SIP_CALL_CANCELLING && !c->cancel_sent)
        cancel(s, now, c);
    if (c->state == PTN_SIP_CALL_CALLING)
        c->state = PTN_SIP_CALL_PROCEEDING;
    if (c->state != PTN_SIP_CALL_PROCEEDING || in->msg->scode == 100)
        return;
    const struct ptn_sdp *sdp = ptn_sip_in_sdp(in, &room, &unsupported, &bad);
    if (ptn_sip_early_rings(s, now, c, in, &sdp))
        ptn_sip_call_tell(s, c, PTN_SIP_PROGRESS, in->msg->scode, sdp);
}

/* A fork that answered too late for us: taken and let go (§13.2.2.4). */
static void decline_fork(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                         const struct ptn_sip_in *in)
{
    struct ptn_sip_dialog fork;
    struct ptn_sip_dialog first = c->dialog;
    const struct ptn_sdp *sdp = NULL;

    first.local_cseq = c->invite_cseq;
    if (!ptn_sip_dialog_answered(&fork, &first, in))
        return;
    ptn_sip_early_answers(c, in, &fork, &sdp);
    ptn_sip_call_send_ack(s, now, c, &fork, in->msg->cseq.num);
    ptn_sip_call_send_bye(s, now, c, &fork, PTN_SIP_FOR_NOBODY);
    ptn_sip_dialog_fini(&fork);
}

void ptn_sip_call_answered_elsewhere(struct ptn_sip *s, ptn_time now, ptn_sip_id call,
                                     const struct ptn_sip_in *in)
{
    struct ptn_sip_session *c = ptn_sip_find_call(s, call);

    if (c)
        decline_fork(s, now, c, in);
}

static void first_answer(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                         const struct ptn_sip_in *in)
{
    bool unsupported, bad, given_up = c->state == PTN_SIP_CALL_CANCELLING;
    struct ptn_sip_dialog dialog;
    struct ptn_sdp room;

    if (!ptn_sip_dialog_answered(&dialog, &c->dialog, in)) {
        ptn_sip_call_end(s, now, c, PTN_SIP_ENDED_REFUSED, in->msg->scode);
        return;
    }
    const struct ptn_sdp *sdp = ptn_sip_in_sdp(in, &room, &unsupported, &bad);
    ptn_sip_early_answers(c, in, &dialog, &sdp);
    ptn_sip_change_abandon(s, now, c);
    ptn_sip_update_goes_on(c, ptn_sip_early_find(c, in));
    ptn_sip_dialog_fini(&c->dialog);
    c->dialog = dialog;
    c->state = PTN_SIP_CALL_UP;
    c->cancel_until = PTN_NEVER;
    ptn_sip_lifetime_answered(s, now, c, in);
    ptn_sip_next_hop_start(s, now, c);
    ptn_sip_call_send_ack(s, now, c, &c->dialog, in->msg->cseq.num);
    if (given_up)
        ptn_sip_call_say_bye(s, now, c, PTN_SIP_ENDED_BY_US, 0);
    else if (!sdp)
        ptn_sip_call_say_bye(s, now, c, PTN_SIP_ENDED_BAD_SDP, in->msg->scode);
    else
        ptn_sip_call_tell(s, c, PTN_SIP_ANSWERED, in->msg->scode, sdp);
}

static void success(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                    const struct ptn_sip_in *in)
{
    if (c->state <= PTN_SIP_CALL_CANCELLING)
        first_answer(s, now, c, in);
    else if (ptn_pl_is(in->msg->to.tag, c->dialog.remote_tag))
        ptn_sip_call_send_ack(s, now, c, &c->dialog, in->msg->cseq.num);
    else
        decline_fork(s, now, c, in);
}

/* §21.4.16: the far end wants to see an extension that we have. */
static bool may_show_more(struct ptn_sip_session *c, const struct ptn_sip_in *in)
{
    if (in->msg->scode != 421 || c->reliable.shown ||
        !ptn_sip_in_lists(in, SIP_HDR_REQUIRE, "100rel"))
        return false;
    c->reliable.shown = true;
    return true;
}

static void refusal(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                    const struct ptn_sip_in *in)
{
    struct ptn_sip_acct *a = ptn_sip_find_account(s, c->account);
    unsigned status = in->msg->scode;

    if (c->state > PTN_SIP_CALL_CANCELLING)
        return;
    if (c->state == PTN_SIP_CALL_CANCELLING) {
        ptn_sip_call_end(s, now, c, PTN_SIP_ENDED_BY_US, status);
        return;
    }
    /* It ends all that rang. */
    ptn_sip_change_abandon(s, now, c);
    ptn_sip_early_fini(c);
    if (((status == 401 || status == 407) && a && ptn_sip_call_trusts(s, c) &&
         ptn_sip_account_challenged(s, a, &c->chain, in)) ||
        ptn_sip_lifetime_too_small(c, in) || may_show_more(c, in)) {
        c->state = PTN_SIP_CALL_CALLING;
        ptn_sip_call_send_invite(s, now, c);
        if (c->invite)
            return;
    }
    if (!ptn_sip_redirect_follow(s, c, in))
        ptn_sip_call_end(s, now, c, PTN_SIP_ENDED_REFUSED, status);
}

/* The server that the call went to has failed, and the account has found another one: the call is
 * made there, by the name that it has there. */
static bool goes_elsewhere(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c)
{
    const struct ptn_sip_acct *a = ptn_sip_find_account(s, c->account);

    if (c->state != PTN_SIP_CALL_CALLING || c->redirect.count || !a || a->way == c->way ||
        ++c->moves >= a->way_count || !ptn_sip_account_readdress(a, &c->dialog, c->dialled))
        return false;
    c->chain = (struct ptn_sip_auth_chain){0};
    ptn_sip_call_send_invite(s, now, c);
    return c->invite != 0;
}

static enum ptn_sip_ended ended_by(enum ptn_err why)
{
    return why == PTN_ERR_TIMED_OUT ? PTN_SIP_ENDED_TIMED_OUT : PTN_SIP_ENDED_UNREACHABLE;
}

static void bye_answered(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                         const struct ptn_sip_in *in)
{
    struct ptn_sip_acct *a = ptn_sip_find_account(s, c->account);
    bool is_bye = !in || ptn_sip_in_is(in, "BYE");

    if (c->state != PTN_SIP_CALL_ENDING || !is_bye || (in && in->msg->scode < 200))
        return;
    if (in && (in->msg->scode == 401 || in->msg->scode == 407) && a && ptn_sip_call_trusts(s, c) &&
        ptn_sip_account_challenged(s, a, &c->chain, in))
        ptn_sip_call_send_bye(s, now, c, &c->dialog, PTN_SIP_FOR_CALL);
    else
        ptn_sip_call_end(s, now, c, c->ended, c->ended_status);
}

void ptn_sip_call_answered(struct ptn_sip *s, ptn_time now, ptn_sip_id call,
                           const struct ptn_sip_in *in, enum ptn_err why, bool is_invite)
{
    struct ptn_sip_session *c = ptn_sip_find_call(s, call);
    bool latest = c && (!in || in->msg->cseq.num == c->invite_cseq);

    if (!c)
        return;
    if (!is_invite)
        bye_answered(s, now, c, in);
    else if (c->change == PTN_SIP_CHANGE_OURS && !c->update && latest)
        ptn_sip_change_answered(s, now, c, in, why);
    else if ((!in || in->msg->scode == 503) && latest && goes_elsewhere(s, now, c))
        return;
    else if (!in && c->state < PTN_SIP_CALL_CANCELLING && ptn_sip_redirect_follow(s, c, NULL))
        return;
    else if (!in && c->state <= PTN_SIP_CALL_CANCELLING)
        ptn_sip_call_end(s, now, c,
                         c->state == PTN_SIP_CALL_CANCELLING ? PTN_SIP_ENDED_BY_US : ended_by(why),
                         0);
    else if (in && in->msg->scode >= 200 && in->msg->scode < 300)
        success(s, now, c, in);
    else if (in && latest && in->msg->scode < 200)
        progress(s, now, c, in);
    else if (in && latest)
        refusal(s, now, c, in);
}

/* ---- the end ---- */

void ptn_sip_call_hang_up(struct ptn_sip *s, ptn_time now, ptn_sip_id call)
{
    struct ptn_sip_session *c = ptn_sip_find_call(s, call);

    if (!c)
        return;
    switch (c->state) {
    case PTN_SIP_CALL_CALLING:
    case PTN_SIP_CALL_PROCEEDING: hang_up_ours(s, now, c); break;
    case PTN_SIP_CALL_RINGING:
        ptn_sip_change_abandon(s, now, c);
        ptn_sip_call_reject(s, now, call, 603);
        break;
    case PTN_SIP_CALL_UP:
        if (c->ok_until != PTN_NEVER)
            c->hang_up_later = true;
        else
            ptn_sip_call_say_bye(s, now, c, PTN_SIP_ENDED_BY_US, 0);
        break;
    case PTN_SIP_CALL_CANCELLING:
    case PTN_SIP_CALL_ENDING:
    case PTN_SIP_CALL_OVER: break;
    }
}

/* ---- time ---- */

static void repeat_ok(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c)
{
    if (c->ok_until <= now) {
        /* §13.3.1.4: the far end never got it, or its ACK never came; it may still be talking. */
        ptn_sip_call_say_bye(s, now, c,
                             c->hang_up_later ? PTN_SIP_ENDED_BY_US : PTN_SIP_ENDED_NO_ACK, 0);
        return;
    }
    c->ok_wait = ptn_time_min(2 * c->ok_wait, s->opts.t2);
    c->ok_repeat = now + c->ok_wait;
    ptn_sip_exchange_repeat(s, now, c->invite);
}

static void tick_call(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c)
{
    if (c->ok_repeat <= now || c->ok_until <= now)
        repeat_ok(s, now, c);
    ptn_sip_called_tick(s, now, c);
    if (c->cancel_until <= now) {
        ptn_sip_exchange_drop(s, c->invite);
        ptn_sip_call_end(s, now, c, PTN_SIP_ENDED_BY_US, 0);
    }
    ptn_sip_change_tick(s, now, c);
    ptn_sip_lifetime_tick(s, now, c);
    ptn_sip_next_hop_tick(s, now, c);
}

void ptn_sip_calls_tick(struct ptn_sip *s, ptn_time now)
{
    ptn_sip_calls_bury(s);
    for (struct ptn_sip_session *c = s->living, *next; c; c = next) {
        next = c->next_living;
        tick_call(s, now, c);
    }
}

ptn_time ptn_sip_calls_deadline(const struct ptn_sip *s)
{
    ptn_time due = PTN_NEVER;

    for (const struct ptn_sip_session *c = s->living; c; c = c->next_living) {
        due = ptn_time_min(due, ptn_time_min(c->ok_repeat, c->ok_until));
        due = ptn_time_min(due, ptn_time_min(c->ringing_repeat, c->cancel_until));
        due = ptn_time_min(due, ptn_time_min(c->change_at, c->expires_at));
        due = ptn_time_min(due, ptn_time_min(c->reliable.repeat_at, c->reliable.until));
        due = ptn_time_min(due, ptn_time_min(c->lifetime.refresh_at, c->lifetime.dead_at));
        due = ptn_time_min(due, ptn_sip_next_hop_deadline(c));
    }
    return due;
}
