/*
 * tests/sim/faults.c - what stories of faults have shown, each told by itself.
 */
#include <stdlib.h>

#include "stage.h"
#include "support/test.h"

static struct stage st;

static void log_line(void *self, enum ptn_log_level level, const char *line)
{
    (void)self, (void)level;
    if (getenv("SIM_LOG"))
        print_message("# %9.3f %s\n", st.w ? (double)ptn_sim_now(st.w) / 1e9 : 0, line);
}

static const struct ptn_log log_of_phone = {log_line, NULL, PTN_LOG_DEBUG};

static const struct stage_opts PLAIN = {
    .seed = 1,
    .transport = PTN_UDP,
    .server_count = 1,
    .nat = "port-restricted ports random",
    .link = "delay 20ms",
    .lease_s = 600,
    .ttl_s = 10,
    .log = &log_of_phone,
};

static void begin(struct stage_opts opts)
{
    stage_open(&st, &opts);
    CHECK(stage_wait(&st, STAGE_PHONE, PTN_UA_REGISTERED, 1, PTN_S(5)));
    stage_run(&st, PTN_S(10));
}

static void happen(const char *event, ptn_time then)
{
    stage_happen(&st, event);
    stage_run(&st, ptn_sim_now(st.w) + then);
}

static void end(void)
{
    unsigned server;

    if (st.people[STAGE_PHONE].skin.private_shown > 0)
        print_message("# %s\n", st.people[STAGE_PHONE].skin.shown);
    CHECK_EQ(0, st.people[STAGE_PHONE].skin.private_shown);
    CHECK(stage_is_registered(&st, &server));
    CHECK(stage_call(&st, STAGE_CALLER, server, ptn_sim_now(st.w) + PTN_S(5)));
    CHECK(stage_talk(&st, ptn_sim_now(st.w) + PTN_S(2)));
    stage_close(&st);
}

TEST(what_was_written_for_a_neighbour_is_not_sent_on_to_a_public_server)
{
    struct stage_opts opts = PLAIN;

    opts.ttl_s = 158;
    begin(opts);
    /* The server dies, and the name server of a captive portal says that everything is itself. */
    happen("down rack-1", 0);
    happen("dns dns lies 192.168.1.1", PTN_S(80));
    happen("dns dns answers", PTN_S(60));
    happen("up rack-1", PTN_S(60));
    end();
}

TEST(two_dead_servers_that_see_the_phone_differently_are_not_asked_all_the_time)
{
    struct stage_opts opts = PLAIN;
    const struct skin *skin = &st.people[STAGE_PHONE].skin;

    /* Each is told another contact; and both hosts say at once that nobody listens. */
    opts.nat = "symmetric";
    opts.server_count = 2;
    opts.by_settings = true;
    begin(opts);
    stage_kill(&st, 0);
    stage_run(&st, ptn_sim_now(st.w) + PTN_S(120));
    stage_kill(&st, 1);
    stage_run(&st, ptn_sim_now(st.w) + PTN_S(300));
    print_message("# %u in a minute\n", skin_registers_within(skin, PTN_S(60)));
    CHECK(skin_registers_within(skin, PTN_S(60)) <= 16);
    stage_revive(&st, 1, false);
    stage_run(&st, ptn_sim_now(st.w) + PTN_S(60));
    end();
}

TEST(a_call_tells_its_new_address_only_once_the_outside_of_it_is_known)
{
    struct stage_opts opts = PLAIN;
    unsigned server;

    opts.no_stun = true;
    begin(opts);
    CHECK(stage_is_registered(&st, &server));
    CHECK(stage_call(&st, STAGE_CALLER, server, ptn_sim_now(st.w) + PTN_S(5)));
    happen("down home", PTN_S(1));
    happen("address phone 192.168.1.77", PTN_S(12));
    happen("up home", PTN_S(5));
    CHECK(stage_talk(&st, ptn_sim_now(st.w) + PTN_S(2)));
    stage_hang_up(&st, STAGE_CALLER);
    end();
}

/* The caller's INVITE comes before, while and after the phone learns what its new address looks
 * like from outside, by STUN or by what its server says; outside it looks like the old one. */
