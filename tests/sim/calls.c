/*
 * tests/sim/calls.c - stories of calls between two homes in which something goes wrong.
 */
#include "homes.h"
#include "support/test.h"

static struct homes h;

static void open_homes(const char *alice, const char *bob)
{
    homes_open(&h, &(struct homes_opts){.seed = 1, .nat = {alice, bob}});
    CHECK(homes_register(&h, PTN_S(5)));
    homes_run(&h, PTN_S(1));
}

static void both_hear(void)
{
    CHECK(homes_hears(&h, ALICE));
    CHECK(homes_hears(&h, BOB));
}

static ptn_time set_up(bool no_stun)
{
    homes_open(
        &h, &(struct homes_opts){.seed = 1, .nat = {"full-cone", "full-cone"}, .no_stun = no_stun});
    CHECK(homes_register(&h, PTN_S(5)));
    homes_run(&h, PTN_S(1));
    ptn_time dialled = ptn_sim_now(h.w);
    CHECK(homes_call(&h));
    ptn_time took = ptn_sim_now(h.w) - dialled;
    homes_run(&h, PTN_S(3));
    both_hear();
    homes_close(&h);
    return took;
}

TEST(a_silent_stun_server_delays_no_call_by_300_ms)
{
    ptn_time with = set_up(false), without = set_up(true);

    print_message("# %d ms with it, %d ms without\n", (int)ptn_time_ms(with),
                  (int)ptn_time_ms(without));
    CHECK(without < with + PTN_MS(300));
}

TEST(behind_a_symmetric_nat_one_is_heard_by_who_has_none)
{
    open_homes("symmetric", NULL);
    CHECK(homes_call(&h));
    homes_run(&h, PTN_S(5));
    both_hear();
    homes_close(&h);
}

TEST(a_nat_that_reboots_in_a_call_is_crossed_again)
{
    open_homes("port-restricted", "port-restricted");
    CHECK(homes_call(&h));
    homes_run(&h, PTN_S(5));
    both_hear();
    homes_happen(&h, "reboot nat-a");
    homes_run(&h, PTN_S(3));
    both_hear();
    CHECK(homes_hang_up(&h, BOB));
    homes_close(&h);
}

TEST(a_link_that_is_down_for_three_seconds_does_not_end_a_call)
{
    open_homes("port-restricted", "address-restricted");
    CHECK(homes_call(&h));
    homes_run(&h, PTN_S(5));
    homes_happen(&h, "down home-a");
    homes_run(&h, PTN_S(3));
    CHECK(!homes_hears(&h, ALICE));
    homes_happen(&h, "up home-a");
    homes_run(&h, PTN_S(1));
    both_hear();
    homes_close(&h);
}

TEST(after_a_day_behind_nats_that_forget_in_30_s_the_phone_still_rings)
{
    open_homes("port-restricted timeout 30s", "port-restricted timeout 30s");
    homes_run(&h, PTN_S(24 * 3600));
    CHECK(homes_call(&h));
    homes_run(&h, PTN_S(3));
    both_hear();
    CHECK(homes_hang_up(&h, ALICE));
    homes_close(&h);
}

TEST(a_rebooted_nat_lets_the_next_call_in_within_a_minute)
{
    open_homes("port-restricted", "port-restricted ports random");
    homes_happen(&h, "reboot nat-b");
    homes_run(&h, PTN_S(60));
    CHECK(homes_call(&h));
    homes_run(&h, PTN_S(3));
    both_hear();
    homes_close(&h);
}

TEST(a_new_public_address_is_found_within_a_minute)
{
    open_homes("port-restricted", "port-restricted");
    homes_happen(&h, "address nat-b 203.0.113.99");
    homes_run(&h, PTN_S(60));
    CHECK(homes_call(&h));
    homes_run(&h, PTN_S(3));
    both_hear();
    homes_close(&h);
}

TEST(calls_follow_one_another_and_leave_nothing_behind)
{
    open_homes("full-cone", "port-restricted");
    for (unsigned i = 0; i < 20; i++) {
        CHECK(homes_call(&h));
        homes_run(&h, PTN_S(2));
        both_hear();
        CHECK(homes_hang_up(&h, i % 2));
        homes_run(&h, PTN_S(1));
    }
    homes_run(&h, PTN_S(60));
    CHECK_EQ(20, h.phones[ALICE].events[PTN_UA_ENDED]);
    CHECK_EQ(20, h.phones[BOB].events[PTN_UA_ENDED]);
    homes_close(&h);
}
