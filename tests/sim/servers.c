/*
 * tests/sim/servers.c - stories of servers that die and come back, and of name servers that are
 * slow, lie or are gone: a phone behind a NAT, two registrars on wires of their own, one name
 * server.
 */
#include <stdio.h>
#include <stdlib.h>

#include "registrar/registrar.h"
#include "support/puppet.h"
#include "support/test.h"

#include "sim/world.h"
#include "ua/ua.h"

enum { SERVERS = 2 };

static const struct ptn_registrar_user USERS[] = {{"alice", "secret"}};

static struct street {
    struct ptn_scenario *s;
    struct ptn_sim *w;
    struct ptn_registrar *servers[SERVERS];
    struct ptn_ua *ua;
    unsigned events[PTN_UA_STOPPED + 1];
    unsigned complaints; /* warnings in the log */
} st;

static void log_line(void *self, enum ptn_log_level level, const char *line)
{
    (void)self;
    st.complaints += level == PTN_LOG_WARN;
    if (getenv("SIM_LOG"))
        print_message("# %7.3f %s\n", (double)ptn_sim_now(st.w) / 1e9, line);
}

static const struct ptn_log LOG = {.write = log_line, .max = PTN_LOG_DEBUG};

static const char PLACES[] =
    "wire core 203.0.113.0/24 delay 10ms\n"
    "wire lan 192.168.1.0/24 delay 2ms\n"
    "wire one 198.51.100.0/24\n"
    "wire two 198.51.101.0/24\n"
    "host phone lan 192.168.1.10\n"
    "host server-1 one 198.51.100.7\n"
    "host server-2 two 198.51.101.7\n"
    "nat gate port-restricted inside lan outside core 203.0.113.10\n"
    "router router-1 one core 203.0.113.1\n"
    "router router-2 two core 203.0.113.2\n"
    "nameserver dns core 203.0.113.53\n"
    "record one.example.test ttl 30 A 198.51.100.7\n"
    "record two.example.test ttl 30 A 198.51.101.7\n"
    "record _sip._udp.both.example.test ttl 60 SRV 10 0 5060 one.example.test\n"
    "record _sip._udp.both.example.test ttl 60 SRV 20 0 5060 two.example.test\n"
    "record any.example.test ttl 60 NAPTR 10 10 s SIP+D2T _sip._tcp.any.example.test\n"
    "record any.example.test ttl 60 NAPTR 20 10 s SIP+D2U _sip._udp.both.example.test\n"
    "record _sip._tcp.any.example.test ttl 60 SRV 10 0 5060 one.example.test\n";

static void add(const char *host, struct ptn_machine machine)
{
    ptn_sim_machine number;

    CHECK_EQ(PTN_OK, ptn_sim_add(st.w, (unsigned)ptn_scenario_host(st.s, host), &machine, &number));
}

static void add_server(unsigned i)
{
    static const char *const hosts[SERVERS] = {"server-1", "server-2"};
    struct ptn_registrar_opts opts = {
        .locals = {ptn_addr_v4(198, 51, (uint8_t)(100 + i), 7, 5060)},
        .local_count = 1,
        .domain = "example.test",
        .users = USERS,
        .user_count = 1,
        .expires_max_s = 120,
        .dice = ptn_sim_dice(st.w),
    };

    st.servers[i] = ptn_registrar_new(&opts);
    add(hosts[i], ptn_registrar_machine(st.servers[i]));
}

static void happen(const char *event)
{
    char text[200];

    snprintf(text, sizeof text, "0s %s", event);
    puppet_event(st.w, st.s, text);
}

/* `before` happens before the phone starts; NULL: nothing. */
static void street_open(uint64_t seed, struct ptn_ua_account account, const char *before)
{
    struct ptn_ua_opts opts = {
        .locals = {{.addr = ptn_addr_v4(192, 168, 1, 10, 0)}},
        .local_count = 1,
        .sip_port = 5060,
        .tcp = true,
        .rtp_port_min = 11780,
        .rtp_port_max = 11799,
        .account_count = 1,
        .no_discovery = true,
        .log = &LOG,
    };

    st = (struct street){.s = puppet_scenario(PLACES)};
    st.w = puppet_world(st.s, seed);
    for (unsigned i = 0; i < SERVERS; i++)
        add_server(i);
    if (before)
        happen(before);
    account.user = USERS[0].name;
    account.password = USERS[0].password;
    account.domain = "example.test";
    account.registers = true;
    account.retry_max = PTN_S(30);
    account.keepalive = PTN_SIP_KEEPALIVE_CRLF;
    opts.accounts[0] = account;
    opts.dice = ptn_sim_dice(st.w);
    CHECK_EQ(PTN_OK, ptn_ua_new(&opts, &st.ua));
    ptn_ua_start(st.ua, ptn_sim_now(st.w));
    add("phone", ptn_ua_machine(st.ua));
}

