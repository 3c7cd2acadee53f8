/*
 * relay/late.c - requests that are answered later than they came: their user had to be looked up,
 * or what they want is another worker's.
 */
#include "relay/answer.h"

/* A request that came some time ago, or to another worker, is answered through the queue. */
static void answer_late(struct ptn_relay *r, ptn_time now, ptn_id path, const struct ptn_addr *from,
                        struct ptn_bytes bytes, uint32_t given, bool redirected)
{
    struct ptn_relay_source source = {ptn_relay_listeners_find(&r->listeners, path), *from, path,
                                      NULL};
    struct ptn_relay_conn *conn = ptn_relay_conns_find(&r->conns, path);
    struct ptn_relay_out out = ptn_relay_queue_room(&r->queue);
    struct ptn_relay_request q = {.now = now,
                                  .source = conn ? &conn->source : &source,
                                  .out = &out,
                                  .alloc = PTN_RELAY_NONE,
                                  .given = given,
                                  .redirected = redirected};
    struct ptn_stun_msg m;

    if ((!conn && !source.listener) || ptn_stun_decode(&m, bytes) != PTN_STUN_OK)
        return;
    q.m = &m;
    enum ptn_relay_verdict v = ptn_relay_turn(r, &q);
    r->counts[v]++;
    bool stream = ptn_relay_is_stream(q.source->listener->is.transport);
    if (out.bytes.size > 0 &&
        !ptn_relay_queue_put(&r->queue, stream ? PTN_ASK_STREAM : PTN_ASK_DATAGRAM, &out))
        r->counts[PTN_RELAY_NO_ROOM]++;
    if (conn && conn->joined)
        ptn_relay_joined_data(r, now, conn, ptn_bytes(NULL, 0));
    else if (conn && conn->moved)
        ptn_relay_conns_remove(&r->conns, conn);
}

static bool is_of(struct ptn_bytes request, struct ptn_bytes name)
{
    struct ptn_stun_msg m;
    struct ptn_bytes told;

    return ptn_stun_decode(&m, request) == PTN_STUN_OK &&
           ptn_stun_get(&m, PTN_STUN_USERNAME, &told) && ptn_bytes_equal(told, name);
}

/* The request at this place gets its answer, and the place is free. */
static void answer_waiting(struct ptn_relay *r, ptn_time now, size_t i)
{
    uint8_t request[PTN_RELAY_WAITING_BYTES];
    size_t size = r->waiting.requests[i].size;
    ptn_id path = r->waiting.requests[i].path;
    struct ptn_addr from = r->waiting.requests[i].from;

    memcpy(request, r->waiting.requests[i].bytes, size);
    r->waiting.requests[i].path = 0;
    answer_late(r, now, path, &from, ptn_bytes(request, size), PTN_RELAY_NONE, false);
}

static void answer_all_of(struct ptn_relay *r, ptn_time now, struct ptn_bytes name)
{
    for (size_t i = 0; i < PTN_RELAY_WAITING_MAX; i++)
        if (r->waiting.requests[i].path != 0 && !r->waiting.requests[i].for_socket &&
            is_of(ptn_bytes(r->waiting.requests[i].bytes, r->waiting.requests[i].size), name))
            answer_waiting(r, now, i);
}

void ptn_relay_user_found(struct ptn_relay *r, ptn_time now, const struct ptn_relay_user *user)
{
    if (!r->turn)
        return;
    ptn_relay_users_found(&r->users, now, user);
    answer_all_of(r, now, user->name);
}

void ptn_relay_user_undecided(struct ptn_relay *r, ptn_time now, struct ptn_bytes name)
{
    if (!r->turn)
        return;
    ptn_relay_users_undecided(&r->users, now, name);
    answer_all_of(r, now, name);
}

/* One for each socket: who finds that it was not his kind waits again. */
void ptn_relay_socket_came(struct ptn_relay *r, ptn_time now)
{
    if (r->waiting.for_sockets == 0)
        return;
    for (size_t i = 0; i < PTN_RELAY_WAITING_MAX; i++)
        if (r->waiting.requests[i].path != 0 && r->waiting.requests[i].for_socket) {
            r->waiting.for_sockets--;
            answer_waiting(r, now, i);
            return;
        }
    r->waiting.for_sockets = 0; /* their places were given to others */
}

