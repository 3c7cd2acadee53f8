/*
 * ua/move.c - when the ground moves: another local address, another mapping, a way gone silent.
 *
 * An address of this host that goes is waited for until another of its family comes (with
 * `roams`) or it comes back; then its sockets are opened anew there. Whatever it was that
 * moved, accounts tell their servers by themselves (account.c), and each call that is up
 * compares what it has told with what is true now and tells it by an INVITE within the call. One
 * that rings, and has agreed on sound already, does so by UPDATE, or else once it is answered.
 *
 * A NAT that forgot its mappings shows itself by silence first: STUN is asked about it at
 * once instead of at its next turn.
 */
#include "ua/inside.h"

#define LOOK_EVERY PTN_MS(100)
#define SILENCE PTN_S(1)   /* of a call that was to be heard */
#define UNREACHED PTN_S(2) /* of one that was never heard */
#define UNREACHED_CALLED PTN_MS(2600)
#define ASK_AGAIN PTN_S(2)    /* while it lasts */
#define DOUBT_AGAIN PTN_S(5)  /* the answers to the last doubt are no news */
#define STEADY PTN_MS(200)    /* RTP, RTCP and SIP learn of a new mapping one after the other */
#define TELL_AGAIN PTN_S(3)   /* after the far end could not take it */
#define LISTEN_AGAIN PTN_S(1) /* IPv6 addresses are tentative at first */

enum { ASKS_MAX = 5, TELLS_MAX = 3 };

/* --- calls --- */

static void doubt_sockets(struct ptn_ua *ua, ptn_time now, unsigned local)
{
    for (unsigned i = 0; i < ua->socket_count; i++)
        if (ua->sockets[i].open && ua->sockets[i].local == local)
            ptn_ua_socket_doubt(&ua->sockets[i], now);
}

/* STUN at the sockets that this call stands on, and its proxy, for what that sees may differ. */
static void doubt_call(struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call)
{
    for (unsigned end = 0; end < 2; end++)
        ptn_flow_doubt(&call->pair->ends[end].flow, now);
    ptn_sip_doubt_call(ua->sip, now, call->sip);
}

/* A NAT that has forgotten one mapping has mostly forgotten all, and who speaks first through the
 * new ones may never fall silent: what else is known is asked for at once, not at its turn. */
void ptn_ua_mappings_doubtful(struct ptn_ua *ua, ptn_time now, unsigned local)
{
    if (local == 0)
        ptn_ua_kind_doubt(ua, now);
    if (ua->doubted_at[local] && now < ua->doubted_at[local] + DOUBT_AGAIN)
        return;
    ua->doubted_at[local] = now;
    doubt_sockets(ua, now, local);
    ptn_pool_doubt(&ua->pool, now, local);
    for (unsigned i = 0; i < ua->opts.account_count; i++) {
        const struct ptn_ua_account_here *a = &ua->accounts[i];
        const struct ptn_ua_sip_socket *s = ptn_ua_socket(ua, a->path.socket);
        if (a->told && s && s->local == local)
            ptn_sip_doubt_account(ua->sip, now, a->sip);
    }
    for (unsigned i = 0; i < PTN_UA_CALLS_MAX; i++)
        if (ua->calls[i].id != 0 && ua->calls[i].pair && ua->calls[i].pair->local == local)
            ptn_sip_doubt_call(ua->sip, now, ua->calls[i].sip);
}

/* Told directly, and never heard: with a relayed address, if one can be had, the far end may be.
 * Who was called waits a little longer, so that not both do this at once. */
static void watch_first_sound(ptn_time now, struct ptn_ua_call *call)
{
    if (call->heard || now < call->answered_at + (call->incoming ? UNREACHED_CALLED : UNREACHED))
        return;
    for (unsigned end = 0; end < 2; end++)
        ptn_reach_see_unreached(&call->pair->ends[end].flow.anchor.reach);
}

