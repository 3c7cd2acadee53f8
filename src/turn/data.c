/*
 * turn/data.c - what goes to peers and comes from them, and how it is told from the rest.
 *
 * The first byte decides (RFC 8656 §12): 0x40 to 0x4f begin ChannelData, those below 0x04 are
 * STUN. What a server's address sends besides, as answers to the Binding requests of its owner, is
 * not ours.
 */
#include "turn/inside.h"

#include <string.h>

/* ---- out ---- */

/* Over streams it is padded, and then room behind is needed, too. */
static bool send_by_channel(struct ptn_turn *t, uint16_t channel, struct ptn_bytes bytes,
                            uint8_t *room, struct ptn_ask *ask)
{
    size_t padding = ptn_turn_is_stream(t) ? (4 - bytes.size % 4) % 4 : 0;
    uint8_t *header = room && padding == 0 ? room : t->out;

    if (bytes.size > sizeof t->out - PTN_TURN_CHANNEL_HEADER - 3)
        return false;
    header[0] = (uint8_t)(channel >> 8);
    header[1] = (uint8_t)channel;
    header[2] = (uint8_t)(bytes.size >> 8);
    header[3] = (uint8_t)bytes.size;
    if (header == t->out) {
        if (bytes.size > 0)
            memcpy(t->out + PTN_TURN_CHANNEL_HEADER, bytes.data, bytes.size);
        memset(t->out + PTN_TURN_CHANNEL_HEADER + bytes.size, 0, padding);
    }
    ptn_turn_put(t, ptn_bytes(header, PTN_TURN_CHANNEL_HEADER + bytes.size + padding), ask);
    return true;
}

static bool send_by_indication(struct ptn_turn *t, const struct ptn_addr *peer,
                               struct ptn_bytes bytes, struct ptn_ask *ask)
{
    struct ptn_stun_id id = ptn_stun_id_new(&t->opts.dice, PTN_STUN_MODERN);
    struct ptn_stun_out o;
    struct ptn_bytes message;

    ptn_stun_begin(&o, t->out, sizeof t->out, PTN_STUN_INDICATION, PTN_STUN_SEND, &id);
    ptn_stun_put_addr(&o, PTN_STUN_XOR_PEER_ADDRESS, peer);
    ptn_stun_put(&o, PTN_STUN_DATA, bytes);
    if (!ptn_stun_end(&o, &message))
        return false;
    ptn_turn_put(t, message, ask);
    return true;
}

bool ptn_turn_send(struct ptn_turn *t, ptn_time now, const struct ptn_addr *peer,
                   struct ptn_bytes bytes, uint8_t *room, struct ptn_ask *ask)
{
    const struct ptn_turn_peer *row = ptn_turn_peers_find(&t->peers, peer);

    (void)now;
    if (t->state != PTN_TURN_STANDS || !ptn_turn_peers_permit(&t->peers, peer))
        return false;
    if (row && row->wanted && row->bound)
        return send_by_channel(t, row->channel, bytes, room, ask);
    /* Also while the permission is under way: it reaches the server before this does. */
    return send_by_indication(t, peer, bytes, ask);
}

/* ---- in ---- */

static enum ptn_turn_verdict take_channel_data(struct ptn_turn *t, struct ptn_bytes message)
{
    struct ptn_reader r = ptn_reader(message);
    uint16_t channel = ptn_read_u16(&r), size = ptn_read_u16(&r);
    struct ptn_bytes data = ptn_read(&r, size);
    const struct ptn_turn_peer *row = ptn_turn_peers_by_channel(&t->peers, channel);

    if (r.bad)
        return PTN_TURN_MALFORMED;
    if (!row || !row->wanted)
        return PTN_TURN_NO_CHANNEL;
    t->from = row->addr;
    t->data = data;
    return PTN_TURN_DATA;
}

static enum ptn_turn_verdict take_indication(struct ptn_turn *t, const struct ptn_stun_msg *m)
{
    struct ptn_bytes data;
    struct ptn_addr from;
    uint16_t unknown;
    const uint64_t ours = PTN_STUN_UNDERSTOOD | UINT64_C(1) << PTN_STUN_XOR_PEER_ADDRESS |
                          UINT64_C(1) << PTN_STUN_DATA;

    if (m->method != PTN_STUN_DATA_INDICATION)
        return PTN_TURN_NOT_OURS;
    if (!ptn_stun_get_addr(m, PTN_STUN_XOR_PEER_ADDRESS, &from) ||
        ptn_stun_unknown(m, ours, &unknown, 1) > 0)
        return PTN_TURN_MALFORMED;
    if (!ptn_stun_get(m, PTN_STUN_DATA, &data))
        return ptn_stun_has(m, PTN_STUN_ICMP) ? PTN_TURN_CONTROL : PTN_TURN_MALFORMED;
    if (!ptn_turn_peers_permit(&t->peers, &from))
        return PTN_TURN_NO_PEER;
    t->from = from;
    t->data = data;
    return PTN_TURN_DATA;
}

