/*
 * stun/msg.c - reading STUN messages.
 *
 *      0 0|  type 14 bits  |       length        |
 *     |   cookie 0x2112a442, or (RFC 3489) id    |
 *     |                  id                      |
 *     | attribute type     |  value length       | value, padded to 4 | …
 *
 * One walk checks the structure and notes where the first attribute of each type
 * starts; a value is looked at when somebody asks for it. So a message of many
 * attributes costs one walk however often it is asked, and one without any
 * costs next to nothing.
 */
#include "stun/msg.h"

#include <assert.h>

static void note(struct ptn_stun_msg *m, uint16_t type, size_t offset)
{
    unsigned slot = ptn_stun_slot(type);

    if (slot < PTN_STUN_SLOTS) {
        if (m->at[slot] == 0)
            m->at[slot] = (uint16_t)(offset / 4);
        if (slot < 64)
            m->required |= UINT64_C(1) << slot;
    } else if (ptn_stun_must_understand(type)) {
        for (unsigned i = 0; i < m->stranger_count; i++)
            if (m->strangers[i] == type)
                return;
        if (m->stranger_count < PTN_STUN_STRANGERS_MAX)
            m->strangers[m->stranger_count++] = type;
    }
}

/* Which attributes count, given the seals that were seen before: after MESSAGE-INTEGRITY only
 * the stronger seal and the fingerprint do, after the stronger one only the fingerprint. */
static bool counts(const struct ptn_stun_msg *m, uint16_t type)
{
    if (type == PTN_STUN_FINGERPRINT)
        return true;
    if (m->at[PTN_STUN_MESSAGE_INTEGRITY_SHA256])
        return false;
    return type == PTN_STUN_MESSAGE_INTEGRITY_SHA256 || !m->at[PTN_STUN_MESSAGE_INTEGRITY];
}

enum ptn_stun_verdict ptn_stun_decode(struct ptn_stun_msg *m, struct ptn_bytes datagram)
{
    const uint8_t *start = datagram.data;

    if (datagram.size < PTN_STUN_HEADER_BYTES || (start[0] & 0xc0))
        return PTN_STUN_NOT_STUN;
    struct ptn_reader r = ptn_reader(datagram);
    unsigned type = ptn_read_u16(&r);
    size_t length = ptn_read_u16(&r);
    if (length % 4 != 0 || length + PTN_STUN_HEADER_BYTES != datagram.size)
        return PTN_STUN_BAD_LENGTH;

    *m = (struct ptn_stun_msg){.bytes = datagram};
    m->class = (enum ptn_stun_class)((type >> 7 & 2) | (type >> 4 & 1));
    m->method = (uint16_t)((type >> 2 & 0xf80) | (type >> 1 & 0x70) | (type & 0xf));
    memcpy(m->id.bytes, ptn_read(&r, sizeof m->id.bytes).data, sizeof m->id.bytes);
    m->dialect = ptn_stun_id_dialect(&m->id);

    while (ptn_reader_left(&r) > 0) {
        if (m->at[ptn_stun_slot(PTN_STUN_FINGERPRINT)])
            return PTN_STUN_BAD_ORDER;
        size_t offset = (size_t)(r.at - start);
        uint16_t attr = ptn_read_u16(&r);
        size_t size = ptn_read_u16(&r);
        ptn_read(&r, (size + 3) & ~(size_t)3);
        if (r.bad)
            return PTN_STUN_BAD_ATTRIBUTE;
        if (counts(m, attr))
            note(m, attr, offset);
    }
    return PTN_STUN_OK;
}

const char *ptn_stun_verdict_name(enum ptn_stun_verdict v)
{
    static const char *const names[PTN_STUN_VERDICTS] = {
        [PTN_STUN_OK] = "ok",
        [PTN_STUN_NOT_STUN] = "not-stun",
        [PTN_STUN_BAD_LENGTH] = "bad-length",
        [PTN_STUN_BAD_ATTRIBUTE] = "bad-attribute",
        [PTN_STUN_BAD_ORDER] = "bad-order",
    };
    assert(v < PTN_STUN_VERDICTS);
    return names[v];
}

