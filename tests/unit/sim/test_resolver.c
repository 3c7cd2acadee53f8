#include "sim/resolver.h"

#include "base/cursor.h"
#include "support/test.h"

enum { OPT_SIZE = 11 }; /* what RFC 6891 puts behind the question */

/* A resolver with two servers and what it has sent last. */
struct asking {
    struct ptn_sim_resolver *r;
    struct ptn_dice dice;
    struct ptn_addr to;
    uint8_t query[300];
    size_t query_size;
    /* Once it is done: */
    enum ptn_err why;
    const struct ptn_dns_record *records;
    size_t count;
};

static const struct ptn_sim_resolver_opts OPTS = {
    .servers = {{.ip = {192, 0, 2, 53}, .port = 53, .family = PTN_IPV4},
                {.ip = {192, 0, 2, 54}, .port = 53, .family = PTN_IPV4}},
    .server_count = 2,
    .wait = PTN_S(2),
    .sends_max = 3,
};

static void ask(struct asking *a, const char *name, unsigned types)
{
    *a = (struct asking){.dice = ptn_dice_seeded(1)};
    CHECK_EQ(PTN_OK, ptn_sim_resolver_new(&a->r, 0, &OPTS, name, types, &a->dice));
}

/* Takes one query; false when there is none. */
static bool take_query(struct asking *a, ptn_time now)
{
    struct ptn_bytes message;

    if (!ptn_sim_resolver_output(a->r, now, &a->to, &message))
        return false;
    CHECK(message.size <= sizeof a->query);
    memcpy(a->query, message.data, message.size);
    a->query_size = message.size;
    return true;
}

/* The question again with answer flags, and then `answers` as they stand. */
static void answer_from(struct asking *a, ptn_time now, const struct ptn_addr *from, unsigned flags,
                        unsigned count, struct ptn_bytes answers)
{
    uint8_t buf[600];
    struct ptn_writer w = ptn_writer(buf, sizeof buf);

    ptn_write(&w, ptn_bytes(a->query, 2));
    ptn_write_u16(&w, (uint16_t)(0x8180 | flags));
    ptn_write_u16(&w, 1);
    ptn_write_u16(&w, (uint16_t)count);
    ptn_write_zeros(&w, 4);
    ptn_write(&w, ptn_bytes(a->query + 12, a->query_size - 12 - OPT_SIZE));
    ptn_write(&w, answers);
    CHECK(!w.bad);
    ptn_sim_resolver_input(a->r, now, from, ptn_bytes(buf, ptn_writer_size(&w)));
}

static void answer(struct asking *a, ptn_time now, unsigned flags, unsigned count,
                   struct ptn_bytes answers)
{
    answer_from(a, now, &a->to, flags, count, answers);
}

#define BYTES(...) ptn_bytes((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static bool done(struct asking *a)
{
    return ptn_sim_resolver_done(a->r, &a->why, &a->records, &a->count);
}

TEST(an_address_is_found_through_an_alias_with_its_lifetime)
{
    struct asking a;

    ask(&a, "sip.example.", PTN_DNS_A);
    CHECK(take_query(&a, 0));
    CHECK_BYTES("\3sip\7example\0\0\1\0\1", a.query + 12, 17);
    CHECK(!take_query(&a, 0));
    CHECK(!done(&a));
    answer(&a, PTN_MS(10), 0, 2,
           BYTES(0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 9, 0, 4, 1, 'B', 0xc0, 16, /* sip → b.example */
                 1, 'b', 0xc0, 16, 0, 1, 0, 1, 0, 0, 1, 0, 0, 4, 192, 0, 2, 7));
    CHECK(done(&a));
    CHECK_EQ(PTN_OK, a.why);
    CHECK_EQ(1, a.count);
    CHECK_EQ(PTN_DNS_A, a.records[0].type);
    CHECK_EQ(256, a.records[0].ttl_s);
    CHECK_ADDR(&(struct ptn_addr[]){ptn_addr_v4(192, 0, 2, 7, 0)}[0], &a.records[0].addr);
    CHECK_EQ(PTN_NEVER, ptn_sim_resolver_deadline(a.r));
    ptn_sim_resolver_free(a.r);
}

TEST(srv_and_naptr_are_read_whole)
{
    struct asking a;

    ask(&a, "x.example", PTN_DNS_SRV);
    CHECK(take_query(&a, 0));
    answer(
        &a, 0, 0, 1,
        BYTES(0xc0, 12, 0, 33, 0, 1, 0, 0, 0, 60, 0, 10, 0, 1, 0, 2, 0x13, 0xc4, 1, 'y', 0xc0, 14));
    CHECK(done(&a));
    CHECK_EQ(1, a.count);
    CHECK_EQ(1, a.records[0].priority);
    CHECK_EQ(2, a.records[0].weight);
    CHECK_EQ(5060, a.records[0].port);
    CHECK_STR("y.example", a.records[0].target);
    ptn_sim_resolver_free(a.r);

    ask(&a, "x.example", PTN_DNS_NAPTR);
    CHECK(take_query(&a, 0));
    answer(&a, 0, 0, 1,
           BYTES(0xc0, 12, 0, 35, 0, 1, 0, 0, 0, 60, 0, 18, 0, 3, 0, 4, 1, 's', 7, 'S', 'I', 'P',
                 '+', 'D', '2', 'U', 0, 1, 'y', 0));
    CHECK(done(&a));
    CHECK_EQ(1, a.count);
    CHECK_EQ(3, a.records[0].priority);
    CHECK_EQ(4, a.records[0].weight);
    CHECK_STR("s", a.records[0].flags);
    CHECK_STR("SIP+D2U", a.records[0].service);
    CHECK_STR("y", a.records[0].target);
    ptn_sim_resolver_free(a.r);
}

