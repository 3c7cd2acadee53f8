/*
 * tests/sim/ear.h - the last tenth of a second that a phone has heard.
 */
#ifndef PTN_TEST_EAR_H
#define PTN_TEST_EAR_H

#include <stdbool.h>

#include "media/pcm.h"
#include "media/tone.h"

enum { EAR_SAMPLES = 800 };

struct ear {
    int16_t last[EAR_SAMPLES]; /* in a ring */
    uint64_t samples;
};

/* One frame of sound. */
void ear_take(struct ear *e, const int16_t *pcm);

/* Whether it was this tone. */
bool ear_hears(const struct ear *e, double hz);

#endif
