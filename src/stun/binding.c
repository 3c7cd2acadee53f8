/*
 * stun/binding.c - rounds of questions about one socket's mapping.
 *
 *   round 1     all servers    first answer: MAPPED; a different one: VARIES
 *   refresh     the source     the server whose word we go by; when it is slow to
 *                              answer, all others are asked too
 *   its silence                another server that answered in this round becomes
 *                              the source; with none of them the address is LOST
 *
 * Answers are compared within a round only: the word of a server from half a
 * minute ago against that of another from now would take a NAT's restart for a
 * mapping that depends on the destination.
 *
 * Events are the difference between what is so and what the owner was told: so
 * they need no queue, and an owner that was away hears the latest, not the history.
 */
#include "stun/binding.h"

#include <assert.h>

#define REFRESH_DEFAULT PTN_S(25)
#define BUDGET_DEFAULT PTN_MS(300)
/* With nothing known, sooner than a refresh: the server or the network may be back. */
#define RETRY PTN_S(5)
/* What the others get after the first answer: enough to show a mapping that varies. */
#define GRACE PTN_MS(50)
#define HURRY_AFTER PTN_MS(50)

#define BOTH_DIALECTS (1u << PTN_STUN_CLASSIC | 1u << PTN_STUN_MODERN)

void ptn_stun_binding_init(struct ptn_stun_binding *b, const struct ptn_stun_binding_opts *opts)
{
    assert(opts->server_count > 0 && opts->server_count <= PTN_STUN_BINDING_SERVERS_MAX);

    *b = (struct ptn_stun_binding){.opts = *opts, .next_round = PTN_NEVER, .settle_by = PTN_NEVER};
    if (b->opts.refresh == 0)
        b->opts.refresh = REFRESH_DEFAULT;
    if (b->opts.budget == 0)
        b->opts.budget = BUDGET_DEFAULT;
    for (size_t i = 0; i < opts->server_count; i++) {
        b->servers[i].speaks =
            opts->dialect == PTN_STUN_BINDING_CLASSIC ? PTN_STUN_CLASSIC : PTN_STUN_MODERN;
        b->servers[i].txn.due = PTN_NEVER;
    }
}

static bool known(const struct ptn_stun_binding *b)
{
    return !ptn_addr_is_none(&b->mapped);
}

static void ask_server(struct ptn_stun_binding *b, struct ptn_stun_binding_server *s, ptn_time now)
{
    struct ptn_stun_txn_opts opts = PTN_STUN_TXN_CALL;

    if (s->asked || s->done_round == b->round)
        return;
    opts.rto = ptn_stun_rtt_rto(&s->rtt, opts.rto);
    ptn_stun_txn_start(&s->txn, now, &opts);
    for (unsigned d = PTN_STUN_CLASSIC; d <= PTN_STUN_MODERN; d++)
        s->ids[d] = ptn_stun_id_new(&b->opts.dice, (enum ptn_stun_dialect)d);
    s->asked = true;
    s->refused = 0;
}

static void ask_all(struct ptn_stun_binding *b, ptn_time now)
{
    for (size_t i = 0; i < b->opts.server_count; i++)
        ask_server(b, &b->servers[i], now);
}

static bool anyone_asked(const struct ptn_stun_binding *b)
{
    for (size_t i = 0; i < b->opts.server_count; i++)
        if (b->servers[i].asked)
            return true;
    return false;
}

/* Not those asked a moment ago: their answer is on its way. */
static void hurry_all(struct ptn_stun_binding *b, ptn_time now)
{
    for (size_t i = 0; i < b->opts.server_count; i++)
        if (now - b->servers[i].txn.sent_at > HURRY_AFTER)
            ptn_stun_txn_hurry(&b->servers[i].txn, now);
}

/* Phones that came back with the power all together should not stay together. */
static ptn_time jittered(struct ptn_stun_binding *b, ptn_time span)
{
    return span - (ptn_time)(ptn_dice_unit(&b->opts.dice) * 0.2 * (double)span);
}