void ptn_relay_stock_dry(struct ptn_relay *r, ptn_time now)
{
    /* One whose kind is not the dry one waits again: at this place or at one before it. */
    for (size_t i = 0; i < PTN_RELAY_WAITING_MAX; i++)
        if (r->waiting.requests[i].path != 0 && r->waiting.requests[i].for_socket) {
            r->waiting.for_sockets -= r->waiting.for_sockets > 0;
            answer_waiting(r, now, i);
        }
}

bool ptn_relay_mail(struct ptn_relay *r, struct ptn_relay_mail *mail)
{
    if (!ptn_relay_waiting_next_mail(&r->waiting, mail))
        return false;
    /* Only now: before, its id could have been given to another that is asked for. */
    if (mail->kind == PTN_RELAY_MAIL_GIVEN && mail->socket != 0) {
        if (ptn_relay_sockets_find(&r->sockets, mail->socket))
            ptn_relay_sockets_remove(&r->sockets, mail->socket - PTN_RELAY_SOCKET_ID);
        else
            mail->socket = 0; /* it failed meanwhile */
    }
    return true;
}

/* The token that another worker's client gave, and what is reserved under it here. */
static void give_reserved(struct ptn_relay *r, const struct ptn_relay_mail *wanted)
{
    struct ptn_relay_mail given = *wanted;
    struct ptn_stun_msg m;
    struct ptn_bytes token;
    uint64_t number = 0;

    given.kind = PTN_RELAY_MAIL_GIVEN;
    given.to = wanted->from_worker;
    given.from_worker = r->opts.worker;
    given.socket = 0;
    if (ptn_stun_decode(&m, wanted->bytes) == PTN_STUN_OK &&
        ptn_stun_get(&m, PTN_STUN_RESERVATION_TOKEN, &token) && token.size == 8)
        for (size_t i = 0; i < 8; i++)
            number = number << 8 | token.data[i];
    uint32_t row = number ? ptn_relay_sockets_reserved(&r->sockets, number) : PTN_RELAY_NONE;
    if (row != PTN_RELAY_NONE) {
        given.socket = ptn_relay_socket_id(row);
        given.local = r->sockets.rows[row].local;
    }
    if (!ptn_relay_waiting_mail(&r->waiting, &given)) {
        r->counts[PTN_RELAY_MISPLACED]++;
        return;
    }
    if (row != PTN_RELAY_NONE) { /* promised to the other worker: no token leads here any more */
        ptn_relay_timer(r, PTN_RELAY_TIMER_SOCKET, row, PTN_NEVER);
        r->sockets.rows[row].token = 0;
    }
}

#define GIVEN_FOR PTN_S(30)

void ptn_relay_post(struct ptn_relay *r, ptn_time now, struct ptn_relay_mail *mail)
{
    uint8_t request[PTN_RELAY_WAITING_BYTES];
    uint32_t row = PTN_RELAY_NONE;

    if (!r->turn || mail->bytes.size > sizeof request || mail->kind == PTN_RELAY_MAIL_MOVE) {
        mail->socket = 0;
        r->counts[PTN_RELAY_MISPLACED]++;
        return;
    }
    if (mail->kind == PTN_RELAY_MAIL_WANTED) {
        give_reserved(r, mail);
        return;
    }
    if (mail->socket != 0)
        row = ptn_relay_sockets_adopt(&r->sockets, &mail->local);
    mail->socket = row == PTN_RELAY_NONE ? 0 : ptn_relay_socket_id(row);
    if (row != PTN_RELAY_NONE)
        ptn_relay_timer(r, PTN_RELAY_TIMER_SOCKET, row, now + GIVEN_FOR);
    memcpy(request, mail->bytes.data, mail->bytes.size);
    answer_late(r, now, mail->path, &mail->from, ptn_bytes(request, mail->bytes.size), row, true);
}
