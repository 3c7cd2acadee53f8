/*
 * os/host_tcp.c - the host's streams: connecting, owing bytes, ending.
 *
 *   CONNECT -> CONNECTING -> (TLS: SHAKING) -> STREAM -> (CLOSE) -> CLOSING -> gone
 *                  |               |              |                    |
 *                FAILED          FAILED         CLOSED            nobody is told
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "os/errno.h"
#include "os/host_parts.h"
#include "os/sockaddr.h"
#include "os/tcp.h"

enum {
    ACCEPTS_MAX = 64, /* a turn: others want to be heard too */
    READS_MAX = 4,
    ROOM_KEPT = 64 << 10,
};

#define CLOSING_MAX PTN_S(5)
/* A port is held until the far end has acknowledged the last byte; nothing wakes us for that. */
#define CLOSING_LOOK PTN_MS(20)
/* A caller that cannot be let in for want of descriptors would wake us without end. */
#define LISTENER_RESTS PTN_MS(100)

static enum ptn_err add_to_loop(struct ptn_host *h, struct ptn_slot *slot, unsigned what)
{
    slot->watched = what;
    return ptn_loop_add(h->opts.loop, slot->fd, what, h->opts.owner,
                        ptn_slots_key(&h->slots, slot));
}

void ptn_host_tcp_listen(struct ptn_host *h, ptn_time now, uint32_t machine,
                         const struct ptn_ask *ask)
{
    struct ptn_slot *slot = ptn_slots_take(&h->slots, PTN_SLOT_LISTENER, machine, ask->id);
    char text[PTN_ADDR_TEXT_MAX];
    enum ptn_err err = PTN_ERR_NO_ROOM;

    if (slot) {
        slot->transport = ask->transport;
        err = ask->transport == PTN_TLS && !h->opts.tls
                  ? PTN_ERR_UNSUPPORTED
                  : ptn_tcp_listen(&ask->local, ask->id <= h->opts.joins_max, &slot->fd,
                                   &slot->local);
        /* Whoever is accepted inherits it. */
        if (err == PTN_OK)
            ptn_socket_set_dscp(slot->fd, &slot->local, ask->dscp);
        if (err == PTN_OK)
            err = add_to_loop(h, slot, PTN_LOOP_IN);
        if (err != PTN_OK)
            ptn_host_drop(h, slot);
    }
    if (err != PTN_OK) {
        ptn_log(h->opts.log, PTN_LOG_DEBUG, "listening for %s on %s: %s",
                ask->transport == PTN_TLS ? "TLS" : "TCP", ptn_addr_format(&ask->local, text),
                ptn_err_text(err));
        ptn_host_tell_failed(h, now, machine, ask->id, err);
        return;
    }
    if (slot->transport == PTN_TLS && !ptn_tls_rules_have_certificate(h->opts.tls))
        ptn_log(h->opts.log, PTN_LOG_WARN,
                "TLS on %s: without a certificate of our own nobody can connect to us, only we to "
                "others",
                ptn_addr_format(&slot->local, text));
    ptn_host_tell(h, now, machine,
                  &(struct ptn_tell){.kind = PTN_TELL_OPENED,
                                     .id = ask->id,
                                     .transport = slot->transport,
                                     .local = slot->local});
}

/* What an old connection between the same two ends still owes is lost: while the kernel has it,
 * there cannot be a new one. */
static void make_way(struct ptn_host *h, const struct ptn_addr *local, const struct ptn_addr *far)
{
    for (uint32_t i = 0; h->closing_count > 0 && i < h->slots.touched; i++) {
        struct ptn_slot *slot = &h->slots.slots[i];
        if (slot->kind == PTN_SLOT_CLOSING && slot->holds_port &&
            ptn_addr_equal(&slot->local, local) && ptn_addr_equal(&slot->far, far))
            ptn_host_drop(h, slot);
    }
}

static enum ptn_err begin_tls(const struct ptn_host *h, struct ptn_slot *slot,
                              const struct ptn_ask *ask)
{
    char text[PTN_ADDR_TEXT_MAX];

    if (ask->transport != PTN_TLS)
        return PTN_OK;
    if (!h->opts.tls)
        return PTN_ERR_UNSUPPORTED;
    slot->tls =
        ptn_tls_connect(h->opts.tls, ask->name ? ask->name : ptn_addr_format_ip(&ask->to, text));
    return slot->tls ? PTN_OK : PTN_ERR_NO_MEMORY;
}

