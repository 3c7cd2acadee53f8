/*
 * ua/ua.c - the machine: options in, tells to whom they belong, asks and deadlines of all parts.
 *
 * After each input, tick and command the parts look at each other until nothing is
 * left to do (advance): what the agent says becomes calls and addresses, a changed
 * address becomes a new Contact, a known one lets a waiting call go on.
 */
#include "ua/ua.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ua/inside.h"

#define STUN_EVERY_DEFAULT PTN_S(20)
#define RINGING_DEFAULT PTN_S(180)
enum { CALLS_DEFAULT = 4, WARM_DEFAULT = 1, PTIME_DEFAULT = 20, RELAYS_LEAVING = 2 };

/* Each transaction stays for half a minute, and a call of a second or two leaves several: when
 * there is no room for more, callers hear 503. */
enum { TRANSACTIONS_MIN = 1024, TRANSACTIONS_A_CALL = 64 };

/* --- options --- */

static bool keep_text(struct ptn_ua *ua, const char **text)
{
    if (!*text)
        return true;
    char *copy = strdup(*text);
    if (!copy)
        return false;
    ua->texts[ua->text_count++] = copy;
    *text = copy;
    return true;
}

static bool keep_texts(struct ptn_ua *ua)
{
    bool kept = keep_text(ua, &ua->opts.user_agent) && keep_text(ua, &ua->opts.instance) &&
                keep_text(ua, &ua->opts.turn.user) && keep_text(ua, &ua->opts.turn.password);

    for (unsigned i = 0; kept && i < ua->opts.turn.server_count; i++)
        kept = keep_text(ua, &ua->opts.turn.servers[i].name);

    for (unsigned i = 0; kept && i < ua->opts.account_count; i++) {
        struct ptn_ua_account *a = &ua->opts.accounts[i];
        kept = keep_text(ua, &a->user) && keep_text(ua, &a->domain) &&
               keep_text(ua, &a->display_name) && keep_text(ua, &a->auth_user) &&
               keep_text(ua, &a->password) && keep_text(ua, &a->server.name) &&
               keep_text(ua, &a->proxy.name) && keep_text(ua, &a->server_2.name) &&
               keep_text(ua, &a->proxy_2.name) && keep_text(ua, &a->mailbox);
        const struct ptn_sip_host *hop = a->proxy.name ? &a->proxy : &a->server;
        ua->accounts[i].opts = *a;
        ua->accounts[i].transport = hop->transport ? hop->transport : PTN_UDP;
        ua->accounts[i].server_name = a->server.name;
    }
    return kept;
}

static enum ptn_err check_account(const struct ptn_ua_opts *opts, const struct ptn_ua_account *a)
{
    const struct ptn_sip_host *hosts[] = {&a->server, &a->proxy, &a->server_2, &a->proxy_2};

    if (!a->user || strlen(a->user) >= PTN_UA_TEXT_MAX || a->codec_count > PTN_CODEC_COUNT ||
        (a->ptime_ms != 0 && !ptn_stream_ptime_ok(a->ptime_ms)))
        return PTN_ERR_INVALID;
    for (unsigned i = 0; i < sizeof hosts / sizeof hosts[0]; i++)
        if ((hosts[i]->transport == PTN_TCP && !opts->tcp) ||
            (hosts[i]->transport == PTN_TLS && !opts->tls))
            return PTN_ERR_INVALID;
    return PTN_OK;
}

static enum ptn_err check(const struct ptn_ua_opts *opts)
{
    enum ptn_err err = PTN_OK;

    if (opts->local_count == 0 || opts->local_count > PTN_UA_LOCALS_MAX ||
        opts->account_count > PTN_UA_ACCOUNTS_MAX || opts->stun_count > PTN_UA_STUN_MAX ||
        opts->codec_count > PTN_CODEC_COUNT || opts->calls_max > PTN_UA_CALLS_MAX ||
        opts->turn.server_count > PTN_RELAYS_SERVERS_MAX || opts->warm_pairs > 4 ||
        opts->rtp_port_min == 0 ||
        opts->rtp_port_min + opts->rtp_port_min % 2 >= opts->rtp_port_max ||
        (opts->ptime_ms != 0 && !ptn_stream_ptime_ok(opts->ptime_ms)))
        return PTN_ERR_INVALID;
    for (unsigned i = 0; i < opts->local_count; i++)
        if (ptn_addr_kind(&opts->locals[i].addr) == PTN_ADDR_UNSPECIFIED)
            return PTN_ERR_INVALID;
    for (unsigned i = 0; err == PTN_OK && i < opts->account_count; i++)
        err = check_account(opts, &opts->accounts[i]);
    return err;
}

