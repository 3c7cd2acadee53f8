/*
 * turn/turn.h against our own relay: asked for, kept, lost, found again, given back.
 */
#include "support/test.h"
#include "world.h"

static const struct ptn_addr BOB = {.ip = {91, 198, 174, 20}, .port = 7000, .family = PTN_IPV4};

static uint32_t allocations(const struct world *w)
{
    return ptn_relay_now(w->g->relay).allocations;
}

TEST(an_allocation_stands_after_one_challenge)
{
    struct world *w = world_new(NULL);

    world_start(w, 1, &WORLD_UDP);
    const struct ptn_turn_event *up = world_event(w, PTN_TURN_UP);
    CHECK(up != NULL);
    CHECK_EQ(2, w->requests[PTN_STUN_ALLOCATE]);
    CHECK_EQ(1, allocations(w));
    CHECK_ADDR(&w->g->begun.relayed[0], &up->relayed);
    CHECK_ADDR(&up->relayed, ptn_turn_relayed(&w->t));
    CHECK(ptn_turn_settled(&w->t));
    world_free(w);
}

TEST(sha_256_and_a_hashed_name_are_used_where_they_are_offered)
{
    struct ptn_relay_opts opts = rig_opts();
    struct ptn_bytes value;

    opts.turn.always_algorithms = true;
    struct world *w = world_new(&opts);
    world_start(w, 1, &WORLD_UDP);
    struct ptn_stun_msg m = world_last(w);
    CHECK_EQ(1, allocations(w));
    CHECK(ptn_stun_has(&m, PTN_STUN_MESSAGE_INTEGRITY_SHA256));
    CHECK(!ptn_stun_has(&m, PTN_STUN_MESSAGE_INTEGRITY));
    CHECK(ptn_stun_has(&m, PTN_STUN_USERHASH));
    CHECK(!ptn_stun_has(&m, PTN_STUN_USERNAME));
    CHECK(ptn_stun_get(&m, PTN_STUN_PASSWORD_ALGORITHM, &value));
    CHECK_BYTES("\0\2\0\0", value.data, 4);
    world_free(w);
}

TEST(it_lives_for_a_day_and_its_peer_is_permitted_all_the_time)
{
    struct world *w = world_new(NULL);

    world_start(w, 1, &WORLD_UDP);
    CHECK(ptn_turn_permit(&w->t, w->now, &BOB));
    for (unsigned hour = 0; hour < 24; hour++) {
        world_run(w, PTN_S(3600));
        world_peer_sends(w, &BOB, "still here?");
        CHECK_STR("still here?", w->heard);
        CHECK_ADDR(&BOB, &w->heard_from);
    }
    CHECK_EQ(1, ptn_relay_now(w->g->relay).begun);
    CHECK(world_event(w, PTN_TURN_LOST) == NULL);
    /* Every 25 s at the longest, and not much sooner. */
    CHECK(w->requests[PTN_STUN_REFRESH] >= 24 * 3600 / 25);
    CHECK(w->requests[PTN_STUN_REFRESH] <= 24 * 3600 / 20 + 200);
    world_free(w);
}

TEST(what_stands_is_given_back)
{
    struct world *w = world_new(NULL);

    world_start(w, 1, &WORLD_UDP);
    ptn_turn_release(&w->t, w->now);
    CHECK(!ptn_turn_done(&w->t));
    world_drain(w);
    CHECK(ptn_turn_done(&w->t));
    CHECK_EQ(0, allocations(w));
    CHECK_EQ(1, ptn_relay_now(w->g->relay).ended[PTN_RELAY_END_RELEASED]);
    CHECK_EQ(PTN_NEVER, ptn_turn_deadline(&w->t));
    world_free(w);
}

TEST(a_nonce_that_grew_old_does_not_keep_it_from_being_given_back)
{
    struct world *w = world_new(NULL);

    world_start(w, 1, &WORLD_UDP);
    w->now += PTN_S(599); /* no refresh was sent, and the nonce lasts 600 s */
    rig_sleep(w->g, PTN_S(599));
    w->t.auth.nonce[3] ^= 1;
    ptn_turn_release(&w->t, w->now);
    world_drain(w);
    CHECK(ptn_turn_done(&w->t));
    CHECK_EQ(0, allocations(w));
    world_free(w);
}

TEST(leaving_a_dark_server_takes_two_seconds_at_most)
{
    struct world *w = world_new(NULL);

    world_start(w, 1, &WORLD_UDP);
    w->dark = true;
    ptn_turn_release(&w->t, w->now);
    world_run(w, PTN_S(2));
    CHECK(ptn_turn_done(&w->t));
    world_free(w);
}

