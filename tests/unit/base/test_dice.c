#include "base/dice.h"

#include "support/test.h"

TEST(equal_seeds_repeat_and_others_do_not)
{
    struct ptn_dice a = ptn_dice_seeded(7), b = ptn_dice_seeded(7), c = ptn_dice_seeded(8);

    CHECK_EQ(ptn_dice_u64(&a), ptn_dice_u64(&b));
    CHECK(ptn_dice_u64(&a) != ptn_dice_u64(&c));
}

TEST(every_face_of_a_die_comes_up_evenly)
{
    struct ptn_dice d = ptn_dice_seeded(3);
    unsigned seen[6] = {0};

    for (unsigned i = 0; i < 60000; i++)
        seen[ptn_dice_below(&d, 6)]++;
    for (unsigned i = 0; i < 6; i++)
        CHECK(seen[i] > 9500 && seen[i] < 10500);
    CHECK_EQ(0, ptn_dice_below(&d, 1));
}
