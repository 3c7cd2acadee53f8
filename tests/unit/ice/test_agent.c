#include "ice/ice.h"

#include "support/test.h"
#include "world.h"

#define ANN_HOST "192.0.2.1:4000"
#define BOB_HOST "198.51.100.2:5000"
#define ANN_RELAY "203.0.113.1:6000"
#define BOB_RELAY "203.0.113.2:7000"

static void check_target(const struct world *w, unsigned end, unsigned component, const char *text)
{
    struct ptn_addr got = world_target(w, end, component), want = {0};

    if (text)
        want = world_addr(text);
    CHECK_ADDR(&want, &got);
}

TEST(two_hosts_on_one_wire_find_each_other_and_agree)
{
    struct world w;

    world_open(&w, NULL, NULL);
    world_add(&w, ANN, PTN_ICE_HOST, 1, ANN_HOST, NULL);
    world_add(&w, BOB, PTN_ICE_HOST, 1, BOB_HOST, NULL);
    world_introduce(&w);
    world_run(&w, PTN_MS(25));
    /* One round trip: media may go, though nothing is nominated yet. */
    check_target(&w, ANN, 1, BOB_HOST);
    check_target(&w, BOB, 1, ANN_HOST);
    world_run(&w, PTN_S(1));
    for (unsigned i = 0; i < ENDS; i++) {
        CHECK_EQ(1, w.ends[i].events[1][PTN_ICE_PATH]);
        CHECK_EQ(1, w.ends[i].events[1][PTN_ICE_NOMINATED]);
        CHECK_EQ(1, w.ends[i].events[0][PTN_ICE_COMPLETED]);
        CHECK_EQ(0, w.ends[i].events[0][PTN_ICE_FAILED]);
    }
    world_close(&w);
}

TEST(an_address_that_only_the_far_end_sees_is_found)
{
    struct world w;
    struct ptn_ice_route route;

    /* Ann's candidate says 192.0.2.1, but all that she sends comes from a NAT. */
    world_open(&w, NULL, NULL);
    world_add(&w, ANN, PTN_ICE_HOST, 1, ANN_HOST, "203.0.113.77:1234");
    world_add(&w, BOB, PTN_ICE_HOST, 1, BOB_HOST, NULL);
    world_introduce(&w);
    world_run(&w, PTN_S(2));
    check_target(&w, ANN, 1, BOB_HOST);
    check_target(&w, BOB, 1, "203.0.113.77:1234");
    CHECK(ptn_ice_route(w.ends[ANN].ice, w.now, 1, &route));
    CHECK_EQ(PTN_ICE_PEER_REFLEXIVE, route.local_kind);
    CHECK(route.nominated);
    CHECK_EQ(1, w.ends[BOB].events[0][PTN_ICE_COMPLETED]);
    world_close(&w);
}

TEST(two_that_both_think_they_lead_or_follow_agree_who_does)
{
    for (unsigned leads = 0; leads < 2; leads++) {
        struct world w;
        struct ptn_ice_opts opts = {.components = 1, .controlling = leads};

        world_open(&w, &opts, &opts);
        world_add(&w, ANN, PTN_ICE_HOST, 1, ANN_HOST, NULL);
        world_add(&w, BOB, PTN_ICE_HOST, 1, BOB_HOST, NULL);
        world_introduce(&w);
        world_run(&w, PTN_S(3));
        CHECK(ptn_ice_controlling(w.ends[ANN].ice) != ptn_ice_controlling(w.ends[BOB].ice));
        for (unsigned i = 0; i < ENDS; i++)
            CHECK_EQ(1, w.ends[i].events[0][PTN_ICE_COMPLETED]);
        CHECK_EQ(1, w.ends[ANN].events[0][PTN_ICE_ROLE] + w.ends[BOB].events[0][PTN_ICE_ROLE]);
        world_close(&w);
    }
}

