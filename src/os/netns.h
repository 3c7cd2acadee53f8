/*
 * os/netns.h - a host of the lab: a machine's worth of namespaces with one cable.
 *
 * Network, mount, process-id and name namespaces of its own, so two hosts share
 * neither ports, nor /run, nor /etc/resolv.conf, nor hostname; the rest of the
 * file system is the machine's. The cable is a TUN "eth0" whose other end is
 * handed to the owner. All of it goes when the owner frees it, exits, or is
 * killed: nothing has a name outside, and every process in it dies with it.
 *
 * Needs root, or a kernel that lets ordinary users make user namespaces (see
 * ptn_netns_become_root()), and a /dev/net/tun that may be opened.
 */
#ifndef PTN_OS_NETNS_H
#define PTN_OS_NETNS_H

#include <stddef.h>

#include "base/addr.h"
#include "base/err.h"

enum { PTN_NETNS_ADDRS_MAX = 16, PTN_NETNS_WHY_MAX = 160 };

struct ptn_netns_addr {
    struct ptn_addr addr; /* port 0 */
    unsigned bits;        /* of the prefix that is on the cable itself */
};

struct ptn_netns_cable {
    struct ptn_netns_addr addrs[PTN_NETNS_ADDRS_MAX];
    unsigned addr_count;
    struct ptn_addr gateway[2]; /* IPv4, IPv6; where none, the rest of the world is on the cable */
};

struct ptn_netns_opts {
    const char *name; /* of the host, 1 to 63 bytes */
    struct ptn_netns_cable cable;
    unsigned mtu;
    const char *resolv_conf, *hosts; /* what these files in /etc hold */
};

struct ptn_netns;

/* For a process that is not root: become root of a user namespace, once, before anything else.
 * Files stay those of the user. Does nothing for root. */
enum ptn_err ptn_netns_become_root(void);

/* On failure `why` says in one line what could not be done. */
enum ptn_err ptn_netns_new(const struct ptn_netns_opts *opts, struct ptn_netns **out,
                           char why[static PTN_NETNS_WHY_MAX]);

/* Kills what is left in it. Processes that the caller started there and has not waited for must
 * be reaped first: the kernel keeps the host until then. */
void ptn_netns_free(struct ptn_netns *n);

/* The far end of the cable: see os/tun.h. Owned by `n`. */
int ptn_netns_tun(const struct ptn_netns *n);

/* A process of the host; whoever enters its namespaces is in the host. */
int ptn_netns_pid(const struct ptn_netns *n);

/* Opens the host of that process. From now on the caller's children are in its process-id
 * namespace, and none can be forked once that is gone: so this is for a child that exists only for
 * it (see os/process.c). Each of its children goes through the door into the other namespaces. */
enum ptn_err ptn_netns_open_door(int pid, int *door);
enum ptn_err ptn_netns_enter(int door);

/* A TCP socket inside the host, not blocking; the caller closes it. */
enum ptn_err ptn_netns_tcp_socket(struct ptn_netns *n, enum ptn_family family, int *fd);

/* Replaces addresses and default routes. */
enum ptn_err ptn_netns_set_cable(struct ptn_netns *n, const struct ptn_netns_cable *cable);

#endif
