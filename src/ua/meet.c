/*
 * ua/meet.c - ICE in a call: what descriptions say of it, and what becomes of it.
 *
 *   offer     says it when the setting does; an answer when the offer did
 *   without   the far end does not say it, or the addresses of its description were changed on the
 *             way: the call goes on as if there were no ICE
 *   anew      sockets are others, a way was lost, or a direct one was proven beside the relay that
 *             is nominated: the far end is told of new candidates by an INVITE within the call,
 *             and media stays where it goes until something better is proven
 *   failed    no pair works: media goes where the descriptions say, as without
 */
#include <stdio.h>

#include "ua/inside.h"

#define FOLLOWER_WAITS                                                                             \
    PTN_S(3) /* who leads begins anew first, so that two INVITEs do not cross                      \
              */

void ptn_ua_meet_end(struct ptn_ua_call *call)
{
    ptn_meet_end(&call->meet);
    call->meet_anew_at = PTN_NEVER;
}

static void begin(struct ptn_ua *ua, struct ptn_ua_call *call, bool offers)
{
    struct ptn_meet_opts opts = {
        .flows = {&call->pair->ends[0].flow, &call->pair->ends[1].flow},
        .crypto = ua->crypto,
        .dice = ptn_dice_split(&ua->dice),
        .controlling = offers,
        .relayed_only = ua->opts.turn.server_count > 0 && ua->opts.turn.always,
    };

    if (call->meet.ice || !ua->opts.ice || call->without_ice)
        return;
    if (ptn_meet_begin(&call->meet, &opts) != PTN_OK)
        ptn_log(ua->opts.log, PTN_LOG_ERROR, "call %u: no memory for ICE", (unsigned)call->id);
}

static void go_without(struct ptn_ua *ua, struct ptn_ua_call *call, const char *why)
{
    if (!call->meet.ice)
        return;
    ptn_log(ua->opts.log, PTN_LOG_INFO, "call %u: without ICE: %s", (unsigned)call->id, why);
    ptn_ua_meet_end(call);
    call->without_ice = true;
}

/* Our words, in the line of sound. */
static void say(struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call, struct ptn_sdp *sdp)
{
    const struct ptn_addr *rtp = &call->ours.rtp, *rtcp = &call->ours.rtcp;

    sdp->ice[0] = '\0';
    if (!call->meet.ice)
        return;
    sdp->ice_media = 0;
    while (sdp->ice_media + 1 < sdp->media_count && sdp->media[sdp->ice_media].rtp.port == 0)
        sdp->ice_media++;
    if (!ptn_meet_say(&call->meet, now, rtp, rtcp, sdp->ice, sizeof sdp->ice)) {
        sdp->ice[0] = '\0';
        go_without(ua, call, "there is no address to tell, or there are too many");
    }
}

static enum ptn_meet_verdict hear(struct ptn_ua_call *call, ptn_time now,
                                  const struct ptn_sdp *theirs)
{
    const struct ptn_sdp_media *line = &theirs->media[theirs->ice_media];

    return ptn_meet_hear(&call->meet, now, theirs->ice, &line->rtp, &line->rtcp);
}

/* False: the words begin anew, and who answered us so is somebody else. */
static bool take(struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call,
                 const struct ptn_sdp *theirs)
{
    switch (hear(call, now, theirs)) {
    case PTN_MEET_ON: return true;
    case PTN_MEET_NO_ICE: go_without(ua, call, "the far end does not speak it"); return true;
    case PTN_MEET_MISMATCH:
        go_without(ua, call, "the addresses in the description were changed on the way");
        return true;
    case PTN_MEET_ANEW: break;
    }
    return false;
}

void ptn_ua_say_offer(struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call,
                      struct ptn_sdp *offer)
{
    ptn_agree_offer(&call->ours, offer);
    begin(ua, call, true);
    if (call->meet.ice && call->meet_anew_at <= now)
        ptn_meet_restart(&call->meet, now);
    call->meet_anew_at = PTN_NEVER;
    say(ua, now, call, offer);
}

