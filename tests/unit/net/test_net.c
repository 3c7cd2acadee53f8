/* Stories: who reaches whom through what. */
#include "world.h"

#define CORE                                                                                       \
    "wire core 203.0.113.0/24\n"                                                                   \
    "host server core 203.0.113.5 203.0.113.6\n"                                                   \
    "host other core 203.0.113.7\n"

#define HOME(properties)                                                                           \
    CORE "wire home 192.168.1.0/24 delay 20ms\n"                                                   \
         "nat nat-a inside home outside core 203.0.113.10 " properties "\n"                        \
         "host alice home 192.168.1.10\n"                                                          \
         "host amy home 192.168.1.11\n"

#define ALICE "192.168.1.10:5060"
#define SERVER "203.0.113.5:3478"

static void check_seen(struct world *w, const char *expected, const char *host, const char *from,
                       const char *to)
{
    struct ptn_addr e = addr(expected), seen = world_seen(w, host, from, to);

    CHECK_ADDR(&e, &seen);
}

static void check_lost(struct world *w, const char *host, const char *from, const char *to)
{
    struct ptn_addr seen = world_seen(w, host, from, to);

    CHECK(ptn_addr_is_none(&seen));
}

TEST(a_packet_through_a_nat_comes_from_its_address_and_only_the_answer_finds_back)
{
    struct world w;

    world_start(&w, HOME("port-restricted"), 1);
    world_send(&w, "alice", ALICE, SERVER, 20);
    world_run(&w, w.now + PTN_S(1));
    CHECK_EQ(1, w.count);
    CHECK_EQ(ptn_scenario_host(w.s, "server"), w.arrivals[0].host);
    CHECK_EQ(PTN_S(1000) + PTN_MS(20), w.arrivals[0].at);
    CHECK_EQ(63, w.arrivals[0].ip.ttl);
    check_seen(&w, SERVER, "server", SERVER, "203.0.113.10:5060");
    CHECK_EQ(ptn_scenario_host(w.s, "alice"), w.arrivals[0].host);
    CHECK_EQ(5060, w.arrivals[0].ip.ends.to.port);
    check_lost(&w, "server", "203.0.113.6:3478", "203.0.113.10:5060");
    CHECK_EQ(1, ptn_net_box_count(w.net, 0, PTN_NAT_FILTERED));
    CHECK_EQ(1, ptn_net_count(w.net, PTN_NET_DROPPED_BY_BOX));
    CHECK_EQ(2, ptn_net_count(w.net, PTN_NET_DELIVERED));
    world_end(&w);
}

TEST(two_homes_with_the_same_private_addresses_do_not_mix)
{
    struct world w;

    world_start(&w,
                CORE "wire home-a 192.168.1.0/24\nwire home-b 192.168.1.0/24\n"
                     "nat nat-a full-cone inside home-a outside core 203.0.113.10\n"
                     "nat nat-b full-cone inside home-b outside core 203.0.113.20\n"
                     "host alice home-a 192.168.1.10\nhost bob home-b 192.168.1.10\n",
                1);
    check_seen(&w, "203.0.113.10:5060", "alice", ALICE, SERVER);
    check_seen(&w, "203.0.113.20:5060", "bob", ALICE, SERVER);
    check_seen(&w, "203.0.113.10:5060", "alice", ALICE, "203.0.113.20:5060");
    CHECK_EQ(ptn_scenario_host(w.s, "bob"), w.arrivals[0].host);
    world_end(&w);
}

