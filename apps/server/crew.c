/*
 * server/crew.c - making workers of settings, and asking all of them.
 */
#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

#include "os/entropy.h"
#include "os/limits.h"
#include "os/netif.h"
#include "os/redis.h"
#include "os/udp.h"
#include "server.h"

enum {
    FILES_WANTED = 300000,
    FILES_OTHERS = 256, /* logs, loops, listeners */
    STOCK_USUAL = 128,
    USERS_EXPECTED = 65536,
};

static bool fail(struct server *s, const char *what, enum ptn_err err)
{
    ptn_log(&s->log, PTN_LOG_ERROR, "%s: %s", what, ptn_err_text(err));
    return false;
}

static unsigned worker_count(const struct server_settings *set)
{
    unsigned processors = ptn_limits_processors();
    unsigned count = set->relay_threads < processors ? set->relay_threads : processors;

    return count > 0 ? count : 1;
}

/* ---- what is said at the start ---- */

static bool all_are_private(const struct ptn_relay_turn *t)
{
    for (size_t i = 0; i < t->address_count; i++) {
        const struct ptn_relay_address *a = &t->addresses[i];
        if (ptn_addr_kind(ptn_addr_is_none(&a->announced) ? &a->local : &a->announced) ==
            PTN_ADDR_PUBLIC)
            return false;
    }
    return true;
}

static bool is_told(const struct server *s, const struct ptn_addr *seen)
{
    for (size_t i = 0; i < s->opts->listener_count; i++)
        if (ptn_addr_same_ip(&s->opts->listeners[i].announced, seen))
            return true;
    for (size_t i = 0; i < s->opts->turn.address_count; i++)
        if (ptn_addr_same_ip(&s->opts->turn.addresses[i].announced, seen))
            return true;
    return false;
}

/* Mistyped, of another family, or behind the slash an address that another computer has. */
static void look_at_external_ip(struct server *s)
{
    struct ptn_addr seen, own;

    for (const char *e = NULL; (e = ptn_conf_list_next(&s->settings->external_ip, e));)
        if (ptn_conf_mapping_parse(e, &seen, &own) && !is_told(s, &seen))
            ptn_log(&s->log, PTN_LOG_WARN,
                    "external-ip: %s is told to nobody: it stands for no address that is listened "
                    "on or relayed from here",
                    e);
}

static void say_what_is_relayed(struct server *s)
{
    const struct ptn_relay_turn *t = &s->opts->turn;

    if (t->allocations_max == 0) {
        ptn_log(
            &s->log, PTN_LOG_INFO, "STUN only: %s",
            s->settings->stun_only
                ? "stun-only is set"
                : "there are no credentials (user, static-auth-secret, redis-userdb), and nobody "
                  "is relayed for without");
        return;
    }
    ptn_log(&s->log, PTN_LOG_INFO,
            "TURN in realm %s, ports %u to %u of %zu addresses, at most %u allocations a worker",
            t->realm, t->port_min, t->port_max, t->address_count, t->allocations_max);
    if (all_are_private(t))
        ptn_log(&s->log, PTN_LOG_WARN,
                "relayed addresses are private: clients elsewhere cannot reach them; external-ip "
                "tells the public one");
    if (s->settings->loopback_peers)
        ptn_log(&s->log, PTN_LOG_WARN,
                "allow-loopback-peers: whoever may relay reaches what listens on this computer");
}

/* ---- making ---- */

/* Redis and the metrics serve this server and nobody else. */
static void guard(struct server_surroundings *around, struct ptn_addr what)
{
    assert(around->guarded_count < PTN_RELAY_GUARDED_MAX);
    around->guarded[around->guarded_count++] = what;
}

static void guard_redis(struct server_surroundings *around, const char *text)
{
    struct ptn_redis_opts opts;
    struct ptn_addr addr;

    if (text[0] && ptn_redis_parse(text, &opts) && ptn_addr_parse(opts.host, &addr))
        guard(around, ptn_addr_with_port(addr, (uint16_t)opts.port));
}

