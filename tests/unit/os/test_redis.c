#include "os/redis.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/test.h"

TEST(where_redis_is_is_said_as_coturn_has_it)
{
    static const struct {
        const char *text, *host, *password;
        unsigned port, database;
        bool fine;
    } cases[] = {
        {"", "127.0.0.1", "", 6379, 0, true},
        {"ip=192.0.2.1 dbname=2 password=turn port=6380 connect_timeout=30", "192.0.2.1", "turn",
         6380, 2, true},
        {"host=192.0.2.1  port=1", "192.0.2.1", "", 1, 0, true},
        {"port=x", "", "", 0, 0, false},
        {"port=65536", "", "", 0, 0, false},
        {"user=1", "", "", 0, 0, false},
        {"192.0.2.1", "", "", 0, 0, false},
    };
    struct ptn_redis_opts opts;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        CHECK_EQ(cases[i].fine, ptn_redis_parse(cases[i].text, &opts));
        if (!cases[i].fine)
            continue;
        CHECK_STR(cases[i].host, opts.host);
        CHECK_STR(cases[i].password, opts.password);
        CHECK_EQ(cases[i].port, opts.port);
        CHECK_EQ(cases[i].database, opts.database);
    }
}

TEST(without_a_connection_each_question_is_answered_with_that)
{
    struct ptn_loop *loop;
    struct ptn_redis *r;
    struct ptn_redis_opts opts;
    struct ptn_redis_answer a;
    struct ptn_bytes words[] = {ptn_bytes_of_text("GET"), ptn_bytes_of_text("x")};

    CHECK_EQ(PTN_OK, ptn_loop_new(&loop));
    CHECK(ptn_redis_parse("", &opts));
    CHECK_EQ(PTN_OK, ptn_redis_new(loop, 1, &opts, &r));
    CHECK(!ptn_redis_is_up(r));
    ptn_redis_ask(r, 0, 7, words, 2);
    ptn_redis_ask(r, 0, 8, words, 2);
    CHECK(ptn_redis_answer(r, &a));
    CHECK(a.token == 7 && a.why == PTN_ERR_UNREACHABLE);
    CHECK(ptn_redis_answer(r, &a));
    CHECK_EQ(8, a.token);
    CHECK(!ptn_redis_answer(r, &a));
    ptn_redis_free(r);
    ptn_loop_free(loop);
}

/* A Redis played by the test. */
struct stage {
    struct ptn_loop *loop;
    struct ptn_redis *redis;
    int door, far;
    ptn_time now;
};

static void turn(struct stage *s)
{
    struct ptn_ready ready[4];
    size_t count;

    while ((count = ptn_loop_wait(s->loop, 0, ready, 4)) > 0)
        for (size_t i = 0; i < count; i++)
            ptn_redis_ready(s->redis, s->now, &ready[i]);
    ptn_redis_tick(s->redis, s->now);
}

static void open_stage(struct stage *s)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    struct ptn_redis_opts opts;

    *s = (struct stage){.now = PTN_S(1), .door = socket(AF_INET, SOCK_STREAM, 0), .far = -1};
    CHECK_EQ(0, bind(s->door, (struct sockaddr *)&at, sizeof at));
    CHECK_EQ(0, listen(s->door, 4));
    CHECK_EQ(0, getsockname(s->door, (struct sockaddr *)&at, &size));
    CHECK_EQ(PTN_OK, ptn_loop_new(&s->loop));
    CHECK(ptn_redis_parse("", &opts));
    opts.port = ntohs(at.sin_port);
    CHECK_EQ(PTN_OK, ptn_redis_new(s->loop, 1, &opts, &s->redis));
    turn(s);
}

static void let_in(struct stage *s)
{
    s->far = accept(s->door, NULL, NULL);
    CHECK(s->far >= 0);
    turn(s);
    CHECK(ptn_redis_is_up(s->redis));
}

static void close_stage(struct stage *s)
{
    ptn_redis_free(s->redis);
    ptn_loop_free(s->loop);
    close(s->far);
    close(s->door);
}

static void ask(struct stage *s, uint64_t token)
{
    struct ptn_bytes words[] = {ptn_bytes_of_text("GET"), ptn_bytes_of_text("x")};

    ptn_redis_ask(s->redis, s->now, token, words, 2);
    turn(s);
}

static void say(struct stage *s, const char *text)
{
    CHECK_EQ(strlen(text), send(s->far, text, strlen(text), MSG_NOSIGNAL));
    turn(s);
}

TEST(one_that_falls_silent_is_given_up_and_connected_to_anew)
{
    struct stage s;
    struct ptn_redis_answer a;

    open_stage(&s);
    let_in(&s);
    CHECK_EQ(PTN_NEVER, ptn_redis_deadline(s.redis)); /* it owes us nothing */
    s.now += PTN_S(100);
    ask(&s, 1);
    ask(&s, 2);
    CHECK_EQ(s.now + PTN_S(3), ptn_redis_deadline(s.redis));
    s.now += PTN_S(2);
    say(&s, "$1\r\na\r\n"); /* slow, but there */
    CHECK(ptn_redis_answer(s.redis, &a));
    CHECK(a.token == 1 && a.why == PTN_OK && a.count == 1);
    CHECK(!ptn_redis_answer(s.redis, &a));
    CHECK_EQ(s.now + PTN_S(3), ptn_redis_deadline(s.redis));
    s.now += PTN_S(3);
    turn(&s);
    CHECK(!ptn_redis_is_up(s.redis));
    CHECK_STR("it does not answer", ptn_redis_why(s.redis));
    CHECK(ptn_redis_answer(s.redis, &a));
    CHECK(a.token == 2 && a.why == PTN_ERR_UNREACHABLE);
    close(s.far);
    let_in(&s);
    ask(&s, 3);
    say(&s, "$-1\r\n");
    CHECK(ptn_redis_answer(s.redis, &a));
    CHECK(a.token == 3 && a.why == PTN_OK && a.nothing);
    CHECK_EQ(PTN_NEVER, ptn_redis_deadline(s.redis));
    close_stage(&s);
}

TEST(one_that_does_not_take_the_call_is_given_up_too)
{
    enum { BACKLOG = 1, CALLERS = 4 };
    struct stage s;
    struct sockaddr_in at;
    socklen_t size = sizeof at;
    int callers[CALLERS];

    /* A queue that is full: the kernel leaves the next caller without an answer. */
    open_stage(&s);
    let_in(&s);
    CHECK_EQ(0, listen(s.door, BACKLOG));
    CHECK_EQ(0, getsockname(s.door, (struct sockaddr *)&at, &size));
    for (unsigned i = 0; i < CALLERS; i++) {
        callers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        connect(callers[i], (struct sockaddr *)&at, sizeof at);
    }
    close(s.far);
    s.far = -1;
    s.now += PTN_S(10);
    turn(&s);
    CHECK(!ptn_redis_is_up(s.redis));
    CHECK_EQ(s.now + PTN_S(3), ptn_redis_deadline(s.redis));
    s.now += PTN_S(3);
    turn(&s);
    CHECK_STR("it does not answer", ptn_redis_why(s.redis));
    for (unsigned i = 0; i < CALLERS; i++)
        close(callers[i]);
    close_stage(&s);
}
