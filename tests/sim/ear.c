/*
 * tests/sim/ear.c - listens for a tone.
 */
#include "ear.h"

#include <math.h>

void ear_take(struct ear *e, const int16_t *pcm)
{
    for (unsigned i = 0; i < PTN_FRAME_SAMPLES; i++)
        e->last[e->samples++ % EAR_SAMPLES] = pcm[i];
}

bool ear_hears(const struct ear *e, double hz)
{
    int16_t pcm[EAR_SAMPLES];

    if (e->samples < EAR_SAMPLES)
        return false;
    for (unsigned i = 0; i < EAR_SAMPLES; i++)
        pcm[i] = e->last[(e->samples + i) % EAR_SAMPLES];
    struct ptn_tone_heard heard = ptn_tone_hear(pcm, EAR_SAMPLES);
    return fabs(heard.hz - hz) < 30 && heard.level_dbfs > -20;
}
