/*
 * media/source.h - where the sound of a call comes from: tone, silence, or samples in memory.
 *
 * A source is a value; it gives samples when asked and has no clock. The
 * program fills memory from a sound file, tests from wherever they like.
 */
#ifndef PTN_MEDIA_SOURCE_H
#define PTN_MEDIA_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/tone.h"

enum ptn_source_kind {
    PTN_SOURCE_SILENCE,
    PTN_SOURCE_TONE,
    PTN_SOURCE_SAMPLES,
};

struct ptn_source {
    enum ptn_source_kind kind;
    struct ptn_tone tone;
    const int16_t *samples; /* borrowed for as long as the source is used */
    size_t count, at;
    bool loop;
};

struct ptn_source ptn_source_silence(void);
struct ptn_source ptn_source_tone(double hz, double level_dbfs);
struct ptn_source ptn_source_samples(const int16_t *samples, size_t count, bool loop);

/* Fills `pcm`; with silence where the samples have come to their end. */
void ptn_source_read(struct ptn_source *s, int16_t *pcm, size_t count);

/* True once the samples have been played; a tone, silence and a loop never end. */
bool ptn_source_done(const struct ptn_source *s);

#endif
