/*
 * ua/relays.h - the phone's allocations at TURN servers: their names, the ways to them, who has
 * been lent one, and those that are being given back.
 *
 * A client is lent to one media socket (flow/flow.h), which drives it. Given back it is driven
 * here until its server has heard so, and its socket is closed only then. The way that led
 * to an allocation last is tried first for the next one.
 */
#ifndef PTN_UA_RELAYS_H
#define PTN_UA_RELAYS_H

#include "base/log.h"
#include "flow/anchor.h"
#include "turn/turn.h"
#include "ua/servers.h"

enum { PTN_RELAYS_SERVERS_MAX = 2 };

enum ptn_relays_by {
    PTN_RELAYS_BY_ANY, /* UDP, then TCP, then TLS */
    PTN_RELAYS_BY_UDP,
    PTN_RELAYS_BY_TCP,
    PTN_RELAYS_BY_TLS,
};

/* Texts are borrowed for as long as the relays live. */
struct ptn_relays_opts {
    struct ptn_relays_server {
        const char *name;
        uint16_t port, tls_port;
    } servers[PTN_RELAYS_SERVERS_MAX]; /* the better one first */
    unsigned server_count;
    struct ptn_turn_user user;
    enum ptn_relays_by by;
    unsigned types;  /* PTN_DNS_A, PTN_DNS_AAAA or both */
    unsigned count;  /* clients at once */
    ptn_id names_id; /* of PTN_RELAYS_SERVERS_MAX queries */
    ptn_id conns_id; /* of `count` connections */
    uint8_t dscp;
    struct ptn_dice dice;
    const struct ptn_log *log;
};

struct ptn_relays {
    struct ptn_relays_opts opts;
    struct ptn_dice dice;
    struct ptn_crypto *crypto;
    struct ptn_servers names;
    struct ptn_turn_way good; /* led to an allocation last; server none: none has yet */
    struct ptn_turn_event
        wrongs[PTN_TURN_WAYS_MAX]; /* why ways have failed, since one stood last */
    unsigned wrong_count;
    uint64_t begun, lost; /* allocations ever */
    struct ptn_relays_slot {
        bool lent, leaving;
        ptn_id socket; /* LEAVING: to be closed after it; 0: none */
        struct ptn_turn turn;
    } slots[];
};

/* NULL: no memory, or a name that is too long. */
struct ptn_relays *ptn_relays_new(const struct ptn_relays_opts *opts);
void ptn_relays_free(struct ptn_relays *r);

/* A client that has begun to ask; NULL while no server's address of that family is known, or when
 * all are lent. */
struct ptn_turn *ptn_relays_lend(struct ptn_relays *r, ptn_time now, ptn_id socket,
                                 const struct ptn_addr *local);

/* Back from the socket. True when that is closed from here, as it is needed until then. */
bool ptn_relays_take_back(struct ptn_relays *r, ptn_time now, struct ptn_turn *turn, ptn_id socket);

/* Takes what a client that is lent has to tell. */
void ptn_relays_hear(struct ptn_relays *r, ptn_time now, struct ptn_turn *turn);

/* Whose connection that is; NULL: nobody's. */
struct ptn_turn *ptn_relays_of_connection(struct ptn_relays *r, ptn_id id);

/* Is it a query of ours, a connection, or a socket that is ours to close? Of a client that is lent
 * the connection is not. */
bool ptn_relays_owns(const struct ptn_relays *r, ptn_id id);

/* True when asked() may have changed. */
bool ptn_relays_input(struct ptn_relays *r, ptn_time now, const struct ptn_tell *tell);
void ptn_relays_tick(struct ptn_relays *r, ptn_time now);
bool ptn_relays_output(struct ptn_relays *r, ptn_time now, struct ptn_ask *ask);
ptn_time ptn_relays_deadline(const struct ptn_relays *r);

/* Adds the servers that UDP leads to: they answer Binding requests, too. */
void ptn_relays_add_to(const struct ptn_relays *r, struct ptn_anchor_servers *servers);

/* Nothing is being given back. */
bool ptn_relays_idle(const struct ptn_relays *r);

/* The failure that says most, of those since an allocation stood last; NULL: there was none. */
const struct ptn_turn_event *ptn_relays_wrong(const struct ptn_relays *r);

/* How many allocations stand. */
unsigned ptn_relays_standing(const struct ptn_relays *r);

#endif
