/*
 * sip/search.c - one look-up of a name, from its NAPTR records to a list of addresses.
 *
 *     NAPTR           SRV of each service        A and AAAA of each host
 *   ---------> WAYS ---------------------> HOSTS -----------------------> done
 *     the transport        a port is known:   ^
 *     is known: SRV        straight to here --+
 *
 * Every step is a round of questions side by side, and there are three rounds at most, of so
 * many questions: what the name servers say can lead in no circle, and not far. Who was silent
 * about NAPTR is asked for the services and for the name itself at once, since he may be silent
 * again. RFC 3263 §4, RFC 2782.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sip/agent.h"

enum { STEPS_MAX = 8, STEP_ADDRS_MAX = 4, WAYS_MAX = 3, TTL_MAX_S = 86400 };
#define RANK 0x10000u /* of a service, before the priority of its records */

struct step {
    ptn_id query; /* 0: answered */
    bool is_host; /* asked for addresses, not for SRV */
    char name[PTN_SIP_HOST_MAX + 16];
    enum ptn_transport transport;
    uint16_t port;
    uint32_t level; /* equal ones may change places */
    uint16_t weight;
    struct ptn_addr addrs[STEP_ADDRS_MAX];
    unsigned addr_count;
};

enum round { ASKED_NAPTR, ASKED_SRV, ASKED_ADDRESSES, DONE };

struct ptn_sip_search {
    struct ptn_sip_target target;
    enum round state;
    struct step steps[STEPS_MAX], found[STEPS_MAX]; /* being asked; hosts that SRV has named */
    unsigned step_count, found_count;
    uint32_t ttl_s;
    enum ptn_err why; /* a question of this round failed so, or was about nothing */
    enum ptn_err
        missing; /* one for NAPTR or SRV failed so: what is found is not what it should be */
};

static const struct {
    enum ptn_transport transport;
    const char *service, *prefix; /* NAPTR's, and of the name that SRV is asked for */
} services[] = {
    {PTN_UDP, "SIP+D2U", "_sip._udp."},
    {PTN_TCP, "SIP+D2T", "_sip._tcp."},
    {PTN_TLS, "SIPS+D2T", "_sips._tcp."},
};
enum { SERVICES = sizeof services / sizeof services[0] };

uint16_t ptn_sip_default_port(enum ptn_transport transport)
{
    return transport == PTN_TLS ? 5061 : 5060;
}

static bool is_spoken(const struct ptn_sip *s, enum ptn_transport transport)
{
    return ptn_sip_has_family(s, transport, PTN_IPV4) || ptn_sip_has_family(s, transport, PTN_IPV6);
}

/* ---- questions ---- */

static void ask_step(struct ptn_sip *s, struct ptn_sip_search *h, struct step *step, unsigned types)
{
    step->query = ptn_sip_draw_id(s);
    if (step->query)
        ptn_sip_ask(
            s, &(struct ptn_ask){
                   .kind = PTN_ASK_RESOLVE, .id = step->query, .name = step->name, .types = types});
    else
        h->why = PTN_ERR_NO_ROOM;
}

static struct step *add_step(struct ptn_sip_search *h, enum ptn_transport transport,
                             const char *prefix, const char *name)
{
    struct step *step = &h->steps[h->step_count];

    if (h->step_count == STEPS_MAX)
        return NULL;
    *step = (struct step){.transport = transport};
    size_t before = strlen(prefix), size = strlen(name);
    if (before + size >= sizeof step->name)
        return NULL;
    memcpy(step->name, prefix, before);
    memcpy(step->name + before, name, size + 1);
    h->step_count++;
    return step;
}

static void add_host(struct ptn_sip_search *h, enum ptn_transport transport, uint16_t port,
                     uint32_t level, const char *name)
{
    struct step *step = strlen(name) < PTN_SIP_HOST_MAX ? add_step(h, transport, "", name) : NULL;

    if (step) {
        step->is_host = true;
        step->port = port ? port : ptn_sip_default_port(transport);
        step->level = level;
    }
}

static unsigned types_for(const struct ptn_sip *s, const struct step *step)
{
    bool v4 = ptn_sip_has_family(s, step->transport, PTN_IPV4);
    bool v6 = ptn_sip_has_family(s, step->transport, PTN_IPV6);

    /* Without any socket yet both are asked for: the socket may open while we wait. */
    return !step->is_host ? PTN_DNS_SRV
                          : (v4 || !v6 ? PTN_DNS_A : 0u) | (v6 || !v4 ? PTN_DNS_AAAA : 0u);
}

