/*
 * tests/support/echo.h - for fuzz targets of STUN clients: the answer a hostile server gives.
 *
 * A client listens only to whoever knows its transaction id, so random bytes would never get past
 * that; here the id of one of its requests stands before attributes of the fuzzer's choice.
 */
#ifndef PTN_SUPPORT_ECHO_H
#define PTN_SUPPORT_ECHO_H

#include "base/cursor.h"
#include "base/effect.h"
#include "stun/msg.h"

enum { ECHO_KEPT = 16, ECHO_MAX = 300 };

/* The last requests a client has sent. */
struct echo {
    uint8_t headers[ECHO_KEPT][PTN_STUN_HEADER_BYTES];
    ptn_id ids[ECHO_KEPT];
    struct ptn_addr to[ECHO_KEPT];
    unsigned count;
    uint8_t buf[ECHO_MAX];
};

static inline void echo_keep(struct echo *e, const struct ptn_ask *ask)
{
    unsigned at = e->count++ % ECHO_KEPT;

    memcpy(e->headers[at], ask->bytes.data, PTN_STUN_HEADER_BYTES);
    e->ids[at] = ask->id;
    e->to[at] = ask->to;
}

/* An answer to one of them: which, its class, from where and its attributes are read from `r`. */
static inline bool echo_answer(struct echo *e, struct ptn_reader *r, struct ptn_tell *tell)
{
    static const unsigned types[] = {0x0101, 0x0111, 0x0001, 0x0011};
    unsigned which = ptn_read_u8(r) % ECHO_KEPT, how = ptn_read_u8(r);
    struct ptn_bytes attrs = ptn_read(r, ptn_read_u8(r));
    size_t size = attrs.size & ~(size_t)3;

    if (which >= e->count)
        return false;
    memcpy(e->buf, e->headers[which], PTN_STUN_HEADER_BYTES);
    e->buf[0] = (uint8_t)(types[how & 3] >> 8);
    e->buf[1] = (uint8_t)types[how & 3];
    e->buf[2] = 0;
    e->buf[3] = (uint8_t)size;
    if (size > 0)
        memcpy(e->buf + PTN_STUN_HEADER_BYTES, attrs.data, size);
    *tell = (struct ptn_tell){.kind = PTN_TELL_DATAGRAM,
                              .id = e->ids[which],
                              .from = e->to[which],
                              .bytes = ptn_bytes(e->buf, PTN_STUN_HEADER_BYTES + size)};
    if (how & 4)
        tell->from.ip[3] ^= 3;
    if (how & 8)
        tell->from.port ^= 1;
    return true;
}

#endif
