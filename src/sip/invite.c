/*
 * sip/invite.c - what a call puts on the wire: INVITE, ACK, BYE and the answers to INVITE.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sip/agent.h"

enum { HEADERS_MAX = 6000, EXTENSIONS_MAX = 1400, CONTACT_MAX = 400 };

static void print_own_contact(struct ptn_sip *s, const struct ptn_sip_session *c, char *buf,
                              size_t size)
{
    const struct ptn_sip_acct *a = ptn_sip_find_account(s, c->account);
    const struct ptn_sip_socket *k = ptn_sip_find_socket(s, c->path.socket);

    ptn_sip_print_contact(a ? a->user : "", k ? k->transport : PTN_UDP, &c->path.contact, buf,
                          size);
}

/* Where its route set, else its target, leads; or to the account's proxy, if that is wished. */
bool ptn_sip_call_next_hop(const struct ptn_sip *s, const struct ptn_sip_session *c,
                           const struct ptn_sip_dialog *d, struct ptn_sip_target *target)
{
    const struct ptn_sip_acct *a = ptn_sip_find_account(s, c->account);

    if (a && a->dialogs_by_proxy && a->route[0]) {
        *target = *a->hop;
        return true;
    }
    return ptn_sip_target_of_uri(ptn_sip_dialog_next_hop(d), target);
}

static bool begin_request(const struct ptn_sip *s, const struct ptn_sip_session *c,
                          const struct ptn_sip_dialog *d, const char *method,
                          struct ptn_sip_ask_request *ask)
{
    *ask = (struct ptn_sip_ask_request){
        .user = PTN_SIP_FOR_CALL, .user_id = c->id, .account = c->account, .path = c->path};
    ask->request.method = method;
    ptn_sip_dialog_fill(d, &ask->request);
    ask->within = true;
    return ptn_sip_call_next_hop(s, c, d, &ask->target);
}

static bool leads_to_server(struct ptn_sip *s, const struct ptn_sip_acct *a, struct pl uri)
{
    struct ptn_sip_target next;
    struct ptn_addr addr;

    return ptn_sip_target_of_uri(uri, &next) &&
           (strcasecmp(next.host, a->domain) == 0 || strcasecmp(next.host, a->server->host) == 0 ||
            (ptn_addr_parse(next.host, &addr) && ptn_sip_account_has_server(s, a, &addr)));
}

bool ptn_sip_call_trusts(struct ptn_sip *s, const struct ptn_sip_session *c)
{
    const struct ptn_sip_acct *a = ptn_sip_find_account(s, c->account);
    bool direct = c->dialog.remote_tag[0] && !c->dialog.route_set[0];

    return !c->incoming && !c->redirect.away &&
           (!direct || !a || !a->has_hop ||
            leads_to_server(s, a, ptn_sip_dialog_next_hop(&c->dialog)));
}

static void authorize(struct ptn_sip *s, const struct ptn_sip_session *c, const char *method,
                      const char *uri, char *buf, size_t size)
{
    struct ptn_sip_acct *a = ptn_sip_find_account(s, c->account);

    if (!a || !ptn_sip_call_trusts(s, c) ||
        !ptn_sip_account_authorize(s, a, method, uri, buf, size))
        buf[0] = '\0';
}

static void print_abilities(bool reliable, struct ptn_writer *w)
{
    ptn_sip_printf(w, PTN_SIP_ALLOW PTN_SIP_SUPPORTED "%s\r\n", reliable ? ", 100rel" : "");
}

/* Appends to `headers` what we can do, and how long the call shall live. */
static void print_extensions(const struct ptn_sip *s, const struct ptn_sip_session *c,
                             char *headers, size_t size)
{
    size_t used = strlen(headers);
    struct ptn_writer w = ptn_writer(headers + used, size - used - 1);

    print_abilities(c->reliable.shown, &w);
    ptn_sip_lifetime_ask(s, c, &w);
    *w.at = '\0';
}

static void print_replaces(const struct ptn_sip_session *c, char *headers, size_t size)
{
    size_t used = strlen(headers);

    snprintf(headers + used, size - used, "Replaces: %s\r\n%s", c->replaces,
             c->replaces_only ? "Require: replaces\r\n" : "");
}

bool ptn_sip_call_keep_offer(struct ptn_sip_session *c, const struct ptn_sdp *offer)
{
    if (!c->offer && !(c->offer = malloc(sizeof *c->offer)))
        return false;
    if (c->offer != offer)
        *c->offer = *offer;
    return true;
}

void ptn_sip_call_send_invite(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c)
{
    bool first = c->state != PTN_SIP_CALL_UP;
    const struct ptn_sip_acct *a = ptn_sip_find_account(s, c->account);
    char contact[CONTACT_MAX], headers[HEADERS_MAX];
    struct ptn_sip_ask_request ask;

    bool routed = begin_request(s, c, &c->dialog, "INVITE", &ask);
    /* The first one goes to the account's server or proxy, whatever its URI says. */
    if (first && a && !c->redirect.away && ptn_sip_account_aim(a, &ask.target))
        routed = true;
    if (first && a)
        c->way = a->way;
    ask.within = !first;
    ask.new_business = first;
    authorize(s, c, "INVITE", c->dialog.uri, headers, sizeof headers - EXTENSIONS_MAX);
    free(c->invite_auth);
    c->invite_auth = strdup(headers);
    print_extensions(s, c, headers, sizeof headers);
    if (first && c->replaces)
        print_replaces(c, headers, sizeof headers);
    print_own_contact(s, c, contact, sizeof contact);
    ask.request.cseq = c->invite_cseq = ++c->dialog.local_cseq;
    ask.request.contact = contact;
    ask.request.headers = headers;
    ask.request.sdp = c->offer;
    c->invite = routed ? ptn_sip_exchange_ask(s, now, &ask) : 0;
}

