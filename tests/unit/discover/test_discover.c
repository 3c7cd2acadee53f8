#include "discover/discover.h"

#include <stdio.h>
#include <stdlib.h>

#include "support/test.h"
#include "world.h"

#define EI PTN_DISCOVER_ENDPOINT_INDEPENDENT
#define AD PTN_DISCOVER_ADDRESS_DEPENDENT
#define APD PTN_DISCOVER_ADDRESS_AND_PORT_DEPENDENT

/* The environments of the hard target, two of them behind two NATs. */
enum place {
    OPEN,
    FIREWALL,
    BLOCKED,
    FULL_CONE,
    ADDRESS_RESTRICTED,
    PORT_RESTRICTED,
    SYMMETRIC,
    TWO_NATS,
    TWO_NATS_SYMMETRIC,
    PLACES,
};

static const struct {
    enum ptn_discover_type type;
    enum ptn_discover_sees mapping, filtering;
} truth[PLACES] = {
    [OPEN] = {PTN_DISCOVER_OPEN, EI, EI},
    [FIREWALL] = {PTN_DISCOVER_UDP_FIREWALL, EI, APD},
    [BLOCKED] = {PTN_DISCOVER_UDP_BLOCKED, PTN_DISCOVER_SEES_UNKNOWN, PTN_DISCOVER_SEES_UNKNOWN},
    [FULL_CONE] = {PTN_DISCOVER_FULL_CONE, EI, EI},
    [ADDRESS_RESTRICTED] = {PTN_DISCOVER_ADDRESS_RESTRICTED, EI, AD},
    [PORT_RESTRICTED] = {PTN_DISCOVER_PORT_RESTRICTED, EI, APD},
    [SYMMETRIC] = {PTN_DISCOVER_SYMMETRIC, APD, APD},
    [TWO_NATS] = {PTN_DISCOVER_PORT_RESTRICTED, EI, APD},
    [TWO_NATS_SYMMETRIC] = {PTN_DISCOVER_SYMMETRIC, APD, APD},
};

static struct world *world_at(enum place place, uint64_t seed)
{
    struct world *w = world_new(seed);

    switch (place) {
    case OPEN: break;
    case FIREWALL: world_add_firewall(w, APD); break;
    case BLOCKED: w->blocked = true; break;
    case FULL_CONE: world_add_nat(w, EI, EI); break;
    case ADDRESS_RESTRICTED: world_add_nat(w, EI, AD); break;
    case PORT_RESTRICTED: world_add_nat(w, EI, APD); break;
    case SYMMETRIC: world_add_nat(w, APD, APD); break;
    case TWO_NATS:
        world_add_nat(w, EI, AD);
        world_add_nat(w, EI, APD);
        break;
    case TWO_NATS_SYMMETRIC:
        world_add_nat(w, EI, EI);
        world_add_nat(w, APD, APD);
        break;
    case PLACES: break;
    }
    return w;
}

static bool right(const struct ptn_discover_result *r, enum place place)
{
    return r->type == truth[place].type && r->mapping == truth[place].mapping &&
           r->filtering == truth[place].filtering;
}

TEST(every_place_is_told_right_within_a_second_in_each_dialect)
{
    for (enum place place = OPEN; place < PLACES; place++)
        for (unsigned dialect = 0; dialect < 3; dialect++) {
            struct world *w = world_at(place, 1);
            struct ptn_discover_result r = world_discover(w, (enum ptn_discover_dialect)dialect);

            CHECK_STR(ptn_discover_type_text(truth[place].type), ptn_discover_type_text(r.type));
            CHECK(right(&r, place));
            CHECK(w->now <= PTN_S(1));
            CHECK_EQ(place == BLOCKED ? PTN_DISCOVER_NO_ANSWER : PTN_DISCOVER_WHY_NONE, r.type_why);
            CHECK_EQ(place == BLOCKED, ptn_addr_is_none(&r.mapped));
            CHECK_EQ(place == BLOCKED                     ? PTN_DISCOVER_UNKNOWN
                     : place == OPEN || place == FIREWALL ? PTN_DISCOVER_NO
                                                          : PTN_DISCOVER_YES,
                     r.nat);
            world_free(w);
        }
}

