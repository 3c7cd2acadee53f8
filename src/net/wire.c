/*
 * net/wire.c - a packet sets out on a wire, and what the wire does to it.
 */
#include "net/state.h"

/* Up is away from the inside; between equals it is up. */
static enum ptn_scenario_way way_of(const struct ptn_net_place *from,
                                    const struct ptn_net_place *to)
{
    bool from_box = from->kind == PTN_NET_AT_BOX;

    if (from_box && from->outside)
        return PTN_WAY_UP;
    if (to->kind == PTN_NET_AT_BOX)
        return to->outside ? PTN_WAY_DOWN : PTN_WAY_UP;
    return from_box ? PTN_WAY_DOWN : PTN_WAY_UP;
}

static void tap(struct ptn_net *n, ptn_time now, unsigned wire, struct ptn_bytes packet)
{
    struct ptn_net_slot *slot = ptn_net_take_slot(n);

    if (!slot)
        return;
    slot->what = PTN_SLOT_TAP;
    slot->place = (struct ptn_net_place){.wire = wire};
    slot->size = packet.size;
    memcpy(slot->bytes, packet.data, packet.size);
    ptn_net_put_out(n, slot, now);
}

/* The moment the wire has let go of a packet, or PTN_NEVER when its queue is full. */
static ptn_time through_queue(struct ptn_net_wire *w, enum ptn_scenario_way way, ptn_time now,
                              size_t size)
{
    const struct ptn_scenario_link *link = &w->link[way];

    if (link->rate == 0)
        return now;
    ptn_time start = ptn_time_max(now, w->busy_until[way]);
    if (start - now > link->queue)
        return PTN_NEVER;
    w->busy_until[way] = start + (ptn_time)((double)size * 8e9 / (double)link->rate);
    return w->busy_until[way];
}

/* When it arrives. Packets overtake each other only where `reorder` says so: a nanosecond keeps
 * apart those that would arrive at once. */
static ptn_time arrival(struct ptn_net *n, struct ptn_net_wire *w, enum ptn_scenario_way way,
                        ptn_time departure)
{
    const struct ptn_scenario_link *link = &w->link[way];
    ptn_time due = departure + link->delay;

    if (link->jitter > 0)
        due += (ptn_time)(ptn_dice_unit(&n->dice) * (double)link->jitter);
    if (link->reorder > 0 && ptn_dice_unit(&n->dice) < link->reorder)
        return due + (ptn_time)(ptn_dice_unit(&n->dice) * (double)link->reorder_by);
    due = ptn_time_max(due, w->last_due[way] + 1);
    w->last_due[way] = due;
    return due;
}

static void carry(struct ptn_net *n, ptn_time due, const struct ptn_net_place *to,
                  struct ptn_bytes packet)
{
    struct ptn_net_slot *slot = ptn_net_take_slot(n);

    if (!slot)
        return;
    slot->what = PTN_SLOT_ARRIVES;
    slot->place = *to;
    slot->size = packet.size;
    memcpy(slot->bytes, packet.data, packet.size);
    ptn_net_schedule(n, slot, due);
}

static void set_out_to(struct ptn_net *n, ptn_time now, const struct ptn_net_place *from,
                       const struct ptn_net_place *to, struct ptn_bytes packet)
{
    struct ptn_net_wire *w = &n->wires[from->wire];
    enum ptn_scenario_way way = way_of(from, to);
    const struct ptn_scenario_link *link = &w->link[way];

    if (w->tapped)
        tap(n, now, from->wire, packet);
    if (w->down) {
        ptn_net_end(n, PTN_NET_WIRE_DOWN);
        return;
    }
    if (link->loss > 0 && ptn_dice_unit(&n->dice) < link->loss) {
        ptn_net_end(n, PTN_NET_LOST);
        return;
    }
    ptn_time departure = through_queue(w, way, now, packet.size);
    if (departure == PTN_NEVER) {
        ptn_net_end(n, PTN_NET_QUEUE_FULL);
        return;
    }
    carry(n, arrival(n, w, way, departure), to, packet);
    if (link->duplicate > 0 && ptn_dice_unit(&n->dice) < link->duplicate)
        carry(n, arrival(n, w, way, departure), to, packet);
}

