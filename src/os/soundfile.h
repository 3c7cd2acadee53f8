/*
 * os/soundfile.h - sound files: read as a whole, written as the sound comes.
 *
 * Reads what libsndfile knows (WAV, AU, FLAC, Ogg …) as mono at the file's own
 * rate. Writes WAV with 16 bits; its header is right after every write, so a
 * recording survives a program that does not.
 */
#ifndef PTN_OS_SOUNDFILE_H
#define PTN_OS_SOUNDFILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct ptn_sound {
    int16_t *samples; /* to be freed by ptn_sound_free */
    size_t count;
    unsigned rate; /* samples a second */
};

/* Several channels become their mean. NOT_FOUND, NOT_PERMITTED; INVALID: no sound file,
 * or more than 8 channels; NO_ROOM: more than `count_max` samples; UNSUPPORTED: libsndfile, which is
 * loaded by the first call here, is not installed. `out` is empty unless PTN_OK. */
enum ptn_err ptn_sound_read(const char *path, size_t count_max, struct ptn_sound *out);

void ptn_sound_free(struct ptn_sound *sound);

struct ptn_recording;

/* Creates or overwrites `path`, readable for its owner only: it holds what somebody said. */
enum ptn_err ptn_recording_new(const char *path, unsigned rate, struct ptn_recording **out);

enum ptn_err ptn_recording_write(struct ptn_recording *r, const int16_t *samples, size_t count);

/* Closes the file. NULL is fine. */
void ptn_recording_free(struct ptn_recording *r);

#endif
