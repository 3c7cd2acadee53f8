/*
 * lab/virtual.c - the world of a simulation, opened and closed.
 */
#include "virtual.h"

#include <stdarg.h>
#include <stdio.h>

enum { OTHER_PORT = 3479 };

enum ptn_lab_exit ptn_virtual_refuse(const char *what, enum ptn_err err)
{
    fprintf(stderr, "postern-lab: cannot %s: %s\n", what, ptn_err_text(err));
    return PTN_LAB_REFUSED;
}

int ptn_virtual_host(const struct ptn_simulate_opts *opts, const char *name, const char *what,
                     const char *option)
{
    int host = ptn_scenario_host(opts->scenario, name);

    if (host == PTN_SCENARIO_NONE)
        fprintf(stderr, "postern-lab: %s has no host \"%s\" for %s; see %s\n", opts->scenario->file,
                name, what, option);
    return host;
}

struct ptn_addr ptn_virtual_addr(const struct ptn_virtual *v, unsigned host, enum ptn_family family)
{
    const struct ptn_scenario_host *h = ptn_net_host(ptn_sim_net(v->sim), host);

    for (unsigned i = 0; i < h->leg_count; i++)
        if (h->legs[i].addr.family == family)
            return h->legs[i].addr;
    return (struct ptn_addr){0};
}

/* ---- the server ---- */

static void listen_on(struct ptn_relay_opts *opts, enum ptn_transport transport,
                      struct ptn_addr addr, uint16_t port)
{
    struct ptn_relay_listener *l = &opts->listeners[opts->listener_count++];

    *l = (struct ptn_relay_listener){.id = (ptn_id)opts->listener_count,
                                     .transport = transport,
                                     .local = ptn_addr_with_port(addr, port),
                                     .group = transport == PTN_UDP};
}

/* Scenarios are written with the addresses of documentation, to which nobody else is relayed. */
static void offer_turn(struct ptn_relay_opts *opts, const struct ptn_scenario_host *host)
{
    static const struct ptn_relay_user user = {
        .name = {(const uint8_t *)PTN_VIRTUAL_TURN_USER, sizeof PTN_VIRTUAL_TURN_USER - 1},
        .password = {(const uint8_t *)PTN_VIRTUAL_TURN_PASSWORD,
                     sizeof PTN_VIRTUAL_TURN_PASSWORD - 1}};
    static const struct ptn_relay_range allowed[] = {
        {{.ip = {192, 0, 2, 0}, .family = PTN_IPV4}, {.ip = {192, 0, 2, 255}, .family = PTN_IPV4}},
        {{.ip = {198, 51, 100, 0}, .family = PTN_IPV4},
         {.ip = {198, 51, 100, 255}, .family = PTN_IPV4}},
        {{.ip = {203, 0, 113, 0}, .family = PTN_IPV4},
         {.ip = {203, 0, 113, 255}, .family = PTN_IPV4}},
        {{.ip = {0x20, 0x01, 0x0d, 0xb8}, .family = PTN_IPV6},
         {.ip = {0x20, 0x01, 0x0d, 0xb8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                 0xff, 0xff},
          .family = PTN_IPV6}},
    };

    opts->turn = (struct ptn_relay_turn){
        .realm = "example.test",
        .users = &user,
        .user_count = 1,
        .peers = {.allowed = allowed, .allowed_count = sizeof allowed / sizeof allowed[0]},
        .allocations_max = 64,
        .stock = 16};
    opts->connections_max = 16;
    for (unsigned i = 0; i < host->leg_count; i++) {
        bool first = opts->turn.address_count == 0 ||
                     (opts->turn.address_count == 1 &&
                      opts->turn.addresses[0].local.family != host->legs[i].addr.family);
        if (!first)
            continue;
        opts->turn.addresses[opts->turn.address_count++].local = host->legs[i].addr;
        listen_on(opts, PTN_TCP, host->legs[i].addr, PTN_VIRTUAL_STUN_PORT);
    }
}

static enum ptn_err add_server(struct ptn_virtual *v, bool turn)
{
    const struct ptn_scenario_host *host = &v->opts->scenario->hosts[v->server];
    struct ptn_relay_opts opts = {.behaviour_discovery = true, .always_extras = true};

    for (unsigned i = 0; i < host->leg_count; i++) {
        listen_on(&opts, PTN_UDP, host->legs[i].addr, PTN_VIRTUAL_STUN_PORT);
        listen_on(&opts, PTN_UDP, host->legs[i].addr, OTHER_PORT);
    }
    if (turn)
        offer_turn(&opts, host);
    v->relay = ptn_relay_new(&opts);
    if (!v->relay)
        return PTN_ERR_NO_MEMORY;
    ptn_relay_start(v->relay);
    struct ptn_machine machine = ptn_relay_machine(v->relay);
    return ptn_sim_add(v->sim, v->server, &machine, &v->relay_machine);
}

/* ---- the world ---- */

enum ptn_lab_exit ptn_virtual_open(struct ptn_virtual *v, const struct ptn_simulate_opts *opts,
                                   bool turn)
{
    const struct ptn_scenario *scenario = opts->scenario;
    int server = ptn_virtual_host(opts, opts->server, "the STUN server", "--server");
    const char *file = "";

    *v = (struct ptn_virtual){.opts = opts};
    if (server == PTN_SCENARIO_NONE)
        return PTN_LAB_USAGE;
    v->server = (unsigned)server;
    enum ptn_err err =
        ptn_captures_new(&v->captures, scenario, opts->captures, opts->capture_count, &file);
    if (err) {
        fprintf(stderr, "postern-lab: cannot write %s: %s\n", file, ptn_err_text(err));
        return PTN_LAB_REFUSED;
    }
    err = ptn_sim_new(&v->sim, &(struct ptn_sim_opts){.scenario = scenario, .seed = opts->seed});
    if (err)
        return ptn_virtual_refuse("simulate", err);
    for (unsigned wire = 0; wire < scenario->wire_count; wire++)
        ptn_net_tap(ptn_sim_net(v->sim), wire, ptn_captures_want(v->captures, wire));
    err = add_server(v, turn);
    return err ? ptn_virtual_refuse("simulate", err) : PTN_LAB_AS_EXPECTED;
}

enum ptn_lab_exit ptn_virtual_close(struct ptn_virtual *v, enum ptn_lab_exit result)
{
    enum ptn_err err = v->captures && v->sim ? ptn_captures_flush(v->captures) : PTN_OK;

    ptn_sim_free(v->sim);
    ptn_relay_free(v->relay);
    ptn_captures_free(v->captures);
    if (err && result == PTN_LAB_AS_EXPECTED)
        return ptn_virtual_refuse("write the captures", err);
    return result;
}

bool ptn_virtual_step(struct ptn_virtual *v, ptn_time until, const struct ptn_scenario_event **what)
{
    struct ptn_sim_step step;

    *what = NULL;
    if (!ptn_sim_step(v->sim, until, &step))
        return false;
    if (step.kind == PTN_SIM_TAPPED)
        ptn_captures_packet(v->captures, step.wire, (uint64_t)step.at, step.packet);
    else if (step.kind == PTN_SIM_HAPPENED)
        *what = step.what;
    return true;
}

void ptn_virtual_tell(const struct ptn_virtual *v, const char *format, ...)
{
    va_list args;

    printf("%9.3f s  ", (double)ptn_sim_now(v->sim) / 1e9);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
}
