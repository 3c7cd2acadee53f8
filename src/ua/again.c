/*
 * ua/again.c - a call whose far end has moved at the same time as we have.
 *
 * Each side knows of the other only where it was, so what one says within the call reaches nobody:
 * its INVITE goes unanswered. Both have told their server where they are now, though, so the far
 * end is called anew by its name, and the new call takes the old one's place (RFC 3891). For the
 * owner, on both sides, it is one call all the time.
 *
 *     addresses told, no answer, silence --3 s--> INVITE with Replaces --200--> goes on in that
 *     (8 s where they called us)                   |     again after 5 s: the server may have
 *                                                  +---- known no better place yet
 *
 * Two that meet: ours goes on where the call was ours, else theirs does.
 */
#include <stdio.h>

#include "ua/inside.h"

#define OURS_AFTER PTN_S(3)
#define THEIRS_AFTER PTN_S(8)
#define OURS_UNSEEN_AFTER PTN_S(10) /* where silence does not show it */
#define THEIRS_UNSEEN_AFTER PTN_S(15)
#define TRY_EVERY PTN_S(5)
#define LOOK_AGAIN PTN_MS(500)
#define HEARD_WITHIN PTN_S(1)
#define LEAD PTN_S(2)     /* so long one of theirs has to wait for ours */
#define GIVE_UP PTN_S(10) /* nobody answers within the call: so long one of ours may */

static bool is_out(const struct ptn_ua_call *call)
{
    for (unsigned i = 0; i < PTN_UA_AGAIN_MAX; i++)
        if (call->again.sip[i])
            return true;
    return false;
}

void ptn_ua_again_reset(struct ptn_ua_again *again)
{
    *again = (struct ptn_ua_again){.at = PTN_NEVER, .give_up = PTN_NEVER};
}

void ptn_ua_again_stop(struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call)
{
    struct ptn_ua_again gone = call->again;

    ptn_ua_again_reset(&call->again);
    for (unsigned i = 0; i < PTN_UA_AGAIN_MAX; i++)
        ptn_sip_call_hang_up(ua->sip, now, gone.sip[i]);
}

/* Is there a server by which it could be called anew? */
static bool has_server(const struct ptn_ua *ua, const struct ptn_ua_call *call)
{
    const struct ptn_ua_account *account = &ua->accounts[call->account].opts;

    return account->server.name || account->proxy.name;
}

void ptn_ua_again_may_be_needed(const struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call)
{
    struct ptn_ua_again *again = &call->again;

    if (!has_server(ua, call) || again->at != PTN_NEVER || again->tries > 0)
        return;
    again->asked_at = now;
    again->at = now + (call->incoming ? THEIRS_AFTER : OURS_AFTER);
}

void ptn_ua_again_not_needed(struct ptn_ua_call *call)
{
    /* What is out may be answered yet, and is right then. */
    if (!is_out(call))
        ptn_ua_again_reset(&call->again);
    call->again.at = call->again.give_up = PTN_NEVER;
}

static void give_up(struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call)
{
    ptn_sip_id sip = call->sip;

    ptn_ua_again_stop(ua, now, call);
    ptn_ua_call_end(ua, now, call, PTN_SIP_ENDED_TIMED_OUT, 408, "nobody answers any more");
    ptn_sip_call_hang_up(ua->sip, now, sip);
}

void ptn_ua_again_or_end(struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call)
{
    struct ptn_ua_again *again = &call->again;

    if (!has_server(ua, call) || (again->tries == PTN_UA_AGAIN_MAX && !is_out(call))) {
        give_up(ua, now, call);
        return;
    }
    again->give_up = now + GIVE_UP;
    if (again->tries == 0)
        again->at = now;
}

bool ptn_ua_again_outlives(ptn_time now, struct ptn_ua_call *call)
{
    if (call->state != PTN_UA_CALL_UP || !is_out(call))
        return false;
    call->sip = 0;
    call->again.at = PTN_NEVER;
    call->again.give_up = now + GIVE_UP;
    return true;
}

/* --- ours --- */

/* Does anything speak against calling anew at this moment? */
static bool is_early(const struct ptn_ua *ua, ptn_time now, const struct ptn_ua_call *call)
{
    const struct ptn_ua_account_here *a = &ua->accounts[call->account];
    ptn_time patience = call->incoming ? THEIRS_UNSEEN_AFTER : OURS_UNSEEN_AFTER;
    bool hears = call->heard && now < call->heard_at + HEARD_WITHIN;
    /* Sound may find its way by latching where messages do not; so it is a reason to wait longer,
     * not for ever. */
    bool may_be_slow = call->again.give_up == PTN_NEVER && now < call->again.asked_at + patience;

    return (may_be_slow && (hears || !call->agreed.we_receive)) ||
           call->pair->state != PTN_PAIR_OPEN ||
           (a->opts.registers && a->state != PTN_UA_ACCOUNT_REGISTERED);
}

