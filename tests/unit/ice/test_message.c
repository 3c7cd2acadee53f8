/*
 * One agent, and a far end made by hand: what is on the wire, and what is refused.
 */
#include "ice/ice.h"

#include <stdio.h>

#include "far.h"
#include "stun/seal.h"
#include "support/test.h"
#include "world.h"

static bool has_route(const struct far_bench *b)
{
    struct ptn_ice_route route;

    return ptn_ice_route(b->ice, b->now, 1, &route);
}

static bool goes_to(const struct far_bench *b, unsigned i)
{
    struct ptn_ice_route route;
    struct ptn_addr want = far_addr(i);

    return ptn_ice_route(b->ice, b->now, 1, &route) && ptn_addr_equal(&route.to, &want);
}

static bool told(struct far_bench *b, enum ptn_ice_event_kind kind)
{
    struct ptn_ice_event ev;

    while (ptn_ice_event(b->ice, &ev))
        if (ev.kind == kind)
            return true;
    return false;
}

TEST(a_check_carries_what_the_rfc_asks_for_and_nothing_that_nominates)
{
    for (unsigned leads = 0; leads < 2; leads++) {
        struct far_bench b = far_open(leads);
        char user[300];
        uint32_t priority;
        struct ptn_bytes value;

        ptn_ice_set_far(b.ice, b.now, &FAR);
        far_add(&b, 0, 1000);
        CHECK(far_hear(&b));
        CHECK_EQ(PTN_STUN_REQUEST, b.m.class);
        CHECK_EQ(PTN_STUN_BINDING, b.m.method);
        snprintf(user, sizeof user, "FARF:%s", ptn_ice_creds(b.ice)->ufrag);
        CHECK(ptn_stun_get(&b.m, PTN_STUN_USERNAME, &value));
        CHECK(ptn_bytes_equal(ptn_bytes_of_text(user), value));
        CHECK(ptn_stun_get_u32(&b.m, PTN_STUN_PRIORITY, &priority));
        CHECK_EQ(ptn_ice_priority(PTN_ICE_PEER_REFLEXIVE, 65535, 1), priority);
        CHECK_EQ(leads, ptn_stun_has(&b.m, PTN_STUN_ICE_CONTROLLING));
        CHECK_EQ(!leads, ptn_stun_has(&b.m, PTN_STUN_ICE_CONTROLLED));
        CHECK(!ptn_stun_has(&b.m, PTN_STUN_USE_CANDIDATE));
        CHECK_EQ(PTN_STUN_SEAL_GOOD,
                 ptn_stun_check_integrity(&b.m, b.crypto, ptn_bytes_of_text(FAR.creds.pwd)));
        CHECK_EQ(PTN_STUN_SEAL_GOOD, ptn_stun_check_fingerprint(&b.m));
        far_close(&b);
    }
}

TEST(a_pair_is_nominated_by_a_second_check_and_only_its_answer_counts)
{
    struct far_bench b = far_open(true);

    ptn_ice_set_far(b.ice, b.now, &FAR);
    ptn_ice_end_local(b.ice);
    ptn_ice_end_remote(b.ice);
    far_add(&b, 0, 1000);
    CHECK(far_hear(&b));
    CHECK_EQ(PTN_ICE_ANSWER, far_answer(&b, &(struct far_answer){0}));
    ptn_ice_tick(b.ice, b.now);
    CHECK(has_route(&b));
    CHECK(!told(&b, PTN_ICE_NOMINATED));
    b.now += PTN_MS(50);
    CHECK(far_hear(&b));
    CHECK(ptn_stun_has(&b.m, PTN_STUN_USE_CANDIDATE));
    ptn_ice_tick(b.ice, b.now);
    CHECK(!told(&b, PTN_ICE_NOMINATED));
    CHECK_EQ(PTN_ICE_ANSWER, far_answer(&b, &(struct far_answer){0}));
    ptn_ice_tick(b.ice, b.now);
    CHECK(told(&b, PTN_ICE_COMPLETED));
    far_close(&b);
}

