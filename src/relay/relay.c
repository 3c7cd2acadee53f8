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

#include "relay/core.h"

#define IDLE_DEFAULT PTN_S(60)

static bool make(struct ptn_relay *r, const struct ptn_relay_opts *opts)
{
    r->dice = opts->dice;
    if (!opts->shared)
        r->own_shared = ptn_relay_shared_new(opts->turn.allocations_max);
    r->shared = opts->shared ? opts->shared : r->own_shared;
    return r->shared && ptn_relay_conns_init(&r->conns, opts->connections_max) == PTN_OK &&
           ptn_relay_sockets_init(&r->sockets, &opts->turn) == PTN_OK &&
           ptn_relay_change(r, 0, opts);
}

struct ptn_relay *ptn_relay_new(const struct ptn_relay_opts *opts)
{
    struct ptn_relay *r = calloc(1, sizeof *r);

    if (!r)
        return NULL;
    r->opts = *opts;
    ptn_relay_listeners_init(&r->listeners, opts);
    if (make(r, opts))
        return r;
    ptn_relay_free(r);
    return NULL;
}

void ptn_relay_free(struct ptn_relay *r)
{
    if (!r)
        return;
    ptn_relay_conns_fini(&r->conns);
    ptn_relay_sockets_fini(&r->sockets);
    ptn_relay_shared_free(r->own_shared);
    free(r);
}

bool ptn_relay_change(struct ptn_relay *r, ptn_time now, const struct ptn_relay_opts *opts)
{
    (void)now;
    r->opts.behaviour_discovery = opts->behaviour_discovery;
    r->opts.always_extras = opts->always_extras;
    r->opts.mapped_in_modern = opts->mapped_in_modern;
    r->opts.connection_idle = opts->connection_idle ? opts->connection_idle : IDLE_DEFAULT;
    return true;
}

void ptn_relay_set_wall(struct ptn_relay *r, ptn_time now, uint64_t unix_s)
{
    r->wall_offset_s = (int64_t)unix_s - now / PTN_S(1);
}

void ptn_relay_drain(struct ptn_relay *r, bool on)
{
    r->draining = on;
}

void ptn_relay_divert(struct ptn_relay *r, const struct ptn_addr *to)
{
    r->alternate = to ? *to : (struct ptn_addr){0};
}

void ptn_relay_revoke(struct ptn_relay *r, ptn_time now, struct ptn_bytes name)
{
    (void)r, (void)now, (void)name; /* nobody has an allocation */
}

void ptn_relay_user_found(struct ptn_relay *r, ptn_time now, const struct ptn_relay_user *user)
{
    (void)r, (void)now, (void)user; /* nobody asked */
}

bool ptn_relay_mail(struct ptn_relay *r, struct ptn_relay_mail *mail)
{
    (void)r, (void)mail;
    return false;
}

void ptn_relay_post(struct ptn_relay *r, ptn_time now, struct ptn_relay_mail *mail)
{
    (void)now, (void)mail;
    r->counts[PTN_RELAY_MISPLACED]++;
}

ptn_id ptn_relay_joined(const struct ptn_relay *r, ptn_id conn)
{
    (void)r, (void)conn;
    return 0;
}

struct ptn_relay_now ptn_relay_now(const struct ptn_relay *r)
{
    return (struct ptn_relay_now){.connections = r->conns.ids.count,
                                  .stock_failures = r->sockets.failures};
}

void ptn_relay_start(struct ptn_relay *r)
{
    for (size_t i = 0; i < r->listeners.count; i++)
        r->listeners.rows[i].to_open = true;
}

/* ---- the fast path ---- */

bool ptn_relay_datagram(struct ptn_relay *r, ptn_time now, const struct ptn_relay_in *in,
                        struct ptn_relay_out *out)
{
    (void)now;
    struct ptn_relay_source source = {ptn_relay_listeners_find(&r->listeners, in->socket),
                                      in->from};
    assert(source.listener);

    enum ptn_relay_verdict v = ptn_relay_binding(&r->opts, &r->listeners, &source, in->bytes, out);
    r->counts[v]++;
    return ptn_relay_answers(v);
}

size_t ptn_relay_batch(struct ptn_relay *r, ptn_time now, const struct ptn_relay_in *in,
                       size_t count, struct ptn_relay_out *out)
{
    size_t answers = 0;

    for (size_t i = 0; i < count; i++)
        answers += ptn_relay_datagram(r, now, &in[i], &out[answers]);
    return answers;
}

/* ---- the queue ---- */

static void enqueue_close(struct ptn_relay *r, ptn_id id)
{
    ptn_relay_queue_ask(&r->queue, &(struct ptn_ask){.kind = PTN_ASK_CLOSE, .id = id});
}

/* ---- input ---- */

static void input_datagram(struct ptn_relay *r, ptn_time now, const struct ptn_tell *tell)
{
    struct ptn_relay_in in = {tell->id, tell->from, tell->bytes};
    struct ptn_relay_out out = ptn_relay_queue_room(&r->queue);

    if (ptn_relay_datagram(r, now, &in, &out))
        ptn_relay_queue_put(&r->queue, PTN_ASK_DATAGRAM, &out);
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
        struct ptn_relay_out out = ptn_relay_queue_room(&r->queue);
        enum ptn_relay_verdict v =
            ptn_relay_binding(&r->opts, &r->listeners, &conn->source, message, &out);
        r->counts[v]++;
        if (!ptn_relay_answers(v))
            continue;
        ptn_relay_conns_alive(&r->conns, conn, now + r->opts.connection_idle);
        out.socket = conn->id;
        ptn_relay_queue_put(&r->queue, PTN_ASK_STREAM, &out);
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

static void input_opened(struct ptn_relay *r, const struct ptn_tell *tell)
{
    ptn_id close[2];

    if (tell->id < PTN_RELAY_SOCKET_ID) {
        input_listener(r, tell);
        return;
    }
    size_t count = ptn_relay_sockets_opened(&r->sockets, tell->id, &tell->local, close);
    for (size_t i = 0; i < count; i++)
        enqueue_close(r, close[i]);
}

static bool input_failed_socket(struct ptn_relay *r, ptn_time now, const struct ptn_tell *tell)
{
    ptn_id close[2];

    if (!ptn_relay_sockets_find(&r->sockets, tell->id))
        return false;
    size_t count = ptn_relay_sockets_failed(&r->sockets, now, tell->id, tell->why, close);
    for (size_t i = 0; i < count; i++)
        enqueue_close(r, close[i]);
    return true;
}

void ptn_relay_input(struct ptn_relay *r, ptn_time now, const struct ptn_tell *tell)
{
    struct ptn_relay_conn *conn;

    switch (tell->kind) {
    case PTN_TELL_DATAGRAM: input_datagram(r, now, tell); break;
    case PTN_TELL_ACCEPTED: input_accepted(r, now, tell); break;
    case PTN_TELL_STREAM: input_stream(r, now, tell); break;
    case PTN_TELL_OPENED: input_opened(r, tell); break;
    case PTN_TELL_FAILED:
    case PTN_TELL_CLOSED:
        if (input_failed_socket(r, now, tell))
            break;
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

    while (!ptn_relay_queue_full(&r->queue) && (conn = ptn_relay_conns_idle(&r->conns, now))) {
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
    if (output_open(r, ask) || ptn_relay_sockets_ask(&r->sockets, now, &r->dice, ask))
        return true;
    return ptn_relay_queue_next(&r->queue, ask);
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
    return ptn_time_min(ptn_relay_conns_deadline(&r->conns),
                        ptn_relay_sockets_deadline(&r->sockets));
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
