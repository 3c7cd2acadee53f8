/*
 * lab/picture.c - each wire is drawn once, below the box that leads to it.
 *
 * A wire that is inside of no box is a top one. Wires behind a router have no
 * up and down; they hang where the first way to them is found.
 */
#include "picture.h"

#include <stdlib.h>

enum { DEPTH_MAX = 16 };

struct picture {
    const struct ptn_scenario *s;
    FILE *to;
    bool *drawn; /* by wire */
    unsigned depth;
};

static void indent(const struct picture *p)
{
    fprintf(p->to, "%*s", (int)p->depth * 3, "");
}

/* 20 ms, 3% lost: what a person wants to know of a wire that is not perfect. */
static void draw_link(const struct picture *p, const struct ptn_scenario_link link[PTN_WAYS])
{
    for (unsigned way = PTN_WAY_UP; way < PTN_WAYS; way++) {
        const struct ptn_scenario_link *l = &link[way];
        const char *label = way == PTN_WAY_UP ? "up" : "down";
        if (l->delay || l->jitter)
            fprintf(p->to, ", %g ms %s", (double)(l->delay + l->jitter) / 1e6, label);
        if (l->loss > 0)
            fprintf(p->to, ", %g%% lost %s", l->loss * 100, label);
        if (l->rate)
            fprintf(p->to, ", %g Mbit/s %s", (double)l->rate / 1e6, label);
    }
}

static void draw_legs(const struct picture *p, const struct ptn_scenario_leg *legs, unsigned count,
                      int wire)
{
    char ip[PTN_ADDR_TEXT_MAX];

    for (unsigned i = 0; i < count; i++)
        if (legs[i].wire == wire)
            fprintf(p->to, " %s", ptn_addr_format_ip(&legs[i].addr, ip));
}

static bool touches(const struct ptn_scenario_leg *legs, unsigned count, int wire)
{
    for (unsigned i = 0; i < count; i++)
        if (legs[i].wire == wire)
            return true;
    return false;
}

static void draw_host(const struct picture *p, const char *kind, const char *name,
                      const struct ptn_scenario_leg *legs, unsigned count, int wire)
{
    if (!touches(legs, count, wire))
        return;
    indent(p);
    fprintf(p->to, "+- %s %s", kind, name);
    draw_legs(p, legs, count, wire);
    fputc('\n', p->to);
}

static void draw_wire(struct picture *p, unsigned wire);

static void draw_behind(struct picture *p, const struct ptn_scenario_leg *legs, unsigned count)
{
    p->depth++;
    for (unsigned i = 0; i < count; i++)
        draw_wire(p, (unsigned)legs[i].wire);
    p->depth--;
}

static void draw_nat(const struct picture *p, const struct ptn_nat_opts *nat)
{
    static const char *const sees[] = {"nothing", "address", "address and port"};

    if (nat->translates)
        fprintf(p->to, ", mapping sees %s", sees[nat->mapping]);
    fprintf(p->to, ", filtering sees %s%s", sees[nat->filtering],
            nat->blocks[PTN_NAT_UDP] ? ", blocks UDP" : "");
}

static void draw_box(struct picture *p, const struct ptn_scenario_box *box, int wire)
{
    static const char *const kinds[] = {"router", "nat", "firewall"};
    bool router = box->kind == PTN_BOX_ROUTER;
    const struct ptn_scenario_leg *near = router ? box->inside : box->outside;
    unsigned near_count = router ? box->inside_count : box->outside_count;

    if (!touches(near, near_count, wire))
        return;
    indent(p);
    fprintf(p->to, "+- %s %s", kinds[box->kind], box->name);
    draw_legs(p, near, near_count, wire);
    if (!router)
        draw_nat(p, &box->nat);
    fputc('\n', p->to);
    draw_behind(p, box->inside, box->inside_count);
}

static void draw_wire(struct picture *p, unsigned wire)
{
    const struct ptn_scenario *s = p->s;
    const struct ptn_scenario_wire *w = &s->wires[wire];
    char ip[PTN_ADDR_TEXT_MAX];

    if (p->drawn[wire] || p->depth == DEPTH_MAX)
        return;
    p->drawn[wire] = true;
    indent(p);
    fprintf(p->to, "wire %s", w->name);
    for (unsigned i = 0; i < w->prefix_count; i++)
        fprintf(p->to, " %s/%u", ptn_addr_format_ip(&w->prefixes[i].addr, ip), w->prefixes[i].bits);
    draw_link(p, w->link);
    fputc('\n', p->to);
    for (unsigned i = 0; i < s->host_count; i++)
        draw_host(p, "host", s->hosts[i].name, s->hosts[i].legs, s->hosts[i].leg_count, (int)wire);
    for (unsigned i = 0; i < s->nameserver_count; i++)
        draw_host(p, "nameserver", s->nameservers[i].name, s->nameservers[i].legs,
                  s->nameservers[i].leg_count, (int)wire);
    for (unsigned i = 0; i < s->box_count; i++)
        draw_box(p, &s->boxes[i], (int)wire);
}

static bool is_inside(const struct ptn_scenario *s, unsigned wire)
{
    for (unsigned i = 0; i < s->box_count; i++)
        if (s->boxes[i].kind != PTN_BOX_ROUTER &&
            touches(s->boxes[i].inside, s->boxes[i].inside_count, (int)wire))
            return true;
    return false;
}

static void draw_play(const struct ptn_scenario *s, FILE *to)
{
    for (unsigned i = 0; i < s->event_count; i++)
        fprintf(to, "at %g s: %s\n", (double)s->events[i].at / 1e9, s->events[i].text);
    for (unsigned i = 0; i < s->program_count; i++) {
        const struct ptn_scenario_program *p = &s->programs[i];
        fprintf(to, "run on %s:", s->hosts[p->host].name);
        for (unsigned word = 0; word < p->argc; word++)
            fprintf(to, " %s", p->argv[word]);
        fputc('\n', to);
    }
    for (unsigned i = 0; i < s->forward_count; i++)
        fprintf(to, "forward 127.0.0.1:%u to %s:%u\n", s->forwards[i].local_port,
                s->hosts[s->forwards[i].host].name, s->forwards[i].port);
    for (unsigned i = 0; i < s->capture_count; i++)
        fprintf(to, "capture %s to %s\n", s->wires[s->captures[i].wire].name, s->captures[i].file);
}

void ptn_picture_draw(const struct ptn_scenario *s, FILE *to)
{
    struct picture p = {.s = s, .to = to, .drawn = calloc(s->wire_count + 1, sizeof(bool))};

    if (!p.drawn)
        return;
    for (unsigned wire = 0; wire < s->wire_count; wire++)
        if (!is_inside(s, wire))
            draw_wire(&p, wire);
    for (unsigned wire = 0; wire < s->wire_count; wire++)
        draw_wire(&p, wire);
    free(p.drawn);
    draw_play(s, to);
}
