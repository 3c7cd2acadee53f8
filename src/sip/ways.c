/*
 * sip/ways.c - an account's servers and proxies: which of them its requests take now.
 *
 *     server 1 by proxy 1, server 1 by proxy 2, server 2 by proxy 1, server 2 by proxy 2
 *
 * The first way that works is used; which have failed, and until when they are left alone, is
 * known to failures.c, by the rule of the server they lead to. When none works they take turns.
 * What a way says in its URIs is its server's, so a request that changes ways is made anew.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sip/agent.h"

enum { URI_MAX = 1024 };

/* So long the owner may take to say from where an account speaks to another server. */
#define PATH_PATIENCE PTN_MS(200)

/* ---- what a way is made of ---- */

static struct ptn_sip_target target_of(const struct ptn_sip_host *h)
{
    struct ptn_sip_target t = {.port = h->port, .transport = h->transport ? h->transport : PTN_UDP};
    struct ptn_addr addr;

    snprintf(t.host, sizeof t.host, "%s", h->name ? h->name : "");
    t.any = h->by_naptr && h->port == 0 && !ptn_addr_parse(t.host, &addr);
    return t;
}

/* IPv6 addresses stand in brackets within a URI. */
static void print_host(const struct ptn_sip_target *t, bool with_port, char *buf, size_t size)
{
    bool v6 = strchr(t->host, ':') && t->host[0] != '[';
    int used = snprintf(buf, size, v6 ? "[%s]" : "%s", t->host);

    if (with_port && t->port && used > 0 && (size_t)used < size)
        snprintf(buf + used, size - (size_t)used, ":%u", t->port);
}

const char *ptn_sip_transport_parameter(enum ptn_transport transport)
{
    return transport == PTN_TCP ? ";transport=tcp" : transport == PTN_TLS ? ";transport=tls" : "";
}

static bool set_uris(const struct ptn_sip_acct *a, struct ptn_sip_way *w,
                     const struct ptn_sip_account *o, bool by_proxy)
{
    char host[PTN_SIP_HOST_MAX + 16], aor[URI_MAX] = "", text[URI_MAX] = "";
    struct ptn_writer out = ptn_writer(aor, sizeof aor - 1);

    print_host(&w->server, false, host, sizeof host);
    if (!ptn_sip_replace(&w->domain, ptn_pl(o->domain ? o->domain : host)))
        return false;
    if (o->display_name && o->display_name[0]) {
        ptn_sip_print_quoted(&out, o->display_name);
        ptn_write_u8(&out, ' ');
    }
    ptn_sip_printf(&out, "<sip:%s@%s>", a->user, w->domain);
    *out.at = '\0';
    /* The registrar of a domain is asked by the domain's name, one given as host by that. */
    print_host(&w->server, true, host, sizeof host);
    snprintf(text, sizeof text, "sip:%s%s", o->domain ? o->domain : host,
             ptn_sip_transport_parameter(w->server.transport));
    if (out.bad || !ptn_sip_replace(&w->aor, ptn_pl(aor)) ||
        !ptn_sip_replace(&w->registrar, ptn_pl(text)))
        return false;
    text[0] = '\0';
    if (by_proxy) {
        print_host(w->hop, true, host, sizeof host);
        snprintf(text, sizeof text, "<sip:%s;lr%s>", host,
                 ptn_sip_transport_parameter(w->hop->transport));
    }
    return ptn_sip_replace(&w->route, ptn_pl(text));
}

/* What counts is how the host is used that would have to answer: a proxy has no rules of its own.
 */
static bool add_way(struct ptn_sip_acct *a, const struct ptn_sip_account *o,
                    const struct ptn_sip_host *server, const struct ptn_sip_host *proxy)
{
    struct ptn_sip_way *w = &a->ways[a->way_count++];

    w->server = target_of(server);
    w->hop = &w->server;
    if (proxy->name) {
        if (!(w->proxy = malloc(sizeof *w->proxy)))
            return false;
        *w->proxy = target_of(proxy);
        w->hop = w->proxy;
    }
    w->rule = (struct ptn_sip_rule){server->failback, server->failback_after, 0};
    if (w->rule.mode == PTN_SIP_FAILBACK_REFRESH && !o->registers)
        w->rule.mode = PTN_SIP_FAILBACK_SOON;
    w->sends_max = server->sends_max ? server->sends_max : PTN_SIP_SENDS;
    w->expires_s = server->expires_s ? server->expires_s : o->expires_s ? o->expires_s : 3600;
    w->register_first = server->register_first && o->registers;
    return set_uris(a, w, o, proxy->name != NULL);
}

static void take_way(struct ptn_sip_acct *a, unsigned i)
{
    struct ptn_sip_way *w = &a->ways[i];

    a->way = i;
    a->server = &w->server;
    a->hop = w->hop;
    a->rule = w->rule;
    a->domain = w->domain;
    a->aor = w->aor;
    a->registrar = w->registrar;
    a->route = w->route;
    a->reg.expires_s = w->expires_s;
}

