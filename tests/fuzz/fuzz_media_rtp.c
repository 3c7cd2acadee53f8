/* Any bytes as an RTP packet: what decodes must encode to the same bytes again. */
#include <stdlib.h>

#include "media/rtp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ptn_rtp rtp;
    if (ptn_rtp_decode(ptn_bytes(data, size), &rtp) != PTN_RTP_OK)
        return 0;

    uint8_t *again = malloc(size);
    if (!again)
        abort();
    struct ptn_writer w = ptn_writer(again, size);
    ptn_rtp_encode(&w, &rtp);
    /* Padding is zeros when we write it, so compare only what lies before. */
    if (w.bad || ptn_writer_size(&w) != size || memcmp(data, again, size - rtp.padding_bytes) != 0)
        abort();
    free(again);
    return 0;
}