static void ask_round(struct ptn_sip *s, struct ptn_sip_search *h, enum round state)
{
    h->state = state;
    h->why = PTN_OK;
    for (unsigned i = 0; i < h->step_count; i++)
        ask_step(s, h, &h->steps[i], types_for(s, &h->steps[i]));
}

static void add_plain(struct ptn_sip_search *h)
{
    add_host(h, h->target.transport, h->target.port, 0, h->target.host);
}

/* What no record says: the name itself has the address (§4.2). */
static void ask_plain(struct ptn_sip *s, struct ptn_sip_search *h)
{
    h->step_count = 0;
    add_plain(h);
    ask_round(s, h, ASKED_ADDRESSES);
}

/* §4.1: without NAPTR, SRV is asked for what we speak. */
static void ask_usual_services(struct ptn_sip *s, struct ptn_sip_search *h)
{
    bool silent = h->why == PTN_ERR_NAMES_SILENT;

    h->step_count = 0;
    for (unsigned i = 0; i < SERVICES; i++) {
        bool wanted = h->target.any ? is_spoken(s, services[i].transport)
                                    : services[i].transport == h->target.transport;
        struct step *step =
            wanted ? add_step(h, services[i].transport, services[i].prefix, h->target.host) : NULL;
        if (step)
            step->level = i * RANK;
    }
    if (h->step_count == 0) {
        ask_plain(s, h);
        return;
    }
    if (silent)
        add_plain(h);
    ask_round(s, h, ASKED_SRV);
}

struct ptn_sip_search *ptn_sip_search_new(struct ptn_sip *s, const struct ptn_sip_target *target)
{
    struct ptn_sip_search *h = calloc(1, sizeof *h);

    if (!h)
        return NULL;
    h->target = *target;
    h->ttl_s = TTL_MAX_S;
    if (target->port) {
        ask_plain(s, h);
    } else if (target->any) {
        h->state = ASKED_NAPTR;
        ask_step(s, h, add_step(h, PTN_UDP, "", target->host), PTN_DNS_NAPTR);
    } else {
        ask_usual_services(s, h);
    }
    return h;
}

/* ---- answers ---- */

static void heed_ttl(struct ptn_sip_search *h, uint32_t ttl_s)
{
    if (ttl_s < h->ttl_s)
        h->ttl_s = ttl_s;
}

/* The transport that a NAPTR record leads to; false: none that we speak. */
static bool service_of(const struct ptn_sip *s, const struct ptn_dns_record *r,
                       enum ptn_transport *transport)
{
    for (unsigned i = 0; i < SERVICES; i++)
        if (r->service && strcasecmp(r->service, services[i].service) == 0) {
            *transport = services[i].transport;
            return is_spoken(s, *transport);
        }
    return false;
}

static const struct ptn_dns_record *next_naptr(const struct ptn_sip *s, const struct ptn_tell *tell,
                                               uint64_t after, uint64_t *rank)
{
    const struct ptn_dns_record *best = NULL;
    enum ptn_transport transport;

    for (size_t i = 0; i < tell->record_count && i < 0xffff; i++) {
        const struct ptn_dns_record *r = &tell->records[i];
        uint64_t here = (uint64_t)r->priority << 32 | (uint64_t)r->weight << 16 | (i + 1);
        if (r->type != PTN_DNS_NAPTR || here <= after || (best && here >= *rank) || !r->target ||
            !r->target[0] || !r->flags ||
            (strcasecmp(r->flags, "s") && strcasecmp(r->flags, "a")) ||
            !service_of(s, r, &transport))
            continue;
        best = r;
        *rank = here;
    }
    return best;
}

/* In the order of their order and preference; "s" leads to SRV, "a" to a host. */
static void take_naptr(struct ptn_sip *s, struct ptn_sip_search *h, const struct ptn_tell *tell)
{
    const struct ptn_dns_record *r;
    uint64_t rank = 0;
    unsigned place = 0;

    h->step_count = 0;
    while (place < WAYS_MAX && (r = next_naptr(s, tell, rank, &rank))) {
        enum ptn_transport transport;
        service_of(s, r, &transport);
        heed_ttl(h, r->ttl_s);
        if (strcasecmp(r->flags, "a") == 0) {
            struct step *host = h->found_count < STEPS_MAX && strlen(r->target) < PTN_SIP_HOST_MAX
                                    ? &h->found[h->found_count++]
                                    : NULL;
            if (host) {
                *host = (struct step){.is_host = true,
                                      .transport = transport,
                                      .port = ptn_sip_default_port(transport),
                                      .level = place * RANK};
                snprintf(host->name, sizeof host->name, "%s", r->target);
            }
        } else {
            struct step *step = add_step(h, transport, "", r->target);
            if (step)
                step->level = place * RANK;
        }
        place++;
    }
}

