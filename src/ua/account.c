/*
 * ua/account.c - which socket an account speaks from and which address it tells.
 *
 * The agent looks up the server and registers; here is only decided what it says in
 * Via and Contact. Whenever anything was learnt, all accounts are gone through: what
 * has not changed is not told again, so that costs nothing.
 */
#include <stdio.h>

#include "ua/inside.h"

unsigned ptn_ua_account_of(const struct ptn_ua *ua, ptn_sip_id sip)
{
    unsigned i = 0;

    while (i < ua->opts.account_count && ua->accounts[i].sip != sip &&
           (ua->accounts[i].twin.sip != sip || sip == 0))
        i++;
    return i;
}

static const char *transport_text(enum ptn_transport transport)
{
    return transport == PTN_TLS ? "TLS" : transport == PTN_TCP ? "TCP" : "UDP";
}

static void server_found(struct ptn_ua *ua, struct ptn_ua_account_here *a,
                         const struct ptn_sip_event *ev)
{
    char text[PTN_ADDR_TEXT_MAX], other[PTN_ADDR_TEXT_MAX];
    bool second_best = !ptn_addr_is_none(&ev->server);

    /* Who has moved to another server is not registered there yet. */
    if (a->state == PTN_UA_ACCOUNT_REGISTERED &&
        (!ptn_addr_equal(&a->server, &ev->addr) || a->transport != ev->transport))
        a->state = PTN_UA_ACCOUNT_REGISTERING;
    a->server = ev->addr;
    a->transport = ev->transport;
    a->server_why = ev->why;
    a->instead_of = ev->server;
    a->fault = ev->fault;
    a->server_name = ev->name && a->opts.server_2.name && !strcmp(ev->name, a->opts.server_2.name)
                         ? a->opts.server_2.name
                         : a->opts.server.name;
    ua->dirty = true;
    if (ptn_addr_is_none(&ev->addr) || ev->why)
        ptn_log(ua->opts.log, PTN_LOG_WARN, "%s: looking up %s fails: %s%s", a->opts.user,
                a->server_name ? a->server_name : "", ptn_err_text(ev->why),
                ptn_addr_is_none(&ev->addr) ? "" : "; what is known is used");
    else
        ptn_log(ua->opts.log, second_best ? PTN_LOG_WARN : PTN_LOG_INFO,
                "%s: server at %s (%s)%s%s%s%s", a->opts.user, ptn_addr_format(&ev->addr, text),
                transport_text(ev->transport), second_best ? ", because " : "",
                second_best ? ptn_addr_format(&ev->server, other) : "", second_best ? " " : "",
                second_best ? ptn_ua_fault_text(ev->fault) : "");
}

static void registered(struct ptn_ua *ua, ptn_time now, unsigned i, const struct ptn_sip_event *ev)
{
    struct ptn_ua_account_here *a = &ua->accounts[i];
    char text[PTN_ADDR_TEXT_MAX];

    if (a->state != PTN_UA_ACCOUNT_REGISTERED)
        ptn_log(ua->opts.log, PTN_LOG_INFO, "%s: registered as %s for %u s", a->opts.user,
                ptn_addr_format(&ev->addr, text), ev->lease_s);
    /* By another connection, perhaps, which a NAT may show under another port. */
    struct ptn_ua_sip_socket *s = ptn_ua_socket(ua, a->path.socket);
    if (a->state != PTN_UA_ACCOUNT_REGISTERED && s && s->transport != PTN_UDP)
        ptn_stun_stream_doubt(&s->stream, now);
    a->state = PTN_UA_ACCOUNT_REGISTERED;
    a->lease_s = ev->lease_s;
    a->last_status = ev->status;
    a->registered_at = now;
    struct ptn_ua_event *told = ptn_ua_tell(ua, PTN_UA_REGISTERED);
    told->account = i;
    told->addr = ev->addr;
    told->lease_s = ev->lease_s;
}

static void register_failed(struct ptn_ua *ua, ptn_time now, unsigned i,
                            const struct ptn_sip_event *ev)
{
    struct ptn_ua_account_here *a = &ua->accounts[i];

    /* A server that is away is asked for every two seconds: once is enough for a person. */
    enum ptn_log_level level =
        a->state == PTN_UA_ACCOUNT_FAILED && a->last_why == ev->why && a->last_status == ev->status
            ? PTN_LOG_DEBUG
            : PTN_LOG_WARN;
    a->state = PTN_UA_ACCOUNT_FAILED;
    a->last_status = ev->status;
    a->last_why = ev->why;
    a->retry_at = ptn_time_add(now, ev->retry_in);
    struct ptn_ua_event *told = ptn_ua_tell(ua, PTN_UA_REGISTER_FAILED);
    told->account = i;
    told->status = ev->status;
    told->why = ev->why;
    told->retry_in = ev->retry_in;
    if (ev->status)
        ptn_log(ua->opts.log, level, "%s: not registered: the server answered %u", a->opts.user,
                ev->status);
    else
        ptn_log(ua->opts.log, level, "%s: not registered: %s", a->opts.user, ptn_err_text(ev->why));
}

