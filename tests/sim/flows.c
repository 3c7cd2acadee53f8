/*
 * tests/sim/flows.c - stories of the way between a phone and its registrar: one connection for all
 * accounts, the mapped address of a TCP port, a way that is lost without a word.
 */
#include <stdio.h>
#include <stdlib.h>

#include "registrar/registrar.h"
#include "support/puppet.h"
#include "support/test.h"

#include "relay/relay.h"
#include "sim/world.h"
#include "ua/ua.h"

enum { ACCOUNTS_MAX = 16 };

static const struct ptn_registrar_user USERS[ACCOUNTS_MAX] = {
    {"1001", "one"},      {"1002", "two"},      {"1003", "three"},   {"1004", "four"},
    {"1005", "five"},     {"1006", "six"},      {"1007", "seven"},   {"1008", "eight"},
    {"1009", "nine"},     {"1010", "ten"},      {"1011", "eleven"},  {"1012", "twelve"},
    {"1013", "thirteen"}, {"1014", "fourteen"}, {"1015", "fifteen"}, {"1016", "sixteen"}};

static struct office {
    struct ptn_scenario *s;
    struct ptn_sim *w;
    struct ptn_relay *stun;
    struct ptn_registrar *registrar;
    struct ptn_ua *ua;
    unsigned events[PTN_UA_STOPPED + 1];
    unsigned warned; /* that what is seen changes too often */
} o;

static void log_line(void *self, enum ptn_log_level level, const char *line)
{
    (void)self;
    o.warned += level == PTN_LOG_WARN && strstr(line, "changes too often");
    if (getenv("SIM_LOG"))
        print_message("# %7.3f %s\n", (double)ptn_sim_now(o.w) / 1e9, line);
}

static const struct ptn_log LOG = {.write = log_line, .max = PTN_LOG_DEBUG};

static void add(const char *host, struct ptn_machine machine)
{
    ptn_sim_machine number;

    CHECK_EQ(PTN_OK, ptn_sim_add(o.w, (unsigned)ptn_scenario_host(o.s, host), &machine, &number));
}

static void add_stun(void)
{
    struct ptn_relay_opts opts = {.connections_max = 16};

    for (uint8_t i = 0; i < 4; i++)
        opts.listeners[opts.listener_count++] = (struct ptn_relay_listener){
            .id = i + 1u,
            .transport = i % 2 ? PTN_TCP : PTN_UDP,
            .local = ptn_addr_v4(203, 0, 113, (uint8_t)(5 + i / 2), 3478)};
    o.stun = ptn_relay_new(&opts);
    CHECK(o.stun != NULL);
    ptn_relay_start(o.stun);
    add("stun", ptn_relay_machine(o.stun));
}

struct plan {
    const char *nat; /* "full-cone ports random" */
    enum ptn_transport transport;
    unsigned accounts;
    bool no_stun;
    enum ptn_sip_keepalive keepalive;
    ptn_time keepalive_every;
    bool shows_any_port, shows_any_contact;
};

static void office_open(const struct plan *plan)
{
    char text[1000];
    struct ptn_ua_opts opts = {
        .locals = {{.addr = ptn_addr_v4(192, 168, 1, 10, 0)}},
        .local_count = 1,
        .sip_port = 5062,
        .tcp = true,
        .rtp_port_min = 11780,
        .rtp_port_max = 11799,
        .account_count = plan->accounts,
        .stun = {{"203.0.113.5", 3478}, {"203.0.113.6", 3478}},
        .stun_count = plan->no_stun ? 0 : 2,
        .instance = "urn:uuid:00000000-0000-1000-8000-0123456789ab",
        .log = &LOG,
    };
    struct ptn_registrar_opts registrar = {.locals = {ptn_addr_v4(203, 0, 113, 7, 5060)},
                                           .local_count = 1,
                                           .domain = "example.test",
                                           .users = USERS,
                                           .user_count = ACCOUNTS_MAX,
                                           .shows_any_port = plan->shows_any_port,
                                           .shows_any_contact = plan->shows_any_contact};

    o = (struct office){0};
    snprintf(text, sizeof text,
             "wire core 203.0.113.0/24 delay 10ms\nwire lan 192.168.1.0/24 delay 2ms\n"
             "host stun core 203.0.113.5 203.0.113.6\nhost registrar core 203.0.113.7\n"
             "host phone lan 192.168.1.10\nnat gate %s inside lan outside core 203.0.113.10\n",
             plan->nat);
    o.s = puppet_scenario(text);
    o.w = puppet_world(o.s, 1);
    add_stun();
    registrar.dice = ptn_sim_dice(o.w);
    o.registrar = ptn_registrar_new(&registrar);
    add("registrar", ptn_registrar_machine(o.registrar));
    opts.dice = ptn_sim_dice(o.w);
    for (unsigned i = 0; i < plan->accounts; i++)
        opts.accounts[i] = (struct ptn_ua_account){
            .user = USERS[i].name,
            .password = USERS[i].password,
            .domain = "example.test",
            .server = {.name = "203.0.113.7", .port = 5060, .transport = plan->transport},
            .registers = true,
            .keepalive = plan->keepalive,
            .keepalive_every = plan->keepalive_every};
    CHECK_EQ(PTN_OK, ptn_ua_new(&opts, &o.ua));
    ptn_ua_start(o.ua, ptn_sim_now(o.w));
    add("phone", ptn_ua_machine(o.ua));
}

