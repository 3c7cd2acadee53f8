/*
 * ua/events.c - what the owner is told, in order, until he asks for it.
 */
#include <stdio.h>

#include "ua/inside.h"

static struct ptn_ua_told *new_told(struct ptn_ua *ua, enum ptn_ua_event_kind kind)
{
    if (ua->event_count == PTN_UA_EVENTS_MAX) {
        ptn_log(ua->opts.log, PTN_LOG_WARN, "events are not taken: the oldest is lost");
        ua->event_first = (ua->event_first + 1) % PTN_UA_EVENTS_MAX;
        ua->event_count--;
    }
    if (ua->event_count == 0)
        ua->event_first = 0; /* the same few again and again: a quiet phone touches no others */
    struct ptn_ua_told *told =
        &ua->events[(ua->event_first + ua->event_count++) % PTN_UA_EVENTS_MAX];
    *told = (struct ptn_ua_told){.event.kind = kind};
    return told;
}

struct ptn_ua_event *ptn_ua_tell(struct ptn_ua *ua, enum ptn_ua_event_kind kind)
{
    return &new_told(ua, kind)->event;
}

void ptn_ua_tell_ended(struct ptn_ua *ua, ptn_time now, const struct ptn_ua_call *call,
                       enum ptn_sip_ended ended, unsigned status, const char *reason)
{
    struct ptn_ua_told *told = new_told(ua, PTN_UA_ENDED);

    told->event.account = call->account;
    told->event.call = call->id;
    told->event.ended = ended;
    told->event.status = status;
    snprintf(told->reason, sizeof told->reason, "%s", reason ? reason : "");
    snprintf(told->peer, sizeof told->peer, "%s", call->peer);
    snprintf(told->call_id, sizeof told->call_id, "%s", call->call_id);
    told->has_stats = call->stream != NULL;
    if (call->stream)
        ptn_stream_stats(call->stream, now, &told->stats);
}

void ptn_ua_tell_incoming(struct ptn_ua *ua, const struct ptn_ua_call *call)
{
    struct ptn_ua_told *told = new_told(ua, PTN_UA_INCOMING);

    told->event.account = call->account;
    told->event.call = call->id;
    told->event.other = call->replaces;
    snprintf(told->peer, sizeof told->peer, "%s", call->peer);
    snprintf(told->peer_name, sizeof told->peer_name, "%s", call->peer_name);
    snprintf(told->call_id, sizeof told->call_id, "%s", call->call_id);
}

/* What the agent says about texts and mailboxes, as it is. */
void ptn_ua_tell_note(struct ptn_ua *ua, const struct ptn_sip_event *ev)
{
    struct ptn_ua_told *told =
        new_told(ua, ev->kind == PTN_SIP_MESSAGE        ? PTN_UA_MESSAGE
                     : ev->kind == PTN_SIP_MESSAGE_SENT ? PTN_UA_MESSAGE_SENT
                                                        : PTN_UA_MESSAGES_WAITING);

    told->event.account = ptn_ua_account_of(ua, ev->account);
    told->event.message = ev->message;
    told->event.status = ev->status;
    told->event.waiting = ev->waiting;
    told->event.messages_new = ev->messages_new;
    told->event.messages_old = ev->messages_old;
    snprintf(told->reason, sizeof told->reason, "%s", ev->reason ? ev->reason : "");
    snprintf(told->peer, sizeof told->peer, "%s", ev->peer ? ev->peer : "");
    snprintf(told->peer_name, sizeof told->peer_name, "%s", ev->peer_name ? ev->peer_name : "");
    snprintf(told->text, sizeof told->text, "%.*s", (int)ev->text.size,
             ev->text.size ? (const char *)ev->text.data : "");
}

void ptn_ua_tell_referred(struct ptn_ua *ua, const struct ptn_ua_call *call,
                          const struct ptn_ua_call *follower)
{
    struct ptn_ua_told *told = new_told(ua, PTN_UA_REFERRED);

    told->event.account = call->account;
    told->event.call = call->id;
    told->event.other = follower->id;
    snprintf(told->peer, sizeof told->peer, "%s", follower->peer);
}

bool ptn_ua_told(struct ptn_ua *ua, struct ptn_ua_event *ev)
{
    if (ua->event_count == 0)
        return false;
    ua->current = ua->events[ua->event_first];
    ua->event_first = (ua->event_first + 1) % PTN_UA_EVENTS_MAX;
    ua->event_count--;
    *ev = ua->current.event;
    ev->reason = ua->current.reason;
    if (ev->kind == PTN_UA_MESSAGE)
        ev->text = ua->current.text;
    ev->peer = ua->current.peer;
    ev->peer_name = ua->current.peer_name;
    ev->call_id = ua->current.call_id;
    ev->stats = ua->current.has_stats ? &ua->current.stats : NULL;
    return true;
}
