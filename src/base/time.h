/*
 * base/time.h - time as a number that somebody hands in.
 *
 * Nanoseconds on a clock that never goes back and began at an arbitrary
 * moment. Machines compare and add such times; none of them reads a clock.
 */
#ifndef PTN_BASE_TIME_H
#define PTN_BASE_TIME_H

#include <stdint.h>

typedef int64_t ptn_time; /* nanoseconds */

#define PTN_NEVER INT64_MAX

#define PTN_US(n) ((ptn_time)(n)*1000)
#define PTN_MS(n) ((ptn_time)(n)*1000000)
#define PTN_S(n) ((ptn_time)(n)*1000000000)

static inline ptn_time ptn_time_min(ptn_time a, ptn_time b)
{
    return a < b ? a : b;
}

static inline ptn_time ptn_time_max(ptn_time a, ptn_time b)
{
    return a > b ? a : b;
}

/* `t` + `span`, where PTN_NEVER stays PTN_NEVER on either side. */
static inline ptn_time ptn_time_add(ptn_time t, ptn_time span)
{
    return t == PTN_NEVER || span == PTN_NEVER || t > PTN_NEVER - span ? PTN_NEVER : t + span;
}

/* Whole milliseconds, rounded down; for people and JSON. */
static inline int64_t ptn_time_ms(ptn_time t)
{
    return t / 1000000;
}

#endif