/* Wrong in less than one of ten thousand, "unknown" counts as wrong; in at most three seconds. */
TEST(ten_thousand_runs_with_up_to_a_tenth_lost_each_way_have_no_wrong_verdict)
{
    unsigned wrong = 0;

    for (unsigned run = 0; run < 10000; run++) {
        enum place place = (enum place)(run % PLACES);
        struct world *w = world_at(place, 1000 + run);
        w->loss = 0.1 * (double)(run / PLACES % 11) / 10;
        struct ptn_discover_result r = world_discover(w, PTN_DISCOVER_AUTO);

        if (!right(&r, place)) {
            print_error("# seed %u: place %d, told %s\n", 1000 + run, (int)place,
                        ptn_discover_type_text(r.type));
            wrong++;
        }
        CHECK(w->now <= PTN_S(3));
        world_free(w);
    }
    CHECK_EQ(0, wrong);
}

/* Far beyond the target, yet mostly right: patience grows with the loss that is seen. */
TEST(with_a_third_lost_each_way_hardly_a_verdict_is_wrong)
{
    unsigned wrong = 0;

    for (unsigned run = 0; run < 900; run++) {
        enum place place = (enum place)(run % PLACES);
        struct world *w = world_at(place, 50000 + run);
        w->loss = 0.33;
        struct ptn_discover_result r = world_discover(w, PTN_DISCOVER_AUTO);
        wrong += !right(&r, place);
        CHECK(w->now <= PTN_S(3));
        world_free(w);
    }
    CHECK(wrong <= 9);
}

TEST(every_pair_of_mapping_and_filtering_is_told)
{
    for (unsigned mapping = EI; mapping <= APD; mapping++)
        for (unsigned filtering = EI; filtering <= APD; filtering++) {
            struct world *w = world_new(3);
            world_add_nat(w, (enum ptn_discover_sees)mapping, (enum ptn_discover_sees)filtering);
            struct ptn_discover_result r = world_discover(w, PTN_DISCOVER_AUTO);
            CHECK_EQ(mapping, r.mapping);
            CHECK_EQ(filtering, r.filtering);
            CHECK_EQ(mapping != EI, r.type == PTN_DISCOVER_SYMMETRIC);
            world_free(w);
        }
}

TEST(old_servers_are_understood_whatever_they_make_of_the_cookie)
{
    for (unsigned speaks = SPEAKS_BOTH; speaks <= SPEAKS_CLASSIC_ECHOES; speaks++)
        for (enum place place = OPEN; place < PLACES; place++) {
            struct world *w = world_at(place, 4);
            w->servers[0].speaks = (enum speaks)speaks;
            struct ptn_discover_result r = world_discover(w, PTN_DISCOVER_AUTO);
            CHECK(right(&r, place));
            CHECK(w->now <= PTN_S(1));
            if (place != BLOCKED)
                CHECK_EQ(speaks >= SPEAKS_CLASSIC ? PTN_STUN_CLASSIC : PTN_STUN_MODERN,
                         r.servers[0].dialect);
            world_free(w);
        }
}

TEST(a_server_of_one_address_tells_what_it_can_and_the_rest_has_its_reason)
{
    for (unsigned nat = 0; nat < 2; nat++) {
        struct world *w = world_at(nat ? PORT_RESTRICTED : OPEN, 5);
        w->servers[0].b = (struct ptn_addr){0};
        struct ptn_discover_result r = world_discover(w, PTN_DISCOVER_AUTO);

        CHECK_EQ(nat ? PTN_DISCOVER_YES : PTN_DISCOVER_NO, r.nat);
        CHECK(!ptn_addr_is_none(&r.mapped));
        CHECK_EQ(PTN_DISCOVER_TYPE_UNKNOWN, r.type);
        CHECK_EQ(PTN_DISCOVER_ONE_ADDRESS, r.type_why);
        CHECK_EQ(PTN_DISCOVER_SEES_UNKNOWN, r.mapping);
        CHECK_EQ(PTN_DISCOVER_ONE_ADDRESS, r.mapping_why);
        CHECK_EQ(PTN_DISCOVER_ONE_ADDRESS, r.filtering_why);
        world_free(w);
    }
}

