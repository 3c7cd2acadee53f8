/*
 * tests/support/seeds.c - one story after another, each from a seed of its own.
 */
#include "support/seeds.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int seeds_main(int argc, char **argv, const struct seeds *play)
{
    const char *is_long = getenv("POSTERN_LONG");
    unsigned cases;

    if (argc == 3 && strcmp(argv[1], "--show") == 0) {
        play->run(strtoull(argv[2], NULL, 0), true);
        return 0;
    }
    unsigned runs = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 0) : 0;
    uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 0) : 0;
    if (runs == 0 || argc > 3) {
        fprintf(stderr, "usage: %s RUNS [SEED] | --show SEED\n", argv[0]);
        return 2;
    }
    if (is_long && *is_long) {
        runs = 10 * runs > play->long_least ? 10 * runs : play->long_least;
        first = 0;
    }
    if (first == 0)
        first = (uint64_t)time(NULL) << 24;
    printf("# seeds from %" PRIu64 "\n", first);
    clock_t began = clock();
    for (uint64_t seed = first; seed < first + runs; seed++)
        play->run(seed, false);
    bool good = play->report(&cases);
    printf("# %.1f s of processor time\n1..%u\n", (double)(clock() - began) / CLOCKS_PER_SEC,
           cases);
    return good ? 0 : 1;
}
