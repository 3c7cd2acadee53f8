/*
 * os/dns_answer.c - libre reads the records; c-ares' own structs lack lifetimes for SRV and NAPTR.
 */
#include "os/dns_answer.h"

#include <re.h>
#include <string.h>

static const struct {
    uint16_t wire;
    enum ptn_dns_type type;
} types_on_wire[] = {
    {DNS_TYPE_A, PTN_DNS_A},
    {DNS_TYPE_AAAA, PTN_DNS_AAAA},
    {DNS_TYPE_SRV, PTN_DNS_SRV},
    {DNS_TYPE_NAPTR, PTN_DNS_NAPTR},
};

static unsigned type_of(const struct dnsrr *rr)
{
    for (size_t i = 0; i < sizeof types_on_wire / sizeof types_on_wire[0]; i++)
        if (types_on_wire[i].wire == rr->type && rr->dnsclass == DNS_CLASS_IN)
            return types_on_wire[i].type;
    return 0;
}

/* A copy in the answer's own text, without a final dot; NULL when there is no room. */
static const char *keep(struct ptn_dns_answer *a, const char *text)
{
    size_t size = text ? strlen(text) : 0;

    if (size > 0 && text[size - 1] == '.')
        size--;
    if (size + 1 > sizeof a->text - a->text_used)
        return NULL;
    char *copy = a->text + a->text_used;
    if (size > 0)
        memcpy(copy, text, size);
    copy[size] = '\0';
    a->text_used += size + 1;
    return copy;
}

static bool fill(struct ptn_dns_answer *a, const struct dnsrr *rr, struct ptn_dns_record *r)
{
    uint32_t ip = rr->rdata.a.addr;

    switch (r->type) {
    case PTN_DNS_A:
        r->addr = ptn_addr_v4((uint8_t)(ip >> 24), (uint8_t)(ip >> 16), (uint8_t)(ip >> 8),
                              (uint8_t)ip, 0);
        return true;
    case PTN_DNS_AAAA:
        r->addr.family = PTN_IPV6;
        memcpy(r->addr.ip, rr->rdata.aaaa.addr, 16);
        return true;
    case PTN_DNS_SRV:
        r->priority = rr->rdata.srv.pri;
        r->weight = rr->rdata.srv.weight;
        r->port = rr->rdata.srv.port;
        r->target = keep(a, rr->rdata.srv.target);
        /* "." says that the service is not offered here (RFC 2782). */
        return r->target && r->target[0];
    case PTN_DNS_NAPTR:
        r->priority = rr->rdata.naptr.order;
        r->weight = rr->rdata.naptr.pref;
        r->flags = keep(a, rr->rdata.naptr.flags);
        r->service = keep(a, rr->rdata.naptr.services);
        r->target = keep(a, rr->rdata.naptr.replace);
        return r->flags && r->service && r->target;
    }
    return false;
}

static void take(struct ptn_dns_answer *a, const struct dnsrr *rr, unsigned types)
{
    unsigned type = type_of(rr) & types;
    struct ptn_dns_record r = {.type = (enum ptn_dns_type)type};

    if (!type || a->count == PTN_DNS_RECORDS_MAX)
        return;
    /* RFC 2181 §8: the top bit of a lifetime is a mistake, and means zero. */
    r.ttl_s = rr->ttl < 0 || rr->ttl > INT32_MAX ? 0 : (uint32_t)rr->ttl;
    if (fill(a, rr, &r))
        a->records[a->count++] = r;
}

static bool skip_questions(struct mbuf *mb, unsigned count)
{
    for (; count > 0; count--) {
        char *name = NULL;
        int err = dns_dname_decode(mb, &name, 0);
        mem_deref(name);
        if (err || mbuf_get_left(mb) < 4)
            return false;
        mbuf_advance(mb, 4);
    }
    return true;
}

static bool read_message(struct ptn_dns_answer *a, struct mbuf *mb, unsigned types)
{
    struct dnshdr header;

    if (dns_hdr_decode(mb, &header) || !skip_questions(mb, header.nq))
        return false;
    for (unsigned i = 0; i < header.nans; i++) {
        struct dnsrr *rr = NULL;
        if (dns_rr_decode(mb, &rr, 0)) {
            mem_deref(rr);
            return false;
        }
        take(a, rr, types);
        mem_deref(rr);
    }
    return true;
}

bool ptn_dns_answer_add(struct ptn_dns_answer *a, struct ptn_bytes message, unsigned types)
{
    struct mbuf *mb = mbuf_alloc(message.size ? message.size : 1);
    bool whole = mb && mbuf_write_mem(mb, message.data, message.size) == 0;

    if (whole) {
        mbuf_set_pos(mb, 0);
        whole = read_message(a, mb, types);
    }
    mem_deref(mb);
    return whole;
}

void ptn_dns_answer_add_addr(struct ptn_dns_answer *a, const struct ptn_addr *addr, uint32_t ttl_s)
{
    if (a->count < PTN_DNS_RECORDS_MAX)
        a->records[a->count++] =
            (struct ptn_dns_record){.type = addr->family == PTN_IPV6 ? PTN_DNS_AAAA : PTN_DNS_A,
                                    .ttl_s = ttl_s,
                                    .addr = ptn_addr_with_port(*addr, 0)};
}
