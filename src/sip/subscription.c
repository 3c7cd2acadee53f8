/*
 * sip/subscription.c - an account that asks its mailbox to tell of waiting messages. RFC 6665,
 * 3842.
 *
 *             registered        2xx, or the first NOTIFY
 *     IDLE ---------------> TRYING -----------------------> HELD --> refreshed in time
 *       ^                     |  ^                            | 481, terminated, run out
 *       | unregistered        |  +------ WAITING <-----------+
 *       +---------------------+--------> refused, silent
 *
 * A dialog of its own, made by whichever comes first, the answer or the NOTIFY. How long is waited
 * before it is asked anew is a table for answers and one for the reasons of an end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sip/agent.h"

enum { URI_MAX = 1100, HEADERS_MAX = 4600, CONTACT_MAX = 400, LEASE_MAX_S = 7 * 86400 };
enum { EXPIRES_S = 3600, RETRY_AFTER_MAX_S = 86400 };

#define AGAIN_SOON PTN_S(30)     /* the first wait of those that double */
#define AGAIN_LATEST PTN_S(1800) /* and the longest */
#define AGAIN_SELDOM PTN_S(3600) /* what only a person can mend */
#define STEADY PTN_S(60)         /* one that held so long may be asked anew at once */

void ptn_sip_subscription_fini(struct ptn_sip_subscription *u)
{
    ptn_sip_dialog_fini(&u->dialog);
    free(u->target);
}

bool ptn_sip_subscription_init(struct ptn_sip_subscription *u, const struct ptn_sip_account *o)
{
    *u = (struct ptn_sip_subscription){
        .next = PTN_NEVER, .until = PTN_NEVER, .held_since = PTN_NEVER};
    u->expires_s = o->mailbox_expires_s ? o->mailbox_expires_s : EXPIRES_S;
    return !o->mailbox || ptn_sip_replace(&u->target, ptn_pl(o->mailbox));
}

/* ---- asking ---- */

static void forget_dialog(struct ptn_sip *s, struct ptn_sip_subscription *u)
{
    ptn_sip_exchange_drop(s, u->txn);
    u->txn = 0;
    ptn_sip_dialog_fini(&u->dialog);
    u->until = PTN_NEVER;
}

static bool is_known(const struct ptn_sip_subscription *u)
{
    return u->dialog.remote_tag && u->dialog.remote_tag[0];
}

static bool make_dialog(struct ptn_sip *s, struct ptn_sip_acct *a)
{
    struct ptn_sip_subscription *u = &a->mailbox;
    char uri[URI_MAX], to[URI_MAX + 2];

    if (u->dialog.call_id)
        return true;
    if (!ptn_sip_print_target(a, u->target[0] ? u->target : a->user, uri, sizeof uri))
        return false;
    snprintf(to, sizeof to, "<%s>", uri);
    return ptn_sip_dialog_call(&u->dialog, &s->dice, a->aor, to, uri, ptn_sip_account_route(a));
}

static bool transmit(struct ptn_sip *s, ptn_time now, struct ptn_sip_acct *a, unsigned expires_s)
{
    struct ptn_sip_subscription *u = &a->mailbox;
    const struct ptn_sip_socket *k = ptn_sip_find_socket(s, a->path.socket);
    char headers[HEADERS_MAX], contact[CONTACT_MAX];
    struct ptn_sip_ask_request ask = {.user = PTN_SIP_FOR_SUBSCRIPTION,
                                      .user_id = a->id,
                                      .account = a->id,
                                      .path = a->path,
                                      .within = is_known(u),
                                      .new_business = !is_known(u)};

    if (is_known(u) ? !ptn_sip_target_of_uri(ptn_sip_dialog_next_hop(&u->dialog), &ask.target)
                    : !ptn_sip_account_aim(a, &ask.target) &&
                          !ptn_sip_target_of_uri(ptn_pl(u->dialog.uri), &ask.target))
        return false;
    if (!ptn_sip_account_authorize(s, a, "SUBSCRIBE", u->dialog.uri, headers, HEADERS_MAX - 200))
        headers[0] = '\0';
    size_t used = strlen(headers);
    snprintf(headers + used, sizeof headers - used,
             "Event: message-summary\r\nAccept: application/simple-message-summary\r\n"
             "Expires: %u\r\n",
             expires_s);
    ptn_sip_print_contact(a->user, k ? k->transport : PTN_UDP, &a->path.contact, contact,
                          sizeof contact);
    ptn_sip_dialog_fill(&u->dialog, &ask.request);
    ask.request.method = "SUBSCRIBE";
    ask.request.cseq = ++u->dialog.local_cseq;
    ask.request.contact = contact;
    ask.request.headers = headers;
    u->txn = ptn_sip_exchange_ask(s, now, &ask);
    return u->txn != 0;
}

