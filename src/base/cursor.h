/*
 * base/cursor.h - reading and writing big-endian bytes without a check a line.
 *
 * A cursor that ran over its end turns bad and stays bad: reads give zeros,
 * writes go nowhere. So a decoder or an encoder looks once, at the end.
 */
#ifndef PTN_BASE_CURSOR_H
#define PTN_BASE_CURSOR_H

#include "base/bytes.h"

struct ptn_reader {
    const uint8_t *at, *end;
    bool bad;
};

struct ptn_writer {
    uint8_t *start, *at, *end;
    bool bad;
};

static inline struct ptn_reader ptn_reader(struct ptn_bytes b)
{
    return (struct ptn_reader){.at = b.data, .end = b.size ? b.data + b.size : b.data};
}

static inline size_t ptn_reader_left(const struct ptn_reader *r)
{
    return r->bad ? 0 : (size_t)(r->end - r->at);
}

/* The next `size` bytes, or an empty view once the reader is bad. */
static inline struct ptn_bytes ptn_read(struct ptn_reader *r, size_t size)
{
    if (ptn_reader_left(r) < size) {
        r->bad = true;
        return (struct ptn_bytes){0};
    }
    struct ptn_bytes b = {r->at, size};
    if (size > 0)
        r->at += size;
    return b;
}

static inline uint8_t ptn_read_u8(struct ptn_reader *r)
{
    struct ptn_bytes b = ptn_read(r, 1);
    return b.size ? b.data[0] : 0;
}

static inline uint16_t ptn_read_u16(struct ptn_reader *r)
{
    struct ptn_bytes b = ptn_read(r, 2);
    return b.size ? (uint16_t)(b.data[0] << 8 | b.data[1]) : 0;
}

static inline uint32_t ptn_read_u32(struct ptn_reader *r)
{
    struct ptn_bytes b = ptn_read(r, 4);
    return b.size ? (uint32_t)b.data[0] << 24 | (uint32_t)b.data[1] << 16 |
                        (uint32_t)b.data[2] << 8 | b.data[3]
                  : 0;
}

static inline struct ptn_writer ptn_writer(void *buf, size_t size)
{
    uint8_t *start = buf;
    return (struct ptn_writer){.start = start, .at = start, .end = start + size};
}

static inline size_t ptn_writer_size(const struct ptn_writer *w)
{
    return (size_t)(w->at - w->start);
}

static inline size_t ptn_writer_left(const struct ptn_writer *w)
{
    return w->bad ? 0 : (size_t)(w->end - w->at);
}

/* Room for `size` bytes that the caller fills, or NULL once the writer is bad. */
static inline uint8_t *ptn_write_room(struct ptn_writer *w, size_t size)
{
    if (ptn_writer_left(w) < size) {
        w->bad = true;
        return NULL;
    }
    uint8_t *room = w->at;
    w->at += size;
    return room;
}

static inline void ptn_write(struct ptn_writer *w, struct ptn_bytes b)
{
    uint8_t *room = ptn_write_room(w, b.size);
    if (room && b.size)
        memcpy(room, b.data, b.size);
}

static inline void ptn_write_zeros(struct ptn_writer *w, size_t size)
{
    uint8_t *room = ptn_write_room(w, size);
    if (room && size)
        memset(room, 0, size);
}

static inline void ptn_write_u8(struct ptn_writer *w, uint8_t v)
{
    ptn_write(w, (struct ptn_bytes){&v, 1});
}

static inline void ptn_write_u16(struct ptn_writer *w, uint16_t v)
{
    ptn_write(w, (struct ptn_bytes){(const uint8_t[]){(uint8_t)(v >> 8), (uint8_t)v}, 2});
}

static inline void ptn_write_u32(struct ptn_writer *w, uint32_t v)
{
    ptn_write_u16(w, (uint16_t)(v >> 16));
    ptn_write_u16(w, (uint16_t)v);
}

#endif
