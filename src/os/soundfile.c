/*
 * os/soundfile.c - libsndfile behind two small doors.
 *
 * It is loaded when the first file is opened: eight codecs come with it, whose tables cost more
 * memory than a whole phone that plays and records nothing.
 *
 * Files are opened here and not by libsndfile: its own errors do not tell a
 * missing file from a broken one.
 */
#include "os/soundfile.h"

#include <assert.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <sndfile.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/errno.h"

enum { CHANNELS_MAX = 8, CHUNK_FRAMES = 4096 };

/* ---- the library ---- */

static struct {
    __typeof__(sf_open_fd) *open_fd;
    __typeof__(sf_close) *close;
    __typeof__(sf_error) *error;
    __typeof__(sf_command) *command;
    __typeof__(sf_readf_short) *readf_short;
    __typeof__(sf_writef_short) *writef_short;
} sf;

static bool load(void)
{
    static const struct {
        const char *name;
        void *place;
    } functions[] = {
        {"sf_open_fd", &sf.open_fd},
        {"sf_close", &sf.close},
        {"sf_error", &sf.error},
        {"sf_command", &sf.command},
        {"sf_readf_short", &sf.readf_short},
        {"sf_writef_short", &sf.writef_short},
    };
    static void *library;

    if (library)
        return true;
    library = dlopen("libsndfile.so.1", RTLD_NOW | RTLD_LOCAL);
    for (size_t i = 0; library && i < sizeof functions / sizeof functions[0]; i++) {
        void *found = dlsym(library, functions[i].name);
        assert(found); /* since version 1.0.0 */
        memcpy(functions[i].place, &found, sizeof found);
    }
    return library != NULL;
}

/* ---- reading ---- */

static enum ptn_err open_sound(const char *path, SNDFILE **file, SF_INFO *info)
{
    if (!load())
        return PTN_ERR_UNSUPPORTED;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return ptn_err_of_errno(errno);
    *info = (SF_INFO){0};
    *file = sf.open_fd(fd, SFM_READ, info, SF_TRUE);
    if (!*file) {
        close(fd);
        return PTN_ERR_INVALID;
    }
    if (info->channels < 1 || info->channels > CHANNELS_MAX || info->samplerate < 1) {
        sf.close(*file);
        return PTN_ERR_INVALID;
    }
    return PTN_OK;
}

static void mix_down(const short *frames, size_t count, int channels, int16_t *mono)
{
    for (size_t i = 0; i < count; i++) {
        int sum = 0;
        for (int c = 0; c < channels; c++)
            sum += frames[i * (size_t)channels + (size_t)c];
        mono[i] = (int16_t)(sum / channels);
    }
}

/* `out` grows by chunks: a header's count of frames may be a lie. */
static enum ptn_err read_all(SNDFILE *file, int channels, size_t count_max, struct ptn_sound *out)
{
    static short frames[CHUNK_FRAMES * CHANNELS_MAX];
    for (;;) {
        sf_count_t got = sf.readf_short(file, frames, CHUNK_FRAMES);
        if (got <= 0)
            return sf.error(file) == SF_ERR_NO_ERROR ? PTN_OK : PTN_ERR_INVALID;
        if (out->count + (size_t)got > count_max)
            return PTN_ERR_NO_ROOM;
        int16_t *more = realloc(out->samples, (out->count + (size_t)got) * sizeof(*more));
        if (!more)
            return PTN_ERR_NO_MEMORY;
        out->samples = more;
        mix_down(frames, (size_t)got, channels, out->samples + out->count);
        out->count += (size_t)got;
    }
}

enum ptn_err ptn_sound_read(const char *path, size_t count_max, struct ptn_sound *out)
{
    SNDFILE *file = NULL;
    SF_INFO info;
    *out = (struct ptn_sound){0};
    enum ptn_err err = open_sound(path, &file, &info);
    if (err != PTN_OK)
        return err;
    out->rate = (unsigned)info.samplerate;
    err = read_all(file, info.channels, count_max, out);
    sf.close(file);
    if (err != PTN_OK)
        ptn_sound_free(out);
    return err;
}

void ptn_sound_free(struct ptn_sound *sound)
{
    free(sound->samples);
    *sound = (struct ptn_sound){0};
}

/* ---- writing ---- */

struct ptn_recording {
    SNDFILE *file;
};

enum ptn_err ptn_recording_new(const char *path, unsigned rate, struct ptn_recording **out)
{
    assert(rate > 0);
    if (!load())
        return PTN_ERR_UNSUPPORTED;
    struct ptn_recording *r = malloc(sizeof(*r));
    if (!r)
        return PTN_ERR_NO_MEMORY;
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        free(r);
        return ptn_err_of_errno(errno);
    }
    SF_INFO info = {
        .samplerate = (int)rate, .channels = 1, .format = SF_FORMAT_WAV | SF_FORMAT_PCM_16};
    r->file = sf.open_fd(fd, SFM_WRITE, &info, SF_TRUE);
    if (!r->file) {
        close(fd);
        free(r);
        return PTN_ERR_IO;
    }
    sf.command(r->file, SFC_SET_UPDATE_HEADER_AUTO, NULL, SF_TRUE);
    *out = r;
    return PTN_OK;
}

enum ptn_err ptn_recording_write(struct ptn_recording *r, const int16_t *samples, size_t count)
{
    sf_count_t written = sf.writef_short(r->file, samples, (sf_count_t)count);
    return written == (sf_count_t)count ? PTN_OK : PTN_ERR_IO;
}

void ptn_recording_free(struct ptn_recording *r)
{
    if (!r)
        return;
    sf.close(r->file);
    free(r);
}
