/*
 * ua/pool.h - pairs of RTP and RTCP sockets, some kept ready.
 *
 * A call that is dialled or answered takes a pair whose mapped addresses are known
 * already, so it waits for nobody. Behind it another pair is opened for the next
 * call. A pair serves one call: late packets of the last one find a closed port.
 *
 * Where the mapped addresses would not be reached, the two sockets are lent TURN clients (relays.h)
 * as soon as that is known, and so a pair in the pool has its relayed addresses ready, too.
 */
#ifndef PTN_UA_POOL_H
#define PTN_UA_POOL_H

#include "flow/flow.h"
#include "ua/relays.h"

enum { PTN_POOL_PAIRS_MAX = 80, PTN_POOL_LOCALS_MAX = 8 };

enum ptn_pair_state {
    PTN_PAIR_FREE,
    PTN_PAIR_OPENING,
    PTN_PAIR_OPEN,
    PTN_PAIR_FAILED, /* no port to be had; whoever has taken it drops it */
};

struct ptn_pair {
    enum ptn_pair_state state;
    bool taken;
    unsigned local;
    uint16_t port;        /* of RTP; RTCP has the next one */
    unsigned tries;       /* ports that were in use */
    struct ptn_pair_end { /* 0: RTP, 1: RTCP */
        ptn_id id;        /* 0: failed */
        ptn_id close_id;  /* to be closed; 0: none */
        bool ask_open, open;
        struct ptn_flow flow;
    } ends[2];
};

struct ptn_pool_opts {
    struct ptn_reach_opts locals[PTN_POOL_LOCALS_MAX]; /* port ignored */
    unsigned local_count;
    uint16_t port_min, port_max; /* with room for at least one pair */
    unsigned warm;               /* pairs ready for each local address in use */
    ptn_id id_first;             /* sockets take ids from here upwards */
    ptn_id id_count;
    uint8_t dscp;
    enum ptn_latch_mode latch;
    struct ptn_stun_binding_opts binding;
    struct ptn_relays *relays; /* NULL: there are none */
    bool relays_all; /* all pairs are lent clients: with ICE a relayed address is of use though
                      * the mapped one would be reached, for who can tell by whom */
    struct ptn_dice dice;
};

struct ptn_pool {
    struct ptn_pool_opts opts;
    struct ptn_anchor_servers servers;
    bool servers_pending; /* some STUN server's address is still to come */
    enum ptn_reach_nat nat;
    struct ptn_pool_local {
        bool used;
        uint16_t next_port;
        struct ptn_reach_sight signal; /* none when seen.family is none */
    } locals[PTN_POOL_LOCALS_MAX];
    ptn_id next_id;
    unsigned pair_count; /* pairs from here on were never used: their memory is not there yet */
    struct ptn_pair pairs[PTN_POOL_PAIRS_MAX];
};

void ptn_pool_init(struct ptn_pool *p, const struct ptn_pool_opts *opts);

/* From now on pairs are kept ready at this local address. */
void ptn_pool_use(struct ptn_pool *p, ptn_time now, unsigned local);

/* What all pairs, now and later, should know. */
void ptn_pool_ask_servers(struct ptn_pool *p, ptn_time now,
                          const struct ptn_anchor_servers *servers);
void ptn_pool_see_pending(struct ptn_pool *p, bool servers_pending);
void ptn_pool_see_nat(struct ptn_pool *p, enum ptn_reach_nat nat);
void ptn_pool_see_signal(struct ptn_pool *p, ptn_time now, unsigned local,
                         const struct ptn_reach_sight *sight);

/* The mappings of all pairs at this address may be others. */
void ptn_pool_doubt(struct ptn_pool *p, ptn_time now, unsigned local);

/* The readiest pair at this address, opening one if there is none; NULL when the table is full. It
 * may still be OPENING, and end FAILED. */
struct ptn_pair *ptn_pool_take(struct ptn_pool *p, ptn_time now, unsigned local);

/* The local address is another now: pairs that nobody has taken go, those taken open new sockets
 * there and keep what they know of their far ends. Their state is OPENING meanwhile. */
void ptn_pool_move(struct ptn_pool *p, ptn_time now, unsigned local, const struct ptn_addr *addr);

/* The same for one pair that is taken: at the address `local`. */
void ptn_pool_rehome(struct ptn_pool *p, ptn_time now, struct ptn_pair *pair, unsigned local);

/* Closes it. */
void ptn_pool_drop(struct ptn_pool *p, ptn_time now, struct ptn_pair *pair);

/* Closes all that nobody has taken, and opens no more. */
void ptn_pool_end(struct ptn_pool *p, ptn_time now);

/* Open, and nothing more to be learnt of its mapped addresses by waiting. */
bool ptn_pair_settled(const struct ptn_pair *pair);

/* The same of its relayed addresses alone: true, too, where it has none and needs none. */
bool ptn_pair_relays_settled(const struct ptn_pair *pair);

bool ptn_pool_owns(const struct ptn_pool *p, ptn_id id);

/* Where a tell belongs: the pair, and which of its ends. NULL for a socket closed meanwhile. */
struct ptn_pair *ptn_pool_find(struct ptn_pool *p, ptn_id id, unsigned *end);

/* The same of a TURN client that is lent. */
struct ptn_pair *ptn_pool_find_turn(struct ptn_pool *p, const struct ptn_turn *turn, unsigned *end);

/* OPENED and FAILED. Datagrams go to the flow of the end that find() told. */
void ptn_pool_input(struct ptn_pool *p, ptn_time now, const struct ptn_tell *tell);
void ptn_pool_tick(struct ptn_pool *p, ptn_time now);
bool ptn_pool_output(struct ptn_pool *p, ptn_time now, struct ptn_ask *ask);
ptn_time ptn_pool_deadline(const struct ptn_pool *p);

#endif