enum ptn_err server_look_around(struct server *s)
{
    const struct server_settings *set = s->settings;
    struct server_surroundings around = {0};
    enum ptn_err err = ptn_netif_list(around.own, SERVER_OWN_MAX, &around.own_count);

    if (err != PTN_OK)
        return err;
    guard_redis(&around, set->redis_userdb);
    guard_redis(&around, set->redis_statsdb);
    if (set->prometheus)
        guard(&around, ptn_addr_with_port(set->prometheus_address, (uint16_t)set->prometheus_port));
    s->around = around;
    return PTN_OK;
}

/* Where descriptors are few, nobody may have all of them: not who connects, not who begins to shake
 * hands, not peers, and not the stock of relay sockets. */
static void fit_to_files(struct server *s, uint32_t files)
{
    struct ptn_relay_turn *t = &s->opts->turn;
    uint32_t each = files / (8 * s->opts->workers);

    ptn_log(&s->log, PTN_LOG_WARN,
            "no more than %u files may be open here (ulimit -n, LimitNOFILE): that bounds the "
            "clients that are served at a time",
            files);
    each = each > 0 ? each : 1;
    if (s->opts->connections_max > each)
        s->opts->connections_max = each;
    if (t->peer_conns_max > each)
        t->peer_conns_max = each;
    if (each < 2 * STOCK_USUAL) {
        t->stock = (each + 1) / 2;
        t->stock_pairs = 1;
    }
}

static bool make_options(struct server *s, struct server_turn_parts *parts)
{
    char why[PTN_CONF_WHY_SIZE];
    enum ptn_err err = server_look_around(s);
    uint32_t files = ptn_limits_files(FILES_WANTED);
    uint32_t others = FILES_OTHERS + worker_count(s->settings) * (s->settings->connections + 64);

    if (err != PTN_OK)
        return fail(s, "the addresses of this computer", err);
    ptn_netif_host_name(s->host_name, sizeof s->host_name);
    parts->host_name = s->host_name;
    parts->around = &s->around;
    s->sockets_max = files > others ? files - others : files / 2;
    if (!server_wire_up(s->settings, s->around.own, s->around.own_count, s->opts, why) ||
        !server_wire_turn(s->settings, s->sockets_max, parts, s->opts, why)) {
        ptn_log(&s->log, PTN_LOG_ERROR, "%s", why);
        return false;
    }
    s->opts->workers = worker_count(s->settings);
    if (files < 2 * others)
        fit_to_files(s, files);
    s->opts->shared = s->shared;
    s->opts->dice = ptn_entropy_dice();
    say_what_is_relayed(s);
    look_at_external_ip(s);
    return true;
}

/* All servers' workers make nonces of one secret: a client's sockets meet several workers. */
static void share_nonce_secret(struct server *s, uint8_t secret[static 32])
{
    struct ptn_dice dice = ptn_entropy_dice();

    ptn_dice_fill(&dice, secret, 32);
    if (s->opts->turn.nonce_secret.size == 0)
        s->opts->turn.nonce_secret = ptn_bytes(secret, 32);
}

static bool make_worker(struct server *s, unsigned number)
{
    struct ptn_dtls_rules *dtls;

    if (!server_certificates_dtls(s, &dtls))
        return false;
    s->opts->worker = number;
    struct server_worker_opts opts = {.number = number,
                                      .crew = &s->crew,
                                      .relay = s->opts,
                                      .log = &s->log,
                                      .tls = s->tls,
                                      .dtls = dtls};
    enum ptn_err err = server_worker_new(&opts, &s->crew.workers[number]);
    if (err != PTN_OK)
        return fail(s, "starting a worker", err);
    s->crew.count++;
    return true;
}

/* Addresses we found ourselves may come and go; those the operator named must be there. The first
 * worker says which are not. */
