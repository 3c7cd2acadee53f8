/*
 * os/process.h - a program somebody else wrote, started and watched.
 *
 * Runs in a session of its own with /dev/null as its input, so a signal from the
 * terminal is for us to pass on. Watch `exited`, `out` and `err` for reading:
 * the first is readable once the program has ended, the others carry what it prints.
 */
#ifndef PTN_OS_PROCESS_H
#define PTN_OS_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

struct ptn_process {
    pid_t pid; /* also its process group; 0 when there is none */
    int exited, out, err;
};

struct ptn_process_opts {
    const char *const *argv;  /* NULL-terminated; argv[0] is looked for in PATH */
    const char *const *names; /* of the environment to be set, NULL-terminated; may be NULL */
    const char *const *values;
    int host; /* a process whose host's namespaces it runs in (os/netns.h), or 0 for our own */
};

/* PTN_OK once the program itself runs; else why it could not, and there is no process. */
enum ptn_err ptn_process_start(const struct ptn_process_opts *opts, struct ptn_process *p);

/* To the program and what it started, unless that left its process group. */
void ptn_process_signal(const struct ptn_process *p, int signal);

/* True once it has ended; then `status` is its exit code, or 128 + the signal that ended it, as
 * a shell says it. Closes `exited`; `out` and `err` may still hold lines and stay the owner's. */
bool ptn_process_reap(struct ptn_process *p, int *status);

/* Waits until it has ended, however long that takes. Does nothing when there is none. */
void ptn_process_wait(struct ptn_process *p);

#endif
