/*
 * ua/twin.c - an account that is registered with both of its servers at the same time.
 *
 * For the agent that is a second account, whose only server is the second: it keeps the phone
 * reachable there, also in the seconds in which nobody knows yet that the first has died. Whatever
 * comes in by it is the account's. What goes out is the account's own.
 */
#include "ua/inside.h"

void ptn_ua_twin_start(struct ptn_ua *ua, ptn_time now, struct ptn_ua_account_here *a,
                       const struct ptn_sip_account *account)
{
    struct ptn_sip_account twin = *account;

    if (!a->opts.registers_with_both || !a->opts.registers || !account->server_2.name)
        return;
    twin.server = account->server_2;
    twin.server_2 = (struct ptn_sip_host){0};
    twin.mailbox = NULL; /* the first one's tells */
    a->twin.transport = twin.server.transport ? twin.server.transport : PTN_UDP;
    enum ptn_err err = ptn_sip_account_add(ua->sip, now, &twin, &a->twin.sip);
    if (err)
        ptn_log(ua->opts.log, PTN_LOG_ERROR, "account %s at its second server: %s", a->opts.user,
                ptn_err_text(err));
}

static struct ptn_ua_account_here *find(struct ptn_ua *ua, ptn_sip_id sip)
{
    for (unsigned i = 0; i < ua->opts.account_count; i++)
        if (sip && ua->accounts[i].twin.sip == sip)
            return &ua->accounts[i];
    return NULL;
}

bool ptn_ua_twin_event(struct ptn_ua *ua, const struct ptn_sip_event *ev)
{
    struct ptn_ua_account_here *a = find(ua, ev->account);
    bool before = a && a->twin.registered;

    if (!a)
        return false;
    switch (ev->kind) {
    case PTN_SIP_SERVER:
        a->twin.server = ev->addr;
        a->twin.transport = ev->transport;
        ua->dirty = true;
        break;
    case PTN_SIP_REGISTERED: a->twin.registered = true; break;
    case PTN_SIP_REGISTER_FAILED:
    case PTN_SIP_UNREGISTERED: a->twin.registered = false; break;
    default: break;
    }
    if (before != a->twin.registered)
        ptn_log(ua->opts.log, PTN_LOG_INFO, "%s: %s registered with its second server, too",
                a->opts.user, before ? "no longer" : "now");
    return true;
}

void ptn_ua_twin_refresh(struct ptn_ua *ua, ptn_time now, struct ptn_ua_account_here *a)
{
    struct ptn_ua_twin *t = &a->twin;
    struct ptn_ua_sip_socket *s = t->sip == 0 || ptn_addr_is_none(&t->server)
                                      ? NULL
                                      : ptn_ua_socket_towards(ua, t->transport, &t->server);

    /* The account has waited for mapped addresses already. */
    if (!s || (t->path.socket == 0 && !a->told && now < a->ready_by))
        return;
    struct ptn_reach_ask ask = ptn_ua_reach_ask(&a->opts, &t->server);
    struct ptn_reach_answer contact = ptn_ua_contact(ua, s, &ask);
    if (t->path.socket == s->id && ptn_addr_equal(&t->path.contact, &contact.addr))
        return;
    t->path = (struct ptn_sip_path){s->id, contact.addr};
    ptn_sip_account_use(ua->sip, now, t->sip, &t->path);
}

void ptn_ua_twin_leave(struct ptn_ua *ua, ptn_time now, const struct ptn_ua_account_here *a)
{
    if (a->twin.path.socket)
        ptn_sip_unregister(ua->sip, now, a->twin.sip);
}
