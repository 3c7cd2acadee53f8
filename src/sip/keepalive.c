/*
 * sip/keepalive.c - keeping the way from the server open, and noticing when it is shut.
 *
 *     kind               over UDP                                    over TCP and TLS
 *     CRLF               an empty line, every second time OPTIONS,   a ping, whose pong is
 *                        every time where another server waits;      awaited (transport.c)
 *                        STUN where the registrar keeps flows
 *     OPTIONS, NOTIFY    that                                        that
 *
 *               every interval             any answer
 *     RESTING ------------------> ASKING --------------> RESTING
 *                                 |    ^
 *                  2 s of silence +----+   after the third: LOST
 *
 * Accounts with one server and one socket have one flow, which one of them keeps open for all,
 * and when it is lost all of them register anew: over streams by another connection, over UDP
 * from the same port, for that is the one that was set.
 *
 * RFC 5626 §3.5, §4.4.
 */
#include <stdio.h>

#include "sip/agent.h"

enum { URI_MAX = 1024, HEADERS_MAX = 600, ASKS_MAX = 3 };

/* One question's time: 2 s, with repeats after T1 and 3 T1. */
#define ANSWER_WAIT_T1 4

/* Of empty lines over UDP every so manieth is an OPTIONS instead, which shows whether anybody hears
 * us and from where. Where another server is ready to take a dead one's place all of them are: the
 * sooner its death is noticed the sooner it does. */
enum { PROBE_EVERY = 2, PROBE_EVERY_OF_SEVERAL = 1 };

/* A server that left so many in a row unanswered, and answered REGISTER, does not answer these
 * questions; it is asked again after a while, for the silence may have been the NAT's. */
enum { LOSSES_MAX = 2 };
#define DEAF_FOR PTN_S(1800)

/* Others on a flow that is lost wait so long at most, by chance. */
#define OTHERS_WAIT PTN_MS(500)

/* ---- flows ---- */

static bool is_same_flow(const struct ptn_sip_acct *a, const struct ptn_sip_acct *b)
{
    return a->path.socket != 0 && a->path.socket == b->path.socket &&
           a->hop_transport == b->hop_transport && !ptn_addr_is_none(&a->hop_addr) &&
           ptn_addr_equal(&a->hop_addr, &b->hop_addr);
}

static bool is_bound(const struct ptn_sip_acct *a)
{
    return a->reg.state == PTN_SIP_REG_BOUND;
}

/* RFC 5626 §4.4: the registrar may want them more often than we were told to send them. */
static ptn_time interval(const struct ptn_sip_acct *a)
{
    ptn_time wanted = PTN_S(a->outbound.flow_timer_s);

    return wanted > 0 && wanted < a->pulse.every ? wanted : a->pulse.every;
}

/* Does another account keep the flow open already, at least as well? */
static bool is_covered(const struct ptn_sip *s, const struct ptn_sip_acct *a)
{
    for (unsigned i = 0; i < PTN_SIP_ACCOUNTS_MAX; i++) {
        const struct ptn_sip_acct *b = s->accounts[i];
        if (!b || b == a || b->pulse.next == PTN_NEVER || b->pulse.kind != a->pulse.kind ||
            !is_same_flow(a, b) || (is_bound(a) && !is_bound(b)))
            continue;
        if (is_bound(b) && !is_bound(a))
            return true;
        if (interval(b) < interval(a) || (interval(b) == interval(a) && b->id < a->id))
            return true;
    }
    return false;
}

static struct ptn_sip_hop hop_of(const struct ptn_sip_acct *a)
{
    return (struct ptn_sip_hop){.socket = a->path.socket,
                                .transport = a->hop_transport,
                                .to = a->hop_addr,
                                .name = a->hop->host};
}

/* ---- questions ---- */

