/*
 * os/entropy.h - a die that nobody can guess.
 */
#ifndef PTN_OS_ENTROPY_H
#define PTN_OS_ENTROPY_H

#include "base/dice.h"

/* Filled by the kernel's generator, through a small buffer for each thread. A kernel without
 * randomness ends the program: every id and nonce rests on it. */
struct ptn_dice ptn_entropy_dice(void);

#endif
