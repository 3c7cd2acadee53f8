/*
 * stun/stream.c - one connection a server, for one question.
 *
 *            due               OPENED              the answer
 *     RESTS -----> CONNECTS -----------> WAITS -----------------> CLOSES --> RESTS
 *       ^             |                    |       nothing in 3 s   ^
 *       +-- FAILED ---+--- CLOSED ---------+------------------------+
 */
#include "stun/stream.h"

#include <assert.h>

#define REFRESH_DEFAULT PTN_S(300)
/* To be connected and to be answered, each; over a stream nothing is repeated. */
#define PATIENCE PTN_S(3)

void ptn_stun_stream_init(struct ptn_stun_stream *s, const struct ptn_stun_stream_opts *opts)
{
    *s = (struct ptn_stun_stream){.opts = *opts};
    if (s->opts.refresh == 0)
        s->opts.refresh = REFRESH_DEFAULT;
    for (size_t i = 0; i < PTN_STUN_STREAM_SERVERS_MAX; i++)
        s->asked[i].due = PTN_NEVER;
}

/* Does the world know of a connection here? */
static bool is_open(const struct ptn_stun_stream_asked *a)
{
    return a->state == PTN_STUN_STREAM_WAITS || a->state == PTN_STUN_STREAM_CLOSES ||
           (a->state == PTN_STUN_STREAM_CONNECTS && !a->to_do);
}

void ptn_stun_stream_ask(struct ptn_stun_stream *s, ptn_time now, const struct ptn_addr *servers,
                         size_t count)
{
    assert(count <= PTN_STUN_STREAM_SERVERS_MAX);

    for (size_t i = 0; i < PTN_STUN_STREAM_SERVERS_MAX; i++) {
        struct ptn_stun_stream_asked *a = &s->asked[i];
        struct ptn_addr server = i < count ? servers[i] : (struct ptn_addr){0};
        if (ptn_addr_equal(&a->server, &server))
            continue;
        *a = (struct ptn_stun_stream_asked){.state = is_open(a) ? PTN_STUN_STREAM_CLOSES
                                                                : PTN_STUN_STREAM_RESTS,
                                            .server = server,
                                            .due = i < count ? now : PTN_NEVER};
    }
}

void ptn_stun_stream_doubt(struct ptn_stun_stream *s, ptn_time now)
{
    for (size_t i = 0; i < PTN_STUN_STREAM_SERVERS_MAX; i++)
        if (s->asked[i].state == PTN_STUN_STREAM_RESTS && !ptn_addr_is_none(&s->asked[i].server))
            s->asked[i].due = ptn_time_min(s->asked[i].due, now);
}

static size_t number_of(const struct ptn_stun_stream *s, ptn_id id)
{
    return id - s->opts.id_first;
}

bool ptn_stun_stream_owns(const struct ptn_stun_stream *s, ptn_id id)
{
    return id >= s->opts.id_first && number_of(s, id) < PTN_STUN_STREAM_SERVERS_MAX;
}

/* Done with it for now. Phones that asked together should not do so again. */
static void rest(struct ptn_stun_stream *s, ptn_time now, struct ptn_stun_stream_asked *a,
                 bool heard, bool open)
{
    ptn_time wait = heard ? s->opts.refresh : 2 * s->opts.refresh;

    a->tried = true;
    a->state = open ? PTN_STUN_STREAM_CLOSES : PTN_STUN_STREAM_RESTS;
    a->due = now + wait - (ptn_time)(ptn_dice_unit(&s->opts.dice) * 0.2 * (double)wait);
}

static void read_stream(struct ptn_stun_stream *s, ptn_time now, struct ptn_stun_stream_asked *a,
                        struct ptn_bytes bytes)
{
    struct ptn_stun_msg m;
    struct ptn_bytes message;
    enum ptn_stun_frame_step step;

    while ((step = ptn_stun_frame_next(&a->frame, &bytes, &message)) == PTN_STUN_FRAME_MESSAGE) {
        if (ptn_stun_decode(&m, message) != PTN_STUN_OK || m.method != PTN_STUN_BINDING ||
            !ptn_stun_id_equal(&m.id, &a->id))
            continue;
        struct ptn_addr mapped;
        bool heard = m.class == PTN_STUN_SUCCESS && ptn_stun_get_mapped(&m, &mapped, NULL);
        if (heard)
            a->mapped = mapped;
        a->told = !heard;
        rest(s, now, a, heard, true);
        return;
    }
    if (step == PTN_STUN_FRAME_BROKEN)
        rest(s, now, a, false, true);
}

