/*
 * base/addr.c - comparing, classing, reading and printing addresses.
 */
#include "base/addr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool ptn_addr_equal(const struct ptn_addr *a, const struct ptn_addr *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

bool ptn_addr_same_ip(const struct ptn_addr *a, const struct ptn_addr *b)
{
    return a->family == b->family && memcmp(a->ip, b->ip, sizeof a->ip) == 0;
}

struct ptn_addr ptn_addr_with_port(struct ptn_addr a, uint16_t port)
{
    a.port = port;
    return a;
}

static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    unsigned whole = bits / 8, rest = bits % 8;

    if (memcmp(a, b, whole) != 0)
        return false;
    return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

bool ptn_addr_in_prefix(const struct ptn_addr *a, const struct ptn_addr *prefix, unsigned bits)
{
    return a->family == prefix->family && bits <= 8 * ptn_addr_ip_bytes(a) &&
           same_bits(a->ip, prefix->ip, bits);
}

enum ptn_addr_kind ptn_addr_kind(const struct ptn_addr *a)
{
    static const struct {
        uint8_t family, bits;
        uint8_t ip[16];
        enum ptn_addr_kind kind;
    } rows[] = {
        {PTN_IPV4, 8, {0}, PTN_ADDR_UNSPECIFIED},
        {PTN_IPV4, 8, {127}, PTN_ADDR_LOOPBACK},
        {PTN_IPV4, 16, {169, 254}, PTN_ADDR_LINK_LOCAL},
        {PTN_IPV4, 8, {10}, PTN_ADDR_PRIVATE},
        {PTN_IPV4, 12, {172, 16}, PTN_ADDR_PRIVATE},
        {PTN_IPV4, 16, {192, 168}, PTN_ADDR_PRIVATE},
        {PTN_IPV4, 10, {100, 64}, PTN_ADDR_SHARED},
        {PTN_IPV4, 4, {224}, PTN_ADDR_MULTICAST},
        {PTN_IPV4, 4, {240}, PTN_ADDR_RESERVED},
        {PTN_IPV6, 128, {0}, PTN_ADDR_UNSPECIFIED},
        {PTN_IPV6, 128, {[15] = 1}, PTN_ADDR_LOOPBACK},
        {PTN_IPV6, 10, {0xfe, 0x80}, PTN_ADDR_LINK_LOCAL},
        {PTN_IPV6, 7, {0xfc}, PTN_ADDR_PRIVATE},
        {PTN_IPV6, 8, {0xff}, PTN_ADDR_MULTICAST},
    };
    struct ptn_addr plain = ptn_addr_unmapped(*a);

    if (plain.family == PTN_FAMILY_NONE)
        return PTN_ADDR_UNSPECIFIED;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].family == plain.family && same_bits(plain.ip, rows[i].ip, rows[i].bits))
            return rows[i].kind;
    return PTN_ADDR_PUBLIC;
}

struct ptn_addr ptn_addr_unmapped(struct ptn_addr a)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

    if (a.family != PTN_IPV6 || memcmp(a.ip, mapped, sizeof mapped) != 0)
        return a;
    return ptn_addr_v4(a.ip[12], a.ip[13], a.ip[14], a.ip[15], a.port);
}

/* A decimal number of 1 to `digits_max` digits, no sign, no space; moves `*at` behind it. */
static bool parse_number(const char **at, unsigned digits_max, unsigned max, unsigned *out)
{
    unsigned value = 0, digits = 0;

    for (; **at >= '0' && **at <= '9' && digits < digits_max; ++*at, ++digits)
        value = value * 10 + (unsigned)(**at - '0');
    *out = value;
    return digits > 0 && value <= max && !(**at >= '0' && **at <= '9');
}

static bool parse_v4(const char **at, uint8_t ip[4])
{
    for (unsigned i = 0; i < 4; i++) {
        unsigned octet;

        if (i > 0 && *(*at)++ != '.')
            return false;
        if (!parse_number(at, 3, 255, &octet))
            return false;
        ip[i] = (uint8_t)octet;
    }
    return true;
}

