/*
 * tests/sim/plot.c - draws stories.
 */
#include "plot.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool toss(struct ptn_dice *d, uint32_t one_in)
{
    return ptn_dice_below(d, one_in) == 0;
}

static unsigned between(struct ptn_dice *d, unsigned min, unsigned max)
{
    return min + ptn_dice_below(d, max - min + 1);
}

/* Seconds mostly, sometimes minutes. */
static ptn_time some_time(struct ptn_dice *d)
{
    switch (ptn_dice_below(d, 4)) {
    case 0: return PTN_MS(between(d, 200, 5000));
    case 1: return PTN_MS(between(d, 5000, 20000));
    case 2: return PTN_MS(between(d, 20000, 60000));
    default: return PTN_MS(between(d, 60000, 240000));
    }
}

static struct plot_act *act(struct plot *p, ptn_time at, enum plot_act_kind kind)
{
    if (p->act_count == PLOT_ACTS_MAX)
        abort();
    struct plot_act *a = &p->acts[p->act_count++];
    *a = (struct plot_act){.at = at, .kind = kind};
    if (at > p->last)
        p->last = at;
    return a;
}

__attribute__((format(printf, 3, 4))) static void happen(struct plot *p, ptn_time at,
                                                         const char *format, ...)
{
    struct plot_act *a = act(p, at, PLOT_HAPPENS);
    va_list args;

    va_start(args, format);
    vsnprintf(a->event, sizeof a->event, format, args);
    va_end(args);
}

/* -- homes ----------------------------------------------------------------------------------- */

/* The names of a home's things, and where in its network the host is. */
struct home {
    const char *wire, *nat, *host, *net, *link;
    bool has_nat;
    unsigned outside; /* the first of its addresses */
};

static struct home some_home(const struct plot *p, struct ptn_dice *d)
{
    if (p->stage.caller_nat && toss(d, 2))
        return (struct home){"home-2", "nat-2", "caller", "192.168.2", p->caller_link, true, 100};
    return (struct home){"home",  "nat",
                         "phone", p->stage.nat ? "192.168.1" : "198.51.102",
                         p->link, p->stage.nat != NULL,
                         60};
}

/* -- faults ---------------------------------------------------------------------------------- */

static void nat_reboots(struct plot *p, struct ptn_dice *d, ptn_time at)
{
    happen(p, at, "reboot %s", some_home(p, d).nat);
}

static void nat_is_readdressed(struct plot *p, struct ptn_dice *d, ptn_time at)
{
    struct home h = some_home(p, d);

    if (h.has_nat)
        happen(p, at, "address %s 203.0.113.%u", h.nat, between(d, h.outside, h.outside + 30));
}

static void nat_goes_dark(struct plot *p, struct ptn_dice *d, ptn_time at)
{
    struct home h = some_home(p, d);
    ptn_time end = at + some_time(d);

    happen(p, at, "down %s", h.wire);
    happen(p, end, "reboot %s", h.nat);
    happen(p, end, "up %s", h.wire);
}

static void link_is_cut(struct plot *p, struct ptn_dice *d, ptn_time at)
{
    struct home h = some_home(p, d);

    happen(p, at, "down %s", h.wire);
    happen(p, at + some_time(d), "up %s", h.wire);
}

static void phone_is_readdressed(struct plot *p, struct ptn_dice *d, ptn_time at)
{
    struct home h = some_home(p, d);

    happen(p, at, "address %s %s.%u", h.host, h.net, between(d, 60, 90));
}

static void interface_goes_down(struct plot *p, struct ptn_dice *d, ptn_time at)
{
    struct home h = some_home(p, d);
    ptn_time end = at + some_time(d);

    happen(p, at, "address %s none", h.host);
    happen(p, end, "address %s %s.%u", h.host, h.net, toss(d, 2) ? 10 : between(d, 60, 90));
}

static void laptop_sleeps(struct plot *p, struct ptn_dice *d, ptn_time at)
{
    ptn_time end = at + (toss(d, 3) ? PTN_S(between(d, 300, 7200)) : some_time(d));

    act(p, at, PLOT_SLEEPS);
    happen(p, at, "down home");
    happen(p, end, "up home");
    act(p, end, PLOT_WAKES);
}

static void server_dies(struct plot *p, struct ptn_dice *d, ptn_time at)
{
    unsigned server = ptn_dice_below(d, p->stage.server_count);

    if (p->one_is_gone)
        return;
    act(p, at, PLOT_DIES)->server = server;
    /* Nothing else happens to the other from then on, or there would be none at times. */
    p->one_is_gone = p->stage.server_count > 1 && toss(d, 3);
    if (p->one_is_gone)
        return;
    struct plot_act *back = act(p, at + some_time(d), PLOT_REVIVES);
    back->server = server;
    back->with_bindings = toss(d, 2);
    /* Over UDP nobody can know that a server has forgotten him before he asks it again. */
    if (!back->with_bindings)
        p->stage.lease_s = 60;
}

