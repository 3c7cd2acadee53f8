/*
 * postern/trace.h - the phone's SIP messages as ladders, for people and scripts.
 */
#ifndef PTN_POSTERN_TRACE_H
#define PTN_POSTERN_TRACE_H

#include "postern/talk.h"

struct trace {
    long call;   /* its messages only; 0: all */
    bool follow; /* then go on with what happens */
    bool full;   /* print the messages, too */
    bool all;    /* leave nothing out */
    bool json;   /* the phone's own lines, one an entry */
};

/* Prints, answers with an exit code. */
int trace_run(struct talk *t, const struct trace *trace);

#endif
