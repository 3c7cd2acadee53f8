/*
 * os/host_move.c - streams that wait for another one or for their time, and streams that go to
 * another host.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/host_parts.h"
#include "os/tcp.h"

static struct ptn_slot *find_stream(const struct ptn_host *h, uint32_t index, ptn_id id)
{
    struct ptn_slot *slot = ptn_slots_find(&h->slots, index, id);

    return slot && slot->kind == PTN_SLOT_STREAM ? slot : NULL;
}

size_t ptn_host_owed(const struct ptn_host *h, uint32_t index, ptn_id id)
{
    const struct ptn_slot *slot = find_stream(h, index, id);

    return slot ? slot->out_size - slot->out_sent : 0;
}

void ptn_host_hold(struct ptn_host *h, uint32_t index, ptn_id id, ptn_id slow)
{
    struct ptn_slot *slot = find_stream(h, index, id), *for_whom = find_stream(h, index, slow);

    if (!slot || !for_whom || slot->held || for_whom->holds)
        return;
    slot->held = true;
    for_whom->holds = ptn_slots_key(&h->slots, slot) + 1;
    ptn_host_tcp_watch(h, slot);
}

void ptn_host_unhold(struct ptn_host *h, struct ptn_slot *slot)
{
    struct ptn_slot *held = ptn_slots_by_key(&h->slots, slot->holds - 1);

    slot->holds = 0;
    if (!held || held->kind != PTN_SLOT_STREAM || held->fd < 0)
        return;
    held->held = false;
    ptn_host_tcp_watch(h, held);
}

void ptn_host_pace(struct ptn_host *h, ptn_time now, uint32_t index, ptn_id id,
                   const struct ptn_host_pace *pace)
{
    struct ptn_slot *slot = find_stream(h, index, id);

    if (!slot)
        return;
    slot->read_max = pace->read_max;
    slot->rests = pace->until > now;
    ptn_heap_set(&h->waits, (uint32_t)(slot - h->slots.slots),
                 slot->rests ? pace->until : PTN_NEVER);
    ptn_host_tcp_watch(h, slot);
}

bool ptn_host_give(struct ptn_host *h, uint32_t index, ptn_id id, struct ptn_host_stream *stream)
{
    struct ptn_slot *slot = find_stream(h, index, id);

    if (!slot)
        return false;
    *stream = (struct ptn_host_stream){.fd = slot->fd,
                                       .transport = slot->transport,
                                       .local = slot->local,
                                       .far = slot->far,
                                       .tls = slot->tls,
                                       .out = slot->out,
                                       .out_size = slot->out_size - slot->out_sent};
    if (slot->out_sent > 0)
        memmove(slot->out, slot->out + slot->out_sent, stream->out_size);
    ptn_loop_remove(h->opts.loop, slot->fd);
    slot->fd = -1;
    slot->tls = NULL;
    slot->out = NULL;
    ptn_host_drop(h, slot);
    return true;
}

ptn_id ptn_host_adopt(struct ptn_host *h, ptn_time now, uint32_t index, ptn_id listener,
                      struct ptn_host_stream *stream)
{
    struct ptn_slot *slot = ptn_host_take_accepted(h, index);

    if (!slot) {
        h->counts.accept_refused++;
        ptn_host_stream_close(stream);
        return 0;
    }
    slot->fd = stream->fd;
    slot->transport = stream->transport;
    slot->local = stream->local;
    slot->far = stream->far;
    slot->listener = listener;
    slot->tls = stream->tls;
    slot->out = stream->out;
    slot->out_size = slot->out_room = stream->out_size;
    slot->watched = PTN_LOOP_IN;
    if (ptn_loop_add(h->opts.loop, slot->fd, PTN_LOOP_IN, h->opts.owner,
                     ptn_slots_key(&h->slots, slot)) != PTN_OK) {
        ptn_host_drop(h, slot);
        return 0;
    }
    ptn_id id = slot->id;
    ptn_host_tcp_up(h, now, slot);
    return id;
}

void ptn_host_stream_close(struct ptn_host_stream *stream)
{
    ptn_tcp_abort(stream->fd);
    ptn_tls_free(stream->tls);
    free(stream->out);
}
