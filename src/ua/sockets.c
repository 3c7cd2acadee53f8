/*
 * ua/sockets.c - SIP's sockets, who asks STUN from them, and what that says of the NAT.
 */
#include <stdio.h>

#include "ua/inside.h"

static const struct ptn_reach_opts *reach_opts(const struct ptn_ua *ua, unsigned local)
{
    return &ua->pool.opts.locals[local];
}

/* STUN's, and TURN's, which answer the same question. */
static void list_servers(const struct ptn_ua *ua, struct ptn_anchor_servers *servers)
{
    ptn_servers_list(&ua->servers, servers);
    if (ua->relays)
        ptn_relays_add_to(ua->relays, servers);
}

/* At the address of its place now, and the port of its transport. */
static void open_at(struct ptn_ua *ua, ptn_time now, struct ptn_ua_sip_socket *s)
{
    uint16_t port = s->transport == PTN_TLS ? ua->opts.tls_port : ua->opts.sip_port;

    s->addr = ptn_addr_with_port(ua->opts.locals[s->local].addr, port);
    if (s->transport == PTN_TLS && port == 0)
        s->id = ptn_sip_reach_out(ua->sip, s->transport, &s->addr);
    else
        s->id = ptn_sip_listen(ua->sip, now, s->transport, &s->addr);
}

/* ---- STUN over TCP, from the port of TCP or TLS ---- */

static bool asks_by_stream(const struct ptn_ua *ua, const struct ptn_ua_sip_socket *s)
{
    return s->transport != PTN_UDP && s->open && s->addr.port != 0 &&
           ua->opts.stream_port == PTN_UA_PORT_FIXED;
}

static void ask_by_stream(struct ptn_ua *ua, ptn_time now, struct ptn_ua_sip_socket *s,
                          const struct ptn_anchor_servers *servers)
{
    struct ptn_addr ours[PTN_STUN_STREAM_SERVERS_MAX];
    size_t count = 0;

    for (unsigned i = 0; i < servers->count && asks_by_stream(ua, s); i++)
        if (servers->addrs[i].family == s->addr.family && count < PTN_STUN_STREAM_SERVERS_MAX)
            ours[count++] = servers->addrs[i];
    ptn_stun_stream_ask(&s->stream, now, ours, count);
}

static void begin_stream(struct ptn_ua *ua, struct ptn_ua_sip_socket *s)
{
    struct ptn_stun_stream_opts opts = {
        .id_first = PTN_UA_IDS_STREAM + (ptn_id)(s - ua->sockets) * PTN_STUN_STREAM_SERVERS_MAX,
        .local = s->addr,
        .dialect =
            ua->opts.stun_dialect == PTN_UA_STUN_CLASSIC ? PTN_STUN_CLASSIC : PTN_STUN_MODERN,
        .dice = ptn_dice_split(&ua->dice),
    };

    ptn_stun_stream_init(&s->stream, &opts);
}

static void hear_streams(struct ptn_ua *ua, ptn_time now, struct ptn_ua_sip_socket *s)
{
    struct ptn_stun_stream_seen seen;

    while (ptn_stun_stream_event(&s->stream, &seen)) {
        ptn_reach_see(&s->anchor.reach, now,
                      &(struct ptn_reach_sight){PTN_REACH_SAW_STUN, seen.server, seen.mapped});
        ua->dirty = true;
    }
}

bool ptn_ua_streams_input(struct ptn_ua *ua, ptn_time now, const struct ptn_tell *tell)
{
    for (unsigned i = 0; i < ua->socket_count; i++) {
        struct ptn_ua_sip_socket *s = &ua->sockets[i];
        if (s->transport == PTN_UDP || !ptn_stun_stream_owns(&s->stream, tell->id))
            continue;
        ptn_stun_stream_input(&s->stream, now, tell);
        hear_streams(ua, now, s);
        ua->dirty = true; /* somebody may wait for it */
        return true;
    }
    return false;
}

void ptn_ua_streams_tick(struct ptn_ua *ua, ptn_time now)
{
    for (unsigned i = 0; i < ua->socket_count; i++)
        if (now >= ptn_stun_stream_deadline(&ua->sockets[i].stream)) {
            ptn_stun_stream_tick(&ua->sockets[i].stream, now);
            ua->dirty = true;
        }
}

