#include "reach/reach.h"

#include "support/test.h"

static const struct ptn_addr REGISTRAR = {{198, 51, 100, 5}, 5060, PTN_IPV4, 0};
static const struct ptn_addr STUN_1 = {{203, 0, 113, 1}, 3478, PTN_IPV4, 0};
static const struct ptn_addr STUN_2 = {{203, 0, 113, 2}, 3478, PTN_IPV4, 0};

static struct ptn_reach reach_new(void)
{
    struct ptn_reach r;
    struct ptn_reach_opts opts = PTN_REACH_DEFAULTS;

    opts.local = ptn_addr_v4(192, 168, 1, 10, 5060);
    ptn_reach_init(&r, &opts);
    return r;
}

static bool see(struct ptn_reach *r, ptn_time now, enum ptn_reach_sight_kind kind,
                struct ptn_addr server, uint16_t port)
{
    return ptn_reach_see(r, now,
                         &(struct ptn_reach_sight){kind, server, ptn_addr_v4(192, 0, 2, 1, port)});
}

static uint16_t port_told(const struct ptn_reach *r)
{
    return ptn_reach_answer(r, &(struct ptn_reach_ask){.to = REGISTRAR}).addr.port;
}

TEST(the_first_change_is_taken_at_once)
{
    struct ptn_reach r = reach_new();

    CHECK(see(&r, PTN_S(0), PTN_REACH_SAW_STUN, STUN_1, 40000));
    CHECK(!see(&r, PTN_S(20), PTN_REACH_SAW_STUN, STUN_1, 40000));
    CHECK(see(&r, PTN_S(40), PTN_REACH_SAW_STUN, STUN_1, 41000));
    CHECK_EQ(41000, port_told(&r));
    CHECK_EQ(PTN_NEVER, ptn_reach_deadline(&r));
}

TEST(the_next_change_waits_and_is_taken_by_tick)
{
    struct ptn_reach r = reach_new();

    see(&r, PTN_S(0), PTN_REACH_SAW_STUN, STUN_1, 40000);
    see(&r, PTN_S(1), PTN_REACH_SAW_STUN, STUN_1, 41000);
    CHECK(!see(&r, PTN_S(2), PTN_REACH_SAW_STUN, STUN_1, 42000));
    CHECK_EQ(41000, port_told(&r));
    CHECK_EQ(PTN_S(11), ptn_reach_deadline(&r));
    CHECK(!ptn_reach_tick(&r, PTN_S(11) - 1));
    CHECK(ptn_reach_tick(&r, PTN_S(11)));
    CHECK_EQ(42000, port_told(&r));
    CHECK_EQ(PTN_NEVER, ptn_reach_deadline(&r));
}

TEST(a_view_that_flips_back_is_forgotten)
{
    struct ptn_reach r = reach_new();

    see(&r, PTN_S(0), PTN_REACH_SAW_STUN, STUN_1, 40000);
    see(&r, PTN_S(1), PTN_REACH_SAW_STUN, STUN_1, 41000);
    see(&r, PTN_S(2), PTN_REACH_SAW_STUN, STUN_1, 40000);
    see(&r, PTN_S(3), PTN_REACH_SAW_STUN, STUN_1, 41000);
    CHECK_EQ(PTN_NEVER, ptn_reach_deadline(&r));
    CHECK(!ptn_reach_tick(&r, PTN_S(60)));
    CHECK_EQ(41000, port_told(&r));
}

TEST(a_server_that_lies_anew_each_second_changes_few_minds)
{
    struct ptn_reach r = reach_new();
    unsigned changes = 0;
    uint16_t told = 0;

    for (unsigned s = 0; s < 4 * 3600; s++) {
        see(&r, PTN_S(s), PTN_REACH_SAW_RPORT, REGISTRAR, (uint16_t)(1024 + s));
        ptn_reach_tick(&r, PTN_S(s));
        changes += port_told(&r) != told;
        told = port_told(&r);
    }
    /* Once, then six in each window: of 10, 20, 40 and then 60 minutes. */
    CHECK_EQ(1 + 6 * 6, changes);
}

TEST(who_has_mended_his_ways_has_the_usual_budget_again)
{
    struct ptn_reach r = reach_new();
    unsigned changes = 0;
    ptn_time now = 0;

    for (unsigned i = 0; i < 2000; i++, now += PTN_S(1))
        see(&r, now, PTN_REACH_SAW_RPORT, REGISTRAR, (uint16_t)(1024 + i));
    for (unsigned i = 0; i < 7200; i++, now += PTN_S(1))
        see(&r, now, PTN_REACH_SAW_RPORT, REGISTRAR, 40000);
    CHECK_EQ(40000, port_told(&r));
    /* One change closes the long window, the next ones are counted in usual ones. */
    for (unsigned i = 0; i < 12; i++, now += PTN_S(110)) {
        uint16_t told = port_told(&r);
        see(&r, now, PTN_REACH_SAW_RPORT, REGISTRAR, (uint16_t)(41000 + i));
        changes += port_told(&r) != told;
    }
    CHECK_EQ(12, changes);
}

TEST(when_the_budget_is_spent_the_deadline_is_its_renewal)
{
    struct ptn_reach r = reach_new();

    for (unsigned i = 0; i <= 7; i++)
        see(&r, PTN_S(20 * i), PTN_REACH_SAW_STUN, STUN_1, (uint16_t)(40000 + i));
    CHECK_EQ(40006, port_told(&r));
    CHECK_EQ(PTN_S(600), ptn_reach_deadline(&r));
    CHECK(ptn_reach_tick(&r, PTN_S(600)));
    CHECK_EQ(40007, port_told(&r));
}

