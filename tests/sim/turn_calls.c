/*
 * tests/sim/turn_calls.c - stories of calls whose sound takes the way by a TURN server, and of
 * those that do not need it.
 */
#include "homes.h"
#include "support/test.h"

static struct homes h;

enum { KINDS = 5, SYMMETRIC = 4 };
static const char *const kinds[KINDS] = {NULL, "full-cone", "address-restricted",
                                         "port-restricted ports random", "symmetric ports random"};

static void open_homes(const char *alice, const char *bob)
{
    homes_open(&h, &(struct homes_opts){.seed = 1, .nat = {alice, bob}, .turn = true});
    CHECK(homes_register(&h, PTN_S(5)));
    homes_run(&h, PTN_S(1));
}

static void both_hear(void)
{
    CHECK(homes_hears(&h, ALICE));
    CHECK(homes_hears(&h, BOB));
}

static struct ptn_relay_now at_server(void)
{
    return ptn_relay_now(h.stun);
}

TEST(every_pair_of_nats_has_sound_and_only_who_is_behind_a_symmetric_one_is_relayed)
{
    unsigned relayed = 0;

    for (unsigned a = 0; a < KINDS; a++)
        for (unsigned b = 0; b < KINDS; b++) {
            open_homes(kinds[a], kinds[b]);
            CHECK(homes_call(&h));
            homes_run(&h, PTN_S(3));
            print_message("# %s and %s\n", kinds[a] ? kinds[a] : "none",
                          kinds[b] ? kinds[b] : "none");
            both_hear();
            CHECK_EQ(a == SYMMETRIC, homes_is_relayed(&h, ALICE));
            CHECK_EQ(b == SYMMETRIC, homes_is_relayed(&h, BOB));
            relayed += homes_is_relayed(&h, ALICE) || homes_is_relayed(&h, BOB);
            /* Nobody holds what he does not need. */
            CHECK_EQ(4 * ((a == SYMMETRIC) + (b == SYMMETRIC)), at_server().allocations);
            CHECK(homes_hang_up(&h, (a + b) % 2));
            homes_close(&h);
        }
    print_message("# %u of 25 pairs were relayed\n", relayed);
    CHECK_EQ(9, relayed);
}

static void first_is_dead(struct ptn_ua_opts *opts, unsigned phone)
{
    (void)phone;
    opts->turn.servers[1] = opts->turn.servers[0];
    opts->turn.servers[0].name = "203.0.113.99";
    opts->turn.server_count = 2;
}

TEST(the_second_server_is_found_behind_a_dead_one_and_asked_first_from_then_on)
{
    homes_open(&h, &(struct homes_opts){.seed = 1,
                                        .nat = {"symmetric", "symmetric"},
                                        .turn = true,
                                        .change = first_is_dead});
    CHECK(homes_register(&h, PTN_S(5)));
    homes_run(&h, PTN_S(6));
    CHECK_EQ(4, at_server().allocations);
    for (unsigned i = 0; i < 3; i++) {
        CHECK(homes_call(&h));
        homes_run(&h, PTN_MS(1500));
        both_hear();
        CHECK_EQ(8, at_server().allocations); /* the next pairs' are there already */
        CHECK(homes_hang_up(&h, ALICE));
    }
    homes_close(&h);
}

TEST(a_relayed_call_is_set_up_as_fast_as_a_direct_one)
{
    ptn_time took[2];

    for (unsigned i = 0; i < 2; i++) {
        open_homes(i ? kinds[SYMMETRIC] : "full-cone", i ? kinds[SYMMETRIC] : "full-cone");
        ptn_time dialled = ptn_sim_now(h.w);
        CHECK(homes_call(&h));
        took[i] = ptn_sim_now(h.w) - dialled;
        homes_close(&h);
    }
    print_message("# %d ms direct, %d ms relayed\n", (int)ptn_time_ms(took[0]),
                  (int)ptn_time_ms(took[1]));
    CHECK(took[1] <= took[0] + PTN_MS(10));
}

static void wrong_password(struct ptn_ua_opts *opts, unsigned phone)
{
    (void)phone;
    opts->turn.password = "forgotten";
}

TEST(a_turn_server_that_gives_nothing_delays_no_call_by_300_ms)
{
    for (unsigned i = 0; i < 2; i++) {
        homes_open(&h, &(struct homes_opts){.seed = 1,
                                            .nat = {"symmetric", NULL},
                                            .turn = true,
                                            .no_stun = i == 0,
                                            .change = i == 0 ? NULL : wrong_password});
        CHECK(homes_register(&h, PTN_S(5)));
        homes_run(&h, PTN_S(1));
        ptn_time dialled = ptn_sim_now(h.w);
        CHECK(homes_call(&h));
        CHECK(ptn_sim_now(h.w) - dialled < PTN_MS(1000 + 300 + 250));
        homes_run(&h, PTN_S(5));
        both_hear(); /* who has no NAT is reached, and follows where the sound comes from */
        CHECK(!homes_is_relayed(&h, ALICE));
        homes_close(&h);
    }
}

TEST(a_nat_that_reboots_in_a_relayed_call_costs_two_seconds_of_sound)
{
    open_homes(kinds[SYMMETRIC], kinds[SYMMETRIC]);
    CHECK(homes_call(&h));
    homes_run(&h, PTN_S(5));
    homes_happen(&h, "reboot nat-a");
    homes_run(&h, PTN_S(3));
    both_hear();
    homes_run(&h, PTN_S(30));
    both_hear();
    CHECK(homes_stats(&h, ALICE).gap_max < PTN_S(3));
    CHECK(homes_stats(&h, BOB).gap_max < PTN_S(3));
    CHECK(homes_hang_up(&h, BOB));
    homes_close(&h);
}

