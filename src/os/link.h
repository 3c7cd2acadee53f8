/*
 * os/link.h - bring up a network interface: state, addresses, default route.
 *
 * Speaks rtnetlink itself, about the network namespace the caller is in. Used
 * while a host of the lab is made, never on a running program's path.
 */
#ifndef PTN_OS_LINK_H
#define PTN_OS_LINK_H

#include "base/addr.h"
#include "base/err.h"

/* Up, without multicast. `mtu` 0 leaves the kernel's. */
enum ptn_err ptn_link_up(const char *name, unsigned mtu);

/* Usable at once: no duplicate address detection. The prefix becomes on-link. */
enum ptn_err ptn_link_add_addr(const char *name, const struct ptn_addr *addr, unsigned bits);

/* What add did, undone. */
enum ptn_err ptn_link_remove_addr(const char *name, const struct ptn_addr *addr, unsigned bits);

/* From now on everything of `family` without a better route leaves by `name`; `gateway` may be
 * none. */
enum ptn_err ptn_link_set_default(const char *name, enum ptn_family family,
                                  const struct ptn_addr *gateway);

#endif