static void send_request(struct ptn_sip *s, ptn_time now, struct ptn_sip_acct *a)
{
    bool notify = a->pulse.kind == PTN_SIP_KEEPALIVE_NOTIFY;
    char from[URI_MAX], call_id[25], tag[17], contact[400];
    struct ptn_sip_ask_request ask = {.user = PTN_SIP_FOR_KEEPALIVE,
                                      .user_id = a->id,
                                      .target = *a->hop,
                                      .only = {a->hop_transport, a->hop_addr},
                                      .path = a->path};

    ptn_sip_token(&s->dice, call_id, sizeof call_id);
    ptn_sip_token(&s->dice, tag, sizeof tag);
    snprintf(from, sizeof from, "%s;tag=%s", a->aor, tag);
    ptn_sip_print_contact(a->user, a->hop_transport, &a->path.contact, contact, sizeof contact);
    ask.request = (struct ptn_sip_request){.method = notify ? "NOTIFY" : "OPTIONS",
                                           .uri = a->registrar,
                                           .routes = a->route,
                                           .from = from,
                                           .to = a->aor,
                                           .call_id = call_id,
                                           .cseq = 1,
                                           .contact = notify ? contact : NULL,
                                           .headers = notify ? "Event: keep-alive\r\n" : NULL};
    a->pulse.txn = ptn_sip_exchange_ask(s, now, &ask);
    a->pulse.due = now + ANSWER_WAIT_T1 * s->opts.t1;
}

static void send_stun(struct ptn_sip *s, ptn_time now, struct ptn_sip_acct *a)
{
    struct ptn_stun_txn_opts opts = {
        .rto = s->opts.t1, .rto_max = PTN_NEVER, .sends_max = 3, .final_rtos = ANSWER_WAIT_T1};

    a->pulse.stun_id = ptn_stun_id_new(&s->dice, PTN_STUN_MODERN);
    ptn_stun_txn_start(&a->pulse.stun, now, &opts);
    a->pulse.due = now + ANSWER_WAIT_T1 * s->opts.t1;
}

static bool speaks_stun(const struct ptn_sip_acct *a)
{
    return a->pulse.kind == PTN_SIP_KEEPALIVE_CRLF && a->hop_transport == PTN_UDP &&
           a->outbound.granted && !a->pulse.no_stun;
}

static void put_question(struct ptn_sip *s, ptn_time now, struct ptn_sip_acct *a)
{
    a->pulse.asks++;
    if (speaks_stun(a))
        send_stun(s, now, a);
    else
        send_request(s, now, a);
}

static void stop_asking(struct ptn_sip *s, struct ptn_sip_acct *a)
{
    ptn_sip_exchange_drop(s, a->pulse.txn);
    a->pulse.txn = 0;
    a->pulse.due = a->pulse.stun.due = PTN_NEVER;
    a->pulse.asks = 0;
}

/* Does silence mean anything? */
static bool is_answerer(const struct ptn_sip_acct *a, ptn_time now)
{
    return (!a->registers || is_bound(a)) &&
           (a->pulse.losses < LOSSES_MAX || now >= a->pulse.deaf_until);
}

static unsigned probe_every(struct ptn_sip *s, const struct ptn_sip_acct *a)
{
    bool several = a->way_count > 1 || ptn_sip_names_peek(s, a->hop).count > 1;

    return several ? PROBE_EVERY_OF_SEVERAL : PROBE_EVERY;
}

static bool is_to_ask(struct ptn_sip *s, struct ptn_sip_acct *a, ptn_time now)
{
    if (a->pulse.kind != PTN_SIP_KEEPALIVE_CRLF)
        return true;
    if (a->hop_transport != PTN_UDP || !is_bound(a) || !is_answerer(a, now))
        return false;
    return speaks_stun(a) || ++a->pulse.sent % probe_every(s, a) == 0;
}

static void flow_of_account_lost(struct ptn_sip *s, ptn_time now, struct ptn_sip_acct *a,
                                 ptn_time wait)
{
    stop_asking(s, a);
    ptn_sip_tell(s, &(struct ptn_sip_event){.kind = PTN_SIP_KEEPALIVE_LOST, .account = a->id});
    /* Perhaps the server has moved. */
    ptn_sip_doubt_name(s, now, a->hop);
    ptn_sip_account_look_up(s, now, a);
    if (!a->reg.wanted)
        return;
    if (wait == 0)
        ptn_sip_reg_go(s, now, a);
    else if (is_bound(a))
        a->reg.next = ptn_time_min(a->reg.next, now + wait);
}

