/*
 * os/udp.c - recvmmsg, sendmmsg and the error queue.
 */
#include "os/udp.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
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
    CACHE_LINE = 64,
    RECEIVE_BUFFER = 1 << 20, /* asked for; a burst of answers must not fall out of it */
    SERVE_BUFFER = 4 << 20,
    RELAY_BUFFER = 256 << 10,
    /* A train cannot be cut further on its way: what surely fits into any path's packets. What is
     * smaller than speech is an answer, and its neighbour one to somebody else. */
    TRAIN_DATAGRAM_MIN = 64,
    TRAIN_DATAGRAM_MAX = 1200,
    TRAIN_BYTES_MAX = 60000,
};

/* The control message that says of what size the datagrams of a train are. */
struct train {
    _Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(uint16_t))];
};

static void set(int fd, int level, int option, int value)
{
    setsockopt(fd, level, option, &value, sizeof value);
}

static enum ptn_err open_socket(const struct ptn_addr *local, int *fd)
{
    assert(ptn_addr_kind(local) != PTN_ADDR_UNSPECIFIED);
    *fd = socket(ptn_socket_family(local), SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (*fd < 0)
        return ptn_err_of_errno(errno);
    if (local->family == PTN_IPV6)
        set(*fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    return PTN_OK;
}

static void keep_errors(int fd, const struct ptn_addr *local)
{
    if (local->family == PTN_IPV6)
        set(fd, IPPROTO_IPV6, IPV6_RECVERR, 1);
    else
        set(fd, IPPROTO_IP, IP_RECVERR, 1);
}

static enum ptn_err bind_socket(const struct ptn_addr *local, int *fd, struct ptn_addr *bound)
{
    struct sockaddr_storage sa;
    socklen_t size = ptn_sockaddr_of(local, &sa);

    if (bind(*fd, (struct sockaddr *)&sa, size) != 0) {
        enum ptn_err err = ptn_err_of_errno(errno);
        close(*fd);
        *fd = -1;
        return err;
    }
    *bound = ptn_socket_local(*fd);
    return PTN_OK;
}

enum ptn_err ptn_udp_open(const struct ptn_addr *local, uint8_t dscp, int *fd,
                          struct ptn_addr *bound)
{
    enum ptn_err err = open_socket(local, fd);

    if (err != PTN_OK)
        return err;
    keep_errors(*fd, local);
    set(*fd, SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER);
    ptn_socket_set_dscp(*fd, local, dscp);
    return bind_socket(local, fd, bound);
}

/* A program with the right may have more than the system's limit. */
static void set_buffers(int fd, int size)
{
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) != 0)
        set(fd, SOL_SOCKET, SO_RCVBUF, size);
    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size) != 0)
        set(fd, SOL_SOCKET, SO_SNDBUF, size);
}

enum ptn_err ptn_udp_serve(const struct ptn_addr *local, bool shared, bool joining, int *fd,
                           struct ptn_addr *bound)
{
    enum ptn_err err = PTN_OK;

    /* One that shares would share with another program's, too: so first one that does not. */
    if (shared && !joining && local->port != 0) {
        err = ptn_udp_open(local, 0, fd, bound);
        if (err != PTN_OK)
            return err;
        close(*fd);
    }
    err = open_socket(local, fd);
    if (err != PTN_OK)
        return err;
    if (shared)
        set(*fd, SOL_SOCKET, SO_REUSEPORT, 1);
    set_buffers(*fd, SERVE_BUFFER);
    return bind_socket(local, fd, bound);
}

enum ptn_err ptn_udp_relay(const struct ptn_addr *local, int *fd, struct ptn_addr *bound)
{
    enum ptn_err err = open_socket(local, fd);

    if (err != PTN_OK)
        return err;
    keep_errors(*fd, local);
    set_buffers(*fd, RELAY_BUFFER);
    ptn_udp_set_whole(*fd, local, false);
    return bind_socket(local, fd, bound);
}

enum ptn_family ptn_udp_family(int fd)
{
    return ptn_socket_local(fd).family;
}

