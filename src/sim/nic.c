/*
 * sim/nic.c - where a host in memory meets the net.
 *
 * A packet to the host itself waits in a queue instead of being taken at once: its receiver may
 * be the very machine whose asks are just being carried out.
 */
#include "sim/nic.h"

#include <stdlib.h>

enum { PACKET_MAX = 65536, ERROR_MAX = 1280 };

void ptn_sim_nic_init(struct ptn_sim_nic *n, struct ptn_net *net,
                      const struct ptn_scenario *scenario, unsigned host)
{
    *n = (struct ptn_sim_nic){.net = net, .scenario = scenario, .host = host};
    n->loop_end = &n->loop;
    ptn_sim_nic_readdress(n);
}

void ptn_sim_nic_fini(struct ptn_sim_nic *n)
{
    for (struct ptn_sim_packet *p; (p = ptn_sim_nic_take_loop(n));)
        free(p);
}

void ptn_sim_nic_readdress(struct ptn_sim_nic *n)
{
    const struct ptn_scenario_host *host = ptn_net_host(n->net, n->host);

    n->addr_count = host->leg_count;
    for (unsigned i = 0; i < host->leg_count; i++)
        n->addrs[i] = host->legs[i].addr;
}

bool ptn_sim_nic_is_own(const struct ptn_sim_nic *n, const struct ptn_addr *a)
{
    for (unsigned i = 0; i < n->addr_count; i++)
        if (ptn_addr_same_ip(a, &n->addrs[i]))
            return true;
    return false;
}

static bool is_on_wire(const struct ptn_scenario_wire *wire, const struct ptn_addr *a)
{
    for (unsigned i = 0; i < wire->prefix_count; i++)
        if (ptn_addr_in_prefix(a, &wire->prefixes[i].addr, wire->prefixes[i].bits))
            return true;
    return false;
}

struct ptn_addr ptn_sim_nic_source(const struct ptn_sim_nic *n, const struct ptn_addr *to)
{
    const struct ptn_scenario_host *host = ptn_net_host(n->net, n->host);
    struct ptn_addr first = {0};

    for (unsigned i = host->leg_count; i > 0; i--) {
        const struct ptn_scenario_leg *leg = &host->legs[i - 1];
        if (leg->addr.family != to->family)
            continue;
        first = leg->addr;
        if (is_on_wire(&n->scenario->wires[leg->wire], to))
            return first;
    }
    return first;
}

static void loop_back(struct ptn_sim_nic *n, struct ptn_bytes bytes)
{
    struct ptn_sim_packet *p = malloc(sizeof *p + bytes.size);

    if (!p)
        return;
    p->next = NULL;
    p->size = bytes.size;
    memcpy(p->bytes, bytes.data, bytes.size);
    *n->loop_end = p;
    n->loop_end = &p->next;
}

struct ptn_sim_packet *ptn_sim_nic_take_loop(struct ptn_sim_nic *n)
{
    struct ptn_sim_packet *p = n->loop;

    if (!p)
        return NULL;
    n->loop = p->next;
    if (!n->loop)
        n->loop_end = &n->loop;
    return p;
}

static void send_packet(struct ptn_sim_nic *n, ptn_time now, const struct ptn_addr *to,
                        const struct ptn_writer *w)
{
    struct ptn_bytes packet = ptn_bytes(w->start, ptn_writer_size(w));

    if (w->bad)
        return;
    if (ptn_sim_nic_is_own(n, to))
        loop_back(n, packet);
    else
        ptn_net_input(n->net, now, n->host, packet);
}

void ptn_sim_nic_send_datagram(struct ptn_sim_nic *n, ptn_time now, const struct ptn_addr *from,
                               const struct ptn_addr *to, uint8_t dscp, struct ptn_bytes bytes)
{
    uint8_t packet[PACKET_MAX];
    struct ptn_writer w = ptn_writer(packet, sizeof packet);
    struct ptn_ip_head head = {.from = *from, .to = *to, .dscp = dscp, .id = n->packet_id++};

    if (to->family != from->family || to->port == 0)
        return;
    ptn_ip_build_udp(&w, &head, bytes);
    send_packet(n, now, to, &w);
}

void ptn_sim_nic_send_segment(struct ptn_sim_nic *n, ptn_time now, const struct ptn_addr *from,
                              const struct ptn_addr *to, uint8_t dscp,
                              const struct ptn_sim_segment *segment)
{
    uint8_t packet[PACKET_MAX];
    struct ptn_writer w = ptn_writer(packet, sizeof packet);
    struct ptn_ip_head head = {.from = *from, .to = *to, .dscp = dscp, .dont_fragment = true};

    ptn_ip_build_tcp(&w, &head, &segment->head, segment->payload);
    send_packet(n, now, to, &w);
}

void ptn_sim_nic_refuse(struct ptn_sim_nic *n, ptn_time now, struct ptn_bytes packet,
                        const struct ptn_ip *ip)
{
    uint8_t error[ERROR_MAX];
    struct ptn_writer w = ptn_writer(error, sizeof error);

    if (ptn_ip_build_error(&w, &ip->ends.to, PTN_ICMP_PORT_UNREACHABLE, 0, packet, ip))
        send_packet(n, now, &ip->ends.from, &w);
}
