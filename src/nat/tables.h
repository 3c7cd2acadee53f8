/*
 * nat/tables.h - what a NAT remembers: inside hosts, mappings, sessions.
 *
 *     host 192.168.1.10 <-- mapping 192.168.1.10:5060 = 203.0.113.10:5060 <-- session with bob:5060
 *                                                                        <-- session with
 * carol:5060
 *
 * Private to the room. Rows are counted upwards from below: a session holds its
 * mapping, a mapping its host; what nobody holds is gone at once. The rules of
 * the RFCs are in nat.c.
 */
#ifndef PTN_NAT_TABLES_H
#define PTN_NAT_TABLES_H

#include "base/hash.h"
#include "base/heap.h"
#include "nat/nat.h"

enum ptn_nat_tcp_state { PTN_NAT_TCP_OPENING, PTN_NAT_TCP_ESTABLISHED, PTN_NAT_TCP_CLOSING };

struct ptn_nat_host {
    struct ptn_addr addr;    /* port 0 */
    struct ptn_addr outside; /* its paired outside address; none until first needed */
    uint32_t mappings;       /* 0: an unused row, linked by `free` */
    uint32_t free;
};

struct ptn_nat_mapping {
    enum ptn_nat_proto proto;
    struct ptn_addr inside, outside;
    struct ptn_addr far; /* as much of the far end as the NAT sees when it maps */
    uint32_t host;
    uint32_t sessions; /* 0: an unused row, linked by `free` */
    uint32_t free;
};

struct ptn_nat_session {
    bool used;
    uint32_t mapping;
    struct ptn_addr far;
    enum ptn_nat_tcp_state tcp;
    bool spoke_inside, spoke_outside, fin_inside, fin_outside;
    uint32_t free;
};

/* Unused rows: those given back, as a chain of row + 1, then those never touched. */
struct ptn_nat_rows {
    uint32_t given_back, touched, max, used;
};

struct ptn_nat_tables {
    struct ptn_nat_host *hosts;
    struct ptn_nat_mapping *mappings;
    struct ptn_nat_session *sessions;
    struct ptn_nat_rows host_rows, mapping_rows, session_rows;
    struct ptn_hash by_addr;    /* hosts */
    struct ptn_hash by_inside;  /* mappings: proto, inside, far */
    struct ptn_hash by_outside; /* mappings: proto, outside */
    struct ptn_hash by_far;     /* sessions: mapping, address of far */
    struct ptn_heap deadlines;  /* of sessions */
    uint32_t salt;
};

enum ptn_err ptn_nat_tables_init(struct ptn_nat_tables *t, uint32_t mappings_max,
                                 uint32_t sessions_max, uint32_t salt);
void ptn_nat_tables_fini(struct ptn_nat_tables *t);
void ptn_nat_tables_clear(struct ptn_nat_tables *t);

/* NULL when there is none. */
struct ptn_nat_host *ptn_nat_find_host(struct ptn_nat_tables *t, const struct ptn_addr *inside);
struct ptn_nat_mapping *ptn_nat_find_inside(struct ptn_nat_tables *t, enum ptn_nat_proto proto,
                                            const struct ptn_addr *inside,
                                            const struct ptn_addr *far);
struct ptn_nat_mapping *ptn_nat_find_outside(struct ptn_nat_tables *t, enum ptn_nat_proto proto,
                                             const struct ptn_addr *outside);
/* With this very far end, or, if `port_matters` is false, with any port of its address. */
struct ptn_nat_session *ptn_nat_find_session(struct ptn_nat_tables *t,
                                             const struct ptn_nat_mapping *m,
                                             const struct ptn_addr *far, bool port_matters);

/* A mapping together with its first session, so that none is ever without. NULL when a table is
 * full. The session has no deadline yet. */
struct ptn_nat_session *ptn_nat_add_mapping(struct ptn_nat_tables *t,
                                            const struct ptn_nat_mapping *like,
                                            const struct ptn_addr *far);
struct ptn_nat_session *ptn_nat_add_session(struct ptn_nat_tables *t, struct ptn_nat_mapping *m,
                                            const struct ptn_addr *far);
void ptn_nat_remove_session(struct ptn_nat_tables *t, struct ptn_nat_session *s);

#endif
