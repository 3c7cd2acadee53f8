#include "os/loop.h"

#include <signal.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/entropy.h"
#include "support/test.h"

TEST(what_is_ready_comes_with_its_owner_and_key)
{
    struct ptn_loop *loop;
    struct ptn_ready ready[4];
    int pipe_ends[2];

    CHECK_EQ(PTN_OK, ptn_loop_new(&loop));
    CHECK_EQ(0, pipe(pipe_ends));
    CHECK_EQ(PTN_OK, ptn_loop_add(loop, pipe_ends[0], PTN_LOOP_IN, 7, PTN_LOOP_KEY_MAX));
    CHECK_EQ(0, ptn_loop_wait(loop, 0, ready, 4));
    CHECK_EQ(1, write(pipe_ends[1], "x", 1));
    CHECK_EQ(1, ptn_loop_wait(loop, PTN_NEVER, ready, 4));
    CHECK_EQ(7, ready[0].owner);
    CHECK_EQ(PTN_LOOP_IN, ready[0].what);
    CHECK_EQ(PTN_LOOP_KEY_MAX, (int64_t)ready[0].key);

    CHECK_EQ(PTN_OK, ptn_loop_change(loop, pipe_ends[0], 0, 7, 1));
    CHECK_EQ(0, ptn_loop_wait(loop, 0, ready, 4));
    CHECK_EQ(PTN_OK, ptn_loop_change(loop, pipe_ends[0], PTN_LOOP_IN, 8, 2));
    CHECK_EQ(1, ptn_loop_wait(loop, PTN_NEVER, ready, 4));
    CHECK_EQ(8, ready[0].owner);
    ptn_loop_remove(loop, pipe_ends[0]);
    CHECK_EQ(0, ptn_loop_wait(loop, 0, ready, 4));
    close(pipe_ends[0]);
    close(pipe_ends[1]);
    ptn_loop_free(loop);
}

TEST(waiting_ends_at_the_deadline_not_before)
{
    struct ptn_loop *loop;
    struct ptn_ready ready[1];
    ptn_time deadline = ptn_clock_now() + PTN_MS(3);

    CHECK_EQ(PTN_OK, ptn_loop_new(&loop));
    CHECK_EQ(0, ptn_loop_wait(loop, deadline, ready, 1));
    CHECK(ptn_clock_now() >= deadline);
    ptn_loop_free(loop);
}

TEST(a_signal_is_handed_out_like_anything_else)
{
    struct ptn_loop *loop;
    struct ptn_ready ready[4];
    const int signals[] = {SIGUSR1, SIGUSR2};

    CHECK_EQ(PTN_OK, ptn_loop_new(&loop));
    CHECK_EQ(PTN_OK, ptn_loop_signals(loop, signals, 2, 1));
    raise(SIGUSR2);
    CHECK_EQ(1, ptn_loop_wait(loop, PTN_NEVER, ready, 4));
    CHECK_EQ(1, ready[0].owner);
    CHECK_EQ(SIGUSR2, ready[0].key);
    CHECK_EQ(0, ptn_loop_wait(loop, 0, ready, 4));
    ptn_loop_free(loop);
}

TEST(the_kernels_die_does_not_repeat_itself)
{
    struct ptn_dice d = ptn_entropy_dice();
    uint8_t big[2][1000], zeros[1000] = {0};
    uint64_t before = ptn_dice_u64(&d);

    for (unsigned i = 0; i < 100; i++) {
        uint64_t now = ptn_dice_u64(&d);
        CHECK(now != before);
        before = now;
    }
    ptn_dice_fill(&d, big[0], sizeof big[0]);
    ptn_dice_fill(&d, big[1], sizeof big[1]);
    CHECK(memcmp(big[0], big[1], sizeof big[0]) != 0);
    CHECK(memcmp(big[0] + 900, zeros, 100) != 0);
}
