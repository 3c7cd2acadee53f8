/*
 * turn/peers.c - a few rows, each with a transaction of its own.
 *
 * Each peer is asked for alone, though one CreatePermission could name several: the server
 * grants all of a request or nothing, and a private address in somebody's SDP must not keep out
 * the public one beside it.
 */
#include "turn/peers.h"

/* A permission lasts 300 s, a channel 600 s; binding a channel renews both. */
#define RENEW PTN_S(240)
#define CHANNEL_LIFE PTN_S(600)
#define CHANNEL_REST PTN_S(300)
#define ASK_AGAIN PTN_S(1)

static bool used(const struct ptn_turn_peer *row)
{
    return !ptn_addr_is_none(&row->addr);
}

static bool asking(const struct ptn_turn_peer *row)
{
    return row->to_send || ptn_stun_txn_deadline(&row->txn) != PTN_NEVER;
}

static void rest(struct ptn_turn_peer *row, ptn_time now)
{
    ptn_stun_txn_stop(&row->txn, now, NULL);
    row->to_send = false;
}

void ptn_turn_peers_begin(struct ptn_turn_peers *p, ptn_time now)
{
    for (unsigned i = 0; i < PTN_TURN_PEERS_MAX; i++) {
        struct ptn_turn_peer *row = &p->rows[i];
        uint16_t channel = row->channel;
        if (!used(row))
            continue;
        if (!row->wanted) {
            *row = (struct ptn_turn_peer){.due = PTN_NEVER, .txn.due = PTN_NEVER};
            continue;
        }
        *row = (struct ptn_turn_peer){.addr = row->addr, .wanted = true, .due = now};
        row->txn.due = PTN_NEVER;
        row->channel = channel;
    }
}

struct ptn_turn_peer *ptn_turn_peers_find(struct ptn_turn_peers *p, const struct ptn_addr *peer)
{
    for (unsigned i = 0; i < PTN_TURN_PEERS_MAX; i++)
        if (used(&p->rows[i]) && ptn_addr_equal(&p->rows[i].addr, peer))
            return &p->rows[i];
    return NULL;
}

const struct ptn_turn_peer *ptn_turn_peers_by_channel(const struct ptn_turn_peers *p,
                                                      uint16_t channel)
{
    for (unsigned i = 0; i < PTN_TURN_PEERS_MAX; i++)
        if (used(&p->rows[i]) && p->rows[i].channel == channel && channel != 0)
            return &p->rows[i];
    return NULL;
}

bool ptn_turn_peers_permit(const struct ptn_turn_peers *p, const struct ptn_addr *addr)
{
    for (unsigned i = 0; i < PTN_TURN_PEERS_MAX; i++)
        if (used(&p->rows[i]) && p->rows[i].wanted && !p->rows[i].refused &&
            ptn_addr_same_ip(&p->rows[i].addr, addr))
            return true;
    return false;
}

/* Numbers go round from a random one, so that what a server remembers of the last allocation at
 * this socket is not met again. */
static uint16_t new_channel(struct ptn_turn_peers *p, struct ptn_dice *dice)
{
    enum { COUNT = PTN_TURN_CHANNEL_MAX - PTN_TURN_CHANNEL_MIN + 1 };

    if (p->next_channel == 0)
        p->next_channel = (uint16_t)(PTN_TURN_CHANNEL_MIN + ptn_dice_below(dice, COUNT));
    do {
        p->next_channel = p->next_channel == PTN_TURN_CHANNEL_MAX ? PTN_TURN_CHANNEL_MIN
                                                                  : (uint16_t)(p->next_channel + 1);
    } while (ptn_turn_peers_by_channel(p, p->next_channel));
    return p->next_channel;
}

/* A free row, else one that nobody wants any more: the one that the server forgets first. */
static struct ptn_turn_peer *place(struct ptn_turn_peers *p)
{
    struct ptn_turn_peer *best = NULL;

    for (unsigned i = 0; i < PTN_TURN_PEERS_MAX; i++) {
        struct ptn_turn_peer *row = &p->rows[i];
        if (!used(row))
            return row;
        if (!row->wanted && (!best || row->kept_until < best->kept_until))
            best = row;
    }
    return best;
}

bool ptn_turn_peers_want(struct ptn_turn_peers *p, ptn_time now, const struct ptn_addr *peer,
                         struct ptn_dice *dice)
{
    struct ptn_turn_peer *row = ptn_turn_peers_find(p, peer);

