/*
 * media/source.c - samples on demand.
 */
#include "media/source.h"

#include <assert.h>
#include <string.h>

struct ptn_source ptn_source_silence(void)
{
    return (struct ptn_source){.kind = PTN_SOURCE_SILENCE};
}

struct ptn_source ptn_source_tone(double hz, double level_dbfs)
{
    return (struct ptn_source){.kind = PTN_SOURCE_TONE, .tone = ptn_tone(hz, level_dbfs)};
}

struct ptn_source ptn_source_samples(const int16_t *samples, size_t count, bool loop)
{
    assert(samples || count == 0);
    return (struct ptn_source){
        .kind = PTN_SOURCE_SAMPLES, .samples = samples, .count = count, .loop = loop};
}

static void read_samples(struct ptn_source *s, int16_t *pcm, size_t count)
{
    while (count > 0) {
        if (s->at == s->count && s->loop)
            s->at = 0;
        size_t run = s->count - s->at < count ? s->count - s->at : count;
        if (run == 0) {
            memset(pcm, 0, count * sizeof(*pcm));
            return;
        }
        memcpy(pcm, s->samples + s->at, run * sizeof(*pcm));
        s->at += run;
        pcm += run;
        count -= run;
    }
}

void ptn_source_read(struct ptn_source *s, int16_t *pcm, size_t count)
{
    switch (s->kind) {
    case PTN_SOURCE_SILENCE: memset(pcm, 0, count * sizeof(*pcm)); break;
    case PTN_SOURCE_TONE: ptn_tone_read(&s->tone, pcm, count); break;
    case PTN_SOURCE_SAMPLES: read_samples(s, pcm, count); break;
    }
}

bool ptn_source_done(const struct ptn_source *s)
{
    return s->kind == PTN_SOURCE_SAMPLES && s->at == s->count && (!s->loop || s->count == 0);
}
