/*
 * relay/binding.c - from a request to an answer, without memory of either.
 *
 * A server that answers anybody is a tool for whoever forges a source address, so:
 *
 *   - a plain request gets what its RFC demands and no more;
 *   - RESPONSE-ADDRESS (RFC 3489) is not honoured: it would send our answers to a victim
 *     of the sender's choice without even forging. It gets 420, as if unknown, unless it
 *     names the very source;
 *   - PADDING is given back no longer than it came;
 *   - nothing is answered to a socket of ours, or two servers, or our own two
 *     addresses, could be made to answer each other for ever.
 */
#include "relay/binding.h"

#include "stun/seal.h"

#define BIT(type) (UINT64_C(1) << (type))

/* Credentials are understood in the sense that a server that asks for none may ignore them.
 * CHANGE-REQUEST, because phones of RFC 3489's age put an empty one into every request. */
#define UNDERSTOOD                                                                                 \
    (BIT(PTN_STUN_USERNAME) | BIT(PTN_STUN_MESSAGE_INTEGRITY) | BIT(PTN_STUN_REALM) |              \
     BIT(PTN_STUN_NONCE) | BIT(PTN_STUN_MESSAGE_INTEGRITY_SHA256) |                                \
     BIT(PTN_STUN_PASSWORD_ALGORITHM) | BIT(PTN_STUN_USERHASH) | BIT(PTN_STUN_CHANGE_REQUEST))
#define UNDERSTOOD_5780 (BIT(PTN_STUN_RESPONSE_PORT) | BIT(PTN_STUN_PADDING))

enum { UNKNOWN_TOLD_MAX = 8, PADDING_MAX = 1440 };

/* What a request asks for beyond its mapped address. */
struct wish {
    const struct ptn_relay_listener_row *leaves_by;
    struct ptn_addr to;
    struct ptn_bytes padding;
    bool extras;
};

/* By the first byte, not by ptn_addr_kind(): this is asked for every datagram. */
static bool is_unicast(const struct ptn_addr *a)
{
    static const uint8_t unspecified[16], broadcast[4] = {255, 255, 255, 255};

    if (a->port == 0)
        return false;
    if (a->family == PTN_IPV4)
        return a->ip[0] != 0 && (a->ip[0] & 0xf0) != 224 &&
               memcmp(a->ip, broadcast, sizeof broadcast) != 0;
    return a->ip[0] != 0xff && memcmp(a->ip, unspecified, sizeof unspecified) != 0;
}

static enum ptn_relay_verdict check(const struct ptn_stun_msg *m)
{
    if (m->class == PTN_STUN_SUCCESS || m->class == PTN_STUN_ERROR)
        return PTN_RELAY_RESPONSE;
    if (m->method != PTN_STUN_BINDING)
        return PTN_RELAY_UNKNOWN_METHOD;
    if (ptn_stun_check_fingerprint(m) == PTN_STUN_SEAL_BROKEN)
        return PTN_RELAY_BROKEN_FINGERPRINT;
    return m->class == PTN_STUN_INDICATION ? PTN_RELAY_INDICATION : PTN_RELAY_ANSWERED;
}

/* Types to be told with 420: those nobody here knows, and wishes that cannot be granted. */
static size_t refused_types(const struct ptn_relay_opts *opts,
                            const struct ptn_relay_source *source, const struct ptn_stun_msg *m,
                            struct wish *w, uint16_t types[static UNKNOWN_TOLD_MAX])
{
    uint64_t understood = UNDERSTOOD | (opts->behaviour_discovery ? UNDERSTOOD_5780 : 0);
    struct ptn_addr response_address;
    uint32_t change = 0;

    if (ptn_stun_get_addr(m, PTN_STUN_RESPONSE_ADDRESS, &response_address) &&
        ptn_addr_equal(&response_address, &source->from))
        understood |= BIT(PTN_STUN_RESPONSE_ADDRESS);
    ptn_stun_get_u32(m, PTN_STUN_CHANGE_REQUEST, &change);
    unsigned how = (change & PTN_STUN_CHANGE_IP ? PTN_RELAY_OTHER_IP : 0) |
                   (change & PTN_STUN_CHANGE_PORT ? PTN_RELAY_OTHER_PORT : 0);
    w->leaves_by = source->listener->other[how];
    if (!w->leaves_by || (how && !opts->behaviour_discovery))
        understood &= ~BIT(PTN_STUN_CHANGE_REQUEST);
    if (source->listener->is.transport != PTN_UDP)
        understood &= ~BIT(PTN_STUN_RESPONSE_PORT);
    return ptn_stun_unknown(m, understood, types, UNKNOWN_TOLD_MAX);
}

/* False when the wish makes no sense. */
static bool read_wish(const struct ptn_stun_msg *m, struct wish *w)
{
    uint32_t change;

    w->extras = ptn_stun_has(m, PTN_STUN_CHANGE_REQUEST) ||
                ptn_stun_has(m, PTN_STUN_RESPONSE_PORT) || ptn_stun_has(m, PTN_STUN_PADDING);
    if (ptn_stun_has(m, PTN_STUN_CHANGE_REQUEST) &&
        !ptn_stun_get_u32(m, PTN_STUN_CHANGE_REQUEST, &change))
        return false;
    if (ptn_stun_has(m, PTN_STUN_RESPONSE_PORT)) {
        /* RFC 5780 §7.5: never together, or small requests draw large answers elsewhere. */
        if (ptn_stun_has(m, PTN_STUN_PADDING) ||
            !ptn_stun_get_u16(m, PTN_STUN_RESPONSE_PORT, &w->to.port) || w->to.port == 0)
            return false;
    }
    if (ptn_stun_get(m, PTN_STUN_PADDING, &w->padding) && w->padding.size > PADDING_MAX)
        w->padding.size = PADDING_MAX;
    return true;
}

