/*
 * lab/cast.h - the scenario's programs as processes, and what they print, line by line.
 */
#ifndef PTN_LAB_CAST_H
#define PTN_LAB_CAST_H

#include "net/scenario.h"
#include "os/loop.h"

struct ptn_cast;

enum ptn_cast_kind {
    PTN_CAST_LINE,  /* text */
    PTN_CAST_ENDED, /* status: exit code, or 128 + signal; after its last line */
};

struct ptn_cast_event {
    enum ptn_cast_kind kind;
    unsigned program;
    const char *text; /* without the newline; borrowed until the next call */
    int status;
};

/* `scenario` and `loop` are borrowed for its life. */
enum ptn_err ptn_cast_new(struct ptn_cast **out, const struct ptn_scenario *scenario,
                          struct ptn_loop *loop);

/* Kills and waits for all that still run. */
void ptn_cast_free(struct ptn_cast *c);

/* In the namespaces of process `host`; once a program. */
enum ptn_err ptn_cast_start(struct ptn_cast *c, unsigned program, int host);
void ptn_cast_signal(struct ptn_cast *c, unsigned program, int signal);

/* Feeds an entry of PTN_LAB_PROGRAM; take the events before waiting again. */
void ptn_cast_ready(struct ptn_cast *c, const struct ptn_ready *ready);
bool ptn_cast_event(struct ptn_cast *c, struct ptn_cast_event *ev);

#endif