TEST(a_server_that_went_dark_is_noticed_within_30_s_and_the_next_way_tried)
{
    const struct ptn_turn_way ways[] = {WORLD_UDP, WORLD_TCP};
    struct world *w = world_new(NULL);

    world_start(w, 2, ways);
    w->scripted = true; /* UDP falls silent … */
    world_run(w, PTN_S(25));
    w->scripted = false; /* … and TCP does not; but a refresh is under way already */
    w->scripted = true;
    ptn_time asked = w->now;
    while (!world_event(w, PTN_TURN_LOST) && w->now < asked + PTN_S(5))
        world_run(w, PTN_MS(50));
    const struct ptn_turn_event *lost = world_event(w, PTN_TURN_LOST);
    CHECK(lost != NULL);
    CHECK_EQ(PTN_TURN_SILENT, lost->why);
    CHECK_EQ(PTN_UDP, lost->way.transport);
    CHECK_EQ(PTN_ASK_CONNECT, w->asked.kind);
    CHECK_EQ(PTN_TCP, w->asked.transport);
    world_free(w);
}

TEST(who_doubts_knows_within_four_seconds)
{
    struct world *w = world_new(NULL);

    world_start(w, 1, &WORLD_UDP);
    w->dark = true;
    ptn_turn_doubt(&w->t, w->now);
    world_run(w, PTN_S(4));
    CHECK(world_event(w, PTN_TURN_LOST) != NULL);
    /* And when it comes back, it is found again, without being asked to. */
    w->dark = false;
    unsigned before = w->event_count;
    world_run(w, PTN_S(70));
    CHECK(w->event_count > before);
    CHECK_EQ(PTN_TURN_UP, w->events[w->event_count - 1].kind);
    world_free(w);
}

TEST(a_nat_that_was_restarted_costs_one_new_allocation_at_the_same_server)
{
    struct world *w = world_new(NULL);

    world_start(w, 1, &WORLD_UDP);
    struct ptn_addr before = *ptn_turn_relayed(&w->t);
    CHECK(ptn_turn_permit(&w->t, w->now, &BOB));
    world_drain(w);
    w->client.port = 4711; /* the server sees another client, who has no allocation */
    ptn_turn_doubt(&w->t, w->now);
    world_drain(w);
    const struct ptn_turn_event *lost = world_event(w, PTN_TURN_LOST);
    CHECK(lost != NULL);
    CHECK_EQ(PTN_TURN_FORGOTTEN, lost->why);
    CHECK_ADDR(&before, &lost->relayed);
    CHECK(ptn_turn_relayed(&w->t) != NULL);
    CHECK_EQ(2, ptn_relay_now(w->g->relay).begun);
    /* Who was permitted is, there, too. */
    world_peer_sends(w, &BOB, "hello");
    CHECK_STR("hello", w->heard);
    world_free(w);
}

TEST(an_allocation_of_a_phone_that_was_killed_is_cleared_away_first)
{
    struct world *w = world_new(NULL);
    struct rig_client before = rig_client(4000);

    CHECK_EQ(0, rig_allocate(w->g, &before, NULL));
    world_start(w, 1, &WORLD_UDP);
    CHECK(world_event(w, PTN_TURN_UP) != NULL);
    CHECK_EQ(1, allocations(w));
    CHECK_EQ(2, ptn_relay_now(w->g->relay).begun);
    world_free(w);
}

TEST(over_tcp_it_is_the_same)
{
    struct world *w = world_new(NULL);

    world_start(w, 1, &WORLD_TCP);
    CHECK_EQ(PTN_ASK_CONNECT, w->asked.kind);
    CHECK_EQ(0, w->asked.local.port);
    CHECK(world_event(w, PTN_TURN_UP) != NULL);
    CHECK(ptn_turn_permit(&w->t, w->now, &BOB));
    world_run(w, PTN_S(1200));
    CHECK(world_say(w, &BOB, "five!"));
    CHECK_EQ(4 + 5 + 3, w->sent_size);
    world_peer_sends(w, &BOB, "and back");
    CHECK_STR("and back", w->heard);
    ptn_turn_release(&w->t, w->now);
    world_drain(w);
    CHECK_EQ(0, allocations(w));
    CHECK_EQ(PTN_ASK_CLOSE, w->asked.kind);
    CHECK(ptn_turn_done(&w->t));
    world_free(w);
}

TEST(a_connection_that_ends_is_made_anew)
{
    struct world *w = world_new(NULL);

    world_start(w, 1, &WORLD_TCP);
    ptn_relay_input(w->g->relay, w->now,
                    &(struct ptn_tell){.kind = PTN_TELL_CLOSED, .id = w->path});
    world_tell(w, &(struct ptn_tell){
                      .kind = PTN_TELL_CLOSED, .id = WORLD_CONNECTION, .why = PTN_ERR_RESET});
    const struct ptn_turn_event *lost = world_event(w, PTN_TURN_LOST);
    CHECK(lost != NULL);
    CHECK_EQ(PTN_TURN_CLOSED, lost->why);
    CHECK_EQ(PTN_ERR_RESET, lost->err);
    world_run(w, PTN_S(3));
    CHECK_EQ(2, w->conns);
    CHECK(ptn_turn_relayed(&w->t) != NULL);
    world_free(w);
}