TEST(media_goes_through_the_relay_until_the_direct_pair_is_proven_and_only_that_is_nominated)
{
    struct world w;

    world_open(&w, NULL, NULL);
    struct world_path *host = world_add(&w, ANN, PTN_ICE_HOST, 1, ANN_HOST, NULL);
    world_add(&w, ANN, PTN_ICE_RELAYED, 1, ANN_RELAY, NULL);
    world_add(&w, BOB, PTN_ICE_HOST, 1, BOB_HOST, NULL);
    host->deaf = true;
    world_introduce(&w);
    world_run(&w, PTN_MS(300));
    check_target(&w, BOB, 1, ANN_RELAY);
    check_target(&w, ANN, 1, BOB_HOST);
    CHECK_EQ(0, w.ends[ANN].events[1][PTN_ICE_NOMINATED]);
    /* The way opens: the next repeat of the check gets through. */
    host->deaf = false;
    world_run(&w, PTN_S(3));
    check_target(&w, BOB, 1, ANN_HOST);
    for (unsigned i = 0; i < ENDS; i++) {
        CHECK_EQ(2, w.ends[i].events[1][PTN_ICE_PATH]);
        CHECK_EQ(1, w.ends[i].events[1][PTN_ICE_NOMINATED]);
        CHECK_EQ(0, w.ends[i].events[1][PTN_ICE_LOST]);
    }
    world_close(&w);
}

TEST(a_relayed_pair_is_nominated_when_nothing_better_answers_in_time)
{
    struct world w;

    world_open(&w, NULL, NULL);
    world_add(&w, ANN, PTN_ICE_HOST, 1, ANN_HOST, NULL)->deaf = true;
    world_add(&w, ANN, PTN_ICE_RELAYED, 1, ANN_RELAY, NULL);
    world_add(&w, BOB, PTN_ICE_HOST, 1, BOB_HOST, NULL);
    ptn_time start = w.now;
    world_introduce(&w);
    world_run(&w, PTN_S(4));
    CHECK_EQ(1, w.ends[ANN].events[1][PTN_ICE_NOMINATED]);
    CHECK(w.ends[ANN].at[1][PTN_ICE_NOMINATED] - start >= PTN_S(2));
    CHECK(w.ends[ANN].at[1][PTN_ICE_NOMINATED] - start < PTN_MS(2300));
    check_target(&w, BOB, 1, ANN_RELAY);
    /* A direct pair that is proven later cannot be nominated without a restart: it is told. */
    w.ends[ANN].paths[0].deaf = false;
    world_run(&w, PTN_S(20));
    CHECK_EQ(1, w.ends[ANN].events[1][PTN_ICE_BETTER]);
    check_target(&w, BOB, 1, ANN_RELAY);
    world_close(&w);
}

TEST(checks_that_come_before_the_answer_are_answered_and_remembered)
{
    struct world w;

    world_open(&w, NULL, NULL);
    world_add(&w, ANN, PTN_ICE_HOST, 1, ANN_HOST, NULL);
    world_add(&w, BOB, PTN_ICE_HOST, 1, BOB_HOST, NULL);
    world_tell_creds(&w, BOB);
    world_tell_candidates(&w, BOB);
    world_run(&w, PTN_MS(100));
    CHECK_EQ(1, ptn_ice_count(w.ends[ANN].ice, PTN_ICE_EARLY));
    /* Bob has his answer: he may send already. Ann learns where he is from his check alone. */
    check_target(&w, BOB, 1, ANN_HOST);
    check_target(&w, ANN, 1, NULL);
    struct ptn_addr bob = world_addr(BOB_HOST);
    CHECK(ptn_ice_knows(w.ends[ANN].ice, 1, &bob));
    world_tell_creds(&w, ANN);
    world_run(&w, PTN_MS(25));
    check_target(&w, ANN, 1, BOB_HOST);
    /* The candidate comes last and takes the place of what the check had shown. */
    world_tell_candidates(&w, ANN);
    struct ptn_ice_route route;
    world_run(&w, PTN_S(1));
    CHECK(ptn_ice_route(w.ends[ANN].ice, w.now, 1, &route));
    CHECK_EQ(PTN_ICE_HOST, route.remote_kind);
    world_close(&w);
}

TEST(checks_of_another_fork_do_not_become_our_far_end)
{
    struct world w, other;

    world_open(&w, NULL, NULL);
    world_add(&w, ANN, PTN_ICE_HOST, 1, ANN_HOST, NULL);
    world_add(&w, BOB, PTN_ICE_HOST, 1, BOB_HOST, NULL);
    world_tell_creds(&w, BOB);
    world_tell_candidates(&w, BOB);
    world_run(&w, PTN_MS(100));
    /* The answer that came is Carol's. */
    world_open(&other, NULL, NULL);
    ptn_ice_restart(other.ends[BOB].ice, other.now);
    struct ptn_ice_far carol = {.creds = *ptn_ice_creds(other.ends[BOB].ice)};
    CHECK(ptn_ice_set_far(w.ends[ANN].ice, w.now, &carol));
    world_run(&w, PTN_S(6));
    check_target(&w, ANN, 1, NULL);
    CHECK(ptn_ice_count(w.ends[ANN].ice, PTN_ICE_FOREIGN_USER) > 0);
    world_close(&other);
    world_close(&w);
}

