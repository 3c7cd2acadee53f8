/*
 * fuzz_relay - the server before hostile clients, over UDP and TCP.
 *
 * The input is a list of steps: a byte for what, a byte for who, two for the size, and the bytes.
 * Whatever comes, no answer goes to a socket of the server's, and every answer is a STUN response.
 */
#include <stdlib.h>

#include "relay/relay.h"
#include "stun/msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct ptn_relay_opts options(unsigned bits)
{
    struct ptn_relay_opts opts = {.listener_count = 5,
                                  .behaviour_discovery = bits & 1,
                                  .always_extras = bits & 2,
                                  .mapped_in_modern = bits & 4,
                                  .connections_max = 3};

    for (unsigned i = 0; i < 4; i++)
        opts.listeners[i] = (struct ptn_relay_listener){
            .id = i + 1,
            .transport = PTN_UDP,
            .local = ptn_addr_v4(192, 0, 2, (uint8_t)(1 + i / 2), (uint16_t)(3478 + i % 2)),
            .group = 1};
    opts.listeners[4] = opts.listeners[0];
    opts.listeners[4].id = 5;
    opts.listeners[4].transport = PTN_TCP;
    return opts;
}

static void check_answer(const struct ptn_ask *ask)
{
    struct ptn_stun_msg m;

    if (ask->kind == PTN_ASK_CLOSE)
        return;
    if (ptn_stun_decode(&m, ask->bytes) != PTN_STUN_OK ||
        (m.class != PTN_STUN_SUCCESS && m.class != PTN_STUN_ERROR) ||
        ask->bytes.size > PTN_RELAY_ANSWER_MAX)
        abort();
    if (ask->kind == PTN_ASK_DATAGRAM && ask->to.ip[0] == 192 &&
        (ask->to.ip[3] == 1 || ask->to.ip[3] == 2) &&
        (ask->to.port == 3478 || ask->to.port == 3479))
        abort();
}

static void step(struct ptn_machine m, ptn_time *now, struct ptn_reader *r)
{
    unsigned what = ptn_read_u8(r), who = ptn_read_u8(r);
    struct ptn_tell tell = {
        .from = ptn_addr_v4(192, 0, 2, (uint8_t)(who % 5), (uint16_t)(3477 + who / 5 % 4)),
        .bytes = ptn_read(r, ptn_read_u16(r))};

    switch (what % 5) {
    case 0: tell.kind = PTN_TELL_DATAGRAM, tell.id = 1 + what / 5 % 4; break;
    case 1: tell.kind = PTN_TELL_STREAM, tell.id = PTN_ID_WORLD + who % 5; break;
    case 2: tell.kind = PTN_TELL_CLOSED, tell.id = PTN_ID_WORLD + who % 5; break;
    case 3:
        *now += PTN_S(who);
        m.tick(m.self, *now);
        return;
    case 4:
        tell.kind = PTN_TELL_ACCEPTED, tell.id = PTN_ID_WORLD + who % 5, tell.listener = 5;
        break;
    }
    /* The world never gives an id twice: what had it is gone. */
    if (tell.kind == PTN_TELL_ACCEPTED)
        m.input(m.self, *now, &(struct ptn_tell){.kind = PTN_TELL_CLOSED, .id = tell.id});
    m.input(m.self, *now, &tell);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ptn_reader r = ptn_reader(ptn_bytes(data, size));
    struct ptn_relay_opts opts = options(ptn_read_u8(&r));
    struct ptn_relay *relay = ptn_relay_new(&opts);
    ptn_time now = 0;
    struct ptn_ask ask;

    if (!relay)
        abort();
    struct ptn_machine m = ptn_relay_machine(relay);
    while (ptn_reader_left(&r) > 0) {
        step(m, &now, &r);
        while (m.output(m.self, now, &ask))
            check_answer(&ask);
    }
    ptn_relay_free(relay);
    return 0;
}
