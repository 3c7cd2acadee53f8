/*
 * sip/offer.h - what a description in a message means: offer, answer, or nothing.
 *
 * Holds where the talks of one dialog stand; who sends and who receives see the same table from
 * two sides. RFC 3264; RFC 3261 §13.2.1, 3262 §5, 3311 §5, 6337 §2.
 */
#ifndef PTN_SIP_OFFER_H
#define PTN_SIP_OFFER_H

enum ptn_sip_talks {
    PTN_SIP_TALKS_NONE,   /* nothing has been said yet */
    PTN_SIP_TALKS_OURS,   /* our offer waits for its answer */
    PTN_SIP_TALKS_THEIRS, /* theirs waits for ours */
    PTN_SIP_TALKS_AGREED, /* either side may offer anew */
};

enum ptn_sip_carrier {
    PTN_SIP_IN_INVITE,
    PTN_SIP_IN_PROVISIONAL, /* one that may get lost */
    PTN_SIP_IN_RELIABLE,    /* one that has to be acknowledged by PRACK */
    PTN_SIP_IN_OK,          /* 2xx of INVITE */
    PTN_SIP_IN_ACK,
    PTN_SIP_IN_PRACK,
    PTN_SIP_IN_UPDATE,
    PTN_SIP_IN_OTHER_OK, /* 2xx of PRACK or UPDATE */
    PTN_SIP_CARRIERS
};

enum ptn_sip_meaning {
    PTN_SIP_MEANS_NOTHING, /* what was said before, once more: passed over */
    PTN_SIP_MEANS_PREVIEW, /* what the answer is going to be: good for early media */
    PTN_SIP_MEANS_OFFER,
    PTN_SIP_MEANS_ANSWER,
    PTN_SIP_MEANS_WRONG, /* not at this moment, or not there */
};

/* A description was received, or sent, in such a message. What is WRONG changes nothing. */
enum ptn_sip_meaning ptn_sip_talks_received(enum ptn_sip_talks *t, enum ptn_sip_carrier in);
enum ptn_sip_meaning ptn_sip_talks_sent(enum ptn_sip_talks *t, enum ptn_sip_carrier in);

/* The status of a request of theirs whose offer cannot be taken at this moment; 0: it can. */
unsigned ptn_sip_talks_refuse(enum ptn_sip_talks t);

#endif
