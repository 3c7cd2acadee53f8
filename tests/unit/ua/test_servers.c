#include "ua/servers.h"

#include "support/test.h"

enum { FIRST_ID = 500 };

static const struct ptn_addr HOST = {{203, 0, 113, 1}, 0, PTN_IPV4, 0};
static const struct ptn_addr HOST_6 = {{0x20, 0x01, 0x0d, 0xb8, [15] = 1}, 0, PTN_IPV6, 0};

static struct ptn_servers servers_of(const char *name, uint16_t port)
{
    struct ptn_servers s;

    ptn_servers_init(&s, FIRST_ID, PTN_DNS_A | PTN_DNS_AAAA);
    CHECK(ptn_servers_add(&s, name, port));
    return s;
}

/* The one question that is asked now. */
static void expect_question(struct ptn_servers *s, ptn_time now, const char *name, unsigned types)
{
    struct ptn_ask ask;

    ptn_servers_tick(s, now);
    CHECK(ptn_servers_output(s, now, &ask));
    CHECK_EQ(PTN_ASK_RESOLVE, ask.kind);
    CHECK_EQ(FIRST_ID, ask.id);
    CHECK_STR(name, ask.name);
    CHECK_EQ(types, ask.types);
    CHECK(!ptn_servers_output(s, now, &ask));
}

static bool resolved(struct ptn_servers *s, ptn_time now, const struct ptn_dns_record *records,
                     size_t count)
{
    return ptn_servers_input(
        s, now,
        &(struct ptn_tell){
            .kind = PTN_TELL_RESOLVED, .id = FIRST_ID, .records = records, .record_count = count});
}

static bool failed(struct ptn_servers *s, ptn_time now)
{
    return ptn_servers_input(s, now, &(struct ptn_tell){.kind = PTN_TELL_FAILED, .id = FIRST_ID});
}

static void expect_list(const struct ptn_servers *s, const struct ptn_addr *addrs, unsigned count)
{
    struct ptn_anchor_servers list;

    ptn_servers_list(s, &list);
    CHECK_EQ(count, list.count);
    for (unsigned i = 0; i < count; i++)
        CHECK_ADDR(&addrs[i], &list.addrs[i]);
}

TEST(an_address_needs_no_question)
{
    static const struct {
        const char *name;
        uint16_t port, found;
    } rows[] = {{"203.0.113.1", 0, 3478}, {"203.0.113.1", 5000, 5000}, {"203.0.113.1:99", 0, 99}};

    for (unsigned i = 0; i < 3; i++) {
        struct ptn_servers s = servers_of(rows[i].name, rows[i].port);
        struct ptn_addr want = ptn_addr_with_port(HOST, rows[i].found);
        struct ptn_ask ask;
        ptn_servers_tick(&s, 0);
        CHECK(!ptn_servers_output(&s, 0, &ask));
        CHECK(!ptn_servers_pending(&s));
        CHECK_EQ(PTN_NEVER, ptn_servers_deadline(&s));
        expect_list(&s, &want, 1);
    }
}

TEST(a_name_with_a_port_is_a_host)
{
    struct ptn_servers s = servers_of("stun.example.org", 4000);
    struct ptn_dns_record records[] = {{.type = PTN_DNS_A, .ttl_s = 120, .addr = HOST},
                                       {.type = PTN_DNS_AAAA, .ttl_s = 90, .addr = HOST_6}};
    struct ptn_addr want[] = {ptn_addr_with_port(HOST, 4000), ptn_addr_with_port(HOST_6, 4000)};

    CHECK(ptn_servers_pending(&s));
    expect_question(&s, 0, "stun.example.org", PTN_DNS_A | PTN_DNS_AAAA);
    CHECK(resolved(&s, PTN_S(1), records, 2));
    CHECK(!ptn_servers_pending(&s));
    expect_list(&s, want, 2);
    /* Asked again when the shortest lifetime is over; the same answer is no news. */
    CHECK_EQ(PTN_S(91), ptn_servers_deadline(&s));
    expect_question(&s, PTN_S(91), "stun.example.org", PTN_DNS_A | PTN_DNS_AAAA);
    CHECK(!resolved(&s, PTN_S(91), records, 2));
    expect_list(&s, want, 2);
}