static void put_addresses(struct ptn_stun_out *o, const struct ptn_relay_opts *opts,
                          const struct ptn_relay_source *source, const struct wish *w,
                          enum ptn_stun_dialect dialect)
{
    const struct ptn_relay_listener_row *other =
        source->listener->other[PTN_RELAY_OTHER_IP | PTN_RELAY_OTHER_PORT];
    bool classic = dialect == PTN_STUN_CLASSIC;

    if (classic || opts->mapped_in_modern)
        ptn_stun_put_addr(o, PTN_STUN_MAPPED_ADDRESS, &source->from);
    if (!classic)
        ptn_stun_put_addr(o, PTN_STUN_XOR_MAPPED_ADDRESS, &source->from);
    /* RFC 3489 §8.1 demands both in every answer; the second needs something to say. */
    if (classic || w->extras || opts->always_extras)
        ptn_stun_put_addr(o, classic ? PTN_STUN_SOURCE_ADDRESS : PTN_STUN_RESPONSE_ORIGIN,
                          &w->leaves_by->is.announced);
    if (other && opts->behaviour_discovery && (classic || w->extras || opts->always_extras))
        ptn_stun_put_addr(o, classic ? PTN_STUN_CHANGED_ADDRESS : PTN_STUN_OTHER_ADDRESS,
                          &other->is.announced);
}

static enum ptn_relay_verdict finish(struct ptn_stun_out *o, const struct ptn_stun_msg *m,
                                     struct ptn_relay_out *out, enum ptn_relay_verdict verdict)
{
    struct ptn_bytes message;

    if (ptn_stun_has(m, PTN_STUN_FINGERPRINT))
        ptn_stun_put_fingerprint(o);
    if (!ptn_stun_end(o, &message))
        return PTN_RELAY_NO_ROOM;
    out->bytes = message;
    return verdict;
}

static enum ptn_relay_verdict refuse(const struct ptn_stun_msg *m, struct ptn_relay_out *out,
                                     unsigned code, const uint16_t *types, size_t count)
{
    struct ptn_stun_out o;

    ptn_stun_begin(&o, out->buf, out->capacity, PTN_STUN_ERROR, m->method, &m->id);
    ptn_stun_put_error(&o, code);
    if (count > 0)
        ptn_stun_put_unknown(&o, types, count);
    return finish(&o, m, out, count > 0 ? PTN_RELAY_UNKNOWN_ATTRIBUTE : PTN_RELAY_BAD_REQUEST);
}

static enum ptn_relay_verdict answer(const struct ptn_relay_opts *opts,
                                     const struct ptn_relay_listeners *listeners,
                                     const struct ptn_relay_source *source,
                                     const struct ptn_stun_msg *m, struct ptn_relay_out *out)
{
    struct wish w = {.to = source->from};
    uint16_t types[UNKNOWN_TOLD_MAX];
    struct ptn_stun_out o;

    size_t count = refused_types(opts, source, m, &w, types);
    if (count > 0)
        return refuse(m, out, 420, types, count);
    if (!read_wish(m, &w))
        return refuse(m, out, 400, NULL, 0);
    if (w.to.port != source->from.port && ptn_relay_listeners_own(listeners, &w.to))
        return PTN_RELAY_OWN_ADDRESS;
    ptn_stun_begin(&o, out->buf, out->capacity, PTN_STUN_SUCCESS, m->method, &m->id);
    put_addresses(&o, opts, source, &w, m->dialect);
    if (w.padding.size > 0)
        ptn_stun_put(&o, PTN_STUN_PADDING, w.padding);
    out->socket = w.leaves_by->is.id;
    out->to = w.to;
    return finish(&o, m, out, PTN_RELAY_ANSWERED);
}

enum ptn_relay_verdict ptn_relay_binding(const struct ptn_relay_opts *opts,
                                         const struct ptn_relay_listeners *listeners,
                                         const struct ptn_relay_source *source,
                                         struct ptn_bytes message, struct ptn_relay_out *out)
{
    struct ptn_stun_msg m;
    enum ptn_stun_verdict decoded = ptn_stun_decode(&m, message);

    if (decoded != PTN_STUN_OK)
        return decoded == PTN_STUN_NOT_STUN ? PTN_RELAY_NOT_STUN : PTN_RELAY_MALFORMED;
    enum ptn_relay_verdict verdict = check(&m);
    if (verdict != PTN_RELAY_ANSWERED)
        return verdict;
    if (!is_unicast(&source->from))
        return PTN_RELAY_BAD_SOURCE;
    if (ptn_relay_listeners_own(listeners, &source->from))
        return PTN_RELAY_OWN_ADDRESS;
    out->socket = source->listener->is.id;
    out->to = source->from;
    return answer(opts, listeners, source, &m, out);
}
