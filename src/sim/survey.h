/*
 * sim/survey.h - what a host of a scenario would find out about its NAT.
 *
 * The scenario's STUN server and a discovery on one of its hosts, played in
 * virtual time from the scenario's beginning, events included. Each survey is a
 * world of its own, so hosts do not disturb each other and a seed repeats.
 */
#ifndef PTN_SIM_SURVEY_H
#define PTN_SIM_SURVEY_H

#include "discover/discover.h"
#include "net/scenario.h"

/*
 * The host that serves STUN on all its addresses, ports 3478 and 3479: the one that runs
 * postern-server; else the one to which a record _stun._udp.… leads; else the one called
 * "server" or "stun". PTN_SCENARIO_NONE when there is none of these.
 */
int ptn_sim_survey_server(const struct ptn_scenario *s);

struct ptn_sim_survey_opts {
    const struct ptn_scenario *scenario;
    uint64_t seed;
    unsigned host, leg; /* who asks, from which of its addresses */
};

/* PTN_ERR_NOT_FOUND: the scenario has no STUN server, or that has no address of the leg's family.
 */
enum ptn_err ptn_sim_survey(const struct ptn_sim_survey_opts *opts,
                            struct ptn_discover_result *out);

#endif
