/*
 * sim/world.c - a clock, a net and its hosts.
 *
 * At one moment what has arrived goes before what is due in the net, and that before what is due
 * on hosts, these in the order of the scenario: any fixed order would do, it only must be one.
 */
#include "sim/world.h"

#include <assert.h>
#include <stdlib.h>

#include "base/heap.h"
#include "sim/host.h"

enum { STEPS_AT_ONE_MOMENT_MAX = 1000000 };

struct place {
    unsigned host;
    int number;
};

struct ptn_sim {
    ptn_time now;
    struct ptn_dice dice;
    struct ptn_net *net;
    struct ptn_sim_host **hosts;
    unsigned host_count;
    struct ptn_heap due; /* of hosts */
    struct place *places;
    unsigned place_count;
    unsigned steps_at_this_moment;
};

/* All the scenario's name servers, IPv4 first, as they would stand in resolv.conf. */
static struct ptn_sim_resolver_opts resolver_opts(const struct ptn_scenario *s)
{
    static const enum ptn_family families[] = {PTN_IPV4, PTN_IPV6};
    struct ptn_sim_resolver_opts opts = {.wait = PTN_S(2), .sends_max = 4};

    for (unsigned f = 0; f < 2; f++)
        for (unsigned i = 0; i < s->nameserver_count; i++)
            for (unsigned j = 0; j < s->nameservers[i].leg_count; j++) {
                struct ptn_addr addr = s->nameservers[i].legs[j].addr;
                if (addr.family != families[f] || opts.server_count == PTN_SIM_RESOLVER_SERVERS_MAX)
                    continue;
                opts.servers[opts.server_count++] = ptn_addr_with_port(addr, 53);
            }
    return opts;
}

static enum ptn_err make_hosts(struct ptn_sim *w, const struct ptn_scenario *s)
{
    struct ptn_sim_host_opts opts = {.net = w->net, .scenario = s, .resolver = resolver_opts(s)};
    enum ptn_err err = ptn_heap_init(&w->due, s->host_count);

    if (err)
        return err;
    w->hosts = calloc(s->host_count ? s->host_count : 1, sizeof(struct ptn_sim_host *));
    if (!w->hosts)
        return PTN_ERR_NO_MEMORY;
    for (; w->host_count < s->host_count; w->host_count++) {
        opts.index = w->host_count;
        opts.dice = ptn_dice_split(&w->dice);
        err = ptn_sim_host_new(&w->hosts[w->host_count], &opts);
        if (err)
            return err;
    }
    return PTN_OK;
}

enum ptn_err ptn_sim_new(struct ptn_sim **out, const struct ptn_sim_opts *opts)
{
    struct ptn_sim *w = calloc(1, sizeof *w);

    if (!w)
        return PTN_ERR_NO_MEMORY;
    w->now = opts->start;
    w->dice = ptn_dice_seeded(opts->seed);
    enum ptn_err err = ptn_net_new(&w->net, &(struct ptn_net_opts){.scenario = opts->scenario,
                                                                   .seed = ptn_dice_u64(&w->dice),
                                                                   .start = opts->start,
                                                                   .whole_packets = true});
    if (!err)
        err = make_hosts(w, opts->scenario);
    if (err) {
        ptn_sim_free(w);
        return err;
    }
    *out = w;
    return PTN_OK;
}

void ptn_sim_free(struct ptn_sim *w)
{
    if (!w)
        return;
    for (unsigned i = 0; i < w->host_count; i++)
        ptn_sim_host_free(w->hosts[i]);
    free(w->hosts);
    free(w->places);
    ptn_heap_fini(&w->due);
    ptn_net_free(w->net);
    free(w);
}

ptn_time ptn_sim_now(const struct ptn_sim *w)
{
    return w->now;
}

struct ptn_dice ptn_sim_dice(struct ptn_sim *w)
{
    return ptn_dice_split(&w->dice);
}

struct ptn_net *ptn_sim_net(struct ptn_sim *w)
{
    return w->net;
}

