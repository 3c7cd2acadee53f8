#include "base/ids.h"

#include "base/dice.h"
#include "support/test.h"

TEST(an_id_finds_its_slot_until_it_is_removed)
{
    struct ptn_ids t;
    uint32_t a, b, found;

    CHECK_EQ(PTN_OK, ptn_ids_init(&t, 2));
    CHECK(!ptn_ids_find(&t, 5, &found));
    CHECK(ptn_ids_add(&t, 5, &a));
    CHECK(ptn_ids_add(&t, 0x80000005u, &b));
    CHECK(a != b && a < 2 && b < 2);
    CHECK(ptn_ids_find(&t, 5, &found));
    CHECK_EQ(a, found);
    ptn_ids_remove(&t, 5);
    ptn_ids_remove(&t, 5);
    CHECK(!ptn_ids_find(&t, 5, &found));
    CHECK(ptn_ids_find(&t, 0x80000005u, &found));
    CHECK_EQ(b, found);
    CHECK(ptn_ids_add(&t, 9, &found));
    CHECK_EQ(a, found);
    ptn_ids_fini(&t);
}

TEST(a_full_table_says_so_and_takes_ids_again_when_one_leaves)
{
    struct ptn_ids t;
    uint32_t slot;

    CHECK_EQ(PTN_OK, ptn_ids_init(&t, 3));
    for (uint32_t id = 1; id <= 3; id++)
        CHECK(ptn_ids_add(&t, id, &slot));
    CHECK(!ptn_ids_add(&t, 4, &slot));
    ptn_ids_remove(&t, 2);
    CHECK(ptn_ids_add(&t, 4, &slot));
    ptn_ids_fini(&t);
}

/* Against a plain array, over chains that wrap around and are torn up in their middle. */
TEST(ten_thousand_additions_and_removals_leave_no_id_lost)
{
    enum { IDS = 97, CAPACITY = 40 };
    struct ptn_dice dice = ptn_dice_seeded(1);
    int64_t expected[IDS + 1] = {0}; /* slot plus 1, 0: not there */
    struct ptn_ids t;
    unsigned count = 0;

    CHECK_EQ(PTN_OK, ptn_ids_init(&t, CAPACITY));
    for (unsigned i = 0; i < 10000; i++) {
        uint32_t id = 1 + ptn_dice_below(&dice, IDS), slot = 0;
        if (expected[id]) {
            ptn_ids_remove(&t, id);
            expected[id] = 0;
            count--;
        } else {
            CHECK_EQ(count < CAPACITY, ptn_ids_add(&t, id, &slot));
            expected[id] = count < CAPACITY ? slot + INT64_C(1) : 0;
            count += count < CAPACITY;
        }
        for (uint32_t k = 1; k <= IDS; k++) {
            CHECK_EQ(expected[k] != 0, ptn_ids_find(&t, k, &slot));
            if (expected[k])
                CHECK_EQ(expected[k], slot + INT64_C(1));
        }
    }
    ptn_ids_fini(&t);
}
