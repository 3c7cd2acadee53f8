/*
 * tests/fuzz/fuzz_sip_sdp.c - any bytes as a session description; what was read is printed and
 * must be readable again.
 */
#include <stdlib.h>

#include "sip/sdp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char text[20000];
    struct ptn_sdp sdp, again;
    struct ptn_writer w = ptn_writer(text, sizeof text);

    if (ptn_sdp_parse(ptn_bytes(data, size), &sdp) != PTN_SDP_OK)
        return 0;
    ptn_sdp_print(&sdp, &w);
    if (w.bad || ptn_sdp_parse(ptn_bytes(text, ptn_writer_size(&w)), &again) != PTN_SDP_OK ||
        again.media_count != sdp.media_count)
        abort();
    return 0;
}
