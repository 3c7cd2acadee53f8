/*
 * os/netns_keeper.c - what stands in a new host, in the order it is put there.
 *
 * Mounts first, because the interface's switches are files under /proc/sys of
 * this network namespace; the loopback before the cable, so that no program can
 * meet a host without one.
 */
#include "os/netns_keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/errno.h"
#include "os/link.h"
#include "os/tun.h"

#define CABLE "eth0"
#define FURNITURE "/run/postern-lab"

struct keeper {
    int errands;
    const struct ptn_netns_opts *opts;
    struct ptn_netns_cable cable; /* as it is now */
    int tun;
};

static void answer(const struct keeper *k, enum ptn_err err, const char *stage, int fd)
{
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct ptn_keeper_answer a = {.err = err};
    struct iovec bytes = {&a, sizeof a};
    struct msghdr m = {.msg_iov = &bytes, .msg_iovlen = 1};

    snprintf(a.stage, sizeof a.stage, "%s", stage);
    if (fd >= 0) {
        m.msg_control = &control;
        m.msg_controllen = sizeof control;
        control.head = (struct cmsghdr){
            .cmsg_len = CMSG_LEN(sizeof fd), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
        memcpy(CMSG_DATA(&control.head), &fd, sizeof fd);
    }
    if (sendmsg(k->errands, &m, MSG_NOSIGNAL) < 0)
        _exit(1);
}

static bool write_text(const char *path, int flags, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC | flags, 0644);
    if (fd < 0)
        return false;
    bool whole = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    close(fd);
    return whole;
}

static bool make_folders(const char *path)
{
    char part[PATH_MAX];

    for (const char *at = strchr(path + 1, '/'); at; at = strchr(at + 1, '/')) {
        snprintf(part, sizeof part, "%.*s", (int)(at - path), path);
        if (mkdir(part, 0755) < 0 && errno != EEXIST)
            return false;
    }
    return true;
}

/* `path` shows `text` in this host. Where it is a link into /run (as resolv.conf is on many
 * machines), our /run is empty and the file is made there; else ours is bound over the machine's.
 */
static bool put_file(const char *path, const char *real, const char *text)
{
    char ours[PATH_MAX];

    if (strncmp(real, "/run/", 5) == 0)
        return make_folders(real) && write_text(real, O_CREAT, text);
    snprintf(ours, sizeof ours, FURNITURE "%s", path);
    return make_folders(ours) && write_text(ours, O_CREAT, text) &&
           mount(ours, path, NULL, MS_BIND, NULL) == 0;
}

static enum ptn_err furnish_etc(struct keeper *k)
{
    static const char *const paths[] = {"/etc/resolv.conf", "/etc/hosts", "/etc/hostname"};
    const char *texts[] = {k->opts->resolv_conf, k->opts->hosts, k->opts->name};
    char real[3][PATH_MAX] = {0};

    /* Where they lead must be read before /run is hidden. */
    for (size_t i = 0; i < 3; i++)
        if (!realpath(paths[i], real[i]))
            real[i][0] = 0;
    if (mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755") < 0)
        return ptn_err_of_errno(errno);
    for (size_t i = 0; i < 3; i++)
        if (real[i][0] && !put_file(paths[i], real[i], texts[i]))
            return ptn_err_of_errno(errno);
    return PTN_OK;
}

static enum ptn_err furnish_mounts(struct keeper *k)
{
    (void)k;
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return ptn_err_of_errno(errno);
    /* So that `ps` shows the host's processes. A container may forbid it; then it shows more. */
    (void)mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
    return PTN_OK;
}

static enum ptn_err furnish_name(struct keeper *k)
{
    return sethostname(k->opts->name, strlen(k->opts->name)) < 0 ? ptn_err_of_errno(errno) : PTN_OK;
}

/* Switches that keep the kernel from talking on the cable by itself, and let everybody ping. A
 * kernel without one of them (or without IPv6) does no worse. */
static enum ptn_err furnish_switches(struct keeper *k)
{
    static const char *const switches[][2] = {
        {"/proc/sys/net/ipv6/conf/all/disable_ipv6", "0"},
        {"/proc/sys/net/ipv6/conf/default/disable_ipv6", "0"},
        {"/proc/sys/net/ipv6/conf/default/addr_gen_mode", "1"},
        {"/proc/sys/net/ipv6/conf/default/router_solicitations", "0"},
        {"/proc/sys/net/ipv6/conf/default/accept_ra", "0"},
        {"/proc/sys/net/ipv4/ping_group_range", "0 2147483647"},
    };

