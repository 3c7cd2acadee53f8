/*
 * os/pcapng.h - the bytes of a capture file, for wireshark and tshark.
 *
 * Pure: blocks into a writer, which turns bad when one does not fit. A file is
 * one section, then its interfaces, then packets that name an interface by its
 * place among them. Written big-endian; the section's magic number says so.
 *
 * draft-ietf-opsawg-pcapng.
 */
#ifndef PTN_OS_PCAPNG_H
#define PTN_OS_PCAPNG_H

#include <stdint.h>

#include "base/cursor.h"

/* What a block needs besides the packet or the texts in it. */
#define PTN_PCAPNG_BLOCK_OVERHEAD 80

void ptn_pcapng_section(struct ptn_writer *w, const char *program);

/* Carries bare IPv4 and IPv6 packets (LINKTYPE_RAW); times are nanoseconds. */
void ptn_pcapng_interface(struct ptn_writer *w, const char *name);

/* `unix_ns` since 1970; `comment` is shown beside the packet, NULL for none. */
void ptn_pcapng_packet(struct ptn_writer *w, uint32_t interface, uint64_t unix_ns,
                       struct ptn_bytes packet, const char *comment);

#endif
