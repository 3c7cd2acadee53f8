/*
 * sip/names.c - from a host in a URI to an address: RFC 3263, as far as A, AAAA and SRV go.
 *
 * Answers and failures are kept for as long as they are good, so a request asks again and
 * again and waits where the answer is still on its way.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "sip/agent.h"

/* A name that could not be resolved is asked for again after this; an answer is kept at least
 * as long, or a lifetime of 0 would ask for every message. */
#define NAME_KEPT_MIN PTN_S(5)
enum { NAME_TTL_MAX_S = 86400 };

static uint16_t default_port(enum ptn_transport transport)
{
    return transport == PTN_TLS ? 5061 : 5060;
}

bool ptn_sip_target_of_uri(struct pl text, struct ptn_sip_target *out)
{
    struct uri uri;
    struct pl transport;

    *out = (struct ptn_sip_target){.transport = PTN_UDP};
    if (uri_decode(&uri, &text) || uri.host.l == 0 ||
        pl_strcpy(&uri.host, out->host, sizeof out->host))
        return false;
    bool sips = pl_strcasecmp(&uri.scheme, "sips") == 0;
    if (!sips && pl_strcasecmp(&uri.scheme, "sip") != 0)
        return false;
    out->port = uri.port;
    if (sips)
        out->transport = PTN_TLS;
    else if (msg_param_decode(&uri.params, "transport", &transport) == 0) {
        if (pl_strcasecmp(&transport, "tcp") == 0)
            out->transport = PTN_TCP;
        else if (pl_strcasecmp(&transport, "tls") == 0)
            out->transport = PTN_TLS;
        else if (pl_strcasecmp(&transport, "udp") != 0)
            return false;
    }
    return true;
}

static bool same_target(const struct ptn_sip_target *a, const struct ptn_sip_target *b)
{
    return a->port == b->port && a->transport == b->transport && strcasecmp(a->host, b->host) == 0;
}

static void ask(struct ptn_sip *s, struct ptn_sip_name *n, const char *name, unsigned types)
{
    n->query = ptn_sip_draw_id(s);
    if (n->query)
        ptn_sip_ask(s, &(struct ptn_ask){
                           .kind = PTN_ASK_RESOLVE, .id = n->query, .name = name, .types = types});
}

/* An address once known outlives name servers that fail (RFC 8767's idea). */
static void done(struct ptn_sip_name *n, ptn_time now, enum ptn_err why)
{
    n->state = PTN_SIP_NAME_DONE;
    n->query = 0;
    n->why = ptn_addr_is_none(&n->addr) ? why : PTN_OK;
    n->expires = now + ptn_time_max(NAME_KEPT_MIN, why ? 0 : PTN_S(n->ttl_s));
}

static void ask_addresses(struct ptn_sip *s, ptn_time now, struct ptn_sip_name *n, const char *host,
                          uint16_t port)
{
    bool v4 = ptn_sip_has_family(s, n->target.transport, PTN_IPV4);
    bool v6 = ptn_sip_has_family(s, n->target.transport, PTN_IPV6);

    n->state = PTN_SIP_ASKED_ADDR;
    n->port = port;
    /* Without any socket yet both are asked for: the socket may open while we wait. */
    ask(s, n, host, (v4 || !v6 ? PTN_DNS_A : 0u) | (v6 || !v4 ? PTN_DNS_AAAA : 0u));
    if (!n->query)
        done(n, now, PTN_ERR_NO_ROOM);
}

static void start(struct ptn_sip *s, ptn_time now, struct ptn_sip_name *n,
                  const struct ptn_sip_target *target)
{
    static const char *const services[] = {
        [PTN_UDP] = "_sip._udp.", [PTN_TCP] = "_sip._tcp.", [PTN_TLS] = "_sips._tcp."};
    char name[PTN_SIP_HOST_MAX + 16];

    struct ptn_addr known = same_target(&n->target, target) ? n->addr : (struct ptn_addr){0};
    *n = (struct ptn_sip_name){.target = *target, .ttl_s = NAME_TTL_MAX_S, .addr = known};
    if (target->port) {
        ask_addresses(s, now, n, target->host, target->port);
        return;
    }
    n->state = PTN_SIP_ASKED_SRV;
    snprintf(name, sizeof name, "%s%s", services[target->transport], target->host);
    ask(s, n, name, PTN_DNS_SRV);
    if (!n->query)
        done(n, now, PTN_ERR_NO_ROOM);
}

/* A free place, else the answer that expires first; NULL while all are being asked for. */
static struct ptn_sip_name *place(struct ptn_sip *s)
{
    struct ptn_sip_name *oldest = NULL;

    for (unsigned i = 0; i < PTN_SIP_NAMES_MAX; i++) {
        struct ptn_sip_name *n = &s->names[i];
        if (n->target.host[0] == '\0')
            return n;
        if (n->state == PTN_SIP_NAME_DONE && (!oldest || n->expires < oldest->expires))
            oldest = n;
    }
    return oldest;
}