bool ptn_ua_streams_output(struct ptn_ua *ua, ptn_time now, struct ptn_ask *ask)
{
    for (unsigned i = 0; i < ua->socket_count; i++)
        if (ptn_stun_stream_output(&ua->sockets[i].stream, now, ask)) {
            ask->dscp = ua->opts.sip_dscp;
            return true;
        }
    return false;
}

ptn_time ptn_ua_streams_deadline(const struct ptn_ua *ua)
{
    ptn_time due = PTN_NEVER;

    for (unsigned i = 0; i < ua->socket_count; i++)
        due = ptn_time_min(due, ptn_stun_stream_deadline(&ua->sockets[i].stream));
    return due;
}

bool ptn_ua_socket_settled(const struct ptn_ua_sip_socket *s)
{
    return ptn_anchor_settled(&s->anchor) && ptn_stun_stream_settled(&s->stream);
}

void ptn_ua_socket_doubt(struct ptn_ua_sip_socket *s, ptn_time now)
{
    ptn_anchor_doubt(&s->anchor, now);
    ptn_stun_stream_doubt(&s->stream, now);
}

/* ---- sockets ---- */

static void listen_at(struct ptn_ua *ua, ptn_time now, unsigned local, enum ptn_transport transport)
{
    struct ptn_ua_sip_socket *s = &ua->sockets[ua->socket_count++];

    *s = (struct ptn_ua_sip_socket){.local = local, .transport = transport, .again_at = PTN_NEVER};
    begin_stream(ua, s);
    open_at(ua, now, s);
}

void ptn_ua_listen_again(struct ptn_ua *ua, ptn_time now, struct ptn_ua_sip_socket *s)
{
    s->open = false;
    s->again = true;
    s->again_at = PTN_NEVER;
    ptn_stun_stream_ask(&s->stream, now, NULL, 0);
    open_at(ua, now, s);
}

void ptn_ua_sockets_start(struct ptn_ua *ua, ptn_time now)
{
    for (unsigned i = 0; i < ua->opts.local_count; i++) {
        listen_at(ua, now, i, PTN_UDP);
        if (ua->opts.tcp)
            listen_at(ua, now, i, PTN_TCP);
        if (ua->opts.tls)
            listen_at(ua, now, i, PTN_TLS);
    }
}

struct ptn_ua_sip_socket *ptn_ua_socket(struct ptn_ua *ua, ptn_id id)
{
    for (unsigned i = 0; i < ua->socket_count; i++)
        if (ua->sockets[i].id == id && ua->sockets[i].open)
            return &ua->sockets[i];
    return NULL;
}

struct ptn_ua_sip_socket *ptn_ua_socket_towards(struct ptn_ua *ua, enum ptn_transport transport,
                                                const struct ptn_addr *to)
{
    struct ptn_ua_sip_socket *first = NULL;

    for (unsigned i = 0; i < ua->socket_count; i++) {
        struct ptn_ua_sip_socket *s = &ua->sockets[i];
        if (!s->open || s->transport != transport || ua->gone[s->local])
            continue;
        if (ptn_addr_is_none(to))
            return s;
        if (s->addr.family != to->family)
            continue;
        if (ptn_addr_in_prefix(to, &s->addr, s->anchor.reach.opts.prefix_bits))
            return s;
        /* A loopback address leads to nobody but loopback addresses. */
        bool loops = ptn_addr_kind(&s->addr) == PTN_ADDR_LOOPBACK;
        if (loops != (ptn_addr_kind(to) == PTN_ADDR_LOOPBACK))
            continue;
        if (!first)
            first = s;
    }
    return first;
}

