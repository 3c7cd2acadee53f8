/*
 * tests/sim/homes.c - two phones in two homes.
 */
#include "homes.h"

#include <stdio.h>

const double HOMES_HZ[HOMES] = {440, 1000};

static const char *const names[HOMES] = {"alice", "bob"};
static const struct ptn_registrar_user users[HOMES] = {{"alice", "secret of alice"},
                                                       {"bob", "secret of bob"}};

static void write_scenario(const struct homes_opts *opts, char *text, size_t size)
{
    int used = snprintf(text, size,
                        "wire core 203.0.113.0/24 delay 5ms\n"
                        "host server core 203.0.113.5 203.0.113.6\n"
                        "host registrar core 203.0.113.7\n");

    for (unsigned i = 0; i < HOMES; i++) {
        const char *link = opts->link[i] ? opts->link[i] : "delay 15ms";
        char letter = (char)('a' + i);
        if (opts->nat[i])
            used += snprintf(text + used, size - (size_t)used,
                             "wire home-%c 192.168.1.0/24 %s\nhost %s home-%c 192.168.1.10\n"
                             "nat nat-%c %s inside home-%c outside core 203.0.113.%u\n",
                             letter, link, names[i], letter, letter, opts->nat[i], letter,
                             10 * (i + 1));
        else
            used += snprintf(text + used, size - (size_t)used,
                             "wire home-%c 198.51.%u.0/24 %s\nhost %s home-%c 198.51.%u.10\n"
                             "router router-%c home-%c core 203.0.113.%u\n",
                             letter, 100 + i, link, names[i], letter, 100 + i, letter, letter,
                             10 * (i + 1));
    }
    used += snprintf(text + used, size - (size_t)used, "%s\n", opts->more ? opts->more : "");
    cast_must((size_t)used < size, "the scenario is too long");
}

static void add_stun_server(struct homes *h, bool turn)
{
    struct ptn_relay_opts opts = cast_stun_opts(ptn_addr_v4(203, 0, 113, 5, 0));

    if (turn)
        cast_add_turn(&opts, ptn_addr_v4(203, 0, 113, 5, 0));
    h->stun = ptn_relay_new(&opts);
    ptn_relay_start(h->stun);
    cast_add(h->w, h->s, "server", ptn_relay_machine(h->stun));
}

static void add_registrar(struct homes *h)
{
    struct ptn_registrar_opts opts = {
        .locals = {ptn_addr_v4(203, 0, 113, 7, 5060)},
        .local_count = 1,
        .tls = true,
        .domain = "example.test",
        .users = users,
        .user_count = HOMES,
        .challenges_calls = true,
        .dice = ptn_sim_dice(h->w),
    };

    h->registrar = ptn_registrar_new(&opts);
    cast_add(h->w, h->s, "registrar", ptn_registrar_machine(h->registrar));
}

static void add_phone(struct homes *h, const struct homes_opts *how, unsigned i)
{
    struct person *p = &h->phones[i];
    enum ptn_transport transport = how->transport ? how->transport : PTN_UDP;
    struct ptn_ua_opts opts = {
        .locals = {{.addr = h->s->hosts[ptn_scenario_host(h->s, names[i])].legs[0].addr}},
        .local_count = 1,
        .roams = true,
        .sip_port = 5060,
        .tls_port = 5061,
        .tcp = transport == PTN_TCP,
        .tls = transport == PTN_TLS,
        .rtp_port_min = 11780,
        .rtp_port_max = 11799,
        .account_count = 1,
        .stun = {{"203.0.113.5", CAST_STUN_PORT}},
        .stun_count = 1,
        .source = ptn_source_tone(HOMES_HZ[i], -12),
        .dice = ptn_sim_dice(h->w),
    };

    opts.accounts[0] = (struct ptn_ua_account){
        .user = users[i].name,
        .domain = "example.test",
        .password = users[i].password,
        .server = {.name = "203.0.113.7",
                   .port = transport == PTN_TLS ? 5061 : 5060,
                   .transport = transport},
        .registers = true,
        .keepalive = PTN_SIP_KEEPALIVE_CRLF,
    };
    if (how->turn)
        opts.turn = cast_turn("203.0.113.5");
    if (how->change)
        how->change(&opts, i);
    cast_must(ptn_ua_new(&opts, &p->ua) == PTN_OK, "the phone's options are wrong");
    ptn_ua_start(p->ua, ptn_sim_now(h->w));
    p->number = cast_add(h->w, h->s, names[i], ptn_ua_machine(p->ua));
}

void homes_open(struct homes *h, const struct homes_opts *opts)
{
    char text[3000];

    *h = (struct homes){0};
    write_scenario(opts, text, sizeof text);
    cast_world(&h->s, &h->w, text, opts->seed);
    if (!opts->no_stun)
        add_stun_server(h, opts->turn);
    add_registrar(h);
    for (unsigned i = 0; i < HOMES; i++)
        add_phone(h, opts, i);
}

