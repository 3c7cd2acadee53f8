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

#include "captures.h"
#include "discover/discover.h"
#include "relay/relay.h"
#include "sim/world.h"

enum { STUN_PORT = 3478, STUN_OTHER_PORT = 3479 };

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
    const struct ptn_simulate_opts *opts;
    unsigned server;
    struct ptn_captures *captures;
    struct ptn_sim *sim;
    struct ptn_relay *relay;
    ptn_sim_machine relay_machine;
    struct seeker *seekers; /* of this round, two a host at most */
    unsigned seeker_count;
};

static enum ptn_lab_exit refuse(const char *what, enum ptn_err err)
{
    fprintf(stderr, "postern-lab: cannot %s: %s\n", what, ptn_err_text(err));
    return PTN_LAB_REFUSED;
}

static enum ptn_err add_server(struct simulation *s)
{
    const struct ptn_scenario_host *host = &s->opts->scenario->hosts[s->server];
    static const uint16_t ports[] = {STUN_PORT, STUN_OTHER_PORT};
    struct ptn_relay_opts opts = {.behaviour_discovery = true, .always_extras = true};

    for (unsigned i = 0; i < host->leg_count; i++)
        for (unsigned p = 0; p < 2; p++) {
            ptn_id id = (ptn_id)++opts.listener_count;
            opts.listeners[id - 1] = (struct ptn_relay_listener){
                .id = id,
                .transport = PTN_UDP,
                .local = ptn_addr_with_port(host->legs[i].addr, ports[p]),
                .group = 1};
        }
    s->relay = ptn_relay_new(&opts);
    if (!s->relay)
        return PTN_ERR_NO_MEMORY;
    ptn_relay_start(s->relay);
    struct ptn_machine machine = ptn_relay_machine(s->relay);
    return ptn_sim_add(s->sim, s->server, &machine, &s->relay_machine);
}

static struct ptn_addr first_addr(const struct ptn_scenario_host *host, enum ptn_family family)
{
    for (unsigned i = 0; i < host->leg_count; i++)
        if (host->legs[i].addr.family == family)
            return host->legs[i].addr;
    return (struct ptn_addr){0};
}

static enum ptn_err add_seeker(struct simulation *s, unsigned host, enum ptn_family family)
{
    struct ptn_net *net = ptn_sim_net(s->sim);
    struct ptn_addr local = first_addr(ptn_net_host(net, host), family);
    struct ptn_addr server = first_addr(ptn_net_host(net, s->server), family);
    char name[PTN_ADDR_TEXT_MAX];

    if (host == s->server || ptn_addr_is_none(&local) || ptn_addr_is_none(&server))
        return PTN_OK;
    struct seeker *seeker = &s->seekers[s->seeker_count];
    *seeker = (struct seeker){.host = host, .family = family};
    struct ptn_discover_opts opts = {
        .first_id = 1, .local = local, .server_count = 1, .dice = ptn_sim_dice(s->sim)};
    opts.servers[0].name = ptn_addr_format_ip(&server, name);
    opts.servers[0].port = STUN_PORT;
    seeker->discover = ptn_discover_new(&opts);
    if (!seeker->discover)
        return PTN_ERR_NO_MEMORY;
    s->seeker_count++;
    ptn_discover_start(seeker->discover, ptn_sim_now(s->sim));
    struct ptn_machine machine = ptn_discover_machine(seeker->discover);
    return ptn_sim_add(s->sim, host, &machine, &seeker->machine);
}

/* Says what a step of the world has brought; to be called for each. */
static void tell_step(struct simulation *s, const struct ptn_sim_step *step)
{
    switch (step->kind) {
    case PTN_SIM_MOVED: break;
    case PTN_SIM_TAPPED:
        ptn_captures_packet(s->captures, step->wire, (uint64_t)step->at, step->packet);
        break;
    case PTN_SIM_HAPPENED: printf("%9.3f s  %s\n", (double)step->at / 1e9, step->what->text); break;
    }
}

