#include "ua/pool.h"

#include "support/test.h"

enum { FIRST_ID = 1000 };
static const struct ptn_addr LOCAL = {{192, 168, 1, 10}, 0, PTN_IPV4, 0};
static const struct ptn_addr STUN = {{203, 0, 113, 1}, 3478, PTN_IPV4, 0};

static struct ptn_pool pool;

static void pool_begin(uint16_t min, uint16_t max, unsigned warm)
{
    struct ptn_pool_opts opts = {
        .local_count = 1,
        .port_min = min,
        .port_max = max,
        .warm = warm,
        .id_first = FIRST_ID,
        .id_count = 1000,
        .dice = ptn_dice_seeded(1),
    };

    opts.locals[0] = PTN_REACH_DEFAULTS;
    opts.locals[0].local = LOCAL;
    ptn_pool_init(&pool, &opts);
}

static void tell(ptn_time now, enum ptn_tell_kind kind, ptn_id id)
{
    ptn_pool_input(&pool, now, &(struct ptn_tell){.kind = kind, .id = id});
}

/* Obeys every ask; ports below `busy_below` are in use. Counts what was asked. */
struct done {
    unsigned opened, refused, closed, datagrams;
};

static struct done obey(ptn_time now, uint16_t busy_below)
{
    struct done done = {0};
    struct ptn_ask ask;

    ptn_pool_tick(&pool, now);
    while (ptn_pool_output(&pool, now, &ask)) {
        done.closed += ask.kind == PTN_ASK_CLOSE;
        done.datagrams += ask.kind == PTN_ASK_DATAGRAM;
        if (ask.kind != PTN_ASK_OPEN)
            continue;
        bool busy = ask.local.port < busy_below;
        done.opened += !busy;
        done.refused += busy;
        tell(now, busy ? PTN_TELL_FAILED : PTN_TELL_OPENED, ask.id);
    }
    return done;
}

TEST(a_pair_in_use_has_another_one_ready_behind_it)
{
    pool_begin(11780, 11800, 1);
    CHECK_EQ(0, obey(0, 0).opened);
    ptn_pool_use(&pool, 0, 0);
    CHECK_EQ(2, obey(0, 0).opened);

    struct ptn_pair *first = ptn_pool_take(&pool, 0, 0);
    CHECK_EQ(PTN_PAIR_OPEN, first->state);
    CHECK_EQ(11780, first->ends[0].flow.anchor.reach.opts.local.port);
    CHECK_EQ(11781, first->ends[1].flow.anchor.reach.opts.local.port);
    CHECK_EQ(2, obey(0, 0).opened);
    struct ptn_pair *second = ptn_pool_take(&pool, 0, 0);
    CHECK_EQ(PTN_PAIR_OPEN, second->state);
    CHECK_EQ(11782, second->port);
    CHECK(first != second);
}

TEST(at_another_address_pairs_in_use_open_anew_and_keep_their_far_end)
{
    static const struct ptn_addr elsewhere = {{10, 0, 0, 7}, 0, PTN_IPV4, 0};
    static const struct ptn_addr far_end = {{203, 0, 113, 9}, 4000, PTN_IPV4, 0};
    struct ptn_latch_formats formats = {.bits = {1}};

    pool_begin(11780, 11800, 1);
    ptn_pool_use(&pool, 0, 0);
    obey(0, 0);
    struct ptn_pair *taken = ptn_pool_take(&pool, 0, 0);
    obey(0, 0);
    ptn_flow_expect(&taken->ends[0].flow, &far_end, &formats);

    ptn_pool_move(&pool, PTN_S(1), 0, &elsewhere);
    CHECK_EQ(PTN_PAIR_OPENING, taken->state);
    /* The first port tried there is in use: the far end outlives that, too. */
    struct done done = obey(PTN_S(1), (uint16_t)(taken->port + 1));
    CHECK_EQ(4, done.opened);
    CHECK(done.refused > 0);
    CHECK_EQ(PTN_PAIR_OPEN, taken->state);
    CHECK_ADDR(&far_end, &taken->ends[0].flow.latch.target);
    CHECK(ptn_addr_same_ip(&elsewhere, &taken->ends[0].flow.anchor.reach.opts.local));
    CHECK(ptn_addr_same_ip(
        &elsewhere, &ptn_pool_take(&pool, PTN_S(1), 0)->ends[1].flow.anchor.reach.opts.local));
}

TEST(an_odd_lower_limit_begins_at_the_next_even_port)
{
    pool_begin(11781, 11785, 1);
    struct ptn_pair *pair = ptn_pool_take(&pool, 0, 0);
    CHECK_EQ(11782, pair->port);
    CHECK_EQ(11784, ptn_pool_take(&pool, 0, 0)->port);
    CHECK_EQ(PTN_PAIR_FAILED, ptn_pool_take(&pool, 0, 0)->state);
}

