#include "ice/candidate.h"

#include "support/test.h"
#include "world.h"

TEST(candidate_priorities_are_those_of_the_formula)
{
    static const struct {
        enum ptn_ice_kind kind;
        uint16_t preference;
        unsigned component;
        uint32_t priority;
    } cases[] = {
        /* RFC 8445 §5.1.2.1: 2^24 · kind + 2^8 · preference + 256 - component. The first three are
         * those of the examples in RFC 8839. */
        {PTN_ICE_HOST, 65535, 1, 2130706431},
        {PTN_ICE_HOST, 65535, 2, 2130706430},
        {PTN_ICE_SERVER_REFLEXIVE, 65535, 1, 1694498815},
        {PTN_ICE_PEER_REFLEXIVE, 65535, 1, 1862270975},
        {PTN_ICE_RELAYED, 65535, 1, 16777215},
        {PTN_ICE_RELAYED, 0, 1, 255},
        {PTN_ICE_HOST, 0, 256, 126u << 24},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        CHECK_EQ(cases[i].priority,
                 ptn_ice_priority(cases[i].kind, cases[i].preference, cases[i].component));
}

TEST(pair_priorities_put_the_lesser_candidate_first_and_tell_whose_it_is)
{
    CHECK_EQ((UINT64_C(1) << 32) + 2 * 5 + 0, ptn_ice_pair_priority(1, 5));
    CHECK_EQ((UINT64_C(1) << 32) + 2 * 5 + 1, ptn_ice_pair_priority(5, 1));
    CHECK_EQ((UINT64_C(5) << 32) + 2 * 5 + 0, ptn_ice_pair_priority(5, 5));
    /* Both ends compute the same, and a pair of two hosts beats one with a relay. */
    CHECK(ptn_ice_pair_priority(2130706431, 2130706431) >
          ptn_ice_pair_priority(2130706431, 16777215));
}

/* RFC 8421 §4: Hi = (N4 + N6) / N4 addresses of IPv6 before the first of IPv4. */
TEST(ipv4_addresses_are_mixed_in_before_a_broken_ipv6_costs_much)
{
    static const struct {
        const char *addrs;  /* 4 or 6 each */
        const char *places; /* of each, 'a' the first */
    } cases[] = {
        {"4", "a"},           {"6", "a"},         {"46", "ba"},
        {"44", "ab"},         {"66", "ab"},       {"66666644", "abcdfheg"},
        {"444666", "cefabd"}, {"46666", "eabcd"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ptn_addr addrs[8];
        uint16_t preferences[8];
        unsigned count = (unsigned)strlen(cases[i].addrs);
        for (unsigned k = 0; k < count; k++)
            addrs[k] = (struct ptn_addr){.family = (uint8_t)(cases[i].addrs[k] - '0')};
        ptn_ice_preferences(addrs, count, preferences);
        for (unsigned k = 0; k < count; k++)
            CHECK_EQ(cases[i].places[k], 'a' + PTN_ICE_PREFERENCE_MAX - preferences[k]);
    }
}

TEST(only_addresses_that_can_reach_each_other_pair)
{
    static const struct {
        const char *a, *b;
        bool may;
    } cases[] = {
        {"192.0.2.1:1", "198.51.100.1:2", true},      {"192.0.2.1:1", "[2001:db8::1]:2", false},
        {"[2001:db8::2]:1", "[2001:db8::1]:2", true}, {"[fe80::2]:1", "[2001:db8::1]:2", false},
        {"[fe80::2]:1", "[fe80::1]:2", true},         {"169.254.1.1:1", "192.0.2.1:2", true},
        {"192.0.2.1:1", "127.0.0.1:2", false},        {"127.0.0.1:1", "127.0.0.2:2", true},
        {"[2001:db8::2]:1", "[::1]:2", false},        {"192.0.2.1:1", "255.255.255.255:2", false},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ptn_addr a = world_addr(cases[i].a), b = world_addr(cases[i].b);
        CHECK_EQ(cases[i].may, ptn_ice_may_pair(&a, &b));
        CHECK_EQ(cases[i].may, ptn_ice_may_pair(&b, &a));
    }
}