TEST(two_servers_of_one_address_each_tell_the_mapping_together)
{
    for (unsigned mapping = EI; mapping <= APD; mapping++) {
        struct world *w = world_new(6);
        world_add_nat(w, (enum ptn_discover_sees)mapping, APD);
        w->server_count = 2;
        w->servers[1].a = ptn_addr_v4(192, 0, 2, 99, 3478);
        w->servers[0].b = (struct ptn_addr){0};
        struct ptn_discover_result r = world_discover(w, PTN_DISCOVER_AUTO);

        CHECK_EQ(mapping == EI ? EI : PTN_DISCOVER_DEPENDENT, r.mapping);
        CHECK_EQ(PTN_DISCOVER_SEES_UNKNOWN, r.filtering);
        CHECK_EQ(mapping == EI ? PTN_DISCOVER_TYPE_UNKNOWN : PTN_DISCOVER_SYMMETRIC, r.type);
        world_free(w);
    }
}

TEST(a_dead_server_costs_nothing_beside_one_that_lives)
{
    for (unsigned dead = 0; dead < 2; dead++)
        for (enum place place = OPEN; place < PLACES; place++) {
            struct world *w = world_at(place, 7);
            w->server_count = 2;
            w->servers[1].a = ptn_addr_v4(192, 0, 2, 11, 3478);
            w->servers[1].b = ptn_addr_v4(192, 0, 2, 12, 3479);
            w->servers[dead].dead = true;
            struct ptn_discover_result r = world_discover(w, PTN_DISCOVER_AUTO);
            CHECK(right(&r, place));
            CHECK(w->now <= PTN_S(1));
            world_free(w);
        }
}

TEST(a_second_address_that_is_dead_is_no_filter)
{
    struct world *w = world_at(FULL_CONE, 8);
    w->servers[0].second_dead = true;
    struct ptn_discover_result r = world_discover(w, PTN_DISCOVER_AUTO);

    CHECK_EQ(PTN_DISCOVER_SEES_UNKNOWN, r.filtering);
    CHECK_EQ(PTN_DISCOVER_ALTERNATE_SILENT, r.filtering_why);
    CHECK_EQ(PTN_DISCOVER_TYPE_UNKNOWN, r.type);
    world_free(w);
}

TEST(a_server_that_ignores_change_requests_is_found_out)
{
    struct world *w = world_at(PORT_RESTRICTED, 9);
    w->servers[0].ignores_change = true;
    struct ptn_discover_result r = world_discover(w, PTN_DISCOVER_AUTO);

    CHECK_EQ(EI, r.mapping);
    CHECK_EQ(PTN_DISCOVER_SEES_UNKNOWN, r.filtering);
    CHECK_EQ(PTN_DISCOVER_CHANGE_IGNORED, r.filtering_why);
    world_free(w);
}

TEST(a_server_that_drops_change_requests_is_not_taken_for_a_filter)
{
    struct world *w = world_at(FULL_CONE, 10);
    w->servers[0].silent_on_change = true;
    struct ptn_discover_result r = world_discover(w, PTN_DISCOVER_AUTO);

    CHECK_EQ(PTN_DISCOVER_SEES_UNKNOWN, r.filtering);
    CHECK_EQ(PTN_DISCOVER_ONE_ADDRESS, r.filtering_why);
    CHECK_EQ(PTN_DISCOVER_SERVER_ANSWERED, r.servers[0].state);
    world_free(w);
}

TEST(a_server_that_only_refuses_is_not_taken_for_blocked_udp)
{
    struct world *w = world_at(PORT_RESTRICTED, 11);
    w->servers[0].refuses = 401;
    struct ptn_discover_result r = world_discover(w, PTN_DISCOVER_AUTO);

    CHECK_EQ(PTN_DISCOVER_TYPE_UNKNOWN, r.type);
    CHECK_EQ(PTN_DISCOVER_REFUSED, r.type_why);
    CHECK_EQ(401, r.servers[0].error_code);
    world_free(w);
}

