/*
 * os/limits.h - what the system grants this process, and how much there is of it.
 */
#ifndef PTN_OS_LIMITS_H
#define PTN_OS_LIMITS_H

#include <stdint.h>

/* Asks to be let open `wanted` files at a time; answers how many it may. */
uint32_t ptn_limits_files(uint32_t wanted);

/* Processors this process may run on, at least 1. */
unsigned ptn_limits_processors(void);

/* From now on every block of memory of 32 KiB or more is the kernel's own zeros until it is written
 * to: a table takes memory as it fills. Without this the C library puts some of them where other
 * blocks were and clears them, which touches them whole. */
void ptn_limits_map_tables(void);

/* What has been freed goes back to the kernel now, page by page; some tens of microseconds. */
void ptn_limits_give_back(void);

#endif