TEST(an_answer_is_sealed_and_says_where_the_check_came_from)
{
    struct far_bench b = far_open(false);
    struct ptn_addr mapped, from = far_addr(3);

    ptn_ice_set_far(b.ice, b.now, &FAR);
    CHECK_EQ(PTN_ICE_CHECK, far_say(&b, &(struct far_check){.from = 3}));
    CHECK(far_hear(&b));
    CHECK_EQ(PTN_STUN_SUCCESS, b.m.class);
    CHECK_EQ(b.serial, b.m.id.bytes[4]);
    CHECK(ptn_stun_get_mapped(&b.m, &mapped, NULL));
    CHECK_ADDR(&from, &mapped);
    CHECK_ADDR(&from, &b.to);
    CHECK_EQ(PTN_STUN_SEAL_GOOD, ptn_stun_check_integrity(
                                     &b.m, b.crypto, ptn_bytes_of_text(ptn_ice_creds(b.ice)->pwd)));
    CHECK_EQ(PTN_STUN_SEAL_GOOD, ptn_stun_check_fingerprint(&b.m));
    /* And the check is returned at once to where nobody was known to be. */
    CHECK(far_hear(&b));
    CHECK_EQ(PTN_STUN_REQUEST, b.m.class);
    CHECK_ADDR(&from, &b.to);
    far_close(&b);
}

TEST(what_is_no_proper_check_is_refused_and_counted)
{
    static const struct {
        struct far_check check;
        enum ptn_ice_verdict verdict;
        unsigned code; /* 0: no answer at all */
    } cases[] = {
        {{.no_user = true}, PTN_ICE_NO_CREDENTIALS, 400},
        {{.no_seal = true}, PTN_ICE_NO_CREDENTIALS, 400},
        {{.user = "nobody:FARF"}, PTN_ICE_FOREIGN_USER, 401},
        {{.user = ""}, PTN_ICE_FOREIGN_USER, 401},
        {{.pwd = "guessedguessedguessedguessed"}, PTN_ICE_BAD_INTEGRITY, 401},
        {{.bad_fingerprint = true}, PTN_ICE_BAD_FINGERPRINT, 0},
        {{.stranger = true}, PTN_ICE_UNKNOWN_ATTRIBUTE, 420},
        {{.no_priority = true}, PTN_ICE_NO_PRIORITY, 400},
        {{.role = PTN_STUN_ICE_CONTROLLED, .tie_breaker = 255}, PTN_ICE_ROLE_CONFLICT, 487},
        /* A question about a mapping, for whoever serves that. */
        {{.no_user = true, .no_seal = true, .no_priority = true}, PTN_ICE_NOT_OURS, 0},
        /* Too short to be worth an answer. */
        {{.no_user = true, .no_seal = true, .no_fingerprint = true}, PTN_ICE_NO_CREDENTIALS, 0},
        {{.no_fingerprint = true}, PTN_ICE_CHECK, 0},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct far_bench b = far_open(false);
        struct ptn_bytes reason;
        unsigned code = 0;

        ptn_ice_set_far(b.ice, b.now, &FAR);
        CHECK_EQ(cases[i].verdict, far_say(&b, &cases[i].check));
        CHECK_EQ(1, ptn_ice_count(b.ice, cases[i].verdict));
        if (far_hear(&b) && b.m.class == PTN_STUN_ERROR)
            CHECK(ptn_stun_get_error(&b.m, &code, &reason));
        CHECK_EQ(cases[i].code, code);
        /* Nobody who was refused is checked. */
        CHECK(cases[i].verdict == PTN_ICE_CHECK || !far_hear(&b));
        far_close(&b);
    }
}

TEST(an_unknown_attribute_is_named_in_the_refusal)
{
    struct far_bench b = far_open(false);
    struct ptn_bytes types;

    ptn_ice_set_far(b.ice, b.now, &FAR);
    far_say(&b, &(struct far_check){.stranger = true});
    CHECK(far_hear(&b));
    CHECK(ptn_stun_get(&b.m, PTN_STUN_UNKNOWN_ATTRIBUTES, &types));
    CHECK_EQ(2, types.size);
    CHECK_EQ(0x3f, types.data[1]);
    far_close(&b);
}

