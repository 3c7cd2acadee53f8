/*
 * tests/sim/stage.c - a phone, its servers and who calls it.
 */
#include "stage.h"

#include <stdio.h>
#include <string.h>

static const struct ptn_registrar_user users[STAGE_ACCOUNTS_MAX + 1] = {
    {"alice", "secret of alice"},
    {"a2", "secret"},
    {"a3", "secret"},
    {"a4", "secret"},
    {"a5", "secret"},
    {"a6", "secret"},
    {"a7", "secret"},
    {"a8", "secret"},
    {"a9", "secret"},
    {"a10", "secret"},
    {"a11", "secret"},
    {"a12", "secret"},
    {"a13", "secret"},
    {"a14", "secret"},
    {"a15", "secret"},
    {"a16", "secret"},
    {"bob", "secret of bob"},
};
enum { BOB = STAGE_ACCOUNTS_MAX };
static const double hz[STAGE_PEOPLE] = {440, 1000};
static const char *const hosts[STAGE_PEOPLE] = {"phone", "caller"};
static const char *const server_hosts[STAGE_SERVERS] = {"server-1", "server-2"};

static struct ptn_addr server_addr(unsigned server)
{
    return ptn_addr_v4(198, 51, 100, (uint8_t)(5 + 16 * server), 5060);
}

static void write_scenario(const struct stage_opts *o, char *text, size_t size)
{
    unsigned ttl = o->ttl_s;
    int used = snprintf(text, size,
                        "wire core 203.0.113.0/24 delay 5ms\n"
                        "wire rack-1 198.51.100.0/28 delay 2ms\n"
                        "wire rack-2 198.51.100.16/28 delay 3ms\n"
                        "wire rack-3 198.51.100.32/28 delay 1ms\n"
                        "router gate-1 rack-1 core 203.0.113.31\n"
                        "router gate-2 rack-2 core 203.0.113.32\n"
                        "router gate-3 rack-3 core 203.0.113.33\n"
                        "host server-1 rack-1 198.51.100.5\n"
                        "host server-2 rack-2 198.51.100.21\n"
                        "host stun rack-3 198.51.100.37 198.51.100.38\n"
                        "nameserver dns core 203.0.113.53\n"
                        "record sip.example.test ttl %u A 198.51.100.5\n"
                        "record one.example.test ttl %u A 198.51.100.5\n"
                        "record two.example.test ttl %u A 198.51.100.21\n"
                        "record stun.example.test ttl %u A 198.51.100.37\n",
                        ttl, ttl, ttl, ttl);

    for (unsigned i = 0; i < 3; i++) {
        static const char *const services[] = {"_sip._udp", "_sip._tcp", "_sips._tcp"};
        unsigned port = i < 2 ? 5060 : 5061;
        used += snprintf(text + used, size - (size_t)used,
                         "record %s.example.test ttl %u SRV 10 0 %u one.example.test\n"
                         "record %s.example.test ttl %u SRV 20 0 %u two.example.test\n",
                         services[i], ttl, port, services[i], ttl, port);
    }
    if (o->caller_nat)
        used += snprintf(text + used, size - (size_t)used,
                         "wire home-2 192.168.2.0/24 %s\nhost caller home-2 192.168.2.10\n"
                         "nat nat-2 %s inside home-2 outside core 203.0.113.20\n",
                         o->caller_link, o->caller_nat);
    else
        used +=
            snprintf(text + used, size - (size_t)used,
                     "wire office 198.51.101.0/24 delay 10ms\nhost caller office 198.51.101.10\n"
                     "router gate-4 office core 203.0.113.34\n");
    if (o->nat)
        used += snprintf(text + used, size - (size_t)used,
                         "wire home 192.168.1.0/24 %s\nhost phone home 192.168.1.10\n"
                         "nat nat %s inside home outside core 203.0.113.10\n",
                         o->link, o->nat);
    else
        used += snprintf(text + used, size - (size_t)used,
                         "wire home 198.51.102.0/24 %s\nhost phone home 198.51.102.10\n"
                         "router nat home core 203.0.113.10\n",
                         o->link);
    cast_must((size_t)used < size, "the scenario is too long");
}

