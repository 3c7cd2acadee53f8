/*
 * tests/sim/stories.c - faults of all kinds: is the phone registered and reachable again in time?
 *
 * By seeds (support/seeds.h); one that is shown comes with the phone's log. With --turn in front of
 * these words there is a TURN server, and now and then two symmetric NATs.
 *
 * Each story: a phone registers; its NAT, its network, its machine, its servers or the name server
 * fail and come back (plot.c). Then the caller outside calls until a call is up and both hear each
 * other: that must be within RECOVERY of the last fault, and again a while later. A call that was
 * up while the phone or its NAT moved must be heard again. In every story no SIP message may show a
 * private address in public, and no more REGISTERs may be sent than is good for a server.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plot.h"
#include "support/seeds.h"

enum { SHOWN_MAX = 20, LONG = 2000, RECOVERIES_MAX = 100000 };

#define REGISTERED_MAX PTN_S(60) /* first of all, whatever is lost */
#define RECOVERY PTN_S(60)
#define STEADY PTN_S(25)   /* after the recovery: the same again */
#define DIAL PTN_S(10)     /* patience of the caller */
#define LISTEN PTN_S(5)    /* for a tone to come through clean */
#define REANCHOR PTN_S(15) /* after each move of a call that is up, without STUN and with loss */
#define WATCH PTN_S(900)   /* with a middlebox: how often does the phone register? */

/* REGISTERs of an account, repeats not counted, within a minute and within ten. A refresh of the
 * shortest lease is two of them (with 401) each 27 s. */
enum { PER_MINUTE_MAX = 20, PER_TEN_MINUTES_MAX = 60 };

enum question { REACHED, REANCHORED, HIDDEN, MODEST, QUESTIONS };

static const char *const questions[QUESTIONS] = {
    [REACHED] = "registered and reachable within 60 s of the last fault, and still later",
    [REANCHORED] = "calls go on within 15 s when the phone or its NAT moves",
    [HIDDEN] = "no private address in any SIP message to a public peer",
    [MODEST] = "no REGISTER loop",
};

struct tally {
    unsigned stories[QUESTIONS], failed[QUESTIONS];
    uint64_t messages;
    unsigned per_minute_worst, per_ten_worst;
    ptn_time recoveries[RECOVERIES_MAX];
    unsigned recovery_count;
};

static struct tally tally;
static bool with_turn;

/* What went wrong in a story; NULL: nothing. */
struct verdict {
    const char *wrong[QUESTIONS];
    ptn_time recovery;
};

static void log_line(void *self, enum ptn_log_level level, const char *line)
{
    const struct stage *st = self;

    (void)level;
    printf("# %9.3f %s\n", st->w ? (double)ptn_sim_now(st->w) / 1e9 : 0, line);
}

/* Where the phone is registered; waits. */
static bool find_server(struct stage *st, unsigned *server, ptn_time until)
{
    while (!stage_is_registered(st, server)) {
        if (ptn_sim_now(st->w) >= until)
            return false;
        stage_run(st, ptn_time_min(until, ptn_sim_now(st->w) + PTN_MS(250)));
    }
    return true;
}

/* One call after the other until one is heard on both sides; leaves it up. */
static const char *reach_by(struct stage *st, unsigned from, ptn_time until)
{
    const char *wrong = "not registered";
    unsigned server;

    while (ptn_sim_now(st->w) < until && find_server(st, &server, until)) {
        ptn_time now = ptn_sim_now(st->w);
        wrong = "a call does not arrive";
        if (stage_call(st, from, server, ptn_time_min(until, now + DIAL))) {
            wrong = "a call is not heard";
            if (stage_talk(st, ptn_time_min(until, ptn_sim_now(st->w) + LISTEN)))
                return NULL;
        }
        stage_hang_up(st, from);
        stage_run(st, ptn_time_min(until, ptn_time_max(ptn_sim_now(st->w), now + PTN_S(1))));
    }
    return wrong;
}

/* The phone is called; where both register, it calls, too. Leaves the last call up. */
static const char *reach(struct stage *st, ptn_time until)
{
    const char *wrong = reach_by(st, STAGE_CALLER, until);

    if (wrong || !st->opts.caller_nat)
        return wrong;
    stage_hang_up(st, STAGE_CALLER);
    stage_run(st, ptn_time_min(until, ptn_sim_now(st->w) + PTN_S(1)));
    return reach_by(st, STAGE_PHONE, until);
}

static void part(struct stage *st)
{
    stage_hang_up(st, STAGE_CALLER);
    stage_hang_up(st, STAGE_PHONE);
}

/* Another is to come before this one can have been mended. */
static bool is_followed(const struct plot *p, unsigned act)
{
    return act + 1 < p->act_count && p->acts[act + 1].at < p->acts[act].at + REANCHOR;
}

static void play_acts(struct stage *st, const struct plot *p, ptn_time began, struct verdict *v)
{
    for (unsigned i = 0; i < p->act_count; i++) {
        stage_run(st, began + p->acts[i].at);
        plot_perform(st, &p->acts[i]);
        if (!p->talks || !p->only_moves || is_followed(p, i) || v->wrong[REANCHORED])
            continue;
        ptn_time until = ptn_sim_now(st->w) + REANCHOR;
        /* Sound that is under way is heard for a moment yet. */
        stage_run(st, ptn_sim_now(st->w) + PTN_MS(500));
        if (!stage_talk(st, until))
            v->wrong[REANCHORED] = "the call is not heard again";
    }
}