TEST(hairpin_and_port_preservation_are_told)
{
    for (unsigned hairpin = 0; hairpin < 2; hairpin++)
        for (unsigned preserves = 0; preserves < 2; preserves++)
            for (unsigned filtering = EI; filtering <= APD; filtering++) {
                struct world *w = world_new(12);
                struct layer *l = world_add_nat(w, EI, (enum ptn_discover_sees)filtering);
                l->hairpin = hairpin;
                l->preserves_ports = preserves;
                struct ptn_discover_result r = world_discover(w, PTN_DISCOVER_AUTO);
                CHECK_EQ(hairpin ? PTN_DISCOVER_YES : PTN_DISCOVER_NO, r.hairpin);
                CHECK_EQ(preserves ? PTN_DISCOVER_YES : PTN_DISCOVER_NO, r.port_preserved);
                CHECK(w->now <= PTN_S(1));
                world_free(w);
            }
}

TEST(long_round_trips_are_waited_for)
{
    for (enum place place = OPEN; place < PLACES; place++) {
        struct world *w = world_at(place, 13);
        w->one_way = PTN_MS(300);
        struct ptn_discover_result r = world_discover(w, PTN_DISCOVER_AUTO);
        CHECK(right(&r, place));
        CHECK(w->now <= PTN_S(3));
        world_free(w);
    }
}

TEST(loss_and_round_trip_are_told)
{
    struct world *w = world_at(PORT_RESTRICTED, 14);
    struct ptn_discover_result r = world_discover(w, PTN_DISCOVER_AUTO);

    CHECK_EQ(PTN_MS(40), r.servers[0].rtt);
    CHECK(r.loss == 0);
    CHECK_ADDR(&w->servers[0].b, &r.servers[0].other);
    world_free(w);
    w = world_at(PORT_RESTRICTED, 14);
    w->loss = 0.5;
    r = world_discover(w, PTN_DISCOVER_AUTO);
    CHECK(r.loss > 0.2);
    world_free(w);
}

TEST(a_firewall_that_answers_with_icmp_is_told_as_blocked_with_that_reason)
{
    struct world *w = world_at(BLOCKED, 18);
    w->says_so = true;
    struct ptn_discover_result r = world_discover(w, PTN_DISCOVER_AUTO);

    CHECK_EQ(PTN_DISCOVER_UDP_BLOCKED, r.type);
    CHECK_EQ(PTN_DISCOVER_ICMP_ERROR, r.type_why);
    world_free(w);
}

TEST(ipv6_is_asked_like_ipv4)
{
    for (unsigned firewall = 0; firewall < 2; firewall++) {
        struct world *w = world_new(19);
        CHECK(ptn_addr_parse("2001:db8:1::7", &w->host));
        CHECK(ptn_addr_parse("[2001:db8:2::1]:3478", &w->servers[0].a));
        CHECK(ptn_addr_parse("[2001:db8:2::2]:3479", &w->servers[0].b));
        if (firewall)
            world_add_firewall(w, AD);
        struct ptn_discover_result r = world_discover(w, PTN_DISCOVER_AUTO);
        CHECK_EQ(firewall ? PTN_DISCOVER_UDP_FIREWALL : PTN_DISCOVER_OPEN, r.type);
        CHECK_EQ(firewall ? AD : EI, r.filtering);
        CHECK_ADDR(&r.local, &r.mapped);
        world_free(w);
    }
}

TEST(without_sockets_the_reason_is_told)
{
    struct world *w = world_at(OPEN, 15);
    w->refuse_sockets = true;
    struct ptn_discover_result r = world_discover(w, PTN_DISCOVER_AUTO);

    CHECK_EQ(PTN_DISCOVER_TYPE_UNKNOWN, r.type);
    CHECK_EQ(PTN_DISCOVER_NO_SOCKET, r.type_why);
    world_free(w);
}

/* ---- names ---- */

static const struct ptn_dns_record a_record = {.type = PTN_DNS_A,
                                               .addr = {.ip = {192, 0, 2, 1}, .family = PTN_IPV4}};
static const struct ptn_dns_record srv_records[] = {
    {.type = PTN_DNS_SRV, .priority = 20, .port = 9, .target = "backup.example.org"},
    {.type = PTN_DNS_SRV, .priority = 10, .weight = 1, .port = 9, .target = "light.example.org"},
    {.type = PTN_DNS_SRV, .priority = 10, .weight = 5, .port = 3478, .target = "a.example.org"},
};

