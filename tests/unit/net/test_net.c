#include "world.h"

static const char home[] = "wire core 203.0.113.0/24\n"
                           "wire home 192.168.1.0/24 delay 20ms\n"
                           "nat nat-a port-restricted inside home outside core 203.0.113.10\n"
                           "host alice home 192.168.1.10\n"
                           "host server core 203.0.113.5 203.0.113.6\n";

TEST(a_packet_through_a_nat_comes_from_the_nats_address_and_the_answer_finds_back)
{
    struct world w;

    world_start(&w, home, 1);
    world_send(&w, "alice", "192.168.1.10:5060", "203.0.113.5:3478", 20);
    world_run(&w, w.now + PTN_S(1));
    CHECK_EQ(1, w.count);
    CHECK_EQ(ptn_scenario_host(w.s, "server"), w.arrivals[0].host);
    CHECK_EQ(PTN_S(1000) + PTN_MS(20), w.arrivals[0].at);
    struct ptn_addr seen = w.arrivals[0].ip.ends.from;
    CHECK_ADDR(&(struct ptn_addr[]){addr("203.0.113.10:5060")}[0], &seen);

    world_clear(&w);
    world_send(&w, "server", "203.0.113.5:3478", "203.0.113.10:5060", 30);
    world_run(&w, w.now + PTN_S(1));
    CHECK_EQ(1, w.count);
    CHECK_EQ(ptn_scenario_host(w.s, "alice"), w.arrivals[0].host);
    CHECK_ADDR(&(struct ptn_addr[]){addr("192.168.1.10:5060")}[0], &w.arrivals[0].ip.ends.to);

    world_clear(&w);
    world_send(&w, "server", "203.0.113.6:3478", "203.0.113.10:5060", 30);
    world_run(&w, w.now + PTN_S(1));
    CHECK_EQ(0, w.count);
    CHECK_EQ(1, ptn_net_box_count(w.net, 0, PTN_NAT_FILTERED));
    world_end(&w);
}
