/*
 * relay/data.c - what is relayed: ChannelData and Send up, ChannelData and Data down.
 *
 *     up:    client's address, path and channel number --> channel --> peer, relay socket
 *     down:  relay socket --> allocation, with the peer's address --> channel, else permission
 *
 * Upwards nothing is copied: what goes out is a part of what came in.
 */
#include "relay/answer.h"

#include <assert.h>

enum { CHANNEL_HEADER = 4 };

static enum ptn_relay_verdict up(struct ptn_relay *r, ptn_time now, struct ptn_relay_alloc *a,
                                 uint32_t socket, const struct ptn_addr *peer,
                                 struct ptn_bytes data, struct ptn_relay_out *out)
{
    if (!ptn_relay_alloc_fits(a, &a->up_clear, now, data.size))
        return PTN_RELAY_OVER_BANDWIDTH;
    a->bytes_up += data.size;
    a->packets_up++;
    r->bytes_up += data.size;
    out->socket = ptn_relay_socket_id(socket);
    out->to = r->sockets.translates ? ptn_relay_sockets_inward(&r->sockets, *peer) : *peer;
    out->bytes = data;
    return PTN_RELAY_UP;
}

enum ptn_relay_verdict ptn_relay_channel_data(struct ptn_relay *r, ptn_time now,
                                              const struct ptn_relay_source *source,
                                              struct ptn_bytes message, struct ptn_relay_out *out)
{
    if (!r->turn || message.size < CHANNEL_HEADER)
        return PTN_RELAY_NOT_STUN;
    uint16_t number = (uint16_t)(message.data[0] << 8 | message.data[1]);
    size_t size = (size_t)(message.data[2] << 8 | message.data[3]);
    if (size > message.size - CHANNEL_HEADER)
        return PTN_RELAY_MALFORMED;
    uint32_t row =
        ptn_relay_channels_by_number(&r->channels, &r->allocs, &source->from, source->path, number);
    if (row == PTN_RELAY_NONE)
        return ptn_relay_allocs_find(&r->allocs, &source->from, source->path) == PTN_RELAY_NONE
                   ? PTN_RELAY_NO_ALLOCATION
                   : PTN_RELAY_NO_CHANNEL;
    const struct ptn_relay_channel *channel = &r->channels.rows[row];
    struct ptn_relay_alloc *a = &r->allocs.rows[channel->alloc];
    if (channel->expires <= now || a->expires <= now)
        return PTN_RELAY_NO_CHANNEL;
    return up(r, now, a, channel->socket, &channel->peer,
              ptn_bytes(message.data + CHANNEL_HEADER, size), out);
}

enum ptn_relay_verdict ptn_relay_send(struct ptn_relay *r, struct ptn_relay_request *q)
{
    struct ptn_addr peer;
    struct ptn_bytes data;

    if (q->alloc == PTN_RELAY_NONE)
        return PTN_RELAY_NO_ALLOCATION;
    struct ptn_relay_alloc *a = &r->allocs.rows[q->alloc];
    if (!ptn_stun_get_addr(q->m, PTN_STUN_XOR_PEER_ADDRESS, &peer) || peer.port == 0 ||
        !ptn_stun_get(q->m, PTN_STUN_DATA, &data) || a->relays_tcp)
        return PTN_RELAY_MALFORMED;
    uint32_t row = ptn_relay_permissions_find(&r->permissions, q->alloc, &peer);
    if (row == PTN_RELAY_NONE || r->permissions.rows[row].expires <= q->now || a->expires <= q->now)
        return ptn_relay_policy_check(&r->policy, &peer, false) == PTN_RELAY_PEER_DENY
                   ? PTN_RELAY_PEER_DENIED
                   : PTN_RELAY_NO_PERMISSION;
    if (r->permissions.rows[row].by_port &&
        ptn_relay_policy_check(&r->policy, &peer, false) != PTN_RELAY_PEER_ALLOW)
        return PTN_RELAY_PEER_DENIED;
    uint32_t socket = ptn_relay_socket_of(r, a, peer.family);
    assert(socket != PTN_RELAY_NONE); /* permissions go with their family */
    q->out->dont_fragment = ptn_stun_has(q->m, PTN_STUN_DONT_FRAGMENT);
    return up(r, q->now, a, socket, &peer, data, q->out);
}

/* ---- down ---- */

/* The four bytes before the data, and over a stream padding after it. */
static struct ptn_bytes frame(const struct ptn_relay_alloc *a, uint16_t number,
                              struct ptn_bytes data, const struct ptn_relay_out *out)
{
    struct ptn_writer w = ptn_writer(out->buf, out->capacity);

    ptn_write_u16(&w, number);
    ptn_write_u16(&w, (uint16_t)data.size);
    ptn_write(&w, data);
    if (ptn_relay_is_stream((enum ptn_transport)a->transport))
        ptn_write_zeros(&w, (4 - data.size % 4) % 4);
    return w.bad ? ptn_bytes(NULL, 0) : ptn_bytes(out->buf, ptn_writer_size(&w));
}

