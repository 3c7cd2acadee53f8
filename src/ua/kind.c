/*
 * ua/kind.c - of which kind the NAT is, found out in the background, anew after a move.
 *
 * It uses sockets of its own, so nothing waits for it and nothing disturbs it. What it
 * finds decides where two STUN servers have not: with one server, only discovery's
 * questions to its second address tell a symmetric NAT from a harmless one.
 */
#include <stdio.h>

#include "ua/inside.h"

static enum ptn_discover_dialect dialect(enum ptn_ua_dialect d)
{
    switch (d) {
    case PTN_UA_STUN_MODERN: return PTN_DISCOVER_MODERN;
    case PTN_UA_STUN_CLASSIC: return PTN_DISCOVER_CLASSIC;
    case PTN_UA_STUN_AUTO: break;
    }
    return PTN_DISCOVER_AUTO;
}

/* A name that the last search asked for may be answered yet: each has ids of its own. */
static ptn_id first_id(const struct ptn_ua *ua)
{
    unsigned ranges = PTN_UA_IDS_EACH / PTN_DISCOVER_IDS;

    return PTN_UA_IDS_DISCOVER + ua->kind_searches % ranges * PTN_DISCOVER_IDS;
}

enum ptn_err ptn_ua_kind_start(struct ptn_ua *ua, ptn_time now)
{
    ua->kind_searches++;
    struct ptn_discover_opts opts = {
        .first_id = first_id(ua),
        .local = ua->opts.locals[0].addr,
        .server_count = ua->opts.stun_count,
        .dialect = dialect(ua->opts.stun_dialect),
        .dice = ptn_dice_split(&ua->dice),
    };

    if (ua->opts.no_discovery || ua->opts.stun_count == 0)
        return PTN_OK;
    for (unsigned i = 0; i < ua->opts.stun_count; i++) {
        opts.servers[i].name = ua->opts.stun[i].name;
        opts.servers[i].port = ua->opts.stun[i].port;
    }
    ptn_discover_free(ua->discover);
    ua->discover = ptn_discover_new(&opts);
    ua->kind_told = ua->kind_over = ua->kind_again = false;
    if (!ua->discover)
        return PTN_ERR_NO_MEMORY;
    ptn_discover_start(ua->discover, now);
    return PTN_OK;
}

bool ptn_ua_kind_owns(const struct ptn_ua *ua, ptn_id id)
{
    return id >= first_id(ua) && id - first_id(ua) < PTN_DISCOVER_IDS;
}

static enum ptn_reach_nat as_reach(const struct ptn_discover_result *r)
{
    if (r->nat == PTN_DISCOVER_NO)
        return PTN_REACH_NAT_NONE;
    switch (r->mapping) {
    case PTN_DISCOVER_ENDPOINT_INDEPENDENT: return PTN_REACH_NAT_SAME_FOR_ALL;
    case PTN_DISCOVER_ADDRESS_DEPENDENT:
    case PTN_DISCOVER_ADDRESS_AND_PORT_DEPENDENT:
    case PTN_DISCOVER_DEPENDENT: return PTN_REACH_NAT_PER_DESTINATION;
    case PTN_DISCOVER_SEES_UNKNOWN: break;
    }
    return PTN_REACH_NAT_UNKNOWN;
}

static void describe(struct ptn_ua *ua, const struct ptn_discover_result *r)
{
    if (r->type == PTN_DISCOVER_TYPE_UNKNOWN)
        snprintf(ua->nat_type, sizeof ua->nat_type, "%s (%s)", ptn_discover_type_text(r->type),
                 ptn_discover_why_text(r->type_why));
    else if (r->nat == PTN_DISCOVER_YES)
        snprintf(ua->nat_type, sizeof ua->nat_type, "%s (mapping %s, filtering %s)",
                 ptn_discover_type_text(r->type), ptn_discover_sees_text(r->mapping),
                 ptn_discover_sees_text(r->filtering));
    else
        snprintf(ua->nat_type, sizeof ua->nat_type, "%s", ptn_discover_type_text(r->type));
}

static void tell_sockets(struct ptn_ua *ua)
{
    for (unsigned i = 0; i < ua->socket_count; i++) {
        struct ptn_ua_sip_socket *s = &ua->sockets[i];
        if (s->open && s->transport == PTN_UDP)
            ptn_reach_see_nat(&s->anchor.reach, ua->discovered);
    }
    ptn_pool_see_nat(&ua->pool, ua->discovered);
}

static void start_again(struct ptn_ua *ua, ptn_time now)
{
    if (ua->kind_again && ua->kind_over && ptn_ua_kind_start(ua, now))
        ptn_log(ua->opts.log, PTN_LOG_ERROR, "the NAT's type is not looked for: no memory");
}

void ptn_ua_kind_again(struct ptn_ua *ua, ptn_time now)
{
    ua->kind_again = ua->discover != NULL;
    start_again(ua, now);
}

/* Answers of two NATs look like those of one that maps each server differently. How long ago it
 * changed nobody can tell: no longer than since its mappings were asked for last. */
void ptn_ua_kind_doubt(struct ptn_ua *ua, ptn_time now)
{
    if (!ua->kind_told || now < ua->kind_told_at + ua->opts.stun_every)
        ptn_ua_kind_again(ua, now);
}

void ptn_ua_kind_look(struct ptn_ua *ua, ptn_time now)
{
    struct ptn_discover_event ev;

    start_again(ua, now);
    while (ua->discover && ptn_discover_event(ua->discover, &ev)) {
        if (ev.kind != PTN_DISCOVER_DONE)
            continue;
        ua->kind_told = true;
        ua->kind_told_at = now;
        if (ua->kind_again)
            break;
        describe(ua, ev.result);
        ua->discovered = as_reach(ev.result);
        if (ua->discovered != PTN_REACH_NAT_UNKNOWN)
            tell_sockets(ua);
        ua->dirty = true;
        ptn_ua_nat_tell(ua);
    }
}

bool ptn_ua_kind_output(struct ptn_ua *ua, ptn_time now, struct ptn_ask *ask)
{
    if (!ua->discover)
        return false;
    if (ptn_discover_output(ua->discover, now, ask))
        return true;
    /* Its sockets are closed: their ids may be used again. */
    ua->kind_over = ua->kind_told;
    return false;
}
