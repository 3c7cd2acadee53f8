/*
 * ua/call.c - one call from the first word to the last.
 *
 *   dial      GATHERING --(mapped or 300 ms)--> DIALLED --> RINGING --> UP
 *   INCOMING  RINGING --answer--> GATHERING --(mapped or 300 ms)--> UP
 *
 * With a pair from the pool GATHERING is over in the moment it begins. Where nothing but a private
 * address is known and the account is asking its server where it is seen, because the host has just
 * got that address, ringing is not said and GATHERING lasts until it knows, for 5 s at most. A call
 * whose end was told keeps its sockets until its last packets (RTCP's BYE) are out.
 */
#include <stdio.h>

#include "ua/inside.h"

#define LOOK_MAX PTN_S(5)

static void copy_text(char to[static PTN_UA_TEXT_MAX], const char *from)
{
    snprintf(to, PTN_UA_TEXT_MAX, "%s", from ? from : "");
}

/* --- the table --- */

static struct ptn_ua_call *new_call(struct ptn_ua *ua, ptn_time now, unsigned account)
{
    unsigned used = 0;
    struct ptn_ua_call *free_slot = NULL;

    for (unsigned i = 0; i < ua->call_count; i++) {
        if (ua->calls[i].id != 0)
            used += !ua->calls[i].over;
        else if (!free_slot)
            free_slot = &ua->calls[i];
    }
    if (!free_slot && ua->call_count < PTN_UA_CALLS_MAX)
        free_slot = &ua->calls[ua->call_count];
    if (!free_slot || used >= ua->opts.calls_max)
        return NULL;
    if (free_slot == &ua->calls[ua->call_count])
        ua->call_count++;
    *free_slot = (struct ptn_ua_call){
        .id = ++ua->last_call,
        .account = account,
        .began_at = now,
        .answered_at = PTN_NEVER,
        .gather_by = PTN_NEVER,
        .answer_at = PTN_NEVER,
        .ring_until = PTN_NEVER,
        .say_by = PTN_NEVER,
        .meet_anew_at = PTN_NEVER,
        .watch = {.next = PTN_NEVER, .moved_at = PTN_NEVER, .tell_at = PTN_NEVER},
        .source = ua->opts.source,
        .agreed.send.codec = PTN_CODEC_COUNT,
    };
    ptn_ua_again_reset(&free_slot->again);
    return free_slot;
}

struct ptn_ua_call *ptn_ua_find_call(struct ptn_ua *ua, ptn_ua_call_id id)
{
    for (unsigned i = 0; id != 0 && i < ua->call_count; i++)
        if (ua->calls[i].id == id && !ua->calls[i].over)
            return &ua->calls[i];
    return NULL;
}

static struct ptn_ua_call *find_sip(struct ptn_ua *ua, ptn_sip_id sip)
{
    for (unsigned i = 0; sip != 0 && i < ua->call_count; i++)
        if (ua->calls[i].id != 0 && ua->calls[i].sip == sip)
            return &ua->calls[i];
    return NULL;
}

struct ptn_ua_call *ptn_ua_call_with_pair(struct ptn_ua *ua, const struct ptn_pair *pair)
{
    for (unsigned i = 0; i < ua->call_count; i++)
        if (ua->calls[i].id != 0 && ua->calls[i].pair == pair)
            return &ua->calls[i];
    return NULL;
}

/* Datagrams that were dropped are counted as they come and told once, here. */
static void log_dropped(const struct ptn_ua *ua, const struct ptn_ua_call *call)
{
    static const char *const sockets[] = {"RTP", "RTCP"};

    for (unsigned end = 0; call->pair && end < 2; end++)
        for (unsigned v = PTN_FLOW_OTHER; v < PTN_FLOW_VERDICTS; v++)
            if (call->pair->ends[end].flow.counts[v] > 0)
                ptn_log(ua->opts.log, PTN_LOG_DEBUG, "call %u: %s dropped %llu datagrams: %s",
                        (unsigned)call->id, sockets[end],
                        (unsigned long long)call->pair->ends[end].flow.counts[v],
                        ptn_flow_verdict_name((enum ptn_flow_verdict)v));
}

