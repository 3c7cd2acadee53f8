/*
 * net/events.c - the name server with its records, and what happens at which time.
 */
#include <ctype.h>

#include "net/topology.h"

struct ptn_scenario_dns ptn_read_dns(struct ptn_words *w)
{
    static const char *const modes[] = {"answers", "gone", "fails", "lies"};
    struct ptn_scenario_dns dns = {0};

    while (ptn_words_left(w)) {
        if (ptn_words_take(w, "delay")) {
            dns.delay = ptn_words_time(w);
            continue;
        }
        dns.mode = (enum ptn_scenario_dns_mode)ptn_words_choice(w, modes, 4);
        if (dns.mode != PTN_DNS_LIES)
            continue;
        do {
            struct ptn_addr lie = ptn_words_addr(w);
            dns.lie[lie.family == PTN_IPV6] = lie;
        } while (isxdigit((unsigned char)*ptn_words_peek(w)) &&
                 strcmp(ptn_words_peek(w), "delay") != 0);
    }
    return dns;
}

/* Lower case, without a final dot; DNS names compare without case (RFC 4343). */
static const char *read_dns_name(struct ptn_words *w, const char *what)
{
    const char *word = ptn_words_next(w, what);
    size_t size = strlen(word);
    char *name = ptn_words_keep(w, size + 1);

    if (!name)
        return "";
    for (size_t i = 0; i < size; i++)
        name[i] = (char)tolower((unsigned char)word[i]);
    if (size > 1 && name[size - 1] == '.')
        name[--size] = '\0';
    if (size > 253) {
        ptn_words_fail_not(w, word, what);
        return "";
    }
    for (size_t i = 0, label = 0; i < size; i++) {
        label = name[i] == '.' ? 0 : label + 1;
        if (label > 63 || (label == 0 && (i == 0 || name[i - 1] == '.') && size > 1)) {
            ptn_words_fail_not(w, word, what);
            return "";
        }
    }
    return name;
}

static struct ptn_dns_record read_addr_record(struct ptn_words *w, enum ptn_dns_type type)
{
    struct ptn_dns_record r = {.type = type, .addr = ptn_words_addr(w)};

    if (ptn_words_good(w) && r.addr.family != (type == PTN_DNS_A ? PTN_IPV4 : PTN_IPV6))
        ptn_words_fail(w, "that address does not fit the record's type");
    return r;
}

static struct ptn_dns_record read_srv(struct ptn_words *w)
{
    struct ptn_dns_record r = {.type = PTN_DNS_SRV};

    r.priority = (uint16_t)ptn_words_number(w, 0, 65535);
    r.weight = (uint16_t)ptn_words_number(w, 0, 65535);
    r.port = (uint16_t)ptn_words_number(w, 0, 65535);
    r.target = read_dns_name(w, "the SRV record's target");
    return r;
}

static const char *read_short(struct ptn_words *w, const char *what)
{
    const char *word = ptn_words_next(w, what);

    if (strlen(word) > 255)
        ptn_words_fail_not(w, "", what);
    return word;
}

static struct ptn_dns_record read_naptr(struct ptn_words *w)
{
    struct ptn_dns_record r = {.type = PTN_DNS_NAPTR};

    r.priority = (uint16_t)ptn_words_number(w, 0, 65535);
    r.weight = (uint16_t)ptn_words_number(w, 0, 65535);
    r.flags = read_short(w, "the NAPTR record's flags");
    r.service = read_short(w, "the NAPTR record's service");
    r.target = read_dns_name(w, "the NAPTR record's replacement");
    return r;
}

static void keep_words_text(struct ptn_words *w, const char **text)
{
    char *copy = ptn_words_keep(w, strlen(*text) + 1);

    if (copy)
        *text = memcpy(copy, *text, strlen(*text) + 1);
}

