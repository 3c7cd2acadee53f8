/*
 * os/redis.c - hiredis' asynchronous side on our loop; its calls back become a queue of answers.
 */
#include "os/redis.h"

#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define AGAIN_AFTER PTN_S(1)
/* A host that is gone says nothing: the kernel would go on hoping for a quarter of an hour. */
#define SILENCE_MAX PTN_S(3)

enum { LIST_MAX = 1 << 20 };

struct answer {
    struct answer *next;
    struct ptn_redis_answer is;
    struct ptn_bytes items[]; /* and their bytes behind them */
};

struct question {
    struct ptn_redis *redis;
    uint64_t token;
};

struct ptn_redis {
    struct ptn_loop *loop;
    uint8_t owner;
    struct ptn_redis_opts opts;
    redisAsyncContext *context; /* NULL: not connected, and nothing under way */
    redisReplyObjectFunctions make, usual;
    bool up, in_loop, ending;
    unsigned watched;
    ptn_time again; /* when to connect */
    ptn_time now;
    ptn_time silent_since; /* as long as it owes us anything; else PTN_NEVER */
    char why[PTN_REDIS_TEXT_SIZE];
    struct answer *first, **last, *handed_out;
};

/* ---- settings ---- */

static bool parse_number(const char *text, unsigned *out)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);

    *out = (unsigned)value;
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && value <= 65535;
}

static bool parse_word(char *word, struct ptn_redis_opts *opts)
{
    char *value = strchr(word, '=');
    unsigned ignored;

    if (!value)
        return false;
    *value++ = '\0';
    if (strcmp(word, "ip") == 0 || strcmp(word, "host") == 0)
        return snprintf(opts->host, sizeof opts->host, "%s", value) > 0;
    if (strcmp(word, "port") == 0)
        return parse_number(value, &opts->port);
    if (strcmp(word, "dbname") == 0)
        return parse_number(value, &opts->database);
    if (strcmp(word, "password") == 0)
        return snprintf(opts->password, sizeof opts->password, "%s", value) >= 0;
    return strcmp(word, "connect_timeout") == 0 && parse_number(value, &ignored);
}

bool ptn_redis_parse(const char *text, struct ptn_redis_opts *opts)
{
    char copy[PTN_REDIS_TEXT_SIZE];
    char *rest = copy;

    *opts = (struct ptn_redis_opts){.host = "127.0.0.1", .port = 6379};
    if (snprintf(copy, sizeof copy, "%s", text) >= (int)sizeof copy)
        return false;
    for (char *word; (word = strsep(&rest, " \t"));)
        if (word[0] && !parse_word(word, opts))
            return false;
    return true;
}

/* ---- answers ---- */

static struct answer *make_answer(uint64_t token, size_t count, size_t bytes)
{
    struct answer *a = calloc(1, sizeof *a + count * sizeof a->items[0] + bytes + 1);

    if (a) {
        a->is.token = token;
        a->is.items = a->items;
    }
    return a;
}

static void queue(struct ptn_redis *r, struct answer *a)
{
    if (!a)
        return; /* without memory the owner asks again some time */
    *r->last = a;
    r->last = &a->next;
}

static void answer_failure(struct ptn_redis *r, uint64_t token, enum ptn_err why)
{
    struct answer *a = make_answer(token, 0, 0);

    if (a)
        a->is.why = why;
    queue(r, a);
}

static bool is_text(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_STATUS;
}

static struct answer *copy_items(uint64_t token, redisReply *const *items, size_t count)
{
    size_t bytes = 0;

    count = count < PTN_REDIS_ITEMS_MAX ? count : PTN_REDIS_ITEMS_MAX;
    for (size_t i = 0; i < count; i++)
        bytes += is_text(items[i]) ? items[i]->len : 0;
    struct answer *a = make_answer(token, count, bytes);
    uint8_t *at = a ? (uint8_t *)&a->items[count] : NULL;
    for (size_t i = 0; a && i < count; i++) {
        size_t size = is_text(items[i]) ? items[i]->len : 0;
        if (size > 0)
            memcpy(at, items[i]->str, size);
        a->items[a->is.count++] = ptn_bytes(at, size);
        at += size;
    }
    return a;
}

/* ---- what nobody asked for ---- */

/* hiredis aborts the program over an answer to no question, unless it is an error. */
static bool is_uninvited(const redisAsyncContext *c, char first)
{
    return !c->replies.head && first != '-';
}

static void hang_up(redisAsyncContext *c, const char *why)
{
    snprintf(c->c.errstr, sizeof c->c.errstr, "%s", why);
    redisAsyncFree(c); /* within a call back: as soon as that is over */
}

static const char too_much[] = "Redis said more than it was asked";

