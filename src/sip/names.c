/*
 * sip/names.c - from a host in a URI or a setting to the places it means, best first: RFC 3263.
 *
 * Answers and failures are kept for as long as they are good, so a request asks again and
 * again and waits where the answer is still on its way. What was known once goes on being
 * used while the name servers are silent or deny it (RFC 8767's idea), and a place that has
 * answered stays the last resort when they suddenly name others, for they may be lying.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sip/agent.h"

/* A name that could not be resolved is asked for again after this; an answer is kept at least
 * as long, or a lifetime of 0 would ask for every message. */
#define NAME_KEPT_MIN PTN_S(5)

/* Of one whose services could not be asked for, what was found instead is good for so long. */
#define MAKESHIFT_KEPT_MAX PTN_S(60)

/* For so long a place that has answered is remembered when its name no longer leads to it. */
#define PROVEN_KEPT PTN_S(86400)

static bool names_host(struct pl host)
{
    char text[PTN_SIP_HOST_MAX];
    struct ptn_addr addr;

    return pl_strcpy(&host, text, sizeof text) == 0 && !ptn_addr_parse(text, &addr);
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
    } else {
        out->any = uri.port == 0 && names_host(uri.host);
    }
    return true;
}

static bool same_target(const struct ptn_sip_target *a, const struct ptn_sip_target *b)
{
    return a->port == b->port && a->transport == b->transport && a->any == b->any &&
           strcasecmp(a->host, b->host) == 0;
}

/* ---- answers, kept ---- */

/* Who is used stays in use as long as the name servers think as much of him as of the others:
 * else each answer of theirs would move a registration. */
static void keep_first(const struct ptn_sip_name *n, struct ptn_sip_result *r)
{
    for (unsigned i = 1; n->dests.count > 0 && i < r->dests.count; i++) {
        struct ptn_sip_dest dest = r->dests.list[i];
        if (r->levels[i] != r->levels[0] || !ptn_sip_same_dest(&dest, &n->dests.list[0]))
            continue;
        memmove(&r->dests.list[1], &r->dests.list[0], i * sizeof dest);
        r->dests.list[0] = dest;
        return;
    }
}

static void add_proven(const struct ptn_sip_name *n, ptn_time now, struct ptn_sip_dests *dests)
{
    if (n->proven_at == 0 || now > n->proven_at + PROVEN_KEPT || dests->count == PTN_SIP_DESTS_MAX)
        return;
    for (unsigned i = 0; i < dests->count; i++)
        if (ptn_sip_same_dest(&dests->list[i], &n->proven))
            return;
    dests->list[dests->count++] = n->proven;
}

static void finish(struct ptn_sip_name *n, ptn_time now)
{
    struct ptn_sip_result result;
    ptn_time kept = NAME_KEPT_MIN;

    ptn_sip_search_result(n->search, &result);
    free(n->search);
    n->search = NULL;
    n->done = true;
    if (result.dests.count > 0) {
        keep_first(n, &result);
        add_proven(n, now, &result.dests);
        n->dests = result.dests;
        n->answered_at = now;
        kept = ptn_time_max(kept, PTN_S(result.ttl_s));
        if (result.why)
            kept = ptn_time_min(kept, MAKESHIFT_KEPT_MAX);
    }
    n->why = result.why;
    n->expires = now + kept;
}

static void start(struct ptn_sip *s, ptn_time now, struct ptn_sip_name *n)
{
    n->search = ptn_sip_search_new(s, &n->target);
    if (!n->search) {
        n->done = true;
        n->why = PTN_ERR_NO_MEMORY;
        n->expires = now + NAME_KEPT_MIN;
    } else if (ptn_sip_search_done(n->search)) {
        finish(n, now);
    }
}

/* A free place, else the answer that expires first; NULL while all are being asked for. */
static struct ptn_sip_name *place(struct ptn_sip *s)
{
    struct ptn_sip_name *oldest = NULL;

