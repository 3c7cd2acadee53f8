/*
 * relay/connect.c - relayed TCP (RFC 6062): connections with peers, joined with a client's.
 *
 *     client --control--> Connect -----------------> we connect to the peer
 *                      <- CONNECTION-ID -
 *     client --new conn-> ConnectionBind {id} ------> from now on bytes pass both ways
 *     a peer connects ---> ConnectionAttempt {id} --> and the same ConnectionBind
 */
#include "relay/answer.h"
#include "stun/seal.h"

#include <assert.h>

#define COME_UP_MAX PTN_S(30) /* RFC 6062 §5.2 */
#define BIND_MAX PTN_S(30)    /* RFC 6062 §5.4 */

/* The worker's number, and 24 bits that no other connection has and nobody guesses. */
static uint32_t new_number(struct ptn_relay *r)
{
    uint32_t number;

    do
        number = (uint32_t)r->opts.worker << 24 | ptn_dice_below(&r->dice, 1u << 24);
    while (number == 0 || ptn_relay_peer_conns_by_number(&r->peer_conns, number) != PTN_RELAY_NONE);
    return number;
}

/* ---- Connect ---- */

enum ptn_relay_verdict ptn_relay_connect(struct ptn_relay *r, struct ptn_relay_request *q)
{
    struct ptn_relay_alloc *a = &r->allocs.rows[q->alloc];
    struct ptn_addr peer;

    if (!a->relays_tcp || !ptn_stun_get_addr(q->m, PTN_STUN_XOR_PEER_ADDRESS, &peer) ||
        peer.port == 0)
        return ptn_relay_refuse(r, q, 400);
    if (ptn_relay_policy_check(&r->policy, &peer, true) != PTN_RELAY_PEER_ALLOW)
        return ptn_relay_refuse(r, q, 403);
    uint32_t socket = ptn_relay_socket_of(r, a, peer.family);
    if (socket == PTN_RELAY_NONE)
        return ptn_relay_refuse(r, q, 443);
    if (ptn_relay_peer_conns_by_peer(&r->peer_conns, a, &peer) != PTN_RELAY_NONE)
        return ptn_relay_refuse(r, q, 446);
    uint32_t row =
        ptn_relay_peer_conns_add(&r->peer_conns, &r->allocs, q->alloc, &peer, 0, new_number(r));
    if (row == PTN_RELAY_NONE)
        return ptn_relay_refuse(r, q, 508);
    struct ptn_relay_peer_conn *conn = &r->peer_conns.rows[row];
    conn->id = q->m->id;
    conn->sealed_sha256 = q->sealed_sha256;
    conn->key_sha256 = q->key.size == PTN_RELAY_SHA256_BYTES;
    conn->fingerprint = ptn_stun_has(q->m, PTN_STUN_FINGERPRINT);
    ptn_relay_timer(r, PTN_RELAY_TIMER_PEER_CONN, row, q->now + COME_UP_MAX);
    ptn_relay_queue_ask(&r->queue,
                        &(struct ptn_ask){.kind = PTN_ASK_CONNECT,
                                          .id = conn->conn,
                                          .transport = PTN_TCP,
                                          .local = r->sockets.rows[socket].local,
                                          .to = ptn_relay_sockets_inward(&r->sockets, peer)});
    return PTN_RELAY_WAITING;
}

/* The answer to Connect, when it is known: code 0 is success. */
static void answer_connect(struct ptn_relay *r, const struct ptn_relay_peer_conn *conn,
                           unsigned code)
{
    const struct ptn_relay_alloc *a = &r->allocs.rows[conn->alloc];
    const struct ptn_relay_user_row *user = &r->users.rows[a->user];
    struct ptn_bytes key = conn->key_sha256 ? ptn_bytes(user->sha256, sizeof user->sha256)
                                            : ptn_bytes(user->md5, sizeof user->md5);
    struct ptn_relay_out out = ptn_relay_queue_room(&r->queue);
    struct ptn_stun_out o;
    struct ptn_bytes message;

    ptn_stun_begin(&o, out.buf, out.capacity, code ? PTN_STUN_ERROR : PTN_STUN_SUCCESS,
                   PTN_STUN_CONNECT, &conn->id);
    if (code)
        ptn_stun_put_error(&o, code);
    else
        ptn_stun_put_u32(&o, PTN_STUN_CONNECTION_ID, conn->number);
    if (conn->sealed_sha256)
        ptn_stun_put_integrity_sha256(&o, r->crypto, key);
    else
        ptn_stun_put_integrity(&o, r->crypto, key);
    if (conn->fingerprint)
        ptn_stun_put_fingerprint(&o);
    r->counts[code ? PTN_RELAY_CONN_FAILED : PTN_RELAY_GRANTED]++;
    if (!ptn_stun_end(&o, &message) || !ptn_relay_to_client(r, a, message, &out))
        r->counts[PTN_RELAY_NO_ROOM]++;
}

