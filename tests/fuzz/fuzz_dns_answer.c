/*
 * fuzz_dns_answer - a name server's response, which anybody on the path may have written.
 */
#include <stdlib.h>
#include <string.h>

#include "os/dns_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct ptn_dns_answer a;

    a.count = a.text_used = 0;
    ptn_dns_answer_add(&a, ptn_bytes(data, size), PTN_DNS_A | PTN_DNS_AAAA | PTN_DNS_SRV);
    ptn_dns_answer_add(&a, ptn_bytes(data, size), PTN_DNS_NAPTR);
    for (size_t i = 0; i < a.count; i++)
        if (a.records[i].target && strlen(a.records[i].target) > 255)
            abort();
    return 0;
}