static void fill_defaults(struct ptn_ua_opts *o)
{
    if (o->stun_every == 0)
        o->stun_every = STUN_EVERY_DEFAULT;
    if (o->ringing_max == 0)
        o->ringing_max = RINGING_DEFAULT;
    if (o->ringback_max == 0)
        o->ringback_max = RINGING_DEFAULT;
    if (o->calls_max == 0)
        o->calls_max = CALLS_DEFAULT;
    if (o->warm_pairs == 0)
        o->warm_pairs = WARM_DEFAULT;
    if (o->ptime_ms == 0)
        o->ptime_ms = PTIME_DEFAULT;
    if (o->codec_count == 0)
        for (; o->codec_count < PTN_CODEC_COUNT; o->codec_count++)
            o->codecs[o->codec_count] = (enum ptn_codec)o->codec_count;
    for (unsigned i = 0; i < o->account_count; i++) {
        struct ptn_ua_account *a = &o->accounts[i];
        if (a->ptime_ms == 0)
            a->ptime_ms = o->ptime_ms;
        if (a->codec_count == 0) {
            a->codec_count = o->codec_count;
            memcpy(a->codecs, o->codecs, sizeof a->codecs);
        }
    }
}

static enum ptn_latch_mode latch_mode(enum ptn_ua_symmetric symmetric)
{
    switch (symmetric) {
    case PTN_UA_SYMMETRIC_ON: return PTN_LATCH_ANY;
    case PTN_UA_SYMMETRIC_SAME_IP: return PTN_LATCH_SAME_IP;
    case PTN_UA_SYMMETRIC_OFF: break;
    }
    return PTN_LATCH_OFF;
}

static enum ptn_stun_binding_dialect dialect(enum ptn_ua_dialect d)
{
    switch (d) {
    case PTN_UA_STUN_MODERN: return PTN_STUN_BINDING_MODERN;
    case PTN_UA_STUN_CLASSIC: return PTN_STUN_BINDING_CLASSIC;
    case PTN_UA_STUN_AUTO: break;
    }
    return PTN_STUN_BINDING_AUTO;
}

static void init_pool(struct ptn_ua *ua)
{
    const struct ptn_ua_opts *o = &ua->opts;
    struct ptn_pool_opts pool = {
        .local_count = o->local_count,
        .port_min = o->rtp_port_min,
        .port_max = o->rtp_port_max,
        .warm = o->warm_pairs,
        .id_first = PTN_UA_IDS_MEDIA,
        .id_count = PTN_UA_IDS_EACH,
        .dscp = o->rtp_dscp,
        .latch = latch_mode(o->symmetric),
        .binding = {.dialect = dialect(o->stun_dialect),
                    .refresh = o->stun_every,
                    .budget = PTN_UA_GATHER_MAX},
        .relays = ua->relays,
        .relays_all = ua->opts.ice,
        .dice = ptn_dice_split(&ua->dice),
    };

    for (unsigned i = 0; i < o->local_count; i++) {
        pool.locals[i] = PTN_REACH_DEFAULTS;
        pool.locals[i].relay_always = ua->relays && o->turn.always;
        pool.locals[i].local = o->locals[i].addr;
        pool.locals[i].prefix_bits = o->locals[i].prefix_bits;
        if (o->manual.family == o->locals[i].addr.family)
            pool.locals[i].manual = o->manual;
    }
    ptn_pool_init(&ua->pool, &pool);
}

static enum ptn_err init_servers(struct ptn_ua *ua)
{
    unsigned types = 0;

