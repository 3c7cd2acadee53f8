/*
 * net/boxes.c - routers, NATs and firewalls, and the table of a NAT's properties.
 */
#include <stdio.h>

#include "net/topology.h"

static const char *const sees_names[] = {"nothing", "address", "port"};

/* The names people use, and what RFC 4787 calls it. */
static const struct {
    const char *name;
    enum ptn_nat_sees mapping, filtering;
    enum ptn_nat_ports ports;
} presets[] = {
    {"full-cone", PTN_NAT_SEES_NOTHING, PTN_NAT_SEES_NOTHING, PTN_NAT_PORTS_PRESERVE},
    {"address-restricted", PTN_NAT_SEES_NOTHING, PTN_NAT_SEES_ADDR, PTN_NAT_PORTS_PRESERVE},
    {"port-restricted", PTN_NAT_SEES_NOTHING, PTN_NAT_SEES_PORT, PTN_NAT_PORTS_PRESERVE},
    {"symmetric", PTN_NAT_SEES_PORT, PTN_NAT_SEES_PORT, PTN_NAT_PORTS_RANDOM},
};

static bool is_nat(const struct ptn_scenario_box *b)
{
    return b->kind == PTN_BOX_NAT;
}

static bool is_filter(const struct ptn_scenario_box *b)
{
    return b->kind != PTN_BOX_ROUTER;
}

static bool is_untranslated(const struct ptn_scenario_box *b)
{
    return b->kind != PTN_BOX_NAT;
}

static void read_mapping(struct ptn_words *w, struct ptn_scenario_box *b)
{
    b->nat.mapping = (enum ptn_nat_sees)ptn_words_choice(w, sees_names, 3);
}

static void read_filtering(struct ptn_words *w, struct ptn_scenario_box *b)
{
    b->nat.filtering = (enum ptn_nat_sees)ptn_words_choice(w, sees_names, 3);
}

static void read_ports(struct ptn_words *w, struct ptn_scenario_box *b)
{
    static const char *const names[] = {"preserve", "sequential", "random"};

    b->nat.ports = (enum ptn_nat_ports)ptn_words_choice(w, names, 3);
    if (b->nat.ports == PTN_NAT_PORTS_SEQUENTIAL && ptn_words_take(w, "by"))
        b->nat.port_step = ptn_words_number(w, 1, 1000);
}

static void read_parity(struct ptn_words *w, struct ptn_scenario_box *b)
{
    static const char *const names[] = {"any", "keep"};

    b->nat.keep_parity = ptn_words_choice(w, names, 2);
}

static void read_range(struct ptn_words *w, struct ptn_scenario_box *b)
{
    b->nat.port_min = (uint16_t)ptn_words_number(w, 1, 65535);
    b->nat.port_max = (uint16_t)ptn_words_number(w, b->nat.port_min, 65535);
}

static void read_pooling(struct ptn_words *w, struct ptn_scenario_box *b)
{
    static const char *const names[] = {"paired", "arbitrary"};

    b->nat.pooling = (enum ptn_nat_pooling)ptn_words_choice(w, names, 2);
}

static void read_hairpin(struct ptn_words *w, struct ptn_scenario_box *b)
{
    static const char *const names[] = {"off", "internal", "external"};

    b->nat.hairpin = (enum ptn_nat_hairpin)ptn_words_choice(w, names, 3);
}

/* A timeout of 0 would mean that nothing is ever remembered. */
static ptn_time read_timeout(struct ptn_words *w)
{
    ptn_time t = ptn_words_time(w);

    if (t < PTN_MS(1) && ptn_words_good(w))
        ptn_words_fail(w, "a timeout is at least 1ms");
    return t;
}

static void read_udp_timeout(struct ptn_words *w, struct ptn_scenario_box *b)
{
    b->nat.udp_timeout = read_timeout(w);
}

