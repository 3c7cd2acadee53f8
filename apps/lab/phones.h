/*
 * lab/phones.h - two phones of a scenario call each other, in virtual time.
 *
 * The phones are postern-phone's own, on the hosts that are named; a registrar and the STUN (and
 * TURN) server are on others. They register, the first one calls the second, who answers after a
 * second; they talk until some time after the scenario's last event, and what came of it is told.
 */
#ifndef PTN_LAB_PHONES_H
#define PTN_LAB_PHONES_H

#include "simulate.h"
#include "ua/ua.h"

enum { PTN_CALLER, PTN_CALLED, PTN_ENDS };

/* What is known of one of the two at the end. */
struct ptn_call_end {
    const char *name;
    char nat[PTN_UA_TEXT_MAX];
    ptn_time registered_at;          /* for the first time; PTN_NEVER: not at all */
    unsigned registered;             /* how often */
    struct ptn_reach_answer contact; /* what it told the registrar, and why */
    bool was_up;                     /* then: */
    ptn_time answered_at;
    bool hears; /* the other one, at the end of the call */
    bool relayed;
    struct ptn_addr media, relay; /* where its sound goes; by this TURN server */
    struct ptn_stream_stats stats;
};

struct ptn_call_outcome {
    ptn_time dialled_at, rang_at, over_at; /* PTN_NEVER: it has not come to that */
    const char *failure;                   /* NULL: they have heard each other to the end */
    struct ptn_call_end ends[PTN_ENDS];
};

enum ptn_lab_exit ptn_simulate_call(const struct ptn_simulate_opts *opts);

/* phones_report.c: for a person, and as one JSON object; to standard output. */
void ptn_call_print(const struct ptn_call_outcome *o);
void ptn_call_print_json(const struct ptn_call_outcome *o, const struct ptn_simulate_opts *opts);

#endif