static void street_close(void)
{
    ptn_sim_free(st.w);
    ptn_ua_free(st.ua);
    for (unsigned i = 0; i < SERVERS; i++)
        ptn_registrar_free(st.servers[i]);
    ptn_scenario_free(st.s);
}

static bool step(ptn_time until)
{
    struct ptn_ua_event ev;
    bool more = ptn_sim_step(st.w, until, NULL);

    while (ptn_ua_event(st.ua, ptn_sim_now(st.w), &ev))
        st.events[ev.kind]++;
    return more;
}

static void run(ptn_time span)
{
    ptn_time until = ptn_sim_now(st.w) + span;

    while (step(until))
        continue;
}

static const struct ptn_ua_account_status *account(void)
{
    static struct ptn_ua_status status;

    ptn_ua_status(st.ua, ptn_sim_now(st.w), &status);
    return &status.accounts[0];
}

/* The phone says that it is registered with this server, and the server says so, too. */
static bool is_with(unsigned server)
{
    struct ptn_addr addr = ptn_addr_v4(198, 51, (uint8_t)(99 + server), 7, 5060);

    return account()->state == PTN_UA_ACCOUNT_REGISTERED &&
           ptn_addr_equal(&account()->server, &addr) &&
           ptn_registrar_binding(st.servers[server - 1], "alice", ptn_sim_now(st.w));
}

/* How long until it is; fails when it takes longer than `most`. */
static ptn_time until_with(unsigned server, ptn_time most)
{
    ptn_time began = ptn_sim_now(st.w), until = began + most;

    while (!is_with(server) && step(until))
        continue;
    CHECK(is_with(server));
    return ptn_sim_now(st.w) - began;
}

static const struct ptn_ua_account BY_SRV = {.server = {.name = "both.example.test"}};
static const struct ptn_ua_account BY_NAME = {.server = {.name = "one.example.test", .port = 5060}};
static const struct ptn_ua_account BY_NAPTR = {
    .server = {.name = "any.example.test", .by_naptr = true}};
static const struct ptn_ua_account BY_SETTINGS = {
    .server = {.name = "one.example.test", .port = 5060},
    .server_2 = {.name = "198.51.101.7", .port = 5060}};

TEST(a_registration_moves_to_the_second_server_and_back_whatever_names_them)
{
    static const struct {
        const char *what;
        const struct ptn_ua_account *account;
    } cases[] = {{"SRV", &BY_SRV}, {"two settings", &BY_SETTINGS}, {"NAPTR", &BY_NAPTR}};

    for (uint64_t seed = 1; seed <= 5; seed++)
        for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            print_message("# %s, seed %u\n", cases[i].what, (unsigned)seed);
            street_open(seed, *cases[i].account, NULL);
            until_with(1, PTN_S(2));
            happen("down one");
            /* Noticed by a keep-alive within 25 s or by a refresh, and then 7.5 s of patience. */
            until_with(2, PTN_S(75));
            CHECK(!ptn_addr_is_none(&account()->instead_of));
            happen("up one");
            until_with(1, PTN_S(320));
            CHECK(ptn_addr_is_none(&account()->instead_of));
            street_close();
        }
}

TEST(naptr_leads_to_tcp_and_then_to_udp)
{
    street_open(1, BY_NAPTR, NULL);
    until_with(1, PTN_S(2));
    CHECK_EQ(PTN_TCP, account()->transport);
    CHECK_EQ(PTN_TCP, ptn_registrar_binding(st.servers[0], "alice", ptn_sim_now(st.w))->transport);
    happen("down one");
    until_with(2, PTN_S(75));
    CHECK_EQ(PTN_UDP, account()->transport);
    CHECK_EQ(PTN_UDP, ptn_registrar_binding(st.servers[1], "alice", ptn_sim_now(st.w))->transport);
    street_close();
}