TEST(no_such_name_is_an_answer_without_records)
{
    struct asking a;

    ask(&a, "nobody.example", PTN_DNS_A | PTN_DNS_AAAA);
    CHECK(take_query(&a, 0));
    answer(&a, 0, 3, 0, BYTES(0));
    CHECK(!done(&a));
    CHECK(take_query(&a, 0));
    answer(&a, 0, 0, 0, BYTES(0));
    CHECK(done(&a));
    CHECK_EQ(PTN_OK, a.why);
    CHECK_EQ(0, a.count);
    ptn_sim_resolver_free(a.r);
}

TEST(silence_asks_each_server_in_turn_and_then_gives_up)
{
    struct asking a;

    ask(&a, "x.example", PTN_DNS_A);
    for (unsigned i = 0; i < 3; i++) {
        ptn_time now = PTN_S(2 * i);
        CHECK_EQ(now, ptn_sim_resolver_deadline(a.r));
        ptn_sim_resolver_tick(a.r, now);
        CHECK(take_query(&a, now));
        CHECK_ADDR(&OPTS.servers[i % 2], &a.to);
        CHECK(!take_query(&a, now));
    }
    ptn_sim_resolver_tick(a.r, PTN_S(6) - 1);
    CHECK(!done(&a));
    ptn_sim_resolver_tick(a.r, PTN_S(6));
    CHECK(done(&a));
    CHECK_EQ(PTN_ERR_NAMES_SILENT, a.why);
    ptn_sim_resolver_free(a.r);
}

TEST(a_server_that_fails_or_is_unreachable_makes_the_next_be_asked_at_once)
{
    struct asking a;

    ask(&a, "x.example", PTN_DNS_A);
    CHECK(take_query(&a, 0));
    answer(&a, PTN_MS(1), 2, 0, BYTES(0));
    CHECK(take_query(&a, PTN_MS(1)));
    CHECK_ADDR(&OPTS.servers[1], &a.to);
    ptn_sim_resolver_unreachable(a.r, PTN_MS(2), &OPTS.servers[0]); /* late: of the query before */
    CHECK(!take_query(&a, PTN_MS(2)));
    ptn_sim_resolver_unreachable(a.r, PTN_MS(3), &OPTS.servers[1]);
    CHECK(take_query(&a, PTN_MS(3)));
    answer(&a, PTN_MS(4), 2, 0, BYTES(0));
    CHECK(done(&a));
    CHECK_EQ(PTN_ERR_NAMES_FAILED, a.why);
    ptn_sim_resolver_free(a.r);
}

TEST(what_is_not_the_answer_is_passed_over)
{
    static const uint8_t record[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 192, 0, 2, 7};
    struct ptn_bytes good = ptn_bytes(record, sizeof record);
    struct asking a;

    ask(&a, "x.example", PTN_DNS_A);
    CHECK(take_query(&a, 0));
    answer_from(&a, 0, &(struct ptn_addr[]){ptn_addr_v4(203, 0, 113, 66, 53)}[0], 0, 1, good);
    CHECK(!done(&a));
    a.query[1] ^= 1;
    answer(&a, 0, 0, 1, good); /* another id */
    CHECK(!done(&a));
    a.query[1] ^= 1;
    answer(&a, 0, 0, 1, good);
    CHECK(done(&a));
    CHECK_EQ(1, a.count);
    ptn_sim_resolver_free(a.r);
}

TEST(a_damaged_answer_leaves_nothing_behind_and_is_asked_for_again)
{
    struct asking a;

    ask(&a, "x.example", PTN_DNS_A);
    CHECK(take_query(&a, 0));
    answer(&a, 0, 0, 2,
           BYTES(0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 192, 0, 2, 7, 0xc0, 12, 0, 1, 0, 1));
    CHECK(!done(&a));
    CHECK(take_query(&a, 0));
    answer(&a, 0, 0, 1, BYTES(0xc0, 27, 0, 1)); /* a name that points at itself */
    CHECK(!done(&a));
    CHECK(take_query(&a, 0));
    answer(&a, 0, 0, 1, BYTES(0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 3, 192, 0, 2));
    CHECK(done(&a));
    CHECK_EQ(PTN_ERR_INVALID, a.why);
    CHECK_EQ(0, a.count);
    ptn_sim_resolver_free(a.r);
}

TEST(a_name_that_cannot_be_one_is_refused_at_once)
{
    static const char *const names[] = {
        "",
        "a..b",
        ".a",
        "a.0123456789012345678901234567890123456789012345678901234567890123.b",
    };
    struct ptn_dice dice = ptn_dice_seeded(1);
    struct ptn_sim_resolver *r = NULL;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        CHECK_EQ(PTN_ERR_INVALID, ptn_sim_resolver_new(&r, 0, &OPTS, names[i], PTN_DNS_A, &dice));
}