static void tell_verdict(const struct simulation *s, const struct seeker *seeker)
{
    const struct ptn_discover_result *r = ptn_discover_result(seeker->discover);
    char mapped[PTN_ADDR_TEXT_MAX];

    printf("%9.3f s  %s, IPv%d: %s", (double)ptn_sim_now(s->sim) / 1e9,
           s->opts->scenario->hosts[seeker->host].name, seeker->family,
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
        ptn_sim_remove(s->sim, s->seekers[i].machine);
        ptn_discover_free(s->seekers[i].discover);
    }
    s->seeker_count = 0;
}

static enum ptn_err play_round(struct simulation *s)
{
    ptn_time until = ptn_sim_now(s->sim) + ROUND_MAX;
    struct ptn_sim_step step;
    enum ptn_err err = PTN_OK;

    for (unsigned host = 0; host < s->opts->scenario->host_count && !err; host++) {
        err = add_seeker(s, host, PTN_IPV4);
        if (!err)
            err = add_seeker(s, host, PTN_IPV6);
    }
    while (!err && !hear_seekers(s) && ptn_sim_step(s->sim, until, &step))
        tell_step(s, &step);
    end_round(s);
    return err;
}

static void go_on_until(struct simulation *s, ptn_time until)
{
    struct ptn_sim_step step;

    while (ptn_sim_step(s->sim, until, &step))
        tell_step(s, &step);
}

static enum ptn_err play(struct simulation *s)
{
    const struct ptn_scenario *scenario = s->opts->scenario;
    enum ptn_err err = play_round(s);

    for (unsigned i = 0; i < scenario->event_count && !err; i++) {
        ptn_time then = scenario->events[i].at + AFTER_EVENT;
        if (then < ptn_sim_now(s->sim))
            continue; /* it happened while a round was played, which has seen it */
        go_on_until(s, then);
        err = play_round(s);
    }
    return err;
}

static enum ptn_lab_exit simulate(struct simulation *s)
{
    const struct ptn_scenario *scenario = s->opts->scenario;
    const char *file = "";

    enum ptn_err err =
        ptn_captures_new(&s->captures, scenario, s->opts->captures, s->opts->capture_count, &file);
    if (err) {
        fprintf(stderr, "postern-lab: cannot write %s: %s\n", file, ptn_err_text(err));
        return PTN_LAB_REFUSED;
    }
    s->seekers = calloc(2 * scenario->host_count, sizeof *s->seekers);
    err = ptn_sim_new(&s->sim, &(struct ptn_sim_opts){.scenario = scenario, .seed = s->opts->seed});
    if (err || !s->seekers)
        return refuse("simulate", PTN_ERR_NO_MEMORY);
    for (unsigned wire = 0; wire < scenario->wire_count; wire++)
        ptn_net_tap(ptn_sim_net(s->sim), wire, ptn_captures_want(s->captures, wire));
    err = add_server(s);
    if (!err)
        err = play(s);
    if (err)
        return refuse("simulate", err);
    err = ptn_captures_flush(s->captures);
    return err ? refuse("write the captures", err) : PTN_LAB_AS_EXPECTED;
}

enum ptn_lab_exit ptn_simulate(const struct ptn_simulate_opts *opts)
{
    struct simulation s = {.opts = opts};
    int server = ptn_scenario_host(opts->scenario, opts->server);

    if (server == PTN_SCENARIO_NONE) {
        fprintf(stderr, "postern-lab: %s has no host \"%s\" for the STUN server; see --server\n",
                opts->scenario->file, opts->server);
        return PTN_LAB_USAGE;
    }
    s.server = (unsigned)server;
    printf("%s, seed %llu\n", opts->scenario->file, (unsigned long long)opts->seed);
    enum ptn_lab_exit result = simulate(&s);
    ptn_sim_free(s.sim);
    ptn_relay_free(s.relay);
    ptn_captures_free(s.captures);
    free(s.seekers);
    return result;
}