static void tell_failed(struct ptn_sip *s, const struct ptn_sip_acct *a, unsigned status,
                        ptn_time wait)
{
    ptn_sip_tell(s, &(struct ptn_sip_event){.kind = PTN_SIP_SUBSCRIBE_FAILED,
                                            .account = a->id,
                                            .status = status,
                                            .reason = status ? ptn_sip_reason(status) : NULL,
                                            .retry_in = wait});
}

/* A wait of 0 doubles with each failure, and differs by chance from that of others. */
static void wait_for(struct ptn_sip *s, ptn_time now, struct ptn_sip_acct *a, unsigned status,
                     ptn_time wait)
{
    struct ptn_sip_subscription *u = &a->mailbox;

    u->failures++;
    if (wait == 0) {
        wait = ptn_time_min(AGAIN_LATEST, AGAIN_SOON << (u->failures < 8 ? u->failures - 1 : 7));
        wait = wait / 2 + (ptn_time)((double)(wait / 2) * ptn_dice_unit(&s->dice));
    }
    u->state = PTN_SIP_SUB_WAITING;
    u->next = now + wait;
    tell_failed(s, a, status, wait);
}

static void go(struct ptn_sip *s, ptn_time now, struct ptn_sip_acct *a)
{
    struct ptn_sip_subscription *u = &a->mailbox;

    u->next = PTN_NEVER;
    if (u->state == PTN_SIP_SUB_TRYING || a->path.socket == 0)
        return;
    u->state = PTN_SIP_SUB_TRYING;
    u->chain = (struct ptn_sip_auth_chain){0};
    if (!make_dialog(s, a) || !transmit(s, now, a, u->expires_s))
        wait_for(s, now, a, 0, 0);
}

/* Its dialog is gone: at once, unless that was so a moment ago. */
static void go_anew(struct ptn_sip *s, ptn_time now, struct ptn_sip_acct *a, unsigned status)
{
    struct ptn_sip_subscription *u = &a->mailbox;
    bool was_steady = u->held_since != PTN_NEVER && now >= u->held_since + STEADY;

    forget_dialog(s, u);
    u->held_since = PTN_NEVER;
    if (was_steady) {
        u->state = PTN_SIP_SUB_IDLE;
        go(s, now, a);
    } else {
        wait_for(s, now, a, status, 0);
    }
}

void ptn_sip_subscription_ready(struct ptn_sip *s, ptn_time now, struct ptn_sip_acct *a)
{
    struct ptn_sip_subscription *u = &a->mailbox;

    if (!u->target || a->reg.leaving)
        return;
    /* What is held is told our new address, and what was refused may be welcome there. */
    bool moved = !ptn_addr_equal(&u->told, &a->path.contact) || u->told_socket != a->path.socket;
    if (u->state == PTN_SIP_SUB_TRYING && moved) {
        ptn_sip_exchange_drop(s, u->txn);
        u->state = PTN_SIP_SUB_IDLE;
    }
    if (u->state != PTN_SIP_SUB_IDLE && !moved)
        return;
    u->told = a->path.contact;
    u->told_socket = a->path.socket;
    go(s, now, a);
}

void ptn_sip_subscription_leave(struct ptn_sip *s, ptn_time now, struct ptn_sip_acct *a)
{
    struct ptn_sip_subscription *u = &a->mailbox;

    ptn_sip_exchange_drop(s, u->txn);
    u->txn = 0;
    bool held = is_known(u) && a->path.socket != 0;
    u->state = PTN_SIP_SUB_IDLE;
    u->next = u->until = u->held_since = PTN_NEVER;
    if (!held)
        forget_dialog(s, u);
    else
        transmit(s, now, a, 0);
    u->told = (struct ptn_addr){0};
}

/* ---- what is said to it ---- */

