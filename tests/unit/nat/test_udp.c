/* RFC 4787, section by section. */
#include "nats.h"

/* §4.1: Alice sends from one socket to three ends; which mappings are the same? */
TEST(a_mapping_is_shared_by_the_far_ends_that_the_nat_cannot_tell_apart)
{
    static const struct {
        enum ptn_nat_sees mapping;
        bool same_for_other_port, same_for_other_addr;
    } cases[] = {
        {PTN_NAT_SEES_NOTHING, true, true},
        {PTN_NAT_SEES_ADDR, true, false},
        {PTN_NAT_SEES_PORT, false, false},
    };

    for (size_t i = 0; i < 3; i++) {
        struct ptn_nat_opts o = home_opts();
        o.mapping = cases[i].mapping;
        struct ptn_nat *n = nat_with(&o, 1);
        struct ptn_addr bob_1 = out(n, 0, PTN_NAT_UDP, ALICE, BOB_1);
        struct ptn_addr bob_2 = out(n, 0, PTN_NAT_UDP, ALICE, BOB_2);
        struct ptn_addr carol = out(n, 0, PTN_NAT_UDP, ALICE, CAROL);
        struct ptn_addr again = out(n, 0, PTN_NAT_UDP, ALICE, BOB_1);

        CHECK_EQ(cases[i].same_for_other_port, ptn_addr_equal(&bob_1, &bob_2));
        CHECK_EQ(cases[i].same_for_other_addr, ptn_addr_equal(&bob_1, &carol));
        CHECK_ADDR(&bob_1, &again);
        CHECK_EQ(3, ptn_nat_sessions(n));
        ptn_nat_free(n);
    }
}

/* §5: Alice has spoken to BOB_1 only; who else may answer her? */
TEST(a_filter_lets_in_whom_it_cannot_tell_from_those_spoken_to)
{
    static const struct {
        enum ptn_nat_sees filtering;
        enum ptn_nat_verdict bob_1, bob_2, carol;
    } cases[] = {
        {PTN_NAT_SEES_NOTHING, PTN_NAT_PASS, PTN_NAT_PASS, PTN_NAT_PASS},
        {PTN_NAT_SEES_ADDR, PTN_NAT_PASS, PTN_NAT_PASS, PTN_NAT_FILTERED},
        {PTN_NAT_SEES_PORT, PTN_NAT_PASS, PTN_NAT_FILTERED, PTN_NAT_FILTERED},
    };

    for (unsigned mapping = PTN_NAT_SEES_NOTHING; mapping <= PTN_NAT_SEES_PORT; mapping++) {
        for (size_t i = 0; i < 3; i++) {
            struct ptn_nat_opts o = home_opts();
            o.mapping = (enum ptn_nat_sees)mapping;
            o.filtering = cases[i].filtering;
            struct ptn_nat *n = nat_with(&o, 1);
            struct ptn_addr mapped = out(n, 0, PTN_NAT_UDP, ALICE, BOB_1);
            struct ptn_addr unused = ptn_addr_with_port(mapped, (uint16_t)(mapped.port + 1));

            CHECK_EQ(cases[i].bob_1, in(n, 0, PTN_NAT_UDP, BOB_1, mapped));
            CHECK_EQ(cases[i].bob_2, in(n, 0, PTN_NAT_UDP, BOB_2, mapped));
            CHECK_EQ(cases[i].carol, in(n, 0, PTN_NAT_UDP, CAROL, mapped));
            CHECK_EQ(PTN_NAT_NO_MAPPING, in(n, 0, PTN_NAT_UDP, BOB_1, unused));
            CHECK_EQ(PTN_NAT_NO_MAPPING, in(n, 0, PTN_NAT_TCP, BOB_1, mapped));
            ptn_nat_free(n);
        }
    }
}

