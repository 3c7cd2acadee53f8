/*
 * phone/wire_up.c - the only place where a setting becomes an option of the phone.
 *
 * What two settings mean together is decided here, too, and said where it may
 * not be what the administrator meant: an explicit value is obeyed all the same.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "phone/faults.h"
#include "phone/phone.h"

/* What is being put together. */
struct wiring {
    const struct phone_settings *s;
    struct phone_wiring *w;
    struct ptn_ua_opts *opts;
    const struct phone_complaints *complaints;
    bool has_stun;
    bool ok;
};

/* The key of an account's setting. */
static const char *key_of(unsigned account, const char *name, char buf[static 80])
{
    snprintf(buf, 80, "account.%u.%s", account + 1, name);
    return buf;
}

/* ---- addresses and ports ---- */

static bool is_usable(const struct ptn_addr *addr, bool loopback)
{
    enum ptn_addr_kind kind = ptn_addr_kind(addr);
    if (kind == PTN_ADDR_LOOPBACK)
        return loopback;
    return kind != PTN_ADDR_UNSPECIFIED && kind != PTN_ADDR_MULTICAST &&
           !(kind == PTN_ADDR_LINK_LOCAL && addr->family == PTN_IPV6);
}

static void add_locals(struct ptn_ua_opts *opts, const struct ptn_addr *addrs, size_t count,
                       bool loopback)
{
    for (size_t i = 0; i < count && opts->local_count < PTN_UA_LOCALS_MAX; i++)
        if (is_usable(&addrs[i], loopback))
            opts->locals[opts->local_count++].addr = ptn_addr_with_port(addrs[i], 0);
}

static void wire_addresses(struct wiring *x, const struct ptn_addr *interfaces, size_t count)
{
    const struct phone_settings *s = x->s;
    if (s->listen.count > 0) {
        add_locals(x->opts, s->listen.addrs, s->listen.count, true);
    } else {
        x->opts->roams = true;
        add_locals(x->opts, interfaces, count, false);
        if (x->opts->local_count == 0) /* a machine without network talks to itself */
            add_locals(x->opts, interfaces, count, true);
    }
    if (x->opts->local_count == 0)
        FAIL(x, "postern.listen", "there is no address to listen on: see postern.listen");

    x->opts->sip_port = (uint16_t)s->sip_port;
    x->opts->tls_port = (uint16_t)s->tls_port;
    if (s->tls_port == s->sip_port)
        FAIL(x, "sip.tls_listen_port", "sip.listen_port and sip.tls_listen_port are the same: %u",
             s->sip_port);
    x->opts->rtp_port_min = (uint16_t)s->rtp_port_min;
    x->opts->rtp_port_max = (uint16_t)s->rtp_port_max;
    unsigned first = (s->rtp_port_min + 1) / 2 * 2;
    unsigned pairs = s->rtp_port_max >= first + 1 ? (s->rtp_port_max - first + 1) / 2 : 0;
    if (pairs == 0)
        FAIL(x, "static.network.port.max_rtpport",
             "static.network.port.min_rtpport and max_rtpport leave no room for a pair of ports");
    else if (pairs < s->calls_max + s->warm_pairs)
        WARN(x, "static.network.port.max_rtpport",
             "ports %u to %u are enough for %u calls only, but postern.calls_max is %u",
             s->rtp_port_min, s->rtp_port_max, pairs, s->calls_max);
}

/* ---- STUN ---- */

static void add_stun(struct wiring *x, const char *name, uint16_t port)
{
    if (x->opts->stun_count == PTN_UA_STUN_MAX) {
        WARN(x, "postern.stun.servers", "postern.stun.servers: %s is one too many, %d are asked",
             name, PTN_UA_STUN_MAX);
        return;
    }
    char *kept = x->w->stun_names[x->opts->stun_count];
    snprintf(kept, PTN_CONF_TEXT_SIZE, "%s", name);
    x->opts->stun[x->opts->stun_count++] = (struct ptn_ua_stun_server){kept, port};
}