static void begin_indication(struct ptn_relay *r, struct ptn_stun_out *o,
                             const struct ptn_relay_out *out)
{
    struct ptn_stun_id id = ptn_stun_id_new(&r->dice, PTN_STUN_MODERN);
    ptn_stun_begin(o, out->buf, out->capacity, PTN_STUN_INDICATION, PTN_STUN_DATA_INDICATION, &id);
}

static struct ptn_bytes indicate(struct ptn_relay *r, const struct ptn_addr *peer,
                                 struct ptn_bytes data, const struct ptn_relay_out *out)
{
    struct ptn_stun_out o;
    struct ptn_bytes message;

    begin_indication(r, &o, out);
    ptn_stun_put_addr(&o, PTN_STUN_XOR_PEER_ADDRESS, peer);
    ptn_stun_put(&o, PTN_STUN_DATA, data);
    return ptn_stun_end(&o, &message) ? message : ptn_bytes(NULL, 0);
}

static bool is_permitted(const struct ptn_relay *r, ptn_time now, uint32_t alloc,
                         const struct ptn_addr *peer)
{
    uint32_t row = ptn_relay_permissions_find(&r->permissions, alloc, peer);
    return row != PTN_RELAY_NONE && r->permissions.rows[row].expires > now;
}

enum ptn_relay_verdict ptn_relay_peer_data(struct ptn_relay *r, ptn_time now,
                                           const struct ptn_relay_in *in, struct ptn_relay_out *out)
{
    const struct ptn_relay_socket *socket = ptn_relay_sockets_find(&r->sockets, in->socket);
    const struct ptn_addr *from = &in->from;
    struct ptn_addr outward;
    struct ptn_bytes bytes;

    if (!socket || socket->state != PTN_RELAY_SOCKET_USED)
        return PTN_RELAY_NO_ALLOCATION;
    struct ptn_relay_alloc *a = &r->allocs.rows[socket->alloc];
    if (a->expires <= now)
        return PTN_RELAY_NO_ALLOCATION;
    if (r->sockets.translates) {
        outward = ptn_relay_sockets_outward(&r->sockets, in->from);
        from = &outward;
    }
    uint32_t row = ptn_relay_channels_by_peer(&r->channels, socket->alloc, from);
    bool channel = row != PTN_RELAY_NONE && r->channels.rows[row].expires > now;
    if (!channel && !is_permitted(r, now, socket->alloc, from))
        return PTN_RELAY_NO_PERMISSION;
    if (!ptn_relay_alloc_fits(a, &a->down_clear, now, in->bytes.size))
        return PTN_RELAY_OVER_BANDWIDTH;
    bytes = channel ? frame(a, r->channels.rows[row].number, in->bytes, out)
                    : indicate(r, from, in->bytes, out);
    if (bytes.size == 0 || !ptn_relay_to_client(r, a, bytes, out))
        return PTN_RELAY_NO_ROOM;
    a->bytes_down += in->bytes.size;
    a->packets_down++;
    r->bytes_down += in->bytes.size;
    return PTN_RELAY_DOWN;
}

/* What the world knows of an ICMP error as RFC 8656 §18.13 has it: 7 bits of type, 9 of code. */
static uint32_t icmp_value(const struct ptn_addr *peer, enum ptn_err why)
{
    bool v4 = peer->family == PTN_IPV4;
    unsigned type = v4 ? 3 : 1; /* destination unreachable */
    unsigned code = why == PTN_ERR_REFUSED ? (v4 ? 3 : 4) : (v4 ? 1 : 3); /* port, or host */

    return type << 9 | code;
}

/* RFC 8656 §11.5: an error about a permitted peer is told to the client. */
void ptn_relay_icmp(struct ptn_relay *r, ptn_time now, const struct ptn_tell *tell)
{
    const struct ptn_relay_socket *socket = ptn_relay_sockets_find(&r->sockets, tell->id);
    struct ptn_relay_out out = ptn_relay_queue_room(&r->queue);
    struct ptn_stun_out o;
    struct ptn_bytes message;
    uint8_t value[8] = {0};

    struct ptn_addr peer = ptn_relay_sockets_outward(&r->sockets, tell->from);
    if (!socket || socket->state != PTN_RELAY_SOCKET_USED ||
        !is_permitted(r, now, socket->alloc, &peer))
        return;
    const struct ptn_relay_alloc *a = &r->allocs.rows[socket->alloc];
    uint32_t icmp = icmp_value(&peer, tell->why);
    value[2] = (uint8_t)(icmp >> 8);
    value[3] = (uint8_t)icmp;
    begin_indication(r, &o, &out);
    ptn_stun_put_addr(&o, PTN_STUN_XOR_PEER_ADDRESS, &peer);
    ptn_stun_put(&o, PTN_STUN_ICMP, ptn_bytes(value, sizeof value));
    if (ptn_stun_end(&o, &message) && ptn_relay_to_client(r, a, message, &out) &&
        out.bytes.size > 0)
        ptn_relay_queue_put(&r->queue, PTN_ASK_DATAGRAM, &out);
}