static void open_socket(struct ptn_ua *ua, ptn_time now, struct ptn_ua_sip_socket *s,
                        const struct ptn_addr *local)
{
    struct ptn_anchor_opts opts = {.reach = *reach_opts(ua, s->local),
                                   .binding = ua->pool.opts.binding};
    struct ptn_anchor_servers servers;

    s->open = true;
    s->addr = *local;
    opts.reach.local = *local;
    opts.binding.socket = s->id;
    opts.binding.dice = ptn_dice_split(&ua->dice);
    ptn_anchor_init(&s->anchor, &opts);
    if (ua->discovered != PTN_REACH_NAT_UNKNOWN)
        ptn_reach_see_nat(&s->anchor.reach, ua->discovered);
    list_servers(ua, &servers);
    s->stream.opts.local = *local;
    if (s->transport == PTN_UDP)
        ptn_anchor_ask(&s->anchor, now, &servers);
    else
        ask_by_stream(ua, now, s, &servers);
}

struct ptn_reach_answer ptn_ua_contact(const struct ptn_ua *ua, const struct ptn_ua_sip_socket *s,
                                       const struct ptn_reach_ask *ask)
{
    struct ptn_reach_answer answer = ptn_reach_answer(&s->anchor.reach, ask);

    if (s->transport != PTN_UDP && ua->opts.stream_port == PTN_UA_PORT_RANDOM_SOURCE)
        answer.addr.port = s->addr.port;
    /* Where nothing listens, or another port is to be told: what the server has seen. */
    if (s->transport != PTN_UDP && ua->opts.stream_port == PTN_UA_PORT_RANDOM && s->seen_port)
        answer.addr.port = s->seen_port;
    if (answer.addr.port == 0)
        answer.addr.port = s->seen_port ? s->seen_port : 5061;
    return answer;
}

static void hear_reflexive(struct ptn_ua *ua, ptn_time now, const struct ptn_sip_event *ev)
{
    struct ptn_ua_sip_socket *s = ptn_ua_socket(ua, ev->socket);

    if (!s)
        return;
    struct ptn_reach_sight sight = {PTN_REACH_SAW_RPORT, ev->server, ev->addr};
    s->seen_port = ev->addr.port;
    bool doubtful;
    ptn_reach_see_doubting(&s->anchor.reach, now, &sight, &doubtful);
    if (doubtful)
        ptn_ua_mappings_doubtful(ua, now, s->local);
    ptn_pool_see_signal(&ua->pool, now, s->local,
                        &(struct ptn_reach_sight){PTN_REACH_SAW_SIGNAL, ev->server, ev->addr});
}

void ptn_ua_socket_event(struct ptn_ua *ua, ptn_time now, const struct ptn_sip_event *ev)
{
    char text[PTN_ADDR_TEXT_MAX];

    if (ev->kind == PTN_SIP_REFLEXIVE) {
        hear_reflexive(ua, now, ev);
        ua->dirty = true;
        return;
    }
    for (unsigned i = 0; i < ua->socket_count; i++) {
        struct ptn_ua_sip_socket *s = &ua->sockets[i];
        if (s->id != ev->socket)
            continue;
        ua->dirty = true;
        if (ev->kind == PTN_SIP_SOCKET_OPENED) {
            open_socket(ua, now, s, &ev->local);
        } else {
            s->open = false;
            ptn_log(ua->opts.log, PTN_LOG_ERROR, "SIP socket %s: %s",
                    ptn_addr_format(&s->addr, text), ptn_err_text(ev->why));
            if (s->again) {
                ptn_ua_listen_later(s, now);
                continue;
            }
            struct ptn_ua_event *told = ptn_ua_tell(ua, PTN_UA_SOCKET_FAILED);
            told->addr = s->addr;
            told->why = ev->why;
        }
    }
}

void ptn_ua_ask_servers(struct ptn_ua *ua, ptn_time now)
{
    struct ptn_anchor_servers servers;

    list_servers(ua, &servers);
    for (unsigned i = 0; i < ua->socket_count; i++)
        if (ua->sockets[i].open && ua->sockets[i].transport == PTN_UDP)
            ptn_anchor_ask(&ua->sockets[i].anchor, now, &servers);
        else
            ask_by_stream(ua, now, &ua->sockets[i], &servers);
    ptn_pool_ask_servers(&ua->pool, now, &servers);
}