/* "name", "name:port", "192.0.2.1", "[2001:db8::1]:port". */
static void add_stun_word(struct wiring *x, char *word)
{
    struct ptn_addr addr;
    if (ptn_addr_parse(word, &addr)) {
        char text[PTN_ADDR_TEXT_MAX];
        add_stun(x, ptn_addr_format_ip(&addr, text), addr.port ? addr.port : 3478);
        return;
    }
    char *colon = strchr(word, ':'), *end = NULL;
    unsigned long port = colon ? strtoul(colon + 1, &end, 10) : 3478;
    if (colon && (port > 65535 || end == colon + 1 || *end != '\0')) {
        FAIL(x, "postern.stun.servers",
             "postern.stun.servers: \"%s\" is not a name or address, perhaps with :port", word);
        return;
    }
    if (colon)
        *colon = '\0';
    add_stun(x, word, (uint16_t)port);
}

static void wire_stun(struct wiring *x)
{
    const struct phone_settings *s = x->s;
    char words[PTN_CONF_TEXT_SIZE], *rest = NULL;

    x->opts->stun_dialect = (enum ptn_ua_dialect)s->stun_dialect;
    x->opts->stun_every = PTN_S(s->stun_every);
    if (s->stun_enable == PHONE_STUN_OFF)
        return;
    if (s->stun_server[0])
        add_stun(x, s->stun_server, (uint16_t)s->stun_port);
    snprintf(words, sizeof words, "%s", s->stun_more);
    for (char *word = strtok_r(words, " ,", &rest); word; word = strtok_r(NULL, " ,", &rest))
        add_stun_word(x, word);
    x->has_stun = x->opts->stun_count > 0;
    if (s->stun_enable == PHONE_STUN_ON && !x->has_stun)
        WARN(x, "static.sip.nat_stun.enable",
             "static.sip.nat_stun.enable is 1, but static.sip.nat_stun.server is empty: no STUN");
}

/* ---- TURN ---- */

static enum ptn_relays_by turn_by(uint32_t setting)
{
    switch ((enum phone_turn_transport)setting) {
    case PHONE_TURN_AUTO: return PTN_RELAYS_BY_ANY;
    case PHONE_TURN_UDP: return PTN_RELAYS_BY_UDP;
    case PHONE_TURN_TCP: return PTN_RELAYS_BY_TCP;
    case PHONE_TURN_TLS: return PTN_RELAYS_BY_TLS;
    }
    return PTN_RELAYS_BY_ANY;
}

static void add_turn(struct wiring *x, const char *name)
{
    struct ptn_ua_turn *turn = &x->opts->turn;

    if (name[0])
        turn->servers[turn->server_count++] = (struct ptn_relays_server){
            name, (uint16_t)x->s->turn_port, (uint16_t)x->s->turn_tls_port};
}

static void wire_turn(struct wiring *x)
{
    const struct phone_settings *s = x->s;
    struct ptn_ua_turn *turn = &x->opts->turn;

    if (s->turn_enable == PHONE_STUN_OFF)
        return;
    add_turn(x, s->turn_server);
    add_turn(x, s->turn_second);
    if (turn->server_count == 0 && s->turn_enable == PHONE_STUN_ON)
        WARN(x, "static.sip.nat_turn.enable",
             "static.sip.nat_turn.enable is 1, but static.sip.nat_turn.server is empty: no TURN");
    if (turn->server_count == 0)
        return;
    if (!s->turn_username[0] || !s->turn_password[0])
        WARN(x, "static.sip.nat_turn.server",
             "static.sip.nat_turn.username and static.sip.nat_turn.password are needed by almost "
             "every "
             "TURN server, and %s is empty",
             s->turn_username[0] ? "the password" : "the user name");
    turn->user = s->turn_username;
    turn->password = s->turn_password;
    turn->by = turn_by(s->turn_transport);
    turn->always = s->turn_use != 0;
    /* Where UDP leads to it, it says which address the phone has outside. */
    x->has_stun |= turn->by == PTN_RELAYS_BY_ANY || turn->by == PTN_RELAYS_BY_UDP;
}

/* ---- accounts ---- */

static enum ptn_reach_policy wire_nat(struct wiring *x, unsigned i)
{
    const struct phone_settings *s = x->s;
    bool has_manual = !ptn_addr_is_none(&s->static_nat_addr);
    char key[80];
    switch ((enum phone_nat)s->account_nat[i]) {
    case PHONE_NAT_DISABLED: return PTN_REACH_OFF;
    case PHONE_NAT_STUN:
        if (!x->has_stun)
            WARN(x, key_of(i, "nat.nat_traversal", key),
                 "account.%u.nat.nat_traversal is stun, but static.sip.nat_stun.* gives no "
                 "server to ask: both are needed",
                 i + 1);
        return PTN_REACH_STUN;
    case PHONE_NAT_MANUAL:
        if (!has_manual)
            WARN(x, key_of(i, "nat.nat_traversal", key),
                 "account.%u.nat.nat_traversal is manual, but static.network.static_nat.addr is "
                 "empty: as auto",
                 i + 1);
        return PTN_REACH_MANUAL;
    case PHONE_NAT_AUTO: break;
    }
    return s->static_nat_enable && has_manual ? PTN_REACH_MANUAL : PTN_REACH_AUTO;
}

