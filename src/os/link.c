/*
 * os/link.c - four rtnetlink requests, each acknowledged before the next.
 *
 * `ip` would do the same, but then the lab would need its package and a fork a
 * line, and its errors would be text.
 */
#include "os/link.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os/errno.h"

struct request {
    struct nlmsghdr head;
    uint8_t body[256]; /* the kind's struct, then attributes; all of them fit */
};

static void *begin(struct request *r, uint16_t type, uint16_t flags, size_t body_size)
{
    *r = (struct request){.head = {.nlmsg_type = type,
                                   .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags),
                                   .nlmsg_len = (uint32_t)NLMSG_LENGTH(body_size)}};
    return r->body;
}

static void attribute(struct request *r, uint16_t type, const void *value, size_t size)
{
    size_t at = NLMSG_ALIGN(r->head.nlmsg_len) - sizeof r->head;
    struct rtattr a = {.rta_type = type, .rta_len = (uint16_t)RTA_LENGTH(size)};

    memcpy(r->body + at, &a, sizeof a);
    memcpy(r->body + at + RTA_LENGTH(0), value, size);
    r->head.nlmsg_len = (uint32_t)(sizeof r->head + at + RTA_ALIGN(a.rta_len));
}

static enum ptn_err perform(const struct request *r)
{
    struct {
        struct nlmsghdr head;
        struct nlmsgerr err;
        uint8_t rest[512];
    } answer = {0};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0)
        return ptn_err_of_errno(errno);

    enum ptn_err err = PTN_OK;
    if (send(fd, r, r->head.nlmsg_len, 0) < 0 || recv(fd, &answer, sizeof answer, 0) < 0)
        err = ptn_err_of_errno(errno);
    else
        err = answer.head.nlmsg_type == NLMSG_ERROR ? ptn_err_of_errno(-answer.err.error)
                                                    : PTN_ERR_IO;
    close(fd);
    return err;
}

static uint8_t kernel_family(unsigned family)
{
    return family == PTN_IPV6 ? AF_INET6 : AF_INET;
}

enum ptn_err ptn_link_up(const char *name, unsigned mtu)
{
    struct request r;
    unsigned index = if_nametoindex(name);
    if (index == 0)
        return PTN_ERR_NOT_FOUND;

    struct ifinfomsg *link = begin(&r, RTM_NEWLINK, 0, sizeof *link);
    link->ifi_index = (int)index;
    link->ifi_flags = IFF_UP;
    link->ifi_change = IFF_UP | IFF_MULTICAST;
    if (mtu > 0)
        attribute(&r, IFLA_MTU, &(uint32_t){mtu}, sizeof(uint32_t));
    return perform(&r);
}

static enum ptn_err change_addr(uint16_t type, uint16_t flags, const char *name,
                                const struct ptn_addr *addr, unsigned bits)
{
    struct request r;
    size_t size = ptn_addr_ip_bytes(addr);

    struct ifaddrmsg *a = begin(&r, type, flags, sizeof *a);
    a->ifa_family = kernel_family(addr->family);
    a->ifa_prefixlen = (uint8_t)bits;
    a->ifa_index = if_nametoindex(name);
    a->ifa_flags = addr->family == PTN_IPV6 ? IFA_F_NODAD : 0;
    attribute(&r, IFA_LOCAL, addr->ip, size);
    attribute(&r, IFA_ADDRESS, addr->ip, size);
    return perform(&r);
}

enum ptn_err ptn_link_add_addr(const char *name, const struct ptn_addr *addr, unsigned bits)
{
    return change_addr(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, name, addr, bits);
}

enum ptn_err ptn_link_remove_addr(const char *name, const struct ptn_addr *addr, unsigned bits)
{
    return change_addr(RTM_DELADDR, 0, name, addr, bits);
}

enum ptn_err ptn_link_set_default(const char *name, enum ptn_family family,
                                  const struct ptn_addr *gateway)
{
    struct request r;
    uint32_t index = if_nametoindex(name);

    struct rtmsg *route = begin(&r, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, sizeof *route);
    route->rtm_family = kernel_family(family);
    route->rtm_table = RT_TABLE_MAIN;
    route->rtm_protocol = RTPROT_STATIC;
    route->rtm_scope = ptn_addr_is_none(gateway) ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
    route->rtm_type = RTN_UNICAST;
    attribute(&r, RTA_OIF, &index, sizeof index);
    if (!ptn_addr_is_none(gateway))
        attribute(&r, RTA_GATEWAY, gateway->ip, ptn_addr_ip_bytes(gateway));
    return perform(&r);
}
