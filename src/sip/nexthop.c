/*
 * sip/nexthop.c - where the requests of a call that is up go first: kept open, and asked.
 *
 * A call stays with the proxy by which it came, and what that proxy has to say in it comes back
 * where our last message to it came from. While the account is registered there its keep-alives
 * do for the call, too (keepalive.c); where it has gone to another server, or the call never went
 * by its own, nobody else would speak to that proxy until somebody hangs up, and by then a NAT has
 * forgotten the way. So it is sent an OPTIONS in time, whose answer shows where it sees us.
 */
#include <stdio.h>

#include "sip/agent.h"

enum { URI_MAX = 400, FROM_MAX = 1024 };

/* One question's time, in T1: with repeats after 1 and 3. */
#define ANSWER_WAIT_T1 7

/* For a name that is being looked up, and for a connection that nobody takes. */
#define LOOK_AGAIN PTN_S(1)
#define RECONNECT_EVERY PTN_S(2)

/* UNKNOWN: nowhere, or to a place to which there is nothing that could be forgotten. */
static enum ptn_sip_lookup find_hop(struct ptn_sip *s, ptn_time now,
                                    const struct ptn_sip_session *c, struct ptn_sip_target *target,
                                    struct ptn_sip_hop *hop)
{
    const struct ptn_sip_acct *a = ptn_sip_find_account(s, c->account);
    struct ptn_sip_places places;

    if (!ptn_sip_call_next_hop(s, c, &c->dialog, target))
        return PTN_SIP_UNKNOWN;
    enum ptn_sip_lookup found = ptn_sip_look_up(s, now, target, a ? &a->rule : NULL, &places);
    if (found != PTN_SIP_KNOWN)
        return found;
    const struct ptn_sip_dest *dest = &places.dests.list[0];
    const char *name = a ? ptn_sip_account_name_of(s, a, dest) : NULL;
    if (name)
        snprintf(target->host, sizeof target->host, "%s", name);
    *hop = (struct ptn_sip_hop){.socket = c->path.socket,
                                .transport = dest->transport,
                                .to = dest->addr,
                                .name = target->host};
    hop->socket = ptn_sip_socket_for(s, hop);
    return hop->socket != 0 && ptn_addr_kind(&hop->to) != PTN_ADDR_LOOPBACK ? PTN_SIP_KNOWN
                                                                            : PTN_SIP_UNKNOWN;
}

/* Do keep-alives of an account go there already, from the same socket? */
static bool is_covered(const struct ptn_sip *s, const struct ptn_sip_hop *hop)
{
    for (unsigned i = 0; i < PTN_SIP_ACCOUNTS_MAX; i++) {
        const struct ptn_sip_acct *a = s->accounts[i];
        if (a && a->pulse.next != PTN_NEVER && a->path.socket == hop->socket &&
            a->hop_transport == hop->transport && ptn_addr_equal(&a->hop_addr, &hop->to))
            return true;
    }
    return false;
}

static void send_options(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                         const struct ptn_sip_acct *a, const struct ptn_sip_target *target,
                         const struct ptn_sip_hop *hop)
{
    char uri[URI_MAX], to[URI_MAX + 2], from[FROM_MAX], call_id[25], tag[17];
    char host[PTN_ADDR_TEXT_MAX + 8];
    struct ptn_sip_ask_request ask = {.user = PTN_SIP_FOR_NEXT_HOP,
                                      .user_id = c->id,
                                      .target = *target,
                                      .only = {hop->transport, hop->to},
                                      .path = c->path};

    ptn_sip_token(&s->dice, call_id, sizeof call_id);
    ptn_sip_token(&s->dice, tag, sizeof tag);
    snprintf(uri, sizeof uri, "sip:%s%s", ptn_sip_hostport(&hop->to, host),
             ptn_sip_transport_parameter(hop->transport));
    snprintf(to, sizeof to, "<%s>", uri);
    snprintf(from, sizeof from, "%s;tag=%s", a->aor, tag);
    ask.request = (struct ptn_sip_request){
        .method = "OPTIONS", .uri = uri, .from = from, .to = to, .call_id = call_id, .cseq = 1};
    c->next_hop.txn = ptn_sip_exchange_ask(s, now, &ask);
    c->next_hop.asked_at = now;
    c->next_hop.due = now + ANSWER_WAIT_T1 * s->opts.t1;
}

