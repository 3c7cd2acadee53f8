/*
 * relay/allocate.c - Allocate and Refresh (RFC 8656 §7 and §8).
 */
#include "relay/answer.h"

enum { PROTOCOL_TCP = 6, PROTOCOL_UDP = 17, FAMILY_V4 = 1, FAMILY_V6 = 2, EVEN_RESERVE = 0x80 };

#define RESERVED_FOR PTN_S(30)

/* What an Allocate asks for. */
struct wish {
    uint8_t family, additional; /* enum ptn_family; additional may be NONE */
    bool tcp, even, reserve, has_token;
    uint64_t token;
    uint32_t lifetime_s;
};

/* ---- lifetimes ---- */

/* False when it is malformed. No wish is `otherwise`. */
static bool read_lifetime(const struct ptn_relay *r, const struct ptn_stun_msg *m,
                          uint32_t *lifetime_s)
{
    const struct ptn_relay_turn *t = &r->opts.turn;
    uint32_t asked = t->lifetime_default_s;

    if (ptn_stun_has(m, PTN_STUN_LIFETIME) && !ptn_stun_get_u32(m, PTN_STUN_LIFETIME, &asked))
        return false;
    if (asked > t->lifetime_max_s)
        asked = t->lifetime_max_s;
    *lifetime_s = asked > t->lifetime_default_s ? asked : t->lifetime_default_s;
    return true;
}

static void live_until(struct ptn_relay *r, ptn_time now, uint32_t row, uint32_t lifetime_s)
{
    struct ptn_relay_alloc *a = &r->allocs.rows[row];

    a->lifetime_s = lifetime_s;
    a->expires = now + PTN_S(lifetime_s);
    ptn_relay_timer(r, PTN_RELAY_TIMER_ALLOC, row, a->expires);
}

/* ---- what is asked for ---- */

/* 0, or an error code. */
static unsigned read_family(const struct ptn_stun_msg *m, enum ptn_stun_attr type, uint8_t *family)
{
    uint8_t number;

    if (!ptn_stun_has(m, type))
        return 0;
    if (!ptn_stun_get_u8(m, type, &number))
        return 400;
    *family = number == FAMILY_V4 ? PTN_IPV4 : number == FAMILY_V6 ? PTN_IPV6 : PTN_FAMILY_NONE;
    return *family == PTN_FAMILY_NONE ? 440 : 0;
}

static unsigned read_families(const struct ptn_stun_msg *m, struct wish *w)
{
    uint8_t additional = PTN_FAMILY_NONE;

    w->family = PTN_IPV4;
    unsigned code = read_family(m, PTN_STUN_REQUESTED_ADDRESS_FAMILY, &w->family);
    if (code)
        return code;
    if (!ptn_stun_has(m, PTN_STUN_ADDITIONAL_ADDRESS_FAMILY))
        return 0;
    code = read_family(m, PTN_STUN_ADDITIONAL_ADDRESS_FAMILY, &additional);
    if (code || additional != PTN_IPV6 || ptn_stun_has(m, PTN_STUN_REQUESTED_ADDRESS_FAMILY))
        return 400;
    w->additional = additional;
    return 0;
}

/* RFC 8656 §7.2, steps 3 to 9: 0, or an error code. */
static unsigned read_wish(const struct ptn_relay *r, const struct ptn_relay_request *q,
                          struct wish *w)
{
    const struct ptn_stun_msg *m = q->m;
    enum ptn_transport by = q->source->listener->is.transport;
    struct ptn_bytes token;
    uint8_t protocol, even = 0;

    if (!ptn_stun_get_u8(m, PTN_STUN_REQUESTED_TRANSPORT, &protocol) ||
        !read_lifetime(r, m, &w->lifetime_s))
        return 400;
    w->tcp = protocol == PROTOCOL_TCP;
    w->even = ptn_stun_has(m, PTN_STUN_EVEN_PORT);
    w->has_token = ptn_stun_has(m, PTN_STUN_RESERVATION_TOKEN);
    if ((protocol != PROTOCOL_UDP && protocol != PROTOCOL_TCP) ||
        (w->tcp && (!ptn_relay_is_stream(by) || r->opts.turn.peer_conns_max == 0)))
        return 442;
    /* RFC 6062 §5.1 */
    if (w->tcp && (w->even || w->has_token || ptn_stun_has(m, PTN_STUN_DONT_FRAGMENT)))
        return 400;
    unsigned code = read_families(m, w);
    if (code)
        return code;
    if (w->even && !ptn_stun_get_u8(m, PTN_STUN_EVEN_PORT, &even))
        return 400;
    w->reserve = even & EVEN_RESERVE;
    if (w->reserve && w->additional)
        return 400;
    if (!w->has_token)
        return 0;
    if (!ptn_stun_get(m, PTN_STUN_RESERVATION_TOKEN, &token) || token.size != 8 || w->even ||
        w->additional || ptn_stun_has(m, PTN_STUN_REQUESTED_ADDRESS_FAMILY))
        return 400;
    for (size_t i = 0; i < 8; i++)
        w->token = w->token << 8 | token.data[i];
    return 0;
}

