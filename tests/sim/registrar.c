/*
 * tests/sim/registrar.c - SIP agents behind NATs register and call each other through the
 * simulator's registrar: the story that the registrar and the agent tell one language.
 */
#include "registrar/registrar.h"

#include <stdlib.h>

#include "sim/world.h"
#include "sip/sip.h"
#include "support/puppet.h"
#include "support/test.h"

static const char HOMES[] = "wire core 203.0.113.0/24 delay 10ms\n"
                            "wire home-a 192.168.1.0/24 delay 5ms\n"
                            "wire home-b 192.168.1.0/24 delay 5ms\n"
                            "nat nat-a full-cone inside home-a outside core 203.0.113.10\n"
                            "nat nat-b full-cone inside home-b outside core 203.0.113.20\n"
                            "host alice home-a 192.168.1.10\n"
                            "host bob home-b 192.168.1.10\n"
                            "host registrar core 203.0.113.7\n";

static const struct ptn_registrar_user USERS[] = {{"alice", "secret-a"}, {"bob", "secret-b"}};

/* A SIP agent and the last of what it said. */
struct phone {
    struct ptn_sip *sip;
    ptn_sim_machine number;
    ptn_sip_id account;
    struct ptn_sip_path path;
    unsigned events[PTN_SIP_ENDED + 1];
    ptn_sip_id call;
    unsigned status;
    enum ptn_sip_ended ended;
    struct ptn_addr heard; /* the far end's media address */
};

struct world {
    struct ptn_scenario *s;
    struct ptn_sim *w;
    struct ptn_registrar *r;
    struct phone alice, bob;
};

static void input(void *self, ptn_time now, const struct ptn_tell *tell)
{
    ptn_sip_input(self, now, tell);
}

static void tick(void *self, ptn_time now)
{
    ptn_sip_tick(self, now);
}

static bool output(void *self, ptn_time now, struct ptn_ask *ask)
{
    return ptn_sip_output(self, now, ask);
}

static ptn_time deadline(const void *self)
{
    return ptn_sip_deadline(self);
}

static void phone_start(struct world *w, struct phone *p, const char *name, const char *password,
                        enum ptn_transport transport, uint8_t outside)
{
    unsigned host = (unsigned)ptn_scenario_host(w->s, name);
    struct ptn_addr local = ptn_addr_v4(192, 168, 1, 10, 5060);

    CHECK_EQ(PTN_OK,
             ptn_sip_new(
                 &(struct ptn_sip_opts){.id_first = 1, .id_count = 100, .dice = ptn_sim_dice(w->w)},
                 &p->sip));
    p->path.socket = ptn_sip_listen(p->sip, 0, transport, &local);
    p->path.contact = ptn_addr_v4(203, 0, 113, outside, 5060);
    struct ptn_sip_account account = {.user = name,
                                      .domain = "example.test",
                                      .password = password,
                                      .server = {"203.0.113.7", 5060, transport},
                                      .registers = true};
    CHECK_EQ(PTN_OK, ptn_sip_account_add(p->sip, 0, &account, &p->account));
    ptn_sip_account_use(p->sip, 0, p->account, &p->path);
    CHECK_EQ(PTN_OK,
             ptn_sim_add(w->w, host, &(struct ptn_machine){p->sip, input, tick, output, deadline},
                         &p->number));
}

static struct world world_open(const char *text, uint64_t seed, struct ptn_registrar_opts opts,
                               enum ptn_transport transport)
{
    struct world w = {.s = puppet_scenario(text)};
    ptn_sim_machine number;

    w.w = puppet_world(w.s, seed);
    opts.locals[0] = ptn_addr_v4(203, 0, 113, 7, 5060);
    opts.local_count = 1;
    opts.domain = "example.test";
    opts.users = USERS;
    opts.user_count = 2;
    opts.dice = ptn_sim_dice(w.w);
    w.r = ptn_registrar_new(&opts);
    struct ptn_machine machine = ptn_registrar_machine(w.r);
    CHECK_EQ(PTN_OK,
             ptn_sim_add(w.w, (unsigned)ptn_scenario_host(w.s, "registrar"), &machine, &number));
    phone_start(&w, &w.alice, "alice", "secret-a", transport, 10);
    phone_start(&w, &w.bob, "bob", "secret-b", transport, 20);
    return w;
}

static void world_close(struct world *w)
{
    ptn_sim_free(w->w);
    ptn_registrar_free(w->r);
    ptn_sip_free(w->alice.sip);
    ptn_sip_free(w->bob.sip);
    ptn_scenario_free(w->s);
}

static void take_events(struct phone *p)
{
    struct ptn_sip_event ev;

    while (ptn_sip_event(p->sip, &ev)) {
        p->events[ev.kind]++;
        if (ev.call)
            p->call = ev.call;
        if (ev.status)
            p->status = ev.status;
        if (ev.kind == PTN_SIP_ENDED)
            p->ended = ev.ended;
        if (ev.sdp && ev.sdp->media_count > 0)
            p->heard = ev.sdp->media[0].rtp;
    }
}

