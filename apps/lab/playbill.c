/*
 * lab/playbill.c - five states a program; every change is one function.
 *
 *     WAITS_FOR_WORDS --said--> WAITS --time--> RUNS --until, end of all--> STOPPING
 *                                                |                            |
 *                                                +-------- ended ------> ENDED
 */
#include "playbill.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum state { WAITS_FOR_WORDS, WAITS, RUNS, STOPPING, ENDED };

struct entry {
    enum state state;
    ptn_time due; /* WAITS: its start, RUNS: its SIGTERM, STOPPING: its SIGKILL */
};

struct ptn_playbill {
    const struct ptn_scenario *scenario;
    ptn_time start;
    bool closing, stopped;
    char surprise[200];
    struct entry entries[];
};

enum ptn_err ptn_playbill_new(struct ptn_playbill **out, const struct ptn_scenario *scenario,
                              ptn_time start)
{
    struct ptn_playbill *p = calloc(1, sizeof *p + scenario->program_count * sizeof p->entries[0]);

    *out = p;
    if (!p)
        return PTN_ERR_NO_MEMORY;
    p->scenario = scenario;
    p->start = start;
    for (unsigned i = 0; i < scenario->program_count; i++) {
        const struct ptn_scenario_program *program = &scenario->programs[i];
        p->entries[i] = program->wait_for == PTN_SCENARIO_NONE
                            ? (struct entry){WAITS, start + program->start}
                            : (struct entry){WAITS_FOR_WORDS, PTN_NEVER};
    }
    return PTN_OK;
}

void ptn_playbill_free(struct ptn_playbill *p)
{
    free(p);
}

static bool has_ended(const struct entry *e)
{
    return e->state == ENDED;
}

/* The curtain: who has not started never will, who runs gets SIGTERM at the next step. */
static void close_all(struct ptn_playbill *p, ptn_time now)
{
    p->closing = true;
    for (unsigned i = 0; i < p->scenario->program_count; i++) {
        struct entry *e = &p->entries[i];
        if (e->state == WAITS || e->state == WAITS_FOR_WORDS)
            *e = (struct entry){ENDED, PTN_NEVER};
        else if (e->state == RUNS)
            e->due = now;
    }
}

__attribute__((format(printf, 3, 4))) static void surprise(struct ptn_playbill *p, ptn_time now,
                                                           const char *format, ...)
{
    va_list args;

    if (p->surprise[0] == '\0') {
        va_start(args, format);
        vsnprintf(p->surprise, sizeof p->surprise, format, args);
        va_end(args);
    }
    close_all(p, now);
}

void ptn_playbill_line(struct ptn_playbill *p, ptn_time now, unsigned program, const char *line)
{
    for (unsigned i = 0; i < p->scenario->program_count; i++) {
        const struct ptn_scenario_program *waiting = &p->scenario->programs[i];
        if (p->entries[i].state == WAITS_FOR_WORDS && waiting->wait_for == (int)program &&
            strstr(line, waiting->wait_text))
            p->entries[i] = (struct entry){WAITS, now + waiting->start};
    }
}

static bool main_programs_are_done(const struct ptn_playbill *p)
{
    bool any = false;

    for (unsigned i = 0; i < p->scenario->program_count; i++) {
        if (p->scenario->programs[i].background)
            continue;
        any = true;
        if (!has_ended(&p->entries[i]))
            return false;
    }
    return any;
}

static void look_for_the_abandoned(struct ptn_playbill *p, ptn_time now, unsigned silent)
{
    const struct ptn_scenario_program *programs = p->scenario->programs;

    for (unsigned i = 0; i < p->scenario->program_count; i++)
        if (p->entries[i].state == WAITS_FOR_WORDS && programs[i].wait_for == (int)silent)
            surprise(p, now, "%s waits for %s to say \"%s\", but that has ended", programs[i].name,
                     programs[silent].name, programs[i].wait_text);
}

void ptn_playbill_ended(struct ptn_playbill *p, ptn_time now, unsigned program, int status)
{
    const struct ptn_scenario_program *what = &p->scenario->programs[program];
    bool asked = p->entries[program].state == STOPPING;

    p->entries[program] = (struct entry){ENDED, PTN_NEVER};
    if (!asked && status != what->exit_expected)
        surprise(p, now, "%s on %s ended with %d, not %d", what->name,
                 p->scenario->hosts[what->host].name, status, what->exit_expected);
    look_for_the_abandoned(p, now, program);
    if (main_programs_are_done(p))
        close_all(p, now);
}

void ptn_playbill_stop(struct ptn_playbill *p, ptn_time now)
{
    bool unfinished = false;

    for (unsigned i = 0; i < p->scenario->program_count; i++) {
        unfinished |= !p->scenario->programs[i].background && !has_ended(&p->entries[i]);
        if (p->stopped && p->entries[i].state == STOPPING)
            p->entries[i].due = now;
    }
    p->stopped = true;
    if (unfinished)
        surprise(p, now, "stopped before all programs had ended");
    close_all(p, now);
}

bool ptn_playbill_step(struct ptn_playbill *p, ptn_time now, struct ptn_playbill_step *step)
{
    for (unsigned i = 0; i < p->scenario->program_count; i++) {
        struct entry *e = &p->entries[i];
        ptn_time until = p->scenario->programs[i].stop;
        if (now < e->due)
            continue;
        step->program = i;
        switch (e->state) {
        case WAITS:
            step->what = PTN_PLAYBILL_START;
            *e = (struct entry){RUNS, ptn_time_add(until, p->start)};
            return true;
        case RUNS:
            step->what = PTN_PLAYBILL_TERMINATE;
            *e = (struct entry){STOPPING, now + PTN_PLAYBILL_GRACE};
            return true;
        case STOPPING:
            step->what = PTN_PLAYBILL_KILL;
            e->due = PTN_NEVER;
            return true;
        case WAITS_FOR_WORDS:
        case ENDED: break;
        }
    }
    return false;
}

ptn_time ptn_playbill_deadline(const struct ptn_playbill *p)
{
    ptn_time due = PTN_NEVER;

    for (unsigned i = 0; i < p->scenario->program_count; i++)
        due = ptn_time_min(due, p->entries[i].due);
    return due;
}

bool ptn_playbill_over(const struct ptn_playbill *p)
{
    for (unsigned i = 0; i < p->scenario->program_count; i++)
        if (!has_ended(&p->entries[i]))
            return false;
    return p->closing;
}

const char *ptn_playbill_surprise(const struct ptn_playbill *p)
{
    return p->surprise;
}
