/*
 * tests/sim/survey.c - what a host of a scenario finds out about its NAT.
 */
#include "survey.h"

#include <malloc.h>
#include <stdlib.h>

#include "relay/relay.h"
#include "sim/world.h"

enum { PORTS = 2, STUN_PORT = 3478 };

#define SURVEY_LIMIT PTN_S(60) /* discovery ends by itself long before */

static void must(bool good)
{
    if (!good)
        abort();
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

static void add(struct ptn_sim *w, const struct ptn_scenario *s, const char *host,
                struct ptn_machine machine)
{
    int index = ptn_scenario_host(s, host);
    ptn_sim_machine number;

    must(index != PTN_SCENARIO_NONE);
    must(ptn_sim_add(w, (unsigned)index, &machine, &number) == PTN_OK);
}

struct ptn_discover_result survey(const struct survey *how)
{
    const struct ptn_scenario *s = how->scenario;
    int host = ptn_scenario_host(s, how->host), server_host = ptn_scenario_host(s, "server");
    struct ptn_sim *w;
    char text[PTN_ADDR_TEXT_MAX];

    mallopt(M_TRIM_THRESHOLD, 1 << 30); /* a world's memory is the next one's */
    must(host != PTN_SCENARIO_NONE && server_host != PTN_SCENARIO_NONE);
    const struct ptn_addr *local = &s->hosts[host].legs[how->leg].addr;
    const struct ptn_addr *addr = addr_of_family(&s->hosts[server_host], local->family);
    must(addr != NULL);
    must(ptn_sim_new(&w, &(struct ptn_sim_opts){.scenario = s, .seed = how->seed}) == PTN_OK);
    struct ptn_relay *server = new_server(&s->hosts[server_host]);
    struct ptn_discover *client = ptn_discover_new(&(struct ptn_discover_opts){
        .first_id = 1,
        .local = *local,
        .servers = {{.name = ptn_addr_format_ip(addr, text), .port = STUN_PORT}},
        .server_count = 1,
        .dice = ptn_sim_dice(w),
    });
    must(server && client);
    ptn_relay_start(server);
    add(w, s, "server", ptn_relay_machine(server));
    ptn_discover_start(client, ptn_sim_now(w));
    add(w, s, how->host, ptn_discover_machine(client));
    while (!is_done(client) && ptn_sim_step(w, SURVEY_LIMIT, NULL))
        ;
    struct ptn_discover_result result = *ptn_discover_result(client);
    ptn_sim_free(w);
    ptn_discover_free(client);
    ptn_relay_free(server);
    return result;
}
