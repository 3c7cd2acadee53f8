/*
 * ice/message.c - checks and their answers as bytes (RFC 8445 §7.1, §7.3).
 */
#include <string.h>

#include "ice/inside.h"
#include "stun/seal.h"

struct sender {
    const struct ptn_ice_creds *ours, *theirs;
};

static void begin_request(struct ptn_ice *ice, struct ptn_stun_out *o, const struct ptn_stun_id *id,
                          struct sender s, uint32_t priority, bool controlling,
                          const uint8_t *tie_breaker)
{
    char user[PTN_ICE_UFRAG_MAX * 2 + 2];
    size_t first = strlen(s.theirs->ufrag), second = strlen(s.ours->ufrag);

    memcpy(user, s.theirs->ufrag, first);
    user[first] = ':';
    memcpy(user + first + 1, s.ours->ufrag, second);
    ptn_stun_begin(o, ice->buf, sizeof ice->buf, PTN_STUN_REQUEST, PTN_STUN_BINDING, id);
    ptn_stun_put(o, PTN_STUN_USERNAME, ptn_bytes(user, first + 1 + second));
    ptn_stun_put_u32(o, PTN_STUN_PRIORITY, priority);
    ptn_stun_put(o, controlling ? PTN_STUN_ICE_CONTROLLING : PTN_STUN_ICE_CONTROLLED,
                 ptn_bytes(tie_breaker, sizeof ice->tie_breaker));
}

static bool seal(struct ptn_ice *ice, struct ptn_stun_out *o, const char *pwd,
                 struct ptn_bytes *out)
{
    if (pwd)
        ptn_stun_put_integrity(o, ice->opts.crypto, ptn_bytes_of_text(pwd));
    ptn_stun_put_fingerprint(o);
    return ptn_stun_end(o, out);
}

bool ptn_ice_write_check(struct ptn_ice *ice, const struct ptn_ice_pair *p, struct ptn_bytes *out)
{
    const struct ptn_ice_base *base = &ice->locals[p->local];
    const struct ptn_ice_try *try = &p->tries[0];
    struct ptn_stun_out o;

    begin_request(ice, &o, &try->id, (struct sender){&ice->ours, &ice->far.creds},
                  ptn_ice_priority(PTN_ICE_PEER_REFLEXIVE, base->preference, p->component),
                  try->controlling, try->tie_breaker);
    if (try->nominates)
        ptn_stun_put(&o, PTN_STUN_USE_CANDIDATE, (struct ptn_bytes){0});
    return seal(ice, &o, ice->far.creds.pwd, out);
}

bool ptn_ice_write_question(struct ptn_ice *ice, const struct ptn_ice_way *way, bool earlier,
                            struct ptn_bytes *out)
{
    struct sender s = {&ice->ours, &ice->far.creds};
    struct ptn_stun_out o;

    if (earlier)
        s = (struct sender){&ice->earlier_ours, &ice->earlier_theirs};
    begin_request(ice, &o, ptn_ice_consent_id(&way->consent), s, way->priority, ice->controlling,
                  ice->tie_breaker);
    return seal(ice, &o, s.theirs->pwd, out);
}

bool ptn_ice_write_keepalive(struct ptn_ice *ice, struct ptn_bytes *out)
{
    struct ptn_stun_id id = ptn_stun_id_new(&ice->dice, PTN_STUN_MODERN);
    struct ptn_stun_out o;

    /* RFC 8445 §11: without integrity, since nobody acts on it. */
    ptn_stun_begin(&o, ice->buf, sizeof ice->buf, PTN_STUN_INDICATION, PTN_STUN_BINDING, &id);
    return seal(ice, &o, NULL, out);
}

bool ptn_ice_write_reply(struct ptn_ice *ice, const struct ptn_ice_reply *r, struct ptn_bytes *out)
{
    const struct ptn_ice_creds *creds = r->earlier ? &ice->earlier_ours : &ice->ours;
    struct ptn_stun_out o;

    ptn_stun_begin(&o, ice->buf, sizeof ice->buf, r->code ? PTN_STUN_ERROR : PTN_STUN_SUCCESS,
                   PTN_STUN_BINDING, &r->id);
    if (r->code)
        ptn_stun_put_code(&o, r->code);
    else
        ptn_stun_put_addr(&o, PTN_STUN_XOR_MAPPED_ADDRESS, &r->to);
    if (r->unknown_count)
        ptn_stun_put_unknown(&o, r->unknown, r->unknown_count);
    return seal(ice, &o, r->sealed ? creds->pwd : NULL, out);
}
