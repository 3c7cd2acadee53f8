/*
 * server/fleet.c - two Redis, or one twice: asked in time, and missed when they are away.
 *
 * While Redis cannot be asked, those it has told us of are served on, others are told to come
 * again, and new clients stay here as long as there is room.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fleet_parts.h"

#define TELL_EVERY PTN_S(5)
#define SECRETS_EVERY PTN_S(30)

/* ---- opening ---- */

static bool open_redis(struct server *s, const char *key, const char *text, uint8_t owner,
                       struct ptn_redis **out)
{
    struct ptn_redis_opts opts;
    struct ptn_addr addr;

    if (!text[0])
        return true;
    if (!ptn_redis_parse(text, &opts) || !ptn_addr_parse(opts.host, &addr))
        return false; /* has been checked */
    enum ptn_err err = ptn_redis_new(s->loop, owner, &opts, out);
    if (err != PTN_OK)
        ptn_log(&s->log, PTN_LOG_ERROR, "%s: %s", key, ptn_err_text(err));
    return err == PTN_OK;
}

static const struct ptn_addr *seen_as(const struct ptn_relay_listener *l)
{
    return ptn_addr_is_none(&l->announced) ? &l->local : &l->announced;
}

/* Under which address others find this server. */
static void name_oneself(const struct server *s, struct server_fleet *f)
{
    const struct ptn_relay_listener *best = &s->opts->listeners[0];

    for (size_t i = 0; i < s->opts->listener_count; i++) {
        const struct ptn_relay_listener *l = &s->opts->listeners[i];
        bool better = ptn_addr_kind(&l->local) != PTN_ADDR_LOOPBACK &&
                      ptn_addr_kind(&best->local) == PTN_ADDR_LOOPBACK;
        if (l->transport == PTN_UDP && (best->transport != PTN_UDP || better))
            best = l;
        if (l->transport == PTN_TLS || l->transport == PTN_DTLS)
            f->tls_port = seen_as(l)->port;
    }
    if (s->settings->fleet_name[0])
        snprintf(f->own, sizeof f->own, "%.*s", (int)sizeof f->own - 1, s->settings->fleet_name);
    else
        ptn_addr_format(seen_as(best), f->own);
}

bool server_fleet_open(struct server *s, uint8_t users_owner, uint8_t stats_owner)
{
    struct server_fleet *f = calloc(1, sizeof *f);

    s->fleet = f;
    if (!f) {
        ptn_log(&s->log, PTN_LOG_ERROR, "starting: %s", ptn_err_text(PTN_ERR_NO_MEMORY));
        return false;
    }
    f->users_owner = users_owner;
    f->stats_owner = stats_owner;
    snprintf(f->realm, sizeof f->realm, "%s",
             s->settings->realm[0] ? s->settings->realm : s->host_name);
    name_oneself(s, f);
    if (s->settings->redis_statsdb[0] && !s->settings->nonce_secret[0])
        ptn_log(
            &s->log, PTN_LOG_WARN,
            "postern-nonce-secret is not set: browsers that are sent from one server of the fleet "
            "to another will fail there");
    return open_redis(s, "redis-userdb", s->settings->redis_userdb, users_owner, &f->users) &&
           open_redis(s, "redis-statsdb", s->settings->redis_statsdb, stats_owner, &f->stats);
}

void server_fleet_close(struct server *s)
{
    struct server_fleet *f = s->fleet;

    if (!f)
        return;
    if (f->stats && ptn_redis_is_up(f->stats))
        server_fleet_leave(f);
    ptn_redis_free(f->users);
    ptn_redis_free(f->stats);
    free(f->secrets.texts);
    free(f);
    s->fleet = NULL;
}

/* ---- turns ---- */

void server_fleet_ask(struct ptn_redis *r, ptn_time now, uint64_t token, const char *command,
                      const char *key)
{
    struct ptn_bytes words[] = {ptn_bytes_of_text(command), ptn_bytes_of_text(key)};

    ptn_redis_ask(r, now, token, words, 2);
}

