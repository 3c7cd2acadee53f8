/*
 * sip/where.h - where a request goes: the places that a host means, and those that have failed.
 *
 * A target is what stands in a URI or a setting; name servers make places of it (search.c), which
 * are kept (names.c) and put in an order that leaves aside who did not answer (failures.c).
 * For this room's files only. RFC 3263, RFC 2782.
 */
#ifndef PTN_SIP_WHERE_H
#define PTN_SIP_WHERE_H

#include "base/effect.h"
#include "sip/libre.h"
#include "sip/sip.h"

enum {
    PTN_SIP_NAMES_MAX = 48,
    PTN_SIP_DESTS_MAX = 8,     /* of a name */
    PTN_SIP_FAILURES_MAX = 32, /* places */
    PTN_SIP_HOST_MAX = 256,    /* with the final zero */
};

/* A host as it stands in a URI or a setting. */
struct ptn_sip_target {
    char host[PTN_SIP_HOST_MAX];
    uint16_t port; /* 0: not said */
    enum ptn_transport transport;
    bool any; /* `transport` is for the name servers to say, if they have a word */
};

/* One of the places that a target means. */
struct ptn_sip_dest {
    enum ptn_transport transport;
    struct ptn_addr addr;
};

struct ptn_sip_dests {
    unsigned count;
    struct ptn_sip_dest list[PTN_SIP_DESTS_MAX];
};

enum ptn_sip_lookup {
    PTN_SIP_KNOWN,
    PTN_SIP_PENDING,
    PTN_SIP_UNKNOWN,
};

struct ptn_sip_search; /* one look-up under way */

/* What it has found. */
struct ptn_sip_result {
    struct ptn_sip_dests dests;         /* in the order of NAPTR and SRV; none: `why` not */
    uint32_t levels[PTN_SIP_DESTS_MAX]; /* equal ones could change places */
    uint32_t ttl_s;                     /* the least met on the way */
    enum ptn_err why;                   /* also: what was not learnt of NAPTR and SRV, and so is
                                           not in `dests` */
};

struct ptn_sip_name {
    struct ptn_sip_target target;  /* host "": free */
    struct ptn_sip_search *search; /* NULL: nothing is asked at the moment */
    bool done;                     /* asked at least once */
    ptn_time expires;              /* of the answer, or of the failure */
    ptn_time answered_at;          /* 0: never */
    enum ptn_err why;              /* the last look-up failed so, at least in part; `dests` are of
                                      it, or of one before */
    struct ptn_sip_dests dests;
    struct ptn_sip_dest proven; /* it has answered, at `proven_at`; 0: none has */
    ptn_time proven_at;
};

/* What a look-up is answered with. */
struct ptn_sip_places {
    struct ptn_sip_dests dests; /* best first; those that have failed come last */
    unsigned good;              /* so many have not failed */
    ptn_time failed_at;         /* none is good: when the first of them failed */
    ptn_time until;             /* when to look again */
    enum ptn_err why;           /* there are none, or they are not fresh, or not all */
};

/* A place that did not answer. */
struct ptn_sip_failure {
    struct ptn_sip_dest dest;
    ptn_time at; /* last */
    enum ptn_err why;
    unsigned times;
    ptn_time wait_until; /* it said so itself (Retry-After); 0: it did not */
};

/* When such a one is asked again. */
struct ptn_sip_rule {
    enum ptn_sip_failback mode;
    ptn_time after; /* AFTER; 0: not while others answer */
    ptn_time since; /* REFRESH: what failed before is forgotten */
};

/* names.c */
enum ptn_sip_lookup ptn_sip_look_up(struct ptn_sip *s, ptn_time now,
                                    const struct ptn_sip_target *target,
                                    const struct ptn_sip_rule *rule, struct ptn_sip_places *out);
void ptn_sip_put_in_order(struct ptn_sip *s, ptn_time now, const struct ptn_sip_rule *rule,
                          ptn_time answered_at, struct ptn_sip_places *p);
/* What is known, without asking; none: nothing. */
struct ptn_sip_dests ptn_sip_names_peek(struct ptn_sip *s, const struct ptn_sip_target *target);
bool ptn_sip_names_input(struct ptn_sip *s, ptn_time now, const struct ptn_tell *tell);
bool ptn_sip_names_ask(const struct ptn_sip *s, ptn_id query);
bool ptn_sip_target_of_uri(struct pl uri, struct ptn_sip_target *out);
/* Asked for anew at the next look-up. */
void ptn_sip_doubt_name(struct ptn_sip *s, ptn_time now, const struct ptn_sip_target *target);
/* The same, if nobody has ever answered where it leads: that may have been a lie. */
void ptn_sip_doubt_unproven(struct ptn_sip *s, ptn_time now, const struct ptn_sip_target *target);
/* A server has answered there. */
void ptn_sip_names_prove(struct ptn_sip *s, ptn_time now, const struct ptn_sip_dest *dest);
void ptn_sip_names_fini(struct ptn_sip *s);

/* search.c: for free(); NULL: no memory. Perhaps it is done already. */
struct ptn_sip_search *ptn_sip_search_new(struct ptn_sip *s, const struct ptn_sip_target *target);
/* False: not one of its questions. */
bool ptn_sip_search_input(struct ptn_sip *s, struct ptn_sip_search *h, const struct ptn_tell *tell);
bool ptn_sip_search_asks(const struct ptn_sip_search *h, ptn_id query);
bool ptn_sip_search_done(const struct ptn_sip_search *h);
void ptn_sip_search_result(const struct ptn_sip_search *h, struct ptn_sip_result *out);
uint16_t ptn_sip_default_port(enum ptn_transport transport);

/* failures.c; `wait`: so long it does not want to be asked, 0: it said nothing */
void ptn_sip_dest_fails(struct ptn_sip *s, ptn_time now, const struct ptn_sip_dest *dest,
                        enum ptn_err why, ptn_time wait);
void ptn_sip_dest_works(struct ptn_sip *s, const struct ptn_sip_dest *dest);
bool ptn_sip_same_dest(const struct ptn_sip_dest *a, const struct ptn_sip_dest *b);
/* NULL: it has not failed. */
const struct ptn_sip_failure *ptn_sip_dest_failure(const struct ptn_sip *s,
                                                   const struct ptn_sip_dest *dest);
/* 0: it is as good as any. `rule` NULL: soon; `answered_at`: when its name was looked up, 0: it is
 * an address. */
ptn_time ptn_sip_dest_shunned_until(struct ptn_sip *s, ptn_time now,
                                    const struct ptn_sip_dest *dest,
                                    const struct ptn_sip_rule *rule, ptn_time answered_at);

#endif
