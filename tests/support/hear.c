/*
 * tests/support/hear.c - what can be heard in a recording, as one line of JSON.
 *
 *     hear FILE.wav
 *     {"hz": 440.0, "level_dbfs": -10.0, "purity": 0.998, "seconds": 9.98,
 *      "heard_seconds": 9.86, "first_ms": 120, "gap_max_ms": 0}
 *
 * hz, level and purity are medians over half seconds from the first to the last
 * moment that is not silent; gap_max_ms is the longest silence between these.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "media/pcm.h"
#include "media/tone.h"
#include "os/soundfile.h"

enum { BLOCK = PTN_PCM_RATE / 2, FRAMES_MAX = 50 * 3600, BLOCKS_MAX = 2 * 3600 };
#define SILENT_BELOW 60 /* mean of magnitudes; about -52 dBFS */

struct loudness {
    size_t first, last; /* frames; first > last when all is silent */
    size_t heard;       /* frames that are not silent */
    size_t gap_max;     /* frames */
};

static bool is_loud(const int16_t *frame)
{
    long sum = 0;
    for (size_t i = 0; i < PTN_FRAME_SAMPLES; i++)
        sum += labs((long)frame[i]);
    return sum > (long)SILENT_BELOW * PTN_FRAME_SAMPLES;
}

static struct loudness listen(const int16_t *samples, size_t frames)
{
    struct loudness l = {.first = 1, .last = 0};
    for (size_t i = 0; i < frames; i++) {
        if (!is_loud(samples + i * PTN_FRAME_SAMPLES))
            continue;
        if (l.heard == 0)
            l.first = i;
        else if (i - l.last - 1 > l.gap_max)
            l.gap_max = i - l.last - 1;
        l.last = i;
        l.heard++;
    }
    return l;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof *values, by_value);
    return count ? values[count / 2] : 0;
}

int main(int argc, char **argv)
{
    static double hz[BLOCKS_MAX], level[BLOCKS_MAX], purity[BLOCKS_MAX];
    struct ptn_sound sound;
    if (argc != 2) {
        fprintf(stderr, "hear FILE.wav\n");
        return 2;
    }
    enum ptn_err err = ptn_sound_read(argv[1], (size_t)FRAMES_MAX * PTN_FRAME_SAMPLES, &sound);
    if (err != PTN_OK || sound.rate != PTN_PCM_RATE) {
        fprintf(stderr, "hear: %s: %s\n", argv[1],
                err == PTN_OK ? "its rate is not 8000" : ptn_err_text(err));
        return 1;
    }

    struct loudness l = listen(sound.samples, sound.count / PTN_FRAME_SAMPLES);
    size_t blocks = 0, end = (l.last + 1) * PTN_FRAME_SAMPLES;
    for (size_t at = l.first * PTN_FRAME_SAMPLES; l.heard && at + BLOCK <= end; at += BLOCK) {
        struct ptn_tone_heard heard = ptn_tone_hear(sound.samples + at, BLOCK);
        hz[blocks] = heard.hz;
        level[blocks] = heard.level_dbfs;
        purity[blocks++] = heard.purity;
    }
    printf("{\"hz\": %.1f, \"level_dbfs\": %.1f, \"purity\": %.3f, \"seconds\": %.2f, "
           "\"heard_seconds\": %.2f, \"first_ms\": %zu, \"gap_max_ms\": %zu}\n",
           median(hz, blocks), blocks ? median(level, blocks) : PTN_TONE_SILENCE,
           median(purity, blocks), (double)sound.count / PTN_PCM_RATE, (double)l.heard / 50,
           l.heard ? l.first * 20 : 0, l.gap_max * 20);
    ptn_sound_free(&sound);
    return 0;
}
