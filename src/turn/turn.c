/*
 * turn/turn.c - which way is tried, what is asked when, and how it all ends.
 *
 *              OPENED            success
 *   CONNECTING ------> ASKING -----------> STANDS --release--> LEAVING --> IDLE
 *     ^   ^  by UDP at once |  ^              |
 *     |   |   the next way  |  +-- forgotten -+
 *     |   +-----------------+                 |
 *     |                     +<---- silent ----+
 *     +------ RESTING <-----+ no way is left
 *
 * A Refresh every 25 s is not needed for the allocation's sake. It keeps the NAT's mapping to the
 * server, and it is the one question whose answer shows all that can be lost: that the server is
 * dark, that it has been started anew, that our NAT has and the server takes us for somebody else.
 */
#include <assert.h>

#include "turn/inside.h"

#define KEEPALIVE_DEFAULT PTN_S(25)
#define CONNECT_MAX PTN_S(5)
#define REST_FIRST PTN_S(2)
#define REST_MAX PTN_S(30)

enum { PROTOCOL_UDP = 17, FAMILY_V6 = 2, LIFETIME_DEFAULT_S = 600, REFRESHES_MIN = 2 };

/* Silence is known after 3.75 s, whichever way. */
static const struct ptn_stun_txn_opts PATIENCE = {PTN_MS(250), PTN_S(1), 5, 4};
static const struct ptn_stun_txn_opts PATIENCE_STREAM = {PTN_MS(3750), PTN_NEVER, 1, 1};
/* Whoever leaves does not insist: what is not given back ends by itself. */
static const struct ptn_stun_txn_opts PATIENCE_LEAVING = {PTN_MS(250), PTN_S(1), 3, 2};

void ptn_turn_init(struct ptn_turn *t, const struct ptn_turn_opts *opts)
{
    memset(t, 0, sizeof *t);
    t->opts = *opts;
    if (t->opts.keepalive == 0)
        t->opts.keepalive = KEEPALIVE_DEFAULT;
    t->due = t->txn.due = PTN_NEVER;
    t->rest = REST_FIRST;
    ptn_turn_peers_forget(&t->peers);
}

struct ptn_turn_event *ptn_turn_tell(struct ptn_turn *t, enum ptn_turn_event_kind kind)
{
    if (t->event_count == PTN_TURN_EVENTS_MAX) {
        t->event_first = (t->event_first + 1) % PTN_TURN_EVENTS_MAX;
        t->event_count--;
    }
    struct ptn_turn_event *ev =
        &t->events[(t->event_first + t->event_count++) % PTN_TURN_EVENTS_MAX];
    *ev = (struct ptn_turn_event){.kind = kind, .way = t->at};
    return ev;
}

/* ---- requests ---- */

static void ask_server(struct ptn_turn *t, ptn_time now)
{
    t->id = ptn_stun_id_new(&t->opts.dice, PTN_STUN_MODERN);
    ptn_stun_txn_start(&t->txn, now,
                       t->state == PTN_TURN_LEAVING ? &PATIENCE_LEAVING
                       : ptn_turn_is_stream(t)      ? &PATIENCE_STREAM
                                                    : &PATIENCE);
}

void ptn_turn_ask(struct ptn_turn *t, ptn_time now)
{
    t->state = PTN_TURN_ASKING;
    t->due = PTN_NEVER;
    ask_server(t, now);
}

void ptn_turn_ask_again(struct ptn_turn *t, ptn_time now)
{
    ask_server(t, now);
}

/* Phones whose power came back together should not stay together. */
static ptn_time jittered(struct ptn_turn *t, ptn_time span)
{
    return span - (ptn_time)(ptn_dice_unit(&t->opts.dice) * 0.2 * (double)span);
}

void ptn_turn_renewed(struct ptn_turn *t, ptn_time now, uint32_t lifetime_s)
{
    t->lifetime_s = lifetime_s;
    t->stale = 0;
    t->due = now + jittered(t, ptn_time_min(t->opts.keepalive, PTN_S(lifetime_s) / REFRESHES_MIN));
}

