/*
 * os/netif.h - the addresses of this host, and the moment they change.
 */
#ifndef PTN_OS_NETIF_H
#define PTN_OS_NETIF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/addr.h"
#include "base/err.h"

enum { PTN_NETIF_ADDRS_MAX = 64 };

/* All addresses of interfaces that are up, loopback too, port 0, IPv4 first; without IPv6
 * link-local ones, which mean nothing without an interface. At most `max`. */
enum ptn_err ptn_netif_list(struct ptn_addr *addrs, size_t max, size_t *count);

/* What this host calls itself, cut to `size`; "localhost" when it does not say. */
void ptn_netif_host_name(char *buf, size_t size);

/* The address packets to `to` leave from, port 0; false when there is no route. Sends nothing. */
bool ptn_netif_towards(const struct ptn_addr *to, struct ptn_addr *from);

/* A descriptor that can be read when addresses have changed. The caller closes it. */
enum ptn_err ptn_netif_watch(int *fd);

/* Reads all notices away; true when one of them was about addresses, or some were lost. */
bool ptn_netif_changed(int fd);

#endif
