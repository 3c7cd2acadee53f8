/*
 * sip/opinion.c - is it the server that is silent, or does the NAT hold on to a dead mapping of
 * ours?
 *
 * Our source port over UDP is the one that was set, so a new flow is the same port again. A NAT
 * whose outside address has changed may go on sending what comes from that port from the old
 * address (Linux does), and each packet of ours makes it do so for longer: REGISTER after REGISTER,
 * for ever. So when REGISTER stays unanswered, another port asks the same server by OPTIONS, once.
 * Where it is answered, only silence helps, longer than the NAT remembers: nothing is sent to that
 * server from our port meanwhile, then all of the flow's accounts register.
 *
 *     REGISTER unanswered twice --> OPENING --> ASKING --- answered ---> the flow rests
 *                                       |         |
 *                                       +---------+--- nobody answers --> not again for five
 * minutes
 */
#include <stdio.h>

#include "sip/agent.h"

enum { URI_MAX = 1024 };

#define ASK_AGAIN PTN_S(300)

/* A question's four sends, at 0, T1, 3 T1 and 7 T1, and its answer. */
#define PATIENCE_T1 9

/* Linux forgets what was in use after 120 s without a packet, older ones and others after 180 s. */
#define REST_FIRST PTN_S(125)
#define REST_LONGER PTN_S(185)

static void close_socket(struct ptn_sip *s, ptn_time now)
{
    ptn_id socket = s->opinion.socket;

    s->opinion.socket = 0;
    ptn_sip_close(s, now, socket);
}

static void end(struct ptn_sip *s, ptn_time now)
{
    ptn_sip_exchange_forget(s, PTN_SIP_FOR_OPINION, s->opinion.account);
    s->opinion.account = 0;
    s->opinion.until = PTN_NEVER;
    s->opinion.not_before = now + ASK_AGAIN;
    close_socket(s, now);
}

void ptn_sip_opinion_want(struct ptn_sip *s, ptn_time now, struct ptn_sip_acct *a)
{
    const struct ptn_sip_socket *k = ptn_sip_find_socket(s, a->path.socket);

    if (!k || k->transport != PTN_UDP || s->opinion.account || now < s->opinion.not_before)
        return;
    struct ptn_addr local = ptn_addr_with_port(k->local, 0);
    s->opinion.socket = ptn_sip_listen(s, now, PTN_UDP, &local);
    s->opinion.account = a->id;
    s->opinion.until = now + PATIENCE_T1 * s->opts.t1;
    struct ptn_sip_socket *other = ptn_sip_find_socket(s, s->opinion.socket);
    if (other)
        other->is_opinion = true;
}

static void ask(struct ptn_sip *s, ptn_time now, struct ptn_sip_acct *a,
                const struct ptn_sip_path *path)
{
    char from[URI_MAX], call_id[25], tag[17];
    struct ptn_sip_ask_request ask = {.user = PTN_SIP_FOR_OPINION,
                                      .user_id = a->id,
                                      .account = a->id,
                                      .target = *a->hop,
                                      .only = {PTN_UDP, a->hop_addr},
                                      .path = *path};

    ptn_sip_token(&s->dice, call_id, sizeof call_id);
    ptn_sip_token(&s->dice, tag, sizeof tag);
    snprintf(from, sizeof from, "%s;tag=%s", a->aor, tag);
    ask.request = (struct ptn_sip_request){.method = "OPTIONS",
                                           .uri = a->registrar,
                                           .transport = PTN_UDP,
                                           .routes = a->route,
                                           .from = from,
                                           .to = a->aor,
                                           .call_id = call_id,
                                           .cseq = 1};
    s->opinion.until = now + PATIENCE_T1 * s->opts.t1;
    if (!ptn_sip_exchange_ask(s, now, &ask))
        end(s, now);
}

void ptn_sip_opinion_opened(struct ptn_sip *s, ptn_time now, const struct ptn_sip_socket *k)
{
    struct ptn_sip_acct *a = ptn_sip_find_account(s, s->opinion.account);

    if (a && k->id == s->opinion.socket)
        /* Nobody has seen this socket yet: it has no name that the server could use. */
        ask(s, now, a, &(struct ptn_sip_path){k->id, k->local, true});
    else
        end(s, now);
}

void ptn_sip_opinion_failed(struct ptn_sip *s, ptn_time now)
{
    s->opinion.socket = 0;
    end(s, now);
}

static void rest_flow(struct ptn_sip *s, ptn_time now, const struct ptn_sip_acct *asked)
{
    ptn_time rest = s->opinion.rests++ % 2 ? REST_LONGER : REST_FIRST;

    for (unsigned i = 0; i < PTN_SIP_ACCOUNTS_MAX; i++) {
        struct ptn_sip_acct *a = s->accounts[i];
        if (a && a->reg.wanted && a->path.socket == asked->path.socket &&
            ptn_addr_equal(&a->hop_addr, &asked->hop_addr) && a->reg.state != PTN_SIP_REG_BOUND)
            ptn_sip_reg_rest(s, now, a, rest);
    }
}

void ptn_sip_opinion_tick(struct ptn_sip *s, ptn_time now)
{
    const struct ptn_sip_acct *a = ptn_sip_find_account(s, s->opinion.account);
    bool ours_was_asked = s->opinion.socket == 0;

    if (!s->opinion.account || s->opinion.until > now)
        return;
    end(s, now);
    if (a && ours_was_asked)
        rest_flow(s, now, a);
}

void ptn_sip_opinion_heard(struct ptn_sip *s, ptn_time now, const struct ptn_sip_acct *a)
{
    if (s->opinion.account == a->id && s->opinion.socket == 0)
        end(s, now);
}

/* `in` NULL: the server is silent there, too. */
void ptn_sip_opinion_answered(struct ptn_sip *s, ptn_time now, ptn_sip_id account,
                              const struct ptn_sip_in *in)
{
    struct ptn_sip_acct *a = ptn_sip_find_account(s, account);
    bool ours_was_asked = s->opinion.socket == 0;

    if (!in || !a || ours_was_asked || a->reg.state == PTN_SIP_REG_BOUND) {
        end(s, now);
        return;
    }
    close_socket(s, now);
    ptn_sip_reg_go(s, now, a);
    ask(s, now, a, &a->path);
}
