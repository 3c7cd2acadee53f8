/*
 * tests/sim/cast.c - a world, a STUN server, people.
 */
#include "cast.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

void cast_must(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "cast: %s\n", what);
    abort();
}

void cast_world(struct ptn_scenario **s, struct ptn_sim **w, const char *text, uint64_t seed)
{
    char error[PTN_SCENARIO_ERROR_MAX];

    mallopt(M_TRIM_THRESHOLD, 1 << 30); /* a world's memory is the next one's */
    cast_must(ptn_scenario_new(s, "story", ptn_bytes_of_text(text), error) == PTN_OK, error);
    cast_must(ptn_sim_new(w, &(struct ptn_sim_opts){.scenario = *s, .seed = seed}) == PTN_OK,
              "no memory");
}

ptn_sim_machine cast_add(struct ptn_sim *w, const struct ptn_scenario *s, const char *host,
                         struct ptn_machine machine)
{
    ptn_sim_machine number;

    cast_must(ptn_sim_add(w, (unsigned)ptn_scenario_host(s, host), &machine, &number) == PTN_OK,
              "no memory");
    return number;
}

struct ptn_relay_opts cast_stun_opts(struct ptn_addr first)
{
    struct ptn_relay_opts opts = {.behaviour_discovery = true};

    for (uint8_t i = 0; i < 4; i++) {
        struct ptn_addr local = ptn_addr_with_port(first, (uint16_t)(CAST_STUN_PORT + i % 2));
        local.ip[3] = (uint8_t)(local.ip[3] + i / 2);
        opts.listeners[opts.listener_count++] = (struct ptn_relay_listener){
            .id = i + 1u, .transport = PTN_UDP, .local = local, .group = 1};
    }
    return opts;
}

void cast_happen(struct ptn_sim *w, struct ptn_scenario *s, const char *event)
{
    char text[200], error[PTN_SCENARIO_ERROR_MAX];

    snprintf(text, sizeof text, "0s %s", event);
    const struct ptn_scenario_event *what = ptn_scenario_event(s, text, error);
    cast_must(what != NULL, error);
    ptn_net_apply(ptn_sim_net(w), ptn_sim_now(w), what);
}

void person_take_events(struct person *p, ptn_time now)
{
    struct ptn_ua_event ev;

    while (ptn_ua_event(p->ua, now, &ev)) {
        p->events[ev.kind]++;
        p->at[ev.kind] = now;
        if (ev.kind == PTN_UA_AUDIO && ev.call == p->call)
            ear_take(&p->ear, ev.pcm);
        if (ev.kind == PTN_UA_ENDED) {
            p->ended = ev.ended;
            p->status = ev.status;
        }
        if (ev.kind != PTN_UA_INCOMING)
            continue;
        p->call = ev.call;
        p->ear.samples = 0;
    }
}

void cast_add_turn(struct ptn_relay_opts *opts, struct ptn_addr first)
{
    static const struct ptn_relay_user user = {.name = {(const uint8_t *)"phone", 5},
                                               .password = {(const uint8_t *)"turn", 4}};
    static const struct ptn_relay_range allowed[] = {
        {{.ip = {192, 0, 2, 0}, .family = PTN_IPV4}, {.ip = {192, 0, 2, 255}, .family = PTN_IPV4}},
        {{.ip = {198, 51, 100, 0}, .family = PTN_IPV4},
         {.ip = {198, 51, 101, 255}, .family = PTN_IPV4}},
        {{.ip = {203, 0, 113, 0}, .family = PTN_IPV4},
         {.ip = {203, 0, 113, 255}, .family = PTN_IPV4}},
    };

    opts->turn = (struct ptn_relay_turn){.realm = "town",
                                         .users = &user,
                                         .user_count = 1,
                                         .addresses = {{.local = ptn_addr_with_port(first, 0)}},
                                         .address_count = 1,
                                         .peers = {.allowed = allowed, .allowed_count = 3},
                                         .allocations_max = 256,
                                         .stock = 16};
    opts->connections_max = 64;
    opts->listeners[opts->listener_count++] = (struct ptn_relay_listener){
        .id = 9, .transport = PTN_TCP, .local = ptn_addr_with_port(first, CAST_STUN_PORT)};
}

struct ptn_ua_turn cast_turn(const char *server)
{
    return (struct ptn_ua_turn){.servers = {{server, CAST_STUN_PORT, 5349}},
                                .server_count = 1,
                                .user = "phone",
                                .password = "turn"};
}