    (void)k;
    for (size_t i = 0; i < sizeof switches / sizeof *switches; i++)
        (void)write_text(switches[i][0], 0, switches[i][1]);
    return PTN_OK;
}

static enum ptn_err furnish_loopback(struct keeper *k)
{
    (void)k;
    return ptn_link_up("lo", 0);
}

static enum ptn_err furnish_tun(struct keeper *k)
{
    return ptn_tun_open(CABLE, &k->tun);
}

static enum ptn_err plug_in(struct keeper *k, const struct ptn_netns_cable *cable)
{
    enum ptn_err err = PTN_OK;

    for (unsigned i = 0; i < k->cable.addr_count && !err; i++)
        err = ptn_link_remove_addr(CABLE, &k->cable.addrs[i].addr, k->cable.addrs[i].bits);
    k->cable = *cable;
    for (unsigned i = 0; i < cable->addr_count && !err; i++)
        err = ptn_link_add_addr(CABLE, &cable->addrs[i].addr, cable->addrs[i].bits);
    for (unsigned v6 = 0; v6 < 2 && !err; v6++) {
        enum ptn_family family = v6 ? PTN_IPV6 : PTN_IPV4;
        bool has = false;
        for (unsigned i = 0; i < cable->addr_count; i++)
            has |= cable->addrs[i].addr.family == family;
        if (has)
            err = ptn_link_set_default(CABLE, family, &cable->gateway[v6]);
    }
    return err;
}

static enum ptn_err furnish_cable(struct keeper *k)
{
    enum ptn_err err = ptn_link_up(CABLE, k->opts->mtu);
    return err ? err : plug_in(k, &k->opts->cable);
}

static void furnish(struct keeper *k)
{
    static const struct {
        const char *stage; /* after "cannot" */
        enum ptn_err (*step)(struct keeper *k);
    } steps[] = {
        {"make its mounts its own", furnish_mounts},
        {"give it a /run and its files in /etc", furnish_etc},
        {"give it its name", furnish_name},
        {"set its network switches", furnish_switches},
        {"bring up its loopback", furnish_loopback},
        {"make a TUN interface from /dev/net/tun", furnish_tun},
        {"set up its interface", furnish_cable},
    };

    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        enum ptn_err err = steps[i].step(k);
        if (err) {
            answer(k, err, steps[i].stage, -1);
            _exit(1);
        }
    }
    answer(k, PTN_OK, "", k->tun);
    close(k->tun);
}

static void run_errand(struct keeper *k, const struct ptn_keeper_errand *errand)
{
    int fd = -1;

    switch (errand->kind) {
    case PTN_KEEPER_SOCKET:
        fd = socket(errand->family == PTN_IPV6 ? AF_INET6 : AF_INET,
                    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        answer(k, fd < 0 ? ptn_err_of_errno(errno) : PTN_OK, "", fd);
        if (fd >= 0)
            close(fd);
        return;
    case PTN_KEEPER_CABLE: answer(k, plug_in(k, &errand->cable), "", -1); return;
    }
}

_Noreturn void ptn_keeper_live(int errands, const struct ptn_netns_opts *opts)
{
    struct keeper k = {.opts = opts, .tun = -1};
    struct ptn_keeper_errand errand;
    sigset_t all;

    /* Nothing of the owner's may live on here: not its sockets, nor other hosts' cables. */
    k.errands = dup2(errands, 3);
    (void)close_range(4, ~0u, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_NAME, "postern-host");
    (void)setsid();           /* the terminal's Ctrl-C is for the owner alone */
    signal(SIGCHLD, SIG_IGN); /* orphans of the host end here, unmourned */
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);

    furnish(&k);
    while (recv(k.errands, &errand, sizeof errand, 0) == sizeof errand)
        run_errand(&k, &errand);
    _exit(0);
}
