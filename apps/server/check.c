/*
 * server/check.c - do the settings go together? Asked before the server starts, by --check-config,
 * and before a reload takes any of them.
 */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>

#include "os/redis.h"
#include "wire_up.h"

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

bool server_settings_check(const void *values, char why[static PTN_CONF_WHY_SIZE])
{
    const struct server_settings *s = values;

    return check_wiring(s, why) && check_redis("redis-userdb", s->redis_userdb, why) &&
           check_redis("redis-statsdb", s->redis_statsdb, why);
}
