/*
 * os/udp.c - recvmmsg, sendmmsg and the error queue.
 */
#include "os/udp.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
/* Needs struct timespec and sockaddr from above. */
#include <linux/errqueue.h>
#include <unistd.h>

#include "os/errno.h"
#include "os/sockaddr.h"

enum {
    DATAGRAM_MAX = 65536,
    ARENA_SIZE = 2 * DATAGRAM_MAX,
    RECEIVE_BUFFER = 1 << 20, /* asked for; a burst of answers must not fall out of it */
};

static void set(int fd, int level, int option, int value)
{
    setsockopt(fd, level, option, &value, sizeof value);
}

enum ptn_err ptn_udp_open(const struct ptn_addr *local, uint8_t dscp, int *fd,
                          struct ptn_addr *bound)
{
    struct sockaddr_storage sa;
    socklen_t size = ptn_sockaddr_of(local, &sa);

    assert(ptn_addr_kind(local) != PTN_ADDR_UNSPECIFIED);
    *fd = socket(ptn_socket_family(local), SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (*fd < 0)
        return ptn_err_of_errno(errno);
    if (local->family == PTN_IPV6) {
        set(*fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
        set(*fd, IPPROTO_IPV6, IPV6_RECVERR, 1);
    } else {
        set(*fd, IPPROTO_IP, IP_RECVERR, 1);
    }
    set(*fd, SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER);
    ptn_socket_set_dscp(*fd, local, dscp);
    if (bind(*fd, (struct sockaddr *)&sa, size) != 0) {
        enum ptn_err err = ptn_err_of_errno(errno);
        close(*fd);
        *fd = -1;
        return err;
    }
    *bound = ptn_socket_local(*fd);
    return PTN_OK;
}

struct ptn_udp_in {
    struct mmsghdr headers[PTN_UDP_BATCH_MAX];
    struct iovec parts[PTN_UDP_BATCH_MAX];
    struct sockaddr_storage from[PTN_UDP_BATCH_MAX];
    /* Room for the largest; the kernel gives memory only to pages that were ever written. */
    uint8_t bytes[PTN_UDP_BATCH_MAX][DATAGRAM_MAX];
};

struct ptn_udp_in *ptn_udp_in_new(void)
{
    struct ptn_udp_in *in = malloc(sizeof *in);

    if (!in)
        return NULL;
    for (size_t i = 0; i < PTN_UDP_BATCH_MAX; i++) {
        in->parts[i] = (struct iovec){in->bytes[i], DATAGRAM_MAX};
        in->headers[i] = (struct mmsghdr){
            .msg_hdr = {.msg_name = &in->from[i], .msg_iov = &in->parts[i], .msg_iovlen = 1}};
    }
    return in;
}

void ptn_udp_in_free(struct ptn_udp_in *in)
{
    free(in);
}

size_t ptn_udp_receive(int fd, struct ptn_udp_in *in)
{
    for (size_t i = 0; i < PTN_UDP_BATCH_MAX; i++)
        in->headers[i].msg_hdr.msg_namelen = sizeof in->from[i];

    int count = recvmmsg(fd, in->headers, PTN_UDP_BATCH_MAX, 0, NULL);
    /* An ICMP error comes up here once, instead of a datagram. */
    if (count < 0 && errno != EAGAIN)
        count = recvmmsg(fd, in->headers, PTN_UDP_BATCH_MAX, 0, NULL);
    return count > 0 ? (size_t)count : 0;
}

struct ptn_bytes ptn_udp_in_bytes(const struct ptn_udp_in *in, size_t i)
{
    return ptn_bytes(in->bytes[i], in->headers[i].msg_len);
}

struct ptn_addr ptn_udp_in_from(const struct ptn_udp_in *in, size_t i)
{
    return ptn_addr_of_sockaddr((const struct sockaddr *)&in->from[i]);
}

static bool find_error(struct msghdr *message, struct sock_extended_err *error)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c))
        if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) ||
            (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR)) {
            memcpy(error, CMSG_DATA(c), sizeof *error);
            return true;
        }
    return false;
}

