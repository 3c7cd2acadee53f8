/*
 * nat/ports.c - which outside end a new mapping is lent.
 *
 * A preserving NAT tries the inside port. Then, and for the others at once, the
 * range is walked upwards from a start, round its end, until a free port comes. A port in use is
 * never lent a second time ("overloading", RFC 4787 REQ-3a).
 */
#include "nat/ports.h"

#include <assert.h>

static bool fits(const struct ptn_nat_opts *o, uint16_t inside, uint16_t port)
{
    return !o->keep_parity || (inside & 1) == (port & 1);
}

/* Where the walk begins. */
static unsigned start_of(struct ptn_nat_ports_state *state, const struct ptn_nat_opts *o,
                         enum ptn_nat_proto proto)
{
    unsigned range = o->port_max - o->port_min + 1u;

    if (o->ports != PTN_NAT_PORTS_SEQUENTIAL)
        return o->port_min + ptn_dice_below(&state->dice, range);
    if (!state->started[proto]) {
        state->started[proto] = true;
        state->last[proto] = o->port_min + ptn_dice_below(&state->dice, range);
    }
    return o->port_min + (state->last[proto] - o->port_min + o->port_step) % range;
}

static bool is_free(struct ptn_nat_tables *t, const struct ptn_nat_mapping *m)
{
    return !ptn_nat_find_outside(t, m->proto, &m->outside);
}

static bool lend_on(struct ptn_nat_ports_state *state, const struct ptn_nat_opts *o,
                    struct ptn_nat_tables *t, struct ptn_nat_mapping *m, struct ptn_addr addr)
{
    unsigned range = o->port_max - o->port_min + 1u;

    m->outside = ptn_addr_with_port(addr, m->inside.port);
    if (o->ports == PTN_NAT_PORTS_PRESERVE && m->inside.port >= o->port_min &&
        m->inside.port <= o->port_max && is_free(t, m))
        return true;
    unsigned start = start_of(state, o, m->proto);
    for (unsigned i = 0; i < range; i++) {
        m->outside.port = (uint16_t)(o->port_min + (start - o->port_min + i) % range);
        if (!fits(o, m->inside.port, m->outside.port) || !is_free(t, m))
            continue;
        state->last[m->proto] = m->outside.port;
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