static const struct ptn_dns_record *with_srv(const char *name, unsigned types, size_t *count)
{
    *count = 0;
    if (types == PTN_DNS_SRV && strcmp(name, "_stun._udp.example.org") == 0) {
        *count = 3;
        return srv_records;
    }
    if (types == PTN_DNS_A && strcmp(name, "a.example.org") == 0) {
        *count = 1;
        return &a_record;
    }
    return NULL;
}

static const struct ptn_dns_record *host_only(const char *name, unsigned types, size_t *count)
{
    bool found = types == PTN_DNS_A && strcmp(name, "example.org") == 0;

    *count = found;
    return found ? &a_record : NULL;
}

static const struct ptn_dns_record *nothing(const char *name, unsigned types, size_t *count)
{
    (void)name, (void)types;
    *count = 0;
    return NULL;
}

static const struct ptn_dns_record *only_backup(const char *name, unsigned types, size_t *count)
{
    if (strcmp(name, "backup.example.org") != 0)
        return types == PTN_DNS_SRV ? with_srv(name, types, count) : nothing(name, types, count);
    *count = 1;
    return &a_record;
}

TEST(a_name_is_found_by_srv_or_by_its_own_address)
{
    static const struct {
        const struct ptn_dns_record *(*resolve)(const char *, unsigned, size_t *);
        uint16_t port, found_port;
    } cases[] = {
        {with_srv, 0, 3478}, {host_only, 0, 3478}, {host_only, 3479, 3479},
        {only_backup, 0, 9}, {nothing, 0, 0},      {NULL, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct world *w = world_at(PORT_RESTRICTED, 16);
        w->resolve = cases[i].resolve;
        struct ptn_discover_result r = world_discover_with(
            w, (struct ptn_discover_opts){.servers = {{"example.org", cases[i].port}},
                                          .server_count = 1});
        CHECK_EQ(cases[i].found_port, r.servers[0].addr.port);
        if (cases[i].found_port == 0) {
            CHECK_EQ(PTN_DISCOVER_SERVER_UNRESOLVED, r.servers[0].state);
            CHECK_EQ(PTN_DISCOVER_NO_NAME, r.type_why);
            CHECK_EQ(cases[i].resolve ? PTN_ERR_NO_ADDRESS : PTN_ERR_NAMES_SILENT,
                     r.servers[0].why);
        } else if (cases[i].found_port == 3478) {
            CHECK(right(&r, PORT_RESTRICTED));
        }
        world_free(w);
    }
}

static const struct ptn_dns_record *with_a_dead_one(const char *name, unsigned types, size_t *count)
{
    static const struct ptn_dns_record services[] = {
        {.type = PTN_DNS_SRV, .priority = 2, .port = 3478, .target = "a.example.org"},
        {.type = PTN_DNS_SRV, .priority = 1, .port = 3478, .target = "dead.example.org"}};
    static const struct ptn_dns_record dead = {.type = PTN_DNS_A,
                                               .addr = {.ip = {192, 0, 2, 77}, .family = PTN_IPV4}};

    *count = 2;
    if (types == PTN_DNS_SRV)
        return services;
    *count = 1;
    return strcmp(name, "dead.example.org") == 0 ? &dead : with_srv(name, types, count);
}

TEST(a_server_that_is_silent_is_followed_by_the_next_one_of_its_service)
{
    struct world *w = world_at(PORT_RESTRICTED, 20);

    w->resolve = with_a_dead_one;
    struct ptn_discover_result r = world_discover_with(
        w, (struct ptn_discover_opts){.servers = {{"example.org", 0}}, .server_count = 1});
    CHECK_ADDR(&w->servers[0].a, &r.servers[0].addr);
    CHECK(right(&r, PORT_RESTRICTED));
    world_free(w);
}

TEST(an_address_of_the_other_family_is_not_asked)
{
    struct world *w = world_at(OPEN, 17);
    struct ptn_discover_result r = world_discover_with(
        w, (struct ptn_discover_opts){.servers = {{"2001:db8::1", 0}}, .server_count = 1});

    CHECK_EQ(PTN_DISCOVER_NO_NAME, r.type_why);
    CHECK_EQ(0, w->sent);
    world_free(w);
}