static enum ptn_sip_keepalive keepalive_of(uint32_t setting)
{
    switch ((enum phone_keepalive)setting) {
    case PHONE_KEEPALIVE_OFF: return PTN_SIP_KEEPALIVE_OFF;
    case PHONE_KEEPALIVE_DEFAULT: return PTN_SIP_KEEPALIVE_CRLF;
    case PHONE_KEEPALIVE_OPTIONS: return PTN_SIP_KEEPALIVE_OPTIONS;
    case PHONE_KEEPALIVE_NOTIFY: return PTN_SIP_KEEPALIVE_NOTIFY;
    }
    return PTN_SIP_KEEPALIVE_OFF;
}

static const char *text_or_null(const char *text)
{
    return text[0] ? text : NULL;
}

static struct ptn_sip_host host_of(struct wiring *x, unsigned i, unsigned server, const char *name,
                                   uint32_t port)
{
    struct ptn_sip_host host = {
        .name = text_or_null(name), .port = (uint16_t)port, .transport = PTN_UDP};
    char key[80];
    switch ((enum phone_transport)x->s->account_transport[i][server]) {
    case PHONE_UDP: break;
    case PHONE_TCP: host.transport = PTN_TCP; break;
    case PHONE_TLS:
        host.transport = PTN_TLS;
        x->opts->tls = true;
        if (host.name && host.port == 5060)
            WARN(x, key_of(i, "sip_server.1.port", key),
                 "account.%u: TLS to port 5060 of %s; most servers expect it on 5061", i + 1,
                 host.name);
        break;
    case PHONE_NAPTR:
        host.port = 0;
        host.by_naptr = x->opts->tls = true;
        break;
    }
    return host;
}

static enum ptn_sip_failback failback_of(uint32_t setting)
{
    switch ((enum phone_failback)setting) {
    case PHONE_FAILBACK_NEW_REQUESTS: return PTN_SIP_FAILBACK_SOON;
    case PHONE_FAILBACK_DNS_TTL: return PTN_SIP_FAILBACK_TTL;
    case PHONE_FAILBACK_REGISTRATION: return PTN_SIP_FAILBACK_REFRESH;
    case PHONE_FAILBACK_DURATION: return PTN_SIP_FAILBACK_AFTER;
    }
    return PTN_SIP_FAILBACK_SOON;
}

/* `setting` seconds, but at least `least` where it is not 0. */
static ptn_time at_least(struct wiring *x, const char *key, uint32_t setting, uint32_t least)
{
    if (setting == 0 || setting >= least)
        return PTN_S(setting);
    WARN(x, key, "%s: %u is raised to %u", key, setting, least);
    return PTN_S(least);
}

static struct ptn_sip_host server_of(struct wiring *x, unsigned i, unsigned n)
{
    const struct phone_settings *s = x->s;
    char name[60], key[80];
    struct ptn_sip_host host =
        host_of(x, i, n, s->account_server[i][n], s->account_server_port[i][n]);

    host.sends_max = s->account_retries[i][n] + 1;
    host.expires_s = s->account_expires[i][n];
    host.register_first = s->account_register_first[i][n];
    host.failback = failback_of(s->account_failback[i][n]);
    snprintf(name, sizeof name, "sip_server.%u.failback_timeout", n + 1);
    host.failback_after = at_least(x, key_of(i, name, key), s->account_failback_timeout[i][n], 60);
    if (n == 0 && s->account_fallback_timeout[i]) {
        host.failback = PTN_SIP_FAILBACK_AFTER;
        host.failback_after =
            at_least(x, key_of(i, "fallback.timeout", key), s->account_fallback_timeout[i], 10);
    }
    return host;
}

