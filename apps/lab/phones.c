/*
 * lab/phones.c - register, dial, talk, hang up; and what was seen of it.
 */
#include "phones.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "registrar/registrar.h"
#include "virtual.h"

enum { SIP_PORT = 5060, RTP_FIRST = 11780, RTP_LAST = 11799 };

static const char DOMAIN[] = "example.test", PASSWORD[] = "secret";
static const double hz[PTN_ENDS] = {440, 1000};

#define REGISTERED_MAX PTN_S(60)
#define SETTLE PTN_S(4) /* what kind of NAT it is takes discovery less */
#define ANSWER_AFTER PTN_S(1)
#define UP_MAX PTN_S(35) /* as long as an INVITE may take, and the answer */
#define OVER_MAX PTN_S(35)
#define SILENT_AFTER PTN_S(1) /* who has heard nothing for so long hears nothing */

struct phone {
    struct ptn_call_end *end; /* what is told of it */
    unsigned host;
    struct ptn_ua *ua;
    ptn_sim_machine number;
    ptn_ua_call_id call;
    unsigned events[PTN_UA_STOPPED + 1];
};

struct play {
    struct ptn_virtual v;
    const struct ptn_simulate_opts *opts;
    enum ptn_family family;
    struct ptn_registrar *registrar;
    ptn_sim_machine registrar_number;
    struct ptn_registrar_user users[PTN_ENDS];
    struct phone phones[PTN_ENDS];
    struct ptn_call_outcome outcome;
    struct ptn_ua_status status; /* too large for the stack */
};

static ptn_time now(const struct play *p)
{
    return ptn_sim_now(p->v.sim);
}

/* ---- the cast ---- */

static bool has_family(struct play *p, unsigned registrar, enum ptn_family family)
{
    const unsigned hosts[] = {p->v.server, registrar, p->phones[PTN_CALLER].host,
                              p->phones[PTN_CALLED].host};

    for (unsigned i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        struct ptn_addr addr = ptn_virtual_addr(&p->v, hosts[i], family);
        if (ptn_addr_is_none(&addr))
            return false;
    }
    return true;
}

static enum ptn_err add_registrar(struct play *p, unsigned host)
{
    struct ptn_registrar_opts opts = {
        .locals = {ptn_addr_with_port(ptn_virtual_addr(&p->v, host, p->family), SIP_PORT)},
        .local_count = 1,
        .domain = DOMAIN,
        .users = p->users,
        .user_count = PTN_ENDS,
        .challenges_calls = true,
        .dice = ptn_sim_dice(p->v.sim)};

    for (unsigned i = 0; i < PTN_ENDS; i++)
        p->users[i] = (struct ptn_registrar_user){p->phones[i].end->name, PASSWORD};
    p->registrar = ptn_registrar_new(&opts);
    if (!p->registrar)
        return PTN_ERR_NO_MEMORY;
    struct ptn_machine machine = ptn_registrar_machine(p->registrar);
    return ptn_sim_add(p->v.sim, host, &machine, &p->registrar_number);
}

static enum ptn_err add_phone(struct play *p, unsigned registrar, unsigned which)
{
    struct phone *phone = &p->phones[which];
    char server[PTN_ADDR_TEXT_MAX], sip[PTN_ADDR_TEXT_MAX];
    struct ptn_addr stun_addr = ptn_virtual_addr(&p->v, p->v.server, p->family);
    struct ptn_addr sip_addr = ptn_virtual_addr(&p->v, registrar, p->family);
    struct ptn_ua_opts opts = {
        .locals = {{.addr = ptn_virtual_addr(&p->v, phone->host, p->family)}},
        .local_count = 1,
        .roams = true,
        .sip_port = SIP_PORT,
        .rtp_port_min = RTP_FIRST,
        .rtp_port_max = RTP_LAST,
        .account_count = 1,
        .stun = {{ptn_addr_format_ip(&stun_addr, server), PTN_VIRTUAL_STUN_PORT}},
        .stun_count = 1,
        .auto_answer = which == PTN_CALLED,
        .auto_answer_after = ANSWER_AFTER,
        .source = ptn_source_tone(hz[which], -12),
        .dice = ptn_sim_dice(p->v.sim)};

    opts.accounts[0] =
        (struct ptn_ua_account){.user = phone->end->name,
                                .domain = DOMAIN,
                                .password = PASSWORD,
                                .server = {.name = ptn_addr_format_ip(&sip_addr, sip),
                                           .port = SIP_PORT,
                                           .transport = PTN_UDP},
                                .registers = true,
                                .keepalive = PTN_SIP_KEEPALIVE_CRLF};
    if (p->opts->turn)
        opts.turn =
            (struct ptn_ua_turn){.servers = {{.name = server, .port = PTN_VIRTUAL_STUN_PORT}},
                                 .server_count = 1,
                                 .user = PTN_VIRTUAL_TURN_USER,
                                 .password = PTN_VIRTUAL_TURN_PASSWORD};
    enum ptn_err err = ptn_ua_new(&opts, &phone->ua);
    if (err)
        return err;
    ptn_ua_start(phone->ua, now(p));
    struct ptn_machine machine = ptn_ua_machine(phone->ua);
    return ptn_sim_add(p->v.sim, phone->host, &machine, &phone->number);
}