static void watch_silence(struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call)
{
    struct ptn_ua_watch *w = &call->watch;
    ptn_time since = call->heard ? call->heard_at : call->answered_at;

    if (!call->agreed.we_receive || now < since + SILENCE) {
        w->asks = 0;
        return;
    }
    watch_first_sound(now, call);
    if (w->asks == ASKS_MAX || (w->asks > 0 && now < w->asked_at + ASK_AGAIN))
        return;
    w->asks++;
    w->asked_at = now;
    doubt_sockets(ua, now, call->pair->local);
    doubt_call(ua, now, call);
}

/* The call's socket, or the one that takes its place; NULL while there is none. */
static struct ptn_ua_sip_socket *socket_of(struct ptn_ua *ua, const struct ptn_ua_call *call)
{
    struct ptn_ua_sip_socket *s = ptn_ua_socket(ua, call->socket);

    if (s && ua->gone[s->local])
        s = ptn_ua_socket_towards(ua, s->transport, &call->hop);
    return s;
}

static struct ptn_reach_answer media_at(const struct ptn_ua *ua, const struct ptn_ua_call *call,
                                        unsigned end)
{
    const struct ptn_ua_account *account = &ua->accounts[call->account].opts;
    struct ptn_reach_ask ask = ptn_ua_reach_ask(account, &call->told_to);

    return ptn_reach_answer(&call->pair->ends[end].flow.anchor.reach, &ask);
}

static bool has_moved(const struct ptn_ua *ua, ptn_time now, const struct ptn_ua_call *call,
                      const struct ptn_ua_sip_socket *s, const struct ptn_addr *contact)
{
    struct ptn_addr rtp = media_at(ua, call, 0).addr, rtcp = media_at(ua, call, 1).addr;

    return now >= call->watch.tell_at || s->id != call->socket ||
           !ptn_addr_equal(contact, &call->contact) || !ptn_addr_equal(&rtp, &call->ours.rtp) ||
           !ptn_addr_equal(&rtcp, &call->ours.rtcp);
}

static bool is_settled(const struct ptn_ua *ua, ptn_time now, const struct ptn_ua_call *call,
                       const struct ptn_ua_sip_socket *s, const struct ptn_reach_answer *contact)
{
    const struct ptn_ua_account_here *account = &ua->accounts[call->account];
    bool settled = ptn_pair_settled(call->pair) && ptn_ua_socket_settled(s);
    struct ptn_reach_answer rtp = media_at(ua, call, 0);

    /* The server says where it sees us; before it does, it would not hear us either. */
    if (ptn_ua_is_guess_so_far(account, contact) || ptn_ua_is_guess_so_far(account, &rtp))
        return false;
    return !ptn_ua_worth_waiting(ua, now, call->watch.settles_by, settled, contact);
}

static void tell_far_end(struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call,
                         const struct ptn_ua_sip_socket *s, const struct ptn_addr *contact)
{
    struct ptn_sip_path path = {s->id, *contact};
    struct ptn_sdp offer;

    ptn_ua_talk_compose(ua, call);
    call->ours.version++;
    call->meet_anew_at = now; /* ICE's pairs stand on the addresses of before */
    ptn_ua_say_offer(ua, now, call, &offer);
    call->watch.moved_at = PTN_NEVER;
    if (call->state == PTN_UA_CALL_UP)
        ptn_ua_again_may_be_needed(ua, now, call);
    if (!ptn_sip_call_modify(ua->sip, now, call->sip, &path, &offer)) {
        /* Another change is under way, or our answer is not acknowledged yet. */
        call->watch.tell_at = now + STEADY;
        return;
    }
    ptn_log(ua->opts.log, PTN_LOG_INFO, "call %u: its addresses have changed, the far end is told",
            (unsigned)call->id);
    call->socket = s->id;
    call->contact = *contact;
    call->watch.tell_at = PTN_NEVER;
    call->watch.telling = true;
}

