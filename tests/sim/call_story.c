/*
 * tests/sim/call_story.c - do two phones hear each other, whatever stands between them?
 *
 * With --turn before the seeds (support/seeds.h) the same with a TURN server, and symmetric NATs
 * among the others.
 *
 * Each run: two homes, each without a NAT or with one of the three that STUN alone gets through,
 * 0 to 5 % loss each way at each home; both register, Alice calls Bob, ten seconds of sound. Every
 * one must be heard by both sides. With TURN sound takes that way from behind symmetric NATs, and
 * from nowhere else. Prints TAP: a case for each pair of kinds, one for all.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "homes.h"
#include "support/seeds.h"

enum { KINDS_MAX = 5, SYMMETRIC = 4, SHOWN_MAX = 20 };

static const char *const kinds[KINDS_MAX] = {NULL, "full-cone", "address-restricted",
                                             "port-restricted", "symmetric"};
static unsigned kind_count = SYMMETRIC; /* those that STUN alone gets through */

struct drawn {
    unsigned kind[HOMES];
    char nat[HOMES][200], link[HOMES][200];
    struct homes_opts opts;
};

struct tally {
    unsigned runs, silent, relayed;
    ptn_time registered_worst, answered_worst, heard_worst;
    double heard_sum;
};

static void draw(struct drawn *d, uint64_t seed)
{
    static const char *const ports[] = {"preserve", "sequential by 2", "random"};
    struct ptn_dice dice = ptn_dice_seeded(seed);

    *d = (struct drawn){.opts.seed = seed, .opts.turn = kind_count > SYMMETRIC};
    for (unsigned i = 0; i < HOMES; i++) {
        d->kind[i] = ptn_dice_below(&dice, kind_count);
        unsigned delay = 1 + ptn_dice_below(&dice, 60), jitter = ptn_dice_below(&dice, 20);
        double up = 5 * ptn_dice_unit(&dice), down = 5 * ptn_dice_unit(&dice);
        const char *port = ports[ptn_dice_below(&dice, 3)];
        unsigned timeout = 30 + ptn_dice_below(&dice, 90);
        snprintf(d->link[i], sizeof d->link[i],
                 "delay %ums jitter %ums up loss %.3f%% down loss %.3f%%", delay, jitter, up, down);
        d->opts.link[i] = d->link[i];
        if (!kinds[d->kind[i]])
            continue;
        snprintf(d->nat[i], sizeof d->nat[i], "%s ports %s timeout %us", kinds[d->kind[i]], port,
                 timeout);
        d->opts.nat[i] = d->nat[i];
    }
}

/* A tenth of a second with two lost packets in it is concealed, not a clean tone: one of the next
 * will be. */
static bool hears_within_a_second(struct homes *h, unsigned phone)
{
    for (unsigned i = 0; i < 10 && !homes_hears(h, phone); i++)
        homes_run(h, PTN_MS(100));
    return homes_hears(h, phone);
}

/* NULL when all went well, else how far it came. */
static const char *play(struct homes *h, const struct drawn *d, struct tally *t)
{
    if (!homes_register(h, PTN_S(60)))
        return "not registered";
    t->registered_worst = ptn_time_max(t->registered_worst, ptn_sim_now(h->w));
    homes_run(h, PTN_S(1));
    ptn_time dialled = ptn_sim_now(h->w);
    if (!homes_call(h))
        return "not answered";
    t->answered_worst = ptn_time_max(t->answered_worst, ptn_sim_now(h->w) - dialled);
    homes_run(h, PTN_S(10));
    for (unsigned i = 0; i < HOMES; i++) {
        const struct person *p = &h->phones[i];
        struct ptn_stream_stats stats = homes_stats(h, i);
        if (!hears_within_a_second(h, i))
            return i == ALICE ? "Alice does not hear Bob" : "Bob does not hear Alice";
        /* 500 packets and more were sent; at the worst a tenth is lost on two wires. */
        if (stats.received_packets < 400 || stats.gap_max > PTN_MS(1000))
            return i == ALICE ? "Alice misses a lot" : "Bob misses a lot";
        if (homes_is_relayed(h, i) != (d->kind[i] == SYMMETRIC))
            return homes_is_relayed(h, i) ? "relayed without need" : "not relayed";
        t->relayed += homes_is_relayed(h, i);
        ptn_time heard = p->at[PTN_UA_HEARD] - p->at[PTN_UA_ANSWERED];
        t->heard_worst = ptn_time_max(t->heard_worst, heard);
        t->heard_sum += (double)heard / HOMES;
    }
    return homes_hang_up(h, (unsigned)(dialled % HOMES)) ? NULL : "not ended";
}

static struct tally tallies[KINDS_MAX][KINDS_MAX];

static void add(struct tally *all, const struct tally *t)
{
    all->runs += t->runs;
    all->silent += t->silent;
    all->relayed += t->relayed;
    all->heard_sum += t->heard_sum;
    all->registered_worst = ptn_time_max(all->registered_worst, t->registered_worst);
    all->answered_worst = ptn_time_max(all->answered_worst, t->answered_worst);
    all->heard_worst = ptn_time_max(all->heard_worst, t->heard_worst);
}

static bool report_pair(unsigned number, const char *a, const char *b, const struct tally *t)
{
    printf("%sok %u - calls between %s and %s\n", t->silent ? "not " : "", number, a, b);
    printf("# %u calls, %u failed, %u ends relayed; worst: registered after %" PRId64
           " ms, up %" PRId64 " ms after dialling (Bob takes 1 s), heard %" PRId64
           " ms after that (mean %.0f)\n",
           t->runs, t->silent, t->relayed, ptn_time_ms(t->registered_worst),
           ptn_time_ms(t->answered_worst), ptn_time_ms(t->heard_worst),
           t->runs ? t->heard_sum / t->runs / 1e6 : 0);
    return t->silent == 0;
}

static void run(uint64_t seed, bool always_shown)
{
    static unsigned shown;
    struct homes h;
    struct drawn d;

    draw(&d, seed);
    struct tally *t = &tallies[d.kind[ALICE]][d.kind[BOB]];
    homes_open(&h, &d.opts);
    const char *wrong = play(&h, &d, t);
    t->runs++;
    t->silent += wrong != NULL;
    if (always_shown || (wrong && shown++ < SHOWN_MAX))
        printf("# seed %" PRIu64 ": %s. Alice: %s, %s; Bob: %s, %s. At %" PRId64 " ms\n", seed,
               wrong ? wrong : "all went well", d.opts.nat[ALICE] ? d.nat[ALICE] : "no NAT",
               d.link[ALICE], d.opts.nat[BOB] ? d.nat[BOB] : "no NAT", d.link[BOB],
               ptn_time_ms(ptn_sim_now(h.w)));
    homes_close(&h);
}

static bool report(unsigned *cases)
{
    struct tally all = {0};
    unsigned pairs = kind_count * kind_count;
    bool good = true;

    for (unsigned i = 0; i < pairs; i++) {
        const struct tally *t = &tallies[i / kind_count][i % kind_count];
        const char *a = kinds[i / kind_count], *b = kinds[i % kind_count];
        add(&all, t);
        good &= report_pair(i + 1, a ? a : "no NAT", b ? b : "no NAT", t);
    }
    *cases = pairs + 1;
    return report_pair(pairs + 1, "all", "all", &all) && good;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--turn") == 0) {
        kind_count = KINDS_MAX;
        argc--;
        argv++;
    }
    return seeds_main(argc, argv, &(struct seeds){run, report, 0});
}
