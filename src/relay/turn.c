/*
 * relay/turn.c - which TURN request it is, and who may ask it.
 */
#include "relay/answer.h"

#include <assert.h>

#define BIT(type) (UINT64_C(1) << (type))

enum { UNKNOWN_TOLD_MAX = 8 };

#define UNDERSTOOD_ALWAYS                                                                          \
    (BIT(PTN_STUN_USERNAME) | BIT(PTN_STUN_MESSAGE_INTEGRITY) | BIT(PTN_STUN_REALM) |              \
     BIT(PTN_STUN_NONCE) | BIT(PTN_STUN_MESSAGE_INTEGRITY_SHA256) |                                \
     BIT(PTN_STUN_PASSWORD_ALGORITHM) | BIT(PTN_STUN_USERHASH) | BIT(PTN_STUN_LIFETIME) |          \
     BIT(PTN_STUN_REQUESTED_ADDRESS_FAMILY) | BIT(PTN_STUN_XOR_PEER_ADDRESS) |                     \
     BIT(PTN_STUN_CHANNEL_NUMBER) | BIT(PTN_STUN_DATA) | BIT(PTN_STUN_CONNECTION_ID) |             \
     BIT(PTN_STUN_EVEN_PORT) | BIT(PTN_STUN_RESERVATION_TOKEN) |                                   \
     BIT(PTN_STUN_REQUESTED_TRANSPORT))

static uint64_t understood(const struct ptn_relay *r)
{
    return UNDERSTOOD_ALWAYS | (r->opts.turn.dont_fragment ? BIT(PTN_STUN_DONT_FRAGMENT) : 0);
}

typedef enum ptn_relay_verdict (*handler)(struct ptn_relay *r, struct ptn_relay_request *q);

static handler handler_of(uint16_t method)
{
    switch (method) {
    case PTN_STUN_ALLOCATE: return ptn_relay_allocate;
    case PTN_STUN_REFRESH: return ptn_relay_refresh;
    case PTN_STUN_CREATE_PERMISSION: return ptn_relay_create_permission;
    case PTN_STUN_CHANNEL_BIND: return ptn_relay_channel_bind;
    case PTN_STUN_CONNECT: return ptn_relay_connect;
    case PTN_STUN_CONNECTION_BIND: return ptn_relay_connection_bind;
    default: return NULL;
    }
}

static enum ptn_relay_verdict indication(struct ptn_relay *r, struct ptn_relay_request *q)
{
    uint16_t types[1];

    if (q->m->method != PTN_STUN_SEND)
        return PTN_RELAY_INDICATION;
    if (ptn_stun_unknown(q->m, understood(r), types, 1) > 0)
        return PTN_RELAY_MALFORMED;
    return ptn_relay_send(r, q);
}

/* Everything but a new allocation needs one that is the client's and this user's. */
static unsigned check_owner(const struct ptn_relay *r, const struct ptn_relay_request *q)
{
    if (q->m->method == PTN_STUN_ALLOCATE || q->m->method == PTN_STUN_CONNECTION_BIND)
        return 0;
    if (q->alloc == PTN_RELAY_NONE)
        return 437;
    const struct ptn_relay_user_row *owner = &r->users.rows[r->allocs.rows[q->alloc].user];
    return ptn_bytes_equal(ptn_relay_user_name(owner), q->name) ? 0 : 441;
}

enum ptn_relay_verdict ptn_relay_turn(struct ptn_relay *r, struct ptn_relay_request *q)
{
    handler handle = handler_of(q->m->method);
    uint16_t types[UNKNOWN_TOLD_MAX];
    struct ptn_stun_out o;

    /* TURN is younger than the cookie: what comes without it is something else. */
    if (!r->turn || q->m->dialect != PTN_STUN_MODERN)
        return PTN_RELAY_UNKNOWN_METHOD;
    q->alloc = ptn_relay_allocs_find(&r->allocs, &q->source->from, q->source->path);
    if (q->alloc != PTN_RELAY_NONE && r->allocs.rows[q->alloc].expires <= q->now) {
        ptn_relay_end_due(r, q->now, q->alloc); /* the tick is late */
        q->alloc = PTN_RELAY_NONE;
    }
    if (q->m->class == PTN_STUN_INDICATION)
        return indication(r, q);
    if (!handle)
        return PTN_RELAY_UNKNOWN_METHOD;
    enum ptn_relay_verdict v = ptn_relay_authenticate(r, q);
    if (v != PTN_RELAY_GRANTED)
        return v;
    size_t unknown = ptn_stun_unknown(q->m, understood(r), types, UNKNOWN_TOLD_MAX);
    if (unknown > 0) {
        ptn_relay_begin(q, &o, PTN_STUN_ERROR);
        ptn_stun_put_error(&o, 420);
        ptn_stun_put_unknown(&o, types, unknown);
        return ptn_relay_finish(r, q, &o, PTN_RELAY_UNKNOWN_ATTRIBUTE);
    }
    unsigned code = check_owner(r, q);
    return code ? ptn_relay_refuse(r, q, code) : handle(r, q);
}