void ptn_turn_stand(struct ptn_turn *t, ptn_time now, const struct ptn_addr *relayed)
{
    t->state = PTN_TURN_STANDS;
    t->relayed = *relayed;
    t->failed = 0;
    t->rest = REST_FIRST;
    t->sent_on = t->began_anew = t->gave_up = false;
    ptn_turn_peers_begin(&t->peers, now);
    ptn_turn_tell(t, PTN_TURN_UP)->relayed = *relayed;
}

/* ---- ways ---- */

static void hang_up(struct ptn_turn *t)
{
    if (t->connected && !t->ask_connect)
        t->ask_close = true;
    t->connected = t->ask_connect = false;
}

/* Towards t->at. */
static void set_out(struct ptn_turn *t, ptn_time now)
{
    t->asked_with_credentials = t->challenged = t->clears = false;
    t->stale = 0;
    t->to_send = false;
    if (!ptn_turn_is_stream(t)) {
        ptn_turn_ask(t, now);
        return;
    }
    t->state = PTN_TURN_CONNECTING;
    t->due = now + CONNECT_MAX;
    t->connected = t->ask_connect = true;
    ptn_stun_txn_stop(&t->txn, now, NULL);
    ptn_stun_frame_init(&t->frame, t->kept, sizeof t->kept);
    t->frame.channels = true;
}

static void try_way(struct ptn_turn *t, ptn_time now, unsigned way)
{
    const struct ptn_turn_way *next = &t->ways.ways[way];

    /* The nonce of another server, or of this one for another address of ours, is of no use. */
    if (!ptn_addr_equal(&next->server, &t->at.server) || next->transport != t->at.transport)
        t->auth.known = false;
    t->way = way;
    t->at = *next;
    t->sent_on = t->began_anew = false;
    set_out(t, now);
}

void ptn_turn_start(struct ptn_turn *t, ptn_time now, const struct ptn_turn_ways *ways)
{
    assert(ways->count > 0 && ways->count <= PTN_TURN_WAYS_MAX && ways->first < ways->count);
    assert(ptn_turn_done(t));

    t->ways = *ways;
    t->failed = 0;
    t->gave_up = false;
    t->rest = REST_FIRST;
    try_way(t, now, ways->first);
}

void ptn_turn_set_ways(struct ptn_turn *t, ptn_time now, const struct ptn_turn_ways *ways)
{
    assert(ways->count > 0 && ways->count <= PTN_TURN_WAYS_MAX && ways->first < ways->count);

    t->ways = *ways;
    t->way %= ways->count;
    if (t->state == PTN_TURN_RESTING)
        t->due = now;
}

void ptn_turn_send_on(struct ptn_turn *t, ptn_time now, const struct ptn_addr *server)
{
    hang_up(t);
    t->sent_on = true;
    t->auth.known = false;
    t->at.server = *server;
    set_out(t, now);
}

/* It was lost, not refused: a server that has forgotten us may be asked again at once. */
static void lose(struct ptn_turn *t, const struct ptn_turn_failure *f)
{
    struct ptn_turn_event *ev = ptn_turn_tell(t, PTN_TURN_LOST);

    ev->relayed = t->relayed;
    ev->why = f->why;
    ev->code = f->code;
    ev->err = f->err;
    t->relayed = (struct ptn_addr){0};
}

void ptn_turn_fail(struct ptn_turn *t, ptn_time now, struct ptn_turn_failure f)
{
    bool stood = t->state == PTN_TURN_STANDS;

    ptn_stun_txn_stop(&t->txn, now, NULL);
    hang_up(t);
    if (t->state == PTN_TURN_LEAVING) {
        ptn_turn_left(t, now);
        return;
    }
    if (stood)
        lose(t, &f);
    if (stood && f.why == PTN_TURN_FORGOTTEN) {
        try_way(t, now, t->way);
        return;
    }
    bool last = ++t->failed >= t->ways.count;
    if (!stood || last) {
        struct ptn_turn_event *ev = ptn_turn_tell(t, last ? PTN_TURN_FAILED : PTN_TURN_WAY_FAILED);
        ev->why = f.why;
        ev->code = f.code;
        ev->err = f.err;
    }
    if (!last) {
        try_way(t, now, (t->way + 1) % t->ways.count);
        return;
    }
    t->gave_up = true;
    t->state = PTN_TURN_RESTING;
    t->due = now + jittered(t, t->rest);
    t->rest = ptn_time_min(2 * t->rest, REST_MAX);
}