TEST(a_nat_with_a_new_address_in_a_relayed_call_is_followed)
{
    open_homes(kinds[SYMMETRIC], "port-restricted");
    CHECK(homes_call(&h));
    homes_run(&h, PTN_S(5));
    homes_happen(&h, "address nat-a 203.0.113.77");
    homes_run(&h, PTN_S(5));
    both_hear();
    /* And so is a far end whose address changes: it is permitted anew. */
    homes_happen(&h, "address nat-b 203.0.113.88");
    homes_run(&h, PTN_S(5));
    both_hear();
    homes_close(&h);
}

TEST(a_relayed_call_goes_on_for_an_hour)
{
    open_homes(kinds[SYMMETRIC], "symmetric ports random timeout 30s");
    CHECK(homes_call(&h));
    homes_run(&h, PTN_S(3600));
    both_hear();
    CHECK(homes_stats(&h, ALICE).gap_max < PTN_MS(200));
    CHECK(homes_stats(&h, BOB).gap_max < PTN_MS(200));
    CHECK_EQ(8, at_server().begun);
    homes_close(&h);
}

TEST(what_is_lent_is_given_back_when_the_phone_ends)
{
    open_homes(kinds[SYMMETRIC], kinds[SYMMETRIC]);
    CHECK(homes_call(&h));
    homes_run(&h, PTN_S(1));
    CHECK_EQ(8, at_server().allocations); /* RTP and RTCP, of the call and of the next one */
    CHECK(homes_hang_up(&h, ALICE));
    homes_run(&h, PTN_S(2));
    CHECK_EQ(4, at_server().allocations);
    for (unsigned i = 0; i < HOMES; i++) {
        ptn_ua_stop(h.phones[i].ua, ptn_sim_now(h.w));
        homes_wake(&h, i);
        CHECK(homes_wait(&h, i, PTN_UA_STOPPED, 1, PTN_S(4)));
    }
    CHECK_EQ(0, at_server().allocations);
    CHECK_EQ(at_server().begun, at_server().ended[PTN_RELAY_END_RELEASED]);
    homes_close(&h);
}

TEST(twenty_relayed_calls_in_a_row_each_have_sound_and_leave_nothing_behind)
{
    open_homes(kinds[SYMMETRIC], kinds[SYMMETRIC]);
    for (unsigned i = 0; i < 20; i++) {
        CHECK(homes_call(&h));
        homes_run(&h, PTN_S(2));
        both_hear();
        CHECK(homes_hang_up(&h, i % 2));
    }
    homes_run(&h, PTN_S(5));
    CHECK_EQ(4, at_server().allocations);
    homes_close(&h);
}

TEST(hold_and_resume_keep_the_way)
{
    open_homes(kinds[SYMMETRIC], kinds[SYMMETRIC]);
    CHECK(homes_call(&h));
    homes_run(&h, PTN_S(2));
    CHECK(ptn_ua_hold(h.phones[ALICE].ua, ptn_sim_now(h.w), h.phones[ALICE].call, true));
    homes_wake(&h, ALICE);
    homes_run(&h, PTN_S(400)); /* longer than a permission lasts */
    CHECK(!homes_hears(&h, BOB));
    CHECK(ptn_ua_hold(h.phones[ALICE].ua, ptn_sim_now(h.w), h.phones[ALICE].call, false));
    homes_wake(&h, ALICE);
    homes_run(&h, PTN_S(2));
    both_hear();
    CHECK(homes_is_relayed(&h, ALICE) && homes_is_relayed(&h, BOB));
    homes_close(&h);
}

TEST(where_udp_is_blocked_sound_goes_by_tcp)
{
    homes_open(&h, &(struct homes_opts){.seed = 1,
                                        .nat = {"port-restricted", "port-restricted blocks udp"},
                                        .turn = true});
    /* Bob's SIP is by UDP here, so he is not registered; his sound's sockets do without. */
    homes_run(&h, PTN_S(30));
    CHECK_EQ(2, at_server().allocations);
    CHECK(at_server().connections >= 2);
    homes_close(&h);
}

static void always(struct ptn_ua_opts *opts, unsigned phone)
{
    opts->turn.always = phone == ALICE;
}

TEST(who_wants_it_always_has_it_always_and_the_far_end_only_if_it_wants_it_too)
{
    homes_open(&h, &(struct homes_opts){.seed = 1, .turn = true, .change = always});
    CHECK(homes_register(&h, PTN_S(5)));
    homes_run(&h, PTN_S(1));
    CHECK(homes_call(&h));
    homes_run(&h, PTN_S(3));
    both_hear();
    CHECK(homes_is_relayed(&h, ALICE));
    CHECK(!homes_is_relayed(&h, BOB));
    homes_close(&h);
}

static void bob_has_none(struct ptn_ua_opts *opts, unsigned phone)
{
    if (phone == BOB)
        opts->turn.server_count = 0;
}

/* STUN gets through each of these NATs with anybody else; a phone without TURN is behind the other.
 */
TEST(a_far_end_behind_a_symmetric_nat_and_without_turn_is_heard_by_ours)
{
    for (unsigned kind = 0; kind < SYMMETRIC; kind++) {
        homes_open(&h, &(struct homes_opts){.seed = 1,
                                            .nat = {kinds[kind], kinds[SYMMETRIC]},
                                            .turn = true,
                                            .change = bob_has_none});
        CHECK(homes_register(&h, PTN_S(5)));
        homes_run(&h, PTN_S(1));
        CHECK(homes_call(&h));
        homes_run(&h, PTN_S(5));
        both_hear();
        /* Only who is let in by nobody else's address takes the long way. */
        CHECK_EQ(kind == SYMMETRIC - 1, homes_is_relayed(&h, ALICE));
        homes_close(&h);
    }
}
