#include "base/cursor.h"

#include "support/test.h"

TEST(a_reader_past_its_end_turns_bad_and_stays_bad)
{
    static const uint8_t bytes[] = {1, 2, 3, 4, 5};
    struct ptn_reader r = ptn_reader(ptn_bytes(bytes, sizeof bytes));

    CHECK_EQ(0x0102, ptn_read_u16(&r));
    CHECK_EQ(0, ptn_read_u32(&r));
    CHECK(r.bad);
    CHECK_EQ(0, ptn_read_u8(&r));
    CHECK_EQ(0, ptn_reader_left(&r));
}

TEST(a_writer_past_its_end_writes_nothing_more)
{
    uint8_t buf[4] = {9, 9, 9, 9};
    struct ptn_writer w = ptn_writer(buf, 3);

    ptn_write_u16(&w, 0x0a0b);
    ptn_write_u16(&w, 0x0c0d);
    CHECK(w.bad);
    ptn_write_u8(&w, 7);
    CHECK_EQ(2, ptn_writer_size(&w));
    CHECK_EQ(9, buf[2]);
}
