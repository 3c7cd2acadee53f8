/*
 * os/pcapng.c - three kinds of block, each with its length at both ends.
 *
 *     type | length | body, options, padded to 4 bytes | length
 *
 * The length is known only at the end of a block, so it is patched in there.
 */
#include "os/pcapng.h"

enum {
    BLOCK_SECTION = 0x0a0d0d0a,
    BLOCK_INTERFACE = 1,
    BLOCK_PACKET = 6,

    OPTION_END = 0,
    OPTION_COMMENT = 1,
    OPTION_SECTION_PROGRAM = 4,
    OPTION_INTERFACE_NAME = 2,
    OPTION_INTERFACE_RESOLUTION = 9,

    LINKTYPE_RAW = 101,
    NANOSECONDS = 9, /* as a negative power of ten */
};

static uint8_t *begin(struct ptn_writer *w, uint32_t type)
{
    uint8_t *start = w->at;
    ptn_write_u32(w, type);
    ptn_write_u32(w, 0);
    return start;
}

static void end(struct ptn_writer *w, uint8_t *start)
{
    uint32_t size = (uint32_t)(w->at - start) + 4;

    ptn_write_u32(w, size);
    if (w->bad)
        return;
    struct ptn_writer length = ptn_writer(start + 4, 4);
    ptn_write_u32(&length, size);
}

static void write_padded(struct ptn_writer *w, struct ptn_bytes b)
{
    ptn_write(w, b);
    ptn_write_zeros(w, -b.size & 3);
}

static void option(struct ptn_writer *w, uint16_t code, struct ptn_bytes value)
{
    ptn_write_u16(w, code);
    ptn_write_u16(w, (uint16_t)value.size);
    write_padded(w, value);
}

void ptn_pcapng_section(struct ptn_writer *w, const char *program)
{
    uint8_t *start = begin(w, BLOCK_SECTION);

    ptn_write_u32(w, 0x1a2b3c4d);
    ptn_write_u16(w, 1); /* version 1.0 */
    ptn_write_u16(w, 0);
    ptn_write_u32(w, UINT32_MAX); /* the section's length is not given */
    ptn_write_u32(w, UINT32_MAX);
    option(w, OPTION_SECTION_PROGRAM, ptn_bytes_of_text(program));
    option(w, OPTION_END, ptn_bytes(NULL, 0));
    end(w, start);
}

void ptn_pcapng_interface(struct ptn_writer *w, const char *name)
{
    uint8_t *start = begin(w, BLOCK_INTERFACE);

    ptn_write_u16(w, LINKTYPE_RAW);
    ptn_write_u16(w, 0);
    ptn_write_u32(w, 0); /* packets are never cut */
    option(w, OPTION_INTERFACE_NAME, ptn_bytes_of_text(name));
    option(w, OPTION_INTERFACE_RESOLUTION, ptn_bytes((const uint8_t[]){NANOSECONDS}, 1));
    option(w, OPTION_END, ptn_bytes(NULL, 0));
    end(w, start);
}

void ptn_pcapng_packet(struct ptn_writer *w, uint32_t interface, uint64_t unix_ns,
                       struct ptn_bytes packet, const char *comment)
{
    uint8_t *start = begin(w, BLOCK_PACKET);

    ptn_write_u32(w, interface);
    ptn_write_u32(w, (uint32_t)(unix_ns >> 32));
    ptn_write_u32(w, (uint32_t)unix_ns);
    ptn_write_u32(w, (uint32_t)packet.size);
    ptn_write_u32(w, (uint32_t)packet.size);
    write_padded(w, packet);
    if (comment) {
        option(w, OPTION_COMMENT, ptn_bytes_of_text(comment));
        option(w, OPTION_END, ptn_bytes(NULL, 0));
    }
    end(w, start);
}
