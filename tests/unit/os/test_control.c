#include "os/control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/file.h"
#include "support/test.h"

struct fixture {
    struct ptn_loop *loop;
    struct ptn_control *control;
    char folder[32], path[48];
};

static void set_up(struct fixture *f)
{
    strcpy(f->folder, "/tmp/ptn-test-XXXXXX");
    CHECK(mkdtemp(f->folder));
    snprintf(f->path, sizeof f->path, "%s/control", f->folder);
    CHECK_EQ(PTN_OK, ptn_loop_new(&f->loop));
    CHECK_EQ(PTN_OK,
             ptn_control_new(f->loop, &(struct ptn_control_opts){f->path, 0600, 3}, &f->control));
}

static void tear_down(struct fixture *f)
{
    ptn_control_free(f->control);
    CHECK(access(f->path, F_OK) != 0);
    ptn_loop_free(f->loop);
    rmdir(f->folder);
}

/* Feeds what is ready; waits for one thing at most a second. */
static void turn(struct fixture *f)
{
    struct ptn_ready ready[8];
    size_t n = ptn_loop_wait(f->loop, ptn_clock_now() + PTN_S(1), ready, 8);

    for (size_t i = 0; i < n; i++) {
        CHECK_EQ(3, ready[i].owner);
        ptn_control_ready(f->control, &ready[i]);
    }
}

static bool next_line(struct fixture *f, struct ptn_control_line *line)
{
    for (unsigned i = 0; i < 10; i++) {
        if (ptn_control_line(f->control, line))
            return true;
        turn(f);
    }
    return false;
}

TEST(a_question_is_answered_and_both_are_whole_lines)
{
    struct fixture f;
    struct ptn_control_caller caller;
    struct ptn_control_line line;
    struct ptn_bytes answer;
    struct stat st;

    set_up(&f);
    CHECK_EQ(0, stat(f.path, &st));
    CHECK_EQ(0600, st.st_mode & 0777);
    CHECK_EQ(PTN_OK, ptn_control_call(f.path, &caller));
    CHECK_EQ(PTN_OK, ptn_control_say(&caller, ptn_bytes_of_text("{\"do\":\"status\"}\r")));
    CHECK_EQ(PTN_OK, ptn_control_say(&caller, ptn_bytes_of_text("second")));
    CHECK(next_line(&f, &line));
    CHECK_STR("{\"do\":\"status\"}", (const char *)line.text.data);
    CHECK_EQ(PTN_OK, ptn_control_send(f.control, line.client, ptn_bytes_of_text("{\"ok\":true}")));
    CHECK(next_line(&f, &line));
    CHECK_STR("second", (const char *)line.text.data);
    CHECK(!ptn_control_line(f.control, &line));
    CHECK_EQ(PTN_OK, ptn_control_hear(&caller, PTN_S(1), &answer));
    CHECK_STR("{\"ok\":true}", (const char *)answer.data);
    CHECK_EQ(PTN_ERR_TIMED_OUT, ptn_control_hear(&caller, 0, &answer));

    ptn_control_end(f.control, line.client);
    CHECK(!ptn_control_has(f.control, line.client));
    CHECK_EQ(PTN_ERR_RESET, ptn_control_hear(&caller, PTN_S(1), &answer));
    CHECK_EQ(PTN_ERR_NOT_FOUND,
             ptn_control_send(f.control, line.client, ptn_bytes_of_text("late")));
    ptn_control_hang_up(&caller);
    tear_down(&f);
}

TEST(a_caller_that_says_no_more_still_gets_its_answer)
{
    struct fixture f;
    struct ptn_control_caller caller;
    struct ptn_control_line line;
    struct ptn_bytes answer;

    set_up(&f);
    CHECK_EQ(PTN_OK, ptn_control_call(f.path, &caller));
    CHECK_EQ(PTN_OK, ptn_control_say(&caller, ptn_bytes_of_text("question")));
    shutdown(caller.fd, SHUT_WR);
    CHECK(next_line(&f, &line));
    CHECK_EQ(PTN_OK, ptn_control_send(f.control, line.client, ptn_bytes_of_text("answer")));
    uint32_t client = line.client;
    for (unsigned i = 0; i < 10 && ptn_control_has(f.control, client); i++) {
        turn(&f);
        CHECK(!ptn_control_line(f.control, &line));
    }
    CHECK(!ptn_control_has(f.control, client));
    CHECK_EQ(PTN_OK, ptn_control_hear(&caller, PTN_S(1), &answer));
    CHECK_STR("answer", (const char *)answer.data);
    ptn_control_hang_up(&caller);
    tear_down(&f);
}

TEST(a_line_without_an_end_costs_the_connection)
{
    struct fixture f;
    struct ptn_control_caller caller;
    struct ptn_control_line line;
    static char endless[PTN_CONTROL_LINE_MAX];

    set_up(&f);
    memset(endless, 'x', sizeof endless);
    CHECK_EQ(PTN_OK, ptn_control_call(f.path, &caller));
    turn(&f);
    size_t sent = 0;
    for (unsigned i = 0; i < 1000 && sent < sizeof endless; i++) {
        ssize_t n = send(caller.fd, endless + sent, sizeof endless - sent, MSG_DONTWAIT);
        sent += n > 0 ? (size_t)n : 0;
        turn(&f);
        CHECK(!ptn_control_line(f.control, &line));
    }
    CHECK_EQ(sizeof endless, sent);
    for (unsigned i = 0; i < 10 && ptn_control_has(f.control, 32); i++) {
        turn(&f);
        CHECK(!ptn_control_line(f.control, &line));
    }
    CHECK(!ptn_control_has(f.control, 32));
    ptn_control_hang_up(&caller);
    tear_down(&f);
}

