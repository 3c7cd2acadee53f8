/*
 * os/capture.h - a pcapng file that packets of several wires are written to.
 *
 * Bytes go through a buffer: flush when there is nothing else to do, so that a
 * file is complete up to the last quiet moment even if the program is killed.
 */
#ifndef PTN_OS_CAPTURE_H
#define PTN_OS_CAPTURE_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"

struct ptn_capture;

struct ptn_capture_opts {
    const char *path;
    const char *program;      /* told in the file */
    const char *const *names; /* names[i] becomes interface i */
    uint32_t count;           /* of names, at least 1 */
    uint64_t bytes_max;       /* of the file; 0: no limit */
    bool keeps_others;        /* a file that is there is not emptied but PTN_ERR_IN_USE; the new
                                 one is its owner's alone to read */
};

/* Creates the file, and empties one that is there. */
enum ptn_err ptn_capture_new(const struct ptn_capture_opts *opts, struct ptn_capture **out);

/* `comment` may be NULL. A packet beyond bytes_max is left out, and so are all that follow. */
void ptn_capture_packet(struct ptn_capture *c, uint32_t interface, uint64_t unix_ns,
                        struct ptn_bytes packet, const char *comment);

/* Bytes and packets that the file has now, the unflushed ones too; whether bytes_max was met. */
uint64_t ptn_capture_bytes(const struct ptn_capture *c);
uint64_t ptn_capture_packets(const struct ptn_capture *c);
bool ptn_capture_is_full(const struct ptn_capture *c);

/* What a write since `new` or the last flush met, PTN_OK if nothing went wrong. Otherwise the file
 * ends with the last packet that is whole. */
enum ptn_err ptn_capture_flush(struct ptn_capture *c);

void ptn_capture_free(struct ptn_capture *c);

#endif
