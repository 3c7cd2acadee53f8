/*
 * relay/permit.c - CreatePermission and ChannelBind (RFC 8656 §10 and §12).
 */
#include "relay/answer.h"

enum { PEERS_MAX = 96 }; /* of one request; more do not fit into a datagram */

/* One peer address, as far as every request judges it: 0, or an error code. */
static unsigned read_peer(struct ptn_relay *r, const struct ptn_relay_request *q,
                          struct ptn_bytes value, bool with_port, struct ptn_addr *peer,
                          enum ptn_relay_peer *judged)
{
    if (!ptn_stun_read_addr(q->m, PTN_STUN_XOR_PEER_ADDRESS, value, peer))
        return 400;
    if (!with_port)
        peer->port = 0;
    *judged = ptn_relay_policy_check(&r->policy, peer, false);
    if (*judged == PTN_RELAY_PEER_DENY)
        return 403;
    return ptn_relay_socket_of(r, &r->allocs.rows[q->alloc], peer->family) != PTN_RELAY_NONE ? 0
                                                                                             : 443;
}

/* Row, or NONE when there is no room. `*fresh`: it was not there before. */
static uint32_t permit(struct ptn_relay *r, ptn_time now, uint32_t alloc,
                       const struct ptn_addr *peer, bool by_port, bool *fresh)
{
    uint32_t row = ptn_relay_permissions_find(&r->permissions, alloc, peer);

    *fresh = row == PTN_RELAY_NONE;
    if (*fresh)
        row = ptn_relay_permissions_add(&r->permissions, &r->allocs, alloc, peer);
    if (row == PTN_RELAY_NONE)
        return row;
    struct ptn_relay_permission *permission = &r->permissions.rows[row];
    permission->by_port = by_port;
    permission->expires = now + PTN_S(r->opts.turn.permission_lifetime_s);
    ptn_relay_timer(r, PTN_RELAY_TIMER_PERMISSION, row, permission->expires);
    return row;
}

enum ptn_relay_verdict ptn_relay_create_permission(struct ptn_relay *r, struct ptn_relay_request *q)
{
    struct ptn_addr peers[PEERS_MAX];
    enum ptn_relay_peer judged[PEERS_MAX];
    uint32_t fresh_rows[PEERS_MAX];
    struct ptn_bytes value;
    struct ptn_stun_out o;
    size_t count = 0, fresh_count = 0, at = 0;
    unsigned code = 0;

    while (code == 0 && ptn_stun_get_next(q->m, PTN_STUN_XOR_PEER_ADDRESS, &at, &value)) {
        code =
            count == PEERS_MAX ? 508 : read_peer(r, q, value, false, &peers[count], &judged[count]);
        count++;
    }
    if (count == 0)
        code = 400;
    for (size_t i = 0; code == 0 && i < count; i++) {
        bool fresh, by_port = judged[i] == PTN_RELAY_PEER_BY_PORT;
        uint32_t row = permit(r, q->now, q->alloc, &peers[i], by_port, &fresh);
        if (row == PTN_RELAY_NONE)
            code = 508;
        else if (fresh)
            fresh_rows[fresh_count++] = row;
    }
    if (code) { /* all or nothing */
        while (fresh_count > 0)
            ptn_relay_end_permission(r, fresh_rows[--fresh_count]);
        return ptn_relay_refuse(r, q, code);
    }
    ptn_relay_begin(q, &o, PTN_STUN_SUCCESS);
    return ptn_relay_finish(r, q, &o, PTN_RELAY_GRANTED);
}

/* 0, or an error code: what the request says, and whether it fits what is bound already. */
static unsigned read_bind(struct ptn_relay *r, const struct ptn_relay_request *q, uint16_t *number,
                          struct ptn_addr *peer, uint32_t *row)
{
    const struct ptn_relay_alloc *a = &r->allocs.rows[q->alloc];
    enum ptn_relay_peer judged;
    struct ptn_bytes value;

    if (a->relays_tcp)
        return 403; /* RFC 6062 §5 */
    if (!ptn_stun_get_u16(q->m, PTN_STUN_CHANNEL_NUMBER, number) ||
        *number < PTN_RELAY_CHANNEL_MIN || *number > PTN_RELAY_CHANNEL_MAX ||
        !ptn_stun_get(q->m, PTN_STUN_XOR_PEER_ADDRESS, &value))
        return 400;
    unsigned code = read_peer(r, q, value, true, peer, &judged);
    if (code == 0 && peer->port == 0)
        code = 400;
    if (code)
        return code;
    *row = ptn_relay_channels_by_number(&r->channels, &r->allocs, &a->client, a->path, *number);
    uint32_t by_peer = ptn_relay_channels_by_peer(&r->channels, q->alloc, peer);
    return *row == by_peer ? 0 : 400;
}

enum ptn_relay_verdict ptn_relay_channel_bind(struct ptn_relay *r, struct ptn_relay_request *q)
{
    uint16_t number;
    struct ptn_addr peer;
    uint32_t row;
    struct ptn_stun_out o;
    bool fresh;

    unsigned code = read_bind(r, q, &number, &peer, &row);
    if (code)
        return ptn_relay_refuse(r, q, code);
    struct ptn_addr ip = ptn_addr_with_port(peer, 0);
    bool by_port = ptn_relay_policy_check(&r->policy, &ip, false) != PTN_RELAY_PEER_ALLOW;
    uint32_t permission = permit(r, q->now, q->alloc, &ip, by_port, &fresh);
    if (permission == PTN_RELAY_NONE)
        return ptn_relay_refuse(r, q, 508);
    if (row == PTN_RELAY_NONE)
        row = ptn_relay_channels_add(&r->channels, &r->allocs, q->alloc,
                                     ptn_relay_socket_of(r, &r->allocs.rows[q->alloc], peer.family),
                                     number, &peer);
    if (row == PTN_RELAY_NONE) {
        if (fresh)
            ptn_relay_end_permission(r, permission);
        return ptn_relay_refuse(r, q, 508);
    }
    r->channels.rows[row].expires = q->now + PTN_S(r->opts.turn.channel_lifetime_s);
    ptn_relay_timer(r, PTN_RELAY_TIMER_CHANNEL, row, r->channels.rows[row].expires);
    ptn_relay_begin(q, &o, PTN_STUN_SUCCESS);
    return ptn_relay_finish(r, q, &o, PTN_RELAY_GRANTED);
}
