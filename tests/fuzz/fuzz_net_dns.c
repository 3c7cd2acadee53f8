/* Any bytes as a DNS query and as an answer: what is written fits what the client takes and can
 * be read. */
#include <stdlib.h>

#include "net/dns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct ptn_dns_record a = {.type = PTN_DNS_A, .addr = {.family = PTN_IPV4}};
    static const struct ptn_dns_record srv = {.type = PTN_DNS_SRV, .target = "a.example.test"};
    static const struct ptn_dns_record naptr = {
        .type = PTN_DNS_NAPTR, .target = "", .flags = "s", .service = "SIP+D2U"};
    const struct ptn_dns_record *records[60];
    uint8_t bytes[PTN_NET_DNS_SIZE_MAX];
    struct ptn_writer w = ptn_writer(bytes, sizeof bytes);
    struct ptn_net_dns_query query;
    struct ptn_net_dns_answer answer;

    if (ptn_net_dns_read_answer(ptn_bytes(data, size), &answer) &&
        answer.record_count > sizeof answer.records / sizeof answer.records[0])
        abort();
    if (!ptn_net_dns_read_query(ptn_bytes(data, size), &query))
        return 0;
    if (strlen(query.name) >= sizeof query.name || query.size_max < 512)
        abort();
    for (unsigned i = 0; i < 60; i++)
        records[i] = i % 3 == 0 ? &a : i % 3 == 1 ? &srv : &naptr;
    ptn_net_dns_write_answer(&w, &query, PTN_NET_DNS_FINE, records, 60);
    /* A name whose labels hold dots cannot be written back; any other answer must fit. */
    if (w.bad)
        return 0;
    if (ptn_writer_size(&w) > query.size_max ||
        !ptn_net_dns_read_answer(ptn_bytes(bytes, ptn_writer_size(&w)), &answer) ||
        answer.id != query.id || answer.record_count == 0)
        abort();
    return 0;
}
