/*
 * ice/consent.c - asking, and how long an answer is good for.
 */
#include "ice/consent.h"

#define PERIOD 5.0 /* seconds, times 0.8 to 1.2 (RFC 7675 §5.1) */

static ptn_time period(struct ptn_dice *dice)
{
    return (ptn_time)(PERIOD * (0.8 + 0.4 * ptn_dice_unit(dice)) * 1e9);
}

void ptn_ice_consent_start(struct ptn_ice_consent *c, ptn_time answered_at, struct ptn_dice *dice)
{
    *c = (struct ptn_ice_consent){.answered_at = answered_at};
    c->next = answered_at + period(dice);
}

void ptn_ice_consent_tick(struct ptn_ice_consent *c, ptn_time now, struct ptn_dice *dice)
{
    if (now < c->next)
        return;
    c->asked++;
    c->next = now + period(dice);
    c->to_send = true;
    c->ids[c->asked % PTN_ICE_CONSENT_IDS] = ptn_stun_id_new(dice, PTN_STUN_MODERN);
}

const struct ptn_stun_id *ptn_ice_consent_id(const struct ptn_ice_consent *c)
{
    return &c->ids[c->asked % PTN_ICE_CONSENT_IDS];
}

bool ptn_ice_consent_asked(const struct ptn_ice_consent *c, const struct ptn_stun_id *id)
{
    for (unsigned i = 0; i < PTN_ICE_CONSENT_IDS && i < c->asked; i++)
        if (ptn_stun_id_equal(&c->ids[(c->asked - i) % PTN_ICE_CONSENT_IDS], id))
            return true;
    return false;
}

void ptn_ice_consent_answered(struct ptn_ice_consent *c, ptn_time now, struct ptn_dice *dice)
{
    ptn_ice_consent_start(c, now, dice);
}

bool ptn_ice_consent_fresh(const struct ptn_ice_consent *c, ptn_time now)
{
    return now - c->answered_at < PTN_ICE_CONSENT_LASTS;
}

ptn_time ptn_ice_consent_deadline(const struct ptn_ice_consent *c)
{
    return ptn_time_min(c->next, c->answered_at + PTN_ICE_CONSENT_LASTS);
}