static void server_is_cut_off(struct plot *p, struct ptn_dice *d, ptn_time at)
{
    unsigned rack = 1 + ptn_dice_below(d, p->stage.server_count);

    if (p->one_is_gone)
        return;
    happen(p, at, "down rack-%u", rack);
    p->one_is_gone = p->stage.server_count > 1 && toss(d, 4);
    if (p->one_is_gone)
        return;
    happen(p, at + some_time(d), "up rack-%u", rack);
}

static void stun_is_cut_off(struct plot *p, struct ptn_dice *d, ptn_time at)
{
    /* Two phones behind NATs do not find each other without. */
    bool back = p->stage.caller_nat || toss(d, 2);

    if (p->stage.caller_nat && p->only_moves)
        return;
    happen(p, at, "down rack-3");
    if (back)
        happen(p, at + some_time(d), "up rack-3");
}

static void dns_misbehaves(struct plot *p, struct ptn_dice *d, ptn_time at)
{
    static const char *const lies[] = {
        "203.0.113.200", /* nobody */
        "198.51.100.37", /* a host that does not speak SIP */
        "192.168.1.1",   /* a captive portal's */
    };

    switch (ptn_dice_below(d, 5)) {
    case 0: happen(p, at, "dns dns gone"); break;
    case 1: happen(p, at, "dns dns fails"); break;
    case 2: happen(p, at, "dns dns lies %s", lies[ptn_dice_below(d, 3)]); break;
    default: happen(p, at, "dns dns answers delay %ums", between(d, 100, 9000)); break;
    }
    happen(p, at + some_time(d), "dns dns answers");
}

static void much_is_lost(struct plot *p, struct ptn_dice *d, ptn_time at)
{
    struct home h = some_home(p, d);

    happen(p, at, "link %s up loss %u%% down loss %u%%", h.wire, between(d, 20, 80),
           between(d, 20, 80));
    happen(p, at + some_time(d), "link %s %s", h.wire, h.link);
}

static const struct fault {
    void (*draw)(struct plot *p, struct ptn_dice *d, ptn_time at);
    unsigned weight;
    bool moves;
} faults[] = {
    {nat_reboots, 4, true},     {nat_is_readdressed, 3, true},   {nat_goes_dark, 3, false},
    {link_is_cut, 3, false},    {phone_is_readdressed, 3, true}, {interface_goes_down, 3, false},
    {laptop_sleeps, 3, false},  {server_dies, 4, false},         {server_is_cut_off, 3, false},
    {stun_is_cut_off, 2, true}, {dns_misbehaves, 4, false},      {much_is_lost, 2, false},
};

static void draw_fault(struct plot *p, struct ptn_dice *d, ptn_time at)
{
    enum { FAULTS = sizeof faults / sizeof faults[0] };
    unsigned sum = 0, weights[FAULTS], i = 0;

    for (unsigned j = 0; j < FAULTS; j++) {
        weights[j] = p->only_moves && !faults[j].moves ? 0 : faults[j].weight;
        sum += weights[j];
    }
    for (unsigned left = ptn_dice_below(d, sum); left >= weights[i]; i++)
        left -= weights[i];
    faults[i].draw(p, d, at);
}

/* -- the stage ------------------------------------------------------------------------------- */

static void draw_nat(char *text, size_t size, struct ptn_dice *d, unsigned kinds)
{
    static const char *const names[] = {"full-cone", "address-restricted", "port-restricted",
                                        "symmetric"};
    static const char *const ports[] = {"preserve", "sequential by 2", "random"};
    unsigned kind = ptn_dice_below(d, kinds);

    snprintf(text, size, "%s ports %s timeout %us", names[kind],
             kind < 3 ? ports[ptn_dice_below(d, 3)] : "random", between(d, 30, 120));
}

/* A third without loss, a third with up to 5 %, a third with up to 20 % each way. */
static void draw_link(char *text, size_t size, struct ptn_dice *d)
{
    unsigned loss = ptn_dice_below(d, 3);
    double most = loss == 0 ? 0 : loss == 1 ? 5 : 20;
    double up = most * ptn_dice_unit(d), down = most * ptn_dice_unit(d);

    snprintf(text, size, "delay %ums jitter %ums up loss %.3f%% down loss %.3f%%",
             between(d, 1, 60), between(d, 0, 20), up, down);
}

/* Two phones at home: the NATs are of the kinds that STUN, or TURN, gets through. */
static void draw_second_home(struct plot *p, struct ptn_dice *d)
{
    unsigned kinds = p->stage.turn ? 4 : 3;

    p->stage.server_count = 1;
    p->stage.no_stun = false;
    draw_nat(p->nat, sizeof p->nat, d, kinds);
    draw_nat(p->caller_nat, sizeof p->caller_nat, d, kinds);
    draw_link(p->caller_link, sizeof p->caller_link, d);
    p->stage.nat = p->nat;
    p->stage.caller_nat = p->caller_nat;
    p->stage.caller_link = p->caller_link;
}

