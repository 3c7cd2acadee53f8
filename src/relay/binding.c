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
 *   - over UDP the budget decides whether it is all, the mapped address only, or nothing;
 *   - nothing is answered to a socket of ours, or two servers, or our own two
 *     addresses, could be made to answer each other for ever.
 */
#include "relay/binding.h"

#include "relay/core.h"
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

static void put_mapped(struct ptn_stun_out *o, const struct ptn_relay_source *source,
                       enum ptn_stun_dialect dialect)
{
    ptn_stun_put_addr(
        o, dialect == PTN_STUN_CLASSIC ? PTN_STUN_MAPPED_ADDRESS : PTN_STUN_XOR_MAPPED_ADDRESS,
        &source->from);
}

static void put_addresses(struct ptn_stun_out *o, const struct ptn_relay_opts *opts,
                          const struct ptn_relay_source *source, const struct wish *w,
                          enum ptn_stun_dialect dialect)
{
    const struct ptn_relay_listener_row *other =
        source->listener->other[PTN_RELAY_OTHER_IP | PTN_RELAY_OTHER_PORT];
    bool classic = dialect == PTN_STUN_CLASSIC;

    if (!classic && opts->mapped_in_modern)
        ptn_stun_put_addr(o, PTN_STUN_MAPPED_ADDRESS, &source->from);
    put_mapped(o, source, dialect);
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

/* ---- what the budget allows ---- */

/* Instead of what stands in `out`: the mapped address and nothing else. */
static enum ptn_relay_verdict answer_less(const struct ptn_relay_source *source,
                                          const struct ptn_stun_msg *m, struct ptn_relay_out *out)
{
    struct ptn_stun_out o;

    ptn_stun_begin(&o, out->buf, out->capacity, PTN_STUN_SUCCESS, m->method, &m->id);
    put_mapped(&o, source, m->dialect);
    return finish(&o, m, out, PTN_RELAY_ANSWERED_LESS);
}

static enum ptn_relay_verdict refuse_by_budget(struct ptn_relay_out *out)
{
    out->bytes = ptn_bytes(NULL, 0);
    return PTN_RELAY_OVER_BUDGET;
}

/* An answer that is ready, to somebody who may have forged his address. */
static enum ptn_relay_verdict spend(struct ptn_relay *r, ptn_time now,
                                    const struct ptn_relay_source *source,
                                    const struct ptn_stun_msg *m, const struct wish *w,
                                    struct ptn_relay_out *out, enum ptn_relay_verdict v)
{
    size_t full = out->bytes.size;
    size_t less = PTN_STUN_HEADER_BYTES + 8 + ptn_addr_ip_bytes(&source->from) +
                  (ptn_stun_has(m, PTN_STUN_FINGERPRINT) ? 8 : 0);
    bool elsewhere = w->leaves_by != source->listener || w->to.port != source->from.port;

    if (full == 0 || source->conn)
        return v;
    /* An answer from elsewhere, or to elsewhere, with less in it would be misunderstood. */
    if (elsewhere || v != PTN_RELAY_ANSWERED || less > full)
        less = full;
    if (elsewhere &&
        !ptn_relay_limits_ask_change(&r->limits, now, &source->from, m->bytes.size, full))
        return refuse_by_budget(out);
    switch (ptn_relay_limits_ask(&r->limits, now, &source->from, m->bytes.size, full, less)) {
    case PTN_RELAY_GRANT_FULL: return v;
    case PTN_RELAY_GRANT_LESS:
        return less < full ? answer_less(source, m, out) : refuse_by_budget(out);
    default: return refuse_by_budget(out);
    }
}

static enum ptn_relay_verdict answer(struct ptn_relay *r, const struct ptn_relay_source *source,
                                     const struct ptn_stun_msg *m, struct wish *w,
                                     struct ptn_relay_out *out)
{
    const struct ptn_relay_opts *opts = &r->opts;
    uint16_t types[UNKNOWN_TOLD_MAX];
    struct ptn_stun_out o;

    size_t count = refused_types(opts, source, m, w, types);
    if (count > 0) {
        w->leaves_by = source->listener;
        return refuse(m, out, 420, types, count);
    }
    if (!read_wish(m, w)) {
        *w = (struct wish){.leaves_by = source->listener, .to = source->from};
        return refuse(m, out, 400, NULL, 0);
    }
    if (w->to.port != source->from.port && ptn_relay_listeners_own(&r->listeners, &w->to))
        return PTN_RELAY_OWN_ADDRESS;
    ptn_stun_begin(&o, out->buf, out->capacity, PTN_STUN_SUCCESS, m->method, &m->id);
    put_addresses(&o, opts, source, w, m->dialect);
    if (w->padding.size > 0)
        ptn_stun_put(&o, PTN_STUN_PADDING, w->padding);
    out->socket = source->conn ? source->path : w->leaves_by->is.id;
    out->to = w->to;
    return finish(&o, m, out, PTN_RELAY_ANSWERED);
}

enum ptn_relay_verdict ptn_relay_binding(struct ptn_relay *r, ptn_time now,
                                         const struct ptn_relay_source *source,
                                         const struct ptn_stun_msg *m, struct ptn_relay_out *out)
{
    struct wish w = {.to = source->from};

    if (m->class == PTN_STUN_INDICATION)
        return PTN_RELAY_INDICATION;
    if (!is_unicast(&source->from))
        return PTN_RELAY_BAD_SOURCE;
    if (ptn_relay_listeners_own(&r->listeners, &source->from))
        return PTN_RELAY_OWN_ADDRESS;
    out->socket = source->path;
    out->to = source->from;
    enum ptn_relay_verdict v = answer(r, source, m, &w, out);
    return spend(r, now, source, m, &w, out, v);
}