/* Room for a host at `level`: perhaps that of one which would be tried later. */
static struct step *room_at(struct ptn_sip_search *h, uint32_t level)
{
    struct step *last = &h->found[0];

    if (h->found_count < STEPS_MAX)
        return &h->found[h->found_count++];
    for (unsigned i = 1; i < STEPS_MAX; i++)
        if (h->found[i].level > last->level)
            last = &h->found[i];
    return level < last->level ? last : NULL;
}

static void take_srv(struct ptn_sip_search *h, const struct step *step, const struct ptn_tell *tell)
{
    for (size_t i = 0; i < tell->record_count; i++) {
        const struct ptn_dns_record *r = &tell->records[i];
        if (r->type != PTN_DNS_SRV || !r->target || !r->target[0] || r->port == 0 ||
            strlen(r->target) >= PTN_SIP_HOST_MAX)
            continue;
        heed_ttl(h, r->ttl_s);
        struct step *host = room_at(h, step->level + r->priority);
        if (!host)
            continue;
        *host = (struct step){.is_host = true,
                              .transport = step->transport,
                              .port = r->port,
                              .level = step->level + r->priority,
                              .weight = r->weight};
        snprintf(host->name, sizeof host->name, "%s", r->target);
    }
}

/* RFC 2782: of those at `level`, one by chance and weight; those without weight come first in the
 * sum, so that they have a chance at all. */
static unsigned draw(struct ptn_sip *s, const struct ptn_sip_search *h, uint32_t level)
{
    uint32_t sum = 0, run = 0;
    unsigned chosen = 0;

    for (unsigned i = 0; i < h->found_count; i++)
        if (h->found[i].level == level)
            sum += h->found[i].weight;
    uint32_t at = ptn_dice_below(&s->dice, sum + 1);
    for (unsigned pass = 0; pass < 2; pass++)
        for (unsigned i = 0; i < h->found_count; i++) {
            const struct step *host = &h->found[i];
            if (host->level != level || (host->weight != 0) != (pass != 0))
                continue;
            chosen = i;
            run += host->weight;
            if (run >= at)
                return chosen;
        }
    return chosen;
}

/* Hosts found become the steps of the last round, in the order in which they will be tried. */
static void ask_found(struct ptn_sip *s, struct ptn_sip_search *h)
{
    h->step_count = 0;
    while (h->found_count > 0) {
        uint32_t level = UINT32_MAX;
        for (unsigned i = 0; i < h->found_count; i++)
            if (h->found[i].level < level)
                level = h->found[i].level;
        unsigned at = draw(s, h, level);
        h->steps[h->step_count++] = h->found[at];
        h->found[at] = h->found[--h->found_count];
    }
    ask_round(s, h, ASKED_ADDRESSES);
}

/* Can a server be there at all? What only a name server that lies, or one of another network,
 * would say is not even tried. */
static bool is_usable(const struct ptn_sip *s, const struct step *step, const struct ptn_addr *addr)
{
    enum ptn_addr_kind kind = ptn_addr_kind(addr);
    bool any = false, alike = false;

    if (kind == PTN_ADDR_UNSPECIFIED || kind == PTN_ADDR_MULTICAST || kind == PTN_ADDR_RESERVED)
        return false;
    for (unsigned i = 0; i < PTN_SIP_SOCKETS_MAX; i++) {
        const struct ptn_sip_socket *k = &s->sockets[i];
        if (!k->id || k->transport != step->transport)
            continue;
        enum ptn_addr_kind own = ptn_addr_kind(&k->local);
        any = true;
        if (k->local.family != addr->family)
            continue;
        /* From a public address alone nobody reaches a private one. */
        alike |= kind == PTN_ADDR_PUBLIC     ? own != PTN_ADDR_LOOPBACK
                 : kind == PTN_ADDR_LOOPBACK ? own == PTN_ADDR_LOOPBACK
                                             : own != PTN_ADDR_PUBLIC && own != PTN_ADDR_LOOPBACK;
    }
    return alike || !any;
}

