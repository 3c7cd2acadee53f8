/*
 * discover/lookup.c - SRV and addresses, side by side, with an end to patience.
 */
#include "discover/lookup.h"

#include <stdio.h>

enum query {
    HOST,   /* the name's own addresses */
    SRV,    /* _stun._udp.name */
    TARGET, /* addresses of the SRV target at hand */
};

#define STUN_PORT 3478
/* A name server that drops SRV questions, as some routers' do, must not cost more than this. */
#define SRV_PATIENCE PTN_MS(700)
#define PATIENCE PTN_S(5)

static unsigned bit(enum query q)
{
    return 1u << q;
}

static void ask(struct ptn_discover_lookup *l, enum query q)
{
    l->to_ask |= bit(q);
    l->waiting |= bit(q);
}

static void fail(struct ptn_discover_lookup *l)
{
    l->state = PTN_DISCOVER_LOOKUP_FAILED;
    if (l->why == PTN_OK)
        l->why = PTN_ERR_NO_ADDRESS;
}

void ptn_discover_lookup_start(struct ptn_discover_lookup *l, ptn_time now, ptn_id first_id,
                               const char *name, uint16_t port, uint8_t family)
{
    struct ptn_addr literal;

    *l = (struct ptn_discover_lookup){.first_id = first_id,
                                      .family = family,
                                      .port = port,
                                      .srv_until = now + SRV_PATIENCE,
                                      .until = now + PATIENCE};
    snprintf(l->name, sizeof l->name, "%s", name);
    if (ptn_addr_parse(l->name, &literal)) {
        literal.port = port ? port : literal.port ? literal.port : STUN_PORT;
        l->addr = literal;
        l->state = PTN_DISCOVER_LOOKUP_FOUND;
        if (literal.family != family)
            fail(l);
        return;
    }
    ask(l, HOST);
    if (port == 0) {
        snprintf(l->srv_name, sizeof l->srv_name, "_stun._udp.%s", l->name);
        ask(l, SRV);
    }
}

static bool first_address(const struct ptn_discover_lookup *l, const struct ptn_tell *tell,
                          struct ptn_addr *out)
{
    for (size_t i = 0; i < tell->record_count; i++)
        if ((tell->records[i].type == PTN_DNS_A || tell->records[i].type == PTN_DNS_AAAA) &&
            tell->records[i].addr.family == l->family) {
            *out = tell->records[i].addr;
            return true;
        }
    return false;
}

/* Keeps the best few, by priority and then by weight. RFC 2782's lottery among equals spreads the
 * load of many clients; one probe does not need it. */
static void add_target(struct ptn_discover_lookup *l, const struct ptn_dns_record *r)
{
    unsigned at = l->target_count;

    if (!r->target || !r->target[0] || strlen(r->target) >= sizeof l->targets[0].name)
        return;
    while (at > 0 &&
           (r->priority < l->targets[at - 1].priority ||
            (r->priority == l->targets[at - 1].priority && r->weight > l->targets[at - 1].weight)))
        at--;
    if (at == PTN_DISCOVER_TARGETS_MAX)
        return;
    if (l->target_count < PTN_DISCOVER_TARGETS_MAX)
        l->target_count++;
    memmove(&l->targets[at + 1], &l->targets[at],
            (l->target_count - 1 - at) * sizeof l->targets[0]);
    snprintf(l->targets[at].name, sizeof l->targets[at].name, "%s", r->target);
    l->targets[at].port = r->port;
    l->targets[at].priority = r->priority;
    l->targets[at].weight = r->weight;
}

static void read_srv(struct ptn_discover_lookup *l, const struct ptn_tell *tell)
{
    for (size_t i = 0; i < tell->record_count; i++)
        if (tell->records[i].type == PTN_DNS_SRV)
            add_target(l, &tell->records[i]);
    if (l->target_count > 0)
        ask(l, TARGET);
}

