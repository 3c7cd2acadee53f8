/*
 * sip/server.c - requests from outside: RFC 3261 §8.2's inspections, then whom they concern.
 */
#include <stdio.h>
#include <string.h>

#include "sip/agent.h"

enum { HEADERS_MAX = 512 };

static void take_bye(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c, ptn_sip_txn_id id,
                     const struct ptn_sip_in *in)
{
    (void)in;
    ptn_sip_call_bye(s, now, c, id);
}

static void take_text(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c, ptn_sip_txn_id id,
                      const struct ptn_sip_in *in)
{
    ptn_sip_note_received(s, now, id, ptn_sip_find_account(s, c->account), in);
}

/* What a method means to us: who takes it on `within` a call and `outside` of all, and otherwise
 * the status it is answered with. */
static const struct method {
    const char *name;
    unsigned within_status, outside_status;
    void (*within)(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c, ptn_sip_txn_id id,
                   const struct ptn_sip_in *in);
    void (*outside)(struct ptn_sip *s, ptn_time now, ptn_sip_txn_id id, struct ptn_sip_acct *a,
                    const struct ptn_sip_in *in);
} methods[] = {
    {"INVITE", 0, 0, ptn_sip_call_reinvited, ptn_sip_call_invited},
    {"BYE", 0, 481, take_bye, NULL},
    {"UPDATE", 0, 481, ptn_sip_call_updated, NULL},
    {"OPTIONS", 200, 200, NULL, NULL},
    /* Key presses in INFO are legacy; taken, as the peer would else send them twice. */
    {"INFO", 200, 481, NULL, NULL},
    {"NOTIFY", 0, 0, ptn_sip_call_notified, ptn_sip_note_notified}, /* nothing was subscribed to */
    {"SUBSCRIBE", 489, 489, NULL, NULL},
    {"MESSAGE", 0, 0, take_text, ptn_sip_note_received},
    {"REFER", 0, 403, ptn_sip_call_referred, NULL},
    {"PRACK", 0, 481, ptn_sip_call_pracked, NULL},
    {"PUBLISH", 405, 405, NULL, NULL},
    {"REGISTER", 405, 405, NULL, NULL},
};

static const struct method *find_method(const struct ptn_sip_in *in)
{
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
        if (ptn_sip_in_is(in, methods[i].name))
            return &methods[i];
    return NULL;
}

void ptn_sip_reject(struct ptn_sip *s, ptn_time now, ptn_sip_txn_id id, unsigned status,
                    const char *headers)
{
    char tag[17];

    ptn_sip_token(&s->dice, tag, sizeof tag);
    ptn_sip_exchange_respond(
        s, now, id, &(struct ptn_sip_response){.status = status, .tag = tag, .headers = headers});
}

/* ---- §8.2's inspections ---- */

static bool has_foreign_scheme(const struct ptn_sip_in *in)
{
    const struct uri *uri = &in->msg->uri;

    return pl_strcasecmp(&uri->scheme, "sip") != 0 && pl_strcasecmp(&uri->scheme, "sips") != 0;
}

static bool is_supported(struct pl tag)
{
    static const char *const tags[] = {"timer", "replaces", "100rel"};

    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++)
        if (pl_strcasecmp(&tag, tags[i]) == 0)
            return true;
    return false;
}

static void print_unsupported(const struct ptn_sip_in *in, struct ptn_writer *w)
{
    struct ptn_sip_walk walk = ptn_sip_walk(in, SIP_HDR_REQUIRE);
    struct pl tag;

    while (ptn_sip_walk_element(&walk, &tag))
        if (!is_supported(tag))
            ptn_sip_printf(w, "Unsupported: %.*s\r\n", PTN_PL(tag));
}

static bool requires_more(const struct ptn_sip_in *in)
{
    struct ptn_sip_walk walk = ptn_sip_walk(in, SIP_HDR_REQUIRE);
    struct pl tag;

    while (ptn_sip_walk_element(&walk, &tag))
        if (!is_supported(tag))
            return true;
    return false;
}

static bool is_encoded(const struct ptn_sip_in *in)
{
    struct ptn_sip_walk walk = ptn_sip_walk(in, SIP_HDR_CONTENT_ENCODING);
    struct pl coding;

    while (in->body.size > 0 && ptn_sip_walk_element(&walk, &coding))
        if (pl_strcasecmp(&coding, "identity") != 0)
            return true;
    return false;
}

static void print_encodings(const struct ptn_sip_in *in, struct ptn_writer *w)
{
    (void)in;
    ptn_sip_printf(w, "Accept-Encoding: identity\r\n");
}

