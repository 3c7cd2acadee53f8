/*
 * sip/account.c - who the agent speaks for, and where it sends.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sip/agent.h"

enum { TEXT_MAX = 255, URI_MAX = 1024 };

struct ptn_sip_acct *ptn_sip_find_account(const struct ptn_sip *s, ptn_sip_id id)
{
    for (unsigned i = 0; i < PTN_SIP_ACCOUNTS_MAX && id; i++)
        if (s->accounts[i] && s->accounts[i]->id == id)
            return s->accounts[i];
    return NULL;
}

/* ---- adding and removing ---- */

/* Control characters would end a header line; the others would end a URI. */
static bool is_fine(const char *text, const char *forbidden)
{
    if (!text)
        return true;
    if (strlen(text) > TEXT_MAX)
        return false;
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 127 || strchr(forbidden, *text))
            return false;
    return true;
}

static bool is_valid(const struct ptn_sip_account *o)
{
    static const char not_in_user[] = " <>@\",:;?/\\", not_in_host[] = " <>@\",;?/\\";

    return o->user && o->user[0] && is_fine(o->user, not_in_user) &&
           is_fine(o->domain, not_in_host) && is_fine(o->server.name, not_in_host) &&
           is_fine(o->proxy.name, not_in_host) && is_fine(o->server_2.name, not_in_host) &&
           is_fine(o->proxy_2.name, not_in_host) && is_fine(o->display_name, "") &&
           is_fine(o->auth_user, "") && is_fine(o->password, "") && is_fine(o->instance, " <>\"") &&
           is_fine(o->mailbox, " <>\"") && (o->domain || o->server.name) &&
           (!o->registers || o->server.name);
}

static bool fill(struct ptn_sip_acct *a, const struct ptn_sip_account *o, struct ptn_dice *dice)
{
    char token[25];

    a->domain_is_server = !o->domain;
    a->dialogs_by_proxy = o->dialogs_by_proxy;
    a->registers = o->registers;
    a->register_after = o->register_after;
    a->trusts_server_only = o->trusts_server_only;
    a->reliable = o->reliable;
    a->session_expires_s = o->session_expires_s;
    a->session_refresher_uas = o->session_refresher_uas;
    a->pulse = (struct ptn_sip_pulse){.kind = o->keepalive,
                                      .every = o->keepalive_every ? o->keepalive_every : PTN_S(25),
                                      .next = PTN_NEVER,
                                      .due = PTN_NEVER,
                                      .stun.due = PTN_NEVER};
    a->outbound.offers = o->instance && !o->no_outbound;
    a->retry_first = o->retry_first ? o->retry_first : PTN_S(2);
    a->retry_max = ptn_time_max(a->retry_first, o->retry_max ? o->retry_max : PTN_S(60));
    a->hop_until = PTN_NEVER;
    a->reg = (struct ptn_sip_reg){
        .next = PTN_NEVER, .cut_off_at = PTN_NEVER, .cseq = ptn_dice_below(dice, 10000)};
    ptn_sip_token(dice, token, sizeof token);
    bool done = ptn_sip_replace(&a->reg.call_id, ptn_pl(token));
    ptn_sip_token(dice, token, 17);
    return done && ptn_sip_replace(&a->reg.from_tag, ptn_pl(token)) &&
           ptn_sip_replace(&a->user, ptn_pl(o->user)) &&
           ptn_sip_replace(&a->auth_user, ptn_pl(o->auth_user ? o->auth_user : o->user)) &&
           (!o->password || ptn_sip_replace(&a->password, ptn_pl(o->password))) &&
           (!o->instance || ptn_sip_replace(&a->instance, ptn_pl(o->instance))) &&
           ptn_sip_subscription_init(&a->mailbox, o) && ptn_sip_ways_init(a, o);
}

static void free_account(struct ptn_sip_acct *a)
{
    ptn_sip_reg_fini(&a->reg);
    ptn_sip_subscription_fini(&a->mailbox);
    ptn_sip_outbound_fini(&a->outbound);
    free(a->user);
    free(a->auth_user);
    free(a->password);
    free(a->instance);
    ptn_sip_ways_fini(a);
    ptn_sip_auth_fini(&a->auth);
    free(a);
}

