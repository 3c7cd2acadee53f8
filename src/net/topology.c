/*
 * net/topology.c - wires, hosts, and who stands on a wire with which address.
 */
#include "net/topology.h"

#include <ctype.h>
#include <stdio.h>

enum { MTU_MIN = 576, MTU_MAX = 1500, MTU_V6_MIN = 1280 };

const char *const ptn_unasked_names[2] = {"drop", "reject"};

const char *ptn_read_new_name(struct ptn_words *w)
{
    static const char what[] = "a name (letters, digits, - and _, at most 31)";
    const struct ptn_scenario *s = w->s;
    const char *name = ptn_words_next(w, what);
    size_t size = strlen(name);

    for (const char *p = name; *p; p++)
        if (!isalnum((unsigned char)*p) && *p != '-' && *p != '_')
            size = 0;
    if (size == 0 || size > 31) {
        ptn_words_fail_not(w, name, what);
        return "";
    }
    if (ptn_scenario_wire(s, name) >= 0 || ptn_scenario_host(s, name) >= 0 ||
        ptn_scenario_box(s, name) >= 0 || ptn_scenario_nameserver(s, name) >= 0)
        ptn_words_fail(w, "\"%s\" is the name of something else already", name);
    return name;
}

unsigned ptn_read_wire_name(struct ptn_words *w)
{
    const char *name = ptn_words_next(w, "a wire");
    int wire = ptn_scenario_wire(w->s, name);

    if (wire < 0)
        ptn_words_fail_not(w, name, "a wire");
    return wire < 0 ? 0 : (unsigned)wire;
}

unsigned ptn_read_host_name(struct ptn_words *w)
{
    const char *name = ptn_words_next(w, "a host");
    int host = ptn_scenario_host(w->s, name);

    if (host < 0)
        ptn_words_fail_not(w, name, "a host");
    return host < 0 ? 0 : (unsigned)host;
}

static bool among(const struct ptn_scenario_leg *legs, unsigned count,
                  const struct ptn_scenario_leg *leg)
{
    for (unsigned i = 0; i < count; i++)
        if (legs[i].wire == leg->wire && ptn_addr_equal(&legs[i].addr, &leg->addr))
            return true;
    return false;
}

/* Whose address it is on its wire, or NULL. */
static const char *owner_of(const struct ptn_scenario *s, const struct ptn_scenario_leg *leg)
{
    for (unsigned i = 0; i < s->host_count; i++)
        if (among(s->hosts[i].legs, s->hosts[i].leg_count, leg))
            return s->hosts[i].name;
    for (unsigned i = 0; i < s->nameserver_count; i++)
        if (among(s->nameservers[i].legs, s->nameservers[i].leg_count, leg))
            return s->nameservers[i].name;
    for (unsigned i = 0; i < s->box_count; i++)
        if (among(s->boxes[i].inside, s->boxes[i].inside_count, leg) ||
            among(s->boxes[i].outside, s->boxes[i].outside_count, leg))
            return s->boxes[i].name;
    return NULL;
}

static bool lies_on(const struct ptn_scenario_wire *wire, const struct ptn_addr *addr)
{
    for (unsigned i = 0; i < wire->prefix_count; i++)
        if (ptn_addr_in_prefix(addr, &wire->prefixes[i].addr, wire->prefixes[i].bits))
            return true;
    return false;
}

static void check_free(struct ptn_words *w, const struct ptn_scenario_leg *leg)
{
    const char *owner = owner_of(w->s, leg);
    char text[PTN_ADDR_TEXT_MAX];

    if (owner)
        ptn_words_fail(w, "%s on %s belongs to %s already", ptn_addr_format_ip(&leg->addr, text),
                       w->s->wires[leg->wire].name, owner);
}

struct ptn_scenario_leg ptn_read_leg(struct ptn_words *w, unsigned wire, bool may_be_taken)
{
    struct ptn_scenario_leg leg = {.wire = (int)wire, .addr = ptn_words_addr(w)};
    char text[PTN_ADDR_TEXT_MAX];

    if (!ptn_words_good(w))
        return leg;
    if (!lies_on(&w->s->wires[wire], &leg.addr))
        ptn_words_fail(w, "%s does not lie in a prefix of %s", ptn_addr_format_ip(&leg.addr, text),
                       w->s->wires[wire].name);
    else if (!may_be_taken)
        check_free(w, &leg);
    return leg;
}

/* The first address of each of the wire's prefixes, as home routers have it. */
static unsigned default_legs(struct ptn_words *w, unsigned wire, uint8_t only,
                             struct ptn_scenario_leg *legs, unsigned max)
{
    const struct ptn_scenario_wire *on = &w->s->wires[wire];
    unsigned count = 0;