static void read_icmp_timeout(struct ptn_words *w, struct ptn_scenario_box *b)
{
    b->nat.icmp_timeout = read_timeout(w);
}

static void read_tcp_timeouts(struct ptn_words *w, struct ptn_scenario_box *b)
{
    b->nat.tcp_opening_timeout = read_timeout(w);
    b->nat.tcp_established_timeout = read_timeout(w);
    b->nat.tcp_closing_timeout = read_timeout(w);
}

static void read_refresh(struct ptn_words *w, struct ptn_scenario_box *b)
{
    static const char *const names[] = {"outbound", "both"};

    b->nat.refresh_inbound = ptn_words_choice(w, names, 2);
}

static void read_blocks(struct ptn_words *w, struct ptn_scenario_box *b)
{
    static const char *const names[] = {"udp", "tcp", "icmp"};

    b->nat.blocks[ptn_words_choice(w, names, PTN_NAT_PROTOS)] = true;
}

static void read_mappings(struct ptn_words *w, struct ptn_scenario_box *b)
{
    b->nat.mappings_max = ptn_words_number(w, 1, 1000000);
}

static void read_sessions(struct ptn_words *w, struct ptn_scenario_box *b)
{
    b->nat.sessions_max = ptn_words_number(w, 1, 1000000);
}

static void read_per_host(struct ptn_words *w, struct ptn_scenario_box *b)
{
    b->nat.host_mappings_max = ptn_words_number(w, 1, 65535);
}

static void read_unasked(struct ptn_words *w, struct ptn_scenario_box *b)
{
    b->unasked = (enum ptn_scenario_unasked)ptn_words_choice(w, ptn_unasked_names, 2);
}

static void read_fragments(struct ptn_words *w, struct ptn_scenario_box *b)
{
    static const char *const names[] = {"join", "drop"};

    b->drops_fragments = ptn_words_choice(w, names, 2);
}

static void read_only(struct ptn_words *w, struct ptn_scenario_box *b)
{
    static const char *const names[] = {"ipv4", "ipv6"};

    b->only = ptn_words_choice(w, names, 2) ? PTN_IPV6 : PTN_IPV4;
}

static const struct property {
    const char *word;
    bool (*fits)(const struct ptn_scenario_box *b);
    void (*read)(struct ptn_words *w, struct ptn_scenario_box *b);
} properties[] = {
    {"mapping", is_nat, read_mapping},
    {"filtering", is_filter, read_filtering},
    {"ports", is_nat, read_ports},
    {"parity", is_nat, read_parity},
    {"range", is_nat, read_range},
    {"pooling", is_nat, read_pooling},
    {"hairpin", is_nat, read_hairpin},
    {"timeout", is_filter, read_udp_timeout},
    {"icmp-timeout", is_filter, read_icmp_timeout},
    {"tcp-timeouts", is_filter, read_tcp_timeouts},
    {"refresh", is_filter, read_refresh},
    {"blocks", is_filter, read_blocks},
    {"mappings", is_filter, read_mappings},
    {"sessions", is_filter, read_sessions},
    {"mappings-per-host", is_filter, read_per_host},
    {"unasked", is_filter, read_unasked},
    {"fragments", is_filter, read_fragments},
    {"only", is_untranslated, read_only},
};

static bool read_property(struct ptn_words *w, struct ptn_scenario_box *b)
{
    for (size_t i = 0; i < sizeof properties / sizeof properties[0]; i++) {
        if (!properties[i].fits(b) || !ptn_words_take(w, properties[i].word))
            continue;
        properties[i].read(w, b);
        return true;
    }
    return false;
}

static void read_preset(struct ptn_words *w, struct ptn_scenario_box *b)
{
    for (size_t i = 0; i < sizeof presets / sizeof presets[0]; i++) {
        if (!ptn_words_take(w, presets[i].name))
            continue;
        b->nat.mapping = presets[i].mapping;
        b->nat.filtering = presets[i].filtering;
        b->nat.ports = presets[i].ports;
        return;
    }
}

