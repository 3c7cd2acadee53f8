/*
 * ua/servers.h - the STUN servers' names, and the addresses they have now.
 *
 * A name with a port is looked up as a host; one without first as a service
 * (_stun._udp, RFC 8489 §8.1), then as a host with port 3478. Of the hosts of a service
 * the best is used, and when nobody answers there, the next. Looked up again when the answer has
 * grown old, or nobody answers; one that fails is asked again, ever more seldom.
 */
#ifndef PTN_UA_SERVERS_H
#define PTN_UA_SERVERS_H

#include "base/effect.h"
#include "flow/anchor.h"

enum { PTN_SERVERS_MAX = 4, PTN_SERVERS_NAME_MAX = 256 };

struct ptn_servers {
    ptn_id id_first;
    unsigned types; /* PTN_DNS_A, PTN_DNS_AAAA or both */
    unsigned count;
    struct ptn_server {
        char name[PTN_SERVERS_NAME_MAX];
        char asked[PTN_SERVERS_NAME_MAX]; /* the name in the query under way */
        uint16_t port;                    /* of the settings; 0: by SRV */
        uint16_t found_port;
        unsigned targets, turn; /* hosts of the service; how often one was left for the next */
        enum ptn_err why;       /* the last look-up has failed */
        unsigned want_types; /* to be asked next; 0: nothing */
        bool asking;
        bool doubted; /* nobody answers there */
        ptn_time due; /* when to begin anew */
        ptn_time found_at;
        ptn_time wait;
        struct ptn_addr v4, v6;
    } servers[PTN_SERVERS_MAX];
};

/* Queries take ids from `id_first`, one for each server. */
void ptn_servers_init(struct ptn_servers *s, ptn_id id_first, unsigned types);

/* False when the name is too long or there are too many. An address needs no query. */
bool ptn_servers_add(struct ptn_servers *s, const char *name, uint16_t port);

/* RESOLVED and FAILED. True when list() may have changed. */
bool ptn_servers_input(struct ptn_servers *s, ptn_time now, const struct ptn_tell *tell);
void ptn_servers_tick(struct ptn_servers *s, ptn_time now);
bool ptn_servers_output(struct ptn_servers *s, ptn_time now, struct ptn_ask *ask);
ptn_time ptn_servers_deadline(const struct ptn_servers *s);

bool ptn_servers_own(const struct ptn_servers *s, ptn_id id);

/* No server answers: the names that have been known for a while are looked up anew. */
void ptn_servers_doubt(struct ptn_servers *s, ptn_time now);

/* All addresses known now. */
void ptn_servers_list(const struct ptn_servers *s, struct ptn_anchor_servers *out);

/* Is some server's address still to come for the first time? */
bool ptn_servers_pending(const struct ptn_servers *s);

#endif
