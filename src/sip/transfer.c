/*
 * sip/transfer.c - REFER and Replaces: a call handed on to somebody else.
 *
 *     we hand on    REFER --> 202,  <-- NOTIFY "SIP/2.0 180 …", <-- NOTIFY "SIP/2.0 200 OK"
 *     they do       REFERRED; the owner calls whom it names and tells how that goes
 *     they take     INVITE with Replaces: an INCOMING that names the call it replaces
 *     and anew      the same to the far end of a call itself, when it cannot be found otherwise
 *
 * The subscription that REFER implies lives as long as the call does, which is all that desk
 * phones need; one at a time in either direction. RFC 3515, 3891, 3892, 5589.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sip/agent.h"

enum { REFER_TO_MAX = 2000, URI_MAX = 1100 };

/* ---- we hand on ---- */

/* "?Replaces=…", as the far end calls its tags: its own is the one in To. */
static void print_replaces(const struct ptn_sip_session *c, struct ptn_writer *w)
{
    ptn_sip_printf(w, "?Replaces=");
    ptn_sip_print_escaped(w, c->dialog.call_id);
    ptn_sip_printf(w, "%%3Bto-tag%%3D%s%%3Bfrom-tag%%3D%s", c->dialog.remote_tag,
                   c->dialog.local_tag);
}

/* "<sip:carol@…?Replaces=…>": who takes the call, and which one of his ends for it. */
static bool print_refer_to(const struct ptn_sip *s, const struct ptn_sip_session *c,
                           const char *target, const struct ptn_sip_session *other, char *buf,
                           size_t size)
{
    struct ptn_writer w = ptn_writer(buf, size - 1);
    const struct ptn_sip_acct *a = ptn_sip_find_account(s, c->account);
    char uri[URI_MAX];

    if (other) {
        ptn_sip_printf(&w, "<%s", other->dialog.target);
        print_replaces(other, &w);
        ptn_sip_printf(&w, ">");
    } else if (a && ptn_sip_print_target(a, target, uri, sizeof uri)) {
        ptn_sip_printf(&w, "<%s>", uri);
    } else {
        return false;
    }
    *w.at = '\0';
    return !w.bad;
}

static bool send_refer(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c)
{
    const struct ptn_sip_acct *a = ptn_sip_find_account(s, c->account);
    char headers[REFER_TO_MAX + URI_MAX];
    int used = snprintf(headers, sizeof headers, "Refer-To: %s\r\nReferred-By: %s\r\n", c->refer_to,
                        a ? a->aor : "");

    return used > 0 && (size_t)used < sizeof headers &&
           ptn_sip_call_send(s, now, c,
                             &(struct ptn_sip_within){
                                 .user = PTN_SIP_FOR_REFER, .method = "REFER", .headers = headers});
}

bool ptn_sip_call_refer(struct ptn_sip *s, ptn_time now, ptn_sip_id call, const char *target,
                        ptn_sip_id other)
{
    struct ptn_sip_session *c = ptn_sip_find_call(s, call);
    const struct ptn_sip_session *o = ptn_sip_find_call(s, other);
    char refer_to[REFER_TO_MAX];

    if (!c || c->state != PTN_SIP_CALL_UP || c->referring ||
        (other && (!o || o == c || o->state != PTN_SIP_CALL_UP)) ||
        !print_refer_to(s, c, target, o, refer_to, sizeof refer_to) ||
        !ptn_sip_replace(&c->refer_to, ptn_pl(refer_to)))
        return false;
    c->refer_chain = (struct ptn_sip_auth_chain){0};
    c->referring = send_refer(s, now, c);
    return c->referring;
}

static void tell_transfer(struct ptn_sip *s, struct ptn_sip_session *c, unsigned status)
{
    c->referring = status < 200;
    ptn_sip_call_tell(s, c, PTN_SIP_TRANSFER, status, NULL);
}

void ptn_sip_refer_answered(struct ptn_sip *s, ptn_time now, ptn_sip_id call,
                            const struct ptn_sip_in *in)
{
    struct ptn_sip_session *c = ptn_sip_find_call(s, call);
    struct ptn_sip_acct *a = c ? ptn_sip_find_account(s, c->account) : NULL;
    unsigned status = in ? in->msg->scode : 408;

    /* What comes of it is told by NOTIFY. */
    if (!a || !c->referring || c->state != PTN_SIP_CALL_UP || status < 300)
        return;
    if ((status == 401 || status == 407) && ptn_sip_call_trusts(s, c) &&
        ptn_sip_account_challenged(s, a, &c->refer_chain, in) && send_refer(s, now, c))
        return;
    tell_transfer(s, c, status);
}

void ptn_sip_call_notified(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                           ptn_sip_txn_id id, const struct ptn_sip_in *in)
{
    struct pl event = ptn_sip_in_value(in, SIP_HDR_EVENT), line = ptn_pl_bytes(in->body), number;
    uint32_t status = 0;

    if (!c->referring || event.l < 5 || strncmp(event.p, "refer", 5) != 0) {
        ptn_sip_reject(s, now, id, 489, NULL);
        return;
    }
    ptn_sip_reject(s, now, id, 200, NULL);
    if (line.l < 11 || strncmp(line.p, "SIP/2.0 ", 8) != 0)
        return;
    number = (struct pl){line.p + 8, 3};
    if (ptn_sip_number(number, 699, &status) && status >= 100)
        tell_transfer(s, c, status);
}

/* ---- they hand on ---- */

