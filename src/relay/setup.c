/*
 * relay/setup.c - a relay is made, changed while it runs, and told what to do.
 */
#include "relay/answer.h"

#include <assert.h>

#define IDLE_DEFAULT PTN_S(60)
#define NONCE_LIFETIME_DEFAULT PTN_S(600)

enum {
    LIFETIME_DEFAULT_S = 600,
    LIFETIME_MAX_S = 3600,
    PERMISSION_LIFETIME_S = 300,
    CHANNEL_LIFETIME_S = 600,
    PERMISSIONS_EACH = 4,
    CHANNELS_EACH = 2,
    PORT_MIN = 49152,
    PORT_MAX = 65535,
    STOCK = 128,
    STOCK_PAIRS = 4,
};

static void set_default(uint32_t *value, uint32_t otherwise)
{
    if (*value == 0)
        *value = otherwise;
}

/* What the options leave out. */
static struct ptn_relay_opts complete(const struct ptn_relay_opts *opts)
{
    struct ptn_relay_opts full = *opts;
    struct ptn_relay_turn *t = &full.turn;

    if (full.connection_idle == 0)
        full.connection_idle = IDLE_DEFAULT;
    if (full.workers == 0)
        full.workers = 1;
    if (t->nonce_lifetime == 0)
        t->nonce_lifetime = NONCE_LIFETIME_DEFAULT;
    if (t->port_max == 0)
        t->port_max = PORT_MAX;
    if (t->port_min == 0)
        t->port_min = t->port_max < PORT_MIN ? 1 : PORT_MIN;
    assert(t->port_min <= t->port_max);
    set_default(&t->permissions_max, PERMISSIONS_EACH * t->allocations_max);
    set_default(&t->channels_max, CHANNELS_EACH * t->allocations_max);
    set_default(&t->stock, STOCK);
    set_default(&t->stock_pairs, STOCK_PAIRS);
    set_default(&t->lifetime_default_s, LIFETIME_DEFAULT_S);
    set_default(&t->lifetime_max_s, LIFETIME_MAX_S);
    set_default(&t->permission_lifetime_s, PERMISSION_LIFETIME_S);
    set_default(&t->channel_lifetime_s, CHANNEL_LIFETIME_S);
    if (t->lifetime_max_s < t->lifetime_default_s)
        t->lifetime_max_s = t->lifetime_default_s;
    return full;
}

static bool wants_turn(const struct ptn_relay_turn *t)
{
    return t->allocations_max > 0 && t->realm && t->realm[0] &&
           (t->user_count > 0 || t->secret_count > 0 || t->ask_for_users);
}

static bool make_timers(struct ptn_relay *r)
{
    const struct ptn_relay_turn *t = &r->opts.turn;
    const uint32_t sizes[PTN_RELAY_TIMERS] = {
        [PTN_RELAY_TIMER_ALLOC] = t->allocations_max,
        [PTN_RELAY_TIMER_PERMISSION] = t->permissions_max,
        [PTN_RELAY_TIMER_CHANNEL] = t->channels_max,
        [PTN_RELAY_TIMER_SOCKET] = r->sockets.max,
        [PTN_RELAY_TIMER_PEER_CONN] = t->peer_conns_max,
    };

    for (unsigned kind = 0; kind < PTN_RELAY_TIMERS; kind++)
        r->timer_base[kind + 1] = r->timer_base[kind] + sizes[kind];
    return ptn_heap_init(&r->timers, r->timer_base[PTN_RELAY_TIMERS]) == PTN_OK;
}

static bool make_turn(struct ptn_relay *r)
{
    const struct ptn_relay_turn *t = &r->opts.turn;

    r->crypto = ptn_crypto_new();
    if (!r->crypto)
        return false;
    ptn_relay_nonces_init(&r->nonces, r->crypto, t->nonce_secret, &r->dice);
    if (!r->opts.shared)
        r->own_shared = ptn_relay_shared_new(t->allocations_max);
    r->shared = r->opts.shared ? r->opts.shared : r->own_shared;
    return r->shared &&
           ptn_relay_users_init(&r->users, t, t->allocations_max, r->crypto, &r->dice) == PTN_OK &&
           ptn_relay_policy_init(&r->policy, t, &r->listeners, r->shared) == PTN_OK &&
           ptn_relay_sockets_init(&r->sockets, t) == PTN_OK &&
           ptn_relay_allocs_init(&r->allocs, t->allocations_max, &r->dice) == PTN_OK &&
           ptn_relay_permissions_init(&r->permissions, t->permissions_max, &r->dice) == PTN_OK &&
           ptn_relay_channels_init(&r->channels, t->channels_max, &r->dice) == PTN_OK &&
           ptn_relay_peer_conns_init(&r->peer_conns, t->peer_conns_max) == PTN_OK && make_timers(r);
}