static void take_addresses(const struct ptn_sip *s, struct ptn_sip_search *h, struct step *step,
                           const struct ptn_tell *tell)
{
    for (size_t i = 0; i < tell->record_count; i++) {
        const struct ptn_dns_record *r = &tell->records[i];
        if ((r->type != PTN_DNS_A && r->type != PTN_DNS_AAAA) ||
            r->addr.family != (r->type == PTN_DNS_A ? PTN_IPV4 : PTN_IPV6))
            continue;
        if (!is_usable(s, step, &r->addr)) {
            h->why = PTN_ERR_NO_ADDRESS;
            continue;
        }
        heed_ttl(h, r->ttl_s);
        if (step->addr_count < STEP_ADDRS_MAX)
            step->addrs[step->addr_count++] = ptn_addr_with_port(r->addr, step->port);
    }
}

/* Has the name itself been asked for beside its services? */
static bool asked_plain(const struct ptn_sip_search *h)
{
    return h->steps[h->step_count - 1].is_host;
}

static bool all_answered(const struct ptn_sip_search *h)
{
    for (unsigned i = 0; i < h->step_count; i++)
        if (h->steps[i].query)
            return false;
    return true;
}

/* The round is over: the next one, if there is more to ask. */
static void go_on(struct ptn_sip *s, struct ptn_sip_search *h)
{
    switch (h->state) {
    case ASKED_NAPTR:
        if (h->step_count > 0)
            ask_round(s, h, ASKED_SRV);
        else if (h->found_count > 0)
            ask_found(s, h);
        else
            ask_usual_services(s, h);
        break;
    case ASKED_SRV:
        if (h->found_count > 0)
            ask_found(s, h);
        else if (asked_plain(h))
            h->state = DONE;
        else
            ask_plain(s, h);
        break;
    case ASKED_ADDRESSES:
    case DONE: h->state = DONE; break;
    }
}

bool ptn_sip_search_input(struct ptn_sip *s, struct ptn_sip_search *h, const struct ptn_tell *tell)
{
    static const struct ptn_tell nothing;
    unsigned i = 0;

    while (i < h->step_count && (h->steps[i].query == 0 || h->steps[i].query != tell->id))
        i++;
    if (i == h->step_count)
        return false;
    struct step *step = &h->steps[i];
    step->query = 0;
    /* That there is no such service says nothing of the name. */
    bool counts = tell->why != PTN_ERR_NO_SUCH_NAME || step->is_host;
    if (counts && ptn_err_is_answer(h->why))
        h->why = tell->why;
    if (tell->kind == PTN_TELL_FAILED) {
        if (!step->is_host)
            h->missing = tell->why;
        tell = &nothing;
    }
    if (h->state == ASKED_NAPTR)
        take_naptr(s, h, tell);
    else if (step->is_host)
        take_addresses(s, h, step, tell);
    else
        take_srv(h, step, tell);
    /* A question that could not even be put has been answered, too. */
    while (h->state != DONE && all_answered(h))
        go_on(s, h);
    return true;
}

bool ptn_sip_search_asks(const struct ptn_sip_search *h, ptn_id query)
{
    for (unsigned i = 0; i < h->step_count; i++)
        if (h->steps[i].query == query)
            return true;
    return false;
}

bool ptn_sip_search_done(const struct ptn_sip_search *h)
{
    return h->state == DONE || all_answered(h);
}

static bool has(const struct ptn_sip_dests *dests, const struct ptn_sip_dest *dest)
{
    for (unsigned i = 0; i < dests->count; i++)
        if (ptn_sip_same_dest(&dests->list[i], dest))
            return true;
    return false;
}

static void add_dest(struct ptn_sip_result *out, const struct step *step, unsigned n)
{
    struct ptn_sip_dest dest = {step->transport, step->addrs[n]};

    if (out->dests.count == PTN_SIP_DESTS_MAX || has(&out->dests, &dest))
        return;
    out->levels[out->dests.count] = step->level;
    out->dests.list[out->dests.count++] = dest;
}

void ptn_sip_search_result(const struct ptn_sip_search *h, struct ptn_sip_result *out)
{
    *out = (struct ptn_sip_result){.ttl_s = h->ttl_s, .why = h->missing};
    for (unsigned i = 0; h->state == DONE && i < h->step_count; i++)
        for (unsigned n = 0; n < h->steps[i].addr_count; n++)
            add_dest(out, &h->steps[i], n);
    if (out->dests.count == 0)
        out->why = h->why ? h->why : PTN_ERR_NO_ADDRESS;
}
