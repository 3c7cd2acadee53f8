/*
 * relay/shared.c - counters of users in words that change all at once.
 *
 * A word is a part of the user's hash above a count, so that finding a place, counting
 * and giving it up are each one compare-and-swap. Users live in a window of words
 * that begins where their hash says; a window that is full of others refuses.
 * Two workers that take the first place of one user at the same moment may make
 * two words of him: then he has at most twice his quota until one is empty.
 */
#include "relay/shared.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { WINDOW = 16, COUNT_BITS = 20 };
#define COUNT_MASK ((UINT64_C(1) << COUNT_BITS) - 1)

struct ptn_relay_shared {
    _Atomic uint32_t total;
    _Atomic uint64_t bps;
    /* How many relay sockets have it. Pages of it are touched only as they come into use. */
    _Atomic uint16_t ports[PTN_RELAY_ADDRESSES_MAX][2][65536];
    uint32_t mask;
    _Atomic uint64_t words[];
};

struct ptn_relay_shared *ptn_relay_shared_new(uint32_t users)
{
    uint32_t size = 64;

    assert(users <= 1u << 28);
    while (size < 4 * users)
        size *= 2;
    struct ptn_relay_shared *s = calloc(1, sizeof *s + size * sizeof s->words[0]);
    if (s)
        s->mask = size - 1;
    return s;
}

void ptn_relay_shared_free(struct ptn_relay_shared *s)
{
    free(s);
}

static uint64_t tag_of(uint64_t user)
{
    uint64_t tag = user & ~COUNT_MASK;
    return tag ? tag : COUNT_MASK + 1;
}

static _Atomic uint64_t *place(struct ptn_relay_shared *s, uint64_t user, unsigned i)
{
    return &s->words[((user & COUNT_MASK) * 0x9e3779b9u + i) & s->mask];
}

/* Counts in the word of the user, or in an empty one. 1: done, 0: quota, -1: there is none. */
static int count_in(struct ptn_relay_shared *s, uint64_t user, uint32_t quota, bool empty)
{
    uint64_t tag = tag_of(user);

    for (unsigned i = 0; i < WINDOW; i++) {
        _Atomic uint64_t *word = place(s, user, i);
        uint64_t seen = atomic_load_explicit(word, memory_order_relaxed);
        while (empty ? seen == 0 : (seen & ~COUNT_MASK) == tag && seen != 0) {
            uint64_t count = seen & COUNT_MASK;
            if ((quota && count >= quota) || count == COUNT_MASK)
                return 0;
            if (atomic_compare_exchange_weak(word, &seen, tag | (count + 1)))
                return 1;
        }
    }
    return -1;
}

static bool take_user(struct ptn_relay_shared *s, uint64_t user, uint32_t quota)
{
    int taken = count_in(s, user, quota, false);
    return (taken < 0 ? count_in(s, user, quota, true) : taken) == 1;
}

static void give_user(struct ptn_relay_shared *s, uint64_t user)
{
    uint64_t tag = tag_of(user);

    for (unsigned i = 0; i < WINDOW; i++) {
        _Atomic uint64_t *word = place(s, user, i);
        uint64_t seen = atomic_load_explicit(word, memory_order_relaxed);
        while ((seen & ~COUNT_MASK) == tag && (seen & COUNT_MASK) > 0)
            if (atomic_compare_exchange_weak(word, &seen, (seen & COUNT_MASK) == 1 ? 0 : seen - 1))
                return;
    }
}

static bool take_bps(struct ptn_relay_shared *s, uint64_t capacity, uint32_t bps)
{
    if (atomic_fetch_add(&s->bps, bps) + bps <= capacity || capacity == 0)
        return true;
    atomic_fetch_sub(&s->bps, bps);
    return false;
}

bool ptn_relay_shared_take(struct ptn_relay_shared *s, const struct ptn_relay_quota *quota,
                           uint64_t user, uint32_t bps)
{
    bool taken = atomic_fetch_add(&s->total, 1) < quota->total || quota->total == 0;

    if (taken && take_bps(s, quota->bps_capacity, bps)) {
        if (take_user(s, user, quota->user))
            return true;
        atomic_fetch_sub(&s->bps, bps);
    }
    atomic_fetch_sub(&s->total, 1);
    return false;
}

void ptn_relay_shared_give(struct ptn_relay_shared *s, uint64_t user, uint32_t bps)
{
    give_user(s, user);
    atomic_fetch_sub(&s->bps, bps);
    atomic_fetch_sub(&s->total, 1);
}

void ptn_relay_shared_use_port(struct ptn_relay_shared *s, struct ptn_relay_place at)
{
    atomic_fetch_add(&s->ports[at.address][at.tcp][at.port], 1);
}

void ptn_relay_shared_leave_port(struct ptn_relay_shared *s, struct ptn_relay_place at)
{
    atomic_fetch_sub(&s->ports[at.address][at.tcp][at.port], 1);
}

bool ptn_relay_shared_has_port(const struct ptn_relay_shared *s, struct ptn_relay_place at)
{
    return atomic_load_explicit(&s->ports[at.address][at.tcp][at.port], memory_order_relaxed) > 0;
}

uint32_t ptn_relay_shared_total(const struct ptn_relay_shared *s)
{
    return atomic_load(&s->total);
}
