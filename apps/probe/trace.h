/*
 * probe/trace.h - what passes between a machine and the world, as lines for a person.
 *
 * Sits around the machine and is one itself, so neither side knows of it.
 *
 *   0.000 > 192.0.2.1:3478 Binding Request, modern, 28 bytes: CHANGE-REQUEST (address, port)
 *   0.041 < 192.0.2.2:3479 Binding Success Response, modern, 32 bytes: XOR-MAPPED-ADDRESS
 * 203.0.113.7:40000
 */
#ifndef PTN_PROBE_TRACE_H
#define PTN_PROBE_TRACE_H

#include <stdio.h>

#include "base/effect.h"

struct probe_trace {
    struct ptn_machine inner;
    FILE *file;
    ptn_time start;
};

/* Sees everything that `inner` asks and is told from now on. `t` stays where it is. */
struct ptn_machine probe_trace_init(struct probe_trace *t, const struct ptn_machine *inner,
                                    FILE *file, ptn_time now);

/* A STUN message, or what else it is, in words: "Binding Request, modern, 20 bytes". */
void probe_trace_describe(struct ptn_bytes bytes, char *buf, size_t size);

#endif
