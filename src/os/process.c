/*
 * os/process.c - fork, enter, exec; and one pipe for news, which closes by itself when exec worked.
 */
#include "os/process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/errno.h"
#include "os/netns.h"

enum { READ, WRITE };

/* From the way to exec(): the program's process, or why it came to nothing. */
struct news {
    pid_t pid;
    enum ptn_err err;
};

struct pipes {
    int out[2], err[2], news[2];
};

static void close_all(struct pipes *p)
{
    int *ends[] = {p->out, p->err, p->news};

    for (unsigned i = 0; i < 3; i++)
        for (unsigned side = READ; side <= WRITE; side++)
            if (ends[i][side] >= 0)
                close(ends[i][side]);
}

static enum ptn_err open_pipes(struct pipes *p)
{
    *p = (struct pipes){{-1, -1}, {-1, -1}, {-1, -1}};
    if (pipe2(p->out, O_CLOEXEC) == 0 && pipe2(p->err, O_CLOEXEC) == 0 &&
        pipe2(p->news, O_CLOEXEC) == 0)
        return PTN_OK;
    enum ptn_err err = ptn_err_of_errno(errno);
    close_all(p);
    return err;
}

static void reset_signals(void)
{
    sigset_t none;

    for (int signal_number = 1; signal_number < NSIG; signal_number++)
        signal(signal_number, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Entering a mount namespace moves to its root; the same folder is there by the same name. */
static enum ptn_err enter_host(int door)
{
    char *folder = getcwd(NULL, 0);
    enum ptn_err err = ptn_netns_enter(door);

    if (!err && folder && chdir(folder) < 0)
        err = ptn_err_of_errno(errno);
    free(folder);
    return err;
}

static enum ptn_err become(const struct ptn_process_opts *opts, const struct pipes *p, int door)
{
    enum ptn_err err = door >= 0 ? enter_host(door) : PTN_OK;
    if (err)
        return err;

    int nothing = open("/dev/null", O_RDONLY);
    if (nothing < 0 || dup2(nothing, 0) < 0 || dup2(p->out[WRITE], 1) < 0 ||
        dup2(p->err[WRITE], 2) < 0)
        return ptn_err_of_errno(errno);
    (void)setsid();
    reset_signals();
    for (size_t i = 0; opts->names && opts->names[i]; i++)
        (void)setenv(opts->names[i], opts->values[i], 1);
    /* execvp() wants what it will not write to without const. */
    union {
        const char *const *ours;
        char *const *theirs;
    } argv = {opts->argv};
    execvp(argv.theirs[0], argv.theirs);
    return ptn_err_of_errno(errno);
}

static _Noreturn void fail(const struct pipes *p, enum ptn_err err)
{
    (void)!write(p->news[WRITE], &(struct news){.err = err}, sizeof(struct news));
    _exit(127);
}

/* In a child that exists only for this: setns() would leave the mark of the host's process ids on
 * whoever calls it, and we could not fork any more once that host is gone. The program is its
 * sibling, our child. */
static _Noreturn void bring_into_host(const struct ptn_process_opts *opts, const struct pipes *p)
{
    struct clone_args args = {.flags = CLONE_PARENT};
    int door;

    enum ptn_err err = ptn_netns_open_door(opts->host, &door);
    if (err)
        fail(p, err);
    pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof args);
    if (pid < 0)
        fail(p, ptn_err_of_errno(errno));
    if (pid == 0)
        fail(p, become(opts, p, door));
    (void)!write(p->news[WRITE], &(struct news){.pid = pid}, sizeof(struct news));
    _exit(0);
}

static enum ptn_err start_child(const struct ptn_process_opts *opts, struct pipes *p, pid_t *pid)
{
    struct news news;
    enum ptn_err err = PTN_OK;

    pid_t child = fork();
    if (child < 0)
        return ptn_err_of_errno(errno);
    if (child == 0 && opts->host)
        bring_into_host(opts, p);
    if (child == 0)
        fail(p, become(opts, p, -1));
    close(p->news[WRITE]);
    p->news[WRITE] = -1;
    *pid = opts->host ? 0 : child;
    /* The pipe ends when exec has closed it. */
    while (read(p->news[READ], &news, sizeof news) == sizeof news) {
        *pid = news.pid ? news.pid : *pid;
        err = news.err ? news.err : err;
    }
    if (opts->host)
        (void)waitpid(child, NULL, 0);
    if (err && *pid)
        (void)waitpid(*pid, NULL, 0);
    return err || *pid ? err : PTN_ERR_IO;
}

static int take_output(int pipe_ends[2])
{
    int fd = pipe_ends[READ];

    (void)fcntl(fd, F_SETFL, O_NONBLOCK);
    pipe_ends[READ] = -1;
    return fd;
}

enum ptn_err ptn_process_start(const struct ptn_process_opts *opts, struct ptn_process *p)
{
    struct pipes pipes;
    pid_t pid = 0;

    *p = (struct ptn_process){.exited = -1, .out = -1, .err = -1};
    enum ptn_err err = open_pipes(&pipes);
    if (err)
        return err;
    err = start_child(opts, &pipes, &pid);
    if (!err)
        *p = (struct ptn_process){.pid = pid,
                                  .exited = (int)syscall(SYS_pidfd_open, pid, 0),
                                  .out = take_output(pipes.out),
                                  .err = take_output(pipes.err)};
    close_all(&pipes);
    return err;
}

void ptn_process_signal(const struct ptn_process *p, int signal_number)
{
    if (p->pid > 0)
        (void)kill(-p->pid, signal_number);
}

static void forget(struct ptn_process *p)
{
    close(p->exited);
    p->pid = 0;
    p->exited = -1;
}

bool ptn_process_reap(struct ptn_process *p, int *status)
{
    int raw;

    if (p->pid <= 0 || waitpid(p->pid, &raw, WNOHANG) != p->pid)
        return false;
    *status = WIFSIGNALED(raw) ? 128 + WTERMSIG(raw) : WEXITSTATUS(raw);
    forget(p);
    return true;
}

void ptn_process_wait(struct ptn_process *p)
{
    if (p->pid <= 0)
        return;
    while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    forget(p);
}
