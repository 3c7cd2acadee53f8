/*
 * lab/stage.h - the scenario's internet in real time, with a namespace behind each host.
 *
 * Packets go from a host's TUN into net and from net into a TUN; nothing else
 * connects the hosts with each other or with the machine.
 */
#ifndef PTN_LAB_STAGE_H
#define PTN_LAB_STAGE_H

#include "captures.h"
#include "net/net.h"
#include "os/loop.h"
#include "os/netns.h"

struct ptn_stage;

struct ptn_stage_opts {
    const struct ptn_scenario *scenario; /* borrowed for the stage's life */
    struct ptn_captures *captures;       /* borrowed as well */
    struct ptn_loop *loop;               /* too */
    uint64_t seed;
};

/* On failure `why` is a line for a person; PTN_ERR_NOT_PERMITTED, NOT_FOUND and UNSUPPORTED then
 * mean that hosts cannot be made on this machine or by this user. */
enum ptn_err ptn_stage_new(struct ptn_stage **out, const struct ptn_stage_opts *opts,
                           char why[static PTN_NETNS_WHY_MAX]);
void ptn_stage_free(struct ptn_stage *s);

struct ptn_netns *ptn_stage_host(struct ptn_stage *s, unsigned host);
struct ptn_net *ptn_stage_net(struct ptn_stage *s);

/* The scenario's 0 s. */
ptn_time ptn_stage_start(const struct ptn_stage *s);

/* Takes a burst of packets from a host's cable that the loop says is ready. */
void ptn_stage_ready(struct ptn_stage *s, unsigned host);

/* Moves what is due by now: to cables and into captures. */
void ptn_stage_move(struct ptn_stage *s, ptn_time now);

/* The next thing of the scenario that has happened. A host whose addresses changed has them in its
 * namespace too, unless `*err` says that its kernel would not take them. */
bool ptn_stage_event(struct ptn_stage *s, struct ptn_net_event *ev, enum ptn_err *err);

ptn_time ptn_stage_deadline(const struct ptn_stage *s);

#endif
