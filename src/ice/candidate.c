/*
 * ice/candidate.c - priorities.
 *
 *     candidate   | kind 8 | local preference 16 | 256 - component 8 |
 *     pair        | the lesser of both, 32 | the greater, 31 | whose was it |
 */
#include "ice/candidate.h"

#include <assert.h>

uint32_t ptn_ice_priority(enum ptn_ice_kind kind, uint16_t preference, unsigned component)
{
    /* RFC 8445 §5.1.2.2: a path that a check discovered is better than one a server told of. */
    static const uint8_t of_kind[PTN_ICE_KINDS] = {
        [PTN_ICE_HOST] = 126,
        [PTN_ICE_PEER_REFLEXIVE] = 110,
        [PTN_ICE_SERVER_REFLEXIVE] = 100,
        [PTN_ICE_RELAYED] = 0,
    };

    assert(kind < PTN_ICE_KINDS && component >= 1 && component <= 256);
    return (uint32_t)of_kind[kind] << 24 | (uint32_t)preference << 8 | (256 - component);
}

uint64_t ptn_ice_pair_priority(uint32_t controlling, uint32_t controlled)
{
    uint64_t g = controlling, d = controlled;

    return ((g < d ? g : d) << 32) + 2 * (g > d ? g : d) + (g > d);
}

void ptn_ice_preferences(const struct ptn_addr *addrs, unsigned count, uint16_t *preferences)
{
    unsigned v4 = 0, at[2] = {0}, place = 0;

    assert(count <= PTN_ICE_PREFERENCE_MAX);
    for (unsigned i = 0; i < count; i++)
        v4 += addrs[i].family == PTN_IPV4;
    unsigned head_start = v4 ? count / v4 : count; /* Hi */
    if (head_start > count - v4)
        head_start = count - v4;
    while (place < count) {
        /* Beyond the head start they take turns, IPv4 first, until one family is used up. */
        bool six = place < head_start || (place - head_start) % 2 == 1;
        unsigned *next = &at[six];
        while (*next < count && (addrs[*next].family == PTN_IPV6) != six)
            ++*next;
        if (*next == count) {
            next = &at[!six];
            while ((addrs[*next].family == PTN_IPV6) == six)
                ++*next;
        }
        preferences[(*next)++] = (uint16_t)(PTN_ICE_PREFERENCE_MAX - place++);
    }
}

bool ptn_ice_may_pair(const struct ptn_addr *a, const struct ptn_addr *b)
{
    enum ptn_addr_kind kind = ptn_addr_kind(a), other = ptn_addr_kind(b);

    /* What a far end calls its loopback is ours, and a broadcast is for everybody else. */
    if (a->family != b->family || kind == PTN_ADDR_RESERVED || other == PTN_ADDR_RESERVED ||
        (kind == PTN_ADDR_LOOPBACK) != (other == PTN_ADDR_LOOPBACK))
        return false;
    return a->family != PTN_IPV6 || (kind == PTN_ADDR_LINK_LOCAL) == (other == PTN_ADDR_LINK_LOCAL);
}

const char *ptn_ice_kind_word(enum ptn_ice_kind kind)
{
    static const char *const words[PTN_ICE_KINDS] = {
        [PTN_ICE_HOST] = "host",
        [PTN_ICE_SERVER_REFLEXIVE] = "srflx",
        [PTN_ICE_PEER_REFLEXIVE] = "prflx",
        [PTN_ICE_RELAYED] = "relay",
    };

    assert(kind < PTN_ICE_KINDS);
    return words[kind];
}
