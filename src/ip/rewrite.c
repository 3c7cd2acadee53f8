/*
 * ip/rewrite.c - new ends for a packet, with its checksums mended and not made anew.
 *
 * Mending keeps a checksum that was wrong before wrong afterwards, so a NAT
 * never makes damaged bytes look sound.
 */
#include "ip/ip.h"

#include <assert.h>

#include "ip/checksum.h"

/* Where the checksum of a UDP, TCP or ICMP header stands in it; 0: it has none. */
static size_t checksum_offset(uint8_t proto)
{
    switch (proto) {
    case PTN_IP_UDP: return 6;
    case PTN_IP_TCP: return 16;
    case PTN_IP_ICMP:
    case PTN_IP_ICMP6: return 2;
    default: return 0;
    }
}

/* Puts `size` new bytes (even) at `at`; returns by how much the sum of the packet has changed,
 * as the pair that ptn_ip_checksum_mend() takes. */
struct change {
    uint32_t was, is;
};

static void put(uint8_t *at, const uint8_t *bytes, size_t size, struct change *c)
{
    c->was = ptn_ip_sum(c->was, ptn_bytes(at, size));
    memcpy(at, bytes, size);
    c->is = ptn_ip_sum(c->is, ptn_bytes(at, size));
}

static void put_port(uint8_t *at, uint16_t port, struct change *c)
{
    put(at, (const uint8_t[]){(uint8_t)(port >> 8), (uint8_t)port}, 2, c);
}

static void put_ports(uint8_t *body, struct ptn_ip_ends *ends, struct change *c)
{
    if (ends->proto == PTN_IP_UDP || ends->proto == PTN_IP_TCP) {
        put_port(body, ends->from.port, c);
        put_port(body + 2, ends->to.port, c);
    } else {
        bool reply = body[0] == 0 || body[0] == 129;
        put_port(body + 4, reply ? ends->to.port : ends->from.port, c);
        *(reply ? &ends->from.port : &ends->to.port) = 0; /* who is asked has none */
    }
}

/* Rewrites addresses, ports and the checksums that belong to them; `end` is where the bytes end,
 * which in a quoted packet may be before its checksum. */
static void rewrite(uint8_t *packet, size_t end, bool may_have_body, struct ptn_ip_ends *ends,
                    const struct ptn_addr *from, const struct ptn_addr *to)
{
    uint8_t *head = packet + ends->at, *body = packet + ends->body_at;
    size_t ip_size = ptn_addr_ip_bytes(&ends->from);
    struct change addresses = {0}, all;

    assert(from->family == ends->from.family && to->family == ends->to.family);

    put(head + (ip_size == 4 ? 12 : 8), from->ip, ip_size, &addresses);
    put(head + (ip_size == 4 ? 16 : 24), to->ip, ip_size, &addresses);
    if (ip_size == 4)
        ptn_ip_checksum_mend(head + 10, addresses.was, addresses.is);
    ends->from = ptn_addr_with_port(*from, ends->has_ports ? from->port : 0);
    ends->to = ptn_addr_with_port(*to, ends->has_ports ? to->port : 0);

    /* ICMP for IPv4 alone has no pseudo-header: its checksum does not know the addresses. */
    all = ends->proto == PTN_IP_ICMP ? (struct change){0} : addresses;
    if (ends->has_ports)
        put_ports(body, ends, &all);

    size_t at = checksum_offset(ends->proto);
    if (!may_have_body || at == 0 || ends->body_at + at + 2 > end)
        return;
    bool udp = ends->proto == PTN_IP_UDP;
    if (udp && body[at] == 0 && body[at + 1] == 0)
        return;
    ptn_ip_checksum_mend(body + at, all.was, all.is);
    if (udp && body[at] == 0 && body[at + 1] == 0)
        body[at] = body[at + 1] = 0xff;
}

void ptn_ip_rewrite(uint8_t *packet, struct ptn_ip *ip, const struct ptn_addr *from,
                    const struct ptn_addr *to)
{
    rewrite(packet, ip->size, ip->fragment_offset == 0, &ip->ends, from, to);
}

void ptn_ip_rewrite_quoted(uint8_t *packet, struct ptn_ip *ip, const struct ptn_addr *from,
                           const struct ptn_addr *to)
{
    struct ptn_bytes quote = {packet + ip->icmp.quoted.at, ip->size - ip->icmp.quoted.at};

    assert(ip->icmp.has_quoted);

    /* The checksum inside the quote is among what the one around it covers. */
    uint32_t was = ptn_ip_sum(0, quote);
    rewrite(packet, ip->size, ip->icmp.quoted.has_ports, &ip->icmp.quoted, from, to);
    ptn_ip_checksum_mend(packet + ip->ends.body_at + 2, was, ptn_ip_sum(0, quote));
}

void ptn_ip_decrement_ttl(uint8_t *packet, struct ptn_ip *ip)
{
    assert(ip->ttl > 1);

    ip->ttl--;
    if (ip->family == PTN_IPV6) {
        packet[7] = ip->ttl;
        return;
    }
    struct change c = {0};
    put(packet + 8, (const uint8_t[]){ip->ttl, packet[9]}, 2, &c);
    ptn_ip_checksum_mend(packet + 10, c.was, c.is);
}