enum ptn_err ptn_sip_account_add(struct ptn_sip *s, ptn_time now,
                                 const struct ptn_sip_account *account, ptn_sip_id *id)
{
    unsigned slot = 0;

    if (!is_valid(account))
        return PTN_ERR_INVALID;
    while (slot < PTN_SIP_ACCOUNTS_MAX && s->accounts[slot])
        slot++;
    if (slot == PTN_SIP_ACCOUNTS_MAX)
        return PTN_ERR_NO_ROOM;
    struct ptn_sip_acct *a = calloc(1, sizeof *a);
    if (!a)
        return PTN_ERR_NO_MEMORY;
    if (!fill(a, account, &s->dice)) {
        free_account(a);
        return PTN_ERR_NO_MEMORY;
    }
    *id = a->id = ++s->last_id;
    s->accounts[slot] = a;
    if (a->has_hop)
        ptn_sip_account_look_up(s, now, a);
    return PTN_OK;
}

void ptn_sip_account_remove(struct ptn_sip *s, ptn_time now, ptn_sip_id account)
{
    (void)now;
    for (unsigned i = 0; i < PTN_SIP_ACCOUNTS_MAX; i++)
        if (s->accounts[i] && s->accounts[i]->id == account) {
            ptn_sip_calls_of_account_end(s, account);
            ptn_sip_exchange_forget(s, PTN_SIP_FOR_REGISTRATION, account);
            ptn_sip_exchange_forget(s, PTN_SIP_FOR_KEEPALIVE, account);
            ptn_sip_exchange_forget(s, PTN_SIP_FOR_OPINION, account);
            ptn_sip_exchange_forget(s, PTN_SIP_FOR_SUBSCRIPTION, account);
            free_account(s->accounts[i]);
            s->accounts[i] = NULL;
        }
}

void ptn_sip_account_use(struct ptn_sip *s, ptn_time now, ptn_sip_id account,
                         const struct ptn_sip_path *path)
{
    struct ptn_sip_acct *a = ptn_sip_find_account(s, account);

    if (!a)
        return;
    bool first = a->path.socket == 0;
    bool moved = a->path.socket != path->socket;
    bool changed =
        !ptn_addr_equal(&a->path.contact, &path->contact) || a->path.veiled != path->veiled;
    /* What rests because of a NAT has no reason to where the socket is another. */
    bool rests = a->reg.resting && !(moved && a->reg.state == PTN_SIP_REG_BACKOFF);
    bool wanted = a->reg.wanted && !rests;
    /* Another contact for another server is no news of ours: with both dead they would take turns
     * at once, and not when the back-off says so. */
    bool news = a->reg.failures == 0 || ptn_addr_equal(&a->path_for, &a->hop_addr);
    a->path_for = a->hop_addr;
    a->path = *path;
    a->reg.looked = 0;
    if (first && a->registers)
        ptn_sip_reg_begin(s, now, a);
    else if (moved && wanted)
        ptn_sip_reg_renew(s, now, a);
    else if (changed && wanted && news)
        ptn_sip_reg_go(s, now, a);
    if (!a->registers && first)
        ptn_sip_keepalive_start(s, now, a);
    if (!a->registers || (!first && a->mailbox.state != PTN_SIP_SUB_IDLE))
        ptn_sip_subscription_ready(s, now, a);
}

/* ---- whom a request means ---- */

static bool is_user(const struct ptn_sip_acct *a, const struct ptn_sip_in *in)
{
    return ptn_sip_user_is(in->msg->uri.user, a->user);
}

struct ptn_sip_acct *ptn_sip_account_for(struct ptn_sip *s, const struct ptn_sip_in *in)
{
    struct ptn_sip_acct *by_user = NULL;