static void add_stun_server(struct stage *st)
{
    struct ptn_relay_opts opts = cast_stun_opts(ptn_addr_v4(198, 51, 100, 37, 0));

    if (st->opts.turn)
        cast_add_turn(&opts, ptn_addr_v4(198, 51, 100, 37, 0));
    st->stun = ptn_relay_new(&opts);
    ptn_relay_start(st->stun);
    cast_add(st->w, st->s, "stun", ptn_relay_machine(st->stun));
}

static void start_server(struct stage *st, unsigned i)
{
    struct stage_server *server = &st->servers[i];
    struct ptn_registrar_opts opts = {
        .locals = {server_addr(i)},
        .local_count = 1,
        .tls = true,
        .domain = "example.test",
        .users = users,
        .user_count = STAGE_ACCOUNTS_MAX + 1,
        .expires_max_s = st->opts.lease_s,
        .dice = ptn_sim_dice(st->w),
    };

    server->dead = false;
    server->registrar = ptn_registrar_new(&opts);
    server->middlebox.kind = st->opts.middlebox;
    server->middlebox.dice = ptn_sim_dice(st->w);
    server->middlebox.spared = ptn_addr_v4(198, 51, 101, 10, 0);
    struct ptn_machine machine = ptn_registrar_machine(server->registrar);
    server->number =
        cast_add(st->w, st->s, server_hosts[i], middlebox_machine(&server->middlebox, &machine));
}

/* Both by the same transport: the servers keep no transactions, so what is lost over UDP is
 * repeated by nobody who has sent it over TCP. */
static struct ptn_ua_account registering(const struct stage_opts *o, unsigned user)
{
    enum ptn_transport transport = o->transport;
    static const uint16_t ports[] = {[PTN_UDP] = 5060, [PTN_TCP] = 5060, [PTN_TLS] = 5061};
    bool by_srv = o->server_count > 1 && !o->by_settings;
    struct ptn_ua_account account = {
        .user = users[user].name,
        .domain = "example.test",
        .password = users[user].password,
        .server = {.name = by_srv ? "example.test" : "sip.example.test",
                   .port = by_srv ? 0 : ports[transport],
                   .transport = transport},
        .registers = true,
        .expires_s = o->lease_s,
        .retry_max = PTN_S(30), /* as the settings' default */
        .keepalive = PTN_SIP_KEEPALIVE_CRLF,
    };

    if (o->server_count > 1 && o->by_settings)
        account.server_2 = (struct ptn_sip_host){
            .name = "two.example.test", .port = ports[transport], .transport = transport};
    return account;
}

static void add_accounts(const struct stage_opts *o, unsigned person, struct ptn_ua_opts *opts)
{
    static const char *const addrs[STAGE_SERVERS] = {"198.51.100.5", "198.51.100.21"};

    if (person == STAGE_PHONE)
        for (unsigned i = 0; i < (o->account_count ? o->account_count : 1); i++)
            opts->accounts[opts->account_count++] = registering(o, i);
    else if (o->caller_nat)
        opts->accounts[opts->account_count++] = registering(o, BOB);
    else
        for (unsigned i = 0; i < STAGE_SERVERS; i++)
            opts->accounts[opts->account_count++] = (struct ptn_ua_account){
                .user = "bob",
                .domain = "example.test",
                .server = {.name = addrs[i], .port = 5060, .transport = PTN_UDP}};
}

