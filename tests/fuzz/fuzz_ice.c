/*
 * fuzz_ice - an agent among far ends that know its password and strangers who do not.
 *
 * The input is a list of steps: a byte for what, then what it needs. Random bytes would never get
 * past the seals, so checks and answers are sealed here around attributes of the fuzzer's choice.
 */
#include <stdio.h>
#include <stdlib.h>

#include "ice/ice.h"
#include "stun/seal.h"
#include "support/echo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct ptn_ice_creds FAR = {"FARF", "passwordoftwentytwobytes"};
static struct ptn_crypto *crypto;

struct world {
    struct ptn_ice *ice;
    ptn_time now;
    struct echo e;
    uint8_t buf[1200];
    uint8_t serial;
};

static void drain(struct world *w)
{
    struct ptn_ice_event ev;
    struct ptn_ice_route route;
    struct ptn_ask ask;
    unsigned asks = 0, events = 0;

    ptn_ice_tick(w->ice, w->now);
    while (ptn_ice_output(w->ice, w->now, &ask)) {
        echo_keep(&w->e, &ask);
        if (ask.id == 0 || ptn_addr_is_none(&ask.to) || ++asks > 200)
            abort();
    }
    while (ptn_ice_event(w->ice, &ev))
        if (++events > 20)
            abort();
    if (ptn_ice_deadline(w->ice) <= w->now)
        abort(); /* a tick leaves nothing due */
    if (ptn_ice_route(w->ice, w->now, 1, &route) && ptn_addr_is_none(&route.to))
        abort();
}

static struct ptn_addr read_addr(struct ptn_reader *r)
{
    uint8_t n = ptn_read_u8(r);

    return n & 0x80 ? (struct ptn_addr){.ip = {0x20, 1, 0xd, 0xb8, [15] = n & 7},
                                        .port = 5000,
                                        .family = PTN_IPV6}
                    : ptn_addr_v4(198, 51, n & 0x40 ? 0 : 100, n & 7, (uint16_t)(n >> 3 & 7));
}

/* Sealed and given in: attributes are what the fuzzer says, behind those an agent must see. */
static void give(struct world *w, struct ptn_reader *r, enum ptn_stun_class class,
                 const struct ptn_stun_id *id, const char *pwd, struct ptn_tell tell)
{
    char user[600];
    struct ptn_stun_out o;
    unsigned how = ptn_read_u8(r);

    ptn_stun_begin(&o, w->buf, sizeof w->buf, class, PTN_STUN_BINDING, id);
    if (class == PTN_STUN_REQUEST) {
        snprintf(user, sizeof user, "%s:FARF", ptn_ice_creds(w->ice)->ufrag);
        ptn_stun_put(&o, PTN_STUN_USERNAME, ptn_bytes_of_text(user));
        if (how & 1)
            ptn_stun_put_u32(&o, PTN_STUN_PRIORITY, ptn_read_u16(r));
    } else if (how & 1) {
        struct ptn_addr mapped = read_addr(r);
        ptn_stun_put_addr(&o, PTN_STUN_XOR_MAPPED_ADDRESS, &mapped);
    }
    if (how & 2)
        ptn_stun_put(&o, (enum ptn_stun_attr)ptn_read_u16(r), ptn_read(r, ptn_read_u8(r) % 40));
    if (how & 4)
        ptn_stun_put(&o, how & 8 ? PTN_STUN_ICE_CONTROLLING : PTN_STUN_ICE_CONTROLLED,
                     ptn_bytes("\x7f\0\0\0\0\0\0", 8));
    if (how & 16)
        ptn_stun_put(&o, PTN_STUN_USE_CANDIDATE, (struct ptn_bytes){0});
    if (class == PTN_STUN_ERROR)
        ptn_stun_put_code(&o, how & 32 ? 487 : 400);
    if (!(how & 64))
        ptn_stun_put_integrity(&o, crypto, ptn_bytes_of_text(pwd));
    if (how & 128)
        ptn_stun_put_fingerprint(&o);
    if (ptn_stun_end(&o, &tell.bytes))
        ptn_ice_input(w->ice, w->now, &tell);
}