static void begin_round(struct ptn_stun_binding *b, ptn_time now)
{
    for (size_t i = 0; i < b->opts.server_count; i++) {
        b->servers[i].asked = false;
        b->servers[i].to_send = 0;
        ptn_stun_txn_stop(&b->servers[i].txn, now, NULL);
    }
    b->round++;
    b->next_round = now + jittered(b, b->opts.refresh);
}

void ptn_stun_binding_start(struct ptn_stun_binding *b, ptn_time now)
{
    ptn_stun_binding_want(b, now);
}

void ptn_stun_binding_stop(struct ptn_stun_binding *b)
{
    struct ptn_stun_binding_opts opts = b->opts;

    ptn_stun_binding_init(b, &opts);
}

void ptn_stun_binding_want(struct ptn_stun_binding *b, ptn_time now)
{
    b->running = true;
    if (known(b)) {
        b->settled = true;
        return;
    }
    b->settle_by = ptn_time_min(b->settle_by, now + b->opts.budget);
    if (anyone_asked(b)) {
        hurry_all(b, now);
    } else {
        begin_round(b, now);
        ask_all(b, now);
    }
}

void ptn_stun_binding_doubt(struct ptn_stun_binding *b, ptn_time now)
{
    if (b->running && !anyone_asked(b))
        b->next_round = ptn_time_min(b->next_round, now);
}

/* ---- what an answer or a silence means ---- */

/* Somebody waits: are all through, or must the rest hurry? */
static void settle(struct ptn_stun_binding *b, ptn_time now)
{
    if (b->settle_by == PTN_NEVER)
        return;
    if (known(b))
        b->settle_by = ptn_time_min(b->settle_by, now + GRACE);
    if (now >= b->settle_by || !anyone_asked(b)) {
        b->settled = true;
        b->settle_by = PTN_NEVER;
    }
}

static void compare(struct ptn_stun_binding *b)
{
    bool compared = false, differs = false;

    for (size_t i = 0; i < b->opts.server_count; i++)
        if (i != b->source && b->servers[i].answered_round == b->round) {
            compared = true;
            differs |= !ptn_addr_equal(&b->servers[i].mapped, &b->mapped);
        }
    if (compared && b->servers[b->source].answered_round == b->round)
        b->varies = differs;
}

static void adopt(struct ptn_stun_binding *b, size_t server)
{
    b->source = server;
    b->mapped = b->servers[server].mapped;
}

static void answered(struct ptn_stun_binding *b, ptn_time now, size_t server)
{
    struct ptn_stun_binding_server *s = &b->servers[server];
    struct ptn_stun_binding_server *source = &b->servers[b->source];
    bool changed = known(b) && s == source && !ptn_addr_equal(&s->mapped, &b->mapped);
    bool source_failed = source->done_round == b->round && source->answered_round != b->round;

    if (!known(b) || changed || source_failed)
        adopt(b, server);
    /* A new mapping may also be one of another kind: hear the others about it. */
    if (changed)
        ask_all(b, now);
    compare(b);
}

static void failed(struct ptn_stun_binding *b, ptn_time now, size_t server)
{
    if (!known(b)) {
        if (!anyone_asked(b))
            b->next_round = ptn_time_min(b->next_round, now + jittered(b, RETRY));
        return;
    }
    if (server != b->source)
        return;
    ask_all(b, now);
    for (size_t i = 0; i < b->opts.server_count; i++)
        if (b->servers[i].answered_round == b->round) {
            adopt(b, i);
            compare(b);
            return;
        }
    if (!anyone_asked(b)) {
        b->mapped = (struct ptn_addr){0};
        b->varies = false;
        b->next_round = ptn_time_min(b->next_round, now + jittered(b, RETRY));
    }
}

static void fail_server(struct ptn_stun_binding *b, ptn_time now, size_t server, enum ptn_err why,
                        unsigned error_code)
{
    struct ptn_stun_binding_server *s = &b->servers[server];

    ptn_stun_txn_stop(&s->txn, now, NULL);
    s->asked = false;
    s->to_send = 0;
    s->done_round = b->round;
    s->state = PTN_STUN_BINDING_DEAD;
    s->why = why;
    s->error_code = error_code;
    failed(b, now, server);
    settle(b, now);
}

