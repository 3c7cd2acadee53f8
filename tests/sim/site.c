/*
 * tests/sim/site.c - draws sites.
 */
#include "site.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *const SITE_KIND_NAMES[SITE_KINDS] = {
    "open",      "udp firewall",       "udp blocked",
    "full cone", "address-restricted", "port-restricted",
    "symmetric", "two NATs",
};

static const char *const sees[] = {"nothing", "address", "port"};

__attribute__((format(printf, 2, 3))) static void say(struct site *s, const char *format, ...)
{
    size_t used = strlen(s->text);
    va_list args;

    va_start(args, format);
    int size = vsnprintf(s->text + used, sizeof s->text - used, format, args);
    va_end(args);
    assert(size >= 0 && (size_t)size < sizeof s->text - used);
}

static bool toss(struct ptn_dice *d, uint32_t one_in)
{
    return ptn_dice_below(d, one_in) == 0;
}

static enum ptn_nat_sees worse(enum ptn_nat_sees a, enum ptn_nat_sees b)
{
    return a > b ? a : b;
}

/* One wire's part of the path: its delay both ways. */
static void say_wire(struct site *s, struct ptn_dice *d, const char *name, const char *prefix,
                     ptn_time delay, bool lossy)
{
    say(s, "wire %s %s delay %lldus", name, prefix, (long long)(delay / 1000));
    if (toss(d, 3))
        say(s, " jitter %ums", 1 + ptn_dice_below(d, 8));
    if (toss(d, 8)) {
        say(s, " reorder %u%%", 1 + ptn_dice_below(d, 10));
        say(s, " %ums", 1 + ptn_dice_below(d, 20));
    }
    if (toss(d, 8))
        say(s, " duplicate %u%%", 1 + ptn_dice_below(d, 5));
    if (lossy)
        say(s, " up loss %.3f%% down loss %.3f%%", 100 * s->loss_up, 100 * s->loss_down);
    say(s, "\n");
}

/* The properties that no client should take for something else. */
static void say_nat(struct site *s, struct ptn_dice *d, const char *name, enum ptn_nat_sees mapping,
                    enum ptn_nat_sees filtering, const char *sides)
{
    static const char *const ports[] = {"preserve", "sequential by 1", "sequential by 2", "random"};
    static const char *const hairpins[] = {"off", "internal", "external"};

    /* One draw a statement: the order in which arguments are evaluated is the compiler's. */
    say(s, "nat %s mapping %s filtering %s", name, sees[mapping], sees[filtering]);
    say(s, " ports %s", ports[ptn_dice_below(d, 4)]);
    say(s, " hairpin %s", hairpins[ptn_dice_below(d, 3)]);
    say(s, " unasked %s", toss(d, 4) ? "reject" : "drop");
    say(s, " timeout %us", 30 + ptn_dice_below(d, 270));
    say(s, " parity %s", toss(d, 3) ? "keep" : "any");
    if (toss(d, 4))
        say(s, " range %u 65535", 1024 + ptn_dice_below(d, 60000));
    say(s, " %s\n", sides);
    s->mapping = worse(s->mapping, mapping);
    s->filtering = worse(s->filtering, filtering);
    s->has_nat = true;
}

/* Mapping and filtering of one NAT by its name in conversation. */
static void draw_behaviour(struct ptn_dice *d, enum site_kind kind, enum ptn_nat_sees *mapping,
                           enum ptn_nat_sees *filtering)
{
    *mapping = PTN_NAT_SEES_NOTHING;
    *filtering = kind == SITE_FULL_CONE            ? PTN_NAT_SEES_NOTHING
                 : kind == SITE_ADDRESS_RESTRICTED ? PTN_NAT_SEES_ADDR
                                                   : PTN_NAT_SEES_PORT;
    if (kind != SITE_SYMMETRIC)
        return;
    /* Mostly the textbook's, else any that depends on the far end. */
    bool textbook = !toss(d, 3);
    *mapping = textbook || toss(d, 2) ? PTN_NAT_SEES_PORT : PTN_NAT_SEES_ADDR;
    *filtering = textbook ? PTN_NAT_SEES_PORT : (enum ptn_nat_sees)ptn_dice_below(d, 3);
}

static void say_one_nat(struct site *s, struct ptn_dice *d, enum site_kind kind, const char *name,
                        const char *sides)
{
    enum ptn_nat_sees mapping, filtering;

    draw_behaviour(d, kind, &mapping, &filtering);
    say_nat(s, d, name, mapping, filtering, sides);
}

static enum site_kind any_nat(struct ptn_dice *d)
{
    return (enum site_kind)(SITE_FULL_CONE + (int)ptn_dice_below(d, 4));
}

static void say_boxes(struct site *s, struct ptn_dice *d)
{
    const char *home = "inside access outside core 203.0.113.10";

    switch (s->kind) {
    case SITE_OPEN: say(s, "router gate access core\n"); return;
    case SITE_FIREWALL:
        s->filtering = toss(d, 2) ? PTN_NAT_SEES_ADDR : PTN_NAT_SEES_PORT;
        say(s, "firewall gate filtering %s unasked %s inside access outside core\n",
            sees[s->filtering], toss(d, 2) ? "reject" : "drop");
        return;
    case SITE_BLOCKED:
        s->blocked = true;
        if (s->client.ip[0] == 192)
            say(s, "nat gate blocks udp unasked %s %s\n", toss(d, 2) ? "reject" : "drop", home);
        else
            say(s, "firewall gate blocks udp unasked %s inside access outside core\n",
                toss(d, 2) ? "reject" : "drop");
        return;
    case SITE_TWO_NATS:
        say_one_nat(s, d, any_nat(d), "outer", "inside middle outside core 203.0.113.10");
        say_one_nat(s, d, any_nat(d), "inner", "inside access outside middle 100.64.0.20");
        return;
    default: say_one_nat(s, d, s->kind, "gate", home); return;
    }
}

static void draw_path(struct site *s, struct ptn_dice *d)
{
    s->round_trip = toss(d, 2) ? SITE_ROUND_TRIP : PTN_MS(2 + ptn_dice_below(d, 120));
    if (!toss(d, 5)) {
        s->loss_up = 0.1 * ptn_dice_unit(d);
        s->loss_down = 0.1 * ptn_dice_unit(d);
    }
}

void site_draw(struct site *s, struct ptn_dice *d)
{
    *s = (struct site){.kind = (enum site_kind)ptn_dice_below(d, SITE_KINDS)};
    draw_path(s, d);

    bool is_private = s->kind >= SITE_FULL_CONE || (s->kind == SITE_BLOCKED && toss(d, 2));
    s->client = is_private ? ptn_addr_v4(192, 168, 1, 10, 0) : ptn_addr_v4(198, 51, 100, 10, 0);
    s->outside = is_private ? ptn_addr_v4(203, 0, 113, 10, 0) : s->client;
    ptn_time one_way = s->round_trip / 2, core = (ptn_time)((double)one_way * ptn_dice_unit(d));
    say_wire(s, d, "core", "203.0.113.0/24", core, false);
    if (s->kind == SITE_TWO_NATS)
        say(s, "wire middle 100.64.0.0/24\n");
    say_wire(s, d, "access", is_private ? "192.168.1.0/24" : "198.51.100.0/24", one_way - core,
             true);
    say_boxes(s, d);
    say(s, "host server core 203.0.113.5 203.0.113.6\nhost client access %s\n",
        is_private ? "192.168.1.10" : "198.51.100.10");
}
