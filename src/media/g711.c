/*
 * media/g711.c - both laws as the segments that G.711 describes.
 *
 * An octet is a sign, a segment of three bits and a place in it of four. From
 * one segment to the next the step doubles, so the segment is the position of
 * the highest set bit. µ-law adds a bias of 33 first, which makes its first
 * segment like all others; A-law has two first segments with the same step.
 *
 * Negative samples are complemented, not negated: -1 and 0 lie equally far from
 * the zero crossing, and -32768 has a magnitude that fits.
 */
#include "media/g711.h"

#define ULAW_BIAS 33
#define ULAW_MAX 0x1fff

static unsigned magnitude(int16_t sample)
{
    return (unsigned)(sample < 0 ? ~sample : sample);
}

/* The position of the highest set bit of `v`, which is not 0. */
static unsigned top_bit(unsigned v)
{
    return 31u - (unsigned)__builtin_clz(v);
}

static uint8_t ulaw_compress(int16_t sample)
{
    unsigned level = (magnitude(sample) >> 2) + ULAW_BIAS;
    if (level > ULAW_MAX)
        level = ULAW_MAX;
    unsigned segment = top_bit(level) - 5;
    unsigned place = level >> (segment + 1) & 0x0f;
    unsigned sign = sample < 0 ? 0x80 : 0;
    return (uint8_t) ~(sign | segment << 4 | place);
}

static int16_t ulaw_expand(uint8_t octet)
{
    unsigned bits = (uint8_t)~octet;
    unsigned segment = bits >> 4 & 7, place = bits & 0x0f;
    int level = (int)(((place << 1) + ULAW_BIAS) << segment) - ULAW_BIAS;
    return (int16_t)((bits & 0x80 ? -level : level) * 4);
}

static uint8_t alaw_compress(int16_t sample)
{
    unsigned level = magnitude(sample) >> 4;
    unsigned bits = level;
    if (level > 31) {
        unsigned segment = top_bit(level) - 3;
        bits = segment << 4 | (level >> (segment - 1) & 0x0f);
    }
    unsigned sign = sample < 0 ? 0 : 0x80;
    return (uint8_t)((sign | bits) ^ 0x55); /* even bits inverted, G.711 table 1a note 2 */
}

static int16_t alaw_expand(uint8_t octet)
{
    unsigned bits = octet ^ 0x55u;
    unsigned segment = bits >> 4 & 7, place = bits & 0x0f;
    int level = segment == 0 ? (int)(place * 2 + 1) : (int)((place * 2 + 33) << (segment - 1));
    return (int16_t)((bits & 0x80 ? level : -level) * 8);
}

uint8_t ptn_g711_compress(enum ptn_g711_law law, int16_t sample)
{
    return law == PTN_G711_ULAW ? ulaw_compress(sample) : alaw_compress(sample);
}

int16_t ptn_g711_expand(enum ptn_g711_law law, uint8_t octet)
{
    return law == PTN_G711_ULAW ? ulaw_expand(octet) : alaw_expand(octet);
}

void ptn_g711_encode(enum ptn_g711_law law, const int16_t *pcm, size_t count, uint8_t *octets)
{
    for (size_t i = 0; i < count; i++)
        octets[i] = ptn_g711_compress(law, pcm[i]);
}

void ptn_g711_decode(enum ptn_g711_law law, const uint8_t *octets, size_t count, int16_t *pcm)
{
    for (size_t i = 0; i < count; i++)
        pcm[i] = ptn_g711_expand(law, octets[i]);
}