static void try(struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call)
{
    struct ptn_ua_again *again = &call->again;
    struct ptn_sip_path path;
    struct ptn_sdp offer;

    again->at = again->tries + 1 < PTN_UA_AGAIN_MAX ? now + TRY_EVERY : PTN_NEVER;
    ptn_ua_call_renew_contact(ua, call);
    ptn_ua_talk_compose(ua, call);
    call->ours.version++;
    call->meet_anew_at = now; /* who is found there may be another agent */
    ptn_ua_say_offer(ua, now, call, &offer);
    path = (struct ptn_sip_path){call->socket, call->contact};
    enum ptn_err err =
        ptn_sip_call_again(ua->sip, now, call->sip, &path, &offer, &again->sip[again->tries]);
    ptn_log(ua->opts.log, PTN_LOG_INFO,
            "call %u: what is said within it is not answered, its far end is called anew%s%s",
            (unsigned)call->id, err ? ": " : "", err ? ptn_err_text(err) : "");
    again->tries++;
    again->tried_at = now;
}

void ptn_ua_again_tick(struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call)
{
    struct ptn_ua_again *again = &call->again;

    if (now >= again->give_up) {
        give_up(ua, now, call);
    } else if (now >= again->at && call->sip) {
        if (is_early(ua, now, call))
            again->at = now + LOOK_AGAIN;
        else
            try(ua, now, call);
    }
}

/* The call goes on as `sip`; what it has agreed on by that is in call->agreed. */
static void go_on_as(struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call, ptn_sip_id sip)
{
    ptn_sip_id old = call->sip;

    for (unsigned i = 0; i < PTN_UA_AGAIN_MAX; i++)
        if (call->again.sip[i] == sip)
            call->again.sip[i] = 0;
    call->sip = sip;
    snprintf(call->call_id, sizeof call->call_id, "%s", ptn_sip_call_name(ua->sip, sip));
    call->changing = false;
    call->watch.telling = false;
    call->watch.tells = 0;
    call->watch.moved_at = PTN_NEVER;
    ptn_ua_again_stop(ua, now, call);
    ptn_sip_call_hang_up(ua->sip, now, old);
    ptn_log(ua->opts.log, PTN_LOG_INFO, "call %u: goes on, its far end has been found anew",
            (unsigned)call->id);
}

static void answered(struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call,
                     const struct ptn_sip_event *ev)
{
    if (!ev->sdp || !ptn_ua_take_answer(ua, now, call, ev->sdp)) {
        ptn_log(ua->opts.log, PTN_LOG_WARN, "call %u: the answer names no sound we share",
                (unsigned)call->id);
        ptn_sip_call_hang_up(ua->sip, now, ev->call);
        return;
    }
    go_on_as(ua, now, call, ev->call);
    ptn_ua_talk_begin(ua, now, call);
    ptn_ua_hold_noticed(ua, call);
}

static void failed(struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call, unsigned i,
                   const struct ptn_sip_event *ev)
{
    struct ptn_ua_again *again = &call->again;

    ptn_log(ua->opts.log, PTN_LOG_INFO, "call %u: its far end cannot be called anew: %u %s",
            (unsigned)call->id, ev->status, ev->reason ? ev->reason : "");
    again->sip[i] = 0;
    if (again->give_up != PTN_NEVER && again->at == PTN_NEVER && !is_out(call))
        give_up(ua, now, call);
}

bool ptn_ua_again_event(struct ptn_ua *ua, ptn_time now, const struct ptn_sip_event *ev)
{
    for (unsigned k = 0; k < PTN_UA_CALLS_MAX; k++)
        for (unsigned i = 0; i < PTN_UA_AGAIN_MAX; i++) {
            struct ptn_ua_call *call = &ua->calls[k];
            if (call->id == 0 || call->over || !ev->call || call->again.sip[i] != ev->call)
                continue;
            if (ev->kind == PTN_SIP_ANSWERED)
                answered(ua, now, call, ev);
            else if (ev->kind == PTN_SIP_ENDED)
                failed(ua, now, call, i, ev);
            else if (ev->kind == PTN_SIP_REDIRECTED)
                ptn_sip_call_hang_up(ua->sip, now, ev->call);
            return true;
        }
    return false;
}

/* --- theirs --- */

bool ptn_ua_again_called(struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call,
                         const struct ptn_sip_event *ev, const struct ptn_ua_sip_socket *socket)
{
    bool has_theirs = ev->sdp != NULL;
    struct ptn_sdp sdp;

    if (call->over || call->state != PTN_UA_CALL_UP || !call->stream)
        return false;
    if (!call->incoming && is_out(call) && now < call->again.tried_at + LEAD) {
        ptn_log(ua->opts.log, PTN_LOG_INFO, "call %u: its far end calls anew, too; ours goes first",
                (unsigned)call->id);
        ptn_sip_call_reject(ua->sip, now, ev->call, 491);
        return true;
    }
    call->hop = ev->addr;
    call->socket = socket->id;
    ptn_ua_call_renew_contact(ua, call);
    call->has_theirs = has_theirs;
    if (has_theirs)
        call->theirs = *ev->sdp;
    bool agreed = ptn_ua_hold_agree(ua, now, call, ev->sdp, &sdp);
    call->has_theirs = false;
    if (!agreed) {
        ptn_sip_call_reject(ua->sip, now, ev->call, 488);
        return true;
    }
    go_on_as(ua, now, call, ev->call);
    ptn_sip_call_accept(ua->sip, now, ev->call, &call->contact, &sdp);
    if (!has_theirs)
        return true;
    ptn_ua_talk_begin(ua, now, call);
    ptn_ua_hold_noticed(ua, call);
    return true;
}
