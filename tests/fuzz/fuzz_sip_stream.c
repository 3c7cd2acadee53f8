/*
 * tests/fuzz/fuzz_sip_stream.c - any stream, cut into pieces by its own first byte.
 *
 * However it is cut, the same messages must come out.
 */
#include <stdlib.h>

#include "sip/stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Messages and pings in all, as one number; the order is in it. */
static uint32_t taken(const uint8_t *data, size_t size, size_t piece)
{
    struct ptn_sip_stream s = {0};
    uint32_t sum = 0;

    for (size_t at = 0; at < size; at += piece) {
        enum ptn_sip_stream_step step;
        struct ptn_bytes out;
        if (!ptn_sip_stream_input(&s, ptn_bytes(data + at, size - at < piece ? size - at : piece)))
            break;
        while ((step = ptn_sip_stream_take(&s, &out)) == PTN_SIP_STREAM_MESSAGE ||
               step == PTN_SIP_STREAM_PING || step == PTN_SIP_STREAM_PONG)
            if (step == PTN_SIP_STREAM_MESSAGE)
                sum = sum * 31 + (uint32_t)out.size;
        if (step == PTN_SIP_STREAM_BROKEN)
            break;
    }
    ptn_sip_stream_fini(&s);
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > 8192)
        return 0;
    if (taken(data + 1, size - 1, size) != taken(data + 1, size - 1, 1u + data[0] % 64u))
        abort();
    return 0;
}
