/*
 * tests/support/seeds.h - the command line of a test that plays one story after another, each from
 * a seed of its own.
 *
 *   sim_x RUNS [SEED]      SEED 0 or none: drawn from the clock, and printed
 *   sim_x --show SEED      one story, told
 *   POSTERN_LONG=1 sim_…   more RUNS, with a seed drawn
 */
#ifndef PTN_TEST_SEEDS_H
#define PTN_TEST_SEEDS_H

#include <stdbool.h>
#include <stdint.h>

struct seeds {
    void (*run)(uint64_t seed, bool shown);
    bool (*report)(unsigned *cases); /* each case as TAP, after the runs; false: one has failed */
    unsigned long_least;             /* POSTERN_LONG: ten times RUNS, and at least so many */
};

/* What main() returns. */
int seeds_main(int argc, char **argv, const struct seeds *play);

#endif
