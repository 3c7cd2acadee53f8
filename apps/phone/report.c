/*
 * phone/report.c - the phone in JSON: its state, and what has just happened.
 *
 * The form is documented in postern-phone(8) and has a version: names are added
 * to it, but neither renamed nor given another meaning. What is not known is
 * left out rather than given a made-up value.
 */
#include <stdlib.h>

#include "phone/phone.h"
#include "sight/glance.h"

enum { REPORT_VERSION = 1 };

static void set_text(json_t *object, const char *name, const char *text)
{
    /* Names come from the network: what is no UTF-8 is refused by jansson, and then left out. */
    if (text && text[0])
        json_object_set_new(object, name, json_string(text));
}

static void set_addr(json_t *object, const char *name, const struct ptn_addr *addr)
{
    char text[PTN_ADDR_TEXT_MAX];
    if (!ptn_addr_is_none(addr))
        set_text(object, name, ptn_addr_format(addr, text));
}

static void set_ms(json_t *object, const char *name, ptn_time span)
{
    if (span != PTN_NEVER)
        json_object_set_new(object, name, json_real((double)(span / PTN_US(10)) / 100));
}

static void set_count(json_t *object, const char *name, int64_t count)
{
    json_object_set_new(object, name, json_integer(count));
}

/* An address that is told to others, and the reason. */
static void set_told(json_t *object, const char *name, const struct ptn_reach_answer *answer)
{
    if (ptn_addr_is_none(&answer->addr))
        return;
    json_t *told = json_object();
    set_addr(told, "address", &answer->addr);
    set_text(told, "why", ptn_reach_why_text(answer->why));
    json_object_set_new(told, "private_to_public", json_boolean(answer->private_to_public));
    json_object_set_new(object, name, told);
}

static const char *transport_text(enum ptn_transport t)
{
    return t == PTN_TLS ? "tls" : t == PTN_TCP ? "tcp" : "udp";
}

static json_t *stats_json(const struct ptn_stream_stats *s)
{
    json_t *stats = json_object();
    set_count(stats, "sent_packets", (int64_t)s->sent_packets);
    set_count(stats, "received_packets", (int64_t)s->received_packets);
    set_count(stats, "lost", s->lost);
    json_object_set_new(stats, "lost_fraction", json_real(s->lost_fraction));
    set_count(stats, "duplicates", (int64_t)s->duplicates);
    set_count(stats, "late", (int64_t)s->late);
    set_count(stats, "foreign", (int64_t)s->foreign);
    set_count(stats, "malformed", (int64_t)s->malformed);
    set_ms(stats, "jitter_ms", s->jitter);
    set_ms(stats, "play_delay_ms", s->play_delay);
    set_ms(stats, "rtt_ms", s->rtt);
    if (s->first_received != PTN_NEVER)
        set_ms(stats, "gap_max_ms", s->gap_max);
    if (s->remote_known) {
        json_t *remote = json_object();
        set_count(remote, "lost", s->remote_lost);
        json_object_set_new(remote, "lost_fraction", json_real(s->remote_lost_fraction));
        set_ms(remote, "jitter_ms", s->remote_jitter);
        json_object_set_new(stats, "far_end", remote);
    }
    return stats;
}

static const char *account_state_text(enum ptn_ua_account_state state)
{
    switch (state) {
    case PTN_UA_ACCOUNT_WAITING: return "waiting";
    case PTN_UA_ACCOUNT_DIRECT: return "direct";
    case PTN_UA_ACCOUNT_REGISTERING: return "registering";
    case PTN_UA_ACCOUNT_REGISTERED: return "registered";
    case PTN_UA_ACCOUNT_FAILED: return "failed";
    case PTN_UA_ACCOUNT_UNREGISTERED: return "unregistered";
    }
    return "";
}

static const char *call_state_text(enum ptn_ua_call_state state)
{
    switch (state) {
    case PTN_UA_CALL_GATHERING: return "gathering";
    case PTN_UA_CALL_DIALLED: return "dialled";
    case PTN_UA_CALL_RINGING: return "ringing";
    case PTN_UA_CALL_UP: return "up";
    case PTN_UA_CALL_ENDING: return "ending";
    }
    return "";
}

