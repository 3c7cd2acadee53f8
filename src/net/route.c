/*
 * net/route.c - who takes a packet: nobody configures routes, they follow from the wires.
 *
 * Wires joined by routers and firewalls form a realm, in which every address
 * means one place; the inside wires of a NAT are joined too. What belongs to no
 * wire of the realm goes to the nearest NAT that has an inside leg there. The
 * families have realms of their own, so a home may have a NAT for IPv4 beside a
 * firewall for IPv6.
 */
#include <stdlib.h>

#include "net/state.h"

enum { FAR = UINT16_MAX };

static unsigned which(uint8_t family)
{
    return family == PTN_IPV6;
}

static bool serves(const struct ptn_scenario_box *b, uint8_t family)
{
    return b->only == PTN_FAMILY_NONE || b->only == family;
}

static bool has_leg(const struct ptn_scenario_leg *legs, unsigned count, unsigned wire)
{
    for (unsigned i = 0; i < count; i++)
        if (legs[i].wire == (int)wire)
            return true;
    return false;
}

/* Whether the box joins this wire to its others without translating. */
static bool joins(const struct ptn_scenario_box *b, unsigned wire)
{
    return has_leg(b->inside, b->inside_count, wire) ||
           (b->kind != PTN_BOX_NAT && has_leg(b->outside, b->outside_count, wire));
}

static struct ptn_net_way *way(const struct ptn_net *n, unsigned family, unsigned from, unsigned to)
{
    return &n->routes[family].ways[from * n->scenario->wire_count + to];
}

/* Ways of one more hop: a box on `from` that joins a wire from which `to` is `hops` away. */
static bool extend(struct ptn_net *n, uint8_t family, unsigned from, unsigned to, unsigned hops)
{
    for (unsigned box = 0; box < n->scenario->box_count; box++) {
        const struct ptn_scenario_box *b = &n->boxes[box];
        if (!serves(b, family) || !joins(b, from))
            continue;
        for (unsigned wire = 0; wire < n->scenario->wire_count; wire++) {
            if (!joins(b, wire) || way(n, which(family), wire, to)->hops != hops)
                continue;
            *way(n, which(family), from, to) =
                (struct ptn_net_way){.hops = (uint16_t)(hops + 1), .box = (uint16_t)box};
            return true;
        }
    }
    return false;
}

static void find_ways(struct ptn_net *n, uint8_t family)
{
    unsigned wires = n->scenario->wire_count;

    for (unsigned i = 0; i < wires * wires; i++)
        n->routes[which(family)].ways[i].hops = FAR;
    for (unsigned to = 0; to < wires; to++) {
        bool more = true;
        way(n, which(family), to, to)->hops = 0;
        for (unsigned hops = 0; more; hops++) {
            more = false;
            for (unsigned from = 0; from < wires; from++)
                if (way(n, which(family), from, to)->hops == FAR)
                    more |= extend(n, family, from, to, hops);
        }
    }
}

static void find_ways_out(struct ptn_net *n, uint8_t family)
{
    struct ptn_net_routes *r = &n->routes[which(family)];

    for (unsigned wire = 0; wire < n->scenario->wire_count; wire++) {
        unsigned best = FAR;
        r->way_out[wire] = r->nat[wire] = -1;
        for (unsigned box = 0; box < n->scenario->box_count; box++) {
            const struct ptn_scenario_box *b = &n->boxes[box];
            for (unsigned i = 0; b->kind == PTN_BOX_NAT && serves(b, family) && i < b->inside_count;
                 i++) {
                unsigned hops = way(n, which(family), wire, (unsigned)b->inside[i].wire)->hops;
                if (hops >= best)
                    continue;
                best = hops;
                r->way_out[wire] = b->inside[i].wire;
                r->nat[wire] = (int)box;
            }
        }
    }
}

enum ptn_err ptn_net_routes_init(struct ptn_net *n)
{
    static const uint8_t families[] = {PTN_IPV4, PTN_IPV6};
    size_t wires = n->scenario->wire_count;

    for (unsigned i = 0; i < 2; i++) {
        struct ptn_net_routes *r = &n->routes[which(families[i])];
        r->ways = calloc(wires * wires + 1, sizeof *r->ways);
        r->way_out = calloc(wires + 1, sizeof *r->way_out);
        r->nat = calloc(wires + 1, sizeof *r->nat);
        if (!r->ways || !r->way_out || !r->nat)
            return PTN_ERR_NO_MEMORY;
        find_ways(n, families[i]);
        find_ways_out(n, families[i]);
    }
    return PTN_OK;
}

void ptn_net_routes_fini(struct ptn_net *n)
{
    for (unsigned i = 0; i < 2; i++) {
        free(n->routes[i].ways);
        free(n->routes[i].way_out);
        free(n->routes[i].nat);
    }
}

static void add_owner(struct ptn_net *n, const struct ptn_scenario_leg *leg,
                      struct ptn_net_place place)
{
    place.wire = (unsigned)leg->wire;
    n->owners[n->owner_count++] = (struct ptn_net_owner){leg->addr, place};
}

