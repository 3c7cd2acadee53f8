/*
 * relay/relay.c - the server as a machine: sockets, connections, a queue of answers.
 *
 * The fast path (ptn_relay_datagram) touches none of the queue: it answers into the
 * caller's buffer. What comes through input() is answered the same way, into a queue
 * of fixed size, because a machine is asked for its outputs only later.
 */
#include "relay/relay.h"

#include <assert.h>
#include <stdlib.h>

#include "relay/conns.h"

#define IDLE_DEFAULT PTN_S(60)
/* Half of the queue is for answers, so that there is a place for every CLOSE. */
enum { QUEUE_MAX = 1024, ANSWERS_MAX = QUEUE_MAX / 2, QUEUE_BYTES = 128 * 1024 };

struct queued {
    enum ptn_ask_kind kind;
    ptn_id id;
    struct ptn_addr to;
    size_t at, size;
};

struct ptn_relay {
    struct ptn_relay_opts opts;
    struct ptn_relay_listeners listeners;
    struct ptn_relay_conns conns;
    uint64_t counts[PTN_RELAY_VERDICTS];
    struct queued queue[QUEUE_MAX];
    size_t queue_first, queue_count, bytes_used;
    uint8_t bytes[QUEUE_BYTES];
};

struct ptn_relay *ptn_relay_new(const struct ptn_relay_opts *opts)
{
    struct ptn_relay *r = calloc(1, sizeof *r);

    if (!r)
        return NULL;
    r->opts = *opts;
    ptn_relay_change(r, opts);
    ptn_relay_listeners_init(&r->listeners, opts);
    if (ptn_relay_conns_init(&r->conns, opts->connections_max) != PTN_OK) {
        free(r);
        return NULL;
    }
    return r;
}

void ptn_relay_free(struct ptn_relay *r)
{
    if (!r)
        return;
    ptn_relay_conns_fini(&r->conns);
    free(r);
}

void ptn_relay_change(struct ptn_relay *r, const struct ptn_relay_opts *opts)
{
    r->opts.behaviour_discovery = opts->behaviour_discovery;
    r->opts.always_extras = opts->always_extras;
    r->opts.mapped_in_modern = opts->mapped_in_modern;
    r->opts.connection_idle = opts->connection_idle ? opts->connection_idle : IDLE_DEFAULT;
}

void ptn_relay_start(struct ptn_relay *r)
{
    for (size_t i = 0; i < r->listeners.count; i++)
        r->listeners.rows[i].to_open = true;
}

/* ---- the fast path ---- */

bool ptn_relay_datagram(struct ptn_relay *r, const struct ptn_relay_in *in,
                        struct ptn_relay_out *out)
{
    struct ptn_relay_source source = {ptn_relay_listeners_find(&r->listeners, in->socket),
                                      in->from};
    assert(source.listener);

    enum ptn_relay_verdict v = ptn_relay_binding(&r->opts, &r->listeners, &source, in->bytes, out);
    r->counts[v]++;
    return ptn_relay_answers(v);
}

size_t ptn_relay_batch(struct ptn_relay *r, const struct ptn_relay_in *in, size_t count,
                       struct ptn_relay_out *out)
{
    size_t answers = 0;

    for (size_t i = 0; i < count; i++)
        answers += ptn_relay_datagram(r, &in[i], &out[answers]);
    return answers;
}

/* ---- the queue ---- */

static bool queue_full(const struct ptn_relay *r)
{
    return r->queue_count == QUEUE_MAX;
}

static void enqueue(struct ptn_relay *r, enum ptn_ask_kind kind, const struct ptn_relay_out *out)
{
    r->queue[(r->queue_first + r->queue_count++) % QUEUE_MAX] =
        (struct queued){kind, out->socket, out->to, r->bytes_used, out->size};
    r->bytes_used += out->size;
}

static void enqueue_close(struct ptn_relay *r, ptn_id id)
{
    if (!queue_full(r))
        enqueue(r, PTN_ASK_CLOSE, &(struct ptn_relay_out){.socket = id});
}

/* An answer goes to the unused end of the bytes; they are free again once the queue ran dry. */
static struct ptn_relay_out room(struct ptn_relay *r)
{
    if (r->queue_count == 0)
        r->bytes_used = 0;
    return (struct ptn_relay_out){
        .buf = r->bytes + r->bytes_used,
        .capacity = r->queue_count < ANSWERS_MAX ? QUEUE_BYTES - r->bytes_used : 0};
}

/* ---- input ---- */

static void input_datagram(struct ptn_relay *r, const struct ptn_tell *tell)
{
    struct ptn_relay_in in = {tell->id, tell->from, tell->bytes};
    struct ptn_relay_out out = room(r);

    if (ptn_relay_datagram(r, &in, &out))
        enqueue(r, PTN_ASK_DATAGRAM, &out);
}

static void close_conn(struct ptn_relay *r, struct ptn_relay_conn *conn)
{
    enqueue_close(r, conn->id);
    ptn_relay_conns_remove(&r->conns, conn);
}

