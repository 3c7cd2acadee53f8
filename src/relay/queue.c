/*
 * relay/queue.c - a ring of asks and the bytes they send.
 */
#include "relay/queue.h"

bool ptn_relay_queue_full(const struct ptn_relay_queue *q)
{
    return q->count == PTN_RELAY_QUEUE_MAX;
}

struct ptn_relay_out ptn_relay_queue_room(struct ptn_relay_queue *q)
{
    if (q->count == 0)
        q->bytes_used = 0;
    return (struct ptn_relay_out){
        .buf = q->bytes + q->bytes_used,
        .capacity = q->count < PTN_RELAY_QUEUE_MAX / 2 ? PTN_RELAY_QUEUE_BYTES - q->bytes_used : 0};
}

static struct ptn_relay_queued *place(struct ptn_relay_queue *q)
{
    return &q->places[(q->first + q->count++) % PTN_RELAY_QUEUE_MAX];
}

bool ptn_relay_queue_put(struct ptn_relay_queue *q, enum ptn_ask_kind kind,
                         const struct ptn_relay_out *out)
{
    struct ptn_relay_out room = ptn_relay_queue_room(q);

    if (out->bytes.size > room.capacity || room.capacity == 0)
        return false;
    if (out->bytes.data != room.buf && out->bytes.size > 0)
        memmove(room.buf, out->bytes.data, out->bytes.size);
    *place(q) = (struct ptn_relay_queued){.kind = kind,
                                          .id = out->socket,
                                          .to = out->to,
                                          .at = q->bytes_used,
                                          .size = out->bytes.size};
    q->bytes_used += out->bytes.size;
    return true;
}

bool ptn_relay_queue_ask(struct ptn_relay_queue *q, const struct ptn_ask *ask)
{
    if (ptn_relay_queue_full(q))
        return false;
    *place(q) = (struct ptn_relay_queued){.kind = ask->kind,
                                          .transport = ask->transport,
                                          .id = ask->id,
                                          .local = ask->local,
                                          .to = ask->to};
    return true;
}

bool ptn_relay_queue_next(struct ptn_relay_queue *q, struct ptn_ask *ask)
{
    if (q->count == 0)
        return false;
    const struct ptn_relay_queued *p = &q->places[q->first];
    *ask = (struct ptn_ask){.kind = p->kind,
                            .id = p->id,
                            .transport = p->transport,
                            .local = p->local,
                            .to = p->to,
                            .bytes = ptn_bytes(q->bytes + p->at, p->size)};
    q->first = (q->first + 1) % PTN_RELAY_QUEUE_MAX;
    q->count--;
    return true;
}
