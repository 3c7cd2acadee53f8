/*
 * sim/survey.c - what a host of a scenario would find out about its NAT.
 */
#include "sim/survey.h"

#include <assert.h>
#include <string.h>

#include "relay/relay.h"
#include "sim/world.h"

enum { PORTS = 2, STUN_PORT = 3478 };

#define SURVEY_LIMIT PTN_S(60) /* discovery ends by itself long before */

static int host_that_runs(const struct ptn_scenario *s, const char *program)
{
    for (unsigned i = 0; i < s->program_count; i++) {
        const char *slash = strrchr(s->programs[i].argv[0], '/');
        if (strcmp(slash ? slash + 1 : s->programs[i].argv[0], program) == 0)
            return (int)s->programs[i].host;
    }
    return PTN_SCENARIO_NONE;
}

static int host_with_addr(const struct ptn_scenario *s, const struct ptn_addr *addr)
{
    for (unsigned i = 0; i < s->host_count; i++)
        for (unsigned j = 0; j < s->hosts[i].leg_count; j++)
            if (ptn_addr_same_ip(&s->hosts[i].legs[j].addr, addr))
                return (int)i;
    return PTN_SCENARIO_NONE;
}

/* Follows an SRV record _stun._udp.… to its target's address. */
static int host_by_records(const struct ptn_scenario_nameserver *ns, const struct ptn_scenario *s)
{
    static const char prefix[] = "_stun._udp.";

    for (unsigned i = 0; i < ns->record_count; i++) {
        const struct ptn_scenario_record *srv = &ns->records[i];
        if (srv->record.type != PTN_DNS_SRV || strncmp(srv->name, prefix, sizeof prefix - 1) != 0)
            continue;
        for (unsigned j = 0; j < ns->record_count; j++) {
            int host = strcmp(ns->records[j].name, srv->record.target) == 0
                           ? host_with_addr(s, &ns->records[j].record.addr)
                           : PTN_SCENARIO_NONE;
            if (host != PTN_SCENARIO_NONE)
                return host;
        }
    }
    return PTN_SCENARIO_NONE;
}

int ptn_sim_survey_server(const struct ptn_scenario *s)
{
    int host = host_that_runs(s, "postern-server");

    for (unsigned i = 0; i < s->nameserver_count && host == PTN_SCENARIO_NONE; i++)
        host = host_by_records(&s->nameservers[i], s);
    if (host == PTN_SCENARIO_NONE)
        host = ptn_scenario_host(s, "server");
    if (host == PTN_SCENARIO_NONE)
        host = ptn_scenario_host(s, "stun");
    return host;
}

/* The server's settings as they are without a configuration file. */
static struct ptn_relay *new_server(const struct ptn_scenario_host *host)
{
    struct ptn_relay_opts opts = {.behaviour_discovery = true};

    for (unsigned i = 0; i < host->leg_count; i++)
        for (uint16_t port = 0; port < PORTS; port++)
            opts.listeners[opts.listener_count++] = (struct ptn_relay_listener){
                .id = 1 + i * PORTS + port,
                .transport = PTN_UDP,
                .local = ptn_addr_with_port(host->legs[i].addr, STUN_PORT + port),
                .group = 1,
            };
    return ptn_relay_new(&opts);
}

static const struct ptn_addr *addr_of_family(const struct ptn_scenario_host *host, uint8_t family)
{
    for (unsigned i = 0; i < host->leg_count; i++)
        if (host->legs[i].addr.family == family)
            return &host->legs[i].addr;
    return NULL;
}

static bool is_done(struct ptn_discover *d)
{
    struct ptn_discover_event ev;
    bool done = false;

    while (ptn_discover_event(d, &ev))
        done = done || ev.kind == PTN_DISCOVER_DONE;
    return done;
}

static enum ptn_err play(struct ptn_sim *w, unsigned server_host, struct ptn_relay *server,
                         unsigned client_host, struct ptn_discover *client)
{
    struct ptn_machine serves = ptn_relay_machine(server), asks = ptn_discover_machine(client);
    ptn_sim_machine number;

    ptn_relay_start(server);
    enum ptn_err err = ptn_sim_add(w, server_host, &serves, &number);
    if (err)
        return err;
    ptn_discover_start(client, ptn_sim_now(w));
    err = ptn_sim_add(w, client_host, &asks, &number);
    if (err)
        return err;
    while (!is_done(client) && ptn_sim_step(w, SURVEY_LIMIT, NULL))
        ;
    return PTN_OK;
}

enum ptn_err ptn_sim_survey(const struct ptn_sim_survey_opts *opts, struct ptn_discover_result *out)
{
    const struct ptn_scenario *s = opts->scenario;
    assert(opts->host < s->host_count && opts->leg < s->hosts[opts->host].leg_count);

    const struct ptn_addr *local = &s->hosts[opts->host].legs[opts->leg].addr, *addr;
    int server_host = ptn_sim_survey_server(s);
    char text[PTN_ADDR_TEXT_MAX];
    struct ptn_sim *w = NULL;
    if (server_host == PTN_SCENARIO_NONE ||
        !(addr = addr_of_family(&s->hosts[server_host], local->family)))
        return PTN_ERR_NOT_FOUND;
    enum ptn_err err = ptn_sim_new(&w, &(struct ptn_sim_opts){.scenario = s, .seed = opts->seed});
    if (err)
        return err;
    struct ptn_relay *server = new_server(&s->hosts[server_host]);
    struct ptn_discover *client = ptn_discover_new(&(struct ptn_discover_opts){
        .first_id = 1,
        .local = *local,
        .servers = {{.name = ptn_addr_format_ip(addr, text), .port = STUN_PORT}},
        .server_count = 1,
        .dice = ptn_sim_dice(w),
    });
    err = PTN_ERR_NO_MEMORY;
    if (server && client)
        err = play(w, (unsigned)server_host, server, opts->host, client);
    if (!err)
        *out = *ptn_discover_result(client);
    ptn_sim_free(w);
    ptn_discover_free(client);
    ptn_relay_free(server);
    return err;
}
