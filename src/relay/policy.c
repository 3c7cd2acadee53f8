/*
 * relay/policy.c - the ranges, and what hides in an IPv6 address.
 *
 * The table is IANA's two registries of special-purpose addresses, with the exception
 * of the anycast services that are meant for everybody, and the metadata services of clouds that
 * stand elsewhere. 64:ff9b::/96 is not in it: there only what is hidden counts.
 */
#include "relay/policy.h"

#include <assert.h>
#include <stdlib.h>

struct special {
    uint8_t family, bits;
    uint8_t ip[16];
};

/* No host: not to be opened by `allowed` (multicast apart). */
static const struct special no_hosts[] = {
    {PTN_IPV4, 32, {0}}, {PTN_IPV4, 32, {255, 255, 255, 255}}, {PTN_IPV6, 128, {0}}};

static const struct special multicast[] = {{PTN_IPV4, 4, {224}}, {PTN_IPV6, 8, {0xff}}};

static const struct special specials[] = {
    {PTN_IPV4, 8, {0}},
    {PTN_IPV4, 8, {10}},
    {PTN_IPV4, 10, {100, 64}},
    {PTN_IPV4, 8, {127}},
    {PTN_IPV4, 32, {168, 63, 129, 16}}, /* a cloud's metadata and health service */
    {PTN_IPV4, 16, {169, 254}},
    {PTN_IPV4, 12, {172, 16}},
    {PTN_IPV4, 24, {192, 0, 0}},
    {PTN_IPV4, 24, {192, 0, 2}},
    {PTN_IPV4, 24, {192, 88, 99}},
    {PTN_IPV4, 16, {192, 168}},
    {PTN_IPV4, 15, {198, 18}},
    {PTN_IPV4, 24, {198, 51, 100}},
    {PTN_IPV4, 24, {203, 0, 113}},
    {PTN_IPV4, 4, {224}},
    {PTN_IPV4, 4, {240}},
    {PTN_IPV6, 96, {0}},                                  /* IPv4-compatible, ::, ::1 */
    {PTN_IPV6, 96, {[10] = 0xff, [11] = 0xff}},           /* IPv4-mapped */
    {PTN_IPV6, 96, {[8] = 0xff, [9] = 0xff}},             /* IPv4-translated (SIIT) */
    {PTN_IPV6, 48, {0x00, 0x64, 0xff, 0x9b, 0x00, 0x01}}, /* NAT64 of somebody's own */
    {PTN_IPV6, 64, {0x01}},                               /* discard-only */
    {PTN_IPV6, 64, {0x01, [7] = 1}},                      /* dummy */
    {PTN_IPV6, 23, {0x20, 0x01}},                         /* IETF protocols, Teredo, ORCHID */
    {PTN_IPV6, 32, {0x20, 0x01, 0x0d, 0xb8}},             /* documentation */
    {PTN_IPV6, 16, {0x20, 0x02}},                         /* 6to4 */
    {PTN_IPV6, 20, {0x3f, 0xff}},                         /* documentation */
    {PTN_IPV6, 16, {0x5f}},                               /* segment routing */
    {PTN_IPV6, 7, {0xfc}},                                /* unique-local, metadata */
    {PTN_IPV6, 10, {0xfe, 0x80}},                         /* link-local */
    {PTN_IPV6, 10, {0xfe, 0xc0}},                         /* site-local */
    {PTN_IPV6, 8, {0xff}},
};

static bool is_one_of(const struct ptn_addr *a, const struct special *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct ptn_addr prefix = {.family = rows[i].family};
        memcpy(prefix.ip, rows[i].ip, sizeof prefix.ip);
        if (ptn_addr_in_prefix(a, &prefix, rows[i].bits))
            return true;
    }
    return false;
}

#define IS_ONE_OF(a, rows) is_one_of(a, rows, sizeof(rows) / sizeof(rows)[0])

/* ---- what hides in it ---- */

enum { HIDDEN_MAX = 3 };

