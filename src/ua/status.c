/*
 * ua/status.c - the phone at this moment, for a person or a program to read.
 */
#include <stdio.h>

#include "ua/inside.h"

static void text(char to[static PTN_UA_TEXT_MAX], const char *from)
{
    snprintf(to, PTN_UA_TEXT_MAX, "%s", from ? from : "");
}

static void account_status(const struct ptn_ua_account_here *a, struct ptn_ua_account_status *out)
{
    *out = (struct ptn_ua_account_status){0};
    text(out->user, a->opts.user);
    text(out->server_name, a->server_name);
    out->transport = a->transport;
    out->server_why = a->server_why;
    out->instead_of = a->instead_of;
    out->fault = a->fault;
    if (a->twin.registered)
        out->also_at = a->twin.server;
    out->state = a->state;
    out->server = a->server;
    out->contact = a->contact;
    out->contact_since = a->told_at;
    out->contact_before = a->told_before;
    out->contact_changes = a->contact_changes;
    out->lease_s = a->lease_s;
    out->registered_at = a->registered_at;
    out->retry_at = a->retry_at;
    out->last_status = a->last_status;
    out->mailbox = a->mailbox;
    out->last_why = a->last_why;
}

static void socket_status(struct ptn_ua_status *out, enum ptn_ua_socket_use use,
                          enum ptn_transport transport, const struct ptn_anchor *anchor,
                          ptn_ua_call_id call)
{
    const struct ptn_addr *mapped = ptn_reach_mapped(&anchor->reach), none = {0};

    if (out->socket_count == sizeof out->sockets / sizeof out->sockets[0])
        return;
    out->sockets[out->socket_count++] = (struct ptn_ua_socket_status){
        .use = use,
        .transport = transport,
        .local = anchor->reach.opts.local,
        .mapped = mapped ? *mapped : none,
        .nat = anchor->reach.nat,
        .call = call,
    };
}

static const struct ptn_ua_call *call_with(const struct ptn_ua *ua, const struct ptn_pair *pair)
{
    for (unsigned i = 0; i < ua->call_count; i++)
        if (ua->calls[i].id != 0 && ua->calls[i].pair == pair)
            return &ua->calls[i];
    return NULL;
}

static void evidence_status(const struct ptn_anchor *anchor, struct ptn_ua_status *out)
{
    struct ptn_ua_evidence_status *e = out->evidence;

    for (unsigned at = 0; out->evidence_count < PTN_UA_EVIDENCE_MAX; out->evidence_count++) {
        e = &out->evidence[out->evidence_count];
        if (!ptn_reach_evidence(&anchor->reach, &at, &e->is))
            return;
        e->socket = out->socket_count - 1;
    }
}

static void sockets_status(const struct ptn_ua *ua, struct ptn_ua_status *out)
{
    for (unsigned i = 0; i < ua->socket_count; i++) {
        if (!ua->sockets[i].open)
            continue;
        socket_status(out, PTN_UA_SOCKET_SIP, ua->sockets[i].transport, &ua->sockets[i].anchor, 0);
        evidence_status(&ua->sockets[i].anchor, out);
    }
    for (unsigned i = 0; i < ua->pool.pair_count; i++) {
        const struct ptn_pair *pair = &ua->pool.pairs[i];
        if (pair->state != PTN_PAIR_OPEN)
            continue;
        const struct ptn_ua_call *call = call_with(ua, pair);
        for (unsigned end = 0; end < 2; end++)
            socket_status(out, end ? PTN_UA_SOCKET_RTCP : PTN_UA_SOCKET_RTP, PTN_UDP,
                          &pair->ends[end].flow.anchor, call ? call->id : 0);
    }
}

const char *ptn_ua_fault_text(enum ptn_err fault)
{
    switch (fault) {
    case PTN_ERR_REFUSED: return "refuses";
    case PTN_ERR_RESET: return "has closed the connection";
    case PTN_ERR_UNREACHABLE: return "cannot be reached";
    case PTN_ERR_NOT_TRUSTED: return "has a certificate that is not trusted";
    case PTN_ERR_CERT_NAME: return "has a certificate for another name";
    case PTN_ERR_CERT_DATE: return "has a certificate that has expired or is not valid yet";
    case PTN_ERR_CERT_CA: return "has a certificate of an unknown CA";
    default: return "does not answer";
    }
}

