/*
 * tests/sim/plot.h - what happens in a story, drawn from its seed.
 */
#ifndef PTN_TEST_PLOT_H
#define PTN_TEST_PLOT_H

#include "stage.h"

enum { PLOT_ACTS_MAX = 16 };

enum plot_act_kind {
    PLOT_HAPPENS, /* event: of the scenario's language */
    PLOT_DIES,    /* server's program */
    PLOT_REVIVES,
    PLOT_SLEEPS, /* the phone's machine, and nothing reaches it */
    PLOT_WAKES,
};

struct plot_act {
    ptn_time at; /* since the phone registered first */
    enum plot_act_kind kind;
    unsigned server;
    bool with_bindings;
    char event[100];
};

struct plot {
    struct stage_opts stage;
    char nat[200], link[200], caller_nat[200], caller_link[200];
    bool one_is_gone;                    /* of two servers, for good */
    struct plot_act acts[PLOT_ACTS_MAX]; /* in the order of their times */
    unsigned act_count;
    ptn_time last;   /* of the acts: from then on nothing is wrong, but for what is gone for good */
    bool talks;      /* a call is up before the first act */
    bool only_moves; /* the phone or its NAT: then the call should survive */
};

/* With `turn` two homes may be behind symmetric NATs, too. */
void plot_draw(struct plot *p, uint64_t seed, bool turn);
void plot_perform(struct stage *st, const struct plot_act *act);

/* In one line; `size` at least 1. */
void plot_tell(const struct plot *p, char *text, size_t size);

#endif
