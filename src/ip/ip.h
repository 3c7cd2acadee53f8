/*
 * ip/ip.h - one IP packet: looked at, rewritten, built.
 *
 * Works on whole packets as they stand on a wire, IPv4 and IPv6, with UDP, TCP
 * and ICMP inside. Keeps nothing. Fragments are seen for what they are here and
 * put together in ip/fragment.h.
 *
 * RFC 791, 792, 768, 9293, 8200 (extension headers are stepped over), 4443.
 */
#ifndef PTN_IP_IP_H
#define PTN_IP_IP_H

#include "base/addr.h"
#include "base/bytes.h"
#include "base/cursor.h"

enum ptn_ip_proto {
    PTN_IP_ICMP = 1,
    PTN_IP_TCP = 6,
    PTN_IP_UDP = 17,
    PTN_IP_ICMP6 = 58,
};

enum ptn_ip_verdict {
    PTN_IP_FINE,
    PTN_IP_SHORT,        /* ends before its headers or its stated length do */
    PTN_IP_MALFORMED,    /* a length or version that cannot be */
    PTN_IP_BAD_CHECKSUM, /* of the IPv4 header, or of what it carries */
};

enum ptn_tcp_flag {
    PTN_TCP_FIN = 1,
    PTN_TCP_SYN = 2,
    PTN_TCP_RST = 4,
    PTN_TCP_PSH = 8,
    PTN_TCP_ACK = 16,
};

/* What went wrong with a packet, in the words of ICMP; the numbers differ by family. */
enum ptn_icmp_error {
    PTN_ICMP_NOT_AN_ERROR,
    PTN_ICMP_NET_UNREACHABLE,
    PTN_ICMP_HOST_UNREACHABLE,
    PTN_ICMP_PORT_UNREACHABLE,
    PTN_ICMP_PROHIBITED,
    PTN_ICMP_TOO_BIG, /* and did not let itself be fragmented */
    PTN_ICMP_TIME_EXCEEDED,
    PTN_ICMP_OTHER_ERROR,
};

/* The ends of a packet and where they stand in its bytes. The port of an ICMP
 * query's asking end is its identifier (from in a request, to in a reply). */
struct ptn_ip_ends {
    uint8_t proto; /* enum ptn_ip_proto, or whatever else was found */
    bool has_ports;
    struct ptn_addr from, to; /* ports 0 unless has_ports */
    size_t at;                /* of the IP header in the whole packet */
    size_t body_at;           /* of the UDP, TCP, ICMP … header in the whole packet */
};

struct ptn_ip {
    uint8_t family; /* enum ptn_family */
    uint8_t ttl;
    uint8_t dscp;
    bool dont_fragment;           /* IPv6: always, on the way */
    bool is_fragment, more;       /* and whether others follow it */
    uint32_t id, fragment_offset; /* bytes */
    size_t proto_at;              /* of the byte that names ends.proto */
    size_t fragment_header_at;    /* IPv6 fragments only, as is the next */
    size_t fragment_named_at;     /* of the byte that said it follows */
    size_t size;                  /* as the IP header states it; bytes behind are padding */
    struct ptn_ip_ends ends;
    struct ptn_bytes payload; /* behind the UDP, TCP or ICMP header; of anything else, its body */
    struct ptn_tcp {
        uint32_t seq, ack;
        uint16_t window;
        uint16_t mss; /* option of a SYN; 0 when absent */
        uint8_t flags;
    } tcp;
    struct ptn_icmp {
        uint8_t type, code;
        enum ptn_icmp_error error;
        uint32_t mtu;           /* TOO_BIG */
        bool is_echo, is_reply; /* echo: request or reply */
        uint16_t seq;
        bool has_quoted; /* an error whose embedded packet could be read */
        struct ptn_ip_ends quoted;
    } icmp;
};

/* The numbers point into `packet`, which must outlive the payload's use. Checksums are not looked
 * at. A later fragment has no ports; its payload is its bytes. */
enum ptn_ip_verdict ptn_ip_parse(struct ptn_bytes packet, struct ptn_ip *out);

/* Whether all checksums hold: IPv4 header, UDP (0 on IPv4 is none), TCP, ICMP. Fragments: the
 * IPv4 header's only. */
bool ptn_ip_checksums_hold(struct ptn_bytes packet, const struct ptn_ip *ip);

/* Gives the packet new ends and mends every checksum by the difference (RFC 1624, RFC 3022 §4.2).
 * Families must stay. Ports are rewritten when it has ports. `ip` follows. */
void ptn_ip_rewrite(uint8_t *packet, struct ptn_ip *ip, const struct ptn_addr *from,
                    const struct ptn_addr *to);

/* The same for the packet embedded in an ICMP error; also mends the ICMP checksum around it. */
void ptn_ip_rewrite_quoted(uint8_t *packet, struct ptn_ip *ip, const struct ptn_addr *from,
                           const struct ptn_addr *to);

/* One hop less; the caller has seen that ttl is above 1. */
void ptn_ip_decrement_ttl(uint8_t *packet, struct ptn_ip *ip);

/* Building. Each writes one whole packet with right checksums; `w` turns bad when it is full. */
struct ptn_ip_head {
    struct ptn_addr from, to;
    uint8_t ttl; /* 0: 64 */
    uint8_t dscp;
    bool dont_fragment; /* IPv4 */
    uint16_t id;        /* IPv4; needed only when it may be fragmented */
};

void ptn_ip_build_udp(struct ptn_writer *w, const struct ptn_ip_head *head,
                      struct ptn_bytes payload);

/* Ports are in head; an mss other than 0 is written as an option. */
void ptn_ip_build_tcp(struct ptn_writer *w, const struct ptn_ip_head *head,
                      const struct ptn_tcp *tcp, struct ptn_bytes payload);

/* A request with id head->from.port, or a reply with id head->to.port. */
void ptn_ip_build_echo(struct ptn_writer *w, const struct ptn_ip_head *head, bool is_reply,
                       uint16_t seq, struct ptn_bytes payload);

/* An ICMP error from `from` about `packet`, to its sender, quoting as much as the RFCs advise
 * (IPv4 576 bytes in all, IPv6 1280). Nothing is written, and false returned, where none may be
 * sent: about ICMP errors, later fragments, multicast or unspecified ends (RFC 1122 §3.2.2, RFC
 * 4443 §2.4). `mtu` matters with TOO_BIG only. */
bool ptn_ip_build_error(struct ptn_writer *w, const struct ptn_addr *from,
                        enum ptn_icmp_error error, uint32_t mtu, struct ptn_bytes packet,
                        const struct ptn_ip *ip);

#endif