bool ptn_stun_get(const struct ptn_stun_msg *m, enum ptn_stun_attr type, struct ptn_bytes *out)
{
    unsigned slot = ptn_stun_slot((uint16_t)type);
    assert(slot < PTN_STUN_SLOTS);
    const uint8_t *attr = m->bytes.data + m->at[slot] * 4u;

    if (m->at[slot] == 0)
        return false;
    *out = ptn_bytes(attr + 4, (size_t)(attr[2] << 8 | attr[3]));
    return true;
}

/* RFC 8489 §14.2: the port with the cookie's upper half, the address with cookie and id, which
 * is the message's bytes 4 to 19. */
static void uncover(const struct ptn_stun_msg *m, struct ptn_addr *a)
{
    a->port ^= (uint16_t)(m->id.bytes[0] << 8 | m->id.bytes[1]);
    for (size_t i = 0; i < ptn_addr_ip_bytes(a); i++)
        a->ip[i] ^= m->id.bytes[i];
}

bool ptn_stun_get_next(const struct ptn_stun_msg *m, enum ptn_stun_attr type, size_t *at,
                       struct ptn_bytes *out)
{
    unsigned slot = ptn_stun_slot((uint16_t)type);
    assert(slot < PTN_STUN_SLOTS);
    unsigned seal = m->at[PTN_STUN_MESSAGE_INTEGRITY] ? m->at[PTN_STUN_MESSAGE_INTEGRITY]
                                                      : m->at[PTN_STUN_MESSAGE_INTEGRITY_SHA256];
    size_t end = seal ? seal * 4u : m->bytes.size;

    if (m->at[slot] == 0)
        return false;
    if (*at == 0)
        *at = m->at[slot] * 4u;
    while (*at < end) {
        const uint8_t *attr = m->bytes.data + *at;
        size_t size = (size_t)(attr[2] << 8 | attr[3]);
        *at += 4 + ((size + 3) & ~(size_t)3);
        if ((attr[0] << 8 | attr[1]) == (int)type) {
            *out = ptn_bytes(attr + 4, size);
            return true;
        }
    }
    return false;
}

bool ptn_stun_read_addr(const struct ptn_stun_msg *m, enum ptn_stun_attr type,
                        struct ptn_bytes value, struct ptn_addr *out)
{
    struct ptn_addr a = {0};
    struct ptn_reader r = ptn_reader(value);

    ptn_read_u8(&r);
    uint8_t family = ptn_read_u8(&r);
    a.family = family == 1 ? PTN_IPV4 : family == 2 ? PTN_IPV6 : PTN_FAMILY_NONE;
    a.port = ptn_read_u16(&r);
    struct ptn_bytes ip = ptn_read(&r, ptn_addr_ip_bytes(&a));
    if (r.bad || ptn_reader_left(&r) > 0 || ptn_addr_is_none(&a))
        return false;
    memcpy(a.ip, ip.data, ip.size);
    if (ptn_stun_attr_info((uint16_t)type).form == PTN_STUN_FORM_XOR_ADDR)
        uncover(m, &a);
    *out = a;
    return true;
}

bool ptn_stun_get_addr(const struct ptn_stun_msg *m, enum ptn_stun_attr type, struct ptn_addr *out)
{
    struct ptn_bytes value;

    return ptn_stun_get(m, type, &value) && ptn_stun_read_addr(m, type, value, out);
}

bool ptn_stun_get_u8(const struct ptn_stun_msg *m, enum ptn_stun_attr type, uint8_t *out)
{
    struct ptn_bytes value;

    if (!ptn_stun_get(m, type, &value) || (value.size != 1 && value.size != 4))
        return false;
    *out = value.data[0];
    return true;
}