/* Leaves time for a lost refresh, however short it is. */
static void hold(struct ptn_sip *s, ptn_time now, struct ptn_sip_acct *a, uint32_t lease_s)
{
    struct ptn_sip_subscription *u = &a->mailbox;
    ptn_time lease = PTN_S(lease_s);

    u->state = PTN_SIP_SUB_HELD;
    u->failures = 0;
    u->until = now + lease;
    u->next = now + (ptn_time)((double)lease * (0.7 + 0.1 * ptn_dice_unit(&s->dice)));
    if (u->held_since == PTN_NEVER)
        u->held_since = now;
    ptn_sip_tell(s, &(struct ptn_sip_event){
                        .kind = PTN_SIP_SUBSCRIBED, .account = a->id, .lease_s = lease_s});
}

static void taken(struct ptn_sip *s, ptn_time now, struct ptn_sip_acct *a,
                  const struct ptn_sip_in *in)
{
    struct ptn_sip_subscription *u = &a->mailbox;
    uint32_t lease_s = u->expires_s;
    struct ptn_sip_dialog dialog;

    ptn_sip_number(ptn_sip_in_value(in, SIP_HDR_EXPIRES), LEASE_MAX_S, &lease_s);
    if (!is_known(u) && ptn_sip_dialog_answered(&dialog, &u->dialog, in)) {
        ptn_sip_dialog_fini(&u->dialog);
        u->dialog = dialog;
    } else if (is_known(u)) {
        ptn_sip_dialog_refresh(&u->dialog, in);
    }
    if (lease_s == 0) /* granted for no time at all: asked once, and that was it */
        go_anew(s, now, a, in->msg->scode);
    else
        hold(s, now, a, lease_s);
}

/* What a refusal means; the others' waits double, and Retry-After is obeyed. */
static const struct {
    unsigned status;
    bool anew;     /* the far end knows nothing of the dialog any more */
    ptn_time wait; /* 0: doubles */
} refusals[] = {
    {481, true, 0},
    {404, false, AGAIN_SELDOM},
    {403, false, AGAIN_SELDOM},
    {401, false, AGAIN_SELDOM},
    {407, false, AGAIN_SELDOM},
    {405, false, AGAIN_SELDOM},
    {489, false, AGAIN_SELDOM},
    {501, false, AGAIN_SELDOM},
    {603, false, AGAIN_SELDOM},
};

static void refused(struct ptn_sip *s, ptn_time now, struct ptn_sip_acct *a,
                    const struct ptn_sip_in *in)
{
    struct ptn_sip_subscription *u = &a->mailbox;
    unsigned status = in ? in->msg->scode : 0;
    uint32_t seconds = 0;
    ptn_time wait = 0;

    if (status == 423 &&
        ptn_sip_number(ptn_sip_in_value(in, SIP_HDR_MIN_EXPIRES), LEASE_MAX_S, &seconds) &&
        seconds > u->expires_s) {
        u->expires_s = seconds;
        u->state = PTN_SIP_SUB_IDLE;
        go(s, now, a);
        return;
    }
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        if (refusals[i].status != status)
            continue;
        if (refusals[i].anew && is_known(u)) {
            go_anew(s, now, a, status);
            return;
        }
        wait = refusals[i].wait;
    }
    if (in && ptn_sip_in_retry_after(in) > 0)
        wait = ptn_sip_in_retry_after(in);
    /* What holds goes on holding until it has run out; what never did begins anew. */
    if (!is_known(u))
        forget_dialog(s, u);
    wait_for(s, now, a, status, wait);
}

void ptn_sip_subscription_answered(struct ptn_sip *s, ptn_time now, ptn_sip_id account,
                                   const struct ptn_sip_in *in)
{
    struct ptn_sip_acct *a = ptn_sip_find_account(s, account);
    struct ptn_sip_subscription *u = a ? &a->mailbox : NULL;
    unsigned status = in ? in->msg->scode : 0;

    if (!a || (in && status < 200))
        return;
    u->txn = 0;
    if (u->state == PTN_SIP_SUB_IDLE) { /* we have left */
        if ((status == 401 || status == 407) && ptn_sip_account_challenged(s, a, &u->chain, in) &&
            transmit(s, now, a, 0))
            return;
        forget_dialog(s, u);
        return;
    }
    if ((status == 401 || status == 407) && ptn_sip_account_challenged(s, a, &u->chain, in) &&
        transmit(s, now, a, u->expires_s))
        return;
    if (in && status < 300)
        taken(s, now, a, in);
    else
        refused(s, now, a, in);
}

/* ---- what it says ---- */

