/* ICMP, fragments and sizes on the way through boxes. */
#include "world.h"

#define NET(core, nat)                                                                             \
    "wire core 203.0.113.0/24 " core "\n"                                                          \
    "wire home 192.168.1.0/24\n"                                                                   \
    "nat n full-cone inside home outside core 203.0.113.10 " nat "\n"                              \
    "host alice home 192.168.1.10\nhost server core 203.0.113.5\n"

#define ALICE "192.168.1.10:5060"
#define SERVER "203.0.113.5:3478"
#define MAPPED "203.0.113.10:5060"

struct sent {
    uint8_t bytes[4000];
    size_t size;
};

static struct sent udp(const char *from, const char *to, size_t payload, uint8_t ttl,
                       bool dont_fragment)
{
    static const uint8_t data[4000];
    struct sent s;
    struct ptn_writer w = ptn_writer(s.bytes, sizeof s.bytes);
    struct ptn_ip_head head = {
        .from = addr(from), .to = addr(to), .ttl = ttl, .dont_fragment = dont_fragment, .id = 99};

    ptn_ip_build_udp(&w, &head, ptn_bytes(data, payload));
    CHECK(!w.bad);
    s.size = ptn_writer_size(&w);
    return s;
}

static void send(struct world *w, const char *host, const struct sent *s)
{
    world_clear(w);
    world_send_packet(w, host, ptn_bytes(s->bytes, s->size));
    world_run(w, w->now + PTN_S(1));
}

static void check_error(const struct world *w, const char *host, enum ptn_icmp_error error,
                        const char *from, const char *quoted_from, const char *quoted_to)
{
    const struct ptn_ip *ip = &w->arrivals[0].ip;
    struct ptn_addr f = addr(from), qf = addr(quoted_from), qt = addr(quoted_to);

    CHECK_EQ(1, w->count);
    CHECK_EQ(ptn_scenario_host(w->s, host), w->arrivals[0].host);
    CHECK_EQ(error, ip->icmp.error);
    CHECK_ADDR(&f, &ip->ends.from);
    CHECK_ADDR(&qf, &ip->icmp.quoted.from);
    CHECK_ADDR(&qt, &ip->icmp.quoted.to);
}

TEST(each_hop_that_runs_out_of_hops_says_so_to_the_sender_inside)
{
    struct world w;
    struct sent one = udp(ALICE, SERVER, 20, 1, false),
                two = udp(ALICE, "198.51.100.9:7", 20, 2, false);

    world_start(&w,
                NET("", "") "wire far 198.51.100.0/24\nrouter r core 203.0.113.254 far\n"
                            "host x far 198.51.100.9\n",
                1);
    send(&w, "alice", &one);
    check_error(&w, "alice", PTN_ICMP_TIME_EXCEEDED, "192.168.1.1", ALICE, SERVER);
    send(&w, "alice", &two);
    check_error(&w, "alice", PTN_ICMP_TIME_EXCEEDED, "203.0.113.254", ALICE, "198.51.100.9:7");
    CHECK_EQ(2, ptn_net_count(w.net, PTN_NET_TTL));
    world_end(&w);
}

TEST(a_packet_too_big_for_the_next_wire_comes_back_as_it_was_sent)
{
    struct world w;
    struct sent big = udp(ALICE, SERVER, 1400, 64, true),
                back = udp(SERVER, MAPPED, 1400, 64, true);

    world_start(&w, NET("mtu 1400", ""), 1);
    send(&w, "alice", &big);
    check_error(&w, "alice", PTN_ICMP_TOO_BIG, "192.168.1.1", ALICE, SERVER);
    CHECK_EQ(1400, w.arrivals[0].ip.icmp.mtu);
    /* The quote is the packet that alice sent, to its last quoted byte but the ones hops change. */
    CHECK_BYTES(big.bytes + 12, w.arrivals[0].bytes + 28 + 12, 500);
    send(&w, "server", &back); /* the server's own first wire */
    check_error(&w, "server", PTN_ICMP_TOO_BIG, "203.0.113.10", SERVER, MAPPED);
    world_end(&w);
}

TEST(a_packet_that_may_be_cut_is_cut_and_arrives_whole)
{
    struct world w;
    struct sent big = udp(ALICE, SERVER, 1400, 64, false);
    struct ptn_addr mapped = addr(MAPPED);

    world_start(&w, NET("mtu 600", ""), 1);
    ptn_net_tap(w.net, 0, true);
    send(&w, "alice", &big);
    CHECK_EQ(3, w.taps);
    CHECK_EQ(1, w.count);
    CHECK_EQ(big.size, w.arrivals[0].size);
    CHECK_ADDR(&mapped, &w.arrivals[0].ip.ends.from);
    world_end(&w);
}