    for (unsigned i = 0; i < ua->opts.local_count; i++)
        types |= ua->opts.locals[i].addr.family == PTN_IPV6 ? PTN_DNS_AAAA : PTN_DNS_A;
    ptn_servers_init(&ua->servers, PTN_UA_IDS_SERVERS, types);
    for (unsigned i = 0; i < ua->opts.stun_count; i++) {
        if (!ptn_servers_add(&ua->servers, ua->opts.stun[i].name, ua->opts.stun[i].port))
            return PTN_ERR_INVALID;
        ua->opts.stun[i].name = ua->servers.servers[i].name;
    }
    return PTN_OK;
}

/* Two for each pair that may be open, and some for those that are being given back. */
static enum ptn_err init_relays(struct ptn_ua *ua)
{
    const struct ptn_ua_opts *o = &ua->opts;
    struct ptn_relays_opts opts = {
        .server_count = o->turn.server_count,
        .user = {o->turn.user ? o->turn.user : "", o->turn.password ? o->turn.password : ""},
        .by = o->turn.by,
        .types = ua->servers.types,
        .count = 2 * (o->calls_max + o->warm_pairs * o->local_count + RELAYS_LEAVING),
        .names_id = PTN_UA_IDS_TURN,
        .conns_id = PTN_UA_IDS_TURN + PTN_UA_IDS_EACH / 2,
        .dscp = o->rtp_dscp,
        .dice = ptn_dice_split(&ua->dice),
        .log = o->log,
    };

    if (o->turn.server_count == 0)
        return PTN_OK;
    memcpy(opts.servers, o->turn.servers, sizeof opts.servers);
    ua->relays = ptn_relays_new(&opts);
    return ua->relays ? PTN_OK : PTN_ERR_NO_MEMORY;
}

static enum ptn_err init_sip(struct ptn_ua *ua)
{
    struct ptn_sip_opts sip = {
        .id_first = PTN_UA_IDS_SIP,
        .id_count = PTN_UA_IDS_EACH,
        .dice = ptn_dice_split(&ua->dice),
        .user_agent = ua->opts.user_agent,
        .t1 = ua->opts.t1,
        .t2 = ua->opts.t2,
        .t4 = ua->opts.t4,
        .no_rport = ua->opts.account_count > 0,
        .random_tcp_port = ua->opts.stream_port != PTN_UA_PORT_FIXED,
        .dscp = ua->opts.sip_dscp,
        .calls_max = PTN_UA_CALLS_MAX,
        .transactions_max = TRANSACTIONS_MIN + TRANSACTIONS_A_CALL * ua->opts.calls_max,
    };

    for (unsigned i = 0; i < ua->opts.account_count; i++)
        sip.no_rport &= ua->opts.accounts[i].no_rport;
    return ptn_sip_new(&sip, &ua->sip);
}

enum ptn_err ptn_ua_new(const struct ptn_ua_opts *opts, struct ptn_ua **out)
{
    enum ptn_err err = check(opts);

    if (err)
        return err;
    struct ptn_ua *ua = calloc(1, sizeof *ua);
    if (!ua)
        return PTN_ERR_NO_MEMORY;
    ua->opts = *opts;
    ua->dice = opts->dice;
    fill_defaults(&ua->opts);
    err = keep_texts(ua) ? init_servers(ua) : PTN_ERR_NO_MEMORY;
    if (err == PTN_OK)
        err = init_sip(ua);
    if (err == PTN_OK)
        err = init_relays(ua);
    if (err == PTN_OK && ua->opts.ice && !(ua->crypto = ptn_crypto_new()))
        err = PTN_ERR_NO_MEMORY;
    if (err) {
        ptn_ua_free(ua);
        return err;
    }
    init_pool(ua);
    *out = ua;
    return PTN_OK;
}

void ptn_ua_free(struct ptn_ua *ua)
{
    if (!ua)
        return;
    for (unsigned i = 0; i < ua->call_count; i++) {
        ptn_ua_meet_end(&ua->calls[i]);
        ptn_stream_free(ua->calls[i].stream);
    }
    ptn_ua_events_fini(ua);
    ptn_sip_free(ua->sip);
    ptn_discover_free(ua->discover);
    ptn_relays_free(ua->relays);
    ptn_crypto_free(ua->crypto);
    for (unsigned i = 0; i < ua->text_count; i++)
        free(ua->texts[i]);
    free(ua);
}

/* --- the parts look at each other --- */

