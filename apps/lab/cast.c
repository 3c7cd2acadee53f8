/*
 * lab/cast.c - three descriptors a program: two pipes cut into lines, and its end.
 *
 * A program's end is told after the lines it left in its pipes. What it started
 * may hold the pipes open longer; those are read until they close by themselves.
 */
#include "cast.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/process.h"
#include "owners.h"

enum { LINE_BYTES_MAX = 4096 };

/* A program's descriptors; on the loop: 4 * program + which. */
enum { OUT, ERR, STREAMS, EXIT = STREAMS, KEYS = 4 };

struct stream {
    int fd; /* -1: closed */
    bool readable;
    char bytes[LINE_BYTES_MAX + 1];
    size_t size, taken; /* held; of these the first have been handed out */
};

struct actor {
    struct ptn_process process;
    struct stream streams[STREAMS];
    bool exiting; /* the loop said that it has ended; not told yet */
};

struct ptn_cast {
    struct ptn_loop *loop;
    const struct ptn_scenario *scenario;
    unsigned count;
    struct actor actors[];
};

enum ptn_err ptn_cast_new(struct ptn_cast **out, const struct ptn_scenario *scenario,
                          struct ptn_loop *loop)
{
    struct ptn_cast *c = calloc(1, sizeof *c + scenario->program_count * sizeof c->actors[0]);

    *out = c;
    if (!c)
        return PTN_ERR_NO_MEMORY;
    c->loop = loop;
    c->scenario = scenario;
    c->count = scenario->program_count;
    for (unsigned i = 0; i < c->count; i++)
        c->actors[i].streams[OUT].fd = c->actors[i].streams[ERR].fd = -1;
    return PTN_OK;
}

static void close_stream(struct ptn_cast *c, struct stream *s)
{
    if (s->fd < 0)
        return;
    ptn_loop_remove(c->loop, s->fd);
    close(s->fd);
    s->fd = -1;
}

enum ptn_err ptn_cast_start(struct ptn_cast *c, unsigned program, int host)
{
    struct actor *a = &c->actors[program];
    const struct ptn_scenario_program *what = &c->scenario->programs[program];
    static const char *const names[] = {"POSTERN_LAB_HOST", NULL};
    const char *values[] = {c->scenario->hosts[what->host].name};

    enum ptn_err err = ptn_process_start(
        &(struct ptn_process_opts){
            .argv = what->argv, .names = names, .values = values, .host = host},
        &a->process);
    if (err)
        return err;
    a->streams[OUT].fd = a->process.out;
    a->streams[ERR].fd = a->process.err;
    uint64_t key = (uint64_t)program * KEYS;
    err = ptn_loop_add(c->loop, a->process.out, PTN_LOOP_IN, PTN_LAB_PROGRAM, key + OUT);
    if (!err)
        err = ptn_loop_add(c->loop, a->process.err, PTN_LOOP_IN, PTN_LAB_PROGRAM, key + ERR);
    if (!err)
        err = ptn_loop_add(c->loop, a->process.exited, PTN_LOOP_IN, PTN_LAB_PROGRAM, key + EXIT);
    return err;
}

void ptn_cast_signal(struct ptn_cast *c, unsigned program, int signal_number)
{
    ptn_process_signal(&c->actors[program].process, signal_number);
}

void ptn_cast_ready(struct ptn_cast *c, const struct ptn_ready *ready)
{
    struct actor *a = &c->actors[ready->key / KEYS];

    switch (ready->key % KEYS) {
    case OUT: a->streams[OUT].readable = true; break;
    case ERR: a->streams[ERR].readable = true; break;
    case EXIT:
        a->exiting = true;
        a->streams[OUT].readable = a->streams[ERR].readable = true;
        break;
    }
}

/* The next whole line of what is held; at the end of the stream, or of the room, what there is. */
static bool cut_line(struct stream *s, bool all, const char **text)
{
    char *end = memchr(s->bytes, '\n', s->size);

    if (!end && !(s->size == LINE_BYTES_MAX || (all && s->size > 0)))
        return false;
    s->taken = end ? (size_t)(end - s->bytes) + 1 : s->size;
    if (!end)
        end = s->bytes + s->size;
    *end = '\0';
    *text = s->bytes;
    return true;
}

static bool next_line(struct ptn_cast *c, struct stream *s, const char **text)
{
    memmove(s->bytes, s->bytes + s->taken, s->size -= s->taken);
    s->taken = 0;
    for (;;) {
        if (cut_line(s, s->fd < 0, text))
            return true;
        if (s->fd < 0 || !s->readable)
            return false;
        ssize_t size = read(s->fd, s->bytes + s->size, LINE_BYTES_MAX - s->size);
        if (size > 0)
            s->size += (size_t)size;
        else if (size < 0 && (errno == EAGAIN || errno == EINTR))
            s->readable = false;
        else
            close_stream(c, s);
    }
}

static bool next_end(struct ptn_cast *c, struct actor *a, int *status)
{
    if (!a->exiting)
        return false;
    a->exiting = false;
    ptn_loop_remove(c->loop, a->process.exited);
    return ptn_process_reap(&a->process, status);
}

bool ptn_cast_event(struct ptn_cast *c, struct ptn_cast_event *ev)
{
    for (unsigned i = 0; i < c->count; i++) {
        struct actor *a = &c->actors[i];
        *ev = (struct ptn_cast_event){.kind = PTN_CAST_LINE, .program = i};
        for (unsigned stream = 0; stream < STREAMS; stream++)
            if (next_line(c, &a->streams[stream], &ev->text))
                return true;
        if (next_end(c, a, &ev->status)) {
            ev->kind = PTN_CAST_ENDED;
            return true;
        }
    }
    return false;
}

void ptn_cast_free(struct ptn_cast *c)
{
    if (!c)
        return;
    for (unsigned i = 0; i < c->count; i++) {
        struct actor *a = &c->actors[i];
        ptn_process_signal(&a->process, SIGKILL);
        ptn_process_wait(&a->process);
        close_stream(c, &a->streams[OUT]);
        close_stream(c, &a->streams[ERR]);
    }
    free(c);
}