TEST(a_nat_joins_fragments_before_it_translates_or_drops_them_as_told)
{
    for (unsigned drops = 0; drops < 2; drops++) {
        struct world w;
        struct sent big = udp(ALICE, SERVER, 3000, 64, false);
        struct sent open = udp(ALICE, SERVER, 10, 64, false);
        struct sent back = udp(SERVER, MAPPED, 3000, 64, false);

        world_start(&w, drops ? NET("", "fragments drop") : NET("", "fragments join"), 1);
        send(&w, "alice", &open);
        send(&w, "alice", &big);
        CHECK_EQ(!drops, w.count);
        if (!drops)
            CHECK_EQ(big.size, w.arrivals[0].size);
        send(&w, "server", &back);
        CHECK_EQ(!drops, w.count);
        CHECK_EQ(drops * 6, ptn_net_count(w.net, PTN_NET_FRAGMENT));
        world_end(&w);
    }
}

TEST(a_fragment_whose_others_never_come_is_given_up)
{
    struct world w;
    struct sent big = udp(ALICE, SERVER, 1400, 64, false);

    world_start(&w, NET("", ""), 1);
    big.bytes[6] = 0x20; /* more are to follow */
    send(&w, "alice", &big);
    CHECK_EQ(0, w.count);
    world_run(&w, w.now + PTN_S(40));
    CHECK_EQ(1, ptn_net_count(w.net, PTN_NET_FRAGMENT));
    world_end(&w);
}

TEST(ipv6_is_cut_by_its_sender_only_and_joined_and_cut_again_by_a_firewall)
{
    static const char text[] = "wire core 2001:db8::/64 mtu 1280\nwire home 2001:db8:a::/64\n"
                               "wire far 2001:db8:f::/64 mtu 1280\n"
                               "firewall gate inside home outside core\n"
                               "router r core 2001:db8::ff far\n"
                               "host alice home 2001:db8:a::10\nhost server core 2001:db8::5\n"
                               "host x far 2001:db8:f::9\n";
    struct world w;
    struct sent big = udp("[2001:db8:a::10]:1", "[2001:db8::5]:2", 3000, 64, false);
    struct sent middle = udp("[2001:db8:a::10]:1", "[2001:db8::5]:2", 1300, 64, false);

    world_start(&w, text, 1);
    send(&w, "alice", &big);
    CHECK_EQ(1, w.count);
    CHECK_EQ(big.size, w.arrivals[0].size);
    send(&w, "alice", &middle);
    check_error(&w, "alice", PTN_ICMP_TOO_BIG, "2001:db8:a::1", "[2001:db8:a::10]:1",
                "[2001:db8::5]:2");
    CHECK_EQ(1280, w.arrivals[0].ip.icmp.mtu);
    world_end(&w);
}

TEST(a_hosts_error_about_a_packet_reaches_the_one_inside_who_sent_it)
{
    struct world w;
    struct sent s = udp(ALICE, SERVER, 20, 64, false), error;
    struct ptn_writer writer = ptn_writer(error.bytes, sizeof error.bytes);
    struct ptn_addr server = addr("203.0.113.5");

    world_start(&w, NET("", ""), 1);
    send(&w, "alice", &s);
    CHECK(ptn_ip_build_error(&writer, &server, PTN_ICMP_PORT_UNREACHABLE, 0,
                             ptn_bytes(w.arrivals[0].bytes, w.arrivals[0].size),
                             &w.arrivals[0].ip));
    error.size = ptn_writer_size(&writer);
    send(&w, "server", &error);
    check_error(&w, "alice", PTN_ICMP_PORT_UNREACHABLE, "203.0.113.5", ALICE, SERVER);
    world_end(&w);
}

TEST(an_error_from_inside_leaves_with_the_nats_address_about_the_mapped_end)
{
    struct world w;
    struct sent s = udp(ALICE, SERVER, 20, 64, false), back = udp(SERVER, MAPPED, 20, 64, false);
    struct sent error;
    struct ptn_writer writer = ptn_writer(error.bytes, sizeof error.bytes);
    struct ptn_addr alice = addr("192.168.1.10");

    world_start(&w, NET("", ""), 1);
    send(&w, "alice", &s);
    send(&w, "server", &back);
    CHECK(ptn_ip_build_error(&writer, &alice, PTN_ICMP_PORT_UNREACHABLE, 0,
                             ptn_bytes(w.arrivals[0].bytes, w.arrivals[0].size),
                             &w.arrivals[0].ip));
    error.size = ptn_writer_size(&writer);
    send(&w, "alice", &error);
    check_error(&w, "server", PTN_ICMP_PORT_UNREACHABLE, "203.0.113.10", SERVER, MAPPED);
    world_end(&w);
}