static void sip_event(struct ptn_ua *ua, ptn_time now, const struct ptn_sip_event *ev)
{
    switch (ev->kind) {
    case PTN_SIP_SOCKET_OPENED:
    case PTN_SIP_SOCKET_FAILED:
    case PTN_SIP_REFLEXIVE: ptn_ua_socket_event(ua, now, ev); break;
    case PTN_SIP_SERVER:
    case PTN_SIP_REGISTERED:
    case PTN_SIP_REGISTER_FAILED:
    case PTN_SIP_UNREGISTERED:
    case PTN_SIP_MAPPING_DEAD:
    case PTN_SIP_KEEPALIVE_LOST: ptn_ua_account_event(ua, now, ev); break;
    case PTN_SIP_MESSAGE:
    case PTN_SIP_MESSAGE_SENT: ptn_ua_tell_note(ua, ev); break;
    case PTN_SIP_SUBSCRIBED:
    case PTN_SIP_SUBSCRIBE_FAILED:
    case PTN_SIP_MESSAGES_WAITING: ptn_ua_mailbox_event(ua, now, ev); break;
    default: ptn_ua_call_event(ua, now, ev); break;
    }
}

static bool is_to_withdraw(const struct ptn_ua_account_here *a)
{
    return a->opts.registers && a->told && !a->opts.stays_registered;
}

static bool all_gone(const struct ptn_ua *ua)
{
    for (unsigned i = 0; i < ua->call_count; i++)
        if (ua->calls[i].id != 0 && !ua->calls[i].over)
            return false;
    for (unsigned i = 0; i < ua->opts.account_count; i++)
        if (is_to_withdraw(&ua->accounts[i]) &&
            (ua->accounts[i].state != PTN_UA_ACCOUNT_UNREGISTERED ||
             ua->accounts[i].twin.registered))
            return false;
    return !ua->relays || ptn_relays_idle(ua->relays);
}

static void advance(struct ptn_ua *ua, ptn_time now)
{
    struct ptn_sip_event ev;

    while (ptn_sip_event(ua->sip, &ev))
        sip_event(ua, now, &ev);
    ptn_ua_kind_look(ua, now);
    if (ua->dirty) {
        ua->dirty = false;
        ptn_ua_nat_refresh(ua);
        ptn_ua_accounts_refresh(ua, now);
    }
    for (unsigned i = 0; i < ua->call_count; i++)
        if (ua->calls[i].id != 0 && !ua->calls[i].over) {
            ptn_ua_call_go_on(ua, now, &ua->calls[i]);
            ptn_ua_call_watch(ua, now, &ua->calls[i]);
        }
    while (ptn_sip_event(ua->sip, &ev))
        sip_event(ua, now, &ev);
    if (ua->stopping && !ua->stopped && (now >= ua->stop_by || all_gone(ua))) {
        ua->stopped = true;
        ptn_ua_tell(ua, PTN_UA_STOPPED);
    }
}

/* Who has no server is at home at this host's own address. */
static const char *own_domain(const struct ptn_ua *ua, char own[static PTN_ADDR_TEXT_MAX + 2])
{
    struct ptn_addr host = ptn_addr_with_port(ua->opts.locals[0].addr, 0);
    char text[PTN_ADDR_TEXT_MAX];

    ptn_addr_format(&host, text);
    snprintf(own, PTN_ADDR_TEXT_MAX + 2, host.family == PTN_IPV6 ? "[%s]" : "%s", text);
    return own;
}