static void add_person(struct stage *st, unsigned i)
{
    struct stage_person *p = &st->people[i];
    bool is_phone = i == STAGE_PHONE, registers = is_phone || st->opts.caller_nat;
    struct ptn_ua_opts opts = {
        .locals = {{.addr = st->s->hosts[ptn_scenario_host(st->s, hosts[i])].legs[0].addr}},
        .local_count = 1,
        .roams = true,
        .sip_port = 5060,
        .tls_port = 5061,
        .tcp = registers && st->opts.transport == PTN_TCP,
        .tls = registers && st->opts.transport == PTN_TLS,
        .rtp_port_min = 11780,
        .rtp_port_max = 11799,
        .calls_max = 16,
        .auto_answer = true,
        .source = ptn_source_tone(hz[i], -12),
        .dice = ptn_sim_dice(st->w),
        .log = st->opts.log,
    };

    if (registers && !st->opts.no_stun)
        opts.stun[opts.stun_count++] =
            (struct ptn_ua_stun_server){"stun.example.test", CAST_STUN_PORT};
    if (registers && st->opts.turn)
        opts.turn = cast_turn("stun.example.test");
    add_accounts(&st->opts, i, &opts);
    cast_must(ptn_ua_new(&opts, &p->is.ua) == PTN_OK, "the phone's options are wrong");
    ptn_ua_start(p->is.ua, ptn_sim_now(st->w));
    struct ptn_machine machine = ptn_ua_machine(p->is.ua);
    p->is.number = cast_add(st->w, st->s, hosts[i], skin_machine(&p->skin, &machine));
}

void stage_open(struct stage *st, const struct stage_opts *opts)
{
    char text[4000];

    memset(st, 0, sizeof *st);
    st->opts = *opts;
    write_scenario(opts, text, sizeof text);
    cast_world(&st->s, &st->w, text, opts->seed);
    add_stun_server(st);
    for (unsigned i = 0; i < opts->server_count; i++)
        start_server(st, i);
    for (unsigned i = 0; i < STAGE_PEOPLE; i++)
        add_person(st, i);
}

void stage_close(struct stage *st)
{
    ptn_sim_free(st->w);
    for (unsigned i = 0; i < STAGE_PEOPLE; i++) {
        ptn_ua_free(st->people[i].is.ua);
        skin_fini(&st->people[i].skin);
    }
    for (unsigned i = 0; i < STAGE_SERVERS; i++) {
        ptn_registrar_free(st->servers[i].registrar);
        ptn_registrar_free(st->servers[i].old);
    }
    ptn_relay_free(st->stun);
    ptn_scenario_free(st->s);
}

/* -- time ------------------------------------------------------------------------------------ */

static void take_events(struct stage *st, unsigned person)
{
    struct stage_person *p = &st->people[person];

    if (!p->skin.asleep)
        person_take_events(&p->is, ptn_sim_now(st->w));
}

static bool step(struct stage *st, ptn_time until)
{
    bool more = ptn_sim_step(st->w, until, NULL);

    for (unsigned i = 0; i < STAGE_PEOPLE; i++)
        take_events(st, i);
    return more;
}

void stage_run(struct stage *st, ptn_time until)
{
    while (step(st, until))
        ;
}

bool stage_wait(struct stage *st, unsigned person, enum ptn_ua_event_kind kind, unsigned count,
                ptn_time until)
{
    while (st->people[person].is.events[kind] < count && step(st, until))
        ;
    return st->people[person].is.events[kind] >= count;
}

static void wake(struct stage *st, unsigned person)
{
    ptn_sim_wake(st->w, st->people[person].is.number);
    take_events(st, person);
}

/* -- faults ---------------------------------------------------------------------------------- */

void stage_happen(struct stage *st, const char *event)
{
    cast_happen(st->w, st->s, event);
}

void stage_kill(struct stage *st, unsigned server)
{
    struct stage_server *s = &st->servers[server];

    if (s->dead)
        return;
    s->dead = true;
    ptn_sim_remove(st->w, s->number);
    ptn_registrar_free(s->old);
    s->old = s->registrar;
    s->registrar = NULL;
}

void stage_revive(struct stage *st, unsigned server, bool with_bindings)
{
    struct stage_server *s = &st->servers[server];

    if (!s->dead)
        return;
    start_server(st, server);
    if (with_bindings)
        ptn_registrar_inherit(s->registrar, s->old);
}

