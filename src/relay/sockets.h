/*
 * relay/sockets.h - relay sockets: a stock of ready ones, those in use, those reserved.
 *
 *     asked for --> ready --> used by an allocation --> closed
 *                     \--> reserved for a token (RFC 8656 §7.2) --> used, or closed after 30 s
 *
 * Ports are drawn at random from the range; one that somebody else has is drawn
 * anew. When many draws in a row have failed, the whole range is gone through with short
 * rests; only when all of it was taken is the stock dry, and looked after less often.
 */
#ifndef PTN_RELAY_SOCKETS_H
#define PTN_RELAY_SOCKETS_H

#include "relay/pool.h"

enum ptn_relay_stock_kind {
    PTN_RELAY_SINGLE,
    PTN_RELAY_PAIR,   /* an even port and the next one; counted and kept by the even one */
    PTN_RELAY_LISTEN, /* TCP */
    PTN_RELAY_STOCK_KINDS,
};

enum ptn_relay_socket_state {
    PTN_RELAY_SOCKET_FREE,
    PTN_RELAY_SOCKET_TO_ASK, /* the odd one of a pair whose even one was asked for */
    PTN_RELAY_SOCKET_ASKED,
    PTN_RELAY_SOCKET_DOOMED, /* asked for, not wanted any more: closed once it is open */
    PTN_RELAY_SOCKET_READY,
    PTN_RELAY_SOCKET_RESERVED,
    PTN_RELAY_SOCKET_USED,
};

struct ptn_relay_socket {
    struct ptn_addr local;
    uint64_t token;   /* RESERVED */
    uint32_t alloc;   /* USED: row of the allocation */
    uint32_t partner; /* of a pair, or NONE */
    uint32_t next;    /* in the list of free or ready ones, or NONE */
    uint8_t state, kind, address;
};

struct ptn_relay_stock {
    uint32_t first; /* ready ones */
    uint32_t ready, asked, wanted;
    uint32_t failures_in_row;
    uint32_t cursor; /* the place to be tried next when draws have failed too often */
    bool dry;        /* the whole range was taken, or nothing can be opened at all */
    ptn_time rest_until;
};

struct ptn_relay_sockets {
    struct ptn_relay_socket *rows;
    uint32_t max, touched, free; /* rows from `touched` on have never been used */
    uint32_t in_use;             /* not free */
    struct ptn_relay_address addresses[PTN_RELAY_ADDRESSES_MAX];
    size_t address_count;
    bool translates; /* one of them is announced by another name */
    uint16_t port_min, port_max;
    struct ptn_relay_stock stock[2][PTN_RELAY_STOCK_KINDS]; /* IPv4, IPv6 */
    uint32_t to_ask;                                        /* row of the odd one, or NONE */
    uint64_t failures;
    bool went_dry; /* one of them; who looks at it clears it */
};

/* OK or NO_MEMORY. */
enum ptn_err ptn_relay_sockets_init(struct ptn_relay_sockets *s, const struct ptn_relay_turn *turn);
void ptn_relay_sockets_fini(struct ptn_relay_sockets *s);

/* The next socket to OPEN or LISTEN for the stock; false: it is full, or rests. */
bool ptn_relay_sockets_ask(struct ptn_relay_sockets *s, ptn_time now, struct ptn_dice *dice,
                           struct ptn_ask *ask);

/* When ask() should be called again, though nothing else happens. */
ptn_time ptn_relay_sockets_deadline(const struct ptn_relay_sockets *s);

/* NULL when `id` is not of a socket that was asked for. */
struct ptn_relay_socket *ptn_relay_sockets_find(const struct ptn_relay_sockets *s, ptn_id id);

/* The world's answer to an ask. Up to two sockets are to be closed: their ids go to `close`. */
size_t ptn_relay_sockets_opened(struct ptn_relay_sockets *s, ptn_id id,
                                const struct ptn_addr *local, ptn_id close[static 2]);
size_t ptn_relay_sockets_failed(struct ptn_relay_sockets *s, ptn_time now, ptn_id id,
                                enum ptn_err why, ptn_id close[static 2]);

/* True when there are, or may be, sockets of this family. */
bool ptn_relay_sockets_serves(const struct ptn_relay_sockets *s, uint8_t family);

/* One out of the stock, USED; NONE when it is empty. Of a pair the even one; the odd one is in
 * `*odd`, RESERVED without a token. */
uint32_t ptn_relay_sockets_take(struct ptn_relay_sockets *s, uint8_t family,
                                enum ptn_relay_stock_kind kind, uint32_t *odd);

/* A RESERVED row goes to the stock of single ones; false, when that is full: it is to be closed. */
bool ptn_relay_sockets_spare(struct ptn_relay_sockets *s, uint32_t row);

/* The token of a RESERVED row, from now on: it begins with the worker's number, and its last 32
 * bits nobody can guess. */
uint64_t ptn_relay_sockets_reserve(struct ptn_relay_sockets *s, uint32_t row, unsigned worker,
                                   struct ptn_dice *dice);

/* True unless this stock is dry: an empty one is so for a moment only. */
bool ptn_relay_sockets_coming(const struct ptn_relay_sockets *s, uint8_t family,
                              enum ptn_relay_stock_kind kind);

/* True when less than half of what is wanted is ready and more may be asked for now. */
bool ptn_relay_sockets_low(const struct ptn_relay_sockets *s, ptn_time now);

/* The one that is reserved under `token`, or NONE. */
uint32_t ptn_relay_sockets_reserved(const struct ptn_relay_sockets *s, uint64_t token);

/* A row for a socket that came from another worker, RESERVED; NONE when all are taken. */
uint32_t ptn_relay_sockets_adopt(struct ptn_relay_sockets *s, const struct ptn_addr *local);

/* Forgets it; the caller sees to the CLOSE. */
void ptn_relay_sockets_remove(struct ptn_relay_sockets *s, uint32_t row);

/* As the world calls it. */
struct ptn_addr ptn_relay_sockets_announced(const struct ptn_relay_sockets *s, uint32_t row);

/*
 * Behind a 1:1 NAT our own relayed addresses have two names, and what is sent to the announced one
 * may never come back to us. `outward` is as clients know it, `inward` as our sockets do; others
 * stay.
 */
struct ptn_addr ptn_relay_sockets_inward(const struct ptn_relay_sockets *s, struct ptn_addr a);
struct ptn_addr ptn_relay_sockets_outward(const struct ptn_relay_sockets *s, struct ptn_addr a);

static inline ptn_id ptn_relay_socket_id(uint32_t row)
{
    return PTN_RELAY_SOCKET_ID + row;
}

#endif
