/*
 * server/fleet.c - questions to Redis, and what follows from the answers.
 *
 * While Redis cannot be asked, those it has told us of are served on, others are told to come
 * again, and new clients stay here as long as there is room.
 */
#include "fleet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fleet_load.h"
#include "mail.h"
#include "os/clock.h"
#include "os/redis.h"

#define TELL_EVERY PTN_S(5)
#define SECRETS_EVERY PTN_S(30)
#define ROTATE_EVERY PTN_S(1)
#define LOAD_KEPT_S "15"

enum {
    LOOKUPS_MAX = 1024,
    MEMBERS_MAX = 64,
    KEY_SIZE = 2 * PTN_CONF_TEXT_SIZE + 64,
    PORT_DEFAULT = 3478,
    TLS_PORT_DEFAULT = 5349,
    /* Tokens beyond those of lookups. */
    TOKEN_SECRETS = LOOKUPS_MAX,
    TOKEN_TOLD,
    TOKEN_MEMBERS,
    TOKEN_LOADS,
};

struct server_fleet {
    struct ptn_redis *users, *stats;
    uint8_t users_owner, stats_owner;
    bool users_were_up, stats_were_up, users_told, stats_told;
    char realm[PTN_CONF_TEXT_SIZE], own[PTN_ADDR_TEXT_MAX];
    ptn_time secrets_due, tell_due, rotate_due;
    unsigned rotated;
    char lookups[LOOKUPS_MAX][PTN_RELAY_USER_BYTES + 1]; /* empty: free */
    char members[MEMBERS_MAX][PTN_ADDR_TEXT_MAX];
    size_t member_count;
    struct ptn_relay_alternate diverted;
    uint16_t tls_port;            /* of this server; 0: none */
    struct ptn_conf_list secrets; /* of Redis */
    bool secrets_taken;           /* by the workers */
};

/* ---- asking ---- */

static void ask(struct ptn_redis *r, ptn_time now, uint64_t token, const char *command,
                const char *key)
{
    struct ptn_bytes words[] = {ptn_bytes_of_text(command), ptn_bytes_of_text(key)};

    ptn_redis_ask(r, now, token, words, 2);
}

/* The set would grow for ever where addresses come and go. One that lives adds itself again. */
static void forget_member(struct server_fleet *f, ptn_time now, const char *member)
{
    char set_key[KEY_SIZE];

    snprintf(set_key, sizeof set_key, "postern/fleet/%s", f->realm);
    struct ptn_bytes words[] = {ptn_bytes_of_text("SREM"), ptn_bytes_of_text(set_key),
                                ptn_bytes_of_text(member)};
    ptn_redis_ask(f->stats, now, TOKEN_TOLD, words, 3);
}

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
    return open_redis(s, "redis-userdb", s->settings->redis_userdb, users_owner, &f->users) &&
           open_redis(s, "redis-statsdb", s->settings->redis_statsdb, stats_owner, &f->stats);
}

/* Nobody is to be sent to a server that has ended, not even for the seconds that its load is kept.
 */
static void leave(struct server_fleet *f)
{
    ptn_time now = ptn_clock_now();
    char key[KEY_SIZE];

    snprintf(key, sizeof key, "postern/fleet/%s/%s", f->realm, f->own);
    forget_member(f, now, f->own);
    ask(f->stats, now, TOKEN_TOLD, "DEL", key);
    ptn_redis_flush(f->stats);
}

void server_fleet_close(struct server *s)
{
    struct server_fleet *f = s->fleet;

    if (!f)
        return;
    if (f->stats && ptn_redis_is_up(f->stats))
        leave(f);
    ptn_redis_free(f->users);
    ptn_redis_free(f->stats);
    free(f->secrets.texts);
    free(f);
    s->fleet = NULL;
}

/* ---- users ---- */

void server_fleet_user_wanted(struct server *s, ptn_time now, struct ptn_bytes letter)
{
    struct server_fleet *f = s->fleet;
    size_t name_size = strnlen((const char *)letter.data, letter.size);
    char key[KEY_SIZE];
    unsigned place = 0;

    if (!f || !f->users || name_size == 0 || name_size > PTN_RELAY_USER_BYTES)
        return;
    while (place < LOOKUPS_MAX && f->lookups[place][0])
        place++;
    if (place == LOOKUPS_MAX || !ptn_redis_is_up(f->users)) {
        server_mail_user_undecided(&s->crew, ptn_bytes(letter.data, name_size));
        return;
    }
    memcpy(f->lookups[place], letter.data, name_size);
    f->lookups[place][name_size] = '\0';
    snprintf(key, sizeof key, "turn/realm/%s/user/%s/key", f->realm, f->lookups[place]);
    ask(f->users, now, place, "GET", key);
}

static void user_answered(struct server *s, const struct ptn_redis_answer *a)
{
    char *name = s->fleet->lookups[a->token], text[80];
    struct ptn_relay_user user = {.name = ptn_bytes_of_text(name)};
    uint8_t key[32];

    if (a->why == PTN_OK) {
        snprintf(text, sizeof text, "0x%.*s", a->count ? (int)a->items[0].size : 0,
                 a->count ? (const char *)a->items[0].data : "");
        user.key = ptn_bytes(key, server_parse_key(text, key));
        server_mail_user_found(&s->crew, &user);
    } else {
        server_mail_user_undecided(&s->crew, user.name);
    }
    name[0] = '\0';
}