TEST(ports_in_use_elsewhere_are_stepped_over_and_their_halves_closed)
{
    pool_begin(11780, 11800, 1);
    struct ptn_pair *pair = ptn_pool_take(&pool, 0, 0);
    struct done done = obey(0, 11785);
    CHECK_EQ(PTN_PAIR_OPEN, pair->state);
    CHECK_EQ(11786, pair->port);
    /* 11784 was refused before 11785 was asked for, or opened and closed again. */
    CHECK(done.refused >= 3);
    CHECK_EQ(done.opened, 2 + done.closed);
    CHECK(pair->taken);
}

TEST(when_all_ports_are_in_use_the_pair_fails_and_can_be_dropped)
{
    pool_begin(11780, 11787, 1);
    struct ptn_pair *pair = ptn_pool_take(&pool, 0, 0);
    obey(0, 65535);
    CHECK_EQ(PTN_PAIR_FAILED, pair->state);
    ptn_pool_drop(&pool, 0, pair);
    CHECK_EQ(0, obey(0, 65535).closed);
    CHECK_EQ(PTN_PAIR_FREE, pair->state);
}

TEST(a_dropped_pair_is_closed_and_its_port_is_the_last_to_come_back)
{
    pool_begin(11780, 11787, 1);
    for (unsigned i = 0; i < 9; i++) {
        struct ptn_pair *pair = ptn_pool_take(&pool, 0, 0);
        obey(0, 0);
        CHECK_EQ(11780 + 2 * (i % 4), pair->port);
        ptn_pool_drop(&pool, 0, pair);
        CHECK_EQ(2, obey(0, 0).closed);
    }
}

TEST(a_pair_dropped_before_it_was_opened_asks_for_nothing)
{
    pool_begin(11780, 11800, 1);
    ptn_pool_drop(&pool, 0, ptn_pool_take(&pool, 0, 0));
    struct done done = obey(0, 0);
    CHECK_EQ(0, done.opened + done.closed);
}

TEST(an_answer_for_a_pair_that_is_gone_is_ignored)
{
    unsigned end;

    pool_begin(11780, 11800, 1);
    struct ptn_pair *pair = ptn_pool_take(&pool, 0, 0);
    ptn_id id = pair->ends[0].id;
    CHECK(ptn_pool_find(&pool, id, &end) == pair);
    ptn_pool_drop(&pool, 0, pair);
    CHECK(ptn_pool_find(&pool, id, &end) == NULL);
    tell(0, PTN_TELL_OPENED, id);
    tell(0, PTN_TELL_FAILED, id);
    CHECK_EQ(PTN_PAIR_FREE, pair->state);
    CHECK(ptn_pool_owns(&pool, id));
    CHECK(!ptn_pool_owns(&pool, FIRST_ID - 1));
    CHECK(!ptn_pool_owns(&pool, FIRST_ID + 1000));
}

TEST(ready_pairs_ask_stun_from_both_sockets_and_keep_asking)
{
    struct ptn_anchor_servers servers = {1, {STUN}};
    unsigned datagrams = 0;

    pool_begin(11780, 11800, 1);
    ptn_pool_ask_servers(&pool, 0, &servers);
    ptn_pool_use(&pool, 0, 0);
    CHECK_EQ(2, obey(0, 0).opened);
    CHECK(!ptn_pair_settled(&pool.pairs[0]));
    for (ptn_time now = 0; now < PTN_S(60); now = ptn_pool_deadline(&pool))
        datagrams += obey(now, 0).datagrams;
    CHECK(ptn_pair_settled(&pool.pairs[0])); /* the server is silent, and that is known */
    CHECK(datagrams > 8);
}

TEST(what_all_should_know_is_known_to_pairs_opened_later)
{
    struct ptn_reach_sight sight = {PTN_REACH_SAW_SIGNAL,
                                    {{198, 51, 100, 5}, 5060, PTN_IPV4, 0},
                                    {{192, 0, 2, 1}, 0, PTN_IPV4, 0}};
    struct ptn_reach_ask ask = {.to = sight.server};

    pool_begin(11780, 11800, 1);
    struct ptn_pair *before = ptn_pool_take(&pool, 0, 0);
    ptn_pool_see_signal(&pool, 0, 0, &sight);
    ptn_pool_see_nat(&pool, PTN_REACH_NAT_PER_DESTINATION);
    struct ptn_pair *after = ptn_pool_take(&pool, 0, 0);
    CHECK_EQ(PTN_REACH_BY_SYMMETRIC,
             ptn_reach_answer(&before->ends[0].flow.anchor.reach, &ask).why);
    CHECK_EQ(PTN_REACH_BY_SYMMETRIC, ptn_reach_answer(&after->ends[1].flow.anchor.reach, &ask).why);
}

TEST(at_the_end_ready_pairs_are_closed_and_taken_ones_stay)
{
    pool_begin(11780, 11800, 2);
    ptn_pool_use(&pool, 0, 0);
    obey(0, 0);
    struct ptn_pair *taken = ptn_pool_take(&pool, 0, 0);
    obey(0, 0);
    ptn_pool_end(&pool, 0);
    CHECK_EQ(4, obey(0, 0).closed);
    CHECK_EQ(PTN_PAIR_OPEN, taken->state);
    ptn_pool_drop(&pool, 0, taken);
    struct done done = obey(0, 0);
    CHECK_EQ(2, done.closed);
    CHECK_EQ(0, done.opened);
}
