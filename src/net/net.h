/*
 * net/net.h - an internet in memory.
 *
 * Built from a scenario. Hosts hand in the IP packets they send and are handed
 * those that reach them; everything between (wires, routers, NATs, firewalls,
 * the name server) is in here, with its delays and losses drawn from the seed.
 * The same scenario, seed, packets and times give the same run, bit by bit.
 *
 * A host is its index in the scenario. There is no ARP: a packet enters by the
 * wire of its source address, and each wire knows who is on it.
 */
#ifndef PTN_NET_NET_H
#define PTN_NET_NET_H

#include "base/bytes.h"
#include "net/scenario.h"

struct ptn_net_opts {
    const struct ptn_scenario *scenario; /* borrowed until ptn_net_free() */
    uint64_t seed;
    ptn_time start;       /* the scenario's 0 s */
    uint32_t packets_max; /* under way at once, at least 16; 0: 4096 */
    bool whole_packets;   /* puts fragments together before they are delivered to hosts */
};

enum ptn_net_output_kind {
    PTN_NET_DELIVER, /* to: host */
    PTN_NET_TAP,     /* a packet set out on a tapped wire */
};

struct ptn_net_output {
    enum ptn_net_output_kind kind;
    unsigned host; /* DELIVER */
    unsigned wire; /* TAP */
    ptn_time at;
    struct ptn_bytes packet; /* borrowed until the next call with this net */
};

/* Something of the scenario has happened. A host whose addresses changed has new ones in
 * ptn_net_host(). */
struct ptn_net_event {
    ptn_time at;
    const struct ptn_scenario_event *what;
};

/* What became of packets; each is counted once, at its end. */
enum ptn_net_verdict {
    PTN_NET_DELIVERED,
    PTN_NET_MALFORMED,  /* not an IP packet, or a bad checksum at a box */
    PTN_NET_BAD_SOURCE, /* a host sent with an address that is not its own */
    PTN_NET_NO_ROUTE,   /* nobody has this address */
    PTN_NET_LOST,       /* by the wire's loss */
    PTN_NET_QUEUE_FULL, /* by the wire's rate */
    PTN_NET_WIRE_DOWN,
    PTN_NET_TTL,            /* too many hops */
    PTN_NET_TOO_BIG,        /* for the next wire, and not to be fragmented */
    PTN_NET_FRAGMENT,       /* by a box that drops them, or never completed */
    PTN_NET_DROPPED_BY_BOX, /* a NAT's or firewall's verdict; see ptn_net_box_count() */
    PTN_NET_OVERLOAD,       /* packets_max */
    PTN_NET_TO_BOX,         /* for a box itself or a name server */
    PTN_NET_VERDICTS,
};

struct ptn_net;

enum ptn_err ptn_net_new(struct ptn_net **out, const struct ptn_net_opts *opts);
void ptn_net_free(struct ptn_net *n);

/* A packet sent by `host`, whole and with right checksums, up to 65,535 bytes: what is larger than
 * the first wire's MTU is fragmented as the host's kernel would, or answered with an ICMP error. */
void ptn_net_input(struct ptn_net *n, ptn_time now, unsigned host, struct ptn_bytes packet);

/* Moves everything that is due. */
void ptn_net_tick(struct ptn_net *n, ptn_time now);

/* The next delivery or tap, in order of time; false when there is none. */
bool ptn_net_output(struct ptn_net *n, struct ptn_net_output *out);

/* The next event of the scenario that has come to pass; false when there is none. */
bool ptn_net_event(struct ptn_net *n, struct ptn_net_event *ev);

ptn_time ptn_net_deadline(const struct ptn_net *n);

/* From now on every packet that sets out on this wire is also an output. */
void ptn_net_tap(struct ptn_net *n, unsigned wire, bool on);

/* Makes an event of the scenario (or of ptn_scenario_event()) happen now, whatever its time. */
void ptn_net_apply(struct ptn_net *n, ptn_time now, const struct ptn_scenario_event *what);

/* A host with its present addresses. */
const struct ptn_scenario_host *ptn_net_host(const struct ptn_net *n, unsigned host);

uint64_t ptn_net_count(const struct ptn_net *n, enum ptn_net_verdict verdict);
uint64_t ptn_net_box_count(const struct ptn_net *n, unsigned box, enum ptn_nat_verdict verdict);

/* A few lower-case words: "lost on a wire". */
const char *ptn_net_verdict_text(enum ptn_net_verdict verdict);

#endif
