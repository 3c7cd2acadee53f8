/*
 * tests/sim/discovery_story.c - does discovery tell the truth about random sites?
 *
 * By seeds (support/seeds.h).
 *
 * Site number i has seed SEED + i. At most 1 in 10,000 may be judged wrong, and "unknown" is
 * wrong; with round trips of at most 40 ms the complete answer must take at most 1 s without
 * loss and 3 s with it. Prints TAP: a case for each kind of site, and one for all.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "site.h"
#include "support/seeds.h"
#include "survey.h"

enum { WRONG_PER = 10000, SHOWN_MAX = 20 };

struct tally {
    unsigned runs, wrong, slow;
    ptn_time worst_clean, worst_lossy; /* where the round trip is 40 ms at most */
    double sum_clean, sum_lossy;
    unsigned clean, lossy;
};

static enum ptn_discover_type true_type(const struct site *s)
{
    if (s->blocked)
        return PTN_DISCOVER_UDP_BLOCKED;
    if (!s->has_nat)
        return s->filtering == PTN_NAT_SEES_NOTHING ? PTN_DISCOVER_OPEN : PTN_DISCOVER_UDP_FIREWALL;
    if (s->mapping != PTN_NAT_SEES_NOTHING)
        return PTN_DISCOVER_SYMMETRIC;
    return (enum ptn_discover_type)(PTN_DISCOVER_FULL_CONE + (int)s->filtering);
}

static enum ptn_discover_sees true_sees(enum ptn_nat_sees sees)
{
    return (enum ptn_discover_sees)(PTN_DISCOVER_ENDPOINT_INDEPENDENT + (int)sees);
}

/* NULL when everything is right, else what is not. */
static const char *fault(const struct site *s, const struct ptn_discover_result *r)
{
    if (r->type != true_type(s))
        return "type";
    if (s->blocked)
        return NULL;
    if (r->nat != (s->has_nat ? PTN_DISCOVER_YES : PTN_DISCOVER_NO))
        return "nat";
    if (r->mapping != true_sees(s->mapping))
        return "mapping";
    if (r->filtering != true_sees(s->filtering))
        return "filtering";
    return ptn_addr_same_ip(&r->mapped, &s->outside) ? NULL : "mapped address";
}

static void show(const struct site *s, uint64_t seed, const struct ptn_discover_result *r,
                 const char *what)
{
    char mapped[PTN_ADDR_TEXT_MAX];

    printf("# seed %" PRIu64 " (%s), %s: found %s, mapping %s (%s), filtering %s (%s), mapped %s, "
           "%" PRId64 " ms, loss %.0f%%\n",
           seed, SITE_KIND_NAMES[s->kind], what, ptn_discover_type_text(r->type),
           ptn_discover_sees_text(r->mapping), ptn_discover_why_text(r->mapping_why),
           ptn_discover_sees_text(r->filtering), ptn_discover_why_text(r->filtering_why),
           ptn_addr_format(&r->mapped, mapped), ptn_time_ms(r->took), 100 * r->loss);
}

static void run_site(const struct site *s, uint64_t seed, struct ptn_discover_result *r)
{
    char error[PTN_SCENARIO_ERROR_MAX];
    struct ptn_scenario *scenario;

    if (ptn_scenario_new(&scenario, "site", ptn_bytes_of_text(s->text), error)) {
        printf("Bail out! seed %" PRIu64 ": %s\n", seed, error);
        exit(1);
    }
    *r = survey(&(struct survey){.scenario = scenario, .seed = seed, .host = "client"});
    ptn_scenario_free(scenario);
}

static void judge(struct tally *t, const struct site *s, uint64_t seed,
                  const struct ptn_discover_result *r)
{
    static unsigned shown;
    bool lossy = s->loss_up + s->loss_down > 0;
    const char *wrong = fault(s, r);

    t->runs++;
    t->wrong += wrong != NULL;
    if (wrong && shown++ < SHOWN_MAX)
        show(s, seed, r, wrong);
    if (s->round_trip > SITE_ROUND_TRIP)
        return;
    if (r->took > (lossy ? PTN_S(3) : PTN_S(1))) {
        t->slow++;
        if (shown++ < SHOWN_MAX)
            show(s, seed, r, "too slow");
    }
    ptn_time *worst = lossy ? &t->worst_lossy : &t->worst_clean;
    *worst = ptn_time_max(*worst, r->took);
    *(lossy ? &t->sum_lossy : &t->sum_clean) += (double)r->took;
    ++*(lossy ? &t->lossy : &t->clean);
}

static void add(struct tally *all, const struct tally *t)
{
    all->runs += t->runs;
    all->wrong += t->wrong;
    all->slow += t->slow;
    all->clean += t->clean;
    all->lossy += t->lossy;
    all->sum_clean += t->sum_clean;
    all->sum_lossy += t->sum_lossy;
    all->worst_clean = ptn_time_max(all->worst_clean, t->worst_clean);
    all->worst_lossy = ptn_time_max(all->worst_lossy, t->worst_lossy);
}

static bool report_kind(unsigned number, const char *name, const struct tally *t)
{
    bool good = t->wrong <= t->runs / WRONG_PER + (t->runs % WRONG_PER > 0) && t->slow == 0;

    printf("%sok %u - discovery at %s\n", good ? "" : "not ", number, name);
    printf("# %u runs, %u wrong, %u too slow; mean/worst ms without loss %.0f/%" PRId64
           ", with loss %.0f/%" PRId64 "\n",
           t->runs, t->wrong, t->slow, t->clean ? t->sum_clean / t->clean / 1e6 : 0,
           ptn_time_ms(t->worst_clean), t->lossy ? t->sum_lossy / t->lossy / 1e6 : 0,
           ptn_time_ms(t->worst_lossy));
    return good;
}

static struct tally tallies[SITE_KINDS];

static void run(uint64_t seed, bool shown)
{
    struct ptn_dice dice = ptn_dice_seeded(seed);
    struct ptn_discover_result r;
    struct site s;

    site_draw(&s, &dice);
    if (shown)
        fputs(s.text, stdout);
    run_site(&s, seed, &r);
    if (shown) {
        const char *wrong = fault(&s, &r);
        show(&s, seed, &r, wrong ? wrong : "right");
        return;
    }
    judge(&tallies[s.kind], &s, seed, &r);
}

static bool report(unsigned *cases)
{
    struct tally all = {0};
    bool good = true;

    for (unsigned i = 0; i < SITE_KINDS; i++) {
        add(&all, &tallies[i]);
        good &= report_kind(i + 1, SITE_KIND_NAMES[i], &tallies[i]);
    }
    *cases = SITE_KINDS + 1;
    return report_kind(SITE_KINDS + 1, "all of them", &all) && good;
}

int main(int argc, char **argv)
{
    return seeds_main(argc, argv, &(struct seeds){run, report, 0});
}
