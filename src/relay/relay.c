/*
 * relay/relay.c - the server as a machine: datagrams, connections, a queue of answers.
 *
 * The fast path (ptn_relay_datagram) touches none of the queue: it answers into the
 * caller's buffer. What comes through input() is answered the same way, into a queue
 * of fixed size, because a machine is asked for its outputs only later.
 */
#include "relay/relay.h"

#include <assert.h>

#include "relay/answer.h"
#include "relay/plain.h"
#include "stun/seal.h"

/* ---- one message ---- */

static enum ptn_relay_verdict stun_message(struct ptn_relay *r, struct ptn_relay_request *q,
                                           struct ptn_bytes message)
{
    struct ptn_stun_msg m;
    enum ptn_stun_verdict decoded = ptn_stun_decode(&m, message);

    if (decoded != PTN_STUN_OK)
        return decoded == PTN_STUN_NOT_STUN ? PTN_RELAY_NOT_STUN : PTN_RELAY_MALFORMED;
    if (m.class == PTN_STUN_SUCCESS || m.class == PTN_STUN_ERROR)
        return PTN_RELAY_RESPONSE;
    if (m.method != PTN_STUN_BINDING && (!r->turn || m.method == PTN_STUN_SHARED_SECRET))
        return PTN_RELAY_UNKNOWN_METHOD;
    if (ptn_stun_check_fingerprint(&m) == PTN_STUN_SEAL_BROKEN)
        return PTN_RELAY_BROKEN_FINGERPRINT;
    if (m.method == PTN_STUN_BINDING)
        return ptn_relay_binding(r, q->now, q->source, &m, q->out);
    if (q->source->from.port == 0 || ptn_relay_listeners_own(&r->listeners, &q->source->from))
        return PTN_RELAY_OWN_ADDRESS;
    q->m = &m;
    return ptn_relay_turn(r, q);
}

enum ptn_relay_verdict ptn_relay_message(struct ptn_relay *r, ptn_time now,
                                         const struct ptn_relay_source *source,
                                         struct ptn_bytes message, struct ptn_relay_out *out)
{
    struct ptn_relay_request q = {
        .now = now, .source = source, .out = out, .alloc = PTN_RELAY_NONE, .given = PTN_RELAY_NONE};

    if (message.size > 0 && (message.data[0] & 0xc0) == 0x40)
        return ptn_relay_channel_data(r, now, source, message, out);
    return stun_message(r, &q, message);
}

/* ---- the fast path ---- */

/* Of a listener or a connection of datagrams. */
static enum ptn_relay_verdict client_datagram(struct ptn_relay *r, ptn_time now,
                                              const struct ptn_relay_in *in,
                                              struct ptn_relay_out *out)
{
    if (in->socket >= PTN_ID_WORLD) {
        struct ptn_relay_conn *conn = ptn_relay_conns_find(&r->conns, in->socket);
        if (!conn)
            return PTN_RELAY_NO_ALLOCATION; /* closed by us a moment ago */
        ptn_relay_conns_alive(&r->conns, conn, now + r->opts.connection_idle);
        return ptn_relay_message(r, now, &conn->source, in->bytes, out);
    }
    struct ptn_relay_source source = {ptn_relay_listeners_find(&r->listeners, in->socket), in->from,
                                      in->socket, NULL};
    assert(source.listener);
    return ptn_relay_message(r, now, &source, in->bytes, out);
}

static bool any_datagram(struct ptn_relay *r, ptn_time now, const struct ptn_relay_in *in,
                         struct ptn_relay_out *out)
{
    out->bytes = ptn_bytes(NULL, 0);
    out->dont_fragment = false;
    bool from_peer = in->socket >= PTN_RELAY_SOCKET_ID && in->socket < PTN_ID_WORLD;
    enum ptn_relay_verdict v =
        from_peer ? ptn_relay_peer_data(r, now, in, out) : client_datagram(r, now, in, out);
    r->counts[v]++;
    return out->bytes.size > 0 || (v == PTN_RELAY_UP && out->bytes.data);
}

size_t ptn_relay_batch(struct ptn_relay *r, ptn_time now, const struct ptn_relay_in *in,
                       size_t count, struct ptn_relay_out *out)
{
    size_t answers = 0, plain;

    for (size_t i = 0; i < count; i++) {
        i += ptn_relay_plain(r, now, &in[i], count - i, &out[answers], &plain);
        answers += plain;
        if (i < count)
            answers += any_datagram(r, now, &in[i], &out[answers]);
    }
    return answers;
}

