/*
 * tests/unit/sip/test_transaction.c - RFC 3261 §17's timers and figures, read off as tables.
 */
#include "sip/transaction.h"

#include "support/test.h"

static const struct ptn_sip_txn_opts UDP = {PTN_MS(500), PTN_S(4), PTN_S(5), false};
static const struct ptn_sip_txn_opts TCP = {PTN_MS(500), PTN_S(4), PTN_S(5), true};

/* Plays a transaction on its own deadlines; what it did, and when, against a list ended by 0. */
static void check_played(struct ptn_sip_txn *t, const int *expected_ms, unsigned what, int ends_ms,
                         unsigned at_end)
{
    for (;;) {
        ptn_time now = ptn_sip_txn_deadline(t);
        CHECK(now != PTN_NEVER);
        unsigned did = ptn_sip_txn_tick(t, now);
        if (t->state == PTN_SIP_TXN_TERMINATED) {
            CHECK_EQ(0, *expected_ms);
            CHECK_EQ(ends_ms, ptn_time_ms(now));
            CHECK_EQ(at_end, did);
            return;
        }
        CHECK_EQ(what, did);
        CHECK_EQ(*expected_ms++, ptn_time_ms(now));
    }
}

TEST(timers_run_as_the_tables_of_rfc_3261_say)
{
    static const int doubling[] = {500, 1500, 3500, 7500, 15500, 31500, 0};
    static const int capped[] = {500,   1500,  3500,  7500,  11500, 15500,
                                 19500, 23500, 27500, 31500, 0};
    static const int none[] = {0};
    static const struct {
        enum ptn_sip_txn_kind kind;
        const struct ptn_sip_txn_opts *opts;
        int first; /* what happens at 0 s; -1: nothing */
        const int *sends;
        int ends_ms;
        unsigned at_end;
    } cases[] = {
        {PTN_SIP_CLIENT_INVITE, &UDP, -1, doubling, 32000, PTN_SIP_TXN_TIMEOUT}, /* A, B */
        {PTN_SIP_CLIENT_INVITE, &TCP, -1, none, 32000, PTN_SIP_TXN_TIMEOUT},     /* B */
        {PTN_SIP_CLIENT_INVITE, &UDP, PTN_SIP_TXN_3XX, none, 32000, 0},          /* D */
        {PTN_SIP_CLIENT_INVITE, &UDP, PTN_SIP_TXN_2XX, none, 32000, 0},          /* M */
        {PTN_SIP_CLIENT_INVITE, &TCP, PTN_SIP_TXN_2XX, none, 32000, 0},
        {PTN_SIP_CLIENT_OTHER, &UDP, -1, capped, 32000, PTN_SIP_TXN_TIMEOUT}, /* E, F */
        {PTN_SIP_CLIENT_OTHER, &TCP, -1, none, 32000, PTN_SIP_TXN_TIMEOUT},
        {PTN_SIP_CLIENT_OTHER, &UDP, PTN_SIP_TXN_2XX, none, 5000, 0}, /* K */
        {PTN_SIP_SERVER_INVITE, &UDP, PTN_SIP_TXN_3XX, capped, 32000,
         PTN_SIP_TXN_TIMEOUT}, /* G, H */
        {PTN_SIP_SERVER_INVITE, &TCP, PTN_SIP_TXN_3XX, none, 32000, PTN_SIP_TXN_TIMEOUT},
        {PTN_SIP_SERVER_INVITE, &UDP, PTN_SIP_TXN_2XX, none, 32000, 0}, /* L */
        {PTN_SIP_SERVER_OTHER, &UDP, PTN_SIP_TXN_2XX, none, 32000, 0},  /* J */
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ptn_sip_txn t;
        ptn_sip_txn_start(&t, 0, cases[i].kind, cases[i].opts);
        if (cases[i].first >= 0)
            ptn_sip_txn_happens(&t, 0, (enum ptn_sip_txn_what)cases[i].first);
        check_played(&t, cases[i].sends, PTN_SIP_TXN_SEND, cases[i].ends_ms, cases[i].at_end);
    }
}

