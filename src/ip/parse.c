/*
 * ip/parse.c - finding the ends of a packet, and of the packet quoted in an ICMP error.
 *
 * One reader for both: a quoted packet is cut off by whoever quoted it, so only
 * there may the stated length reach beyond the bytes.
 */
#include "ip/ip.h"

#include "ip/checksum.h"

enum { EXT_HOP = 0, EXT_ROUTING = 43, EXT_FRAGMENT = 44, EXT_AUTH = 51, EXT_OPTIONS = 60 };

static uint16_t u16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t u32(const uint8_t *at)
{
    return (uint32_t)u16(at) << 16 | u16(at + 2);
}

static struct ptn_addr address(uint8_t family, const uint8_t *at)
{
    struct ptn_addr a = {.family = family};

    memcpy(a.ip, at, family == PTN_IPV4 ? 4 : 16);
    return a;
}

static enum ptn_ip_verdict parse_v4(struct ptn_bytes packet, size_t at, bool quoted,
                                    struct ptn_ip *out)
{
    const uint8_t *p = packet.data + at;
    size_t left = packet.size - at;

    if (left < 20)
        return PTN_IP_SHORT;
    size_t header = (size_t)(p[0] & 15) * 4, total = u16(p + 2);
    if (header < 20 || total < header)
        return PTN_IP_MALFORMED;
    if (left < header || (left < total && !quoted))
        return PTN_IP_SHORT;
    uint16_t fragment = u16(p + 6);
    *out = (struct ptn_ip){
        .family = PTN_IPV4,
        .ttl = p[8],
        .dscp = p[1] >> 2,
        .dont_fragment = fragment & 0x4000,
        .more = fragment & 0x2000,
        .is_fragment = fragment & 0x3fff,
        .fragment_offset = (uint32_t)(fragment & 0x1fff) * 8,
        .id = u16(p + 4),
        .proto_at = at + 9,
        .size = at + (left < total ? left : total),
        .ends = {.proto = p[9],
                 .from = address(PTN_IPV4, p + 12),
                 .to = address(PTN_IPV4, p + 16),
                 .at = at,
                 .body_at = at + header},
    };
    return PTN_IP_FINE;
}

/* RFC 8200 §4: the chain of headers before the one that has ports. */
static enum ptn_ip_verdict skip_extensions(struct ptn_bytes packet, struct ptn_ip *out)
{
    struct ptn_ip_ends *ends = &out->ends;

    for (;;) {
        const uint8_t *p = packet.data + ends->body_at;
        size_t left = out->size - ends->body_at, size;

        switch (ends->proto) {
        case EXT_HOP:
        case EXT_ROUTING:
        case EXT_OPTIONS: size = left < 2 ? 8 : (size_t)p[1] * 8 + 8; break;
        case EXT_AUTH: size = left < 2 ? 8 : (size_t)p[1] * 4 + 8; break;
        case EXT_FRAGMENT: size = 8; break;
        default: return PTN_IP_FINE;
        }
        if (left < size)
            return PTN_IP_SHORT;
        if (ends->proto == EXT_FRAGMENT) {
            if (out->fragment_header_at)
                return PTN_IP_MALFORMED;
            out->is_fragment = true;
            out->more = p[3] & 1;
            out->fragment_offset = u16(p + 2) & 0xfff8u;
            out->id = u32(p + 4);
            out->fragment_header_at = ends->body_at;
            out->fragment_named_at = out->proto_at;
        }
        ends->proto = p[0];
        out->proto_at = ends->body_at;
        ends->body_at += size;
        if (out->fragment_offset > 0)
            return PTN_IP_FINE;
    }
}

static enum ptn_ip_verdict parse_v6(struct ptn_bytes packet, size_t at, bool quoted,
                                    struct ptn_ip *out)
{
    const uint8_t *p = packet.data + at;
    size_t left = packet.size - at;

    if (left < 40)
        return PTN_IP_SHORT;
    size_t total = 40u + u16(p + 4);
    if (left < total && !quoted)
        return PTN_IP_SHORT;
    *out = (struct ptn_ip){
        .family = PTN_IPV6,
        .ttl = p[7],
        .dscp = (uint8_t)((p[0] & 15) << 2 | p[1] >> 6),
        .dont_fragment = true,
        .proto_at = at + 6,
        .size = at + (left < total ? left : total),
        .ends = {.proto = p[6],
                 .from = address(PTN_IPV6, p + 8),
                 .to = address(PTN_IPV6, p + 24),
                 .at = at,
                 .body_at = at + 40},
    };
    return skip_extensions(packet, out);
}