/* ---- leaving ---- */

void ptn_turn_left(struct ptn_turn *t, ptn_time now)
{
    ptn_stun_txn_stop(&t->txn, now, NULL);
    hang_up(t);
    t->to_send = false;
    t->state = PTN_TURN_IDLE;
    t->due = PTN_NEVER;
}

void ptn_turn_release(struct ptn_turn *t, ptn_time now)
{
    bool may_have_it =
        t->state == PTN_TURN_STANDS || (t->state == PTN_TURN_ASKING && t->asked_with_credentials);

    if (t->state == PTN_TURN_LEAVING || t->state == PTN_TURN_IDLE)
        return;
    ptn_turn_peers_forget(&t->peers);
    t->relayed = (struct ptn_addr){0};
    t->due = PTN_NEVER;
    if (!may_have_it) {
        ptn_turn_left(t, now);
        return;
    }
    t->state = PTN_TURN_LEAVING;
    t->stale = 0;
    ask_server(t, now);
}

bool ptn_turn_done(const struct ptn_turn *t)
{
    return t->state == PTN_TURN_IDLE && !t->ask_close;
}

bool ptn_turn_settled(const struct ptn_turn *t)
{
    return t->state == PTN_TURN_STANDS || t->state == PTN_TURN_IDLE || t->gave_up;
}

/* ---- peers ---- */

bool ptn_turn_permit(struct ptn_turn *t, ptn_time now, const struct ptn_addr *peer)
{
    return ptn_turn_peers_want(&t->peers, now, peer, &t->opts.dice);
}

void ptn_turn_forget(struct ptn_turn *t)
{
    ptn_turn_peers_forget(&t->peers);
}

/* ---- time ---- */

void ptn_turn_doubt(struct ptn_turn *t, ptn_time now)
{
    if (t->state == PTN_TURN_STANDS)
        t->due = ptn_time_min(t->due, now);
}

static void when_due(struct ptn_turn *t, ptn_time now)
{
    t->due = PTN_NEVER;
    switch (t->state) {
    case PTN_TURN_CONNECTING:
        ptn_turn_fail(t, now, (struct ptn_turn_failure){.why = PTN_TURN_SILENT});
        break;
    case PTN_TURN_STANDS: ask_server(t, now); break;
    case PTN_TURN_RESTING:
        t->failed = 0;
        try_way(t, now, t->ways.first);
        break;
    case PTN_TURN_IDLE:
    case PTN_TURN_ASKING:
    case PTN_TURN_LEAVING: break;
    }
}

void ptn_turn_tick(struct ptn_turn *t, ptn_time now)
{
    enum ptn_stun_txn_step step;

    if (t->state == PTN_TURN_STANDS &&
        ptn_turn_peers_tick(&t->peers, now, ptn_turn_is_stream(t) ? &PATIENCE_STREAM : &PATIENCE,
                            &t->opts.dice))
        ptn_turn_doubt(t, now);
    /* Where a request is under way already, its answer or silence says the same. */
    if (now >= t->due && (t->state != PTN_TURN_STANDS || t->txn.due == PTN_NEVER))
        when_due(t, now);
    while ((step = ptn_stun_txn_tick(&t->txn, now)) != PTN_STUN_TXN_WAIT) {
        if (step == PTN_STUN_TXN_SEND)
            t->to_send = true;
        else
            ptn_turn_fail(t, now, (struct ptn_turn_failure){.why = PTN_TURN_SILENT});
    }
}

ptn_time ptn_turn_deadline(const struct ptn_turn *t)
{
    ptn_time due = ptn_stun_txn_deadline(&t->txn);

    if (t->state != PTN_TURN_STANDS || due == PTN_NEVER)
        due = ptn_time_min(due, t->due);
    return t->state == PTN_TURN_STANDS ? ptn_time_min(due, ptn_turn_peers_deadline(&t->peers))
                                       : due;
}

