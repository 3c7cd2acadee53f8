/* RFC 4787 §4.2 and REQ-2 to REQ-4: which outside end a mapping gets. */
#include "nats.h"

TEST(a_preserving_nat_keeps_a_free_port_and_never_lends_one_twice)
{
    struct ptn_nat_opts o = home_opts();
    struct ptn_nat *n = nat_with(&o, 1);
    struct ptn_addr alice = out(n, 0, PTN_NAT_UDP, ALICE, BOB_1);
    struct ptn_addr amy = out(n, 0, PTN_NAT_UDP, AMY, BOB_1);
    struct ptn_addr tcp_amy = out(n, 0, PTN_NAT_TCP, AMY, BOB_1);

    CHECK_EQ(5060, alice.port);
    CHECK(amy.port != 5060 && amy.port >= 1024);
    CHECK_EQ(5060, tcp_amy.port);
    ptn_nat_free(n);
}

TEST(a_port_outside_of_the_range_is_not_preserved)
{
    struct ptn_nat_opts o = home_opts();
    o.port_min = 40000;
    o.port_max = 40009;
    struct ptn_nat *n = nat_with(&o, 1);
    struct ptn_addr a = out(n, 0, PTN_NAT_UDP, ALICE, BOB_1);

    CHECK(a.port >= 40000 && a.port <= 40009);
    ptn_nat_free(n);
}

TEST(a_sequential_nat_steps_from_the_last_port_and_wraps)
{
    struct ptn_nat_opts o = home_opts();
    o.ports = PTN_NAT_PORTS_SEQUENTIAL;
    o.mapping = PTN_NAT_SEES_PORT;
    o.port_step = 2;
    o.port_min = 5000;
    o.port_max = 5009;
    struct ptn_nat *n = nat_with(&o, 7);
    struct ptn_addr last = out(n, 0, PTN_NAT_UDP, ALICE, BOB_1);

    for (uint16_t i = 0; i < 4; i++) {
        struct ptn_addr next =
            out(n, 0, PTN_NAT_UDP, ALICE, ptn_addr_with_port(CAROL, (uint16_t)(i + 1)));
        CHECK_EQ(5000 + (last.port - 5000 + 2) % 10, next.port);
        last = next;
    }
    /* All of one parity are lent: the walk goes on to the next free one. */
    struct ptn_addr odd = out(n, 0, PTN_NAT_UDP, ALICE, BOB_2);
    CHECK_EQ(5000 + (last.port - 5000 + 3) % 10, odd.port);
    ptn_nat_free(n);
}

TEST(random_ports_spread_over_the_range_and_follow_the_seed)
{
    struct ptn_nat_opts o = home_opts();
    o.ports = PTN_NAT_PORTS_RANDOM;
    struct ptn_nat *n = nat_with(&o, 1), *same = nat_with(&o, 1), *other = nat_with(&o, 2);
    unsigned upper_half = 0, differing = 0;

    for (uint16_t i = 0; i < 200; i++) {
        struct ptn_addr from = ptn_addr_with_port(ALICE, (uint16_t)(3000 + i));
        struct ptn_addr a = out(n, 0, PTN_NAT_UDP, from, BOB_1);
        struct ptn_addr b = out(same, 0, PTN_NAT_UDP, from, BOB_1);
        struct ptn_addr c = out(other, 0, PTN_NAT_UDP, from, BOB_1);
        CHECK_EQ(a.port, b.port);
        upper_half += a.port >= 33280;
        differing += a.port != c.port;
    }
    CHECK(upper_half > 70 && upper_half < 130);
    CHECK(differing > 190);
    ptn_nat_free(n);
    ptn_nat_free(same);
    ptn_nat_free(other);
}

/* REQ-4 */
TEST(parity_is_kept_by_every_way_of_choosing)
{
    for (unsigned ports = 0; ports < 3; ports++) {
        struct ptn_nat_opts o = home_opts();
        o.ports = (enum ptn_nat_ports)ports;
        o.keep_parity = true;
        struct ptn_nat *n = nat_with(&o, 1);

        for (uint16_t i = 0; i < 100; i++)
            for (unsigned who = 0; who < 2; who++) {
                struct ptn_addr from = ptn_addr_with_port(who ? AMY : ALICE, (uint16_t)(i + 3000));
                struct ptn_addr a = out(n, 0, PTN_NAT_UDP, from, BOB_1);
                CHECK_EQ(i % 2, a.port % 2);
            }
        ptn_nat_free(n);
    }
}

TEST(when_all_ports_are_lent_the_next_mapping_is_refused_whatever_the_way_of_choosing)
{
    for (unsigned ports = 0; ports < 3; ports++) {
        struct ptn_nat_opts o = home_opts();
        o.ports = (enum ptn_nat_ports)ports;
        o.port_min = 5055;
        o.port_max = 5064;
        struct ptn_nat *n = nat_with(&o, 1);
        bool had[10] = {0};

        for (uint16_t i = 0; i < 10; i++) {
            struct ptn_addr a =
                out(n, 0, PTN_NAT_UDP, ptn_addr_with_port(ALICE, (uint16_t)(5060 + i)), BOB_1);
            CHECK(a.port >= 5055 && a.port <= 5064);
            CHECK(!had[a.port - 5055]);
            had[a.port - 5055] = true;
        }
        CHECK_EQ(PTN_NAT_NO_PORT, out_verdict(n, 0, PTN_NAT_UDP, AMY, BOB_1));
        CHECK_EQ(PTN_NAT_PASS, out_verdict(n, 0, PTN_NAT_ICMP, AMY, CAROL));
        CHECK_EQ(PTN_NAT_PASS, out_verdict(n, PTN_S(120), PTN_NAT_UDP, AMY, BOB_1));
        ptn_nat_free(n);
    }
}

