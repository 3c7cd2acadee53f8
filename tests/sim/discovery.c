/*
 * tests/sim/discovery.c - the whole way: discover on a host, relay on another, and the lab's own
 * NATs, wires and losses between them.
 * Random sites in great numbers are discovery_story's.
 */
#include "discover/discover.h"
#include "relay/relay.h"
#include "support/puppet.h"
#include "support/test.h"

#include <stdio.h>

#define EI PTN_DISCOVER_ENDPOINT_INDEPENDENT
#define AD PTN_DISCOVER_ADDRESS_DEPENDENT
#define APD PTN_DISCOVER_ADDRESS_AND_PORT_DEPENDENT

/* Everywhere a round trip of 40 ms; losses on the way from the home to the Internet. */
#define INTERNET                                                                                   \
    "wire internet 198.51.100.0/24 203.0.113.0/24 delay 5ms\n"                                     \
    "host server internet 198.51.100.5 198.51.100.6\n"
#define LAN "wire lan 192.168.1.0/24 delay 15ms %s\nhost alice lan 192.168.1.10\n"
#define NAT(kind) INTERNET LAN "nat router " kind " inside lan outside internet 203.0.113.1\n"
#define TWO(inner, outer)                                                                          \
    INTERNET "wire lan 192.168.1.0/24 delay 1ms\nhost alice lan 192.168.1.10\n"                    \
             "wire carrier 100.64.0.0/16 delay 14ms %s\n"                                          \
             "nat router " inner " inside lan outside carrier 100.64.0.7\n"                        \
             "nat cgn " outer " inside carrier outside internet 203.0.113.1\n"
#define PUBLIC(box) INTERNET "wire lan 192.0.2.0/24 delay 15ms %s\nhost alice lan 192.0.2.10\n" box

static const struct place {
    const char *name, *scenario;
    enum ptn_discover_type type;
    enum ptn_discover_sees mapping, filtering;
} places[] = {
    {"open", PUBLIC("router r lan internet\n"), PTN_DISCOVER_OPEN, EI, EI},
    {"UDP firewall", PUBLIC("firewall f inside lan outside internet\n"), PTN_DISCOVER_UDP_FIREWALL,
     EI, APD},
    {"UDP blocked", NAT("blocks udp"), PTN_DISCOVER_UDP_BLOCKED, PTN_DISCOVER_SEES_UNKNOWN,
     PTN_DISCOVER_SEES_UNKNOWN},
    {"full cone", NAT("full-cone"), PTN_DISCOVER_FULL_CONE, EI, EI},
    {"address-restricted", NAT("address-restricted"), PTN_DISCOVER_ADDRESS_RESTRICTED, EI, AD},
    {"port-restricted", NAT("port-restricted"), PTN_DISCOVER_PORT_RESTRICTED, EI, APD},
    {"symmetric", NAT("symmetric"), PTN_DISCOVER_SYMMETRIC, APD, APD},
    {"symmetric, ports in sequence", NAT("symmetric ports sequential by 2"), PTN_DISCOVER_SYMMETRIC,
     APD, APD},
    {"two NATs, both full cone", TWO("full-cone", "full-cone"), PTN_DISCOVER_FULL_CONE, EI, EI},
    {"two NATs, the inner one stricter", TWO("port-restricted", "address-restricted"),
     PTN_DISCOVER_PORT_RESTRICTED, EI, APD},
    {"two NATs, the outer one stricter", TWO("full-cone", "address-restricted"),
     PTN_DISCOVER_ADDRESS_RESTRICTED, EI, AD},
    {"two NATs, the outer one symmetric", TWO("port-restricted", "symmetric"),
     PTN_DISCOVER_SYMMETRIC, APD, APD},
};
enum { PLACES = sizeof places / sizeof *places };

struct run {
    struct ptn_scenario *s;
    struct ptn_sim *w;
    struct ptn_relay *relay;
    struct ptn_discover *discover;
    ptn_sim_machine number;
    ptn_time took;
};

static void add(struct run *r, const char *host, struct ptn_machine m)
{
    CHECK_EQ(PTN_OK, ptn_sim_add(r->w, (unsigned)ptn_scenario_host(r->s, host), &m, &r->number));
}

static void add_server(struct run *r)
{
    struct ptn_relay_opts opts = {.listener_count = 4, .behaviour_discovery = true};
    const uint8_t last[] = {5, 5, 6, 6};
    const uint16_t ports[] = {3478, 3479, 3478, 3479};

    for (unsigned i = 0; i < 4; i++)
        opts.listeners[i] =
            (struct ptn_relay_listener){.id = i + 1,
                                        .transport = PTN_UDP,
                                        .local = ptn_addr_v4(198, 51, 100, last[i], ports[i]),
                                        .group = 1};
    r->relay = ptn_relay_new(&opts);
    ptn_relay_start(r->relay);
    add(r, "server", ptn_relay_machine(r->relay));
}

