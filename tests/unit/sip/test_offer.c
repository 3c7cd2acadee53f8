/*
 * tests/unit/sip/test_offer.c - what a description means, by message and moment.
 */
#include "sip/offer.h"
#include "support/test.h"

enum { STATES = PTN_SIP_TALKS_AGREED + 1 };

/* RFC 6337's six ways to an agreement, seen by who makes the call; `sent` is a message of his. */
TEST(the_six_ways_to_agree_are_ways)
{
    static const struct {
        struct {
            bool sent;
            enum ptn_sip_carrier in;
            enum ptn_sip_meaning means;
        } steps[4];
    } ways[] = {
#define SAYS(in, means) {true, PTN_SIP_IN_##in, PTN_SIP_MEANS_##means}
#define HEARS(in, means)                                                                           \
    {                                                                                              \
        false, PTN_SIP_IN_##in, PTN_SIP_MEANS_##means                                              \
    }
        {{SAYS(INVITE, OFFER), HEARS(PROVISIONAL, PREVIEW), HEARS(OK, ANSWER)}},
        {{HEARS(OK, OFFER), SAYS(ACK, ANSWER)}},
        {{SAYS(INVITE, OFFER), HEARS(RELIABLE, ANSWER), HEARS(OK, NOTHING)}},
        {{HEARS(RELIABLE, OFFER), SAYS(PRACK, ANSWER), HEARS(OK, NOTHING)}},
        {{SAYS(INVITE, OFFER), HEARS(RELIABLE, ANSWER), SAYS(PRACK, OFFER),
          HEARS(OTHER_OK, ANSWER)}},
        {{SAYS(INVITE, OFFER), HEARS(RELIABLE, ANSWER), HEARS(UPDATE, OFFER),
          SAYS(OTHER_OK, ANSWER)}},
#undef SAYS
#undef HEARS
    };

    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        enum ptn_sip_talks caller = PTN_SIP_TALKS_NONE, called = PTN_SIP_TALKS_NONE;
        for (unsigned n = 0; n < 4; n++) {
            bool sent = ways[i].steps[n].sent;
            enum ptn_sip_carrier in = ways[i].steps[n].in;
            if (n > 0 && in == PTN_SIP_IN_INVITE)
                break; /* the way is at its end */
            CHECK_EQ(ways[i].steps[n].means,
                     (sent ? ptn_sip_talks_sent : ptn_sip_talks_received)(&caller, in));
            CHECK_EQ(ways[i].steps[n].means,
                     (sent ? ptn_sip_talks_received : ptn_sip_talks_sent)(&called, in));
        }
        CHECK_EQ(PTN_SIP_TALKS_AGREED, caller);
        CHECK_EQ(PTN_SIP_TALKS_AGREED, called);
    }
}

TEST(what_is_not_for_this_moment_is_wrong_and_changes_nothing)
{
    static const struct {
        enum ptn_sip_carrier in;
        bool right[STATES]; /* nothing said, our offer, theirs, agreed */
    } rows[] = {
        {PTN_SIP_IN_INVITE, {true, false, false, true}},
        {PTN_SIP_IN_PROVISIONAL, {false, true, false, true}},
        {PTN_SIP_IN_RELIABLE, {true, true, false, true}},
        {PTN_SIP_IN_OK, {true, true, false, true}},
        {PTN_SIP_IN_ACK, {false, true, false, true}},
        {PTN_SIP_IN_PRACK, {false, true, false, true}},
        {PTN_SIP_IN_UPDATE, {false, false, false, true}},
        {PTN_SIP_IN_OTHER_OK, {false, true, false, true}},
    };

    CHECK_EQ(PTN_SIP_CARRIERS, sizeof rows / sizeof rows[0]);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (unsigned state = 0; state < STATES; state++) {
            enum ptn_sip_talks talks = state;
            enum ptn_sip_meaning means = ptn_sip_talks_received(&talks, rows[i].in);
            CHECK_EQ(rows[i].right[state], means != PTN_SIP_MEANS_WRONG);
            CHECK(means != PTN_SIP_MEANS_WRONG || talks == state);
        }
    CHECK_EQ(491, ptn_sip_talks_refuse(PTN_SIP_TALKS_OURS));
    CHECK_EQ(500, ptn_sip_talks_refuse(PTN_SIP_TALKS_THEIRS));
    CHECK_EQ(500, ptn_sip_talks_refuse(PTN_SIP_TALKS_NONE));
    CHECK_EQ(0, ptn_sip_talks_refuse(PTN_SIP_TALKS_AGREED));
}