TEST(behind_two_nats_one_is_seen_as_the_outer_one_and_answers_come_through_both)
{
    struct world w;

    world_start(&w,
                CORE "wire carrier 100.64.0.0/24\nwire home 192.168.1.0/24\n"
                     "wire next 192.168.1.0/24\n"
                     "nat outer full-cone inside carrier outside core 203.0.113.10\n"
                     "nat inner full-cone inside home outside carrier 100.64.0.20\n"
                     "nat inner-2 full-cone inside next outside carrier 100.64.0.21\n"
                     "host alice home 192.168.1.10\nhost carol next 192.168.1.10\n",
                1);
    check_seen(&w, "203.0.113.10:5060", "alice", ALICE, SERVER);
    CHECK_EQ(62, w.arrivals[0].ip.ttl);
    check_seen(&w, SERVER, "server", SERVER, "203.0.113.10:5060");
    CHECK_EQ(ptn_scenario_host(w.s, "alice"), w.arrivals[0].host);

    /* The neighbour calls the outer address: the outer NAT turns it round. */
    check_seen(&w, "203.0.113.10:7000", "carol", "192.168.1.10:7000", "203.0.113.10:5060");
    CHECK_EQ(ptn_scenario_host(w.s, "alice"), w.arrivals[0].host);
    CHECK_EQ(1, ptn_net_box_count(w.net, 0, PTN_NAT_TURN_ROUND));
    world_end(&w);
}

TEST(a_hairpin_comes_back_with_the_mapped_source)
{
    struct world w;

    world_start(&w, HOME("full-cone"), 1);
    world_seen(&w, "amy", "192.168.1.11:7000", SERVER);
    check_seen(&w, "203.0.113.10:5060", "alice", ALICE, "203.0.113.10:7000");
    CHECK_EQ(ptn_scenario_host(w.s, "amy"), w.arrivals[0].host);
    CHECK_EQ(PTN_MS(40), w.arrivals[0].at - (w.now - PTN_S(1)));
    world_end(&w);
}

TEST(a_symmetric_nat_shows_each_far_end_another_port)
{
    struct world w;

    world_start(&w, HOME("symmetric"), 1);
    struct ptn_addr a = world_seen(&w, "alice", ALICE, SERVER);
    struct ptn_addr b = world_seen(&w, "alice", ALICE, "203.0.113.5:3479");
    struct ptn_addr again = world_seen(&w, "alice", ALICE, SERVER);

    CHECK(a.port != b.port);
    CHECK_ADDR(&a, &again);
    world_end(&w);
}

TEST(a_reboot_at_its_time_loses_the_mapping_and_is_told)
{
    struct world w;

    world_start(&w, HOME("full-cone") "at 30s reboot nat-a\n", 1);
    world_seen(&w, "alice", ALICE, SERVER);
    world_run(&w, PTN_S(1029));
    check_seen(&w, SERVER, "server", SERVER, "203.0.113.10:5060");
    world_run(&w, PTN_S(1030));
    CHECK_EQ(1, w.events);
    check_lost(&w, "server", SERVER, "203.0.113.10:5060");
    CHECK_EQ(1, ptn_net_box_count(w.net, 0, PTN_NAT_NO_MAPPING));
    world_end(&w);
}

TEST(a_nat_with_a_new_address_is_reached_there_and_no_longer_at_the_old_one)
{
    struct world w;

    world_start(&w, HOME("full-cone"), 1);
    world_seen(&w, "alice", ALICE, SERVER);
    world_apply(&w, "0 address nat-a 203.0.113.99");
    check_lost(&w, "server", SERVER, "203.0.113.10:5060");
    CHECK_EQ(1, ptn_net_count(w.net, PTN_NET_NO_ROUTE));
    check_seen(&w, "203.0.113.99:5060", "alice", ALICE, SERVER);
    check_seen(&w, SERVER, "server", SERVER, "203.0.113.99:5060");
    world_end(&w);
}