static void look_at_rest(redisAsyncContext *c)
{
    const redisReader *reader = c->c.reader;

    if (reader->pos < reader->len && is_uninvited(c, reader->buf[reader->pos]))
        hang_up(c, too_much);
}

/* What it was asked next it owes from now on. */
static void heard(redisAsyncContext *c)
{
    struct ptn_redis *r = c->data;

    r->silent_since = c->replies.head ? r->now : PTN_NEVER;
    look_at_rest(c);
}

static bool has_uninvited(const redisAsyncContext *c)
{
    char first;

    return !c->replies.head && recv(c->c.fd, &first, 1, MSG_PEEK | MSG_DONTWAIT) == 1 &&
           is_uninvited(c, first);
}

static void on_reply(redisAsyncContext *c, void *data, void *asked)
{
    struct question *q = asked;
    redisReply *reply = data;
    struct ptn_redis *r = q->redis;

    if (r && !r->ending && !reply) {
        answer_failure(r, q->token, PTN_ERR_UNREACHABLE);
    } else if (r && !r->ending && reply->type == REDIS_REPLY_ERROR) {
        snprintf(r->why, sizeof r->why, "%s", reply->str);
        answer_failure(r, q->token, PTN_ERR_REFUSED);
    } else if (r && !r->ending && reply->type == REDIS_REPLY_ARRAY) {
        queue(r, copy_items(q->token, reply->element, reply->elements));
    } else if (r && !r->ending && is_text(reply)) {
        queue(r, copy_items(q->token, &reply, 1));
    } else if (r && !r->ending) {
        struct answer *a = make_answer(q->token, 0, 0);
        if (a)
            a->is.nothing = reply->type == REDIS_REPLY_NIL;
        queue(r, a);
    }
    free(q);
    if (reply)
        heard(c);
}

bool ptn_redis_answer(struct ptn_redis *r, struct ptn_redis_answer *answer)
{
    struct answer *a = r->first;

    free(r->handed_out);
    r->handed_out = a;
    if (!a)
        return false;
    r->first = a->next;
    if (!r->first)
        r->last = &r->first;
    *answer = a->is;
    return true;
}

/* ---- the loop ---- */

static void watch(struct ptn_redis *r, unsigned what)
{
    if (!r->context || (r->in_loop && what == r->watched))
        return;
    r->watched = what;
    if (r->in_loop)
        ptn_loop_change(r->loop, r->context->c.fd, what, r->owner, 0);
    else
        r->in_loop = ptn_loop_add(r->loop, r->context->c.fd, what, r->owner, 0) == PTN_OK;
}

static void add_read(void *self)
{
    struct ptn_redis *r = self;
    watch(r, r->watched | PTN_LOOP_IN);
}

static void remove_read(void *self)
{
    struct ptn_redis *r = self;
    watch(r, r->watched & ~(unsigned)PTN_LOOP_IN);
}

static void add_write(void *self)
{
    struct ptn_redis *r = self;
    watch(r, r->watched | PTN_LOOP_OUT);
}

static void remove_write(void *self)
{
    struct ptn_redis *r = self;
    watch(r, r->watched & ~(unsigned)PTN_LOOP_OUT);
}

static void clean_up(void *self)
{
    struct ptn_redis *r = self;

    if (r->in_loop && r->context)
        ptn_loop_remove(r->loop, r->context->c.fd);
    r->in_loop = false;
    r->watched = 0;
}

/* hiredis frees the context after either. */
static void lost(struct ptn_redis *r, const char *why)
{
    r->up = false;
    r->context = NULL;
    r->silent_since = PTN_NEVER;
    snprintf(r->why, sizeof r->why, "%s", why && why[0] ? why : "the connection was closed");
}

static void on_connected(const redisAsyncContext *c, int status)
{
    struct ptn_redis *r = c->data;

    r->up = status == REDIS_OK;
    if (r->up)
        r->silent_since = c->replies.head ? r->now : PTN_NEVER;
    else
        lost(r, c->errstr);
}

static void on_disconnected(const redisAsyncContext *c, int status)
{
    (void)status;
    lost(c->data, c->errstr);
}

static void on_greeted(redisAsyncContext *c, void *data, void *self)
{
    struct ptn_redis *r = self;
    const redisReply *reply = data;

    if (reply && reply->type == REDIS_REPLY_ERROR)
        snprintf(r->why, sizeof r->why, "%s", reply->str);
    if (reply)
        heard(c);
}

/* hiredis makes room for as many items as are announced, be it for gigabytes, and for lists within
 * lists, which no answer of ours has. NULL ends the connection. */
static void *make_list(const redisReadTask *task, int count)
{
    const struct ptn_redis *r = task->privdata;

    return task->parent || count > LIST_MAX ? NULL : r->usual.createArray(task, count);
}