bool ptn_relay_datagram(struct ptn_relay *r, ptn_time now, const struct ptn_relay_in *in,
                        struct ptn_relay_out *out)
{
    return ptn_relay_batch(r, now, in, 1, out) == 1;
}

/* ---- input ---- */

static void input_datagram(struct ptn_relay *r, ptn_time now, const struct ptn_tell *tell)
{
    struct ptn_relay_in in = {tell->id, tell->from, tell->bytes};
    struct ptn_relay_out out = ptn_relay_queue_room(&r->queue);

    if (ptn_relay_datagram(r, now, &in, &out) &&
        !ptn_relay_queue_put(&r->queue, PTN_ASK_DATAGRAM, &out))
        r->counts[PTN_RELAY_NO_ROOM]++;
}

/* It is gone, and what was allocated by it goes with it. */
static void forget_conn(struct ptn_relay *r, ptn_time now, struct ptn_relay_conn *conn)
{
    uint32_t alloc = ptn_relay_allocs_find(&r->allocs, &conn->source.from, conn->id);

    if (conn->joined)
        ptn_relay_joined_closed(r, conn);
    else
        ptn_relay_conns_remove(&r->conns, conn);
    if (alloc != PTN_RELAY_NONE)
        ptn_relay_end(r, now, alloc, PTN_RELAY_END_CONNECTION);
}

static void close_conn(struct ptn_relay *r, ptn_time now, struct ptn_relay_conn *conn)
{
    ptn_relay_close(r, conn->id);
    forget_conn(r, now, conn);
}

/* True when the connection has a reason to live though its client says nothing. */
static bool is_wanted(const struct ptn_relay *r, const struct ptn_relay_conn *conn)
{
    return conn->joined || (r->turn && ptn_relay_allocs_find(&r->allocs, &conn->source.from,
                                                             conn->id) != PTN_RELAY_NONE);
}

/* Of those that nobody needs yet, the one that has been silent for longest among the largest crowd
 * makes room; unless the crowd of who comes is the largest already. */
static bool make_room(struct ptn_relay *r, ptn_time now, const struct ptn_addr *from)
{
    struct ptn_crowd crowd = {.key = r->conns.key};
    struct ptn_relay_conn *chosen = NULL;

    for (uint32_t i = 0; i < r->conns.touched; i++)
        if (r->conns.conns[i].id && !is_wanted(r, &r->conns.conns[i]))
            ptn_crowd_add(&crowd, &r->conns.conns[i].source.from);
    uint32_t most = ptn_crowd_size(&crowd, from);
    for (uint32_t i = 0; i < r->conns.touched; i++) {
        struct ptn_relay_conn *conn = &r->conns.conns[i];
        if (!conn->id || is_wanted(r, conn))
            continue;
        uint32_t size = ptn_crowd_size(&crowd, &conn->source.from);
        if (size > most || (chosen && size == most && conn->idle_at < chosen->idle_at)) {
            chosen = conn;
            most = size;
        }
    }
    if (!chosen)
        return false;
    r->counts[PTN_RELAY_CONNECTION_CROWDED]++;
    close_conn(r, now, chosen);
    return true;
}

static void input_accepted(struct ptn_relay *r, ptn_time now, const struct ptn_tell *tell)
{
    struct ptn_relay_source source = {
        .listener = ptn_relay_listeners_find(&r->listeners, tell->listener), .from = tell->from};
    struct ptn_relay_conn *conn = ptn_relay_conns_add(&r->conns, tell->id, &source);

    assert(source.listener);
    if (!conn && make_room(r, now, &tell->from))
        conn = ptn_relay_conns_add(&r->conns, tell->id, &source);
    if (conn) {
        ptn_relay_conns_alive(&r->conns, conn, now + r->opts.connection_idle);
    } else {
        r->counts[PTN_RELAY_CONNECTION_FULL]++;
        ptn_relay_close(r, tell->id);
    }
}

/* True when its answer has been put into the queue. */
static bool answer_on_stream(struct ptn_relay *r, ptn_time now, struct ptn_relay_conn *conn,
                             struct ptn_bytes message)
{
    struct ptn_relay_out out = ptn_relay_queue_room(&r->queue);

    enum ptn_relay_verdict v = ptn_relay_message(r, now, &conn->source, message, &out);
    r->counts[v]++;
    if (v == PTN_RELAY_UP || out.bytes.size > 0) {
        bool put = ptn_relay_queue_put(&r->queue,
                                       v == PTN_RELAY_UP ? PTN_ASK_DATAGRAM : PTN_ASK_STREAM, &out);
        r->counts[PTN_RELAY_NO_ROOM] += !put;
        return put;
    }
    return false;
}