static void run(struct world *w, ptn_time span)
{
    ptn_time until = ptn_sim_now(w->w) + span;

    while (ptn_sim_step(w->w, until, NULL)) {
        take_events(&w->alice);
        take_events(&w->bob);
    }
}

static void wake(struct world *w, struct phone *p)
{
    ptn_sim_wake(w->w, p->number);
    take_events(p);
}

static struct ptn_sdp description(uint8_t outside)
{
    struct ptn_addr rtp = ptn_addr_v4(203, 0, 113, outside, 4000);

    return (struct ptn_sdp){
        .id = 1,
        .version = 1,
        .owner = rtp,
        .media_count = 1,
        .media =
            {{.kind = "audio",
              .proto = "RTP/AVP",
              .rtp = rtp,
              .rtcp = ptn_addr_with_port(rtp, 4001),
              .codec_count = 1,
              .codecs = {{.payload_type = 0, .channels = 1, .rate_hz = 8000, .name = "PCMU"}}}},
    };
}

static void call_bob(struct world *w)
{
    struct ptn_sdp offer = description(10);

    CHECK_EQ(PTN_OK, ptn_sip_call(w->alice.sip, ptn_sim_now(w->w), w->alice.account, "bob", NULL,
                                  &offer, &w->alice.call));
    wake(w, &w->alice);
}

static void bob_answers(struct world *w)
{
    struct ptn_sdp answer = description(20);

    ptn_sip_call_accept(w->bob.sip, ptn_sim_now(w->w), w->bob.call, NULL, &answer);
    wake(w, &w->bob);
}

static void hang_up(struct world *w, struct phone *p)
{
    ptn_sip_call_hang_up(p->sip, ptn_sim_now(w->w), p->call);
    wake(w, p);
}

TEST(both_register_with_digest_and_withdraw_it)
{
    static const enum ptn_digest algorithms[] = {PTN_MD5, PTN_SHA256};

    for (unsigned i = 0; i < 2; i++) {
        struct world w =
            world_open(HOMES, 1, (struct ptn_registrar_opts){.algorithm = algorithms[i]}, PTN_UDP);
        run(&w, PTN_S(2));
        CHECK_EQ(1, w.alice.events[PTN_SIP_REGISTERED]);
        CHECK_EQ(1, w.bob.events[PTN_SIP_REGISTERED]);
        CHECK_EQ(2, ptn_registrar_count(w.r, PTN_REGISTRAR_CHALLENGED));
        const struct ptn_registrar_binding *b =
            ptn_registrar_binding(w.r, "alice", ptn_sim_now(w.w));
        CHECK(b);
        CHECK(strstr(b->contact, "203.0.113.10:5060"));
        CHECK_ADDR(&w.alice.path.contact, &b->source);
        CHECK(!ptn_registrar_binding(w.r, "alice", PTN_S(4000)));

        ptn_sip_unregister(w.alice.sip, ptn_sim_now(w.w), w.alice.account);
        wake(&w, &w.alice);
        run(&w, PTN_S(2));
        CHECK_EQ(1, w.alice.events[PTN_SIP_UNREGISTERED]);
        CHECK(!ptn_registrar_binding(w.r, "alice", ptn_sim_now(w.w)));
        CHECK(ptn_registrar_binding(w.r, "bob", ptn_sim_now(w.w)));
        world_close(&w);
    }
}

TEST(a_wrong_password_is_refused_and_binds_nothing)
{
    static const struct ptn_registrar_user others[] = {{"alice", "another"}, {"bob", "secret-b"}};
    struct world w = world_open(HOMES, 1, (struct ptn_registrar_opts){0}, PTN_UDP);

    ptn_registrar_set_users(w.r, others, 2);
    run(&w, PTN_S(1));
    CHECK_EQ(0, w.alice.events[PTN_SIP_REGISTERED]);
    CHECK(w.alice.events[PTN_SIP_REGISTER_FAILED] > 0);
    CHECK(!ptn_registrar_binding(w.r, "alice", ptn_sim_now(w.w)));
    CHECK_EQ(1, w.bob.events[PTN_SIP_REGISTERED]);
    world_close(&w);
}

TEST(a_stale_nonce_is_replaced_without_asking_for_the_password_again)
{
    struct world w = world_open(
        HOMES, 1, (struct ptn_registrar_opts){.nonce_lifetime = PTN_S(10), .expires_max_s = 60},
        PTN_UDP);

    run(&w, PTN_S(300));
    CHECK(w.alice.events[PTN_SIP_REGISTERED] >= 4);
    CHECK_EQ(0, w.alice.events[PTN_SIP_REGISTER_FAILED]);
    CHECK(ptn_registrar_binding(w.r, "alice", ptn_sim_now(w.w)));
    world_close(&w);
}

