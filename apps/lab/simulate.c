/*
 * lab/simulate.c - a STUN server, and in each round a discovery for each host and family.
 *
 * A round is over when all have their verdict. Then time goes on to the next
 * thing in the scenario, a little further, so that it has happened for everybody,
 * and the next round begins.
 */
#include "simulate.h"

#include <stdio.h>
#include <stdlib.h>

#include "discover/discover.h"
#include "virtual.h"

/* Longer than any discovery takes; a round that is not over then is a bug of ours. */
#define ROUND_MAX PTN_S(60)
#define AFTER_EVENT PTN_MS(100)

struct seeker {
    unsigned host;
    enum ptn_family family;
    struct ptn_discover *discover;
    ptn_sim_machine machine;
    bool done;
};

struct simulation {
    struct ptn_virtual v;
    struct seeker *seekers; /* of this round, two a host at most */
    unsigned seeker_count;
};

static enum ptn_err add_seeker(struct simulation *s, unsigned host, enum ptn_family family)
{
    struct ptn_addr local = ptn_virtual_addr(&s->v, host, family);
    struct ptn_addr server = ptn_virtual_addr(&s->v, s->v.server, family);
    char name[PTN_ADDR_TEXT_MAX];

    if (host == s->v.server || ptn_addr_is_none(&local) || ptn_addr_is_none(&server))
        return PTN_OK;
    struct seeker *seeker = &s->seekers[s->seeker_count];
    *seeker = (struct seeker){.host = host, .family = family};
    struct ptn_discover_opts opts = {
        .first_id = 1, .local = local, .server_count = 1, .dice = ptn_sim_dice(s->v.sim)};
    opts.servers[0].name = ptn_addr_format_ip(&server, name);
    opts.servers[0].port = PTN_VIRTUAL_STUN_PORT;
    seeker->discover = ptn_discover_new(&opts);
    if (!seeker->discover)
        return PTN_ERR_NO_MEMORY;
    s->seeker_count++;
    ptn_discover_start(seeker->discover, ptn_sim_now(s->v.sim));
    struct ptn_machine machine = ptn_discover_machine(seeker->discover);
    return ptn_sim_add(s->v.sim, host, &machine, &seeker->machine);
}

static bool step(struct simulation *s, ptn_time until)
{
    const struct ptn_scenario_event *what;
    bool more = ptn_virtual_step(&s->v, until, &what);

    if (what)
        ptn_virtual_tell(&s->v, "%s", what->text);
    return more;
}

static void tell_verdict(const struct simulation *s, const struct seeker *seeker)
{
    const struct ptn_discover_result *r = ptn_discover_result(seeker->discover);
    char mapped[PTN_ADDR_TEXT_MAX];

    printf("%9.3f s  %s, IPv%d: %s", (double)ptn_sim_now(s->v.sim) / 1e9,
           s->v.opts->scenario->hosts[seeker->host].name, seeker->family,
           ptn_discover_type_text(r->type));
    if (r->type_why)
        printf(" (%s)", ptn_discover_why_text(r->type_why));
    if (!ptn_addr_is_none(&r->mapped))
        printf(", %s", ptn_addr_format(&r->mapped, mapped));
    printf("; mapping %s, filtering %s; %.3f s\n", ptn_discover_sees_text(r->mapping),
           ptn_discover_sees_text(r->filtering), (double)r->took / 1e9);
}

/* True once all of the round have their verdict. */
static bool hear_seekers(struct simulation *s)
{
    struct ptn_discover_event ev;
    bool all = true;

    for (unsigned i = 0; i < s->seeker_count; i++) {
        struct seeker *seeker = &s->seekers[i];
        while (ptn_discover_event(seeker->discover, &ev))
            if (ev.kind == PTN_DISCOVER_DONE) {
                seeker->done = true;
                tell_verdict(s, seeker);
            }
        all &= seeker->done;
    }
    return all;
}

static void end_round(struct simulation *s)
{
    for (unsigned i = 0; i < s->seeker_count; i++) {
        ptn_sim_remove(s->v.sim, s->seekers[i].machine);
        ptn_discover_free(s->seekers[i].discover);
    }
    s->seeker_count = 0;
}

static enum ptn_err play_round(struct simulation *s)
{
    ptn_time until = ptn_sim_now(s->v.sim) + ROUND_MAX;
    enum ptn_err err = PTN_OK;

    for (unsigned host = 0; host < s->v.opts->scenario->host_count && !err; host++) {
        err = add_seeker(s, host, PTN_IPV4);
        if (!err)
            err = add_seeker(s, host, PTN_IPV6);
    }
    while (!err && !hear_seekers(s) && step(s, until))
        ;
    end_round(s);
    return err;
}

static enum ptn_err play(struct simulation *s)
{
    const struct ptn_scenario *scenario = s->v.opts->scenario;
    enum ptn_err err = play_round(s);

    for (unsigned i = 0; i < scenario->event_count && !err; i++) {
        ptn_time then = scenario->events[i].at + AFTER_EVENT;
        if (then < ptn_sim_now(s->v.sim))
            continue; /* it happened while a round was played, which has seen it */
        while (step(s, then))
            ;
        err = play_round(s);
    }
    return err;
}

static enum ptn_lab_exit simulate(struct simulation *s)
{
    s->seekers = calloc(2 * s->v.opts->scenario->host_count, sizeof *s->seekers);
    enum ptn_err err = s->seekers ? play(s) : PTN_ERR_NO_MEMORY;

    return err ? ptn_virtual_refuse("simulate", err) : PTN_LAB_AS_EXPECTED;
}

enum ptn_lab_exit ptn_simulate(const struct ptn_simulate_opts *opts)
{
    struct simulation s = {0};

    enum ptn_lab_exit result = ptn_virtual_open(&s.v, opts, false);
    if (result == PTN_LAB_AS_EXPECTED) {
        printf("%s, seed %llu\n", opts->scenario->file, (unsigned long long)opts->seed);
        result = simulate(&s);
    }
    free(s.seekers);
    return ptn_virtual_close(&s.v, result);
}
