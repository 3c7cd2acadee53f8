#include "relay/shared.h"

#include "base/dice.h"
#include "support/test.h"

/* Of a name, as good as a hash. */
#define HASH(n) ((n)*UINT64_C(0x9e3779b97f4a7c15))

TEST(a_user_gets_his_quota_and_what_he_gives_back)
{
    const struct ptn_relay_quota quota = {.user = 2};
    struct ptn_relay_shared *s = ptn_relay_shared_new(10);

    CHECK(ptn_relay_shared_take(s, &quota, HASH(77), 0));
    CHECK(ptn_relay_shared_take(s, &quota, HASH(77), 0));
    CHECK(!ptn_relay_shared_take(s, &quota, HASH(77), 0));
    CHECK(ptn_relay_shared_take(s, &quota, HASH(78), 0));
    ptn_relay_shared_give(s, HASH(77), 0);
    CHECK(ptn_relay_shared_take(s, &quota, HASH(77), 0));
    CHECK_EQ(3, ptn_relay_shared_total(s));
    ptn_relay_shared_free(s);
}

TEST(limits_of_all_together_hold_and_a_refusal_takes_nothing)
{
    const struct ptn_relay_quota quota = {.total = 3, .bps_capacity = 100};
    struct ptn_relay_shared *s = ptn_relay_shared_new(10);

    CHECK(ptn_relay_shared_take(s, &quota, HASH(1), 40));
    CHECK(ptn_relay_shared_take(s, &quota, HASH(2), 40));
    CHECK(!ptn_relay_shared_take(s, &quota, HASH(3), 40));
    CHECK(ptn_relay_shared_take(s, &quota, HASH(3), 20));
    CHECK(!ptn_relay_shared_take(s, &quota, HASH(4), 0));
    ptn_relay_shared_give(s, HASH(1), 40);
    CHECK(ptn_relay_shared_take(s, &quota, HASH(4), 40));
    CHECK_EQ(3, ptn_relay_shared_total(s));
    ptn_relay_shared_free(s);
}

/* Against plain counters, with as many users as it was made for. */
TEST(counts_stay_right_whatever_is_taken_and_given)
{
    enum { USERS = 200, STEPS = 200000 };
    const struct ptn_relay_quota quota = {.user = 5};
    struct ptn_relay_shared *s = ptn_relay_shared_new(USERS);
    struct ptn_dice dice = ptn_dice_seeded(4);
    uint64_t names[USERS];
    unsigned held[USERS] = {0}, total = 0;

    for (unsigned i = 0; i < USERS; i++)
        names[i] = ptn_dice_u64(&dice) | 1;
    for (unsigned i = 0; i < STEPS; i++) {
        unsigned who = ptn_dice_below(&dice, USERS);
        if (ptn_dice_below(&dice, 5) < 2) {
            if (held[who] == 0)
                continue;
            ptn_relay_shared_give(s, names[who], 0);
            held[who]--;
            total--;
        } else {
            bool taken = ptn_relay_shared_take(s, &quota, names[who], 0);
            CHECK_EQ(held[who] < 5, taken);
            held[who] += taken;
            total += taken;
        }
        CHECK_EQ(total, ptn_relay_shared_total(s));
    }
    ptn_relay_shared_free(s);
}

TEST(a_port_is_in_use_until_the_last_one_leaves_it)
{
    struct ptn_relay_shared *s = ptn_relay_shared_new(1);

    const struct ptn_relay_place port = {1, false, 50000}, others[] = {{1, false, 50001},
                                                                       {1, true, 50000},
                                                                       {0, false, 50000}};

    CHECK(!ptn_relay_shared_has_port(s, port));
    ptn_relay_shared_use_port(s, port);
    ptn_relay_shared_use_port(s, port); /* another worker's, just before this one lets it go */
    ptn_relay_shared_leave_port(s, port);
    CHECK(ptn_relay_shared_has_port(s, port));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        CHECK(!ptn_relay_shared_has_port(s, others[i]));
    ptn_relay_shared_leave_port(s, port);
    CHECK(!ptn_relay_shared_has_port(s, port));
    ptn_relay_shared_free(s);
}
