/*
 * os/redis.h - questions to a Redis server, on the loop.
 *
 * The connection is made anew whenever it was lost, and given up when Redis is silent for three
 * seconds though it was asked. A question is answered once: by Redis, or with PTN_ERR_UNREACHABLE
 * when there is no connection (any more). Nothing is called back.
 */
#ifndef PTN_OS_REDIS_H
#define PTN_OS_REDIS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "base/err.h"
#include "os/loop.h"

enum { PTN_REDIS_TEXT_SIZE = 256, PTN_REDIS_ITEMS_MAX = 1024, PTN_REDIS_WORDS_MAX = 72 };

struct ptn_redis_opts {
    char host[PTN_REDIS_TEXT_SIZE]; /* an address */
    unsigned port;                  /* 0: 6379 */
    unsigned database;
    char password[PTN_REDIS_TEXT_SIZE];
};

/* "ip=127.0.0.1 dbname=2 password=secret port=6379 connect_timeout=30", as coturn has it; any of it
 * may be missing. False: a word is not of these. */
bool ptn_redis_parse(const char *text, struct ptn_redis_opts *opts);

struct ptn_redis;

/* `l` is borrowed for its life. Connects with the first tick. */
enum ptn_err ptn_redis_new(struct ptn_loop *l, uint8_t owner, const struct ptn_redis_opts *opts,
                           struct ptn_redis **out);
void ptn_redis_free(struct ptn_redis *r);

bool ptn_redis_is_up(const struct ptn_redis *r);
/* Why not, in words. */
const char *ptn_redis_why(const struct ptn_redis *r);

/* `token` comes back with the answer; `words`: the command and what follows it. */
void ptn_redis_ask(struct ptn_redis *r, ptn_time now, uint64_t token, const struct ptn_bytes *words,
                   size_t count);

/* Sends what was asked as far as the kernel takes it, for an owner who will not wait for answers.
 */
void ptn_redis_flush(struct ptn_redis *r);

struct ptn_redis_answer {
    uint64_t token;
    enum ptn_err why;
    bool nothing;                  /* there is no such key */
    const struct ptn_bytes *items; /* of a list; a single value is one item */
    size_t count;
};

/* The next answer, borrowed until the next call; false: there is none. */
bool ptn_redis_answer(struct ptn_redis *r, struct ptn_redis_answer *answer);

void ptn_redis_ready(struct ptn_redis *r, ptn_time now, const struct ptn_ready *ready);
void ptn_redis_tick(struct ptn_redis *r, ptn_time now);
ptn_time ptn_redis_deadline(const struct ptn_redis *r);

#endif
