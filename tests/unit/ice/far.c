/*
 * tests/unit/ice/far.c - what a far end says, in its order and with its faults.
 */
#include "far.h"

#include <stdio.h>

#include "stun/seal.h"
#include "support/test.h"
#include "world.h"

const struct ptn_ice_far FAR = {.creds = {"FARF", "passwordoftwentytwobytes"}};

struct ptn_addr far_addr(unsigned i)
{
    return ptn_addr_v4(198, 51, 100, (uint8_t)(1 + i), 5000);
}

struct far_bench far_open(bool controlling)
{
    struct far_bench b = {.crypto = ptn_crypto_new(), .now = PTN_S(1)};
    struct ptn_ice_local local = {
        .kind = PTN_ICE_HOST, .component = 1, .path = 7, .addr = world_addr("192.0.2.1:4000")};

    b.ice = ptn_ice_new(&(struct ptn_ice_opts){.crypto = b.crypto,
                                               .dice = ptn_dice_seeded(1),
                                               .controlling = controlling,
                                               .components = 1});
    ptn_ice_add_local(b.ice, b.now, &local);
    return b;
}

void far_close(struct far_bench *b)
{
    ptn_ice_free(b->ice);
    ptn_crypto_free(b->crypto);
}

void far_add(struct far_bench *b, unsigned i, uint32_t priority)
{
    struct ptn_ice_candidate c = {.addr = far_addr(i), .component = 1, .priority = priority};

    c.foundation[0] = (char)('a' + i);
    CHECK(ptn_ice_add_remote(b->ice, b->now, &c));
}

bool far_hear(struct far_bench *b)
{
    struct ptn_ask ask;

    ptn_ice_tick(b->ice, b->now);
    if (!ptn_ice_output(b->ice, b->now, &ask))
        return false;
    CHECK_EQ(PTN_ASK_DATAGRAM, ask.kind);
    CHECK_EQ(7, ask.id);
    memcpy(b->bytes, ask.bytes.data, ask.bytes.size);
    b->out = ptn_bytes(b->bytes, ask.bytes.size);
    b->to = ask.to;
    CHECK_EQ(PTN_STUN_OK, ptn_stun_decode(&b->m, b->out));
    return true;
}

bool far_hear_class(struct far_bench *b, enum ptn_stun_class class)
{
    while (far_hear(b))
        if (b->m.class == class)
            return true;
    return false;
}

void far_quiet(struct far_bench *b)
{
    while (far_hear(b))
        ;
}

enum ptn_ice_verdict far_say(struct far_bench *b, const struct far_check *c)
{
    uint8_t buf[1200], tie[8] = {c->tie_breaker};
    char user[300];
    struct ptn_stun_out o;
    struct ptn_bytes bytes;
    struct ptn_stun_id id = {{0x21, 0x12, 0xa4, 0x42, ++b->serial}};
    const struct ptn_ice_creds *ours = ptn_ice_creds(b->ice);

    snprintf(user, sizeof user, "%s:FARF", ours->ufrag);
    ptn_stun_begin(&o, buf, sizeof buf, PTN_STUN_REQUEST, PTN_STUN_BINDING, &id);
    if (!c->no_user)
        ptn_stun_put(&o, PTN_STUN_USERNAME, ptn_bytes_of_text(c->user ? c->user : user));
    if (!c->no_priority)
        ptn_stun_put_u32(&o, PTN_STUN_PRIORITY, c->priority ? c->priority : 1000);
    if (c->role)
        ptn_stun_put(&o, c->role, ptn_bytes(tie, sizeof tie));
    if (c->nominates)
        ptn_stun_put(&o, PTN_STUN_USE_CANDIDATE, (struct ptn_bytes){0});
    if (c->stranger)
        ptn_stun_put_u32(&o, (enum ptn_stun_attr)0x003f, 1);
    if (!c->no_seal)
        ptn_stun_put_integrity(&o, b->crypto, ptn_bytes_of_text(c->pwd ? c->pwd : ours->pwd));
    if (!c->no_fingerprint)
        ptn_stun_put_fingerprint(&o);
    CHECK(ptn_stun_end(&o, &bytes));
    if (c->bad_fingerprint)
        buf[bytes.size - 1] ^= 1;
    return ptn_ice_input(
        b->ice, b->now,
        &(struct ptn_tell){
            .kind = PTN_TELL_DATAGRAM, .id = 7, .from = far_addr(c->from), .bytes = bytes});
}

enum ptn_ice_verdict far_answer(struct far_bench *b, const struct far_answer *a)
{
    uint8_t buf[400];
    struct ptn_stun_out o;
    struct ptn_bytes bytes;
    struct ptn_addr mapped = world_addr("203.0.113.1:4444"), from = b->to;

    ptn_stun_begin(&o, buf, sizeof buf, a->code ? PTN_STUN_ERROR : PTN_STUN_SUCCESS,
                   PTN_STUN_BINDING, &b->m.id);
    if (a->code)
        ptn_stun_put_error(&o, a->code);
    else if (!a->no_address)
        ptn_stun_put_addr(&o, PTN_STUN_XOR_MAPPED_ADDRESS, &mapped);
    if (!a->no_seal)
        ptn_stun_put_integrity(&o, b->crypto, ptn_bytes_of_text(a->pwd ? a->pwd : FAR.creds.pwd));
    ptn_stun_put_fingerprint(&o);
    CHECK(ptn_stun_end(&o, &bytes));
    from.port += a->elsewhere;
    return ptn_ice_input(
        b->ice, b->now,
        &(struct ptn_tell){
            .kind = PTN_TELL_DATAGRAM, .id = a->path ? a->path : 7, .from = from, .bytes = bytes});
}