static enum ptn_ip_verdict parse_head(struct ptn_bytes packet, size_t at, bool quoted,
                                      struct ptn_ip *out)
{
    if (packet.size <= at)
        return PTN_IP_SHORT;
    switch (packet.data[at] >> 4) {
    case 4: return parse_v4(packet, at, quoted, out);
    case 6: return parse_v6(packet, at, quoted, out);
    default: return PTN_IP_MALFORMED;
    }
}

/* What type and code mean; rows with code -1 fit every code. */
static enum ptn_icmp_error error_of(uint8_t proto, uint8_t type, uint8_t code)
{
    static const struct {
        uint8_t proto, type;
        int code;
        enum ptn_icmp_error error;
    } rows[] = {
        {PTN_IP_ICMP, 3, 0, PTN_ICMP_NET_UNREACHABLE},
        {PTN_IP_ICMP, 3, 1, PTN_ICMP_HOST_UNREACHABLE},
        {PTN_IP_ICMP, 3, 3, PTN_ICMP_PORT_UNREACHABLE},
        {PTN_IP_ICMP, 3, 4, PTN_ICMP_TOO_BIG},
        {PTN_IP_ICMP, 3, 9, PTN_ICMP_PROHIBITED},
        {PTN_IP_ICMP, 3, 10, PTN_ICMP_PROHIBITED},
        {PTN_IP_ICMP, 3, 13, PTN_ICMP_PROHIBITED},
        {PTN_IP_ICMP, 3, -1, PTN_ICMP_OTHER_ERROR},
        {PTN_IP_ICMP, 4, -1, PTN_ICMP_OTHER_ERROR},
        {PTN_IP_ICMP, 5, -1, PTN_ICMP_OTHER_ERROR},
        {PTN_IP_ICMP, 11, -1, PTN_ICMP_TIME_EXCEEDED},
        {PTN_IP_ICMP, 12, -1, PTN_ICMP_OTHER_ERROR},
        {PTN_IP_ICMP6, 1, 0, PTN_ICMP_NET_UNREACHABLE},
        {PTN_IP_ICMP6, 1, 1, PTN_ICMP_PROHIBITED},
        {PTN_IP_ICMP6, 1, 3, PTN_ICMP_HOST_UNREACHABLE},
        {PTN_IP_ICMP6, 1, 4, PTN_ICMP_PORT_UNREACHABLE},
        {PTN_IP_ICMP6, 1, -1, PTN_ICMP_OTHER_ERROR},
        {PTN_IP_ICMP6, 2, -1, PTN_ICMP_TOO_BIG},
        {PTN_IP_ICMP6, 3, -1, PTN_ICMP_TIME_EXCEEDED},
        {PTN_IP_ICMP6, 4, -1, PTN_ICMP_OTHER_ERROR},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].proto == proto && rows[i].type == type &&
            (rows[i].code < 0 || rows[i].code == code))
            return rows[i].error;
    /* RFC 4443 §2.1: unknown ICMPv6 types below 128 are errors. */
    return proto == PTN_IP_ICMP6 && type < 128 ? PTN_ICMP_OTHER_ERROR : PTN_ICMP_NOT_AN_ERROR;
}

/* Query types are even numbers with the reply odd in ICMPv6, 8 and 0 in ICMP. */
static bool is_echo(uint8_t proto, uint8_t type, bool *reply)
{
    if (proto == PTN_IP_ICMP6 ? type == 128 || type == 129 : type == 8 || type == 0) {
        *reply = proto == PTN_IP_ICMP6 ? type == 129 : type == 0;
        return true;
    }
    return false;
}

static void read_ports(struct ptn_bytes packet, size_t end, struct ptn_ip_ends *ends)
{
    const uint8_t *p = packet.data + ends->body_at;
    size_t left = end - ends->body_at;
    bool reply;

    if (left < 8)
        return;
    switch (ends->proto) {
    case PTN_IP_UDP:
    case PTN_IP_TCP:
        ends->has_ports = true;
        ends->from.port = u16(p);
        ends->to.port = u16(p + 2);
        break;
    case PTN_IP_ICMP:
    case PTN_IP_ICMP6:
        if (!is_echo(ends->proto, p[0], &reply))
            break;
        ends->has_ports = true;
        *(reply ? &ends->to.port : &ends->from.port) = u16(p + 4);
        break;
    default: break;
    }
}

static enum ptn_ip_verdict read_udp(struct ptn_bytes body, struct ptn_ip *out)
{
    if (body.size < 8)
        return PTN_IP_SHORT;
    size_t size = u16(body.data + 4);
    if (size < 8)
        return PTN_IP_MALFORMED;
    if (size > body.size && !out->is_fragment)
        return PTN_IP_SHORT;
    if (size > body.size)
        size = body.size;
    out->payload = ptn_bytes(body.data + 8, size - 8);
    return PTN_IP_FINE;
}