static void wire_servers(struct wiring *x, unsigned i, struct ptn_ua_account *a)
{
    const struct phone_settings *s = x->s;
    char key[80];

    a->server = server_of(x, i, 0);
    if (s->account_server[i][1][0] && a->server.name)
        a->server_2 = server_of(x, i, 1);
    else if (s->account_server[i][1][0])
        WARN(x, key_of(i, "sip_server.2.address", key),
             "account.%u.sip_server.2 is not used, for there is no sip_server.1", i + 1);
    a->registers = a->server.name != NULL;
    a->registers_with_both = s->account_redundancy[i] == PHONE_CONCURRENT;
    if (!s->account_proxy_enable[i])
        return;
    a->proxy = host_of(x, i, 0, s->account_proxy[i][0], s->account_proxy_port[i][0]);
    if (s->account_proxy[i][1][0] && a->proxy.name)
        a->proxy_2 = host_of(x, i, 0, s->account_proxy[i][1], s->account_proxy_port[i][1]);
    a->dialogs_by_proxy = s->proxy_in_dialog;
}

static enum ptn_codec codec_of(const struct phone_settings *s, unsigned account, unsigned line)
{
    static const char *const usual[] = {"PCMU", "PCMA"};
    const char *name = s->account_codec_name[account][line];
    if (!s->account_codec_enable[account][line])
        return PTN_CODEC_COUNT;
    if (!name[0] && line < sizeof usual / sizeof *usual)
        name = usual[line];
    return ptn_codec_by_name(name);
}

/* Each codec once, the lowest priority first. */
static void wire_codecs(struct wiring *x, unsigned i, struct ptn_ua_account *a)
{
    const uint32_t *priorities = x->s->account_codec_priority[i];
    char key[80];
    for (unsigned priority = 0; priority <= 255; priority++) {
        for (unsigned line = 0; line < PTN_PHONE_CODECS; line++) {
            enum ptn_codec codec = codec_of(x->s, i, line);
            bool known = codec == PTN_CODEC_COUNT;
            for (unsigned n = 0; n < a->codec_count; n++)
                known = known || a->codecs[n] == codec;
            if (priorities[line] == priority && !known)
                a->codecs[a->codec_count++] = codec;
        }
    }
    if (a->codec_count == 0)
        FAIL(x, key_of(i, "codec.1.enable", key), "account.%u.codec: none of PCMU and PCMA is left",
             i + 1);
}

/* Who is asked for waiting messages: the account itself, or the number of its voice mail. */
static const char *mailbox_of(struct wiring *x, unsigned i)
{
    const struct phone_settings *s = x->s;
    char key[80];

    if (!s->account_mwi[i])
        return NULL;
    if (s->account_mwi_to_vm[i] && !s->account_voice_mail[i][0])
        WARN(x, key_of(i, "subscribe_mwi_to_vm", key),
             "account.%u.subscribe_mwi_to_vm is 1, but voice_mail.number.%u is empty: the account "
             "itself is subscribed to",
             i + 1, i + 1);
    return s->account_mwi_to_vm[i] ? s->account_voice_mail[i] : "";
}

static void wire_account(struct wiring *x, unsigned i)
{
    const struct phone_settings *s = x->s;
    char key[80];
    if (!s->account_user_name[i][0]) {
        FAIL(x, key_of(i, "enable", key), "account.%u.user_name is needed", i + 1);
        return;
    }
    x->w->account_numbers[x->opts->account_count] = i + 1;
    struct ptn_ua_account *a = &x->opts->accounts[x->opts->account_count++];
    *a = (struct ptn_ua_account){
        .user = s->account_user_name[i],
        .display_name = text_or_null(s->account_display_name[i]),
        .auth_user = text_or_null(s->account_auth_name[i]),
        .password = text_or_null(s->account_password[i]),
        /* 0 is "at once", which the machine raises to its shortest wait, and no "as you like". */
        .retry_max = PTN_S(s->account_retry[i] ? s->account_retry[i] : 1),
        .trusts_server_only = s->account_trust[i] || s->trust,
        .reliable = s->account_100rel[i],
        .mailbox = mailbox_of(x, i),
        .mailbox_expires_s = s->account_mwi_expires[i],
        .session_expires_s = s->account_timer_enable[i] ? s->account_timer_expires[i] : 0,
        .session_refresher_uas = s->account_timer_refresher[i] != 0,
        .stays_registered = !s->account_unregister[i],
        .nat = wire_nat(x, i),
        .no_rport = !s->account_rport[i],
        .keepalive = keepalive_of(s->account_keepalive[i]),
        .keepalive_every = PTN_S(s->account_keepalive_time[i]),
        .ptime_ms = s->account_ptime[i] ? s->account_ptime[i] * 10 : 20,
    };
    wire_servers(x, i, a);
    wire_codecs(x, i, a);
}