TEST(roles_in_conflict_are_settled_by_the_tie_breaker)
{
    static const struct {
        bool leads;
        enum ptn_stun_attr theirs;
        uint8_t tie_breaker; /* ours is neither 0… nor 255… */
        enum ptn_ice_verdict verdict;
        bool leads_after;
    } cases[] = {
        {true, PTN_STUN_ICE_CONTROLLING, 0, PTN_ICE_ROLE_CONFLICT, true},
        {true, PTN_STUN_ICE_CONTROLLING, 255, PTN_ICE_CHECK, false},
        {false, PTN_STUN_ICE_CONTROLLED, 0, PTN_ICE_CHECK, true},
        {false, PTN_STUN_ICE_CONTROLLED, 255, PTN_ICE_ROLE_CONFLICT, false},
        {true, PTN_STUN_ICE_CONTROLLED, 255, PTN_ICE_CHECK, true},
        {false, PTN_STUN_ICE_CONTROLLING, 255, PTN_ICE_CHECK, false},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct far_bench b = far_open(cases[i].leads);
        ptn_ice_set_far(b.ice, b.now, &FAR);
        CHECK_EQ(cases[i].verdict,
                 far_say(&b, &(struct far_check){.role = cases[i].theirs,
                                                 .tie_breaker = cases[i].tie_breaker}));
        CHECK_EQ(cases[i].leads_after, ptn_ice_controlling(b.ice));
        CHECK_EQ(cases[i].leads != cases[i].leads_after, told(&b, PTN_ICE_ROLE));
        far_close(&b);
    }
}

TEST(who_is_told_of_a_role_conflict_changes_once_and_asks_again)
{
    struct far_bench b = far_open(true);
    struct ptn_bytes before, after;
    uint8_t tie[8];

    ptn_ice_set_far(b.ice, b.now, &FAR);
    far_add(&b, 0, 1000);
    CHECK(far_hear(&b));
    CHECK(ptn_stun_get(&b.m, PTN_STUN_ICE_CONTROLLING, &before));
    memcpy(tie, before.data, sizeof tie);
    /* Anybody could say so without a seal. */
    CHECK_EQ(PTN_ICE_ANSWER_NOT_SEALED,
             far_answer(&b, &(struct far_answer){.code = 487, .no_seal = true}));
    CHECK(ptn_ice_controlling(b.ice));
    CHECK_EQ(PTN_ICE_ANSWER, far_answer(&b, &(struct far_answer){.code = 487}));
    CHECK(!ptn_ice_controlling(b.ice));
    CHECK_EQ(PTN_ICE_ANSWER, far_answer(&b, &(struct far_answer){.code = 487}));
    CHECK(!ptn_ice_controlling(b.ice));
    b.now += PTN_MS(50);
    CHECK(far_hear(&b));
    CHECK(ptn_stun_get(&b.m, PTN_STUN_ICE_CONTROLLED, &after));
    CHECK(memcmp(tie, after.data, sizeof tie) != 0);
    far_close(&b);
}

/* Else a far end that had won would read a new tie-breaker beside the old role, and give way. */
TEST(a_check_is_repeated_as_it_was_though_the_role_has_changed)
{
    struct far_bench b = far_open(true);
    uint8_t first[1200];
    size_t size;

    ptn_ice_set_far(b.ice, b.now, &FAR);
    far_add(&b, 0, 2000);
    far_add(&b, 1, 1000);
    CHECK(far_hear(&b));
    memcpy(first, b.out.data, size = b.out.size);
    b.now += PTN_MS(50);
    CHECK(far_hear(&b));
    CHECK_EQ(PTN_ICE_ANSWER, far_answer(&b, &(struct far_answer){.code = 487}));
    CHECK(!ptn_ice_controlling(b.ice));
    b.now += PTN_MS(450);
    while (far_hear(&b))
        if (b.to.ip[3] == far_addr(0).ip[3])
            break;
    CHECK(ptn_bytes_equal(ptn_bytes(first, size), b.out));
    far_close(&b);
}

TEST(beside_a_nominated_pair_that_works_a_new_port_is_answered_and_not_looked_into)
{
    struct far_bench b = far_open(false);

    ptn_ice_set_far(b.ice, b.now, &FAR);
    far_say(&b, &(struct far_check){.nominates = true});
    CHECK(far_hear_class(&b, PTN_STUN_REQUEST));
    far_answer(&b, &(struct far_answer){0});
    far_quiet(&b);
    b.now += PTN_S(1);
    CHECK_EQ(PTN_ICE_CHECK, far_say(&b, &(struct far_check){.from = 1}));
    CHECK(far_hear(&b));
    CHECK_EQ(PTN_STUN_SUCCESS, b.m.class);
    CHECK(!far_hear(&b));
    /* When the far end has been slow to consent, it is: its NAT may have given it another port. */
    for (unsigned i = 0; i < 20; i++) {
        b.now += PTN_S(1);
        far_quiet(&b);
    }
    far_say(&b, &(struct far_check){.from = 1});
    while (far_hear(&b))
        if (b.m.class == PTN_STUN_REQUEST && b.to.ip[3] == far_addr(1).ip[3])
            far_answer(&b, &(struct far_answer){0});
    CHECK(goes_to(&b, 1));
    far_close(&b);
}

