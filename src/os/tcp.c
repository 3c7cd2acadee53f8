/*
 * os/tcp.c - opening and ending TCP connections.
 */
#include "os/tcp.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os/errno.h"
#include "os/sockaddr.h"

enum {
    BACKLOG = 1024,
    UNACKNOWLEDGED_MAX_MS =
        30000, /* then the connection is dead; the kernel would wait 15 minutes */
};

static void set(int fd, int level, int option, int value)
{
    setsockopt(fd, level, option, &value, sizeof value);
}

static enum ptn_err close_with(int *fd, int number)
{
    close(*fd);
    *fd = -1;
    return ptn_err_of_errno(number);
}

/* With SO_REUSEPORT two programs of one user could share a listening port and steal each other's
 * callers without a word; a listener without it finds that out. */
static bool is_free(const struct ptn_addr *local)
{
    struct sockaddr_storage sa;
    socklen_t size = ptn_sockaddr_of(local, &sa);
    int fd = socket(ptn_socket_family(local), SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return true;
    set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (local->family == PTN_IPV6)
        set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    bool taken = bind(fd, (struct sockaddr *)&sa, size) != 0 && errno == EADDRINUSE;
    close(fd);
    return !taken;
}

static enum ptn_err open_bound(const struct ptn_addr *local, int *fd)
{
    struct sockaddr_storage sa;
    socklen_t size = ptn_sockaddr_of(local, &sa);

    *fd = socket(ptn_socket_family(local), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (*fd < 0)
        return ptn_err_of_errno(errno);
    set(*fd, SOL_SOCKET, SO_REUSEADDR, 1);
    set(*fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (local->family == PTN_IPV6)
        set(*fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    if (bind(*fd, (struct sockaddr *)&sa, size) != 0)
        return close_with(fd, errno);
    return PTN_OK;
}

static void set_stream_options(int fd)
{
    set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, UNACKNOWLEDGED_MAX_MS);
}

enum ptn_err ptn_tcp_listen(const struct ptn_addr *local, bool joining, int *fd,
                            struct ptn_addr *bound)
{
    *fd = -1;
    if (local->port != 0 && !joining && !is_free(local))
        return PTN_ERR_IN_USE;
    enum ptn_err err = open_bound(local, fd);
    if (err != PTN_OK)
        return err;
    if (listen(*fd, BACKLOG) != 0)
        return close_with(fd, errno);
    *bound = ptn_socket_local(*fd);
    return PTN_OK;
}

enum ptn_err ptn_tcp_accept(int listener, int *fd, struct ptn_addr *local, struct ptn_addr *from)
{
    struct sockaddr_storage sa;
    socklen_t size;

    do {
        size = sizeof sa;
        *fd = accept4(listener, (struct sockaddr *)&sa, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
        /* A caller that has hung up already is not the end of the queue. */
    } while (*fd < 0 && (errno == ECONNABORTED || errno == EINTR));
    if (*fd < 0)
        return errno == EAGAIN ? PTN_ERR_NOT_FOUND : ptn_err_of_errno(errno);
    set_stream_options(*fd);
    *local = ptn_socket_local(*fd);
    *from = ptn_addr_of_sockaddr((struct sockaddr *)&sa);
    return PTN_OK;
}

enum ptn_err ptn_tcp_connect(const struct ptn_addr *local, const struct ptn_addr *to, uint8_t dscp,
                             int *fd)
{
    struct sockaddr_storage sa;
    socklen_t size = ptn_sockaddr_of(to, &sa);
    struct ptn_addr any = {.family = to->family};
    enum ptn_err err = open_bound(ptn_addr_is_none(local) ? &any : local, fd);

    if (err != PTN_OK)
        return err;
    set_stream_options(*fd);
    ptn_socket_set_dscp(*fd, to, dscp);
    if (connect(*fd, (struct sockaddr *)&sa, size) != 0 && errno != EINPROGRESS)
        return close_with(fd, errno);
    return PTN_OK;
}

enum ptn_err ptn_tcp_result(int fd)
{
    int number = 0;
    socklen_t size = sizeof number;

    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &number, &size) != 0)
        number = errno;
    return ptn_err_of_errno(number);
}

bool ptn_tcp_is_drained(int fd)
{
    int waiting = 0;

    return ioctl(fd, SIOCOUTQ, &waiting) != 0 || waiting == 0;
}

void ptn_tcp_abort(int fd)
{
    struct linger none = {.l_onoff = 1, .l_linger = 0};

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    close(fd);
}
