/*
 * sip/offer.c - the table of offers and answers.
 *
 * Written for who receives; who sends reads it with the sides changed. A message that is not
 * in a row with the state of that moment carries something WRONG.
 */
#include "sip/offer.h"

#include <stddef.h>

static const struct row {
    enum ptn_sip_carrier in;
    enum ptn_sip_talks state;
    enum ptn_sip_meaning meaning;
    enum ptn_sip_talks next;
} rows[] = {
#define ROW(in, state, meaning, next)                                                              \
    {                                                                                              \
        PTN_SIP_IN_##in, PTN_SIP_TALKS_##state, PTN_SIP_MEANS_##meaning, PTN_SIP_TALKS_##next      \
    }
    ROW(INVITE, NONE, OFFER, THEIRS),       ROW(INVITE, AGREED, OFFER, THEIRS),
    ROW(PROVISIONAL, OURS, PREVIEW, OURS),  ROW(PROVISIONAL, AGREED, NOTHING, AGREED),
    ROW(RELIABLE, NONE, OFFER, THEIRS),     ROW(RELIABLE, OURS, ANSWER, AGREED),
    ROW(RELIABLE, AGREED, NOTHING, AGREED), ROW(OK, NONE, OFFER, THEIRS),
    ROW(OK, OURS, ANSWER, AGREED),          ROW(OK, AGREED, NOTHING, AGREED),
    ROW(ACK, OURS, ANSWER, AGREED),         ROW(ACK, AGREED, NOTHING, AGREED),
    ROW(PRACK, OURS, ANSWER, AGREED),       ROW(PRACK, AGREED, OFFER, THEIRS),
    ROW(UPDATE, AGREED, OFFER, THEIRS),     ROW(OTHER_OK, OURS, ANSWER, AGREED),
    ROW(OTHER_OK, AGREED, NOTHING, AGREED),
#undef ROW
};

enum ptn_sip_meaning ptn_sip_talks_received(enum ptn_sip_talks *t, enum ptn_sip_carrier in)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].in != in || rows[i].state != *t)
            continue;
        *t = rows[i].next;
        return rows[i].meaning;
    }
    return PTN_SIP_MEANS_WRONG;
}

static enum ptn_sip_talks other_side(enum ptn_sip_talks t)
{
    return t == PTN_SIP_TALKS_OURS     ? PTN_SIP_TALKS_THEIRS
           : t == PTN_SIP_TALKS_THEIRS ? PTN_SIP_TALKS_OURS
                                       : t;
}

enum ptn_sip_meaning ptn_sip_talks_sent(enum ptn_sip_talks *t, enum ptn_sip_carrier in)
{
    enum ptn_sip_talks seen_there = other_side(*t);
    enum ptn_sip_meaning meaning = ptn_sip_talks_received(&seen_there, in);

    *t = other_side(seen_there);
    return meaning;
}

/* RFC 3311 §5.2: ours first; theirs before theirs has been answered. */
unsigned ptn_sip_talks_refuse(enum ptn_sip_talks t)
{
    return t == PTN_SIP_TALKS_OURS ? 491 : t == PTN_SIP_TALKS_AGREED ? 0 : 500;
}
