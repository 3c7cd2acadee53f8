/*
 * server/sockets.c - two arrays of descriptors and one batch.
 *
 * The relay's ids are small numbers, so a descriptor is found by an index. An event for a
 * socket that was closed a moment ago finds none, or one that has nothing to say.
 */
#include "sockets.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dtls.h"

enum {
    DATAGRAM_MAX = 65536,
    ROOM_EACH = DATAGRAM_MAX + PTN_RELAY_HEADROOM + 64, /* not a whole number of pages */
    LISTENER_BATCHES = 8,                               /* then others want to be heard too */
    RELAY_ROOM_FIRST = 256,
};

struct server_socket {
    int fd; /* plus 1; 0: none */
    uint8_t family;
    bool whole, dtls;
};

enum ptn_err server_sockets_init(struct server_sockets *s, const struct server_sockets_opts *opts)
{
    *s = (struct server_sockets){.opts = *opts};
    s->listeners = calloc(PTN_RELAY_LISTENERS_MAX + 1, sizeof *s->listeners);
    s->in = ptn_udp_in_new();
    s->out = ptn_udp_out_new();
    s->room = malloc((size_t)PTN_UDP_BATCH_MAX * ROOM_EACH);
    if (!s->listeners || !s->in || !s->out || !s->room) {
        server_sockets_fini(s);
        return PTN_ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < PTN_UDP_BATCH_MAX; i++) {
        s->outs[i].buf = s->room + i * ROOM_EACH;
        s->outs[i].capacity = DATAGRAM_MAX + PTN_RELAY_HEADROOM;
    }
    return PTN_OK;
}

static void close_all(struct server_socket *sockets, size_t count)
{
    for (size_t i = 0; sockets && i < count; i++)
        if (sockets[i].fd)
            close(sockets[i].fd - 1);
    free(sockets);
}

void server_sockets_fini(struct server_sockets *s)
{
    close_all(s->listeners, PTN_RELAY_LISTENERS_MAX + 1);
    close_all(s->relays, s->relay_room);
    ptn_udp_in_free(s->in);
    ptn_udp_out_free(s->out);
    free(s->room);
    *s = (struct server_sockets){0};
}

/* NULL when there is no such UDP socket. */
static struct server_socket *find(const struct server_sockets *s, ptn_id id)
{
    uint32_t place = id - PTN_RELAY_SOCKET_ID;
    struct server_socket *socket = NULL;

    if (id <= PTN_RELAY_LISTENERS_MAX)
        socket = &s->listeners[id];
    else if (place < s->relay_room)
        socket = &s->relays[place];
    return socket && socket->fd ? socket : NULL;
}

/* The place of an id that has no socket yet. NULL: no memory. */
static struct server_socket *place_for(struct server_sockets *s, ptn_id id)
{
    uint32_t place = id - PTN_RELAY_SOCKET_ID, room = s->relay_room;

    if (id <= PTN_RELAY_LISTENERS_MAX)
        return &s->listeners[id];
    if (place >= room) {
        room = room ? room : RELAY_ROOM_FIRST;
        while (room <= place)
            room *= 2;
        struct server_socket *grown = realloc(s->relays, room * sizeof *grown);
        if (!grown)
            return NULL;
        memset(grown + s->relay_room, 0, (room - s->relay_room) * sizeof *grown);
        s->relays = grown;
        s->relay_room = room;
    }
    return &s->relays[place];
}

static bool is_datagram_socket(ptn_id id)
{
    return id <= PTN_RELAY_LISTENERS_MAX ||
           (id >= PTN_RELAY_SOCKET_ID && id <= PTN_RELAY_SOCKET_ID + PTN_RELAY_SOCKETS_MAX);
}

/* ---- out ---- */

static void tell_unreached(struct server_sockets *s, ptn_time now, ptn_id id,
                           const struct ptn_addr *to, enum ptn_err why)
{
    ptn_relay_input(
        s->opts.relay, now,
        &(struct ptn_tell){.kind = PTN_TELL_ICMP_ERROR, .id = id, .from = *to, .why = why});
}

void server_sockets_flush(struct server_sockets *s, ptn_time now)
{
    struct ptn_udp_sent sent;

    ptn_udp_out_flush(s->out, &sent);
    s->counts.out += sent.sent;
    s->counts.dropped += sent.dropped;
    s->counts.refused += sent.failure_count;
    for (size_t i = 0; i < sent.failure_count; i++)
        tell_unreached(s, now, (ptn_id)sent.failures[i].key, &sent.failures[i].to,
                       sent.failures[i].why);
}

