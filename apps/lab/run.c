/*
 * lab/run.c - one loop over packets, programs, forwards and the clock.
 *
 * Whatever goes wrong while building, what stands is taken down again in one
 * order: first the programs, which would otherwise keep their hosts alive, then
 * the hosts. If this process is killed the kernel does the same (os/netns).
 */
#include "run.h"

#include <signal.h>
#include <stdio.h>

#include "cast.h"
#include "desk.h"
#include "forwards.h"
#include "os/clock.h"
#include "owners.h"
#include "playbill.h"
#include "printer.h"

enum { READY_MAX = 64 };

struct run {
    const struct ptn_run_opts *opts;
    struct ptn_loop *loop;
    struct ptn_captures *captures;
    struct ptn_stage *stage;
    struct ptn_forwards *forwards;
    struct ptn_cast *cast;
    struct ptn_playbill *playbill;
    struct ptn_control *desk;
    struct ptn_printer printer;
};

static enum ptn_lab_exit refuse(const char *what, const char *which, enum ptn_err err)
{
    fprintf(stderr, "postern-lab: cannot %s %s: %s\n", what, which, ptn_err_text(err));
    return PTN_LAB_REFUSED;
}

static enum ptn_lab_exit build_stage(struct run *r)
{
    char why[PTN_NETNS_WHY_MAX];
    const char *file = "";

    enum ptn_err err = ptn_captures_new(&r->captures, r->opts->scenario, r->opts->captures,
                                        r->opts->capture_count, &file);
    if (err)
        return refuse("write", file, err);
    err = ptn_stage_new(&r->stage,
                        &(struct ptn_stage_opts){.scenario = r->opts->scenario,
                                                 .captures = r->captures,
                                                 .loop = r->loop,
                                                 .seed = r->opts->seed},
                        why);
    if (!err)
        return PTN_LAB_AS_EXPECTED;
    fprintf(stderr, "postern-lab: %s\n", why);
    return err == PTN_ERR_NOT_PERMITTED || err == PTN_ERR_NOT_FOUND || err == PTN_ERR_UNSUPPORTED
               ? PTN_LAB_NO_RIGHTS
               : PTN_LAB_REFUSED;
}

static enum ptn_lab_exit build_forwards(struct run *r)
{
    unsigned which = 0;
    char port[32];

    enum ptn_err err = ptn_forwards_new(&r->forwards, r->opts->scenario, r->stage, r->loop, &which);
    if (!err)
        return PTN_LAB_AS_EXPECTED;
    snprintf(port, sizeof port, "127.0.0.1:%u", r->opts->scenario->forwards[which].local_port);
    return refuse("listen on", port, err);
}

static enum ptn_lab_exit build(struct run *r)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};

    enum ptn_err err = ptn_loop_new(&r->loop);
    if (!err)
        err = ptn_loop_signals(r->loop, signals, sizeof signals / sizeof *signals, PTN_LAB_SIGNAL);
    if (err)
        return refuse("start", "its loop", err);
    enum ptn_lab_exit failure = build_stage(r);
    if (!failure)
        failure = build_forwards(r);
    if (failure)
        return failure;
    ptn_time start = ptn_stage_start(r->stage);
    r->printer.start = start;
    err = ptn_cast_new(&r->cast, r->opts->scenario, r->loop);
    if (!err)
        err = ptn_playbill_new(&r->playbill, r->opts->scenario, start);
    if (err)
        return refuse("prepare", "the programs", err);
    err = ptn_desk_open(&r->desk, r->opts->desk_folder, r->loop);
    if (err)
        return refuse("make a socket in", r->opts->desk_folder, err);
    return PTN_LAB_AS_EXPECTED;
}

static void take_down(struct run *r)
{
    ptn_control_free(r->desk);
    ptn_playbill_free(r->playbill);
    ptn_cast_free(r->cast);
    ptn_forwards_free(r->forwards);
    ptn_stage_free(r->stage);
    ptn_captures_free(r->captures);
    ptn_loop_free(r->loop);
}

static void start_program(struct run *r, ptn_time now, unsigned program)
{
    const struct ptn_scenario_program *p = &r->opts->scenario->programs[program];
    const char *host = r->opts->scenario->hosts[p->host].name;

    if (r->opts->verbose)
        ptn_print(&r->printer, now, "%s starts on %s", p->name, host);
    enum ptn_err err =
        ptn_cast_start(r->cast, program, ptn_netns_pid(ptn_stage_host(r->stage, p->host)));
    if (!err)
        return;
    ptn_print(&r->printer, now, "cannot run %s on %s: %s", p->argv[0], host, ptn_err_text(err));
    ptn_playbill_ended(r->playbill, now, program, 127);
}