static void watch_addresses(struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call)
{
    struct ptn_ua_sip_socket *s = socket_of(ua, call);

    if (!s || !call->sip)
        return;
    if (ua->gone[call->pair->local] && !ua->gone[s->local]) {
        ptn_pool_rehome(&ua->pool, now, call->pair, s->local);
        call->watch.settles_by = now + PTN_UA_GATHER_MAX;
        call->watch.tell_at = now;
    }
    struct ptn_reach_ask ask = ptn_ua_reach_ask(&ua->accounts[call->account].opts, &call->hop);
    struct ptn_reach_answer contact = ptn_reach_answer(&s->anchor.reach, &ask);
    if (call->pair->state != PTN_PAIR_OPEN || !is_settled(ua, now, call, s, &contact))
        return;
    if (!has_moved(ua, now, call, s, &contact.addr))
        call->watch.moved_at = PTN_NEVER;
    else if (call->watch.moved_at == PTN_NEVER)
        call->watch.moved_at = now;
    else if (now >= call->watch.moved_at + STEADY)
        tell_far_end(ua, now, call, s, &contact.addr);
}

void ptn_ua_call_watch(struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call)
{
    bool up = call->state == PTN_UA_CALL_UP && call->stream;
    bool early = call->state == PTN_UA_CALL_RINGING && call->stream;

    if ((up || early) && call->watch.next != PTN_NEVER && now < call->watch.next)
        return;
    call->watch.next = up || early ? now + LOOK_EVERY : PTN_NEVER;
    if (!up && !early)
        return;
    if (call->pair->state == PTN_PAIR_FAILED) {
        ptn_ua_call_hang_up(ua, now, call);
        return;
    }
    if (up)
        watch_silence(ua, now, call);
    watch_addresses(ua, now, call);
    if (up)
        ptn_ua_again_tick(ua, now, call);
}

void ptn_ua_call_told(struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call, unsigned status)
{
    struct ptn_ua_watch *w = &call->watch;
    bool is_early = call->state != PTN_UA_CALL_UP;

    /* A change of the call may also be hold, or the agent's refresh. */
    if (!w->telling)
        return;
    w->telling = false;
    if (status == 0 || status >= 300)
        ptn_log(ua->opts.log, PTN_LOG_WARN,
                "call %u: the far end does not take its new addresses: %u", (unsigned)call->id,
                status);
    if (status >= 200 && status < 300)
        w->tells = 0;
    else if ((status == 0 || status >= 500 || (status == 491 && is_early)) &&
             ++w->tells < TELLS_MAX)
        w->tell_at = now + TELL_AGAIN;
}

/* --- addresses of this host --- */

static bool is_among(const struct ptn_addr *addr, const struct ptn_tell *tell)
{
    for (size_t i = 0; i < tell->addr_count; i++)
        if (ptn_addr_same_ip(addr, &tell->addrs[i]))
            return true;
    return false;
}

static bool is_used(const struct ptn_ua *ua, const struct ptn_addr *addr)
{
    for (unsigned i = 0; i < ua->opts.local_count; i++)
        if (ptn_addr_same_ip(&ua->opts.locals[i].addr, addr))
            return true;
    return false;
}

/* One that may stand for `gone`: nobody's yet, and of use beyond its own wire. */
static const struct ptn_addr *heir(const struct ptn_ua *ua, const struct ptn_addr *gone,
                                   const struct ptn_tell *tell)
{
    for (size_t i = 0; ua->opts.roams && i < tell->addr_count; i++) {
        const struct ptn_addr *addr = &tell->addrs[i];
        enum ptn_addr_kind kind = ptn_addr_kind(addr);
        bool wide = kind == PTN_ADDR_PUBLIC || kind == PTN_ADDR_PRIVATE || kind == PTN_ADDR_SHARED;
        if (wide && addr->family == gone->family && !is_used(ua, addr))
            return addr;
    }
    return NULL;
}

static void renew_socket(struct ptn_ua *ua, ptn_time now, struct ptn_ua_sip_socket *s)
{
    ptn_id old = s->id;

    ptn_sip_close(ua->sip, now, old);
    ptn_ua_listen_again(ua, now, s);
    for (unsigned i = 0; i < ua->opts.account_count; i++) {
        struct ptn_ua_account_here *a = &ua->accounts[i];
        if (!a->told || a->path.socket != old)
            continue;
        a->told = false;
        a->ready_by = 0;
        if (a->state == PTN_UA_ACCOUNT_REGISTERED)
            a->state = PTN_UA_ACCOUNT_REGISTERING;
    }
    for (unsigned i = 0; i < ua->call_count; i++)
        if (ua->calls[i].id != 0 && ua->calls[i].socket == old)
            ua->calls[i].socket = s->id;
}

