/*
 * media/codec.c - the table of codecs, and the way to each of them.
 */
#include "media/codec.h"

#include <assert.h>
#include <strings.h>

#include "media/g711.h"
#include "media/pcm.h"

static const struct ptn_codec_info codecs[PTN_CODEC_COUNT] = {
    [PTN_CODEC_PCMU] = {"PCMU", 0, PTN_PCM_RATE},
    [PTN_CODEC_PCMA] = {"PCMA", 8, PTN_PCM_RATE},
};

static const enum ptn_g711_law laws[PTN_CODEC_COUNT] = {
    [PTN_CODEC_PCMU] = PTN_G711_ULAW,
    [PTN_CODEC_PCMA] = PTN_G711_ALAW,
};

const struct ptn_codec_info *ptn_codec_info(enum ptn_codec codec)
{
    assert(codec < PTN_CODEC_COUNT);
    return &codecs[codec];
}

enum ptn_codec ptn_codec_by_name(const char *name)
{
    enum ptn_codec codec = 0;
    while (codec < PTN_CODEC_COUNT && strcasecmp(codecs[codec].name, name) != 0)
        codec++;
    return codec;
}

enum ptn_codec ptn_codec_by_payload_type(uint8_t payload_type)
{
    enum ptn_codec codec = 0;
    while (codec < PTN_CODEC_COUNT && codecs[codec].payload_type != payload_type)
        codec++;
    return codec;
}

size_t ptn_codec_samples(enum ptn_codec codec, struct ptn_bytes payload)
{
    assert(codec < PTN_CODEC_COUNT);
    return payload.size;
}

size_t ptn_codec_encode(enum ptn_codec codec, const int16_t *pcm, size_t count, uint8_t *payload)
{
    assert(codec < PTN_CODEC_COUNT);
    ptn_g711_encode(laws[codec], pcm, count, payload);
    return count;
}

void ptn_codec_decode(enum ptn_codec codec, struct ptn_bytes payload, int16_t *pcm)
{
    assert(codec < PTN_CODEC_COUNT);
    ptn_g711_decode(laws[codec], payload.data, payload.size, pcm);
}