void ptn_ua_start(struct ptn_ua *ua, ptn_time now)
{
    ptn_ua_sockets_start(ua, now);
    ptn_ua_ask_servers(ua, now); /* those that are addresses; names follow when they are resolved */
    for (unsigned i = 0; i < ua->opts.account_count; i++) {
        const struct ptn_ua_account *a = &ua->accounts[i].opts;
        char own[PTN_ADDR_TEXT_MAX + 2];
        struct ptn_sip_account account = {
            .user = a->user,
            .domain = a->domain || a->server.name ? a->domain : own_domain(ua, own),
            .display_name = a->display_name,
            .auth_user = a->auth_user,
            .password = a->password,
            .server = a->server,
            .proxy = a->proxy,
            .server_2 = a->server_2,
            .proxy_2 = a->proxy_2,
            .dialogs_by_proxy = a->dialogs_by_proxy,
            .registers = a->registers,
            .expires_s = a->expires_s,
            .retry_max = a->retry_max,
            .trusts_server_only = a->trusts_server_only,
            .reliable = a->reliable,
            .mailbox = a->mailbox,
            .mailbox_expires_s = a->mailbox_expires_s,
            .session_expires_s = a->session_expires_s,
            .session_refresher_uas = a->session_refresher_uas,
            .instance = ua->opts.instance,
            .no_outbound = ua->opts.no_outbound,
            .register_after =
                (ptn_time)(ptn_dice_unit(&ua->dice) * (double)ua->opts.register_within),
            .keepalive = a->keepalive,
            .keepalive_every = a->keepalive_every,
        };
        enum ptn_err err = ptn_sip_account_add(ua->sip, now, &account, &ua->accounts[i].sip);
        if (err) {
            ptn_log(ua->opts.log, PTN_LOG_ERROR, "account %s: %s", a->user, ptn_err_text(err));
            ua->accounts[i].state = PTN_UA_ACCOUNT_FAILED;
            ua->accounts[i].retry_at = PTN_NEVER;
        } else {
            ptn_ua_twin_start(ua, now, &ua->accounts[i], &account);
        }
    }
    if (ptn_ua_kind_start(ua, now))
        ptn_log(ua->opts.log, PTN_LOG_ERROR, "the NAT's type is not looked for: no memory");
    ptn_ua_tick(ua, now);
}

/* --- the machine --- */

/* Something for a media socket: its own, or about the connection of its TURN client. */
static void flow_input(struct ptn_ua *ua, ptn_time now, struct ptn_pair *pair, unsigned end,
                       const struct ptn_tell *tell)
{
    struct ptn_flow *flow = &pair->ends[end].flow;
    struct ptn_ua_call *call = ptn_ua_call_with_pair(ua, pair);
    enum ptn_flow_verdict verdict = ptn_flow_input(flow, now, tell);
    struct ptn_bytes media;

    if (verdict == PTN_FLOW_MEDIA && call)
        ptn_ua_talk_input(ua, now, call, end, tell->bytes);
    while (verdict == PTN_FLOW_RELAY && ptn_flow_relayed(flow, now, &media))
        if (call)
            ptn_ua_talk_input(ua, now, call, end, media);
}

static void media_input(struct ptn_ua *ua, ptn_time now, const struct ptn_tell *tell)
{
    unsigned end;
    struct ptn_pair *pair = ptn_pool_find(&ua->pool, tell->id, &end);

    if (tell->kind != PTN_TELL_DATAGRAM && tell->kind != PTN_TELL_ICMP_ERROR)
        ptn_pool_input(&ua->pool, now, tell);
    else if (pair)
        flow_input(ua, now, pair, end, tell);
}

/* TURN: names, connections, and what is being given back. */
static bool relays_input(struct ptn_ua *ua, ptn_time now, const struct ptn_tell *tell)
{
    struct ptn_pair *pair;
    struct ptn_turn *turn;
    unsigned end;

    if (!ua->relays)
        return false;
    if (ptn_relays_owns(ua->relays, tell->id)) {
        if (ptn_relays_input(ua->relays, now, tell))
            ptn_ua_ask_servers(ua, now);
        return true;
    }
    turn = ptn_relays_of_connection(ua->relays, tell->id);
    pair = turn ? ptn_pool_find_turn(&ua->pool, turn, &end) : NULL;
    if (pair)
        flow_input(ua, now, pair, end, tell);
    return pair != NULL;
}

/* STUN and SIP share the socket; SIP never begins with a byte below four (RFC 7983 §7, RFC 3261).
 * What nobody asked for here, the agent may have: a registrar can be kept awake by STUN, too. */
