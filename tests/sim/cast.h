/*
 * tests/sim/cast.h - what the casts of stories have in common: a world from a scenario's text, a
 * STUN server, and people with a phone.
 *
 * Whatever fails here is nothing that a test could want: it aborts.
 */
#ifndef PTN_TEST_CAST_H
#define PTN_TEST_CAST_H

#include "ear.h"
#include "relay/relay.h"
#include "sim/world.h"
#include "ua/ua.h"

enum { CAST_STUN_PORT = 3478 };

/* Whose phone it is, what it was told, and what he hears. */
struct person {
    struct ptn_ua *ua;
    ptn_sim_machine number;
    ptn_ua_call_id call; /* that he has dialled, or the last one that rang */
    unsigned events[PTN_UA_STOPPED + 1];
    ptn_time at[PTN_UA_STOPPED + 1]; /* when each came last */
    enum ptn_sip_ended ended;
    unsigned status;
    struct ear ear;
};

void person_take_events(struct person *p, ptn_time now);

void cast_must(bool good, const char *what);
void cast_world(struct ptn_scenario **s, struct ptn_sim **w, const char *text, uint64_t seed);
ptn_sim_machine cast_add(struct ptn_sim *w, const struct ptn_scenario *s, const char *host,
                         struct ptn_machine machine);

/* Listeners on two ports of `first` and of the address after it, as RFC 5780 wants. */
struct ptn_relay_opts cast_stun_opts(struct ptn_addr first);

/* The same server is TURN's as well, at `first` by UDP and TCP, for the user of cast_turn(), and
 * for peers of the ranges of documentation, to which nobody is relayed else. */
void cast_add_turn(struct ptn_relay_opts *opts, struct ptn_addr first);
struct ptn_ua_turn cast_turn(const char *server);

/* An event of the scenario happens now. */
void cast_happen(struct ptn_sim *w, struct ptn_scenario *s, const char *event);

#endif