/* ---- the end of it ---- */

/* Closes what is still open, without telling the client: he sees his connection close. What is
 * under way to him is sent before, as CLOSE says. */
static void end(struct ptn_relay *r, uint32_t row, bool open)
{
    struct ptn_relay_peer_conn *conn = &r->peer_conns.rows[row];

    if (conn->state == PTN_RELAY_PEER_CONNECTING)
        answer_connect(r, conn, 447);
    if (open)
        ptn_relay_close(r, conn->conn);
    struct ptn_relay_conn *client =
        conn->client ? ptn_relay_conns_find(&r->conns, conn->client) : NULL;
    if (client) {
        ptn_relay_close(r, client->id);
        ptn_relay_conns_remove(&r->conns, client);
    }
    ptn_relay_timer(r, PTN_RELAY_TIMER_PEER_CONN, row, PTN_NEVER);
    ptn_relay_peer_conns_remove(&r->peer_conns, &r->allocs, row);
}

void ptn_relay_end_peer_conn(struct ptn_relay *r, uint32_t row)
{
    end(r, row, true);
}

void ptn_relay_joined_closed(struct ptn_relay *r, struct ptn_relay_conn *conn)
{
    uint32_t row = ptn_relay_peer_conns_by_conn(&r->peer_conns, conn->joined);

    ptn_relay_conns_remove(&r->conns, conn);
    if (row != PTN_RELAY_NONE)
        ptn_relay_end_peer_conn(r, row);
}

/* ---- ConnectionBind ---- */

/* It is another worker's: the connection moves there with what it said. */
static enum ptn_relay_verdict move(struct ptn_relay *r, struct ptn_relay_request *q,
                                   uint32_t number)
{
    const struct ptn_relay_mail mail = {.kind = PTN_RELAY_MAIL_MOVE,
                                        .to = number >> 24,
                                        .from_worker = r->opts.worker,
                                        .listener = q->source->listener->is.id,
                                        .from = q->source->from,
                                        .socket = q->source->path,
                                        .bytes = q->m->bytes};

    if (!ptn_relay_waiting_mail(&r->waiting, &mail))
        return ptn_relay_refuse(r, q, 400);
    q->source->conn->moved = true;
    return PTN_RELAY_WAITING;
}

enum ptn_relay_verdict ptn_relay_connection_bind(struct ptn_relay *r, struct ptn_relay_request *q)
{
    struct ptn_relay_conn *client = q->source->conn;
    struct ptn_stun_out o;
    uint32_t number;

    if (!client || !ptn_relay_is_stream(q->source->listener->is.transport) ||
        q->alloc != PTN_RELAY_NONE || !ptn_stun_get_u32(q->m, PTN_STUN_CONNECTION_ID, &number))
        return ptn_relay_refuse(r, q, 400);
    if (number >> 24 != r->opts.worker && number >> 24 < r->opts.workers)
        return move(r, q, number);
    uint32_t row = ptn_relay_peer_conns_by_number(&r->peer_conns, number);
    if (row == PTN_RELAY_NONE || r->peer_conns.rows[row].state != PTN_RELAY_PEER_WAITING)
        return ptn_relay_refuse(r, q, 400);
    struct ptn_relay_peer_conn *conn = &r->peer_conns.rows[row];
    const struct ptn_relay_user_row *owner = &r->users.rows[r->allocs.rows[conn->alloc].user];
    if (!ptn_bytes_equal(ptn_relay_user_name(owner), q->name))
        return ptn_relay_refuse(r, q, 441);
    conn->state = PTN_RELAY_PEER_JOINED;
    conn->client = client->id;
    client->joined = conn->conn;
    ptn_relay_timer(r, PTN_RELAY_TIMER_PEER_CONN, row, PTN_NEVER);
    ptn_relay_begin(q, &o, PTN_STUN_SUCCESS);
    return ptn_relay_finish(r, q, &o, PTN_RELAY_GRANTED);
}