TEST(a_client_that_does_not_read_is_dropped_when_its_queue_is_full)
{
    struct fixture f;
    struct ptn_control_caller caller;
    struct ptn_control_line line;
    static char news[60000];
    enum ptn_err err = PTN_OK;

    set_up(&f);
    memset(news, 'n', sizeof news);
    CHECK_EQ(PTN_OK, ptn_control_call(f.path, &caller));
    CHECK_EQ(PTN_OK, ptn_control_say(&caller, ptn_bytes_of_text("tell me")));
    CHECK(next_line(&f, &line));
    for (unsigned i = 0; i < 1000 && err == PTN_OK; i++)
        err = ptn_control_send(f.control, line.client, ptn_bytes(news, sizeof news));
    CHECK_EQ(PTN_ERR_NO_ROOM, err);
    CHECK(!ptn_control_has(f.control, line.client));
    ptn_control_hang_up(&caller);
    tear_down(&f);
}

TEST(a_slow_client_gets_everything_in_order)
{
    struct fixture f;
    struct ptn_control_caller caller;
    struct ptn_control_line line;
    struct ptn_bytes heard;
    static char news[60000];

    set_up(&f);
    CHECK_EQ(PTN_OK, ptn_control_call(f.path, &caller));
    CHECK_EQ(PTN_OK, ptn_control_say(&caller, ptn_bytes_of_text("tell me")));
    CHECK(next_line(&f, &line));
    for (unsigned i = 0; i < 16; i++) {
        memset(news, 'a' + (int)i, sizeof news);
        CHECK_EQ(PTN_OK, ptn_control_send(f.control, line.client, ptn_bytes(news, sizeof news)));
    }
    for (unsigned i = 0; i < 16;) {
        enum ptn_err err = ptn_control_hear(&caller, 0, &heard);
        if (err == PTN_OK) {
            CHECK_EQ(sizeof news, heard.size);
            CHECK_EQ('a' + (int)i, heard.data[59999]);
            i++;
        } else {
            CHECK_EQ(PTN_ERR_TIMED_OUT, err);
            turn(&f);
        }
    }
    ptn_control_hang_up(&caller);
    tear_down(&f);
}

TEST(the_33rd_client_is_turned_away_and_places_are_used_again)
{
    struct fixture f;
    struct ptn_control_caller callers[PTN_CONTROL_CLIENTS_MAX + 1], one_more;
    struct ptn_control_line line;
    struct ptn_bytes heard;

    set_up(&f);
    for (size_t i = 0; i < PTN_CONTROL_CLIENTS_MAX + 1; i++) {
        CHECK_EQ(PTN_OK, ptn_control_call(f.path, &callers[i]));
        turn(&f);
    }
    CHECK_EQ(PTN_ERR_RESET, ptn_control_hear(&callers[32], PTN_S(1), &heard));
    ptn_control_hang_up(&callers[5]);
    turn(&f);
    CHECK(!ptn_control_line(f.control, &line));
    CHECK_EQ(PTN_OK, ptn_control_call(f.path, &one_more));
    CHECK_EQ(PTN_OK, ptn_control_say(&one_more, ptn_bytes_of_text("hello")));
    CHECK(next_line(&f, &line));
    CHECK_STR("hello", (const char *)line.text.data);
    ptn_control_hang_up(&one_more);
    for (size_t i = 0; i < PTN_CONTROL_CLIENTS_MAX + 1; i++)
        if (i != 5)
            ptn_control_hang_up(&callers[i]);
    tear_down(&f);
}

TEST(a_socket_in_use_is_left_alone_and_a_stale_one_is_replaced)
{
    struct fixture f;
    struct ptn_control *second;
    struct ptn_control_caller caller;
    struct ptn_control_opts opts = {f.path, 0660, 3};

    set_up(&f);
    CHECK_EQ(PTN_ERR_IN_USE, ptn_control_new(f.loop, &opts, &second));
    CHECK(access(f.path, F_OK) == 0);
    tear_down(&f);

    /* As a program leaves it that was killed. */
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    strcpy(f.folder, "/tmp/ptn-test-XXXXXX");
    CHECK(mkdtemp(f.folder));
    snprintf(f.path, sizeof f.path, "%s/control", f.folder);
    strcpy(addr.sun_path, f.path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK_EQ(0, bind(fd, (struct sockaddr *)&addr, sizeof addr));
    close(fd);
    CHECK_EQ(PTN_ERR_REFUSED, ptn_control_call(f.path, &caller));
    CHECK_EQ(PTN_OK, ptn_loop_new(&f.loop));
    CHECK_EQ(PTN_OK, ptn_control_new(f.loop, &opts, &f.control));
    tear_down(&f);
    CHECK_EQ(PTN_ERR_NOT_FOUND, ptn_control_call(f.path, &caller));
}

TEST(a_plain_file_in_its_place_is_not_removed)
{
    char folder[] = "/tmp/ptn-test-XXXXXX", path[64];
    struct ptn_loop *loop;
    struct ptn_control *control;

    CHECK(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/precious", folder);
    CHECK_EQ(PTN_OK, ptn_file_write(path, ptn_bytes_of_text("x"), 0600));
    CHECK_EQ(PTN_OK, ptn_loop_new(&loop));
    CHECK_EQ(PTN_ERR_IN_USE,
             ptn_control_new(loop, &(struct ptn_control_opts){path, 0600, 1}, &control));
    CHECK(access(path, F_OK) == 0);
    ptn_loop_free(loop);
    unlink(path);
    rmdir(folder);
}
