/*
 * os/netif.c - getifaddrs to look, rtnetlink to be woken.
 */
#include "os/netif.h"

#include <errno.h>
#include <ifaddrs.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os/errno.h"
#include "os/sockaddr.h"

static size_t take(const struct ifaddrs *list, enum ptn_family family, struct ptn_addr *addrs,
                   size_t max)
{
    size_t count = 0;

    for (const struct ifaddrs *i = list; i && count < max; i = i->ifa_next) {
        if (!i->ifa_addr || !(i->ifa_flags & IFF_UP))
            continue;
        struct ptn_addr a = ptn_addr_of_sockaddr(i->ifa_addr);
        if (a.family == family && (family == PTN_IPV4 || ptn_addr_kind(&a) != PTN_ADDR_LINK_LOCAL))
            addrs[count++] = a;
    }
    return count;
}

enum ptn_err ptn_netif_list(struct ptn_addr *addrs, size_t max, size_t *count)
{
    struct ifaddrs *list;

    *count = 0;
    if (getifaddrs(&list) != 0)
        return ptn_err_of_errno(errno);
    *count = take(list, PTN_IPV4, addrs, max);
    *count += take(list, PTN_IPV6, addrs + *count, max - *count);
    freeifaddrs(list);
    return PTN_OK;
}

bool ptn_netif_towards(const struct ptn_addr *to, struct ptn_addr *from)
{
    struct ptn_addr target = ptn_addr_with_port(*to, to->port ? to->port : 9);
    struct sockaddr_storage sa;
    socklen_t size = ptn_sockaddr_of(&target, &sa);
    int fd = socket(ptn_socket_family(to), SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return false;
    bool found = connect(fd, (struct sockaddr *)&sa, size) == 0;
    if (found)
        *from = ptn_addr_with_port(ptn_socket_local(fd), 0);
    close(fd);
    return found;
}

enum ptn_err ptn_netif_watch(int *fd)
{
    struct sockaddr_nl sa = {.nl_family = AF_NETLINK,
                             .nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR};

    *fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
    if (*fd < 0)
        return ptn_err_of_errno(errno);
    if (bind(*fd, (struct sockaddr *)&sa, sizeof sa) != 0) {
        enum ptn_err err = ptn_err_of_errno(errno);
        close(*fd);
        *fd = -1;
        return err;
    }
    return PTN_OK;
}

static bool has_address_notice(struct nlmsghdr *m, size_t size)
{
    int left = (int)size;

    for (; NLMSG_OK(m, (unsigned)left); m = NLMSG_NEXT(m, left))
        if (m->nlmsg_type == RTM_NEWADDR || m->nlmsg_type == RTM_DELADDR)
            return true;
    return false;
}

bool ptn_netif_changed(int fd)
{
    union {
        struct nlmsghdr align;
        char bytes[16384];
    } notice;
    bool changed = false;

    for (;;) {
        ssize_t n = recv(fd, &notice, sizeof notice, 0);
        if (n > 0)
            changed |= has_address_notice(&notice.align, (size_t)n);
        else if (n < 0 && errno == ENOBUFS)
            changed = true;
        else
            return changed;
    }
}

void ptn_netif_host_name(char *buf, size_t size)
{
    if (gethostname(buf, size) != 0 || !buf[0])
        snprintf(buf, size, "localhost");
    buf[size - 1] = '\0';
}
