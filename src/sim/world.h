/*
 * sim/world.h - a clock, a net and its hosts: where machines run without a kernel.
 *
 *     ptn_sim_new(&w, &(struct ptn_sim_opts){.scenario = s, .seed = 7});
 *     ptn_sim_add(w, ptn_scenario_host(s, "alice"), &machine, &alice);
 *     while (!registered && ptn_sim_step(w, PTN_S(30), NULL))
 *         registered = …look at the machine's events…;
 *
 * Time moves from one thing that is due to the next; nothing sleeps and nothing
 * is polled. The same scenario, seed and machines give the same run, bit by bit.
 * Nothing calls back: the owner takes a machine's events between two steps, and
 * wakes the machine after having told it something.
 */
#ifndef PTN_SIM_WORLD_H
#define PTN_SIM_WORLD_H

#include "base/dice.h"
#include "base/effect.h"
#include "net/net.h"

struct ptn_sim;

struct ptn_sim_opts {
    const struct ptn_scenario *scenario; /* borrowed until ptn_sim_free() */
    uint64_t seed;
    ptn_time start; /* on the clock; the scenario's 0 s */
};

/* A machine's number in its world; never given twice. */
typedef unsigned ptn_sim_machine;

enum ptn_err ptn_sim_new(struct ptn_sim **out, const struct ptn_sim_opts *opts);
void ptn_sim_free(struct ptn_sim *w);

ptn_time ptn_sim_now(const struct ptn_sim *w);

/* A die of its own for a machine; depends on the seed and on how many were given before. */
struct ptn_dice ptn_sim_dice(struct ptn_sim *w);

/* For taps, counts and events of the scenario. Hands off its input, tick, output and event. */
struct ptn_net *ptn_sim_net(struct ptn_sim *w);

/* Puts a machine on a host of the scenario and drives it for the first time. `machine` is copied,
 * what it points to must live until it is removed or the world freed. */
enum ptn_err ptn_sim_add(struct ptn_sim *w, unsigned host, const struct ptn_machine *machine,
                         ptn_sim_machine *number);

/* Ends it as a process ends: its sockets are closed, and it is not touched again. */
void ptn_sim_remove(struct ptn_sim *w, ptn_sim_machine number);

/* Must follow whatever the owner does to a machine that may make it ask for something. */
void ptn_sim_wake(struct ptn_sim *w, ptn_sim_machine number);

enum ptn_sim_step_kind {
    PTN_SIM_MOVED,    /* a packet arrived, or something was due */
    PTN_SIM_TAPPED,   /* wire, packet: it set out on a tapped wire (see ptn_net_tap) */
    PTN_SIM_HAPPENED, /* what: an event of the scenario */
};

struct ptn_sim_step {
    enum ptn_sim_step_kind kind;
    ptn_time at;
    unsigned wire;
    struct ptn_bytes packet; /* borrowed until the next call */
    const struct ptn_scenario_event *what;
};

/* Does the next thing that is due at or before `until`. False when there is none: then it is
 * `until`. `step` may be NULL. */
bool ptn_sim_step(struct ptn_sim *w, ptn_time until, struct ptn_sim_step *step);

/* Steps until it is `until`. */
void ptn_sim_run(struct ptn_sim *w, ptn_time until);

#endif