enum ptn_turn_verdict ptn_turn_take(struct ptn_turn *t, ptn_time now, struct ptn_bytes message)
{
    uint8_t first = message.size > 0 ? message.data[0] : 0xff;
    struct ptn_stun_msg m;

    if (first >= 0x40 && first < 0x50)
        return t->state == PTN_TURN_STANDS ? take_channel_data(t, message) : PTN_TURN_NO_CHANNEL;
    if (first >= 4)
        return PTN_TURN_NOT_OURS;
    if (ptn_stun_decode(&m, message) != PTN_STUN_OK)
        return PTN_TURN_MALFORMED;
    if (m.dialect != PTN_STUN_MODERN || m.class == PTN_STUN_REQUEST)
        return PTN_TURN_NOT_OURS;
    if (m.class == PTN_STUN_INDICATION)
        return t->state == PTN_TURN_STANDS ? take_indication(t, &m) : PTN_TURN_NO_PEER;
    return ptn_turn_answered(t, now, &m);
}

static bool is_open(const struct ptn_turn *t)
{
    return t->connected && !t->ask_connect;
}

static void connection_tell(struct ptn_turn *t, ptn_time now, const struct ptn_tell *tell)
{
    if (!is_open(t))
        return;
    switch (tell->kind) {
    case PTN_TELL_OPENED:
        if (t->state == PTN_TURN_CONNECTING)
            ptn_turn_ask(t, now);
        break;
    case PTN_TELL_FAILED:
    case PTN_TELL_CLOSED:
        t->connected = false; /* the id is free already */
        ptn_turn_fail(t, now,
                      (struct ptn_turn_failure){.why = t->state == PTN_TURN_CONNECTING
                                                           ? PTN_TURN_UNREACHABLE
                                                           : PTN_TURN_CLOSED,
                                                .err = tell->why});
        break;
    case PTN_TELL_STREAM: t->coming = tell->bytes; break;
    default: break;
    }
}

/* Before the server has ever answered, it is as good as none. Later an error may be an old
 * packet's, or anybody's: the question is put to the server itself. */
static bool take_icmp(struct ptn_turn *t, ptn_time now, const struct ptn_tell *tell)
{
    if (!ptn_addr_equal(&tell->from, &t->at.server))
        return false;
    if (t->state == PTN_TURN_ASKING && t->txn.sends > 0 && !t->auth.known)
        ptn_turn_fail(t, now,
                      (struct ptn_turn_failure){.why = PTN_TURN_UNREACHABLE, .err = tell->why});
    else
        ptn_turn_doubt(t, now);
    return false; /* the owner may have asked the same server something himself */
}

bool ptn_turn_input(struct ptn_turn *t, ptn_time now, const struct ptn_tell *tell)
{
    t->coming = (struct ptn_bytes){0};
    t->has_data = false;
    if (tell->id == t->opts.connection) {
        connection_tell(t, now, tell);
        return true;
    }
    if (tell->id != t->opts.socket || t->state == PTN_TURN_IDLE || ptn_turn_is_stream(t))
        return false;
    if (tell->kind == PTN_TELL_ICMP_ERROR)
        return take_icmp(t, now, tell);
    if (tell->kind != PTN_TELL_DATAGRAM || !ptn_addr_equal(&tell->from, &t->at.server))
        return false;
    enum ptn_turn_verdict v = ptn_turn_take(t, now, tell->bytes);
    t->has_data = v == PTN_TURN_DATA;
    if (v != PTN_TURN_NOT_OURS)
        t->counts[v]++;
    return v != PTN_TURN_NOT_OURS;
}

bool ptn_turn_data(struct ptn_turn *t, ptn_time now, struct ptn_addr *from, struct ptn_bytes *bytes)
{
    struct ptn_bytes message;

    while (!t->has_data && is_open(t) && t->coming.size > 0) {
        enum ptn_stun_frame_step step = ptn_stun_frame_next(&t->frame, &t->coming, &message);
        if (step == PTN_STUN_FRAME_MORE)
            break;
        if (step == PTN_STUN_FRAME_BROKEN) {
            t->counts[PTN_TURN_MALFORMED]++;
            ptn_turn_fail(t, now, (struct ptn_turn_failure){.why = PTN_TURN_NONSENSE});
            break;
        }
        enum ptn_turn_verdict v = ptn_turn_take(t, now, message);
        t->counts[v]++;
        t->has_data = v == PTN_TURN_DATA;
    }
    if (!t->has_data)
        return false;
    t->has_data = false;
    *from = t->from;
    *bytes = t->data;
    return true;
}