static struct ptn_addr v4_at(const struct ptn_addr *a, size_t offset, uint8_t mask)
{
    return ptn_addr_v4(a->ip[offset] ^ mask, a->ip[offset + 1] ^ mask, a->ip[offset + 2] ^ mask,
                       a->ip[offset + 3] ^ mask, a->port);
}

/* The IPv4 addresses in an IPv6 one, each once for every way of writing that it fits. */
static size_t hidden(const struct ptn_addr *a, struct ptn_addr out[static HIDDEN_MAX])
{
    static const struct special last_four[] = {
        {PTN_IPV6, 96, {0}},
        {PTN_IPV6, 96, {[10] = 0xff, [11] = 0xff}},
        {PTN_IPV6, 96, {[8] = 0xff, [9] = 0xff}},
        {PTN_IPV6, 96, {0x00, 0x64, 0xff, 0x9b}},
    };
    size_t count = 0;

    if (a->family != PTN_IPV6)
        return 0;
    /* ISATAP (RFC 5214 §6.1): in the lower half, below any prefix. */
    bool isatap = (a->ip[8] & 0xfd) == 0 && a->ip[9] == 0 && a->ip[10] == 0x5e && a->ip[11] == 0xfe;
    if (isatap || IS_ONE_OF(a, last_four))
        out[count++] = v4_at(a, 12, 0);
    if (a->ip[0] == 0x20 && a->ip[1] == 0x02)
        out[count++] = v4_at(a, 2, 0);
    if (a->ip[0] == 0x20 && a->ip[1] == 0x01 && a->ip[2] == 0 && a->ip[3] == 0) {
        out[count++] = v4_at(a, 4, 0);     /* Teredo's server */
        out[count++] = v4_at(a, 12, 0xff); /* and client, inverted (RFC 4380 §4) */
    }
    return count;
}

/* ---- ranges ---- */

static bool in_range(const struct ptn_addr *a, const struct ptn_relay_range *range)
{
    size_t size = ptn_addr_ip_bytes(a);

    return a->family == range->low.family && a->family == range->high.family &&
           memcmp(a->ip, range->low.ip, size) >= 0 && memcmp(a->ip, range->high.ip, size) <= 0;
}

static bool in_ranges(const struct ptn_addr *a, const struct ptn_relay_range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (in_range(a, &ranges[i]))
            return true;
    return false;
}

enum ptn_err ptn_relay_policy_init(struct ptn_relay_policy *p, const struct ptn_relay_turn *turn,
                                   const struct ptn_relay_listeners *listeners,
                                   const struct ptn_relay_shared *shared)
{
    const struct ptn_relay_peers *peers = &turn->peers;
    size_t count = peers->allowed_count + peers->denied_count;

    *p = (struct ptn_relay_policy){.allowed_count = peers->allowed_count,
                                   .denied_count = peers->denied_count,
                                   .guarded_count = peers->guarded_count,
                                   .allow_multicast = peers->allow_multicast,
                                   .relay_count = turn->address_count,
                                   .shared = shared,
                                   .listeners = listeners};
    assert(peers->guarded_count <= PTN_RELAY_GUARDED_MAX);
    memcpy(p->relays, turn->addresses, sizeof p->relays);
    if (peers->guarded_count > 0)
        memcpy(p->guarded, peers->guarded, peers->guarded_count * sizeof p->guarded[0]);
    if (count == 0)
        return PTN_OK;
    p->ranges = calloc(count, sizeof *p->ranges);
    if (!p->ranges)
        return PTN_ERR_NO_MEMORY;
    for (size_t i = 0; i < count; i++)
        p->ranges[i] =
            i < peers->allowed_count ? peers->allowed[i] : peers->denied[i - peers->allowed_count];
    return PTN_OK;
}

void ptn_relay_policy_fini(struct ptn_relay_policy *p)
{
    free(p->ranges);
    p->ranges = NULL;
}

/* ---- the judgement ---- */