TEST(a_far_end_that_falls_silent_is_doubted_and_after_thirty_seconds_nothing_is_sent_to_it)
{
    struct world w;

    world_open(&w, NULL, NULL);
    world_add(&w, ANN, PTN_ICE_HOST, 1, ANN_HOST, NULL);
    struct world_path *bob = world_add(&w, BOB, PTN_ICE_HOST, 1, BOB_HOST, NULL);
    world_introduce(&w);
    /* Consent is renewed as long as it is answered. */
    world_run(&w, PTN_S(120));
    check_target(&w, ANN, 1, BOB_HOST);
    CHECK_EQ(0, w.ends[ANN].events[1][PTN_ICE_DOUBTED]);
    unsigned asked = w.ends[ANN].requests;
    CHECK(asked >= 2 + 120 / 6 && asked <= 4 + 120 / 4);
    bob->deaf = bob->dumb = true;
    ptn_time silent = w.now;
    world_run(&w, PTN_S(60));
    CHECK_EQ(1, w.ends[ANN].events[1][PTN_ICE_DOUBTED]);
    CHECK(w.ends[ANN].at[1][PTN_ICE_DOUBTED] - silent <= PTN_S(18));
    CHECK_EQ(1, w.ends[ANN].events[1][PTN_ICE_LOST]);
    CHECK(w.ends[ANN].at[1][PTN_ICE_LOST] - silent <= PTN_S(30));
    CHECK(w.ends[ANN].at[1][PTN_ICE_LOST] - silent >= PTN_S(24));
    check_target(&w, ANN, 1, NULL);
    unsigned sent = w.ends[ANN].sent;
    world_run(&w, PTN_S(60));
    CHECK_EQ(sent, w.ends[ANN].sent);
    world_close(&w);
}

static void restart(struct world *w)
{
    for (unsigned i = 0; i < ENDS; i++) {
        ptn_ice_restart(w->ends[i].ice, w->now);
        for (unsigned k = 0; k < w->ends[i].path_count; k++)
            ptn_ice_add_local(w->ends[i].ice, w->now,
                              &(struct ptn_ice_local){.kind = PTN_ICE_HOST,
                                                      .component = 1,
                                                      .path = w->ends[i].paths[k].id,
                                                      .addr = w->ends[i].paths[k].local});
    }
}

TEST(a_restart_keeps_media_on_its_way_with_consent_until_a_new_pair_is_proven)
{
    struct world w;

    world_open(&w, NULL, NULL);
    world_add(&w, ANN, PTN_ICE_HOST, 1, ANN_HOST, NULL);
    world_add(&w, BOB, PTN_ICE_HOST, 1, BOB_HOST, NULL);
    world_introduce(&w);
    world_run(&w, PTN_S(2));
    struct ptn_ice_creds before = *ptn_ice_creds(w.ends[ANN].ice);
    restart(&w);
    CHECK(strcmp(before.ufrag, ptn_ice_creds(w.ends[ANN].ice)->ufrag) != 0);
    CHECK(strcmp(before.pwd, ptn_ice_creds(w.ends[ANN].ice)->pwd) != 0);
    /* The re-INVITE takes its time: for longer than consent lasts. */
    world_run(&w, PTN_S(50));
    check_target(&w, ANN, 1, BOB_HOST);
    check_target(&w, BOB, 1, ANN_HOST);
    CHECK(ptn_ice_count(w.ends[ANN].ice, PTN_ICE_EARLIER) > 5);
    CHECK_EQ(0, w.ends[ANN].events[1][PTN_ICE_LOST]);
    /* Bob has moved meanwhile. */
    w.ends[BOB].paths[0].deaf = w.ends[BOB].paths[0].dumb = true;
    world_add(&w, BOB, PTN_ICE_HOST, 1, "198.51.100.9:5009", NULL);
    world_introduce(&w);
    world_run(&w, PTN_S(2));
    check_target(&w, ANN, 1, "198.51.100.9:5009");
    for (unsigned i = 0; i < ENDS; i++) {
        CHECK_EQ(2, w.ends[i].events[1][PTN_ICE_NOMINATED]);
        CHECK_EQ(2, w.ends[i].events[0][PTN_ICE_COMPLETED]);
        CHECK_EQ(0, w.ends[i].events[1][PTN_ICE_LOST]);
    }
    world_close(&w);
}

