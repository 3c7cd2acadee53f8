#include "os/mailbox.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>

#include "support/test.h"

enum { LETTERS = 1000 };

static bool rings(const struct ptn_mailbox *m)
{
    struct pollfd p = {.fd = ptn_mailbox_fd(m), .events = POLLIN};

    return poll(&p, 1, 0) == 1;
}

TEST(letters_come_in_order_and_ring_until_the_last_is_taken)
{
    struct ptn_mailbox *m;
    struct ptn_letter l;

    CHECK_EQ(PTN_OK, ptn_mailbox_new(3, &m));
    CHECK(!rings(m));
    CHECK_EQ(PTN_OK, ptn_mailbox_post(m, 1, 7, ptn_bytes_of_text("one")));
    CHECK_EQ(PTN_OK, ptn_mailbox_post(m, 2, 8, ptn_bytes(NULL, 0)));
    CHECK(rings(m) && ptn_mailbox_take(m, &l));
    CHECK_EQ(1, l.kind);
    CHECK_EQ(7, l.from);
    CHECK(l.size == 3 && memcmp(l.data, "one", 3) == 0);
    free(l.data);
    CHECK(rings(m) && ptn_mailbox_take(m, &l));
    CHECK(l.kind == 2 && !l.data);
    CHECK(!rings(m) && !ptn_mailbox_take(m, &l));
    ptn_mailbox_free(m);
}

TEST(a_full_box_takes_no_more_and_what_is_left_is_freed)
{
    struct ptn_mailbox *m;

    CHECK_EQ(PTN_OK, ptn_mailbox_new(2, &m));
    CHECK_EQ(PTN_OK, ptn_mailbox_post(m, 1, 0, ptn_bytes_of_text("a")));
    CHECK_EQ(PTN_OK, ptn_mailbox_post(m, 1, 0, ptn_bytes_of_text("b")));
    CHECK_EQ(PTN_ERR_NO_ROOM, ptn_mailbox_post(m, 1, 0, ptn_bytes_of_text("c")));
    ptn_mailbox_free(m);
}

static void *post_many(void *box)
{
    for (uint32_t i = 0; i < LETTERS; i++)
        while (ptn_mailbox_post(box, i, 0, ptn_bytes(NULL, 0)) == PTN_ERR_NO_ROOM)
            ;
    return NULL;
}

TEST(no_letter_of_another_thread_is_lost)
{
    struct ptn_mailbox *m;
    struct ptn_letter l;
    pthread_t poster;
    uint32_t expected = 0;

    CHECK_EQ(PTN_OK, ptn_mailbox_new(4, &m));
    CHECK_EQ(0, pthread_create(&poster, NULL, post_many, m));
    while (expected < LETTERS) {
        struct pollfd p = {.fd = ptn_mailbox_fd(m), .events = POLLIN};
        CHECK_EQ(1, poll(&p, 1, 5000));
        while (ptn_mailbox_take(m, &l))
            CHECK_EQ(expected++, l.kind);
    }
    pthread_join(poster, NULL);
    ptn_mailbox_free(m);
}
