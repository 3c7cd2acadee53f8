/*
 * os/loop.h - waiting for whatever comes first: a descriptor, a signal, a moment.
 *
 * Nothing is called back. wait() hands out what is ready; each entry carries the
 * owner's number, given when the descriptor was added, and the program passes it
 * on to that owner.
 *
 *   for (;;) {
 *       size_t n = ptn_loop_wait(loop, deadline, ready, READY_MAX);
 *       for (size_t i = 0; i < n; i++)
 *           switch (ready[i].owner) { ... }
 *   }
 */
#ifndef PTN_OS_LOOP_H
#define PTN_OS_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/time.h"

struct ptn_loop;

enum {
    PTN_LOOP_IN = 1 << 0,    /* there is something to read, or the far end is done */
    PTN_LOOP_OUT = 1 << 1,   /* there is room to write */
    PTN_LOOP_ERROR = 1 << 2, /* told whether asked for or not */
};

#define PTN_LOOP_KEY_MAX ((UINT64_C(1) << 56) - 1)

struct ptn_ready {
    uint8_t owner;
    uint8_t what; /* PTN_LOOP_..., or'ed */
    uint64_t key; /* the owner's; for a signal its number */
};

enum ptn_err ptn_loop_new(struct ptn_loop **out);
void ptn_loop_free(struct ptn_loop *l);

/* Watches `fd` for `what` (may be 0: errors only). `key` up to PTN_LOOP_KEY_MAX. */
enum ptn_err ptn_loop_add(struct ptn_loop *l, int fd, unsigned what, uint8_t owner, uint64_t key);
enum ptn_err ptn_loop_change(struct ptn_loop *l, int fd, unsigned what, uint8_t owner,
                             uint64_t key);

/* Before close(). What wait() already handed out for it is the owner's to ignore. */
void ptn_loop_remove(struct ptn_loop *l, int fd);

/* Takes these signals (at most 8, once in a loop's life) away from their usual effect and
 * hands them out under `owner`. */
enum ptn_err ptn_loop_signals(struct ptn_loop *l, const int *signals, size_t count, uint8_t owner);

/* Waits until something is ready or `deadline` (of ptn_clock_now) has come; PTN_NEVER waits for
 * ever, a past one not at all. Answers how many entries it filled; 0 when the
 * time came, a signal handler ran, or a minute has passed. */
size_t ptn_loop_wait(struct ptn_loop *l, ptn_time deadline, struct ptn_ready *ready, size_t max);

#endif