void ptn_udp_set_whole(int fd, const struct ptn_addr *local, bool whole)
{
    if (local->family == PTN_IPV6)
        set(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, whole ? IPV6_PMTUDISC_DO : IPV6_PMTUDISC_DONT);
    else
        set(fd, IPPROTO_IP, IP_MTU_DISCOVER, whole ? IP_PMTUDISC_DO : IP_PMTUDISC_DONT);
}

/* ---- in ---- */

/* One behind the other at odd distances: at whole pages the first bytes of all would fall into a
 * few lines of the processor's cache. */
struct datagram {
    uint8_t headroom[PTN_UDP_HEADROOM];
    uint8_t bytes[DATAGRAM_MAX];
    uint8_t apart[CACHE_LINE];
};

union far_end {
    struct sockaddr sa;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

struct ptn_udp_in {
    struct mmsghdr headers[PTN_UDP_BATCH_MAX];
    struct iovec parts[PTN_UDP_BATCH_MAX];
    union far_end from[PTN_UDP_BATCH_MAX];
    /* Room for the largest; the kernel gives memory only to pages that were ever written. */
    struct datagram datagrams[PTN_UDP_BATCH_MAX];
};

struct ptn_udp_in *ptn_udp_in_new(void)
{
    struct ptn_udp_in *in = malloc(sizeof *in);

    if (!in)
        return NULL;
    for (size_t i = 0; i < PTN_UDP_BATCH_MAX; i++) {
        in->parts[i] = (struct iovec){in->datagrams[i].bytes, DATAGRAM_MAX};
        in->headers[i] = (struct mmsghdr){.msg_hdr = {.msg_name = &in->from[i],
                                                      .msg_namelen = sizeof in->from[i],
                                                      .msg_iov = &in->parts[i],
                                                      .msg_iovlen = 1}};
    }
    return in;
}

void ptn_udp_in_free(struct ptn_udp_in *in)
{
    free(in);
}

size_t ptn_udp_receive_more(int fd, enum ptn_family family, struct ptn_udp_in *in, size_t first)
{
    unsigned room = (unsigned)(PTN_UDP_BATCH_MAX - first);

    /* The kernel leaves the size it found: that of an IPv4 address is enough for the next one. */
    for (size_t i = first; family != PTN_IPV4 && i < PTN_UDP_BATCH_MAX; i++)
        in->headers[i].msg_hdr.msg_namelen = sizeof in->from[i];
    int count = recvmmsg(fd, &in->headers[first], room, 0, NULL);
    /* An ICMP error comes up here once, instead of a datagram. */
    if (count < 0 && errno != EAGAIN)
        count = recvmmsg(fd, &in->headers[first], room, 0, NULL);
    return count > 0 ? (size_t)count : 0;
}

size_t ptn_udp_receive(int fd, struct ptn_udp_in *in)
{
    return ptn_udp_receive_more(fd, PTN_IPV6, in, 0);
}

struct ptn_bytes ptn_udp_in_bytes(const struct ptn_udp_in *in, size_t i)
{
    return ptn_bytes(in->datagrams[i].bytes, in->headers[i].msg_len);
}

struct ptn_addr ptn_udp_in_from(const struct ptn_udp_in *in, size_t i)
{
    return ptn_addr_of_sockaddr(&in->from[i].sa);
}

void ptn_udp_in_get(const struct ptn_udp_in *in, size_t i, struct ptn_addr *from,
                    struct ptn_bytes *bytes)
{
    const union far_end *far = &in->from[i];
    uint64_t words[2] = {far->v4.sin_addr.s_addr, 0};

