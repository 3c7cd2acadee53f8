/*
 * ice/ice.c - an agent's life: what it is told, what is due, what it tells.
 *
 *     new ─▶ locals ─▶ set_far ─▶ checks ─▶ a way ─▶ nominated ─▶ consent …
 *              ▲                                                     │
 *              └───────────────────── restart ◀──────────────────────┘   (media stays on its way)
 */
#include "ice/ice.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "ice/inside.h"

#define DIRECT_PATIENCE PTN_MS(400)
#define RELAY_PATIENCE PTN_S(2)
/* RFC 8863 §4: as long as a check of RFC 8489's default timing takes to fail. */
#define FAIL_PATIENCE PTN_MS(39500)
#define KEEPALIVE PTN_S(15) /* Tr */
enum { PACING_MS = 50, PACING_MIN_MS = 5, UFRAG_SIZE = 8, PWD_SIZE = 24 };

/* ---- its life ---- */

static void draw_word(struct ptn_dice *dice, char *out, size_t size)
{
    static const char ice_chars[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint8_t bytes[PWD_SIZE];

    assert(size <= sizeof bytes);
    ptn_dice_fill(dice, bytes, size);
    for (size_t i = 0; i < size; i++)
        out[i] = ice_chars[bytes[i] % 64];
    out[size] = '\0';
}

static void begin_session(struct ptn_ice *ice)
{
    ice->ours = (struct ptn_ice_creds){0};
    ice->far = (struct ptn_ice_far){0};
    draw_word(&ice->dice, ice->ours.ufrag, UFRAG_SIZE);
    draw_word(&ice->dice, ice->ours.pwd, PWD_SIZE);
    ptn_dice_fill(&ice->dice, ice->tie_breaker, sizeof ice->tie_breaker);
    ice->has_far = ice->begun = ice->patience_over = false;
    ice->local_ended = ice->remote_ended = false;
    ice->failed = ice->told_failed = ice->told_completed = false;
    ice->local_count = ice->remote_count = ice->pair_count = 0;
    ice->early_count = ice->reply_count = 0;
    ice->trigger_count = 0;
    for (unsigned i = 0; i < PTN_ICE_COMPONENTS_MAX; i++) {
        struct ptn_ice_component *c = &ice->component[i];
        c->way.set = c->told_nominated = c->told_better = false;
        c->nominating = c->settled = PTN_ICE_NO_PAIR;
    }
}

struct ptn_ice *ptn_ice_new(const struct ptn_ice_opts *opts)
{
    assert(opts->components >= 1 && opts->components <= PTN_ICE_COMPONENTS_MAX);

    struct ptn_ice *ice = calloc(1, sizeof *ice);
    if (!ice)
        return NULL;
    ice->opts = *opts;
    ice->dice = opts->dice;
    if (ice->opts.pacing_ms == 0)
        ice->opts.pacing_ms = PACING_MS;
    if (ice->opts.pacing_ms < PACING_MIN_MS)
        ice->opts.pacing_ms = PACING_MIN_MS;
    if (ice->opts.direct_patience == 0)
        ice->opts.direct_patience = DIRECT_PATIENCE;
    if (ice->opts.relay_patience == 0)
        ice->opts.relay_patience = RELAY_PATIENCE;
    ice->controlling = ice->told_controlling = opts->controlling;
    ice->components = opts->components;
    begin_session(ice);
    return ice;
}

void ptn_ice_free(struct ptn_ice *ice)
{
    free(ice);
}

void ptn_ice_restart(struct ptn_ice *ice, ptn_time now)
{
    bool moves = false;

    for (unsigned i = 0; i < PTN_ICE_COMPONENTS_MAX; i++)
        moves |= ice->component[i].way.set;
    /* Whatever was held from a session before that is given up: there are credentials for one. */
    for (unsigned i = 0; moves && i < PTN_ICE_COMPONENTS_MAX; i++) {
        struct ptn_ice_component *c = &ice->component[i];
        c->held = c->way;
        c->held.pair = PTN_ICE_NO_PAIR;
        c->held.consent.to_send = false;
    }
    if (moves) {
        ice->earlier_ours = ice->ours;
        ice->earlier_theirs = ice->far.creds;
    }
    ice->next_check = now;
    begin_session(ice);
}

const struct ptn_ice_creds *ptn_ice_creds(const struct ptn_ice *ice)
{
    return &ice->ours;
}

bool ptn_ice_controlling(const struct ptn_ice *ice)
{
    return ice->controlling;
}

unsigned ptn_ice_pacing_ms(const struct ptn_ice *ice)
{
    return ice->opts.pacing_ms;
}

/* ---- candidates ---- */

static bool same_foundation(const struct ptn_ice_base *a, const struct ptn_ice_base *b)
{
    return a->c.kind == b->c.kind && ptn_addr_same_ip(&a->base, &b->base) &&
           ptn_addr_same_ip(&a->server, &b->server);
}

/* Its row's number in the order of their coming, as text. */
static void set_foundation(struct ptn_ice *ice, unsigned row)
{
    unsigned number = row;
    char *at = ice->locals[row].c.foundation;

    for (unsigned i = row; i-- > 0;)
        if (same_foundation(&ice->locals[i], &ice->locals[row]))
            number = i;
    number++;
    if (number >= 10)
        *at++ = (char)('0' + number / 10);
    *at++ = (char)('0' + number % 10);
    *at = '\0';
}

bool ptn_ice_add_local(struct ptn_ice *ice, ptn_time now, const struct ptn_ice_local *l)
{
    bool is_reflexive = l->kind == PTN_ICE_SERVER_REFLEXIVE, has_host = false;

    assert(l->kind != PTN_ICE_PEER_REFLEXIVE && !ptn_addr_is_none(&l->addr) && l->path);
    assert(!is_reflexive || !ptn_addr_is_none(&l->base));
    if (l->component > ice->components || ice->local_count == PTN_ICE_LOCALS_MAX)
        return false;
    for (unsigned i = 0; i < ice->local_count; i++) {
        const struct ptn_ice_base *b = &ice->locals[i];
        if (b->path == l->path && ptn_addr_equal(&b->c.addr, &l->addr))
            return false;
        has_host |= b->path == l->path && b->c.kind == PTN_ICE_HOST;
    }
    uint16_t preference = l->preference ? l->preference : PTN_ICE_PREFERENCE_MAX;
    struct ptn_ice_base *b = &ice->locals[ice->local_count];
    *b = (struct ptn_ice_base){
        .c = {.addr = l->addr,
              .related = is_reflexive ? l->base : l->related,
              .priority = ptn_ice_priority(l->kind, preference, l->component),
              .kind = (uint8_t)l->kind,
              .component = (uint8_t)l->component},
        .path = l->path,
        .preference = preference,
        .base = is_reflexive ? l->base : l->addr,
        .server = ptn_addr_with_port(l->server, 0),
        /* Checks leave from the socket, whatever address it has outside. */
        .pairs = !is_reflexive || !has_host,
    };
    set_foundation(ice, ice->local_count);
    ptn_ice_pair_local(ice, ice->local_count++);
    ice->next_check = ptn_time_max(ice->next_check, now);
    return true;
}

const struct ptn_ice_candidate *ptn_ice_local(const struct ptn_ice *ice, unsigned i)
{
    return i < ice->local_count ? &ice->locals[i].c : NULL;
}

int ptn_ice_find_remote(const struct ptn_ice *ice, unsigned component, const struct ptn_addr *addr)
{
    for (unsigned i = 0; i < ice->remote_count; i++)
        if (ice->remotes[i].component == component && ptn_addr_equal(&ice->remotes[i].addr, addr))
            return (int)i;
    return -1;
}

bool ptn_ice_set_far(struct ptn_ice *ice, ptn_time now, const struct ptn_ice_far *far)
{
    if (ice->has_far)
        return strcmp(ice->far.creds.ufrag, far->creds.ufrag) == 0 &&
               strcmp(ice->far.creds.pwd, far->creds.pwd) == 0;
    ice->far = *far;
    ice->has_far = true;
    ice->started_at = now;
    if (far->lite && !ice->controlling)
        ptn_ice_change_role(ice, true);
    for (unsigned i = 0; i < ice->early_count; i++)
        if (strcmp(ice->early[i].ufrag, far->creds.ufrag) == 0)
            ptn_ice_learn(ice, now, &ice->early[i]);
    ice->early_count = 0;
    return true;
}

bool ptn_ice_add_remote(struct ptn_ice *ice, ptn_time now, const struct ptn_ice_candidate *c)
{
    enum ptn_addr_kind kind = ptn_addr_kind(&c->addr);
    int row = ptn_ice_find_remote(ice, c->component, &c->addr);

    if (ptn_addr_is_none(&c->addr) || c->addr.port == 0 || kind == PTN_ADDR_UNSPECIFIED ||
        kind == PTN_ADDR_MULTICAST || c->component < 1 || c->component > ice->components)
        return false;
    if (row >= 0) {
        if (ice->remotes[row].kind != PTN_ICE_PEER_REFLEXIVE)
            return false;
        /* A check was faster than its description. */
        ice->remotes[row] = *c;
        ptn_ice_reprioritize(ice);
        return true;
    }
    if (ice->remote_count == PTN_ICE_REMOTES_MAX)
        return false;
    ice->remotes[ice->remote_count] = *c;
    ptn_ice_pair_remote(ice, ice->remote_count++);
    ice->next_check = ptn_time_max(ice->next_check, now);
    return true;
}

void ptn_ice_end_local(struct ptn_ice *ice)
{
    ice->local_ended = true;
}

void ptn_ice_end_remote(struct ptn_ice *ice)
{
    ice->remote_ended = true;
}

void ptn_ice_use_components(struct ptn_ice *ice, unsigned components)
{
    assert(components >= 1 && components <= PTN_ICE_COMPONENTS_MAX);

    for (unsigned i = 0; i < ice->pair_count; i++)
        if (ice->pairs[i].component > components)
            ptn_ice_fail_pair(&ice->pairs[i]);
    for (unsigned i = components; i < PTN_ICE_COMPONENTS_MAX; i++)
        ice->component[i].way.set = ice->component[i].held.set = false;
    if (components < ice->components)
        ice->components = components;
}

/* ---- what is due ---- */

static void send_check(struct ptn_ice_pair *p, ptn_time now)
{
    p->to_send = true;
    if (!p->first_sent)
        p->first_sent = ptn_time_max(now, 1);
}

static void start_check(struct ptn_ice *ice, ptn_time now, struct ptn_ice_pair *p)
{
    struct ptn_stun_txn_opts opts = PTN_STUN_TXN_UDP;

    p->tries[1] = p->tries[0];
    p->tries[0] = (struct ptn_ice_try){.id = ptn_stun_id_new(&ice->dice, PTN_STUN_MODERN),
                                       .nominates = p->nominating,
                                       .controlling = ice->controlling};
    memcpy(p->tries[0].tie_breaker, ice->tie_breaker, sizeof ice->tie_breaker);
    p->state = PTN_ICE_IN_PROGRESS;
    p->queued = 0;
    opts.rto = ptn_ice_rto(ice);
    ptn_stun_txn_start(&p->txn, now, &opts);
    if (ptn_stun_txn_tick(&p->txn, now) == PTN_STUN_TXN_SEND)
        send_check(p, now);
    ice->next_check = now + ptn_ice_pacing(ice);
}

static void repeat_checks(struct ptn_ice *ice, ptn_time now)
{
    for (unsigned i = 0; i < ice->pair_count; i++) {
        struct ptn_ice_pair *p = &ice->pairs[i];
        switch (ptn_stun_txn_tick(&p->txn, now)) {
        case PTN_STUN_TXN_SEND: send_check(p, now); break;
        case PTN_STUN_TXN_GIVE_UP: ptn_ice_fail_pair(p); break;
        case PTN_STUN_TXN_WAIT: break;
        }
    }
}

static void begin_check(struct ptn_ice *ice, ptn_time now)
{
    struct ptn_ice_pair *next = now < ice->next_check ? NULL : ptn_ice_next_pair(ice);

    if (next)
        start_check(ice, now, next);
}

static void tick_consent(struct ptn_ice *ice, ptn_time now)
{
    for (unsigned i = 0; i < ice->components; i++) {
        struct ptn_ice_component *c = &ice->component[i];
        if (c->way.set)
            ptn_ice_consent_tick(&c->way.consent, now, &ice->dice);
        if (c->held.set)
            ptn_ice_consent_tick(&c->held.consent, now, &ice->dice);
    }
}

/* Ports that a far end shows one after the other are no hope any more: behind two NATs that map
 * each of them anew there would be no end to it. Should one be proven yet, so much the better. */
static bool has_hope(const struct ptn_ice *ice, unsigned component)
{
    for (unsigned i = 0; i < ice->pair_count; i++) {
        const struct ptn_ice_pair *p = &ice->pairs[i];
        if (p->component == component && ptn_ice_pair_is_open(p) &&
            ice->remotes[p->remote].kind != PTN_ICE_PEER_REFLEXIVE)
            return true;
    }
    return false;
}

static void tick_failure(struct ptn_ice *ice, ptn_time now)
{
    ice->patience_over |= now >= ice->started_at + FAIL_PATIENCE;
    if (!ice->patience_over || !ice->local_ended || !ice->remote_ended)
        return;
    for (unsigned n = 1; n <= ice->components; n++)
        ice->failed |= !ice->component[n - 1].way.set && !has_hope(ice, n);
}

void ptn_ice_tick(struct ptn_ice *ice, ptn_time now)
{
    /* In this order, so that a tick leaves nothing due: a check that fails may end the wait for a
     * better pair, and a nomination is a check. */
    repeat_checks(ice, now);
    ptn_ice_choose(ice, now);
    if (ice->has_far) {
        begin_check(ice, now);
        tick_failure(ice, now);
    }
    tick_consent(ice, now);
}

static bool keeps_alive(const struct ptn_ice *ice, const struct ptn_ice_pair *p)
{
    const struct ptn_ice_way *way = &ice->component[p->component - 1].way;

    return p->proven && way->set && !way->route.nominated && way->pair != p - ice->pairs;
}

ptn_time ptn_ice_deadline(const struct ptn_ice *ice)
{
    ptn_time due = PTN_NEVER;

    for (unsigned i = 0; i < ice->components; i++) {
        const struct ptn_ice_component *c = &ice->component[i];
        if (c->way.set)
            due = ptn_time_min(due, ptn_ice_consent_deadline(&c->way.consent));
        if (c->held.set)
            due = ptn_time_min(due, ptn_ice_consent_deadline(&c->held.consent));
    }
    if (!ice->has_far)
        return due;
    for (unsigned i = 0; i < ice->pair_count; i++) {
        const struct ptn_ice_pair *p = &ice->pairs[i];
        due = ptn_time_min(due, ptn_stun_txn_deadline(&p->txn));
        if (keeps_alive(ice, p))
            due = ptn_time_min(due, p->kept_at + KEEPALIVE);
    }
    for (unsigned n = 1; n <= ice->components; n++)
        due = ptn_time_min(due, ptn_ice_nomination_due(ice, 0, n));
    if (ptn_ice_has_work(ice))
        due = ptn_time_min(due, ice->next_check);
    if (!ice->patience_over)
        due = ptn_time_min(due, ice->started_at + FAIL_PATIENCE);
    return due;
}

/* ---- in and out ---- */

static enum ptn_ice_verdict read_icmp(struct ptn_ice *ice, const struct ptn_tell *tell)
{
    enum ptn_ice_verdict verdict = PTN_ICE_NOT_OURS;

    for (unsigned i = 0; i < ice->pair_count; i++) {
        struct ptn_ice_pair *p = &ice->pairs[i];
        if (p->state == PTN_ICE_IN_PROGRESS && ice->locals[p->local].path == tell->id &&
            ptn_addr_equal(&ice->remotes[p->remote].addr, &tell->from)) {
            /* Anybody can send one, and a NAT that says no now says yes once it has been opened
             * from its inside. */
            p->doubted = true;
            verdict = PTN_ICE_HINT;
        }
    }
    return verdict;
}

static enum ptn_ice_verdict read_datagram(struct ptn_ice *ice, ptn_time now,
                                          const struct ptn_tell *tell)
{
    struct ptn_stun_msg m;

    if (ptn_stun_decode(&m, tell->bytes) != PTN_STUN_OK || m.method != PTN_STUN_BINDING ||
        m.dialect != PTN_STUN_MODERN)
        return PTN_ICE_NOT_OURS;
    switch (m.class) {
    case PTN_STUN_REQUEST: return ptn_ice_read_request(ice, now, tell, &m);
    case PTN_STUN_INDICATION: return PTN_ICE_KEEPALIVE;
    default: return ptn_ice_read_answer(ice, now, tell, &m);
    }
}

enum ptn_ice_verdict ptn_ice_input(struct ptn_ice *ice, ptn_time now, const struct ptn_tell *tell)
{
    enum ptn_ice_verdict verdict = PTN_ICE_NOT_OURS;

    if (tell->kind == PTN_TELL_ICMP_ERROR)
        verdict = read_icmp(ice, tell);
    else if (tell->kind == PTN_TELL_DATAGRAM)
        verdict = read_datagram(ice, now, tell);
    ice->counts[verdict]++;
    return verdict;
}

static bool output_reply(struct ptn_ice *ice, struct ptn_ask *ask)
{
    while (ice->reply_count > 0) {
        const struct ptn_ice_reply *r = &ice->replies[ice->reply_first];
        ice->reply_first = (ice->reply_first + 1) % PTN_ICE_ANSWERS_MAX;
        ice->reply_count--;
        ask->id = r->path;
        ask->to = r->to;
        if (ptn_ice_write_reply(ice, r, &ask->bytes))
            return true;
    }
    return false;
}

static bool output_pair(struct ptn_ice *ice, ptn_time now, struct ptn_ice_pair *p,
                        struct ptn_ask *ask)
{
    ask->id = ice->locals[p->local].path;
    ask->to = ice->remotes[p->remote].addr;
    if (p->to_send) {
        p->to_send = false;
        return ptn_ice_write_check(ice, p, &ask->bytes);
    }
    if (!keeps_alive(ice, p) || now < p->kept_at + KEEPALIVE)
        return false;
    p->kept_at = now;
    return ptn_ice_write_keepalive(ice, &ask->bytes);
}

static bool output_question(struct ptn_ice *ice, struct ptn_ice_way *way, bool earlier,
                            struct ptn_ask *ask)
{
    if (!way->set || !way->consent.to_send)
        return false;
    way->consent.to_send = false;
    ask->id = way->route.path;
    ask->to = way->route.to;
    return ptn_ice_write_question(ice, way, earlier, &ask->bytes);
}

bool ptn_ice_output(struct ptn_ice *ice, ptn_time now, struct ptn_ask *ask)
{
    *ask = (struct ptn_ask){.kind = PTN_ASK_DATAGRAM};
    if (output_reply(ice, ask))
        return true;
    for (unsigned i = 0; i < ice->pair_count; i++)
        if (output_pair(ice, now, &ice->pairs[i], ask))
            return true;
    for (unsigned i = 0; i < ice->components; i++)
        if (output_question(ice, &ice->component[i].way, false, ask) ||
            output_question(ice, &ice->component[i].held, true, ask))
            return true;
    return false;
}
