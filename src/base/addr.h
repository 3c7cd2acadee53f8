/*
 * base/addr.h - a transport address: IP address and port.
 *
 * Unused bytes are always zero, so two addresses are equal when their bytes
 * are, and a zeroed one is "none". Port 0 is "no port" or "any".
 */
#ifndef PTN_BASE_ADDR_H
#define PTN_BASE_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ptn_family {
    PTN_FAMILY_NONE = 0,
    PTN_IPV4 = 4,
    PTN_IPV6 = 6,
};

enum ptn_transport {
    PTN_UDP = 1,
    PTN_TCP,
    PTN_TLS,
    PTN_DTLS, /* a connection whose records are messages */
};

struct ptn_addr {
    uint8_t ip[16]; /* network order; IPv4 in the first four */
    uint16_t port;  /* host order */
    uint8_t family; /* enum ptn_family */
    uint8_t zero;
};

/* What an address may be used for; the first row of the table in addr.c that fits. */
enum ptn_addr_kind {
    PTN_ADDR_PUBLIC,
    PTN_ADDR_UNSPECIFIED, /* 0.0.0.0/8, :: */
    PTN_ADDR_LOOPBACK,
    PTN_ADDR_LINK_LOCAL,
    PTN_ADDR_PRIVATE, /* RFC 1918, RFC 4193 */
    PTN_ADDR_SHARED,  /* RFC 6598, between a carrier's NAT and its customers */
    PTN_ADDR_MULTICAST,
    PTN_ADDR_RESERVED, /* 240/4 with broadcast, documentation and benchmark ranges excepted */
};

#define PTN_ADDR_TEXT_MAX 56 /* "[v6]:port" and the final zero */

static inline struct ptn_addr ptn_addr_v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d, uint16_t port)
{
    return (struct ptn_addr){.ip = {a, b, c, d}, .port = port, .family = PTN_IPV4};
}

static inline bool ptn_addr_is_none(const struct ptn_addr *a)
{
    return a->family == PTN_FAMILY_NONE;
}

/* 4, 16 or, for none, 0. */
static inline size_t ptn_addr_ip_bytes(const struct ptn_addr *a)
{
    return a->family == PTN_IPV4 ? 4 : a->family == PTN_IPV6 ? 16 : 0;
}

bool ptn_addr_equal(const struct ptn_addr *a, const struct ptn_addr *b);
bool ptn_addr_same_ip(const struct ptn_addr *a, const struct ptn_addr *b);

/* The same IP address with another port. */
struct ptn_addr ptn_addr_with_port(struct ptn_addr a, uint16_t port);

/* True when the first `bits` bits agree and the families do. */
bool ptn_addr_in_prefix(const struct ptn_addr *a, const struct ptn_addr *prefix, unsigned bits);

enum ptn_addr_kind ptn_addr_kind(const struct ptn_addr *a);

/* An IPv4-mapped IPv6 address (RFC 4291 §2.5.5.2) becomes the IPv4 one; others stay. */
struct ptn_addr ptn_addr_unmapped(struct ptn_addr a);

/* Whole text only: "192.0.2.1", "192.0.2.1:5060", "2001:db8::1", "[2001:db8::1]",
 * "[2001:db8::1]:5060". False leaves `out` alone. No names. */
bool ptn_addr_parse(const char *text, struct ptn_addr *out);

/* With port ("192.0.2.1:5060", "[2001:db8::1]:5060"), without when it is 0. Returns `buf`. */
const char *ptn_addr_format(const struct ptn_addr *a, char buf[static PTN_ADDR_TEXT_MAX]);

/* Never with port or brackets. Returns `buf`. */
const char *ptn_addr_format_ip(const struct ptn_addr *a, char buf[static PTN_ADDR_TEXT_MAX]);

#endif
