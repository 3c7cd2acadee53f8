/*
 * os/entropy.c - getrandom, a few hundred bytes at a time: a transaction id costs no system call.
 */
#include "os/entropy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static void ask_kernel(void *buf, size_t size)
{
    uint8_t *at = buf;

    while (size > 0) {
        ssize_t got = getrandom(at, size, 0);
        if (got < 0 && errno != EINTR)
            abort();
        if (got > 0) {
            at += got;
            size -= (size_t)got;
        }
    }
}

static void fill(void *buf, size_t size)
{
    static _Thread_local uint8_t pool[256];
    static _Thread_local size_t left;

    if (size > sizeof pool) {
        ask_kernel(buf, size);
        return;
    }
    if (left < size) {
        ask_kernel(pool, sizeof pool);
        left = sizeof pool;
    }
    left -= size;
    memcpy(buf, pool + left, size);
    /* What was given out must not be found in memory later. */
    explicit_bzero(pool + left, size);
}

/* libre draws a number for every SIP message it reads, from OpenSSL's generator, whose making takes
 * 110 KiB and each number 3 us. These stand in for its own in a program that has them: the kernel's
 * are as good. */
uint32_t rand_u32(void);
uint64_t rand_u64(void);

uint32_t rand_u32(void)
{
    uint32_t number;

    fill(&number, sizeof number);
    return number;
}

uint64_t rand_u64(void)
{
    uint64_t number;

    fill(&number, sizeof number);
    return number;
}

struct ptn_dice ptn_entropy_dice(void)
{
    return (struct ptn_dice){.fill = fill};
}
