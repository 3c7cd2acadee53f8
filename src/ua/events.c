/*
 * ua/events.c - what the owner is told, in order, until he asks for it.
 */
#include <stdlib.h>

#include "ua/inside.h"

static void forget(struct ptn_ua_told *told)
{
    free(told->reason);
    free(told->peer);
    free(told->peer_name);
    free(told->call_id);
    free(told->text);
    free(told->stats);
    *told = (struct ptn_ua_told){0};
}

/* NULL, or no memory: NULL, which is told as "". */
static char *copy(const char *text)
{
    size_t size = text ? strlen(text) + 1 : 0;
    char *to = size > 1 ? malloc(size) : NULL;

    if (to)
        memcpy(to, text, size);
    return to;
}

static struct ptn_ua_told *new_told(struct ptn_ua *ua, enum ptn_ua_event_kind kind)
{
    if (ua->event_count == PTN_UA_EVENTS_MAX) {
        ptn_log(ua->opts.log, PTN_LOG_WARN, "events are not taken: the oldest is lost");
        forget(&ua->events[ua->event_first]);
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
    told->reason = copy(reason);
    told->peer = copy(call->peer);
    told->call_id = copy(call->call_id);
    if (call->stream && (told->stats = malloc(sizeof *told->stats)))
        ptn_stream_stats(call->stream, now, told->stats);
}

void ptn_ua_tell_incoming(struct ptn_ua *ua, const struct ptn_ua_call *call)
{
    struct ptn_ua_told *told = new_told(ua, PTN_UA_INCOMING);

    told->event.account = call->account;
    told->event.call = call->id;
    told->event.other = call->replaces;
    told->peer = copy(call->peer);
    told->peer_name = copy(call->peer_name);
    told->call_id = copy(call->call_id);
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
    told->reason = copy(ev->reason);
    told->peer = copy(ev->peer);
    told->peer_name = copy(ev->peer_name);
    if (ev->text.size > 0 && (told->text = malloc(ev->text.size + 1))) {
        memcpy(told->text, ev->text.data, ev->text.size);
        told->text[ev->text.size] = '\0';
    }
}

void ptn_ua_tell_referred(struct ptn_ua *ua, const struct ptn_ua_call *call,
                          const struct ptn_ua_call *follower)
{
    struct ptn_ua_told *told = new_told(ua, PTN_UA_REFERRED);

    told->event.account = call->account;
    told->event.call = call->id;
    told->event.other = follower->id;
    told->peer = copy(follower->peer);
}

static const char *text_or_none(const char *text)
{
    return text ? text : "";
}

bool ptn_ua_told(struct ptn_ua *ua, struct ptn_ua_event *ev)
{
    struct ptn_ua_told *told = &ua->current;

    forget(told);
    if (ua->event_count == 0)
        return false;
    *told = ua->events[ua->event_first];
    ua->events[ua->event_first] = (struct ptn_ua_told){0};
    ua->event_first = (ua->event_first + 1) % PTN_UA_EVENTS_MAX;
    ua->event_count--;
    *ev = told->event;
    ev->reason = text_or_none(told->reason);
    if (ev->kind == PTN_UA_MESSAGE)
        ev->text = text_or_none(told->text);
    ev->peer = text_or_none(told->peer);
    ev->peer_name = text_or_none(told->peer_name);
    ev->call_id = text_or_none(told->call_id);
    ev->stats = told->stats;
    return true;
}

void ptn_ua_events_fini(struct ptn_ua *ua)
{
    forget(&ua->current);
    for (unsigned i = 0; i < PTN_UA_EVENTS_MAX; i++)
        forget(&ua->events[i]);
}
