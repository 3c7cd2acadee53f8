/*
 * nat/nat.c - who may pass, and under which name.
 *
 *     outbound   find or lend a mapping, note the far end      -> new source
 *     inbound    find the mapping, ask the filter              -> new destination
 *     to our own outside end from inside: both, one after the other (hairpin)
 *
 * An ICMP error travels against the packet it quotes, so its quoted source is
 * what an ordinary packet's destination would be; it opens, refreshes and ends
 * nothing (RFC 5508 REQ-6).
 */
#include "nat/nat.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "nat/ports.h"
#include "nat/tables.h"

enum { FIN = 1, SYN = 2, RST = 4 };

struct ptn_nat {
    struct ptn_nat_opts opts;
    struct ptn_nat_tables tables;
    struct ptn_nat_ports_state ports;
    uint64_t counts[PTN_NAT_VERDICTS];
};

const struct ptn_nat_opts PTN_NAT_HOME = {
    .translates = true,
    .mapping = PTN_NAT_SEES_NOTHING,
    .filtering = PTN_NAT_SEES_PORT,
    .ports = PTN_NAT_PORTS_PRESERVE,
    .pooling = PTN_NAT_PAIRED,
    .hairpin = PTN_NAT_HAIRPIN_EXTERNAL,
    .port_step = 1,
    .port_min = 1024,
    .port_max = 65535,
    .udp_timeout = PTN_S(120),
    .tcp_opening_timeout = PTN_S(240),
    .tcp_established_timeout = PTN_S(7440), /* RFC 5382 REQ-5: at least 2 h 4 min */
    .tcp_closing_timeout = PTN_S(240),
    .icmp_timeout = PTN_S(60),
    .mappings_max = 4096,
    .sessions_max = 16384,
};

enum ptn_err ptn_nat_new(struct ptn_nat **out, const struct ptn_nat_opts *opts,
                         struct ptn_dice *dice)
{
    assert(opts->port_min <= opts->port_max && opts->port_step > 0);
    assert(opts->mappings_max > 0 && opts->sessions_max > 0);
    assert(opts->pool_count <= PTN_NAT_POOL_MAX);

    struct ptn_nat *n = calloc(1, sizeof *n);
    *out = NULL;
    if (!n)
        return PTN_ERR_NO_MEMORY;
    n->opts = *opts;
    if (!opts->translates)
        n->opts.mapping = PTN_NAT_SEES_NOTHING;
    n->ports.dice = ptn_dice_split(dice);
    if (ptn_nat_tables_init(&n->tables, opts->mappings_max, opts->sessions_max,
                            (uint32_t)ptn_dice_u64(&n->ports.dice)) != PTN_OK) {
        free(n);
        return PTN_ERR_NO_MEMORY;
    }
    *out = n;
    return PTN_OK;
}

void ptn_nat_free(struct ptn_nat *n)
{
    if (!n)
        return;
    ptn_nat_tables_fini(&n->tables);
    free(n);
}

/* As much of a far end as this kind of NAT sees. */
static struct ptn_addr seen(enum ptn_nat_sees sees, const struct ptn_addr *far)
{
    switch (sees) {
    case PTN_NAT_SEES_NOTHING: break;
    case PTN_NAT_SEES_ADDR: return ptn_addr_with_port(*far, 0);
    case PTN_NAT_SEES_PORT: return *far;
    }
    return (struct ptn_addr){0};
}

static struct ptn_nat_mapping *mapping_of(struct ptn_nat *n, enum ptn_nat_proto proto,
                                          const struct ptn_addr *inside, const struct ptn_addr *far)
{
    struct ptn_addr key = seen(n->opts.mapping, far);

    return ptn_nat_find_inside(&n->tables, proto, inside, &key);
}

static bool filter_lets_in(struct ptn_nat *n, const struct ptn_nat_mapping *m,
                           const struct ptn_addr *far)
{
    return n->opts.filtering == PTN_NAT_SEES_NOTHING ||
           ptn_nat_find_session(&n->tables, m, far, n->opts.filtering == PTN_NAT_SEES_PORT);
}

static bool is_ours(const struct ptn_nat *n, const struct ptn_addr *a)
{
    for (unsigned i = 0; n->opts.translates && i < n->opts.pool_count; i++)
        if (ptn_addr_same_ip(&n->opts.pool[i], a))
            return true;
    return false;
}