TEST(a_host_that_moves_is_reached_at_its_new_address_and_may_not_use_the_old_one)
{
    struct world w;

    world_start(&w,
                HOME("full-cone") "wire mobile 10.0.0.0/8\n"
                                  "nat nat-m inside mobile outside core 203.0.113.30\n",
                1);
    world_apply(&w, "0 address alice mobile 10.0.0.2");
    CHECK_EQ(1, ptn_net_host(w.net, 2)->leg_count);
    check_lost(&w, "alice", ALICE, SERVER);
    CHECK_EQ(1, ptn_net_count(w.net, PTN_NET_BAD_SOURCE));
    check_seen(&w, "203.0.113.30:5060", "alice", "10.0.0.2:5060", SERVER);
    world_apply(&w, "0 address alice none");
    check_lost(&w, "alice", "10.0.0.2:5060", SERVER);
    world_end(&w);
}

TEST(a_host_on_two_wires_sends_by_the_wire_of_its_source)
{
    struct world w;

    world_start(&w,
                CORE "wire wifi 192.168.1.0/24\nwire lte 10.0.0.0/8\n"
                     "nat nat-w inside wifi outside core 203.0.113.10\n"
                     "nat nat-l inside lte outside core 203.0.113.20\n"
                     "host alice wifi 192.168.1.10 lte 10.0.0.2\n",
                1);
    check_seen(&w, "203.0.113.10:5060", "alice", ALICE, SERVER);
    check_seen(&w, "203.0.113.20:5060", "alice", "10.0.0.2:5060", SERVER);
    world_end(&w);
}

TEST(routers_lead_the_shortest_way_without_being_told)
{
    struct world w;

    world_start(&w,
                "wire a 10.1.0.0/16\nwire b 10.2.0.0/16\nwire c 10.3.0.0/16\nwire d 10.4.0.0/16\n"
                "router ab a b\nrouter bc b 10.2.0.9 c\nrouter cd c 10.3.0.9 d\n"
                "router ad a 10.1.0.9 d 10.4.0.9\n"
                "host x a 10.1.0.100\nhost y c 10.3.0.100\nhost z d 10.4.0.100\n",
                1);
    check_seen(&w, "10.1.0.100:1", "x", "10.1.0.100:1", "10.3.0.100:2");
    CHECK_EQ(62, w.arrivals[0].ip.ttl);
    check_seen(&w, "10.1.0.100:1", "x", "10.1.0.100:1", "10.4.0.100:2");
    CHECK_EQ(63, w.arrivals[0].ip.ttl);
    world_end(&w);
}

TEST(a_nat_routes_between_its_inside_wires_without_translating)
{
    struct world w;

    world_start(&w,
                CORE "wire office 10.1.0.0/16\nwire lab 10.2.0.0/16\n"
                     "nat n full-cone inside office lab outside core 203.0.113.10\n"
                     "host x office 10.1.0.5\nhost y lab 10.2.0.5\n",
                1);
    check_seen(&w, "10.1.0.5:7007", "x", "10.1.0.5:7007", "10.2.0.5:8008");
    check_seen(&w, "203.0.113.10:7007", "x", "10.1.0.5:7007", SERVER);
    check_seen(&w, "203.0.113.10:8008", "y", "10.2.0.5:8008", SERVER);
    check_seen(&w, SERVER, "server", SERVER, "203.0.113.10:8008");
    CHECK_EQ(ptn_scenario_host(w.s, "y"), w.arrivals[0].host);
    world_end(&w);
}

TEST(a_firewall_lets_answers_in_and_strangers_not_in_both_families)
{
    struct world w;

    world_start(&w,
                "wire core 203.0.113.0/24 2001:db8::/64\n"
                "wire office 198.51.100.0/24 2001:db8:a::/64\n"
                "firewall gate inside office outside core\n"
                "host alice office 198.51.100.10 2001:db8:a::10\n"
                "host server core 203.0.113.5 2001:db8::5\n",
                1);
    check_lost(&w, "server", SERVER, "198.51.100.10:5060");
    check_seen(&w, "198.51.100.10:5060", "alice", "198.51.100.10:5060", SERVER);
    check_seen(&w, SERVER, "server", SERVER, "198.51.100.10:5060");
    check_lost(&w, "server", "[2001:db8::5]:3478", "[2001:db8:a::10]:5060");
    check_seen(&w, "[2001:db8:a::10]:5060", "alice", "[2001:db8:a::10]:5060", "[2001:db8::5]:3478");
    check_seen(&w, "[2001:db8::5]:3478", "server", "[2001:db8::5]:3478", "[2001:db8:a::10]:5060");
    check_lost(&w, "server", "[2001:db8::5]:9999", "[2001:db8:a::10]:5060");
    world_end(&w);
}