/* A die that was never filled would show zeros for ever. */
static bool is_zeroed(const struct ptn_dice *d)
{
    return !d->fill && (d->state[0] | d->state[1] | d->state[2] | d->state[3]) == 0;
}

struct ptn_relay *ptn_relay_new(const struct ptn_relay_opts *opts)
{
    struct ptn_relay *r = calloc(1, sizeof *r);

    if (!r)
        return NULL;
    assert(opts->worker < (opts->workers ? opts->workers : 1) &&
           opts->workers <= PTN_RELAY_WORKERS_MAX);
    r->opts = complete(opts);
    r->dice = is_zeroed(&opts->dice) ? ptn_dice_seeded(0) : opts->dice;
    r->turn = wants_turn(&r->opts.turn);
    ptn_relay_listeners_init(&r->listeners, opts);
    if (ptn_relay_conns_init(&r->conns, opts->connections_max) == PTN_OK &&
        ptn_relay_limits_init(&r->limits, &r->opts, &r->dice) == PTN_OK &&
        (!r->turn || make_turn(r))) {
        r->nonces.lifetime_s = (uint32_t)(r->opts.turn.nonce_lifetime / PTN_S(1));
        r->conns.key = (uint32_t)r->limits.address.key[0];
        return r;
    }
    ptn_relay_free(r);
    return NULL;
}

void ptn_relay_free(struct ptn_relay *r)
{
    if (!r)
        return;
    ptn_relay_conns_fini(&r->conns);
    ptn_relay_limits_fini(&r->limits);
    if (r->turn) {
        ptn_relay_users_fini(&r->users);
        ptn_relay_policy_fini(&r->policy);
        ptn_relay_sockets_fini(&r->sockets);
        ptn_relay_allocs_fini(&r->allocs);
        ptn_relay_permissions_fini(&r->permissions);
        ptn_relay_channels_fini(&r->channels);
        ptn_relay_peer_conns_fini(&r->peer_conns);
        ptn_heap_fini(&r->timers);
        ptn_relay_shared_free(r->own_shared);
        ptn_crypto_free(r->crypto);
    }
    free(r);
}

/* ---- changes ---- */

/* Permissions and channels of peers that the policy denies now. */
static void drop_denied(struct ptn_relay *r)
{
    for (uint32_t row = 0; row < r->allocs.pool.touched; row++) {
        struct ptn_relay_alloc *a = &r->allocs.rows[row];
        if (a->number == 0)
            continue;
        for (uint32_t p = a->permissions, next; p != PTN_RELAY_NONE; p = next) {
            next = r->permissions.rows[p].next;
            if (ptn_relay_policy_check(&r->policy, &r->permissions.rows[p].peer, false) ==
                PTN_RELAY_PEER_DENY)
                ptn_relay_end_permission(r, p);
        }
        for (uint32_t c = a->channels, next; c != PTN_RELAY_NONE; c = next) {
            next = r->channels.rows[c].next;
            if (ptn_relay_policy_check(&r->policy, &r->channels.rows[c].peer, false) ==
                PTN_RELAY_PEER_DENY)
                ptn_relay_end_channel(r, c);
        }
    }
}

static bool change_turn(struct ptn_relay *r, const struct ptn_relay_opts *full)
{
    struct ptn_relay_policy policy;
    struct ptn_relay_turn addresses = full->turn;

    /* Those given to new() stay. */
    memcpy(addresses.addresses, r->opts.turn.addresses, sizeof addresses.addresses);
    addresses.address_count = r->opts.turn.address_count;
    if (ptn_relay_policy_init(&policy, &addresses, &r->listeners, r->shared) != PTN_OK)
        return false;
    if (ptn_relay_users_change(&r->users, &full->turn) != PTN_OK) {
        ptn_relay_policy_fini(&policy);
        return false;
    }
    ptn_relay_policy_fini(&r->policy);
    r->policy = policy;
    drop_denied(r);
    if (full->turn.nonce_secret.size > 0)
        ptn_relay_nonces_init(&r->nonces, r->crypto, full->turn.nonce_secret, &r->dice);
    r->nonces.lifetime_s = (uint32_t)(full->turn.nonce_lifetime / PTN_S(1));
    return true;
}

