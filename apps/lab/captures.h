/*
 * lab/captures.h - which wires are written to which files.
 *
 * Several wires may go to one file; each is an interface in it, by its name.
 */
#ifndef PTN_LAB_CAPTURES_H
#define PTN_LAB_CAPTURES_H

#include "net/scenario.h"

enum { PTN_CAPTURES_MAX = 64 };

struct ptn_captures;

/* `wanted` rows name wires and files. On failure `*file` is the one that could not be made. */
enum ptn_err ptn_captures_new(struct ptn_captures **out, const struct ptn_scenario *scenario,
                              const struct ptn_scenario_capture *wanted, unsigned count,
                              const char **file);
void ptn_captures_free(struct ptn_captures *c);

bool ptn_captures_want(const struct ptn_captures *c, unsigned wire);
void ptn_captures_packet(struct ptn_captures *c, unsigned wire, uint64_t unix_ns,
                         struct ptn_bytes packet);

/* When there is nothing else to do. Answers the first thing that went wrong, once. */
enum ptn_err ptn_captures_flush(struct ptn_captures *c);

#endif
