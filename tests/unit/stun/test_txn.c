#include "stun/txn.h"

#include "support/test.h"

TEST(an_unanswered_request_is_sent_at_the_times_of_the_rfc)
{
    static const int sends_ms[] = {0, 500, 1500, 3500, 7500, 15500, 31500};
    struct ptn_stun_txn t;

    ptn_stun_txn_start(&t, PTN_MS(0), &PTN_STUN_TXN_UDP);
    for (size_t i = 0; i < 7; i++) {
        CHECK_EQ(PTN_MS(sends_ms[i]), ptn_stun_txn_deadline(&t));
        CHECK_EQ(PTN_STUN_TXN_WAIT, ptn_stun_txn_tick(&t, PTN_MS(sends_ms[i]) - 1));
        CHECK_EQ(PTN_STUN_TXN_SEND, ptn_stun_txn_tick(&t, PTN_MS(sends_ms[i])));
    }
    CHECK_EQ(PTN_MS(39500), ptn_stun_txn_deadline(&t));
    CHECK_EQ(PTN_STUN_TXN_GIVE_UP, ptn_stun_txn_tick(&t, PTN_MS(39500)));
    CHECK_EQ(PTN_STUN_TXN_WAIT, ptn_stun_txn_tick(&t, PTN_MS(99999)));
    CHECK_EQ(PTN_NEVER, ptn_stun_txn_deadline(&t));
}

TEST(waking_late_sends_once_and_waits_anew)
{
    struct ptn_stun_txn t;

    ptn_stun_txn_start(&t, PTN_MS(0), &PTN_STUN_TXN_UDP);
    CHECK_EQ(PTN_STUN_TXN_SEND, ptn_stun_txn_tick(&t, PTN_MS(0)));

    /* Due at 500 ms, but the owner slept until 3 s. */
    CHECK_EQ(PTN_STUN_TXN_SEND, ptn_stun_txn_tick(&t, PTN_MS(3000)));
    CHECK_EQ(PTN_STUN_TXN_WAIT, ptn_stun_txn_tick(&t, PTN_MS(3000)));
    CHECK_EQ(PTN_MS(4000), ptn_stun_txn_deadline(&t));
}

TEST(each_profile_gives_up_within_its_budget)
{
    static const struct {
        const struct ptn_stun_txn_opts *opts;
        unsigned sends;
        int given_up_ms;
    } cases[] = {
        {&PTN_STUN_TXN_UDP, 7, 39500},
        {&PTN_STUN_TXN_STREAM, 1, 39500},
        {&PTN_STUN_TXN_DISCOVER, 48, 2880},
        {&PTN_STUN_TXN_CALL, 8, 7525},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ptn_stun_txn t;
        unsigned sends = 0;
        ptn_time now = PTN_S(7);

        ptn_stun_txn_start(&t, now, cases[i].opts);
        while (ptn_stun_txn_tick(&t, now) == PTN_STUN_TXN_SEND) {
            sends++;
            now = ptn_stun_txn_deadline(&t);
        }
        CHECK_EQ(cases[i].sends, sends);
        CHECK_EQ(cases[i].given_up_ms, ptn_time_ms(now - PTN_S(7)));
    }
}

TEST(only_a_request_sent_once_tells_the_round_trip)
{
    struct ptn_stun_txn t;
    ptn_time rtt = -1;

    ptn_stun_txn_start(&t, PTN_MS(0), &PTN_STUN_TXN_UDP);
    CHECK(!ptn_stun_txn_stop(&t, PTN_MS(0), &rtt));

    ptn_stun_txn_start(&t, PTN_MS(0), &PTN_STUN_TXN_UDP);
    ptn_stun_txn_tick(&t, PTN_MS(3));
    CHECK(ptn_stun_txn_stop(&t, PTN_MS(45), &rtt));
    CHECK_EQ(PTN_MS(42), rtt);
    CHECK_EQ(PTN_NEVER, ptn_stun_txn_deadline(&t));
    CHECK_EQ(PTN_STUN_TXN_WAIT, ptn_stun_txn_tick(&t, PTN_S(100)));
    CHECK(!ptn_stun_txn_stop(&t, PTN_MS(46), &rtt));

    ptn_stun_txn_start(&t, PTN_MS(0), &PTN_STUN_TXN_UDP);
    ptn_stun_txn_tick(&t, PTN_MS(0));
    ptn_stun_txn_tick(&t, PTN_MS(500));
    CHECK(!ptn_stun_txn_stop(&t, PTN_MS(510), &rtt));
    CHECK_EQ(PTN_MS(42), rtt);
}

TEST(round_trips_are_smoothed_and_their_variation_widens_the_wait)
{
    struct ptn_stun_rtt r = {0};

    CHECK_EQ(PTN_MS(500), ptn_stun_rtt_rto(&r, PTN_MS(500)));
    ptn_stun_rtt_add(&r, PTN_MS(40));
    CHECK_EQ(PTN_MS(120), ptn_stun_rtt_rto(&r, PTN_MS(500)));
    for (unsigned i = 0; i < 100; i++)
        ptn_stun_rtt_add(&r, PTN_MS(40));
    CHECK(ptn_stun_rtt_rto(&r, PTN_MS(500)) < PTN_MS(41));
    ptn_stun_rtt_add(&r, PTN_MS(140));
    CHECK(ptn_stun_rtt_rto(&r, PTN_MS(500)) > PTN_MS(140));
    r = (struct ptn_stun_rtt){0};
    ptn_stun_rtt_add(&r, PTN_US(50));
    CHECK_EQ(PTN_MS(20), ptn_stun_rtt_rto(&r, PTN_MS(500)));
}