bool ptn_sip_ways_init(struct ptn_sip_acct *a, const struct ptn_sip_account *o)
{
    const struct ptn_sip_host *servers[] = {&o->server, &o->server_2};
    const struct ptn_sip_host *proxies[] = {&o->proxy, &o->proxy_2};
    unsigned ways_max = (o->server_2.name ? 2 : 1) * (o->proxy_2.name ? 2 : 1);

    a->ways = calloc(ways_max, sizeof *a->ways);
    if (!a->ways)
        return false;
    for (unsigned s = 0; s < 2; s++)
        for (unsigned p = 0; p < 2; p++) {
            bool needed = s == 0 && p == 0;
            bool there = (s == 0 || servers[s]->name) && (p == 0 || proxies[p]->name);
            if ((needed || there) && !add_way(a, o, servers[s], proxies[p]))
                return false;
        }
    take_way(a, 0);
    a->has_hop = a->hop->host[0] != '\0';
    a->hop_transport = a->hop->transport;
    return true;
}

void ptn_sip_ways_fini(struct ptn_sip_acct *a)
{
    for (unsigned i = 0; i < a->way_count; i++) {
        free(a->ways[i].proxy);
        free(a->ways[i].domain);
        free(a->ways[i].aor);
        free(a->ways[i].registrar);
        free(a->ways[i].route);
    }
    free(a->ways);
}

/* ---- which one ---- */

static void tell_server(struct ptn_sip *s, const struct ptn_sip_acct *a)
{
    ptn_sip_tell(s, &(struct ptn_sip_event){.kind = PTN_SIP_SERVER,
                                            .account = a->id,
                                            .addr = a->hop_addr,
                                            .transport = a->hop_transport,
                                            .server = a->instead_of,
                                            .fault = a->fault,
                                            .name = a->server->host,
                                            .why = a->hop_why});
}

/* Does the owner have to choose another socket now? What he said of this one would be a lie. */
static bool needs_other_path(struct ptn_sip *s, const struct ptn_sip_acct *a)
{
    const struct ptn_sip_socket *k = ptn_sip_find_socket(s, a->path.socket);

    return k && (k->transport != a->hop_transport || k->local.family != a->hop_addr.family);
}

/* Its requests go elsewhere now: nobody can call us there who knows nothing of us. */
static void follow(struct ptn_sip *s, ptn_time now, struct ptn_sip_acct *a, bool hopeful)
{
    struct ptn_sip_reg *r = &a->reg;

    ptn_sip_outbound_forget(a);
    tell_server(s, a);
    if (!r->wanted || r->resting || r->leaving)
        return;
    /* Where none is any good, waiting is all there is. */
    if (r->state == PTN_SIP_REG_BOUND && needs_other_path(s, a))
        r->next = ptn_time_min(r->next, now + PATH_PATIENCE);
    else if (r->state == PTN_SIP_REG_BOUND || (r->state == PTN_SIP_REG_BACKOFF && hopeful))
        ptn_sip_reg_go(s, now, a);
    else if (r->state == PTN_SIP_REG_TRYING && r->way != a->way && hopeful)
        r->again = true;
}

/* What we are called by a neighbour is nothing for a server outside: until the owner, who hears of
 * the change next, has said another contact. */
static void veil(struct ptn_sip_acct *a, const struct ptn_addr *from, const struct ptn_addr *to)
{
    if (ptn_addr_kind(from) != PTN_ADDR_PUBLIC && ptn_addr_kind(to) == PTN_ADDR_PUBLIC &&
        ptn_addr_kind(&a->path.contact) != PTN_ADDR_PUBLIC)
        a->path.veiled = a->registers;
}

struct choice {
    unsigned way;
    struct ptn_sip_dest dest;
    struct ptn_addr instead_of;
    bool good, known, pending;
    ptn_time failed_at, until;
    enum ptn_err why; /* no place is known, or those known are not fresh, or not all */
    enum ptn_err fault;
};

static struct ptn_sip_rule rule_of(const struct ptn_sip_acct *a, unsigned way)
{
    struct ptn_sip_rule rule = a->ways[way].rule;

    rule.since = a->refreshed_at;
    return rule;
}

static void consider(struct ptn_sip *s, ptn_time now, const struct ptn_sip_acct *a, unsigned way,
                     struct choice *c)
{
    struct ptn_sip_rule rule = rule_of(a, way);
    struct ptn_sip_places places;
    enum ptn_sip_lookup known = ptn_sip_look_up(s, now, a->ways[way].hop, &rule, &places);