/* ---- output ---- */

static bool seal_and_send(struct ptn_turn *t, struct ptn_stun_out *o, struct ptn_ask *ask)
{
    struct ptn_bytes message;

    ptn_turn_auth_seal(&t->auth, t->opts.crypto, t->opts.user, o);
    if (!ptn_stun_end(o, &message))
        return false;
    ptn_turn_put(t, message, ask);
    return true;
}

static bool send_allocate(struct ptn_turn *t, struct ptn_ask *ask)
{
    struct ptn_stun_out o;

    ptn_stun_begin(&o, t->out, sizeof t->out, PTN_STUN_REQUEST, PTN_STUN_ALLOCATE, &t->id);
    ptn_stun_put_u32(&o, PTN_STUN_REQUESTED_TRANSPORT, (uint32_t)PROTOCOL_UDP << 24);
    /* Servers of before RFC 6156 do not know the attribute, and IPv4 is what they give. */
    if (t->opts.local.family == PTN_IPV6)
        ptn_stun_put_u32(&o, PTN_STUN_REQUESTED_ADDRESS_FAMILY, (uint32_t)FAMILY_V6 << 24);
    t->asked_with_credentials |= t->auth.known;
    return seal_and_send(t, &o, ask);
}

static bool send_refresh(struct ptn_turn *t, struct ptn_ask *ask)
{
    struct ptn_stun_out o;
    bool ends = t->state == PTN_TURN_LEAVING || t->clears;

    ptn_stun_begin(&o, t->out, sizeof t->out, PTN_STUN_REQUEST, PTN_STUN_REFRESH, &t->id);
    ptn_stun_put_u32(&o, PTN_STUN_LIFETIME, ends ? 0 : LIFETIME_DEFAULT_S);
    return seal_and_send(t, &o, ask);
}

static bool send_peer(struct ptn_turn *t, struct ptn_turn_peer *row, struct ptn_ask *ask)
{
    struct ptn_stun_out o;

    row->to_send = false;
    ptn_stun_begin(&o, t->out, sizeof t->out, PTN_STUN_REQUEST, ptn_turn_peer_method(row),
                   &row->id);
    ptn_turn_peer_put(row, &o);
    return seal_and_send(t, &o, ask);
}

static void connect_ask(const struct ptn_turn *t, struct ptn_ask *ask)
{
    *ask = (struct ptn_ask){.kind = PTN_ASK_CONNECT,
                            .id = t->opts.connection,
                            .transport = t->at.transport,
                            .local = ptn_addr_with_port(t->opts.local, 0),
                            .to = t->at.server,
                            .name = t->at.transport == PTN_TLS ? t->at.name : NULL,
                            .dscp = t->opts.dscp};
}

bool ptn_turn_output(struct ptn_turn *t, ptn_time now, struct ptn_ask *ask)
{
    struct ptn_turn_peer *row;

    (void)now;
    if (t->ask_close) {
        t->ask_close = false;
        *ask = (struct ptn_ask){.kind = PTN_ASK_CLOSE, .id = t->opts.connection};
        return true;
    }
    if (t->ask_connect) {
        t->ask_connect = false;
        connect_ask(t, ask);
        return true;
    }
    if (t->to_send) {
        t->to_send = false;
        bool sent = t->state == PTN_TURN_ASKING && !t->clears ? send_allocate(t, ask)
                                                              : send_refresh(t, ask);
        if (sent)
            return true;
    }
    while (t->state == PTN_TURN_STANDS && (row = ptn_turn_peers_to_send(&t->peers)))
        if (send_peer(t, row, ask))
            return true;
    return false;
}

bool ptn_turn_event(struct ptn_turn *t, struct ptn_turn_event *ev)
{
    if (t->event_count == 0)
        return false;
    *ev = t->events[t->event_first];
    t->event_first = (t->event_first + 1) % PTN_TURN_EVENTS_MAX;
    t->event_count--;
    return true;
}
