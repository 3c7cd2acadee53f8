/*
 * relay/budget.c - debts that time forgives.
 *
 * A token bucket turned around: not tokens that are there, but the moment when all that was
 * taken will be forgiven. One number, no refilling, no division.
 *
 *      now          clear                      now + burst
 *   ----|=============|----------------------------|-----
 *          debt          what can still be had
 *
 * A set of four rows begins where the hash says. An address that finds no row takes the one
 * whose debt is smallest: who floods cannot lose his debt so, and whose debt is lost had little.
 */
#include "relay/budget.h"

#include <assert.h>
#include <stdlib.h>

enum {
    SETS = 4096, /* 16,384 addresses, 16,384 prefixes */
    CHANGE_SETS = 1024,
    WAYS = 4,
};

static const struct ptn_relay_budget defaults = {
    .address_rate = 64 * 1024,
    .address_burst = 1024 * 1024,
    .prefix_rate = 256 * 1024,
    .prefix_burst = 4 * 1024 * 1024,
    .change_rate = 16 * 1024,
    .change_burst = 512 * 1024,
    .global_rate = 512 * 1024,
    .global_burst = 2 * 1024 * 1024,
    /* What one victim gets is bounded by the budgets above. This bounds what all get together, and
     * a flood in names of everybody that reaches it leaves honest clients without their first 401.
     * From 41,000 forged requests a second on it makes less than 1.6 bytes of one. */
    .refusals_rate = 24000,
    .refusals_burst = 48000,
    .lookups_rate = 100,
    .lookups_burst = 3000,
};

static struct ptn_relay_allowance allowance(uint32_t rate, uint32_t rate_default, uint32_t burst,
                                            uint32_t burst_default, unsigned workers)
{
    uint32_t per_second = (rate ? rate : rate_default) / workers;
    ptn_time per_byte = PTN_S(1) / (per_second ? per_second : 1);
    ptn_time bytes = (burst ? burst : burst_default) / workers;

    return (struct ptn_relay_allowance){.per_byte = per_byte ? per_byte : 1,
                                        .burst = per_byte * (bytes ? bytes : 1)};
}

void ptn_relay_limits_change(struct ptn_relay_limits *l, const struct ptn_relay_opts *opts)
{
    const struct ptn_relay_budget *b = &opts->budget, *d = &defaults;
    unsigned w = opts->workers ? opts->workers : 1;

    l->off = opts->no_budget;
    l->address.allowance =
        allowance(b->address_rate, d->address_rate, b->address_burst, d->address_burst, w);
    l->prefix.allowance =
        allowance(b->prefix_rate, d->prefix_rate, b->prefix_burst, d->prefix_burst, w);
    l->change.allowance =
        allowance(b->change_rate, d->change_rate, b->change_burst, d->change_burst, w);
    l->global = allowance(b->global_rate, d->global_rate, b->global_burst, d->global_burst, w);
    l->lookup.allowance =
        allowance(b->lookups_rate, d->lookups_rate, b->lookups_burst, d->lookups_burst, w);
    l->refusals =
        allowance(b->refusals_rate, d->refusals_rate, b->refusals_burst, d->refusals_burst, w);
}

static bool make(struct ptn_relay_debts *d, uint32_t sets, struct ptn_dice *dice)
{
    d->mask = sets - 1;
    d->key[0] = ptn_dice_u64(dice);
    d->key[1] = ptn_dice_u64(dice) | 1;
    d->rows = calloc((size_t)sets * WAYS, sizeof *d->rows);
    return d->rows != NULL;
}

enum ptn_err ptn_relay_limits_init(struct ptn_relay_limits *l, const struct ptn_relay_opts *opts,
                                   struct ptn_dice *dice)
{
    *l = (struct ptn_relay_limits){0};
    ptn_relay_limits_change(l, opts);
    bool made = make(&l->address, SETS, dice) && make(&l->prefix, SETS, dice) &&
                make(&l->change, CHANGE_SETS, dice) && make(&l->lookup, CHANGE_SETS, dice);
    return made ? PTN_OK : PTN_ERR_NO_MEMORY;
}

void ptn_relay_limits_fini(struct ptn_relay_limits *l)
{
    free(l->address.rows);
    free(l->prefix.rows);
    free(l->change.rows);
    free(l->lookup.rows);
    *l = (struct ptn_relay_limits){0};
}

/* ---- whose debt ---- */

