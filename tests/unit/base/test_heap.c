#include "base/heap.h"

#include "base/dice.h"
#include "support/test.h"

TEST(deadlines_come_out_in_order_and_only_when_due)
{
    struct ptn_heap h;
    uint32_t item = 99;

    CHECK_EQ(PTN_OK, ptn_heap_init(&h, 4));
    ptn_heap_set(&h, 2, PTN_MS(30));
    ptn_heap_set(&h, 0, PTN_MS(10));
    ptn_heap_set(&h, 1, PTN_MS(10));
    CHECK_EQ(PTN_MS(10), ptn_heap_deadline(&h));
    CHECK(!ptn_heap_pop(&h, PTN_MS(9), &item));
    CHECK_EQ(99, item);
    CHECK(ptn_heap_pop(&h, PTN_MS(10), &item));
    CHECK_EQ(0, item);
    CHECK(ptn_heap_pop(&h, PTN_MS(10), &item));
    CHECK_EQ(1, item);
    CHECK(!ptn_heap_pop(&h, PTN_MS(10), &item));
    ptn_heap_set(&h, 2, PTN_NEVER);
    CHECK_EQ(PTN_NEVER, ptn_heap_deadline(&h));
    ptn_heap_fini(&h);
}

TEST(moving_and_removing_at_random_keeps_the_order)
{
    enum { ITEMS = 64 };
    ptn_time at[ITEMS];
    struct ptn_heap h;
    struct ptn_dice d = ptn_dice_seeded(1);

    CHECK_EQ(PTN_OK, ptn_heap_init(&h, ITEMS));
    for (unsigned i = 0; i < ITEMS; i++)
        at[i] = PTN_NEVER;
    for (unsigned step = 0; step < 20000; step++) {
        uint32_t item = ptn_dice_below(&d, ITEMS);
        at[item] = ptn_dice_below(&d, 4) ? (ptn_time)ptn_dice_below(&d, 1000) : PTN_NEVER;
        ptn_heap_set(&h, item, at[item]);

        ptn_time first = PTN_NEVER;
        for (unsigned i = 0; i < ITEMS; i++) {
            first = ptn_time_min(first, at[i]);
            CHECK_EQ(at[i], ptn_heap_get(&h, i));
        }
        CHECK_EQ(first, ptn_heap_deadline(&h));
    }
    ptn_heap_fini(&h);
}
