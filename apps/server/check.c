/*
 * server/check.c - do the settings go together? Asked before the server starts, by --check-config,
 * and before a reload takes any of them.
 */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>

#include "os/redis.h"
#include "server.h"

static bool check_redis(const char *key, const char *text, char *why)
{
    struct ptn_redis_opts opts;
    struct ptn_addr addr;

    if (!text[0] || (ptn_redis_parse(text, &opts) && ptn_addr_parse(opts.host, &addr)))
        return true;
    snprintf(why, PTN_CONF_WHY_SIZE,
             "%s: is not of the form ip=address port=number dbname=number password=text", key);
    return false;
}

/* Wired up as they would be, on an address that every computer has. */
static bool check_wiring(const struct server_settings *s, char *why)
{
    struct ptn_addr here = ptn_addr_v4(127, 0, 0, 1, 0);
    struct ptn_relay_opts *opts = calloc(1, sizeof *opts);
    struct server_turn_parts parts = {.host_name = ""};
    bool fine = opts && server_wire_up(s, &here, 1, opts, why) &&
                server_wire_turn(s, UINT32_MAX, &parts, opts, why);

    if (!opts)
        snprintf(why, PTN_CONF_WHY_SIZE, "out of memory");
    server_turn_parts_fini(&parts);
    free(opts);
    return fine;
}

static bool check_certificate(const struct server_settings *s, char *why)
{
    struct ptn_tls_opts opts = server_certificate_options(s);
    struct ptn_tls_rules *tls;
    char sentence[PTN_TLS_SENTENCE_SIZE];

    /* Whoever only asks need not be allowed to read the key. */
    if (!s->cert[0] || s->status || s->selftest || s->print_config)
        return true;
    enum ptn_err err = ptn_tls_rules_new(&opts, &tls, sentence);
    ptn_tls_rules_free(tls);
    if (err != PTN_OK)
        snprintf(why, PTN_CONF_WHY_SIZE, "cert: %.*s", PTN_CONF_WHY_SIZE - 10, sentence);
    return err == PTN_OK;
}

bool server_settings_check(const void *values, char why[static PTN_CONF_WHY_SIZE])
{
    const struct server_settings *s = values;

    return check_wiring(s, why) && check_redis("redis-userdb", s->redis_userdb, why) &&
           check_redis("redis-statsdb", s->redis_statsdb, why) && check_certificate(s, why);
}
