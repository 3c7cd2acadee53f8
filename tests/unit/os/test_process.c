#include "os/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "support/test.h"

static enum ptn_err start(struct ptn_process *p, const char *command)
{
    const char *argv[] = {"sh", "-c", command, NULL};
    static const char *const names[] = {"POSTERN_TEST", NULL}, *const values[] = {"value", NULL};

    return ptn_process_start(
        &(struct ptn_process_opts){.argv = argv, .names = names, .values = values}, p);
}

/* All a stream brings until its writers are gone, at most 99 bytes. */
static const char *read_all(int fd, char text[100])
{
    size_t size = 0;
    ssize_t part = 1;

    CHECK_EQ(0, fcntl(fd, F_SETFL, 0));
    while (part > 0 && size < 99) {
        part = read(fd, text + size, 99 - size);
        size += part > 0 ? (size_t)part : 0;
    }
    text[size] = '\0';
    close(fd);
    return text;
}

static int end_of(struct ptn_process *p)
{
    struct pollfd exited = {.fd = p->exited, .events = POLLIN};
    int status = -1;

    CHECK_EQ(1, poll(&exited, 1, 10000));
    CHECK(ptn_process_reap(p, &status));
    CHECK(!ptn_process_reap(p, &status));
    return status;
}

TEST(both_outputs_and_the_exit_code_come_home)
{
    struct ptn_process p;
    char text[100];

    CHECK_EQ(PTN_OK, start(&p, "echo out $POSTERN_TEST; echo err >&2; cat; exit 7"));
    CHECK_STR("out value\n", read_all(p.out, text));
    CHECK_STR("err\n", read_all(p.err, text));
    CHECK_EQ(7, end_of(&p));
}

TEST(a_program_that_cannot_be_run_is_an_error_and_leaves_nothing)
{
    struct ptn_process p;
    const char *missing[] = {"/nowhere/at/all", NULL}, *folder[] = {"/", NULL};

    CHECK_EQ(PTN_ERR_NOT_FOUND, ptn_process_start(&(struct ptn_process_opts){.argv = missing}, &p));
    CHECK_EQ(0, p.pid);
    CHECK_EQ(PTN_ERR_NOT_PERMITTED,
             ptn_process_start(&(struct ptn_process_opts){.argv = folder}, &p));
    ptn_process_signal(&p, SIGKILL);
    ptn_process_wait(&p);
}

TEST(a_signal_reaches_the_whole_group_and_is_told_as_a_shell_tells_it)
{
    struct ptn_process p;
    char text[100];

    CHECK_EQ(PTN_OK, start(&p, "sleep 1000 & echo $!; wait"));
    while (read(p.out, text, sizeof text) <= 0)
        (void)poll(&(struct pollfd){.fd = p.out, .events = POLLIN}, 1, 10000);
    ptn_process_signal(&p, SIGTERM);
    CHECK_EQ(128 + SIGTERM, end_of(&p));
    /* Its sleep held the other end of these. */
    CHECK_STR("", read_all(p.out, text));
    read_all(p.err, text);
}
