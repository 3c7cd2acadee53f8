/*
 * sip/keepalive.c - keeping the way from the server open, and noticing when it is shut.
 */
#include <stdio.h>

#include "sip/agent.h"

enum { URI_MAX = 1024 };

/* How long a keep-alive OPTIONS may go unanswered: its first four sends, at 0, T1, 3 T1, 7 T1. */
#define KEEPALIVE_WAIT_T1 8

/* Of CRLFs over UDP every so manieth is an OPTIONS instead, which shows whether anybody hears us
 * and from where. A server that left so many unanswered, and answered REGISTER, does not speak it.
 */
enum { PROBE_EVERY = 2, PROBES_MISSED_MAX = 2 };

/* A little early and never in step with others: 80 to 100 % of the interval (RFC 5626 §4.4). */
static void next_keepalive(struct ptn_sip *s, ptn_time now, struct ptn_sip_acct *a)
{
    double part = 0.8 + 0.2 * ptn_dice_unit(&s->dice);

    a->keepalive_next = now + (ptn_time)((double)a->keepalive_every * part);
}

static void send_options(struct ptn_sip *s, ptn_time now, struct ptn_sip_acct *a)
{
    char from[URI_MAX], call_id[25], tag[17];
    struct ptn_sip_ask_request ask = {
        .user = PTN_SIP_FOR_KEEPALIVE, .user_id = a->id, .target = a->hop, .path = a->path};

    ptn_sip_token(&s->dice, call_id, sizeof call_id);
    ptn_sip_token(&s->dice, tag, sizeof tag);
    snprintf(from, sizeof from, "%s;tag=%s", a->aor, tag);
    ask.request = (struct ptn_sip_request){.method = "OPTIONS",
                                           .uri = a->registrar,
                                           .routes = a->route,
                                           .from = from,
                                           .to = a->aor,
                                           .call_id = call_id,
                                           .cseq = 1};
    a->keepalive_txn = ptn_sip_exchange_ask(s, now, &ask);
    a->keepalive_due = now + KEEPALIVE_WAIT_T1 * s->opts.t1;
}

static bool is_to_probe(struct ptn_sip_acct *a)
{
    if (a->keepalive == PTN_SIP_KEEPALIVE_OPTIONS)
        return true;
    return a->hop.transport == PTN_UDP && a->reg.state == PTN_SIP_REG_BOUND &&
           a->probes_missed < PROBES_MISSED_MAX && ++a->keepalives % PROBE_EVERY == 0;
}

static void send_keepalive(struct ptn_sip *s, ptn_time now, struct ptn_sip_acct *a)
{
    struct ptn_sip_hop hop = {.socket = a->path.socket,
                              .transport = a->hop.transport,
                              .to = a->hop_addr,
                              .name = a->hop.host};

    if (ptn_addr_is_none(&a->hop_addr))
        return;
    if (is_to_probe(a))
        send_options(s, now, a);
    else if (hop.transport == PTN_UDP)
        ptn_sip_send(s, now, &hop, ptn_bytes("\r\n\r\n", 4));
    else
        ptn_sip_ping_stream(s, now, &hop);
}

void ptn_sip_account_start_keepalive(struct ptn_sip *s, ptn_time now, struct ptn_sip_acct *a)
{
    if (a->keepalive == PTN_SIP_KEEPALIVE_OFF || !a->has_hop)
        return;
    if (a->keepalive_next == PTN_NEVER)
        next_keepalive(s, now, a);
    /* At once, to learn whether this server answers pings: only then is silence its end. */
    if (a->keepalive == PTN_SIP_KEEPALIVE_CRLF && a->hop.transport != PTN_UDP)
        send_keepalive(s, now, a);
}

static void keepalive_lost(struct ptn_sip *s, ptn_time now, struct ptn_sip_acct *a)
{
    ptn_sip_exchange_drop(s, a->keepalive_txn);
    a->keepalive_due = PTN_NEVER;
    a->probes_missed++;
    ptn_sip_tell(s, &(struct ptn_sip_event){.kind = PTN_SIP_KEEPALIVE_LOST, .account = a->id});
    /* Perhaps the server has moved. */
    ptn_sip_doubt_name(s, now, &a->hop);
    ptn_sip_account_look_up(s, now, a);
    if (a->reg.wanted)
        ptn_sip_reg_go(s, now, a);
}

/* Any answer will do, a refusal too: it has come the whole way. */
void ptn_sip_account_keepalive_answered(struct ptn_sip *s, ptn_time now, ptn_sip_id account,
                                        const struct ptn_sip_in *in)
{
    struct ptn_sip_acct *a = ptn_sip_find_account(s, account);

    if (!a || a->keepalive_due == PTN_NEVER)
        return;
    if (!in) {
        keepalive_lost(s, now, a);
        return;
    }
    a->keepalive_due = PTN_NEVER;
    a->probes_missed = 0;
}

void ptn_sip_accounts_conn_lost(struct ptn_sip *s, ptn_time now, const struct ptn_sip_conn *conn)
{
    for (unsigned i = 0; i < PTN_SIP_ACCOUNTS_MAX; i++) {
        struct ptn_sip_acct *a = s->accounts[i];
        /* The registrar reaches us through this connection and no other (RFC 5626 §4.2). While a
         * REGISTER is out its transaction has failed with the connection and says so itself. */
        if (!a || a->hop.transport != conn->transport || a->path.socket != conn->socket ||
            !ptn_addr_equal(&a->hop_addr, &conn->remote) || a->reg.state != PTN_SIP_REG_BOUND)
            continue;
        ptn_sip_tell(s, &(struct ptn_sip_event){.kind = PTN_SIP_KEEPALIVE_LOST, .account = a->id});
        ptn_sip_reg_go(s, now, a);
    }
}

void ptn_sip_keepalive_tick(struct ptn_sip *s, ptn_time now, struct ptn_sip_acct *a)
{
    if (a->keepalive_due <= now)
        keepalive_lost(s, now, a);
    if (a->keepalive_next <= now) {
        next_keepalive(s, now, a);
        send_keepalive(s, now, a);
    }
}
