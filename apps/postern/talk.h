/*
 * postern/talk.h - one conversation with a phone's control socket.
 */
#ifndef PTN_POSTERN_TALK_H
#define PTN_POSTERN_TALK_H

#include <jansson.h>

#include "base/time.h"
#include "os/control.h"

/* Exit codes of `postern`; documented in postern(1). */
enum {
    POSTERN_FINE,
    POSTERN_USAGE,     /* the command line is wrong */
    POSTERN_REFUSED,   /* the phone said no */
    POSTERN_NO_PHONE,  /* no phone runs under that name, or it does not answer */
    POSTERN_FAILED,    /* the call was refused, or could not be delivered */
    POSTERN_NO_ANSWER, /* nobody answered in time */
    POSTERN_SILENT,    /* answered, but no sound came */
};

struct talk {
    struct ptn_control_caller caller;
    const char *name; /* of the phone, for complaints */
};

/* Connects to `socket`, or else to the phone called `instance`. Complaints go to standard error;
 * the answer is an exit code. */
int talk_begin(struct talk *t, const char *instance, const char *socket);
void talk_end(struct talk *t);

/* Sends `request` (whose reference it takes) and waits for its answer. POSTERN_FINE: `answer` is
 * a new reference. What the phone refuses is said on standard error. */
int talk_ask(struct talk *t, json_t *request, json_t **answer);

/* The next line with "event"; NULL when `deadline` has come or the phone is gone (`*gone`). */
json_t *talk_event(struct talk *t, ptn_time deadline, bool *gone);

#endif