/* Whoever runs the server sees what each phone is behind. */
static void report_nat(struct ptn_ua *ua)
{
    char text[PTN_UA_TEXT_MAX + 16] = "";
    bool known = ua->nat_type[0] || ua->nat != PTN_REACH_NAT_UNKNOWN;

    if (!ua->opts.reports_nat)
        return;
    if (known)
        snprintf(text, sizeof text, "NAT: %s",
                 ua->nat_type[0] ? ua->nat_type : ptn_reach_nat_text(ua->nat));
    ptn_sip_warn_registrar(ua->sip, text);
}

void ptn_ua_nat_tell(struct ptn_ua *ua)
{
    char text[PTN_ADDR_TEXT_MAX];
    bool seen = !ptn_addr_is_none(&ua->mapped);

    /* Without an answer from STUN, what a server said of our Via may tell all the same. */
    snprintf(ua->nat_text, sizeof ua->nat_text, "%s%s%s%s%s", ua->nat_type,
             ua->nat_type[0] ? ": " : "", ptn_reach_nat_text(ua->nat),
             seen ? "; STUN sees the SIP socket as " : "",
             seen ? ptn_addr_format(&ua->mapped, text) : "");
    report_nat(ua);
    ptn_ua_tell(ua, PTN_UA_NAT_CHANGED)->text = ua->nat_text;
    ptn_log(ua->opts.log, ua->nat == PTN_REACH_NAT_PER_DESTINATION ? PTN_LOG_WARN : PTN_LOG_INFO,
            "NAT: %s", ua->nat_text);
}

static void say_held_back(const struct ptn_ua *ua, struct ptn_ua_sip_socket *s)
{
    char text[PTN_ADDR_TEXT_MAX];
    bool held_back = s->open && ptn_reach_is_held_back(&s->anchor.reach);

    if (held_back && !s->held_back)
        ptn_log(
            ua->opts.log, PTN_LOG_WARN,
            "what servers see of %s changes too often: something on the way rewrites SIP, or the "
            "NAT forgets between keep-alives; the address told stays as it is for a while",
            ptn_addr_format(&s->addr, text));
    s->held_back = held_back;
}

void ptn_ua_nat_refresh(struct ptn_ua *ua)
{
    const struct ptn_ua_sip_socket *s = &ua->sockets[0];

    for (unsigned i = 0; i < ua->socket_count; i++)
        say_held_back(ua, &ua->sockets[i]);
    if (!s->open)
        return;
    const struct ptn_addr *seen = ptn_reach_mapped(&s->anchor.reach);
    struct ptn_addr mapped = seen ? *seen : (struct ptn_addr){0};
    enum ptn_reach_nat nat = s->anchor.reach.nat;
    if (nat == ua->nat && ptn_addr_equal(&mapped, &ua->mapped))
        return;
    /* What the registrar sees differently from STUN, media's sockets have no way to learn. But a
     * router that rewrites SIP makes it so, too: what discovery found weighs more. */
    if (nat == PTN_REACH_NAT_PER_DESTINATION && ua->discovered == PTN_REACH_NAT_UNKNOWN)
        ptn_pool_see_nat(&ua->pool, nat);
    ua->nat = nat;
    ua->mapped = mapped;
    ptn_ua_nat_tell(ua);
}

/* Once SIP's socket has waited in vain, no other socket needs to. */
static bool stun_may_answer(const struct ptn_ua *ua)
{
    if (ptn_servers_pending(&ua->servers))
        return true;
    for (unsigned i = 0; i < ua->socket_count; i++) {
        const struct ptn_ua_sip_socket *s = &ua->sockets[i];
        if (s->open && (!ptn_ua_socket_settled(s) || ptn_anchor_hears(&s->anchor)))
            return true;
    }
    return false;
}

bool ptn_ua_worth_waiting(const struct ptn_ua *ua, ptn_time now, ptn_time until, bool settled,
                          const struct ptn_reach_answer *answer)
{
    switch (answer->why) {
    case PTN_REACH_BY_NEIGHBOUR:
    case PTN_REACH_BY_DISABLED:
    case PTN_REACH_BY_MANUAL: return false;
    default: break;
    }
    return now < until && (!settled || ptn_servers_pending(&ua->servers)) && stun_may_answer(ua);
}
