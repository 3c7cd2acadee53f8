/*
 * os/sockaddr.c - translating addresses at the kernel's door.
 */
#include "os/sockaddr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

socklen_t ptn_sockaddr_of(const struct ptn_addr *a, struct sockaddr_storage *out)
{
    if (a->family == PTN_IPV4) {
        struct sockaddr_in *in = (struct sockaddr_in *)out;
        *in = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(a->port)};
        memcpy(&in->sin_addr, a->ip, 4);
        return sizeof *in;
    }
    if (a->family == PTN_IPV6) {
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;
        *in6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(a->port)};
        memcpy(&in6->sin6_addr, a->ip, 16);
        return sizeof *in6;
    }
    return 0;
}

struct ptn_addr ptn_addr_of_sockaddr(const struct sockaddr *sa)
{
    struct ptn_addr a = {0};

    if (sa->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, sa, sizeof in);
        a.family = PTN_IPV4;
        a.port = ntohs(in.sin_port);
        memcpy(a.ip, &in.sin_addr, 4);
    } else if (sa->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, sa, sizeof in6);
        a.family = PTN_IPV6;
        a.port = ntohs(in6.sin6_port);
        memcpy(a.ip, &in6.sin6_addr, 16);
        a = ptn_addr_unmapped(a);
    }
    return a;
}

struct ptn_addr ptn_socket_local(int fd)
{
    struct sockaddr_storage sa = {0};
    socklen_t size = sizeof sa;

    if (getsockname(fd, (struct sockaddr *)&sa, &size) != 0)
        return (struct ptn_addr){0};
    return ptn_addr_of_sockaddr((struct sockaddr *)&sa);
}

int ptn_socket_family(const struct ptn_addr *a)
{
    return a->family == PTN_IPV6 ? AF_INET6 : AF_INET;
}

void ptn_socket_set_dscp(int fd, const struct ptn_addr *local, uint8_t dscp)
{
    int byte = dscp << 2;

    if (dscp == 0)
        return;
    if (local->family == PTN_IPV6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &byte, sizeof byte);
    else
        setsockopt(fd, IPPROTO_IP, IP_TOS, &byte, sizeof byte);
}