TEST(a_rebooted_nat_is_not_taken_for_a_symmetric_one)
{
    struct ptn_reach r = reach_new();

    see(&r, PTN_S(0), PTN_REACH_SAW_STUN, STUN_1, 40000);
    see(&r, PTN_S(0), PTN_REACH_SAW_STUN, STUN_2, 40000);
    see(&r, PTN_S(0), PTN_REACH_SAW_RPORT, REGISTRAR, 40000);
    CHECK_EQ(PTN_REACH_NAT_SAME_FOR_ALL, r.nat);

    see(&r, PTN_S(20), PTN_REACH_SAW_STUN, STUN_1, 41000);
    CHECK_EQ(PTN_REACH_NAT_SAME_FOR_ALL, r.nat);
    CHECK_EQ(41000, port_told(&r));
    see(&r, PTN_S(20) + 1, PTN_REACH_SAW_STUN, STUN_2, 41000);
    see(&r, PTN_S(20) + 2, PTN_REACH_SAW_RPORT, REGISTRAR, 41000);
    CHECK_EQ(PTN_REACH_NAT_SAME_FOR_ALL, r.nat);
    CHECK_EQ(41000, port_told(&r));
}

TEST(a_nat_that_stops_being_symmetric_is_believed_again)
{
    struct ptn_reach r = reach_new();

    see(&r, PTN_S(0), PTN_REACH_SAW_STUN, STUN_1, 40000);
    see(&r, PTN_S(0), PTN_REACH_SAW_STUN, STUN_2, 40001);
    CHECK_EQ(PTN_REACH_NAT_PER_DESTINATION, r.nat);
    see(&r, PTN_S(30), PTN_REACH_SAW_STUN, STUN_1, 41000);
    see(&r, PTN_S(31), PTN_REACH_SAW_STUN, STUN_2, 41000);
    see(&r, PTN_S(50), PTN_REACH_SAW_STUN, STUN_1, 41000);
    CHECK_EQ(PTN_REACH_NAT_SAME_FOR_ALL, r.nat);
    CHECK_EQ(41000, port_told(&r));
}

TEST(one_address_behind_two_ports_of_a_server_proves_nothing)
{
    struct ptn_reach r = reach_new();
    struct ptn_addr other_port = ptn_addr_with_port(STUN_1, 3479);

    see(&r, 0, PTN_REACH_SAW_STUN, STUN_1, 40000);
    see(&r, 0, PTN_REACH_SAW_STUN, other_port, 40000);
    CHECK_EQ(PTN_REACH_NAT_SOME, r.nat);
    see(&r, PTN_S(20), PTN_REACH_SAW_STUN, STUN_2, 40001);
    CHECK_EQ(PTN_REACH_NAT_PER_DESTINATION, r.nat);
}

TEST(discovery_can_say_what_one_server_cannot)
{
    struct ptn_reach r = reach_new();

    see(&r, 0, PTN_REACH_SAW_STUN, STUN_1, 40000);
    CHECK_EQ(40000, port_told(&r));
    CHECK(ptn_reach_see_nat(&r, PTN_REACH_NAT_PER_DESTINATION));
    CHECK(!ptn_reach_see_nat(&r, PTN_REACH_NAT_PER_DESTINATION));
    CHECK_EQ(PTN_REACH_BY_SYMMETRIC,
             ptn_reach_answer(&r, &(struct ptn_reach_ask){.to = REGISTRAR}).why);
    /* The same view again from the same server is no contradiction. */
    see(&r, PTN_S(20), PTN_REACH_SAW_STUN, STUN_1, 40000);
    CHECK_EQ(PTN_REACH_NAT_PER_DESTINATION, r.nat);
}

TEST(what_two_servers_say_of_the_socket_weighs_more_than_what_is_found_elsewhere)
{
    struct ptn_reach r = reach_new();

    see(&r, 0, PTN_REACH_SAW_STUN, STUN_1, 40000);
    see(&r, 0, PTN_REACH_SAW_STUN, STUN_2, 40000);
    CHECK(!ptn_reach_see_nat(&r, PTN_REACH_NAT_PER_DESTINATION));
    CHECK_EQ(PTN_REACH_NAT_SAME_FOR_ALL, r.nat);
}

TEST(more_servers_than_slots_forget_the_one_not_seen_for_longest)
{
    struct ptn_reach r = reach_new();

    for (unsigned i = 0; i <= PTN_REACH_SIGHTS_MAX; i++)
        see(&r, PTN_S(i), PTN_REACH_SAW_RPORT, ptn_addr_v4(198, 51, 100, 5, (uint16_t)(5060 + i)),
            (uint16_t)(40000 + i));
    /* The first one's rport is gone; the newest one's stands in, as any other server's would. */
    CHECK(ptn_reach_answer(&r, &(struct ptn_reach_ask){.to = REGISTRAR}).why !=
          PTN_REACH_BY_RPORT_ONLY);
}

TEST(the_mapped_address_for_status_is_the_latest_by_stun)
{
    struct ptn_reach r = reach_new();
    struct ptn_addr want = ptn_addr_v4(192, 0, 2, 1, 40001);

    CHECK(!ptn_reach_mapped(&r));
    see(&r, PTN_S(1), PTN_REACH_SAW_STUN, STUN_1, 40000);
    see(&r, PTN_S(2), PTN_REACH_SAW_STUN, STUN_2, 40001);
    see(&r, PTN_S(3), PTN_REACH_SAW_RPORT, REGISTRAR, 40002);
    CHECK_ADDR(&want, ptn_reach_mapped(&r));
}
