/* Any bytes as a sound file: what is read has no more samples than bytes, and is read again as it
 * was. */
#include <stdlib.h>

#include "media/wav.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good)
{
    if (!good)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ptn_wav w, again;

    if (ptn_wav_read(ptn_bytes(data, size), 4096, &w) != PTN_OK)
        return 0;
    check(w.count <= size && w.count <= 4096 && w.rate > 0);
    uint8_t *file = malloc(PTN_WAV_HEADER_BYTES + 2 * w.count);
    check(file != NULL);
    ptn_wav_header(w.rate, (uint32_t)(2 * w.count), file);
    for (size_t i = 0; i < w.count; i++) {
        file[PTN_WAV_HEADER_BYTES + 2 * i] = (uint8_t)w.samples[i];
        file[PTN_WAV_HEADER_BYTES + 2 * i + 1] = (uint8_t)((uint16_t)w.samples[i] >> 8);
    }
    check(ptn_wav_read(ptn_bytes(file, PTN_WAV_HEADER_BYTES + 2 * w.count), 4096, &again) ==
          PTN_OK);
    check(again.count == w.count && again.rate == w.rate);
    check(w.count == 0 || memcmp(again.samples, w.samples, 2 * w.count) == 0);
    ptn_wav_free(&again);
    ptn_wav_free(&w);
    free(file);
    return 0;
}