bool ptn_stun_get_u32(const struct ptn_stun_msg *m, enum ptn_stun_attr type, uint32_t *out)
{
    struct ptn_bytes value;

    if (!ptn_stun_get(m, type, &value) || value.size != 4)
        return false;
    struct ptn_reader r = ptn_reader(value);
    *out = ptn_read_u32(&r);
    return true;
}

bool ptn_stun_get_u16(const struct ptn_stun_msg *m, enum ptn_stun_attr type, uint16_t *out)
{
    uint32_t value;

    if (!ptn_stun_get_u32(m, type, &value))
        return false;
    *out = (uint16_t)(value >> 16);
    return true;
}

bool ptn_stun_get_error(const struct ptn_stun_msg *m, unsigned *code, struct ptn_bytes *reason)
{
    struct ptn_bytes value;

    if (!ptn_stun_get(m, PTN_STUN_ERROR_CODE, &value))
        return false;
    struct ptn_reader r = ptn_reader(value);
    ptn_read_u16(&r);
    unsigned hundreds = ptn_read_u8(&r) & 7u, rest = ptn_read_u8(&r);
    if (r.bad || hundreds < 3 || hundreds > 6 || rest > 99)
        return false;
    *code = hundreds * 100 + rest;
    *reason = ptn_bytes(r.at, ptn_reader_left(&r));
    return true;
}

bool ptn_stun_get_mapped(const struct ptn_stun_msg *m, struct ptn_addr *out,
                         enum ptn_stun_dialect *server)
{
    static const enum ptn_stun_attr forms[] = {
        PTN_STUN_XOR_MAPPED_ADDRESS, PTN_STUN_OLD_XOR_MAPPED_ADDRESS, PTN_STUN_MAPPED_ADDRESS};
    struct ptn_addr mapped;

    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (ptn_stun_get_addr(m, forms[i], &mapped)) {
            if (out)
                *out = mapped;
            if (server)
                *server = m->dialect == PTN_STUN_MODERN && forms[i] == PTN_STUN_XOR_MAPPED_ADDRESS
                              ? PTN_STUN_MODERN
                              : PTN_STUN_CLASSIC;
            return true;
        }
    return false;
}

bool ptn_stun_next_algorithm(struct ptn_bytes *list, uint16_t *algorithm, struct ptn_bytes *params)
{
    struct ptn_reader r = ptn_reader(*list);
    uint16_t number = ptn_read_u16(&r);
    size_t size = ptn_read_u16(&r);
    struct ptn_bytes value = ptn_read(&r, size);

    if (r.bad)
        return false;
    *algorithm = number;
    *params = value;
    /* The last entry may come without its padding: the attribute has some of its own. */
    size_t pad = (4 - size % 4) % 4;
    ptn_read(&r, pad < ptn_reader_left(&r) ? pad : ptn_reader_left(&r));
    *list = ptn_bytes(r.at, ptn_reader_left(&r));
    return true;
}

size_t ptn_stun_unknown(const struct ptn_stun_msg *m, uint64_t understood, uint16_t *out,
                        size_t max)
{
    size_t count = 0;

    uint64_t left = m->required & ~understood;

    for (uint16_t type = 0; left && count < max; type++, left >>= 1)
        if (left & 1)
            out[count++] = type;
    for (unsigned i = 0; i < m->stranger_count && count < max; i++)
        out[count++] = m->strangers[i];
    return count;
}

struct ptn_stun_id ptn_stun_id_new(struct ptn_dice *dice, enum ptn_stun_dialect dialect)
{
    static const uint8_t cookie[] = {0x21, 0x12, 0xa4, 0x42};
    struct ptn_stun_id id;

    ptn_dice_fill(dice, id.bytes, sizeof id.bytes);
    if (dialect == PTN_STUN_MODERN)
        memcpy(id.bytes, cookie, sizeof cookie);
    else if (ptn_stun_id_dialect(&id) == PTN_STUN_MODERN)
        id.bytes[0] ^= 0x80;
    return id;
}
