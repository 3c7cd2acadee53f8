/*
 * net/programs.c - what the lab runs, forwards and captures.
 */
#include <stdio.h>

#include "net/topology.h"

static int find_program(const struct ptn_scenario *s, const char *name)
{
    for (unsigned i = 0; i < s->program_count; i++)
        if (strcmp(s->programs[i].name, name) == 0)
            return (int)i;
    return PTN_SCENARIO_NONE;
}

/* `after TIME`, or `after PROGRAM says TEXT`; both may stand, the time then counts from the
 * text. */
static void read_after(struct ptn_words *w, struct ptn_scenario_program *p)
{
    if (*ptn_words_peek(w) >= '0' && *ptn_words_peek(w) <= '9') {
        p->start = ptn_words_time(w);
        return;
    }
    const char *name = ptn_words_next(w, "a time or a program above");
    p->wait_for = find_program(w->s, name);
    if (p->wait_for < 0)
        ptn_words_fail_not(w, name, "a time or a program above");
    if (!ptn_words_take(w, "says"))
        ptn_words_fail_not(w, ptn_words_peek(w), "\"says\"");
    p->wait_text = ptn_words_next(w, "a part of a line it prints");
}

static bool read_option(struct ptn_words *w, struct ptn_scenario_program *p)
{
    if (ptn_words_take(w, "after"))
        read_after(w, p);
    else if (ptn_words_take(w, "until"))
        p->stop = ptn_words_time(w);
    else if (ptn_words_take(w, "background"))
        p->background = true;
    else if (ptn_words_take(w, "exit"))
        p->exit_expected = (int)ptn_words_number(w, 0, 255);
    else if (ptn_words_take(w, "as"))
        p->name = ptn_words_next(w, "the program's name here");
    else
        return false;
    return true;
}

void ptn_read_run(struct ptn_words *w)
{
    struct ptn_scenario *s = w->s;
    struct ptn_scenario_program p = {
        .host = ptn_read_host_name(w), .stop = PTN_NEVER, .wait_for = PTN_SCENARIO_NONE};

    while (read_option(w, &p))
        ;
    if (!ptn_words_left(w)) {
        ptn_words_fail_not(w, "", "a command");
        return;
    }
    const char **argv = ptn_words_keep(w, (w->count - w->at + 1) * sizeof *argv);
    if (!argv)
        return;
    p.argv = argv;
    while (ptn_words_left(w))
        argv[p.argc++] = ptn_words_next(w, "a word");
    const char *slash = strrchr(argv[0], '/');
    if (!p.name)
        p.name = slash ? slash + 1 : argv[0];
    struct ptn_scenario_program *grown =
        ptn_words_grow(w, s->programs, s->program_count, sizeof *grown);
    if (grown) {
        s->programs = grown;
        s->programs[s->program_count++] = p;
    }
}

void ptn_read_forward(struct ptn_words *w)
{
    struct ptn_scenario *s = w->s;
    struct ptn_scenario_forward f = {.host = ptn_read_host_name(w)};

    f.port = (uint16_t)ptn_words_number(w, 1, 65535);
    f.local_port = ptn_words_left(w) ? (uint16_t)ptn_words_number(w, 1, 65535) : f.port;
    struct ptn_scenario_forward *grown =
        ptn_words_grow(w, s->forwards, s->forward_count, sizeof *grown);
    if (grown) {
        s->forwards = grown;
        s->forwards[s->forward_count++] = f;
    }
}

void ptn_read_capture(struct ptn_words *w)
{
    struct ptn_scenario *s = w->s;
    struct ptn_scenario_capture c = {.wire = ptn_read_wire_name(w)};

    c.file = ptn_words_next(w, "a file name");
    struct ptn_scenario_capture *grown =
        ptn_words_grow(w, s->captures, s->capture_count, sizeof *grown);
    if (grown) {
        s->captures = grown;
        s->captures[s->capture_count++] = c;
    }
}
