/*
 * bench/relay_turn.c - what does an allocation cost, and what its data, without any socket?
 *
 *   bench_relay_turn [ALLOCATIONS [MILLIONS]]
 *
 * Makes so many allocations with a permission and a channel each and prints how much memory each
 * has added, then relays 172 bytes of sound in batches, over all of them in turn.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "support/turn_rig.h"

enum { BATCH = 64, SOUND = 172 };

struct load {
    struct ptn_relay_in in[BATCH];
    struct ptn_relay_out out[BATCH];
    uint8_t packets[BATCH][SOUND + 4], bufs[BATCH][SOUND + PTN_RELAY_HEADROOM];
};

static double now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static long resident_bytes(void)
{
    FILE *f = fopen("/proc/self/statm", "r");
    long size, pages = 0;

    if (!f || fscanf(f, "%ld %ld", &size, &pages) != 2)
        abort();
    fclose(f);
    return pages * sysconf(_SC_PAGESIZE);
}

static struct ptn_addr client_of(unsigned i)
{
    return ptn_addr_v4(91, 198, (uint8_t)(i >> 8), (uint8_t)i, (uint16_t)(10000 + i % 50000));
}

static struct ptn_addr peer_of(unsigned i)
{
    return ptn_addr_v4(20, 1, (uint8_t)(i >> 8), (uint8_t)i, 7000);
}

static struct ptn_addr *allocate_all(struct rig *g, unsigned count)
{
    struct ptn_addr *relayed = calloc(count, sizeof *relayed);
    struct rig_client c = rig_client(1), warm = rig_client(2);

    /* What is touched once and for all is not an allocation's. */
    if (!relayed || rig_allocate(g, &warm, NULL) != 0 || rig_refresh(g, &warm, 0) != 0)
        abort();
    memset(relayed, 1, count * sizeof *relayed);
    long before = resident_bytes();
    double start = now_ns();
    for (unsigned i = 0; i < count; i++) {
        struct ptn_addr peer = peer_of(i);
        c.addr = client_of(i);
        c.nonce[0] = '\0';
        if (rig_allocate(g, &c, &relayed[i]) != 0 || rig_bind(g, &c, 0x4000, &peer) != 0)
            abort();
    }
    double each_ns = (now_ns() - start) / count;
    printf("%-22s %6.0f bytes\n", "an allocation", (double)(resident_bytes() - before) / count);
    printf("%-22s %6.1f us, with the client's part\n", "to make it", each_ns / 1000);
    return relayed;
}

static void relay(struct rig *g, const struct ptn_addr *relayed, unsigned count, bool down,
                  unsigned long batches)
{
    static struct load l;
    ptn_id *sockets = calloc(count, sizeof *sockets);
    double spent = 0;

    if (!sockets)
        abort();
    for (unsigned i = 0; i < count; i++)
        sockets[i] = rig_socket(g, &relayed[i]);
    for (unsigned long b = 0; b < batches; b++) {
        for (unsigned k = 0; k < BATCH; k++) {
            unsigned i = (unsigned)(b * BATCH + k) % count;
            l.packets[k][0] = 0x40;
            l.packets[k][3] = SOUND;
            l.in[k].socket = down ? sockets[i] : RIG_UDP;
            l.in[k].from = down ? peer_of(i) : client_of(i);
            l.in[k].bytes = ptn_bytes(l.packets[k], down ? SOUND : SOUND + 4);
            l.out[k].buf = l.bufs[k];
            l.out[k].capacity = sizeof l.bufs[k];
        }
        double start = now_ns();
        if (ptn_relay_batch(g->relay, g->now, l.in, BATCH, l.out) != BATCH)
            abort();
        spent += now_ns() - start;
    }
    printf("%-22s %6.1f ns\n", down ? "ChannelData down" : "ChannelData up",
           spent / (double)batches / BATCH);
    free(sockets);
}

int main(int argc, char **argv)
{
    unsigned count = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 9000;
    unsigned long batches = (argc > 2 ? strtoul(argv[2], NULL, 10) : 3) * 1000000 / BATCH;
    struct ptn_relay_opts opts = rig_opts();

    if (count == 0 || count > 20000)
        return 1;
    opts.turn.allocations_max = count + 16;
    opts.turn.stock = 128;
    opts.turn.port_min = 1024;
    opts.no_budget = true;
    struct rig *g = rig_new(&opts);
    struct ptn_addr *relayed = allocate_all(g, count);
    relay(g, relayed, count, false, batches);
    relay(g, relayed, count, true, batches);
    free(relayed);
    rig_free(g);
    return 0;
}
