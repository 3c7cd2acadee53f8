/*
 * phone/watch.h - looking on: what the phone's machine and its host say to each other.
 *
 * Stands between the two as a machine itself. Keeps the trace, feeds the capture while there
 * is one, and with --verbose prints the ladder.
 */
#ifndef PTN_PHONE_WATCH_H
#define PTN_PHONE_WATCH_H

#include "base/log.h"
#include "sight/ladder.h"
#include "sight/trace.h"
#include "sight/wire.h"

struct ptn_capture; /* os/capture.h */

/* ---- watch.c ---- */

struct phone_watch {
    struct ptn_machine watched;
    struct ptn_ends *ends;
    struct ptn_trace *trace;
    struct ptn_ladder ladder;
    bool prints;
    uint64_t printed; /* number of the last entry */
    struct ptn_wire *wire;
    struct ptn_capture *capture; /* NULL: none */
    char capture_path[1024];
    bool captured; /* something that is not flushed */
};

/* False: no memory. `sockets_max` as of the host. */
bool phone_watch_init(struct phone_watch *w, uint32_t sockets_max);
void phone_watch_fini(struct phone_watch *w);

/* `watched` as a host is to see it; `w` must stay where it is. */
struct ptn_machine phone_watch_machine(struct phone_watch *w, const struct ptn_machine *watched);

/* The machine has left its host. */
void phone_watch_leave(struct phone_watch *w);

/* After each round: prints what is to be printed. */
void phone_watch_print(struct phone_watch *w);

/* ---- capture.c ---- */

/* Into a file that is not there yet, until stop(), an error, or `bytes_max` (0: no limit). NULL, or
 * why not, in words that begin with the file's name; borrowed until the next call. */
const char *phone_capture_start(struct phone_watch *w, const char *path, uint64_t bytes_max);

/* False when there is none. */
bool phone_capture_stop(struct phone_watch *w);

void phone_capture_seen(struct phone_watch *w, uint64_t unix_ns, const struct ptn_seen *seen);

/* After each round. Why the capture has ended by itself, or NULL; its path stays readable. */
const char *phone_capture_flush(struct phone_watch *w, const struct ptn_log *log);

/* Bytes and packets; false when there is no capture. */
bool phone_capture_size(const struct phone_watch *w, uint64_t *bytes, uint64_t *packets);

#endif
