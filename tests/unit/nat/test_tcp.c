/* RFC 5382 and RFC 7857: how long a connection is remembered. */
#include "nats.h"

enum { FIN = 1, SYN = 2, RST = 4, ACK = 16 };

/* Opening 4 min, established 2 h 4 min, closing 4 min. */
static const ptn_time OPENING = PTN_S(240), ESTABLISHED = PTN_S(7440), CLOSING = PTN_S(240);

TEST(what_a_connection_has_done_decides_how_long_it_is_remembered)
{
    static const struct {
        const char *story;
        struct {
            bool outbound;
            unsigned flags;
        } packets[8];
        unsigned count;
        ptn_time lives;
    } cases[] = {
        {"a SYN", {{true, SYN}}, 1, PTN_S(240)},
        {"SYN, SYN ACK, ACK", {{true, SYN}, {false, SYN | ACK}, {true, ACK}}, 3, PTN_S(7440)},
        {"both SYNs at once", {{true, SYN}, {false, SYN}}, 2, PTN_S(7440)},
        {"half closed",
         {{true, SYN}, {false, SYN | ACK}, {true, FIN | ACK}, {false, ACK}},
         4,
         PTN_S(7440)},
        {"closed",
         {{true, SYN}, {false, SYN | ACK}, {true, FIN | ACK}, {false, FIN | ACK}, {true, ACK}},
         5,
         PTN_S(240)},
        {"reset from inside", {{true, SYN}, {false, SYN | ACK}, {true, RST}}, 3, PTN_S(240)},
        {"reset from outside",
         {{true, SYN}, {false, SYN | ACK}, {true, ACK}, {false, RST}},
         4,
         PTN_S(240)},
        {"refused, then tried again",
         {{true, SYN}, {false, RST | ACK}, {true, SYN}, {false, SYN | ACK}, {true, ACK}},
         5,
         PTN_S(7440)},
        {"picked up in the middle", {{true, ACK}, {false, ACK}}, 2, PTN_S(7440)},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ptn_nat_opts o = home_opts();
        struct ptn_nat *n = nat_with(&o, 1);
        struct ptn_addr mapped = ptn_addr_with_port(OUTSIDE, 5060);

        for (unsigned p = 0; p < cases[i].count; p++)
            CHECK_EQ(PTN_NAT_PASS,
                     cases[i].packets[p].outbound
                         ? tcp(n, 0, true, cases[i].packets[p].flags, ALICE, BOB_1)
                         : tcp(n, 0, false, cases[i].packets[p].flags, BOB_1, mapped));
        if (ptn_nat_deadline(n) != cases[i].lives)
            print_error("# %s\n", cases[i].story);
        CHECK_EQ(cases[i].lives, ptn_nat_deadline(n));
        ptn_nat_free(n);
    }
}

TEST(a_closing_connection_is_not_kept_by_its_last_packets)
{
    struct ptn_nat_opts o = home_opts();
    struct ptn_nat *n = nat_with(&o, 1);

    tcp(n, 0, true, SYN, ALICE, BOB_1);
    tcp(n, 0, true, RST, ALICE, BOB_1);
    tcp(n, PTN_S(100), true, ACK, ALICE, BOB_1);
    CHECK_EQ(CLOSING, ptn_nat_deadline(n));
    ptn_nat_free(n);
}

TEST(an_established_connection_is_refreshed_by_outbound_packets)
{
    struct ptn_nat_opts o = home_opts();
    struct ptn_nat *n = nat_with(&o, 1);
    struct ptn_addr mapped = ptn_addr_with_port(OUTSIDE, 5060);

    tcp(n, 0, true, SYN, ALICE, BOB_1);
    CHECK_EQ(OPENING, ptn_nat_deadline(n));
    tcp(n, 0, false, SYN | ACK, BOB_1, mapped);
    tcp(n, PTN_S(7000), true, ACK, ALICE, BOB_1);
    CHECK_EQ(PTN_S(7000) + ESTABLISHED, ptn_nat_deadline(n));
    tcp(n, PTN_S(8000), false, ACK, BOB_1, mapped);
    CHECK_EQ(PTN_S(7000) + ESTABLISHED, ptn_nat_deadline(n));
    ptn_nat_free(n);
}

TEST(a_reset_opens_nothing_in_either_direction)
{
    struct ptn_nat_opts o = home_opts();
    o.filtering = PTN_NAT_SEES_NOTHING;
    struct ptn_nat *n = nat_with(&o, 1);

    CHECK_EQ(PTN_NAT_NO_MAPPING, tcp(n, 0, true, RST, ALICE, BOB_1));
    CHECK_EQ(0, ptn_nat_mappings(n));
    tcp(n, 0, true, SYN, ALICE, BOB_1);
    CHECK_EQ(PTN_NAT_PASS, tcp(n, 0, false, RST, CAROL, ptn_addr_with_port(OUTSIDE, 5060)));
    CHECK_EQ(1, ptn_nat_sessions(n));
    ptn_nat_free(n);
}

/* RFC 5382 REQ-3: a peer that an open filter lets in can connect, and its connection lasts. */
TEST(a_connection_from_outside_is_followed_like_one_from_inside)
{
    struct ptn_nat_opts o = home_opts();
    o.filtering = PTN_NAT_SEES_NOTHING;
    struct ptn_nat *n = nat_with(&o, 1);
    struct ptn_addr mapped = ptn_addr_with_port(OUTSIDE, 5060);

    tcp(n, 0, true, SYN, ALICE, BOB_1);
    CHECK_EQ(PTN_NAT_PASS, tcp(n, 0, false, SYN, CAROL, mapped));
    CHECK_EQ(PTN_NAT_PASS, tcp(n, 0, true, SYN | ACK, ALICE, CAROL));
    CHECK_EQ(2, ptn_nat_sessions(n));
    ptn_nat_tick(n, OPENING);
    CHECK_EQ(1, ptn_nat_sessions(n));
    CHECK_EQ(ESTABLISHED, ptn_nat_deadline(n));
    ptn_nat_free(n);
}
