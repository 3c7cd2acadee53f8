/*
 * fuzz_stun_binding - a binding among hostile servers, ICMP errors and odd moments.
 *
 * The input is a list of steps: a byte for what, then what it needs.
 */
#include <stdlib.h>

#include "stun/binding.h"
#include "support/echo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void drain(struct ptn_stun_binding *b, ptn_time now, struct echo *e)
{
    struct ptn_stun_binding_event ev;
    struct ptn_ask ask;
    unsigned asks = 0, events = 0;

    while (ptn_stun_binding_output(b, now, &ask)) {
        echo_keep(e, &ask);
        if (++asks > 2 * PTN_STUN_BINDING_SERVERS_MAX)
            abort();
    }
    while (ptn_stun_binding_event(b, &ev))
        if (++events > PTN_STUN_BINDING_SERVERS_MAX + 4)
            abort();
}

static void step(struct ptn_stun_binding *b, ptn_time *now, struct ptn_reader *r, struct echo *e)
{
    struct ptn_tell tell;

    switch (ptn_read_u8(r) % 6) {
    case 0:
        if (echo_answer(e, r, &tell))
            ptn_stun_binding_input(b, *now, &tell);
        break;
    case 1: *now += PTN_MS(ptn_read_u16(r)); break;
    case 2: /* to the next thing due */
        if (ptn_stun_binding_deadline(b) != PTN_NEVER)
            *now = ptn_time_max(*now, ptn_stun_binding_deadline(b));
        break;
    case 3: ptn_stun_binding_want(b, *now); break;
    case 4:
        tell = (struct ptn_tell){
            .kind = PTN_TELL_ICMP_ERROR, .id = 1, .from = b->opts.servers[ptn_read_u8(r) % 3]};
        ptn_stun_binding_input(b, *now, &tell);
        break;
    case 5: {
        struct ptn_bytes raw = ptn_read(r, ptn_read_u8(r));
        tell = (struct ptn_tell){.kind = PTN_TELL_DATAGRAM, .id = 1, .bytes = raw};
        ptn_stun_binding_input(b, *now, &tell);
        break;
    }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ptn_reader r = ptn_reader(ptn_bytes(data, size));
    struct echo e = {0};
    struct ptn_stun_binding b;
    ptn_time now = 0;
    struct ptn_stun_binding_opts opts = {
        .socket = 1,
        .servers = {ptn_addr_v4(192, 0, 2, 1, 3478), ptn_addr_v4(192, 0, 2, 2, 3478),
                    ptn_addr_v4(192, 0, 2, 3, 3478)},
        .server_count = 1u + ptn_read_u8(&r) % 3,
        .dialect = (enum ptn_stun_binding_dialect)(ptn_read_u8(&r) % 3),
        .dice = ptn_dice_seeded(1),
    };

    ptn_stun_binding_init(&b, &opts);
    ptn_stun_binding_start(&b, now);
    while (ptn_reader_left(&r) > 0) {
        ptn_stun_binding_tick(&b, now);
        drain(&b, now, &e);
        if (ptn_stun_binding_deadline(&b) <= now)
            abort(); /* a tick leaves nothing due */
        step(&b, &now, &r, &e);
    }
    return 0;
}