void ptn_host_tcp_connect(struct ptn_host *h, ptn_time now, uint32_t machine,
                          const struct ptn_ask *ask)
{
    struct ptn_slot *slot = ptn_slots_take(&h->slots, PTN_SLOT_CONNECTING, machine, ask->id);
    enum ptn_err err = PTN_ERR_NO_ROOM;

    if (slot) {
        slot->far = ask->to;
        slot->transport = ask->transport;
        slot->holds_port = ask->local.port != 0;
        err = begin_tls(h, slot, ask);
        if (err == PTN_OK && slot->holds_port)
            make_way(h, &ask->local, &ask->to);
        if (err == PTN_OK)
            err = ptn_tcp_connect(&ask->local, &ask->to, ask->dscp, &slot->fd);
        if (err == PTN_OK)
            err = add_to_loop(h, slot, PTN_LOOP_OUT);
        if (err != PTN_OK)
            ptn_host_drop(h, slot);
    }
    if (err != PTN_OK)
        ptn_host_tell_failed(h, now, machine, ask->id, err);
}

static bool is_read(const struct ptn_slot *slot)
{
    return !slot->held && !slot->rests;
}

void ptn_host_tcp_watch(struct ptn_host *h, struct ptn_slot *slot)
{
    bool owes = slot->out_size > slot->out_sent;

    ptn_host_watch(h, slot, (is_read(slot) ? PTN_LOOP_IN : 0u) | (owes ? PTN_LOOP_OUT : 0u));
    if (!owes && slot->holds)
        ptn_host_unhold(h, slot);
}

void ptn_host_tcp_end(struct ptn_host *h, ptn_time now, struct ptn_slot *slot, enum ptn_err why)
{
    uint32_t machine = slot->machine;
    struct ptn_tell tell = {.kind = PTN_TELL_CLOSED, .id = slot->id, .why = why};

    if (slot->kind == PTN_SLOT_SHAKING) {
        ptn_host_tls_fail(h, now, slot, why == PTN_OK ? PTN_ERR_RESET : why, NULL);
        return;
    }
    ptn_host_drop(h, slot);
    ptn_host_tell(h, now, machine, &tell);
}

/* ---- writing ---- */

enum ptn_err ptn_host_tcp_write(struct ptn_slot *slot)
{
    while (slot->out_sent < slot->out_size) {
        ssize_t n = send(slot->fd, slot->out + slot->out_sent, slot->out_size - slot->out_sent,
                         MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN)
            return PTN_OK;
        if (n < 0 && errno != EINTR)
            return ptn_err_of_errno(errno);
        if (n > 0)
            slot->out_sent += (size_t)n;
    }
    slot->out_sent = slot->out_size = 0;
    if (slot->out_room > ROOM_KEPT) { /* it was much once, and may never be again */
        free(slot->out);
        slot->out = NULL;
        slot->out_room = 0;
    }
    return PTN_OK;
}

enum ptn_err ptn_host_tcp_owe(struct ptn_host *h, struct ptn_slot *slot, struct ptn_bytes bytes)
{
    size_t owed = slot->out_size - slot->out_sent, room = slot->out_room ? slot->out_room : 4096;

    if (owed + bytes.size > h->opts.stream_queue_max)
        return PTN_ERR_NO_ROOM;
    if (owed > 0 && slot->out_sent > 0)
        memmove(slot->out, slot->out + slot->out_sent, owed);
    slot->out_sent = 0;
    slot->out_size = owed;
    while (room < owed + bytes.size)
        room *= 2;
    if (room > slot->out_room) {
        uint8_t *grown = realloc(slot->out, room);
        if (!grown)
            return PTN_ERR_NO_MEMORY;
        slot->out = grown;
        slot->out_room = room;
    }
    if (bytes.size > 0)
        memcpy(slot->out + owed, bytes.data, bytes.size);
    slot->out_size += bytes.size;
    return PTN_OK;
}

void ptn_host_tcp_send(struct ptn_host *h, ptn_time now, struct ptn_slot *slot,
                       struct ptn_bytes bytes)
{
    enum ptn_err err =
        slot->tls ? ptn_tls_write(slot->tls, bytes) : ptn_host_tcp_owe(h, slot, bytes);