TEST(a_way_that_is_slow_to_consent_is_left_only_for_one_that_answers)
{
    for (unsigned other_lives = 0; other_lives < 2; other_lives++) {
        struct far_bench b = far_open(false);
        ptn_ice_set_far(b.ice, b.now, &FAR);
        for (unsigned i = 2; i-- > 0;) {
            far_say(&b, &(struct far_check){.from = i, .nominates = i == 0, .priority = 2000 - i});
            b.now += PTN_MS(50);
            CHECK(far_hear_class(&b, PTN_STUN_REQUEST));
            far_answer(&b, &(struct far_answer){0});
            far_quiet(&b);
        }
        CHECK(goes_to(&b, 0));
        for (unsigned i = 0; i < 250; i++) {
            b.now += PTN_MS(100);
            while (far_hear(&b))
                if (other_lives && b.m.class == PTN_STUN_REQUEST && b.to.ip[3] == far_addr(1).ip[3])
                    far_answer(&b, &(struct far_answer){0});
        }
        CHECK(goes_to(&b, other_lives));
        CHECK(told(&b, PTN_ICE_DOUBTED) || other_lives);
        far_close(&b);
    }
}

TEST(answers_that_prove_nothing_are_refused_and_counted)
{
    static const struct {
        struct far_answer answer;
        enum ptn_ice_verdict verdict;
        bool repeats; /* as if nothing had come */
    } cases[] = {
        {{.pwd = "anotherpasswordaltogether"}, PTN_ICE_ANSWER_NOT_SEALED, true},
        {{.no_seal = true}, PTN_ICE_ANSWER_NOT_SEALED, true},
        {{.code = 400, .no_seal = true}, PTN_ICE_ANSWER_NOT_SEALED, true},
        {{.no_address = true}, PTN_ICE_ANSWER_MEANINGLESS, false},
        {{.code = 500}, PTN_ICE_ANSWER_MEANINGLESS, false},
        {{.elsewhere = true}, PTN_ICE_ANSWER_ASYMMETRIC, false},
        {{.path = 8}, PTN_ICE_ANSWER_ASYMMETRIC, false},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct far_bench b = far_open(true);
        ptn_ice_set_far(b.ice, b.now, &FAR);
        far_add(&b, 0, 1000);
        CHECK(far_hear(&b));
        CHECK_EQ(cases[i].verdict, far_answer(&b, &cases[i].answer));
        ptn_ice_tick(b.ice, b.now);
        CHECK(!has_route(&b));
        b.now += PTN_S(1);
        CHECK_EQ(cases[i].repeats, far_hear(&b));
        far_close(&b);
    }
}

TEST(an_answer_to_nothing_that_was_asked_is_somebody_elses)
{
    struct far_bench b = far_open(true);

    ptn_ice_set_far(b.ice, b.now, &FAR);
    far_add(&b, 0, 1000);
    CHECK(far_hear(&b));
    b.m.id.bytes[15] ^= 1;
    CHECK_EQ(PTN_ICE_NOT_OURS, far_answer(&b, &(struct far_answer){0}));
    struct ptn_tell junk = {.kind = PTN_TELL_DATAGRAM, .id = 7, .bytes = ptn_bytes("\x80 rtp", 5)};
    CHECK_EQ(PTN_ICE_NOT_OURS, ptn_ice_input(b.ice, b.now, &junk));
    far_close(&b);
}

TEST(of_the_many_pairs_that_an_aggressive_far_end_nominates_the_best_is_used)
{
    struct far_bench b = far_open(false);

    ptn_ice_set_far(b.ice, b.now, &FAR);
    for (unsigned i = 0; i < 3; i++)
        far_add(&b, i, 1000 * (1 + (i + 1) % 3)); /* the second is the best */
    for (unsigned i = 0; i < 3; i++) {
        CHECK_EQ(PTN_ICE_CHECK, far_say(&b, &(struct far_check){.from = i, .nominates = true}));
        b.now += PTN_MS(50);
        CHECK(far_hear_class(&b, PTN_STUN_REQUEST));
        CHECK_EQ(PTN_ICE_ANSWER, far_answer(&b, &(struct far_answer){0}));
        b.now += PTN_MS(50);
        far_quiet(&b);
        CHECK(goes_to(&b, i == 0 ? 0 : 1));
    }
    CHECK(told(&b, PTN_ICE_NOMINATED));
    far_close(&b);
}