bool ptn_ua_say_answer(struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call,
                       const struct ptn_sdp *offer, struct ptn_sdp *answer,
                       struct ptn_agreed *agreed)
{
    if (!ptn_agree_answer(&call->ours, offer, answer, agreed))
        return false;
    if (offer->ice[0])
        begin(ua, call, false);
    if (call->meet.ice && !take(ua, now, call, offer)) {
        ptn_meet_restart(&call->meet, now);
        call->meet_anew_at = PTN_NEVER;
        take(ua, now, call, offer);
    }
    say(ua, now, call, answer);
    return true;
}

bool ptn_ua_take_answer(struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call,
                        const struct ptn_sdp *answer)
{
    if (!ptn_agree_read_answer(&call->ours, answer, &call->agreed))
        return false;
    if (call->meet.ice && !take(ua, now, call, answer))
        go_without(ua, call, "somebody else has answered");
    return true;
}

/* ---- what comes of it ---- */

static void log_way(struct ptn_ua *ua, ptn_time now, const struct ptn_ua_call *call)
{
    char words[PTN_UA_TEXT_MAX];

    if (ptn_ua_meet_words(call, now, words))
        ptn_log(ua->opts.log, PTN_LOG_INFO, "call %u: media goes %s", (unsigned)call->id, words);
}

static void want_anew(struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call, const char *why)
{
    if (call->meet_anew_at != PTN_NEVER || call->state != PTN_UA_CALL_UP)
        return;
    ptn_log(ua->opts.log, PTN_LOG_INFO, "call %u: ICE begins anew: %s", (unsigned)call->id, why);
    call->meet_anew_at = now + (ptn_ice_controlling(call->meet.ice) ? 0 : FOLLOWER_WAITS);
}

static void take_event(struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call,
                       const struct ptn_ice_event *ev)
{
    switch (ev->kind) {
    case PTN_ICE_PATH:
        if (ev->component == 1)
            log_way(ua, now, call);
        break;
    case PTN_ICE_LOST: want_anew(ua, now, call, "the far end is silent on its way"); break;
    case PTN_ICE_BETTER: want_anew(ua, now, call, "a direct way was found"); break;
    case PTN_ICE_FAILED: go_without(ua, call, "no pair of addresses works"); break;
    case PTN_ICE_ROLE:
    case PTN_ICE_NOMINATED:
    case PTN_ICE_COMPLETED:
    case PTN_ICE_DOUBTED: break;
    }
}

void ptn_ua_meet_tick(struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call)
{
    struct ptn_ice_event ev;

    ptn_meet_tick(&call->meet, now);
    while (call->meet.ice && ptn_ice_event(call->meet.ice, &ev))
        take_event(ua, now, call, &ev);
    /* The watch sends the INVITE within the call, when one may be sent. */
    if (call->meet.ice && now >= call->meet_anew_at)
        call->watch.tell_at = ptn_time_min(call->watch.tell_at, now);
}

ptn_time ptn_ua_meet_deadline(const struct ptn_ua_call *call)
{
    return ptn_meet_deadline(&call->meet);
}

bool ptn_ua_meet_words(const struct ptn_ua_call *call, ptn_time now,
                       char words[static PTN_UA_TEXT_MAX])
{
    static const char *const ours[PTN_ICE_KINDS] = {
        [PTN_ICE_HOST] = "from this phone itself",
        [PTN_ICE_SERVER_REFLEXIVE] = "through our NAT",
        [PTN_ICE_PEER_REFLEXIVE] = "through our NAT, by a port that only the far end sees",
        [PTN_ICE_RELAYED] = "through our TURN server",
    };
    static const char *const theirs[PTN_ICE_KINDS] = {
        [PTN_ICE_HOST] = "to the far end itself",
        [PTN_ICE_SERVER_REFLEXIVE] = "to the far end's NAT",
        [PTN_ICE_PEER_REFLEXIVE] = "to the far end's NAT, at a port that it did not know of",
        [PTN_ICE_RELAYED] = "to the far end's TURN server",
    };
    struct ptn_ice_route r;

    words[0] = '\0';
    if (!call->meet.ice || !call->meet.heard || !ptn_ice_route(call->meet.ice, now, 1, &r))
        return false;
    bool relayed = r.local_kind == PTN_ICE_RELAYED || r.remote_kind == PTN_ICE_RELAYED;
    snprintf(words, PTN_UA_TEXT_MAX, "%s: %s %s", relayed ? "by relay" : "directly",
             ours[r.local_kind], theirs[r.remote_kind]);
    return true;
}