/* RFC 5382 REQ-5, RFC 7857 §2: what the flags of a connection's packet make of it. A reset ends
 * nothing at once: anybody could have sent it. */
static void follow_tcp(struct ptn_nat_session *s, unsigned flags, bool outbound)
{
    if (s->tcp == PTN_NAT_TCP_CLOSING && (flags & SYN)) {
        s->spoke_inside = s->spoke_outside = s->fin_inside = s->fin_outside = false;
        s->tcp = PTN_NAT_TCP_OPENING;
    }
    *(outbound ? &s->spoke_inside : &s->spoke_outside) = true;
    if (flags & FIN)
        *(outbound ? &s->fin_inside : &s->fin_outside) = true;
    if ((flags & RST) || (s->fin_inside && s->fin_outside))
        s->tcp = PTN_NAT_TCP_CLOSING;
    else if (s->tcp == PTN_NAT_TCP_OPENING && s->spoke_inside && s->spoke_outside)
        s->tcp = PTN_NAT_TCP_ESTABLISHED;
}

static ptn_time timeout_of(const struct ptn_nat_opts *o, enum ptn_nat_proto proto,
                           enum ptn_nat_tcp_state tcp)
{
    switch (proto) {
    case PTN_NAT_TCP:
        return tcp == PTN_NAT_TCP_OPENING       ? o->tcp_opening_timeout
               : tcp == PTN_NAT_TCP_ESTABLISHED ? o->tcp_established_timeout
                                                : o->tcp_closing_timeout;
    case PTN_NAT_ICMP: return o->icmp_timeout;
    default: return o->udp_timeout;
    }
}

/* Notes a packet of a session: its TCP state, and its deadline where this packet may move it. */
static void touch(struct ptn_nat *n, ptn_time now, struct ptn_nat_session *s,
                  const struct ptn_nat_packet *p, bool outbound)
{
    uint32_t row = (uint32_t)(s - n->tables.sessions);
    bool is_new = ptn_heap_get(&n->tables.deadlines, row) == PTN_NEVER;
    enum ptn_nat_tcp_state before = s->tcp;

    if (p->proto == PTN_NAT_TCP)
        follow_tcp(s, p->tcp_flags, outbound);
    /* A closing connection is not kept by its last packets; every other one by those of RFC 4787
     * REQ-6. A change of state always counts. */
    bool refreshes = (outbound || n->opts.refresh_inbound) &&
                     !(p->proto == PTN_NAT_TCP && s->tcp == PTN_NAT_TCP_CLOSING);
    if (is_new || refreshes || s->tcp != before)
        ptn_heap_set(&n->tables.deadlines, row,
                     ptn_time_add(now, timeout_of(&n->opts, p->proto, s->tcp)));
}

/* Neither a reset nor an answer opens anything. An answer to an ICMP query has no port of its own
 * (see nat.h). */
static bool may_open(const struct ptn_nat_packet *p)
{
    return p->proto == PTN_NAT_TCP ? !(p->tcp_flags & RST)
                                   : p->proto != PTN_NAT_ICMP || p->from.port != 0;
}

static enum ptn_nat_verdict open_mapping(struct ptn_nat *n, const struct ptn_nat_packet *p,
                                         struct ptn_nat_session **out)
{
    struct ptn_nat_mapping m = {.proto = p->proto,
                                .inside = p->from,
                                .outside = p->from,
                                .far = seen(n->opts.mapping, &p->to)};
    const struct ptn_nat_host *host = ptn_nat_find_host(&n->tables, &p->from);

    if (!may_open(p))
        return PTN_NAT_NO_MAPPING;
    if (n->opts.host_mappings_max && host && host->mappings >= n->opts.host_mappings_max)
        return PTN_NAT_FULL;
    if (n->opts.translates && !ptn_nat_lend(&n->ports, &n->opts, &n->tables, &m))
        return PTN_NAT_NO_PORT;
    *out = ptn_nat_add_mapping(&n->tables, &m, &p->to);
    if (!*out)
        return PTN_NAT_FULL;
    struct ptn_nat_host *owner = &n->tables.hosts[n->tables.mappings[(*out)->mapping].host];
    if (ptn_addr_is_none(&owner->outside))
        owner->outside = ptn_addr_with_port(m.outside, 0);
    return PTN_NAT_PASS;
}

