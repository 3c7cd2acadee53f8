/*
 * fuzz_sim_tcp - a connection that is told, sent and closed whatever comes: it keeps its numbers in
 * order and always comes to an end.
 */
#include <stdlib.h>

#include "base/cursor.h"
#include "sim/tcp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void drain(struct ptn_sim_tcp *t, ptn_time now, unsigned *ended)
{
    struct ptn_sim_segment out;
    struct ptn_sim_tcp_event ev;

    while (ptn_sim_tcp_event(t, &ev)) {
        *ended += ev.kind == PTN_SIM_TCP_ENDED;
        if (ev.kind == PTN_SIM_TCP_DATA && ev.bytes.size == 0)
            abort();
    }
    for (unsigned i = 0; ptn_sim_tcp_output(t, now, &out); i++)
        if (i > 1000)
            abort();
    if (*ended > 1 || (int32_t)(t->next - t->una) < 0 || (int32_t)(t->highest - t->next) < 0)
        abort();
}

/* One thing that happens, from four bytes: numbers are near those that count, or nothing would
 * ever be accepted. */
static void happen(struct ptn_sim_tcp *t, ptn_time now, struct ptn_reader *r)
{
    static const uint8_t payload[256];
    uint8_t what = ptn_read_u8(r), flags = ptn_read_u8(r), near = ptn_read_u8(r),
            size = ptn_read_u8(r);
    struct ptn_sim_segment in = {
        .head = {.seq = t->far_next + (near & 15) - 8,
                 .ack = t->una + (near >> 4) * (1 + (what >> 4)),
                 .flags = flags & 31,
                 .window = (uint16_t)(size * 16),
                 .mss = flags & 32 ? size : 0},
        .payload = ptn_bytes(payload, flags & 64 ? size : 0),
    };

    switch (what % 8) {
    case 0: ptn_sim_tcp_send(t, ptn_bytes(payload, size)); break;
    case 1: ptn_sim_tcp_close(t, now); break;
    case 2: ptn_sim_tcp_tick(t, now); break;
    case 3: ptn_sim_tcp_too_big(t, size); break;
    case 4: ptn_sim_tcp_unreachable(t, PTN_ERR_UNREACHABLE); break;
    default: ptn_sim_tcp_input(t, now, &in); break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ptn_reader r = ptn_reader(ptn_bytes(data, size));
    struct ptn_sim_segment syn = {.head = {.seq = 7, .flags = PTN_TCP_SYN, .window = 65535}};
    struct ptn_sim_tcp t;
    ptn_time now = 0;
    unsigned ended = 0;

    if (ptn_read_u8(&r) & 1)
        ptn_sim_tcp_accept(&t, now, &PTN_SIM_TCP_DEFAULTS, 0xfffffff0, &syn);
    else
        ptn_sim_tcp_connect(&t, now, &PTN_SIM_TCP_DEFAULTS, 0xfffffff0);
    drain(&t, now, &ended);
    while (ptn_reader_left(&r) >= 4) {
        happen(&t, now, &r);
        drain(&t, now, &ended);
        now += PTN_MS(37);
    }
    ptn_sim_tcp_send(&t, ptn_bytes_of_text("is anybody there?"));
    ptn_sim_tcp_close(&t, now);
    drain(&t, now, &ended);
    for (unsigned i = 0; t.phase != PTN_SIM_TCP_DEAD; i++) {
        if (i > 1000 || ptn_sim_tcp_deadline(&t) == PTN_NEVER)
            abort();
        now = ptn_time_max(now, ptn_sim_tcp_deadline(&t));
        ptn_sim_tcp_tick(&t, now);
        drain(&t, now, &ended);
    }
    ptn_sim_tcp_fini(&t);
    return 0;
}