TEST(the_far_end_may_move_to_another_nominated_pair_when_the_first_has_fallen_silent)
{
    struct far_bench b = far_open(false);

    ptn_ice_set_far(b.ice, b.now, &FAR);
    far_add(&b, 0, 2000);
    far_add(&b, 1, 1000);
    far_say(&b, &(struct far_check){.from = 0, .nominates = true});
    CHECK(far_hear_class(&b, PTN_STUN_REQUEST));
    far_answer(&b, &(struct far_answer){0});
    far_quiet(&b);
    CHECK(goes_to(&b, 0));
    for (unsigned i = 0; i < 20; i++) {
        b.now += PTN_S(1);
        far_quiet(&b);
    }
    far_say(&b, &(struct far_check){.from = 1, .nominates = true});
    while (far_hear_class(&b, PTN_STUN_REQUEST))
        if (b.to.ip[3] == far_addr(1).ip[3])
            far_answer(&b, &(struct far_answer){0});
    CHECK(goes_to(&b, 1));
    b.now += PTN_S(3);
    far_quiet(&b);
    CHECK(goes_to(&b, 1));
    far_close(&b);
}

TEST(a_nomination_that_comes_before_our_own_check_is_through_counts_afterwards)
{
    struct far_bench b = far_open(false);

    ptn_ice_set_far(b.ice, b.now, &FAR);
    far_add(&b, 0, 1000);
    CHECK(far_hear(&b));
    CHECK_EQ(PTN_ICE_CHECK, far_say(&b, &(struct far_check){.nominates = true}));
    ptn_ice_tick(b.ice, b.now);
    CHECK(!has_route(&b));
    /* The answer to the check that the far end's made us give up proves the pair all the same. */
    CHECK_EQ(PTN_ICE_ANSWER, far_answer(&b, &(struct far_answer){0}));
    ptn_ice_tick(b.ice, b.now);
    CHECK(goes_to(&b, 0));
    CHECK(told(&b, PTN_ICE_COMPLETED));
    far_close(&b);
}

TEST(a_lite_far_end_is_led_by_us)
{
    struct far_bench b = far_open(false);
    struct ptn_ice_far lite = FAR;

    lite.lite = true;
    ptn_ice_set_far(b.ice, b.now, &lite);
    ptn_ice_end_local(b.ice);
    ptn_ice_end_remote(b.ice);
    CHECK(ptn_ice_controlling(b.ice));
    far_add(&b, 0, 1000);
    CHECK(far_hear(&b));
    CHECK(ptn_stun_has(&b.m, PTN_STUN_ICE_CONTROLLING));
    far_answer(&b, &(struct far_answer){0});
    b.now += PTN_MS(50);
    CHECK(far_hear(&b));
    CHECK(ptn_stun_has(&b.m, PTN_STUN_USE_CANDIDATE));
    far_answer(&b, &(struct far_answer){0});
    far_quiet(&b);
    CHECK(told(&b, PTN_ICE_COMPLETED));
    /* It never asks; its answers to our questions are its consent. */
    for (unsigned i = 0; i < 120; i++) {
        b.now += PTN_S(1);
        while (far_hear_class(&b, PTN_STUN_REQUEST))
            CHECK_EQ(PTN_ICE_ANSWER, far_answer(&b, &(struct far_answer){0}));
    }
    CHECK(has_route(&b));
    far_close(&b);
}

TEST(early_checks_are_remembered_within_bounds)
{
    struct far_bench b = far_open(true);
    unsigned early = 0;

    for (unsigned i = 0; i < 40; i++) {
        early += far_say(&b, &(struct far_check){.from = i}) == PTN_ICE_EARLY;
        far_quiet(&b);
    }
    CHECK_EQ(8, early);
    CHECK_EQ(32, ptn_ice_count(b.ice, PTN_ICE_NO_ROOM));
    /* A repeat takes no room. */
    CHECK_EQ(PTN_ICE_EARLY, far_say(&b, &(struct far_check){.from = 7, .nominates = true}));
    far_close(&b);
}

TEST(answers_wait_within_bounds)
{
    struct far_bench b = far_open(false);
    unsigned taken = 0, sent = 0;

    ptn_ice_set_far(b.ice, b.now, &FAR);
    for (unsigned i = 0; i < 40; i++)
        taken += far_say(&b, &(struct far_check){0}) == PTN_ICE_CHECK;
    CHECK_EQ(16, taken);
    while (far_hear(&b))
        sent += b.m.class == PTN_STUN_SUCCESS;
    CHECK_EQ(16, sent);
    far_close(&b);
}