static void draw_stage(struct plot *p, struct ptn_dice *d)
{
    static const enum ptn_transport transports[] = {PTN_UDP, PTN_UDP, PTN_TCP, PTN_TLS};
    struct stage_opts *o = &p->stage;

    o->transport = transports[ptn_dice_below(d, 4)];
    o->server_count = between(d, 1, STAGE_SERVERS);
    o->lease_s = toss(d, 2) ? 3600 : between(d, 60, 600);
    o->ttl_s = between(d, 5, 300);
    o->no_stun = toss(d, 4);
    o->by_settings = toss(d, 2);
    o->account_count = toss(d, 12) ? STAGE_ACCOUNTS_MAX : 1;
    draw_nat(p->nat, sizeof p->nat, d, 4);
    o->nat = toss(d, 8) ? NULL : p->nat;
    draw_link(p->link, sizeof p->link, d);
    o->link = p->link;
}

static int by_time(const void *a, const void *b)
{
    const struct plot_act *x = a, *y = b;

    return x->at < y->at ? -1 : x->at > y->at;
}

void plot_draw(struct plot *p, uint64_t seed, bool turn)
{
    struct ptn_dice d = ptn_dice_seeded(seed);
    ptn_time at = PTN_MS(between(&d, 100, 70000));

    *p = (struct plot){.stage.seed = seed, .stage.turn = turn};
    draw_stage(p, &d);
    if (p->stage.transport == PTN_UDP && toss(&d, 6)) {
        p->stage.middlebox = 1 + ptn_dice_below(&d, MIDDLEBOX_KINDS - 1);
        /* From these boxes no public address can be learnt. */
        if (p->stage.middlebox == MIDDLEBOX_STRIPS || p->stage.middlebox == MIDDLEBOX_LIES_PRIVATE)
            p->stage.no_stun = false;
        return;
    }
    if (toss(&d, 4))
        draw_second_home(p, &d);
    p->only_moves = toss(&d, 4);
    p->talks = p->only_moves || toss(&d, 4);
    for (unsigned left = between(&d, 1, 4); left > 0; left--) {
        draw_fault(p, &d, at);
        at += toss(&d, 3) ? PTN_MS(between(&d, 0, 2000)) : some_time(&d);
    }
    /* qsort() is not stable: no two acts at one moment. */
    for (unsigned i = 0; i < p->act_count; i++)
        p->acts[i].at += i;
    p->last += p->act_count;
    qsort(p->acts, p->act_count, sizeof p->acts[0], by_time);
}

void plot_perform(struct stage *st, const struct plot_act *a)
{
    switch (a->kind) {
    case PLOT_HAPPENS: stage_happen(st, a->event); break;
    case PLOT_DIES: stage_kill(st, a->server); break;
    case PLOT_REVIVES: stage_revive(st, a->server, a->with_bindings); break;
    case PLOT_SLEEPS: stage_sleep(st); break;
    case PLOT_WAKES: stage_wake_up(st); break;
    }
}

/* -- for the reader -------------------------------------------------------------------------- */

static int tell_act(const struct plot_act *a, char *text, size_t size)
{
    double at = (double)a->at / 1e9;

    switch (a->kind) {
    case PLOT_DIES: return snprintf(text, size, "; %.2fs server-%u dies", at, a->server + 1);
    case PLOT_REVIVES:
        return snprintf(text, size, "; %.2fs server-%u is back %s bindings", at, a->server + 1,
                        a->with_bindings ? "with its" : "without");
    case PLOT_SLEEPS: return snprintf(text, size, "; %.2fs falls asleep", at);
    case PLOT_WAKES: return snprintf(text, size, "; %.2fs wakes", at);
    case PLOT_HAPPENS: break;
    }
    return snprintf(text, size, "; %.2fs %s", at, a->event);
}

void plot_tell(const struct plot *p, char *text, size_t size)
{
    static const char *const transports[] = {
        [PTN_UDP] = "UDP", [PTN_TCP] = "TCP", [PTN_TLS] = "TLS"};
    const struct stage_opts *o = &p->stage;
    int used =
        snprintf(text, size, "%s, %s%s, %u account%s, %s%s, %s, lease %u s, names %u s, %s%s",
                 transports[o->transport], o->server_count > 1 ? "2 servers" : "1 server",
                 o->server_count < 2 ? ""
                 : o->by_settings    ? " by settings"
                                     : " by SRV",
                 o->account_count, o->account_count > 1 ? "s" : "", o->nat ? o->nat : "no NAT",
                 o->no_stun ? o->turn ? ", TURN, no STUN" : ", no STUN"
                 : o->turn  ? ", TURN"
                            : "",
                 p->link, o->lease_s, o->ttl_s, MIDDLEBOX_NAMES[o->middlebox],
                 p->talks ? ", in a call" : "");

    if (o->caller_nat && used > 0 && (size_t)used < size)
        used += snprintf(text + used, size - (size_t)used, "; the caller: %s, %s", o->caller_nat,
                         o->caller_link);
    for (unsigned i = 0; i < p->act_count && used > 0 && (size_t)used < size; i++)
        used += tell_act(&p->acts[i], text + used, size - (size_t)used);
}
