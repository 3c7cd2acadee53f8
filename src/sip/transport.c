/*
 * sip/transport.c - sockets and connections: which bytes go where, and whose they were.
 *
 * UDP sockets and listeners are the owner's wish; connections are made when something is
 * to be sent and used both ways afterwards (RFC 5923's idea).
 */
#include <stdlib.h>

#include "base/crowd.h"
#include "sip/agent.h"

/* RFC 5626 §4.4.1: a pong that has not come after 10 s. */
#define PONG_WAIT PTN_S(10)

/* The kernel would wait longer and longer between its SYNs: behind a NAT that comes back a new
 * connection gets through sooner. TLS says more before it is up. */
#define TCP_UP_MAX PTN_S(2)
#define TLS_UP_MAX PTN_S(4)

struct ptn_sip_socket *ptn_sip_find_socket(struct ptn_sip *s, ptn_id id)
{
    for (unsigned i = 0; i < PTN_SIP_SOCKETS_MAX && id; i++)
        if (s->sockets[i].id == id)
            return &s->sockets[i];
    return NULL;
}

static struct ptn_sip_conn *find_conn(struct ptn_sip *s, ptn_id id)
{
    for (unsigned i = 0; i < PTN_SIP_CONNS_MAX && id; i++)
        if (s->conns[i].id == id)
            return &s->conns[i];
    return NULL;
}

ptn_id ptn_sip_listener_of(struct ptn_sip *s, ptn_id id)
{
    const struct ptn_sip_conn *c = find_conn(s, id);

    return c ? c->socket : id;
}

bool ptn_sip_has_family(const struct ptn_sip *s, enum ptn_transport transport, uint8_t family)
{
    for (unsigned i = 0; i < PTN_SIP_SOCKETS_MAX; i++)
        if (s->sockets[i].id && s->sockets[i].transport == transport &&
            s->sockets[i].local.family == family)
            return true;
    return false;
}

ptn_id ptn_sip_listen(struct ptn_sip *s, ptn_time now, enum ptn_transport transport,
                      const struct ptn_addr *local)
{
    (void)now;
    for (unsigned i = 0; i < PTN_SIP_SOCKETS_MAX; i++) {
        struct ptn_sip_socket *k = &s->sockets[i];
        ptn_id id;
        if (k->id)
            continue;
        if (!(id = ptn_sip_draw_id(s)))
            return 0;
        *k = (struct ptn_sip_socket){.id = id, .transport = transport, .local = *local};
        ptn_sip_ask(s, &(struct ptn_ask){
                           .kind = transport == PTN_UDP ? PTN_ASK_OPEN : PTN_ASK_LISTEN,
                           .id = id,
                           .transport = transport,
                           .local = *local,
                           .dscp = s->opts.dscp,
                       });
        return id;
    }
    return 0;
}

ptn_id ptn_sip_reach_out(struct ptn_sip *s, enum ptn_transport transport,
                         const struct ptn_addr *local)
{
    for (unsigned i = 0; i < PTN_SIP_SOCKETS_MAX; i++) {
        struct ptn_sip_socket *k = &s->sockets[i];
        if (k->id)
            continue;
        *k = (struct ptn_sip_socket){.id = ptn_sip_draw_id(s),
                                     .transport = transport,
                                     .local = ptn_addr_with_port(*local, 0),
                                     .open = true};
        if (k->id)
            ptn_sip_tell(s, &(struct ptn_sip_event){
                                .kind = PTN_SIP_SOCKET_OPENED, .socket = k->id, .local = k->local});
        return k->id;
    }
    return 0;
}

static void conn_lost(struct ptn_sip *s, ptn_time now, struct ptn_sip_conn *c, enum ptn_err why)
{
    struct ptn_sip_conn gone = *c;

    ptn_sip_stream_fini(&c->stream);
    *c = (struct ptn_sip_conn){0};
    ptn_sip_exchange_conn_lost(s, now, gone.id, why);
    ptn_sip_keepalive_conn_lost(s, now, &gone);
    ptn_sip_next_hop_conn_lost(s, now, &gone);
}

static void close_conn(struct ptn_sip *s, ptn_time now, struct ptn_sip_conn *c, enum ptn_err why)
{
    ptn_sip_ask(s, &(struct ptn_ask){.kind = PTN_ASK_CLOSE, .id = c->id});
    conn_lost(s, now, c, why);
}

void ptn_sip_close(struct ptn_sip *s, ptn_time now, ptn_id socket)
{
    struct ptn_sip_socket *k = ptn_sip_find_socket(s, socket);

    if (!k)
        return;
    ptn_sip_ask(s, &(struct ptn_ask){.kind = PTN_ASK_CLOSE, .id = socket});
    *k = (struct ptn_sip_socket){0};
    for (unsigned i = 0; i < PTN_SIP_CONNS_MAX; i++)
        if (s->conns[i].id && s->conns[i].socket == socket)
            close_conn(s, now, &s->conns[i], PTN_ERR_RESET);
}