    if (err == PTN_OK && slot->tls && slot->kind == PTN_SLOT_STREAM)
        err = ptn_host_tls_flush(h, slot);
    if (err == PTN_OK && slot->kind == PTN_SLOT_STREAM)
        err = ptn_host_tcp_write(slot);
    if (err != PTN_OK)
        ptn_host_tcp_end(h, now, slot, err);
    else if (slot->kind == PTN_SLOT_STREAM)
        ptn_host_tcp_watch(h, slot);
}

static void go_on_closing(struct ptn_host *h, ptn_time now, struct ptn_slot *slot)
{
    bool lost = ptn_host_tcp_write(slot) != PTN_OK || now >= slot->give_up;
    bool owes = slot->out_size > slot->out_sent;
    bool waits = !owes && slot->holds_port && !ptn_tcp_is_drained(slot->fd);

    if (lost || (!owes && !waits)) {
        /* Without a port to hold, the kernel may finish in its own time. */
        slot->holds_port |= lost;
        ptn_host_drop(h, slot);
        return;
    }
    ptn_host_watch(h, slot, owes ? PTN_LOOP_OUT : 0u);
    ptn_heap_set(&h->waits, (uint32_t)(slot - h->slots.slots),
                 owes ? slot->give_up : ptn_time_min(slot->give_up, now + CLOSING_LOOK));
}

/* ---- reading, accepting, connecting ---- */

/* False: the slot is no stream any more. */
static bool hand_on(struct ptn_host *h, ptn_time now, struct ptn_slot *slot, struct ptn_bytes bytes)
{
    uint64_t key = ptn_slots_key(&h->slots, slot);
    uint32_t machine = slot->machine;

    ptn_host_tell(h, now, machine,
                  &(struct ptn_tell){.kind = PTN_TELL_STREAM, .id = slot->id, .bytes = bytes});
    ptn_host_turn(h, now, machine);
    return ptn_slots_by_key(&h->slots, key) == slot && slot->kind == PTN_SLOT_STREAM;
}

static void read_some(struct ptn_host *h, ptn_time now, struct ptn_slot *slot)
{
    for (unsigned i = 0; i < READS_MAX; i++) {
        size_t most = slot->read_max > 0 && slot->read_max < sizeof h->read_buf
                          ? slot->read_max
                          : sizeof h->read_buf;
        ssize_t n = recv(slot->fd, h->read_buf, most, 0);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n <= 0) {
            ptn_host_tcp_end(h, now, slot, n == 0 ? PTN_OK : ptn_err_of_errno(errno));
            return;
        }
        struct ptn_bytes bytes = ptn_bytes(h->read_buf, (size_t)n);
        if (slot->tls ? !ptn_host_tls_input(h, now, slot, bytes) : !hand_on(h, now, slot, bytes))
            return;
        if (!is_read(slot))
            return;
    }
}

/* Ids of the world go round; one that is still in use is passed over. */
struct ptn_slot *ptn_host_take_accepted(struct ptn_host *h, uint32_t machine)
{
    if (h->slots.used == h->slots.capacity)
        return NULL;
    for (;;) {
        h->next_accepted =
            h->next_accepted == PTN_HOST_ACCEPTED_MAX ? PTN_ID_WORLD : h->next_accepted + 1;
        struct ptn_slot *slot =
            ptn_slots_take(&h->slots, PTN_SLOT_STREAM, machine, h->next_accepted);
        if (slot)
            return slot;
    }
}

static void accept_some(struct ptn_host *h, ptn_time now, struct ptn_slot *listener)
{
    uint64_t key = ptn_slots_key(&h->slots, listener);
    uint32_t machine = listener->machine;
    struct ptn_addr local, far;
    int fd;

    for (unsigned i = 0; i < ACCEPTS_MAX; i++) {
        enum ptn_err err = ptn_tcp_accept(listener->fd, &fd, &local, &far);
        if (err == PTN_ERR_NOT_FOUND)
            return;
        if (err != PTN_OK) {
            ptn_host_watch(h, listener, 0);
            ptn_heap_set(&h->waits, (uint32_t)(listener - h->slots.slots), now + LISTENER_RESTS);
            return;
        }
        struct ptn_slot *slot = ptn_host_take_accepted(h, machine);
        if (!slot) {
            h->counts.accept_refused++;
            ptn_tcp_abort(fd);
            continue;
        }
        slot->fd = fd;
        slot->local = local;
        slot->far = far;
        slot->transport = listener->transport;
        slot->listener = listener->id;
        if (add_to_loop(h, slot, PTN_LOOP_IN) != PTN_OK) {
            h->counts.accept_refused++;
            ptn_host_drop(h, slot);
            continue;
        }
        h->counts.accepted++;
        if (listener->transport == PTN_TLS)
            ptn_host_tls_begin(h, now, slot);
        else
            ptn_host_tcp_up(h, now, slot);
        ptn_host_turn(h, now, machine);
        if (ptn_slots_by_key(&h->slots, key) != listener)
            return;
    }
}

