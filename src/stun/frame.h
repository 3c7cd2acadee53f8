/*
 * stun/frame.h - finds STUN messages in a stream (RFC 8489 §6.2.2), and ChannelData (RFC 8656
 * §12.5).
 *
 * Over TCP and TLS a message is told from the next one by the length in its own
 * header. A message that lies whole in what was received is seen there; only
 * the pieces of a split one are kept, in memory the owner gives.
 */
#ifndef PTN_STUN_FRAME_H
#define PTN_STUN_FRAME_H

#include "base/bytes.h"

struct ptn_stun_frame {
    uint8_t *buf;
    size_t size, capacity;
    bool done; /* buf holds a message that was already handed out */
    bool
        channels; /* the owner's: ChannelData is taken, too, with the padding it has over streams */
};

enum ptn_stun_frame_step {
    PTN_STUN_FRAME_MORE,    /* `in` is used up and the rest is kept */
    PTN_STUN_FRAME_MESSAGE, /* one whole message */
    PTN_STUN_FRAME_BROKEN,  /* no STUN, or larger than the buffer: close the connection */
};

/* `buf` is the owner's and holds at least a header; its size is the largest message taken. */
void ptn_stun_frame_init(struct ptn_stun_frame *f, void *buf, size_t capacity);

/* Takes the next message off the front of `in`. Its view holds until the next call, as long as
 * the bytes of `in` do. Call until it does not answer MESSAGE. */
enum ptn_stun_frame_step ptn_stun_frame_next(struct ptn_stun_frame *f, struct ptn_bytes *in,
                                             struct ptn_bytes *message);

#endif
