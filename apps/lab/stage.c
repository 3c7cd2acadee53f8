/*
 * lab/stage.c - makes the hosts as the scenario says, then carries packets.
 */
#include "stage.h"

#include <stdarg.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "os/clock.h"
#include "owners.h"

enum { PACKET_BYTES_MAX = 65535, BURST_MAX = 64, TEXT_MAX = 1024, MTU_DEFAULT = 1500 };

struct ptn_stage {
    struct ptn_stage_opts opts;
    struct ptn_net *net;
    ptn_time start;
    uint64_t unix_offset; /* of capture times */
    uint8_t packet[PACKET_BYTES_MAX];
    struct ptn_netns *hosts[];
};

/* The box that a host on this wire would have as its router. */
static struct ptn_addr find_gateway(const struct ptn_scenario *s, int wire, unsigned family)
{
    for (unsigned b = 0; b < s->box_count; b++)
        for (unsigned i = 0; i < s->boxes[b].inside_count; i++) {
            const struct ptn_scenario_leg *leg = &s->boxes[b].inside[i];
            if (leg->wire == wire && leg->addr.family == family)
                return leg->addr;
        }
    return (struct ptn_addr){0};
}

static unsigned prefix_bits(const struct ptn_scenario_wire *wire, const struct ptn_addr *addr)
{
    for (unsigned i = 0; i < wire->prefix_count; i++)
        if (ptn_addr_in_prefix(addr, &wire->prefixes[i].addr, wire->prefixes[i].bits))
            return wire->prefixes[i].bits;
    return addr->family == PTN_IPV6 ? 128 : 32;
}

static struct ptn_netns_cable cable_of(const struct ptn_scenario *s,
                                       const struct ptn_scenario_host *host)
{
    struct ptn_netns_cable cable = {.addr_count = host->leg_count};

    for (unsigned i = 0; i < host->leg_count; i++) {
        const struct ptn_scenario_leg *leg = &host->legs[i];
        struct ptn_addr *gateway = &cable.gateway[leg->addr.family == PTN_IPV6];
        cable.addrs[i] = (struct ptn_netns_addr){
            .addr = leg->addr, .bits = prefix_bits(&s->wires[leg->wire], &leg->addr)};
        if (ptn_addr_is_none(gateway))
            *gateway = find_gateway(s, leg->wire, leg->addr.family);
    }
    return cable;
}

static unsigned mtu_of(const struct ptn_scenario *s, const struct ptn_scenario_host *host)
{
    unsigned mtu = MTU_DEFAULT;

    for (unsigned i = 0; i < host->leg_count; i++)
        if (s->wires[host->legs[i].wire].mtu < mtu)
            mtu = s->wires[host->legs[i].wire].mtu;
    return mtu;
}

__attribute__((format(printf, 2, 3))) static void append(char *text, const char *format, ...)
{
    size_t size = strlen(text);
    va_list args;

    va_start(args, format);
    vsnprintf(text + size, TEXT_MAX - size, format, args);
    va_end(args);
}

static void write_resolv_conf(const struct ptn_scenario *s, char *text)
{
    char ip[PTN_ADDR_TEXT_MAX];

    for (unsigned n = 0; n < s->nameserver_count; n++)
        for (unsigned i = 0; i < s->nameservers[n].leg_count; i++)
            append(text, "nameserver %s\n",
                   ptn_addr_format_ip(&s->nameservers[n].legs[i].addr, ip));
}

/* Its own name only: names of others are the name server's to tell, which may lie or be gone. */
static void write_hosts(const struct ptn_scenario_host *host, char *text)
{
    char ip[PTN_ADDR_TEXT_MAX];

    append(text, "127.0.0.1 localhost\n::1 localhost\n");
    for (unsigned i = 0; i < host->leg_count; i++)
        append(text, "%s %s\n", ptn_addr_format_ip(&host->legs[i].addr, ip), host->name);
}

static enum ptn_err make_host(struct ptn_stage *s, unsigned index, char *why)
{
    const struct ptn_scenario *scenario = s->opts.scenario;
    const struct ptn_scenario_host *host = &scenario->hosts[index];
    char resolv_conf[TEXT_MAX] = "", hosts[TEXT_MAX] = "";

