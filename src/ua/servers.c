/*
 * ua/servers.c - SRV, then A and AAAA, and when to ask again.
 */
#include "ua/servers.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define RETRY_FIRST PTN_S(2)
#define RETRY_MAX PTN_S(60)
#define AGE_MIN PTN_S(60)
#define AGE_MAX PTN_S(3600)
#define DOUBT_EVERY PTN_S(30)

enum { STUN_PORT = 3478 };

void ptn_servers_init(struct ptn_servers *s, ptn_id id_first, unsigned types)
{
    *s = (struct ptn_servers){.id_first = id_first, .types = types};
}

static bool known(const struct ptn_server *server)
{
    return !ptn_addr_is_none(&server->v4) || !ptn_addr_is_none(&server->v6);
}

static void take_addr(struct ptn_server *server, const struct ptn_addr *addr)
{
    struct ptn_addr *to = addr->family == PTN_IPV6 ? &server->v6 : &server->v4;

    if (ptn_addr_is_none(to))
        *to = ptn_addr_with_port(*addr, server->found_port);
}

bool ptn_servers_add(struct ptn_servers *s, const char *name, uint16_t port)
{
    struct ptn_addr addr;

    if (s->count == PTN_SERVERS_MAX || strlen(name) >= PTN_SERVERS_NAME_MAX - sizeof "_stun._udp.")
        return false;
    struct ptn_server *server = &s->servers[s->count++];
    *server = (struct ptn_server){.port = port, .wait = RETRY_FIRST};
    snprintf(server->name, sizeof server->name, "%s", name);
    if (ptn_addr_parse(name, &addr)) {
        server->found_port = port ? port : addr.port ? addr.port : STUN_PORT;
        server->due = PTN_NEVER;
        take_addr(server, &addr);
    }
    return true;
}

static void ask(struct ptn_server *server, const char *prefix, const char *name, unsigned types)
{
    char asked[PTN_SERVERS_NAME_MAX];

    snprintf(asked, sizeof asked, "%s%.*s", prefix, (int)(sizeof asked - 1 - strlen(prefix)), name);
    memcpy(server->asked, asked, sizeof asked);
    server->want_types = types;
    server->due = PTN_NEVER;
}

void ptn_servers_tick(struct ptn_servers *s, ptn_time now)
{
    for (unsigned i = 0; i < s->count; i++) {
        struct ptn_server *server = &s->servers[i];
        if (now < server->due || server->asking)
            continue;
        server->found_port = server->port ? server->port : STUN_PORT;
        if (server->port == 0)
            ask(server, "_stun._udp.", server->name, PTN_DNS_SRV);
        else
            ask(server, "", server->name, s->types);
    }
}

bool ptn_servers_output(struct ptn_servers *s, ptn_time now, struct ptn_ask *out)
{
    (void)now;
    for (unsigned i = 0; i < s->count; i++) {
        struct ptn_server *server = &s->servers[i];
        if (server->want_types == 0)
            continue;
        *out = (struct ptn_ask){.kind = PTN_ASK_RESOLVE,
                                .id = s->id_first + i,
                                .name = server->asked,
                                .types = server->want_types};
        server->want_types = 0;
        server->asking = true;
        return true;
    }
    return false;
}

static void fail(struct ptn_server *server, ptn_time now, enum ptn_err why)
{
    server->why = why;
    server->due = ptn_time_add(now, server->wait);
    server->wait = ptn_time_min(2 * server->wait, RETRY_MAX);
}

static bool is_usable(const struct ptn_dns_record *r)
{
    return r->type == PTN_DNS_SRV && r->target && r->target[0] && r->port &&
           strlen(r->target) < PTN_SERVERS_NAME_MAX;
}

/* By priority; among equals the heaviest first, for two or three servers asked in parallel are no
 * load to be spread. */
static bool comes_before(const struct ptn_dns_record *a, const struct ptn_dns_record *b)
{
    return a->priority != b->priority ? a->priority < b->priority
           : a->weight != b->weight   ? a->weight > b->weight
                                      : a < b;
}