static bool anchor_input(struct ptn_ua *ua, ptn_time now, const struct ptn_tell *tell)
{
    struct ptn_ua_sip_socket *s = ptn_ua_socket(ua, tell->id);
    bool stun = tell->kind == PTN_TELL_DATAGRAM && ptn_anchor_is_stun(tell->bytes);

    if (!s || s->transport != PTN_UDP || (!stun && tell->kind != PTN_TELL_ICMP_ERROR))
        return false;
    bool taken = ptn_anchor_input(&s->anchor, now, tell);
    const struct ptn_addr *mapped = taken && stun ? ptn_reach_mapped(&s->anchor.reach) : NULL;
    /* Media's sockets, which may wait for an answer yet, are behind the same address. */
    if (mapped)
        ptn_pool_see_signal(&ua->pool, now, s->local,
                            &(struct ptn_reach_sight){PTN_REACH_SAW_SIGNAL, tell->from, *mapped});
    if (ptn_anchor_doubtful(&s->anchor))
        ptn_ua_mappings_doubtful(ua, now, s->local);
    ua->dirty |= taken;
    return taken;
}

void ptn_ua_input(struct ptn_ua *ua, ptn_time now, const struct ptn_tell *tell)
{
    if (tell->kind == PTN_TELL_ADDRESSES) {
        ptn_ua_addresses(ua, now, tell);
    } else if (ptn_servers_own(&ua->servers, tell->id)) {
        if (ptn_servers_input(&ua->servers, now, tell))
            ptn_ua_ask_servers(ua, now);
        ua->dirty = true;
    } else if (relays_input(ua, now, tell)) {
        /* taken */
    } else if (ptn_pool_owns(&ua->pool, tell->id)) {
        media_input(ua, now, tell);
    } else if (ptn_ua_streams_input(ua, now, tell)) {
        /* taken */
    } else if (ua->discover && ptn_ua_kind_owns(ua, tell->id)) {
        ptn_discover_input(ua->discover, now, tell);
    } else if (!anchor_input(ua, now, tell)) {
        ptn_sip_input(ua->sip, now, tell);
    }
    advance(ua, now);
}

static bool hears_stun(const struct ptn_ua *ua)
{
    for (unsigned i = 0; i < ua->socket_count; i++)
        if (ua->sockets[i].open && ptn_anchor_hears(&ua->sockets[i].anchor))
            return true;
    return false;
}

void ptn_ua_tick(struct ptn_ua *ua, ptn_time now)
{
    ptn_sip_tick(ua->sip, now);
    ptn_servers_tick(&ua->servers, now);
    if (ua->relays)
        ptn_relays_tick(ua->relays, now);
    ptn_ua_moves_tick(ua, now);
    ptn_ua_streams_tick(ua, now);
    if (ua->discover)
        ptn_discover_tick(ua->discover, now);
    for (unsigned i = 0; i < ua->socket_count; i++) {
        struct ptn_ua_sip_socket *s = &ua->sockets[i];
        if (s->open && now >= ptn_anchor_deadline(&s->anchor)) {
            ptn_anchor_tick(&s->anchor, now);
            if (ptn_anchor_settled(&s->anchor) && !hears_stun(ua))
                ptn_servers_doubt(&ua->servers, now);
            ua->dirty = true;
        }
    }
    ptn_pool_see_pending(&ua->pool, ptn_servers_pending(&ua->servers));
    ptn_pool_tick(&ua->pool, now);
    for (unsigned i = 0; i < ua->call_count; i++)
        if (ua->calls[i].id != 0) {
            if (ua->calls[i].stream)
                ptn_stream_tick(ua->calls[i].stream, now);
            ptn_ua_meet_tick(ua, now, &ua->calls[i]);
        }
    ua->dirty |= now >= ptn_ua_accounts_deadline(ua);
    advance(ua, now);
}

bool ptn_ua_output(struct ptn_ua *ua, ptn_time now, struct ptn_ask *ask)
{
    for (unsigned i = 0; i < ua->call_count; i++)
        if (ptn_ua_talk_output(&ua->calls[i], now, ask) ||
            (ua->calls[i].id != 0 && ptn_meet_output(&ua->calls[i].meet, now, ask)))
            return true;
    ptn_ua_calls_bury(ua, now);
    if (ptn_sip_output(ua->sip, now, ask) || ptn_servers_output(&ua->servers, now, ask))
        return true;
    for (unsigned i = 0; i < ua->socket_count; i++)
        if (ua->sockets[i].open && ptn_anchor_output(&ua->sockets[i].anchor, now, ask))
            return true;
    if (ua->relays && ptn_relays_output(ua->relays, now, ask))
        return true;
    return ptn_ua_streams_output(ua, now, ask) || ptn_pool_output(&ua->pool, now, ask) ||
           ptn_ua_kind_output(ua, now, ask);
}