TEST(a_restart_after_consent_was_lost_finds_the_new_address)
{
    struct world w;

    world_open(&w, NULL, NULL);
    world_add(&w, ANN, PTN_ICE_HOST, 1, ANN_HOST, NULL);
    struct world_path *bob = world_add(&w, BOB, PTN_ICE_HOST, 1, BOB_HOST, "203.0.113.9:9");
    world_introduce(&w);
    world_run(&w, PTN_S(2));
    bob->outside.port = 10; /* his NAT was switched off and on: it filters what it does not know */
    bob->deaf = true;
    world_run(&w, PTN_S(40));
    CHECK_EQ(1, w.ends[ANN].events[1][PTN_ICE_LOST]);
    restart(&w);
    bob->deaf = false;
    world_introduce(&w);
    world_run(&w, PTN_S(2));
    check_target(&w, ANN, 1, "203.0.113.9:10");
    CHECK_EQ(2, w.ends[ANN].events[1][PTN_ICE_PATH]);
    world_close(&w);
}

TEST(a_description_that_belongs_to_another_session_wants_a_restart_first)
{
    struct world w;

    world_open(&w, NULL, NULL);
    world_tell_creds(&w, ANN);
    world_tell_creds(&w, ANN); /* the same again */
    ptn_ice_restart(w.ends[BOB].ice, w.now);
    struct ptn_ice_far far = {.creds = *ptn_ice_creds(w.ends[BOB].ice)};
    CHECK(!ptn_ice_set_far(w.ends[ANN].ice, w.now, &far));
    ptn_ice_restart(w.ends[ANN].ice, w.now);
    CHECK(ptn_ice_set_far(w.ends[ANN].ice, w.now, &far));
    world_close(&w);
}

TEST(new_checks_keep_their_distance_and_repeats_their_patience)
{
    struct world w;

    world_open(&w, NULL, NULL);
    world_add(&w, ANN, PTN_ICE_HOST, 1, ANN_HOST, NULL);
    world_tell_creds(&w, ANN);
    for (unsigned i = 0; i < 20; i++) {
        struct ptn_ice_candidate c = {.addr = world_addr(BOB_HOST), .component = 1};
        c.addr.port = (uint16_t)(5000 + i);
        c.priority = 1000 - i;
        c.foundation[0] = (char)('a' + i);
        CHECK(ptn_ice_add_remote(w.ends[ANN].ice, w.now, &c));
    }
    world_run(&w, PTN_MS(999));
    /* 20 pairs at 50 ms are 1 s, so that is what each waits before it is repeated. */
    CHECK_EQ(20, w.ends[ANN].requests);
    for (unsigned i = 0; i < 20; i++) {
        CHECK_EQ(5000 + (int)i, w.ends[ANN].sent_to[i].port);
        if (i > 0)
            CHECK_EQ(PTN_MS(50), w.ends[ANN].sent_at[i] - w.ends[ANN].sent_at[i - 1]);
    }
    world_run(&w, PTN_S(200));
    CHECK_EQ(20 * 7, w.ends[ANN].requests);
    world_close(&w);
}

TEST(pacing_is_the_slower_of_both_wishes)
{
    static const struct {
        unsigned ours_ms, theirs_ms, gap_ms;
    } cases[] = {{0, 0, 50}, {20, 0, 50}, {20, 20, 20}, {20, 30, 30}, {1, 1, 5}, {100, 20, 100}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct world w;
        struct ptn_ice_opts opts = {.components = 1, .pacing_ms = cases[i].ours_ms};
        world_open(&w, &opts, NULL);
        world_add(&w, ANN, PTN_ICE_HOST, 1, ANN_HOST, NULL);
        struct ptn_ice_far far = {.creds = *ptn_ice_creds(w.ends[BOB].ice),
                                  .pacing_ms = cases[i].theirs_ms};
        ptn_ice_set_far(w.ends[ANN].ice, w.now, &far);
        for (unsigned k = 0; k < 2; k++) {
            struct ptn_ice_candidate c = {.addr = world_addr(BOB_HOST), .component = 1};
            c.addr.port = (uint16_t)(5000 + k);
            c.foundation[0] = (char)('a' + k);
            ptn_ice_add_remote(w.ends[ANN].ice, w.now, &c);
        }
        world_run(&w, PTN_MS(200));
        CHECK_EQ(2, w.ends[ANN].requests);
        CHECK_EQ(PTN_MS(cases[i].gap_ms), w.ends[ANN].sent_at[1] - w.ends[ANN].sent_at[0]);
        world_close(&w);
    }
}