static void play(struct stage *st, const struct plot *p, struct verdict *v)
{
    unsigned server;

    if (!find_server(st, &server, REGISTERED_MAX)) {
        v->wrong[REACHED] = "never registered";
        return;
    }
    if (p->stage.middlebox) {
        stage_run(st, WATCH);
        v->wrong[REACHED] = stage_is_registered(st, &server) ? NULL : "not registered";
        return;
    }
    stage_run(st, ptn_sim_now(st->w) + PTN_S(1));
    if (p->talks) {
        v->wrong[REACHED] = reach(st, ptn_sim_now(st->w) + RECOVERY);
        if (v->wrong[REACHED])
            return;
    }
    ptn_time began = ptn_sim_now(st->w);
    play_acts(st, p, began, v);
    ptn_time last = began + p->last;
    part(st);
    v->wrong[REACHED] = reach(st, last + RECOVERY);
    v->recovery = ptn_sim_now(st->w) - last;
    part(st);
    if (v->wrong[REACHED])
        return;
    stage_run(st, ptn_sim_now(st->w) + STEADY);
    /* Half a minute, for much may be lost. */
    if (reach(st, ptn_sim_now(st->w) + PTN_S(30)))
        v->wrong[REACHED] = "reached, but not any more half a minute later";
    part(st);
    stage_run(st, ptn_sim_now(st->w) + PTN_S(5));
}

static void judge(const struct stage *st, struct verdict *v)
{
    const struct skin *skin = &st->people[STAGE_PHONE].skin;
    unsigned accounts = st->opts.account_count;
    unsigned minute = skin_registers_within(skin, PTN_S(60)) / accounts;
    unsigned ten = skin_registers_within(skin, PTN_S(600)) / accounts;

    if (skin->private_shown + st->people[STAGE_CALLER].skin.private_shown > 0)
        v->wrong[HIDDEN] = "shows a private address";
    if (minute > PER_MINUTE_MAX || ten > PER_TEN_MINUTES_MAX)
        v->wrong[MODEST] = "registers too often";
    tally.messages += skin->messages + st->people[STAGE_CALLER].skin.messages;
    tally.per_minute_worst = minute > tally.per_minute_worst ? minute : tally.per_minute_worst;
    tally.per_ten_worst = ten > tally.per_ten_worst ? ten : tally.per_ten_worst;
}

static void count(const struct plot *p, const struct verdict *v)
{
    for (unsigned i = 0; i < QUESTIONS; i++) {
        tally.stories[i] += i != REANCHORED || (p->talks && p->only_moves);
        tally.failed[i] += v->wrong[i] != NULL;
    }
    if (!p->stage.middlebox && !v->wrong[REACHED] && tally.recovery_count < RECOVERIES_MAX)
        tally.recoveries[tally.recovery_count++] = v->recovery;
}

static void tell(const struct stage *st, const struct plot *p, const struct verdict *v)
{
    const struct skin *skin = &st->people[STAGE_PHONE].skin;
    char text[2000];

    plot_tell(p, text, sizeof text);
    printf("# seed %" PRIu64 ": %s\n", p->stage.seed, text);
    for (unsigned i = 0; i < QUESTIONS; i++)
        if (v->wrong[i])
            printf("#   %s\n", v->wrong[i]);
    printf("#   recovered after %.1f s; REGISTERs: %u, %u at most in a minute\n",
           (double)v->recovery / 1e9, skin->register_count, skin_registers_within(skin, PTN_S(60)));
    if (skin->private_shown == 0)
        skin = &st->people[STAGE_CALLER].skin;
    if (skin->private_shown == 0)
        return;
    printf("#   at %.3f s it said:\n", (double)skin->shown_at / 1e9);
    for (const char *line = skin->shown; *line;
         line += strcspn(line, "\r\n"), line += strspn(line, "\r\n"))
        printf("#     %.*s\n", (int)strcspn(line, "\r\n"), line);
}

static void run(uint64_t seed, bool always_shown)
{
    static unsigned shown;
    static struct stage st;
    static const struct ptn_log log = {log_line, &st, PTN_LOG_DEBUG};
    struct verdict v = {{NULL}, 0};
    struct plot p;
    bool wrong = false;

    plot_draw(&p, seed, with_turn);
    if (always_shown)
        p.stage.log = &log;
    stage_open(&st, &p.stage);
    play(&st, &p, &v);
    judge(&st, &v);
    count(&p, &v);
    for (unsigned i = 0; i < QUESTIONS; i++)
        wrong |= v.wrong[i] != NULL;
    if (always_shown || (wrong && shown++ < SHOWN_MAX))
        tell(&st, &p, &v);
    stage_close(&st);
}

static int by_size(const void *a, const void *b)
{
    const ptn_time *x = a, *y = b;

    return *x < *y ? -1 : *x > *y;
}

static bool report(unsigned *cases)
{
    bool good = true;
    unsigned n = tally.recovery_count;

    for (unsigned i = 0; i < QUESTIONS; i++) {
        printf("%sok %u - %s\n# %u stories, %u failed\n", tally.failed[i] ? "not " : "", i + 1,
               questions[i], tally.stories[i], tally.failed[i]);
        good &= tally.failed[i] == 0;
    }
    qsort(tally.recoveries, n, sizeof tally.recoveries[0], by_size);
    if (n > 0)
        printf("# heard again after the last fault: median %.1f s, 99 %% within %.1f s, worst %.1f "
               "s\n",
               (double)tally.recoveries[n / 2] / 1e9, (double)tally.recoveries[n * 99 / 100] / 1e9,
               (double)tally.recoveries[n - 1] / 1e9);
    printf("# %" PRIu64
           " SIP messages read; REGISTERs of an account: at most %u in a minute, %u in ten\n",
           tally.messages, tally.per_minute_worst, tally.per_ten_worst);
    *cases = QUESTIONS;
    return good;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--turn") == 0) {
        with_turn = true;
        argc--;
        argv++;
    }
    return seeds_main(argc, argv, &(struct seeds){run, report, LONG});
}