TEST(a_name_without_a_port_is_a_service_first)
{
    struct ptn_servers s = servers_of("example.org", 0);
    struct ptn_dns_record srv[] = {
        {.type = PTN_DNS_SRV, .priority = 20, .weight = 9, .port = 1, .target = "far.example.org"},
        {.type = PTN_DNS_SRV,
         .priority = 10,
         .weight = 1,
         .port = 2,
         .target = "light.example.org"},
        {.type = PTN_DNS_SRV,
         .priority = 10,
         .weight = 5,
         .port = 3,
         .target = "heavy.example.org"},
        {.type = PTN_DNS_SRV, .priority = 1, .weight = 5, .port = 4, .target = ""},
        {.type = PTN_DNS_SRV, .priority = 1, .weight = 5, .port = 0, .target = "x.example.org"},
    };
    struct ptn_dns_record a = {.type = PTN_DNS_A, .ttl_s = 1, .addr = HOST};
    struct ptn_addr want = ptn_addr_with_port(HOST, 3);

    expect_question(&s, 0, "_stun._udp.example.org", PTN_DNS_SRV);
    CHECK(!resolved(&s, 0, srv, 5));
    expect_question(&s, 0, "heavy.example.org", PTN_DNS_A | PTN_DNS_AAAA);
    CHECK(resolved(&s, 0, &a, 1));
    expect_list(&s, &want, 1);
    /* A lifetime of one second is no reason to ask each second. */
    CHECK_EQ(PTN_S(60), ptn_servers_deadline(&s));
}

/* Who is doubted is left for the next one at once, the first of all comes again after a while. */
TEST(a_host_that_does_not_answer_is_followed_by_the_next_one_of_its_service)
{
    struct ptn_servers s = servers_of("example.org", 0);
    const struct ptn_dns_record srv[] = {
        {.type = PTN_DNS_SRV, .priority = 2, .port = 1, .target = "b.example.org"},
        {.type = PTN_DNS_SRV, .priority = 1, .port = 1, .target = "a.example.org"}};
    const struct ptn_dns_record a = {.type = PTN_DNS_A, .ttl_s = 3600, .addr = HOST};
    static const struct {
        ptn_time at;
        const char *name;
    } rows[] = {{PTN_S(0), "a.example.org"},
                {PTN_S(2), "b.example.org"},
                {PTN_S(32), "a.example.org"},
                {PTN_S(34), "b.example.org"}};

    for (unsigned i = 0; i < 4; i++) {
        CHECK_EQ(rows[i].at, ptn_servers_deadline(&s));
        expect_question(&s, rows[i].at, "_stun._udp.example.org", PTN_DNS_SRV);
        resolved(&s, rows[i].at, srv, 2);
        expect_question(&s, rows[i].at, rows[i].name, PTN_DNS_A | PTN_DNS_AAAA);
        resolved(&s, rows[i].at, &a, 1);
        CHECK_EQ(rows[i].at + PTN_S(3600), ptn_servers_deadline(&s));
        ptn_servers_doubt(&s, rows[i].at + PTN_S(2));
        ptn_servers_doubt(&s, rows[i].at + PTN_S(2));
    }
}

TEST(a_name_that_is_no_service_is_a_host)
{
    struct ptn_dns_record a = {.type = PTN_DNS_A, .ttl_s = 1, .addr = HOST};
    struct ptn_addr want = ptn_addr_with_port(HOST, 3478);

    for (unsigned how = 0; how < 2; how++) {
        struct ptn_servers s = servers_of("stun.example.org", 0);
        expect_question(&s, 0, "_stun._udp.stun.example.org", PTN_DNS_SRV);
        CHECK(!(how ? failed(&s, 0) : resolved(&s, 0, NULL, 0)));
        expect_question(&s, 0, "stun.example.org", PTN_DNS_A | PTN_DNS_AAAA);
        CHECK(resolved(&s, 0, &a, 1));
        expect_list(&s, &want, 1);
    }
}

