/*
 * lab/simulate.h - the same scenario without a kernel: virtual time, hosts in memory, no rights.
 *
 * Instead of the scenario's programs each host runs our discovery, against our
 * STUN server on one of the hosts: at the start, and anew after each thing that
 * the scenario lets happen. What is printed depends on the file and the seed only.
 */
#ifndef PTN_LAB_SIMULATE_H
#define PTN_LAB_SIMULATE_H

#include "run.h"

struct ptn_simulate_opts {
    const struct ptn_scenario *scenario;
    const struct ptn_scenario_capture *captures; /* written with times from 1970 on */
    unsigned capture_count;
    uint64_t seed;
    const char *server; /* the host with the STUN server */
    /* Of a call (phones.h): */
    const char *caller, *called; /* the phones' hosts; NULL: none calls */
    const char *registrar;       /* its host */
    ptn_time talk;               /* after the call has come about, and after the last event */
    bool turn;                   /* the server relays for them */
    bool json;
};

enum ptn_lab_exit ptn_simulate(const struct ptn_simulate_opts *opts);

#endif