static void found(struct ptn_discover_lookup *l, struct ptn_addr addr, uint16_t port)
{
    l->addr = ptn_addr_with_port(addr, port);
    l->state = PTN_DISCOVER_LOOKUP_FOUND;
    l->to_ask = l->waiting = 0;
}

static void read_target(struct ptn_discover_lookup *l, const struct ptn_tell *tell)
{
    struct ptn_addr addr;

    if (tell->kind == PTN_TELL_RESOLVED && first_address(l, tell, &addr))
        found(l, addr, l->targets[l->target].port);
    else if (++l->target < l->target_count)
        ask(l, TARGET);
}

/* SRV decides; what the name itself says is for when there is none. */
static void decide(struct ptn_discover_lookup *l)
{
    if (l->state != PTN_DISCOVER_LOOKUP_BUSY || (l->waiting & (bit(SRV) | bit(TARGET))))
        return;
    if (!ptn_addr_is_none(&l->host))
        found(l, l->host, l->port ? l->port : STUN_PORT);
    else if (!(l->waiting & bit(HOST)))
        fail(l);
}

void ptn_discover_lookup_input(struct ptn_discover_lookup *l, const struct ptn_tell *tell)
{
    enum query q = (enum query)(tell->id - l->first_id);

    if (q > TARGET || !(l->waiting & bit(q)) ||
        (tell->kind != PTN_TELL_RESOLVED && tell->kind != PTN_TELL_FAILED))
        return;
    l->waiting &= ~bit(q);
    /* That there is no such service says nothing of the name. */
    if (q != SRV)
        l->why = tell->why;
    if (q == TARGET)
        read_target(l, tell);
    else if (tell->kind == PTN_TELL_RESOLVED && q == SRV)
        read_srv(l, tell);
    else if (tell->kind == PTN_TELL_RESOLVED)
        first_address(l, tell, &l->host);
    decide(l);
}

bool ptn_discover_lookup_next(struct ptn_discover_lookup *l, ptn_time now)
{
    if (l->state != PTN_DISCOVER_LOOKUP_FOUND || l->target + 1 >= l->target_count)
        return false;
    l->target++;
    l->state = PTN_DISCOVER_LOOKUP_BUSY;
    l->host = (struct ptn_addr){0}; /* which is no server that SRV has named */
    l->until = now + PATIENCE;
    ask(l, TARGET);
    return true;
}

void ptn_discover_lookup_tick(struct ptn_discover_lookup *l, ptn_time now)
{
    if (l->state != PTN_DISCOVER_LOOKUP_BUSY)
        return;
    if (now >= l->srv_until)
        l->waiting &= ~bit(SRV);
    if (now >= l->until) {
        l->waiting = 0;
        l->why = PTN_ERR_NAMES_SILENT;
    }
    decide(l);
}

bool ptn_discover_lookup_output(struct ptn_discover_lookup *l, struct ptn_ask *out)
{
    unsigned addresses = l->family == PTN_IPV4 ? PTN_DNS_A : PTN_DNS_AAAA;

    for (unsigned q = HOST; q <= TARGET; q++) {
        if (!(l->to_ask & 1u << q))
            continue;
        l->to_ask &= ~(1u << q);
        *out = (struct ptn_ask){.kind = PTN_ASK_RESOLVE,
                                .id = l->first_id + q,
                                .name = q == HOST  ? l->name
                                        : q == SRV ? l->srv_name
                                                   : l->targets[l->target].name,
                                .types = q == SRV ? PTN_DNS_SRV : addresses};
        return true;
    }
    return false;
}

ptn_time ptn_discover_lookup_deadline(const struct ptn_discover_lookup *l)
{
    if (l->state != PTN_DISCOVER_LOOKUP_BUSY)
        return PTN_NEVER;
    return l->waiting & bit(SRV) ? ptn_time_min(l->srv_until, l->until) : l->until;
}
