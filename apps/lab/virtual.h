/*
 * lab/virtual.h - a scenario in virtual time: its world, its captures, and our STUN and TURN server
 * on one of its hosts.
 */
#ifndef PTN_LAB_VIRTUAL_H
#define PTN_LAB_VIRTUAL_H

#include "captures.h"
#include "relay/relay.h"
#include "sim/world.h"
#include "simulate.h"

enum { PTN_VIRTUAL_STUN_PORT = 3478 };

struct ptn_virtual {
    const struct ptn_simulate_opts *opts;
    unsigned server; /* the host */
    struct ptn_captures *captures;
    struct ptn_sim *sim;
    struct ptn_relay *relay;
    ptn_sim_machine relay_machine;
};

/* What the server offers beside STUN: relayed addresses, for a user with this name and password;
 * "": none. */
#define PTN_VIRTUAL_TURN_USER "phone"
#define PTN_VIRTUAL_TURN_PASSWORD "turn"

/* Says on standard error why not. To be closed in any case. */
enum ptn_lab_exit ptn_virtual_open(struct ptn_virtual *v, const struct ptn_simulate_opts *opts,
                                   bool turn);
/* `result`, or that the captures could not be written. */
enum ptn_lab_exit ptn_virtual_close(struct ptn_virtual *v, enum ptn_lab_exit result);

/* As ptn_sim_step(); takes packets to the captures. `what` is the event that has happened, or
 * NULL. */
bool ptn_virtual_step(struct ptn_virtual *v, ptn_time until,
                      const struct ptn_scenario_event **what);

/* A line of what happens: "   12.345 s  ", then this. */
__attribute__((format(printf, 2, 3))) void ptn_virtual_tell(const struct ptn_virtual *v,
                                                            const char *format, ...);

/* The first address that the host has now; none: none of this family. */
struct ptn_addr ptn_virtual_addr(const struct ptn_virtual *v, unsigned host,
                                 enum ptn_family family);

/* The host of this name; PTN_SCENARIO_NONE: it has been said, with the option that names it. */
int ptn_virtual_host(const struct ptn_simulate_opts *opts, const char *name, const char *what,
                     const char *option);

enum ptn_lab_exit ptn_virtual_refuse(const char *what, enum ptn_err err);

#endif
