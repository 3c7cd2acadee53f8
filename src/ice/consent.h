/*
 * ice/consent.h - may we still send there? (RFC 7675)
 *
 * A question every five seconds or so, never repeated, each with an id of its own.
 * Whoever asked is answered within 30 s of the last answer or stops sending.
 */
#ifndef PTN_ICE_CONSENT_H
#define PTN_ICE_CONSENT_H

#include "base/dice.h"
#include "base/time.h"
#include "stun/msg.h"

enum { PTN_ICE_CONSENT_IDS = 4 };
#define PTN_ICE_CONSENT_LASTS PTN_S(30)

struct ptn_ice_consent {
    ptn_time answered_at;                        /* when the far end agreed last */
    ptn_time next;                               /* when to ask again */
    struct ptn_stun_id ids[PTN_ICE_CONSENT_IDS]; /* of the latest questions */
    unsigned asked;                              /* since then */
    bool to_send;                                /* the latest question is yet to be sent */
};

void ptn_ice_consent_start(struct ptn_ice_consent *c, ptn_time answered_at, struct ptn_dice *dice);

/* Makes a question due when it is time. */
void ptn_ice_consent_tick(struct ptn_ice_consent *c, ptn_time now, struct ptn_dice *dice);

/* False when `id` is none of ours. */
bool ptn_ice_consent_asked(const struct ptn_ice_consent *c, const struct ptn_stun_id *id);
void ptn_ice_consent_answered(struct ptn_ice_consent *c, ptn_time now, struct ptn_dice *dice);

bool ptn_ice_consent_fresh(const struct ptn_ice_consent *c, ptn_time now);
ptn_time ptn_ice_consent_deadline(const struct ptn_ice_consent *c);

/* The id of the question that is to be sent. */
const struct ptn_stun_id *ptn_ice_consent_id(const struct ptn_ice_consent *c);

#endif