/* ---- bytes, both ways ---- */

/* Bytes of a stream cannot be left out: without room for them the connection ends. */
static bool pass(struct ptn_relay *r, ptn_id to, struct ptn_bytes bytes)
{
    return ptn_relay_queue_put(&r->queue, PTN_ASK_STREAM,
                               &(struct ptn_relay_out){.socket = to, .bytes = bytes});
}

void ptn_relay_joined_data(struct ptn_relay *r, ptn_time now, struct ptn_relay_conn *client,
                           struct ptn_bytes bytes)
{
    uint32_t row = ptn_relay_peer_conns_by_conn(&r->peer_conns, client->joined);
    struct ptn_relay_peer_conn *conn = &r->peer_conns.rows[row];

    assert(row != PTN_RELAY_NONE);
    struct ptn_bytes early = ptn_relay_peer_conns_early(&r->peer_conns, row);
    bool passed = early.size == 0 || pass(r, client->id, early);
    conn->early_size = 0;
    if (!passed || (bytes.size > 0 && !pass(r, conn->conn, bytes))) {
        r->counts[PTN_RELAY_NO_ROOM]++;
        ptn_relay_end_peer_conn(r, row);
        return;
    }
    struct ptn_relay_alloc *a = &r->allocs.rows[conn->alloc];
    ptn_relay_alloc_charge(a, &a->up_clear, now, bytes.size);
    a->bytes_up += bytes.size;
    a->packets_up += bytes.size > 0;
    r->bytes_up += bytes.size;
}

static void peer_stream(struct ptn_relay *r, ptn_time now, uint32_t row, struct ptn_bytes bytes)
{
    struct ptn_relay_peer_conn *conn = &r->peer_conns.rows[row];
    struct ptn_relay_alloc *a = &r->allocs.rows[conn->alloc];

    if (conn->state == PTN_RELAY_PEER_JOINED
            ? !pass(r, conn->client, bytes)
            : !ptn_relay_peer_conns_keep(&r->peer_conns, row, bytes)) {
        r->counts[PTN_RELAY_NO_ROOM]++;
        ptn_relay_end_peer_conn(r, row);
        return;
    }
    ptn_relay_alloc_charge(a, &a->down_clear, now, bytes.size);
    a->bytes_down += bytes.size;
    a->packets_down++;
    r->bytes_down += bytes.size;
}

/* ---- how fast ---- */

/* A read is worth a quarter of a second, so that what is too much by it is not much. */
static struct ptn_relay_pace pace_of(const struct ptn_relay_alloc *a, ptn_time clear)
{
    return a->bps == 0 ? (struct ptn_relay_pace){0}
                       : (struct ptn_relay_pace){.rest_until = clear - PTN_RELAY_BURST,
                                                 .read_max = a->bps / 4 + 1};
}

bool ptn_relay_pace(const struct ptn_relay *r, ptn_id id, struct ptn_relay_pace *pace)
{
    uint32_t row = r->turn ? ptn_relay_peer_conns_by_conn(&r->peer_conns, id) : PTN_RELAY_NONE;
    bool is_peer = row != PTN_RELAY_NONE;

    if (!is_peer && r->turn)
        row = ptn_relay_peer_conns_by_conn(&r->peer_conns, ptn_relay_joined(r, id));
    if (row == PTN_RELAY_NONE)
        return false;
    const struct ptn_relay_peer_conn *conn = &r->peer_conns.rows[row];
    const struct ptn_relay_alloc *a = &r->allocs.rows[conn->alloc];
    /* Nobody is there to hear a peer before he is joined. */
    *pace = conn->state == PTN_RELAY_PEER_JOINED ? pace_of(a, is_peer ? a->down_clear : a->up_clear)
                                                 : (struct ptn_relay_pace){.rest_until = PTN_NEVER};
    return true;
}