TEST(parity_halves_what_can_be_lent)
{
    struct ptn_nat_opts o = home_opts();
    o.keep_parity = true;
    o.port_min = 5060;
    o.port_max = 5063;
    struct ptn_nat *n = nat_with(&o, 1);

    CHECK_EQ(PTN_NAT_PASS, out_verdict(n, 0, PTN_NAT_UDP, ptn_addr_with_port(ALICE, 100), BOB_1));
    CHECK_EQ(PTN_NAT_PASS, out_verdict(n, 0, PTN_NAT_UDP, ptn_addr_with_port(ALICE, 102), BOB_1));
    CHECK_EQ(PTN_NAT_NO_PORT,
             out_verdict(n, 0, PTN_NAT_UDP, ptn_addr_with_port(ALICE, 104), BOB_1));
    CHECK_EQ(PTN_NAT_PASS, out_verdict(n, 0, PTN_NAT_UDP, ptn_addr_with_port(ALICE, 101), BOB_1));
    ptn_nat_free(n);
}

/* REQ-2 */
TEST(paired_pooling_gives_a_host_one_outside_address_and_arbitrary_several)
{
    for (unsigned pooling = 0; pooling < 2; pooling++) {
        struct ptn_nat_opts o = home_opts();
        o.pool[o.pool_count++] = OUTSIDE_2;
        o.pooling = (enum ptn_nat_pooling)pooling;
        struct ptn_nat *n = nat_with(&o, 1);
        struct ptn_addr first_outside = OUTSIDE;
        unsigned mixed = 0, hosts_on_first = 0;

        for (uint8_t host = 1; host <= 40; host++) {
            unsigned on_first = 0;
            for (uint16_t port = 3000; port < 3008; port++) {
                struct ptn_addr a =
                    out(n, 0, PTN_NAT_UDP, ptn_addr_v4(192, 168, 1, host, port), BOB_1);
                on_first += ptn_addr_same_ip(&a, &first_outside);
            }
            mixed += on_first > 0 && on_first < 8;
            hosts_on_first += on_first == 8;
        }
        if (o.pooling == PTN_NAT_PAIRED) {
            CHECK_EQ(0, mixed);
            CHECK(hosts_on_first > 5 && hosts_on_first < 35);
        } else {
            CHECK(mixed > 30);
        }
        ptn_nat_free(n);
    }
}

TEST(arbitrary_pooling_uses_the_last_port_of_every_address)
{
    struct ptn_nat_opts o = home_opts();
    o.pool[o.pool_count++] = OUTSIDE_2;
    o.pooling = PTN_NAT_ARBITRARY;
    o.port_min = 5000;
    o.port_max = 5001;
    struct ptn_nat *n = nat_with(&o, 1);

    for (uint16_t i = 0; i < 4; i++)
        CHECK_EQ(PTN_NAT_PASS, out_verdict(n, 0, PTN_NAT_UDP,
                                           ptn_addr_with_port(ALICE, (uint16_t)(i + 1)), BOB_1));
    CHECK_EQ(PTN_NAT_NO_PORT, out_verdict(n, 0, PTN_NAT_UDP, AMY, BOB_1));
    ptn_nat_free(n);
}

/* Against a plain list of what is lent: no end twice, nothing lost, over a long random run. */
TEST(a_long_random_run_keeps_ends_unique_and_answers_reaching_whom_they_are_for)
{
    enum { INSIDES = 60 };
    struct ptn_nat_opts o = home_opts();
    o.ports = PTN_NAT_PORTS_RANDOM;
    o.port_max = o.port_min + 49;
    o.mappings_max = 40;
    o.sessions_max = 90;
    struct ptn_nat *n = nat_with(&o, 1);
    struct ptn_dice d = ptn_dice_seeded(9);
    struct ptn_addr lent[INSIDES] = {0};
    ptn_time spoke[INSIDES] = {0}, now = 0;

    for (unsigned step = 0; step < 20000; step++) {
        unsigned i = ptn_dice_below(&d, INSIDES);
        struct ptn_addr inside = ptn_addr_v4(10, 0, 0, (uint8_t)(i / 6), (uint16_t)(4000 + i));
        struct ptn_addr far = ptn_addr_with_port(BOB_1, (uint16_t)(1 + ptn_dice_below(&d, 3)));
        now += PTN_MS(ptn_dice_below(&d, 3000));
        struct ptn_addr a = out(n, now, PTN_NAT_UDP, inside, far);

        CHECK(ptn_nat_mappings(n) <= 40 && ptn_nat_sessions(n) <= 90);
        if (ptn_addr_is_none(&a))
            continue;
        if (!ptn_addr_is_none(&lent[i]) && now < spoke[i] + PTN_S(120))
            CHECK_ADDR(&lent[i], &a);
        for (unsigned j = 0; j < INSIDES; j++)
            if (j != i && !ptn_addr_is_none(&lent[j]) && now < spoke[j] + PTN_S(120))
                CHECK(!ptn_addr_equal(&lent[j], &a));
        lent[i] = a;
        spoke[i] = now;

        struct ptn_nat_packet p = {.proto = PTN_NAT_UDP, .from = far, .to = a};
        CHECK_EQ(PTN_NAT_PASS, ptn_nat_inbound(n, now, &p));
        CHECK_ADDR(&inside, &p.to);
    }
    CHECK(ptn_nat_count(n, PTN_NAT_FULL) > 0);
    ptn_nat_tick(n, now + PTN_S(120));
    CHECK_EQ(0, ptn_nat_mappings(n));
    CHECK_EQ(0, ptn_nat_sessions(n));
    ptn_nat_free(n);
}