TEST(a_connection_that_does_not_come_about_is_given_five_seconds)
{
    const struct ptn_turn_way ways[] = {WORLD_TCP, WORLD_UDP};
    struct world *w = world_new(NULL);

    w->deaf = true;
    world_start(w, 2, ways);
    CHECK(!ptn_turn_settled(&w->t));
    world_run(w, PTN_S(5));
    CHECK_EQ(PTN_ASK_CLOSE, w->asked.kind);
    CHECK(ptn_turn_relayed(&w->t) != NULL);
    world_free(w);
}

TEST(without_a_way_that_leads_anywhere_it_rests_ever_longer_and_delays_nobody)
{
    const struct ptn_turn_way ways[] = {WORLD_UDP, WORLD_TCP};
    struct world *w = world_new(NULL);

    w->dark = true;
    world_start(w, 2, ways);
    world_run(w, PTN_S(600));
    CHECK(ptn_turn_settled(&w->t));
    CHECK(world_event(w, PTN_TURN_FAILED) != NULL);
    CHECK_EQ(PTN_TURN_UNREACHABLE, world_event(w, PTN_TURN_FAILED)->why);
    /* 2, 4, … 30 s, each up to a fifth less, and four seconds of questions: 20 to 26 rounds. */
    CHECK(w->requests[PTN_STUN_ALLOCATE] <= 26 * 5);
    CHECK(w->requests[PTN_STUN_ALLOCATE] >= 20 * 5);
    w->dark = false;
    world_run(w, PTN_S(65));
    CHECK(ptn_turn_relayed(&w->t) != NULL);
    world_free(w);
}

TEST(an_icmp_error_is_as_good_as_silence_before_the_server_has_spoken)
{
    struct world *w = world_new(NULL);

    w->scripted = true;
    world_start(w, 1, &WORLD_UDP);
    world_tell(w, &(struct ptn_tell){.kind = PTN_TELL_ICMP_ERROR,
                                     .id = WORLD_SOCKET,
                                     .from = WORLD_UDP.server,
                                     .why = PTN_ERR_REFUSED});
    CHECK_EQ(PTN_TURN_UNREACHABLE, world_event(w, PTN_TURN_FAILED)->why);
    CHECK_EQ(PTN_ERR_REFUSED, world_event(w, PTN_TURN_FAILED)->err);
    world_free(w);
}

TEST(over_ipv6_an_address_of_that_family_is_asked_for)
{
    struct world *w = world_new(NULL);
    const struct ptn_turn_way v6 = {
        {.ip = {0x2a, 0x02, 0, 1, [15] = 1}, .port = 3478, .family = PTN_IPV6}, PTN_UDP, NULL};
    uint8_t family = 0;

    w->scripted = true;
    w->t.opts.local = v6.server;
    world_start(w, 1, &v6);
    struct ptn_stun_msg m = world_last(w);
    CHECK(ptn_stun_get_u8(&m, PTN_STUN_REQUESTED_ADDRESS_FAMILY, &family));
    CHECK_EQ(2, family);
    CHECK_ADDR(&v6.server, &w->sent_to);
    /* What is given instead is of no use: nobody could be told it as ours. */
    struct world_answer a;
    struct ptn_addr v4 = ptn_addr_v4(81, 2, 69, 2, 50000);
    world_challenge(w);
    world_begin(w, &a, 0);
    ptn_stun_put_addr(&a.o, PTN_STUN_XOR_RELAYED_ADDRESS, &v4);
    ptn_stun_put_u32(&a.o, PTN_STUN_LIFETIME, 600);
    world_answer(w, &a, true);
    CHECK_EQ(PTN_TURN_NONSENSE, world_event(w, PTN_TURN_FAILED)->why);
    world_free(w);
}

TEST(who_rests_tries_other_ways_as_soon_as_there_are_any)
{
    const struct ptn_turn_way dead = {
        {.ip = {81, 2, 69, 77}, .port = 3478, .family = PTN_IPV4}, PTN_UDP, NULL};
    struct ptn_turn_ways good = {.count = 1, .ways = {WORLD_UDP}};
    struct world *w = world_new(NULL);

    w->scripted = true;
    world_start(w, 1, &dead);
    world_run(w, PTN_S(100));
    CHECK_EQ(PTN_TURN_RESTING, w->t.state);
    w->scripted = false;
    ptn_turn_set_ways(&w->t, w->now, &good);
    world_run(w, PTN_MS(10));
    CHECK(ptn_turn_relayed(&w->t) != NULL);
    /* What stands is not left because of others. */
    struct ptn_addr relayed = *ptn_turn_relayed(&w->t);
    good.ways[0] = dead;
    ptn_turn_set_ways(&w->t, w->now, &good);
    world_run(w, PTN_S(100));
    CHECK_ADDR(&relayed, ptn_turn_relayed(&w->t));
    world_free(w);
}