/* ---- what the world tells ---- */

static bool is_permitted(const struct ptn_relay *r, ptn_time now, uint32_t alloc,
                         const struct ptn_addr *peer)
{
    uint32_t row = ptn_relay_permissions_find(&r->permissions, alloc, peer);
    return row != PTN_RELAY_NONE && r->permissions.rows[row].expires > now &&
           (!r->permissions.rows[row].by_port ||
            ptn_relay_policy_check(&r->policy, peer, true) == PTN_RELAY_PEER_ALLOW);
}

/* RFC 6062 §4.4: a peer connects to a relayed address. */
static void peer_accepted(struct ptn_relay *r, ptn_time now, const struct ptn_tell *tell)
{
    const struct ptn_relay_socket *socket = ptn_relay_sockets_find(&r->sockets, tell->listener);
    struct ptn_addr peer = ptn_relay_sockets_outward(&r->sockets, tell->from);
    uint32_t row = PTN_RELAY_NONE;

    if (!socket || socket->state != PTN_RELAY_SOCKET_USED)
        r->counts[PTN_RELAY_NO_ALLOCATION]++;
    else if (!is_permitted(r, now, socket->alloc, &peer))
        r->counts[PTN_RELAY_NO_PERMISSION]++;
    else
        row = ptn_relay_peer_conns_add(&r->peer_conns, &r->allocs, socket->alloc, &peer, tell->id,
                                       new_number(r));
    if (row == PTN_RELAY_NONE) {
        ptn_relay_close(r, tell->id);
        return;
    }
    struct ptn_relay_peer_conn *conn = &r->peer_conns.rows[row];
    struct ptn_relay_out out = ptn_relay_queue_room(&r->queue);
    struct ptn_stun_id id = ptn_stun_id_new(&r->dice, PTN_STUN_MODERN);
    struct ptn_stun_out o;
    struct ptn_bytes message;
    ptn_stun_begin(&o, out.buf, out.capacity, PTN_STUN_INDICATION, PTN_STUN_CONNECTION_ATTEMPT,
                   &id);
    ptn_stun_put_u32(&o, PTN_STUN_CONNECTION_ID, conn->number);
    ptn_stun_put_addr(&o, PTN_STUN_XOR_PEER_ADDRESS, &conn->peer);
    ptn_relay_timer(r, PTN_RELAY_TIMER_PEER_CONN, row, now + BIND_MAX);
    if (!ptn_stun_end(&o, &message) ||
        !ptn_relay_to_client(r, &r->allocs.rows[conn->alloc], message, &out)) {
        r->counts[PTN_RELAY_NO_ROOM]++;
        ptn_relay_end_peer_conn(r, row);
    }
}

static void peer_opened(struct ptn_relay *r, ptn_time now, uint32_t row)
{
    struct ptn_relay_peer_conn *conn = &r->peer_conns.rows[row];

    if (conn->state != PTN_RELAY_PEER_CONNECTING)
        return;
    conn->state = PTN_RELAY_PEER_WAITING;
    ptn_relay_timer(r, PTN_RELAY_TIMER_PEER_CONN, row, now + BIND_MAX);
    answer_connect(r, conn, 0);
}

bool ptn_relay_peer_told(struct ptn_relay *r, ptn_time now, const struct ptn_tell *tell)
{
    if (tell->kind == PTN_TELL_ACCEPTED) {
        if (tell->listener < PTN_RELAY_SOCKET_ID)
            return false;
        peer_accepted(r, now, tell);
        return true;
    }
    uint32_t row = ptn_relay_peer_conns_by_conn(&r->peer_conns, tell->id);
    if (row == PTN_RELAY_NONE)
        return false;
    switch (tell->kind) {
    case PTN_TELL_OPENED: peer_opened(r, now, row); break;
    case PTN_TELL_STREAM: peer_stream(r, now, row, tell->bytes); break;
    case PTN_TELL_FAILED:
    case PTN_TELL_CLOSED: end(r, row, false); break;
    default: return false;
    }
    return true;
}