/* The host whose turn it is; NULL: there is no such service. */
static const struct ptn_dns_record *choose_srv(struct ptn_server *server,
                                               const struct ptn_tell *tell)
{
    server->targets = 0;
    if (tell->record_count == 0)
        return NULL;
    const struct ptn_dns_record *end = tell->records + tell->record_count;
    for (const struct ptn_dns_record *r = tell->records; r < end; r++)
        server->targets += is_usable(r);
    for (const struct ptn_dns_record *r = tell->records; r < end; r++) {
        unsigned place = 0;
        for (const struct ptn_dns_record *o = tell->records; o < end; o++)
            place += is_usable(o) && comes_before(o, r);
        if (is_usable(r) && place == server->turn % server->targets)
            return r;
    }
    return NULL;
}

static bool take_addrs(struct ptn_server *server, ptn_time now, const struct ptn_tell *tell)
{
    struct ptn_server before = *server;
    ptn_time age = AGE_MAX;

    server->v4 = server->v6 = (struct ptn_addr){0};
    for (size_t i = 0; i < tell->record_count; i++) {
        const struct ptn_dns_record *r = &tell->records[i];
        if (r->type != PTN_DNS_A && r->type != PTN_DNS_AAAA)
            continue;
        take_addr(server, &r->addr);
        age = ptn_time_min(age, PTN_S(r->ttl_s));
    }
    if (!known(server)) {
        /* What was known once serves better than nothing. */
        server->v4 = before.v4;
        server->v6 = before.v6;
        fail(server, now, tell->why ? tell->why : PTN_ERR_NO_ADDRESS);
        return false;
    }
    server->why = PTN_OK;
    server->wait = RETRY_FIRST;
    server->found_at = now;
    server->doubted = false;
    server->due = ptn_time_add(now, ptn_time_max(age, AGE_MIN));
    return !ptn_addr_equal(&before.v4, &server->v4) || !ptn_addr_equal(&before.v6, &server->v6);
}

bool ptn_servers_own(const struct ptn_servers *s, ptn_id id)
{
    return id >= s->id_first && id - s->id_first < s->count;
}

bool ptn_servers_input(struct ptn_servers *s, ptn_time now, const struct ptn_tell *tell)
{
    assert(ptn_servers_own(s, tell->id));

    struct ptn_server *server = &s->servers[tell->id - s->id_first];
    bool was_srv = strncmp(server->asked, "_stun._udp.", 11) == 0;
    bool resolved = tell->kind == PTN_TELL_RESOLVED;

    if (!server->asking)
        return false;
    server->asking = false;
    if (was_srv) {
        const struct ptn_dns_record *srv = resolved ? choose_srv(server, tell) : NULL;
        server->found_port = srv ? srv->port : STUN_PORT;
        ask(server, "", srv ? srv->target : server->name, s->types);
        return false;
    }
    if (!resolved) {
        fail(server, now, tell->why);
        return false;
    }
    return take_addrs(server, now, tell);
}

/* A name server may have lied, and for a long time; and of a service there may be another host. */
void ptn_servers_doubt(struct ptn_servers *s, ptn_time now)
{
    for (unsigned i = 0; i < s->count; i++) {
        struct ptn_server *server = &s->servers[i];
        if (server->due == PTN_NEVER || !known(server) || server->doubted)
            continue;
        bool round = server->targets == 0 || ++server->turn % server->targets == 0;
        ptn_time due = round ? ptn_time_max(now, server->found_at + DOUBT_EVERY) : now;
        server->due = ptn_time_min(server->due, due);
        server->doubted = true;
    }
}

ptn_time ptn_servers_deadline(const struct ptn_servers *s)
{
    ptn_time deadline = PTN_NEVER;

    for (unsigned i = 0; i < s->count; i++)
        if (!s->servers[i].asking)
            deadline = ptn_time_min(deadline, s->servers[i].due);
    return deadline;
}

void ptn_servers_list(const struct ptn_servers *s, struct ptn_anchor_servers *out)
{
    *out = (struct ptn_anchor_servers){0};
    for (unsigned i = 0; i < s->count; i++) {
        if (!ptn_addr_is_none(&s->servers[i].v4))
            out->addrs[out->count++] = s->servers[i].v4;
        if (!ptn_addr_is_none(&s->servers[i].v6))
            out->addrs[out->count++] = s->servers[i].v6;
    }
}

bool ptn_servers_pending(const struct ptn_servers *s)
{
    for (unsigned i = 0; i < s->count; i++)
        if (!known(&s->servers[i]) && s->servers[i].wait == RETRY_FIRST)
            return true;
    return false;
}
