/*
 * media/tone.h - a sine, and an ear that finds one again.
 *
 * Levels are in dB relative to a sine that just fills 16 bits (dBFS), so they
 * are negative; silence is PTN_TONE_SILENCE.
 */
#ifndef PTN_MEDIA_TONE_H
#define PTN_MEDIA_TONE_H

#include <stddef.h>
#include <stdint.h>

#define PTN_TONE_SILENCE (-100.0)

struct ptn_tone {
    double step;  /* radians a sample */
    double phase; /* 0 to 2 pi */
    double amplitude;
};

/* 0 < hz < 4000; `level_dbfs` from PTN_TONE_SILENCE to 0. */
struct ptn_tone ptn_tone(double hz, double level_dbfs);

/* The next `count` samples, without a seam to those before. */
void ptn_tone_read(struct ptn_tone *t, int16_t *pcm, size_t count);

struct ptn_tone_heard {
    double hz;         /* of the strongest tone; 0 when all is silent */
    double level_dbfs; /* of that tone */
    double purity;     /* its share of the whole energy, 0 to 1 */
    double total_dbfs; /* of all the sound */
};

#define PTN_TONE_HEAR_MIN 160  /* tells tones apart by some 100 Hz */
#define PTN_TONE_HEAR_MAX 4000 /* by some 4 Hz */

/* Listens for tones of 100 to 3,800 Hz in `count` samples, within the bounds above. */
struct ptn_tone_heard ptn_tone_hear(const int16_t *pcm, size_t count);

#endif