static void input_accepted(struct ptn_relay *r, ptn_time now, const struct ptn_tell *tell)
{
    struct ptn_relay_source source = {ptn_relay_listeners_find(&r->listeners, tell->listener),
                                      tell->from};
    struct ptn_relay_conn *conn = ptn_relay_conns_add(&r->conns, tell->id, &source);

    assert(source.listener);
    if (conn) {
        ptn_relay_conns_alive(&r->conns, conn, now + r->opts.connection_idle);
    } else {
        r->counts[PTN_RELAY_CONNECTION_FULL]++;
        enqueue_close(r, tell->id);
    }
}

static void input_stream(struct ptn_relay *r, ptn_time now, const struct ptn_tell *tell)
{
    struct ptn_relay_conn *conn = ptn_relay_conns_find(&r->conns, tell->id);
    struct ptn_bytes in = tell->bytes, message;

    if (!conn)
        return; /* closed by us a moment ago */
    enum ptn_stun_frame_step step;
    while ((step = ptn_stun_frame_next(&conn->frame, &in, &message)) == PTN_STUN_FRAME_MESSAGE) {
        struct ptn_relay_out out = room(r);
        enum ptn_relay_verdict v =
            ptn_relay_binding(&r->opts, &r->listeners, &conn->source, message, &out);
        r->counts[v]++;
        if (!ptn_relay_answers(v))
            continue;
        ptn_relay_conns_alive(&r->conns, conn, now + r->opts.connection_idle);
        out.socket = conn->id;
        enqueue(r, PTN_ASK_STREAM, &out);
    }
    if (step == PTN_STUN_FRAME_BROKEN) {
        r->counts[PTN_RELAY_NOT_STUN]++;
        close_conn(r, conn);
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

void ptn_relay_input(struct ptn_relay *r, ptn_time now, const struct ptn_tell *tell)
{
    struct ptn_relay_conn *conn;

    switch (tell->kind) {
    case PTN_TELL_DATAGRAM: input_datagram(r, tell); break;
    case PTN_TELL_ACCEPTED: input_accepted(r, now, tell); break;
    case PTN_TELL_STREAM: input_stream(r, now, tell); break;
    case PTN_TELL_OPENED: input_listener(r, tell); break;
    case PTN_TELL_FAILED:
    case PTN_TELL_CLOSED:
        conn = ptn_relay_conns_find(&r->conns, tell->id);
        if (conn)
            ptn_relay_conns_remove(&r->conns, conn);
        else
            input_listener(r, tell);
        break;
    case PTN_TELL_RESOLVED:
    case PTN_TELL_ICMP_ERROR:
    case PTN_TELL_ADDRESSES: break; /* nothing here depends on them */
    }
}

/* ---- time, output, events ---- */

void ptn_relay_tick(struct ptn_relay *r, ptn_time now)
{
    struct ptn_relay_conn *conn;

    while (!queue_full(r) && (conn = ptn_relay_conns_idle(&r->conns, now))) {
        r->counts[PTN_RELAY_CONNECTION_IDLE]++;
        close_conn(r, conn);
    }
}

static bool output_open(struct ptn_relay *r, struct ptn_ask *ask)
{
    for (size_t i = 0; i < r->listeners.count; i++) {
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
    return false;
}

bool ptn_relay_output(struct ptn_relay *r, ptn_time now, struct ptn_ask *ask)
{
    (void)now;
    if (output_open(r, ask))
        return true;
    if (r->queue_count == 0)
        return false;
    const struct queued *q = &r->queue[r->queue_first];
    *ask = (struct ptn_ask){
        .kind = q->kind, .id = q->id, .to = q->to, .bytes = ptn_bytes(r->bytes + q->at, q->size)};
    r->queue_first = (r->queue_first + 1) % QUEUE_MAX;
    r->queue_count--;
    return true;
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
    return false;
}

ptn_time ptn_relay_deadline(const struct ptn_relay *r)
{
    return ptn_relay_conns_deadline(&r->conns);
}

uint64_t ptn_relay_count(const struct ptn_relay *r, enum ptn_relay_verdict v)
{
    assert(v < PTN_RELAY_VERDICTS);
    return r->counts[v];
}

const char *ptn_relay_verdict_name(enum ptn_relay_verdict v)
{
    static const char *const names[PTN_RELAY_VERDICTS] = {
        [PTN_RELAY_ANSWERED] = "answered",
        [PTN_RELAY_UNKNOWN_ATTRIBUTE] = "unknown-attribute",
        [PTN_RELAY_BAD_REQUEST] = "bad-request",
        [PTN_RELAY_NOT_STUN] = "not-stun",
        [PTN_RELAY_MALFORMED] = "malformed",
        [PTN_RELAY_BROKEN_FINGERPRINT] = "broken-fingerprint",
        [PTN_RELAY_INDICATION] = "indication",
        [PTN_RELAY_RESPONSE] = "response",
        [PTN_RELAY_UNKNOWN_METHOD] = "unknown-method",
        [PTN_RELAY_OWN_ADDRESS] = "own-address",
        [PTN_RELAY_BAD_SOURCE] = "bad-source",
        [PTN_RELAY_NO_ROOM] = "no-room",
        [PTN_RELAY_CONNECTION_FULL] = "connection-full",
        [PTN_RELAY_CONNECTION_IDLE] = "connection-idle",
    };
    assert(v < PTN_RELAY_VERDICTS);
    return names[v];
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
