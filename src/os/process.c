/*
 * os/process.c - fork, enter, exec; and one pipe that closes by itself when exec worked.
 */
#include "os/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/errno.h"
#include "os/netns.h"

enum { READ, WRITE };

struct pipes {
    int out[2], err[2], failure[2];
};

static void close_all(struct pipes *p)
{
    int *ends[] = {p->out, p->err, p->failure};

    for (unsigned i = 0; i < 3; i++)
        for (unsigned side = READ; side <= WRITE; side++)
            if (ends[i][side] >= 0)
                close(ends[i][side]);
}

static enum ptn_err open_pipes(struct pipes *p)
{
    *p = (struct pipes){{-1, -1}, {-1, -1}, {-1, -1}};
    if (pipe2(p->out, O_CLOEXEC) == 0 && pipe2(p->err, O_CLOEXEC) == 0 &&
        pipe2(p->failure, O_CLOEXEC) == 0)
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

/* The pipe ends without a word when exec closed it. */
static enum ptn_err hear_failure(struct pipes *p)
{
    enum ptn_err err;

    close(p->failure[WRITE]);
    p->failure[WRITE] = -1;
    return read(p->failure[READ], &err, sizeof err) == sizeof err ? err : PTN_OK;
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
    pid_t pid = -1;
    int door = -1;

    *p = (struct ptn_process){.exited = -1, .out = -1, .err = -1};
    enum ptn_err err = open_pipes(&pipes);
    if (err)
        return err;
    if (opts->host)
        err = ptn_netns_open_door(opts->host, &door);
    if (!err && (pid = fork()) < 0)
        err = ptn_err_of_errno(errno);
    if (pid == 0) {
        err = become(opts, &pipes, door);
        (void)!write(pipes.failure[WRITE], &err, sizeof err);
        _exit(127);
    }
    if (!err)
        err = hear_failure(&pipes);
    if (!err)
        *p = (struct ptn_process){.pid = pid,
                                  .exited = (int)syscall(SYS_pidfd_open, pid, 0),
                                  .out = take_output(pipes.out),
                                  .err = take_output(pipes.err)};
    else if (pid > 0)
        (void)waitpid(pid, NULL, 0);
    if (door >= 0)
        close(door);
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
