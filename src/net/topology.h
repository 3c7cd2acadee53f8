/*
 * net/topology.h - the statements of a scenario, one function each. Private to the room.
 *
 * Each is called with its keyword read, adds to the words' scenario, and
 * leaves what went wrong in the words.
 */
#ifndef PTN_NET_TOPOLOGY_H
#define PTN_NET_TOPOLOGY_H

#include "net/words.h"

void ptn_read_wire(struct ptn_words *w);
void ptn_read_host(struct ptn_words *w);
void ptn_read_nameserver(struct ptn_words *w);
void ptn_read_record(struct ptn_words *w);
void ptn_read_router(struct ptn_words *w);
void ptn_read_nat(struct ptn_words *w);
void ptn_read_firewall(struct ptn_words *w);
void ptn_read_at(struct ptn_words *w);
void ptn_read_run(struct ptn_words *w);
void ptn_read_forward(struct ptn_words *w);
void ptn_read_capture(struct ptn_words *w);

extern const char *const ptn_unasked_names[2]; /* enum ptn_scenario_unasked */

/* What comes behind `at`. */
void ptn_read_event(struct ptn_words *w, struct ptn_scenario_event *ev);

/* A new thing's name, which nothing else has; "" after failing. */
const char *ptn_read_new_name(struct ptn_words *w);
/* A name that must be known, as an index; 0 after failing. */
unsigned ptn_read_wire_name(struct ptn_words *w);
unsigned ptn_read_host_name(struct ptn_words *w);

/* WIRE [ADDRESS…] …, as long as such words come. A wire without an address is a leg without one if
 * that may be, else an error. */
unsigned ptn_read_legs(struct ptn_words *w, struct ptn_scenario_leg *legs, unsigned max,
                       bool may_lack);
/* Such a leg gets its wire's first addresses, of both families unless `only` one; the new count. */
unsigned ptn_fill_legs(struct ptn_words *w, struct ptn_scenario_leg *legs, unsigned count,
                       unsigned max, uint8_t only);
/* An address that must lie on this wire; no other may have it there, unless it `may_be_taken`. */
struct ptn_scenario_leg ptn_read_leg(struct ptn_words *w, unsigned wire, bool may_be_taken);

/* The words of a link from here on, as long as such come. */
void ptn_read_link(struct ptn_words *w, struct ptn_scenario_link link[PTN_WAYS],
                   unsigned sets[PTN_WAYS]);
/* answers|gone|fails|lies ADDRESS… , delay TIME */
struct ptn_scenario_dns ptn_read_dns(struct ptn_words *w);
/* NAME [ttl N] TYPE …; `*count` records in memory of the scenario's. */
struct ptn_scenario_record *ptn_read_records(struct ptn_words *w, unsigned *count);

#endif
