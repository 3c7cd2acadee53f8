/*
 * net/box.c - a packet at a router, NAT or firewall.
 *
 *     arrives -> for the box itself? -> hops left? -> whole? -> NAT's verdict -> next wire
 *
 * The packet is rewritten in a copy: an ICMP error about the next wire must quote
 * what the sender sent, not what the NAT made of it.
 */
#include "net/state.h"

struct visit {
    struct ptn_net *n;
    ptn_time now;
    const struct ptn_net_place *at;
    const struct ptn_scenario_box *box;
    struct ptn_net_origin origin;
};

bool ptn_net_answer_echo(struct ptn_net *n, ptn_time now, const struct ptn_net_place *at,
                         const struct ptn_ip *ip)
{
    uint8_t bytes[PTN_NET_SLOT_BYTES];
    struct ptn_writer w = ptn_writer(bytes, sizeof bytes);
    struct ptn_ip_head head = {.from = ip->ends.to, .to = ip->ends.from};

    if (!ip->icmp.is_echo || ip->icmp.is_reply || ip->is_fragment)
        return false;
    ptn_ip_build_echo(&w, &head, true, ip->icmp.seq, ip->payload);
    if (!w.bad)
        ptn_net_set_out(n, now, at, ptn_bytes(bytes, ptn_writer_size(&w)));
    return true;
}

/* What the NAT engine is asked about; false when the packet is of no kind it knows. */
static bool question(const struct ptn_ip *ip, struct ptn_nat_packet *p)
{
    const struct ptn_ip_ends *ends = ip->icmp.has_quoted ? &ip->icmp.quoted : &ip->ends;

    if (!ends->has_ports)
        return false;
    *p = (struct ptn_nat_packet){
        .proto = ends->proto == PTN_IP_UDP   ? PTN_NAT_UDP
                 : ends->proto == PTN_IP_TCP ? PTN_NAT_TCP
                                             : PTN_NAT_ICMP,
        .tcp_flags = ip->tcp.flags,
        .from = ip->ends.from,
        .to = ip->ends.to,
        .is_error = ip->icmp.has_quoted,
        .quoted_from = ip->icmp.quoted.from,
        .quoted_to = ip->icmp.quoted.to,
    };
    return true;
}

static void refuse(const struct visit *v, enum ptn_nat_verdict verdict, bool outbound,
                   const struct ptn_ip *ip)
{
    bool unasked = verdict == PTN_NAT_NO_MAPPING || verdict == PTN_NAT_FILTERED;
    bool exhausted = verdict == PTN_NAT_NO_PORT || verdict == PTN_NAT_FULL;

    if (!outbound && verdict == PTN_NAT_NO_MAPPING &&
        ptn_net_owned(v->n, PTN_NET_AT_BOX, v->at->index, &ip->ends.to) &&
        ptn_net_answer_echo(v->n, v->now, v->at, ip)) {
        ptn_net_end(v->n, PTN_NET_TO_BOX);
        return;
    }
    ptn_net_end(v->n, PTN_NET_DROPPED_BY_BOX);
    /* RFC 5382 REQ-4: an unasked SYN may be half of a simultaneous open; it gets no answer. */
    bool is_syn = ip->ends.proto == PTN_IP_TCP && (ip->tcp.flags & PTN_TCP_SYN);
    if (!outbound && unasked && v->box->unasked == PTN_UNASKED_REJECT && !is_syn)
        ptn_net_answer_error(v->n, v->now, &v->origin, PTN_ICMP_PORT_UNREACHABLE, 0);
    else if (outbound && exhausted) /* RFC 5508 REQ-8 */
        ptn_net_answer_error(v->n, v->now, &v->origin, PTN_ICMP_PROHIBITED, 0);
}

/* Asks the engine, and gives the packet its new ends; false when it has come to its end. */
static bool translate(const struct visit *v, uint8_t *packet, struct ptn_ip *ip, bool outbound,
                      bool *turns)
{
    struct ptn_nat *nat = v->n->nats[v->at->index];
    struct ptn_nat_packet p;

    if (!question(ip, &p)) {
        ptn_net_end(v->n, PTN_NET_DROPPED_BY_BOX);
        return false;
    }
    enum ptn_nat_verdict verdict =
        outbound ? ptn_nat_outbound(nat, v->now, &p) : ptn_nat_inbound(nat, v->now, &p);
    if (verdict != PTN_NAT_PASS && verdict != PTN_NAT_TURN_ROUND) {
        refuse(v, verdict, outbound, ip);
        return false;
    }
    *turns = verdict == PTN_NAT_TURN_ROUND;
    if (p.is_error)
        ptn_ip_rewrite_quoted(packet, ip, &p.quoted_from, &p.quoted_to);
    ptn_ip_rewrite(packet, ip, &p.from, &p.to);
    return true;
}

static int way_in(const struct visit *v, const struct ptn_ip *ip)
{
    return ptn_net_nearest(v->n, v->box->inside, v->box->inside_count, &ip->ends.to,
                           v->box->kind != PTN_BOX_NAT);
}