static void take_turn(struct ptn_relay_turn *to, const struct ptn_relay_turn *from)
{
    to->user_quota = from->user_quota;
    to->total_quota = from->total_quota;
    to->max_bps = from->max_bps;
    to->bps_capacity = from->bps_capacity;
    to->lifetime_default_s = from->lifetime_default_s;
    to->lifetime_max_s = from->lifetime_max_s;
    to->permission_lifetime_s = from->permission_lifetime_s;
    to->channel_lifetime_s = from->channel_lifetime_s;
    to->always_algorithms = from->always_algorithms;
}

bool ptn_relay_change(struct ptn_relay *r, ptn_time now, const struct ptn_relay_opts *opts)
{
    struct ptn_relay_opts full = complete(opts);

    (void)now;
    if (r->turn && !change_turn(r, &full))
        return false;
    r->opts.behaviour_discovery = full.behaviour_discovery;
    r->opts.always_extras = full.always_extras;
    r->opts.mapped_in_modern = full.mapped_in_modern;
    r->opts.connection_idle = full.connection_idle;
    take_turn(&r->opts.turn, &full.turn);
    full.workers = r->opts.workers;
    ptn_relay_limits_change(&r->limits, &full);
    return true;
}

void ptn_relay_start(struct ptn_relay *r)
{
    for (size_t i = 0; i < r->listeners.count; i++)
        r->listeners.rows[i].to_open = true;
    r->to_open = true;
}

void ptn_relay_set_wall(struct ptn_relay *r, ptn_time now, uint64_t unix_s)
{
    r->wall_offset_s = (int64_t)unix_s - now / PTN_S(1);
}

void ptn_relay_drain(struct ptn_relay *r, bool on)
{
    r->draining = on;
}

void ptn_relay_divert(struct ptn_relay *r, const struct ptn_relay_alternate *to)
{
    r->alternate = to ? *to : (struct ptn_relay_alternate){0};
}

void ptn_relay_revoke(struct ptn_relay *r, ptn_time now, struct ptn_bytes name)
{
    uint32_t user = r->turn ? ptn_relay_users_find(&r->users, name) : PTN_RELAY_NONE;

    if (user == PTN_RELAY_NONE)
        return;
    for (uint32_t row = 0; row < r->allocs.pool.touched; row++) {
        struct ptn_relay_alloc *a = &r->allocs.rows[row];
        if (a->number == 0 || a->user != user)
            continue;
        a->revoked = true;
        a->expires = now;
        ptn_relay_timer(r, PTN_RELAY_TIMER_ALLOC, row, now);
    }
}

/* ---- how things stand ---- */

ptn_id ptn_relay_joined(const struct ptn_relay *r, ptn_id id)
{
    uint32_t slot;

    if (r->conns.conns && ptn_ids_find(&r->conns.ids, id, &slot))
        return r->conns.conns[slot].joined;
    uint32_t row = r->turn ? ptn_relay_peer_conns_by_conn(&r->peer_conns, id) : PTN_RELAY_NONE;
    return row == PTN_RELAY_NONE ? 0 : r->peer_conns.rows[row].client;
}

struct ptn_relay_now ptn_relay_now(const struct ptn_relay *r)
{
    struct ptn_relay_now now = {
        .allocations = r->allocs.pool.count,
        .permissions = r->permissions.pool.count,
        .channels = r->channels.pool.count,
        .connections = r->conns.ids.count,
        .peer_conns = r->peer_conns.pool.count,
        .users = r->users.pool.count,
        .begun = r->begun,
        .bytes_up = r->bytes_up,
        .bytes_down = r->bytes_down,
        .stock_failures = r->sockets.failures,
    };

    memcpy(now.ended, r->ended, sizeof now.ended);
    for (unsigned f = 0; f < 2; f++)
        for (unsigned k = 0; k < PTN_RELAY_STOCK_KINDS; k++)
            now.stock += r->sockets.stock[f][k].ready;
    return now;
}
