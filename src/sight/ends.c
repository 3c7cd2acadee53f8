/*
 * sight/ends.c - one row a socket, from the ask that makes it to its end.
 */
#include "sight/ends.h"

#include <stdlib.h>

#include "base/ids.h"

struct end {
    ptn_id id;
    enum ptn_transport transport;
    struct ptn_addr local, far; /* far: none of UDP sockets and listeners */
    uint8_t dscp;
    bool connects, up;
};

struct ptn_ends {
    struct ptn_ids ids;
    struct end *ends;
    uint32_t leaving; /* the place that leave() looks at next */
};

struct ptn_ends *ptn_ends_new(uint32_t sockets_max)
{
    struct ptn_ends *e = calloc(1, sizeof *e);

    if (!e)
        return NULL;
    e->ends = calloc(sockets_max, sizeof *e->ends);
    if (!e->ends || ptn_ids_init(&e->ids, sockets_max) != PTN_OK) {
        ptn_ends_free(e);
        return NULL;
    }
    return e;
}

void ptn_ends_free(struct ptn_ends *e)
{
    if (!e)
        return;
    ptn_ids_fini(&e->ids);
    free(e->ends);
    free(e);
}

static struct end *find(struct ptn_ends *e, ptn_id id)
{
    uint32_t slot;

    return id && ptn_ids_find(&e->ids, id, &slot) ? &e->ends[slot] : NULL;
}

static struct end *add(struct ptn_ends *e, const struct end *end)
{
    uint32_t slot;

    /* An id that is there already was closed in a way that nobody told of. */
    ptn_ids_remove(&e->ids, end->id);
    if (!end->id || !ptn_ids_add(&e->ids, end->id, &slot))
        return NULL;
    e->ends[slot] = *end;
    return &e->ends[slot];
}

static void forget(struct ptn_ends *e, struct end *end)
{
    ptn_ids_remove(&e->ids, end->id);
    *end = (struct end){0};
}

static struct ptn_seen seen_at(const struct end *end, enum ptn_seen_kind kind, bool sent)
{
    return (struct ptn_seen){.kind = kind,
                             .sent = sent,
                             .id = end->id,
                             .transport = end->transport,
                             .local = end->local,
                             .far = end->far,
                             .dscp = sent ? end->dscp : 0};
}

/* A connection that ends, however far it has come. */
static bool see_end(struct ptn_ends *e, struct end *end, bool sent, enum ptn_err why,
                    struct ptn_seen *seen)
{
    bool connection = end->connects;

    *seen = seen_at(end, end->up ? PTN_SEEN_DOWN : PTN_SEEN_FAILED, sent);
    seen->why = why;
    forget(e, end);
    return connection;
}

/* By us. One that is not up yet has been waited for long enough. */
static bool see_close(struct ptn_ends *e, struct end *end, struct ptn_seen *seen)
{
    return see_end(e, end, true, end->up ? PTN_OK : PTN_ERR_TIMED_OUT, seen);
}

static bool see_bytes(const struct end *end, enum ptn_seen_kind kind, bool sent,
                      struct ptn_bytes bytes, struct ptn_seen *seen)
{
    *seen = seen_at(end, kind, sent);
    seen->bytes = bytes;
    return true;
}

bool ptn_ends_ask(struct ptn_ends *e, const struct ptn_ask *ask, struct ptn_seen *seen)
{
    struct end *end = find(e, ask->id);

    switch (ask->kind) {
    case PTN_ASK_OPEN:
    case PTN_ASK_LISTEN:
    case PTN_ASK_CONNECT:
        add(e, &(struct end){.id = ask->id,
                             .transport = ask->kind == PTN_ASK_OPEN ? PTN_UDP : ask->transport,
                             .local = ask->local,
                             .far = ask->to,
                             .dscp = ask->dscp,
                             .connects = ask->kind == PTN_ASK_CONNECT});
        return false;
    case PTN_ASK_DATAGRAM:
        if (!end || !see_bytes(end, PTN_SEEN_DATAGRAM, true, ask->bytes, seen))
            return false;
        seen->far = ask->to;
        return true;
    case PTN_ASK_STREAM:
        return end && end->up && see_bytes(end, PTN_SEEN_STREAM, true, ask->bytes, seen);
    case PTN_ASK_CLOSE: return end && see_close(e, end, seen);
    case PTN_ASK_RESOLVE: break;
    }
    return false;
}

static bool accepted(struct ptn_ends *e, const struct ptn_tell *tell, struct ptn_seen *seen)
{
    const struct end *listener = find(e, tell->listener);
    const struct end *end = add(e, &(struct end){.id = tell->id,
                                                 .transport = tell->transport,
                                                 .local = tell->local,
                                                 .far = tell->from,
                                                 .dscp = listener ? listener->dscp : 0,
                                                 .connects = true,
                                                 .up = true});

    if (end)
        *seen = seen_at(end, PTN_SEEN_UP, false);
    return end != NULL;
}

bool ptn_ends_tell(struct ptn_ends *e, const struct ptn_tell *tell, struct ptn_seen *seen)
{
    struct end *end = find(e, tell->id);

    switch (tell->kind) {
    case PTN_TELL_OPENED:
        if (!end)
            return false;
        end->local = tell->local;
        end->up = true;
        *seen = seen_at(end, PTN_SEEN_UP, true);
        return end->connects;
    case PTN_TELL_ACCEPTED: return accepted(e, tell, seen);
    case PTN_TELL_DATAGRAM:
        if (!end || !see_bytes(end, PTN_SEEN_DATAGRAM, false, tell->bytes, seen))
            return false;
        seen->far = tell->from;
        return true;
    case PTN_TELL_STREAM: return end && see_bytes(end, PTN_SEEN_STREAM, false, tell->bytes, seen);
    case PTN_TELL_FAILED:
    case PTN_TELL_CLOSED: return end && see_end(e, end, false, tell->why, seen);
    case PTN_TELL_RESOLVED:
    case PTN_TELL_ICMP_ERROR:
    case PTN_TELL_ADDRESSES: break;
    }
    return false;
}

bool ptn_ends_leave(struct ptn_ends *e, struct ptn_seen *seen)
{
    for (; e->leaving < e->ids.capacity; e->leaving++)
        if (e->ends[e->leaving].id && see_close(e, &e->ends[e->leaving], seen))
            return true;
    e->leaving = 0;
    return false;
}