/* ---- who answers pings ---- */

static struct ptn_sip_dest *find_ponger(struct ptn_sip *s, enum ptn_transport transport,
                                        const struct ptn_addr *addr)
{
    for (unsigned i = 0; i < PTN_SIP_PONGERS_MAX; i++)
        if (s->pongers[i].transport == transport && ptn_addr_equal(&s->pongers[i].addr, addr))
            return &s->pongers[i];
    return NULL;
}

static void take_pong(struct ptn_sip *s, struct ptn_sip_conn *c)
{
    c->pongs = true;
    if (!c->accepted && !find_ponger(s, c->transport, &c->remote))
        s->pongers[s->ponger_next++ % PTN_SIP_PONGERS_MAX] =
            (struct ptn_sip_dest){c->transport, c->remote};
}

/* One that has answered before and does not now is gone, or the way to it; or it is another
 * program by now, which the next connection is to find out. */
static void miss_pong(struct ptn_sip *s, const struct ptn_sip_conn *c)
{
    struct ptn_sip_dest *ponger = find_ponger(s, c->transport, &c->remote);

    if (ponger)
        *ponger = (struct ptn_sip_dest){0};
}

/* ---- sending ---- */

static struct ptn_sip_conn *add_conn(struct ptn_sip *s, ptn_id id, const struct ptn_sip_hop *hop)
{
    for (unsigned i = 0; i < PTN_SIP_CONNS_MAX; i++)
        if (!s->conns[i].id) {
            s->conns[i] = (struct ptn_sip_conn){.id = id,
                                                .socket = hop->socket,
                                                .transport = hop->transport,
                                                .remote = hop->to,
                                                .pongs = find_ponger(s, hop->transport, &hop->to),
                                                .up_by = PTN_NEVER,
                                                .pong_due = PTN_NEVER};
            return &s->conns[i];
        }
    return NULL;
}

static struct ptn_sip_conn *connect_to(struct ptn_sip *s, ptn_time now,
                                       const struct ptn_sip_hop *hop)
{
    const struct ptn_sip_socket *k = ptn_sip_find_socket(s, hop->socket);
    ptn_id id = k && k->open ? ptn_sip_draw_id(s) : 0;
    struct ptn_sip_conn *c = id ? add_conn(s, id, hop) : NULL;

    if (!c)
        return NULL;
    c->up_by = now + (hop->transport == PTN_TLS ? TLS_UP_MAX : TCP_UP_MAX);
    ptn_sip_ask(s,
                &(struct ptn_ask){
                    .kind = PTN_ASK_CONNECT,
                    .id = id,
                    .transport = hop->transport,
                    .local = s->opts.random_tcp_port ? ptn_addr_with_port(k->local, 0) : k->local,
                    .to = hop->to,
                    .name = hop->transport == PTN_TLS ? hop->name : NULL,
                    .dscp = s->opts.dscp,
                });
    return c;
}

/* The connection named, else one that leads to the same place from the same port. */
static struct ptn_sip_conn *conn_for(struct ptn_sip *s, const struct ptn_sip_hop *hop)
{
    struct ptn_sip_conn *named = find_conn(s, hop->conn);

    for (unsigned i = 0; !named && i < PTN_SIP_CONNS_MAX; i++) {
        struct ptn_sip_conn *c = &s->conns[i];
        if (c->id && c->transport == hop->transport && c->socket == hop->socket &&
            ptn_addr_equal(&c->remote, &hop->to))
            named = c;
    }
    return named;
}

/* A route may lead over another transport or family than the path the owner chose: then by
 * a socket of that kind, on the same address if there is one. */
ptn_id ptn_sip_socket_for(struct ptn_sip *s, const struct ptn_sip_hop *hop)
{
    const struct ptn_sip_socket *wanted = ptn_sip_find_socket(s, hop->socket), *best = NULL;

    for (unsigned i = 0; i < PTN_SIP_SOCKETS_MAX; i++) {
        const struct ptn_sip_socket *k = &s->sockets[i];
        if (!k->id || k->transport != hop->transport || k->local.family != hop->to.family)
            continue;
        if (k == wanted)
            return k->id;
        if (k->is_opinion)
            continue;
        if (!best || (wanted && ptn_addr_same_ip(&k->local, &wanted->local)))
            best = k;
    }
    return best ? best->id : 0;
}

