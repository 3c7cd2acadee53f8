/*
 * ua/hold.c - what changes while a call is up: hold, resume, the far end's wishes.
 *
 * `held` is what we wish from the moment it was said: an offer of the far end that
 * comes first is answered with it too. Only a refusal takes it back.
 *
 * RFC 3264 §8.4.
 */
#include "ua/inside.h"

static void tell(struct ptn_ua *ua, const struct ptn_ua_call *call)
{
    struct ptn_ua_event *ev = ptn_ua_tell(ua, PTN_UA_HOLD);

    ev->call = call->id;
    ev->held = call->held;
    ev->held_there = call->held_there;
}

static void play(const struct ptn_ua_call *call)
{
    const struct ptn_source silence = ptn_source_silence();

    ptn_stream_set_source(call->stream, call->held ? &silence : &call->source);
}

void ptn_ua_hold_noticed(struct ptn_ua *ua, struct ptn_ua_call *call)
{
    bool held_there = call->agreed.held_there;

    if (held_there == call->held_there)
        return;
    call->held_there = held_there;
    tell(ua, call);
}

bool ptn_ua_hold(struct ptn_ua *ua, ptn_time now, ptn_ua_call_id id, bool hold)
{
    struct ptn_ua_call *call = ptn_ua_find_call(ua, id);
    struct ptn_sdp offer;

    if (!call || call->state != PTN_UA_CALL_UP || !call->stream || call->held == hold ||
        call->changing)
        return false;
    call->held = hold;
    ptn_ua_talk_compose(ua, call);
    call->ours.version++;
    ptn_ua_say_offer(ua, now, call, &offer);
    call->changing = ptn_sip_call_modify(ua->sip, now, call->sip, NULL, &offer);
    if (!call->changing)
        call->held = !hold;
    else if (hold)
        play(call);
    return call->changing;
}

void ptn_ua_hold_taken(struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call,
                       const struct ptn_sip_event *ev)
{
    bool asked = call->changing, held_there = call->held_there;

    call->changing = false;
    if (!ptn_ua_take_answer(ua, now, call, ev->sdp)) {
        ptn_log(ua->opts.log, PTN_LOG_WARN, "call %u: the answer names no sound we share",
                (unsigned)call->id);
        ptn_ua_call_hang_up(ua, now, call);
        return;
    }
    ptn_ua_talk_begin(ua, now, call);
    if (asked && !call->held)
        play(call);
    /* The answer to a hold says nothing about their own wishes. */
    if (!call->held)
        call->held_there = call->agreed.held_there;
    /* The agent may have said again what holds, to refresh the call: no news. */
    if (asked || held_there != call->held_there)
        tell(ua, call);
}

void ptn_ua_hold_failed(struct ptn_ua *ua, struct ptn_ua_call *call, const struct ptn_sip_event *ev)
{
    if (!call->changing)
        return;
    call->changing = false;
    call->held = !call->held;
    play(call);
    struct ptn_ua_event *told = ptn_ua_tell(ua, PTN_UA_CHANGE_FAILED);
    told->call = call->id;
    told->status = ev->status;
}

bool ptn_ua_hold_agree(struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call,
                       const struct ptn_sdp *theirs, struct ptn_sdp *sdp)
{
    struct ptn_agreed agreed;

    ptn_ua_talk_compose(ua, call);
    call->ours.version++;
    if (!theirs) {
        ptn_ua_say_offer(ua, now, call, sdp);
        return true;
    }
    if (!ptn_ua_say_answer(ua, now, call, theirs, sdp, &agreed))
        return false;
    call->agreed = agreed;
    return true;
}

void ptn_ua_hold_offered(struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call,
                         const struct ptn_sip_event *ev)
{
    struct ptn_sdp sdp;

    ptn_ua_call_renew_contact(ua, call);
    if (!ptn_ua_hold_agree(ua, now, call, ev->sdp, &sdp)) {
        ptn_sip_call_reject(ua->sip, now, call->sip, 488);
        return;
    }
    ptn_sip_call_accept(ua->sip, now, call->sip, &call->contact, &sdp);
    if (!ev->sdp)
        return;
    ptn_ua_talk_begin(ua, now, call);
    ptn_ua_hold_noticed(ua, call);
}
