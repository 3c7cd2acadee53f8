/*
 * media/conceal.c - an echo of the last 20 ms that fades away.
 */
#include "media/conceal.h"

#include <string.h>

#define FADE_SAMPLES (4 * PTN_FRAME_SAMPLES)

void ptn_conceal_hear(struct ptn_conceal *c, const int16_t *pcm, size_t count)
{
    c->missing = 0;
    if (count > PTN_FRAME_SAMPLES) {
        pcm += count - PTN_FRAME_SAMPLES;
        count = PTN_FRAME_SAMPLES;
    }
    for (size_t i = 0; i < count; i++) {
        c->last[c->at] = pcm[i];
        c->at = (c->at + 1) % PTN_FRAME_SAMPLES;
    }
}

void ptn_conceal_fill(struct ptn_conceal *c, int16_t *pcm, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (c->missing >= FADE_SAMPLES) {
            memset(pcm + i, 0, (count - i) * sizeof(*pcm));
            return;
        }
        int level = FADE_SAMPLES - (int)c->missing++;
        pcm[i] = (int16_t)(c->last[c->at] * level / FADE_SAMPLES);
        c->at = (c->at + 1) % PTN_FRAME_SAMPLES;
    }
}