static void notify(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c, unsigned status)
{
    char body[100];

    snprintf(body, sizeof body, "SIP/2.0 %u %s\r\n", status, ptn_sip_reason(status));
    ptn_sip_call_send(
        s, now, c,
        &(struct ptn_sip_within){
            .user = PTN_SIP_FOR_NOBODY,
            .method = "NOTIFY",
            .headers = status < 200 ? "Event: refer\r\nSubscription-State: active;expires=180\r\n"
                                    : "Event: refer\r\n"
                                      "Subscription-State: terminated;reason=noresource\r\n",
            .type = "message/sipfrag;version=2.0",
            .text = body,
        });
}

void ptn_sip_call_referred(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                           ptn_sip_txn_id id, const struct ptn_sip_in *in)
{
    struct ptn_sip_walk walk = ptn_sip_walk(in, SIP_HDR_REFER_TO);
    struct pl value, uri;
    struct ptn_sip_target target;

    /* RFC 3515 §2.4.2: exactly one. */
    if (!ptn_sip_walk_value(&walk, &value) || !ptn_sip_uri_of(value, &uri) ||
        ptn_sip_walk_value(&walk, &(struct pl){0})) {
        ptn_sip_reject(s, now, id, 400, NULL);
    } else if (!ptn_sip_target_of_uri(uri, &target)) {
        ptn_sip_reject(s, now, id, 416, NULL);
    } else if (c->state != PTN_SIP_CALL_UP || c->referred) {
        ptn_sip_reject(s, now, id, 491, NULL);
    } else {
        char *text = ptn_sip_dup(uri);
        c->referred = true;
        ptn_sip_call_respond_to(s, now, c, id, 202, NULL);
        notify(s, now, c, 100);
        ptn_sip_tell(
            s, &(struct ptn_sip_event){
                   .kind = PTN_SIP_REFERRED, .call = c->id, .account = c->account, .called = text});
        free(text);
    }
}

void ptn_sip_call_refer_progress(struct ptn_sip *s, ptn_time now, ptn_sip_id call, unsigned status)
{
    struct ptn_sip_session *c = ptn_sip_find_call(s, call);

    if (!c || !c->referred || c->state != PTN_SIP_CALL_UP || status <= 100 || status > 699)
        return;
    c->referred = status < 200;
    notify(s, now, c, status);
}

/* ---- they take ---- */

static const struct ptn_sip_session *find_replaced(const struct ptn_sip *s, struct pl value)
{
    struct pl call_id = value, to_tag, from_tag;

    for (call_id.l = 0; call_id.l < value.l && value.p[call_id.l] != ';';)
        call_id.l++;
    if (msg_param_decode(&value, "to-tag", &to_tag) ||
        msg_param_decode(&value, "from-tag", &from_tag))
        return NULL;
    for (const struct ptn_sip_session *c = s->living; c; c = c->next_living)
        if (ptn_pl_is(call_id, c->dialog.call_id) && ptn_pl_is(to_tag, c->dialog.local_tag) &&
            ptn_pl_is(from_tag, c->dialog.remote_tag))
            return c;
    return NULL;
}

/* RFC 3891 §3. */
bool ptn_sip_replaces_judge(struct ptn_sip *s, ptn_time now, ptn_sip_txn_id id,
                            const struct ptn_sip_in *in, const struct ptn_sip_session **replaced)
{
    struct pl value = ptn_sip_in_value(in, SIP_HDR_REPLACES), end;
    const struct ptn_sip_session *c = value.l ? find_replaced(s, value) : NULL;
    unsigned status = 0;

    *replaced = c;
    if (!value.l)
        return true;
    if (!c || c->state == PTN_SIP_CALL_RINGING)
        status = 481;
    else if (c->state != PTN_SIP_CALL_UP)
        status = 603;
    else if (msg_param_exists(&value, "early-only", &end) == 0)
        status = 486;
    if (status)
        ptn_sip_reject(s, now, id, status, NULL);
    return status == 0;
}

/* ---- we call anew ---- */

static bool same_user(struct pl a, struct pl b)
{
    struct uri x, y;

    return uri_decode(&x, &a) == 0 && uri_decode(&y, &b) == 0 && pl_cmp(&x.user, &y.user) == 0 &&
           pl_casecmp(&x.host, &y.host) == 0;
}

bool ptn_sip_is_far_end(const struct ptn_sip_session *c, const struct ptn_sip_in *in)
{
    struct pl remote;

    return ptn_sip_uri_of(ptn_pl(c->dialog.remote), &remote) &&
           same_user(remote, in->msg->from.auri);
}

enum ptn_err ptn_sip_call_again(struct ptn_sip *s, ptn_time now, ptn_sip_id call,
                                const struct ptn_sip_path *path, const struct ptn_sdp *offer,
                                ptn_sip_id *again)
{
    const struct ptn_sip_session *c = ptn_sip_find_call(s, call);
    const struct ptn_sip_acct *a = c ? ptn_sip_find_account(s, c->account) : NULL;
    char target[REFER_TO_MAX];
    struct ptn_writer w = ptn_writer(target, sizeof target - 1);
    struct ptn_sip_calling how = {
        .target = target, .replaces_only = true, .path = path, .offer = offer};
    struct pl remote;

    if (!a || !a->has_hop || c->state != PTN_SIP_CALL_UP || c->stranger ||
        !ptn_sip_uri_of(ptn_pl(c->dialog.remote), &remote))
        return PTN_ERR_INVALID;
    ptn_sip_printf(&w, "%.*s", PTN_PL(remote));
    print_replaces(c, &w);
    *w.at = '\0';
    return w.bad ? PTN_ERR_INVALID : ptn_sip_call_begin(s, now, c->account, &how, again);
}