/* ---- the answer, also to a request that comes again ---- */

static void put_additional_error(struct ptn_stun_out *o, unsigned code)
{
    const char *reason = ptn_stun_reason(code);
    uint8_t value[64] = {FAMILY_V6, 0, (uint8_t)(code / 100), (uint8_t)(code % 100)};
    size_t size = strlen(reason) < sizeof value - 4 ? strlen(reason) : sizeof value - 4;

    memcpy(value + 4, reason, size);
    ptn_stun_put(o, PTN_STUN_ADDRESS_ERROR_CODE, ptn_bytes(value, 4 + size));
}

static enum ptn_relay_verdict granted(struct ptn_relay *r, struct ptn_relay_request *q,
                                      const struct ptn_relay_alloc *a)
{
    struct ptn_stun_out o;

    ptn_relay_begin(q, &o, PTN_STUN_SUCCESS);
    for (unsigned i = 0; i < 2; i++)
        if (a->sockets[i] != PTN_RELAY_NONE) {
            struct ptn_addr relayed = ptn_relay_sockets_announced(&r->sockets, a->sockets[i]);
            ptn_stun_put_addr(&o, PTN_STUN_XOR_RELAYED_ADDRESS, &relayed);
        }
    ptn_stun_put_u32(&o, PTN_STUN_LIFETIME, a->lifetime_s);
    if (a->token) {
        uint8_t token[8];
        for (unsigned i = 0; i < 8; i++)
            token[i] = (uint8_t)(a->token >> (56 - 8 * i));
        ptn_stun_put(&o, PTN_STUN_RESERVATION_TOKEN, ptn_bytes(token, sizeof token));
    }
    if (a->additional_error)
        put_additional_error(&o, a->additional_error);
    ptn_stun_put_addr(&o, PTN_STUN_XOR_MAPPED_ADDRESS, &q->source->from);
    return ptn_relay_finish(r, q, &o, PTN_RELAY_GRANTED);
}

/* Another server would take it, or none. 0: it may be had here. */
static bool sent_away(struct ptn_relay *r, struct ptn_relay_request *q, enum ptn_relay_verdict *v)
{
    enum ptn_transport by = q->source->listener->is.transport;
    const struct ptn_addr *to =
        by == PTN_TLS || by == PTN_DTLS ? &r->alternate.tls : &r->alternate.plain;
    struct ptn_stun_out o;

    if (to->family == q->source->from.family) {
        ptn_relay_begin(q, &o, PTN_STUN_ERROR);
        ptn_stun_put_error(&o, 300);
        ptn_stun_put_addr(&o, PTN_STUN_ALTERNATE_SERVER, to);
        *v = ptn_relay_finish(r, q, &o, PTN_RELAY_TRY_ALTERNATE);
        return true;
    }
    if (r->draining)
        *v = ptn_relay_refuse(r, q, 508);
    return r->draining;
}

/* ---- sockets ---- */

/* A token of another worker's: it is asked for the socket, and the request comes back with it. */
static enum ptn_relay_verdict ask_worker(struct ptn_relay *r, struct ptn_relay_request *q,
                                         uint64_t token)
{
    const struct ptn_relay_mail mail = {.kind = PTN_RELAY_MAIL_WANTED,
                                        .to = (unsigned)(token >> 56),
                                        .from_worker = r->opts.worker,
                                        .path = q->source->path,
                                        .from = q->source->from,
                                        .bytes = q->m->bytes};

    return ptn_relay_waiting_mail(&r->waiting, &mail) ? PTN_RELAY_WAITING
                                                      : ptn_relay_refuse(r, q, 508);
}

static void use(struct ptn_relay *r, uint32_t socket, uint32_t alloc)
{
    ptn_relay_timer(r, PTN_RELAY_TIMER_SOCKET, socket, PTN_NEVER);
    r->sockets.rows[socket].state = PTN_RELAY_SOCKET_USED;
    r->sockets.rows[socket].alloc = alloc;
    ptn_relay_shared_use_port(r->shared, ptn_relay_place_of(&r->sockets.rows[socket]));
}

static enum ptn_relay_stock_kind stock_kind(const struct wish *w)
{
    return w->tcp ? PTN_RELAY_LISTEN : w->even ? PTN_RELAY_PAIR : PTN_RELAY_SINGLE;
}