/* ---- input ---- */

/* Refused in one dialect, a server of an age we cannot know may yet take the other. */
static void refuse(struct ptn_stun_binding *b, ptn_time now, size_t server,
                   const struct ptn_stun_msg *m)
{
    struct ptn_stun_binding_server *s = &b->servers[server];
    struct ptn_bytes reason;

    s->error_code = 0;
    ptn_stun_get_error(m, &s->error_code, &reason);
    s->refused |= (uint8_t)(1u << m->dialect);
    if (b->opts.dialect == PTN_STUN_BINDING_AUTO && s->refused != BOTH_DIALECTS)
        ptn_stun_txn_hurry(&s->txn, now);
    else
        fail_server(b, now, server, PTN_ERR_REFUSED, s->error_code);
}

static bool read_answer(struct ptn_stun_binding *b, ptn_time now, size_t server,
                        const struct ptn_stun_msg *m)
{
    struct ptn_stun_binding_server *s = &b->servers[server];
    struct ptn_addr mapped;
    uint16_t unknown;
    ptn_time rtt;

    if (!s->asked || !ptn_stun_id_equal(&m->id, &s->ids[m->dialect]))
        return false;
    if (m->class != PTN_STUN_SUCCESS || !ptn_stun_get_mapped(m, &mapped, &s->is) ||
        ptn_stun_unknown(m, PTN_STUN_UNDERSTOOD, &unknown, 1) > 0) {
        refuse(b, now, server, m);
        return true;
    }
    if (ptn_stun_txn_stop(&s->txn, now, &rtt))
        ptn_stun_rtt_add(&s->rtt, rtt);
    s->asked = false;
    s->to_send = 0;
    s->mapped = mapped;
    s->speaks = m->dialect;
    s->answered_round = s->done_round = b->round;
    s->state = PTN_STUN_BINDING_ANSWERS;
    answered(b, now, server);
    settle(b, now);
    return true;
}

/* Anybody may say so. It spares a first question the waiting; whoever has answered before is
 * believed to be gone only when he is silent to the end. */
static bool read_icmp(struct ptn_stun_binding *b, ptn_time now, const struct ptn_tell *tell)
{
    for (size_t i = 0; i < b->opts.server_count; i++)
        if (b->servers[i].asked && b->servers[i].txn.sends > 0 &&
            ptn_addr_equal(&tell->from, &b->opts.servers[i])) {
            if (b->servers[i].state != PTN_STUN_BINDING_ANSWERS)
                fail_server(b, now, i, PTN_ERR_UNREACHABLE, 0);
            return true;
        }
    return false;
}

bool ptn_stun_binding_input(struct ptn_stun_binding *b, ptn_time now, const struct ptn_tell *tell)
{
    struct ptn_stun_msg m;

    if (tell->id != b->opts.socket)
        return false;
    if (tell->kind == PTN_TELL_ICMP_ERROR)
        return read_icmp(b, now, tell);
    if (tell->kind != PTN_TELL_DATAGRAM || ptn_stun_decode(&m, tell->bytes) != PTN_STUN_OK ||
        m.method != PTN_STUN_BINDING || (m.class != PTN_STUN_SUCCESS && m.class != PTN_STUN_ERROR))
        return false;
    for (size_t i = 0; i < b->opts.server_count; i++)
        if (read_answer(b, now, i, &m))
            return true;
    return false;
}

/* ---- time and output ---- */

static unsigned forms_to_send(const struct ptn_stun_binding *b,
                              const struct ptn_stun_binding_server *s)
{
    if (b->opts.dialect == PTN_STUN_BINDING_AUTO && s->txn.sends > 1)
        return BOTH_DIALECTS & ~(unsigned)s->refused;
    return 1u << s->speaks;
}

static void tick_server(struct ptn_stun_binding *b, ptn_time now, size_t server)
{
    struct ptn_stun_binding_server *s = &b->servers[server];

    switch (ptn_stun_txn_tick(&s->txn, now)) {
    case PTN_STUN_TXN_SEND:
        s->to_send = (uint8_t)forms_to_send(b, s);
        /* The source did not answer at once: what the others say may be needed soon. */
        if (s->txn.sends > 1 && server == b->source)
            ask_all(b, now);
        break;
    case PTN_STUN_TXN_GIVE_UP:
        fail_server(b, now, server, s->refused ? PTN_ERR_REFUSED : PTN_ERR_TIMED_OUT,
                    s->refused ? s->error_code : 0);
        break;
    case PTN_STUN_TXN_WAIT: break;
    }
}