    write_resolv_conf(scenario, resolv_conf);
    write_hosts(host, hosts);
    enum ptn_err err = ptn_netns_new(&(struct ptn_netns_opts){.name = host->name,
                                                              .cable = cable_of(scenario, host),
                                                              .mtu = mtu_of(scenario, host),
                                                              .resolv_conf = resolv_conf,
                                                              .hosts = hosts},
                                     &s->hosts[index], why);
    return err ? err
               : ptn_loop_add(s->opts.loop, ptn_netns_tun(s->hosts[index]), PTN_LOOP_IN,
                              PTN_LAB_CABLE, index);
}

enum ptn_err ptn_stage_new(struct ptn_stage **out, const struct ptn_stage_opts *opts,
                           char why[static PTN_NETNS_WHY_MAX])
{
    const struct ptn_scenario *scenario = opts->scenario;
    struct ptn_stage *s = calloc(1, sizeof *s + scenario->host_count * sizeof s->hosts[0]);
    enum ptn_err err = s ? PTN_OK : PTN_ERR_NO_MEMORY;

    *out = NULL;
    snprintf(why, PTN_NETNS_WHY_MAX, "%s", ptn_err_text(PTN_ERR_NO_MEMORY));
    if (!s)
        return err;
    s->opts = *opts;
    for (unsigned i = 0; i < scenario->host_count && !err; i++)
        err = make_host(s, i, why);
    s->start = ptn_clock_now();
    s->unix_offset = ptn_clock_unix_ns() - (uint64_t)s->start;
    if (!err)
        err = ptn_net_new(
            &s->net,
            &(struct ptn_net_opts){.scenario = scenario, .seed = opts->seed, .start = s->start});
    if (err) {
        ptn_stage_free(s);
        return err;
    }
    for (unsigned wire = 0; wire < scenario->wire_count; wire++)
        ptn_net_tap(s->net, wire, ptn_captures_want(opts->captures, wire));
    *out = s;
    return PTN_OK;
}

void ptn_stage_free(struct ptn_stage *s)
{
    if (!s)
        return;
    for (unsigned i = 0; i < s->opts.scenario->host_count; i++)
        ptn_netns_free(s->hosts[i]);
    ptn_net_free(s->net);
    free(s);
}

struct ptn_netns *ptn_stage_host(struct ptn_stage *s, unsigned host)
{
    return s->hosts[host];
}

struct ptn_net *ptn_stage_net(struct ptn_stage *s)
{
    return s->net;
}

ptn_time ptn_stage_start(const struct ptn_stage *s)
{
    return s->start;
}

void ptn_stage_ready(struct ptn_stage *s, unsigned host)
{
    for (unsigned i = 0; i < BURST_MAX; i++) {
        ssize_t size = read(ptn_netns_tun(s->hosts[host]), s->packet, sizeof s->packet);
        if (size <= 0)
            return;
        ptn_net_input(s->net, ptn_clock_now(), host, ptn_bytes(s->packet, (size_t)size));
    }
}

void ptn_stage_move(struct ptn_stage *s, ptn_time now)
{
    struct ptn_net_output out;

    ptn_net_tick(s->net, now);
    while (ptn_net_output(s->net, &out))
        switch (out.kind) {
        case PTN_NET_DELIVER:
            /* A host that does not read loses packets, as on a real cable. */
            (void)!write(ptn_netns_tun(s->hosts[out.host]), out.packet.data, out.packet.size);
            break;
        case PTN_NET_TAP:
            ptn_captures_packet(s->opts.captures, out.wire, (uint64_t)out.at + s->unix_offset,
                                out.packet);
            break;
        }
}

bool ptn_stage_event(struct ptn_stage *s, struct ptn_net_event *ev, enum ptn_err *err)
{
    if (!ptn_net_event(s->net, ev))
        return false;
    *err = PTN_OK;
    if (ev->what->action == PTN_ACTION_HOST_ADDRESS) {
        unsigned host = ev->what->subject;
        struct ptn_netns_cable cable = cable_of(s->opts.scenario, ptn_net_host(s->net, host));
        *err = ptn_netns_set_cable(s->hosts[host], &cable);
    }
    return true;
}

ptn_time ptn_stage_deadline(const struct ptn_stage *s)
{
    return ptn_net_deadline(s->net);
}