static const char *use_text(enum ptn_ua_socket_use use)
{
    switch (use) {
    case PTN_UA_SOCKET_SIP: return "sip";
    case PTN_UA_SOCKET_RTP: return "rtp";
    case PTN_UA_SOCKET_RTCP: return "rtcp";
    }
    return "";
}

const char *phone_report_ended_text(enum ptn_sip_ended ended)
{
    switch (ended) {
    case PTN_SIP_ENDED_BY_US: return "by us";
    case PTN_SIP_ENDED_BY_PEER: return "by the far end";
    case PTN_SIP_ENDED_REFUSED: return "refused";
    case PTN_SIP_ENDED_TIMED_OUT: return "timed out";
    case PTN_SIP_ENDED_NO_ACK: return "never acknowledged";
    case PTN_SIP_ENDED_UNREACHABLE: return "unreachable";
    case PTN_SIP_ENDED_BAD_SDP: return "bad session description";
    }
    return "";
}

/* NULL: nothing was asked or heard. */
static json_t *mailbox_json(const struct ptn_ua_mailbox *m, ptn_time now)
{
    json_t *mailbox;

    if (m->state == PTN_UA_MAILBOX_UNASKED && !m->heard)
        return NULL;
    mailbox = json_object();
    json_object_set_new(mailbox, "subscribed", json_boolean(m->state == PTN_UA_MAILBOX_SUBSCRIBED));
    if (m->state == PTN_UA_MAILBOX_SUBSCRIBED)
        set_ms(mailbox, "left_ms", m->until > now ? m->until - now : 0);
    if (m->state == PTN_UA_MAILBOX_FAILED) {
        set_count(mailbox, "last_status", m->last_status);
        set_ms(mailbox, "retry_in_ms", m->until > now ? m->until - now : 0);
    }
    if (m->heard) {
        json_object_set_new(mailbox, "waiting", json_boolean(m->waiting));
        set_count(mailbox, "new", m->messages_new);
        set_count(mailbox, "old", m->messages_old);
    }
    return mailbox;
}

static json_t *account_json(const struct phone *p, unsigned i,
                            const struct ptn_ua_account_status *a, ptn_time now)
{
    unsigned number = p->wiring.account_numbers[i];
    const char *label = p->settings->account_label[number - 1];
    json_t *account = json_object();
    set_count(account, "account", number);
    set_text(account, "label", label[0] ? label : a->user);
    set_text(account, "user", a->user);
    set_text(account, "server", a->server_name);
    set_addr(account, "server_address", &a->server);
    if (!ptn_addr_is_none(&a->server))
        set_text(account, "server_transport", transport_text(a->transport));
    if (a->server_why != PTN_OK)
        set_text(account, "server_why", ptn_err_text(a->server_why));
    set_addr(account, "server_instead_of", &a->instead_of);
    if (!ptn_addr_is_none(&a->instead_of))
        set_text(account, "server_fault", ptn_ua_fault_text(a->fault));
    set_addr(account, "also_registered_at", &a->also_at);
    set_text(account, "state", account_state_text(a->state));
    set_told(account, "contact", &a->contact);
    if (!ptn_addr_is_none(&a->contact_before)) {
        set_addr(account, "contact_before", &a->contact_before);
        set_ms(account, "contact_for_ms", now - a->contact_since);
        set_count(account, "contact_changes", a->contact_changes);
    }
    if (a->state == PTN_UA_ACCOUNT_REGISTERED) {
        set_count(account, "lease_s", a->lease_s);
        set_ms(account, "registered_for_ms", now - a->registered_at);
    }
    if (a->state == PTN_UA_ACCOUNT_FAILED) {
        set_count(account, "last_status", a->last_status);
        if (a->last_status == 0)
            set_text(account, "why", ptn_err_text(a->last_why));
        if (a->retry_at != PTN_NEVER)
            set_ms(account, "retry_in_ms", a->retry_at - now);
    }
    json_t *mailbox = mailbox_json(&a->mailbox, now);
    if (mailbox)
        json_object_set_new(account, "mailbox", mailbox);
    return account;
}