void ptn_stun_binding_tick(struct ptn_stun_binding *b, ptn_time now)
{
    if (!b->running)
        return;
    if (now >= b->next_round) {
        begin_round(b, now);
        if (known(b) && !b->varies)
            ask_server(b, &b->servers[b->source], now);
        else
            ask_all(b, now);
    }
    /* Again for those that were asked on the way: a tick leaves nothing due. */
    for (unsigned pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < b->opts.server_count; i++)
            tick_server(b, now, i);
    settle(b, now);
}

bool ptn_stun_binding_output(struct ptn_stun_binding *b, ptn_time now, struct ptn_ask *ask)
{
    (void)now;
    for (size_t i = 0; i < b->opts.server_count; i++)
        for (unsigned d = PTN_STUN_CLASSIC; d <= PTN_STUN_MODERN; d++) {
            struct ptn_stun_binding_server *s = &b->servers[i];
            struct ptn_stun_out o;

            if (!(s->to_send >> d & 1))
                continue;
            s->to_send &= (uint8_t) ~(1u << d);
            *ask = (struct ptn_ask){
                .kind = PTN_ASK_DATAGRAM, .id = b->opts.socket, .to = b->opts.servers[i]};
            ptn_stun_begin(&o, b->buf, sizeof b->buf, PTN_STUN_REQUEST, PTN_STUN_BINDING,
                           &s->ids[d]);
            return ptn_stun_end(&o, &ask->bytes);
        }
    return false;
}

static bool server_event(struct ptn_stun_binding *b, struct ptn_stun_binding_event *ev)
{
    for (size_t i = 0; i < b->opts.server_count; i++) {
        struct ptn_stun_binding_server *s = &b->servers[i];
        if (s->told_state == s->state)
            continue;
        s->told_state = s->state;
        ev->kind =
            s->state == PTN_STUN_BINDING_ANSWERS ? PTN_STUN_BINDING_HEARD : PTN_STUN_BINDING_SILENT;
        ev->server = i;
        ev->dialect = s->is;
        ev->rtt = s->rtt.known ? s->rtt.smoothed : PTN_NEVER;
        ev->why = s->why;
        ev->error_code = s->error_code;
        return true;
    }
    return false;
}

/* SETTLED last: whoever waits for it has then heard all that it stands on. */
bool ptn_stun_binding_event(struct ptn_stun_binding *b, struct ptn_stun_binding_event *ev)
{
    *ev = (struct ptn_stun_binding_event){
        .mapped = b->mapped, .before = b->told_mapped, .varies = b->varies, .server = b->source};
    if (server_event(b, ev))
        return true;
    if (!ptn_addr_equal(&b->mapped, &b->told_mapped)) {
        ev->kind = known(b) ? PTN_STUN_BINDING_MAPPED : PTN_STUN_BINDING_LOST;
        b->told_mapped = b->mapped;
    } else if (b->varies != b->told_varies) {
        ev->kind = PTN_STUN_BINDING_VARIES;
        b->told_varies = b->varies;
    } else if (b->settled) {
        ev->kind = PTN_STUN_BINDING_SETTLED;
        b->settled = false;
    } else {
        return false;
    }
    return true;
}

ptn_time ptn_stun_binding_deadline(const struct ptn_stun_binding *b)
{
    ptn_time due = ptn_time_min(b->next_round, b->settle_by);

    for (size_t i = 0; i < b->opts.server_count; i++)
        due = ptn_time_min(due, ptn_stun_txn_deadline(&b->servers[i].txn));
    return due;
}

bool ptn_stun_binding_mapped(const struct ptn_stun_binding *b, struct ptn_addr *mapped)
{
    if (!known(b))
        return false;
    *mapped = b->mapped;
    return true;
}