/* The session of an outbound packet, opened where need be. */
static enum ptn_nat_verdict outbound_session(struct ptn_nat *n, const struct ptn_nat_packet *p,
                                             struct ptn_nat_session **out)
{
    struct ptn_nat_mapping *m = mapping_of(n, p->proto, &p->from, &p->to);

    if (!m)
        return open_mapping(n, p, out);
    *out = ptn_nat_find_session(&n->tables, m, &p->to, true);
    if (!*out)
        *out = ptn_nat_add_session(&n->tables, m, &p->to);
    return *out ? PTN_NAT_PASS : PTN_NAT_FULL;
}

/* The second half of inbound and of hairpin: `p->from` is as the outside sees it. */
static enum ptn_nat_verdict admit(struct ptn_nat *n, ptn_time now, struct ptn_nat_packet *p)
{
    struct ptn_nat_mapping *m = ptn_nat_find_outside(&n->tables, p->proto, &p->to);

    if (!m)
        return PTN_NAT_NO_MAPPING;
    if (!filter_lets_in(n, m, &p->from))
        return PTN_NAT_FILTERED;
    struct ptn_nat_session *s = ptn_nat_find_session(&n->tables, m, &p->from, true);
    /* A stranger that an open filter lets in needs a session only if something is to be
     * remembered of it: a TCP state, or that it keeps the mapping alive. */
    bool remember = p->proto == PTN_NAT_TCP ? !(p->tcp_flags & RST) : n->opts.refresh_inbound;
    if (!s && remember) {
        s = ptn_nat_add_session(&n->tables, m, &p->from);
        if (!s)
            return PTN_NAT_FULL;
    }
    if (s)
        touch(n, now, s, p, false);
    p->to = m->inside;
    return PTN_NAT_PASS;
}

static enum ptn_nat_verdict hairpin(struct ptn_nat *n, ptn_time now, struct ptn_nat_packet *p,
                                    const struct ptn_addr *outside)
{
    struct ptn_nat_packet turned = *p;

    turned.from = *outside;
    enum ptn_nat_verdict verdict = admit(n, now, &turned);
    if (verdict != PTN_NAT_PASS)
        return verdict;
    if (n->opts.hairpin == PTN_NAT_HAIRPIN_EXTERNAL)
        p->from = *outside;
    p->to = turned.to;
    return PTN_NAT_TURN_ROUND;
}

/* RFC 5508 REQ-5: the quoted packet gets back the end it was sent to; whoever inside wrote the
 * error, outside it comes from us. */
static enum ptn_nat_verdict outbound_error(struct ptn_nat *n, struct ptn_nat_packet *p)
{
    const struct ptn_nat_mapping *m = mapping_of(n, p->proto, &p->quoted_to, &p->quoted_from);
    bool turns = is_ours(n, &p->to);

    if (!m)
        return PTN_NAT_NO_MAPPING;
    if (turns) {
        const struct ptn_nat_mapping *other =
            ptn_nat_find_outside(&n->tables, p->proto, &p->quoted_from);
        if (n->opts.hairpin == PTN_NAT_HAIRPIN_OFF)
            return PTN_NAT_NO_HAIRPIN;
        if (!other)
            return PTN_NAT_NO_MAPPING;
        p->quoted_from = other->inside;
        p->to = ptn_addr_with_port(other->inside, 0);
    }
    p->quoted_to = m->outside;
    if (n->opts.translates)
        p->from = ptn_addr_with_port(m->outside, 0);
    return turns ? PTN_NAT_TURN_ROUND : PTN_NAT_PASS;
}

/* RFC 5508 REQ-4. The quoted packet must be one that really went out: a session says so. */
static enum ptn_nat_verdict inbound_error(struct ptn_nat *n, struct ptn_nat_packet *p)
{
    const struct ptn_nat_mapping *m = ptn_nat_find_outside(&n->tables, p->proto, &p->quoted_from);

    if (!m || !ptn_addr_same_ip(&p->to, &p->quoted_from))
        return PTN_NAT_NO_MAPPING;
    if (!ptn_nat_find_session(&n->tables, m, &p->quoted_to, true))
        return PTN_NAT_FILTERED;
    p->quoted_from = m->inside;
    p->to = ptn_addr_with_port(m->inside, 0);
    return PTN_NAT_PASS;
}

