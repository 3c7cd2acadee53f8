/*
 * os/dns_answer.h - the records in a DNS response, with their lifetimes.
 *
 * Pure: bytes of a whole message in, records out. Kept apart from the asking
 * because these bytes come from the network.
 */
#ifndef PTN_OS_DNS_ANSWER_H
#define PTN_OS_DNS_ANSWER_H

#include "base/effect.h"

enum {
    PTN_DNS_RECORDS_MAX = 64,
    PTN_DNS_TEXT_SIZE = 16384, /* of all names together */
};

struct ptn_dns_answer {
    struct ptn_dns_record records[PTN_DNS_RECORDS_MAX];
    size_t count;
    char text[PTN_DNS_TEXT_SIZE]; /* what the records' pointers point into */
    size_t text_used;
};

/* Adds the records of the answer section that are of one of `types`; others, and what does not
 * fit, are left out. False when the message is malformed; what came before that is kept. */
bool ptn_dns_answer_add(struct ptn_dns_answer *a, struct ptn_bytes message, unsigned types);

/* Adds an address known from elsewhere. */
void ptn_dns_answer_add_addr(struct ptn_dns_answer *a, const struct ptn_addr *addr, uint32_t ttl_s);

#endif