    c->until = ptn_time_min(c->until, places.until);
    c->pending |= known == PTN_SIP_PENDING;
    if (known == PTN_SIP_UNKNOWN && !c->known && !c->why)
        c->why = places.why;
    if (known != PTN_SIP_KNOWN)
        return;
    if (ptn_addr_is_none(&c->instead_of) && places.good < places.dests.count) {
        const struct ptn_sip_dest *failed = &places.dests.list[places.good];
        c->instead_of = failed->addr;
        c->fault = ptn_sip_dest_failure(s, failed)->why;
    }
    if (places.good > 0 || !c->known || places.failed_at < c->failed_at) {
        c->way = way;
        c->dest = places.dests.list[0];
        c->good = places.good > 0;
        c->failed_at = places.failed_at;
        c->why = places.why;
    }
    c->known = true;
}

void ptn_sip_account_look_up(struct ptn_sip *s, ptn_time now, struct ptn_sip_acct *a)
{
    struct choice c = {.until = PTN_NEVER};
    struct ptn_sip_dest old = {a->hop_transport, a->hop_addr};
    bool begun = !ptn_addr_is_none(&a->hop_addr);

    /* A name that is being looked up for the first time is waited for, unless we are served. */
    for (unsigned i = 0; i < a->way_count && !c.good && (begun || !c.pending); i++)
        consider(s, now, a, i, &c);
    a->hop_until = c.until;
    if (c.pending && !begun)
        return;
    if (!c.known) {
        if (!c.pending && a->hop_why != c.why) {
            a->hop_why = c.why;
            tell_server(s, a);
        }
        return;
    }
    bool news = a->hop_why != c.why;
    a->hop_why = c.why;
    a->fault = c.fault;
    a->instead_of =
        ptn_addr_equal(&c.instead_of, &c.dest.addr) ? (struct ptn_addr){0} : c.instead_of;
    if (c.way == a->way && ptn_sip_same_dest(&c.dest, &old)) {
        if (news)
            tell_server(s, a);
        return;
    }
    if (c.way != a->way)
        take_way(a, c.way);
    if (begun)
        veil(a, &a->hop_addr, &c.dest.addr);
    a->hop_addr = c.dest.addr;
    a->hop_transport = c.dest.transport;
    follow(s, now, a, c.good);
}

/* ---- for those who send ---- */

bool ptn_sip_account_has_server(struct ptn_sip *s, const struct ptn_sip_acct *a,
                                const struct ptn_addr *addr)
{
    if (ptn_addr_same_ip(&a->hop_addr, addr))
        return true;
    for (unsigned i = 0; i < a->way_count; i++) {
        struct ptn_sip_dests dests = ptn_sip_names_peek(s, a->ways[i].hop);
        for (unsigned n = 0; n < dests.count; n++)
            if (ptn_addr_same_ip(&dests.list[n].addr, addr))
                return true;
    }
    return false;
}

static void append(struct ptn_sip_places *places, const struct ptn_sip_dest *dest)
{
    for (unsigned i = 0; i < places->dests.count; i++)
        if (ptn_sip_same_dest(&places->dests.list[i], dest))
            return;
    if (places->dests.count < PTN_SIP_DESTS_MAX)
        places->dests.list[places->dests.count++] = *dest;
}

void ptn_sip_account_add_others(struct ptn_sip *s, ptn_time now, const struct ptn_sip_acct *a,
                                struct ptn_sip_places *places)
{
    if (a->way_count == 1 || !ptn_sip_account_has_server(s, a, &places->dests.list[0].addr))
        return;
    for (unsigned i = 0; i < a->way_count; i++) {
        struct ptn_sip_dests dests = ptn_sip_names_peek(s, a->ways[i].hop);
        for (unsigned n = 0; n < dests.count; n++)
            append(places, &dests.list[n]);
    }
    ptn_sip_put_in_order(s, now, &a->rule, 0, places);
}

const char *ptn_sip_account_name_of(struct ptn_sip *s, const struct ptn_sip_acct *a,
                                    const struct ptn_sip_dest *dest)
{
    for (unsigned i = 0; i < a->way_count; i++) {
        struct ptn_sip_dests dests = ptn_sip_names_peek(s, a->ways[i].hop);
        for (unsigned n = 0; n < dests.count; n++)
            if (ptn_sip_same_dest(&dests.list[n], dest))
                return a->ways[i].hop->host;
    }
    return NULL;
}

bool ptn_sip_account_readdress(const struct ptn_sip_acct *a, struct ptn_sip_dialog *d,
                               const char *dialled)
{
    char uri[URI_MAX + 100], to[sizeof uri + 2];

    if (!ptn_sip_print_target(a, dialled, uri, sizeof uri))
        return false;
    snprintf(to, sizeof to, "<%s>", uri);
    return ptn_sip_dialog_readdress(d, a->aor, to, uri, ptn_sip_account_route(a));
}

bool ptn_sip_account_registers_first(const struct ptn_sip_acct *a)
{
    const struct ptn_sip_reg *r = &a->reg;

    return a->ways[a->way].register_first && r->state == PTN_SIP_REG_TRYING &&
           r->bound_way != a->way;
}