bool ptn_ua_event(struct ptn_ua *ua, ptn_time now, struct ptn_ua_event *ev)
{
    return ptn_ua_told(ua, ev) || ptn_ua_talk_frame(ua, now, ev);
}

ptn_time ptn_ua_deadline(const struct ptn_ua *ua)
{
    ptn_time deadline = ptn_time_min(ptn_sip_deadline(ua->sip), ptn_servers_deadline(&ua->servers));

    deadline = ptn_time_min(deadline, ptn_pool_deadline(&ua->pool));
    if (ua->relays)
        deadline = ptn_time_min(deadline, ptn_relays_deadline(ua->relays));
    if (ua->discover)
        deadline = ptn_time_min(deadline, ptn_discover_deadline(ua->discover));
    deadline = ptn_time_min(deadline, ptn_ua_accounts_deadline(ua));
    deadline = ptn_time_min(deadline, ptn_ua_moves_deadline(ua));
    deadline = ptn_time_min(deadline, ptn_ua_streams_deadline(ua));
    for (unsigned i = 0; i < ua->socket_count; i++)
        if (ua->sockets[i].open)
            deadline = ptn_time_min(deadline, ptn_anchor_deadline(&ua->sockets[i].anchor));
    for (unsigned i = 0; i < ua->call_count; i++)
        if (ua->calls[i].id != 0)
            deadline = ptn_time_min(deadline, ptn_ua_call_deadline(&ua->calls[i]));
    if (ua->stopping && !ua->stopped)
        deadline = ptn_time_min(deadline, ua->stop_by);
    return deadline;
}

static void machine_input(void *self, ptn_time now, const struct ptn_tell *tell)
{
    ptn_ua_input(self, now, tell);
}

static void machine_tick(void *self, ptn_time now)
{
    ptn_ua_tick(self, now);
}

static bool machine_output(void *self, ptn_time now, struct ptn_ask *ask)
{
    return ptn_ua_output(self, now, ask);
}

static ptn_time machine_deadline(const void *self)
{
    return ptn_ua_deadline(self);
}

struct ptn_machine ptn_ua_machine(struct ptn_ua *ua)
{
    return (struct ptn_machine){ua, machine_input, machine_tick, machine_output, machine_deadline};
}

/* --- commands about all accounts --- */

void ptn_ua_register(struct ptn_ua *ua, ptn_time now)
{
    for (unsigned i = 0; i < ua->opts.account_count; i++) {
        struct ptn_ua_account_here *a = &ua->accounts[i];
        if (!a->opts.registers || !a->told || ua->stopping)
            continue;
        if (a->state != PTN_UA_ACCOUNT_REGISTERED)
            a->state = PTN_UA_ACCOUNT_REGISTERING;
        ptn_sip_register(ua->sip, now, a->sip);
        ptn_sip_register(ua->sip, now, a->twin.sip);
    }
    advance(ua, now);
}

void ptn_ua_unregister(struct ptn_ua *ua, ptn_time now)
{
    for (unsigned i = 0; i < ua->opts.account_count; i++)
        if (ua->accounts[i].opts.registers && ua->accounts[i].told) {
            ptn_sip_unregister(ua->sip, now, ua->accounts[i].sip);
            ptn_ua_twin_leave(ua, now, &ua->accounts[i]);
        }
    advance(ua, now);
}

void ptn_ua_stop(struct ptn_ua *ua, ptn_time now)
{
    if (ua->stopping)
        return;
    ua->stopping = true;
    ua->stop_by = ptn_time_add(now, PTN_UA_STOP_MAX);
    for (unsigned i = 0; i < ua->call_count; i++)
        if (ua->calls[i].id != 0)
            ptn_ua_call_hang_up(ua, now, &ua->calls[i]);
    ptn_pool_end(&ua->pool, now);
    for (unsigned i = 0; i < ua->opts.account_count; i++)
        if (is_to_withdraw(&ua->accounts[i])) {
            ptn_ua_twin_leave(ua, now, &ua->accounts[i]);
            ptn_sip_unregister(ua->sip, now, ua->accounts[i].sip);
        }
}