static struct ptn_sip_name *find(struct ptn_sip *s, const struct ptn_sip_target *target)
{
    for (unsigned i = 0; i < PTN_SIP_NAMES_MAX; i++)
        if (s->names[i].target.host[0] && same_target(&s->names[i].target, target))
            return &s->names[i];
    return NULL;
}

enum ptn_sip_lookup ptn_sip_look_up(struct ptn_sip *s, ptn_time now,
                                    const struct ptn_sip_target *target, struct ptn_addr *addr,
                                    ptn_time *expires, enum ptn_err *why)
{
    *expires = PTN_NEVER;
    *why = PTN_OK;
    if (ptn_addr_parse(target->host, addr)) {
        addr->port = target->port ? target->port : default_port(target->transport);
        return PTN_SIP_KNOWN;
    }
    struct ptn_sip_name *n = find(s, target);
    if (!n || (n->state == PTN_SIP_NAME_DONE && n->expires <= now)) {
        if (!n && !(n = place(s))) {
            *why = PTN_ERR_NO_ROOM;
            return PTN_SIP_UNKNOWN;
        }
        start(s, now, n, target);
    }
    *addr = n->addr;
    if (n->state != PTN_SIP_NAME_DONE)
        return ptn_addr_is_none(addr) ? PTN_SIP_PENDING : PTN_SIP_KNOWN;
    *why = n->why;
    *expires = n->expires;
    return n->why ? PTN_SIP_UNKNOWN : PTN_SIP_KNOWN;
}

void ptn_sip_doubt_name(struct ptn_sip *s, ptn_time now, const struct ptn_sip_target *target)
{
    struct ptn_sip_name *n = find(s, target);

    if (n && n->state == PTN_SIP_NAME_DONE)
        n->expires = now;
}

/* RFC 2782: lowest priority first; within it by weight. */
static const struct ptn_dns_record *choose_srv(struct ptn_sip *s, const struct ptn_tell *tell)
{
    const struct ptn_dns_record *chosen = NULL;
    uint32_t weights = 0;

    for (size_t i = 0; i < tell->record_count; i++) {
        const struct ptn_dns_record *r = &tell->records[i];
        if (r->type != PTN_DNS_SRV || !r->target || !r->target[0] || r->port == 0)
            continue;
        if (chosen && r->priority > chosen->priority)
            continue;
        if (!chosen || r->priority < chosen->priority)
            chosen = NULL, weights = 0;
        /* Kept with a chance of weight to all weights so far; +1 lets weight 0 be chosen. */
        weights += r->weight + 1u;
        if (!chosen || ptn_dice_below(&s->dice, weights) < r->weight + 1u)
            chosen = r;
    }
    return chosen;
}

static void take_srv(struct ptn_sip *s, ptn_time now, struct ptn_sip_name *n,
                     const struct ptn_tell *tell)
{
    const struct ptn_dns_record *srv = tell->kind == PTN_TELL_RESOLVED ? choose_srv(s, tell) : NULL;

    /* No SRV, or no answer about it: the name itself may still have an address (§4.2). */
    if (!srv || strlen(srv->target) >= PTN_SIP_HOST_MAX) {
        ask_addresses(s, now, n, n->target.host, default_port(n->target.transport));
        return;
    }
    if (srv->ttl_s < n->ttl_s)
        n->ttl_s = srv->ttl_s;
    ask_addresses(s, now, n, srv->target, srv->port);
}

static void take_addresses(struct ptn_sip *s, ptn_time now, struct ptn_sip_name *n,
                           const struct ptn_tell *tell)
{
    const struct ptn_dns_record *best = NULL;

    for (size_t i = 0; tell->kind == PTN_TELL_RESOLVED && i < tell->record_count; i++) {
        const struct ptn_dns_record *r = &tell->records[i];
        bool usable = ptn_sip_has_family(s, n->target.transport, r->addr.family);
        if ((r->type == PTN_DNS_A || r->type == PTN_DNS_AAAA) && (usable || !best) &&
            (!best || !ptn_sip_has_family(s, n->target.transport, best->addr.family)))
            best = r;
    }
    if (!best) {
        done(n, now, tell->kind == PTN_TELL_FAILED ? tell->why : PTN_ERR_NOT_FOUND);
        return;
    }
    n->addr = ptn_addr_with_port(best->addr, n->port);
    if (best->ttl_s < n->ttl_s)
        n->ttl_s = best->ttl_s;
    done(n, now, PTN_OK);
}

bool ptn_sip_names_input(struct ptn_sip *s, ptn_time now, const struct ptn_tell *tell)
{
    if (tell->kind != PTN_TELL_RESOLVED && tell->kind != PTN_TELL_FAILED)
        return false;
    for (unsigned i = 0; i < PTN_SIP_NAMES_MAX; i++) {
        struct ptn_sip_name *n = &s->names[i];
        if (n->query == 0 || n->query != tell->id)
            continue;
        if (n->state == PTN_SIP_ASKED_SRV)
            take_srv(s, now, n, tell);
        else
            take_addresses(s, now, n, tell);
        return true;
    }
    return false;
}
