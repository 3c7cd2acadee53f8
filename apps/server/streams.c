/*
 * server/streams.c - bytes of a stream cannot be dropped: who brings too many is not read from.
 *
 * The kernel's window then closes, so that the sender waits. Nothing is held here but what has
 * been read already.
 */
#include "streams.h"

/* A peer that sends faster than its client reads waits. */
enum { OWED_MUCH = 64 << 10 };

static void set_pace(struct server_streams *s, ptn_time now, ptn_id id)
{
    struct ptn_relay_pace pace;

    if (ptn_relay_pace(s->relay, id, &pace))
        ptn_host_pace(s->host, now, s->machine, id,
                      &(struct ptn_host_pace){.until = pace.rest_until, .read_max = pace.read_max});
}

/* Whatever is sent to one of two came from the other, but for the answer to ConnectionBind: from
 * that on the peer is heard. */
static void send_stream(struct server_streams *s, ptn_time now, const struct ptn_ask *ask)
{
    ptn_id joined = ptn_relay_joined(s->relay, ask->id);

    ptn_host_ask(s->host, now, s->machine, ask);
    if (joined)
        set_pace(s, now, joined);
    /* Who asks and does not listen is asked nothing more of, and costs no more memory. */
    if (ptn_host_owed(s->host, s->machine, ask->id) >= OWED_MUCH)
        ptn_host_hold(s->host, s->machine, joined ? joined : ask->id, ask->id);
}

void server_streams_ask(struct server_streams *s, ptn_time now, const struct ptn_ask *ask)
{
    if (ask->kind == PTN_ASK_STREAM)
        send_stream(s, now, ask);
    else
        ptn_host_ask(s->host, now, s->machine, ask);
}

void server_streams_tell(struct server_streams *s, ptn_time now, const struct ptn_tell *tell)
{
    ptn_relay_input(s->relay, now, tell);
    if (tell->kind == PTN_TELL_OPENED || tell->kind == PTN_TELL_ACCEPTED)
        set_pace(s, now, tell->id);
}
