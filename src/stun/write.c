/*
 * stun/write.c - writing STUN messages; the second half of stun/msg.h.
 *
 * Each put sets the header's length anew, so that a seal can be computed over
 * what stands there at any moment without knowing what was meant to follow.
 */
#include "stun/msg.h"

#include <assert.h>

static void set_length(struct ptn_stun_out *o)
{
    size_t length = ptn_writer_size(&o->w) - PTN_STUN_HEADER_BYTES;

    if (length > UINT16_MAX)
        o->w.bad = true;
    if (o->w.bad)
        return;
    o->w.start[2] = (uint8_t)(length >> 8);
    o->w.start[3] = (uint8_t)length;
}

static bool is_classic(const struct ptn_stun_out *o)
{
    return ptn_stun_id_dialect(&o->id) == PTN_STUN_CLASSIC;
}

void ptn_stun_begin(struct ptn_stun_out *o, void *buf, size_t size, enum ptn_stun_class class,
                    uint16_t method, const struct ptn_stun_id *id)
{
    unsigned c = class;

    assert(method < 0x1000);
    *o = (struct ptn_stun_out){.w = ptn_writer(buf, size), .id = *id};
    ptn_write_u16(&o->w, (uint16_t)((method & 0xf80u) << 2 | (method & 0x70u) << 1 |
                                    (method & 0xfu) | (c & 2) << 7 | (c & 1) << 4));
    ptn_write_u16(&o->w, 0);
    ptn_write(&o->w, ptn_bytes(id->bytes, sizeof id->bytes));
}

static void put_header(struct ptn_stun_out *o, enum ptn_stun_attr type, size_t size)
{
    if (size > UINT16_MAX)
        o->w.bad = true;
    ptn_write_u16(&o->w, (uint16_t)type);
    ptn_write_u16(&o->w, (uint16_t)size);
}

/* Pads what was written since the attribute's header and tells the header about it. */
static void finish(struct ptn_stun_out *o)
{
    ptn_write_zeros(&o->w, (4 - ptn_writer_size(&o->w) % 4) % 4);
    set_length(o);
}

void ptn_stun_put(struct ptn_stun_out *o, enum ptn_stun_attr type, struct ptn_bytes value)
{
    put_header(o, type, value.size);
    ptn_write(&o->w, value);
    finish(o);
}

void ptn_stun_put_addr(struct ptn_stun_out *o, enum ptn_stun_attr type, const struct ptn_addr *a)
{
    bool cover = ptn_stun_attr_info((uint16_t)type).form == PTN_STUN_FORM_XOR_ADDR;
    size_t size = ptn_addr_ip_bytes(a);
    uint8_t ip[16];

    assert(!ptn_addr_is_none(a));
    for (size_t i = 0; i < size; i++)
        ip[i] = cover ? a->ip[i] ^ o->id.bytes[i] : a->ip[i];
    put_header(o, type, 4 + size);
    ptn_write_u8(&o->w, 0);
    ptn_write_u8(&o->w, a->family == PTN_IPV4 ? 1 : 2);
    ptn_write_u16(&o->w,
                  cover ? a->port ^ (uint16_t)(o->id.bytes[0] << 8 | o->id.bytes[1]) : a->port);
    ptn_write(&o->w, ptn_bytes(ip, size));
    finish(o);
}

void ptn_stun_put_u32(struct ptn_stun_out *o, enum ptn_stun_attr type, uint32_t value)
{
    put_header(o, type, 4);
    ptn_write_u32(&o->w, value);
    finish(o);
}

void ptn_stun_put_u16(struct ptn_stun_out *o, enum ptn_stun_attr type, uint16_t value)
{
    ptn_stun_put_u32(o, type, (uint32_t)value << 16);
}

void ptn_stun_put_error(struct ptn_stun_out *o, unsigned code)
{
    struct ptn_bytes reason = ptn_bytes_of_text(ptn_stun_reason(code));
    size_t spaces = is_classic(o) ? (4 - reason.size % 4) % 4 : 0;

    assert(code >= 300 && code <= 699);
    put_header(o, PTN_STUN_ERROR_CODE, 4 + reason.size + spaces);
    ptn_write_u16(&o->w, 0);
    ptn_write_u8(&o->w, (uint8_t)(code / 100));
    ptn_write_u8(&o->w, (uint8_t)(code % 100));
    ptn_write(&o->w, reason);
    ptn_write(&o->w, ptn_bytes("   ", spaces));
    finish(o);
}

void ptn_stun_put_code(struct ptn_stun_out *o, unsigned code)
{
    assert(code >= 300 && code <= 699);
    ptn_stun_put_u32(o, PTN_STUN_ERROR_CODE, code / 100 << 8 | code % 100);
}

void ptn_stun_put_unknown(struct ptn_stun_out *o, const uint16_t *types, size_t count)
{
    size_t told = is_classic(o) && count % 2 ? count + 1 : count;

    put_header(o, PTN_STUN_UNKNOWN_ATTRIBUTES, told * 2);
    for (size_t i = 0; i < told; i++)
        ptn_write_u16(&o->w, types[i < count ? i : count - 1]);
    finish(o);
}

void ptn_stun_put_algorithms(struct ptn_stun_out *o, enum ptn_stun_attr type,
                             const uint16_t *algorithms, size_t count)
{
    put_header(o, type, count * 4);
    for (size_t i = 0; i < count; i++) {
        ptn_write_u16(&o->w, algorithms[i]);
        ptn_write_u16(&o->w, 0);
    }
    finish(o);
}

bool ptn_stun_end(const struct ptn_stun_out *o, struct ptn_bytes *message)
{
    if (o->w.bad)
        return false;
    *message = ptn_bytes(o->w.start, ptn_writer_size(&o->w));
    return true;
}