void ptn_ua_call_end(struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call,
                     enum ptn_sip_ended ended, unsigned status, const char *reason)
{
    if (call->over)
        return;
    ptn_ua_again_stop(ua, now, call);
    log_dropped(ua, call);
    if (call->follows)
        ptn_ua_transfer_followed(ua, now, call, status >= 300 ? status : 503);
    ptn_ua_tell_ended(ua, now, call, ended, status, reason);
    if (call->stream)
        ptn_stream_stop(call->stream, now);
    call->over = true;
    call->sip = 0;
    call->gather_by = call->answer_at = call->ring_until = call->say_by = call->watch.next =
        PTN_NEVER;
}

static void bury(struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call)
{
    ptn_ua_meet_end(call);
    if (call->pair)
        ptn_pool_drop(&ua->pool, now, call->pair);
    ptn_stream_free(call->stream);
    *call = (struct ptn_ua_call){0};
    while (ua->call_count > 0 && ua->calls[ua->call_count - 1].id == 0)
        ua->call_count--;
}

/* --- addresses --- */

/* What Contact says to this call's next hop. */
static void set_contact(struct ptn_ua *ua, struct ptn_ua_call *call,
                        const struct ptn_ua_sip_socket *socket)
{
    struct ptn_reach_ask ask = ptn_ua_reach_ask(&ua->accounts[call->account].opts, &call->hop);

    call->socket = socket->id;
    call->contact = ptn_ua_contact(ua, socket, &ask).addr;
}

/* An account without a server calls whoever is named; the name is often an address. */
static struct ptn_addr address_in(const char *target)
{
    char host[PTN_UA_TEXT_MAX];
    struct ptn_addr addr = {0};
    const char *at = strrchr(target, '@');

    if (!at && strncmp(target, "sip:", 4) == 0)
        at = target + 3;
    if (!at)
        return addr;
    snprintf(host, sizeof host, "%.*s", (int)strcspn(at + 1, ";?> "), at + 1);
    ptn_addr_parse(host, &addr);
    return addr;
}

/* --- going on when the addresses are known --- */

/* Would it tell an address that its account does not tell either, not yet? */
static bool is_guess_so_far(struct ptn_ua *ua, const struct ptn_ua_call *call)
{
    const struct ptn_ua_account_here *a = &ua->accounts[call->account];
    struct ptn_reach_ask ask = ptn_ua_reach_ask(&a->opts, &call->hop);
    const struct ptn_ua_sip_socket *s = ptn_ua_socket(ua, call->socket);
    struct ptn_reach_answer rtp = ptn_reach_answer(&call->pair->ends[0].flow.anchor.reach, &ask);
    struct ptn_reach_answer contact = s ? ptn_ua_contact(ua, s, &ask) : rtp;

    return ptn_ua_is_guess_so_far(a, &contact) || ptn_ua_is_guess_so_far(a, &rtp);
}

void ptn_ua_call_renew_contact(struct ptn_ua *ua, struct ptn_ua_call *call)
{
    const struct ptn_ua_sip_socket *socket = ptn_ua_socket(ua, call->socket);

    if (socket && (call->state != PTN_UA_CALL_UP || !is_guess_so_far(ua, call)))
        set_contact(ua, call, socket);
}

static void gather(struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call)
{
    call->state = PTN_UA_CALL_GATHERING;
    call->gather_by = now + (is_guess_so_far(ua, call) ? LOOK_MAX : PTN_UA_GATHER_MAX);
}

static bool must_wait(struct ptn_ua *ua, ptn_time now, const struct ptn_ua_call *call)
{
    struct ptn_reach_ask ask = ptn_ua_reach_ask(&ua->accounts[call->account].opts, &call->hop);
    struct ptn_reach_answer rtp;

    if (call->pair->state == PTN_PAIR_OPENING ||
        (now < call->gather_by &&
         (is_guess_so_far(ua, call) || !ptn_pair_relays_settled(call->pair))))
        return true;
    rtp = ptn_reach_answer(&call->pair->ends[0].flow.anchor.reach, &ask);
    return ptn_ua_worth_waiting(ua, now, call->gather_by, ptn_pair_settled(call->pair), &rtp);
}

