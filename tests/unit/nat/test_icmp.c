/* RFC 5508: queries, and errors that quote a packet. */
#include "nats.h"

static struct ptn_nat_packet error_in(struct ptn_addr router, struct ptn_addr quoted_from,
                                      struct ptn_addr quoted_to)
{
    return (struct ptn_nat_packet){
        .proto = PTN_NAT_UDP,
        .from = ptn_addr_with_port(router, 0),
        .to = ptn_addr_with_port(quoted_from, 0),
        .is_error = true,
        .quoted_from = quoted_from,
        .quoted_to = quoted_to,
    };
}

/* REQ-1: the identifier is to a query what a port is to a datagram. */
TEST(a_query_is_mapped_by_its_identifier_and_its_answer_finds_back)
{
    struct ptn_nat_opts o = home_opts();
    o.ports = PTN_NAT_PORTS_RANDOM;
    struct ptn_nat *n = nat_with(&o, 1);
    struct ptn_addr bob = ptn_addr_with_port(BOB_1, 0), carol = ptn_addr_with_port(CAROL, 0);
    struct ptn_addr inside = ptn_addr_with_port(ALICE, 77);
    struct ptn_addr mapped = out(n, 0, PTN_NAT_ICMP, inside, bob);
    struct ptn_nat_packet answer = {.proto = PTN_NAT_ICMP, .from = bob, .to = mapped};

    CHECK(!ptn_addr_is_none(&mapped));
    CHECK_EQ(PTN_NAT_PASS, ptn_nat_inbound(n, 0, &answer));
    CHECK_ADDR(&inside, &answer.to);
    CHECK_EQ(PTN_NAT_FILTERED, in(n, 0, PTN_NAT_ICMP, carol, mapped));
    CHECK_EQ(PTN_S(60), ptn_nat_deadline(n)); /* REQ-2: at least 60 s */
    ptn_nat_free(n);
}

TEST(an_answer_to_a_query_opens_nothing)
{
    struct ptn_nat_opts o = home_opts();
    struct ptn_nat *n = nat_with(&o, 1);

    CHECK_EQ(PTN_NAT_NO_MAPPING, out_verdict(n, 0, PTN_NAT_ICMP, ptn_addr_with_port(ALICE, 0),
                                             ptn_addr_with_port(BOB_1, 77)));
    CHECK_EQ(0, ptn_nat_mappings(n));
    ptn_nat_free(n);
}

/* REQ-4 */
TEST(an_error_from_outside_passes_only_if_what_it_quotes_has_gone_out)
{
    struct ptn_nat_opts o = home_opts();
    struct ptn_nat *n = nat_with(&o, 1);
    struct ptn_addr mapped = out(n, 0, PTN_NAT_UDP, ALICE, BOB_1), alice = ALICE, router = CAROL;
    struct ptn_nat_packet good = error_in(router, mapped, BOB_1);
    struct ptn_nat_packet other_far = error_in(router, mapped, BOB_2);
    struct ptn_nat_packet unlent = error_in(router, ptn_addr_with_port(mapped, 9), BOB_1);
    struct ptn_nat_packet astray = good;

    astray.to = OUTSIDE_2;
    CHECK_EQ(PTN_NAT_FILTERED, ptn_nat_inbound(n, 0, &other_far));
    CHECK_EQ(PTN_NAT_NO_MAPPING, ptn_nat_inbound(n, 0, &unlent));
    CHECK_EQ(PTN_NAT_NO_MAPPING, ptn_nat_inbound(n, 0, &astray));
    CHECK_EQ(PTN_NAT_PASS, ptn_nat_inbound(n, 0, &good));
    CHECK_ADDR(&alice, &good.quoted_from);
    CHECK(ptn_addr_same_ip(&alice, &good.to));
    CHECK_EQ(0, good.to.port);
    CHECK(ptn_addr_same_ip(&router, &good.from));
    ptn_nat_free(n);
}

