/*
 * bench/load.h - what the load programs share: clock, CPU time of a process, latencies.
 */
#ifndef PTN_BENCH_LOAD_H
#define PTN_BENCH_LOAD_H

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static inline uint64_t load_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Nanoseconds that all threads of a process have run; 0 when there is none. */
static inline uint64_t load_cpu_time(long pid)
{
    char path[300];
    uint64_t sum = 0;

    snprintf(path, sizeof path, "/proc/%ld/task", pid);
    DIR *dir = opendir(path);
    for (const struct dirent *e; dir && (e = readdir(dir));) {
        unsigned long long ran = 0;
        snprintf(path, sizeof path, "/proc/%ld/task/%s/schedstat", pid, e->d_name);
        FILE *f = e->d_name[0] == '.' ? NULL : fopen(path, "r");
        if (f && fscanf(f, "%llu", &ran) == 1)
            sum += ran;
        if (f)
            fclose(f);
    }
    if (dir)
        closedir(dir);
    return sum;
}

/* Latencies in steps of an eighth of a power of two. */
struct load_times {
    uint64_t counts[512], total;
};

static inline void load_time(struct load_times *t, uint64_t ns)
{
    unsigned top = ns < 16 ? 4 : 63u - (unsigned)__builtin_clzll(ns);
    unsigned step = (top << 3 | (unsigned)(ns >> (top - 3) & 7)) & 511;

    t->counts[step]++;
    t->total++;
}

/* In microseconds. */
static inline double load_percentile(const struct load_times *t, double part)
{
    uint64_t wanted = (uint64_t)((double)t->total * part), seen = 0;

    for (unsigned i = 0; i < 512; i++)
        if ((seen += t->counts[i]) > wanted)
            return (double)((UINT64_C(8) | (i & 7)) << ((i >> 3) - 3)) / 1000;
    return 0;
}

#endif