static void send_invite(struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call)
{
    struct ptn_sip_path path = {call->socket, call->contact};
    struct ptn_sdp offer;

    ptn_ua_say_offer(ua, now, call, &offer);
    enum ptn_err err = ptn_sip_call(ua->sip, now, ua->accounts[call->account].sip, call->target,
                                    &path, &offer, &call->sip);
    if (err) {
        ptn_ua_call_end(ua, now, call, PTN_SIP_ENDED_UNREACHABLE, 0, ptn_err_text(err));
        return;
    }
    copy_text(call->call_id, ptn_sip_call_name(ua->sip, call->sip));
    call->state = PTN_UA_CALL_DIALLED;
}

static void send_answer(struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call)
{
    struct ptn_sdp sdp;

    if (!call->has_theirs) {
        ptn_ua_say_offer(ua, now, call, &sdp);
    } else if (!ptn_ua_say_answer(ua, now, call, &call->theirs, &sdp, &call->agreed)) {
        call->state = PTN_UA_CALL_ENDING;
        ptn_sip_call_reject(ua->sip, now, call->sip, 488);
        return;
    }
    call->state = PTN_UA_CALL_UP;
    call->answered_at = now;
    ptn_sip_call_accept(ua->sip, now, call->sip, &call->contact, &sdp);
    if (call->has_theirs)
        ptn_ua_talk_begin(ua, now, call);
    call->has_theirs = false;
    ptn_ua_tell(ua, PTN_UA_ANSWERED)->call = call->id;
    ptn_ua_transfer_replaced(ua, now, call);
}

static void give_up(struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call)
{
    ptn_log(ua->opts.log, PTN_LOG_ERROR, "call %u: no pair of media ports from %u to %u is free",
            (unsigned)call->id, ua->opts.rtp_port_min, ua->opts.rtp_port_max);
    call->gather_by = PTN_NEVER;
    call->state = PTN_UA_CALL_ENDING;
    if (call->incoming)
        ptn_sip_call_reject(ua->sip, now, call->sip, 500);
    else
        ptn_ua_call_end(ua, now, call, PTN_SIP_ENDED_UNREACHABLE, 0, "no media port is free");
}

static void go_on(struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call)
{
    if (call->pair->state == PTN_PAIR_FAILED ||
        (call->pair->state == PTN_PAIR_OPENING && now >= call->gather_by)) {
        give_up(ua, now, call);
        return;
    }
    if (must_wait(ua, now, call))
        return;
    if (now >= call->gather_by)
        ptn_log(ua->opts.log, PTN_LOG_WARN, "call %u: %s is silent, the call goes on without it",
                (unsigned)call->id, ptn_pair_relays_settled(call->pair) ? "STUN" : "TURN");
    call->gather_by = PTN_NEVER;
    ptn_ua_call_renew_contact(ua, call);
    ptn_ua_talk_compose(ua, call);
    if (call->incoming)
        send_answer(ua, now, call);
    else
        send_invite(ua, now, call);
}

/* --- commands --- */

enum ptn_err ptn_ua_dial(struct ptn_ua *ua, ptn_time now, unsigned account, const char *target,
                         ptn_ua_call_id *call_id)
{
    if (account >= ua->opts.account_count || strlen(target) >= PTN_UA_TARGET_MAX)
        return PTN_ERR_INVALID;
    struct ptn_ua_account_here *a = &ua->accounts[account];
    if (!a->told || ua->stopping)
        return PTN_ERR_UNREACHABLE;
    if (!ptn_sip_may_call(ua->sip, a->sip, target))
        return PTN_ERR_INVALID;
    bool direct = ptn_addr_is_none(&a->server);
    struct ptn_addr hop = direct ? address_in(target) : a->server;
    struct ptn_ua_sip_socket *socket =
        direct ? ptn_ua_socket_towards(ua, PTN_UDP, &hop) : ptn_ua_socket(ua, a->path.socket);
    if (!socket)
        return PTN_ERR_UNREACHABLE;

    struct ptn_ua_call *call = new_call(ua, now, account);
    struct ptn_pair *pair = call ? ptn_pool_take(&ua->pool, now, socket->local) : NULL;
    if (!pair) {
        if (call)
            bury(ua, now, call);
        return PTN_ERR_NO_ROOM;
    }
    call->pair = pair;
    call->hop = hop;
    snprintf(call->target, sizeof call->target, "%s", target);
    snprintf(call->peer, sizeof call->peer, "%.*s", (int)strcspn(target, "?"), target);
    set_contact(ua, call, socket);
    gather(ua, now, call);
    *call_id = call->id;
    go_on(ua, now, call);
    return PTN_OK;
}