TEST(over_a_reliable_transport_what_only_waits_for_repeats_is_over_at_once)
{
    static const struct {
        enum ptn_sip_txn_kind kind;
        enum ptn_sip_txn_what first, second;
    } cases[] = {
        {PTN_SIP_CLIENT_INVITE, PTN_SIP_TXN_3XX, PTN_SIP_TXN_3XX},
        {PTN_SIP_CLIENT_OTHER, PTN_SIP_TXN_2XX, PTN_SIP_TXN_2XX},
        {PTN_SIP_SERVER_OTHER, PTN_SIP_TXN_2XX, PTN_SIP_TXN_2XX},
        {PTN_SIP_SERVER_INVITE, PTN_SIP_TXN_3XX, PTN_SIP_TXN_ACK},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ptn_sip_txn t;
        ptn_sip_txn_start(&t, 0, cases[i].kind, &TCP);
        ptn_sip_txn_happens(&t, 0, cases[i].first);
        ptn_sip_txn_happens(&t, 0, cases[i].second);
        CHECK_EQ(PTN_SIP_TXN_TERMINATED, t.state);
        CHECK_EQ(PTN_NEVER, ptn_sip_txn_deadline(&t));
    }
}

TEST(each_arrow_of_the_four_figures_does_what_it_says)
{
    enum { N = -1 };
    static const struct {
        enum ptn_sip_txn_kind kind;
        int before, before_2; /* what happened until then; N: nothing */
        enum ptn_sip_txn_what what;
        enum ptn_sip_txn_state state;
        unsigned did;
    } cases[] = {
#define AFTER(k, a, b, what, state, did)                                                           \
    {PTN_SIP_##k, a, b, PTN_SIP_TXN_##what, PTN_SIP_TXN_##state, did}
        AFTER(CLIENT_INVITE, N, N, 1XX, PROCEEDING, PTN_SIP_TXN_PASS),
        AFTER(CLIENT_INVITE, PTN_SIP_TXN_1XX, N, 1XX, PROCEEDING, PTN_SIP_TXN_PASS),
        AFTER(CLIENT_INVITE, PTN_SIP_TXN_1XX, N, 2XX, ACCEPTED, PTN_SIP_TXN_PASS),
        /* Forked and repeated 2xx reach the user, who acknowledges them (RFC 6026). */
        AFTER(CLIENT_INVITE, PTN_SIP_TXN_2XX, N, 2XX, ACCEPTED, PTN_SIP_TXN_PASS),
        AFTER(CLIENT_INVITE, PTN_SIP_TXN_2XX, N, 3XX, ACCEPTED, 0),
        AFTER(CLIENT_INVITE, N, N, 3XX, COMPLETED, PTN_SIP_TXN_PASS | PTN_SIP_TXN_SEND_ACK),
        AFTER(CLIENT_INVITE, PTN_SIP_TXN_3XX, N, 3XX, COMPLETED, PTN_SIP_TXN_SEND_ACK),
        AFTER(CLIENT_INVITE, PTN_SIP_TXN_3XX, N, 2XX, COMPLETED, 0),
        AFTER(CLIENT_OTHER, N, N, 1XX, PROCEEDING, PTN_SIP_TXN_PASS),
        AFTER(CLIENT_OTHER, PTN_SIP_TXN_1XX, N, 3XX, COMPLETED, PTN_SIP_TXN_PASS),
        AFTER(CLIENT_OTHER, PTN_SIP_TXN_2XX, N, 2XX, COMPLETED, 0),
        AFTER(SERVER_INVITE, N, N, REQUEST, TRYING, 0),
        AFTER(SERVER_INVITE, PTN_SIP_TXN_1XX, N, REQUEST, PROCEEDING, PTN_SIP_TXN_SEND),
        AFTER(SERVER_INVITE, PTN_SIP_TXN_1XX, N, 1XX, PROCEEDING, PTN_SIP_TXN_SEND),
        AFTER(SERVER_INVITE, PTN_SIP_TXN_2XX, N, REQUEST, ACCEPTED, 0),
        AFTER(SERVER_INVITE, PTN_SIP_TXN_2XX, N, 2XX, ACCEPTED, PTN_SIP_TXN_SEND),
        AFTER(SERVER_INVITE, PTN_SIP_TXN_2XX, N, ACK, ACCEPTED, PTN_SIP_TXN_PASS),
        AFTER(SERVER_INVITE, PTN_SIP_TXN_3XX, N, REQUEST, COMPLETED, PTN_SIP_TXN_SEND),
        AFTER(SERVER_INVITE, PTN_SIP_TXN_3XX, N, ACK, CONFIRMED, 0),
        AFTER(SERVER_INVITE, PTN_SIP_TXN_3XX, PTN_SIP_TXN_ACK, REQUEST, CONFIRMED, 0),
        AFTER(SERVER_OTHER, N, N, REQUEST, TRYING, 0),
        AFTER(SERVER_OTHER, PTN_SIP_TXN_1XX, N, REQUEST, PROCEEDING, PTN_SIP_TXN_SEND),
        AFTER(SERVER_OTHER, PTN_SIP_TXN_2XX, N, REQUEST, COMPLETED, PTN_SIP_TXN_SEND),
        AFTER(SERVER_OTHER, PTN_SIP_TXN_2XX, N, 3XX, COMPLETED, 0),
#undef AFTER
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ptn_sip_txn t;
        ptn_sip_txn_start(&t, 0, cases[i].kind, &UDP);
        if (cases[i].before != N)
            ptn_sip_txn_happens(&t, 0, (enum ptn_sip_txn_what)cases[i].before);
        if (cases[i].before_2 != N)
            ptn_sip_txn_happens(&t, 0, (enum ptn_sip_txn_what)cases[i].before_2);
        CHECK_EQ(cases[i].did, ptn_sip_txn_happens(&t, 0, cases[i].what));
        CHECK_EQ(cases[i].state, t.state);
    }
}

TEST(a_provisional_answer_stops_an_invite_and_slows_other_requests_to_t2)
{
    struct ptn_sip_txn t;

    CHECK_EQ(PTN_SIP_TXN_SEND, ptn_sip_txn_start(&t, 0, PTN_SIP_CLIENT_INVITE, &UDP));
    ptn_sip_txn_happens(&t, PTN_MS(100), PTN_SIP_TXN_1XX);
    CHECK_EQ(PTN_NEVER, ptn_sip_txn_deadline(&t));

    CHECK_EQ(PTN_SIP_TXN_SEND, ptn_sip_txn_start(&t, 0, PTN_SIP_CLIENT_OTHER, &UDP));
    ptn_sip_txn_happens(&t, PTN_MS(100), PTN_SIP_TXN_1XX);
    static const int at_t2[] = {4100, 8100, 12100, 16100, 20100, 24100, 28100, 0};
    check_played(&t, at_t2, PTN_SIP_TXN_SEND, 32000, PTN_SIP_TXN_TIMEOUT);
}

TEST(waking_late_sends_once)
{
    struct ptn_sip_txn t;

    ptn_sip_txn_start(&t, 0, PTN_SIP_CLIENT_INVITE, &UDP);
    CHECK_EQ(PTN_SIP_TXN_SEND, ptn_sip_txn_tick(&t, PTN_S(5)));
    CHECK_EQ(PTN_SIP_TXN_NOTHING, ptn_sip_txn_tick(&t, PTN_S(5)));
    CHECK_EQ(PTN_S(6), ptn_sip_txn_deadline(&t));
}