TEST(pairs_of_one_foundation_wait_until_the_first_of_them_is_proven)
{
    struct ptn_ice_opts opts = {.components = 2, .controlling = true}, other = {.components = 2};
    struct world w;

    world_open(&w, &opts, &other);
    world_add(&w, ANN, PTN_ICE_HOST, 1, ANN_HOST, NULL);
    world_add(&w, ANN, PTN_ICE_HOST, 2, "192.0.2.1:4001", NULL);
    world_add(&w, BOB, PTN_ICE_HOST, 1, BOB_HOST, NULL);
    world_add(&w, BOB, PTN_ICE_HOST, 2, "198.51.100.2:5001", NULL);
    w.delay = PTN_MS(100);
    world_introduce(&w);
    world_run(&w, PTN_MS(190));
    /* RTCP's pair has RTP's foundation: nothing was sent there. */
    CHECK_EQ(1, w.ends[ANN].requests - (w.ends[ANN].requests > 1));
    for (unsigned i = 0; i < w.ends[ANN].requests; i++)
        CHECK_EQ(5000, w.ends[ANN].sent_to[i].port);
    world_run(&w, PTN_S(3));
    check_target(&w, ANN, 1, BOB_HOST);
    check_target(&w, ANN, 2, "198.51.100.2:5001");
    for (unsigned i = 0; i < ENDS; i++)
        CHECK_EQ(1, w.ends[i].events[0][PTN_ICE_COMPLETED]);
    world_close(&w);
}

TEST(with_rtcp_mux_agreed_on_the_second_component_is_left_alone)
{
    struct ptn_ice_opts opts = {.components = 2, .controlling = true};
    struct world w;

    world_open(&w, &opts, NULL);
    world_add(&w, ANN, PTN_ICE_HOST, 1, ANN_HOST, NULL);
    world_add(&w, ANN, PTN_ICE_HOST, 2, "192.0.2.1:4001", NULL);
    world_add(&w, BOB, PTN_ICE_HOST, 1, BOB_HOST, NULL);
    ptn_ice_use_components(w.ends[ANN].ice, 1);
    world_introduce(&w);
    world_run(&w, PTN_S(2));
    for (unsigned i = 0; i < ENDS; i++)
        CHECK_EQ(1, w.ends[i].events[0][PTN_ICE_COMPLETED]);
    world_close(&w);
}

TEST(candidates_that_come_late_are_used)
{
    struct world w;

    world_open(&w, NULL, NULL);
    world_add(&w, ANN, PTN_ICE_RELAYED, 1, ANN_RELAY, NULL);
    world_add(&w, BOB, PTN_ICE_RELAYED, 1, BOB_RELAY, NULL);
    for (unsigned i = 0; i < ENDS; i++) {
        world_tell_creds(&w, i);
        world_tell_candidates(&w, i);
    }
    world_run(&w, PTN_MS(200));
    check_target(&w, ANN, 1, BOB_RELAY);
    world_add(&w, ANN, PTN_ICE_HOST, 1, ANN_HOST, NULL);
    world_add(&w, BOB, PTN_ICE_HOST, 1, BOB_HOST, NULL);
    world_tell_candidates(&w, ANN);
    world_tell_candidates(&w, BOB);
    world_run(&w, PTN_S(1));
    check_target(&w, BOB, 1, ANN_HOST);
    world_close(&w);
}