static void answer(struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call)
{
    call->answer_at = call->ring_until = call->say_by = PTN_NEVER;
    gather(ua, now, call);
    go_on(ua, now, call);
}

bool ptn_ua_answer(struct ptn_ua *ua, ptn_time now, ptn_ua_call_id id)
{
    struct ptn_ua_call *call = ptn_ua_find_call(ua, id);

    if (!call || !call->incoming || call->state != PTN_UA_CALL_RINGING)
        return false;
    answer(ua, now, call);
    return true;
}

bool ptn_ua_reject(struct ptn_ua *ua, ptn_time now, ptn_ua_call_id id, unsigned status)
{
    struct ptn_ua_call *call = ptn_ua_find_call(ua, id);

    if (!call || !call->incoming || status < 400 || status > 699 ||
        (call->state != PTN_UA_CALL_RINGING && call->state != PTN_UA_CALL_GATHERING))
        return false;
    call->state = PTN_UA_CALL_ENDING;
    call->gather_by = call->answer_at = call->ring_until = call->say_by = PTN_NEVER;
    ptn_sip_call_reject(ua->sip, now, call->sip, status);
    return true;
}

void ptn_ua_call_hang_up(struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call)
{
    if (call->over || call->state == PTN_UA_CALL_ENDING)
        return;
    call->state = PTN_UA_CALL_ENDING;
    call->gather_by = call->answer_at = call->ring_until = call->say_by = PTN_NEVER;
    if (call->stream)
        ptn_stream_stop(call->stream, now);
    ptn_ua_again_stop(ua, now, call);
    if (call->sip)
        ptn_sip_call_hang_up(ua->sip, now, call->sip);
    else
        ptn_ua_call_end(ua, now, call, PTN_SIP_ENDED_BY_US, 0, "");
}

bool ptn_ua_hang_up(struct ptn_ua *ua, ptn_time now, ptn_ua_call_id id)
{
    struct ptn_ua_call *call = ptn_ua_find_call(ua, id);

    if (!call || call->state == PTN_UA_CALL_ENDING)
        return false;
    ptn_ua_call_hang_up(ua, now, call);
    return true;
}

bool ptn_ua_set_source(struct ptn_ua *ua, ptn_ua_call_id id, const struct ptn_source *source)
{
    struct ptn_ua_call *call = ptn_ua_find_call(ua, id);

    if (!call)
        return false;
    call->source = *source;
    if (call->stream && !call->held)
        ptn_stream_set_source(call->stream, source);
    return true;
}

/* --- what the agent says --- */

static void refuse_early(struct ptn_ua *ua, ptn_time now, const struct ptn_sip_event *ev,
                         unsigned status)
{
    ptn_log(ua->opts.log, PTN_LOG_INFO, "a call from %s is refused: %u",
            ev->peer ? ev->peer : "somebody", status);
    ptn_sip_call_reject(ua->sip, now, ev->call, status);
}

/* A caller who insists on hearing of it for certain, and made no offer, hears ours with it; where
 * the addresses for that are not known yet, he hears nothing until the answer. */
static void ring(struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call)
{
    bool with_offer = call->early_offer && call->pair->state == PTN_PAIR_OPEN;
    struct ptn_sdp offer;

    if (now < call->say_by && is_guess_so_far(ua, call))
        return;
    call->say_by = PTN_NEVER;
    ptn_ua_call_renew_contact(ua, call);
    if (with_offer) {
        ptn_ua_talk_compose(ua, call);
        ptn_ua_say_offer(ua, now, call, &offer);
    }
    ptn_sip_call_progress(ua->sip, now, call->sip, 180, &call->contact, with_offer ? &offer : NULL);
}