    for (unsigned i = 0; i < on->prefix_count; i++) {
        struct ptn_scenario_leg leg = {.wire = (int)wire, .addr = on->prefixes[i].addr};
        if (only && leg.addr.family != only)
            continue;
        leg.addr.ip[ptn_addr_ip_bytes(&leg.addr) - 1] |= 1;
        check_free(w, &leg);
        if (count == max) {
            ptn_words_fail(w, "has too many addresses");
            break;
        }
        legs[count++] = leg;
    }
    if (count == 0)
        ptn_words_fail(w, "has no address on %s", on->name);
    return count;
}

unsigned ptn_fill_legs(struct ptn_words *w, struct ptn_scenario_leg *legs, unsigned count,
                       unsigned max, uint8_t only)
{
    struct ptn_scenario_leg given[PTN_SCENARIO_LEGS_MAX + PTN_SCENARIO_ADDRS_MAX];
    unsigned filled = 0;

    memcpy(given, legs, count * sizeof *legs);
    for (unsigned i = 0; i < count && ptn_words_good(w); i++) {
        if (ptn_addr_is_none(&given[i].addr))
            filled += default_legs(w, (unsigned)given[i].wire, only, legs + filled, max - filled);
        else if (filled < max)
            legs[filled++] = given[i];
        else
            ptn_words_fail(w, "has too many addresses");
    }
    return filled;
}

static bool looks_like_addr(const char *word)
{
    struct ptn_addr a;

    return ptn_addr_parse(word, &a) || isdigit((unsigned char)word[0]);
}

unsigned ptn_read_legs(struct ptn_words *w, struct ptn_scenario_leg *legs, unsigned max,
                       bool may_lack)
{
    unsigned count = 0;

    do {
        unsigned wire = ptn_read_wire_name(w), before = count;
        if (!ptn_words_good(w))
            return 0;
        while (looks_like_addr(ptn_words_peek(w)) && count < max)
            legs[count++] = ptn_read_leg(w, wire, false);
        if (count == before && may_lack && count < max)
            legs[count++] = (struct ptn_scenario_leg){.wire = (int)wire};
        if (count == before && ptn_words_left(w) && count == max)
            ptn_words_fail(w, "has more than %u addresses", max);
        else if (count == before)
            ptn_words_fail_not(w, ptn_words_peek(w), "an IP address");
    } while (ptn_scenario_wire(w->s, ptn_words_peek(w)) >= 0);
    return count;
}

void ptn_scenario_change_link(struct ptn_scenario_link *link, const struct ptn_scenario_link *to,
                              unsigned sets)
{
    if (sets & PTN_LINK_DELAY)
        link->delay = to->delay;
    if (sets & PTN_LINK_JITTER)
        link->jitter = to->jitter;
    if (sets & PTN_LINK_LOSS)
        link->loss = to->loss;
    if (sets & PTN_LINK_DUPLICATE)
        link->duplicate = to->duplicate;
    if (sets & PTN_LINK_REORDER) {
        link->reorder = to->reorder;
        link->reorder_by = to->reorder_by;
    }
    if (sets & PTN_LINK_RATE)
        link->rate = to->rate;
    if (sets & PTN_LINK_QUEUE)
        link->queue = to->queue;
}

/* One word of a link and its value into `to`; its bit, or 0 when it is no such word. */
static unsigned read_link_word(struct ptn_words *w, struct ptn_scenario_link *to)
{
    if (ptn_words_take(w, "delay"))
        return to->delay = ptn_words_time(w), PTN_LINK_DELAY;
    if (ptn_words_take(w, "jitter"))
        return to->jitter = ptn_words_time(w), PTN_LINK_JITTER;
    if (ptn_words_take(w, "loss"))
        return to->loss = ptn_words_share(w), PTN_LINK_LOSS;
    if (ptn_words_take(w, "duplicate"))
        return to->duplicate = ptn_words_share(w), PTN_LINK_DUPLICATE;
    if (ptn_words_take(w, "rate"))
        return to->rate = ptn_words_take(w, "none") ? 0 : ptn_words_rate(w), PTN_LINK_RATE;
    if (ptn_words_take(w, "queue"))
        return to->queue = ptn_words_time(w), PTN_LINK_QUEUE;
    if (!ptn_words_take(w, "reorder"))
        return 0;
    to->reorder = ptn_words_share(w);
    to->reorder_by = isdigit((unsigned char)*ptn_words_peek(w)) ? ptn_words_time(w) : PTN_MS(20);
    return PTN_LINK_REORDER;
}

