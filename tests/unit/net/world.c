#include "world.h"

#include <stdlib.h>

struct ptn_addr addr(const char *text)
{
    struct ptn_addr a;

    CHECK(ptn_addr_parse(text, &a));
    return a;
}

void world_start(struct world *w, const char *text, uint64_t seed)
{
    char error[PTN_SCENARIO_ERROR_MAX];

    *w = (struct world){.now = PTN_S(1000)};
    ptn_scenario_new(&w->s, "test.net", ptn_bytes_of_text(text), error);
    CHECK_STR("", error);
    struct ptn_net_opts opts = {
        .scenario = w->s, .seed = seed, .start = w->now, .whole_packets = true};
    CHECK_EQ(PTN_OK, ptn_net_new(&w->net, &opts));
}

void world_end(struct world *w)
{
    ptn_net_free(w->net);
    ptn_scenario_free(w->s);
}

void world_clear(struct world *w)
{
    w->count = w->taps = w->events = 0;
}

static void collect(struct world *w)
{
    struct ptn_net_output out;
    struct ptn_net_event ev;

    while (ptn_net_output(w->net, &out)) {
        if (out.kind == PTN_NET_TAP) {
            w->taps++;
            continue;
        }
        struct arrival *a = &w->arrivals[w->count < 63 ? w->count : 63];
        w->count++;
        CHECK(out.packet.size <= sizeof a->bytes);
        a->at = out.at;
        a->host = out.host;
        a->size = out.packet.size;
        memcpy(a->bytes, out.packet.data, out.packet.size);
        CHECK_EQ(PTN_IP_FINE, ptn_ip_parse(ptn_bytes(a->bytes, a->size), &a->ip));
        CHECK(ptn_ip_checksums_hold(ptn_bytes(a->bytes, a->size), &a->ip));
    }
    while (ptn_net_event(w->net, &ev))
        w->events++;
}

void world_run(struct world *w, ptn_time until)
{
    for (ptn_time next; (next = ptn_net_deadline(w->net)) <= until;) {
        CHECK(next >= w->now);
        w->now = next;
        ptn_net_tick(w->net, w->now);
        collect(w);
    }
    w->now = until;
    ptn_net_tick(w->net, w->now);
    collect(w);
}

void world_send_packet(struct world *w, const char *host, struct ptn_bytes packet)
{
    ptn_net_input(w->net, w->now, (unsigned)ptn_scenario_host(w->s, host), packet);
}

void world_send(struct world *w, const char *host, const char *from, const char *to, size_t size)
{
    static uint8_t payload[4000];
    uint8_t bytes[4100];
    struct ptn_writer writer = ptn_writer(bytes, sizeof bytes);
    struct ptn_ip_head head = {.from = addr(from), .to = addr(to), .id = 77};

    for (size_t i = 0; i < size; i++)
        payload[i] = (uint8_t)(i * 7);
    ptn_ip_build_udp(&writer, &head, ptn_bytes(payload, size));
    CHECK(!writer.bad);
    world_send_packet(w, host, ptn_bytes(bytes, ptn_writer_size(&writer)));
}

void world_apply(struct world *w, const char *event)
{
    char error[PTN_SCENARIO_ERROR_MAX];
    const struct ptn_scenario_event *ev = ptn_scenario_event(w->s, event, error);

    CHECK_STR("", error);
    ptn_net_apply(w->net, w->now, ev);
}

struct ptn_addr world_seen(struct world *w, const char *host, const char *from, const char *to)
{
    world_clear(w);
    world_send(w, host, from, to, 20);
    world_run(w, w->now + PTN_S(1));
    return w->count ? w->arrivals[0].ip.ends.from : (struct ptn_addr){0};
}
