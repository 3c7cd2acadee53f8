/*
 * tests/sim/survey.h - what a host of a scenario finds out about its NAT: one discovery, in a world
 * of its own.
 */
#ifndef PTN_TEST_SURVEY_H
#define PTN_TEST_SURVEY_H

#include "discover/discover.h"
#include "net/scenario.h"

struct survey {
    const struct ptn_scenario *scenario; /* host "server" serves STUN on all its addresses */
    uint64_t seed;
    const char *host; /* who asks */
    unsigned leg;     /* from which of its addresses */
};

/* Aborts when the scenario has no such host, or the server no address of the leg's family. */
struct ptn_discover_result survey(const struct survey *how);

#endif