static void beat(struct ptn_sip *s, ptn_time now, struct ptn_sip_acct *a)
{
    struct ptn_sip_hop hop = hop_of(a);

    if (ptn_addr_is_none(&a->hop_addr) || a->pulse.due != PTN_NEVER || is_covered(s, a))
        return;
    /* There is nothing to keep open, and a NAT that is stuck is to forget. */
    if (a->registers && a->reg.state == PTN_SIP_REG_BACKOFF && a->hop->transport == PTN_UDP)
        return;
    if (is_to_ask(s, a, now))
        put_question(s, now, a);
    else if (hop.transport == PTN_UDP)
        ptn_sip_send(s, now, &hop, ptn_bytes("\r\n\r\n", 4), NULL);
    else if (!ptn_sip_ping_stream(s, now, &hop) && is_bound(a))
        flow_of_account_lost(s, now, a, 0);
}

/* A little early and never in step with others: 80 to 100 % of the interval (RFC 5626 §4.4). */
ptn_time ptn_sip_keepalive_wait(struct ptn_sip *s, const struct ptn_sip_acct *a)
{
    double part = 0.8 + 0.2 * ptn_dice_unit(&s->dice);

    return (ptn_time)((double)interval(a) * part);
}

static void plan(struct ptn_sip *s, ptn_time now, struct ptn_sip_acct *a)
{
    a->pulse.next = now + ptn_sip_keepalive_wait(s, a);
}

void ptn_sip_keepalive_start(struct ptn_sip *s, ptn_time now, struct ptn_sip_acct *a)
{
    if (a->pulse.kind == PTN_SIP_KEEPALIVE_OFF || !a->has_hop)
        return;
    if (a->pulse.next == PTN_NEVER || a->pulse.next > now + interval(a))
        plan(s, now, a);
    /* At once, to learn whether this server answers pings: only then is silence its end. */
    if (a->pulse.kind == PTN_SIP_KEEPALIVE_CRLF && a->hop_transport != PTN_UDP)
        beat(s, now, a);
}

void ptn_sip_doubt_account(struct ptn_sip *s, ptn_time now, ptn_sip_id account)
{
    struct ptn_sip_acct *a = ptn_sip_find_account(s, account);

    if (!a || a->pulse.next == PTN_NEVER || a->pulse.due != PTN_NEVER)
        return;
    /* The next empty line over UDP is one that is answered. */
    a->pulse.sent = probe_every(s, a) - 1;
    a->pulse.next = now;
}

void ptn_sip_keepalive_stop(struct ptn_sip *s, struct ptn_sip_acct *a)
{
    stop_asking(s, a);
    a->pulse.next = PTN_NEVER;
}

/* ---- answers, and none ---- */

static void lost(struct ptn_sip *s, ptn_time now, struct ptn_sip_acct *asker)
{
    struct ptn_sip_hop hop = hop_of(asker);
    bool stun = speaks_stun(asker);

    for (unsigned i = 0; i < PTN_SIP_ACCOUNTS_MAX; i++) {
        struct ptn_sip_acct *a = s->accounts[i];
        if (!a || (a != asker && (!is_same_flow(a, asker) || a->pulse.kind != asker->pulse.kind)))
            continue;
        if (++a->pulse.losses >= LOSSES_MAX && stun) {
            /* It promised to answer STUN; whatever it is that does not, SIP may do better. */
            a->pulse.no_stun = true;
            a->pulse.losses = 0;
        }
        a->pulse.deaf_until = now + DEAF_FOR;
        if (hop.transport == PTN_UDP) {
            ptn_time wait = (ptn_time)(ptn_dice_unit(&s->dice) * (double)OTHERS_WAIT);
            flow_of_account_lost(s, now, a, a == asker ? 0 : wait);
        }
    }
    stop_asking(s, asker);
    /* Its end makes all of its accounts register by the next one. */
    if (hop.transport != PTN_UDP)
        ptn_sip_drop_stream(s, now, &hop);
}

static void missed(struct ptn_sip *s, ptn_time now, struct ptn_sip_acct *a)
{
    unsigned asks = a->pulse.asks;

    if (is_answerer(a, now) && asks >= ASKS_MAX) {
        lost(s, now, a);
        return;
    }
    stop_asking(s, a);
    if (!is_answerer(a, now))
        return;
    a->pulse.asks = asks;
    put_question(s, now, a);
}

