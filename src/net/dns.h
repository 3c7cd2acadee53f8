/*
 * net/dns.h - DNS messages, as far as a phone's questions need them.
 *
 * Both halves: the scripted name server reads queries and writes answers; a
 * simulated host writes queries and reads answers. A, AAAA, SRV and NAPTR, one
 * question a message, over UDP.
 *
 * RFC 1035, 2782, 3403, 3596, 6891 (the size a client takes).
 */
#ifndef PTN_NET_DNS_H
#define PTN_NET_DNS_H

#include "base/cursor.h"
#include "base/effect.h"

enum {
    PTN_NET_DNS_NAME_MAX = 256, /* as text, with the final zero */
    PTN_NET_DNS_SIZE_MAX = 1232,
};

enum ptn_net_dns_code {
    PTN_NET_DNS_FINE = 0,
    PTN_NET_DNS_SERVER_FAILED = 2,
    PTN_NET_DNS_NO_SUCH_NAME = 3,
    PTN_NET_DNS_NOT_IMPLEMENTED = 4,
};

struct ptn_net_dns_query {
    uint16_t id;
    uint16_t type; /* the number on the wire */
    bool recursion_desired;
    size_t size_max;                 /* of an answer: 512, or what the client says, at most 1232 */
    char name[PTN_NET_DNS_NAME_MAX]; /* lower case, no final dot */
};

/* What an answer says; records point into the reader's own text. */
struct ptn_net_dns_answer {
    uint16_t id;
    enum ptn_net_dns_code code;
    bool truncated;
    struct ptn_dns_record records[16];
    size_t record_count; /* of our types, in the answer section */
    char text[4096];     /* targets, flags and services */
};

/* The number of a record type on the wire. */
uint16_t ptn_net_dns_number(enum ptn_dns_type type);

/* False when it is no query with one question in class IN; nothing should be answered then. */
bool ptn_net_dns_read_query(struct ptn_bytes message, struct ptn_net_dns_query *out);

/* Cut off after the last record that fits, with the truncation bit set. */
void ptn_net_dns_write_answer(struct ptn_writer *w, const struct ptn_net_dns_query *query,
                              enum ptn_net_dns_code code,
                              const struct ptn_dns_record *const *records, size_t count);

void ptn_net_dns_write_query(struct ptn_writer *w, uint16_t id, const char *name,
                             enum ptn_dns_type type);

/* False when it is malformed. Records beyond the room in `out` are left out. */
bool ptn_net_dns_read_answer(struct ptn_bytes message, struct ptn_net_dns_answer *out);

#endif
