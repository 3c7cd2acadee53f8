/*
 * probe/wire_up.c - from words and settings to what discover is asked for.
 */
#include "wire_up.h"

#include <stdio.h>
#include <string.h>

/* "name:3478" parted at its only colon; 0 when nothing follows that is a port. */
static bool take_port(char *name, uint16_t *port)
{
    char *colon = strchr(name, ':');
    unsigned value = 0;

    *port = 0;
    if (!colon)
        return true;
    for (const char *at = colon + 1; *at; at++) {
        if (*at < '0' || *at > '9' || value > 6553)
            return false;
        value = value * 10 + (unsigned)(*at - '0');
    }
    *colon = '\0';
    *port = (uint16_t)value;
    return value >= 1 && value <= 65535;
}

static bool is_name(const char *name)
{
    return name[0] && strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                   "0123456789-._") == strlen(name);
}

static bool take_server(const char *word, char *name, uint16_t *port)
{
    struct ptn_addr addr;

    if (strncmp(word, "stun:", 5) == 0)
        word += 5;
    if (strlen(word) >= PTN_CONF_TEXT_SIZE)
        return false;
    if (ptn_addr_parse(word, &addr)) {
        char text[PTN_ADDR_TEXT_MAX];
        strcpy(name, ptn_addr_format_ip(&addr, text));
        *port = addr.port;
        return true;
    }
    strcpy(name, word);
    return take_port(name, port) && is_name(name);
}

bool probe_take_servers(const char *const *words, size_t count, struct probe_servers *servers,
                        char why[static PTN_CONF_WHY_SIZE])
{
    *servers = (struct probe_servers){0};
    if (count == 0 || count > PTN_DISCOVER_SERVERS_MAX) {
        snprintf(why, PTN_CONF_WHY_SIZE,
                 "name a STUN server to ask, or up to %d of them (--help says more)",
                 PTN_DISCOVER_SERVERS_MAX);
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!take_server(words[i], servers->names[i], &servers->ports[i])) {
            snprintf(why, PTN_CONF_WHY_SIZE,
                     "\"%.100s\" is not a server: a name or an address, perhaps with :port",
                     words[i]);
            return false;
        }
        servers->count++;
    }
    return true;
}

struct ptn_addr probe_target(const struct probe_settings *s, const struct probe_servers *servers)
{
    struct ptn_addr target = ptn_addr_v4(192, 0, 2, 1, 0);

    for (size_t i = 0; i < servers->count; i++)
        if (ptn_addr_parse(servers->names[i], &target))
            return target;
    if (s->ipv6)
        ptn_addr_parse("2001:db8::1", &target);
    return target;
}

void probe_wire_up(const struct probe_settings *s, const struct probe_servers *servers,
                   struct ptn_discover_opts *opts)
{
    static const enum ptn_discover_dialect dialects[] = {PTN_DISCOVER_AUTO, PTN_DISCOVER_CLASSIC,
                                                         PTN_DISCOVER_MODERN};

    *opts = (struct ptn_discover_opts){
        .first_id = 1, .server_count = servers->count, .dialect = dialects[s->dialect]};
    for (size_t i = 0; i < servers->count; i++) {
        opts->servers[i].name = servers->names[i];
        opts->servers[i].port = servers->ports[i];
    }
}