static void is_called_at_its_new_address(bool no_stun)
{
    struct stage_opts opts = PLAIN;
    unsigned server;

    opts.nat = "full-cone ports preserve";
    opts.no_stun = no_stun;
    for (ptn_time ago = 0; ago <= PTN_MS(200); ago += PTN_MS(10)) {
        begin(opts);
        CHECK(stage_is_registered(&st, &server));
        happen("reboot nat", 0);
        happen("address phone 192.168.1.77", ago);
        stage_call(&st, STAGE_CALLER, server, ptn_sim_now(st.w) + PTN_S(8));
        stage_hang_up(&st, STAGE_CALLER);
        stage_run(&st, ptn_sim_now(st.w) + PTN_S(10));
        end();
    }
}

TEST(who_calls_as_the_phone_moves_is_not_told_a_private_address)
{
    is_called_at_its_new_address(false);
    is_called_at_its_new_address(true);
}

TEST(a_server_that_is_cut_off_is_left_for_the_other_within_45_s)
{
    struct stage_opts opts = PLAIN;
    unsigned server;

    opts.server_count = 2;
    for (unsigned i = 0; i < 10; i++) {
        opts.by_settings = i % 2;
        begin(opts);
        stage_run(&st, ptn_sim_now(st.w) + PTN_S(5 * i));
        happen("down rack-1", 0);
        ptn_time until = ptn_sim_now(st.w) + PTN_S(45);
        do
            stage_run(&st, ptn_sim_now(st.w) + PTN_MS(100));
        while (ptn_sim_now(st.w) < until && (!stage_is_registered(&st, &server) || server != 1));
        CHECK(ptn_sim_now(st.w) < until);
        end();
    }
}

/* The phone is in a call by its second server when the first one is back, and goes home to that:
 * nobody but the call speaks to the second one from then on. */
static void begin_in_a_call_by_the_server_left(struct stage_opts opts)
{
    unsigned server;

    opts.server_count = 2;
    opts.by_settings = true;
    begin(opts);
    stage_kill(&st, 0);
    stage_run(&st, ptn_sim_now(st.w) + PTN_S(60));
    CHECK(stage_is_registered(&st, &server));
    CHECK_EQ(1, server);
    CHECK(stage_call(&st, STAGE_CALLER, server, ptn_sim_now(st.w) + PTN_S(5)));
    stage_revive(&st, 0, false);
    stage_run(&st, ptn_sim_now(st.w) + PTN_S(60));
    CHECK(stage_is_registered(&st, &server));
    CHECK_EQ(0, server);
}

static void is_hung_up_on(void)
{
    unsigned ended = st.people[STAGE_PHONE].is.events[PTN_UA_ENDED];

    CHECK(stage_talk(&st, ptn_sim_now(st.w) + PTN_S(2)));
    stage_hang_up(&st, STAGE_CALLER);
    CHECK(stage_wait(&st, STAGE_PHONE, PTN_UA_ENDED, ended + 1, ptn_sim_now(st.w) + PTN_S(2)));
    stage_run(&st, ptn_sim_now(st.w) + PTN_S(2));
    end();
}

TEST(a_call_by_a_server_that_was_left_is_reached_through_a_nat_that_forgets)
{
    static const char *const nats[] = {"port-restricted ports random timeout 30s",
                                       "symmetric ports random timeout 30s"};
    struct stage_opts opts = PLAIN;

    for (unsigned i = 0; i < 2; i++) {
        opts.nat = nats[i];
        begin_in_a_call_by_the_server_left(opts);
        stage_run(&st, ptn_sim_now(st.w) + PTN_S(300));
        is_hung_up_on();
    }
}

/* Who is behind a symmetric NAT speaks first from the new mapping, so it hears the other all the
 * time: what gives the NAT away is that one server sees another port. */
TEST(a_call_by_a_server_that_was_left_tells_it_of_a_nat_that_rebooted_and_was_not_heard_to)
{
    struct stage_opts opts = PLAIN;

    for (unsigned i = 0; i < 2; i++) {
        opts.nat = "symmetric ports random";
        opts.no_stun = i == 1;
        begin_in_a_call_by_the_server_left(opts);
        happen("reboot nat", opts.no_stun ? PTN_S(30) : PTN_S(25));
        is_hung_up_on();
    }
}
