/*
 * reach/reach.h - under which address can others reach this socket?
 *
 * A value, one for each socket. It is told what was seen of the socket from
 * outside (by a STUN server, by a SIP server in Via's received and rport, at
 * the signalling socket beside it) and answers, for one destination, which
 * address to advertise there and why. It sends nothing and never asks.
 *
 * Contact, Via and SDP ask here and nowhere else, so they agree. No private
 * address is answered for a public destination when anything better is known.
 *
 * An address that was believed once is given up at once the first time, then
 * only after `hold`, and at most `changes_max` times in `changes_per`: a box
 * that lies anew in every answer must not make the phone register anew each time.
 * Who uses all of them up has twice as long to wait for the next ones, to an hour.
 */
#ifndef PTN_REACH_REACH_H
#define PTN_REACH_REACH_H

#include "base/addr.h"
#include "base/time.h"

/* What the account's settings say about NAT traversal. */
enum ptn_reach_policy {
    PTN_REACH_AUTO,   /* whatever is known best */
    PTN_REACH_OFF,    /* the interface address, whatever is known */
    PTN_REACH_STUN,   /* as AUTO; asked for by name */
    PTN_REACH_MANUAL, /* the manual address; as AUTO while none is set */
};

enum ptn_reach_why {
    PTN_REACH_BY_INTERFACE,  /* nothing better is known */
    PTN_REACH_BY_NO_NAT,     /* seen from outside under its own address */
    PTN_REACH_BY_NEIGHBOUR,  /* the peer is on the socket's own network */
    PTN_REACH_BY_ROUTE,      /* the peer is private too, and nobody there sees another address */
    PTN_REACH_BY_DISABLED,   /* PTN_REACH_OFF */
    PTN_REACH_BY_MANUAL,     /* set by hand */
    PTN_REACH_BY_STUN,       /* mapped address from a STUN server */
    PTN_REACH_BY_RPORT,      /* as this very peer sees it */
    PTN_REACH_BY_RPORT_ONLY, /* the same, and the NAT maps per destination: no other may use it */
    PTN_REACH_BY_SAME_HOST,  /* the NAT maps per destination, but a server at the peer's own IP sees
                                this: right where the port does not matter to it */
    PTN_REACH_BY_OTHER_RPORT, /* as another SIP server sees it */
    PTN_REACH_BY_SIGNAL,      /* the signalling's public IP with this socket's own port */
    PTN_REACH_BY_SYMMETRIC,   /* the same, because the NAT maps per destination and nobody near the
                                 peer saw anything: the port is a guess */
    PTN_REACH_BY_RELAY, /* at a TURN server: packets to it come to this socket by way of that */
    PTN_REACH_WHYS,
};

/* What is known of the NAT's mapping (RFC 4787 §4.1). */
enum ptn_reach_nat {
    PTN_REACH_NAT_UNKNOWN,
    PTN_REACH_NAT_NONE,            /* everybody sees the socket's own address */
    PTN_REACH_NAT_SOME,            /* there is one; only one destination told its view */
    PTN_REACH_NAT_SAME_FOR_ALL,    /* endpoint-independent */
    PTN_REACH_NAT_PER_DESTINATION, /* "symmetric" */
};

enum ptn_reach_sight_kind {
    PTN_REACH_SAW_STUN,   /* mapped address of this socket */
    PTN_REACH_SAW_RPORT,  /* Via received and rport of an answer to this socket */
    PTN_REACH_SAW_SIGNAL, /* IP address of the phone in the eyes of a SIP server; its port is
                             ignored */
};

struct ptn_reach_sight {
    enum ptn_reach_sight_kind kind;
    struct ptn_addr server; /* who saw it */
    struct ptn_addr seen;
};

struct ptn_reach_opts {
    struct ptn_addr local;  /* the socket's own address and port */
    unsigned prefix_bits;   /* of the network `local` is on; 0: 24 for IPv4, 64 for IPv6 */
    struct ptn_addr manual; /* none: not set; port 0: the socket's own */
    bool relay_always;      /* the relayed address for everybody, whatever else is known */
    ptn_time hold;
    ptn_time changes_per;
    unsigned changes_max; /* at least 1 */
};

/* 10 s between changes, at most 6 in 10 minutes; the caller sets `local` and `manual`. */
extern const struct ptn_reach_opts PTN_REACH_DEFAULTS;

enum { PTN_REACH_SIGHTS_MAX = 24 };