/* REQ-6 */
TEST(an_error_neither_refreshes_nor_ends_a_mapping)
{
    struct ptn_nat_opts o = home_opts();
    o.refresh_inbound = true;
    struct ptn_nat *n = nat_with(&o, 1);
    struct ptn_nat_packet e = error_in(CAROL, out(n, 0, PTN_NAT_UDP, ALICE, BOB_1), BOB_1);

    CHECK_EQ(PTN_NAT_PASS, ptn_nat_inbound(n, PTN_S(60), &e));
    CHECK_EQ(PTN_S(120), ptn_nat_deadline(n));
    CHECK_EQ(1, ptn_nat_mappings(n));
    ptn_nat_free(n);
}

/* REQ-5: from whoever inside wrote it, outside it comes from the NAT. */
TEST(an_error_from_inside_is_about_the_outside_end)
{
    struct ptn_nat_opts o = home_opts();
    struct ptn_nat *n = nat_with(&o, 1);
    struct ptn_addr mapped = out(n, 0, PTN_NAT_UDP, ALICE, BOB_1), outside = OUTSIDE;
    struct ptn_nat_packet e = error_in(AMY, BOB_1, ALICE);
    struct ptn_nat_packet unknown = error_in(AMY, BOB_1, ALICE_2);

    CHECK_EQ(PTN_NAT_PASS, ptn_nat_outbound(n, 0, &e));
    CHECK_ADDR(&mapped, &e.quoted_to);
    CHECK(ptn_addr_same_ip(&outside, &e.from));
    CHECK_EQ(PTN_NAT_NO_MAPPING, ptn_nat_outbound(n, 0, &unknown));
    ptn_nat_free(n);
}

/* REQ-7 */
TEST(an_error_about_a_hairpin_is_turned_round_to_its_sender)
{
    struct ptn_nat_opts o = home_opts();
    o.filtering = PTN_NAT_SEES_NOTHING;
    struct ptn_nat *n = nat_with(&o, 1);
    struct ptn_addr alice = out(n, 0, PTN_NAT_UDP, ALICE, BOB_1), inside_alice = ALICE;
    struct ptn_addr amy = out(n, 0, PTN_NAT_UDP, AMY, BOB_1), outside = OUTSIDE;

    CHECK_EQ(PTN_NAT_TURN_ROUND, out_verdict(n, 0, PTN_NAT_UDP, ALICE, amy));
    struct ptn_nat_packet e = error_in(AMY, alice, AMY);
    CHECK_EQ(PTN_NAT_TURN_ROUND, ptn_nat_outbound(n, 0, &e));
    CHECK_ADDR(&inside_alice, &e.quoted_from);
    CHECK_ADDR(&amy, &e.quoted_to);
    CHECK(ptn_addr_same_ip(&inside_alice, &e.to));
    CHECK(ptn_addr_same_ip(&outside, &e.from));
    ptn_nat_free(n);
}

TEST(a_firewall_passes_errors_about_sessions_unchanged)
{
    struct ptn_nat_opts o = PTN_NAT_HOME;
    o.translates = false;
    struct ptn_nat *n = nat_with(&o, 1);
    struct ptn_nat_packet in_error = error_in(CAROL, ALICE, BOB_1), before = in_error;
    struct ptn_nat_packet out_error = error_in(AMY, BOB_1, ALICE), out_before = out_error;

    CHECK_EQ(PTN_NAT_NO_MAPPING, ptn_nat_inbound(n, 0, &in_error));
    out(n, 0, PTN_NAT_UDP, ALICE, BOB_1);
    CHECK_EQ(PTN_NAT_PASS, ptn_nat_inbound(n, 0, &in_error));
    CHECK_EQ(PTN_NAT_PASS, ptn_nat_outbound(n, 0, &out_error));
    CHECK_BYTES(&before, &in_error, sizeof before);
    CHECK_BYTES(&out_before, &out_error, sizeof out_before);
    ptn_nat_free(n);
}