static void wire_accounts(struct wiring *x)
{
    for (unsigned i = 0; i < PTN_PHONE_ACCOUNTS; i++)
        if (x->s->account_enable[i])
            wire_account(x, i);
    if (x->ok && x->opts->account_count == 0)
        FAIL(x, "account.1.enable",
             "no account is in use: account.1.enable = 1 and account.1.user_name begin one, in "
             "/etc/postern/%s.cfg or in a file that --config names",
             x->s->instance);
}

static enum ptn_ua_symmetric symmetric_of(uint32_t setting)
{
    switch ((enum phone_symmetric)setting) {
    case PHONE_RTP_ANYWHERE: return PTN_UA_SYMMETRIC_ON;
    case PHONE_RTP_SAME_ADDRESS: return PTN_UA_SYMMETRIC_SAME_IP;
    case PHONE_RTP_SAME_PORT:
    case PHONE_RTP_SIGNALLED: return PTN_UA_SYMMETRIC_OFF;
    }
    return PTN_UA_SYMMETRIC_ON;
}

/* Zero stands for "no limit" in a file, and for "as you like" in an option. */
static ptn_time limit_of(uint32_t setting_s)
{
    return setting_s ? PTN_S(setting_s) : PTN_NEVER;
}

static enum ptn_ua_stream_port stream_port_of(uint32_t setting)
{
    switch ((enum phone_stream_port)setting) {
    case PHONE_PORT_RANDOM_SOURCE: return PTN_UA_PORT_RANDOM_SOURCE;
    case PHONE_PORT_RANDOM: return PTN_UA_PORT_RANDOM;
    case PHONE_PORT_FIXED: break;
    }
    return PTN_UA_PORT_FIXED;
}

bool phone_wire_up(const struct phone_settings *s, const struct ptn_addr *interfaces,
                   size_t interface_count, struct phone_wiring *w, struct ptn_ua_opts *opts,
                   const struct phone_complaints *complaints)
{
    struct wiring x = {.s = s, .w = w, .opts = opts, .complaints = complaints, .ok = true};
    char digits[13];

    *w = (struct phone_wiring){0};
    wire_addresses(&x, interfaces, interface_count);
    wire_stun(&x);
    wire_turn(&x);
    opts->ice = s->ice;
    wire_accounts(&x);
    if (s->static_nat_enable && ptn_addr_is_none(&s->static_nat_addr))
        WARN(&x, "static.network.static_nat.enable",
             "static.network.static_nat.enable is 1, but static.network.static_nat.addr is "
             "empty: nothing is set by hand");
    opts->stream_port = stream_port_of(s->stream_port);
    opts->manual = s->static_nat_addr;
    opts->no_discovery = !s->discovery;
    opts->t1 = PTN_MS(s->timer_t1);
    opts->t2 = PTN_MS(s->timer_t2);
    opts->t4 = PTN_MS(s->timer_t4);
    opts->register_within = PTN_S(s->surge);
    opts->no_outbound = !s->outbound;
    opts->reports_nat = s->nat_report;
    opts->symmetric = symmetric_of(s->rtp_symmetric);
    opts->calls_max = s->calls_max;
    opts->warm_pairs = s->warm_pairs;
    opts->auto_answer = s->auto_answer;
    opts->auto_answer_after = PTN_MS(s->auto_answer_after);
    opts->ringing_max = limit_of(s->ringing_max);
    opts->ringback_max = limit_of(s->ringback_max);
    /* Whoever speaks SIP takes TCP, too (RFC 3261 §18.2.1), and sends by it what is too large for a
     * datagram. */
    opts->tcp = true;
    opts->sip_dscp = (uint8_t)s->sip_dscp;
    opts->rtp_dscp = (uint8_t)s->rtp_dscp;
    /* RFC 5626 §4.1: the same for every start of one phone. */
    if (s->mac[0] && phone_mac_digits(s->mac, digits)) {
        snprintf(w->instance, sizeof w->instance, "urn:uuid:00000000-0000-1000-8000-%s", digits);
        opts->instance = w->instance;
    }
    return phone_makes_sense(s, complaints) && x.ok;
}
