/*
 * base/dice.h - where randomness comes from.
 *
 * A machine holds a die and never asks the kernel. In a program the die is
 * filled by the kernel's generator (os/entropy), so ids and nonces cannot be
 * guessed; in the simulator and in tests it is seeded, so that a run repeats.
 */
#ifndef PTN_BASE_DICE_H
#define PTN_BASE_DICE_H

#include <stddef.h>
#include <stdint.h>

struct ptn_dice {
    void (*fill)(void *buf, size_t size); /* NULL: the seeded generator below */
    uint64_t state[4];
};

/* A die that repeats itself for equal seeds. For simulations and tests only. */
struct ptn_dice ptn_dice_seeded(uint64_t seed);

/* A die for a part of a simulation, independent of how often `d` is thrown later. One that the
 * kernel fills stays one that the kernel fills. */
struct ptn_dice ptn_dice_split(struct ptn_dice *d);

void ptn_dice_fill(struct ptn_dice *d, void *buf, size_t size);
uint64_t ptn_dice_u64(struct ptn_dice *d);

/* Evenly from 0 to `below` - 1; `below` at least 1. */
uint32_t ptn_dice_below(struct ptn_dice *d, uint32_t below);

/* Evenly from 0 to just under 1. */
double ptn_dice_unit(struct ptn_dice *d);

#endif
