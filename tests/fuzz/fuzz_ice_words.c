/*
 * fuzz_ice_words - ICE's lines of SDP: what is read is written and read again as the same.
 */
#include <stdlib.h>

#include "ice/words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char text[2][8192];
    struct ptn_writer w[2];
    struct ptn_bytes in = ptn_bytes(data, size);

    for (unsigned i = 0; i < 2; i++) {
        struct ptn_ice_description d = {0};
        ptn_ice_read_lines(&d, in);
        /* Nothing that we have written is strange to us. */
        if (d.count > PTN_ICE_REMOTES_MAX || (i > 0 && d.skipped + d.malformed + d.left_out > 0))
            abort();
        w[i] = ptn_writer(text[i], sizeof text[i]);
        ptn_ice_write_lines(&d, &w[i]);
        if (w[i].bad)
            abort();
        in = ptn_bytes(text[i], ptn_writer_size(&w[i]));
    }
    if (!ptn_bytes_equal(ptn_bytes(text[0], ptn_writer_size(&w[0])), in))
        abort();
    return 0;
}