bool ptn_udp_error(int fd, struct ptn_addr *to, enum ptn_err *why)
{
    struct sockaddr_storage name;
    union {
        struct cmsghdr align;
        char bytes[512];
    } control;
    struct sock_extended_err error;

    for (;;) {
        struct msghdr message = {.msg_name = &name,
                                 .msg_namelen = sizeof name,
                                 .msg_control = &control,
                                 .msg_controllen = sizeof control};

        if (recvmsg(fd, &message, MSG_ERRQUEUE) < 0)
            return false;
        /* "Too big" is no failure: the kernel has learnt the path and fragments from now on. */
        if (message.msg_namelen == 0 || !find_error(&message, &error) || error.ee_errno == EMSGSIZE)
            continue;
        *to = ptn_addr_of_sockaddr((struct sockaddr *)&name);
        *why = ptn_err_of_errno((int)error.ee_errno);
        return true;
    }
}

struct ptn_udp_out {
    size_t count, used;
    struct mmsghdr headers[PTN_UDP_BATCH_MAX];
    struct iovec parts[PTN_UDP_BATCH_MAX];
    struct sockaddr_storage to[PTN_UDP_BATCH_MAX];
    int fds[PTN_UDP_BATCH_MAX];
    uint64_t keys[PTN_UDP_BATCH_MAX];
    uint8_t arena[ARENA_SIZE];
};

struct ptn_udp_out *ptn_udp_out_new(void)
{
    struct ptn_udp_out *out = malloc(sizeof *out);

    if (!out)
        return NULL;
    out->count = out->used = 0;
    for (size_t i = 0; i < PTN_UDP_BATCH_MAX; i++)
        out->headers[i] = (struct mmsghdr){
            .msg_hdr = {.msg_name = &out->to[i], .msg_iov = &out->parts[i], .msg_iovlen = 1}};
    return out;
}

void ptn_udp_out_free(struct ptn_udp_out *out)
{
    free(out);
}

bool ptn_udp_out_add(struct ptn_udp_out *out, int fd, uint64_t key, const struct ptn_addr *to,
                     struct ptn_bytes bytes)
{
    size_t i = out->count;

    assert(bytes.size <= DATAGRAM_MAX);
    if (i == PTN_UDP_BATCH_MAX || ARENA_SIZE - out->used < bytes.size)
        return false;
    if (bytes.size > 0)
        memcpy(out->arena + out->used, bytes.data, bytes.size);
    out->parts[i] = (struct iovec){out->arena + out->used, bytes.size};
    out->headers[i].msg_hdr.msg_namelen = ptn_sockaddr_of(to, &out->to[i]);
    out->fds[i] = fd;
    out->keys[i] = key;
    out->used += bytes.size;
    out->count++;
    return true;
}

static void note_failure(const struct ptn_udp_out *out, size_t i, int number,
                         struct ptn_udp_sent *sent)
{
    sent->failures[sent->failure_count++] = (struct ptn_udp_failure){
        out->keys[i], ptn_addr_of_sockaddr((const struct sockaddr *)&out->to[i]),
        ptn_err_of_errno(number)};
}

/* How many datagrams from the i-th on leave by the same socket. */
static size_t run_length(const struct ptn_udp_out *out, size_t i)
{
    size_t end = i + 1;

    while (end < out->count && out->fds[end] == out->fds[i])
        end++;
    return end - i;
}

void ptn_udp_out_flush(struct ptn_udp_out *out, struct ptn_udp_sent *sent)
{
    bool retried = false;

    sent->sent = sent->dropped = sent->failure_count = 0;
    for (size_t i = 0; i < out->count;) {
        int n = sendmmsg(out->fds[i], &out->headers[i], (unsigned)run_length(out, i), 0);

        if (n > 0) {
            i += (size_t)n;
            sent->sent += (size_t)n;
            retried = false;
        } else if (errno == EAGAIN || errno == ENOBUFS) {
            i++;
            sent->dropped++;
        } else if (!retried) {
            /* What comes up may be the ICMP error of an earlier datagram, perhaps to somebody
             * else; only the second time is it this one's own. */
            retried = true;
        } else {
            note_failure(out, i++, errno, sent);
            retried = false;
        }
    }
    out->count = out->used = 0;
}