enum ptn_sip_sent ptn_sip_send(struct ptn_sip *s, ptn_time now, struct ptn_sip_hop *hop,
                               struct ptn_bytes bytes, void *held)
{
    if (!hop->conn && !(hop->socket = ptn_sip_socket_for(s, hop)))
        return PTN_SIP_NOT_SENT;
    if (hop->transport == PTN_UDP) {
        ptn_sip_ask_held(
            s,
            &(struct ptn_ask){
                .kind = PTN_ASK_DATAGRAM, .id = hop->socket, .to = hop->to, .bytes = bytes},
            held);
        return PTN_SIP_SENT;
    }
    struct ptn_sip_conn *c = conn_for(s, hop);
    if (!c && !(c = connect_to(s, now, hop)))
        return PTN_SIP_NOT_SENT;
    hop->conn = c->id;
    if (!c->up)
        return PTN_SIP_SENT_LATER;
    ptn_sip_ask_held(s, &(struct ptn_ask){.kind = PTN_ASK_STREAM, .id = c->id, .bytes = bytes},
                     held);
    return PTN_SIP_SENT;
}

bool ptn_sip_ping_stream(struct ptn_sip *s, ptn_time now, const struct ptn_sip_hop *hop)
{
    struct ptn_sip_conn *c = conn_for(s, hop);

    if (!c || !c->up || c->pong_due != PTN_NEVER)
        return c != NULL;
    c->pong_due = now + PONG_WAIT;
    ptn_sip_ask(s, &(struct ptn_ask){
                       .kind = PTN_ASK_STREAM, .id = c->id, .bytes = ptn_bytes("\r\n\r\n", 4)});
    return true;
}

void ptn_sip_drop_stream(struct ptn_sip *s, ptn_time now, const struct ptn_sip_hop *hop)
{
    struct ptn_sip_conn *c = conn_for(s, hop);

    if (c)
        close_conn(s, now, c, PTN_ERR_TIMED_OUT);
}

/* ---- receiving ---- */

static void read_stream(struct ptn_sip *s, ptn_time now, struct ptn_sip_conn *c,
                        struct ptn_bytes bytes)
{
    ptn_id id = c->id;
    enum ptn_sip_stream_step step = PTN_SIP_STREAM_BROKEN;
    struct ptn_bytes message;

    if (ptn_sip_stream_input(&c->stream, bytes))
        while ((step = ptn_sip_stream_take(&c->stream, &message)) == PTN_SIP_STREAM_MESSAGE ||
               step == PTN_SIP_STREAM_PING || step == PTN_SIP_STREAM_PONG) {
            /* Whatever comes shows that the far end lives. */
            c->pong_due = PTN_NEVER;
            c->heard = now;
            if (step == PTN_SIP_STREAM_PONG)
                take_pong(s, c);
            struct ptn_sip_in in = {.socket = id, .transport = c->transport, .from = c->remote};
            if (step == PTN_SIP_STREAM_MESSAGE)
                ptn_sip_exchange_input(s, now, message, &in);
            else if (step == PTN_SIP_STREAM_PING)
                ptn_sip_ask(s, &(struct ptn_ask){.kind = PTN_ASK_STREAM,
                                                 .id = id,
                                                 .bytes = ptn_bytes("\r\n", 2)});
            /* The message may have led to the connection's end. */
            if (c->id != id)
                return;
        }
    if (step == PTN_SIP_STREAM_BROKEN) {
        s->counts[PTN_SIP_NOT_SIP]++;
        close_conn(s, now, c, PTN_ERR_INVALID);
    }
}

static void opened(struct ptn_sip *s, ptn_time now, const struct ptn_tell *tell)
{
    struct ptn_sip_socket *k = ptn_sip_find_socket(s, tell->id);
    struct ptn_sip_conn *c = find_conn(s, tell->id);

    if (k) {
        k->open = true;
        k->local = tell->local;
        if (k->is_opinion) {
            ptn_sip_opinion_opened(s, now, k);
            return;
        }
        ptn_sip_tell(s, &(struct ptn_sip_event){
                            .kind = PTN_SIP_SOCKET_OPENED, .socket = k->id, .local = k->local});
        ptn_sip_accounts_resume(s, now);
    } else if (c) {
        c->up = true;
        c->up_by = PTN_NEVER;
        ptn_sip_exchange_resume(s, now);
    }
}

static void failed(struct ptn_sip *s, ptn_time now, const struct ptn_tell *tell)
{
    struct ptn_sip_socket *k = ptn_sip_find_socket(s, tell->id);
    struct ptn_sip_conn *c = find_conn(s, tell->id);

    if (k) {
        struct ptn_sip_socket gone = *k;
        *k = (struct ptn_sip_socket){0};
        if (gone.is_opinion) {
            ptn_sip_opinion_failed(s, now);
            return;
        }
        ptn_sip_tell(s, &(struct ptn_sip_event){.kind = PTN_SIP_SOCKET_FAILED,
                                                .socket = gone.id,
                                                .local = gone.local,
                                                .why = tell->why});
    } else if (c) {
        conn_lost(s, now, c, tell->why ? tell->why : PTN_ERR_RESET);
    }
}