TEST(a_home_may_translate_ipv4_and_route_ipv6)
{
    struct world w;

    world_start(&w,
                "wire core 203.0.113.0/24 2001:db8::/64\n"
                "wire home 192.168.1.0/24 2001:db8:a::/64\n"
                "nat nat-a inside home outside core 203.0.113.10\n"
                "firewall gate only ipv6 inside home outside core\n"
                "host alice home 192.168.1.10 2001:db8:a::10\n"
                "host server core 203.0.113.5 2001:db8::5\n",
                1);
    check_seen(&w, "203.0.113.10:5060", "alice", ALICE, SERVER);
    check_seen(&w, "[2001:db8:a::10]:5060", "alice", "[2001:db8:a::10]:5060", "[2001:db8::5]:3478");
    check_lost(&w, "server", SERVER, ALICE);
    world_end(&w);
}

TEST(a_blocking_firewall_lets_no_udp_through)
{
    struct world w;

    world_start(&w,
                CORE "wire office 198.51.100.0/24\n"
                     "firewall gate blocks udp inside office outside core\n"
                     "host alice office 198.51.100.10\n",
                1);
    check_lost(&w, "alice", "198.51.100.10:5060", SERVER);
    CHECK_EQ(1, ptn_net_box_count(w.net, 0, PTN_NAT_BLOCKED));
    world_end(&w);
}

TEST(a_wire_that_is_down_carries_nothing_until_it_is_up)
{
    struct world w;

    world_start(&w, HOME("full-cone") "at 10s down home\nat 13s up home\n", 1);
    world_run(&w, PTN_S(1011));
    check_lost(&w, "alice", ALICE, SERVER);
    CHECK_EQ(1, ptn_net_count(w.net, PTN_NET_WIRE_DOWN));
    world_run(&w, PTN_S(1013));
    check_seen(&w, "203.0.113.10:5060", "alice", ALICE, SERVER);
    world_end(&w);
}

TEST(a_packet_for_nobody_is_dropped_or_answered_as_the_wire_says)
{
    for (unsigned rejects = 0; rejects < 2; rejects++) {
        struct world w;
        world_start(&w,
                    rejects ? "wire core 203.0.113.0/24 unknown reject\n"
                              "wire home 192.168.1.0/24\n"
                              "nat n inside home outside core 203.0.113.10\n"
                              "host alice home 192.168.1.10\n"
                            : "wire core 203.0.113.0/24\n"
                              "wire home 192.168.1.0/24\n"
                              "nat n inside home outside core 203.0.113.10\n"
                              "host alice home 192.168.1.10\n",
                    1);
        world_send(&w, "alice", ALICE, "203.0.113.77:1", 20);
        world_run(&w, w.now + PTN_S(1));
        CHECK_EQ(1, ptn_net_count(w.net, PTN_NET_NO_ROUTE));
        CHECK_EQ(rejects, w.count);
        if (rejects) {
            CHECK_EQ(PTN_ICMP_HOST_UNREACHABLE, w.arrivals[0].ip.icmp.error);
            struct ptn_addr alice = addr(ALICE);
            CHECK_ADDR(&alice, &w.arrivals[0].ip.icmp.quoted.from);
        }
        world_end(&w);
    }
}

