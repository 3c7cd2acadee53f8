/*
 * server/wire_up.c - from settings to the options of the relay.
 *
 * Every address gets its port and, for behaviour discovery, the other port. Addresses that the
 * operator named pair up in the order named. Those we found ourselves pair up only when they
 * are of one kind: a client that came in by a public address would never hear an answer from a
 * private one, and would take that for a firewall.
 */
#include "wire_up.h"

#include <stdio.h>

struct plan {
    struct ptn_relay_opts *opts;
    const struct server_settings *settings;
    uint16_t ports[2];
    size_t port_count;
    unsigned groups;
    bool full;
};

static void add_listener(struct plan *p, enum ptn_transport transport, const struct ptn_addr *ip,
                         uint16_t port, unsigned group)
{
    struct ptn_relay_opts *o = p->opts;

    if (o->listener_count == PTN_RELAY_LISTENERS_MAX) {
        p->full = true;
        return;
    }
    o->listeners[o->listener_count] = (struct ptn_relay_listener){
        .id = (ptn_id)o->listener_count + 1,
        .transport = transport,
        .local = ptn_addr_with_port(*ip, port),
        .group = group,
    };
    o->listener_count++;
}

static void add_streams_of_tls(struct plan *p, const struct ptn_addr *ip)
{
    const struct server_settings *s = p->settings;
    uint16_t port = (uint16_t)s->tls_listening_port;

    if (!s->cert[0])
        return;
    if (!s->no_tls)
        add_listener(p, PTN_TLS, ip, port, 0);
    if (!s->no_dtls && !s->no_tlsv1_2)
        add_listener(p, PTN_DTLS, ip, port, 0);
}

static void add_address(struct plan *p, const struct ptn_addr *ip, unsigned group)
{
    add_streams_of_tls(p, ip);
    for (size_t i = 0; i < p->port_count; i++) {
        if (!p->settings->no_udp)
            add_listener(p, PTN_UDP, ip, p->ports[i], group);
        if (!p->settings->no_tcp)
            add_listener(p, PTN_TCP, ip, p->ports[i], group);
    }
}

/* The group of the i-th address: that of its partner when it has one before it. An address pairs
 * with the first unpaired one before it of its family and, if `kinds`, of its kind. */
static unsigned group_of(struct plan *p, const struct ptn_addr *ips, unsigned *groups, size_t i,
                         bool kinds)
{
    for (size_t k = 0; k < i; k++) {
        bool alone = true;
        for (size_t other = 0; other < i; other++)
            alone &= other == k || groups[other] != groups[k];
        if (alone && ips[k].family == ips[i].family &&
            (!kinds || ptn_addr_kind(&ips[k]) == ptn_addr_kind(&ips[i])))
            return groups[k];
    }
    return ++p->groups;
}

static void add_addresses(struct plan *p, const struct ptn_addr *ips, size_t count, bool kinds)
{
    unsigned groups[PTN_RELAY_LISTENERS_MAX];

    for (size_t i = 0; i < count && !p->full; i++) {
        if (i == PTN_RELAY_LISTENERS_MAX) {
            p->full = true;
            return;
        }
        groups[i] = group_of(p, ips, groups, i, kinds);
        add_address(p, &ips[i], groups[i]);
    }
}

static void add_aux_servers(struct plan *p)
{
    struct ptn_addr addr;

    for (const char *e = NULL; (e = ptn_conf_list_next(&p->settings->aux_server, e));) {
        if (!ptn_conf_endpoint_parse(e, &addr))
            continue; /* was looked at when it was read */
        uint16_t port = addr.port ? addr.port : p->ports[0];
        if (!p->settings->no_udp)
            add_listener(p, PTN_UDP, &addr, port, 0);
        if (!p->settings->no_tcp)
            add_listener(p, PTN_TCP, &addr, port, 0);
    }
}

struct ptn_addr server_announced(const struct server_settings *s, const struct ptn_addr *local)
{
    struct ptn_addr seen, own, found = {0};

    for (const char *e = NULL; (e = ptn_conf_list_next(&s->external_ip, e));)
        if (ptn_conf_mapping_parse(e, &seen, &own) && seen.family == local->family &&
            (ptn_addr_is_none(&own) || ptn_addr_same_ip(&own, local)))
            found = ptn_addr_with_port(seen, local->port);
    return found;
}

static void announce_listeners(const struct server_settings *s, struct ptn_relay_opts *o)
{
    for (size_t i = 0; i < o->listener_count; i++)
        o->listeners[i].announced = server_announced(s, &o->listeners[i].local);
}

bool server_wire_up(const struct server_settings *s, const struct ptn_addr *addrs,
                    size_t addr_count, struct ptn_relay_opts *opts,
                    char why[static PTN_CONF_WHY_SIZE])
{
    bool discovery = s->rfc5780 && !s->no_rfc5780;
    uint32_t other_port = s->alt_listening_port ? s->alt_listening_port : s->listening_port + 1;
    struct plan p = {
        .opts = opts,
        .settings = s,
        .ports = {(uint16_t)s->listening_port, (uint16_t)other_port},
        .port_count = discovery ? 2 : 1,
    };

    *opts = (struct ptn_relay_opts){
        .behaviour_discovery = discovery,
        .always_extras = s->extras == 1,
        .mapped_in_modern = s->mapped_address,
        .connections_max = s->no_tcp && !s->cert[0] ? 0 : s->connections,
        .no_budget = s->no_budget,
        .connection_idle = PTN_MS(s->idle_ms),
    };
    if (discovery && (other_port > 65535 || other_port == s->listening_port)) {
        snprintf(why, PTN_CONF_WHY_SIZE,
                 "alt-listening-port: %u cannot be the other port of listening-port %u", other_port,
                 s->listening_port);
        return false;
    }
    if (s->listening_ip.count > 0)
        add_addresses(&p, s->listening_ip.addrs, s->listening_ip.count, false);
    else
        add_addresses(&p, addrs, addr_count, true);
    add_aux_servers(&p);
    announce_listeners(s, opts);
    if (p.full)
        snprintf(why, PTN_CONF_WHY_SIZE,
                 "listening-ip: there are more addresses than the server can serve (%d sockets)",
                 PTN_RELAY_LISTENERS_MAX);
    else if (opts->listener_count == 0)
        snprintf(why, PTN_CONF_WHY_SIZE, "there is nothing to listen on");
    return !p.full && opts->listener_count > 0;
}
