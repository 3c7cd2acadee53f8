#include "os/splice.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os/clock.h"
#include "support/test.h"

/* Two connections, joined in the middle: what is written to ends[0] comes out of ends[1]. */
struct fixture {
    struct ptn_loop *loop;
    struct ptn_splice *splice;
    int ends[2];
};

static void prepare(struct fixture *f)
{
    int a[2], b[2];

    CHECK_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, a));
    CHECK_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, b));
    CHECK_EQ(PTN_OK, ptn_loop_new(&f->loop));
    f->splice = calloc(1, sizeof *f->splice);
    f->ends[0] = a[0];
    f->ends[1] = b[0];
    CHECK_EQ(PTN_OK, ptn_splice_start(f->splice, f->loop, a[1], b[1], 3, 10));
}

/* Moves until there is nothing to do; false once the splice has ended. */
static bool move_all(struct fixture *f)
{
    struct ptn_ready ready[4];
    bool lives = true;

    while (lives && ptn_loop_wait(f->loop, ptn_clock_now(), ready, 4) > 0) {
        CHECK_EQ(3, ready[0].owner);
        CHECK(ready[0].key == 10 || ready[0].key == 11);
        lives = ptn_splice_move(f->splice, f->loop, 3, 10);
    }
    return lives;
}

static void end(struct fixture *f)
{
    ptn_splice_stop(f->splice, f->loop);
    for (unsigned i = 0; i < 2; i++)
        if (f->ends[i] >= 0)
            close(f->ends[i]);
    free(f->splice);
    ptn_loop_free(f->loop);
}

TEST(what_comes_in_here_goes_out_there_both_ways)
{
    struct fixture f;
    char buf[16];

    prepare(&f);
    for (unsigned from = 0; from < 2; from++) {
        CHECK_EQ(5, write(f.ends[from], "hello", 5));
        CHECK(move_all(&f));
        CHECK_EQ(5, read(f.ends[1 - from], buf, sizeof buf));
        CHECK_BYTES("hello", buf, 5);
    }
    end(&f);
}

TEST(an_end_is_passed_on_behind_the_last_byte_and_the_other_way_lives)
{
    struct fixture f;
    char buf[16];

    prepare(&f);
    CHECK_EQ(4, write(f.ends[0], "last", 4));
    CHECK_EQ(0, shutdown(f.ends[0], SHUT_WR));
    CHECK(move_all(&f));
    CHECK_EQ(4, read(f.ends[1], buf, sizeof buf));
    CHECK_EQ(0, read(f.ends[1], buf, sizeof buf));

    CHECK_EQ(6, write(f.ends[1], "answer", 6));
    CHECK(move_all(&f));
    CHECK_EQ(6, read(f.ends[0], buf, sizeof buf));
    CHECK_EQ(0, shutdown(f.ends[1], SHUT_WR));
    CHECK(!move_all(&f));
    CHECK_EQ(0, read(f.ends[0], buf, sizeof buf));
    end(&f);
}

TEST(a_reader_who_does_not_read_stops_the_writer_and_loses_nothing)
{
    enum { TOTAL = 4 << 20 };
    struct fixture f;
    uint8_t *buf = malloc(TOTAL);
    size_t written = 0, taken = 0;
    bool was_stopped = false;

    prepare(&f);
    while (taken < TOTAL) {
        uint8_t chunk[4096];
        while (written < TOTAL) {
            for (size_t i = 0; i < sizeof chunk; i++)
                chunk[i] = (uint8_t)((written + i) * 7 >> 3);
            ssize_t size = write(f.ends[0], chunk, sizeof chunk);
            if (size < 0)
                break;
            written += (size_t)size;
            CHECK(move_all(&f));
        }
        was_stopped |= written < TOTAL;
        ssize_t size = read(f.ends[1], buf + taken, 100000);
        CHECK(size > 0);
        taken += (size_t)size;
        CHECK(move_all(&f));
    }
    CHECK(was_stopped);
    for (size_t i = 0; i < TOTAL; i++)
        if (buf[i] != (uint8_t)(i * 7 >> 3))
            CHECK_EQ(TOTAL, i);
    free(buf);
    end(&f);
}

TEST(a_side_that_breaks_ends_both)
{
    struct fixture f;

    prepare(&f);
    close(f.ends[1]);
    f.ends[1] = -1;
    CHECK_EQ(4, write(f.ends[0], "lost", 4));
    CHECK(!move_all(&f));
    CHECK_EQ(-1, send(f.ends[0], "more", 4, MSG_NOSIGNAL));
    end(&f);
}