TEST(failure_is_told_late_and_not_while_candidates_may_come)
{
    for (unsigned ended = 0; ended < 2; ended++) {
        struct world w;

        world_open(&w, NULL, NULL);
        world_add(&w, ANN, PTN_ICE_HOST, 1, ANN_HOST, NULL)->dumb = true;
        world_add(&w, BOB, PTN_ICE_HOST, 1, BOB_HOST, NULL)->dumb = true;
        world_tell_creds(&w, ANN);
        world_tell_candidates(&w, ANN);
        if (ended) {
            ptn_ice_end_local(w.ends[ANN].ice);
            ptn_ice_end_remote(w.ends[ANN].ice);
        }
        world_run(&w, PTN_S(39));
        CHECK_EQ(0, w.ends[ANN].events[0][PTN_ICE_FAILED]);
        world_run(&w, PTN_S(60));
        CHECK_EQ(ended, w.ends[ANN].events[0][PTN_ICE_FAILED]);
        /* Even then a check from the far end brings it back. */
        w.ends[ANN].paths[0].dumb = w.ends[BOB].paths[0].dumb = false;
        world_tell_creds(&w, BOB);
        world_tell_candidates(&w, BOB);
        world_run(&w, PTN_S(2));
        check_target(&w, ANN, 1, BOB_HOST);
        world_close(&w);
    }
}

/* RFC 8863: no candidates at all is no reason to give up before the far end's checks may come. */
TEST(without_any_candidate_of_the_far_end_its_checks_are_waited_for)
{
    struct world w;

    world_open(&w, NULL, NULL);
    world_add(&w, ANN, PTN_ICE_HOST, 1, ANN_HOST, NULL);
    world_add(&w, BOB, PTN_ICE_HOST, 1, BOB_HOST, NULL);
    world_tell_creds(&w, ANN);
    ptn_ice_end_local(w.ends[ANN].ice);
    ptn_ice_end_remote(w.ends[ANN].ice);
    world_run(&w, PTN_S(35));
    CHECK_EQ(0, w.ends[ANN].events[0][PTN_ICE_FAILED]);
    world_tell_creds(&w, BOB);
    world_tell_candidates(&w, BOB);
    world_run(&w, PTN_S(10));
    CHECK_EQ(0, w.ends[ANN].events[0][PTN_ICE_FAILED]);
    check_target(&w, ANN, 1, BOB_HOST);
    world_close(&w);
}

TEST(icmp_errors_are_hints_and_fail_nothing)
{
    struct world w;

    world_open(&w, NULL, NULL);
    world_add(&w, ANN, PTN_ICE_HOST, 1, ANN_HOST, NULL);
    struct world_path *bob = world_add(&w, BOB, PTN_ICE_HOST, 1, BOB_HOST, NULL);
    bob->deaf = true;
    world_introduce(&w);
    bob->dumb = true;
    world_run(&w, PTN_MS(100));
    struct ptn_tell tell = {
        .kind = PTN_TELL_ICMP_ERROR, .id = 1, .from = world_addr(BOB_HOST), .why = PTN_ERR_REFUSED};
    CHECK_EQ(PTN_ICE_HINT, ptn_ice_input(w.ends[ANN].ice, w.now, &tell));
    tell.from.port++;
    CHECK_EQ(PTN_ICE_NOT_OURS, ptn_ice_input(w.ends[ANN].ice, w.now, &tell));
    bob->deaf = bob->dumb = false;
    world_run(&w, PTN_S(1));
    check_target(&w, ANN, 1, BOB_HOST);
    world_close(&w);
}

TEST(addresses_to_which_nothing_should_be_sent_are_no_candidates)
{
    static const char *const texts[] = {"0.0.0.0:4000", "192.0.2.1:0", "224.0.0.1:4000", "[::]:9",
                                        "[ff02::1]:9"};
    struct world w;

    world_open(&w, NULL, NULL);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct ptn_ice_candidate c = {.component = 1};
        if (!ptn_addr_parse(texts[i], &c.addr))
            c.addr = ptn_addr_v4(192, 0, 2, 1, 0);
        CHECK(!ptn_ice_add_remote(w.ends[ANN].ice, w.now, &c));
    }
    struct ptn_ice_candidate c = {.addr = world_addr(BOB_HOST), .component = 2};
    CHECK(!ptn_ice_add_remote(w.ends[ANN].ice, w.now, &c));
    c.component = 1;
    CHECK(ptn_ice_add_remote(w.ends[ANN].ice, w.now, &c));
    CHECK(!ptn_ice_add_remote(w.ends[ANN].ice, w.now, &c));
    world_close(&w);
}