static void incoming(struct ptn_ua *ua, ptn_time now, const struct ptn_sip_event *ev)
{
    unsigned account = ptn_ua_account_of(ua, ev->account);
    struct ptn_ua_sip_socket *socket = ptn_ua_socket(ua, ev->socket);
    struct ptn_ua_call *call = NULL;
    struct ptn_pair *pair = NULL;

    if (!socket) /* over a connection that was accepted or made: its listener speaks for it */
        socket = ptn_ua_socket_towards(ua, PTN_TCP, &ev->addr);
    if (account == ua->opts.account_count || !socket || ua->stopping) {
        refuse_early(ua, now, ev, 480);
        return;
    }
    struct ptn_ua_call *old = find_sip(ua, ev->replaces);
    if (old && ev->again && ptn_ua_again_called(ua, now, old, ev, socket))
        return;
    call = new_call(ua, now, account);
    pair = call ? ptn_pool_take(&ua->pool, now, socket->local) : NULL;
    if (!pair) {
        if (call)
            bury(ua, now, call);
        refuse_early(ua, now, ev, 486);
        return;
    }
    call->incoming = true;
    call->sip = ev->call;
    call->state = PTN_UA_CALL_RINGING;
    call->pair = pair;
    call->hop = ev->addr;
    copy_text(call->peer, ev->peer);
    copy_text(call->peer_name, ev->peer_name);
    copy_text(call->call_id, ev->call_id);
    call->has_theirs = ev->sdp != NULL;
    if (ev->sdp)
        call->theirs = *ev->sdp;
    set_contact(ua, call, socket);
    call->ring_until = ptn_time_add(now, ua->opts.ringing_max);
    if (ua->opts.auto_answer)
        call->answer_at = now + ua->opts.auto_answer_after;
    if (old) {
        call->replaces = old->id;
        call->answer_at = now;
    }
    ptn_ua_tell_incoming(ua, call);
    call->early_offer = ev->early_offer;
    call->say_by = now + LOOK_MAX;
    ring(ua, now, call);
}

/* Takes the answer to our offer; false when it cannot be used. */
static bool take_answer(struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call,
                        const struct ptn_sdp *sdp)
{
    if (!ptn_ua_take_answer(ua, now, call, sdp))
        return false;
    ptn_ua_talk_begin(ua, now, call);
    return true;
}

static void progress(struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call,
                     const struct ptn_sip_event *ev)
{
    if (call->state != PTN_UA_CALL_DIALLED && call->state != PTN_UA_CALL_RINGING)
        return;
    if (ev->sdp)
        call->early |= take_answer(ua, now, call, ev->sdp);
    if (ev->status == 180 || ev->status == 183) {
        if (call->state == PTN_UA_CALL_DIALLED)
            call->ring_until = ptn_time_add(now, ua->opts.ringback_max);
        call->state = PTN_UA_CALL_RINGING;
        struct ptn_ua_event *told = ptn_ua_tell(ua, PTN_UA_RINGING);
        told->call = call->id;
        told->status = ev->status;
        if (call->follows)
            ptn_ua_transfer_followed(ua, now, call, ev->status);
    }
}

/* The call goes on elsewhere: what it says of our addresses is for whoever hears it there. */
static void redirected(struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call,
                       const struct ptn_sip_event *ev)
{
    const struct ptn_ua_account_here *a = &ua->accounts[call->account];
    struct ptn_addr hop = ev->direct ? address_in(ev->called) : a->server;
    struct ptn_ua_sip_socket *socket = ev->direct ? ptn_ua_socket_towards(ua, ev->transport, &hop)
                                                  : ptn_ua_socket(ua, a->path.socket);
    struct ptn_sdp offer;

    ptn_log(ua->opts.log, PTN_LOG_INFO, "call %u: answered %u, goes on to %s", (unsigned)call->id,
            ev->status, ev->called);
    if (call->state == PTN_UA_CALL_ENDING)
        return;
    if (!socket) {
        ptn_ua_call_hang_up(ua, now, call);
        return;
    }
    call->hop = hop;
    call->state = PTN_UA_CALL_DIALLED;
    call->ring_until = PTN_NEVER;
    set_contact(ua, call, socket);
    ptn_ua_talk_compose(ua, call);
    call->ours.version++;
    ptn_ua_say_offer(ua, now, call, &offer);
    struct ptn_sip_path path = {call->socket, call->contact};
    if (!ptn_sip_call_follow(ua->sip, now, call->sip, &path, &offer))
        ptn_ua_call_hang_up(ua, now, call);
}

