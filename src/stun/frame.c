/*
 * stun/frame.c - one message after the other out of pieces of any size.
 */
#include "stun/frame.h"

#include <assert.h>

#include "stun/msg.h"

enum { CHANNEL_HEADER_BYTES = 4 };

/* How much of a message must be there to know its size: by its first byte. */
static size_t header_bytes(const struct ptn_stun_frame *f, uint8_t first)
{
    return f->channels && (first & 0xc0) == 0x40 ? CHANNEL_HEADER_BYTES : PTN_STUN_HEADER_BYTES;
}

/* The whole size a header announces; 0: this is neither, or is larger than the buffer. */
static size_t announced(const struct ptn_stun_frame *f, const uint8_t *header)
{
    size_t length = (size_t)(header[2] << 8 | header[3]);
    size_t size = length + header_bytes(f, header[0]);

    if (header_bytes(f, header[0]) == CHANNEL_HEADER_BYTES)
        size = (size + 3) & ~(size_t)3;
    else if ((header[0] & 0xc0) || length % 4 != 0)
        return 0;
    return size <= f->capacity ? size : 0;
}

void ptn_stun_frame_init(struct ptn_stun_frame *f, void *buf, size_t capacity)
{
    assert(capacity >= PTN_STUN_HEADER_BYTES);
    *f = (struct ptn_stun_frame){.buf = buf, .capacity = capacity};
}

/* Moves bytes from `in` to the buffer until it holds `wanted`; false when there are too few. */
static bool fill(struct ptn_stun_frame *f, struct ptn_bytes *in, size_t wanted)
{
    size_t missing = f->size < wanted ? wanted - f->size : 0;
    size_t taken = missing < in->size ? missing : in->size;

    if (taken > 0)
        memcpy(f->buf + f->size, in->data, taken);
    f->size += taken;
    *in = ptn_bytes(taken ? in->data + taken : in->data, in->size - taken);
    return taken == missing;
}

enum ptn_stun_frame_step ptn_stun_frame_next(struct ptn_stun_frame *f, struct ptn_bytes *in,
                                             struct ptn_bytes *message)
{
    size_t size;

    if (f->done)
        f->size = 0;
    f->done = false;
    if (f->size == 0 && in->size > 0 && in->size >= header_bytes(f, in->data[0])) {
        size = announced(f, in->data);
        if (size == 0)
            return PTN_STUN_FRAME_BROKEN;
        if (size <= in->size) {
            *message = ptn_bytes(in->data, size);
            *in = ptn_bytes(in->data + size, in->size - size);
            return PTN_STUN_FRAME_MESSAGE;
        }
    }
    if (!fill(f, in, 1) || !fill(f, in, header_bytes(f, f->buf[0])))
        return PTN_STUN_FRAME_MORE;
    size = announced(f, f->buf);
    if (size == 0)
        return PTN_STUN_FRAME_BROKEN;
    if (!fill(f, in, size))
        return PTN_STUN_FRAME_MORE;
    f->done = true;
    *message = ptn_bytes(f->buf, size);
    return PTN_STUN_FRAME_MESSAGE;
}
