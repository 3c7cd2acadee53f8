/*
 * sip/dialog.c - route sets, targets and sequence numbers.
 */
#include "sip/dialog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TAG_SIZE = 17, CALL_ID_SIZE = 25, ROUTES_MAX = 8192 };

bool ptn_sip_uri_of(struct pl value, struct pl *uri)
{
    struct sip_addr addr;

    if (sip_addr_decode(&addr, &value) || !pl_isset(&addr.auri) || !pl_isset(&addr.uri.host))
        return false;
    *uri = addr.auri;
    return true;
}

static bool is_loose(struct pl route)
{
    struct sip_addr addr;
    struct pl end;

    return sip_addr_decode(&addr, &route) == 0 &&
           msg_param_exists(&addr.uri.params, "lr", &end) == 0;
}

/* §12.2.1.1: a first route without lr is an old strict router, which wants to find itself in
 * the Request-URI and the target at the end of Route. */
static bool follow(struct ptn_sip_dialog *d)
{
    struct pl rest = ptn_pl(d->route_set), first, uri;
    char routes[ROUTES_MAX];

    if (!ptn_sip_list_next(&rest, &first) || is_loose(first) || !ptn_sip_uri_of(first, &uri))
        return ptn_sip_replace(&d->uri, ptn_pl(d->target)) &&
               ptn_sip_replace(&d->routes, ptn_pl(d->route_set));
    int size =
        snprintf(routes, sizeof routes, "%.*s%s<%s>", PTN_PL(rest), rest.l ? ", " : "", d->target);
    return size > 0 && (size_t)size < sizeof routes && ptn_sip_replace(&d->uri, uri) &&
           ptn_sip_replace(&d->routes, ptn_pl(routes));
}

static bool take_routes(struct ptn_sip_dialog *d, const struct ptn_sip_in *in, bool reversed)
{
    char routes[ROUTES_MAX] = "", joined[ROUTES_MAX];
    struct ptn_sip_walk walk = ptn_sip_walk(in, SIP_HDR_RECORD_ROUTE);
    struct pl element;

    while (ptn_sip_walk_element(&walk, &element)) {
        const char *comma = routes[0] ? ", " : "";
        int size =
            reversed ? snprintf(joined, sizeof joined, "%.*s%s%s", PTN_PL(element), comma, routes)
                     : snprintf(joined, sizeof joined, "%s%s%.*s", routes, comma, PTN_PL(element));
        if (size < 0 || (size_t)size >= sizeof joined)
            return false;
        memcpy(routes, joined, sizeof routes);
    }
    return ptn_sip_replace(&d->route_set, ptn_pl(routes));
}

static bool take_target(struct ptn_sip_dialog *d, const struct ptn_sip_in *in)
{
    struct ptn_sip_walk walk = ptn_sip_walk(in, SIP_HDR_CONTACT);
    struct pl element, uri;

    return ptn_sip_walk_element(&walk, &element) && ptn_sip_uri_of(element, &uri) &&
           ptn_sip_replace(&d->target, uri);
}

static bool draw_tag(struct ptn_sip_dialog *d, struct ptn_dice *dice)
{
    char tag[TAG_SIZE];

    ptn_sip_token(dice, tag, sizeof tag);
    return ptn_sip_replace(&d->local_tag, ptn_pl(tag));
}

static bool set_local(struct ptn_sip_dialog *d, struct pl value)
{
    size_t size = value.l + strlen(d->local_tag) + sizeof ";tag=";
    char *text = malloc(size);

    if (!text)
        return false;
    snprintf(text, size, "%.*s;tag=%s", PTN_PL(value), d->local_tag);
    bool done = ptn_sip_replace(&d->local, ptn_pl(text));
    free(text);
    return done;
}

bool ptn_sip_dialog_call(struct ptn_sip_dialog *d, struct ptn_dice *dice, const char *from,
                         const char *to, const char *target, const char *route)
{
    char call_id[CALL_ID_SIZE];

    *d = (struct ptn_sip_dialog){.local_cseq = 1 + ptn_dice_below(dice, 10000)};
    ptn_sip_token(dice, call_id, sizeof call_id);
    return draw_tag(d, dice) && ptn_sip_replace(&d->call_id, ptn_pl(call_id)) &&
           set_local(d, ptn_pl(from)) && ptn_sip_replace(&d->remote, ptn_pl(to)) &&
           ptn_sip_replace(&d->remote_tag, ptn_pl("")) &&
           ptn_sip_replace(&d->target, ptn_pl(target)) &&
           ptn_sip_replace(&d->route_set, ptn_pl(route)) && follow(d);
}

