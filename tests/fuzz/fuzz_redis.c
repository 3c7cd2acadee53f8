/*
 * fuzz_redis - what a Redis server, or whoever poses as one, says to questions or without any.
 *
 * The first byte: how many questions are asked (2 bits), whether they are asked before it speaks,
 * whether it hangs up afterwards.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os/redis.h"

enum { ASKS_FIRST = 4, HANGS_UP = 8, TURNS = 6 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int door = -1;
static struct ptn_redis_opts opts;
static struct ptn_loop *loop;

static void open_door(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;

    door = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(door, (struct sockaddr *)&at, sizeof at) != 0 || listen(door, 4) != 0 ||
        getsockname(door, (struct sockaddr *)&at, &size) != 0 || ptn_loop_new(&loop) != PTN_OK ||
        !ptn_redis_parse("", &opts))
        abort();
    opts.port = ntohs(at.sin_port);
}

static void turn(struct ptn_redis *r)
{
    struct ptn_ready ready[4];

    for (unsigned i = 0; i < TURNS; i++) {
        size_t count = ptn_loop_wait(loop, 0, ready, 4);
        for (size_t k = 0; k < count; k++)
            ptn_redis_ready(r, PTN_S(1), &ready[k]);
        if (count == 0)
            return;
    }
}

static void ask(struct ptn_redis *r, unsigned questions)
{
    struct ptn_bytes words[] = {ptn_bytes_of_text("GET"), ptn_bytes_of_text("x")};

    for (unsigned i = 0; i < questions; i++)
        ptn_redis_ask(r, PTN_S(1), i, words, 2);
    turn(r);
}

static volatile uint8_t seen;

/* In the order they were asked, each once, and every byte of them can be read. */
static void take_answers(struct ptn_redis *r, unsigned questions)
{
    struct ptn_redis_answer a;
    unsigned count = 0;

    for (; ptn_redis_answer(r, &a); count++) {
        if (a.token != count || a.count > PTN_REDIS_ITEMS_MAX || (a.nothing && a.count > 0))
            abort();
        for (size_t i = 0; i < a.count; i++)
            for (size_t k = 0; k < a.items[i].size; k++)
                seen ^= a.items[i].data[k];
    }
    if (count > questions)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct linger at_once = {.l_onoff = 1};
    struct ptn_redis *r;

    if (size == 0)
        return 0;
    if (door < 0)
        open_door();
    unsigned questions = data[0] & 3;
    if (ptn_redis_new(loop, 1, &opts, &r) != PTN_OK)
        abort();
    ptn_redis_tick(r, PTN_S(1));
    int far = accept(door, NULL, NULL);
    setsockopt(far, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    turn(r);
    if (data[0] & ASKS_FIRST)
        ask(r, questions);
    send(far, data + 1, size - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (data[0] & HANGS_UP)
        shutdown(far, SHUT_WR);
    turn(r);
    if (!(data[0] & ASKS_FIRST))
        ask(r, questions);
    turn(r);
    take_answers(r, questions);
    ptn_redis_free(r);
    close(far);
    return 0;
}