static void set_whole(struct server_sockets *s, ptn_time now, struct server_socket *socket,
                      bool whole)
{
    server_sockets_flush(s, now); /* what waits was meant to leave the other way */
    ptn_udp_set_whole(socket->fd - 1, &(struct ptn_addr){.family = socket->family}, whole);
    socket->whole = whole;
}

void server_sockets_send(struct server_sockets *s, ptn_time now, ptn_id id,
                         const struct ptn_addr *to, struct ptn_bytes bytes)
{
    struct server_socket *socket = find(s, id);

    if (!socket || socket->family != to->family || bytes.size > DATAGRAM_MAX) {
        s->counts.refused++;
        return;
    }
    while (!ptn_udp_out_add(s->out, socket->fd - 1, id, to, bytes))
        server_sockets_flush(s, now);
}

/* Answers to one batch seldom leave by more than one socket: `last` is where the one before left.
 */
static inline void emit(struct server_sockets *s, ptn_time now, const struct ptn_relay_out *out,
                        ptn_id *last, struct server_socket **socket)
{
    if (__builtin_expect(out->socket != *last, 0)) {
        *last = out->socket;
        *socket = find(s, out->socket);
    }
    if (!*socket || (*socket)->family != out->to.family) {
        if (out->socket > PTN_ID_WORLD)
            server_dtls_send(s->opts.dtls, s, now, out->socket, out->bytes);
        else
            s->counts.refused++;
        return;
    }
    if ((*socket)->whole != out->dont_fragment)
        set_whole(s, now, *socket, out->dont_fragment);
    while (!ptn_udp_out_lend(s->out, (*socket)->fd - 1, out->socket, &out->to, out->bytes))
        server_sockets_flush(s, now);
}

/* ---- in ---- */

void server_sockets_serve(struct server_sockets *s, ptn_time now)
{
    if (s->filled == 0)
        return;
    size_t count = ptn_relay_batch(s->opts.relay, now, s->list, s->filled, s->outs);
    struct server_socket *socket = NULL;
    ptn_id last = 0;

    s->counts.in += s->filled;
    s->counts.batches++;
    s->filled = 0;
    for (size_t i = 0; i < count; i++)
        emit(s, now, &s->outs[i], &last, &socket);
    server_sockets_flush(s, now);
}

static size_t take_some(struct server_sockets *s, ptn_id id, const struct server_socket *socket)
{
    size_t first = s->filled;
    size_t count = ptn_udp_receive_more(socket->fd - 1, socket->family, s->in, first);

    for (size_t i = first; i < first + count; i++) {
        struct ptn_relay_in *in = &s->list[i];
        in->socket = id;
        ptn_udp_in_get(s->in, i, &in->from, &in->bytes);
    }
    s->filled += count;
    return count;
}

/* Records are opened one by one; what they hold does not go through the batch. */
static void take_records(struct server_sockets *s, ptn_time now, ptn_id id, int fd)
{
    server_sockets_serve(s, now);
    size_t count = ptn_udp_receive(fd, s->in);

    s->counts.in += count;
    for (size_t i = 0; i < count; i++) {
        struct ptn_addr from = ptn_udp_in_from(s->in, i);
        server_dtls_record(s->opts.dtls, s, now, id, &from, ptn_udp_in_bytes(s->in, i));
    }
    server_sockets_flush(s, now);
}

static void take_errors(struct server_sockets *s, ptn_time now, ptn_id id, int fd)
{
    struct ptn_addr to;
    enum ptn_err why;

    while (ptn_udp_error(fd, &to, &why))
        tell_unreached(s, now, id, &to, why);
}

/* True when each batch was full, so that there is more. */
static bool take_batches(struct server_sockets *s, ptn_time now, ptn_id id,
                         const struct server_socket *socket)
{
    for (unsigned i = 0; i < LISTENER_BATCHES; i++) {
        take_some(s, id, socket);
        if (s->filled < PTN_UDP_BATCH_MAX)
            return false;
        server_sockets_serve(s, now);
        /* The relay may have closed it, and the array may have moved. */
        socket = find(s, id);
        if (!socket || id > PTN_RELAY_LISTENERS_MAX || ptn_relay_is_short(s->opts.relay, now))
            return false;
    }
    return true;
}

/* A socket that somebody watches wakes him with each datagram that it has sent, too: a tenth of
 * what a Binding costs. One that is always ready needs no watching. */