static int hex_value(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* RFC 4291 §2.2: groups, one "::", and dotted IPv4 in the last four bytes. */
static bool parse_v6(const char **at, uint8_t ip[16])
{
    uint8_t out[16] = {0};
    size_t size = 0, gap = 16;
    const char *p = *at;

    if (p[0] == ':' && p[1] != ':')
        return false;
    while (size < 16) {
        if (p[0] == ':' && p[1] == ':') {
            if (gap != 16)
                return false;
            gap = size;
            p += 2;
        } else if (p[0] == ':' && size > 0 && gap != size) {
            p++;
        } else if (size > 0 && gap != size) {
            break;
        }
        if (hex_value(*p) < 0)
            break;

        const char *dotted = p;
        if (size <= 12 && strcspn(p, ".") < strcspn(p, ":]") && parse_v4(&dotted, out + size)) {
            size += 4;
            p = dotted;
            break;
        }
        unsigned group = 0, digits = 0;
        for (; hex_value(*p) >= 0 && digits < 4; p++, digits++)
            group = group << 4 | (unsigned)hex_value(*p);
        if (hex_value(*p) >= 0)
            return false;
        out[size++] = (uint8_t)(group >> 8);
        out[size++] = (uint8_t)group;
    }
    if (gap == 16 ? size != 16 : size > 14)
        return false;
    memset(ip, 0, 16);
    if (gap == 16)
        gap = size;
    memcpy(ip, out, gap);
    memcpy(ip + 16 - (size - gap), out + gap, size - gap);
    *at = p;
    return true;
}

bool ptn_addr_parse(const char *text, struct ptn_addr *out)
{
    struct ptn_addr a = {0};
    const char *at = text;
    bool bracket = *at == '[';
    unsigned port = 0;

    if (bracket || strchr(at, ':') != strrchr(at, ':')) {
        a.family = PTN_IPV6;
        at += bracket;
        if (!parse_v6(&at, a.ip) || (bracket && *at++ != ']'))
            return false;
    } else {
        a.family = PTN_IPV4;
        if (!parse_v4(&at, a.ip))
            return false;
    }
    if (*at == ':' && (bracket || a.family == PTN_IPV4)) {
        at++;
        if (!parse_number(&at, 5, 65535, &port))
            return false;
    }
    if (*at != '\0')
        return false;
    a.port = (uint16_t)port;
    *out = a;
    return true;
}

/* RFC 5952: the longest run of two or more zero groups, the first of equals, is "::". */
static void format_v6(const uint8_t ip[16], char *buf, size_t size)
{
    unsigned groups[8], best = 8, best_run = 1;
    size_t used = 0;

    for (unsigned i = 0; i < 8; i++)
        groups[i] = (unsigned)ip[2 * i] << 8 | ip[2 * i + 1];
    for (unsigned i = 0; i < 8; i++) {
        unsigned run = 0;
        while (i + run < 8 && groups[i + run] == 0)
            run++;
        if (run > best_run) {
            best = i;
            best_run = run;
        }
    }
    for (unsigned i = 0; i < 8;) {
        if (i == best) {
            used += (size_t)snprintf(buf + used, size - used, "::");
            i += best_run;
        } else {
            bool colon = i > 0 && i != best + best_run;
            used += (size_t)snprintf(buf + used, size - used, "%s%x", colon ? ":" : "", groups[i]);
            i++;
        }
    }
}

const char *ptn_addr_format_ip(const struct ptn_addr *a, char buf[static PTN_ADDR_TEXT_MAX])
{
    switch (a->family) {
    case PTN_IPV4:
        snprintf(buf, PTN_ADDR_TEXT_MAX, "%u.%u.%u.%u", a->ip[0], a->ip[1], a->ip[2], a->ip[3]);
        break;
    case PTN_IPV6: format_v6(a->ip, buf, PTN_ADDR_TEXT_MAX); break;
    default: snprintf(buf, PTN_ADDR_TEXT_MAX, "none"); break;
    }
    return buf;
}

const char *ptn_addr_format(const struct ptn_addr *a, char buf[static PTN_ADDR_TEXT_MAX])
{
    char ip[PTN_ADDR_TEXT_MAX];

    ptn_addr_format_ip(a, ip);
    if (a->port == 0)
        memcpy(buf, ip, sizeof ip);
    else
        snprintf(buf, PTN_ADDR_TEXT_MAX, a->family == PTN_IPV6 ? "[%.45s]:%u" : "%.45s:%u", ip,
                 a->port);
    return buf;
}
