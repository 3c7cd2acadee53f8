/*
 * media/conceal.h - what is played for sound that never came.
 *
 * Repeats the last frame, ever softer: a single lost packet goes unnoticed, and
 * what lasts longer than 80 ms becomes silence rather than a buzz.
 */
#ifndef PTN_MEDIA_CONCEAL_H
#define PTN_MEDIA_CONCEAL_H

#include <stddef.h>
#include <stdint.h>

#include "media/pcm.h"

struct ptn_conceal {
    int16_t last[PTN_FRAME_SAMPLES]; /* the most recent good samples, oldest at `at` */
    unsigned at;
    unsigned missing; /* samples made up in a row */
};

/* To be shown all samples that are played. */
void ptn_conceal_hear(struct ptn_conceal *c, const int16_t *pcm, size_t count);

/* Makes up `count` samples. */
void ptn_conceal_fill(struct ptn_conceal *c, int16_t *pcm, size_t count);

#endif