static bool wires_differ(const struct ptn_scenario_box *b)
{
    for (unsigned i = 0; i < b->inside_count; i++)
        for (unsigned j = 0; j < b->outside_count; j++)
            if (b->inside[i].wire == b->outside[j].wire)
                return false;
    return true;
}

static void check_sides(struct ptn_words *w, struct ptn_scenario_box *b)
{
    if (b->inside_count == 0)
        ptn_words_fail(w, "\"%s\" has no inside", b->name);
    if (b->outside_count == 0)
        ptn_words_fail(w, "\"%s\" has no outside", b->name);
    if (!wires_differ(b))
        ptn_words_fail(w, "inside and outside of \"%s\" are one wire", b->name);
    for (unsigned i = 1; i < b->outside_count; i++)
        if (b->outside[i].wire != b->outside[0].wire)
            ptn_words_fail(w, "\"%s\" has more than one wire outside", b->name);
    for (unsigned i = 0; is_nat(b) && i < b->outside_count; i++)
        if (b->outside[i].addr.family != PTN_IPV4)
            ptn_words_fail(w, "a NAT's outside address is an IPv4 one");
}

static void fill_legs(struct ptn_words *w, struct ptn_scenario_box *b)
{
    b->inside_count = ptn_fill_legs(w, b->inside, b->inside_count, PTN_SCENARIO_LEGS_MAX, b->only);
    b->outside_count =
        ptn_fill_legs(w, b->outside, b->outside_count, PTN_SCENARIO_ADDRS_MAX, b->only);
}

static void add_box(struct ptn_words *w, const struct ptn_scenario_box *b)
{
    struct ptn_scenario *s = w->s;
    struct ptn_scenario_box *grown = ptn_words_grow(w, s->boxes, s->box_count, sizeof *grown);

    if (grown) {
        s->boxes = grown;
        s->boxes[s->box_count++] = *b;
    }
}

static void read_sided(struct ptn_words *w, struct ptn_scenario_box *b)
{
    b->name = ptn_read_new_name(w);
    b->nat = PTN_NAT_HOME;
    b->nat.translates = is_nat(b);
    while (ptn_words_left(w)) {
        unsigned before = w->at;
        if (is_nat(b))
            read_preset(w, b);
        if (ptn_words_take(w, "inside"))
            b->inside_count = ptn_read_legs(w, b->inside, PTN_SCENARIO_LEGS_MAX, true);
        else if (ptn_words_take(w, "outside"))
            b->outside_count = ptn_read_legs(w, b->outside, PTN_SCENARIO_ADDRS_MAX, !is_nat(b));
        else if (!read_property(w, b) && w->at == before)
            break;
    }
    if (!ptn_words_good(w) || ptn_words_left(w))
        return;
    fill_legs(w, b);
    check_sides(w, b);
    for (unsigned i = 0; is_nat(b) && i < b->outside_count; i++)
        b->nat.pool[b->nat.pool_count++] = b->outside[i].addr;
    add_box(w, b);
}

void ptn_read_nat(struct ptn_words *w)
{
    struct ptn_scenario_box box = {.kind = PTN_BOX_NAT, .only = PTN_IPV4};

    read_sided(w, &box);
}

void ptn_read_firewall(struct ptn_words *w)
{
    struct ptn_scenario_box box = {.kind = PTN_BOX_FIREWALL};

    read_sided(w, &box);
}

void ptn_read_router(struct ptn_words *w)
{
    struct ptn_scenario_box box = {.kind = PTN_BOX_ROUTER, .name = ptn_read_new_name(w)};

    box.inside_count = ptn_read_legs(w, box.inside, PTN_SCENARIO_LEGS_MAX, true);
    while (read_property(w, &box))
        ;
    fill_legs(w, &box);
    add_box(w, &box);
}