static void spare(struct ptn_relay *r, uint32_t odd)
{
    if (!ptn_relay_sockets_spare(&r->sockets, odd))
        ptn_relay_drop_socket(r, odd);
}

/* The sockets of the wish, or none at all; *odd is the one that came with the first. */
static bool take_sockets(struct ptn_relay *r, const struct ptn_relay_request *q,
                         const struct wish *w, struct ptn_relay_alloc *a, uint32_t *odd)
{
    struct ptn_relay_sockets *s = &r->sockets;
    enum ptn_relay_stock_kind kind = stock_kind(w);

    uint32_t odd_of_additional = PTN_RELAY_NONE;

    *odd = PTN_RELAY_NONE;
    if (w->has_token)
        a->sockets[0] =
            q->given != PTN_RELAY_NONE ? q->given : ptn_relay_sockets_reserved(s, w->token);
    else
        a->sockets[0] = ptn_relay_sockets_take(s, w->family, kind, odd);
    if (a->sockets[0] == PTN_RELAY_NONE)
        return false;
    if (!w->additional)
        return true;
    a->sockets[1] = ptn_relay_sockets_take(s, w->additional, kind, &odd_of_additional);
    if (odd_of_additional != PTN_RELAY_NONE)
        spare(r, odd_of_additional);
    if (a->sockets[1] == PTN_RELAY_NONE)
        a->additional_error = ptn_relay_sockets_serves(s, w->additional) ? 508 : 440;
    return true;
}

static void reserve(struct ptn_relay *r, ptn_time now, struct ptn_relay_alloc *a, uint32_t odd)
{
    a->token = ptn_relay_sockets_reserve(&r->sockets, odd, r->opts.worker, &r->dice);
    ptn_relay_timer(r, PTN_RELAY_TIMER_SOCKET, odd, now + RESERVED_FOR);
}

/* ---- beginning ---- */

static void tell(struct ptn_relay *r, const struct ptn_relay_alloc *a)
{
    struct ptn_relay_event ev = ptn_relay_news_of(r, a);

    ptn_relay_news_add(&r->news, &ev);
    r->begun++;
}

/* A burst has emptied the stock: who comes now waits for the sockets that are being opened. Who
 * finds no place to wait is told nothing, so that he asks again soon; on a stream he would not. */
static enum ptn_relay_verdict wait_for_socket(struct ptn_relay *r, struct ptn_relay_request *q,
                                              const struct wish *w)
{
    if (w->has_token || !ptn_relay_sockets_coming(&r->sockets, w->family, stock_kind(w)))
        return ptn_relay_refuse(r, q, 508);
    if (ptn_relay_waiting_add(&r->waiting, q->now, true, q->source->path, &q->source->from,
                              q->m->bytes))
        return PTN_RELAY_WAITING;
    return ptn_relay_is_stream(q->source->listener->is.transport) ? ptn_relay_refuse(r, q, 508)
                                                                  : PTN_RELAY_NO_ROOM;
}

/* The row is made last but for the sockets, so that there is little to undo. */
static enum ptn_relay_verdict begin(struct ptn_relay *r, struct ptn_relay_request *q,
                                    const struct wish *w, uint64_t tag)
{
    uint32_t row = ptn_relay_allocs_add(&r->allocs, &q->source->from, q->source->path), odd;

    if (row == PTN_RELAY_NONE)
        return ptn_relay_refuse(r, q, 508);
    struct ptn_relay_alloc *a = &r->allocs.rows[row];
    a->user = ptn_relay_users_hold(&r->users, q->now, q->name, &q->key);
    if (a->user == PTN_RELAY_NONE || !take_sockets(r, q, w, a, &odd)) {
        if (a->user != PTN_RELAY_NONE)
            ptn_relay_users_release(&r->users, a->user);
        bool known = a->user != PTN_RELAY_NONE;
        ptn_relay_allocs_remove(&r->allocs, row);
        return known ? wait_for_socket(r, q, w) : ptn_relay_refuse(r, q, 508);
    }
    for (unsigned i = 0; i < 2; i++)
        if (a->sockets[i] != PTN_RELAY_NONE)
            use(r, a->sockets[i], row);
    if (odd != PTN_RELAY_NONE && w->reserve)
        reserve(r, q->now, a, odd);
    else if (odd != PTN_RELAY_NONE)
        spare(r, odd);
    a->id = q->m->id;
    a->transport = (uint8_t)q->source->listener->is.transport;
    a->relays_tcp = w->tcp;
    a->bps = r->opts.turn.max_bps;
    a->tag = tag;
    a->begun = q->now;
    live_until(r, q->now, row, w->lifetime_s);
    tell(r, a);
    return granted(r, q, a);
}

