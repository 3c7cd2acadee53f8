/*
 * net/state.h - what a running net consists of. Private to the room.
 *
 *     net.c      time: events, packets that are due, what the owner takes out
 *     wire.c     a packet sets out on a wire: loss, delay, queue
 *     route.c    who on this wire takes a packet for that address
 *     box.c      a packet at a router, NAT or firewall
 *     server.c   a packet at the name server
 */
#ifndef PTN_NET_STATE_H
#define PTN_NET_STATE_H

#include "base/dice.h"
#include "base/heap.h"
#include "ip/fragment.h"
#include "ip/ip.h"
#include "net/net.h"

enum { PTN_NET_SLOT_BYTES = 1504 };

enum ptn_net_place_kind {
    PTN_NET_NOBODY,
    PTN_NET_AT_HOST,
    PTN_NET_AT_BOX,
    PTN_NET_AT_NAMESERVER,
};

/* Somebody on a wire. */
struct ptn_net_place {
    enum ptn_net_place_kind kind;
    unsigned index;
    unsigned wire;
    bool outside; /* a box, on its outside wire */
};

/* A packet under way, or one that the owner has yet to take out. */
struct ptn_net_slot {
    enum { PTN_SLOT_ARRIVES, PTN_SLOT_SETS_OUT, PTN_SLOT_DELIVERY, PTN_SLOT_TAP } what;
    struct ptn_net_place place; /* where it arrives, or from where it sets out (wire: onto which) */
    ptn_time at;                /* DELIVERY, TAP */
    uint32_t next;              /* slot + 1, of the unused or of the outputs */
    size_t size;
    uint8_t bytes[PTN_NET_SLOT_BYTES];
};

struct ptn_net_owner {
    struct ptn_addr addr;
    struct ptn_net_place place;
};

struct ptn_net_wire {
    struct ptn_scenario_link link[PTN_WAYS];
    ptn_time busy_until[PTN_WAYS]; /* with a rate */
    ptn_time last_due[PTN_WAYS];
    bool down, tapped;
};

/* From a wire towards another one of the same realm (joined by routers, not by NATs). */
struct ptn_net_way {
    uint16_t hops; /* UINT16_MAX: not in this realm */
    uint16_t box;
};

struct ptn_net_routes {
    struct ptn_net_way *ways; /* [from * wire_count + to] */
    int *way_out;             /* of each wire: the wire whose NAT leads out, or -1 */
    int *nat;                 /* and that NAT */
};

struct ptn_net_nameserver {
    struct ptn_scenario_dns dns;
    struct ptn_scenario_record *records;
    unsigned record_count;
};

struct ptn_net {
    const struct ptn_scenario *scenario;
    struct ptn_net_opts opts;
    struct ptn_dice dice;

    struct ptn_scenario_host *hosts; /* with their present addresses */
    struct ptn_scenario_box *boxes;
    struct ptn_net_nameserver *nameservers;
    struct ptn_net_wire *wires;
    struct ptn_nat **nats; /* of each box; NULL of a router */
    struct ptn_net_owner *owners;
    unsigned owner_count;
    struct ptn_net_routes routes[2]; /* IPv4, IPv6 */

    struct ptn_net_slot *slots;
    uint32_t slots_touched, slots_free; /* free: slot + 1 */
    struct ptn_heap due;                /* slots that arrive or set out */
    uint32_t out_first, out_last;       /* slot + 1 */
    uint32_t out_taken;                 /* slot + 1, lent to the owner */
    struct ptn_ip_store *fragments;

    unsigned events_happened;   /* of the scenario's */
    struct ptn_net_event *told; /* a ring of those the owner has not taken */
    unsigned told_first, told_count, told_max;

    uint64_t counts[PTN_NET_VERDICTS];
    uint32_t fragment_id;
    uint8_t work[65536]; /* the packet that is being rewritten */
};

/* net.c */
struct ptn_net_slot *ptn_net_take_slot(struct ptn_net *n); /* NULL, and counted, when full */
void ptn_net_schedule(struct ptn_net *n, struct ptn_net_slot *slot, ptn_time at);
void ptn_net_put_out(struct ptn_net *n, struct ptn_net_slot *slot, ptn_time at);
void ptn_net_end(struct ptn_net *n, enum ptn_net_verdict verdict);

/* route.c */
enum ptn_err ptn_net_routes_init(struct ptn_net *n);
void ptn_net_routes_fini(struct ptn_net *n);
enum ptn_err ptn_net_owners_init(struct ptn_net *n);
/* After addresses have changed. */
void ptn_net_list_owners(struct ptn_net *n);
/* Who takes a packet for `to` on this wire: its owner, or the box that leads there. */
struct ptn_net_place ptn_net_taker(const struct ptn_net *n, unsigned wire,
                                   const struct ptn_addr *to);
/* Of these legs the wire nearest to `to`, -1 when none leads there. What is in no wire's reach is
 * near to a way out through a NAT, if such ways count. */
int ptn_net_nearest(const struct ptn_net *n, const struct ptn_scenario_leg *legs, unsigned count,
                    const struct ptn_addr *to, bool ways_out_count);
/* A box's address on a wire, in this family; false when it has none. */
bool ptn_net_box_addr(const struct ptn_net *n, unsigned box, unsigned wire, uint8_t family,
                      struct ptn_addr *out);
/* Whose address this is, among those of one host or box; NULL when it is not theirs. */
const struct ptn_net_place *ptn_net_owned(const struct ptn_net *n, enum ptn_net_place_kind kind,
                                          unsigned index, const struct ptn_addr *addr);

/* wire.c */
/* `from` puts a packet of at most its MTU onto from->wire. */
void ptn_net_set_out(struct ptn_net *n, ptn_time now, const struct ptn_net_place *from,
                     struct ptn_bytes packet);
/* The same for one of any size, cut if it may be. `original` is what the sender sent: an ICMP
 * error quotes it and goes back over `back`. */
struct ptn_net_origin {
    struct ptn_net_place back; /* who answers, on the wire the packet came by */
    struct ptn_bytes packet;
    const struct ptn_ip *ip;
    bool was_joined; /* from fragments, and may be cut again whatever it says */
};
void ptn_net_send(struct ptn_net *n, ptn_time now, const struct ptn_net_place *from,
                  struct ptn_bytes packet, const struct ptn_ip *ip,
                  const struct ptn_net_origin *origin);
/* An ICMP error about `origin`, to its sender. */
void ptn_net_answer_error(struct ptn_net *n, ptn_time now, const struct ptn_net_origin *origin,
                          enum ptn_icmp_error error, uint32_t mtu);

/* box.c, server.c */
void ptn_net_at_box(struct ptn_net *n, ptn_time now, const struct ptn_net_place *at,
                    struct ptn_bytes packet);
void ptn_net_at_nameserver(struct ptn_net *n, ptn_time now, const struct ptn_net_place *at,
                           struct ptn_bytes packet);
/* Whoever is asked by ICMP echo and is no host answers so; false when it was no echo request. */
bool ptn_net_answer_echo(struct ptn_net *n, ptn_time now, const struct ptn_net_place *at,
                         const struct ptn_ip *ip);

#endif