/* ---- what the phones say ---- */

__attribute__((format(printf, 2, 3))) static void tell(const struct play *p, const char *format,
                                                       ...)
{
    char text[PTN_UA_TEXT_MAX + 200];
    va_list args;

    if (p->opts->json)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    ptn_virtual_tell(&p->v, "%s", text);
}

static void take_contact(struct play *p, struct phone *phone)
{
    ptn_ua_status(phone->ua, now(p), &p->status);
    phone->end->contact = p->status.accounts[0].contact;
}

static void hear(struct play *p, struct phone *phone, const struct ptn_ua_event *ev)
{
    struct ptn_call_end *end = phone->end;
    char addr[PTN_ADDR_TEXT_MAX];

    phone->events[ev->kind]++;
    switch (ev->kind) {
    case PTN_UA_REGISTERED:
        if (end->registered++ == 0)
            end->registered_at = now(p);
        take_contact(p, phone);
        tell(p, "%s: registered as %s (%s)", end->name, ptn_addr_format(&ev->addr, addr),
             ptn_reach_why_text(end->contact.why));
        break;
    case PTN_UA_REGISTER_FAILED:
        tell(p, "%s: not registered: %s", end->name,
             ev->status ? "refused" : ptn_err_text(ev->why));
        break;
    case PTN_UA_NAT_CHANGED: tell(p, "%s: NAT: %s", end->name, ev->text); break;
    case PTN_UA_INCOMING:
        phone->call = ev->call;
        p->outcome.rang_at = now(p);
        tell(p, "%s: rings", end->name);
        break;
    case PTN_UA_ANSWERED:
        end->was_up = true;
        end->answered_at = now(p);
        tell(p, "%s: the call is up", end->name);
        break;
    case PTN_UA_HEARD: tell(p, "%s: hears the other one", end->name); break;
    case PTN_UA_ENDED:
        p->outcome.over_at = now(p);
        tell(p, "%s: the call has ended%s%s", end->name, ev->reason && ev->reason[0] ? ": " : "",
             ev->reason ? ev->reason : "");
        break;
    default: break;
    }
}

static bool step(struct play *p, ptn_time until)
{
    const struct ptn_scenario_event *what;
    struct ptn_ua_event ev;
    bool more = ptn_virtual_step(&p->v, until, &what);

    if (what)
        tell(p, "%s", what->text);
    for (unsigned i = 0; i < PTN_ENDS; i++)
        while (ptn_ua_event(p->phones[i].ua, now(p), &ev))
            hear(p, &p->phones[i], &ev);
    return more;
}

/* Until both have been told so; false when it is `until` before. */
static bool wait_both(struct play *p, enum ptn_ua_event_kind kind, ptn_time until)
{
    const struct phone *a = &p->phones[PTN_CALLER], *b = &p->phones[PTN_CALLED];

    while (!(a->events[kind] && b->events[kind]))
        if (a->events[PTN_UA_ENDED] > (kind == PTN_UA_ENDED) || !step(p, until))
            break;
    return a->events[kind] && b->events[kind];
}

static void run(struct play *p, ptn_time until)
{
    while (step(p, until))
        ;
}

/* ---- the plot ---- */

static void look_at_call(struct play *p, struct phone *phone)
{
    struct ptn_call_end *end = phone->end;

    ptn_ua_status(phone->ua, now(p), &p->status);
    for (unsigned i = 0; i < p->status.call_count; i++) {
        const struct ptn_ua_call_status *call = &p->status.calls[i];
        if (call->id != phone->call || !call->has_stats)
            continue;
        end->stats = call->stats;
        end->relayed = call->relayed;
        end->media = call->rtp_remote;
        end->relay = call->relay.server;
        end->hears = call->stats.last_received != PTN_NEVER &&
                     now(p) - call->stats.last_received < SILENT_AFTER;
    }
}

static ptn_time end_of_talk(const struct play *p)
{
    const struct ptn_scenario *s = p->opts->scenario;
    ptn_time last = now(p);

    for (unsigned i = 0; i < s->event_count; i++)
        last = ptn_time_max(last, s->events[i].at);
    return last + p->opts->talk;
}