    bytes->data = in->parts[i].iov_base;
    bytes->size = in->headers[i].msg_len;
    if (far->sa.sa_family == AF_INET) {
        memcpy(from->ip, words, sizeof words);
        from->port = ntohs(far->v4.sin_port);
        from->family = PTN_IPV4;
        from->zero = 0;
    } else {
        *from = ptn_addr_of_sockaddr(&far->sa);
    }
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

/* ---- out ---- */

/* What belongs to a message beside its header, and is as long. */
struct beside {
    union far_end to;
    int fd;
    uint64_t key;
    uint64_t apart[3];
};

struct ptn_udp_out {
    size_t count;
    bool mixed;     /* they leave by several sockets */
    bool no_trains; /* the kernel, or a card, does not take trains apart */
    struct mmsghdr headers[PTN_UDP_BATCH_MAX];
    struct beside beside[PTN_UDP_BATCH_MAX];
    size_t part_count, used;
    struct iovec parts[PTN_UDP_BATCH_MAX];
    struct train trains[PTN_UDP_BATCH_MAX];
    uint8_t arena[ARENA_SIZE];
};

struct ptn_udp_out *ptn_udp_out_new(void)
{
    /* Zeroed, for the bytes of a sockaddr_in that nobody writes go to the kernel as well. */
    struct ptn_udp_out *out = calloc(1, sizeof *out);

    if (!out)
        return NULL;
    for (size_t i = 0; i < PTN_UDP_BATCH_MAX; i++)
        out->headers[i] = (struct mmsghdr){.msg_hdr = {.msg_name = &out->beside[i].to}};
    return out;
}

void ptn_udp_out_free(struct ptn_udp_out *out)
{
    free(out);
}

static inline socklen_t set_far_end(union far_end *to, const struct ptn_addr *a)
{
    struct sockaddr_storage sa;

    if (a->family == PTN_IPV4) {
        /* Nobody looks at the eight zeros behind. */
        to->v4.sin_family = AF_INET;
        to->v4.sin_port = htons(a->port);
        memcpy(&to->v4.sin_addr, a->ip, 4);
        return sizeof to->v4;
    }
    socklen_t size = ptn_sockaddr_of(a, &sa);
    memcpy(to, &sa, sizeof *to);
    return size;
}

/* Does the i-th go to this far end? */
static bool goes_to(const struct ptn_udp_out *out, size_t i, const struct ptn_addr *a)
{
    const union far_end *to = &out->beside[i].to;

    if (a->family == PTN_IPV4)
        return to->sa.sa_family == AF_INET && to->v4.sin_port == htons(a->port) &&
               memcmp(&to->v4.sin_addr, a->ip, 4) == 0;
    return to->sa.sa_family == AF_INET6 && to->v6.sin6_port == htons(a->port) &&
           memcmp(&to->v6.sin6_addr, a->ip, 16) == 0;
}

static void set_train(struct msghdr *h, struct train *train, uint16_t size)
{
    h->msg_control = train->control;
    h->msg_controllen = sizeof train->control;
    struct cmsghdr *header = CMSG_FIRSTHDR(h);
    *header = (struct cmsghdr){
        .cmsg_len = CMSG_LEN(sizeof size), .cmsg_level = IPPROTO_UDP, .cmsg_type = UDP_SEGMENT};
    memcpy(CMSG_DATA(header), &size, sizeof size);
}

/* Hangs the datagram on the last one, if it may. All of a train are of one size, but the last. */
static bool join_train(struct ptn_udp_out *out, int fd, const struct ptn_addr *to,
                       struct ptn_bytes bytes)
{
    if (__builtin_expect(bytes.size < TRAIN_DATAGRAM_MIN, 1) || out->no_trains || out->count == 0)
        return false;
    size_t i = out->count - 1;
    struct msghdr *h = &out->headers[i].msg_hdr;
    size_t size = h->msg_iov[0].iov_len;
    if (out->beside[i].fd != fd || bytes.size > size || size > TRAIN_DATAGRAM_MAX ||
        h->msg_iov[h->msg_iovlen - 1].iov_len != size ||
        (h->msg_iovlen + 1) * size > TRAIN_BYTES_MAX || !goes_to(out, i, to))
        return false;
    h->msg_iov[h->msg_iovlen++] = (struct iovec){(void *)(uintptr_t)bytes.data, bytes.size};
    out->part_count++;
    set_train(h, &out->trains[i], (uint16_t)size);
    return true;
}

static void add_single(struct ptn_udp_out *out, int fd, uint64_t key, const struct ptn_addr *to,
                       struct ptn_bytes bytes)
{
    size_t i = out->count++;
    struct iovec *part = &out->parts[out->part_count++];
    struct msghdr *h = &out->headers[i].msg_hdr;

