/*
 * server/wire_turn.c - from settings to who may relay, from where, to whom and how much.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire_up.h"

enum { PORTS_MAX = 65536, CHANNELS_EACH = 2, PERMISSIONS_EACH = 4 };

bool server_has_credentials(const struct server_settings *s)
{
    return s->users.count > 0 || s->static_auth_secret.count > 0 || s->redis_userdb[0];
}

void server_turn_parts_fini(struct server_turn_parts *parts)
{
    free(parts->users);
    free(parts->keys);
    free(parts->secrets);
    free(parts->allowed);
    free(parts->denied);
    *parts = (struct server_turn_parts){.host_name = parts->host_name,
                                        .more_secrets = parts->more_secrets,
                                        .around = parts->around};
}

/* ---- users ---- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

size_t server_parse_key(const char *text, uint8_t key[static 32])
{
    size_t size = 0;

    if (text[0] != '0' || (text[1] | 0x20) != 'x')
        return 0;
    for (text += 2; text[0] && text[1] && size < 32; text += 2, size++) {
        int high = hex_digit(text[0]), low = hex_digit(text[1]);
        if (high < 0 || low < 0)
            return 0;
        key[size] = (uint8_t)(high << 4 | low);
    }
    return *text == '\0' && (size == 16 || size == 32) ? size : 0;
}

static bool wire_user(const char *entry, uint8_t key[static 32], struct ptn_relay_user *user,
                      char *why)
{
    size_t name_size = strcspn(entry, ":");

    if (name_size > PTN_RELAY_USER_BYTES) {
        snprintf(why, PTN_CONF_WHY_SIZE, "user: a name is longer than %d bytes",
                 PTN_RELAY_USER_BYTES);
        return false;
    }
    user->name = ptn_bytes(entry, name_size);
    size_t key_size = server_parse_key(entry + name_size + 1, key);
    if (key_size > 0)
        user->key = ptn_bytes(key, key_size);
    else
        user->password = ptn_bytes_of_text(entry + name_size + 1);
    return true;
}

static bool secrets_fit(const struct ptn_conf_list *secrets, char *why)
{
    bool fit = secrets->count <= PTN_RELAY_SECRETS_MAX;

    for (const char *e = NULL; (e = ptn_conf_list_next(secrets, e));)
        fit &= strlen(e) <= PTN_RELAY_SECRET_BYTES;
    if (!fit)
        snprintf(why, PTN_CONF_WHY_SIZE,
                 "static-auth-secret: there can be %d at a time, each of at most %d bytes",
                 PTN_RELAY_SECRETS_MAX, PTN_RELAY_SECRET_BYTES);
    return fit;
}

static bool wire_users(const struct server_settings *s, struct server_turn_parts *parts,
                       struct ptn_relay_turn *t, char *why)
{
    static const struct ptn_conf_list none;
    const struct ptn_conf_list *more = parts->more_secrets ? parts->more_secrets : &none;
    size_t i = 0;

    parts->users = calloc(s->users.count + 1, sizeof *parts->users);
    parts->keys = calloc(s->users.count + 1, sizeof *parts->keys);
    parts->secrets = calloc(s->static_auth_secret.count + more->count + 1, sizeof *parts->secrets);
    if (!parts->users || !parts->keys || !parts->secrets) {
        snprintf(why, PTN_CONF_WHY_SIZE, "out of memory");
        return false;
    }
    for (const char *e = NULL; (e = ptn_conf_list_next(&s->users, e)); i++)
        if (!wire_user(e, parts->keys[i], &parts->users[i], why))
            return false;
    t->users = parts->users;
    t->user_count = i;
    i = 0;
    if (!secrets_fit(&s->static_auth_secret, why))
        return false;
    for (const char *e = NULL; (e = ptn_conf_list_next(&s->static_auth_secret, e));)
        parts->secrets[i++] = ptn_bytes_of_text(e);
    for (const char *e = NULL; i < PTN_RELAY_SECRETS_MAX && (e = ptn_conf_list_next(more, e));)
        parts->secrets[i++] = ptn_bytes_of_text(e);
    t->secrets = parts->secrets;
    t->secret_count = i;
    t->ask_for_users = s->redis_userdb[0] != '\0';
    t->nonce_secret = ptn_bytes_of_text(s->nonce_secret);
    t->nonce_lifetime = PTN_S(s->stale_nonce);
    return true;
}

/* ---- peers ---- */

static struct ptn_relay_range *wire_ranges(const struct ptn_conf_list *list, size_t more,
                                           size_t *count)
{
    struct ptn_relay_range *ranges = calloc(list->count + more + 1, sizeof *ranges);

    *count = 0;
    for (const char *e = NULL; ranges && (e = ptn_conf_list_next(list, e));)
        *count += ptn_conf_range_parse(e, &ranges[*count].low, &ranges[*count].high);
    return ranges;
}

static bool wire_peers(const struct server_settings *s, struct server_turn_parts *parts,
                       struct ptn_relay_peers *p, char *why)
{
    static const char *const loopback[] = {"127.0.0.0/8", "::1"};
    static const struct server_surroundings nothing;
    const struct server_surroundings *around = parts->around ? parts->around : &nothing;