static void take_answers(struct server *s, ptn_time now, struct ptn_redis *r)
{
    struct ptn_redis_answer a;

    while (r && ptn_redis_answer(r, &a))
        switch (a.token) {
        case SERVER_FLEET_SECRETS: server_fleet_secrets_answered(s, &a); break;
        case SERVER_FLEET_TOLD: break;
        case SERVER_FLEET_MEMBERS: server_fleet_members_answered(s, now, &a); break;
        case SERVER_FLEET_LOADS: server_fleet_loads_answered(s, now, &a); break;
        default: server_fleet_user_answered(s, &a); break;
        }
}

void server_fleet_ready(struct server *s, ptn_time now, const struct ptn_ready *ready)
{
    struct server_fleet *f = s->fleet;

    if (f && f->users && ready->owner == f->users_owner)
        ptn_redis_ready(f->users, now, ready);
    else if (f && f->stats && ready->owner == f->stats_owner)
        ptn_redis_ready(f->stats, now, ready);
}

/* Said when it changes, and once when it never was up. True when it has come up. */
static bool watch(struct server *s, const char *key, const struct ptn_redis *r, bool *was_up,
                  bool *told)
{
    bool up = ptn_redis_is_up(r), came = up && !*was_up;

    if (came)
        ptn_log(&s->log, PTN_LOG_INFO, "%s: Redis answers", key);
    else if (!up && (*was_up || !*told) && strcmp(ptn_redis_why(r), "not connected yet") != 0) {
        ptn_log(&s->log, PTN_LOG_WARN, "%s: no connection to Redis: %s", key, ptn_redis_why(r));
        *told = true;
    }
    *was_up = up;
    return came;
}

static void tick_users(struct server *s, ptn_time now)
{
    struct server_fleet *f = s->fleet;

    ptn_redis_tick(f->users, now);
    if (watch(s, "redis-userdb", f->users, &f->users_were_up, &f->users_told))
        f->secrets_due = now;
    if (ptn_redis_is_up(f->users) && now >= f->secrets_due) {
        f->secrets_due = now + SECRETS_EVERY;
        server_fleet_ask_secrets(s, now);
    }
    take_answers(s, now, f->users);
}

static void tick_stats(struct server *s, ptn_time now)
{
    struct server_fleet *f = s->fleet;
    bool drains_since = s->draining && !s->fleet_knows_drain;

    ptn_redis_tick(f->stats, now);
    watch(s, "redis-statsdb", f->stats, &f->stats_were_up, &f->stats_told);
    if (ptn_redis_is_up(f->stats) && (now >= f->tell_due || drains_since)) {
        f->tell_due = now + TELL_EVERY;
        s->fleet_knows_drain = s->draining;
        server_fleet_tell_load(s, now);
    } else if (!ptn_redis_is_up(f->stats)) {
        server_fleet_alone(s);
    }
    take_answers(s, now, f->stats);
}

void server_fleet_tick(struct server *s, ptn_time now)
{
    if (!s->fleet)
        return;
    if (s->fleet->users)
        tick_users(s, now);
    if (s->fleet->stats)
        tick_stats(s, now);
    server_fleet_rotate(s, now);
}

static ptn_time redis_deadline(const struct ptn_redis *r, ptn_time due)
{
    return ptn_redis_is_up(r) ? ptn_time_min(due, ptn_redis_deadline(r)) : ptn_redis_deadline(r);
}

ptn_time server_fleet_deadline(const struct server *s)
{
    const struct server_fleet *f = s->fleet;
    ptn_time first = PTN_NEVER;

    if (!f)
        return first;
    if (f->users)
        first = ptn_time_min(first, redis_deadline(f->users, f->secrets_due));
    if (f->stats)
        first = ptn_time_min(first, redis_deadline(f->stats, f->tell_due));
    return server_fleet_is_rotating(s) ? ptn_time_min(first, f->rotate_due) : first;
}

static struct server_redis_state state_of(const struct ptn_redis *r)
{
    return (struct server_redis_state){.named = r != NULL, .up = r && ptn_redis_is_up(r)};
}

struct server_redis_state server_fleet_users_state(const struct server *s)
{
    return state_of(s->fleet ? s->fleet->users : NULL);
}

struct server_redis_state server_fleet_loads_state(const struct server *s)
{
    return state_of(s->fleet ? s->fleet->stats : NULL);
}
