/*
 * os/host_tls.c - the host's streams of TLS: hands shaken, then a filter in the way of the bytes.
 *
 * What the filter wants sent is owed like any stream's bytes (host_tcp.c). A machine hears of
 * a connection when hands are shaken: who is not to be trusted was never there.
 */
#include <assert.h>

#include "base/crowd.h"
#include "os/host_parts.h"

/* The slow and the silent hold a socket no longer than this. */
#define SHAKING_MAX PTN_S(10)

enum ptn_err ptn_host_tls_flush(struct ptn_host *h, struct ptn_slot *slot)
{
    enum ptn_err err = ptn_host_tcp_owe(h, slot, ptn_tls_output(slot->tls));

    ptn_tls_sent(slot->tls);
    return err;
}

void ptn_host_tls_fail(struct ptn_host *h, ptn_time now, struct ptn_slot *slot, enum ptn_err why,
                       const char *words)
{
    uint32_t machine = slot->machine;
    ptn_id id = slot->id;
    bool accepted = slot->listener != 0;
    char text[PTN_ADDR_TEXT_MAX];

    /* Whoever connects to us may be anyone and come as often as they like. */
    ptn_log(h->opts.log, accepted ? PTN_LOG_DEBUG : PTN_LOG_WARN, "TLS %s %s: %s",
            accepted ? "from" : "to", ptn_addr_format(&slot->far, text),
            words ? words : ptn_err_text(why));
    ptn_host_drop(h, slot);
    if (accepted)
        h->counts.handshakes_failed++;
    else
        ptn_host_tell_failed(h, now, machine, id, why);
}

/* Alerts tell the far end why it was refused: they are sent before the end. */
static void send_last_words(struct ptn_host *h, struct ptn_slot *slot)
{
    if (ptn_host_tls_flush(h, slot) == PTN_OK)
        ptn_host_tcp_write(slot);
}

/* Where the filter's state after `bytes` leads; false: the slot is no stream any more. */
static bool shake(struct ptn_host *h, ptn_time now, struct ptn_slot *slot, struct ptn_bytes bytes)
{
    enum ptn_err err;

    switch (ptn_tls_input(slot->tls, bytes)) {
    case PTN_TLS_SHAKING:
    case PTN_TLS_UP: break;
    case PTN_TLS_ENDED: ptn_host_tls_fail(h, now, slot, PTN_ERR_RESET, NULL); return false;
    case PTN_TLS_FAILED:
        send_last_words(h, slot);
        ptn_host_tls_fail(h, now, slot, ptn_tls_why(slot->tls), ptn_tls_sentence(slot->tls));
        return false;
    }
    err = ptn_host_tls_flush(h, slot);
    if (err == PTN_OK)
        err = ptn_host_tcp_write(slot);
    if (err != PTN_OK) {
        ptn_host_tls_fail(h, now, slot, err, NULL);
        return false;
    }
    if (ptn_tls_is_up(slot->tls)) {
        ptn_heap_set(&h->waits, (uint32_t)(slot - h->slots.slots), PTN_NEVER);
        ptn_host_tcp_up(h, now, slot);
    } else {
        ptn_host_tcp_watch(h, slot);
    }
    return true;
}

static bool shakes(const struct ptn_slot *slot)
{
    return slot->kind == PTN_SLOT_SHAKING && slot->listener;
}

/* Who opens connections and says nothing cannot keep others out. */
static void make_room(struct ptn_host *h, ptn_time now)
{
    struct ptn_crowd crowd = {.key = h->crowd_key};
    struct ptn_slot *chosen = NULL;
    uint32_t most = 0;

    if (h->opts.shaking_max == 0 || h->shaking_count < h->opts.shaking_max)
        return;
    for (uint32_t i = 0; i < h->slots.touched; i++)
        if (shakes(&h->slots.slots[i]))
            ptn_crowd_add(&crowd, &h->slots.slots[i].far);
    for (uint32_t i = 0; i < h->slots.touched; i++) {
        struct ptn_slot *slot = &h->slots.slots[i];
        if (!shakes(slot))
            continue;
        uint32_t size = ptn_crowd_size(&crowd, &slot->far);
        if (size > most || (size == most && slot->give_up < chosen->give_up)) {
            chosen = slot;
            most = size;
        }
    }
    assert(chosen);
    h->counts.handshakes_crowded++;
    ptn_host_tls_fail(h, now, chosen, PTN_ERR_NO_ROOM, "another one needs the place");
}

void ptn_host_tls_begin(struct ptn_host *h, ptn_time now, struct ptn_slot *slot)
{
    if (slot->listener) {
        make_room(h, now);
        h->shaking_count++;
    }
    slot->kind = PTN_SLOT_SHAKING;
    slot->give_up = now + SHAKING_MAX;
    ptn_heap_set(&h->waits, (uint32_t)(slot - h->slots.slots), slot->give_up);
    if (slot->listener)
        slot->tls = ptn_tls_accept(h->opts.tls);
    if (slot->tls)
        shake(h, now, slot, ptn_bytes(NULL, 0));
    else
        ptn_host_tls_fail(h, now, slot, PTN_ERR_NO_MEMORY, NULL);
}

/* Hands on what has been said; false: the slot is no stream any more. */
static bool hand_on(struct ptn_host *h, ptn_time now, struct ptn_slot *slot)
{
    uint64_t key = ptn_slots_key(&h->slots, slot);
    uint32_t machine = slot->machine;
    size_t got;

    for (;;) {
        switch (ptn_tls_read(slot->tls, h->read_buf, sizeof h->read_buf, &got)) {
        case PTN_TLS_ENDED: ptn_host_tcp_end(h, now, slot, PTN_OK); return false;
        case PTN_TLS_FAILED:
            send_last_words(h, slot);
            ptn_log(h->opts.log, PTN_LOG_DEBUG, "TLS ended: %s", ptn_tls_sentence(slot->tls));
            ptn_host_tcp_end(h, now, slot, ptn_tls_why(slot->tls));
            return false;
        case PTN_TLS_SHAKING:
        case PTN_TLS_UP: break;
        }
        if (got == 0)
            return true;
        ptn_host_tell(h, now, machine,
                      &(struct ptn_tell){.kind = PTN_TELL_STREAM,
                                         .id = slot->id,
                                         .bytes = ptn_bytes(h->read_buf, got)});
        ptn_host_turn(h, now, machine);
        if (ptn_slots_by_key(&h->slots, key) != slot || slot->kind != PTN_SLOT_STREAM)
            return false;
    }
}

bool ptn_host_tls_input(struct ptn_host *h, ptn_time now, struct ptn_slot *slot,
                        struct ptn_bytes bytes)
{
    uint64_t key = ptn_slots_key(&h->slots, slot);

    if (slot->kind == PTN_SLOT_SHAKING) {
        if (!shake(h, now, slot, bytes))
            return false;
        if (slot->kind == PTN_SLOT_SHAKING)
            return true;
        ptn_host_turn(h, now, slot->machine);
        if (ptn_slots_by_key(&h->slots, key) != slot || slot->kind != PTN_SLOT_STREAM)
            return false;
    } else {
        ptn_tls_input(slot->tls, bytes);
    }
    if (!hand_on(h, now, slot))
        return false;
    /* Keys are renewed and alerts are answered without the machine. */
    enum ptn_err err = ptn_host_tls_flush(h, slot);
    if (err == PTN_OK)
        err = ptn_host_tcp_write(slot);
    if (err != PTN_OK) {
        ptn_host_tcp_end(h, now, slot, err);
        return false;
    }
    ptn_host_tcp_watch(h, slot);
    return true;
}
