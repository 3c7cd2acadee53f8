/*
 * media/tone.c - making a sine, and finding the strongest one in a piece of sound.
 *
 * The ear scans the band with Goertzel's filter in steps of half a bin, then
 * closes in on the peak by ternary search. A Hann window goes first: without it
 * the start and the end of the piece, which rarely fit the tone's period, would
 * bend frequency and level by several per cent.
 */
#include "media/tone.h"

#include <assert.h>
#include <math.h>

#include "media/pcm.h"

#define FULL_SCALE 32767.0
#define TWO_PI 6.283185307179586
#define LOWEST_HZ 100.0
#define HIGHEST_HZ 3800.0

static double dbfs(double amplitude)
{
    double level = amplitude > 0 ? 20 * log10(amplitude / FULL_SCALE) : PTN_TONE_SILENCE;
    return level > PTN_TONE_SILENCE ? level : PTN_TONE_SILENCE;
}

struct ptn_tone ptn_tone(double hz, double level_dbfs)
{
    assert(hz > 0 && hz < PTN_PCM_RATE / 2.0);
    assert(level_dbfs >= PTN_TONE_SILENCE && level_dbfs <= 0);

    return (struct ptn_tone){
        .step = TWO_PI * hz / PTN_PCM_RATE,
        .amplitude = FULL_SCALE * pow(10, level_dbfs / 20),
    };
}

void ptn_tone_read(struct ptn_tone *t, int16_t *pcm, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        pcm[i] = (int16_t)lrint(t->amplitude * sin(t->phase));
        t->phase += t->step;
        if (t->phase >= TWO_PI)
            t->phase -= TWO_PI;
    }
}

/* The amplitude of the part of `windowed` that swings with `hz`. */
static double goertzel(const double *windowed, size_t count, double hz)
{
    double w = TWO_PI * hz / PTN_PCM_RATE;
    double twice_cos = 2 * cos(w), one = 0, two = 0;
    for (size_t i = 0; i < count; i++) {
        double now = windowed[i] + twice_cos * one - two;
        two = one;
        one = now;
    }
    double power = one * one + two * two - twice_cos * one * two;
    /* A tone fills half of its window's sum, and a Hann window sums to half of its length. */
    return power > 0 ? 4 * sqrt(power) / (double)count : 0;
}

static double peak_near(const double *windowed, size_t count, double hz, double width)
{
    double low = hz - width, high = hz + width;
    while (high - low > 0.01) {
        double third = (high - low) / 3;
        if (goertzel(windowed, count, low + third) < goertzel(windowed, count, high - third))
            low += third;
        else
            high -= third;
    }
    return (low + high) / 2;
}

struct ptn_tone_heard ptn_tone_hear(const int16_t *pcm, size_t count)
{
    assert(count >= PTN_TONE_HEAR_MIN && count <= PTN_TONE_HEAR_MAX);
    double windowed[PTN_TONE_HEAR_MAX];
    double energy = 0;
    for (size_t i = 0; i < count; i++) {
        energy += (double)pcm[i] * pcm[i];
        windowed[i] = pcm[i] * (0.5 - 0.5 * cos(TWO_PI * (double)i / (double)count));
    }
    energy /= (double)count;
    if (energy == 0)
        return (struct ptn_tone_heard){.level_dbfs = PTN_TONE_SILENCE,
                                       .total_dbfs = PTN_TONE_SILENCE};

    double step = PTN_PCM_RATE / (double)count / 2, best_hz = LOWEST_HZ, best = 0;
    for (double hz = LOWEST_HZ; hz <= HIGHEST_HZ; hz += step) {
        double amplitude = goertzel(windowed, count, hz);
        if (amplitude > best) {
            best = amplitude;
            best_hz = hz;
        }
    }
    double hz = peak_near(windowed, count, best_hz, step);
    double amplitude = goertzel(windowed, count, hz);
    double purity = amplitude * amplitude / 2 / energy;
    return (struct ptn_tone_heard){
        .hz = hz,
        .level_dbfs = dbfs(amplitude),
        .purity = purity < 1 ? purity : 1,
        .total_dbfs = dbfs(sqrt(2 * energy)),
    };
}