/* "turn:203.0.113.5:3478"; left out where there is none. */
static void set_way(json_t *object, const char *key, const struct ptn_turn_way *way)
{
    char text[PTN_TURN_WAY_TEXT_MAX];
    if (!ptn_addr_is_none(&way->server))
        set_text(object, key, ptn_turn_way_text(way, text));
}

/* NULL: there is no TURN server. */
static json_t *turn_json(const struct ptn_ua_turn_status *t)
{
    if (!t->wanted)
        return NULL;
    json_t *turn = json_object();
    set_way(turn, "server", &t->way);
    set_count(turn, "allocations", t->standing);
    set_count(turn, "begun", (int64_t)t->begun);
    set_count(turn, "lost", (int64_t)t->lost);
    if (t->is_wrong) {
        set_way(turn, "failed", &t->wrong);
        set_text(turn, "why", ptn_turn_why_text(t->why));
    }
    return turn;
}

static json_t *call_json(const struct phone *p, const struct ptn_ua_call_status *c, ptn_time now)
{
    json_t *call = json_object();
    set_count(call, "call", c->id);
    set_count(call, "account", p->wiring.account_numbers[c->account]);
    json_object_set_new(call, "incoming", json_boolean(c->incoming));
    set_text(call, "state", call_state_text(c->state));
    json_object_set_new(call, "held", json_boolean(c->held));
    json_object_set_new(call, "held_by_far_end", json_boolean(c->held_there));
    set_text(call, "peer", c->peer);
    set_text(call, "peer_name", c->peer_name);
    set_text(call, "call_id", c->call_id);
    set_ms(call, "age_ms", now - c->began_at);
    if (c->answered_at != PTN_NEVER)
        set_ms(call, "answered_for_ms", now - c->answered_at);
    if (c->codec < PTN_CODEC_COUNT)
        set_text(call, "codec", ptn_codec_info(c->codec)->name);
    set_addr(call, "rtp_local", &c->rtp_local);
    set_told(call, "rtp", &c->rtp);
    json_object_set_new(call, "relayed", json_boolean(c->relayed));
    if (c->relayed)
        set_way(call, "relay", &c->relay);
    set_addr(call, "rtp_signalled", &c->rtp_signalled);
    set_addr(call, "rtp_remote", &c->rtp_remote);
    if (c->way[0])
        set_text(call, "ice", c->way);
    if (c->has_stats)
        json_object_set_new(call, "stats", stats_json(&c->stats));
    return call;
}

/* Who has seen the socket, and as what. */
static json_t *evidence_json(const struct ptn_ua_status *s, unsigned socket, ptn_time now)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < s->evidence_count; i++) {
        const struct ptn_reach_evidence *e = &s->evidence[i].is;
        if (s->evidence[i].socket != socket)
            continue;
        json_t *one = json_object();
        set_text(one, "by", ptn_reach_sight_text(e->sight.kind));
        set_addr(one, "server", &e->sight.server);
        set_addr(one, "seen", &e->sight.seen);
        set_ms(one, "age_ms", now - e->seen_at);
        set_addr(one, "not_believed_yet", &e->pending);
        set_count(one, "changes", e->changes);
        json_array_append_new(list, one);
    }
    return list;
}