static bool open_ports(struct server *s)
{
    bool named = s->settings->listening_ip.count > 0;
    unsigned listening, not_listening;

    for (unsigned i = 0; i < s->crew.count; i++) {
        server_worker_open(s->crew.workers[i], &listening, &not_listening);
        if (listening > 0 && (not_listening == 0 || !named))
            continue;
        ptn_log(&s->log, PTN_LOG_ERROR, "%s",
                named ? "listening-ip: a port of it cannot be had, so the server does not start"
                      : "there is no port to listen on");
        return false;
    }
    return true;
}

/* An address that nothing can be relayed from would be found out by clients, as 508. */
static bool try_relay_addresses(struct server *s)
{
    const struct ptn_relay_turn *t = &s->opts->turn;
    char text[PTN_ADDR_TEXT_MAX];
    bool fine = true;

    for (size_t i = 0; i < t->address_count && s->settings->relay_ip.count > 0; i++) {
        struct ptn_addr bound;
        int fd;
        enum ptn_err err = ptn_udp_open(&t->addresses[i].local, 0, &fd, &bound);
        if (err == PTN_OK)
            close(fd);
        else
            ptn_log(&s->log, PTN_LOG_ERROR, "relay-ip: %s: %s",
                    ptn_addr_format(&t->addresses[i].local, text),
                    err == PTN_ERR_NOT_FOUND ? "no interface of this computer has the address"
                                             : ptn_err_text(err));
        fine &= err == PTN_OK;
    }
    return fine;
}

static int make_all(struct server *s, struct server_turn_parts *parts)
{
    uint8_t secret[32];

    if (!make_options(s, parts))
        return PTN_CLI_USAGE;
    if (!server_certificates_read(s, &s->tls))
        return SERVER_CANNOT_RUN;
    share_nonce_secret(s, secret);
    for (unsigned i = 0; i < s->opts->workers; i++)
        if (!make_worker(s, i))
            return SERVER_CANNOT_RUN;
    return open_ports(s) && try_relay_addresses(s) ? PTN_CLI_FINE : SERVER_CANNOT_LISTEN;
}

int server_crew_make(struct server *s)
{
    struct server_turn_parts parts = {0};

    s->opts = calloc(1, sizeof *s->opts);
    s->shared = ptn_relay_shared_new(USERS_EXPECTED);
    if (!s->opts || !s->shared || ptn_mailbox_new(1024, &s->crew.main) != PTN_OK) {
        fail(s, "starting", PTN_ERR_NO_MEMORY);
        return SERVER_CANNOT_RUN;
    }
    int code = make_all(s, &parts);
    server_turn_parts_fini(&parts);
    return code;
}

enum ptn_err server_crew_start(struct server *s)
{
    enum ptn_err err = PTN_OK;

    for (unsigned i = 0; i < s->crew.count && err == PTN_OK; i++)
        err = server_worker_start(s->crew.workers[i]);
    return err;
}

void server_crew_end(struct server *s)
{
    for (unsigned i = 0; i < s->crew.count; i++)
        server_worker_stop(s->crew.workers[i]);
    for (unsigned i = 0; i < s->crew.count; i++)
        server_worker_free(s->crew.workers[i]);
    s->crew.count = 0;
    ptn_mailbox_free(s->crew.main);
    ptn_tls_rules_free(s->tls);
    ptn_relay_shared_free(s->shared);
    free(s->opts);
}

/* ---- asking ---- */

void server_crew_call(struct server *s, void (*run)(struct server_worker *w, void *arg), void *arg)
{
    for (unsigned i = 0; i < s->crew.count; i++)
        server_worker_call(s->crew.workers[i], run, arg);
}

static void add_counts(struct server_worker *w, void *sum)
{
    server_worker_add_counts(w, sum);
}

void server_crew_counts(struct server *s, struct server_counts *sum)
{
    *sum = (struct server_counts){0};
    server_crew_call(s, add_counts, sum);
}
