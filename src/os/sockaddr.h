/*
 * os/sockaddr.h - our addresses and the kernel's.
 */
#ifndef PTN_OS_SOCKADDR_H
#define PTN_OS_SOCKADDR_H

#include <sys/socket.h>

#include "base/addr.h"

/* Answers the size to hand to the kernel; 0 for an address of no family. */
socklen_t ptn_sockaddr_of(const struct ptn_addr *a, struct sockaddr_storage *out);

/* None for a family that is not IP; IPv4-mapped IPv6 addresses become IPv4. */
struct ptn_addr ptn_addr_of_sockaddr(const struct sockaddr *sa);

/* What the kernel bound or connected a socket to. */
struct ptn_addr ptn_socket_local(int fd);

/* AF_INET or AF_INET6. */
int ptn_socket_family(const struct ptn_addr *a);

/* The six bits that routers look at when there is a queue (RFC 2474). Best effort. */
void ptn_socket_set_dscp(int fd, const struct ptn_addr *local, uint8_t dscp);

#endif
