/*
 * os/control.h - a local socket on which programs talk in lines.
 *
 * Each message is one line, usually a JSON object; what it means is its owner's
 * matter. The listening side lives on the loop and holds a bounded number of
 * clients; the asking side, for command-line tools, waits with a time limit.
 */
#ifndef PTN_OS_CONTROL_H
#define PTN_OS_CONTROL_H

#include "base/bytes.h"
#include "base/time.h"
#include "os/loop.h"

enum {
    PTN_CONTROL_CLIENTS_MAX = 32,
    PTN_CONTROL_LINE_MAX = 65536,   /* of a line that comes in */
    PTN_CONTROL_QUEUE_MAX = 1 << 20 /* of lines that a client does not fetch */
};

struct ptn_control;

struct ptn_control_opts {
    const char *path; /* of the socket; its folder must exist */
    unsigned mode;    /* as in chmod: 0600, or 0660 for a group */
    uint8_t owner;    /* on the loop */
};

/* Listens. A socket file that nobody listens on is replaced; with a program behind it the answer
 * is PTN_ERR_IN_USE. `l` is borrowed for its life. */
enum ptn_err ptn_control_new(struct ptn_loop *l, const struct ptn_control_opts *opts,
                             struct ptn_control **out);

/* Ends all connections and removes the socket file. */
void ptn_control_free(struct ptn_control *c);

/* Feeds what the loop said is ready; take the lines before waiting again. */
void ptn_control_ready(struct ptn_control *c, const struct ptn_ready *ready);

struct ptn_control_line {
    uint32_t client;       /* never 0, not used twice */
    struct ptn_bytes text; /* without the newline, and with a zero byte behind it, not counted;
                              borrowed until the next call */
};

/* The next line that came in; false when there is none. */
bool ptn_control_line(struct ptn_control *c, struct ptn_control_line *line);

/* Sends `text` and a newline. A client that is gone is PTN_ERR_NOT_FOUND; one that does not read
 * is dropped with PTN_ERR_NO_ROOM. */
enum ptn_err ptn_control_send(struct ptn_control *c, uint32_t client, struct ptn_bytes text);

/* Closes the connection once everything sent has been fetched. */
void ptn_control_end(struct ptn_control *c, uint32_t client);

/* Is this client still there? For owners that keep a list of those who want news. */
bool ptn_control_has(const struct ptn_control *c, uint32_t client);

/* -- The asking side ------------------------------------------------------------------ */

struct ptn_control_caller {
    int fd; /* -1: not connected */
    char *buf;
    size_t size, taken;
};

/* PTN_ERR_NOT_FOUND or PTN_ERR_REFUSED: no program listens there. */
enum ptn_err ptn_control_call(const char *path, struct ptn_control_caller *caller);
void ptn_control_hang_up(struct ptn_control_caller *caller);

/* Sends `text` and a newline. */
enum ptn_err ptn_control_say(struct ptn_control_caller *caller, struct ptn_bytes text);

/* Waits for the next line, at most `span`. PTN_ERR_RESET: the far end hung up. `line` is borrowed
 * until the next call, with a zero byte behind it, not counted. */
enum ptn_err ptn_control_hear(struct ptn_control_caller *caller, ptn_time span,
                              struct ptn_bytes *line);

#endif
