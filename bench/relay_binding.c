/*
 * bench/relay_binding.c - what does a Binding request cost the relay, without any socket?
 *
 *   bench_relay_binding [MILLIONS [FORM]]     FORM: 0 to 3, that one only
 *
 * The floor under what a server can do: batches of requests from many sources, answered in memory,
 * budgets on. The clock of the relay goes so fast that no source spends its budget. Prints
 * nanoseconds a request for each form of it; under callgrind, instructions.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "relay/relay.h"
#include "stun/seal.h"

enum { BATCH = 64 };

struct load {
    struct ptn_relay_in in[BATCH];
    struct ptn_relay_out out[BATCH];
    uint8_t requests[BATCH][200], answers[BATCH][PTN_RELAY_ANSWER_MAX];
};

static double now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static struct ptn_relay *make_relay(void)
{
    struct ptn_relay_opts opts = {.listener_count = 16, .behaviour_discovery = true};

    for (unsigned i = 0; i < opts.listener_count; i++)
        opts.listeners[i] = (struct ptn_relay_listener){
            .id = i + 1,
            .transport = PTN_UDP,
            .local = ptn_addr_v4(192, 0, 2, (uint8_t)(1 + i / 2), (uint16_t)(3478 + i % 2)),
            .group = 1 + i / 4};
    return ptn_relay_new(&opts);
}

static void fill(struct load *l, enum ptn_stun_dialect dialect, bool change, bool fingerprint)
{
    struct ptn_dice dice = ptn_dice_seeded(1);

    for (unsigned i = 0; i < BATCH; i++) {
        struct ptn_stun_id id = ptn_stun_id_new(&dice, dialect);
        struct ptn_stun_out o;
        ptn_stun_begin(&o, l->requests[i], sizeof l->requests[i], PTN_STUN_REQUEST,
                       PTN_STUN_BINDING, &id);
        if (change)
            ptn_stun_put_u32(&o, PTN_STUN_CHANGE_REQUEST, PTN_STUN_CHANGE_PORT);
        if (fingerprint)
            ptn_stun_put_fingerprint(&o);
        l->in[i].socket = 1 + i % 16;
        l->in[i].from = ptn_addr_v4(91, (uint8_t)i, 113, (uint8_t)i, (uint16_t)(40000 + i));
        if (!ptn_stun_end(&o, &l->in[i].bytes))
            abort();
        l->out[i].buf = l->answers[i];
        l->out[i].capacity = sizeof l->answers[i];
    }
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        enum ptn_stun_dialect dialect;
        bool change, fingerprint;
    } forms[] = {
        {"modern, plain", PTN_STUN_MODERN, false, false},
        {"modern, fingerprint", PTN_STUN_MODERN, false, true},
        {"modern, change port", PTN_STUN_MODERN, true, false},
        {"classic, plain", PTN_STUN_CLASSIC, false, false},
    };
    unsigned long batches = (argc > 1 ? strtoul(argv[1], NULL, 10) : 5) * 1000000 / BATCH;
    struct ptn_relay *r = make_relay();
    static struct load l;
    ptn_time clock = 0;

    if (!r)
        return 1;
    for (size_t f = 0; f < sizeof forms / sizeof *forms; f++) {
        if (argc > 2 && strtoul(argv[2], NULL, 10) != f)
            continue;
        fill(&l, forms[f].dialect, forms[f].change, forms[f].fingerprint);
        double start = now_ns();
        for (unsigned long i = 0; i < batches; i++)
            if (ptn_relay_batch(r, clock += PTN_MS(10), l.in, BATCH, l.out) != BATCH)
                abort();
        printf("%-22s %6.1f ns\n", forms[f].name, (now_ns() - start) / (double)batches / BATCH);
    }
    ptn_relay_free(r);
    return 0;
}