static void answered(struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call,
                     const struct ptn_sip_event *ev)
{
    if (call->state == PTN_UA_CALL_ENDING)
        return;
    if (ev->sdp ? !take_answer(ua, now, call, ev->sdp) : !call->early) {
        ptn_log(ua->opts.log, PTN_LOG_WARN, "call %u: the answer names no sound we share",
                (unsigned)call->id);
        ptn_ua_call_hang_up(ua, now, call);
        return;
    }
    call->state = PTN_UA_CALL_UP;
    call->ring_until = PTN_NEVER;
    call->answered_at = now;
    ptn_ua_tell(ua, PTN_UA_ANSWERED)->call = call->id;
    if (call->follows)
        ptn_ua_transfer_followed(ua, now, call, ev->status);
}

static void acknowledged(struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call,
                         const struct ptn_sip_event *ev)
{
    /* Only an INVITE without an offer has its answer in the ACK, or in a PRACK. */
    if (ev->sdp && !take_answer(ua, now, call, ev->sdp))
        ptn_ua_call_hang_up(ua, now, call);
}

void ptn_ua_call_event(struct ptn_ua *ua, ptn_time now, const struct ptn_sip_event *ev)
{
    if (ev->kind == PTN_SIP_INCOMING) {
        incoming(ua, now, ev);
        return;
    }
    struct ptn_ua_call *call = find_sip(ua, ev->call);
    if (!call) {
        ptn_ua_again_event(ua, now, ev);
        return;
    }
    switch (ev->kind) {
    case PTN_SIP_PROGRESS: progress(ua, now, call, ev); break;
    case PTN_SIP_REDIRECTED: redirected(ua, now, call, ev); break;
    case PTN_SIP_EARLY_ANSWER: acknowledged(ua, now, call, ev); break;
    case PTN_SIP_ANSWERED: answered(ua, now, call, ev); break;
    case PTN_SIP_ACKED: acknowledged(ua, now, call, ev); break;
    case PTN_SIP_OFFERED: ptn_ua_hold_offered(ua, now, call, ev); break;
    case PTN_SIP_MODIFIED:
        ptn_ua_hold_taken(ua, now, call, ev);
        ptn_ua_call_told(ua, now, call, ev->status);
        ptn_ua_again_not_needed(call);
        break;
    case PTN_SIP_MODIFY_FAILED:
        ptn_ua_hold_failed(ua, call, ev);
        ptn_ua_call_told(ua, now, call, ev->status);
        if (ev->status == 408)
            ptn_ua_again_or_end(ua, now, call);
        break;
    case PTN_SIP_TRANSFER: ptn_ua_transfer_told(ua, now, call, ev); break;
    case PTN_SIP_REFERRED: ptn_ua_transfer_wanted(ua, now, call, ev); break;
    case PTN_SIP_ENDED:
        if (!ptn_ua_again_outlives(now, call))
            ptn_ua_call_end(ua, now, call, ev->ended, ev->status, ev->reason);
        break;
    default: break;
    }
}

/* --- time --- */

static void rang_out(struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call)
{
    ptn_log(ua->opts.log, PTN_LOG_INFO, "call %u: nobody answered", (unsigned)call->id);
    if (call->incoming)
        ptn_ua_reject(ua, now, call->id, 480);
    else
        ptn_ua_call_hang_up(ua, now, call);
}

void ptn_ua_call_go_on(struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call)
{
    if (call->say_by != PTN_NEVER)
        ring(ua, now, call);
    if (now >= call->answer_at)
        answer(ua, now, call);
    else if (now >= call->ring_until)
        rang_out(ua, now, call);
    else if (call->gather_by != PTN_NEVER)
        go_on(ua, now, call);
}

void ptn_ua_calls_bury(struct ptn_ua *ua, ptn_time now)
{
    for (unsigned i = 0; i < ua->call_count; i++)
        if (ua->calls[i].over)
            bury(ua, now, &ua->calls[i]);
}

ptn_time ptn_ua_call_deadline(const struct ptn_ua_call *call)
{
    ptn_time deadline = ptn_time_min(ptn_time_min(call->gather_by, call->answer_at),
                                     ptn_time_min(call->ring_until, call->watch.next));

    deadline = ptn_time_min(deadline, ptn_time_min(call->say_by, ptn_ua_meet_deadline(call)));
    return call->stream ? ptn_time_min(deadline, ptn_stream_deadline(call->stream)) : deadline;
}