    parts->allowed = wire_ranges(&s->allowed_peers, 2, &p->allowed_count);
    parts->denied = wire_ranges(&s->denied_peers, around->own_count, &p->denied_count);
    if (!parts->allowed || !parts->denied) {
        snprintf(why, PTN_CONF_WHY_SIZE, "out of memory");
        return false;
    }
    for (size_t i = 0; s->loopback_peers && i < 2; i++, p->allowed_count++)
        ptn_conf_range_parse(loopback[i], &parts->allowed[p->allowed_count].low,
                             &parts->allowed[p->allowed_count].high);
    /* What listens on another address of ours takes who comes from here for one of us. */
    for (size_t i = 0; i < around->own_count; i++, p->denied_count++)
        parts->denied[p->denied_count].low = parts->denied[p->denied_count].high =
            ptn_addr_with_port(around->own[i], 0);
    p->allowed = parts->allowed;
    p->denied = parts->denied;
    p->guarded = around->guarded;
    p->guarded_count = around->guarded_count;
    return true;
}

/* ---- relay addresses ---- */

static void add_relay_address(struct ptn_relay_turn *t, const struct ptn_addr *local,
                              const struct ptn_addr *announced)
{
    for (size_t i = 0; i < t->address_count; i++)
        if (ptn_addr_same_ip(&t->addresses[i].local, local))
            return;
    if (t->address_count < PTN_RELAY_ADDRESSES_MAX)
        t->addresses[t->address_count++] = (struct ptn_relay_address){
            ptn_addr_with_port(*local, 0), ptn_addr_with_port(*announced, 0)};
}

/* From where nobody but this computer can be reached. */
static bool is_only_local(const struct ptn_addr *a)
{
    enum ptn_addr_kind kind = ptn_addr_kind(a);

    return kind == PTN_ADDR_LOOPBACK || kind == PTN_ADDR_LINK_LOCAL;
}

/* Those that relay-ip names, else those we listen on: the loopback ones only when there are no
 * others, or when they were asked for. */
static void wire_addresses(const struct server_settings *s, const struct ptn_relay_opts *o,
                           struct ptn_relay_turn *t)
{
    bool chosen = s->listening_ip.count > 0;

    for (uint32_t i = 0; i < s->relay_ip.count; i++) {
        const struct ptn_addr *local = &s->relay_ip.addrs[i];
        struct ptn_addr announced = server_announced(s, local);
        add_relay_address(t, local, &announced);
    }
    for (size_t i = 0; i < o->listener_count && s->relay_ip.count == 0; i++)
        if (chosen || !is_only_local(&o->listeners[i].local))
            add_relay_address(t, &o->listeners[i].local, &o->listeners[i].announced);
    for (size_t i = 0; i < o->listener_count && t->address_count == 0; i++)
        add_relay_address(t, &o->listeners[i].local, &o->listeners[i].announced);
}

/* ---- all of it ---- */

static uint32_t allocations_max(const struct server_settings *s, const struct ptn_relay_turn *t,
                                uint32_t sockets_max)
{
    uint64_t ports = (uint64_t)(t->port_max - t->port_min + 1u) * t->address_count, max = ports;

    if (s->total_quota && s->total_quota < max)
        max = s->total_quota;
    if (sockets_max < max)
        max = sockets_max;
    if (max > PTN_RELAY_SOCKETS_MAX / 4)
        max = PTN_RELAY_SOCKETS_MAX / 4;
    return (uint32_t)max;
}

static void wire_limits(const struct server_settings *s, struct ptn_relay_turn *t,
                        uint32_t sockets_max)
{
    t->allocations_max = allocations_max(s, t, sockets_max);
    t->permissions_max = PERMISSIONS_EACH * t->allocations_max;
    t->channels_max = CHANNELS_EACH * t->allocations_max;
    t->peer_conns_max = s->no_tcp_relay ? 0 : s->connections;
    t->user_quota = s->user_quota;
    t->total_quota = s->total_quota;
    t->max_bps = s->max_bps;
    t->bps_capacity = s->bps_capacity;
    t->lifetime_max_s = s->max_lifetime;
    t->channel_lifetime_s = s->channel_lifetime;
    t->permission_lifetime_s = s->permission_lifetime;
    t->dont_fragment = true;
}

bool server_wire_turn(const struct server_settings *s, uint32_t sockets_max,
                      struct server_turn_parts *parts, struct ptn_relay_opts *opts,
                      char why[static PTN_CONF_WHY_SIZE])
{
    struct ptn_relay_turn *t = &opts->turn;

    *t = (struct ptn_relay_turn){0};
    if (s->use_auth_secret && s->static_auth_secret.count == 0 && !s->redis_userdb[0]) {
        snprintf(why, PTN_CONF_WHY_SIZE,
                 "use-auth-secret: there is no static-auth-secret, and no redis-userdb either");
        return false;
    }
    if (s->stun_only || !server_has_credentials(s))
        return true;
    if (s->min_port > s->max_port) {
        snprintf(why, PTN_CONF_WHY_SIZE, "min-port: %u is above max-port, which is %u", s->min_port,
                 s->max_port);
        return false;
    }
    t->realm = s->realm[0] ? s->realm : parts->host_name;
    t->port_min = (uint16_t)s->min_port;
    t->port_max = (uint16_t)s->max_port;
    wire_addresses(s, opts, t);
    wire_limits(s, t, sockets_max);
    return wire_users(s, parts, t, why) && wire_peers(s, parts, &t->peers, why);
}