static void office_close(void)
{
    ptn_sim_free(o.w);
    ptn_ua_free(o.ua);
    ptn_registrar_free(o.registrar);
    ptn_relay_free(o.stun);
    ptn_scenario_free(o.s);
}

static void run(ptn_time span)
{
    ptn_time until = ptn_sim_now(o.w) + span;
    struct ptn_ua_event ev;

    while (ptn_sim_step(o.w, until, NULL))
        while (ptn_ua_event(o.ua, ptn_sim_now(o.w), &ev))
            o.events[ev.kind]++;
}

static const struct ptn_ua_status *status(void)
{
    static struct ptn_ua_status s;

    ptn_ua_status(o.ua, ptn_sim_now(o.w), &s);
    return &s;
}

static unsigned registered(void)
{
    unsigned count = 0;

    for (unsigned i = 0; i < status()->account_count; i++)
        count += status()->accounts[i].state == PTN_UA_ACCOUNT_REGISTERED &&
                 ptn_registrar_binding(o.registrar, USERS[i].name, ptn_sim_now(o.w)) != NULL;
    return count;
}

/* Is what the registrar has bound the place it really sees the phone at? */
static bool bound_as_seen(const char *user)
{
    const struct ptn_registrar_binding *b =
        ptn_registrar_binding(o.registrar, user, ptn_sim_now(o.w));
    char seen[PTN_ADDR_TEXT_MAX];

    return b && strstr(b->contact, ptn_addr_format(&b->source, seen)) != NULL;
}

TEST(the_mapped_address_of_a_tcp_port_is_asked_from_that_port_before_it_is_told)
{
    static const struct {
        const char *nat;
        bool no_stun;
        enum ptn_reach_why why;
        unsigned registers; /* at most: a contact that was told wrong is replaced */
    } rows[] = {
        {"full-cone ports random", false, PTN_REACH_BY_STUN, 1},
        {"port-restricted ports sequential by 1", false, PTN_REACH_BY_STUN, 1},
        {"port-restricted", false, PTN_REACH_BY_STUN, 1},
        {"symmetric ports random", false, PTN_REACH_BY_RPORT_ONLY, 2},
        {"full-cone ports random", true, PTN_REACH_BY_RPORT, 2},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        office_open(&(struct plan){
            .nat = rows[i].nat, .transport = PTN_TCP, .accounts = 1, .no_stun = rows[i].no_stun});
        run(PTN_S(20));
        print_message("# %s: %s\n", rows[i].nat,
                      ptn_reach_why_text(status()->accounts[0].contact.why));
        CHECK_EQ(1, registered());
        CHECK(bound_as_seen("1001"));
        CHECK_EQ(rows[i].why, status()->accounts[0].contact.why);
        CHECK(ptn_registrar_count(o.registrar, PTN_REGISTRAR_REGISTERED) <= rows[i].registers);
        CHECK_EQ(1, ptn_registrar_count(o.registrar, PTN_REGISTRAR_CONNECTED));
        office_close();
    }
}

TEST(sixteen_accounts_share_one_connection_and_one_port)
{
    office_open(&(struct plan){.nat = "port-restricted ports random",
                               .transport = PTN_TCP,
                               .accounts = 16,
                               .keepalive = PTN_SIP_KEEPALIVE_CRLF,
                               .keepalive_every = PTN_S(25)});
    run(PTN_S(600));
    CHECK_EQ(16, registered());
    CHECK_EQ(1, ptn_registrar_count(o.registrar, PTN_REGISTRAR_CONNECTED));
    CHECK_EQ(16, ptn_registrar_count(o.registrar, PTN_REGISTRAR_REGISTERED));
    /* One at once and each 20 to 25 s, not sixteen times that. */
    CHECK(ptn_registrar_count(o.registrar, PTN_REGISTRAR_PINGED) <= 32);
    CHECK(ptn_registrar_count(o.registrar, PTN_REGISTRAR_PINGED) >= 24);
    for (unsigned i = 0; i < 16; i++)
        CHECK(bound_as_seen(USERS[i].name));
    office_close();
}