    for (unsigned i = 0; i < PTN_SIP_NAMES_MAX; i++) {
        struct ptn_sip_name *n = &s->names[i];
        if (n->target.host[0] == '\0')
            return n;
        if (!n->search && (!oldest || n->expires < oldest->expires))
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

/* The name's place, asked for where that is due; NULL: no room. */
static struct ptn_sip_name *ask_for(struct ptn_sip *s, ptn_time now,
                                    const struct ptn_sip_target *target)
{
    struct ptn_sip_name *n = find(s, target);

    if (!n && (n = place(s)))
        *n = (struct ptn_sip_name){.target = *target};
    if (n && !n->search && (!n->done || n->expires <= now))
        start(s, now, n);
    return n;
}

/* ---- which first ---- */

/* Those that have failed come last, and of them first whose failure is longest ago. */
void ptn_sip_put_in_order(struct ptn_sip *s, ptn_time now, const struct ptn_sip_rule *rule,
                          ptn_time answered_at, struct ptn_sip_places *p)
{
    struct ptn_sip_dest sorted[PTN_SIP_DESTS_MAX];
    ptn_time failed_at[PTN_SIP_DESTS_MAX];
    unsigned good = 0, bad = 0;

    for (unsigned i = 0; i < p->dests.count; i++) {
        struct ptn_sip_dest dest = p->dests.list[i];
        ptn_time until = ptn_sip_dest_shunned_until(s, now, &dest, rule, answered_at);
        if (until == 0) {
            p->dests.list[good++] = dest;
            continue;
        }
        ptn_time at = ptn_sip_dest_failure(s, &dest)->at;
        unsigned place = bad++;
        for (; place > 0 && failed_at[place - 1] > at; place--) {
            sorted[place] = sorted[place - 1];
            failed_at[place] = failed_at[place - 1];
        }
        sorted[place] = dest;
        failed_at[place] = at;
        p->until = ptn_time_min(p->until, until);
    }
    p->good = good;
    p->failed_at = good == 0 && bad > 0 ? failed_at[0] : 0;
    if (bad > 0)
        memcpy(&p->dests.list[good], sorted, bad * sizeof *sorted);
}

static bool read_literal(const struct ptn_sip_target *target, struct ptn_sip_dests *out)
{
    struct ptn_addr addr;

    if (!ptn_addr_parse(target->host, &addr))
        return false;
    addr.port = target->port ? target->port : ptn_sip_default_port(target->transport);
    *out = (struct ptn_sip_dests){1, {{target->transport, addr}}};
    return true;
}

struct ptn_sip_dests ptn_sip_names_peek(struct ptn_sip *s, const struct ptn_sip_target *target)
{
    struct ptn_sip_dests dests = {0};
    const struct ptn_sip_name *n = read_literal(target, &dests) ? NULL : find(s, target);

    return n ? n->dests : dests;
}

enum ptn_sip_lookup ptn_sip_look_up(struct ptn_sip *s, ptn_time now,
                                    const struct ptn_sip_target *target,
                                    const struct ptn_sip_rule *rule, struct ptn_sip_places *out)
{
    *out = (struct ptn_sip_places){.until = PTN_NEVER};
    if (read_literal(target, &out->dests)) {
        ptn_sip_put_in_order(s, now, rule, 0, out);
        return PTN_SIP_KNOWN;
    }
    struct ptn_sip_name *n = ask_for(s, now, target);
    if (!n) {
        out->why = PTN_ERR_NO_ROOM;
        return PTN_SIP_UNKNOWN;
    }
    out->dests = n->dests;
    out->why = n->why;
    if (!n->search)
        out->until = n->expires;
    ptn_sip_put_in_order(s, now, rule, n->answered_at, out);
    if (n->dests.count > 0)
        return PTN_SIP_KNOWN;
    return n->search ? PTN_SIP_PENDING : PTN_SIP_UNKNOWN;
}

void ptn_sip_doubt_name(struct ptn_sip *s, ptn_time now, const struct ptn_sip_target *target)
{
    struct ptn_sip_name *n = find(s, target);

    if (n && !n->search)
        n->expires = ptn_time_min(n->expires, ptn_time_max(now, n->answered_at + NAME_KEPT_MIN));
}

void ptn_sip_doubt_unproven(struct ptn_sip *s, ptn_time now, const struct ptn_sip_target *target)
{
    const struct ptn_sip_name *n = find(s, target);

    if (n && n->proven_at == 0)
        ptn_sip_doubt_name(s, now, target);
}

void ptn_sip_names_prove(struct ptn_sip *s, ptn_time now, const struct ptn_sip_dest *dest)
{
    for (unsigned i = 0; i < PTN_SIP_NAMES_MAX; i++) {
        struct ptn_sip_name *n = &s->names[i];
        for (unsigned k = 0; k < n->dests.count; k++)
            if (ptn_sip_same_dest(&n->dests.list[k], dest)) {
                n->proven = *dest;
                n->proven_at = now;
            }
    }
}

bool ptn_sip_names_input(struct ptn_sip *s, ptn_time now, const struct ptn_tell *tell)
{
    if (tell->kind != PTN_TELL_RESOLVED && tell->kind != PTN_TELL_FAILED)
        return false;
    for (unsigned i = 0; i < PTN_SIP_NAMES_MAX; i++) {
        struct ptn_sip_name *n = &s->names[i];
        if (!n->search || !ptn_sip_search_input(s, n->search, tell))
            continue;
        if (ptn_sip_search_done(n->search))
            finish(n, now);
        return true;
    }
    return false;
}

bool ptn_sip_names_ask(const struct ptn_sip *s, ptn_id query)
{
    for (unsigned i = 0; i < PTN_SIP_NAMES_MAX; i++)
        if (s->names[i].search && ptn_sip_search_asks(s->names[i].search, query))
            return true;
    return false;
}

void ptn_sip_names_fini(struct ptn_sip *s)
{
    for (unsigned i = 0; i < PTN_SIP_NAMES_MAX; i++)
        free(s->names[i].search);
}