/* Others may have so many connections and no more, or they would keep us from our own servers. Of
 * the largest crowd behind one address the longest silent makes room. */
static void make_room(struct ptn_sip *s, ptn_time now)
{
    struct ptn_crowd crowd = {0};
    struct ptn_sip_conn *chosen = NULL;
    uint32_t most = 0, count = 0;

    if (s->crowd_key == 0)
        s->crowd_key = (uint32_t)ptn_dice_u64(&s->dice) | 1;
    crowd.key = s->crowd_key;
    for (unsigned i = 0; i < PTN_SIP_CONNS_MAX; i++)
        if (s->conns[i].id && s->conns[i].accepted) {
            ptn_crowd_add(&crowd, &s->conns[i].remote);
            count++;
        }
    for (unsigned i = 0; i < PTN_SIP_CONNS_MAX && count >= PTN_SIP_ACCEPTED_MAX; i++) {
        struct ptn_sip_conn *c = &s->conns[i];
        if (!c->id || !c->accepted)
            continue;
        uint32_t size = ptn_crowd_size(&crowd, &c->remote);
        if (size > most || (size == most && c->heard < chosen->heard)) {
            chosen = c;
            most = size;
        }
    }
    if (!chosen)
        return;
    s->counts[PTN_SIP_NO_ROOM]++;
    close_conn(s, now, chosen, PTN_ERR_NO_ROOM);
}

static void accepted(struct ptn_sip *s, ptn_time now, const struct ptn_tell *tell)
{
    make_room(s, now);

    const struct ptn_sip_socket *k = ptn_sip_find_socket(s, tell->listener);
    struct ptn_sip_hop hop = {
        .socket = tell->listener, .transport = tell->transport, .to = tell->from};
    struct ptn_sip_conn *c = k ? add_conn(s, tell->id, &hop) : NULL;

    if (c) {
        c->up = c->accepted = true;
        c->heard = now;
        return;
    }
    s->counts[PTN_SIP_NO_ROOM]++;
    ptn_sip_ask(s, &(struct ptn_ask){.kind = PTN_ASK_CLOSE, .id = tell->id});
}

void ptn_sip_transport_input(struct ptn_sip *s, ptn_time now, const struct ptn_tell *tell)
{
    struct ptn_sip_in in = {.socket = tell->id, .transport = PTN_UDP, .from = tell->from};
    struct ptn_sip_conn *c;

    switch (tell->kind) {
    case PTN_TELL_DATAGRAM:
        if (!ptn_sip_find_socket(s, tell->id))
            break;
        if (!ptn_sip_keepalive_stun(s, tell))
            ptn_sip_exchange_input(s, now, tell->bytes, &in);
        break;
    case PTN_TELL_STREAM:
        if ((c = find_conn(s, tell->id)))
            read_stream(s, now, c, tell->bytes);
        break;
    case PTN_TELL_OPENED: opened(s, now, tell); break;
    case PTN_TELL_FAILED:
    case PTN_TELL_CLOSED: failed(s, now, tell); break;
    case PTN_TELL_ACCEPTED: accepted(s, now, tell); break;
    /* An ICMP error may be anyone's, and a registrar that restarts sends them too: where there is
     * nobody else to turn to, the transaction's own repeats decide. */
    case PTN_TELL_ICMP_ERROR: ptn_sip_client_unreachable(s, now, &tell->from); break;
    /* The owner's. */
    case PTN_TELL_RESOLVED:
    case PTN_TELL_ADDRESSES: break;
    }
}

void ptn_sip_transport_tick(struct ptn_sip *s, ptn_time now)
{
    for (unsigned i = 0; i < PTN_SIP_CONNS_MAX; i++) {
        struct ptn_sip_conn *c = &s->conns[i];
        /* Servers that have never heard of RFC 5626 swallow pings. Of those the world says when
         * nothing is acknowledged any more. */
        if (c->id && c->pong_due <= now && !c->pongs)
            c->pong_due = PTN_NEVER;
        if (c->id && c->pong_due <= now)
            miss_pong(s, c);
        if (c->id && (c->pong_due <= now || c->up_by <= now))
            close_conn(s, now, c, PTN_ERR_TIMED_OUT);
    }
}

ptn_time ptn_sip_transport_deadline(const struct ptn_sip *s)
{
    ptn_time due = PTN_NEVER;

    for (unsigned i = 0; i < PTN_SIP_CONNS_MAX; i++)
        if (s->conns[i].id)
            due = ptn_time_min(due, ptn_time_min(s->conns[i].pong_due, s->conns[i].up_by));
    return due;
}

void ptn_sip_transport_fini(struct ptn_sip *s)
{
    for (unsigned i = 0; i < PTN_SIP_CONNS_MAX; i++)
        ptn_sip_stream_fini(&s->conns[i].stream);
}