TEST(a_far_end_of_ever_new_ports_fills_no_more_than_the_table_and_spent_rows_are_used_again)
{
    struct far_bench b = far_open(false);
    unsigned taken = 0;

    ptn_ice_set_far(b.ice, b.now, &FAR);
    for (unsigned i = 0; i < 60; i++) {
        taken += far_say(&b, &(struct far_check){.from = i}) == PTN_ICE_CHECK;
        far_quiet(&b);
    }
    CHECK_EQ(PTN_ICE_REMOTES_MAX, taken);
    /* Nobody there answers: after their time they make room. */
    for (unsigned i = 0; i < 400; i++) {
        b.now += PTN_S(1);
        far_quiet(&b);
    }
    CHECK_EQ(PTN_ICE_CHECK, far_say(&b, &(struct far_check){.from = 100}));
    CHECK(far_hear_class(&b, PTN_STUN_REQUEST));
    CHECK_EQ(PTN_ICE_ANSWER, far_answer(&b, &(struct far_answer){0}));
    far_quiet(&b);
    CHECK(goes_to(&b, 100));
    far_close(&b);
}

TEST(a_pair_that_is_proven_but_not_used_is_kept_alive_until_one_is_nominated)
{
    struct far_bench b = far_open(false);
    unsigned kept = 0;

    ptn_ice_set_far(b.ice, b.now, &FAR);
    for (unsigned i = 0; i < 2; i++) {
        far_add(&b, i, 2000 - 1000 * i);
        b.now += PTN_MS(50);
        CHECK(far_hear(&b));
        far_answer(&b, &(struct far_answer){0});
    }
    for (unsigned i = 0; i < 20; i++) {
        b.now += PTN_S(1);
        while (far_hear(&b)) {
            if (b.m.class == PTN_STUN_REQUEST)
                far_answer(&b, &(struct far_answer){0});
            if (b.m.class == PTN_STUN_INDICATION) {
                CHECK_EQ(far_addr(1).ip[3], b.to.ip[3]);
                kept++;
            }
        }
    }
    CHECK_EQ(1, kept);
    CHECK(goes_to(&b, 0));
    far_close(&b);
}

TEST(a_keepalive_of_the_far_end_is_taken_and_not_answered)
{
    struct far_bench b = far_open(false);
    struct ptn_stun_out o;
    struct ptn_bytes bytes;
    struct ptn_stun_id id = {{0x21, 0x12, 0xa4, 0x42}};
    uint8_t buf[100];

    ptn_stun_begin(&o, buf, sizeof buf, PTN_STUN_INDICATION, PTN_STUN_BINDING, &id);
    ptn_stun_put_fingerprint(&o);
    CHECK(ptn_stun_end(&o, &bytes));
    CHECK_EQ(PTN_ICE_KEEPALIVE, ptn_ice_input(b.ice, b.now,
                                              &(struct ptn_tell){.kind = PTN_TELL_DATAGRAM,
                                                                 .id = 7,
                                                                 .from = far_addr(0),
                                                                 .bytes = bytes}));
    CHECK(!far_hear(&b));
    far_close(&b);
}

TEST(a_pair_of_long_ago_is_proven_anew_when_it_is_nominated)
{
    struct far_bench b = far_open(false);

    ptn_ice_set_far(b.ice, b.now, &FAR);
    far_add(&b, 0, 1000);
    CHECK(far_hear(&b));
    far_answer(&b, &(struct far_answer){0});
    far_quiet(&b);
    CHECK(has_route(&b));
    for (unsigned i = 0; i < 40; i++) {
        b.now += PTN_S(1);
        far_quiet(&b);
    }
    CHECK(!has_route(&b));
    CHECK(told(&b, PTN_ICE_LOST));
    CHECK_EQ(PTN_ICE_CHECK, far_say(&b, &(struct far_check){.nominates = true}));
    CHECK(far_hear_class(&b, PTN_STUN_REQUEST));
    far_answer(&b, &(struct far_answer){0});
    far_quiet(&b);
    CHECK(goes_to(&b, 0));
    CHECK(told(&b, PTN_ICE_NOMINATED));
    far_close(&b);
}

TEST(every_verdict_has_a_name_of_its_own)
{
    for (unsigned i = 0; i < PTN_ICE_VERDICTS; i++)
        for (unsigned k = 0; k < i; k++)
            CHECK(strcmp(ptn_ice_verdict_name((enum ptn_ice_verdict)i),
                         ptn_ice_verdict_name((enum ptn_ice_verdict)k)) != 0);
}