/* The halves of the 128-bit product of two keyed words, folded: each bit of the address counts. */
static uint64_t mixed(const uint64_t key[2], uint64_t word)
{
    unsigned __int128 product = (unsigned __int128)(word ^ key[0]) * key[1];
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t address_word(const struct ptn_addr *a)
{
    uint64_t word;

    memcpy(&word, a->ip, sizeof word); /* IPv4's four bytes and four zeros; IPv6's /64 */
    return word;
}

static uint64_t prefix_word(const struct ptn_addr *a)
{
    static const uint8_t v4[8] = {0xff, 0xff, 0xff},
                         v6[8] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    uint64_t mask;

    memcpy(&mask, a->family == PTN_IPV4 ? v4 : v6, sizeof mask);
    return address_word(a) & mask;
}

static struct ptn_relay_debt *debt_of(struct ptn_relay_debts *d, uint64_t word)
{
    uint64_t hash = mixed(d->key, word);
    struct ptn_relay_debt *set = &d->rows[(hash & d->mask) * WAYS], *least = set;
    uint32_t tag = (uint32_t)(hash >> 32) | 1; /* 0 is nobody's */

    if (__builtin_expect(set->tag == tag, 1))
        return set;
    for (unsigned i = 1; i < WAYS; i++)
        if (set[i].tag == tag)
            return &set[i];
    for (unsigned i = 1; i < WAYS; i++)
        if (set[i].clear < least->clear)
            least = &set[i];
    *least = (struct ptn_relay_debt){.tag = tag};
    return least;
}

/* ---- what can be had ---- */

/* The debt's end after `bytes` more. */
static ptn_time after(const struct ptn_relay_allowance *a, ptn_time clear, ptn_time now,
                      size_t bytes)
{
    return (clear > now ? clear : now) + (ptn_time)bytes * a->per_byte;
}

static enum ptn_relay_grant grant(const struct ptn_relay_debts *d, ptn_time clear, ptn_time now,
                                  size_t full, size_t less)
{
    const struct ptn_relay_allowance *a = &d->allowance;

    /* The last quarter is for those who would get nothing else. */
    if (after(a, clear, now, full) - now <= a->burst - (full > less ? a->burst / 4 : 0))
        return PTN_RELAY_GRANT_FULL;
    return after(a, clear, now, less) - now <= a->burst ? PTN_RELAY_GRANT_LESS
                                                        : PTN_RELAY_GRANT_NONE;
}

static size_t surplus(size_t answer, size_t request)
{
    return answer > request ? answer - request : 0;
}

/* Bytes beyond 1.6 times the request: what makes a modern Binding of 20 bytes one of 32. */
static size_t excess(size_t answer, size_t request)
{
    return surplus(5 * answer, 8 * request) / 5;
}

/* What is denied counts, too, up to a little more than can be had: as long as more is asked for
 * than is forgiven, the budget stays spent. Else a flood would be given all that is forgiven
 * meanwhile. */
static bool take_of_global(struct ptn_relay_limits *l, ptn_time now, size_t bytes)
{
    ptn_time clear = after(&l->global, l->global_clear, now, bytes);

    l->global_clear = ptn_time_min(clear, now + l->global.burst + l->global.burst / 16);
    return clear - now <= l->global.burst;
}

enum ptn_relay_grant ptn_relay_limits_ask(struct ptn_relay_limits *l, ptn_time now,
                                          const struct ptn_addr *to, size_t request, size_t full,
                                          size_t less)
{
    size_t cost[] = {0, surplus(less, request), surplus(full, request)};
    enum ptn_relay_grant granted = PTN_RELAY_GRANT_FULL, by_prefix;

    assert(less <= full);
    if (l->off || cost[PTN_RELAY_GRANT_FULL] == 0)
        return granted;
    struct ptn_relay_debt *address = debt_of(&l->address, address_word(to));
    struct ptn_relay_debt *prefix = debt_of(&l->prefix, prefix_word(to));
    granted = grant(&l->address, address->clear, now, cost[2], cost[1]);
    by_prefix = grant(&l->prefix, prefix->clear, now, cost[2], cost[1]);
    if (by_prefix < granted)
        granted = by_prefix;
    size_t beyond = excess(full, request);
    if (granted == PTN_RELAY_GRANT_FULL && beyond > 0 && !take_of_global(l, now, beyond) &&
        less < full)
        granted = PTN_RELAY_GRANT_LESS;
    if (cost[granted] > 0) {
        address->clear = after(&l->address.allowance, address->clear, now, cost[granted]);
        prefix->clear = after(&l->prefix.allowance, prefix->clear, now, cost[granted]);
    }
    return granted;
}

bool ptn_relay_limits_ask_short(struct ptn_relay_limits *l, ptn_time now, const struct ptn_addr *to,
                                size_t surplus_bytes)
{
    if (l->off)
        return true;
    struct ptn_relay_debt *address = debt_of(&l->address, address_word(to));
    struct ptn_relay_debt *prefix = debt_of(&l->prefix, prefix_word(to));
    ptn_time address_clear = after(&l->address.allowance, address->clear, now, surplus_bytes);
    ptn_time prefix_clear = after(&l->prefix.allowance, prefix->clear, now, surplus_bytes);

    if (address_clear - now > l->address.allowance.burst ||
        prefix_clear - now > l->prefix.allowance.burst)
        return false;
    address->clear = address_clear;
    prefix->clear = prefix_clear;
    return true;
}

bool ptn_relay_limits_ask_change(struct ptn_relay_limits *l, ptn_time now,
                                 const struct ptn_addr *to, size_t request, size_t answer)
{
    if (l->off)
        return true;
    struct ptn_relay_debt *debt = debt_of(&l->change, address_word(to));
    if (!take_of_global(l, now, excess(answer, request)) ||
        grant(&l->change, debt->clear, now, answer, answer) != PTN_RELAY_GRANT_FULL)
        return false;
    debt->clear = after(&l->change.allowance, debt->clear, now, answer);
    return true;
}

bool ptn_relay_limits_ask_refusal(struct ptn_relay_limits *l, ptn_time now,
                                  const struct ptn_addr *to, size_t request, size_t answer)
{
    if (l->off || answer <= request)
        return true;
    ptn_time clear = after(&l->refusals, l->refusals_clear, now, 1);
    if (clear - now > l->refusals.burst ||
        ptn_relay_limits_ask(l, now, to, request, answer, answer) != PTN_RELAY_GRANT_FULL)
        return false;
    l->refusals_clear = clear;
    return true;
}

bool ptn_relay_limits_ask_lookup(struct ptn_relay_limits *l, ptn_time now,
                                 const struct ptn_addr *from)
{
    struct ptn_relay_debt *debt = debt_of(&l->lookup, address_word(from));

    if (!l->off && grant(&l->lookup, debt->clear, now, 1, 1) != PTN_RELAY_GRANT_FULL)
        return false;
    debt->clear = after(&l->lookup.allowance, debt->clear, now, 1);
    return true;
}