static void connected(struct ptn_host *h, ptn_time now, struct ptn_slot *slot)
{
    enum ptn_err err = ptn_tcp_result(slot->fd);
    uint32_t machine = slot->machine;
    ptn_id id = slot->id;

    if (err == PTN_OK)
        err = ptn_host_tcp_write(slot);
    if (err != PTN_OK) {
        ptn_host_drop(h, slot);
        ptn_host_tell_failed(h, now, machine, id, err);
        return;
    }
    slot->local = ptn_socket_local(slot->fd);
    if (slot->tls)
        ptn_host_tls_begin(h, now, slot);
    else
        ptn_host_tcp_up(h, now, slot);
}

void ptn_host_tcp_up(struct ptn_host *h, ptn_time now, struct ptn_slot *slot)
{
    if (slot->kind == PTN_SLOT_SHAKING && slot->listener)
        h->shaking_count--;
    slot->kind = PTN_SLOT_STREAM;
    ptn_host_tcp_watch(h, slot);
    ptn_host_tell(h, now, slot->machine,
                  &(struct ptn_tell){.kind = slot->listener ? PTN_TELL_ACCEPTED : PTN_TELL_OPENED,
                                     .id = slot->id,
                                     .listener = slot->listener,
                                     .transport = slot->transport,
                                     .local = slot->local,
                                     .from = slot->far});
}

static void stream_ready(struct ptn_host *h, ptn_time now, struct ptn_slot *slot, unsigned what)
{
    if (what & PTN_LOOP_OUT) {
        enum ptn_err err = ptn_host_tcp_write(slot);
        if (err != PTN_OK) {
            ptn_host_tcp_end(h, now, slot, err);
            return;
        }
        ptn_host_tcp_watch(h, slot);
    }
    if ((what & PTN_LOOP_ERROR) || ((what & PTN_LOOP_IN) && is_read(slot)))
        read_some(h, now, slot);
}

void ptn_host_tcp_ready(struct ptn_host *h, ptn_time now, struct ptn_slot *slot, unsigned what)
{
    switch (slot->kind) {
    case PTN_SLOT_LISTENER: accept_some(h, now, slot); break;
    case PTN_SLOT_CONNECTING: connected(h, now, slot); break;
    case PTN_SLOT_SHAKING:
    case PTN_SLOT_STREAM: stream_ready(h, now, slot, what); break;
    case PTN_SLOT_CLOSING: go_on_closing(h, now, slot); break;
    default: break;
    }
}

/* ---- ending ---- */

void ptn_host_tcp_close(struct ptn_host *h, ptn_time now, struct ptn_slot *slot)
{
    if (slot->tls) {
        ptn_tls_end(slot->tls);
        ptn_host_tls_flush(h, slot); /* without room there is no goodbye */
    }
    ptn_slots_forget_id(&h->slots, slot);
    slot->kind = PTN_SLOT_CLOSING;
    slot->give_up = now + CLOSING_MAX;
    h->closing_count++;
    go_on_closing(h, now, slot);
}

void ptn_host_tcp_due(struct ptn_host *h, ptn_time now, struct ptn_slot *slot)
{
    switch (slot->kind) {
    case PTN_SLOT_SHAKING: ptn_host_tls_fail(h, now, slot, PTN_ERR_TIMED_OUT, NULL); break;
    case PTN_SLOT_CLOSING: go_on_closing(h, now, slot); break;
    case PTN_SLOT_LISTENER: ptn_host_watch(h, slot, PTN_LOOP_IN); break;
    case PTN_SLOT_STREAM:
        slot->rests = false;
        ptn_host_tcp_watch(h, slot);
        break;
    default: break;
    }
}