    for (unsigned i = 0; i < PTN_SIP_ACCOUNTS_MAX; i++) {
        struct ptn_sip_acct *a = s->accounts[i];
        if (!a || !is_user(a, in))
            continue;
        /* One name at two servers: the one the request comes from. */
        if (ptn_sip_account_has_server(s, a, &in->from))
            return a;
        if (!by_user)
            by_user = a;
    }
    return by_user;
}

/* ---- for requests of the account ---- */

void ptn_sip_print_contact(const char *user, enum ptn_transport transport,
                           const struct ptn_addr *contact, char *buf, size_t size)
{
    char addr[PTN_ADDR_TEXT_MAX + 8];

    snprintf(buf, size, "<sip:%s%s%s%s>", user, user[0] ? "@" : "", ptn_sip_hostport(contact, addr),
             ptn_sip_transport_parameter(transport));
}

bool ptn_sip_account_challenged(struct ptn_sip *s, struct ptn_sip_acct *a,
                                struct ptn_sip_auth_chain *chain, const struct ptn_sip_in *in)
{
    enum { CHALLENGES_MAX = 8 };
    struct ptn_sip_challenge challenges[CHALLENGES_MAX];
    size_t count = 0;

    (void)s;
    for (unsigned proxy = 0; proxy < 2; proxy++) {
        struct ptn_sip_walk walk =
            ptn_sip_walk(in, proxy ? SIP_HDR_PROXY_AUTHENTICATE : SIP_HDR_WWW_AUTHENTICATE);
        struct pl value;
        while (count < CHALLENGES_MAX && ptn_sip_walk_value(&walk, &value))
            if (ptn_sip_challenge_parse(ptn_bytes(value.p, value.l), proxy, &challenges[count]))
                count++;
    }
    return a->password && ptn_sip_auth_challenged(&a->auth, chain, challenges, count);
}

bool ptn_sip_account_authorize(struct ptn_sip *s, struct ptn_sip_acct *a, const char *method,
                               const char *uri, char *buf, size_t size)
{
    struct ptn_writer w = ptn_writer(buf, size);

    ptn_sip_auth_print(&a->auth, s->crypto, &s->dice,
                       &(struct ptn_sip_credentials){a->auth_user, a->password}, method, uri, &w);
    ptn_write_u8(&w, 0);
    return !w.bad;
}

/* ---- time ---- */

void ptn_sip_accounts_resume(struct ptn_sip *s, ptn_time now)
{
    for (unsigned i = 0; i < PTN_SIP_ACCOUNTS_MAX; i++)
        if (s->accounts[i] && s->accounts[i]->has_hop)
            ptn_sip_account_look_up(s, now, s->accounts[i]);
}

void ptn_sip_accounts_tick(struct ptn_sip *s, ptn_time now)
{
    ptn_sip_opinion_tick(s, now);
    for (unsigned i = 0; i < PTN_SIP_ACCOUNTS_MAX; i++) {
        struct ptn_sip_acct *a = s->accounts[i];
        if (!a)
            continue;
        if (a->hop_until <= now)
            ptn_sip_account_look_up(s, now, a);
        ptn_sip_keepalive_tick(s, now, a);
        ptn_sip_reg_tick(s, now, a);
        ptn_sip_subscription_tick(s, now, a);
    }
}

ptn_time ptn_sip_accounts_deadline(const struct ptn_sip *s)
{
    ptn_time due = s->opinion.account ? s->opinion.until : PTN_NEVER;

    for (unsigned i = 0; i < PTN_SIP_ACCOUNTS_MAX; i++) {
        const struct ptn_sip_acct *a = s->accounts[i];
        if (!a)
            continue;
        due = ptn_time_min(due, ptn_sip_keepalive_deadline(a));
        due = ptn_time_min(due, ptn_sip_subscription_deadline(a));
        due = ptn_time_min(due, ptn_time_min(a->hop_until, a->reg.next));
    }
    return due;
}

void ptn_sip_accounts_fini(struct ptn_sip *s)
{
    for (unsigned i = 0; i < PTN_SIP_ACCOUNTS_MAX; i++)
        if (s->accounts[i])
            free_account(s->accounts[i]);
}