void ptn_ua_account_event(struct ptn_ua *ua, ptn_time now, const struct ptn_sip_event *ev)
{
    unsigned i = ptn_ua_account_of(ua, ev->account);

    if (i == ua->opts.account_count || ptn_ua_twin_event(ua, ev))
        return;
    struct ptn_ua_account_here *a = &ua->accounts[i];
    switch (ev->kind) {
    case PTN_SIP_SERVER: server_found(ua, a, ev); break;
    case PTN_SIP_REGISTERED: registered(ua, now, i, ev); break;
    case PTN_SIP_REGISTER_FAILED: register_failed(ua, now, i, ev); break;
    case PTN_SIP_UNREGISTERED:
        a->state = PTN_UA_ACCOUNT_UNREGISTERED;
        ptn_ua_tell(ua, PTN_UA_UNREGISTERED)->account = i;
        break;
    case PTN_SIP_KEEPALIVE_LOST:
        ptn_log(ua->opts.log, PTN_LOG_WARN, "%s: the server does not answer keep-alives",
                a->opts.user);
        if (a->state == PTN_UA_ACCOUNT_REGISTERED)
            a->state = PTN_UA_ACCOUNT_REGISTERING;
        break;
    case PTN_SIP_MAPPING_DEAD:
        ptn_log(
            ua->opts.log, PTN_LOG_WARN,
            "%s: the server answers another port of this phone, but not the one that is set: the "
            "router holds on to a dead mapping. Silent for %u s, that it may forget it",
            a->opts.user, (unsigned)(ev->retry_in / PTN_S(1)));
        a->retry_at = ptn_time_add(now, ev->retry_in);
        break;
    default: break;
    }
}

enum ptn_err ptn_ua_message(struct ptn_ua *ua, ptn_time now, unsigned account, const char *target,
                            const char *text, unsigned *message)
{
    if (account >= ua->opts.account_count)
        return PTN_ERR_INVALID;
    return ptn_sip_message(ua->sip, now, ua->accounts[account].sip, target, text, message);
}

static bool has_server(const struct ptn_ua_account_here *a)
{
    return a->opts.server.name || a->opts.proxy.name;
}

static void log_contact(const struct ptn_ua *ua, const struct ptn_ua_account_here *a)
{
    char text[PTN_ADDR_TEXT_MAX], before[PTN_ADDR_TEXT_MAX];
    bool first = ptn_addr_is_none(&a->told_before);

    if (a->path.veiled) {
        ptn_log(ua->opts.log, PTN_LOG_INFO, "%s: asks its server first where it is seen",
                a->opts.user);
        return;
    }
    ptn_log(ua->opts.log, a->contact.private_to_public ? PTN_LOG_WARN : PTN_LOG_INFO,
            "%s: tells its server %s (%s)%s%s%s", a->opts.user,
            ptn_addr_format(&a->contact.addr, text), ptn_reach_why_text(a->contact.why),
            first ? "" : ", no longer ", first ? "" : ptn_addr_format(&a->told_before, before),
            a->contact.private_to_public ? ": a private address, calls may not come through" : "");
}

static void refresh(struct ptn_ua *ua, ptn_time now, struct ptn_ua_account_here *a)
{
    if (has_server(a) && ptn_addr_is_none(&a->server))
        return;
    struct ptn_ua_sip_socket *s = ptn_ua_socket_towards(ua, a->transport, &a->server);
    if (!s) {
        a->ready_by = 0;
        return;
    }
    if (a->ready_by == 0) {
        a->ready_by = now + PTN_UA_GATHER_MAX;
        ptn_pool_use(&ua->pool, now, s->local);
    }
    struct ptn_reach_ask ask = ptn_ua_reach_ask(&a->opts, &a->server);
    struct ptn_reach_answer contact = ptn_ua_contact(ua, s, &ask);
    if (!a->told && ptn_ua_worth_waiting(ua, now, a->ready_by, ptn_ua_socket_settled(s), &contact))
        return;
    bool veiled = a->opts.registers && ptn_ua_is_guess(&contact);
    bool same = a->told && a->path.socket == s->id && a->path.veiled == veiled &&
                ptn_addr_equal(&a->path.contact, &contact.addr);
    a->contact = contact;
    if (same)
        return;
    a->told = true;
    if (!veiled && !ptn_addr_equal(&a->path.contact, &contact.addr)) {
        a->told_before = a->path.veiled ? (struct ptn_addr){0} : a->path.contact;
        a->contact_changes += !ptn_addr_is_none(&a->told_before);
        a->told_at = now;
    }
    a->path = (struct ptn_sip_path){s->id, contact.addr, veiled};
    log_contact(ua, a);
    if (a->state == PTN_UA_ACCOUNT_WAITING)
        a->state = a->opts.registers ? PTN_UA_ACCOUNT_REGISTERING : PTN_UA_ACCOUNT_DIRECT;
    ptn_sip_account_use(ua->sip, now, a->sip, &a->path);
}

void ptn_ua_accounts_refresh(struct ptn_ua *ua, ptn_time now)
{
    for (unsigned i = 0; i < ua->opts.account_count; i++) {
        refresh(ua, now, &ua->accounts[i]);
        ptn_ua_twin_refresh(ua, now, &ua->accounts[i]);
    }
}

ptn_time ptn_ua_accounts_deadline(const struct ptn_ua *ua)
{
    ptn_time deadline = PTN_NEVER;

    for (unsigned i = 0; i < ua->opts.account_count; i++)
        if (!ua->accounts[i].told && ua->accounts[i].ready_by > 0)
            deadline = ptn_time_min(deadline, ua->accounts[i].ready_by);
    return deadline;
}