static void stop_asking(struct ptn_sip *s, struct ptn_sip_session *c)
{
    ptn_sip_exchange_drop(s, c->next_hop.txn);
    c->next_hop.txn = 0;
    c->next_hop.due = PTN_NEVER;
}

/* `urgent`: though others may keep it open. */
static void ask(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c, bool urgent)
{
    const struct ptn_sip_acct *a = ptn_sip_find_account(s, c->account);
    struct ptn_sip_target target;
    struct ptn_sip_hop hop;

    /* A NAT that is stuck is to forget: while the account is silent, so is the call. */
    if (!a || a->reg.resting || c->next_hop.due != PTN_NEVER)
        return;
    enum ptn_sip_lookup found = find_hop(s, now, c, &target, &hop);
    if (found == PTN_SIP_PENDING)
        c->next_hop.next = now + LOOK_AGAIN;
    if (found != PTN_SIP_KNOWN || (!urgent && is_covered(s, &hop)))
        return;
    /* A connection that is dead is noticed by the pong that does not come (transport.c). */
    if (hop.transport == PTN_UDP || !ptn_sip_ping_stream(s, now, &hop))
        send_options(s, now, c, a, &target, &hop);
}

static void plan(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c)
{
    const struct ptn_sip_acct *a = ptn_sip_find_account(s, c->account);

    c->next_hop.next = a && a->pulse.kind != PTN_SIP_KEEPALIVE_OFF
                           ? now + ptn_sip_keepalive_wait(s, a)
                           : PTN_NEVER;
}

void ptn_sip_next_hop_start(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c)
{
    plan(s, now, c);
}

void ptn_sip_next_hop_stop(struct ptn_sip *s, struct ptn_sip_session *c)
{
    stop_asking(s, c);
    c->next_hop.next = PTN_NEVER;
}

void ptn_sip_doubt_call(struct ptn_sip *s, ptn_time now, ptn_sip_id call)
{
    struct ptn_sip_session *c = ptn_sip_find_call(s, call);

    if (c && c->state == PTN_SIP_CALL_UP)
        ask(s, now, c, true);
}

/* Any answer will do, and what it shows has been told (client.c); so will silence: what is to be
 * done about that, the call's own requests find out. */
void ptn_sip_next_hop_answered(struct ptn_sip *s, ptn_sip_id call)
{
    struct ptn_sip_session *c = ptn_sip_find_call(s, call);

    if (c)
        stop_asking(s, c);
}

/* Who is at its other end has no other way to us. */
void ptn_sip_next_hop_conn_lost(struct ptn_sip *s, ptn_time now, const struct ptn_sip_conn *conn)
{
    for (struct ptn_sip_session *c = s->living; c; c = c->next_living) {
        struct ptn_sip_target target;
        struct ptn_sip_hop hop;
        if (c->state == PTN_SIP_CALL_UP && c->next_hop.next != PTN_NEVER &&
            find_hop(s, now, c, &target, &hop) == PTN_SIP_KNOWN && hop.socket == conn->socket &&
            hop.transport == conn->transport && ptn_addr_equal(&hop.to, &conn->remote))
            c->next_hop.next = ptn_time_max(now, c->next_hop.asked_at + RECONNECT_EVERY);
    }
}

void ptn_sip_next_hop_tick(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c)
{
    if (c->next_hop.due <= now)
        stop_asking(s, c);
    if (c->next_hop.next > now)
        return;
    plan(s, now, c);
    ask(s, now, c, false);
}

ptn_time ptn_sip_next_hop_deadline(const struct ptn_sip_session *c)
{
    return ptn_time_min(c->next_hop.next, c->next_hop.due);
}