static const char *who_is_deaf(const struct play *p)
{
    bool caller = p->outcome.ends[PTN_CALLER].hears, called = p->outcome.ends[PTN_CALLED].hears;

    return caller && called ? NULL
           : caller         ? "the called one hears nothing"
           : called         ? "the caller hears nothing"
                            : "they do not hear each other";
}

/* NULL: they have heard each other to the end. */
static const char *play_call(struct play *p)
{
    struct phone *caller = &p->phones[PTN_CALLER];

    if (!wait_both(p, PTN_UA_REGISTERED, REGISTERED_MAX))
        return "not both of them could register";
    run(p, now(p) + SETTLE);
    p->outcome.dialled_at = now(p);
    tell(p, "%s: calls %s", caller->end->name, p->phones[PTN_CALLED].end->name);
    if (ptn_ua_dial(caller->ua, now(p), 0, p->phones[PTN_CALLED].end->name, &caller->call) !=
        PTN_OK)
        return "the call could not be made";
    ptn_sim_wake(p->v.sim, caller->number);
    if (!wait_both(p, PTN_UA_ANSWERED, now(p) + UP_MAX))
        return "the call did not come about";
    run(p, end_of_talk(p));
    for (unsigned i = 0; i < PTN_ENDS; i++)
        look_at_call(p, &p->phones[i]);
    if (ptn_ua_hang_up(caller->ua, now(p), caller->call))
        ptn_sim_wake(p->v.sim, caller->number);
    bool over = wait_both(p, PTN_UA_ENDED, now(p) + OVER_MAX);
    const char *deaf = who_is_deaf(p);
    return deaf || over ? deaf : "the call could not be ended at both sides";
}

static void end_phones(struct play *p)
{
    for (unsigned i = 0; i < PTN_ENDS; i++) {
        struct phone *phone = &p->phones[i];
        take_contact(p, phone);
        snprintf(phone->end->nat, sizeof phone->end->nat, "%s", p->status.nat_type);
    }
}

static enum ptn_lab_exit play(struct play *p)
{
    int registrar = ptn_virtual_host(p->opts, p->opts->registrar, "the registrar", "--registrar");

    if (registrar == PTN_SCENARIO_NONE)
        return PTN_LAB_USAGE;
    p->family = has_family(p, (unsigned)registrar, PTN_IPV4) ? PTN_IPV4 : PTN_IPV6;
    if (!has_family(p, (unsigned)registrar, p->family)) {
        fprintf(stderr,
                "postern-lab: %s: the phones, the server and the registrar have no family "
                "of addresses in common\n",
                p->opts->scenario->file);
        return PTN_LAB_USAGE;
    }
    enum ptn_err err = add_registrar(p, (unsigned)registrar);
    for (unsigned i = 0; i < PTN_ENDS && !err; i++)
        err = add_phone(p, (unsigned)registrar, i);
    if (err)
        return ptn_virtual_refuse("simulate", err);
    p->outcome.failure = play_call(p);
    end_phones(p);
    if (p->opts->json)
        ptn_call_print_json(&p->outcome, p->opts);
    else
        ptn_call_print(&p->outcome);
    return p->outcome.failure ? PTN_LAB_SURPRISE : PTN_LAB_AS_EXPECTED;
}

static bool find_phones(struct play *p)
{
    const char *names[PTN_ENDS] = {p->opts->caller, p->opts->called};

    for (unsigned i = 0; i < PTN_ENDS; i++) {
        int host = ptn_virtual_host(p->opts, names[i], "a phone", "--call");
        if (host == PTN_SCENARIO_NONE)
            return false;
        p->outcome.ends[i] = (struct ptn_call_end){.name = names[i], .registered_at = PTN_NEVER};
        p->phones[i] = (struct phone){.end = &p->outcome.ends[i], .host = (unsigned)host};
    }
    return true;
}

enum ptn_lab_exit ptn_simulate_call(const struct ptn_simulate_opts *opts)
{
    struct play *p = calloc(1, sizeof *p);

    if (!p)
        return ptn_virtual_refuse("simulate", PTN_ERR_NO_MEMORY);
    p->opts = opts;
    p->outcome.dialled_at = p->outcome.rang_at = p->outcome.over_at = PTN_NEVER;
    enum ptn_lab_exit result =
        find_phones(p) ? ptn_virtual_open(&p->v, opts, opts->turn) : PTN_LAB_USAGE;
    if (result == PTN_LAB_AS_EXPECTED) {
        if (!opts->json)
            printf("%s, seed %llu\n", opts->scenario->file, (unsigned long long)opts->seed);
        result = play(p);
    }
    result = ptn_virtual_close(&p->v, result);
    for (unsigned i = 0; i < PTN_ENDS; i++)
        ptn_ua_free(p->phones[i].ua);
    ptn_registrar_free(p->registrar);
    free(p);
    return result;
}
