/*
 * turn/peers.h - whom an allocation relays for: permissions and channels, asked for and kept.
 *
 * A peer with a port has a channel, which permits him, too; one without has a permission. Both
 * are asked for anew before they end. A peer and his number stay together until the server has
 * surely forgotten them: five minutes after a binding has ended neither may be used with another
 * (RFC 8656 §12).
 */
#ifndef PTN_TURN_PEERS_H
#define PTN_TURN_PEERS_H

#include "base/addr.h"
#include "base/dice.h"
#include "stun/msg.h"
#include "stun/txn.h"

enum {
    PTN_TURN_PEERS_MAX = 8,
    PTN_TURN_CHANNEL_MIN = 0x4000,
    PTN_TURN_CHANNEL_MAX = 0x4fff,
};

struct ptn_turn_peer {
    struct ptn_addr addr; /* none: free */
    bool wanted;
    bool up;             /* the server permits him */
    bool refused;        /* it never will */
    bool bound;          /* by `channel` */
    uint16_t channel;    /* 0: none, or the server does not want to bind one */
    ptn_time due;        /* to be asked for, again */
    ptn_time kept_until; /* the number is his until then */
    struct ptn_stun_txn txn;
    struct ptn_stun_id id;
    bool to_send;
};

struct ptn_turn_peers {
    struct ptn_turn_peer rows[PTN_TURN_PEERS_MAX];
    uint16_t next_channel; /* 0: not drawn yet */
};

enum ptn_turn_peer_step {
    PTN_TURN_PEER_FINE,
    PTN_TURN_PEER_AGAIN,    /* the same with another nonce */
    PTN_TURN_PEER_REFUSES,  /* the server does not relay for him */
    PTN_TURN_PEER_MISMATCH, /* the server knows of no allocation */
};

/* Of an allocation that has just begun: all who are wanted are asked for, from the beginning. */
void ptn_turn_peers_begin(struct ptn_turn_peers *p, ptn_time now);

/* False: no place for him. */
bool ptn_turn_peers_want(struct ptn_turn_peers *p, ptn_time now, const struct ptn_addr *peer,
                         struct ptn_dice *dice);
void ptn_turn_peers_forget(struct ptn_turn_peers *p);

/* The row of exactly this address, or NULL. */
struct ptn_turn_peer *ptn_turn_peers_find(struct ptn_turn_peers *p, const struct ptn_addr *peer);
const struct ptn_turn_peer *ptn_turn_peers_by_channel(const struct ptn_turn_peers *p,
                                                      uint16_t channel);

/* May data from there be ours? A permission is for all ports of an IP address. */
bool ptn_turn_peers_permit(const struct ptn_turn_peers *p, const struct ptn_addr *addr);

/* Begins what is due. Answers true when the server has left a request unanswered. */
bool ptn_turn_peers_tick(struct ptn_turn_peers *p, ptn_time now,
                         const struct ptn_stun_txn_opts *patience, struct ptn_dice *dice);
ptn_time ptn_turn_peers_deadline(const struct ptn_turn_peers *p);

/* The row whose request is to be sent now, or NULL. */
struct ptn_turn_peer *ptn_turn_peers_to_send(struct ptn_turn_peers *p);
uint16_t ptn_turn_peer_method(const struct ptn_turn_peer *row);
void ptn_turn_peer_put(const struct ptn_turn_peer *row, struct ptn_stun_out *o);

/* Whose request that answer is to, or NULL. */
struct ptn_turn_peer *ptn_turn_peers_by_id(struct ptn_turn_peers *p, const struct ptn_stun_id *id);

/* `code` 0: granted. */
enum ptn_turn_peer_step ptn_turn_peer_answered(struct ptn_turn_peer *row, ptn_time now,
                                               unsigned code, struct ptn_dice *dice);

#endif