TEST(an_inbound_packet_gets_the_inside_end_and_keeps_its_source)
{
    struct ptn_nat_opts o = home_opts();
    struct ptn_nat *n = nat_with(&o, 1);
    struct ptn_nat_packet p = {
        .proto = PTN_NAT_UDP, .from = BOB_1, .to = out(n, 0, PTN_NAT_UDP, ALICE, BOB_1)};

    CHECK_EQ(PTN_NAT_PASS, ptn_nat_inbound(n, 0, &p));
    CHECK_ADDR(&(struct ptn_addr[]){ALICE}[0], &p.to);
    CHECK_ADDR(&(struct ptn_addr[]){BOB_1}[0], &p.from);
    ptn_nat_free(n);
}

TEST(a_refused_packet_is_left_as_it_was)
{
    struct ptn_nat_opts o = home_opts();
    struct ptn_nat *n = nat_with(&o, 1);
    struct ptn_nat_packet p = {.proto = PTN_NAT_UDP, .from = CAROL, .to = OUTSIDE}, before = p;

    CHECK_EQ(PTN_NAT_NO_MAPPING, ptn_nat_inbound(n, 0, &p));
    CHECK_BYTES(&before, &p, sizeof p);
    ptn_nat_free(n);
}

/* REQ-5: not before two minutes; REQ-6: outbound refreshes, inbound only if told to. */
TEST(a_mapping_lives_until_its_timeout_after_the_last_packet_that_counts)
{
    static const struct {
        bool refresh_inbound, outbound, lives;
    } cases[] = {
        {false, true, true}, {false, false, false}, {true, true, true}, {true, false, true}};

    for (size_t i = 0; i < 4; i++) {
        struct ptn_nat_opts o = home_opts();
        o.refresh_inbound = cases[i].refresh_inbound;
        struct ptn_nat *n = nat_with(&o, 1);
        struct ptn_addr mapped = out(n, 0, PTN_NAT_UDP, ALICE, BOB_1);

        CHECK_EQ(PTN_S(120), ptn_nat_deadline(n));
        if (cases[i].outbound)
            out(n, PTN_S(119), PTN_NAT_UDP, ALICE, BOB_1);
        else
            CHECK_EQ(PTN_NAT_PASS, in(n, PTN_S(119), PTN_NAT_UDP, BOB_1, mapped));
        CHECK_EQ(cases[i].lives ? PTN_NAT_PASS : PTN_NAT_NO_MAPPING,
                 in(n, PTN_S(120), PTN_NAT_UDP, BOB_1, mapped));
        ptn_nat_free(n);
    }
}

TEST(a_late_tick_changes_no_verdict)
{
    struct ptn_nat_opts o = home_opts();
    o.udp_timeout = PTN_S(30);
    struct ptn_nat *n = nat_with(&o, 1);
    struct ptn_addr mapped = out(n, 0, PTN_NAT_UDP, ALICE, BOB_1);

    CHECK_EQ(PTN_NAT_PASS, in(n, PTN_S(30) - 1, PTN_NAT_UDP, BOB_1, mapped));
    CHECK_EQ(PTN_NAT_NO_MAPPING, in(n, PTN_S(30), PTN_NAT_UDP, BOB_1, mapped));
    CHECK_EQ(0, ptn_nat_mappings(n));
    CHECK_EQ(PTN_NEVER, ptn_nat_deadline(n));
    ptn_nat_free(n);
}

TEST(a_mapping_outlives_one_of_its_sessions_but_the_filter_forgets_that_far_end)
{
    struct ptn_nat_opts o = home_opts();
    struct ptn_nat *n = nat_with(&o, 1);
    struct ptn_addr mapped = out(n, 0, PTN_NAT_UDP, ALICE, BOB_1);

    out(n, PTN_S(60), PTN_NAT_UDP, ALICE, CAROL);
    ptn_nat_tick(n, PTN_S(120));
    CHECK_EQ(1, ptn_nat_mappings(n));
    CHECK_EQ(1, ptn_nat_sessions(n));
    CHECK_EQ(PTN_NAT_FILTERED, in(n, PTN_S(121), PTN_NAT_UDP, BOB_1, mapped));
    CHECK_EQ(PTN_NAT_PASS, in(n, PTN_S(121), PTN_NAT_UDP, CAROL, mapped));
    struct ptn_addr again = out(n, PTN_S(122), PTN_NAT_UDP, ALICE, BOB_1);
    CHECK_ADDR(&mapped, &again);
    ptn_nat_free(n);
}