/* What it said behind the request goes with it: a stream of which bytes are missing is none. */
static void forget_moved(struct ptn_relay *r, ptn_time now, struct ptn_relay_conn *conn,
                         struct ptn_bytes rest)
{
    if (rest.size == 0 || ptn_relay_waiting_append(&r->waiting, rest)) {
        ptn_relay_conns_remove(&r->conns, conn);
        return;
    }
    r->counts[PTN_RELAY_NO_ROOM]++;
    close_conn(r, now, conn);
}

static void input_stream(struct ptn_relay *r, ptn_time now, const struct ptn_tell *tell)
{
    struct ptn_relay_conn *conn = ptn_relay_conns_find(&r->conns, tell->id);
    struct ptn_bytes in = tell->bytes, message;
    enum ptn_stun_frame_step step = PTN_STUN_FRAME_MORE;

    if (!conn || conn->moved)
        return; /* closed by us a moment ago, or not ours any more */
    while (!conn->joined && !conn->moved &&
           (step = ptn_stun_frame_next(&conn->frame, &in, &message)) == PTN_STUN_FRAME_MESSAGE)
        if (answer_on_stream(r, now, conn, message) ||
            ptn_relay_allocs_find(&r->allocs, &conn->source.from, conn->id) != PTN_RELAY_NONE)
            ptn_relay_conns_alive(&r->conns, conn, now + r->opts.connection_idle);
    if (conn->joined) {
        ptn_relay_conns_alive(&r->conns, conn, PTN_NEVER);
        ptn_relay_joined_data(r, now, conn, in);
    } else if (conn->moved) {
        forget_moved(r, now, conn, in);
    } else if (step == PTN_STUN_FRAME_BROKEN) {
        r->counts[PTN_RELAY_NOT_STUN]++;
        close_conn(r, now, conn);
    }
}

static void input_listener(struct ptn_relay *r, const struct ptn_tell *tell)
{
    struct ptn_relay_listener_row *row = ptn_relay_listeners_find(&r->listeners, tell->id);

    if (!row)
        return;
    row->open = tell->kind == PTN_TELL_OPENED;
    row->why = tell->why;
    row->told = true;
    if (!row->open)
        return;
    if (row->is.announced.port == row->is.local.port)
        row->is.announced.port = tell->local.port;
    row->is.local = tell->local;
    ptn_relay_listeners_pair(&r->listeners);
}

static void input_opened(struct ptn_relay *r, ptn_time now, const struct ptn_tell *tell)
{
    ptn_id close[2];

    if (tell->id < PTN_RELAY_SOCKET_ID) {
        input_listener(r, tell);
        return;
    }
    size_t count = ptn_relay_sockets_opened(&r->sockets, tell->id, &tell->local, close);
    for (size_t i = 0; i < count; i++)
        ptn_relay_close(r, close[i]);
    ptn_relay_socket_came(r, now);
}

/* A relay socket could not be opened, or is gone. */
static bool input_failed_socket(struct ptn_relay *r, ptn_time now, const struct ptn_tell *tell)
{
    struct ptn_relay_socket *socket = ptn_relay_sockets_find(&r->sockets, tell->id);
    ptn_id close[2];

    if (!socket)
        return false;
    if (socket->state == PTN_RELAY_SOCKET_USED) {
        ptn_relay_end(r, now, socket->alloc, PTN_RELAY_END_SOCKET);
        return true;
    }
    ptn_relay_timer(r, PTN_RELAY_TIMER_SOCKET, tell->id - PTN_RELAY_SOCKET_ID, PTN_NEVER);
    size_t count = ptn_relay_sockets_failed(&r->sockets, now, tell->id, tell->why, close);
    for (size_t i = 0; i < count; i++)
        ptn_relay_close(r, close[i]);
    if (r->sockets.went_dry) {
        r->sockets.went_dry = false;
        ptn_relay_stock_dry(r, now);
    }
    return true;
}

static void input_gone(struct ptn_relay *r, ptn_time now, const struct ptn_tell *tell)
{
    struct ptn_relay_conn *conn = ptn_relay_conns_find(&r->conns, tell->id);

    if (input_failed_socket(r, now, tell))
        return;
    if (conn)
        forget_conn(r, now, conn);
    else
        input_listener(r, tell);
}

