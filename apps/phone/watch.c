/*
 * phone/watch.c - a machine around the machine.
 */
#include "phone/watch.h"

#include <stdio.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/terminal.h"

enum { TRACE_BYTES = 1 << 19, WIDTH_USUAL = 80 };

bool phone_watch_init(struct phone_watch *w, uint32_t sockets_max)
{
    w->ends = ptn_ends_new(sockets_max);
    w->trace = ptn_trace_new(TRACE_BYTES);
    if (!w->prints)
        return w->ends && w->trace;
    ptn_ladder_init(&w->ladder, ptn_terminal_width(STDOUT_FILENO, WIDTH_USUAL),
                    ptn_terminal_is_utf8(), ptn_terminal_utc_offset_s(ptn_clock_unix_ns()));
    return w->ends && w->trace;
}

void phone_watch_fini(struct phone_watch *w)
{
    phone_capture_stop(w);
    ptn_trace_free(w->trace);
    ptn_ends_free(w->ends);
}

static void look(struct phone_watch *w, const struct ptn_seen *seen)
{
    uint64_t unix_ns = ptn_clock_unix_ns();

    ptn_trace_add(w->trace, unix_ns, seen);
    if (w->capture)
        phone_capture_seen(w, unix_ns, seen);
}

static void input(void *self, ptn_time now, const struct ptn_tell *tell)
{
    struct phone_watch *w = self;
    struct ptn_seen seen;

    if (ptn_ends_tell(w->ends, tell, &seen))
        look(w, &seen);
    w->watched.input(w->watched.self, now, tell);
}

static bool output(void *self, ptn_time now, struct ptn_ask *ask)
{
    struct phone_watch *w = self;
    struct ptn_seen seen;

    if (!w->watched.output(w->watched.self, now, ask))
        return false;
    if (ptn_ends_ask(w->ends, ask, &seen))
        look(w, &seen);
    return true;
}

static void tick(void *self, ptn_time now)
{
    struct phone_watch *w = self;

    w->watched.tick(w->watched.self, now);
}

static ptn_time deadline(const void *self)
{
    const struct phone_watch *w = self;

    return w->watched.deadline(w->watched.self);
}

struct ptn_machine phone_watch_machine(struct phone_watch *w, const struct ptn_machine *watched)
{
    w->watched = *watched;
    return (struct ptn_machine){
        .self = w, .input = input, .tick = tick, .output = output, .deadline = deadline};
}

void phone_watch_leave(struct phone_watch *w)
{
    struct ptn_seen seen;

    while (ptn_ends_leave(w->ends, &seen))
        look(w, &seen);
}

void phone_watch_print(struct phone_watch *w)
{
    static char lines[PTN_LADDER_TEXT_MAX];
    struct ptn_trace_entry e;
    bool any = false;

    while (w->prints && ptn_trace_next(w->trace, w->printed, &e)) {
        struct ptn_writer out = ptn_writer(lines, sizeof lines);
        ptn_ladder_print(&w->ladder, &e, &out);
        (void)fwrite(lines, 1, ptn_writer_size(&out), stdout);
        w->printed = e.number;
        any = true;
    }
    if (any)
        fflush(stdout);
}
