/*
 * tests/unit/ua/test_transfer.c - calls handed on, with two phones and a registrar between them.
 */
#include "support/test.h"
#include "unit/ua/world.h"

static struct world w;

enum { ALICE, BOB };

static void auto_answer(struct ptn_ua_opts *opts, unsigned phone)
{
    (void)phone;
    opts->auto_answer = true;
}

static ptn_ua_call_id dial(const char *target, unsigned answered)
{
    ptn_ua_call_id call = 0;

    CHECK_EQ(PTN_OK, ptn_ua_dial(w.phones[ALICE].ua, w.now, 0, target, &call));
    world_drain(&w, ALICE);
    CHECK(world_until(&w, ALICE, PTN_UA_ANSWERED, answered, PTN_S(2)));
    world_run(&w, PTN_S(1));
    return call;
}

static bool transfer(ptn_ua_call_id call, const char *target, ptn_ua_call_id other)
{
    bool done = ptn_ua_transfer(w.phones[ALICE].ua, w.now, call, target, other);

    world_drain(&w, ALICE);
    return done;
}

static void begin(void)
{
    world_init(&w, WORLD_NAT_CONE, WORLD_NAT_CONE, auto_answer);
    world_start(&w);
    CHECK(world_until(&w, ALICE, PTN_UA_REGISTERED, 1, PTN_S(10)));
    CHECK(world_until(&w, BOB, PTN_UA_REGISTERED, 1, PTN_S(10)));
}

TEST(who_is_handed_on_calls_and_the_first_call_ends_when_that_is_answered)
{
    begin();
    ptn_ua_call_id call = dial("bob", 1);
    CHECK(transfer(call, "alice", 0)); /* to herself: there are only two phones here */
    CHECK(world_until(&w, BOB, PTN_UA_REFERRED, 1, PTN_S(1)));
    CHECK(world_until(&w, ALICE, PTN_UA_ENDED, 1, PTN_S(5)));
    CHECK_EQ(200, w.phones[ALICE].last[PTN_UA_TRANSFER].status);
    CHECK_EQ(call, w.phones[ALICE].last[PTN_UA_ENDED].call);
    CHECK_EQ(1, w.phones[ALICE].events[PTN_UA_INCOMING]);
    CHECK(world_until(&w, BOB, PTN_UA_ENDED, 1, PTN_S(1)));
    /* The new call goes on. */
    world_run(&w, PTN_S(60));
    CHECK_EQ(1, w.phones[BOB].events[PTN_UA_ENDED]);
    CHECK_EQ(0, w.private_shown);
    world_fini(&w);
}

TEST(a_transfer_to_nobody_leaves_the_call_up)
{
    begin();
    ptn_ua_call_id call = dial("bob", 1);
    CHECK(transfer(call, "nobody", 0));
    CHECK(world_until(&w, BOB, PTN_UA_ENDED, 1, PTN_S(5)));
    world_run(&w, PTN_S(1));
    CHECK(w.phones[ALICE].last[PTN_UA_TRANSFER].status >= 400);
    CHECK_EQ(0, w.phones[ALICE].events[PTN_UA_ENDED]);
    CHECK(transfer(call, "alice", 0));
    CHECK(world_until(&w, ALICE, PTN_UA_ENDED, 1, PTN_S(5)));
    world_fini(&w);
}

TEST(what_is_not_up_is_not_handed_on)
{
    ptn_ua_call_id call = 0;

    begin();
    CHECK(!transfer(7, "bob", 0));
    CHECK_EQ(PTN_OK, ptn_ua_dial(w.phones[ALICE].ua, w.now, 0, "bob", &call));
    CHECK(!transfer(call, "bob", 0));
    world_fini(&w);
}

/* Bob is handed on to his own second call, which he replaces and ends. */
TEST(two_calls_are_joined_and_all_old_ones_end)
{
    begin();
    ptn_ua_call_id first = dial("bob", 1), second = dial("bob", 2);
    CHECK(!transfer(first, NULL, first));
    CHECK(!transfer(first, NULL, 77));
    CHECK(transfer(first, NULL, second));
    CHECK(world_until(&w, ALICE, PTN_UA_ENDED, 2, PTN_S(5)));
    CHECK_EQ(200, w.phones[ALICE].last[PTN_UA_TRANSFER].status);
    CHECK(world_until(&w, BOB, PTN_UA_ENDED, 2, PTN_S(5)));
    world_run(&w, PTN_S(60));
    CHECK_EQ(2, w.phones[BOB].events[PTN_UA_ENDED]);
    world_fini(&w);
}
