/*
 * ip/checksum.h - the Internet checksum: whole, and mended by a difference.
 *
 * RFC 1071, RFC 1624.
 */
#ifndef PTN_IP_CHECKSUM_H
#define PTN_IP_CHECKSUM_H

#include "base/addr.h"
#include "base/bytes.h"

/* A running one's complement sum; pieces but the last must be of even size. */
uint32_t ptn_ip_sum(uint32_t sum, struct ptn_bytes bytes);

/* The pseudo-header of UDP, TCP and ICMPv6. */
uint32_t ptn_ip_sum_pseudo(const struct ptn_addr *from, const struct ptn_addr *to, uint8_t proto,
                           size_t size);

/* The 16 bits that go into a header. */
uint16_t ptn_ip_checksum(uint32_t sum);

/* Mends the two bytes of a checksum for data whose own sum was `was` and is now `is`. */
void ptn_ip_checksum_mend(uint8_t *checksum, uint32_t was, uint32_t is);

#endif
