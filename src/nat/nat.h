/*
 * nat/nat.h - a NAT, or a firewall that only remembers who spoke first.
 *
 * Sees ends and flags, never bytes: its owner parses a packet, asks which ends
 * it gets, and rewrites it. Two tables of fixed size: mappings (an inside end
 * and the outside end it has been lent) and sessions (a mapping and one far
 * end it has spoken with). A mapping lives as long as its last session.
 *
 * RFC 4787 (UDP), RFC 5382 (TCP), RFC 5508 (ICMP), RFC 7857.
 */
#ifndef PTN_NAT_NAT_H
#define PTN_NAT_NAT_H

#include "base/addr.h"
#include "base/dice.h"
#include "base/err.h"
#include "base/time.h"

/* What the NAT sees of the far end: when it maps (RFC 4787 §4.1) and when it filters (§5). */
enum ptn_nat_sees {
    PTN_NAT_SEES_NOTHING, /* endpoint-independent */
    PTN_NAT_SEES_ADDR,    /* address-dependent */
    PTN_NAT_SEES_PORT,    /* address- and port-dependent */
};

enum ptn_nat_ports {
    PTN_NAT_PORTS_PRESERVE,   /* the inside port if it is free, else like RANDOM */
    PTN_NAT_PORTS_SEQUENTIAL, /* the last one given plus port_step */
    PTN_NAT_PORTS_RANDOM,
};

enum ptn_nat_pooling {
    PTN_NAT_PAIRED, /* all mappings of an inside address have one outside address */
    PTN_NAT_ARBITRARY,
};

/* A packet from the inside to one of our own outside ends (RFC 4787 §6). */
enum ptn_nat_hairpin {
    PTN_NAT_HAIRPIN_OFF,
    PTN_NAT_HAIRPIN_INTERNAL, /* turned round with its inside source: answers go astray */
    PTN_NAT_HAIRPIN_EXTERNAL, /* turned round with its mapped source, as REQ-9 wants */
};

enum ptn_nat_proto {
    PTN_NAT_UDP,
    PTN_NAT_TCP,
    PTN_NAT_ICMP, /* queries; an end's port is the query's identifier */
    PTN_NAT_PROTOS,
};

enum { PTN_NAT_POOL_MAX = 8 };

struct ptn_nat_opts {
    bool translates; /* false: a firewall; mapping, ports, pool and hairpin do not matter */
    enum ptn_nat_sees mapping, filtering;
    enum ptn_nat_ports ports;
    enum ptn_nat_pooling pooling;
    enum ptn_nat_hairpin hairpin;
    bool keep_parity;                       /* even stays even, odd odd (RFC 4787 §4.2.2) */
    unsigned port_step;                     /* SEQUENTIAL; at least 1 */
    uint16_t port_min, port_max;            /* the outside ports to lend, both included */
    struct ptn_addr pool[PTN_NAT_POOL_MAX]; /* outside addresses, port 0 */
    unsigned pool_count;
    bool blocks[PTN_NAT_PROTOS]; /* drops all of this protocol, both ways */
    bool refresh_inbound;        /* a packet from outside keeps a session alive as well */
    ptn_time udp_timeout;
    ptn_time tcp_opening_timeout, tcp_established_timeout, tcp_closing_timeout;
    ptn_time icmp_timeout;
    uint32_t mappings_max, sessions_max;
    uint32_t host_mappings_max; /* per inside address; 0: no limit of its own */
};

/* What RFC 4787, 5382 and 5508 ask for, as a home router: independent mapping, filtering by
 * address and port, ports preserved, UDP 120 s. The pool is empty. */
extern const struct ptn_nat_opts PTN_NAT_HOME;

enum ptn_nat_verdict {
    PTN_NAT_PASS,       /* to the other side, with the new ends */
    PTN_NAT_TURN_ROUND, /* hairpin: back inside, with the new ends */
    PTN_NAT_FILTERED,   /* there is a mapping, but this far end may not use it */
    PTN_NAT_NO_MAPPING, /* from outside to an end that is not lent */
    PTN_NAT_NO_PORT,    /* all outside ports of this protocol are lent */
    PTN_NAT_FULL,       /* a table, or the inside address's share of it */
    PTN_NAT_BLOCKED,    /* the protocol is not let through at all */
    PTN_NAT_NO_HAIRPIN,
    PTN_NAT_VERDICTS,
};

/* A packet's ends, rewritten in place by a verdict of PASS or TURN_ROUND; otherwise left alone. */
struct ptn_nat_packet {
    enum ptn_nat_proto proto; /* of an ICMP error: of the packet it quotes */
    unsigned tcp_flags;       /* FIN 1, SYN 2, RST 4, ACK 16, as in the TCP header */
    struct ptn_addr from, to; /* of an ICMP error: without ports */
    bool is_error;
    struct ptn_addr quoted_from, quoted_to;
};

struct ptn_nat;

/* Allocates everything it will ever need. Copies `opts` and splits `dice`. */
enum ptn_err ptn_nat_new(struct ptn_nat **out, const struct ptn_nat_opts *opts,
                         struct ptn_dice *dice);
void ptn_nat_free(struct ptn_nat *n);

/* A packet from the inside, towards anywhere but the inside. */
enum ptn_nat_verdict ptn_nat_outbound(struct ptn_nat *n, ptn_time now, struct ptn_nat_packet *p);

/* A packet from the outside. */
enum ptn_nat_verdict ptn_nat_inbound(struct ptn_nat *n, ptn_time now, struct ptn_nat_packet *p);

/* Forgets what is due. Lookups never use what is overdue, so a late tick changes no verdict. */
void ptn_nat_tick(struct ptn_nat *n, ptn_time now);
ptn_time ptn_nat_deadline(const struct ptn_nat *n);

/* Power off and on: all mappings and sessions are lost. */
void ptn_nat_reboot(struct ptn_nat *n);

/* New outside addresses; mappings on addresses that are gone are lost with them. */
void ptn_nat_set_pool(struct ptn_nat *n, const struct ptn_addr *pool, unsigned count);

const struct ptn_nat_opts *ptn_nat_opts(const struct ptn_nat *n);
uint64_t ptn_nat_count(const struct ptn_nat *n, enum ptn_nat_verdict verdict);
uint32_t ptn_nat_mappings(const struct ptn_nat *n);
uint32_t ptn_nat_sessions(const struct ptn_nat *n);

/* One or two lower-case words: "no mapping". */
const char *ptn_nat_verdict_text(enum ptn_nat_verdict verdict);

#endif
