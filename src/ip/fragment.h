/*
 * ip/fragment.h - cutting a packet to an MTU, and putting fragments together.
 *
 * The store of unfinished packets is fixed: slots, each with a deadline. A
 * fragment that overlaps another with different bytes spoils its packet (RFC
 * 5722, kept for IPv4 too: RFC 1858 tells why).
 *
 * RFC 791 §3.2, RFC 8200 §4.5.
 */
#ifndef PTN_IP_FRAGMENT_H
#define PTN_IP_FRAGMENT_H

#include "base/err.h"
#include "base/time.h"
#include "ip/ip.h"

/* Writes the fragment of `packet` that begins `*offset` bytes into its body and moves `*offset`
 * behind it; false when there is none left. Begin with 0. `mtu` is at least 576 (IPv4) or 1280;
 * `id` is used with IPv6 only, whose fragments cannot be cut again: they come out as they are. */
bool ptn_ip_cut(struct ptn_writer *w, struct ptn_bytes packet, const struct ptn_ip *ip, size_t mtu,
                uint32_t id, size_t *offset);

struct ptn_ip_store;

struct ptn_ip_store_opts {
    uint32_t slots_max; /* packets unfinished at once, at least 1 */
    ptn_time timeout;   /* from a packet's first fragment to arrive */
};

enum ptn_ip_store_verdict {
    PTN_IP_STORE_WAIT,   /* kept; others are missing */
    PTN_IP_STORE_WHOLE,  /* this was the last one */
    PTN_IP_STORE_SPOILT, /* overlapping or oversized: the packet is given up */
    PTN_IP_STORE_FULL,
};

enum ptn_err ptn_ip_store_new(struct ptn_ip_store **out, const struct ptn_ip_store_opts *opts);
void ptn_ip_store_free(struct ptn_ip_store *s);

/* A packet for which `ip->is_fragment`. `where` keeps apart fragments met at different places.
 * WHOLE: `whole` is the packet without any trace of fragments, borrowed until the next input. */
enum ptn_ip_store_verdict ptn_ip_store_input(struct ptn_ip_store *s, ptn_time now, uint32_t where,
                                             struct ptn_bytes packet, const struct ptn_ip *ip,
                                             struct ptn_bytes *whole);

/* Gives up what is due; returns how many packets that were. */
unsigned ptn_ip_store_tick(struct ptn_ip_store *s, ptn_time now);
ptn_time ptn_ip_store_deadline(const struct ptn_ip_store *s);

#endif