/* RFC 6665 §4.1.3. */
static const struct reason {
    const char *word;
    bool at_once;
    ptn_time wait; /* 0: doubles */
    bool retry_after;
} reasons[] = {
    {"deactivated", true, 0, false},
    {"timeout", true, 0, false},
    {"probation", false, 0, true},
    {"giveup", false, 0, true},
    {"rejected", false, AGAIN_SELDOM, false},
    {"noresource", false, AGAIN_SELDOM, false},
    {"invariant", false, AGAIN_SELDOM, false},
    {"", false, 0, true}, /* none, or one that is not known */
};

static void terminated(struct ptn_sip *s, ptn_time now, struct ptn_sip_acct *a, struct pl value)
{
    const struct reason *reason = reasons;
    struct pl word = {0}, after;
    uint32_t seconds = 0;

    msg_param_decode(&value, "reason", &word);
    while (reason->word[0] && pl_strcasecmp(&word, reason->word) != 0)
        reason++;
    if (reason->at_once) {
        go_anew(s, now, a, 0);
        return;
    }
    if (reason->retry_after && msg_param_decode(&value, "retry-after", &after) == 0)
        ptn_sip_number(after, RETRY_AFTER_MAX_S, &seconds);
    forget_dialog(s, &a->mailbox);
    a->mailbox.held_since = PTN_NEVER;
    wait_for(s, now, a, 0, seconds ? PTN_S(seconds) : reason->wait);
}

struct ptn_sip_acct *ptn_sip_subscription_of(const struct ptn_sip *s, const struct ptn_sip_in *in)
{
    for (unsigned i = 0; i < PTN_SIP_ACCOUNTS_MAX; i++) {
        struct ptn_sip_acct *a = s->accounts[i];
        const struct ptn_sip_dialog *d = a ? &a->mailbox.dialog : NULL;
        if (d && d->call_id && ptn_pl_is(in->msg->callid, d->call_id) &&
            ptn_pl_is(in->msg->to.tag, d->local_tag) && pl_isset(&in->msg->from.tag) &&
            (!d->remote_tag[0] || ptn_pl_is(in->msg->from.tag, d->remote_tag)))
            return a;
    }
    return NULL;
}

static bool begins(struct pl value, const char *word)
{
    size_t size = strlen(word);

    return value.l >= size && strncasecmp(value.p, word, size) == 0 &&
           (value.l == size || strchr("; \t", value.p[size]) != NULL);
}

void ptn_sip_subscription_notified(struct ptn_sip *s, ptn_time now, ptn_sip_txn_id id,
                                   struct ptn_sip_acct *a, const struct ptn_sip_in *in)
{
    struct pl state = ptn_sip_in_value(in, SIP_HDR_SUBSCRIPTION_STATE), expires;
    struct ptn_sip_subscription *u = &a->mailbox;
    uint32_t lease_s;

    if (!begins(ptn_sip_in_value(in, SIP_HDR_EVENT), "message-summary")) {
        ptn_sip_reject(s, now, id, 489, NULL);
        return;
    }
    /* The first one may overtake the answer, and is as good. */
    if (!is_known(u) && !ptn_sip_dialog_notified(&u->dialog, in)) {
        ptn_sip_reject(s, now, id, 400, NULL);
        return;
    }
    if (!ptn_sip_dialog_take_cseq(&u->dialog, in)) {
        ptn_sip_reject(s, now, id, 500, NULL);
        return;
    }
    ptn_sip_dialog_refresh(&u->dialog, in);
    ptn_sip_reject(s, now, id, 200, NULL);
    ptn_sip_mailbox_says(s, a, in);
    if (u->state == PTN_SIP_SUB_IDLE)
        return;
    if (begins(state, "terminated"))
        terminated(s, now, a, state);
    else if (msg_param_decode(&state, "expires", &expires) == 0 &&
             ptn_sip_number(expires, LEASE_MAX_S, &lease_s) && lease_s > 0 &&
             u->state == PTN_SIP_SUB_HELD)
        hold(s, now, a, lease_s);
}

/* ---- time ---- */

void ptn_sip_subscription_tick(struct ptn_sip *s, ptn_time now, struct ptn_sip_acct *a)
{
    struct ptn_sip_subscription *u = &a->mailbox;

    if (u->until <= now) {
        u->held_since = PTN_NEVER;
        u->state = PTN_SIP_SUB_IDLE;
        forget_dialog(s, u);
        go(s, now, a);
    } else if (u->next <= now) {
        go(s, now, a);
    }
}

ptn_time ptn_sip_subscription_deadline(const struct ptn_sip_acct *a)
{
    return ptn_time_min(a->mailbox.next, a->mailbox.until);
}