void server_sockets_ready(struct server_sockets *s, ptn_time now, const struct ptn_ready *ready)
{
    ptn_id id = (ptn_id)ready->key;
    struct server_socket *socket = find(s, id);

    if (!socket || id == s->busy)
        return;
    if (ready->what & PTN_LOOP_ERROR)
        take_errors(s, now, id, socket->fd - 1);
    if (socket->dtls) {
        take_records(s, now, id, socket->fd - 1);
    } else if (take_batches(s, now, id, socket) && !s->busy) {
        ptn_loop_remove(s->opts.loop, find(s, id)->fd - 1);
        s->busy = id;
    }
}

void server_sockets_go_on(struct server_sockets *s, ptn_time now)
{
    ptn_id id = s->busy;
    struct server_socket *socket = id ? find(s, id) : NULL;

    if (!socket) {
        s->busy = 0;
        return;
    }
    take_errors(s, now, id, socket->fd - 1);
    if (take_batches(s, now, id, socket))
        return;
    socket = find(s, id);
    /* Where it cannot be watched again it stays busy: that costs time, but loses nobody. */
    if (!socket ||
        ptn_loop_add(s->opts.loop, socket->fd - 1, PTN_LOOP_IN, s->opts.owner, id) == PTN_OK)
        s->busy = 0;
}

/* ---- asks ---- */

static void open_socket(struct server_sockets *s, ptn_time now, const struct ptn_ask *ask,
                        bool dtls)
{
    struct server_socket *socket = place_for(s, ask->id);
    bool listener = ask->id <= PTN_RELAY_LISTENERS_MAX;
    struct ptn_tell tell = {
        .kind = PTN_TELL_OPENED, .id = ask->id, .transport = dtls ? PTN_DTLS : PTN_UDP};
    enum ptn_err err = PTN_ERR_NO_MEMORY;
    int fd = -1;

    if (socket)
        err = listener ? ptn_udp_serve(&ask->local, s->opts.shared, s->opts.joins, &fd, &tell.local)
                       : ptn_udp_relay(&ask->local, &fd, &tell.local);
    if (err == PTN_OK)
        err = ptn_loop_add(s->opts.loop, fd, PTN_LOOP_IN, s->opts.owner, ask->id);
    if (err == PTN_OK) {
        *socket = (struct server_socket){.fd = fd + 1, .family = ask->local.family, .dtls = dtls};
    } else {
        if (fd >= 0)
            close(fd);
        tell.kind = PTN_TELL_FAILED;
        tell.local = ask->local;
        tell.why = err;
    }
    ptn_relay_input(s->opts.relay, now, &tell);
}

int server_sockets_take(struct server_sockets *s, ptn_id id)
{
    struct server_socket *socket = find(s, id);

    if (!socket)
        return -1;
    int fd = socket->fd - 1;
    ptn_loop_remove(s->opts.loop, fd);
    if (s->busy == id)
        s->busy = 0;
    *socket = (struct server_socket){0};
    return fd;
}

enum ptn_err server_sockets_put(struct server_sockets *s, ptn_id id, int fd)
{
    struct server_socket *socket = place_for(s, id);
    enum ptn_err err =
        socket ? ptn_loop_add(s->opts.loop, fd, PTN_LOOP_IN, s->opts.owner, id) : PTN_ERR_NO_MEMORY;

    if (err == PTN_OK)
        *socket = (struct server_socket){.fd = fd + 1, .family = (uint8_t)ptn_udp_family(fd)};
    return err;
}

bool server_sockets_ask(struct server_sockets *s, ptn_time now, const struct ptn_ask *ask)
{
    bool mine = is_datagram_socket(ask->id);

    switch (ask->kind) {
    case PTN_ASK_OPEN: open_socket(s, now, ask, false); return true;
    case PTN_ASK_LISTEN:
        if (ask->transport != PTN_DTLS)
            return false;
        open_socket(s, now, ask, true);
        return true;
    case PTN_ASK_DATAGRAM:
        if (ask->id > PTN_ID_WORLD)
            server_dtls_send(s->opts.dtls, s, now, ask->id, ask->bytes);
        else
            server_sockets_send(s, now, ask->id, &ask->to, ask->bytes);
        return true;
    case PTN_ASK_CLOSE:
        if (server_dtls_close(s->opts.dtls, s, now, ask->id))
            return true;
        if (!mine || !find(s, ask->id))
            return false;
        server_sockets_flush(s, now); /* what was asked before is still sent */
        close(server_sockets_take(s, ask->id));
        return true;
    default: return false;
    }
}