static uint16_t mss_option(struct ptn_bytes options)
{
    for (size_t i = 0; i < options.size && options.data[i] != 0;) {
        size_t size = options.data[i] == 1 ? 1 : i + 1 < options.size ? options.data[i + 1] : 0;

        if (size == 0 || (size == 1 && options.data[i] != 1) || i + size > options.size)
            break;
        if (options.data[i] == 2 && size == 4)
            return u16(options.data + i + 2);
        i += size;
    }
    return 0;
}

static enum ptn_ip_verdict read_tcp(struct ptn_bytes body, struct ptn_ip *out)
{
    if (body.size < 20)
        return PTN_IP_SHORT;
    size_t header = (size_t)(body.data[12] >> 4) * 4;
    if (header < 20)
        return PTN_IP_MALFORMED;
    if (header > body.size)
        return PTN_IP_SHORT;
    out->tcp = (struct ptn_tcp){
        .seq = u32(body.data + 4),
        .ack = u32(body.data + 8),
        .flags = body.data[13] & 0x3f,
        .window = u16(body.data + 14),
        .mss = mss_option(ptn_bytes(body.data + 20, header - 20)),
    };
    out->payload = ptn_bytes(body.data + header, body.size - header);
    return PTN_IP_FINE;
}

static enum ptn_ip_verdict read_icmp(struct ptn_bytes packet, struct ptn_ip *out)
{
    const uint8_t *p = packet.data + out->ends.body_at;
    struct ptn_icmp *icmp = &out->icmp;
    struct ptn_ip quoted;

    if (out->size - out->ends.body_at < 8)
        return PTN_IP_SHORT;
    icmp->type = p[0];
    icmp->code = p[1];
    icmp->error = error_of(out->ends.proto, p[0], p[1]);
    icmp->is_echo = is_echo(out->ends.proto, p[0], &icmp->is_reply);
    icmp->seq = u16(p + 6);
    if (icmp->error == PTN_ICMP_TOO_BIG)
        icmp->mtu = out->family == PTN_IPV4 ? u16(p + 6) : u32(p + 4);
    out->payload = ptn_bytes(p + 8, out->size - out->ends.body_at - 8);
    if (icmp->error == PTN_ICMP_NOT_AN_ERROR)
        return PTN_IP_FINE;

    struct ptn_bytes within = {packet.data, out->size};
    if (parse_head(within, out->ends.body_at + 8, true, &quoted) != PTN_IP_FINE ||
        quoted.family != out->family)
        return PTN_IP_FINE;
    icmp->has_quoted = true;
    if (quoted.fragment_offset == 0)
        read_ports(packet, quoted.size, &quoted.ends);
    icmp->quoted = quoted.ends;
    return PTN_IP_FINE;
}

enum ptn_ip_verdict ptn_ip_parse(struct ptn_bytes packet, struct ptn_ip *out)
{
    enum ptn_ip_verdict verdict = parse_head(packet, 0, false, out);

    if (verdict != PTN_IP_FINE)
        return verdict;
    struct ptn_bytes body = {packet.data + out->ends.body_at, out->size - out->ends.body_at};
    out->payload = body;
    if (out->fragment_offset > 0)
        return PTN_IP_FINE;
    read_ports(packet, out->size, &out->ends);
    switch (out->ends.proto) {
    case PTN_IP_UDP: return read_udp(body, out);
    case PTN_IP_TCP: return read_tcp(body, out);
    case PTN_IP_ICMP:
    case PTN_IP_ICMP6: return read_icmp(packet, out);
    default: return PTN_IP_FINE;
    }
}

static bool body_checksum_holds(const struct ptn_ip *ip, struct ptn_bytes body)
{
    const struct ptn_ip_ends *ends = &ip->ends;
    uint32_t sum = 0;

    switch (ends->proto) {
    case PTN_IP_UDP:
        if (u16(body.data + 6) == 0)
            return ip->family == PTN_IPV4;
        body.size = u16(body.data + 4); /* what is behind it belongs to nobody */
        break;
    case PTN_IP_TCP:
    case PTN_IP_ICMP:
    case PTN_IP_ICMP6: break;
    default: return true;
    }
    if (ends->proto != PTN_IP_ICMP)
        sum = ptn_ip_sum_pseudo(&ends->from, &ends->to, ends->proto, body.size);
    return ptn_ip_checksum(ptn_ip_sum(sum, body)) == 0;
}

bool ptn_ip_checksums_hold(struct ptn_bytes packet, const struct ptn_ip *ip)
{
    size_t body_at = ip->ends.body_at;

    if (ip->family == PTN_IPV4 &&
        ptn_ip_checksum(ptn_ip_sum(0, ptn_bytes(packet.data, body_at))) != 0)
        return false;
    return ip->is_fragment ||
           body_checksum_holds(ip, ptn_bytes(packet.data + body_at, ip->size - body_at));
}