TEST(a_stranger_let_in_by_an_open_filter_does_not_keep_the_mapping_unless_told_to)
{
    for (unsigned both = 0; both < 2; both++) {
        struct ptn_nat_opts o = home_opts();
        o.filtering = PTN_NAT_SEES_NOTHING;
        o.refresh_inbound = both;
        struct ptn_nat *n = nat_with(&o, 1);
        struct ptn_addr mapped = out(n, 0, PTN_NAT_UDP, ALICE, BOB_1);

        CHECK_EQ(PTN_NAT_PASS, in(n, PTN_S(100), PTN_NAT_UDP, CAROL, mapped));
        CHECK_EQ(1 + both, ptn_nat_sessions(n));
        ptn_nat_tick(n, PTN_S(121));
        CHECK_EQ(both, ptn_nat_mappings(n));
        ptn_nat_free(n);
    }
}

/* REQ-9: what does Amy see of Alice, who sends to Amy's outside end? */
TEST(a_hairpin_is_turned_round_with_the_source_that_the_nat_is_built_for)
{
    static const struct {
        enum ptn_nat_hairpin hairpin;
        enum ptn_nat_verdict verdict;
        bool mapped_source;
    } cases[] = {
        {PTN_NAT_HAIRPIN_OFF, PTN_NAT_NO_HAIRPIN, false},
        {PTN_NAT_HAIRPIN_INTERNAL, PTN_NAT_TURN_ROUND, false},
        {PTN_NAT_HAIRPIN_EXTERNAL, PTN_NAT_TURN_ROUND, true},
    };

    for (size_t i = 0; i < 3; i++) {
        struct ptn_nat_opts o = home_opts();
        o.hairpin = cases[i].hairpin;
        o.filtering = PTN_NAT_SEES_NOTHING;
        struct ptn_nat *n = nat_with(&o, 1);
        struct ptn_addr alice = out(n, 0, PTN_NAT_UDP, ALICE, BOB_1);
        struct ptn_addr amy = out(n, 0, PTN_NAT_UDP, AMY, BOB_1), inside_amy = AMY;
        struct ptn_nat_packet p = {.proto = PTN_NAT_UDP, .from = ALICE, .to = amy};

        CHECK_EQ(cases[i].verdict, ptn_nat_outbound(n, 0, &p));
        if (cases[i].verdict == PTN_NAT_TURN_ROUND) {
            struct ptn_addr inside_alice = ALICE;
            CHECK_ADDR(&inside_amy, &p.to);
            CHECK_ADDR(cases[i].mapped_source ? &alice : &inside_alice, &p.from);
        }
        ptn_nat_free(n);
    }
}

TEST(a_hairpin_must_pass_the_filter_as_a_packet_from_outside_would)
{
    struct ptn_nat_opts o = home_opts();
    struct ptn_nat *n = nat_with(&o, 1);
    struct ptn_addr alice = out(n, 0, PTN_NAT_UDP, ALICE, BOB_1);
    struct ptn_addr amy = out(n, 0, PTN_NAT_UDP, AMY, BOB_1);
    struct ptn_addr nobody = ptn_addr_with_port(OUTSIDE, 9);

    CHECK_EQ(PTN_NAT_FILTERED, out_verdict(n, 0, PTN_NAT_UDP, ALICE, amy));
    CHECK_EQ(PTN_NAT_TURN_ROUND, out_verdict(n, 0, PTN_NAT_UDP, AMY, alice));
    CHECK_EQ(PTN_NAT_TURN_ROUND, out_verdict(n, 0, PTN_NAT_UDP, ALICE, amy));
    CHECK_EQ(PTN_NAT_NO_MAPPING, out_verdict(n, 0, PTN_NAT_UDP, ALICE, nobody));
    ptn_nat_free(n);
}

