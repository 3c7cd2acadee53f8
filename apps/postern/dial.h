/*
 * postern/dial.h - a call from beginning to end, for people and scripts.
 */
#ifndef PTN_POSTERN_DIAL_H
#define PTN_POSTERN_DIAL_H

#include "postern/talk.h"

struct dial {
    const char *target;
    unsigned account;   /* X of account.X; 0: the first one in use */
    bool no_wait;       /* be done once the phone has taken it */
    ptn_time answer_by; /* how long to wait for an answer */
    ptn_time talk_for;  /* then hang up; PTN_NEVER: leave the call to itself once answered */
    bool json;          /* print the phone's own lines */
};

/* Dials, tells what happens, answers with an exit code. */
int dial_run(struct talk *t, const struct dial *d);

#endif