void homes_close(struct homes *h)
{
    ptn_sim_free(h->w);
    for (unsigned i = 0; i < HOMES; i++)
        ptn_ua_free(h->phones[i].ua);
    ptn_registrar_free(h->registrar);
    ptn_relay_free(h->stun);
    ptn_scenario_free(h->s);
}

static bool step(struct homes *h, ptn_time until)
{
    bool more = ptn_sim_step(h->w, until, NULL);

    for (unsigned i = 0; i < HOMES; i++)
        person_take_events(&h->phones[i], ptn_sim_now(h->w));
    return more;
}

void homes_run(struct homes *h, ptn_time span)
{
    ptn_time until = ptn_sim_now(h->w) + span;

    while (step(h, until))
        ;
}

bool homes_wait(struct homes *h, unsigned phone, enum ptn_ua_event_kind kind, unsigned count,
                ptn_time span)
{
    ptn_time until = ptn_sim_now(h->w) + span;

    while (h->phones[phone].events[kind] < count && step(h, until))
        ;
    return h->phones[phone].events[kind] >= count;
}

void homes_happen(struct homes *h, const char *event)
{
    cast_happen(h->w, h->s, event);
}

void homes_wake(struct homes *h, unsigned phone)
{
    ptn_sim_wake(h->w, h->phones[phone].number);
    person_take_events(&h->phones[phone], ptn_sim_now(h->w));
}

bool homes_register(struct homes *h, ptn_time span)
{
    ptn_time began = ptn_sim_now(h->w);

    return homes_wait(h, ALICE, PTN_UA_REGISTERED, 1, span) &&
           homes_wait(h, BOB, PTN_UA_REGISTERED, 1, span - (ptn_sim_now(h->w) - began));
}

bool homes_call(struct homes *h)
{
    struct person *alice = &h->phones[ALICE], *bob = &h->phones[BOB];
    unsigned incoming = bob->events[PTN_UA_INCOMING], up[HOMES];

    for (unsigned i = 0; i < HOMES; i++)
        up[i] = h->phones[i].events[PTN_UA_ANSWERED];
    if (ptn_ua_dial(alice->ua, ptn_sim_now(h->w), 0, "bob", &alice->call) != PTN_OK)
        return false;
    homes_wake(h, ALICE);
    if (!homes_wait(h, BOB, PTN_UA_INCOMING, incoming + 1, PTN_S(20)))
        return false;
    homes_run(h, PTN_S(1));
    if (!ptn_ua_answer(bob->ua, ptn_sim_now(h->w), bob->call))
        return false;
    homes_wake(h, BOB);
    return homes_wait(h, ALICE, PTN_UA_ANSWERED, up[ALICE] + 1, PTN_S(20)) &&
           homes_wait(h, BOB, PTN_UA_ANSWERED, up[BOB] + 1, PTN_S(20));
}

bool homes_hang_up(struct homes *h, unsigned phone)
{
    unsigned ended[HOMES];

    for (unsigned i = 0; i < HOMES; i++)
        ended[i] = h->phones[i].events[PTN_UA_ENDED];
    if (!ptn_ua_hang_up(h->phones[phone].ua, ptn_sim_now(h->w), h->phones[phone].call))
        return false;
    homes_wake(h, phone);
    return homes_wait(h, ALICE, PTN_UA_ENDED, ended[ALICE] + 1, PTN_S(40)) &&
           homes_wait(h, BOB, PTN_UA_ENDED, ended[BOB] + 1, PTN_S(40));
}

/* Of the phone's last call; NULL: it has none. Static. */
static const struct ptn_ua_call_status *call_of(const struct homes *h, unsigned phone)
{
    static struct ptn_ua_status status;

    ptn_ua_status(h->phones[phone].ua, ptn_sim_now(h->w), &status);
    for (unsigned i = 0; i < status.call_count; i++)
        if (status.calls[i].id == h->phones[phone].call)
            return &status.calls[i];
    return NULL;
}

bool homes_is_relayed(const struct homes *h, unsigned phone)
{
    const struct ptn_ua_call_status *call = call_of(h, phone);

    return call && call->relayed;
}

const char *homes_way(const struct homes *h, unsigned phone)
{
    const struct ptn_ua_call_status *call = call_of(h, phone);

    return call ? call->way : "";
}

struct ptn_stream_stats homes_stats(const struct homes *h, unsigned phone)
{
    const struct ptn_ua_call_status *call = call_of(h, phone);

    return call && call->has_stats ? call->stats : (struct ptn_stream_stats){0};
}

bool homes_hears(const struct homes *h, unsigned phone)
{
    return ear_hears(&h->phones[phone].ear, HOMES_HZ[!phone]);
}