static enum ptn_nat_verdict outbound(struct ptn_nat *n, ptn_time now, struct ptn_nat_packet *p)
{
    struct ptn_nat_session *s;
    bool turns = is_ours(n, &p->to);

    if (n->opts.blocks[p->proto])
        return PTN_NAT_BLOCKED;
    if (p->is_error)
        return outbound_error(n, p);
    if (turns && n->opts.hairpin == PTN_NAT_HAIRPIN_OFF)
        return PTN_NAT_NO_HAIRPIN;
    enum ptn_nat_verdict verdict = outbound_session(n, p, &s);
    if (verdict != PTN_NAT_PASS)
        return verdict;
    touch(n, now, s, p, true);
    const struct ptn_addr *outside = &n->tables.mappings[s->mapping].outside;
    if (turns)
        return hairpin(n, now, p, outside);
    p->from = *outside;
    return PTN_NAT_PASS;
}

static enum ptn_nat_verdict inbound(struct ptn_nat *n, ptn_time now, struct ptn_nat_packet *p)
{
    if (n->opts.blocks[p->proto])
        return PTN_NAT_BLOCKED;
    return p->is_error ? inbound_error(n, p) : admit(n, now, p);
}

enum ptn_nat_verdict ptn_nat_outbound(struct ptn_nat *n, ptn_time now, struct ptn_nat_packet *p)
{
    assert(p->proto < PTN_NAT_PROTOS);

    ptn_nat_tick(n, now);
    enum ptn_nat_verdict verdict = outbound(n, now, p);
    n->counts[verdict]++;
    return verdict;
}

enum ptn_nat_verdict ptn_nat_inbound(struct ptn_nat *n, ptn_time now, struct ptn_nat_packet *p)
{
    assert(p->proto < PTN_NAT_PROTOS);

    ptn_nat_tick(n, now);
    enum ptn_nat_verdict verdict = inbound(n, now, p);
    n->counts[verdict]++;
    return verdict;
}

void ptn_nat_tick(struct ptn_nat *n, ptn_time now)
{
    uint32_t row;

    while (ptn_heap_pop(&n->tables.deadlines, now, &row))
        ptn_nat_remove_session(&n->tables, &n->tables.sessions[row]);
}

ptn_time ptn_nat_deadline(const struct ptn_nat *n)
{
    return ptn_heap_deadline(&n->tables.deadlines);
}

void ptn_nat_reboot(struct ptn_nat *n)
{
    ptn_nat_tables_clear(&n->tables);
}

void ptn_nat_set_pool(struct ptn_nat *n, const struct ptn_addr *pool, unsigned count)
{
    assert(count <= PTN_NAT_POOL_MAX);

    for (unsigned i = 0; i < count; i++)
        n->opts.pool[i] = pool[i];
    n->opts.pool_count = count;
    for (uint32_t row = 0; n->opts.translates && row < n->tables.session_rows.touched; row++) {
        struct ptn_nat_session *s = &n->tables.sessions[row];
        if (s->used && !is_ours(n, &n->tables.mappings[s->mapping].outside))
            ptn_nat_remove_session(&n->tables, s);
    }
}

const struct ptn_nat_opts *ptn_nat_opts(const struct ptn_nat *n)
{
    return &n->opts;
}

uint64_t ptn_nat_count(const struct ptn_nat *n, enum ptn_nat_verdict verdict)
{
    return n->counts[verdict];
}

uint32_t ptn_nat_mappings(const struct ptn_nat *n)
{
    return n->tables.mapping_rows.used;
}

uint32_t ptn_nat_sessions(const struct ptn_nat *n)
{
    return n->tables.session_rows.used;
}

const char *ptn_nat_verdict_text(enum ptn_nat_verdict verdict)
{
    static const char *const texts[PTN_NAT_VERDICTS] = {
        [PTN_NAT_PASS] = "passed",          [PTN_NAT_TURN_ROUND] = "turned round",
        [PTN_NAT_FILTERED] = "filtered",    [PTN_NAT_NO_MAPPING] = "no mapping",
        [PTN_NAT_NO_PORT] = "no free port", [PTN_NAT_FULL] = "table full",
        [PTN_NAT_BLOCKED] = "blocked",      [PTN_NAT_NO_HAIRPIN] = "no hairpin",
    };

    return texts[verdict];
}
