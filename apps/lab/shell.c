/*
 * lab/shell.c - through the door that a process of the host holds open.
 *
 * Only a child can be in another process-id namespace, so we stay outside and
 * wait for it, as a shell waits for a command in the foreground.
 */
#include "shell.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "desk.h"

static const char *default_shell(void)
{
    const char *shell = getenv("SHELL");

    return shell && shell[0] ? shell : "/bin/sh";
}

/* A process group whose number is known inside, and the terminal's foreground, as a shell with job
 * control needs them. */
static void take_terminal(void)
{
    (void)setpgid(0, 0);
    if (isatty(STDIN_FILENO))
        (void)tcsetpgrp(STDIN_FILENO, getpgrp());
    signal(SIGTTOU, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    signal(SIGQUIT, SIG_DFL);
}

static void give_terminal_back(void)
{
    if (isatty(STDIN_FILENO))
        (void)tcsetpgrp(STDIN_FILENO, getpgrp());
}

/* In the child; the folder is the same inside, unless it is hidden there. */
static void become(int door, const char *host, char *const argv[])
{
    char *folder = getcwd(NULL, 0);

    enum ptn_err err = ptn_netns_enter(door);
    if (err) {
        fprintf(stderr, "postern-lab: cannot enter %s: %s\n", host, ptn_err_text(err));
        return;
    }
    if (!folder || chdir(folder) < 0)
        (void)!chdir("/");
    free(folder);
    (void)setenv("POSTERN_LAB_HOST", host, 1);
    if (argv[0])
        (void)execvp(argv[0], argv);
    else
        (void)execlp(default_shell(), default_shell(), (char *)NULL);
    fprintf(stderr, "postern-lab: cannot run %s: %s\n", argv[0] ? argv[0] : default_shell(),
            strerror(errno));
}

static pid_t waited_for;

static void pass_on(int sig)
{
    (void)kill(waited_for, sig);
}

/* Who ends us meanwhile means the child. */
static int wait_for(pid_t child)
{
    int status;

    waited_for = child;
    signal(SIGTERM, pass_on);
    signal(SIGHUP, pass_on);
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return 127;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* In a child, because the way into another process-id namespace leaves its mark (os/netns). */
static int run_inside(int pid, const char *host, char *const argv[])
{
    int door;

    enum ptn_err err = ptn_netns_open_door(pid, &door);
    if (err) {
        fprintf(stderr, "postern-lab: cannot enter %s: %s\n", host, ptn_err_text(err));
        return 127;
    }
    pid_t child = fork();
    if (child == 0) {
        take_terminal();
        become(door, host, argv);
        _exit(127);
    }
    return child < 0 ? 127 : wait_for(child);
}

int ptn_shell(const char *folder, const char *host, char *const argv[])
{
    char question[64], answer[PTN_DESK_ANSWER_MAX];

    snprintf(question, sizeof question, "host %.50s", host);
    if (!ptn_desk_ask(folder, question, answer)) {
        fprintf(stderr, "postern-lab: %s\n", answer);
        return 1;
    }
    /* From here on the terminal, with its Ctrl-C, is the command's. */
    signal(SIGINT, SIG_IGN);
    signal(SIGQUIT, SIG_IGN);
    signal(SIGTTOU, SIG_IGN);
    pid_t child = fork();
    if (child == 0)
        _exit(run_inside(atoi(answer + strlen("pid ")), host, argv));
    int status = child < 0 ? 127 : wait_for(child);
    give_terminal_back();
    return status;
}