struct ptn_scenario_record *ptn_read_records(struct ptn_words *w, unsigned *count)
{
    static const char *const types[] = {"A", "AAAA", "SRV", "NAPTR"};
    const char *name = read_dns_name(w, "a domain name");
    unsigned ttl = ptn_words_take(w, "ttl") ? ptn_words_number(w, 0, 1000000) : 300;
    unsigned type = ptn_words_choice(w, types, 4);
    struct ptn_scenario_record *records =
        ptn_words_keep(w, (w->count - w->at + 1) * sizeof *records);

    *count = 0;
    if (!records)
        return NULL;
    do {
        struct ptn_dns_record r = type == 2   ? read_srv(w)
                                  : type == 3 ? read_naptr(w)
                                              : read_addr_record(w, (enum ptn_dns_type)(1 << type));
        r.ttl_s = ttl;
        if (r.flags)
            keep_words_text(w, &r.flags);
        if (r.service)
            keep_words_text(w, &r.service);
        records[(*count)++] = (struct ptn_scenario_record){name, r};
    } while (ptn_words_left(w));
    return records;
}

void ptn_read_nameserver(struct ptn_words *w)
{
    struct ptn_scenario *s = w->s;
    struct ptn_scenario_nameserver ns = {.name = ptn_read_new_name(w)};

    ns.leg_count = ptn_read_legs(w, ns.legs, PTN_SCENARIO_ADDRS_MAX, false);
    ns.dns = ptn_read_dns(w);
    struct ptn_scenario_nameserver *grown =
        ptn_words_grow(w, s->nameservers, s->nameserver_count, sizeof *grown);
    if (grown) {
        s->nameservers = grown;
        s->nameservers[s->nameserver_count++] = ns;
    }
}

void ptn_read_record(struct ptn_words *w)
{
    struct ptn_scenario *s = w->s;
    unsigned count;

    if (s->nameserver_count == 0) {
        ptn_words_fail(w, "belongs to the nameserver above it, but there is none");
        return;
    }
    struct ptn_scenario_nameserver *ns = &s->nameservers[s->nameserver_count - 1];
    const struct ptn_scenario_record *records = ptn_read_records(w, &count);
    for (unsigned i = 0; records && i < count; i++) {
        struct ptn_scenario_record *grown =
            ptn_words_grow(w, ns->records, ns->record_count, sizeof *grown);
        if (!grown)
            return;
        ns->records = grown;
        ns->records[ns->record_count++] = records[i];
    }
}

static void read_box_subject(struct ptn_words *w, struct ptn_scenario_event *ev)
{
    const char *name = ptn_words_next(w, "a router, NAT or firewall");
    int box = ptn_scenario_box(w->s, name);

    if (box < 0)
        ptn_words_fail_not(w, name, "a router, NAT or firewall");
    ev->subject = box < 0 ? 0 : (unsigned)box;
}

static void read_wire_subject(struct ptn_words *w, struct ptn_scenario_event *ev)
{
    ev->subject = ptn_read_wire_name(w);
}

static void read_link_change(struct ptn_words *w, struct ptn_scenario_event *ev)
{
    ev->subject = ptn_read_wire_name(w);
    ptn_read_link(w, ev->link, ev->link_sets);
    if (ptn_words_good(w) && !ev->link_sets[0] && !ev->link_sets[1])
        ptn_words_fail_not(w, ptn_words_peek(w),
                           "one of delay jitter loss duplicate reorder rate queue");
}

/* `address NAT ADDRESS…` or `address HOST [WIRE] ADDRESS…`; a host may lose its address without
 * getting another. */