TEST(a_stranger_gets_silence_or_a_closed_port_as_the_nat_is_built)
{
    for (unsigned rejects = 0; rejects < 2; rejects++) {
        struct world w;
        struct sent s = udp(SERVER, MAPPED, 20, 64, false), syn;
        struct ptn_writer writer = ptn_writer(syn.bytes, sizeof syn.bytes);
        struct ptn_ip_head head = {.from = addr(SERVER), .to = addr(MAPPED)};

        world_start(&w, rejects ? NET("", "unasked reject") : NET("", ""), 1);
        send(&w, "server", &s);
        CHECK_EQ(rejects, w.count);
        if (rejects)
            check_error(&w, "server", PTN_ICMP_PORT_UNREACHABLE, "203.0.113.10", SERVER, MAPPED);

        /* RFC 5382 REQ-4: half of a simultaneous open must not be refused. */
        ptn_ip_build_tcp(&writer, &head, &(struct ptn_tcp){.flags = PTN_TCP_SYN},
                         (struct ptn_bytes){0});
        syn.size = ptn_writer_size(&writer);
        send(&w, "server", &syn);
        CHECK_EQ(0, w.count);
        world_end(&w);
    }
}

TEST(an_exhausted_nat_says_so_to_the_inside)
{
    struct world w;
    struct sent first = udp(ALICE, SERVER, 20, 64, false);
    struct sent second = udp("192.168.1.10:5061", SERVER, 20, 64, false);

    world_start(&w, NET("", "range 5060 5060"), 1);
    send(&w, "alice", &first);
    send(&w, "alice", &second);
    check_error(&w, "alice", PTN_ICMP_PROHIBITED, "192.168.1.1", "192.168.1.10:5061", SERVER);
    CHECK_EQ(1, ptn_net_box_count(w.net, 0, PTN_NAT_NO_PORT));
    world_end(&w);
}

static void ping(struct world *w, const char *host, const char *from, const char *to)
{
    struct sent s;
    struct ptn_writer writer = ptn_writer(s.bytes, sizeof s.bytes);
    struct ptn_ip_head head = {.from = ptn_addr_with_port(addr(from), 0xbeef), .to = addr(to)};

    ptn_ip_build_echo(&writer, &head, false, 3, ptn_bytes_of_text("ping"));
    s.size = ptn_writer_size(&writer);
    send(w, host, &s);
}

TEST(boxes_and_name_servers_answer_pings_and_those_to_hosts_pass)
{
    static const struct {
        const char *host, *from, *to;
    } cases[] = {{"alice", "192.168.1.10", "192.168.1.1"},
                 {"alice", "192.168.1.10", "203.0.113.10"},
                 {"server", "203.0.113.5", "203.0.113.10"},
                 {"server", "203.0.113.5", "203.0.113.53"},
                 {"alice", "192.168.1.10", "203.0.113.53"}};
    struct world w;

    world_start(&w, NET("", "ports random") "nameserver d core 203.0.113.53\n", 1);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ptn_addr to = addr(cases[i].to);
        ping(&w, cases[i].host, cases[i].from, cases[i].to);
        CHECK_EQ(1, w.count);
        CHECK_EQ(ptn_scenario_host(w.s, cases[i].host), w.arrivals[0].host);
        CHECK(w.arrivals[0].ip.icmp.is_reply);
        CHECK_EQ(0xbeef, w.arrivals[0].ip.ends.to.port);
        CHECK_EQ(3, w.arrivals[0].ip.icmp.seq);
        CHECK_ADDR(&to, &w.arrivals[0].ip.ends.from);
    }
    ping(&w, "alice", "192.168.1.10", "203.0.113.5");
    CHECK(w.arrivals[0].ip.icmp.is_echo && w.arrivals[0].ip.ends.from.port != 0xbeef);
    world_end(&w);
}

TEST(a_damaged_packet_goes_through_a_router_and_not_through_a_nat)
{
    struct world w;
    struct sent s = udp(ALICE, SERVER, 20, 64, false);

    world_start(&w, NET("", ""), 1);
    s.bytes[40] ^= 1;
    send(&w, "alice", &s);
    CHECK_EQ(0, w.count);
    CHECK_EQ(1, ptn_net_count(w.net, PTN_NET_MALFORMED));
    world_end(&w);
}
