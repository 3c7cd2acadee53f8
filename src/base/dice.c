/*
 * base/dice.c - the seeded generator: xoshiro256**, its state spread by splitmix64
 * (Blackman and Vigna). Not for secrets.
 */
#include "base/dice.h"

#include <assert.h>
#include <string.h>

static uint64_t splitmix(uint64_t *x)
{
    uint64_t z = *x += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static uint64_t rotated(uint64_t x, int by)
{
    return x << by | x >> (64 - by);
}

static uint64_t next(uint64_t s[4])
{
    uint64_t result = rotated(s[1] * 5, 7) * 9, t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotated(s[3], 45);
    return result;
}

struct ptn_dice ptn_dice_seeded(uint64_t seed)
{
    struct ptn_dice d = {0};

    for (unsigned i = 0; i < 4; i++)
        d.state[i] = splitmix(&seed);
    return d;
}

struct ptn_dice ptn_dice_split(struct ptn_dice *d)
{
    return d->fill ? *d : ptn_dice_seeded(ptn_dice_u64(d));
}

void ptn_dice_fill(struct ptn_dice *d, void *buf, size_t size)
{
    uint8_t *at = buf;

    if (d->fill) {
        d->fill(buf, size);
        return;
    }
    while (size > 0) {
        uint64_t word = next(d->state);
        size_t part = size < sizeof word ? size : sizeof word;

        memcpy(at, &word, part);
        at += part;
        size -= part;
    }
}

uint64_t ptn_dice_u64(struct ptn_dice *d)
{
    uint64_t word;

    ptn_dice_fill(d, &word, sizeof word);
    return word;
}

uint32_t ptn_dice_below(struct ptn_dice *d, uint32_t below)
{
    assert(below > 0);

    /* Lemire: throw again in the few cases that would make low numbers likelier. */
    uint32_t unfair = -below % below;
    for (;;) {
        uint64_t product = (uint64_t)(uint32_t)ptn_dice_u64(d) * below;
        if ((uint32_t)product >= unfair)
            return (uint32_t)(product >> 32);
    }
}

double ptn_dice_unit(struct ptn_dice *d)
{
    return (double)(ptn_dice_u64(d) >> 11) * 0x1p-53;
}
