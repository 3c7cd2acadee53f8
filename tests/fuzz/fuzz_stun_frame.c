/*
 * fuzz_stun_frame - a stream: cut into pieces it holds the same messages as whole. The first byte
 * of the input is the size of the pieces; every stream is read with ChannelData and without.
 */
#include <stdlib.h>

#include "stun/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Runs over the stream and sums up its messages; each byte counts with its place. */
static enum ptn_stun_frame_step sum(struct ptn_bytes stream, size_t piece, bool channels,
                                    uint64_t *sum_out)
{
    static uint8_t buf[2048];
    struct ptn_stun_frame f;
    enum ptn_stun_frame_step step = PTN_STUN_FRAME_MORE;
    uint64_t total = 0;

    ptn_stun_frame_init(&f, buf, sizeof buf);
    f.channels = channels;
    for (size_t at = 0; at < stream.size && step != PTN_STUN_FRAME_BROKEN; at += piece) {
        struct ptn_bytes in =
            ptn_bytes(stream.data + at, piece < stream.size - at ? piece : stream.size - at);
        struct ptn_bytes message;
        while ((step = ptn_stun_frame_next(&f, &in, &message)) == PTN_STUN_FRAME_MESSAGE)
            for (size_t i = 0; i < message.size; i++)
                total = total * 31 + message.data[i];
        if (step == PTN_STUN_FRAME_MORE && in.size > 0)
            abort();
    }
    *sum_out = total;
    return step;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t whole, pieces;

    if (size < 2)
        return 0;
    struct ptn_bytes stream = ptn_bytes(data + 1, size - 1);
    for (unsigned channels = 0; channels < 2; channels++)
        if (sum(stream, stream.size, channels, &whole) !=
                sum(stream, data[0] + 1u, channels, &pieces) ||
            whole != pieces)
            abort();
    return 0;
}
