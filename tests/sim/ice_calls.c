/*
 * tests/sim/ice_calls.c - stories of calls between phones that use ICE, and with phones that do
 * not.
 */
#include <string.h>

#include "homes.h"
#include "support/test.h"

static struct homes h;

enum { KINDS = 5, PORT_RESTRICTED = 3, SYMMETRIC = 4 };
static const char *const kinds[KINDS] = {NULL, "full-cone", "address-restricted",
                                         "port-restricted ports random", "symmetric ports random"};

static void with_ice(struct ptn_ua_opts *opts, unsigned phone)
{
    (void)phone;
    opts->ice = true;
}

static void only_alice(struct ptn_ua_opts *opts, unsigned phone)
{
    opts->ice = phone == ALICE;
}

static void only_bob(struct ptn_ua_opts *opts, unsigned phone)
{
    opts->ice = phone == BOB;
}

static void open_homes(const char *alice, const char *bob,
                       void (*change)(struct ptn_ua_opts *opts, unsigned phone))
{
    homes_open(
        &h, &(struct homes_opts){.seed = 1, .nat = {alice, bob}, .turn = true, .change = change});
    CHECK(homes_register(&h, PTN_S(5)));
    homes_run(&h, PTN_S(1));
}

static void both_hear(void)
{
    CHECK(homes_hears(&h, ALICE));
    CHECK(homes_hears(&h, BOB));
}

static bool goes(unsigned phone, const char *how)
{
    return strncmp(homes_way(&h, phone), how, strlen(how)) == 0;
}

TEST(sound_goes_directly_wherever_one_nat_lets_in_what_the_other_sends)
{
    for (unsigned a = 0; a < KINDS; a++)
        for (unsigned b = 0; b < KINDS; b++) {
            /* A symmetric NAT comes from another port than it told: who lets in by port cannot know
             * that, and two of them cannot meet. */
            bool relayed = (a == SYMMETRIC && b >= PORT_RESTRICTED) ||
                           (b == SYMMETRIC && a >= PORT_RESTRICTED);
            open_homes(kinds[a], kinds[b], with_ice);
            CHECK(homes_call(&h));
            homes_run(&h, PTN_S(4));
            both_hear();
            for (unsigned i = 0; i < HOMES; i++) {
                if (!goes(i, relayed ? "by relay" : "directly"))
                    print_error("# %s and %s: %s\n", kinds[a] ? kinds[a] : "none",
                                kinds[b] ? kinds[b] : "none", homes_way(&h, i));
                CHECK(goes(i, relayed ? "by relay" : "directly"));
            }
            CHECK(homes_hang_up(&h, (a + b) % 2));
            homes_close(&h);
        }
}

TEST(with_a_phone_that_does_not_speak_it_the_call_is_as_without)
{
    for (unsigned who = 0; who < 2; who++)
        for (unsigned a = 0; a < KINDS; a++) {
            open_homes(kinds[a], kinds[PORT_RESTRICTED], who ? only_bob : only_alice);
            CHECK(homes_call(&h));
            homes_run(&h, PTN_S(3));
            both_hear();
            for (unsigned i = 0; i < HOMES; i++)
                CHECK_STR("", homes_way(&h, i));
            CHECK(homes_hang_up(&h, ALICE));
            homes_close(&h);
        }
}

TEST(sound_is_there_within_half_a_second_of_the_answer)
{
    for (unsigned a = 1; a < KINDS; a++) {
        open_homes(kinds[a], kinds[a], with_ice);
        CHECK(homes_call(&h));
        homes_run(&h, PTN_MS(700));
        for (unsigned i = 0; i < HOMES; i++) {
            ptn_time answered = h.phones[i].at[PTN_UA_ANSWERED],
                     heard = h.phones[i].at[PTN_UA_HEARD];
            print_message("# %s: heard %d ms after the answer\n", kinds[a],
                          (int)ptn_time_ms(heard - answered));
            CHECK_EQ(1, h.phones[i].events[PTN_UA_HEARD]);
            CHECK(heard - answered < PTN_MS(500));
        }
        homes_close(&h);
    }
}

TEST(hold_and_resume_leave_the_way_as_it_is)
{
    open_homes(kinds[PORT_RESTRICTED], kinds[PORT_RESTRICTED], with_ice);
    CHECK(homes_call(&h));
    homes_run(&h, PTN_S(3));
    CHECK(ptn_ua_hold(h.phones[ALICE].ua, ptn_sim_now(h.w), h.phones[ALICE].call, true));
    homes_wake(&h, ALICE);
    homes_run(&h, PTN_S(60));
    CHECK(goes(ALICE, "directly") && goes(BOB, "directly"));
    CHECK(ptn_ua_hold(h.phones[ALICE].ua, ptn_sim_now(h.w), h.phones[ALICE].call, false));
    homes_wake(&h, ALICE);
    homes_run(&h, PTN_S(2));
    both_hear();
    CHECK(goes(ALICE, "directly") && goes(BOB, "directly"));
    homes_close(&h);
}

static void always_relayed(struct ptn_ua_opts *opts, unsigned phone)
{
    opts->ice = true;
    opts->turn.always = phone == ALICE;
}

TEST(who_wants_the_relay_always_is_never_reached_directly_even_in_his_own_street)
{
    open_homes(NULL, "full-cone", always_relayed);
    CHECK(homes_call(&h));
    homes_run(&h, PTN_S(5));
    both_hear();
    CHECK(goes(ALICE, "by relay: through our TURN server"));
    CHECK(goes(BOB, "by relay"));
    homes_close(&h);
}

TEST(a_call_outlives_the_reboot_of_a_nat)
{
    for (unsigned a = 1; a < KINDS; a++) {
        open_homes(kinds[a], kinds[PORT_RESTRICTED], with_ice);
        CHECK(homes_call(&h));
        homes_run(&h, PTN_S(5));
        both_hear();
        homes_happen(&h, "reboot nat-a");
        homes_run(&h, PTN_S(12));
        both_hear();
        CHECK(homes_hang_up(&h, BOB));
        homes_close(&h);
    }
}

TEST(a_call_outlives_another_address_of_the_phone_and_of_its_nat)
{
    static const char *const events[] = {"address nat-a 203.0.113.77",
                                         "address alice 192.168.1.99"};

    for (unsigned i = 0; i < 2; i++) {
        open_homes(kinds[PORT_RESTRICTED], kinds[PORT_RESTRICTED], with_ice);
        CHECK(homes_call(&h));
        homes_run(&h, PTN_S(5));
        homes_happen(&h, events[i]);
        homes_run(&h, PTN_S(15));
        both_hear();
        CHECK(goes(ALICE, "directly") && goes(BOB, "directly"));
        homes_close(&h);
    }
}