static json_t *nat_json(const struct ptn_ua_status *s, ptn_time now)
{
    json_t *nat = json_object(), *servers = json_array(), *sockets = json_array();
    set_text(nat, "type", s->nat_type);
    set_text(nat, "mapping", ptn_reach_nat_text(s->nat));
    set_addr(nat, "mapped", &s->mapped);
    for (unsigned i = 0; i < s->stun_count; i++) {
        json_t *server = json_object();
        set_text(server, "name", s->stun[i].name);
        set_addr(server, "address", &s->stun[i].addr);
        if (s->stun[i].why != PTN_OK)
            set_text(server, "why", ptn_err_text(s->stun[i].why));
        json_object_set_new(server, "answers", json_boolean(s->stun[i].answers));
        if (s->stun[i].answers)
            set_text(server, "dialect", s->stun[i].classic ? "classic" : "modern");
        json_array_append_new(servers, server);
    }
    for (unsigned i = 0; i < s->socket_count; i++) {
        json_t *socket = json_object();
        set_text(socket, "use", use_text(s->sockets[i].use));
        set_text(socket, "transport", transport_text(s->sockets[i].transport));
        set_addr(socket, "local", &s->sockets[i].local);
        set_addr(socket, "mapped", &s->sockets[i].mapped);
        set_addr(socket, "relayed", &s->sockets[i].relayed);
        set_text(socket, "mapping", ptn_reach_nat_text(s->sockets[i].nat));
        if (s->sockets[i].call)
            set_count(socket, "call", s->sockets[i].call);
        if (s->sockets[i].use == PTN_UA_SOCKET_SIP)
            json_object_set_new(socket, "evidence", evidence_json(s, i, now));
        json_array_append_new(sockets, socket);
    }
    json_object_set_new(nat, "stun", servers);
    json_t *turn = turn_json(&s->turn);
    if (turn)
        json_object_set_new(nat, "turn", turn);
    json_object_set_new(nat, "sockets", sockets);
    return nat;
}

static json_t *capture_json(const struct phone_watch *w)
{
    uint64_t bytes, packets;

    if (!phone_capture_size(w, &bytes, &packets))
        return NULL;
    json_t *capture = json_object();
    set_text(capture, "file", w->capture_path);
    set_count(capture, "bytes", (int64_t)bytes);
    set_count(capture, "packets", (int64_t)packets);
    return capture;
}

json_t *phone_report_status(const struct phone *p, ptn_time now)
{
    struct ptn_ua_status *s = malloc(sizeof *s); /* 110 KiB, seldom wanted */
    if (!s)
        return NULL;
    ptn_ua_status(p->ua, now, s);

    json_t *accounts = json_array(), *calls = json_array();
    for (unsigned i = 0; i < s->account_count; i++)
        json_array_append_new(accounts, account_json(p, i, &s->accounts[i], now));
    for (unsigned i = 0; i < s->call_count; i++)
        json_array_append_new(calls, call_json(p, &s->calls[i], now));
    json_t *status = json_object();
    set_count(status, "version", REPORT_VERSION);
    set_text(status, "instance", p->settings->instance);
    json_object_set_new(status, "stopping", json_boolean(s->stopping));
    json_object_set_new(status, "nat", nat_json(s, now));
    json_object_set_new(status, "accounts", accounts);
    json_object_set_new(status, "calls", calls);
    json_t *capture = capture_json(&p->watch);
    if (capture)
        json_object_set_new(status, "capture", capture);
    free(s);
    return status;
}

static const char *entry_text(enum ptn_trace_kind kind)
{
    switch (kind) {
    case PTN_TRACE_MESSAGE: return "message";
    case PTN_TRACE_KEEPALIVES: return "keepalives";
    case PTN_TRACE_UP: return "connected";
    case PTN_TRACE_DOWN: return "closed";
    case PTN_TRACE_FAILED: return "not_connected";
    }
    return "";
}

static void set_unix(json_t *object, const char *name, uint64_t unix_ns)
{
    json_object_set_new(object, name, json_real((double)(unix_ns / 1000) / 1e6));
}

static void set_message(json_t *entry, const struct ptn_trace_entry *e)
{
    struct ptn_glance glance;

    ptn_glance(e->text, &glance);
    set_text(entry, "what", glance.what);
    set_text(entry, "call_id", glance.call_id);
    set_text(entry, "method", glance.method);
    if (glance.status)
        set_count(entry, "status", glance.status);
    if (e->call)
        set_count(entry, "call", e->call);
    if (e->repeat)
        json_object_set_new(entry, "repeat", json_true());
    json_object_set_new(entry, "text", json_stringn((const char *)e->text.data, e->text.size));
}

