/*
 * lab/forwards.c - a connection to the machine's loopback becomes one inside the host.
 *
 * The second socket is made inside the host's namespace (os/netns), so nothing
 * of this passes the scenario's wires: it works behind a NAT that forgot all.
 */
#include "forwards.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os/errno.h"
#include "os/sockaddr.h"
#include "os/splice.h"
#include "owners.h"

enum { CONNECTIONS_MAX = 64, BACKLOG = 16 };

struct ptn_forwards {
    const struct ptn_scenario *scenario;
    struct ptn_stage *stage;
    struct ptn_loop *loop;
    struct ptn_splice connections[CONNECTIONS_MAX];
    int listeners[];
};

static enum ptn_err listen_on_loopback(uint16_t port, int *out)
{
    struct sockaddr_storage address;
    struct ptn_addr local = ptn_addr_v4(127, 0, 0, 1, port);
    socklen_t size = ptn_sockaddr_of(&local, &address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return ptn_err_of_errno(errno);
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (bind(fd, (struct sockaddr *)&address, size) < 0 || listen(fd, BACKLOG) < 0) {
        enum ptn_err err = ptn_err_of_errno(errno);
        close(fd);
        return err;
    }
    *out = fd;
    return PTN_OK;
}

enum ptn_err ptn_forwards_new(struct ptn_forwards **out, const struct ptn_scenario *scenario,
                              struct ptn_stage *stage, struct ptn_loop *loop, unsigned *which)
{
    struct ptn_forwards *f =
        calloc(1, sizeof *f + scenario->forward_count * sizeof f->listeners[0]);
    enum ptn_err err = PTN_OK;

    *out = NULL;
    if (!f)
        return PTN_ERR_NO_MEMORY;
    f->scenario = scenario;
    f->stage = stage;
    f->loop = loop;
    for (unsigned i = 0; i < CONNECTIONS_MAX; i++)
        f->connections[i].fd[0] = f->connections[i].fd[1] = -1;
    for (unsigned i = 0; i < scenario->forward_count; i++)
        f->listeners[i] = -1;
    for (unsigned i = 0; i < scenario->forward_count && !err; i++) {
        *which = i;
        err = listen_on_loopback(scenario->forwards[i].local_port, &f->listeners[i]);
        if (!err)
            err = ptn_loop_add(loop, f->listeners[i], PTN_LOOP_IN, PTN_LAB_LISTENER, i);
    }
    if (err)
        ptn_forwards_free(f);
    else
        *out = f;
    return err;
}

void ptn_forwards_free(struct ptn_forwards *f)
{
    if (!f)
        return;
    for (unsigned i = 0; i < f->scenario->forward_count; i++)
        if (f->listeners[i] >= 0) {
            ptn_loop_remove(f->loop, f->listeners[i]);
            close(f->listeners[i]);
        }
    for (unsigned i = 0; i < CONNECTIONS_MAX; i++)
        ptn_splice_stop(&f->connections[i], f->loop);
    free(f);
}

/* Within a host a connection to one of its own addresses is made, or refused, at once; but not so
 * early that connect() itself would know. */
static bool is_connected(int fd)
{
    int number = 0;
    socklen_t size = sizeof number;

    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &number, &size) == 0 && number == 0;
}

static int try_address(struct ptn_netns *host, const struct ptn_addr *to)
{
    struct sockaddr_storage address;
    socklen_t size = ptn_sockaddr_of(to, &address);
    int fd;

    if (ptn_netns_tcp_socket(host, to->family, &fd))
        return -1;
    if (connect(fd, (struct sockaddr *)&address, size) == 0 ||
        (errno == EINPROGRESS && is_connected(fd)))
        return fd;
    close(fd);
    return -1;
}

/* A program may listen on loopback only, or on a certain address only. */
static int connect_inside(struct ptn_forwards *f, const struct ptn_scenario_forward *forward)
{
    struct ptn_netns *inside = ptn_stage_host(f->stage, forward->host);
    const struct ptn_scenario_host *host = ptn_net_host(ptn_stage_net(f->stage), forward->host);
    struct ptn_addr loopback = ptn_addr_v4(127, 0, 0, 1, forward->port);
    int fd = try_address(inside, &loopback);

    for (unsigned i = 0; i < host->leg_count && fd < 0; i++) {
        struct ptn_addr to = ptn_addr_with_port(host->legs[i].addr, forward->port);
        fd = try_address(inside, &to);
    }
    return fd;
}

static void accept_one(struct ptn_forwards *f, unsigned which)
{
    unsigned slot = 0;
    int outside = accept4(f->listeners[which], NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (outside < 0)
        return;
    while (slot < CONNECTIONS_MAX && f->connections[slot].fd[0] >= 0)
        slot++;
    int inside = slot < CONNECTIONS_MAX ? connect_inside(f, &f->scenario->forwards[which]) : -1;
    if (inside < 0) {
        close(outside);
        return;
    }
    (void)ptn_splice_start(&f->connections[slot], f->loop, outside, inside, PTN_LAB_FORWARD,
                           2 * slot);
}

void ptn_forwards_ready(struct ptn_forwards *f, const struct ptn_ready *ready)
{
    if (ready->owner == PTN_LAB_LISTENER) {
        accept_one(f, (unsigned)ready->key);
        return;
    }
    struct ptn_splice *s = &f->connections[ready->key / 2];
    if (s->fd[0] >= 0)
        (void)ptn_splice_move(s, f->loop, PTN_LAB_FORWARD, ready->key & ~UINT64_C(1));
}
