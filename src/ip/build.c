/*
 * ip/build.c - whole packets from their parts.
 *
 * The body is written first and its checksum put in when its size is known; the
 * IP header in front of it goes the same way.
 */
#include "ip/ip.h"

#include "ip/checksum.h"

enum { V4_HEADER = 20, V6_HEADER = 40, V4_ERROR_MAX = 576, V6_ERROR_MAX = 1280, TTL_DEFAULT = 64 };

static void put_u16(uint8_t *at, size_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

/* Leaves room for the IP header; returns where the packet begins in `w`. */
static size_t begin(struct ptn_writer *w, const struct ptn_ip_head *head)
{
    size_t start = ptn_writer_size(w);

    ptn_write_zeros(w, head->from.family == PTN_IPV4 ? V4_HEADER : V6_HEADER);
    return start;
}

static void write_v4(uint8_t *p, const struct ptn_ip_head *head, uint8_t proto, size_t size)
{
    p[0] = 0x45;
    p[1] = (uint8_t)(head->dscp << 2);
    put_u16(p + 2, size);
    put_u16(p + 4, head->id);
    p[6] = head->dont_fragment ? 0x40 : 0;
    p[8] = head->ttl ? head->ttl : TTL_DEFAULT;
    p[9] = proto;
    memcpy(p + 12, head->from.ip, 4);
    memcpy(p + 16, head->to.ip, 4);
    put_u16(p + 10, ptn_ip_checksum(ptn_ip_sum(0, ptn_bytes(p, V4_HEADER))));
}

static void write_v6(uint8_t *p, const struct ptn_ip_head *head, uint8_t proto, size_t size)
{
    p[0] = (uint8_t)(0x60 | head->dscp >> 2);
    p[1] = (uint8_t)(head->dscp << 6);
    put_u16(p + 4, size - V6_HEADER);
    p[6] = proto;
    p[7] = head->ttl ? head->ttl : TTL_DEFAULT;
    memcpy(p + 8, head->from.ip, 16);
    memcpy(p + 24, head->to.ip, 16);
}

/* Writes the header that begin() left room for, and the checksum `checksum_at` bytes into the
 * body. */
static void finish(struct ptn_writer *w, size_t start, const struct ptn_ip_head *head,
                   uint8_t proto, size_t checksum_at)
{
    if (w->bad || ptn_writer_size(w) - start > 65535) {
        w->bad = true;
        return;
    }
    uint8_t *p = w->start + start;
    size_t size = (size_t)(w->at - p);
    size_t header = head->from.family == PTN_IPV4 ? V4_HEADER : V6_HEADER;
    uint32_t sum =
        proto == PTN_IP_ICMP ? 0 : ptn_ip_sum_pseudo(&head->from, &head->to, proto, size - header);

    if (proto == PTN_IP_UDP)
        put_u16(p + header + 4, size - header);
    uint16_t checksum = ptn_ip_checksum(ptn_ip_sum(sum, ptn_bytes(p + header, size - header)));
    /* RFC 768: 0 means "no checksum", so a sum that comes out as 0 is sent as its other form. */
    if (proto == PTN_IP_UDP && checksum == 0)
        checksum = 0xffff;
    put_u16(p + header + checksum_at, checksum);
    if (head->from.family == PTN_IPV4)
        write_v4(p, head, proto, size);
    else
        write_v6(p, head, proto, size);
}

void ptn_ip_build_udp(struct ptn_writer *w, const struct ptn_ip_head *head,
                      struct ptn_bytes payload)
{
    size_t start = begin(w, head);

    ptn_write_u16(w, head->from.port);
    ptn_write_u16(w, head->to.port);
    ptn_write_zeros(w, 4);
    ptn_write(w, payload);
    finish(w, start, head, PTN_IP_UDP, 6);
}

void ptn_ip_build_tcp(struct ptn_writer *w, const struct ptn_ip_head *head,
                      const struct ptn_tcp *tcp, struct ptn_bytes payload)
{
    size_t start = begin(w, head);

    ptn_write_u16(w, head->from.port);
    ptn_write_u16(w, head->to.port);
    ptn_write_u32(w, tcp->seq);
    ptn_write_u32(w, tcp->ack);
    ptn_write_u8(w, tcp->mss ? 0x60 : 0x50);
    ptn_write_u8(w, tcp->flags);
    ptn_write_u16(w, tcp->window);
    ptn_write_zeros(w, 4);
    if (tcp->mss) {
        ptn_write_u16(w, 0x0204);
        ptn_write_u16(w, tcp->mss);
    }
    ptn_write(w, payload);
    finish(w, start, head, PTN_IP_TCP, 16);
}

static uint8_t icmp_of(const struct ptn_addr *a)
{
    return a->family == PTN_IPV4 ? PTN_IP_ICMP : PTN_IP_ICMP6;
}

void ptn_ip_build_echo(struct ptn_writer *w, const struct ptn_ip_head *head, bool is_reply,
                       uint16_t seq, struct ptn_bytes payload)
{
    size_t start = begin(w, head);
    bool v4 = head->from.family == PTN_IPV4;

    ptn_write_u8(w, v4 ? (is_reply ? 0 : 8) : (is_reply ? 129 : 128));
    ptn_write_zeros(w, 3);
    ptn_write_u16(w, is_reply ? head->to.port : head->from.port);
    ptn_write_u16(w, seq);
    ptn_write(w, payload);
    finish(w, start, head, icmp_of(&head->from), 2);
}

/* RFC 1122 §3.2.2 and RFC 4443 §2.4: errors about these would multiply. */
static bool may_be_answered(const struct ptn_ip *ip)
{
    enum ptn_addr_kind from = ptn_addr_kind(&ip->ends.from), to = ptn_addr_kind(&ip->ends.to);

    return ip->icmp.error == PTN_ICMP_NOT_AN_ERROR && ip->fragment_offset == 0 &&
           from != PTN_ADDR_MULTICAST && from != PTN_ADDR_UNSPECIFIED &&
           from != PTN_ADDR_RESERVED && to != PTN_ADDR_MULTICAST && to != PTN_ADDR_RESERVED;
}

bool ptn_ip_build_error(struct ptn_writer *w, const struct ptn_addr *from,
                        enum ptn_icmp_error error, uint32_t mtu, struct ptn_bytes packet,
                        const struct ptn_ip *ip)
{
    static const struct {
        uint8_t v4_type, v4_code, v6_type, v6_code;
    } numbers[] = {
        [PTN_ICMP_NET_UNREACHABLE] = {3, 0, 1, 0},  [PTN_ICMP_HOST_UNREACHABLE] = {3, 1, 1, 3},
        [PTN_ICMP_PORT_UNREACHABLE] = {3, 3, 1, 4}, [PTN_ICMP_PROHIBITED] = {3, 13, 1, 1},
        [PTN_ICMP_TOO_BIG] = {3, 4, 2, 0},          [PTN_ICMP_TIME_EXCEEDED] = {11, 0, 3, 0},
        [PTN_ICMP_OTHER_ERROR] = {12, 0, 4, 0},
    };
    bool v4 = ip->family == PTN_IPV4;
    struct ptn_ip_head head = {.from = *from, .to = ptn_addr_with_port(ip->ends.from, 0)};

    if (!may_be_answered(ip) || from->family != ip->family)
        return false;
    size_t quote_max = (v4 ? V4_ERROR_MAX - V4_HEADER : V6_ERROR_MAX - V6_HEADER) - 8;
    size_t start = begin(w, &head);
    ptn_write_u8(w, v4 ? numbers[error].v4_type : numbers[error].v6_type);
    ptn_write_u8(w, v4 ? numbers[error].v4_code : numbers[error].v6_code);
    ptn_write_zeros(w, 2);
    ptn_write_u32(w, error == PTN_ICMP_TOO_BIG ? mtu : 0);
    ptn_write(w, ptn_bytes(packet.data, ip->size < quote_max ? ip->size : quote_max));
    finish(w, start, &head, icmp_of(from), 2);
    return !w->bad;
}