/* Calls are answered with a description; whoever names what he takes must name that. */
static bool takes_no_description(const struct ptn_sip_in *in)
{
    static const char *const ours[] = {"application/sdp", "application/*", "*/*"};
    struct ptn_sip_walk walk = ptn_sip_walk(in, SIP_HDR_ACCEPT);
    bool said = false;
    struct pl range;

    if (!ptn_sip_in_is(in, "INVITE") && !ptn_sip_in_is(in, "UPDATE"))
        return false;
    while (ptn_sip_walk_element(&walk, &range)) {
        for (size_t i = 0; i < range.l; i++)
            if (strchr("; \t", range.p[i]))
                range.l = i;
        for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
            if (pl_strcasecmp(&range, ours[i]) == 0)
                return false;
        said = true;
    }
    return said;
}

static void print_types(const struct ptn_sip_in *in, struct ptn_writer *w)
{
    (void)in;
    ptn_sip_printf(w, "Accept: application/sdp, multipart/mixed\r\n");
}

/* In the order of §8.2: what fails, how it is answered, and what the answer tells. */
static const struct inspection {
    unsigned status;
    bool (*fails)(const struct ptn_sip_in *in);
    void (*tell)(const struct ptn_sip_in *in, struct ptn_writer *w);
} inspections[] = {
    {416, has_foreign_scheme, NULL},
    {420, requires_more, print_unsupported},
    {415, is_encoded, print_encodings},
    {406, takes_no_description, print_types},
};

/* False, and refused, where one fails. */
static bool inspect(struct ptn_sip *s, ptn_time now, ptn_sip_txn_id id, const struct ptn_sip_in *in)
{
    char headers[HEADERS_MAX];
    struct ptn_writer w = ptn_writer(headers, sizeof headers - 1);

    for (size_t i = 0; i < sizeof inspections / sizeof inspections[0]; i++) {
        if (!inspections[i].fails(in))
            continue;
        if (inspections[i].tell)
            inspections[i].tell(in, &w);
        *w.at = '\0';
        ptn_sip_reject(s, now, id, inspections[i].status, w.bad ? NULL : headers);
        return false;
    }
    return true;
}

/* The answers that need no session. */
static void answer(struct ptn_sip *s, ptn_time now, ptn_sip_txn_id id, unsigned status,
                   const struct ptn_sip_in *in)
{
    const char *headers = NULL;

    if (status == 405 || status == 501)
        headers = PTN_SIP_ALLOW;
    else if (status == 200 && ptn_sip_in_is(in, "OPTIONS"))
        headers = PTN_SIP_ALLOW PTN_SIP_SUPPORTED ", 100rel\r\nAccept: application/sdp\r\n";
    ptn_sip_reject(s, now, id, status, headers);
}

static void serve_within(struct ptn_sip *s, ptn_time now, ptn_sip_txn_id id,
                         const struct ptn_sip_in *in, const struct method *method)
{
    struct ptn_sip_session *c = ptn_sip_call_of(s, in);
    struct ptn_sip_acct *subscriber =
        !c && ptn_sip_in_is(in, "NOTIFY") ? ptn_sip_subscription_of(s, in) : NULL;

    if (subscriber)
        ptn_sip_subscription_notified(s, now, id, subscriber, in);
    else if (!c)
        ptn_sip_reject(s, now, id, 481, NULL);
    else if (!ptn_sip_dialog_take_cseq(ptn_sip_call_dialog(c, in), in))
        ptn_sip_reject(s, now, id, 500, NULL);
    else if (method && method->within)
        method->within(s, now, c, id, in);
    else
        answer(s, now, id, method ? method->within_status : 501, in);
}

static void serve_outside(struct ptn_sip *s, ptn_time now, ptn_sip_txn_id id,
                          const struct ptn_sip_in *in, const struct method *method)
{
    if (!method || !method->outside) {
        answer(s, now, id, method ? method->outside_status : 501, in);
        return;
    }
    struct ptn_sip_acct *a = ptn_sip_account_for(s, in);
    if (!a)
        ptn_sip_reject(s, now, id, 404, NULL);
    else if (a->trusts_server_only && a->has_hop && !ptn_sip_account_has_server(s, a, &in->from))
        ptn_sip_reject(s, now, id, 403, NULL);
    else
        method->outside(s, now, id, a, in);
}

void ptn_sip_serve(struct ptn_sip *s, ptn_time now, ptn_sip_txn_id id, struct ptn_sip_in *in)
{
    if (ptn_sip_in_is(in, "ACK")) {
        struct ptn_sip_session *c = ptn_sip_call_of(s, in);
        s->counts[c ? PTN_SIP_TAKEN : PTN_SIP_STRAY_ACK]++;
        if (c)
            ptn_sip_call_acked(s, now, c, in);
        return;
    }
    const struct method *method = find_method(in);
    if (!inspect(s, now, id, in))
        return;
    if (pl_isset(&in->msg->to.tag))
        serve_within(s, now, id, in, method);
    else
        serve_outside(s, now, id, in, method);
}