struct ptn_reach {
    struct ptn_reach_opts opts;
    enum ptn_reach_nat nat;
    bool compared;           /* two servers' words on this socket made the verdict */
    bool unreached;          /* somebody was told its mapped address, and is not heard there */
    bool silent;             /* no STUN server can be asked, or none answers */
    struct ptn_addr relayed; /* none: there is none */
    ptn_time changed_at;     /* what was last seen before this may be outdated */
    struct ptn_reach_slot {
        struct ptn_reach_sight sight; /* believed; none when seen.family is none */
        ptn_time seen_at;
        struct ptn_addr pending; /* seen since, but it is too early to believe it */
        ptn_time pending_at;
        ptn_time hold_until, window_start;
        unsigned changes, windows; /* in this window, which is so many times changes_per long */
    } slots[PTN_REACH_SIGHTS_MAX];
};

struct ptn_reach_ask {
    struct ptn_addr to; /* whom the address is told: SIP's next hop, or the media's far end; none:
                         * not known, so somewhere public */
    enum ptn_reach_policy policy;
    bool no_rport; /* do not use what SIP servers say of this socket's port */
};

struct ptn_reach_answer {
    struct ptn_addr addr;
    enum ptn_reach_why why;
    bool private_to_public; /* the peer will not be able to use it: worth a warning */
};

void ptn_reach_init(struct ptn_reach *r, const struct ptn_reach_opts *opts);

/* The same as see(), for owners who can ask others anew; `doubtful`: that would be worth it. Either
 * the same server saw another address before, or this one is the first to differ from others: it
 * may be the NAT that has changed meanwhile, and what they saw is outdated. */
bool ptn_reach_see_doubting(struct ptn_reach *r, ptn_time now, const struct ptn_reach_sight *sight,
                            bool *doubtful);

/* Takes evidence. Unusable addresses (multicast, loopback seen from elsewhere, port 0 …)
 * are ignored. True when an answer may have changed. */
bool ptn_reach_see(struct ptn_reach *r, ptn_time now, const struct ptn_reach_sight *sight);

/* Takes a verdict reached elsewhere, by discovery or at a socket beside this one. What two servers
 * said of this very socket weighs more, before and after. True when it is news. */
bool ptn_reach_see_nat(struct ptn_reach *r, enum ptn_reach_nat nat);

/* The address that a TURN server holds for this socket; none: it holds none any more. */
void ptn_reach_set_relayed(struct ptn_reach *r, const struct ptn_addr *relayed);

/* Nobody says which address the socket has outside, though the time for that has passed. */
void ptn_reach_see_silence(struct ptn_reach *r, bool silent);

/* Somebody was told the mapped address, and should have been heard here for seconds: both are
 * behind NATs that do not let each other in, whatever is known of ours. */
void ptn_reach_see_unreached(struct ptn_reach *r);

/* Would a public peer not reach any other address than a relayed one? */
bool ptn_reach_needs_relay(const struct ptn_reach *r);

/* Believes what was held back and is due. True when an answer may have changed. */
bool ptn_reach_tick(struct ptn_reach *r, ptn_time now);

/* Has somebody new sights that are not believed, because he had too many? For a warning. */
bool ptn_reach_is_held_back(const struct ptn_reach *r);

/* When to call tick(): PTN_NEVER while nothing is held back. */
ptn_time ptn_reach_deadline(const struct ptn_reach *r);

struct ptn_reach_answer ptn_reach_answer(const struct ptn_reach *r,
                                         const struct ptn_reach_ask *ask);

/* What is known, for status: the sights believed, in no order. False when there are no more; `at`
 * begins at 0 and goes on by itself. */
struct ptn_reach_evidence {
    struct ptn_reach_sight sight;
    ptn_time seen_at;
    struct ptn_addr pending; /* seen since and not believed yet; none: nothing */
    unsigned changes;        /* believed in this window */
};
bool ptn_reach_evidence(const struct ptn_reach *r, unsigned *at, struct ptn_reach_evidence *out);

/* The address a STUN server last saw, for status; NULL when none did. */
const struct ptn_addr *ptn_reach_mapped(const struct ptn_reach *r);

/* Words for a log line or a status page, never NULL. */
const char *ptn_reach_why_text(enum ptn_reach_why why);
const char *ptn_reach_nat_text(enum ptn_reach_nat nat);
const char *ptn_reach_sight_text(enum ptn_reach_sight_kind kind); /* "stun", "rport", "signal" */

#endif