TEST(a_name_that_fails_is_asked_again_ever_more_seldom_and_what_was_known_stays)
{
    struct ptn_servers s = servers_of("stun.example.org", 4000);
    struct ptn_dns_record a = {.type = PTN_DNS_A, .ttl_s = 100, .addr = HOST};
    struct ptn_addr want = ptn_addr_with_port(HOST, 4000);
    ptn_time now = 0, last = 0;

    for (unsigned i = 0; i < 10; i++) {
        expect_question(&s, now, "stun.example.org", PTN_DNS_A | PTN_DNS_AAAA);
        CHECK(!failed(&s, now));
        ptn_time wait = ptn_servers_deadline(&s) - now;
        CHECK(wait >= last && wait <= PTN_S(60));
        last = wait;
        now += wait;
    }
    CHECK_EQ(PTN_S(60), last);
    CHECK(!ptn_servers_pending(&s));
    expect_question(&s, now, "stun.example.org", PTN_DNS_A | PTN_DNS_AAAA);
    CHECK(resolved(&s, now, &a, 1));
    now = ptn_servers_deadline(&s);
    expect_question(&s, now, "stun.example.org", PTN_DNS_A | PTN_DNS_AAAA);
    CHECK(!resolved(&s, now, NULL, 0));
    expect_list(&s, &want, 1);
    CHECK_EQ(now + PTN_S(2), ptn_servers_deadline(&s));
}

TEST(too_many_servers_and_too_long_names_are_refused)
{
    struct ptn_servers s = servers_of("a.example.org", 0);
    char name[300];

    memset(name, 'a', sizeof name - 1);
    name[299] = '\0';
    CHECK(!ptn_servers_add(&s, name, 0));
    for (unsigned i = 1; i < PTN_SERVERS_MAX; i++)
        CHECK(ptn_servers_add(&s, "b.example.org", 0));
    CHECK(!ptn_servers_add(&s, "c.example.org", 0));
}

TEST(an_answer_nobody_asked_for_is_ignored)
{
    struct ptn_servers s = servers_of("stun.example.org", 4000);
    struct ptn_dns_record a = {.type = PTN_DNS_A, .ttl_s = 100, .addr = HOST};

    CHECK(!resolved(&s, 0, &a, 1));
    expect_list(&s, NULL, 0);
    CHECK(ptn_servers_own(&s, FIRST_ID));
    CHECK(!ptn_servers_own(&s, FIRST_ID + 1));
}

TEST(where_nobody_answers_the_name_is_looked_up_anew)
{
    static const struct ptn_dns_record lie = {
        .type = PTN_DNS_A, .ttl_s = 3600, .addr = {{203, 0, 113, 200}, 0, PTN_IPV4, 0}};
    struct ptn_servers s = servers_of("stun.example.test", 3478);

    expect_question(&s, 0, "stun.example.test", PTN_DNS_A | PTN_DNS_AAAA);
    resolved(&s, PTN_S(1), &lie, 1);
    CHECK_EQ(PTN_S(3601), ptn_servers_deadline(&s));
    ptn_servers_doubt(&s, PTN_S(5));
    ptn_servers_doubt(&s, PTN_S(6));
    CHECK_EQ(PTN_S(31), ptn_servers_deadline(&s));
    expect_question(&s, PTN_S(31), "stun.example.test", PTN_DNS_A | PTN_DNS_AAAA);
    /* Nor is a question that is out asked twice. */
    ptn_servers_doubt(&s, PTN_S(32));
    CHECK_EQ(PTN_NEVER, ptn_servers_deadline(&s));
}