enum ptn_relay_verdict ptn_relay_allocate(struct ptn_relay *r, struct ptn_relay_request *q)
{
    const struct ptn_relay_turn *t = &r->opts.turn;
    struct ptn_relay_quota quota = {t->user_quota, t->total_quota, t->bps_capacity};
    struct wish w = {0};
    enum ptn_relay_verdict v;

    if (q->alloc != PTN_RELAY_NONE) {
        struct ptn_relay_alloc *a = &r->allocs.rows[q->alloc];
        return ptn_stun_id_equal(&a->id, &q->m->id) ? granted(r, q, a)
                                                    : ptn_relay_refuse(r, q, 437);
    }
    unsigned code = read_wish(r, q, &w);
    if (code == 0 && !w.has_token && !ptn_relay_sockets_serves(&r->sockets, w.family))
        code = 440;
    if (code)
        return ptn_relay_refuse(r, q, code);
    if (sent_away(r, q, &v))
        return v;
    if (w.has_token && w.token >> 56 != r->opts.worker && w.token >> 56 < r->opts.workers &&
        !q->redirected)
        return ask_worker(r, q, w.token);
    uint64_t tag = ptn_relay_users_tag(&r->users, q->name);
    if (!ptn_relay_shared_take(r->shared, &quota, tag, t->max_bps))
        return ptn_relay_refuse(r, q, 486);
    v = begin(r, q, &w, tag);
    if (v != PTN_RELAY_GRANTED)
        ptn_relay_shared_give(r->shared, tag, t->max_bps);
    return v;
}

/* ---- Refresh ---- */

/* The index of the socket of the family that was named; both when none was. */
static unsigned named_sockets(const struct ptn_relay *r, const struct ptn_relay_alloc *a,
                              uint8_t family)
{
    unsigned found = 0;

    for (unsigned i = 0; i < 2; i++)
        if (a->sockets[i] != PTN_RELAY_NONE &&
            (family == PTN_FAMILY_NONE || r->sockets.rows[a->sockets[i]].local.family == family))
            found |= 1u << i;
    return found;
}

/* One family of two is given back; what belongs to it goes, too. */
static void drop_family(struct ptn_relay *r, struct ptn_relay_alloc *a, unsigned i)
{
    uint8_t family = r->sockets.rows[a->sockets[i]].local.family;

    for (uint32_t row = a->permissions, next; row != PTN_RELAY_NONE; row = next) {
        next = r->permissions.rows[row].next;
        if (r->permissions.rows[row].peer.family == family)
            ptn_relay_end_permission(r, row);
    }
    for (uint32_t row = a->channels, next; row != PTN_RELAY_NONE; row = next) {
        next = r->channels.rows[row].next;
        if (r->channels.rows[row].peer.family == family)
            ptn_relay_end_channel(r, row);
    }
    for (uint32_t row = a->peer_conns, next; row != PTN_RELAY_NONE; row = next) {
        next = r->peer_conns.rows[row].next;
        if (r->peer_conns.rows[row].peer.family == family)
            ptn_relay_end_peer_conn(r, row);
    }
    ptn_relay_drop_socket(r, a->sockets[i]);
    a->sockets[i] = PTN_RELAY_NONE;
}

static void release(struct ptn_relay *r, struct ptn_relay_request *q, unsigned sockets)
{
    struct ptn_relay_alloc *a = &r->allocs.rows[q->alloc];

    if (sockets == named_sockets(r, a, PTN_FAMILY_NONE))
        ptn_relay_end(r, q->now, q->alloc, PTN_RELAY_END_RELEASED);
    else
        drop_family(r, a, sockets == 1 ? 0 : 1);
}

enum ptn_relay_verdict ptn_relay_refresh(struct ptn_relay *r, struct ptn_relay_request *q)
{
    uint8_t family = PTN_FAMILY_NONE;
    uint32_t lifetime_s, asked = 1;
    struct ptn_stun_out o;

    unsigned code = read_family(q->m, PTN_STUN_REQUESTED_ADDRESS_FAMILY, &family);
    if (code == 0 && !read_lifetime(r, q->m, &lifetime_s))
        code = 400;
    unsigned sockets = named_sockets(r, &r->allocs.rows[q->alloc], family);
    if (code == 0 && sockets == 0)
        code = 443;
    if (code)
        return ptn_relay_refuse(r, q, code);
    ptn_stun_get_u32(q->m, PTN_STUN_LIFETIME, &asked);
    if (asked == 0) {
        release(r, q, sockets);
        lifetime_s = 0;
    } else {
        live_until(r, q->now, q->alloc, lifetime_s);
    }
    ptn_relay_begin(q, &o, PTN_STUN_SUCCESS);
    ptn_stun_put_u32(&o, PTN_STUN_LIFETIME, lifetime_s);
    return ptn_relay_finish(r, q, &o, PTN_RELAY_GRANTED);
}