void stage_sleep(struct stage *st)
{
    skin_sleep(&st->people[STAGE_PHONE].skin);
}

void stage_wake_up(struct stage *st)
{
    skin_wake(&st->people[STAGE_PHONE].skin, ptn_sim_now(st->w));
    wake(st, STAGE_PHONE);
}

/* -- calls ----------------------------------------------------------------------------------- */

/* Does this person say so of all accounts? */
static bool says_registered(const struct stage *st, unsigned person, struct ptn_addr *server)
{
    static struct ptn_ua_status status;

    ptn_ua_status(st->people[person].is.ua, ptn_sim_now(st->w), &status);
    *server = status.accounts[0].server;
    for (unsigned i = 0; i < status.account_count; i++)
        if (status.accounts[i].state != PTN_UA_ACCOUNT_REGISTERED)
            return false;
    return true;
}

static bool knows(const struct stage *st, unsigned server)
{
    const struct ptn_registrar *r = st->servers[server].registrar;
    ptn_time now = ptn_sim_now(st->w);
    unsigned accounts = st->opts.account_count ? st->opts.account_count : 1;

    for (unsigned i = 0; i < accounts; i++)
        if (!ptn_registrar_binding(r, users[i].name, now))
            return false;
    return !st->opts.caller_nat || ptn_registrar_binding(r, users[BOB].name, now);
}

bool stage_is_registered(struct stage *st, unsigned *server)
{
    struct ptn_addr used, of_caller;
    bool found = false;

    if (!says_registered(st, STAGE_PHONE, &used) ||
        (st->opts.caller_nat && !says_registered(st, STAGE_CALLER, &of_caller)))
        return false;
    for (unsigned i = 0; i < st->opts.server_count; i++) {
        struct ptn_addr addr = server_addr(i);
        if (st->servers[i].dead || !knows(st, i))
            continue;
        /* Another may remember it, too; the phone's own word goes first. */
        if (!found || ptn_addr_same_ip(&used, &addr))
            *server = i;
        found = true;
    }
    return found;
}

bool stage_call(struct stage *st, unsigned from, unsigned server, ptn_time until)
{
    struct stage_person *caller = &st->people[from], *called = &st->people[!from];
    unsigned incoming = called->is.events[PTN_UA_INCOMING], up = caller->is.events[PTN_UA_ANSWERED];
    unsigned there = called->is.events[PTN_UA_ANSWERED];
    unsigned account = from == STAGE_PHONE || st->opts.caller_nat ? 0 : server;

    caller->is.ear.samples = 0;
    if (ptn_ua_dial(caller->is.ua, ptn_sim_now(st->w), account,
                    from == STAGE_PHONE ? users[BOB].name : users[0].name,
                    &caller->is.call) != PTN_OK)
        return false;
    wake(st, from);
    return stage_wait(st, !from, PTN_UA_INCOMING, incoming + 1, until) &&
           stage_wait(st, from, PTN_UA_ANSWERED, up + 1, until) &&
           stage_wait(st, !from, PTN_UA_ANSWERED, there + 1, until);
}

static bool hears(const struct stage *st, unsigned person)
{
    return ear_hears(&st->people[person].is.ear, hz[!person]);
}

bool stage_talk(struct stage *st, ptn_time until)
{
    bool heard[STAGE_PEOPLE] = {false};

    do {
        for (unsigned i = 0; i < STAGE_PEOPLE; i++)
            heard[i] = heard[i] || hears(st, i);
        if (heard[STAGE_PHONE] && heard[STAGE_CALLER])
            return true;
        stage_run(st, ptn_time_min(until, ptn_sim_now(st->w) + PTN_MS(100)));
    } while (ptn_sim_now(st->w) < until);
    return false;
}

void stage_hang_up(struct stage *st, unsigned person)
{
    struct stage_person *p = &st->people[person];

    if (ptn_ua_hang_up(p->is.ua, ptn_sim_now(st->w), p->is.call))
        wake(st, person);
}
