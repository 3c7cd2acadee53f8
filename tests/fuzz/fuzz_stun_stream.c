/*
 * fuzz_stun_stream - what a server says on a connection that STUN was asked by. The first byte of
 * the input is the size of the pieces, the second counts questions before it speaks.
 */
#include <stdlib.h>

#include "stun/stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ID = 7 };

static void drain(struct ptn_stun_stream *s, ptn_time now)
{
    struct ptn_ask ask;
    struct ptn_stun_stream_seen seen;
    unsigned asks = 0;

    ptn_stun_stream_tick(s, now);
    while (ptn_stun_stream_output(s, now, &ask))
        if (++asks > 4)
            abort();
    while (ptn_stun_stream_event(s, &seen))
        if (ptn_addr_is_none(&seen.mapped))
            abort();
    if (ptn_stun_stream_deadline(s) <= now)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct ptn_stun_stream s;
    struct ptn_stun_stream_opts opts = {.id_first = ID,
                                        .local = ptn_addr_v4(192, 168, 1, 10, 5060),
                                        .dialect = PTN_STUN_MODERN,
                                        .dice = ptn_dice_seeded(1)};
    struct ptn_addr server = ptn_addr_v4(203, 0, 113, 1, 3478);
    ptn_time now = 0;

    if (size < 2)
        return 0;
    ptn_stun_stream_init(&s, &opts);
    ptn_stun_stream_ask(&s, now, &server, 1);
    drain(&s, now);
    ptn_stun_stream_input(&s, now, &(struct ptn_tell){.kind = PTN_TELL_OPENED, .id = ID});
    drain(&s, now);
    size_t piece = data[0] % 64 + 1u;
    for (size_t at = 2; at < size; at += piece, now += PTN_MS(data[1])) {
        struct ptn_bytes bytes = ptn_bytes(data + at, piece < size - at ? piece : size - at);
        ptn_stun_stream_input(
            &s, now, &(struct ptn_tell){.kind = PTN_TELL_STREAM, .id = ID, .bytes = bytes});
        drain(&s, now);
    }
    ptn_stun_stream_input(&s, now, &(struct ptn_tell){.kind = PTN_TELL_CLOSED, .id = ID});
    drain(&s, now);
    return 0;
}