static void replace_local(struct ptn_ua *ua, ptn_time now, unsigned local,
                          const struct ptn_addr *addr)
{
    char from[PTN_ADDR_TEXT_MAX], to[PTN_ADDR_TEXT_MAX];

    ptn_log(ua->opts.log, PTN_LOG_INFO, "this host's address %s has become %s",
            ptn_addr_format_ip(&ua->opts.locals[local].addr, from), ptn_addr_format_ip(addr, to));
    ua->opts.locals[local].addr = ptn_addr_with_port(*addr, 0);
    ua->gone[local] = false;
    ptn_pool_move(&ua->pool, now, local, addr);
    for (unsigned i = 0; i < ua->call_count; i++)
        if (ua->calls[i].id != 0 && ua->calls[i].pair && ua->calls[i].pair->local == local) {
            ua->calls[i].watch.settles_by = now + PTN_UA_GATHER_MAX;
            ua->calls[i].watch.tell_at = now;
        }
    for (unsigned i = 0; i < ua->socket_count; i++)
        if (ua->sockets[i].local == local)
            renew_socket(ua, now, &ua->sockets[i]);
    if (local == 0)
        ptn_ua_kind_again(ua, now);
}

/* The same address again: perhaps another network, perhaps a NAT that has forgotten us. */
static void returned(struct ptn_ua *ua, ptn_time now, unsigned local)
{
    ua->gone[local] = false;
    for (unsigned i = 0; i < ua->socket_count; i++)
        if (ua->sockets[i].local == local && ua->sockets[i].open)
            ptn_ua_socket_doubt(&ua->sockets[i], now);
    for (unsigned i = 0; i < ua->opts.account_count; i++) {
        const struct ptn_ua_account_here *a = &ua->accounts[i];
        const struct ptn_ua_sip_socket *s = ptn_ua_socket(ua, a->path.socket);
        if (!a->told || !a->opts.registers || !s || s->local != local)
            continue;
        ptn_sip_register(ua->sip, now, a->sip);
        ptn_sip_register(ua->sip, now, a->twin.sip);
    }
}

void ptn_ua_addresses(struct ptn_ua *ua, ptn_time now, const struct ptn_tell *tell)
{
    char text[PTN_ADDR_TEXT_MAX];

    if (ua->stopping)
        return;
    for (unsigned i = 0; i < ua->opts.local_count; i++) {
        const struct ptn_addr *addr = &ua->opts.locals[i].addr;
        bool loops = ptn_addr_kind(addr) == PTN_ADDR_LOOPBACK;
        /* A phone that was started without a network talks to itself until there is one. */
        bool here = loops || is_among(addr, tell);
        const struct ptn_addr *next = here && !loops ? NULL : heir(ua, addr, tell);
        if (next) {
            replace_local(ua, now, i, next);
        } else if (here && ua->gone[i]) {
            returned(ua, now, i);
        } else if (!here && !ua->gone[i]) {
            ua->gone[i] = true;
            ptn_log(ua->opts.log, PTN_LOG_WARN, "this host has lost its address %s",
                    ptn_addr_format_ip(addr, text));
        }
    }
    ua->dirty = true;
}

/* --- listening again --- */

void ptn_ua_listen_later(struct ptn_ua_sip_socket *s, ptn_time now)
{
    s->again_at = now + LISTEN_AGAIN;
}

void ptn_ua_moves_tick(struct ptn_ua *ua, ptn_time now)
{
    for (unsigned i = 0; i < ua->socket_count; i++)
        if (now >= ua->sockets[i].again_at)
            renew_socket(ua, now, &ua->sockets[i]);
}

ptn_time ptn_ua_moves_deadline(const struct ptn_ua *ua)
{
    ptn_time deadline = PTN_NEVER;

    for (unsigned i = 0; i < ua->socket_count; i++)
        deadline = ptn_time_min(deadline, ua->sockets[i].again_at);
    return deadline;
}