/* ---- secrets ---- */

static void secrets_answered(struct server *s, const struct ptn_redis_answer *a)
{
    struct server_fleet *f = s->fleet;
    struct ptn_conf_list fresh = {0};

    if (a->why != PTN_OK)
        return;
    for (size_t i = 0; i < a->count; i++)
        fresh.size += (uint32_t)a->items[i].size + 1;
    fresh.texts = calloc(1, fresh.size + 1);
    if (!fresh.texts)
        return;
    char *at = fresh.texts;
    for (size_t i = 0; i < a->count; i++) {
        memcpy(at, a->items[i].data, a->items[i].size);
        at += a->items[i].size + 1;
    }
    fresh.count = (uint32_t)a->count;
    if (f->secrets_taken && fresh.size == f->secrets.size &&
        memcmp(fresh.texts, f->secrets.texts, fresh.size) == 0) {
        free(fresh.texts);
        return;
    }
    free(f->secrets.texts);
    f->secrets = fresh;
    s->redis_secrets = &f->secrets;
    ptn_log(&s->log, PTN_LOG_INFO, "Redis has %u secrets for realm %s", fresh.count, f->realm);
    f->secrets_taken = server_apply(s);
}

/* ---- load ---- */

static struct server_load own_load(const struct server *s)
{
    const struct server_settings *set = s->settings;
    uint64_t most = (uint64_t)s->opts->turn.allocations_max * s->crew.count;
    uint32_t capacity = set->fleet_capacity ? set->fleet_capacity
                        : set->total_quota  ? set->total_quota
                        : most < UINT32_MAX ? (uint32_t)most
                                            : UINT32_MAX;

    return (struct server_load){ptn_relay_shared_total(s->shared), capacity, s->draining,
                                s->fleet->tls_port};
}

static void tell_load(struct server *s, ptn_time now)
{
    struct server_fleet *f = s->fleet;
    struct server_load load = own_load(s);
    char set_key[KEY_SIZE], key[KEY_SIZE], text[SERVER_LOAD_TEXT_SIZE];

    snprintf(set_key, sizeof set_key, "postern/fleet/%s", f->realm);
    snprintf(key, sizeof key, "postern/fleet/%s/%s", f->realm, f->own);
    server_load_format(&load, text);
    struct ptn_bytes add[] = {ptn_bytes_of_text("SADD"), ptn_bytes_of_text(set_key),
                              ptn_bytes_of_text(f->own)};
    struct ptn_bytes put[] = {ptn_bytes_of_text("SET"), ptn_bytes_of_text(key),
                              ptn_bytes_of_text(text), ptn_bytes_of_text("EX"),
                              ptn_bytes_of_text(LOAD_KEPT_S)};
    ptn_redis_ask(f->stats, now, TOKEN_TOLD, add, 3);
    ptn_redis_ask(f->stats, now, TOKEN_TOLD, put, 5);
    ask(f->stats, now, TOKEN_MEMBERS, "SMEMBERS", set_key);
}

static bool is_rotating(const struct server *s)
{
    return s->settings->alternate_server.count > 0 || s->settings->tls_alternate_server.count > 0;
}

static void say_divert(struct server_worker *w, void *to)
{
    ptn_relay_divert(server_worker_relay(w), to);
}

static void divert(struct server *s, const struct ptn_relay_alternate *to)
{
    struct server_fleet *f = s->fleet;
    struct ptn_relay_alternate copy = *to;
    const struct ptn_addr *named = ptn_addr_is_none(&to->plain) ? &to->tls : &to->plain;
    char text[PTN_ADDR_TEXT_MAX];

    if (ptn_addr_equal(&f->diverted.plain, &to->plain) &&
        ptn_addr_equal(&f->diverted.tls, &to->tls))
        return;
    if (!is_rotating(s))
        ptn_log(&s->log, PTN_LOG_INFO, "new clients are %s%s",
                ptn_addr_is_none(named) ? "served here" : "sent to ",
                ptn_addr_is_none(named) ? "" : ptn_addr_format(named, text));
    f->diverted = *to;
    server_crew_call(s, say_divert, &copy);
}

static bool has_room(const struct server *s)
{
    struct server_load own = own_load(s);

    return !own.draining && !server_load_is_full(&own);
}

/* What somebody wrote into Redis may be no server at all, or this one by another name: clients that
 * are sent here would be sent on for ever. */
static bool may_be_another(const struct server *s, const struct ptn_addr *to)
{
    enum ptn_addr_kind kind = ptn_addr_kind(to);

    for (size_t i = 0; i < s->opts->listener_count; i++)
        if (ptn_addr_equal(&s->opts->listeners[i].local, to) ||
            ptn_addr_equal(&s->opts->listeners[i].announced, to))
            return false;
    return kind != PTN_ADDR_UNSPECIFIED && kind != PTN_ADDR_MULTICAST;
}