TEST(a_reboot_forgets_everything_and_new_mappings_work)
{
    struct ptn_nat_opts o = home_opts();
    struct ptn_nat *n = nat_with(&o, 1);
    struct ptn_addr mapped = out(n, 0, PTN_NAT_UDP, ALICE, BOB_1);

    out(n, 0, PTN_NAT_UDP, AMY, CAROL);
    ptn_nat_reboot(n);
    CHECK_EQ(0, ptn_nat_mappings(n));
    CHECK_EQ(0, ptn_nat_sessions(n));
    CHECK_EQ(PTN_NEVER, ptn_nat_deadline(n));
    CHECK_EQ(PTN_NAT_NO_MAPPING, in(n, 1, PTN_NAT_UDP, BOB_1, mapped));
    mapped = out(n, 2, PTN_NAT_UDP, ALICE, BOB_1);
    CHECK_EQ(PTN_NAT_PASS, in(n, 2, PTN_NAT_UDP, BOB_1, mapped));
    ptn_nat_free(n);
}

TEST(a_new_outside_address_takes_only_the_mappings_on_addresses_that_are_gone)
{
    struct ptn_nat_opts o = home_opts();
    o.pooling = PTN_NAT_ARBITRARY;
    o.pool[o.pool_count++] = OUTSIDE_2;
    struct ptn_nat *n = nat_with(&o, 3);
    struct ptn_addr kept = OUTSIDE_2;
    unsigned on_kept = 0;

    for (uint16_t i = 0; i < 40; i++) {
        struct ptn_addr a =
            out(n, 0, PTN_NAT_UDP, ptn_addr_with_port(ALICE, (uint16_t)(3000 + i)), BOB_1);
        on_kept += ptn_addr_same_ip(&a, &kept);
    }
    CHECK(on_kept > 5 && on_kept < 35);
    ptn_nat_set_pool(n, &kept, 1);
    CHECK_EQ(on_kept, ptn_nat_mappings(n));
    struct ptn_addr fresh = out(n, 1, PTN_NAT_UDP, ALICE, BOB_1);
    CHECK(ptn_addr_same_ip(&kept, &fresh));
    ptn_nat_set_pool(n, NULL, 0);
    CHECK_EQ(0, ptn_nat_mappings(n));
    CHECK_EQ(PTN_NAT_NO_PORT, out_verdict(n, 2, PTN_NAT_UDP, ALICE, BOB_1));
    ptn_nat_free(n);
}

TEST(a_blocked_protocol_passes_neither_way_and_opens_nothing)
{
    struct ptn_nat_opts o = home_opts();
    o.blocks[PTN_NAT_UDP] = true;
    struct ptn_nat *n = nat_with(&o, 1);

    CHECK_EQ(PTN_NAT_BLOCKED, out_verdict(n, 0, PTN_NAT_UDP, ALICE, BOB_1));
    CHECK_EQ(PTN_NAT_BLOCKED, in(n, 0, PTN_NAT_UDP, BOB_1, ptn_addr_with_port(OUTSIDE, 5060)));
    CHECK_EQ(0, ptn_nat_mappings(n));
    CHECK_EQ(PTN_NAT_PASS, out_verdict(n, 0, PTN_NAT_TCP, ALICE, BOB_1));
    CHECK_EQ(2, ptn_nat_count(n, PTN_NAT_BLOCKED));
    ptn_nat_free(n);
}