static void connect_now(struct ptn_redis *r)
{
    redisAsyncContext *c = redisAsyncConnect(r->opts.host, (int)r->opts.port);

    if (!c || c->err) {
        snprintf(r->why, sizeof r->why, "%s", c ? c->errstr : "out of memory");
        if (c)
            redisAsyncFree(c);
        return;
    }
    r->context = c;
    r->silent_since = r->now;
    c->data = c->ev.data = r;
    r->make = r->usual = *c->c.reader->fn;
    r->make.createArray = make_list;
    c->c.reader->fn = &r->make;
    c->c.reader->privdata = r;
    c->ev.addRead = add_read;
    c->ev.delRead = remove_read;
    c->ev.addWrite = add_write;
    c->ev.delWrite = remove_write;
    c->ev.cleanup = clean_up;
    redisAsyncSetConnectCallback(c, on_connected);
    redisAsyncSetDisconnectCallback(c, on_disconnected);
    /* Before anything else that is asked. */
    if (r->opts.password[0])
        redisAsyncCommand(c, on_greeted, r, "AUTH %s", r->opts.password);
    if (r->opts.database)
        redisAsyncCommand(c, on_greeted, r, "SELECT %u", r->opts.database);
    if (r->context)
        add_write(r);
}

/* ---- the owner's side ---- */

enum ptn_err ptn_redis_new(struct ptn_loop *l, uint8_t owner, const struct ptn_redis_opts *opts,
                           struct ptn_redis **out)
{
    struct ptn_redis *r = calloc(1, sizeof *r);

    *out = r;
    if (!r)
        return PTN_ERR_NO_MEMORY;
    r->loop = l;
    r->owner = owner;
    r->opts = *opts;
    r->last = &r->first;
    r->silent_since = PTN_NEVER;
    snprintf(r->why, sizeof r->why, "not connected yet");
    return PTN_OK;
}

void ptn_redis_free(struct ptn_redis *r)
{
    struct ptn_redis_answer answer;

    if (!r)
        return;
    r->ending = true;
    if (r->context)
        redisAsyncFree(r->context);
    while (ptn_redis_answer(r, &answer))
        ;
    free(r);
}

bool ptn_redis_is_up(const struct ptn_redis *r)
{
    return r->up;
}

const char *ptn_redis_why(const struct ptn_redis *r)
{
    return r->why;
}

void ptn_redis_ask(struct ptn_redis *r, ptn_time now, uint64_t token, const struct ptn_bytes *words,
                   size_t count)
{
    const char *texts[PTN_REDIS_WORDS_MAX];
    size_t sizes[PTN_REDIS_WORDS_MAX];
    struct question *q = r->context ? malloc(sizeof *q) : NULL;

    for (size_t i = 0; i < count && i < PTN_REDIS_WORDS_MAX; i++) {
        texts[i] = (const char *)words[i].data;
        sizes[i] = words[i].size;
    }
    if (q)
        *q = (struct question){r, token};
    if (!q ||
        redisAsyncCommandArgv(r->context, on_reply, q, (int)count, texts, sizes) != REDIS_OK) {
        free(q);
        answer_failure(r, token, PTN_ERR_UNREACHABLE);
    } else if (r->silent_since == PTN_NEVER) {
        r->silent_since = now;
    }
}

void ptn_redis_flush(struct ptn_redis *r)
{
    if (r->up)
        redisAsyncHandleWrite(r->context);
}

void ptn_redis_ready(struct ptn_redis *r, ptn_time now, const struct ptn_ready *ready)
{
    r->now = now;
    if (r->context && (ready->what & PTN_LOOP_IN) && has_uninvited(r->context))
        hang_up(r->context, too_much);
    if (r->context && (ready->what & (PTN_LOOP_IN | PTN_LOOP_ERROR)))
        redisAsyncHandleRead(r->context);
    if (r->context && (ready->what & PTN_LOOP_OUT))
        redisAsyncHandleWrite(r->context);
}

static bool is_silent(const struct ptn_redis *r)
{
    return r->silent_since != PTN_NEVER && r->now >= r->silent_since + SILENCE_MAX;
}

void ptn_redis_tick(struct ptn_redis *r, ptn_time now)
{
    r->now = now;
    if (r->context && is_silent(r)) {
        hang_up(r->context, "it does not answer");
        if (r->context) /* of one that was never up hiredis says nothing */
            lost(r, "it does not answer");
    }
    if (r->context || now < r->again)
        return;
    r->again = now + AGAIN_AFTER;
    connect_now(r);
}

ptn_time ptn_redis_deadline(const struct ptn_redis *r)
{
    if (!r->context)
        return r->again;
    return r->silent_since == PTN_NEVER ? PTN_NEVER : r->silent_since + SILENCE_MAX;
}