    *part = (struct iovec){(void *)(uintptr_t)bytes.data, bytes.size};
    h->msg_iov = part;
    h->msg_iovlen = 1;
    h->msg_control = NULL;
    h->msg_controllen = 0;
    h->msg_namelen = set_far_end(&out->beside[i].to, to);
    out->beside[i].fd = fd;
    out->beside[i].key = key;
    out->mixed |= fd != out->beside[0].fd;
}

bool ptn_udp_out_lend(struct ptn_udp_out *out, int fd, uint64_t key, const struct ptn_addr *to,
                      struct ptn_bytes bytes)
{
    if (out->part_count == PTN_UDP_BATCH_MAX)
        return false;
    if (!join_train(out, fd, to, bytes))
        add_single(out, fd, key, to, bytes);
    return true;
}

bool ptn_udp_out_add(struct ptn_udp_out *out, int fd, uint64_t key, const struct ptn_addr *to,
                     struct ptn_bytes bytes)
{
    uint8_t *copy = out->arena + out->used;

    assert(bytes.size <= DATAGRAM_MAX);
    if (out->part_count == PTN_UDP_BATCH_MAX || ARENA_SIZE - out->used < bytes.size)
        return false;
    if (bytes.size > 0)
        memcpy(copy, bytes.data, bytes.size);
    out->used += bytes.size;
    add_single(out, fd, key, to, ptn_bytes(copy, bytes.size));
    return true;
}

static void note_failure(const struct ptn_udp_out *out, size_t i, int number,
                         struct ptn_udp_sent *sent)
{
    sent->failures[sent->failure_count++] = (struct ptn_udp_failure){
        out->beside[i].key, ptn_addr_of_sockaddr(&out->beside[i].to.sa), ptn_err_of_errno(number)};
}

/* How many messages from the i-th on leave by the same socket. */
static size_t run_length(const struct ptn_udp_out *out, size_t i)
{
    size_t end = out->mixed ? i + 1 : out->count;

    while (end < out->count && out->beside[end].fd == out->beside[i].fd)
        end++;
    return end - i;
}

/* A train that was refused goes once more as single datagrams. */
static void send_singly(const struct ptn_udp_out *out, size_t i, struct ptn_udp_sent *sent)
{
    struct msghdr h = out->headers[i].msg_hdr;
    struct iovec *parts = h.msg_iov;
    size_t count = h.msg_iovlen;

    h.msg_control = NULL;
    h.msg_controllen = 0;
    h.msg_iovlen = 1;
    for (size_t k = 0; k < count; k++) {
        h.msg_iov = &parts[k];
        if (sendmsg(out->beside[i].fd, &h, 0) >= 0)
            sent->sent++;
        else
            sent->dropped++;
    }
}

void ptn_udp_out_flush(struct ptn_udp_out *out, struct ptn_udp_sent *sent)
{
    bool retried = false;

    sent->sent = sent->dropped = sent->failure_count = 0;
    for (size_t i = 0; i < out->count;) {
        int n = sendmmsg(out->beside[i].fd, &out->headers[i], (unsigned)run_length(out, i), 0);
        size_t parts = out->headers[i].msg_hdr.msg_iovlen;

        if (n > 0) {
            if (out->part_count == out->count)
                sent->sent += (size_t)n;
            else
                for (size_t k = i; k < i + (size_t)n; k++)
                    sent->sent += out->headers[k].msg_hdr.msg_iovlen;
            i += (size_t)n;
            retried = false;
        } else if (errno == EAGAIN || errno == ENOBUFS) {
            i++;
            sent->dropped += parts;
        } else if (!retried) {
            /* What comes up may be the ICMP error of an earlier datagram, perhaps to somebody
             * else; only the second time is it this one's own. */
            retried = true;
        } else {
            if (parts > 1) {
                out->no_trains |= errno == EIO || errno == EINVAL || errno == ENOPROTOOPT;
                send_singly(out, i++, sent);
            } else {
                note_failure(out, i++, errno, sent);
            }
            retried = false;
        }
    }
    out->count = out->part_count = out->used = 0;
    out->mixed = false;
}