TEST(local_candidates_carry_foundations_by_kind_base_and_server)
{
    static const struct {
        enum ptn_ice_kind kind;
        ptn_id path;
        unsigned component;
        const char *addr, *base, *server, *foundation;
    } cases[] = {
        {PTN_ICE_HOST, 1, 1, "192.0.2.1:4000", NULL, NULL, "1"},
        {PTN_ICE_HOST, 2, 2, "192.0.2.1:4001", NULL, NULL, "1"},
        {PTN_ICE_HOST, 3, 1, "[2001:db8::1]:4000", NULL, NULL, "3"},
        {PTN_ICE_SERVER_REFLEXIVE, 1, 1, "203.0.113.1:40", "192.0.2.1:4000", "198.51.100.1:3478",
         "4"},
        {PTN_ICE_SERVER_REFLEXIVE, 2, 2, "203.0.113.1:41", "192.0.2.1:4001", "198.51.100.1:3478",
         "4"},
        {PTN_ICE_SERVER_REFLEXIVE, 1, 1, "203.0.113.1:42", "192.0.2.1:4000", "198.51.100.2:3478",
         "6"},
        {PTN_ICE_RELAYED, 4, 1, "198.51.100.1:50", NULL, "198.51.100.1:3478", "7"},
    };
    struct ptn_ice_opts opts = {.components = 2};
    struct world w;

    world_open(&w, &opts, NULL);
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ptn_ice_local l = {.kind = cases[i].kind,
                                  .path = cases[i].path,
                                  .component = cases[i].component,
                                  .addr = world_addr(cases[i].addr)};
        if (cases[i].base)
            l.base = world_addr(cases[i].base);
        if (cases[i].server)
            l.server = world_addr(cases[i].server);
        CHECK(ptn_ice_add_local(w.ends[ANN].ice, w.now, &l));
        CHECK_STR(cases[i].foundation, ptn_ice_local(w.ends[ANN].ice, i)->foundation);
        /* Told twice it is redundant (RFC 8445 §5.1.3). */
        CHECK(!ptn_ice_add_local(w.ends[ANN].ice, w.now, &l));
    }
    /* Without a NAT the mapped address is the socket's own. */
    struct ptn_ice_local same = {.kind = PTN_ICE_SERVER_REFLEXIVE,
                                 .path = 1,
                                 .component = 1,
                                 .addr = world_addr("192.0.2.1:4000"),
                                 .base = world_addr("192.0.2.1:4000")};
    CHECK(!ptn_ice_add_local(w.ends[ANN].ice, w.now, &same));
    world_close(&w);
}

TEST(credentials_are_as_long_as_the_rfc_wants_and_new_each_time)
{
    struct world w;

    world_open(&w, NULL, NULL);
    const struct ptn_ice_creds *ann = ptn_ice_creds(w.ends[ANN].ice),
                               *bob = ptn_ice_creds(w.ends[BOB].ice);
    CHECK(strlen(ann->ufrag) >= 4 && strlen(ann->pwd) >= 22);
    CHECK(strcmp(ann->ufrag, bob->ufrag) != 0 && strcmp(ann->pwd, bob->pwd) != 0);
    world_close(&w);
}

TEST(the_tables_fill_up_without_harm)
{
    struct ptn_ice_opts opts = {.components = 2, .controlling = true};
    struct world w;
    unsigned locals = 0, remotes = 0;

    world_open(&w, &opts, NULL);
    world_tell_creds(&w, ANN);
    for (unsigned i = 0; i < 60; i++) {
        struct ptn_ice_local l = {.kind = PTN_ICE_HOST,
                                  .component = 1,
                                  .path = 1,
                                  .addr = ptn_addr_v4(192, 0, 2, (uint8_t)i, 4000)};
        struct ptn_ice_candidate c = {
            .component = 1, .priority = i, .addr = ptn_addr_v4(198, 51, 100, (uint8_t)i, 5000)};
        locals += ptn_ice_add_local(w.ends[ANN].ice, w.now, &l);
        remotes += ptn_ice_add_remote(w.ends[ANN].ice, w.now, &c);
    }
    CHECK_EQ(PTN_ICE_LOCALS_MAX, locals);
    CHECK_EQ(PTN_ICE_REMOTES_MAX, remotes);
    w.ends[ANN].path_count = 1;
    w.ends[ANN].paths[0] = (struct world_path){.id = 1, .local = world_addr(ANN_HOST)};
    world_run(&w, PTN_S(3));
    /* The best remained: the last one came with the highest priority. */
    CHECK_EQ(39, w.ends[ANN].sent_to[0].ip[3]);
    world_close(&w);
}
