/*
 * net/scenario.c - a scenario from its text: statement by statement, in the order of the file.
 *
 * Names must be known before they are used, so one pass is enough and every
 * error is about a word that has just been read.
 */
#include "net/scenario.h"

#include <stdio.h>
#include <stdlib.h>

#include "net/topology.h"

static void read_statement(struct ptn_words *w)
{
    static const struct {
        const char *keyword;
        void (*read)(struct ptn_words *w);
    } rows[] = {
        {"wire", ptn_read_wire},         {"host", ptn_read_host},
        {"router", ptn_read_router},     {"nat", ptn_read_nat},
        {"firewall", ptn_read_firewall}, {"nameserver", ptn_read_nameserver},
        {"record", ptn_read_record},     {"at", ptn_read_at},
        {"run", ptn_read_run},           {"forward", ptn_read_forward},
        {"capture", ptn_read_capture},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(rows[i].keyword, w->words[0]) != 0)
            continue;
        rows[i].read(w);
        if (ptn_words_left(w))
            ptn_words_fail(w, "\"%.60s\" is not expected here",
                           ptn_words_next(w, "the end of the line"));
        return;
    }
    ptn_words_fail(w, "is none of wire host router nat firewall nameserver record at run forward "
                      "capture");
}

static int by_time(const void *a, const void *b)
{
    const struct ptn_scenario_event *x = a, *y = b;

    return x->at != y->at ? (x->at > y->at) - (x->at < y->at)
                          : (x->line > y->line) - (x->line < y->line);
}

static char *kept_text(struct ptn_words *w, struct ptn_bytes text)
{
    char *copy = ptn_words_keep(w, text.size + 1);

    if (copy && text.size)
        memcpy(copy, text.data, text.size);
    return copy;
}

enum ptn_err ptn_scenario_new(struct ptn_scenario **out, const char *file, struct ptn_bytes text,
                              char error[static PTN_SCENARIO_ERROR_MAX])
{
    struct ptn_scenario *s = calloc(1, sizeof *s);
    struct ptn_words w = {.s = s, .error = error};

    *out = NULL;
    error[0] = '\0';
    if (!s)
        return PTN_ERR_NO_MEMORY;
    s->file = "scenario"; /* until there is memory for the real one */
    const char *name = kept_text(&w, ptn_bytes_of_text(file));
    w.rest = kept_text(&w, text);
    if (name)
        s->file = name;
    if (text.size && memchr(text.data, '\0', text.size))
        ptn_words_fail(&w, "holds a zero byte");
    while (ptn_words_good(&w) && ptn_words_statement(&w))
        read_statement(&w);
    if (s->event_count > 0)
        qsort(s->events, s->event_count, sizeof *s->events, by_time);
    if (!ptn_words_good(&w)) {
        ptn_scenario_free(s);
        return w.err;
    }
    *out = s;
    return PTN_OK;
}

void ptn_scenario_free(struct ptn_scenario *s)
{
    if (!s)
        return;
    for (struct ptn_scenario_block *next, *b = s->blocks; b; b = next) {
        next = b->next;
        free(b);
    }
    for (unsigned i = 0; i < s->nameserver_count; i++)
        free(s->nameservers[i].records);
    free(s->wires);
    free(s->hosts);
    free(s->boxes);
    free(s->nameservers);
    free(s->events);
    free(s->programs);
    free(s->forwards);
    free(s->captures);
    free(s);
}

const struct ptn_scenario_event *ptn_scenario_event(struct ptn_scenario *s, const char *text,
                                                    char error[static PTN_SCENARIO_ERROR_MAX])
{
    struct ptn_words w = {.s = s, .error = error};
    struct ptn_scenario_event *ev = ptn_words_keep(&w, sizeof *ev);
    char *line = ptn_words_keep(&w, strlen(text) + 4);

    error[0] = '\0';
    if (!ev || !line)
        return NULL;
    snprintf(line, strlen(text) + 4, "at %s", text);
    w.rest = line;
    if (!ptn_words_statement(&w) && ptn_words_good(&w))
        ptn_words_fail(&w, "is empty");
    ptn_read_event(&w, ev);
    if (ptn_words_left(&w))
        ptn_words_fail(&w, "\"%.60s\" is not expected here", ptn_words_peek(&w));
    return ptn_words_good(&w) ? ev : NULL;
}

/* Every row of these tables begins with its name. */
static int find(const void *table, unsigned count, size_t row_size, const char *name)
{
    for (unsigned i = 0; i < count; i++) {
        const char *const *row = (const void *)((const char *)table + i * row_size);
        if (strcmp(*row, name) == 0)
            return (int)i;
    }
    return PTN_SCENARIO_NONE;
}

int ptn_scenario_host(const struct ptn_scenario *s, const char *name)
{
    return find(s->hosts, s->host_count, sizeof *s->hosts, name);
}

int ptn_scenario_wire(const struct ptn_scenario *s, const char *name)
{
    return find(s->wires, s->wire_count, sizeof *s->wires, name);
}

int ptn_scenario_box(const struct ptn_scenario *s, const char *name)
{
    return find(s->boxes, s->box_count, sizeof *s->boxes, name);
}

int ptn_scenario_nameserver(const struct ptn_scenario *s, const char *name)
{
    return find(s->nameservers, s->nameserver_count, sizeof *s->nameservers, name);
}