bool ptn_sip_dialog_readdress(struct ptn_sip_dialog *d, const char *from, const char *to,
                              const char *target, const char *route)
{
    return set_local(d, ptn_pl(from)) && ptn_sip_replace(&d->remote, ptn_pl(to)) &&
           ptn_sip_replace(&d->target, ptn_pl(target)) &&
           ptn_sip_replace(&d->route_set, ptn_pl(route)) && follow(d);
}

bool ptn_sip_dialog_called(struct ptn_sip_dialog *d, struct ptn_dice *dice,
                           const struct ptn_sip_in *invite)
{
    const struct sip_msg *m = invite->msg;

    *d = (struct ptn_sip_dialog){.local_cseq = 1 + ptn_dice_below(dice, 10000),
                                 .remote_cseq = m->cseq.num,
                                 .remote_cseq_known = true};
    return draw_tag(d, dice) && ptn_sip_replace(&d->call_id, m->callid) &&
           set_local(d, m->to.val) && ptn_sip_replace(&d->remote, m->from.val) &&
           ptn_sip_replace(&d->remote_tag, m->from.tag) && take_routes(d, invite, false) &&
           take_target(d, invite) && follow(d);
}

bool ptn_sip_dialog_answered(struct ptn_sip_dialog *out, const struct ptn_sip_dialog *d,
                             const struct ptn_sip_in *response)
{
    const struct sip_msg *m = response->msg;

    *out = (struct ptn_sip_dialog){.local_cseq = d->local_cseq};
    bool done = pl_isset(&m->to.tag) && ptn_sip_replace(&out->call_id, ptn_pl(d->call_id)) &&
                ptn_sip_replace(&out->local, ptn_pl(d->local)) &&
                ptn_sip_replace(&out->local_tag, ptn_pl(d->local_tag)) &&
                ptn_sip_replace(&out->remote, m->to.val) &&
                ptn_sip_replace(&out->remote_tag, m->to.tag) && take_routes(out, response, true) &&
                take_target(out, response) && follow(out);
    if (!done)
        ptn_sip_dialog_fini(out);
    return done;
}

bool ptn_sip_dialog_notified(struct ptn_sip_dialog *d, const struct ptn_sip_in *notify)
{
    const struct sip_msg *m = notify->msg;

    return pl_isset(&m->from.tag) && take_target(d, notify) && take_routes(d, notify, false) &&
           follow(d) && ptn_sip_replace(&d->remote, m->from.val) &&
           ptn_sip_replace(&d->remote_tag, m->from.tag);
}

void ptn_sip_dialog_refresh(struct ptn_sip_dialog *d, const struct ptn_sip_in *in)
{
    if (take_target(d, in))
        follow(d);
}

bool ptn_sip_dialog_retarget(struct ptn_sip_dialog *d, const char *target)
{
    return ptn_sip_replace(&d->target, ptn_pl(target)) && follow(d);
}

bool ptn_sip_dialog_has(const struct ptn_sip_dialog *d, const struct ptn_sip_in *request)
{
    const struct sip_msg *m = request->msg;

    return d->call_id && ptn_pl_is(m->callid, d->call_id) && ptn_pl_is(m->to.tag, d->local_tag) &&
           ptn_pl_is(m->from.tag, d->remote_tag);
}

bool ptn_sip_dialog_take_cseq(struct ptn_sip_dialog *d, const struct ptn_sip_in *request)
{
    uint32_t cseq = request->msg->cseq.num;

    if (d->remote_cseq_known && cseq <= d->remote_cseq)
        return false;
    d->remote_cseq = cseq;
    d->remote_cseq_known = true;
    return true;
}

void ptn_sip_dialog_fill(const struct ptn_sip_dialog *d, struct ptn_sip_request *r)
{
    r->uri = d->uri;
    r->routes = d->routes;
    r->from = d->local;
    r->to = d->remote;
    r->call_id = d->call_id;
}

struct pl ptn_sip_dialog_next_hop(const struct ptn_sip_dialog *d)
{
    struct pl routes = ptn_pl(d->route_set), first, uri;

    if (ptn_sip_list_next(&routes, &first) && ptn_sip_uri_of(first, &uri))
        return uri;
    return ptn_pl(d->target);
}

void ptn_sip_dialog_fini(struct ptn_sip_dialog *d)
{
    free(d->call_id);
    free(d->local);
    free(d->remote);
    free(d->local_tag);
    free(d->remote_tag);
    free(d->target);
    free(d->route_set);
    free(d->uri);
    free(d->routes);
    *d = (struct ptn_sip_dialog){0};
}
