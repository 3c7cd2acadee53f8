/*
 * lab/forwards.h - TCP ports of hosts on the machine's loopback, so that a browser sees a page.
 */
#ifndef PTN_LAB_FORWARDS_H
#define PTN_LAB_FORWARDS_H

#include "stage.h"

struct ptn_forwards;

/* Listens on 127.0.0.1. On failure `*which` is the row whose local port could not be had. All are
 * borrowed for its life. */
enum ptn_err ptn_forwards_new(struct ptn_forwards **out, const struct ptn_scenario *scenario,
                              struct ptn_stage *stage, struct ptn_loop *loop, unsigned *which);
void ptn_forwards_free(struct ptn_forwards *f);

/* Feeds an entry of PTN_LAB_LISTENER or PTN_LAB_FORWARD. */
void ptn_forwards_ready(struct ptn_forwards *f, const struct ptn_ready *ready);

#endif
