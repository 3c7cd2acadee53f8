/*
 * ip/checksum.c - adding 16-bit words with the carry brought round.
 */
#include "ip/checksum.h"

static uint32_t folded(uint32_t sum)
{
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return sum;
}

uint32_t ptn_ip_sum(uint32_t sum, struct ptn_bytes bytes)
{
    uint64_t wide = sum;
    size_t i = 0;

    for (; i + 1 < bytes.size; i += 2)
        wide += (uint32_t)(bytes.data[i] << 8 | bytes.data[i + 1]);
    if (i < bytes.size)
        wide += (uint32_t)bytes.data[i] << 8;
    while (wide >> 16)
        wide = (wide & 0xffff) + (wide >> 16);
    return (uint32_t)wide;
}

uint32_t ptn_ip_sum_pseudo(const struct ptn_addr *from, const struct ptn_addr *to, uint8_t proto,
                           size_t size)
{
    uint32_t sum = proto + (uint32_t)(size >> 16) + (uint32_t)(size & 0xffff);

    sum = ptn_ip_sum(sum, ptn_bytes(from->ip, ptn_addr_ip_bytes(from)));
    return ptn_ip_sum(sum, ptn_bytes(to->ip, ptn_addr_ip_bytes(to)));
}

uint16_t ptn_ip_checksum(uint32_t sum)
{
    return (uint16_t)~folded(sum);
}

void ptn_ip_checksum_mend(uint8_t *checksum, uint32_t was, uint32_t is)
{
    uint16_t old = (uint16_t)(checksum[0] << 8 | checksum[1]);
    /* RFC 1624 eqn. 3; the subtracting form of RFC 1141 gets one value in 65536 wrong. */
    uint32_t sum = (uint16_t)~old + (uint32_t)(uint16_t)~folded(was) + folded(is);
    uint16_t mended = ptn_ip_checksum(sum);

    checksum[0] = (uint8_t)(mended >> 8);
    checksum[1] = (uint8_t)mended;
}
