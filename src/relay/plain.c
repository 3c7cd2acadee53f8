/*
 * relay/plain.c - many alike in one go: what is the same for all is looked at once.
 */
#include "relay/plain.h"

#include "relay/core.h"

enum { ASKED = 20, TOLD_V4 = 32, TOLD_V6 = 44 };

/* The UDP listener of a small id, or NULL. */
static const struct ptn_relay_listener_row *find_udp(const struct ptn_relay *r, ptn_id id)
{
    uint8_t place = id < sizeof r->listeners.by_id ? r->listeners.by_id[id] : 0;

    if (place == 0 || r->listeners.rows[place - 1].is.transport != PTN_UDP)
        return NULL;
    return &r->listeners.rows[place - 1];
}

static inline bool is_plain(const struct ptn_relay_in *in)
{
    static const uint8_t head[8] = {0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42};

    return in->bytes.size == ASKED && memcmp(in->bytes.data, head, sizeof head) == 0;
}

/* A port, and an address of one host. */
static inline bool is_unicast(const struct ptn_addr *a)
{
    static const uint8_t nobody[16];
    uint32_t ip;

    memcpy(&ip, a->ip, sizeof ip);
    if (a->port == 0)
        return false;
    if (a->family == PTN_IPV4)
        return a->ip[0] != 0 && (a->ip[0] & 0xf0) != 224 && ip != UINT32_MAX;
    return a->ip[0] != 0xff && memcmp(a->ip, nobody, sizeof nobody) != 0;
}

/* Header, type and length of the attribute, family and port; the id comes from the request, and its
 * first half of the cookie has been looked at. */
static inline void write_head(uint8_t *to, const uint8_t *request, const uint8_t head[static 10],
                              uint16_t port)
{
    memcpy(to, head, 4);
    memcpy(to + 4, request + 4, 16);
    memcpy(to + 20, head + 4, 6);
    to[26] = (uint8_t)(port >> 8) ^ 0x21;
    to[27] = (uint8_t)port ^ 0x12;
}

static inline size_t write_v4(uint8_t *to, const uint8_t *request, const struct ptn_addr *from)
{
    static const uint8_t head[] = {1, 1, 0, 12, 0, 0x20, 0, 8, 0, 1};
    uint32_t ip, cover;

    write_head(to, request, head, from->port);
    memcpy(&ip, from->ip, sizeof ip);
    memcpy(&cover, request + 4, sizeof cover);
    ip ^= cover;
    memcpy(to + 28, &ip, sizeof ip);
    return TOLD_V4;
}

static size_t write_v6(uint8_t *to, const uint8_t *request, const struct ptn_addr *from)
{
    static const uint8_t head[] = {1, 1, 0, 24, 0, 0x20, 0, 20, 0, 2};

    write_head(to, request, head, from->port);
    for (size_t i = 0; i < 16; i++)
        to[28 + i] = from->ip[i] ^ request[4 + i];
    return TOLD_V6;
}

static enum ptn_relay_verdict judge_rest(struct ptn_relay *r, ptn_time now,
                                         const struct ptn_addr *from)
{
    if (!is_unicast(from))
        return PTN_RELAY_BAD_SOURCE;
    if (ptn_relay_listeners_own(&r->listeners, from))
        return PTN_RELAY_OWN_ADDRESS;
    return ptn_relay_limits_ask(
               &r->limits, now, from, ASKED, from->family == PTN_IPV4 ? TOLD_V4 : TOLD_V6,
               from->family == PTN_IPV4 ? TOLD_V4 : TOLD_V6) == PTN_RELAY_GRANT_FULL
               ? PTN_RELAY_ANSWERED
               : PTN_RELAY_OVER_BUDGET;
}

/* Answers IPv4 from elsewhere than a port of ours within its budget, which is nearly all; 0: it is
 * not. */
static inline size_t answer_v4(struct ptn_relay *r, ptn_time now, const struct ptn_relay_in *in,
                               uint8_t *to)
{
    const struct ptn_addr *from = &in->from;

    if (from->family != PTN_IPV4 || !is_unicast(from) ||
        ptn_relay_listeners_have_port(&r->listeners, from->port) ||
        !ptn_relay_limits_ask_short(&r->limits, now, from, TOLD_V4 - ASKED))
        return 0;
    return write_v4(to, in->bytes.data, from);
}

/* All others; 0: no answer. */
__attribute__((cold)) static size_t answer_rest(struct ptn_relay *r, ptn_time now,
                                                const struct ptn_relay_in *in, uint8_t *to)
{
    enum ptn_relay_verdict v = judge_rest(r, now, &in->from);

    if (v != PTN_RELAY_ANSWERED) {
        r->counts[v]++;
        return 0;
    }
    return in->from.family == PTN_IPV4 ? write_v4(to, in->bytes.data, &in->from)
                                       : write_v6(to, in->bytes.data, &in->from);
}

size_t ptn_relay_plain(struct ptn_relay *r, ptn_time now, const struct ptn_relay_in *in,
                       size_t count, struct ptn_relay_out *out, size_t *answers)
{
    const struct ptn_relay_listener_row *listener = NULL;
    struct ptn_relay_out *o = out;
    ptn_id last = 0;
    size_t i = 0;

    if (r->opts.mapped_in_modern || r->opts.always_extras)
        count = 0;
    for (; i < count && is_plain(&in[i]); i++) {
        if (in[i].socket != last) {
            last = in[i].socket;
            listener = find_udp(r, last);
        }
        if (!listener || o->capacity < TOLD_V6)
            break;
        size_t size = answer_v4(r, now, &in[i], o->buf);
        if (size == 0)
            size = answer_rest(r, now, &in[i], o->buf);
        if (size == 0)
            continue;
        o->bytes = ptn_bytes(o->buf, size);
        o->socket = last;
        o->to = in[i].from;
        o->dont_fragment = false;
        o++;
    }
    *answers = (size_t)(o - out);
    r->counts[PTN_RELAY_ANSWERED] += *answers;
    return i;
}