static void follow_playbill(struct run *r, ptn_time now)
{
    struct ptn_playbill_step step;

    while (ptn_playbill_step(r->playbill, now, &step))
        switch (step.what) {
        case PTN_PLAYBILL_START: start_program(r, now, step.program); break;
        case PTN_PLAYBILL_TERMINATE: ptn_cast_signal(r->cast, step.program, SIGTERM); break;
        case PTN_PLAYBILL_KILL: ptn_cast_signal(r->cast, step.program, SIGKILL); break;
        }
}

static void hear_cast(struct run *r, ptn_time now)
{
    struct ptn_cast_event ev;

    while (ptn_cast_event(r->cast, &ev))
        switch (ev.kind) {
        case PTN_CAST_LINE:
            ptn_print_line(&r->printer, now, ev.program, ev.text);
            ptn_playbill_line(r->playbill, now, ev.program, ev.text);
            break;
        case PTN_CAST_ENDED:
            if (r->opts->verbose)
                ptn_print(&r->printer, now, "%s ended with %d",
                          r->opts->scenario->programs[ev.program].name, ev.status);
            ptn_playbill_ended(r->playbill, now, ev.program, ev.status);
            break;
        }
}

static void tell_events(struct run *r, ptn_time now)
{
    struct ptn_net_event ev;
    enum ptn_err err;

    while (ptn_stage_event(r->stage, &ev, &err)) {
        ptn_print(&r->printer, now, "%.1f s: %s", (double)(ev.at - ptn_stage_start(r->stage)) / 1e9,
                  ev.what->text);
        if (err)
            ptn_print(&r->printer, now, "its host did not take that: %s", ptn_err_text(err));
    }
}

static void dispatch(struct run *r, const struct ptn_ready *ready)
{
    switch ((enum ptn_lab_owner)ready->owner) {
    case PTN_LAB_SIGNAL: ptn_playbill_stop(r->playbill, ptn_clock_now()); break;
    case PTN_LAB_CABLE: ptn_stage_ready(r->stage, (unsigned)ready->key); break;
    case PTN_LAB_PROGRAM: ptn_cast_ready(r->cast, ready); break;
    case PTN_LAB_LISTENER:
    case PTN_LAB_FORWARD: ptn_forwards_ready(r->forwards, ready); break;
    case PTN_LAB_CONTROL:
        ptn_control_ready(r->desk, ready);
        ptn_desk_answer(r->desk, r->opts->scenario, r->stage, ptn_clock_now());
        break;
    }
}

/* Sleeping is the quiet moment in which files and the terminal are brought up to date. */
static size_t wait_for_work(struct run *r, struct ptn_ready *ready)
{
    ptn_time deadline =
        ptn_time_min(ptn_stage_deadline(r->stage), ptn_playbill_deadline(r->playbill));
    size_t count = ptn_loop_wait(r->loop, 0, ready, READY_MAX);

    if (count > 0 || deadline <= ptn_clock_now())
        return count;
    enum ptn_err err = ptn_captures_flush(r->captures);
    if (err)
        ptn_print(&r->printer, ptn_clock_now(), "a capture is not complete: %s", ptn_err_text(err));
    (void)fflush(stdout);
    return ptn_loop_wait(r->loop, deadline, ready, READY_MAX);
}

static void play(struct run *r)
{
    struct ptn_ready ready[READY_MAX];

    for (;;) {
        ptn_time now = ptn_clock_now();
        ptn_stage_move(r->stage, now);
        tell_events(r, now);
        hear_cast(r, now);
        follow_playbill(r, now);
        if (ptn_playbill_over(r->playbill))
            return;
        size_t count = wait_for_work(r, ready);
        for (size_t i = 0; i < count; i++)
            dispatch(r, &ready[i]);
    }
}

static void tell_counts(const struct run *r)
{
    ptn_time now = ptn_clock_now();

    for (unsigned v = 0; v < PTN_NET_VERDICTS; v++) {
        uint64_t count = ptn_net_count(ptn_stage_net(r->stage), v);
        if (count > 0)
            ptn_print(&r->printer, now, "%llu packets: %s", (unsigned long long)count,
                      ptn_net_verdict_text(v));
    }
}

enum ptn_lab_exit ptn_run(const struct ptn_run_opts *opts)
{
    struct run r = {.opts = opts, .printer = ptn_printer(opts->scenario, opts->times, opts->quiet)};

    enum ptn_lab_exit result = build(&r);
    if (!result) {
        ptn_print(&r.printer, r.printer.start, "%s, seed %llu", opts->scenario->file,
                  (unsigned long long)opts->seed);
        play(&r);
        if (opts->verbose)
            tell_counts(&r);
        (void)fflush(stdout);
        const char *surprise = ptn_playbill_surprise(r.playbill);
        if (surprise[0]) {
            fprintf(stderr, "postern-lab: %s\n", surprise);
            result = PTN_LAB_SURPRISE;
        }
    }
    take_down(&r);
    return result;
}
