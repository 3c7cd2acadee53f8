/*
 * media/wav.h - sound files: WAV, read as a whole, written as the sound comes.
 *
 * Reads what phones, PBXs and editors write (PCM of 8 to 32 bits, A-law, u-law), as mono at the
 * file's own rate. Other kinds are turned into these by `sox` or `ffmpeg`: a library that reads
 * them all would bring eight others, and was a quarter of the phone's memory.
 */
#ifndef PTN_MEDIA_WAV_H
#define PTN_MEDIA_WAV_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"

struct ptn_wav {
    int16_t *samples; /* to be freed by ptn_wav_free */
    size_t count;
    unsigned rate; /* samples a second */
};

/* Several channels become their mean; a file that ends early is as long as it is. INVALID: no WAV;
 * UNSUPPORTED: one of another kind; NO_ROOM: more than `count_max` samples. `out` is empty unless
 * PTN_OK. */
enum ptn_err ptn_wav_read(struct ptn_bytes file, size_t count_max, struct ptn_wav *out);
void ptn_wav_free(struct ptn_wav *w);

enum { PTN_WAV_HEADER_BYTES = 44 };

/* What stands before `data_bytes` of mono samples, 16 bits each, least significant byte first. */
void ptn_wav_header(unsigned rate, uint32_t data_bytes, uint8_t out[static PTN_WAV_HEADER_BYTES]);

#endif
