/*
 * phone/recording.c - a WAV file that grows: its samples, then its header once more.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "media/pcm.h"
#include "os/errno.h"
#include "phone/phone.h"

/* A WAV file counts its bytes in 32 bits: 37 hours at 8 kHz. */
#define DATA_BYTES_MAX (UINT32_MAX - PTN_WAV_HEADER_BYTES)

struct phone_recording {
    int fd;
    unsigned rate;
    uint32_t data_bytes;
};

static enum ptn_err write_at(int fd, off_t at, const void *bytes, size_t size)
{
    ssize_t n = pwrite(fd, bytes, size, at);

    return n < 0 ? ptn_err_of_errno(errno) : (size_t)n == size ? PTN_OK : PTN_ERR_NO_ROOM;
}

static enum ptn_err write_header(const struct phone_recording *r)
{
    uint8_t header[PTN_WAV_HEADER_BYTES];

    ptn_wav_header(r->rate, r->data_bytes, header);
    return write_at(r->fd, 0, header, sizeof header);
}

enum ptn_err phone_recording_new(const char *path, unsigned rate, struct phone_recording **out)
{
    struct phone_recording *r = malloc(sizeof *r);

    *out = NULL;
    if (!r)
        return PTN_ERR_NO_MEMORY;
    *r = (struct phone_recording){.rate = rate};
    r->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    enum ptn_err err = r->fd < 0 ? ptn_err_of_errno(errno) : write_header(r);
    if (err != PTN_OK) {
        phone_recording_free(r);
        return err;
    }
    *out = r;
    return PTN_OK;
}

enum ptn_err phone_recording_write(struct phone_recording *r, const int16_t *samples, size_t count)
{
    uint8_t bytes[2 * PTN_FRAME_SAMPLES];

    assert(count <= PTN_FRAME_SAMPLES);
    if (r->data_bytes > DATA_BYTES_MAX - sizeof bytes)
        return PTN_ERR_NO_ROOM;
    for (size_t i = 0; i < count; i++) {
        bytes[2 * i] = (uint8_t)samples[i];
        bytes[2 * i + 1] = (uint8_t)((uint16_t)samples[i] >> 8);
    }
    enum ptn_err err =
        write_at(r->fd, (off_t)PTN_WAV_HEADER_BYTES + r->data_bytes, bytes, 2 * count);
    if (err != PTN_OK)
        return err;
    r->data_bytes += (uint32_t)(2 * count);
    return write_header(r);
}

void phone_recording_free(struct phone_recording *r)
{
    if (!r)
        return;
    if (r->fd >= 0)
        close(r->fd);
    free(r);
}
