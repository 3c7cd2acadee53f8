/*
 * media/wav.c - RIFF's chunks, of which "fmt " and "data" are of interest.
 *
 *     RIFF size WAVE | fmt  size kind channels rate … bits | … | data size samples
 *
 * Numbers are little-endian. A chunk of odd size has a byte behind it. Who records writes the
 * sizes last, if he still can: they are believed as far as there are bytes.
 */
#include "media/wav.h"

#include <stdlib.h>

#include "media/g711.h"

enum { KIND_PCM = 1, KIND_ALAW = 6, KIND_ULAW = 7, KIND_EXTENSIBLE = 0xfffe };
enum { CHANNELS_MAX = 8, FMT_BYTES_MIN = 16, FMT_BYTES_EXTENSIBLE = 26 };

struct format {
    unsigned kind, channels, rate, bits;
};

static uint32_t number(struct ptn_bytes b, size_t at, size_t size)
{
    uint32_t n = 0;

    for (size_t i = size; i > 0; i--)
        n = n << 8 | b.data[at + i - 1];
    return n;
}

static bool is_named(struct ptn_bytes b, size_t at, const char *name)
{
    return memcmp(b.data + at, name, 4) == 0;
}

/* The next chunk with this name; takes it and all before it off the front. */
static bool take_chunk(struct ptn_bytes *rest, const char *name, struct ptn_bytes *chunk)
{
    while (rest->size >= 8) {
        bool found = is_named(*rest, 0, name);
        size_t size = number(*rest, 4, 4), left = rest->size - 8;

        *chunk = ptn_bytes(rest->data + 8, size < left ? size : left);
        size = size % 2 && size < left ? size + 1 : size;
        size = size < left ? size : left;
        *rest = ptn_bytes(rest->data + 8 + size, left - size);
        if (found)
            return true;
    }
    return false;
}

static bool read_format(struct ptn_bytes fmt, struct format *f)
{
    if (fmt.size < FMT_BYTES_MIN)
        return false;
    *f = (struct format){number(fmt, 0, 2), number(fmt, 2, 2), number(fmt, 4, 4),
                         number(fmt, 14, 2)};
    if (f->kind == KIND_EXTENSIBLE && fmt.size >= FMT_BYTES_EXTENSIBLE)
        f->kind = number(fmt, 24, 2);
    return f->channels > 0 && f->rate > 0;
}

static bool is_supported(const struct format *f)
{
    bool pcm = f->kind == KIND_PCM && f->bits % 8 == 0 && f->bits >= 8 && f->bits <= 32;
    bool law = (f->kind == KIND_ALAW || f->kind == KIND_ULAW) && f->bits == 8;

    return (pcm || law) && f->channels <= CHANNELS_MAX;
}

/* One sample as 16 bits, signed. */
static int sample(const struct format *f, struct ptn_bytes data, size_t at)
{
    size_t bytes = f->bits / 8;

    if (f->kind != KIND_PCM)
        return ptn_g711_expand(f->kind == KIND_ALAW ? PTN_G711_ALAW : PTN_G711_ULAW, data.data[at]);
    if (bytes == 1)
        return (data.data[at] - 128) * 256; /* the only ones without a sign */
    return (int16_t)(uint16_t)number(data, at + bytes - 2, 2);
}

enum ptn_err ptn_wav_read(struct ptn_bytes file, size_t count_max, struct ptn_wav *out)
{
    struct ptn_bytes rest, fmt, data;
    struct format f;

    *out = (struct ptn_wav){0};
    if (file.size < 12 || !is_named(file, 0, "RIFF") || !is_named(file, 8, "WAVE"))
        return PTN_ERR_INVALID;
    rest = ptn_bytes(file.data + 12, file.size - 12);
    if (!take_chunk(&rest, "fmt ", &fmt) || !read_format(fmt, &f) ||
        !take_chunk(&rest, "data", &data))
        return PTN_ERR_INVALID;
    if (!is_supported(&f))
        return PTN_ERR_UNSUPPORTED;

    size_t width = f.bits / 8, count = data.size / (width * f.channels);
    if (count > count_max)
        return PTN_ERR_NO_ROOM;
    int16_t *samples = malloc((count ? count : 1) * sizeof *samples);
    if (!samples)
        return PTN_ERR_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        int sum = 0;
        for (unsigned c = 0; c < f.channels; c++)
            sum += sample(&f, data, (i * f.channels + c) * width);
        samples[i] = (int16_t)(sum / (int)f.channels);
    }
    *out = (struct ptn_wav){samples, count, f.rate};
    return PTN_OK;
}

void ptn_wav_free(struct ptn_wav *w)
{
    free(w->samples);
    *w = (struct ptn_wav){0};
}

static uint8_t *put(uint8_t *at, uint32_t n, size_t size)
{
    for (size_t i = 0; i < size; i++)
        at[i] = (uint8_t)(n >> 8 * i);
    return at + size;
}

static uint8_t *put_name(uint8_t *at, const char *name)
{
    memcpy(at, name, 4);
    return at + 4;
}

void ptn_wav_header(unsigned rate, uint32_t data_bytes, uint8_t out[static PTN_WAV_HEADER_BYTES])
{
    enum { BYTES = 2 };

    out = put(put_name(out, "RIFF"), data_bytes + PTN_WAV_HEADER_BYTES - 8, 4);
    out = put(put_name(put_name(out, "WAVE"), "fmt "), FMT_BYTES_MIN, 4);
    out = put(put(out, KIND_PCM, 2), 1, 2);
    out = put(put(out, rate, 4), BYTES * rate, 4);
    out = put(put(out, BYTES, 2), 8 * BYTES, 2);
    put(put_name(out, "data"), data_bytes, 4);
}
