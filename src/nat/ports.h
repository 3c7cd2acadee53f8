/*
 * nat/ports.h - which outside end a new mapping is lent. Private to the room.
 */
#ifndef PTN_NAT_PORTS_H
#define PTN_NAT_PORTS_H

#include "nat/tables.h"

struct ptn_nat_ports_state {
    struct ptn_dice dice;
    bool started[PTN_NAT_PROTOS];
    unsigned last[PTN_NAT_PROTOS]; /* SEQUENTIAL */
};

/* Fills `m->outside` for its proto and inside; false when every port it may have is lent. */
bool ptn_nat_lend(struct ptn_nat_ports_state *state, const struct ptn_nat_opts *o,
                  struct ptn_nat_tables *t, struct ptn_nat_mapping *m);

#endif