void ptn_relay_input(struct ptn_relay *r, ptn_time now, const struct ptn_tell *tell)
{
    if (r->turn && ptn_relay_peer_told(r, now, tell))
        return;
    switch (tell->kind) {
    case PTN_TELL_DATAGRAM: input_datagram(r, now, tell); break;
    case PTN_TELL_ACCEPTED: input_accepted(r, now, tell); break;
    case PTN_TELL_STREAM: input_stream(r, now, tell); break;
    case PTN_TELL_OPENED: input_opened(r, now, tell); break;
    case PTN_TELL_FAILED:
    case PTN_TELL_CLOSED: input_gone(r, now, tell); break;
    case PTN_TELL_ICMP_ERROR: ptn_relay_icmp(r, now, tell); break;
    case PTN_TELL_RESOLVED:
    case PTN_TELL_ADDRESSES: break; /* nothing here depends on them */
    }
}

/* ---- time, output, events ---- */

void ptn_relay_tick(struct ptn_relay *r, ptn_time now)
{
    struct ptn_relay_conn *conn;

    if (r->turn)
        ptn_relay_expire(r, now);
    while (!ptn_relay_queue_full(&r->queue) && (conn = ptn_relay_conns_idle(&r->conns, now))) {
        if (is_wanted(r, conn)) {
            ptn_relay_conns_alive(&r->conns, conn, now + r->opts.connection_idle);
            continue;
        }
        r->counts[PTN_RELAY_CONNECTION_IDLE]++;
        close_conn(r, now, conn);
    }
}

static bool output_open(struct ptn_relay *r, struct ptn_ask *ask)
{
    for (size_t i = 0; r->to_open && i < r->listeners.count; i++) {
        struct ptn_relay_listener_row *row = &r->listeners.rows[i];
        if (!row->to_open)
            continue;
        row->to_open = false;
        *ask =
            (struct ptn_ask){.kind = row->is.transport == PTN_UDP ? PTN_ASK_OPEN : PTN_ASK_LISTEN,
                             .id = row->is.id,
                             .transport = row->is.transport,
                             .local = row->is.local};
        return true;
    }
    r->to_open = false;
    return false;
}

bool ptn_relay_output(struct ptn_relay *r, ptn_time now, struct ptn_ask *ask)
{
    return output_open(r, ask) || ptn_relay_queue_next(&r->queue, ask) ||
           (r->turn && ptn_relay_sockets_ask(&r->sockets, now, &r->dice, ask));
}

bool ptn_relay_is_short(const struct ptn_relay *r, ptn_time now)
{
    return r->turn && ptn_relay_sockets_low(&r->sockets, now);
}

bool ptn_relay_event(struct ptn_relay *r, struct ptn_relay_event *ev)
{
    for (size_t i = 0; i < r->listeners.count; i++) {
        struct ptn_relay_listener_row *row = &r->listeners.rows[i];
        if (!row->told)
            continue;
        row->told = false;
        *ev = (struct ptn_relay_event){
            .kind = row->open ? PTN_RELAY_LISTENING : PTN_RELAY_NOT_LISTENING,
            .listener = row->is.id,
            .local = row->is.local,
            .why = row->why,
        };
        return true;
    }
    return ptn_relay_news_next(&r->news, ev);
}

ptn_time ptn_relay_deadline(const struct ptn_relay *r)
{
    ptn_time at = ptn_relay_conns_deadline(&r->conns);

    if (!r->turn)
        return at;
    at = ptn_time_min(at, ptn_heap_deadline(&r->timers));
    return ptn_time_min(at, ptn_relay_sockets_deadline(&r->sockets));
}

uint64_t ptn_relay_count(const struct ptn_relay *r, enum ptn_relay_verdict v)
{
    assert(v < PTN_RELAY_VERDICTS);
    return r->counts[v];
}

/* ---- for a host that runs machines ---- */

static void machine_input(void *self, ptn_time now, const struct ptn_tell *tell)
{
    ptn_relay_input(self, now, tell);
}

static void machine_tick(void *self, ptn_time now)
{
    ptn_relay_tick(self, now);
}

static bool machine_output(void *self, ptn_time now, struct ptn_ask *ask)
{
    return ptn_relay_output(self, now, ask);
}

static ptn_time machine_deadline(const void *self)
{
    return ptn_relay_deadline(self);
}

struct ptn_machine ptn_relay_machine(struct ptn_relay *r)
{
    return (struct ptn_machine){r, machine_input, machine_tick, machine_output, machine_deadline};
}