TEST(a_firewall_changes_no_end_and_lets_in_by_its_filter)
{
    static const enum ptn_nat_verdict carol[] = {PTN_NAT_PASS, PTN_NAT_FILTERED, PTN_NAT_FILTERED};
    struct ptn_addr v6_a, v6_b;

    CHECK(ptn_addr_parse("[2001:db8::a]:5060", &v6_a));
    CHECK(ptn_addr_parse("[2001:db8::b]:5060", &v6_b));
    for (unsigned filtering = 0; filtering < 3; filtering++) {
        struct ptn_nat_opts o = PTN_NAT_HOME;
        o.translates = false;
        o.mapping = PTN_NAT_SEES_PORT; /* does not matter */
        o.filtering = (enum ptn_nat_sees)filtering;
        struct ptn_nat *n = nat_with(&o, 1);
        struct ptn_addr alice = ALICE, seen = out(n, 0, PTN_NAT_UDP, ALICE, BOB_1);

        CHECK_ADDR(&alice, &seen);
        CHECK_EQ(PTN_NAT_PASS, in(n, 0, PTN_NAT_UDP, BOB_1, ALICE));
        CHECK_EQ(carol[filtering], in(n, 0, PTN_NAT_UDP, CAROL, ALICE));
        CHECK_EQ(PTN_NAT_NO_MAPPING, in(n, 0, PTN_NAT_UDP, BOB_1, ALICE_2));
        CHECK_EQ(PTN_NAT_NO_MAPPING, in(n, 0, PTN_NAT_UDP, v6_b, v6_a));
        CHECK_EQ(PTN_NAT_PASS, out_verdict(n, 0, PTN_NAT_UDP, v6_a, v6_b));
        CHECK_EQ(PTN_NAT_PASS, in(n, 0, PTN_NAT_UDP, v6_b, v6_a));
        ptn_nat_free(n);
    }
}

TEST(full_tables_refuse_and_recover_when_sessions_end)
{
    struct ptn_nat_opts o = home_opts();
    o.mappings_max = 2;
    o.sessions_max = 3;
    struct ptn_nat *n = nat_with(&o, 1);

    CHECK_EQ(PTN_NAT_PASS, out_verdict(n, 0, PTN_NAT_UDP, ALICE, BOB_1));
    CHECK_EQ(PTN_NAT_PASS, out_verdict(n, 0, PTN_NAT_UDP, ALICE_2, BOB_1));
    CHECK_EQ(PTN_NAT_FULL, out_verdict(n, 0, PTN_NAT_UDP, AMY, BOB_1)); /* mappings */
    CHECK_EQ(PTN_NAT_PASS, out_verdict(n, 0, PTN_NAT_UDP, ALICE, CAROL));
    CHECK_EQ(PTN_NAT_FULL, out_verdict(n, 0, PTN_NAT_UDP, ALICE, BOB_2)); /* sessions */
    CHECK_EQ(PTN_NAT_PASS, out_verdict(n, 0, PTN_NAT_UDP, ALICE, BOB_1));
    CHECK_EQ(2, ptn_nat_mappings(n));
    CHECK_EQ(PTN_NAT_PASS, out_verdict(n, PTN_S(120), PTN_NAT_UDP, AMY, BOB_1));
    CHECK_EQ(1, ptn_nat_mappings(n));
    ptn_nat_free(n);
}

TEST(one_inside_address_cannot_take_more_than_its_share)
{
    struct ptn_nat_opts o = home_opts();
    o.host_mappings_max = 1;
    struct ptn_nat *n = nat_with(&o, 1);

    CHECK_EQ(PTN_NAT_PASS, out_verdict(n, 0, PTN_NAT_UDP, ALICE, BOB_1));
    CHECK_EQ(PTN_NAT_PASS, out_verdict(n, 0, PTN_NAT_UDP, ALICE, CAROL));
    CHECK_EQ(PTN_NAT_FULL, out_verdict(n, 0, PTN_NAT_UDP, ALICE_2, BOB_1));
    CHECK_EQ(PTN_NAT_PASS, out_verdict(n, 0, PTN_NAT_UDP, AMY, BOB_1));
    ptn_nat_free(n);
}