void ptn_net_list_owners(struct ptn_net *n)
{
    const struct ptn_scenario *s = n->scenario;

    n->owner_count = 0;
    for (unsigned i = 0; i < s->box_count; i++) {
        const struct ptn_scenario_box *b = &n->boxes[i];
        for (unsigned leg = 0; leg < b->inside_count; leg++)
            add_owner(n, &b->inside[leg],
                      (struct ptn_net_place){.kind = PTN_NET_AT_BOX, .index = i});
        for (unsigned leg = 0; leg < b->outside_count; leg++)
            add_owner(n, &b->outside[leg],
                      (struct ptn_net_place){.kind = PTN_NET_AT_BOX, .index = i, .outside = true});
    }
    for (unsigned i = 0; i < s->nameserver_count; i++)
        for (unsigned leg = 0; leg < s->nameservers[i].leg_count; leg++)
            add_owner(n, &s->nameservers[i].legs[leg],
                      (struct ptn_net_place){.kind = PTN_NET_AT_NAMESERVER, .index = i});
    for (unsigned i = 0; i < s->host_count; i++)
        for (unsigned leg = 0; leg < n->hosts[i].leg_count; leg++)
            add_owner(n, &n->hosts[i].legs[leg],
                      (struct ptn_net_place){.kind = PTN_NET_AT_HOST, .index = i});
}

enum ptn_err ptn_net_owners_init(struct ptn_net *n)
{
    const struct ptn_scenario *s = n->scenario;
    size_t most = (size_t)s->box_count * (PTN_SCENARIO_LEGS_MAX + PTN_SCENARIO_ADDRS_MAX) +
                  ((size_t)s->nameserver_count + s->host_count) * PTN_SCENARIO_ADDRS_MAX;

    n->owners = calloc(most + 1, sizeof *n->owners);
    if (!n->owners)
        return PTN_ERR_NO_MEMORY;
    ptn_net_list_owners(n);
    return PTN_OK;
}

/* The wire of this realm where an address is, by its owner or else by the longest prefix; -1 when
 * it is outside of the realm. */
static int wire_of(const struct ptn_net *n, unsigned from, const struct ptn_addr *to)
{
    unsigned family = which(to->family);
    int best = -1;
    unsigned best_bits = 0;

    for (unsigned i = 0; i < n->owner_count; i++)
        if (ptn_addr_same_ip(&n->owners[i].addr, to) &&
            way(n, family, from, n->owners[i].place.wire)->hops != FAR)
            return (int)n->owners[i].place.wire;
    for (unsigned wire = 0; wire < n->scenario->wire_count; wire++) {
        const struct ptn_scenario_wire *w = &n->scenario->wires[wire];
        for (unsigned i = 0; i < w->prefix_count; i++) {
            const struct ptn_scenario_prefix *p = &w->prefixes[i];
            if (way(n, family, from, wire)->hops == FAR || (best >= 0 && p->bits <= best_bits) ||
                !ptn_addr_in_prefix(to, &p->addr, p->bits))
                continue;
            best = (int)wire;
            best_bits = p->bits;
        }
    }
    return best;
}

static bool box_is_outside(const struct ptn_net *n, unsigned box, unsigned wire)
{
    return n->boxes[box].outside_count > 0 && n->boxes[box].outside[0].wire == (int)wire;
}

struct ptn_net_place ptn_net_taker(const struct ptn_net *n, unsigned wire,
                                   const struct ptn_addr *to)
{
    const struct ptn_net_routes *r = &n->routes[which(to->family)];
    int there = wire_of(n, wire, to), box;

    if (there == (int)wire) {
        for (unsigned i = 0; i < n->owner_count; i++)
            if (n->owners[i].place.wire == wire && ptn_addr_same_ip(&n->owners[i].addr, to))
                return n->owners[i].place;
        return (struct ptn_net_place){0};
    }
    if (there < 0) {
        there = r->way_out[wire];
        if (there < 0)
            return (struct ptn_net_place){0};
    }
    box = there == (int)wire ? r->nat[wire] : way(n, which(to->family), wire, (unsigned)there)->box;
    return (struct ptn_net_place){
        .kind = PTN_NET_AT_BOX,
        .index = (unsigned)box,
        .wire = wire,
        .outside = box_is_outside(n, (unsigned)box, wire),
    };
}

int ptn_net_nearest(const struct ptn_net *n, const struct ptn_scenario_leg *legs, unsigned count,
                    const struct ptn_addr *to, bool ways_out_count)
{
    int best = -1;
    unsigned best_hops = FAR;

    for (unsigned i = 0; i < count; i++) {
        unsigned wire = (unsigned)legs[i].wire;
        int there = wire_of(n, wire, to);
        if (there < 0 && ways_out_count)
            there = n->routes[which(to->family)].way_out[wire];
        unsigned hops = there < 0 ? FAR : way(n, which(to->family), wire, (unsigned)there)->hops;
        if (hops >= best_hops)
            continue;
        best = (int)wire;
        best_hops = hops;
    }
    return best;
}

bool ptn_net_box_addr(const struct ptn_net *n, unsigned box, unsigned wire, uint8_t family,
                      struct ptn_addr *out)
{
    for (unsigned i = 0; i < n->owner_count; i++) {
        const struct ptn_net_owner *o = &n->owners[i];
        if (o->place.kind != PTN_NET_AT_BOX || o->place.index != box || o->place.wire != wire ||
            o->addr.family != family)
            continue;
        *out = o->addr;
        return true;
    }
    return false;
}

const struct ptn_net_place *ptn_net_owned(const struct ptn_net *n, enum ptn_net_place_kind kind,
                                          unsigned index, const struct ptn_addr *addr)
{
    for (unsigned i = 0; i < n->owner_count; i++)
        if (n->owners[i].place.kind == kind && n->owners[i].place.index == index &&
            ptn_addr_same_ip(&n->owners[i].addr, addr))
            return &n->owners[i].place;
    return NULL;
}