void ptn_stun_stream_input(struct ptn_stun_stream *s, ptn_time now, const struct ptn_tell *tell)
{
    assert(ptn_stun_stream_owns(s, tell->id));

    struct ptn_stun_stream_asked *a = &s->asked[number_of(s, tell->id)];
    bool open = a->state == PTN_STUN_STREAM_WAITS || a->state == PTN_STUN_STREAM_CONNECTS;

    switch (tell->kind) {
    case PTN_TELL_OPENED:
        if (a->state != PTN_STUN_STREAM_CONNECTS)
            return;
        a->state = PTN_STUN_STREAM_WAITS;
        a->to_do = true;
        a->due = now + PATIENCE;
        a->id = ptn_stun_id_new(&s->opts.dice, s->opts.dialect);
        ptn_stun_frame_init(&a->frame, a->kept, sizeof a->kept);
        return;
    case PTN_TELL_STREAM:
        if (a->state == PTN_STUN_STREAM_WAITS)
            read_stream(s, now, a, tell->bytes);
        return;
    case PTN_TELL_FAILED:
    case PTN_TELL_CLOSED:
        if (open)
            rest(s, now, a, false, false);
        else if (a->state == PTN_STUN_STREAM_CLOSES)
            a->state = PTN_STUN_STREAM_RESTS;
        return;
    default: return;
    }
}

void ptn_stun_stream_tick(struct ptn_stun_stream *s, ptn_time now)
{
    for (size_t i = 0; i < PTN_STUN_STREAM_SERVERS_MAX; i++) {
        struct ptn_stun_stream_asked *a = &s->asked[i];
        if (now < a->due || a->state == PTN_STUN_STREAM_CLOSES)
            continue;
        if (a->state == PTN_STUN_STREAM_RESTS) {
            a->state = PTN_STUN_STREAM_CONNECTS;
            a->to_do = true;
            a->due = now + PATIENCE;
        } else {
            rest(s, now, a, false, true);
        }
    }
}

bool ptn_stun_stream_output(struct ptn_stun_stream *s, ptn_time now, struct ptn_ask *ask)
{
    (void)now;
    for (size_t i = 0; i < PTN_STUN_STREAM_SERVERS_MAX; i++) {
        struct ptn_stun_stream_asked *a = &s->asked[i];
        struct ptn_stun_out o;

        *ask = (struct ptn_ask){.id = s->opts.id_first + (ptn_id)i, .transport = PTN_TCP};
        if (a->state == PTN_STUN_STREAM_CLOSES) {
            a->state = PTN_STUN_STREAM_RESTS;
            ask->kind = PTN_ASK_CLOSE;
            return true;
        }
        if (!a->to_do)
            continue;
        a->to_do = false;
        if (a->state == PTN_STUN_STREAM_CONNECTS) {
            ask->kind = PTN_ASK_CONNECT;
            ask->local = s->opts.local;
            ask->to = a->server;
            return true;
        }
        ask->kind = PTN_ASK_STREAM;
        ptn_stun_begin(&o, s->buf, sizeof s->buf, PTN_STUN_REQUEST, PTN_STUN_BINDING, &a->id);
        return ptn_stun_end(&o, &ask->bytes);
    }
    return false;
}

bool ptn_stun_stream_event(struct ptn_stun_stream *s, struct ptn_stun_stream_seen *seen)
{
    for (size_t i = 0; i < PTN_STUN_STREAM_SERVERS_MAX; i++) {
        struct ptn_stun_stream_asked *a = &s->asked[i];
        if (a->told || ptn_addr_is_none(&a->mapped))
            continue;
        a->told = true;
        *seen = (struct ptn_stun_stream_seen){a->server, a->mapped};
        return true;
    }
    return false;
}

ptn_time ptn_stun_stream_deadline(const struct ptn_stun_stream *s)
{
    ptn_time due = PTN_NEVER;

    for (size_t i = 0; i < PTN_STUN_STREAM_SERVERS_MAX; i++)
        if (s->asked[i].state != PTN_STUN_STREAM_CLOSES)
            due = ptn_time_min(due, s->asked[i].due);
    return due;
}

bool ptn_stun_stream_settled(const struct ptn_stun_stream *s)
{
    for (size_t i = 0; i < PTN_STUN_STREAM_SERVERS_MAX; i++)
        if (!s->asked[i].tried && !ptn_addr_is_none(&s->asked[i].server))
            return false;
    return true;
}