json_t *phone_report_entry(const struct ptn_trace_entry *e)
{
    json_t *entry = json_object();

    if (e->number)
        set_count(entry, "number", (int64_t)e->number);
    set_text(entry, "kind", entry_text(e->kind));
    set_unix(entry, "time", e->unix_ns);
    json_object_set_new(entry, "sent", json_boolean(e->sent));
    set_text(entry, "transport", transport_text(e->transport));
    set_addr(entry, "local", &e->local);
    set_addr(entry, "far", &e->far);
    if (e->kind == PTN_TRACE_MESSAGE)
        set_message(entry, e);
    if (e->kind == PTN_TRACE_KEEPALIVES) {
        set_unix(entry, "until", e->until_ns);
        set_count(entry, "sent_count", e->sent_count);
        set_count(entry, "received_count", e->received_count);
    }
    if (e->why != PTN_OK)
        set_text(entry, "why", ptn_err_text(e->why));
    return entry;
}

static const char *event_text(enum ptn_ua_event_kind kind)
{
    switch (kind) {
    case PTN_UA_REGISTERED: return "registered";
    case PTN_UA_REGISTER_FAILED: return "register_failed";
    case PTN_UA_UNREGISTERED: return "unregistered";
    case PTN_UA_INCOMING: return "incoming";
    case PTN_UA_RINGING: return "ringing";
    case PTN_UA_ANSWERED: return "answered";
    case PTN_UA_HEARD: return "heard";
    case PTN_UA_ENDED: return "ended";
    case PTN_UA_HOLD: return "hold";
    case PTN_UA_CHANGE_FAILED: return "change_failed";
    case PTN_UA_TRANSFER: return "transfer";
    case PTN_UA_REFERRED: return "referred";
    case PTN_UA_MESSAGE: return "message";
    case PTN_UA_MESSAGE_SENT: return "message_sent";
    case PTN_UA_MESSAGES_WAITING: return "messages_waiting";
    case PTN_UA_NAT_CHANGED: return "nat_changed";
    case PTN_UA_SOCKET_FAILED: return "socket_failed";
    case PTN_UA_STOPPED: return "stopped";
    case PTN_UA_AUDIO: break;
    }
    return NULL;
}

json_t *phone_report_event(const struct phone *p, const struct ptn_ua_event *ev)
{
    const char *kind = event_text(ev->kind);
    if (!kind)
        return NULL;
    json_t *event = json_object();
    set_text(event, "event", kind);
    switch (ev->kind) {
    case PTN_UA_REGISTERED:
    case PTN_UA_REGISTER_FAILED:
    case PTN_UA_UNREGISTERED:
    case PTN_UA_INCOMING:
    case PTN_UA_MESSAGE:
    case PTN_UA_MESSAGE_SENT:
    case PTN_UA_MESSAGES_WAITING:
        set_count(event, "account", p->wiring.account_numbers[ev->account]);
        break;
    default: break;
    }
    if (ev->call)
        set_count(event, "call", ev->call);
    if (ev->message)
        set_count(event, "message", ev->message);
    if (ev->kind == PTN_UA_MESSAGES_WAITING) {
        json_object_set_new(event, "waiting", json_boolean(ev->waiting));
        set_count(event, "new", ev->messages_new);
        set_count(event, "old", ev->messages_old);
    }
    if (ev->other)
        set_count(event, ev->kind == PTN_UA_INCOMING ? "replaces" : "new_call", ev->other);
    if (ev->kind == PTN_UA_REGISTERED)
        set_count(event, "lease_s", ev->lease_s);
    if (ev->kind == PTN_UA_REGISTER_FAILED)
        set_ms(event, "retry_in_ms", ev->retry_in);
    if (ev->kind == PTN_UA_ENDED)
        set_text(event, "ended", phone_report_ended_text(ev->ended));
    if (ev->kind == PTN_UA_HOLD) {
        json_object_set_new(event, "held", json_boolean(ev->held));
        json_object_set_new(event, "held_by_far_end", json_boolean(ev->held_there));
    }
    if (ev->status)
        set_count(event, "status", ev->status);
    if (ev->why != PTN_OK)
        set_text(event, "why", ptn_err_text(ev->why));
    set_addr(event, "address", &ev->addr);
    set_text(event, "reason", ev->reason);
    set_text(event, "peer", ev->peer);
    set_text(event, "peer_name", ev->peer_name);
    set_text(event, "call_id", ev->call_id);
    set_text(event, "text", ev->text);
    if (ev->stats)
        json_object_set_new(event, "stats", stats_json(ev->stats));
    return event;
}
