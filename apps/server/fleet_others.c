/*
 * server/fleet_others.c - the other servers: how much goes on there, and who is sent to them.
 */
#include <stdio.h>
#include <string.h>

#include "fleet_load.h"
#include "fleet_parts.h"
#include "os/clock.h"

#define ROTATE_EVERY PTN_S(1)
#define LOAD_KEPT_S "15"

enum { PORT_DEFAULT = 3478, TLS_PORT_DEFAULT = 5349 };

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

void server_fleet_tell_load(struct server *s, ptn_time now)
{
    struct server_fleet *f = s->fleet;
    struct server_load load = own_load(s);
    char set_key[SERVER_FLEET_KEY_SIZE], key[SERVER_FLEET_KEY_SIZE], text[SERVER_LOAD_TEXT_SIZE];

    snprintf(set_key, sizeof set_key, "postern/fleet/%s", f->realm);
    snprintf(key, sizeof key, "postern/fleet/%s/%s", f->realm, f->own);
    server_load_format(&load, text);
    struct ptn_bytes add[] = {ptn_bytes_of_text("SADD"), ptn_bytes_of_text(set_key),
                              ptn_bytes_of_text(f->own)};
    struct ptn_bytes put[] = {ptn_bytes_of_text("SET"), ptn_bytes_of_text(key),
                              ptn_bytes_of_text(text), ptn_bytes_of_text("EX"),
                              ptn_bytes_of_text(LOAD_KEPT_S)};
    ptn_redis_ask(f->stats, now, SERVER_FLEET_TOLD, add, 3);
    ptn_redis_ask(f->stats, now, SERVER_FLEET_TOLD, put, 5);
    server_fleet_ask(f->stats, now, SERVER_FLEET_MEMBERS, "SMEMBERS", set_key);
}

bool server_fleet_is_rotating(const struct server *s)
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
    if (!server_fleet_is_rotating(s))
        ptn_log(&s->log, PTN_LOG_INFO, "new clients are %s%s",
                ptn_addr_is_none(named) ? "served here" : "sent to ",
                ptn_addr_is_none(named) ? "" : ptn_addr_format(named, text));
    f->diverted = *to;
    server_crew_call(s, say_divert, &copy);
}

/* Unless the settings say where. */
static void choose(struct server *s, const struct ptn_relay_alternate *to)
{
    if (!server_fleet_is_rotating(s))
        divert(s, to);
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

void server_fleet_members_answered(struct server *s, ptn_time now, const struct ptn_redis_answer *a)
{
    struct server_fleet *f = s->fleet;
    static const char get[] = "MGET";
    struct ptn_bytes words[SERVER_FLEET_MEMBERS_MAX + 1] = {ptn_bytes_of_text(get)};
    char keys[SERVER_FLEET_MEMBERS_MAX][SERVER_FLEET_KEY_SIZE];

    f->member_count = 0;
    if (a->why != PTN_OK)
        return;
    for (size_t i = 0; i < a->count && f->member_count < SERVER_FLEET_MEMBERS_MAX; i++) {
        char *member = f->members[f->member_count];
        if (a->items[i].size == 0 || a->items[i].size >= PTN_ADDR_TEXT_MAX)
            continue;
        memcpy(member, a->items[i].data, a->items[i].size);
        member[a->items[i].size] = '\0';
        if (strcmp(member, f->own) == 0)
            continue;
        snprintf(keys[f->member_count], SERVER_FLEET_KEY_SIZE, "postern/fleet/%s/%s", f->realm,
                 member);
        words[f->member_count + 1] = ptn_bytes_of_text(keys[f->member_count]);
        f->member_count++;
    }
    if (f->member_count > 0)
        ptn_redis_ask(f->stats, now, SERVER_FLEET_LOADS, words, f->member_count + 1);
    else
        choose(s, &(struct ptn_relay_alternate){0});
}

/* The set would grow for ever where addresses come and go. One that lives adds itself again. */
static void forget_member(struct server_fleet *f, ptn_time now, const char *member)
{
    char set_key[SERVER_FLEET_KEY_SIZE];

    snprintf(set_key, sizeof set_key, "postern/fleet/%s", f->realm);
    struct ptn_bytes words[] = {ptn_bytes_of_text("SREM"), ptn_bytes_of_text(set_key),
                                ptn_bytes_of_text(member)};
    ptn_redis_ask(f->stats, now, SERVER_FLEET_TOLD, words, 3);
}

void server_fleet_loads_answered(struct server *s, ptn_time now, const struct ptn_redis_answer *a)
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
    choose(s, &best);
}

void server_fleet_alone(struct server *s)
{
    if (has_room(s))
        choose(s, &(struct ptn_relay_alternate){0});
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

void server_fleet_rotate(struct server *s, ptn_time now)
{
    struct server_fleet *f = s->fleet;

    if (!f->stats)
        choose(s, &(struct ptn_relay_alternate){0});
    if (!server_fleet_is_rotating(s) || now < f->rotate_due)
        return;
    f->rotate_due = now + ROTATE_EVERY;
    divert(s, &(struct ptn_relay_alternate){
                  nth_endpoint(&s->settings->alternate_server, f->rotated, PORT_DEFAULT),
                  nth_endpoint(&s->settings->tls_alternate_server, f->rotated, TLS_PORT_DEFAULT)});
    f->rotated++;
}

void server_fleet_leave(struct server_fleet *f)
{
    ptn_time now = ptn_clock_now();
    char key[SERVER_FLEET_KEY_SIZE];

    snprintf(key, sizeof key, "postern/fleet/%s/%s", f->realm, f->own);
    forget_member(f, now, f->own);
    server_fleet_ask(f->stats, now, SERVER_FLEET_TOLD, "DEL", key);
    ptn_redis_flush(f->stats);
}
