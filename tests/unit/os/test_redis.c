#include "os/redis.h"

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
    ptn_redis_ask(r, 7, words, 2);
    ptn_redis_ask(r, 8, words, 2);
    CHECK(ptn_redis_answer(r, &a));
    CHECK(a.token == 7 && a.why == PTN_ERR_UNREACHABLE);
    CHECK(ptn_redis_answer(r, &a));
    CHECK_EQ(8, a.token);
    CHECK(!ptn_redis_answer(r, &a));
    ptn_redis_free(r);
    ptn_loop_free(loop);
}
