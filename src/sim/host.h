/*
 * sim/host.h - a host in memory: what os is to a program, this is to a machine on a net.
 *
 * Answers exactly base/effect.h for any number of machines: UDP sockets, a small
 * TCP, names through the scenario's name servers, ICMP errors both ways, a
 * change of addresses. Machines on one host share its ports and may speak to
 * each other. Packets go straight into the net; nothing is sent elsewhere.
 *
 * What differs from a kernel: TLS is TCP without a word of cryptography (a NAT
 * sees the same); nothing is bound to 0.0.0.0; a connection that was closed
 * gives way to a new one between the same ends, as with SO_LINGER {1, 0};
 * there is no path MTU for UDP, whose datagrams never carry "don't fragment".
 */
#ifndef PTN_SIM_HOST_H
#define PTN_SIM_HOST_H

#include "base/dice.h"
#include "base/effect.h"
#include "net/net.h"
#include "sim/resolver.h"

struct ptn_sim_host;

struct ptn_sim_host_opts {
    struct ptn_net *net; /* this and its scenario must outlive the host */
    const struct ptn_scenario *scenario;
    unsigned index; /* in the scenario */
    struct ptn_dice dice;
    struct ptn_sim_resolver_opts resolver;
};

enum ptn_err ptn_sim_host_new(struct ptn_sim_host **out, const struct ptn_sim_host_opts *opts);
void ptn_sim_host_free(struct ptn_sim_host *h);

/* The machine is told the host's addresses and driven. Its number on this host is never given
 * again, so that what still arrives for one that was removed finds nobody. */
enum ptn_err ptn_sim_host_add(struct ptn_sim_host *h, ptn_time now,
                              const struct ptn_machine *machine, int *number);

/* As if its process had ended: its sockets are closed, the machine is not touched again. */
void ptn_sim_host_remove(struct ptn_sim_host *h, ptn_time now, int number);

/* Drives a machine whose owner has just told it something. */
void ptn_sim_host_wake(struct ptn_sim_host *h, ptn_time now, int number);

/* A packet from the net, whole. Borrowed; the net may be called meanwhile. */
void ptn_sim_host_input(struct ptn_sim_host *h, ptn_time now, struct ptn_bytes packet);

/* The net has other addresses for this host now. Sockets on the old ones stay, and send in vain. */
void ptn_sim_host_readdress(struct ptn_sim_host *h, ptn_time now);

/* One thing that is due: call again while the deadline is not after `now`. */
void ptn_sim_host_tick(struct ptn_sim_host *h, ptn_time now);
ptn_time ptn_sim_host_deadline(const struct ptn_sim_host *h);

#endif