TEST(with_both_dead_for_minutes_the_one_that_returns_is_found_within_a_minute)
{
    for (uint64_t seed = 1; seed <= 10; seed++)
        for (unsigned back = 1; back <= 2; back++) {
            print_message("# seed %u, %u returns\n", (unsigned)seed, back);
            street_open(seed, seed % 2 ? BY_SRV : BY_SETTINGS, NULL);
            until_with(1, PTN_S(2));
            happen("down one");
            happen("down two");
            run(PTN_S(200) + (ptn_time)seed * PTN_S(7));
            CHECK(account()->state != PTN_UA_ACCOUNT_REGISTERED);
            happen(back == 1 ? "up one" : "up two");
            until_with(back, PTN_S(60));
            street_close();
        }
}

TEST(who_registers_with_both_is_known_to_both_and_leaves_both)
{
    struct ptn_ua_account both = BY_SETTINGS;

    both.registers_with_both = true;
    street_open(1, both, NULL);
    until_with(1, PTN_S(2));
    run(PTN_S(1));
    CHECK_EQ(7, account()->also_at.ip[3]);
    happen("down one");
    /* From the first second on. */
    CHECK(ptn_registrar_binding(st.servers[1], "alice", ptn_sim_now(st.w)));
    run(PTN_S(300));
    CHECK(ptn_registrar_binding(st.servers[1], "alice", ptn_sim_now(st.w)));
    happen("up one");
    until_with(1, PTN_S(320));
    ptn_ua_stop(st.ua, ptn_sim_now(st.w));
    run(PTN_S(5));
    CHECK_EQ(1, st.events[PTN_UA_STOPPED]);
    for (unsigned i = 0; i < SERVERS; i++)
        CHECK(!ptn_registrar_binding(st.servers[i], "alice", ptn_sim_now(st.w)));
    street_close();
}

TEST(a_slow_name_server_is_waited_for_once)
{
    street_open(1, BY_NAME, "dns dns answers delay 3s");
    CHECK(until_with(1, PTN_S(10)) >= PTN_S(3));
    unsigned lost = st.events[PTN_UA_REGISTER_FAILED];
    run(PTN_S(600));
    CHECK(is_with(1));
    CHECK_EQ(lost, st.events[PTN_UA_REGISTER_FAILED]);
    street_close();
}

TEST(a_name_server_that_comes_late_is_found_and_its_absence_is_said_once)
{
    street_open(1, BY_NAME, "dns dns gone");
    run(PTN_S(300));
    CHECK(account()->state != PTN_UA_ACCOUNT_REGISTERED);
    CHECK(st.complaints >= 1 && st.complaints <= 5);
    happen("dns dns answers");
    until_with(1, PTN_S(60));
    street_close();
}

TEST(without_name_server_what_was_known_is_used_for_hours)
{
    static const char *const troubles[] = {"dns dns gone", "dns dns fails"};

    for (unsigned i = 0; i < 2; i++) {
        street_open(1, BY_SRV, NULL);
        until_with(1, PTN_S(2));
        happen(troubles[i]);
        run(PTN_S(2 * 3600));
        CHECK(is_with(1));
        CHECK_EQ(0, st.events[PTN_UA_REGISTER_FAILED]);
        /* The second one is known as well. */
        happen("down one");
        until_with(2, PTN_S(75));
        street_close();
    }
}

TEST(a_name_server_that_lies_costs_no_registration_that_stood)
{
    static const char *const lies[] = {"dns dns lies 203.0.113.66", "dns dns lies 10.9.9.9",
                                       "dns dns lies 0.0.0.0", "dns dns lies 127.0.0.1"};

    for (unsigned i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        print_message("# %s\n", lies[i]);
        street_open(1, BY_NAME, NULL);
        until_with(1, PTN_S(2));
        happen(lies[i]);
        run(PTN_S(1000));
        until_with(1, PTN_S(60));
        happen("dns dns answers");
        run(PTN_S(400));
        until_with(1, PTN_S(60));
        street_close();
    }
}

TEST(a_lie_told_from_the_beginning_is_left_when_the_truth_comes)
{
    static const char *const lies[] = {"dns dns lies 203.0.113.66", "dns dns lies 10.9.9.9",
                                       "dns dns lies 127.0.0.1"};

    for (unsigned i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        print_message("# %s\n", lies[i]);
        street_open(1, BY_NAME, lies[i]);
        run(PTN_S(100));
        CHECK(account()->state != PTN_UA_ACCOUNT_REGISTERED);
        happen("dns dns answers");
        /* However long it was told to last. */
        until_with(1, PTN_S(60));
        street_close();
    }
}

TEST(a_name_that_moves_takes_its_phone_along)
{
    street_open(1, BY_NAME, NULL);
    until_with(1, PTN_S(2));
    happen("record dns one.example.test ttl 30 A 198.51.101.7");
    until_with(2, PTN_S(40));
    street_close();
}