void ptn_read_link(struct ptn_words *w, struct ptn_scenario_link link[PTN_WAYS],
                   unsigned sets[PTN_WAYS])
{
    bool ways[PTN_WAYS] = {true, true};

    while (ptn_words_left(w)) {
        struct ptn_scenario_link to = {0};
        if (ptn_words_take(w, "up")) {
            ways[PTN_WAY_UP] = true;
            ways[PTN_WAY_DOWN] = false;
            continue;
        }
        if (ptn_words_take(w, "down")) {
            ways[PTN_WAY_UP] = false;
            ways[PTN_WAY_DOWN] = true;
            continue;
        }
        unsigned set = read_link_word(w, &to);
        if (set == 0)
            return;
        for (unsigned way = 0; way < PTN_WAYS; way++) {
            if (!ways[way])
                continue;
            ptn_scenario_change_link(&link[way], &to, set);
            sets[way] |= set;
        }
    }
}

static void read_prefix(struct ptn_words *w, struct ptn_scenario_wire *wire)
{
    static const char what[] = "a prefix such as 192.168.1.0/24";
    const char *word = ptn_words_next(w, what), *slash = strchr(word, '/');
    struct ptn_scenario_prefix prefix;
    char text[PTN_ADDR_TEXT_MAX];
    unsigned bits = 0, digits = 0;

    if (!slash || (size_t)(slash - word) >= sizeof text) {
        ptn_words_fail_not(w, word, what);
        return;
    }
    snprintf(text, sizeof text, "%.*s", (int)(slash - word), word);
    for (const char *p = slash + 1; *p >= '0' && *p <= '9' && digits < 4; p++, digits++)
        bits = bits * 10 + (unsigned)(*p - '0');
    if (!ptn_addr_parse(text, &prefix.addr) || prefix.addr.port || text[0] == '[' || digits == 0 ||
        slash[1 + digits] != '\0' || bits > 8 * ptn_addr_ip_bytes(&prefix.addr)) {
        ptn_words_fail_not(w, word, what);
        return;
    }
    if (wire->prefix_count == PTN_SCENARIO_PREFIXES_MAX) {
        ptn_words_fail(w, "has more than %d prefixes", PTN_SCENARIO_PREFIXES_MAX);
        return;
    }
    for (unsigned i = bits; i < 8 * ptn_addr_ip_bytes(&prefix.addr); i++)
        prefix.addr.ip[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
    prefix.bits = bits;
    wire->prefixes[wire->prefix_count++] = prefix;
}

static bool has_v6(const struct ptn_scenario_wire *wire)
{
    for (unsigned i = 0; i < wire->prefix_count; i++)
        if (wire->prefixes[i].addr.family == PTN_IPV6)
            return true;
    return false;
}

void ptn_read_wire(struct ptn_words *w)
{
    struct ptn_scenario_wire wire = {.name = ptn_read_new_name(w), .mtu = MTU_MAX};
    unsigned sets[PTN_WAYS] = {0};

    wire.link[PTN_WAY_UP].queue = wire.link[PTN_WAY_DOWN].queue = PTN_MS(200);
    do
        read_prefix(w, &wire);
    while (strchr(ptn_words_peek(w), '/'));
    while (ptn_words_left(w)) {
        unsigned before = w->at;
        ptn_read_link(w, wire.link, sets);
        if (ptn_words_take(w, "mtu"))
            wire.mtu = ptn_words_number(w, has_v6(&wire) ? MTU_V6_MIN : MTU_MIN, MTU_MAX);
        if (ptn_words_take(w, "unknown"))
            wire.unknown = (enum ptn_scenario_unasked)ptn_words_choice(w, ptn_unasked_names, 2);
        if (w->at == before)
            break;
    }
    struct ptn_scenario *s = w->s;
    struct ptn_scenario_wire *grown = ptn_words_grow(w, s->wires, s->wire_count, sizeof *grown);
    if (grown) {
        s->wires = grown;
        s->wires[s->wire_count++] = wire;
    }
}

void ptn_read_host(struct ptn_words *w)
{
    struct ptn_scenario *s = w->s;
    struct ptn_scenario_host host = {.name = ptn_read_new_name(w)};

    host.leg_count = ptn_read_legs(w, host.legs, PTN_SCENARIO_ADDRS_MAX, false);
    struct ptn_scenario_host *grown = ptn_words_grow(w, s->hosts, s->host_count, sizeof *grown);
    if (grown) {
        s->hosts = grown;
        s->hosts[s->host_count++] = host;
    }
}
