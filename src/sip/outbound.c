/*
 * sip/outbound.c - what REGISTER agrees on besides the lease: flows, and the way of later requests.
 *
 * RFC 5626: with "reg-id" a registrar knows our flow by name, so that another address replaces the
 * old one and what comes for us comes by the flow. RFC 3327: Path is understood, which a registrar
 * asks before it keeps one; RFC 3608: Service-Route is where later requests go first.
 */
#include <stdlib.h>
#include <string.h>

#include "sip/agent.h"

enum { REG_ID = 1, ROUTE_MAX = 2000, ROUTES_MAX = 8, FLOW_TIMER_MAX_S = 86400 };

void ptn_sip_outbound_fini(struct ptn_sip_outbound *o)
{
    free(o->route);
}

void ptn_sip_outbound_print_headers(const struct ptn_sip_acct *a, struct ptn_writer *w)
{
    ptn_sip_printf(w, "Supported: path%s\r\n", a->outbound.offers ? ", outbound" : "");
}

void ptn_sip_outbound_print_contact(const struct ptn_sip_acct *a, struct ptn_writer *w)
{
    if (a->outbound.offers)
        ptn_sip_printf(w, ";reg-id=%d", REG_ID);
}

bool ptn_sip_outbound_is_ours(const struct ptn_sip_acct *a, const struct sip_addr *contact)
{
    struct pl value;
    uint32_t id;

    if (!a->outbound.offers || msg_param_decode(&contact->params, "reg-id", &value) != 0)
        return true;
    return ptn_sip_number(value, UINT32_MAX, &id) && id == REG_ID;
}

/* ---- Service-Route ---- */

/* A port that is not said is the usual one, at least where the host is no name with a service. */
static uint16_t port_of(const struct ptn_sip_target *t)
{
    return t->port ? t->port : t->transport == PTN_TLS ? 5061 : 5060;
}

/* Is `uri` of the outbound proxy? */
static bool is_proxy(const struct ptn_sip_acct *a, struct pl uri)
{
    struct ptn_sip_target t;

    return ptn_sip_target_of_uri(uri, &t) && strcasecmp(t.host, a->hop->host) == 0 &&
           port_of(&t) == port_of(a->hop);
}

/* Our proxy stays the first, for without it the rest may not be reached. A route that cannot be
 * followed is none. */
static void take_route(struct ptn_sip_acct *a, const struct ptn_sip_in *in)
{
    struct ptn_sip_walk walk = ptn_sip_walk(in, SIP_HDR_SERVICE_ROUTE);
    char text[ROUTE_MAX];
    struct ptn_writer w = ptn_writer(text, sizeof text);
    struct pl element, uri;
    unsigned count = 0;

    while (ptn_sip_walk_element(&walk, &element)) {
        struct ptn_sip_target t;
        if (++count > ROUTES_MAX || !ptn_sip_uri_of(element, &uri) ||
            !ptn_sip_target_of_uri(uri, &t)) {
            count = 0;
            break;
        }
        if (count == 1 && a->route[0] && !is_proxy(a, uri))
            ptn_sip_printf(&w, "%s, ", a->route);
        ptn_sip_printf(&w, "%s%.*s", count > 1 ? ", " : "", PTN_PL(element));
    }
    free(a->outbound.route);
    a->outbound.route = NULL;
    if (count > 0 && !w.bad)
        a->outbound.route = ptn_sip_dup((struct pl){text, ptn_writer_size(&w)});
}

const char *ptn_sip_account_route(const struct ptn_sip_acct *a)
{
    return a->outbound.route ? a->outbound.route : a->route;
}

bool ptn_sip_account_aim(const struct ptn_sip_acct *a, struct ptn_sip_target *target)
{
    struct pl list = ptn_pl(a->outbound.route), first, uri;

    if (!a->has_hop)
        return false;
    *target = *a->hop;
    /* With a proxy of ours that is the first. */
    if (!a->route[0] && ptn_sip_list_next(&list, &first) && ptn_sip_uri_of(first, &uri))
        ptn_sip_target_of_uri(uri, target);
    return true;
}

/* ---- answers ---- */

void ptn_sip_outbound_taken(struct ptn_sip_acct *a, const struct ptn_sip_in *in)
{
    struct ptn_sip_outbound *o = &a->outbound;

    o->granted = o->offers && ptn_sip_in_lists(in, SIP_HDR_REQUIRE, "outbound");
    o->flow_timer_s = 0;
    ptn_sip_number(ptn_sip_in_value(in, SIP_HDR_FLOW_TIMER), FLOW_TIMER_MAX_S, &o->flow_timer_s);
    take_route(a, in);
}

void ptn_sip_outbound_forget(struct ptn_sip_acct *a)
{
    free(a->outbound.route);
    a->outbound.route = NULL;
}

bool ptn_sip_outbound_refused(struct ptn_sip_acct *a)
{
    bool offered = a->outbound.offers;

    a->outbound.offers = a->outbound.granted = false;
    return offered;
}
