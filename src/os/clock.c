/*
 * os/clock.c - reading the kernel's clocks.
 */
#include "os/clock.h"

#include <time.h>

static int64_t read_clock(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

ptn_time ptn_clock_now(void)
{
    return read_clock(CLOCK_BOOTTIME);
}

uint64_t ptn_clock_monotonic(void)
{
    return (uint64_t)read_clock(CLOCK_MONOTONIC);
}

uint64_t ptn_clock_unix_ns(void)
{
    return (uint64_t)read_clock(CLOCK_REALTIME);
}
