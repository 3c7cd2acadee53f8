/*
 * relay/policy.h - which peers a client may reach; the only place that decides it.
 *
 * An address is judged in every sense it has: as it is written, and as each IPv4
 * address that may be hidden in it (IPv4-mapped and -compatible, SIIT, NAT64, 6to4, both
 * of Teredo, ISATAP). Each must pass:
 *
 *   1. our own listening sockets, guarded ones, multicast, broadcast, unspecified: never
 *   2. our own relayed addresses, with a port that is one now, of any worker: always
 *   3. in a range of `allowed`: yes
 *   4. in a range of `denied`, special by default, or another port of an address of ours: no
 *   5. else: yes
 */
#ifndef PTN_RELAY_POLICY_H
#define PTN_RELAY_POLICY_H

#include "relay/listeners.h"

struct ptn_relay_policy {
    struct ptn_relay_range *ranges; /* allowed ones, then denied ones */
    size_t allowed_count, denied_count;
    struct ptn_addr guarded[PTN_RELAY_GUARDED_MAX];
    size_t guarded_count;
    bool allow_multicast;
    struct ptn_relay_address relays[PTN_RELAY_ADDRESSES_MAX];
    size_t relay_count;
    const struct ptn_relay_shared *shared; /* knows the ports of relayed addresses */
    const struct ptn_relay_listeners *listeners;
};

enum ptn_relay_peer {
    PTN_RELAY_PEER_DENY,
    PTN_RELAY_PEER_ALLOW,
    PTN_RELAY_PEER_BY_PORT, /* an address of ours: some ports may be reached, ask with each */
};

/* Copies the ranges of `turn`; `listeners` and `shared` are borrowed. OK or NO_MEMORY. */
enum ptn_err ptn_relay_policy_init(struct ptn_relay_policy *p, const struct ptn_relay_turn *turn,
                                   const struct ptn_relay_listeners *listeners,
                                   const struct ptn_relay_shared *shared);
void ptn_relay_policy_fini(struct ptn_relay_policy *p);

/* With port 0: as far as can be said without one (a permission). Never BY_PORT for another port.
 * `tcp`: by which transport the peer would be reached. */
enum ptn_relay_peer ptn_relay_policy_check(const struct ptn_relay_policy *p,
                                           const struct ptn_addr *peer, bool tcp);

/* True for an address that is denied when nothing is configured, our own ones aside. */
bool ptn_relay_policy_special(const struct ptn_addr *peer);

#endif
