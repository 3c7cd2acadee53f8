/* What a wire does to packets: times, shares, sizes. */
#include "world.h"

#include <stdio.h>

enum { COUNT = 2000 };

/* `COUNT` packets from x to y, one a millisecond, over a wire with these properties. */
struct run {
    unsigned arrived, overtakes;
    ptn_time shortest, longest;
};

static struct run play(const char *properties, size_t size)
{
    char text[300];
    struct world w;
    struct run r = {.shortest = PTN_NEVER};
    struct ptn_net_output o;
    unsigned last = 0;
    uint8_t bytes[1500];

    snprintf(text, sizeof text, "wire a 10.0.0.0/8 %s\nhost x a 10.0.0.1\nhost y a 10.0.0.2\n",
             properties);
    world_start(&w, text, 3);
    for (unsigned i = 0; i < COUNT + 2000; i++) {
        if (i < COUNT) {
            uint8_t data[1400] = {(uint8_t)(i >> 8), (uint8_t)i};
            struct ptn_writer writer = ptn_writer(bytes, sizeof bytes);
            struct ptn_ip_head head = {.from = addr("10.0.0.1:1"), .to = addr("10.0.0.2:2")};
            ptn_ip_build_udp(&writer, &head, ptn_bytes(data, size));
            ptn_net_input(w.net, w.now, 0, ptn_bytes(bytes, ptn_writer_size(&writer)));
        }
        w.now += PTN_MS(1);
        ptn_net_tick(w.net, w.now);
        while (ptn_net_output(w.net, &o)) {
            unsigned number = (unsigned)(o.packet.data[28] << 8 | o.packet.data[29]);
            ptn_time took = o.at - PTN_S(1000) - PTN_MS(number);
            r.arrived++;
            r.overtakes += number < last;
            last = number > last ? number : last;
            r.shortest = ptn_time_min(r.shortest, took);
            r.longest = ptn_time_max(r.longest, took);
        }
    }
    world_end(&w);
    return r;
}

TEST(a_delay_holds_every_packet_exactly_so_long)
{
    struct run r = play("delay 25ms", 20);

    CHECK_EQ(COUNT, r.arrived);
    CHECK_EQ(PTN_MS(25), r.shortest);
    CHECK_EQ(PTN_MS(25), r.longest);
}

TEST(jitter_spreads_delays_and_keeps_the_order)
{
    struct run r = play("delay 25ms jitter 10ms", 20);

    CHECK_EQ(COUNT, r.arrived);
    CHECK_EQ(0, r.overtakes);
    CHECK(r.shortest >= PTN_MS(25) && r.shortest < PTN_MS(28));
    CHECK(r.longest > PTN_MS(33) && r.longest <= PTN_MS(35) + PTN_US(1));
}

TEST(loss_and_duplicates_come_in_their_shares)
{
    struct run lossy = play("loss 10%", 20), doubled = play("duplicate 10%", 20);

    CHECK(lossy.arrived > COUNT * 87 / 100 && lossy.arrived < COUNT * 93 / 100);
    CHECK(doubled.arrived > COUNT * 107 / 100 && doubled.arrived < COUNT * 113 / 100);
    CHECK_EQ(0, play("loss 100%", 20).arrived);
}

TEST(reordered_packets_are_overtaken_and_none_is_lost)
{
    struct run r = play("delay 10ms reorder 5% 30ms", 20);

    CHECK_EQ(COUNT, r.arrived);
    CHECK(r.overtakes > COUNT * 3 / 100 && r.overtakes < COUNT * 7 / 100);
    CHECK(r.longest <= PTN_MS(40));
}

TEST(a_rate_lets_through_what_it_carries_and_its_queue_bounds_the_wait)
{
    /* 128 bytes a millisecond on the wire; 1.024 Mbit is exactly what is sent, 512 kbit half. */
    struct run fits = play("rate 1024kbit", 100), half = play("rate 512kbit queue 100ms", 100);

    CHECK_EQ(COUNT, fits.arrived);
    CHECK_EQ(PTN_MS(1), fits.shortest);
    CHECK_EQ(PTN_MS(1), fits.longest);
    CHECK(half.arrived > COUNT / 2 && half.arrived < COUNT / 2 + 60);
    CHECK(half.longest > PTN_MS(99) && half.longest <= PTN_MS(103));
}

#define HOME                                                                                       \
    "wire core 203.0.113.0/24\n"                                                                   \
    "wire home 192.168.1.0/24 %s\n"                                                                \
    "nat n full-cone inside home outside core 203.0.113.10\n"                                      \
    "host alice home 192.168.1.10\nhost server core 203.0.113.5\n"

TEST(up_is_from_the_inside_out_and_down_is_back)
{
    char text[400];
    struct world w;

    snprintf(text, sizeof text, HOME, "up delay 10ms down delay 70ms");
    world_start(&w, text, 1);
    world_seen(&w, "alice", "192.168.1.10:5060", "203.0.113.5:1");
    CHECK_EQ(PTN_MS(10), w.arrivals[0].at - (w.now - PTN_S(1)));
    world_seen(&w, "server", "203.0.113.5:1", "203.0.113.10:5060");
    CHECK_EQ(PTN_MS(70), w.arrivals[0].at - (w.now - PTN_S(1)));
    world_end(&w);
}

/* On the wire between a NAT and its provider's router, up is still away from the home. */
TEST(up_is_away_from_a_nats_outside_leg_too)
{
    struct world w;

    world_start(
        &w,
        "wire core 203.0.113.0/24\nwire line 198.51.100.0/24 up delay 10ms down delay 70ms\n"
        "wire home 192.168.1.0/24\nrouter isp core line\n"
        "nat n full-cone inside home outside line 198.51.100.9\n"
        "host alice home 192.168.1.10\nhost server core 203.0.113.5\n",
        1);
    world_seen(&w, "alice", "192.168.1.10:5060", "203.0.113.5:1");
    CHECK_EQ(PTN_MS(10), w.arrivals[0].at - (w.now - PTN_S(1)));
    world_seen(&w, "server", "203.0.113.5:1", "198.51.100.9:5060");
    CHECK_EQ(PTN_MS(70), w.arrivals[0].at - (w.now - PTN_S(1)));
    world_end(&w);
}

TEST(an_event_changes_only_the_numbers_and_the_way_it_names)
{
    char text[500];
    struct world w;

    snprintf(text, sizeof text,
             HOME "at 10s link home down loss 100%%\nat 20s link home loss 0%%\n", "delay 20ms");
    world_start(&w, text, 1);
    world_run(&w, PTN_S(1010));
    world_seen(&w, "alice", "192.168.1.10:5060", "203.0.113.5:1");
    CHECK_EQ(1, w.count);
    world_seen(&w, "server", "203.0.113.5:1", "203.0.113.10:5060");
    CHECK_EQ(0, w.count);
    CHECK_EQ(1, ptn_net_count(w.net, PTN_NET_LOST));
    world_run(&w, PTN_S(1020));
    world_seen(&w, "server", "203.0.113.5:1", "203.0.113.10:5060");
    CHECK_EQ(1, w.count);
    CHECK_EQ(PTN_MS(20), w.arrivals[0].at - (w.now - PTN_S(1)));
    world_end(&w);
}
