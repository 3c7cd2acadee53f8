/*
 * os/netns.c - each host is held by a keeper, the first process in it.
 *
 * The keeper is forked straight into new namespaces, furnishes them (os/netns_keeper),
 * sends the TUN home and then waits for small errands. The owner itself never
 * moves, so it needs no right to come back. When the keeper dies the kernel kills
 * every process of the host, and it dies with its owner, even by SIGKILL.
 */
#include "os/netns.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/errno.h"
#include "os/netns_keeper.h"

struct ptn_netns {
    pid_t keeper;
    int errands; /* a socket to the keeper */
    int tun;
};

static bool write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool whole = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    close(fd);
    return whole;
}

enum ptn_err ptn_netns_become_root(void)
{
    char uid_map[64], gid_map[64];

    if (geteuid() == 0)
        return PTN_OK;
    snprintf(uid_map, sizeof uid_map, "0 %u 1", (unsigned)geteuid());
    snprintf(gid_map, sizeof gid_map, "0 %u 1", (unsigned)getegid());
    if (unshare(CLONE_NEWUSER) < 0 || !write_file("/proc/self/setgroups", "deny") ||
        !write_file("/proc/self/uid_map", uid_map) || !write_file("/proc/self/gid_map", gid_map))
        return ptn_err_of_errno(errno);
    return PTN_OK;
}

/* The keeper's answer, and a descriptor when there is one. */
static enum ptn_err hear(int errands, struct ptn_keeper_answer *answer, int *fd)
{
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec bytes = {answer, sizeof *answer};
    struct msghdr m = {.msg_iov = &bytes,
                       .msg_iovlen = 1,
                       .msg_control = &control,
                       .msg_controllen = sizeof control};

    ssize_t size = recvmsg(errands, &m, MSG_CMSG_CLOEXEC);
    if (size != sizeof *answer)
        return size < 0 ? ptn_err_of_errno(errno) : PTN_ERR_IO;
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    if (fd)
        *fd = -1;
    if (fd && c && c->cmsg_type == SCM_RIGHTS)
        memcpy(fd, CMSG_DATA(c), sizeof *fd);
    return answer->err;
}

static enum ptn_err send_on_errand(struct ptn_netns *n, const struct ptn_keeper_errand *errand,
                                   int *fd)
{
    struct ptn_keeper_answer answer;

    if (send(n->errands, errand, sizeof *errand, MSG_NOSIGNAL) < 0)
        return ptn_err_of_errno(errno);
    return hear(n->errands, &answer, fd);
}

static pid_t fork_into_new_namespaces(void)
{
    struct clone_args args = {
        .flags = CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS,
        .exit_signal = SIGCHLD,
    };
    return (pid_t)syscall(SYS_clone3, &args, sizeof args);
}

static enum ptn_err start_keeper(struct ptn_netns *n, const struct ptn_netns_opts *opts,
                                 struct ptn_keeper_answer *answer)
{
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return ptn_err_of_errno(errno);
    n->errands = ends[0];
    n->keeper = fork_into_new_namespaces();
    if (n->keeper == 0)
        ptn_keeper_live(ends[1], opts);
    enum ptn_err err = n->keeper < 0 ? ptn_err_of_errno(errno) : PTN_OK;
    close(ends[1]);
    return err ? err : hear(n->errands, answer, &n->tun);
}

enum ptn_err ptn_netns_new(const struct ptn_netns_opts *opts, struct ptn_netns **out,
                           char why[static PTN_NETNS_WHY_MAX])
{
    struct ptn_keeper_answer answer = {.stage = "make its namespaces"};

    assert(opts->cable.addr_count <= PTN_NETNS_ADDRS_MAX);

    struct ptn_netns *n = malloc(sizeof *n);
    if (!n)
        return PTN_ERR_NO_MEMORY;
    *n = (struct ptn_netns){.keeper = -1, .errands = -1, .tun = -1};
    enum ptn_err err = start_keeper(n, opts, &answer);
    if (err) {
        snprintf(why, PTN_NETNS_WHY_MAX, "host \"%s\": cannot %s: %s", opts->name, answer.stage,
                 ptn_err_text(err));
        ptn_netns_free(n);
        return err;
    }
    *out = n;
    return PTN_OK;
}

void ptn_netns_free(struct ptn_netns *n)
{
    if (!n)
        return;
    if (n->errands >= 0)
        close(n->errands);
    if (n->tun >= 0)
        close(n->tun);
    if (n->keeper > 0) {
        kill(n->keeper, SIGKILL);
        while (waitpid(n->keeper, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    free(n);
}

int ptn_netns_tun(const struct ptn_netns *n)
{
    return n->tun;
}

int ptn_netns_pid(const struct ptn_netns *n)
{
    return n->keeper;
}

enum ptn_err ptn_netns_open_door(int pid, int *door)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (fd < 0)
        return ptn_err_of_errno(errno);
    /* Its maker was no root either: the rights over it are in its user namespace. */
    if ((geteuid() != 0 && setns(fd, CLONE_NEWUSER) < 0) || setns(fd, CLONE_NEWPID) < 0) {
        enum ptn_err err = ptn_err_of_errno(errno);
        close(fd);
        return err;
    }
    *door = fd;
    return PTN_OK;
}

enum ptn_err ptn_netns_enter(int door)
{
    if (setns(door, CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWUTS) < 0)
        return ptn_err_of_errno(errno);
    return PTN_OK;
}

enum ptn_err ptn_netns_tcp_socket(struct ptn_netns *n, enum ptn_family family, int *fd)
{
    return send_on_errand(
        n, &(struct ptn_keeper_errand){.kind = PTN_KEEPER_SOCKET, .family = family}, fd);
}

enum ptn_err ptn_netns_set_cable(struct ptn_netns *n, const struct ptn_netns_cable *cable)
{
    return send_on_errand(n, &(struct ptn_keeper_errand){.kind = PTN_KEEPER_CABLE, .cable = *cable},
                          NULL);
}