void ptn_net_set_out(struct ptn_net *n, ptn_time now, const struct ptn_net_place *from,
                     struct ptn_bytes packet)
{
    struct ptn_ip ip;

    if (ptn_ip_parse(packet, &ip) != PTN_IP_FINE) {
        ptn_net_end(n, PTN_NET_MALFORMED);
        return;
    }
    struct ptn_net_place to = ptn_net_taker(n, from->wire, &ip.ends.to);
    if (to.kind == PTN_NET_NOBODY)
        ptn_net_end(n, PTN_NET_NO_ROUTE);
    else
        set_out_to(n, now, from, &to, packet);
}

void ptn_net_answer_error(struct ptn_net *n, ptn_time now, const struct ptn_net_origin *origin,
                          enum ptn_icmp_error error, uint32_t mtu)
{
    uint8_t bytes[1280];
    struct ptn_writer w = ptn_writer(bytes, sizeof bytes);
    struct ptn_addr from;

    /* Where there is no box to speak for itself, the far address does. */
    if (origin->back.kind != PTN_NET_AT_BOX)
        from = ptn_addr_with_port(origin->ip->ends.to, 0);
    else if (!ptn_net_box_addr(n, origin->back.index, origin->back.wire, origin->ip->family, &from))
        return;
    if (!ptn_ip_build_error(&w, &from, error, mtu, origin->packet, origin->ip))
        return;
    if (origin->back.kind == PTN_NET_AT_HOST)
        carry(n, now, &origin->back, ptn_bytes(bytes, ptn_writer_size(&w)));
    else
        ptn_net_set_out(n, now, &origin->back, ptn_bytes(bytes, ptn_writer_size(&w)));
}

/* RFC 791: a router cuts what may be cut; RFC 8200: only a sender does. */
static bool may_cut(const struct ptn_net *n, const struct ptn_ip *ip,
                    const struct ptn_net_origin *origin)
{
    bool by_sender = origin->back.kind == PTN_NET_AT_HOST && n->opts.whole_packets;

    return origin->was_joined || (ip->family == PTN_IPV4 ? !ip->dont_fragment : by_sender);
}

void ptn_net_send(struct ptn_net *n, ptn_time now, const struct ptn_net_place *from,
                  struct ptn_bytes packet, const struct ptn_ip *ip,
                  const struct ptn_net_origin *origin)
{
    const struct ptn_scenario_wire *wire = &n->scenario->wires[from->wire];
    struct ptn_net_place to = ptn_net_taker(n, from->wire, &ip->ends.to);
    size_t offset = 0;

    if (to.kind == PTN_NET_NOBODY) {
        ptn_net_end(n, PTN_NET_NO_ROUTE);
        if (wire->unknown == PTN_UNASKED_REJECT)
            ptn_net_answer_error(n, now, origin, PTN_ICMP_HOST_UNREACHABLE, 0);
        return;
    }
    if (ip->size <= wire->mtu) {
        set_out_to(n, now, from, &to, ptn_bytes(packet.data, ip->size));
        return;
    }
    if (!may_cut(n, ip, origin)) {
        ptn_net_end(n, PTN_NET_TOO_BIG);
        ptn_net_answer_error(n, now, origin, PTN_ICMP_TOO_BIG, wire->mtu);
        return;
    }
    uint32_t id = n->fragment_id++;
    for (;;) {
        uint8_t bytes[PTN_NET_SLOT_BYTES];
        struct ptn_writer w = ptn_writer(bytes, sizeof bytes);
        if (!ptn_ip_cut(&w, packet, ip, wire->mtu, id, &offset))
            break;
        set_out_to(n, now, from, &to, ptn_bytes(bytes, ptn_writer_size(&w)));
    }
}