static void touched(struct ptn_sim *w, unsigned host)
{
    ptn_heap_set(&w->due, host, ptn_sim_host_deadline(w->hosts[host]));
}

enum ptn_err ptn_sim_add(struct ptn_sim *w, unsigned host, const struct ptn_machine *machine,
                         ptn_sim_machine *number)
{
    assert(host < w->host_count);

    struct place *places = realloc(w->places, (w->place_count + 1) * sizeof *places);
    if (!places)
        return PTN_ERR_NO_MEMORY;
    w->places = places;
    struct place *place = &places[w->place_count];
    place->host = host;
    enum ptn_err err = ptn_sim_host_add(w->hosts[host], w->now, machine, &place->number);
    if (err)
        return err;
    *number = w->place_count++;
    touched(w, host);
    return PTN_OK;
}

void ptn_sim_remove(struct ptn_sim *w, ptn_sim_machine number)
{
    assert(number < w->place_count);

    struct place *place = &w->places[number];
    ptn_sim_host_remove(w->hosts[place->host], w->now, place->number);
    touched(w, place->host);
}

void ptn_sim_wake(struct ptn_sim *w, ptn_sim_machine number)
{
    assert(number < w->place_count);

    struct place *place = &w->places[number];
    ptn_sim_host_wake(w->hosts[place->host], w->now, place->number);
    touched(w, place->host);
}

static void take_output(struct ptn_sim *w, const struct ptn_net_output *out,
                        struct ptn_sim_step *step)
{
    if (out->kind == PTN_NET_TAP) {
        *step = (struct ptn_sim_step){
            .kind = PTN_SIM_TAPPED, .at = out->at, .wire = out->wire, .packet = out->packet};
        return;
    }
    ptn_sim_host_input(w->hosts[out->host], w->now, out->packet);
    touched(w, out->host);
}

static void take_event(struct ptn_sim *w, const struct ptn_net_event *ev, struct ptn_sim_step *step)
{
    *step = (struct ptn_sim_step){.kind = PTN_SIM_HAPPENED, .at = ev->at, .what = ev->what};
    if (ev->what->action != PTN_ACTION_HOST_ADDRESS)
        return;
    ptn_sim_host_readdress(w->hosts[ev->what->subject], w->now);
    touched(w, ev->what->subject);
}

/* Moves the clock to what is due next and does it; false when that is after `until`. */
static bool let_time_pass(struct ptn_sim *w, ptn_time until)
{
    ptn_time net_due = ptn_net_deadline(w->net), host_due = ptn_heap_deadline(&w->due);
    ptn_time due = ptn_time_min(net_due, host_due);
    uint32_t host;

    if (due > until) {
        w->now = ptn_time_max(w->now, until);
        return false;
    }
    if (due > w->now) {
        w->now = due;
        w->steps_at_this_moment = 0;
    }
    /* A machine whose deadline never moves on would hold the clock for ever. */
    assert(++w->steps_at_this_moment < STEPS_AT_ONE_MOMENT_MAX);
    if (net_due <= host_due) {
        ptn_net_tick(w->net, w->now);
    } else if (ptn_heap_pop(&w->due, w->now, &host)) {
        ptn_sim_host_tick(w->hosts[host], w->now);
        touched(w, host);
    }
    return true;
}

bool ptn_sim_step(struct ptn_sim *w, ptn_time until, struct ptn_sim_step *step)
{
    struct ptn_sim_step unseen;
    struct ptn_net_output out;
    struct ptn_net_event ev;

    step = step ? step : &unseen;
    *step = (struct ptn_sim_step){.kind = PTN_SIM_MOVED, .at = w->now};
    if (ptn_net_output(w->net, &out)) {
        take_output(w, &out, step);
        return true;
    }
    if (ptn_net_event(w->net, &ev)) {
        take_event(w, &ev, step);
        return true;
    }
    bool moved = let_time_pass(w, until);
    step->at = w->now;
    return moved;
}

void ptn_sim_run(struct ptn_sim *w, ptn_time until)
{
    while (ptn_sim_step(w, until, NULL))
        ;
}