void ptn_sip_call_send_ack(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                           const struct ptn_sip_dialog *d, uint32_t cseq)
{
    struct ptn_sip_ask_request ask;

    if (!begin_request(s, c, d, "ACK", &ask))
        return;
    ask.request.cseq = cseq;
    ask.request.headers = ptn_sip_call_trusts(s, c) ? c->invite_auth : NULL;
    ptn_sip_exchange_ack(s, now, &ask);
}

void ptn_sip_call_send_bye(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                           struct ptn_sip_dialog *d, enum ptn_sip_user user)
{
    char headers[HEADERS_MAX];
    struct ptn_sip_ask_request ask;
    bool routed = begin_request(s, c, d, "BYE", &ask);

    ask.user = user;
    authorize(s, c, "BYE", d->uri, headers, sizeof headers);
    ask.request.cseq = ++d->local_cseq;
    ask.request.headers = headers;
    if ((!routed || !ptn_sip_exchange_ask(s, now, &ask)) && user == PTN_SIP_FOR_CALL)
        ptn_sip_call_end(s, now, c, c->ended, c->ended_status);
}

ptn_sip_txn_id ptn_sip_call_send(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                                 const struct ptn_sip_within *what)
{
    char contact[CONTACT_MAX], headers[HEADERS_MAX], able[EXTENSIONS_MAX];
    struct ptn_writer w = ptn_writer(able, sizeof able - 1);
    struct ptn_sip_ask_request ask;
    struct ptn_sip_dialog *d = what->dialog ? what->dialog : &c->dialog;
    bool routed = begin_request(s, c, d, what->method, &ask);

    ask.user = what->user;
    authorize(s, c, what->method, d->uri, headers, sizeof headers / 2);
    size_t used = strlen(headers);
    if (what->able)
        print_abilities(c->reliable.shown, &w);
    *w.at = '\0';
    int more = snprintf(headers + used, sizeof headers - used, "%s%s", able,
                        what->headers ? what->headers : "");
    print_own_contact(s, c, contact, sizeof contact);
    ask.request.cseq = ++d->local_cseq;
    ask.request.contact = what->no_contact ? NULL : contact;
    ask.request.headers = headers;
    ask.request.type = what->type;
    ask.request.text = what->text;
    ask.request.sdp = what->sdp;
    bool fits = more >= 0 && (size_t)more < sizeof headers - used;
    return routed && fits ? ptn_sip_exchange_ask(s, now, &ask) : 0;
}

void ptn_sip_call_send_update(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c)
{
    char extensions[EXTENSIONS_MAX] = "";

    print_extensions(s, c, extensions, sizeof extensions);
    if (!ptn_sip_call_send(s, now, c,
                           &(struct ptn_sip_within){.user = PTN_SIP_FOR_LIFETIME,
                                                    .method = "UPDATE",
                                                    .headers = extensions}))
        ptn_sip_lifetime_refused(now, c);
}

void ptn_sip_call_respond_to(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                             ptn_sip_txn_id id, unsigned status, const struct ptn_sdp *sdp)
{
    const struct ptn_sip_entry *e = ptn_sip_exchange_find(s, id);
    char contact[CONTACT_MAX], headers[EXTENSIONS_MAX];
    struct ptn_writer w = ptn_writer(headers, sizeof headers - 1);
    const struct ptn_sip_acct *a = ptn_sip_find_account(s, c->account);
    bool in_dialog = status > 100 && status < 300;

    if (!e || !e->request.msg)
        return;
    print_abilities(a && a->reliable, &w);
    if (in_dialog && status < 200 && c->reliable.unheard)
        ptn_sip_printf(&w, "Require: 100rel\r\nRSeq: %u\r\n", c->reliable.unheard);
    if (status / 100 == 2 && c->state == PTN_SIP_CALL_UP && !ptn_sip_in_is(&e->request, "PRACK"))
        ptn_sip_lifetime_answer(s, now, c, &e->request, &w);
    *w.at = '\0';
    print_own_contact(s, c, contact, sizeof contact);
    ptn_sip_exchange_respond(s, now, id,
                             &(struct ptn_sip_response){
                                 .status = status,
                                 .tag = status > 100 ? c->dialog.local_tag : NULL,
                                 .contact = in_dialog ? contact : NULL,
                                 .headers = in_dialog ? headers : NULL,
                                 .record_route = in_dialog,
                                 .sdp = sdp,
                             });
}

void ptn_sip_call_respond(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                          unsigned status, const struct ptn_sdp *sdp)
{
    ptn_sip_call_respond_to(s, now, c, c->invite, status, sdp);
}

/* A 2xx is repeated by us, not by its transaction, until the ACK has come the whole way. */
void ptn_sip_call_send_ok(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                          const struct ptn_sdp *sdp)
{
    if (sdp)
        ptn_sip_call_keep_offer(c, sdp); /* without memory, refreshing by INVITE misses it */
    ptn_sip_call_respond(s, now, c, 200, sdp);
    c->ok_wait = s->opts.t1;
    c->ok_repeat = now + c->ok_wait;
    c->ok_until = now + 64 * s->opts.t1;
}