    if (row && row->wanted)
        return true;
    if (!row) {
        row = place(p);
        if (!row)
            return false;
        *row = (struct ptn_turn_peer){.txn.due = PTN_NEVER};
        if (peer->port != 0)
            row->channel = new_channel(p, dice);
        row->addr = *peer;
    }
    row->wanted = true;
    row->refused = false;
    if (!asking(row))
        row->due = now;
    return true;
}

void ptn_turn_peers_forget(struct ptn_turn_peers *p)
{
    for (unsigned i = 0; i < PTN_TURN_PEERS_MAX; i++) {
        struct ptn_turn_peer *row = &p->rows[i];
        row->wanted = row->up = row->to_send = false;
        row->due = row->txn.due = PTN_NEVER;
    }
}

bool ptn_turn_peers_tick(struct ptn_turn_peers *p, ptn_time now,
                         const struct ptn_stun_txn_opts *patience, struct ptn_dice *dice)
{
    bool silent = false;

    for (unsigned i = 0; i < PTN_TURN_PEERS_MAX; i++) {
        struct ptn_turn_peer *row = &p->rows[i];
        if (!used(row) || !row->wanted)
            continue;
        if (now >= row->due) {
            row->due = PTN_NEVER;
            row->id = ptn_stun_id_new(dice, PTN_STUN_MODERN);
            ptn_stun_txn_start(&row->txn, now, patience);
        }
        switch (ptn_stun_txn_tick(&row->txn, now)) {
        case PTN_STUN_TXN_SEND: row->to_send = true; break;
        case PTN_STUN_TXN_GIVE_UP:
            row->due = now + ASK_AGAIN;
            silent = true;
            break;
        case PTN_STUN_TXN_WAIT: break;
        }
    }
    return silent;
}

ptn_time ptn_turn_peers_deadline(const struct ptn_turn_peers *p)
{
    ptn_time due = PTN_NEVER;

    for (unsigned i = 0; i < PTN_TURN_PEERS_MAX; i++)
        if (used(&p->rows[i]) && p->rows[i].wanted)
            due = ptn_time_min(
                due, ptn_time_min(p->rows[i].due, ptn_stun_txn_deadline(&p->rows[i].txn)));
    return due;
}

struct ptn_turn_peer *ptn_turn_peers_to_send(struct ptn_turn_peers *p)
{
    for (unsigned i = 0; i < PTN_TURN_PEERS_MAX; i++)
        if (p->rows[i].to_send)
            return &p->rows[i];
    return NULL;
}

uint16_t ptn_turn_peer_method(const struct ptn_turn_peer *row)
{
    return row->channel ? PTN_STUN_CHANNEL_BIND : PTN_STUN_CREATE_PERMISSION;
}

void ptn_turn_peer_put(const struct ptn_turn_peer *row, struct ptn_stun_out *o)
{
    if (row->channel)
        ptn_stun_put_u16(o, PTN_STUN_CHANNEL_NUMBER, row->channel);
    ptn_stun_put_addr(o, PTN_STUN_XOR_PEER_ADDRESS, &row->addr);
}

struct ptn_turn_peer *ptn_turn_peers_by_id(struct ptn_turn_peers *p, const struct ptn_stun_id *id)
{
    for (unsigned i = 0; i < PTN_TURN_PEERS_MAX; i++)
        if (used(&p->rows[i]) && asking(&p->rows[i]) && ptn_stun_id_equal(&p->rows[i].id, id))
            return &p->rows[i];
    return NULL;
}

/* Phones whose power came back together should not stay together. */
static ptn_time jittered(ptn_time span, struct ptn_dice *dice)
{
    return span - (ptn_time)(ptn_dice_unit(dice) * 0.2 * (double)span);
}

enum ptn_turn_peer_step ptn_turn_peer_answered(struct ptn_turn_peer *row, ptn_time now,
                                               unsigned code, struct ptn_dice *dice)
{
    rest(row, now);
    switch (code) {
    case 0:
        row->up = true;
        row->bound = row->channel != 0;
        if (row->bound)
            row->kept_until = now + CHANNEL_LIFE + CHANNEL_REST;
        row->due = now + jittered(RENEW, dice);
        return PTN_TURN_PEER_FINE;
    case 401:
    case 438: row->due = now; return PTN_TURN_PEER_AGAIN;
    case 437: row->up = row->bound = false; return PTN_TURN_PEER_MISMATCH;
    case 400:
    case 486:
    case 508:
        /* It has bound him or the number otherwise, or has no room for channels: without one. */
        if (row->channel) {
            row->channel = 0;
            row->bound = false;
            row->due = now;
            return PTN_TURN_PEER_FINE;
        }
        break;
    default: break;
    }
    row->up = row->bound = false;
    row->refused = true;
    row->due = PTN_NEVER;
    return PTN_TURN_PEER_REFUSES;
}