static bool is_relay(const struct ptn_relay_address *relay, const struct ptn_addr *a)
{
    return ptn_addr_same_ip(&relay->local, a) || ptn_addr_same_ip(&relay->announced, a);
}

static bool is_relay_ip(const struct ptn_relay_policy *p, const struct ptn_addr *a)
{
    for (size_t i = 0; i < p->relay_count; i++)
        if (is_relay(&p->relays[i], a))
            return true;
    return false;
}

/* A relayed address of now: what another program has on that port of ours is none. */
static bool is_relayed(const struct ptn_relay_policy *p, const struct ptn_addr *a, bool tcp)
{
    for (size_t i = 0; i < p->relay_count; i++)
        if (a->port != 0 && is_relay(&p->relays[i], a) &&
            ptn_relay_shared_has_port(p->shared,
                                      (struct ptn_relay_place){(uint8_t)i, tcp, a->port}))
            return true;
    return false;
}

static bool is_guarded(const struct ptn_relay_policy *p, const struct ptn_addr *a, bool any_port)
{
    for (size_t i = 0; i < p->guarded_count; i++)
        if (ptn_addr_same_ip(&p->guarded[i], a) && (any_port || p->guarded[i].port == a->port))
            return true;
    return false;
}

static bool is_listening_ip(const struct ptn_relay_policy *p, const struct ptn_addr *a)
{
    for (size_t i = 0; i < p->listeners->count; i++)
        if (ptn_addr_same_ip(&p->listeners->rows[i].is.local, a) ||
            ptn_addr_same_ip(&p->listeners->rows[i].is.announced, a))
            return true;
    return false;
}

/* One sense of the address; the rules of the header in their order. */
static enum ptn_relay_peer judge(const struct ptn_relay_policy *p, const struct ptn_addr *a,
                                 bool tcp)
{
    bool relay_ip = is_relay_ip(p, a);
    enum ptn_relay_peer allowed = a->port == 0 && (is_listening_ip(p, a) || is_guarded(p, a, true))
                                      ? PTN_RELAY_PEER_BY_PORT
                                      : PTN_RELAY_PEER_ALLOW;

    if (ptn_relay_listeners_own(p->listeners, a) || is_guarded(p, a, false) ||
        IS_ONE_OF(a, no_hosts) || (IS_ONE_OF(a, multicast) && !p->allow_multicast))
        return PTN_RELAY_PEER_DENY;
    if (relay_ip && is_relayed(p, a, tcp))
        return PTN_RELAY_PEER_ALLOW;
    if (in_ranges(a, p->ranges, p->allowed_count))
        return allowed;
    if (relay_ip && a->port == 0)
        return PTN_RELAY_PEER_BY_PORT;
    if (relay_ip || is_listening_ip(p, a) || IS_ONE_OF(a, specials) ||
        (p->denied_count > 0 && in_ranges(a, p->ranges + p->allowed_count, p->denied_count)))
        return PTN_RELAY_PEER_DENY;
    return allowed;
}

enum ptn_relay_peer ptn_relay_policy_check(const struct ptn_relay_policy *p,
                                           const struct ptn_addr *peer, bool tcp)
{
    struct ptn_addr senses[HIDDEN_MAX];
    size_t count = hidden(peer, senses);
    enum ptn_relay_peer judged = judge(p, peer, tcp);

    /* Only as it is written can it be an address of ours that may be reached. */
    for (size_t i = 0; i < count && judged != PTN_RELAY_PEER_DENY; i++)
        if (judge(p, &senses[i], tcp) != PTN_RELAY_PEER_ALLOW || is_relay_ip(p, &senses[i]))
            judged = PTN_RELAY_PEER_DENY;
    return judged;
}

bool ptn_relay_policy_special(const struct ptn_addr *peer)
{
    static const struct ptn_relay_listeners none;
    static const struct ptn_relay_policy nothing = {.listeners = &none};

    return ptn_relay_policy_check(&nothing, peer, false) == PTN_RELAY_PEER_DENY;
}
