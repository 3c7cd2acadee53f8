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

/* Creates or empties the file. `names[i]` becomes interface i; `count` at least 1. */
enum ptn_err ptn_capture_new(const char *path, const char *program, const char *const *names,
                             uint32_t count, struct ptn_capture **out);

/* `comment` may be NULL. */
void ptn_capture_packet(struct ptn_capture *c, uint32_t interface, uint64_t unix_ns,
                        struct ptn_bytes packet, const char *comment);

/* What a write since `new` or the last flush met, PTN_OK if nothing went wrong. */
enum ptn_err ptn_capture_flush(struct ptn_capture *c);

void ptn_capture_free(struct ptn_capture *c);

#endif