static void read_address(struct ptn_words *w, struct ptn_scenario_event *ev)
{
    const char *name = ptn_words_next(w, "a NAT or host");
    int box = ptn_scenario_box(w->s, name), host = ptn_scenario_host(w->s, name);
    int wire = PTN_SCENARIO_NONE;

    if (box >= 0 && w->s->boxes[box].kind == PTN_BOX_NAT) {
        ev->action = PTN_ACTION_BOX_ADDRESS;
        ev->subject = (unsigned)box;
        wire = w->s->boxes[box].outside[0].wire;
    } else if (host >= 0) {
        ev->action = PTN_ACTION_HOST_ADDRESS;
        ev->subject = (unsigned)host;
        wire = w->s->hosts[host].legs[0].wire;
        if (ptn_words_take(w, "none"))
            return;
    } else {
        ptn_words_fail_not(w, name, "a NAT or host");
        return;
    }
    do {
        if (host >= 0 && ptn_scenario_wire(w->s, ptn_words_peek(w)) >= 0)
            wire = (int)ptn_read_wire_name(w);
        if (ev->leg_count == PTN_SCENARIO_ADDRS_MAX) {
            ptn_words_fail(w, "has more than %d addresses", PTN_SCENARIO_ADDRS_MAX);
            return;
        }
        struct ptn_scenario_leg leg = ptn_read_leg(w, (unsigned)wire, true);
        if (box >= 0 && ptn_words_good(w) && leg.addr.family != PTN_IPV4)
            ptn_words_fail(w, "a NAT's outside address is an IPv4 one");
        ev->legs[ev->leg_count++] = leg;
    } while (ptn_words_left(w));
}

static void read_nameserver_subject(struct ptn_words *w, struct ptn_scenario_event *ev)
{
    const char *name = ptn_words_next(w, "a nameserver");
    int ns = ptn_scenario_nameserver(w->s, name);

    if (ns < 0)
        ptn_words_fail_not(w, name, "a nameserver");
    ev->subject = ns < 0 ? 0 : (unsigned)ns;
}

static void read_dns_change(struct ptn_words *w, struct ptn_scenario_event *ev)
{
    read_nameserver_subject(w, ev);
    ev->dns = ptn_read_dns(w);
}

static void read_record_change(struct ptn_words *w, struct ptn_scenario_event *ev)
{
    read_nameserver_subject(w, ev);
    ev->records = ptn_read_records(w, &ev->record_count);
}

/* The statement's words from `from` on, with single spaces. */
static const char *joined(struct ptn_words *w, unsigned from)
{
    size_t size = 1;

    for (unsigned i = from; i < w->count; i++)
        size += strlen(w->words[i]) + 1;
    char *text = ptn_words_keep(w, size), *at = text;
    for (unsigned i = from; text && i < w->count; i++) {
        size_t word = strlen(w->words[i]);
        memcpy(at, w->words[i], word);
        at += word;
        *at++ = i + 1 < w->count ? ' ' : '\0';
    }
    return text ? text : "";
}

void ptn_read_event(struct ptn_words *w, struct ptn_scenario_event *ev)
{
    static const struct {
        const char *word;
        enum ptn_scenario_action action;
        void (*read)(struct ptn_words *w, struct ptn_scenario_event *ev);
    } rows[] = {
        {"reboot", PTN_ACTION_REBOOT, read_box_subject},
        {"address", PTN_ACTION_BOX_ADDRESS, read_address},
        {"down", PTN_ACTION_DOWN, read_wire_subject},
        {"up", PTN_ACTION_UP, read_wire_subject},
        {"link", PTN_ACTION_LINK, read_link_change},
        {"dns", PTN_ACTION_DNS, read_dns_change},
        {"record", PTN_ACTION_RECORDS, read_record_change},
    };
    const char *what = "one of reboot address down up link dns record";

    ev->at = ptn_words_time(w);
    ev->line = w->lines[0];
    ev->text = joined(w, w->at);
    const char *word = ptn_words_next(w, what);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(rows[i].word, word) != 0)
            continue;
        ev->action = rows[i].action;
        rows[i].read(w, ev);
        return;
    }
    ptn_words_fail_not(w, word, what);
}

void ptn_read_at(struct ptn_words *w)
{
    struct ptn_scenario *s = w->s;
    struct ptn_scenario_event ev = {0};

    ptn_read_event(w, &ev);
    struct ptn_scenario_event *grown = ptn_words_grow(w, s->events, s->event_count, sizeof *grown);
    if (grown) {
        s->events = grown;
        s->events[s->event_count++] = ev;
    }
}
