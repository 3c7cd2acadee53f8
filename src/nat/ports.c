/*
 * nat/ports.c - which outside end a new mapping is lent.
 *
 * Every way of choosing names a first candidate; from there the range is walked
 * upwards once, round its end, until a free port comes. A port in use is never
 * lent a second time ("overloading", RFC 4787 REQ-3a).
 */
#include "nat/ports.h"

#include <assert.h>

static bool fits(const struct ptn_nat_opts *o, uint16_t inside, uint16_t port)
{
    return !o->keep_parity || (inside & 1) == (port & 1);
}

static unsigned first_candidate(struct ptn_nat_ports_state *state, const struct ptn_nat_opts *o,
                                enum ptn_nat_proto proto, uint16_t inside)
{
    unsigned range = o->port_max - o->port_min + 1u;

    if (o->ports == PTN_NAT_PORTS_PRESERVE && inside >= o->port_min && inside <= o->port_max)
        return inside;
    if (o->ports != PTN_NAT_PORTS_SEQUENTIAL)
        return o->port_min + ptn_dice_below(&state->dice, range);
    if (!state->started[proto]) {
        state->started[proto] = true;
        state->last[proto] = o->port_min + ptn_dice_below(&state->dice, range);
    }
    return o->port_min + (state->last[proto] - o->port_min + o->port_step) % range;
}

static bool lend_on(struct ptn_nat_ports_state *state, const struct ptn_nat_opts *o,
                    struct ptn_nat_tables *t, struct ptn_nat_mapping *m, struct ptn_addr addr)
{
    unsigned range = o->port_max - o->port_min + 1u;
    unsigned start = first_candidate(state, o, m->proto, m->inside.port);

    /* A preserving NAT whose port is taken goes on at random: its neighbour would be as
     * predictable as a sequential one's. */
    for (unsigned i = 0; i < range; i++) {
        if (i == 1 && o->ports == PTN_NAT_PORTS_PRESERVE)
            start = o->port_min + ptn_dice_below(&state->dice, range);
        uint16_t port = (uint16_t)(o->port_min + (start - o->port_min + i) % range);
        m->outside = ptn_addr_with_port(addr, port);
        if (!fits(o, m->inside.port, port) || ptn_nat_find_outside(t, m->proto, &m->outside))
            continue;
        state->last[m->proto] = port;
        return true;
    }
    return false;
}

bool ptn_nat_lend(struct ptn_nat_ports_state *state, const struct ptn_nat_opts *o,
                  struct ptn_nat_tables *t, struct ptn_nat_mapping *m)
{
    struct ptn_nat_host *host = ptn_nat_find_host(t, &m->inside);

    if (o->pool_count == 0)
        return false;
    unsigned first = ptn_dice_below(&state->dice, o->pool_count);
    if (o->pooling == PTN_NAT_PAIRED)
        return lend_on(state, o, t, m,
                       host ? ptn_addr_with_port(host->outside, 0) : o->pool[first]);
    for (unsigned i = 0; i < o->pool_count; i++)
        if (lend_on(state, o, t, m, o->pool[(first + i) % o->pool_count]))
            return true;
    return false;
}