/* Any answer will do, a refusal too: it has come the whole way. */
void ptn_sip_keepalive_answered(struct ptn_sip *s, ptn_time now, ptn_sip_id account,
                                const struct ptn_sip_in *in)
{
    struct ptn_sip_acct *a = ptn_sip_find_account(s, account);

    if (!a || a->pulse.due == PTN_NEVER)
        return;
    if (in) {
        stop_asking(s, a);
        a->pulse.losses = 0;
    } else {
        missed(s, now, a);
    }
}

/* A flow whose mapping has moved is another flow (RFC 5626 §4.4.2): the owner hears of the address
 * and tells another contact, which registers. */
bool ptn_sip_keepalive_stun(struct ptn_sip *s, const struct ptn_tell *tell)
{
    struct ptn_stun_msg m;
    struct ptn_addr mapped;

    if (ptn_stun_decode(&m, tell->bytes) != PTN_STUN_OK || m.method != PTN_STUN_BINDING ||
        m.class == PTN_STUN_REQUEST || m.class == PTN_STUN_INDICATION)
        return false;
    for (unsigned i = 0; i < PTN_SIP_ACCOUNTS_MAX; i++) {
        struct ptn_sip_acct *a = s->accounts[i];
        if (!a || a->pulse.due == PTN_NEVER || !ptn_addr_equal(&a->hop_addr, &tell->from) ||
            a->pulse.stun.due == PTN_NEVER || !ptn_stun_id_equal(&m.id, &a->pulse.stun_id))
            continue;
        stop_asking(s, a);
        a->pulse.losses = 0;
        if (m.class == PTN_STUN_SUCCESS && ptn_stun_get_mapped(&m, &mapped, NULL))
            ptn_sip_tell(s, &(struct ptn_sip_event){.kind = PTN_SIP_REFLEXIVE,
                                                    .socket = tell->id,
                                                    .server = tell->from,
                                                    .addr = mapped});
        return true;
    }
    return false;
}

void ptn_sip_keepalive_conn_lost(struct ptn_sip *s, ptn_time now, const struct ptn_sip_conn *conn)
{
    for (unsigned i = 0; i < PTN_SIP_ACCOUNTS_MAX; i++) {
        struct ptn_sip_acct *a = s->accounts[i];
        /* The registrar reaches us through this connection and no other (RFC 5626 §4.2). While a
         * REGISTER is out its transaction has failed with the connection and says so itself. */
        if (!a || a->hop_transport != conn->transport || a->path.socket != conn->socket ||
            !ptn_addr_equal(&a->hop_addr, &conn->remote))
            continue;
        stop_asking(s, a);
        if (!is_bound(a))
            continue;
        ptn_sip_tell(s, &(struct ptn_sip_event){.kind = PTN_SIP_KEEPALIVE_LOST, .account = a->id});
        ptn_sip_reg_go(s, now, a);
    }
}

/* ---- time ---- */

static void tick_stun(struct ptn_sip *s, ptn_time now, struct ptn_sip_acct *a)
{
    uint8_t buf[PTN_STUN_HEADER_BYTES];
    struct ptn_sip_hop hop = hop_of(a);
    struct ptn_stun_out o;
    struct ptn_bytes bytes;

    if (ptn_stun_txn_tick(&a->pulse.stun, now) != PTN_STUN_TXN_SEND)
        return;
    ptn_stun_begin(&o, buf, sizeof buf, PTN_STUN_REQUEST, PTN_STUN_BINDING, &a->pulse.stun_id);
    if (ptn_stun_end(&o, &bytes))
        ptn_sip_send(s, now, &hop, bytes, NULL);
}

void ptn_sip_keepalive_tick(struct ptn_sip *s, ptn_time now, struct ptn_sip_acct *a)
{
    if (a->pulse.due <= now)
        missed(s, now, a);
    if (a->pulse.next <= now) {
        plan(s, now, a);
        beat(s, now, a);
    }
    tick_stun(s, now, a);
}

ptn_time ptn_sip_keepalive_deadline(const struct ptn_sip_acct *a)
{
    return ptn_time_min(a->pulse.stun.due, ptn_time_min(a->pulse.next, a->pulse.due));
}
