/*
 * ice/candidate.h - candidates as values, and the arithmetic about them.
 *
 * RFC 8445 §5.1.1 (kinds), §5.1.2 (priorities), §6.1.2.3 (pairs); RFC 8421 (hosts with
 * several addresses of both families).
 */
#ifndef PTN_ICE_CANDIDATE_H
#define PTN_ICE_CANDIDATE_H

#include "base/addr.h"

enum ptn_ice_kind {
    PTN_ICE_HOST,
    PTN_ICE_SERVER_REFLEXIVE,
    PTN_ICE_PEER_REFLEXIVE,
    PTN_ICE_RELAYED,
    PTN_ICE_KINDS,
};

enum {
    PTN_ICE_FOUNDATION_MAX = 32,
    PTN_ICE_COMPONENTS_MAX = 2, /* 1: RTP, or all of it with rtcp-mux; 2: RTCP */
    PTN_ICE_PREFERENCE_MAX = 65535,
};

struct ptn_ice_candidate {
    struct ptn_addr addr;
    struct ptn_addr related; /* raddr and rport; none where there is none or it is not told */
    uint32_t priority;
    uint8_t kind;      /* enum ptn_ice_kind */
    uint8_t component; /* 1 or 2 */
    char foundation[PTN_ICE_FOUNDATION_MAX + 1];
};

/* `preference` tells a host's addresses apart, the best one being PTN_ICE_PREFERENCE_MAX. */
uint32_t ptn_ice_priority(enum ptn_ice_kind kind, uint16_t preference, unsigned component);

/* G is the controlling agent's candidate, D the controlled one's. */
uint64_t ptn_ice_pair_priority(uint32_t controlling, uint32_t controlled);

/*
 * Local preferences for a host's addresses, which come in the order of its liking: IPv6 first, but
 * IPv4 mixed in early enough that a broken IPv6 costs little (RFC 8421 §4). Addresses of one family
 * keep their order.
 */
void ptn_ice_preferences(const struct ptn_addr *addrs, unsigned count, uint16_t *preferences);

/* Can a datagram go from one to the other at all? Same family, link-local and loopback with their
 * like, and no broadcast. */
bool ptn_ice_may_pair(const struct ptn_addr *a, const struct ptn_addr *b);

/* The word of SDP: "host", "srflx", "prflx", "relay". */
const char *ptn_ice_kind_word(enum ptn_ice_kind kind);

#endif
