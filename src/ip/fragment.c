/*
 * ip/fragment.c - a packet's body is counted in blocks of 8 bytes, and a slot has
 * a bit for each: the packet is whole when all bits up to its last block are set.
 *
 *     slot:   [ room for the headers | body, up to 65,535 bytes ]
 */
#include "ip/fragment.h"

#include <assert.h>
#include <stdlib.h>

#include "base/heap.h"
#include "ip/checksum.h"

enum {
    HEADERS_MAX = 256, /* longer chains of extension headers are not for us */
    BODY_MAX = 65535,
    BLOCKS = (BODY_MAX + 8) / 8,
};

struct slot {
    bool used;
    uint8_t family, proto;
    uint32_t where, id;
    struct ptn_addr from, to;
    size_t header_size; /* 0 until the first fragment has come */
    size_t body_size;   /* 0 until the last fragment has come */
    unsigned blocks_had;
    struct room *room;
};

struct room {
    uint8_t had[BLOCKS / 8 + 1];
    uint8_t bytes[HEADERS_MAX + BODY_MAX + 8];
};

struct ptn_ip_store {
    struct ptn_ip_store_opts opts;
    struct slot *slots;
    struct room *rooms; /* one a slot */
    struct ptn_heap deadlines;
};

static void put_u16(uint8_t *at, size_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void mend_v4_header(uint8_t *p, size_t header, size_t total, uint16_t fragment_field)
{
    put_u16(p + 2, total);
    put_u16(p + 6, fragment_field);
    put_u16(p + 10, 0);
    put_u16(p + 10, ptn_ip_checksum(ptn_ip_sum(0, ptn_bytes(p, header))));
}

static void write_v6_fragment_head(uint8_t *p, const struct ptn_ip *ip, uint32_t id, size_t offset,
                                   size_t part, bool more)
{
    uint8_t *head = p + ip->ends.body_at;

    p[ip->proto_at] = 44;
    put_u16(p + 4, ip->ends.body_at + 8 + part - 40);
    head[0] = ip->ends.proto;
    head[1] = 0;
    put_u16(head + 2, offset | more);
    put_u16(head + 4, id >> 16);
    put_u16(head + 6, id);
}

bool ptn_ip_cut(struct ptn_writer *w, struct ptn_bytes packet, const struct ptn_ip *ip, size_t mtu,
                uint32_t id, size_t *offset)
{
    bool v4 = ip->family == PTN_IPV4;
    size_t header = ip->ends.body_at, body = ip->size - header;
    size_t extra = v4 ? 0 : 8;

    assert(mtu >= (v4 ? 576 : 1280));

    if (*offset >= body && *offset > 0)
        return false;
    if (ip->size <= mtu || (!v4 && ip->is_fragment)) {
        ptn_write(w, ptn_bytes(packet.data, ip->size));
        *offset = ip->size;
        return true;
    }
    size_t room = (mtu - header - extra) & ~(size_t)7, left = body - *offset;
    bool last = left <= room;
    size_t part = last ? left : room;
    uint8_t *p = ptn_write_room(w, header + extra + part);

    if (p) {
        memcpy(p, packet.data, header);
        memcpy(p + header + extra, packet.data + header + *offset, part);
        if (v4)
            mend_v4_header(
                p, header, header + part,
                (uint16_t)((ip->fragment_offset + *offset) / 8 | (!last || ip->more ? 0x2000 : 0)));
        else
            write_v6_fragment_head(p, ip, id, *offset, part, !last);
    }
    *offset += part;
    return true;
}

enum ptn_err ptn_ip_store_new(struct ptn_ip_store **out, const struct ptn_ip_store_opts *opts)
{
    struct ptn_ip_store *s = calloc(1, sizeof *s);

    assert(opts->slots_max > 0 && opts->timeout > 0);

    *out = NULL;
    if (!s)
        return PTN_ERR_NO_MEMORY;
    s->opts = *opts;
    s->slots = calloc(opts->slots_max, sizeof *s->slots);
    /* Not calloc: most rooms are never used, and clearing them all would take longer than most
     * simulations. */
    s->rooms = malloc(opts->slots_max * sizeof *s->rooms);
    if (!s->slots || !s->rooms || ptn_heap_init(&s->deadlines, opts->slots_max) != PTN_OK) {
        ptn_ip_store_free(s);
        return PTN_ERR_NO_MEMORY;
    }
    for (uint32_t i = 0; i < opts->slots_max; i++)
        s->slots[i].room = &s->rooms[i];
    *out = s;
    return PTN_OK;
}

void ptn_ip_store_free(struct ptn_ip_store *s)
{
    if (!s)
        return;
    free(s->slots);
    free(s->rooms);
    ptn_heap_fini(&s->deadlines);
    free(s);
}

static void release(struct ptn_ip_store *s, struct slot *slot)
{
    slot->used = false;
    ptn_heap_set(&s->deadlines, (uint32_t)(slot - s->slots), PTN_NEVER);
}

/* RFC 791: id, source, destination and protocol; RFC 8200 leaves the protocol out, since only the
 * first fragment's counts. */
static bool belongs(const struct slot *slot, uint32_t where, const struct ptn_ip *ip)
{
    return slot->used && slot->where == where && slot->family == ip->family && slot->id == ip->id &&
           (ip->family == PTN_IPV6 || slot->proto == ip->ends.proto) &&
           ptn_addr_same_ip(&slot->from, &ip->ends.from) &&
           ptn_addr_same_ip(&slot->to, &ip->ends.to);
}

static struct slot *slot_for(struct ptn_ip_store *s, ptn_time now, uint32_t where,
                             const struct ptn_ip *ip)
{
    struct slot *empty = NULL;

    for (struct slot *slot = s->slots; slot < s->slots + s->opts.slots_max; slot++) {
        if (belongs(slot, where, ip))
            return slot;
        if (!slot->used && !empty)
            empty = slot;
    }
    if (!empty)
        return NULL;
    empty->used = true;
    empty->family = ip->family;
    empty->proto = ip->ends.proto;
    empty->where = where;
    empty->id = ip->id;
    empty->from = ptn_addr_with_port(ip->ends.from, 0);
    empty->to = ptn_addr_with_port(ip->ends.to, 0);
    empty->header_size = empty->body_size = 0;
    empty->blocks_had = 0;
    memset(empty->room->had, 0, sizeof empty->room->had);
    ptn_heap_set(&s->deadlines, (uint32_t)(empty - s->slots), ptn_time_add(now, s->opts.timeout));
    return empty;
}

/* The headers as they will stand in the whole packet. */
static void keep_headers(struct slot *slot, struct ptn_bytes packet, const struct ptn_ip *ip)
{
    size_t size = ip->family == PTN_IPV4 ? ip->ends.body_at : ip->fragment_header_at;
    uint8_t *p = slot->room->bytes + HEADERS_MAX - size;

    memcpy(p, packet.data, size);
    slot->header_size = size;
    if (ip->family == PTN_IPV4)
        return;
    /* Whichever byte said that a fragment header follows now says what follows that one. */
    p[ip->fragment_named_at] = packet.data[ip->fragment_header_at];
}

static bool is_set(const uint8_t *bits, size_t i)
{
    return bits[i / 8] >> (i % 8) & 1;
}

/* Copies the fragment's bytes in; false when it contradicts what is there. */
static bool keep_bytes(struct slot *slot, size_t offset, struct ptn_bytes part, bool more)
{
    size_t end = offset + part.size, first = offset / 8, last = (end + 7) / 8;
    size_t new_blocks = 0;
    uint8_t *body = slot->room->bytes + HEADERS_MAX;

    if (part.size == 0 || end > BODY_MAX || (more && part.size % 8 != 0))
        return false;
    if (slot->body_size && (end > slot->body_size || (!more && end != slot->body_size)))
        return false;
    for (size_t i = first; i < last; i++)
        new_blocks += !is_set(slot->room->had, i);
    if (new_blocks == 0) /* a copy of what has come is harmless, if it is one */
        return memcmp(body + offset, part.data, part.size) == 0;
    if (new_blocks != last - first)
        return false;
    if (!more) {
        for (size_t i = last; i < BLOCKS; i++)
            if (is_set(slot->room->had, i))
                return false;
        slot->body_size = end;
    }
    memcpy(body + offset, part.data, part.size);
    for (size_t i = first; i < last; i++)
        slot->room->had[i / 8] |= (uint8_t)(1 << i % 8);
    slot->blocks_had += (unsigned)new_blocks;
    return true;
}

static struct ptn_bytes finished(struct slot *slot)
{
    size_t size = slot->header_size + slot->body_size;
    uint8_t *p = slot->room->bytes + HEADERS_MAX - slot->header_size;

    if (slot->family == PTN_IPV4)
        mend_v4_header(p, slot->header_size, size, 0);
    else
        put_u16(p + 4, size - 40);
    return ptn_bytes(p, size);
}

enum ptn_ip_store_verdict ptn_ip_store_input(struct ptn_ip_store *s, ptn_time now, uint32_t where,
                                             struct ptn_bytes packet, const struct ptn_ip *ip,
                                             struct ptn_bytes *whole)
{
    assert(ip->is_fragment);

    /* body_at lies behind extension headers that may follow the fragment header in the first
     * fragment; its bytes begin right behind the fragment header. */
    size_t from = ip->family == PTN_IPV4 ? ip->ends.body_at : ip->fragment_header_at + 8;
    struct slot *slot = slot_for(s, now, where, ip);

    if (!slot)
        return PTN_IP_STORE_FULL;
    if (from > HEADERS_MAX ||
        !keep_bytes(slot, ip->fragment_offset, ptn_bytes(packet.data + from, ip->size - from),
                    ip->more)) {
        release(s, slot);
        return PTN_IP_STORE_SPOILT;
    }
    if (ip->fragment_offset == 0)
        keep_headers(slot, packet, ip);
    if (!slot->header_size || !slot->body_size || slot->blocks_had < (slot->body_size + 7) / 8)
        return PTN_IP_STORE_WAIT;
    release(s, slot);
    if (slot->header_size + slot->body_size > 65535)
        return PTN_IP_STORE_SPOILT;
    *whole = finished(slot);
    return PTN_IP_STORE_WHOLE;
}

unsigned ptn_ip_store_tick(struct ptn_ip_store *s, ptn_time now)
{
    unsigned given_up = 0;
    uint32_t item;

    for (; ptn_heap_pop(&s->deadlines, now, &item); given_up++)
        s->slots[item].used = false;
    return given_up;
}

ptn_time ptn_ip_store_deadline(const struct ptn_ip_store *s)
{
    return ptn_heap_deadline(&s->deadlines);
}