static void answer(struct world *w, struct ptn_reader *r)
{
    unsigned which = ptn_read_u8(r) % ECHO_KEPT;
    struct ptn_stun_id id;

    if (which >= w->e.count)
        return;
    memcpy(id.bytes, w->e.headers[which] + 4, sizeof id.bytes);
    give(w, r, ptn_read_u8(r) % 4 ? PTN_STUN_SUCCESS : PTN_STUN_ERROR, &id, FAR.pwd,
         (struct ptn_tell){
             .kind = PTN_TELL_DATAGRAM, .id = w->e.ids[which], .from = w->e.to[which]});
}

static void add_local(struct world *w, struct ptn_reader *r)
{
    static const enum ptn_ice_kind kinds[] = {PTN_ICE_HOST, PTN_ICE_SERVER_REFLEXIVE,
                                              PTN_ICE_RELAYED};
    struct ptn_ice_local l = {.kind = kinds[ptn_read_u8(r) % 3],
                              .component = 1 + ptn_read_u8(r) % 2,
                              .path = 1 + ptn_read_u8(r) % 4,
                              .addr = read_addr(r),
                              .base = read_addr(r)};

    ptn_ice_add_local(w->ice, w->now, &l);
}

static void add_remote(struct world *w, struct ptn_reader *r)
{
    struct ptn_ice_candidate c = {.addr = read_addr(r),
                                  .kind = ptn_read_u8(r) % PTN_ICE_KINDS,
                                  .component = ptn_read_u8(r) % 4,
                                  .priority = ptn_read_u16(r)};

    c.foundation[0] = (char)ptn_read_u8(r);
    ptn_ice_add_remote(w->ice, w->now, &c);
}

static void step(struct world *w, struct ptn_reader *r)
{
    struct ptn_tell tell = {.kind = PTN_TELL_DATAGRAM, .id = 1};
    struct ptn_stun_id id = {{0x21, 0x12, 0xa4, 0x42, ++w->serial}};

    switch (ptn_read_u8(r) % 12) {
    case 0:
        tell.id = 1 + ptn_read_u8(r) % 4;
        tell.from = read_addr(r);
        give(w, r, PTN_STUN_REQUEST, &id, ptn_ice_creds(w->ice)->pwd, tell);
        break;
    case 1: answer(w, r); break;
    case 2: add_local(w, r); break;
    case 3: add_remote(w, r); break;
    case 4: w->now += PTN_MS(ptn_read_u16(r)); break;
    case 5: /* to the next thing due */
        if (ptn_ice_deadline(w->ice) != PTN_NEVER)
            w->now = ptn_time_max(w->now, ptn_ice_deadline(w->ice));
        break;
    case 6:
        ptn_ice_set_far(w->ice, w->now,
                        &(struct ptn_ice_far){.creds = FAR, .lite = ptn_read_u8(r) == 1});
        break;
    case 7: ptn_ice_restart(w->ice, w->now); break;
    case 8:
        tell.bytes = ptn_read(r, ptn_read_u8(r));
        ptn_ice_input(w->ice, w->now, &tell);
        break;
    case 9:
        tell.kind = PTN_TELL_ICMP_ERROR;
        tell.from = read_addr(r);
        ptn_ice_input(w->ice, w->now, &tell);
        break;
    case 10: ptn_ice_use_components(w->ice, 1 + ptn_read_u8(r) % 2); break;
    case 11:
        ptn_ice_end_local(w->ice);
        ptn_ice_end_remote(w->ice);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ptn_reader r = ptn_reader(ptn_bytes(data, size));
    struct world w = {.now = 0};

    if (!crypto)
        crypto = ptn_crypto_new();
    unsigned how = ptn_read_u8(&r);
    w.ice = ptn_ice_new(&(struct ptn_ice_opts){.crypto = crypto,
                                               .dice = ptn_dice_seeded(1),
                                               .controlling = how & 1,
                                               .components = 1 + (how >> 1 & 1)});
    while (ptn_reader_left(&r) > 0) {
        step(&w, &r);
        drain(&w);
    }
    ptn_ice_free(w.ice);
    return 0;
}