/* `links` goes where the scenario has %s: what is wrong with the way, in a wire's words. */
static struct run run_open(const char *scenario, const char *links, uint64_t seed)
{
    struct run r = {0};
    char text[2000];

    snprintf(text, sizeof text, scenario, links);
    r.s = puppet_scenario(text);
    r.w = puppet_world(r.s, seed);
    add_server(&r);
    return r;
}

static const struct ptn_discover_result *run_discover(struct run *r, const char *server)
{
    struct ptn_discover_opts opts = {
        .first_id = 100, .server_count = 1, .dice = ptn_sim_dice(r->w)};
    struct ptn_discover_event ev;

    opts.local = r->s->hosts[ptn_scenario_host(r->s, "alice")].legs[0].addr;
    opts.servers[0].name = server;
    r->discover = ptn_discover_new(&opts);
    ptn_discover_start(r->discover, ptn_sim_now(r->w));
    add(r, "alice", ptn_discover_machine(r->discover));
    for (;;) {
        while (ptn_discover_event(r->discover, &ev))
            if (ev.kind == PTN_DISCOVER_DONE) {
                r->took = ptn_sim_now(r->w);
                return ev.result;
            }
        CHECK(ptn_sim_step(r->w, PTN_S(60), NULL));
    }
}

static void run_close(struct run *r)
{
    ptn_sim_free(r->w);
    ptn_discover_free(r->discover);
    ptn_relay_free(r->relay);
    ptn_scenario_free(r->s);
}

static bool right(const struct ptn_discover_result *got, const struct place *p)
{
    return got->type == p->type && got->mapping == p->mapping && got->filtering == p->filtering;
}

TEST(without_loss_every_place_is_told_right_within_a_second)
{
    for (unsigned i = 0; i < PLACES; i++) {
        struct run r = run_open(places[i].scenario, "loss 0%", i);
        const struct ptn_discover_result *got = run_discover(&r, "198.51.100.5");

        if (!right(got, &places[i]))
            print_error("# %s: told %s\n", places[i].name, ptn_discover_type_text(got->type));
        CHECK(right(got, &places[i]));
        CHECK(r.took <= PTN_S(1));
        run_close(&r);
    }
}

TEST(jitter_and_reordering_and_copies_fool_nobody)
{
    for (unsigned i = 0; i < 20 * PLACES; i++) {
        const struct place *p = &places[i % PLACES];
        struct run r =
            run_open(p->scenario, "jitter 60ms loss 5% duplicate 10% reorder 20% 80ms", 77 + i);
        const struct ptn_discover_result *got = run_discover(&r, "198.51.100.5");

        CHECK(right(got, p));
        CHECK(r.took <= PTN_S(3));
        run_close(&r);
    }
}

#define RECORDS                                                                                    \
    "\nrecord _stun._udp.example.test SRV 10 0 3478 stun.example.test\n"                           \
    "record stun.example.test A 198.51.100.5\n"                                                    \
    "record host.example.test A 198.51.100.5\n"

TEST(a_server_is_found_by_its_name)
{
    static const struct {
        const char *name, *behaviour;
        bool found;
    } cases[] = {
        {"example.test", "answers", true},
        {"host.example.test", "answers", true},
        {"host.example.test", "answers delay 300ms", true},
        {"nobody.example.test", "answers", false},
        {"example.test", "gone", false},
        {"example.test", "fails", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char scenario[2000];

        snprintf(scenario, sizeof scenario, "%s%s%s%s", NAT("port-restricted"),
                 "nameserver ns internet 198.51.100.53 ", cases[i].behaviour, RECORDS);
        struct run r = run_open(scenario, "loss 0%", i);
        const struct ptn_discover_result *got = run_discover(&r, cases[i].name);
        CHECK_EQ(cases[i].found ? PTN_DISCOVER_PORT_RESTRICTED : PTN_DISCOVER_TYPE_UNKNOWN,
                 got->type);
        CHECK_EQ(cases[i].found ? PTN_DISCOVER_WHY_NONE : PTN_DISCOVER_NO_NAME, got->type_why);
        run_close(&r);
    }
}

TEST(hairpin_is_told_as_the_nat_does_it)
{
    static const struct {
        const char *scenario;
        enum ptn_discover_fact hairpin;
    } cases[] = {
        {NAT("port-restricted hairpin off"), PTN_DISCOVER_NO},
        {NAT("port-restricted hairpin external"), PTN_DISCOVER_YES},
        {NAT("full-cone hairpin internal"), PTN_DISCOVER_YES},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct run r = run_open(cases[i].scenario, "loss 0%", i);
        CHECK_EQ(cases[i].hairpin, run_discover(&r, "198.51.100.5")->hairpin);
        run_close(&r);
    }
}