/* A server answers when it answers at any socket that is open. */
static bool server_answers(const struct ptn_ua *ua, const struct ptn_addr *server,
                           enum ptn_stun_dialect *dialect)
{
    for (unsigned i = 0; i < ua->socket_count; i++)
        if (ua->sockets[i].open && ptn_anchor_answers(&ua->sockets[i].anchor, server, dialect))
            return true;
    return false;
}

static void stun_status(const struct ptn_ua *ua, const struct ptn_server *server,
                        struct ptn_ua_stun_status *out)
{
    enum ptn_stun_dialect dialect = PTN_STUN_MODERN;

    text(out->name, server->name);
    out->addr = ptn_addr_is_none(&server->v4) ? server->v6 : server->v4;
    out->why = server->why;
    out->answers =
        server_answers(ua, &server->v4, &dialect) || server_answers(ua, &server->v6, &dialect);
    out->classic = out->answers && dialect == PTN_STUN_CLASSIC;
}

static void call_status(const struct ptn_ua_call *call, ptn_time now,
                        struct ptn_ua_call_status *out)
{
    *out = (struct ptn_ua_call_status){.id = call->id, .account = call->account};
    out->incoming = call->incoming;
    out->state = call->state;
    out->held = call->held && !call->changing;
    out->held_there = call->held_there;
    text(out->peer, call->peer);
    text(out->peer_name, call->peer_name);
    text(out->call_id, call->call_id);
    out->began_at = call->began_at;
    out->answered_at = call->answered_at;
    out->codec = call->agreed.send.codec;
    out->rtp_local = call->pair->ends[0].flow.anchor.reach.opts.local;
    out->rtp = call->rtp;
    out->rtp_signalled = call->pair->ends[0].flow.latch.signalled;
    out->rtp_remote = call->pair->ends[0].flow.latch.target;
    out->relayed = call->pair->ends[0].flow.relayed;
    if (ptn_ua_meet_words(call, now, out->way)) {
        struct ptn_ice_route route;
        if (ptn_ice_route(call->meet.ice, now, 1, &route)) {
            out->rtp_remote = route.to;
            out->relayed = route.path & PTN_FLOW_BY_RELAY;
        }
    }
    if (out->relayed && call->pair->ends[0].flow.turn)
        out->relay = call->pair->ends[0].flow.turn->at;
    out->has_stats = call->stream != NULL;
    if (call->stream)
        ptn_stream_stats(call->stream, now, &out->stats);
}

static void turn_status(const struct ptn_relays *r, struct ptn_ua_turn_status *out)
{
    const struct ptn_turn_event *wrong = ptn_relays_wrong(r);

    out->wanted = true;
    out->standing = ptn_relays_standing(r);
    out->begun = r->begun;
    out->lost = r->lost;
    out->way = r->good;
    if (wrong) {
        out->is_wrong = true;
        out->wrong = wrong->way;
        out->why = wrong->why;
    }
}

void ptn_ua_status(const struct ptn_ua *ua, ptn_time now, struct ptn_ua_status *out)
{
    out->account_count = out->socket_count = out->stun_count = out->call_count = 0;
    out->evidence_count = 0;
    text(out->nat_type, ua->nat_type[0] ? ua->nat_type : ptn_reach_nat_text(ua->nat));
    out->nat = ua->nat;
    out->mapped = ua->mapped;
    out->stopping = ua->stopping;
    out->account_count = ua->opts.account_count;
    for (unsigned i = 0; i < ua->opts.account_count; i++)
        account_status(&ua->accounts[i], &out->accounts[i]);
    sockets_status(ua, out);
    out->stun_count = ua->servers.count;
    if (ua->relays)
        turn_status(ua->relays, &out->turn);
    for (unsigned i = 0; i < ua->servers.count; i++)
        stun_status(ua, &ua->servers.servers[i], &out->stun[i]);
    for (unsigned i = 0; i < ua->call_count; i++)
        if (ua->calls[i].id != 0 && !ua->calls[i].over)
            call_status(&ua->calls[i], now, &out->calls[out->call_count++]);
}