TEST(what_is_no_packet_or_comes_with_a_foreign_address_is_counted_and_dropped)
{
    struct world w;

    world_start(&w, HOME("full-cone"), 1);
    world_send_packet(&w, "alice", ptn_bytes("garbage", 7));
    world_send_packet(&w, "alice", ptn_bytes(NULL, 0));
    CHECK_EQ(2, ptn_net_count(w.net, PTN_NET_MALFORMED));
    check_lost(&w, "amy", ALICE, SERVER);
    CHECK_EQ(1, ptn_net_count(w.net, PTN_NET_BAD_SOURCE));
    world_end(&w);
}

TEST(more_packets_than_there_is_room_for_are_dropped_and_the_room_comes_back)
{
    struct world w;
    struct ptn_net_opts opts;

    world_start(&w, HOME("full-cone"), 1);
    ptn_net_free(w.net);
    opts = (struct ptn_net_opts){
        .scenario = w.s, .seed = 1, .start = w.now, .packets_max = 16, .whole_packets = true};
    CHECK_EQ(PTN_OK, ptn_net_new(&w.net, &opts));
    for (unsigned round = 0; round < 3; round++) {
        world_clear(&w);
        for (unsigned i = 0; i < 20; i++)
            world_send(&w, "alice", ALICE, SERVER, 20);
        world_run(&w, w.now + PTN_S(1));
        /* 16 set out; the first to reach the NAT finds no room to go on. */
        CHECK_EQ(15, w.count);
        CHECK_EQ(5 * (round + 1), ptn_net_count(w.net, PTN_NET_OVERLOAD));
    }
    world_end(&w);
}

TEST(a_tapped_wire_shows_what_sets_out_on_it_and_no_other_does)
{
    struct world w;

    world_start(&w, HOME("full-cone"), 1);
    ptn_net_tap(w.net, (unsigned)ptn_scenario_wire(w.s, "home"), true);
    world_seen(&w, "alice", ALICE, SERVER);
    CHECK_EQ(1, w.taps);
    world_seen(&w, "server", SERVER, "203.0.113.10:5060");
    CHECK_EQ(1, w.taps);
    ptn_net_tap(w.net, (unsigned)ptn_scenario_wire(w.s, "home"), false);
    world_seen(&w, "alice", ALICE, SERVER);
    CHECK_EQ(0, w.taps);
    world_end(&w);
}

/* A sum over everything that arrives and when. */
static uint64_t trace(uint64_t seed)
{
    struct world w;
    uint64_t sum = 0;

    world_start(&w,
                CORE "wire home 192.168.1.0/24 delay 20ms jitter 9ms loss 10% duplicate 5% "
                     "reorder 10% 30ms\n"
                     "nat nat-a symmetric inside home outside core 203.0.113.10\n"
                     "host alice home 192.168.1.10\n",
                seed);
    for (unsigned i = 0; i < 200; i++) {
        world_clear(&w);
        world_send(&w, "alice", ALICE, SERVER, i);
        world_run(&w, w.now + PTN_MS(5));
        for (unsigned j = 0; j < w.count && j < 64; j++)
            sum = sum * 31 + (uint64_t)w.arrivals[j].at + w.arrivals[j].ip.ends.from.port;
    }
    world_end(&w);
    return sum;
}

TEST(the_same_seed_gives_the_same_run_and_another_does_not)
{
    CHECK(trace(1) == trace(1));
    CHECK(trace(1) != trace(2));
}

TEST(a_late_tick_moves_packets_at_their_own_times)
{
    struct world w;

    world_start(&w, HOME("full-cone"), 1);
    world_send(&w, "alice", ALICE, SERVER, 20);
    w.now += PTN_S(5);
    ptn_net_tick(w.net, w.now);
    struct ptn_net_output o;
    CHECK(ptn_net_output(w.net, &o));
    CHECK_EQ(PTN_S(1000) + PTN_MS(20), o.at);
    CHECK(!ptn_net_output(w.net, &o));
    world_end(&w);
}