static void members_answered(struct server *s, ptn_time now, const struct ptn_redis_answer *a)
{
    struct server_fleet *f = s->fleet;
    static const char get[] = "MGET";
    struct ptn_bytes words[MEMBERS_MAX + 1] = {ptn_bytes_of_text(get)};
    char keys[MEMBERS_MAX][KEY_SIZE];

    f->member_count = 0;
    if (a->why != PTN_OK)
        return;
    for (size_t i = 0; i < a->count && f->member_count < MEMBERS_MAX; i++) {
        char *member = f->members[f->member_count];
        if (a->items[i].size == 0 || a->items[i].size >= PTN_ADDR_TEXT_MAX)
            continue;
        memcpy(member, a->items[i].data, a->items[i].size);
        member[a->items[i].size] = '\0';
        if (strcmp(member, f->own) == 0)
            continue;
        snprintf(keys[f->member_count], KEY_SIZE, "postern/fleet/%s/%s", f->realm, member);
        words[f->member_count + 1] = ptn_bytes_of_text(keys[f->member_count]);
        f->member_count++;
    }
    if (f->member_count > 0)
        ptn_redis_ask(f->stats, now, TOKEN_LOADS, words, f->member_count + 1);
    else
        divert(s, &(struct ptn_relay_alternate){0});
}

static void loads_answered(struct server *s, ptn_time now, const struct ptn_redis_answer *a)
{
    struct server_fleet *f = s->fleet;
    struct server_load load, best_load = {0};
    struct ptn_relay_alternate best = {0};
    struct ptn_addr addr;
    bool here = has_room(s);

    if (a->why != PTN_OK)
        return;
    for (size_t i = 0; i < a->count && i < f->member_count; i++) {
        if (a->items[i].size == 0)
            forget_member(f, now, f->members[i]);
        if (here || !server_load_parse(a->items[i], &load) || load.draining ||
            server_load_is_full(&load) || !ptn_addr_parse(f->members[i], &addr))
            continue;
        if (addr.port == 0)
            addr.port = PORT_DEFAULT;
        if (!may_be_another(s, &addr))
            continue;
        if (!ptn_addr_is_none(&best.plain) && !server_load_is_lighter(&load, &best_load))
            continue;
        best_load = load;
        best.plain = addr;
        best.tls = load.tls_port ? ptn_addr_with_port(addr, load.tls_port) : (struct ptn_addr){0};
    }
    divert(s, &best);
}

/* One of the list; none when it is empty. */
static struct ptn_addr nth_endpoint(const struct ptn_conf_list *list, unsigned n, uint16_t port)
{
    const char *entry = ptn_conf_list_next(list, NULL);
    struct ptn_addr to = {0};

    for (unsigned i = list->count ? n % list->count : 0; i > 0; i--)
        entry = ptn_conf_list_next(list, entry);
    if (entry && ptn_conf_endpoint_parse(entry, &to) && to.port == 0)
        to.port = port;
    return to;
}

/* alternate-server and tls-alternate-server: one after the other. */
static void rotate(struct server *s, ptn_time now)
{
    struct server_fleet *f = s->fleet;

    if (!is_rotating(s)) {
        if (!f->stats)
            divert(s, &(struct ptn_relay_alternate){0});
        return;
    }
    if (now < f->rotate_due)
        return;
    f->rotate_due = now + ROTATE_EVERY;
    divert(s, &(struct ptn_relay_alternate){
                  nth_endpoint(&s->settings->alternate_server, f->rotated, PORT_DEFAULT),
                  nth_endpoint(&s->settings->tls_alternate_server, f->rotated, TLS_PORT_DEFAULT)});
    f->rotated++;
}

/* ---- turns ---- */

static void take_answers(struct server *s, ptn_time now, struct ptn_redis *r)
{
    struct ptn_redis_answer a;

    while (r && ptn_redis_answer(r, &a))
        switch (a.token) {
        case TOKEN_SECRETS: secrets_answered(s, &a); break;
        case TOKEN_TOLD: break;
        case TOKEN_MEMBERS: members_answered(s, now, &a); break;
        case TOKEN_LOADS: loads_answered(s, now, &a); break;
        default: user_answered(s, &a); break;
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
    char key[KEY_SIZE];

    ptn_redis_tick(f->users, now);
    if (watch(s, "redis-userdb", f->users, &f->users_were_up, &f->users_told))
        f->secrets_due = now;
    if (ptn_redis_is_up(f->users) && now >= f->secrets_due) {
        f->secrets_due = now + SECRETS_EVERY;
        snprintf(key, sizeof key, "turn/realm/%s/secret", f->realm);
        ask(f->users, now, TOKEN_SECRETS, "SMEMBERS", key);
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
        tell_load(s, now);
    } else if (!ptn_redis_is_up(f->stats) && !is_rotating(s) && has_room(s)) {
        divert(s, &(struct ptn_relay_alternate){0});
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
    rotate(s, now);
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
    return is_rotating(s) ? ptn_time_min(first, f->rotate_due) : first;
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
