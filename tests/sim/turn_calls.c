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