TEST(a_connection_that_is_lost_without_a_word_is_made_anew_for_all_accounts)
{
    static const enum ptn_sip_keepalive kinds[] = {
        PTN_SIP_KEEPALIVE_CRLF, PTN_SIP_KEEPALIVE_OPTIONS, PTN_SIP_KEEPALIVE_NOTIFY};

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        office_open(&(struct plan){.nat = "port-restricted ports random",
                                   .transport = PTN_TCP,
                                   .accounts = 16,
                                   .keepalive = kinds[i],
                                   .keepalive_every = PTN_S(25)});
        run(PTN_S(10));
        CHECK_EQ(16, registered());
        puppet_event(o.w, o.s, "0s reboot gate");
        /* An interval until it is asked, ten seconds of silence, and the way anew. */
        run(PTN_S(25 + 10 + 5));
        CHECK_EQ(16, registered());
        CHECK_EQ(2, ptn_registrar_count(o.registrar, PTN_REGISTRAR_CONNECTED));
        for (unsigned k = 0; k < 16; k++)
            CHECK(bound_as_seen(USERS[k].name));
        office_close();
    }
}

TEST(a_nat_that_forgets_a_connection_amid_a_registration_costs_ten_seconds)
{
    office_open(&(struct plan){.nat = "port-restricted ports random",
                               .transport = PTN_TCP,
                               .accounts = 1,
                               .keepalive = PTN_SIP_KEEPALIVE_CRLF,
                               .keepalive_every = PTN_S(25)});
    while (ptn_registrar_count(o.registrar, PTN_REGISTRAR_CHALLENGED) == 0)
        run(PTN_MS(1));
    puppet_event(o.w, o.s, "0s reboot gate");
    run(PTN_S(11));
    CHECK_EQ(1, registered());
    CHECK(bound_as_seen(USERS[0].name));
    office_close();
}

TEST(over_udp_a_nat_that_forgot_us_is_noticed_within_an_interval_and_five_seconds)
{
    static const enum ptn_sip_keepalive kinds[] = {PTN_SIP_KEEPALIVE_OPTIONS,
                                                   PTN_SIP_KEEPALIVE_NOTIFY};

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        office_open(&(struct plan){.nat = "port-restricted ports random",
                                   .transport = PTN_UDP,
                                   .accounts = 3,
                                   .no_stun = true,
                                   .keepalive = kinds[i],
                                   .keepalive_every = PTN_S(15)});
        run(PTN_S(10));
        CHECK_EQ(3, registered());
        puppet_event(o.w, o.s, "0s reboot gate");
        run(PTN_S(15 + 5));
        CHECK_EQ(3, registered());
        for (unsigned k = 0; k < 3; k++)
            CHECK(bound_as_seen(USERS[k].name));
        /* The same for a way that is dark for a while. */
        puppet_event(o.w, o.s, "0s down core");
        run(PTN_S(40));
        CHECK(registered() < 3);
        puppet_event(o.w, o.s, "0s up core");
        run(PTN_S(15 + 5));
        CHECK_EQ(3, registered());
        office_close();
    }
}

static unsigned evidence_of_transport(enum ptn_transport transport)
{
    const struct ptn_ua_status *s = status();
    unsigned count = 0;

    for (unsigned i = 0; i < s->evidence_count; i++)
        count += s->sockets[s->evidence[i].socket].transport == transport;
    return count;
}

/* A box that shows another port in each answer: 6 changes in 10, 20, 40 minutes, then in each hour,
 * and the two REGISTERs of each half lease. */
TEST(a_middlebox_that_lies_in_every_answer_causes_no_register_loop)
{
    for (unsigned row = 0; row < 8; row++) {
        office_open(&(struct plan){.nat = "port-restricted ports random",
                                   .transport = row & 1 ? PTN_TCP : PTN_UDP,
                                   .accounts = 1,
                                   .no_stun = row & 2,
                                   .keepalive = PTN_SIP_KEEPALIVE_OPTIONS,
                                   .keepalive_every = PTN_S(15),
                                   .shows_any_port = true,
                                   .shows_any_contact = row & 4});
        run(PTN_S(4 * 3600));
        unsigned registers = ptn_registrar_count(o.registrar, PTN_REGISTRAR_REGISTERED);
        print_message("# over %s, STUN %s, contact %s: %u REGISTERs in 4 hours\n",
                      row & 1 ? "TCP" : "UDP", row & 2 ? "off" : "on",
                      row & 4 ? "rewritten too" : "as it was", registers);
        CHECK_EQ(1, registered());
        CHECK(registers <= 1 + 36 + 9);
        CHECK(o.warned >= 3 && o.warned <= 8);
        CHECK(status()->accounts[0].contact_changes >= 36);
        /* Two STUN servers, where there are any, and the registrar. */
        CHECK_EQ(row & 2 ? 1 : 3, evidence_of_transport(row & 1 ? PTN_TCP : PTN_UDP));
        office_close();
    }
}
