/*
 * media/pcm.h - what raw sound is here: 16 bit, mono, 8,000 samples a second.
 *
 * A telephone's sound moves in frames of 20 ms: sources fill them, streams hand
 * them out, sound files and devices take them.
 */
#ifndef PTN_MEDIA_PCM_H
#define PTN_MEDIA_PCM_H

#include "base/time.h"

#define PTN_PCM_RATE 8000
#define PTN_FRAME_SAMPLES 160
#define PTN_FRAME_SPAN PTN_MS(20)

/* How long `samples` take; how many begin within `span`. */
#define PTN_PCM_SPAN(samples) ((ptn_time)(samples) * (PTN_S(1) / PTN_PCM_RATE))
#define PTN_PCM_SAMPLES(span) ((span) / (PTN_S(1) / PTN_PCM_RATE))

#endif
