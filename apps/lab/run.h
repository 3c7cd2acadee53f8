/*
 * lab/run.h - the lab itself: a scenario in real time, from its first packet to the last program.
 */
#ifndef PTN_LAB_RUN_H
#define PTN_LAB_RUN_H

#include "net/scenario.h"

/* Exit codes of every command. */
enum ptn_lab_exit {
    PTN_LAB_AS_EXPECTED = 0,
    PTN_LAB_USAGE = 1,      /* the command line or the scenario is wrong */
    PTN_LAB_SURPRISE = 2,   /* a program ended otherwise than the scenario says */
    PTN_LAB_REFUSED = 3,    /* a file or port could not be had */
    PTN_LAB_NO_RIGHTS = 77, /* hosts cannot be made here */
};

struct ptn_run_opts {
    struct ptn_scenario *scenario;
    const struct ptn_scenario_capture *captures; /* all that are to be written */
    unsigned capture_count;
    uint64_t seed;
    const char *desk_folder;
    bool times, quiet, verbose;
};

enum ptn_lab_exit ptn_run(const struct ptn_run_opts *opts);

#endif