static void check_call(struct world *w)
{
    run(w, PTN_S(10));
    call_bob(w);
    run(w, PTN_S(8));
    CHECK_EQ(1, w->bob.events[PTN_SIP_INCOMING]);
    CHECK_ADDR(&(struct ptn_addr[]){ptn_addr_v4(203, 0, 113, 10, 4000)}[0], &w->bob.heard);
    bob_answers(w);
    run(w, PTN_S(10));
    CHECK_EQ(1, w->alice.events[PTN_SIP_ANSWERED]);
    CHECK_EQ(1, w->bob.events[PTN_SIP_ACKED]);
    CHECK_ADDR(&(struct ptn_addr[]){ptn_addr_v4(203, 0, 113, 20, 4000)}[0], &w->alice.heard);
    hang_up(w, &w->bob); /* through the route that the INVITE recorded */
    run(w, PTN_S(40));
    CHECK_EQ(1, w->alice.events[PTN_SIP_ENDED]);
    CHECK_EQ(PTN_SIP_ENDED_BY_PEER, w->alice.ended);
    CHECK_EQ(1, w->bob.events[PTN_SIP_ENDED]);
    CHECK_EQ(0, ptn_registrar_count(w->r, PTN_REGISTRAR_DROPPED));
}

TEST(a_challenged_call_is_made_answered_and_ended)
{
    struct world w =
        world_open(HOMES, 1, (struct ptn_registrar_opts){.challenges_calls = true}, PTN_UDP);

    check_call(&w);
    CHECK_EQ(3, ptn_registrar_count(w.r, PTN_REGISTRAR_CHALLENGED));
    world_close(&w);
}

TEST(calls_are_made_through_loss_as_well)
{
    for (uint64_t seed = 1; seed <= 50; seed++) {
        struct world w =
            world_open(HOMES, seed, (struct ptn_registrar_opts){.challenges_calls = true}, PTN_UDP);
        print_message("# seed %u\n", (unsigned)seed);
        puppet_event(w.w, w.s, "0s link core loss 5% duplicate 3%");
        check_call(&w);
        world_close(&w);
    }
}

TEST(over_tcp_phones_are_reached_by_the_connections_they_made)
{
    static const char symmetric[] = "wire core 203.0.113.0/24 delay 10ms\n"
                                    "wire home-a 192.168.1.0/24 delay 5ms\n"
                                    "wire home-b 192.168.1.0/24 delay 5ms\n"
                                    "nat nat-a symmetric inside home-a outside core 203.0.113.10\n"
                                    "nat nat-b symmetric inside home-b outside core 203.0.113.20\n"
                                    "host alice home-a 192.168.1.10\n"
                                    "host bob home-b 192.168.1.10\n"
                                    "host registrar core 203.0.113.7\n";
    struct world w =
        world_open(symmetric, 1, (struct ptn_registrar_opts){.challenges_calls = true}, PTN_TCP);

    check_call(&w);
    CHECK_EQ(PTN_TCP, ptn_registrar_binding(w.r, "bob", ptn_sim_now(w.w))->transport);
    world_close(&w);
}

TEST(a_call_is_cancelled_before_it_is_answered)
{
    struct world w = world_open(HOMES, 1, (struct ptn_registrar_opts){0}, PTN_UDP);

    run(&w, PTN_S(2));
    call_bob(&w);
    run(&w, PTN_MS(200));
    ptn_sip_call_progress(w.bob.sip, ptn_sim_now(w.w), w.bob.call, 180, NULL, NULL);
    wake(&w, &w.bob);
    run(&w, PTN_S(1));
    CHECK_EQ(1, w.alice.events[PTN_SIP_PROGRESS]);
    hang_up(&w, &w.alice);
    run(&w, PTN_S(40));
    CHECK_EQ(1, w.bob.events[PTN_SIP_ENDED]);
    CHECK_EQ(PTN_SIP_ENDED_BY_PEER, w.bob.ended);
    CHECK_EQ(1, w.alice.events[PTN_SIP_ENDED]);
    CHECK_EQ(0, ptn_registrar_count(w.r, PTN_REGISTRAR_DROPPED));
    world_close(&w);
}

TEST(who_is_unknown_or_absent_cannot_be_called)
{
    struct world w = world_open(HOMES, 1, (struct ptn_registrar_opts){0}, PTN_UDP);
    struct ptn_sdp offer = description(10);

    run(&w, PTN_S(2));
    CHECK_EQ(PTN_OK, ptn_sip_call(w.alice.sip, ptn_sim_now(w.w), w.alice.account, "carol", NULL,
                                  &offer, &w.alice.call));
    wake(&w, &w.alice);
    run(&w, PTN_S(1));
    CHECK_EQ(1, w.alice.events[PTN_SIP_ENDED]);
    CHECK_EQ(404, w.alice.status);
    ptn_sip_unregister(w.bob.sip, ptn_sim_now(w.w), w.bob.account);
    wake(&w, &w.bob);
    run(&w, PTN_S(1));
    call_bob(&w);
    run(&w, PTN_S(1));
    CHECK_EQ(2, w.alice.events[PTN_SIP_ENDED]);
    CHECK_EQ(480, w.alice.status);
    world_close(&w);
}
