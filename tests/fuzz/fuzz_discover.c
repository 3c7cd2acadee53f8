/*
 * fuzz_discover - discovery among hostile servers and name servers.
 *
 * The input is a list of steps: a byte for what, then what it needs. Whatever comes, the run ends
 * in time and closes its sockets.
 */
#include <stdlib.h>

#include "discover/discover.h"
#include "support/echo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FIRST_ID = 10, SOCKETS = 4 };

struct world {
    struct ptn_discover *d;
    struct echo e;
    ptn_time now;
    unsigned opened, closed;
};

static void open_socket(struct world *w, ptn_id id)
{
    w->opened++;
    ptn_discover_input(w->d, w->now,
                       &(struct ptn_tell){.kind = PTN_TELL_OPENED,
                                          .id = id,
                                          .local = ptn_addr_v4(10, 0, 0, 1, (uint16_t)id)});
}

static bool drain(struct world *w)
{
    struct ptn_discover_event ev;
    struct ptn_ask ask;
    bool done = false;

    while (ptn_discover_output(w->d, w->now, &ask))
        switch (ask.kind) {
        case PTN_ASK_DATAGRAM: echo_keep(&w->e, &ask); break;
        case PTN_ASK_OPEN: open_socket(w, ask.id); break;
        case PTN_ASK_CLOSE: w->closed++; break;
        default: break;
        }
    while (ptn_discover_event(w->d, &ev))
        done |= ev.kind == PTN_DISCOVER_DONE;
    return done;
}

static void tell_records(struct world *w, struct ptn_reader *r)
{
    struct ptn_dns_record records[3];
    char target[64] = {0};
    ptn_id id = FIRST_ID + 10 + ptn_read_u8(r) % 6;
    unsigned count = ptn_read_u8(r) % 4;

    for (unsigned i = 0; i < count; i++) {
        struct ptn_bytes name = ptn_read(r, ptn_read_u8(r) % sizeof target);
        if (name.size > 0)
            memcpy(target, name.data, name.size);
        records[i] = (struct ptn_dns_record){
            .type = (enum ptn_dns_type)(1u << ptn_read_u8(r) % 4),
            .priority = ptn_read_u8(r),
            .weight = ptn_read_u8(r),
            .port = ptn_read_u16(r),
            .addr = ptn_addr_v4(192, 0, 2, ptn_read_u8(r), 0),
            .target = i < 2 ? target : NULL,
        };
        target[sizeof target - 1] = 0;
    }
    ptn_discover_input(w->d, w->now,
                       &(struct ptn_tell){.kind = count ? PTN_TELL_RESOLVED : PTN_TELL_FAILED,
                                          .id = id,
                                          .records = records,
                                          .record_count = count});
}

static void step(struct world *w, struct ptn_reader *r)
{
    struct ptn_tell tell;

    switch (ptn_read_u8(r) % 5) {
    case 0:
        if (echo_answer(&w->e, r, &tell))
            ptn_discover_input(w->d, w->now, &tell);
        break;
    case 1: w->now += PTN_MS(ptn_read_u8(r)); break;
    case 2: tell_records(w, r); break;
    case 3:
        ptn_discover_input(w->d, w->now,
                           &(struct ptn_tell){.kind = PTN_TELL_ICMP_ERROR,
                                              .id = FIRST_ID,
                                              .from = ptn_addr_v4(192, 0, 2, 1, 3478)});
        break;
    case 4: {
        struct ptn_bytes raw = ptn_read(r, ptn_read_u8(r));
        tell = (struct ptn_tell){
            .kind = PTN_TELL_DATAGRAM, .id = FIRST_ID + ptn_read_u8(r) % SOCKETS, .bytes = raw};
        ptn_discover_input(w->d, w->now, &tell);
        break;
    }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ptn_reader r = ptn_reader(ptn_bytes(data, size));
    static struct world w;
    struct ptn_discover_opts opts = {
        .first_id = FIRST_ID,
        .local = ptn_addr_v4(10, 0, 0, 1, 0),
        .servers = {{"192.0.2.1", 3478}, {"stun.example.org", 0}},
        .server_count = 1u + ptn_read_u8(&r) % 2,
        .dialect = (enum ptn_discover_dialect)(ptn_read_u8(&r) % 3),
        .dice = ptn_dice_seeded(1),
    };

    w = (struct world){.d = ptn_discover_new(&opts)};
    if (!w.d)
        abort();
    ptn_discover_start(w.d, w.now);
    bool done = drain(&w);
    for (unsigned i = 0; !done; i++) {
        if (ptn_reader_left(&r) > 0)
            step(&w, &r);
        else
            w.now = ptn_time_max(w.now, ptn_discover_deadline(w.d));
        ptn_discover_tick(w.d, w.now);
        done = drain(&w);
        if (i > 100000 || (!done && ptn_discover_deadline(w.d) <= w.now))
            abort(); /* a tick leaves nothing due, and everything ends */
    }
    if (w.opened != w.closed || drain(&w))
        abort();
    ptn_discover_free(w.d);
    return 0;
}
