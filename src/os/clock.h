/*
 * os/clock.h - the two clocks of a program.
 */
#ifndef PTN_OS_CLOCK_H
#define PTN_OS_CLOCK_H

#include "base/time.h"

/* For machines and deadlines: never goes back, and goes on while the computer sleeps, because
 * NAT mappings and registrations run out meanwhile. */
ptn_time ptn_clock_now(void);

/* For programs that ask for CLOCK_MONOTONIC: nanoseconds, standing still while the computer sleeps.
 */
uint64_t ptn_clock_monotonic(void);

/* For people and files: nanoseconds since 1970, may jump. */
uint64_t ptn_clock_unix_ns(void);

#endif