/* Between two inside wires a NAT or firewall is a plain router: the other one's wire, or -1. */
static int inner_wire(const struct visit *v, const struct ptn_ip *ip)
{
    const struct ptn_scenario_box *b = v->box;
    int wire = way_in(v, ip);

    if (wire < 0 || wire == (int)v->at->wire)
        return -1;
    struct ptn_scenario_leg either[2] = {{.wire = wire}, b->outside[0]};
    if (b->kind == PTN_BOX_FIREWALL && ptn_net_nearest(v->n, either, 2, &ip->ends.to, true) != wire)
        return -1;
    return wire;
}

/* The wire on which the packet goes on, or -1 when it has come to its end here. */
static int next_wire(const struct visit *v, uint8_t *packet, struct ptn_ip *ip)
{
    const struct ptn_scenario_box *b = v->box;
    bool outbound = !v->at->outside, turns = false;
    int wire;

    if (b->kind != PTN_BOX_ROUTER) {
        wire = outbound ? inner_wire(v, ip) : -1;
        if (wire >= 0)
            return wire;
        if (!translate(v, packet, ip, outbound, &turns))
            return -1;
        if (outbound && !turns)
            return b->outside[0].wire;
    }
    wire = way_in(v, ip);
    if (wire < 0)
        ptn_net_end(v->n, PTN_NET_NO_ROUTE);
    return wire;
}

static void pass_on(struct visit *v, struct ptn_bytes packet, struct ptn_ip ip)
{
    struct ptn_ip original = ip;

    v->origin.packet = packet;
    v->origin.ip = &original;
    if (ip.ttl <= 1) {
        ptn_net_end(v->n, PTN_NET_TTL);
        ptn_net_answer_error(v->n, v->now, &v->origin, PTN_ICMP_TIME_EXCEEDED, 0);
        return;
    }
    if (v->box->kind != PTN_BOX_ROUTER && !ptn_ip_checksums_hold(packet, &ip)) {
        ptn_net_end(v->n, PTN_NET_MALFORMED);
        return;
    }
    uint8_t *work = v->n->work;
    memcpy(work, packet.data, ip.size);
    ptn_ip_decrement_ttl(work, &ip);
    int wire = next_wire(v, work, &ip);
    if (wire < 0)
        return;
    struct ptn_net_place from = *v->at;
    from.wire = (unsigned)wire;
    from.outside = v->box->outside_count > 0 && v->box->outside[0].wire == wire;
    ptn_net_send(v->n, v->now, &from, ptn_bytes(work, ip.size), &ip, &v->origin);
}

/* RFC 4787 REQ-14: fragments are put together, whatever their order, before they are asked for
 * ports that only the first one has. */
static void join(struct visit *v, struct ptn_bytes packet, const struct ptn_ip *ip)
{
    struct ptn_bytes whole;
    struct ptn_ip joined;

    if (v->box->drops_fragments) {
        ptn_net_end(v->n, PTN_NET_FRAGMENT);
        return;
    }
    /* A NAT's two sides are two places: the same id may be met on both. */
    uint32_t where = v->at->index * 2 + v->at->outside;
    switch (ptn_ip_store_input(v->n->fragments, v->now, where, packet, ip, &whole)) {
    case PTN_IP_STORE_WAIT: return;
    case PTN_IP_STORE_SPOILT:
    case PTN_IP_STORE_FULL: ptn_net_end(v->n, PTN_NET_FRAGMENT); return;
    case PTN_IP_STORE_WHOLE: break;
    }
    if (ptn_ip_parse(whole, &joined) != PTN_IP_FINE) {
        ptn_net_end(v->n, PTN_NET_MALFORMED);
        return;
    }
    v->origin.was_joined = true;
    pass_on(v, whole, joined);
}

/* What reaches a NAT's outside address is somebody's inside, or so the engine must be asked first;
 * only an echo request from the inside would find nothing there. */
static bool is_for_box(const struct visit *v, const struct ptn_ip *ip)
{
    const struct ptn_net_place *owned =
        ptn_net_owned(v->n, PTN_NET_AT_BOX, v->at->index, &ip->ends.to);

    if (!owned || v->box->kind != PTN_BOX_NAT)
        return owned;
    return !v->at->outside && (!owned->outside || (ip->icmp.is_echo && !ip->icmp.is_reply));
}

void ptn_net_at_box(struct ptn_net *n, ptn_time now, const struct ptn_net_place *at,
                    struct ptn_bytes packet)
{
    struct visit v = {
        .n = n, .now = now, .at = at, .box = &n->boxes[at->index], .origin = {.back = *at}};
    struct ptn_ip ip;

    if (ptn_ip_parse(packet, &ip) != PTN_IP_FINE) {
        ptn_net_end(n, PTN_NET_MALFORMED);
    } else if (is_for_box(&v, &ip)) {
        ptn_net_answer_echo(n, now, at, &ip);
        ptn_net_end(n, PTN_NET_TO_BOX);
    } else if (v.box->kind != PTN_BOX_ROUTER && ip.is_fragment) {
        join(&v, packet, &ip);
    } else {
        pass_on(&v, packet, ip);
    }
}
