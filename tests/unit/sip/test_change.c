/*
 * tests/unit/sip/test_change.c - hold, resume and other changes of a call that is up.
 */
#include <stdio.h>

#include "world.h"

struct call {
    struct world *w;
    ptn_sip_id alice, bob;
};

static struct call begin(uint64_t seed)
{
    struct call c = {.w = world_new(seed)};
    ptn_sip_id account = world_plain_account(c.w, ALICE, "alice");

    world_plain_account(c.w, BOB, "bob");
    world_call(c.w, account, &c.alice, &c.bob);
    return c;
}

static bool modify(struct call *c, int agent, enum ptn_sdp_direction direction)
{
    struct ptn_sdp offer = world_sdp(agent, direction);

    offer.version++;
    return ptn_sip_call_modify(c->w->agents[agent], c->w->now, agent == ALICE ? c->alice : c->bob,
                               NULL, &offer);
}

static void accept(struct call *c, int agent, enum ptn_sdp_direction direction)
{
    struct ptn_sdp answer = world_sdp(agent, direction);

    ptn_sip_call_accept(c->w->agents[agent], c->w->now, agent == ALICE ? c->alice : c->bob, NULL,
                        &answer);
}

TEST(hold_and_resume_go_both_ways)
{
    for (int who = ALICE; who <= BOB; who++) {
        struct call c = begin(40);
        static const enum ptn_sdp_direction steps[] = {PTN_SDP_SENDONLY, PTN_SDP_SENDRECV};
        for (unsigned i = 0; i < 2; i++) {
            CHECK(modify(&c, who, steps[i]));
            const struct seen *seen = world_expect(c.w, !who, PTN_SIP_OFFERED);
            CHECK(seen->has_sdp);
            CHECK_EQ(steps[i], seen->sdp.media[0].direction);
            accept(&c, !who, ptn_sdp_direction_reversed(steps[i]));
            seen = world_expect(c.w, who, PTN_SIP_MODIFIED);
            CHECK_EQ(ptn_sdp_direction_reversed(steps[i]), seen->sdp.media[0].direction);
            world_run(c.w, PTN_S(1));
        }
        world_free(c.w);
    }
}

TEST(a_refused_change_leaves_the_call_as_it_was)
{
    struct call c = begin(41);

    CHECK(modify(&c, ALICE, PTN_SDP_SENDONLY));
    CHECK(!modify(&c, ALICE, PTN_SDP_SENDONLY));
    world_expect(c.w, BOB, PTN_SIP_OFFERED);
    ptn_sip_call_reject(c.w->agents[BOB], c.w->now, c.bob, 488);
    CHECK_EQ(488, world_expect(c.w, ALICE, PTN_SIP_MODIFY_FAILED)->event.status);
    CHECK(modify(&c, ALICE, PTN_SDP_SENDRECV));
    world_expect(c.w, BOB, PTN_SIP_OFFERED);
    world_free(c.w);
}

TEST(changes_that_meet_are_both_made_in_the_end)
{
    for (uint64_t seed = 300; seed < 320; seed++) {
        struct call c = begin(seed);
        bool alice_done = false, bob_done = false;
        CHECK(modify(&c, ALICE, PTN_SDP_SENDONLY));
        CHECK(modify(&c, BOB, PTN_SDP_RECVONLY));
        /* Bob, whose call it is not, tries first; Alice's own is told failed when his comes. */
        world_expect(c.w, ALICE, PTN_SIP_OFFERED);
        accept(&c, ALICE, PTN_SDP_SENDONLY);
        world_expect(c.w, BOB, PTN_SIP_MODIFIED);
        bob_done = true;
        world_run(c.w, PTN_S(1));
        if (modify(&c, ALICE, PTN_SDP_INACTIVE)) {
            world_expect(c.w, BOB, PTN_SIP_OFFERED);
            accept(&c, BOB, PTN_SDP_INACTIVE);
            world_expect(c.w, ALICE, PTN_SIP_MODIFIED);
            alice_done = true;
        }
        CHECK(alice_done && bob_done);
        world_free(c.w);
    }
}

TEST(a_change_under_loss_is_made)
{
    for (uint64_t seed = 330; seed < 360; seed++) {
        struct call c = begin(seed);
        c.w->loss_percent = 25;
        c.w->jitter = PTN_MS(50);
        CHECK(modify(&c, BOB, PTN_SDP_INACTIVE));
        world_expect(c.w, ALICE, PTN_SIP_OFFERED);
        accept(&c, ALICE, PTN_SDP_INACTIVE);
        world_expect(c.w, BOB, PTN_SIP_MODIFIED);
        world_free(c.w);
    }
}

TEST(a_change_after_one_whose_ack_was_lost_is_taken_at_once)
{
    struct call c = begin(44);

    CHECK(modify(&c, ALICE, PTN_SDP_SENDONLY));
    world_expect(c.w, BOB, PTN_SIP_OFFERED);
    accept(&c, BOB, PTN_SDP_RECVONLY);
    c.w->stuck = true;
    world_expect(c.w, ALICE, PTN_SIP_MODIFIED);
    world_run(c.w, PTN_MS(50));
    c.w->stuck = false;
    ptn_time began = c.w->now;
    CHECK(modify(&c, ALICE, PTN_SDP_SENDRECV));
    world_expect(c.w, BOB, PTN_SIP_OFFERED);
    accept(&c, BOB, PTN_SDP_SENDRECV);
    world_expect(c.w, ALICE, PTN_SIP_MODIFIED);
    CHECK(c.w->now < began + PTN_MS(400));
    /* Nobody waits for the first one's ACK any more. */
    world_expect_none(c.w, BOB, PTN_SIP_ENDED, PTN_S(40));
    world_free(c.w);
}

TEST(a_changed_contact_is_where_later_requests_go)
{
    struct call c = begin(42);
    struct ptn_sdp offer = world_sdp(BOB, PTN_SDP_SENDRECV);
    struct ptn_sip_path moved = {c.w->udp[BOB], c.w->peer};

    CHECK(ptn_sip_call_modify(c.w->agents[BOB], c.w->now, c.bob, &moved, &offer));
    world_expect(c.w, ALICE, PTN_SIP_OFFERED);
    accept(&c, ALICE, PTN_SDP_SENDRECV);
    world_expect(c.w, BOB, PTN_SIP_MODIFIED);
    world_run(c.w, PTN_S(1));
    ptn_sip_call_hang_up(c.w->agents[ALICE], c.w->now, c.alice);
    world_receive(c.w, "BYE sip:bob@192.0.2.9:5060");
    world_free(c.w);
}

TEST(a_change_the_far_end_does_not_know_of_any_more_ends_the_call)
{
    struct call c = begin(43);

    ptn_sip_free(c.w->agents[BOB]);
    struct ptn_sip_opts opts = {.id_first = 100, .id_count = 100, .dice = ptn_dice_seeded(1)};
    CHECK_EQ(PTN_OK, ptn_sip_new(&opts, &c.w->agents[BOB]));
    c.w->udp[BOB] = ptn_sip_listen(c.w->agents[BOB], c.w->now, PTN_UDP, &c.w->addr[BOB]);
    world_run(c.w, PTN_MS(1));
    CHECK(modify(&c, ALICE, PTN_SDP_SENDONLY));
    const struct seen *seen = world_expect(c.w, ALICE, PTN_SIP_ENDED);
    CHECK_EQ(PTN_SIP_ENDED_BY_PEER, seen->event.ended);
    CHECK_EQ(481, seen->event.status);
    world_free(c.w);
}

TEST(hanging_up_during_a_change_ends_both_sides)
{
    for (int who = ALICE; who <= BOB; who++) {
        struct call c = begin(44);
        CHECK(modify(&c, ALICE, PTN_SDP_SENDONLY));
        world_expect(c.w, BOB, PTN_SIP_OFFERED);
        ptn_sip_call_hang_up(c.w->agents[who], c.w->now, who == ALICE ? c.alice : c.bob);
        world_expect(c.w, ALICE, PTN_SIP_ENDED);
        world_expect(c.w, BOB, PTN_SIP_ENDED);
        world_run(c.w, PTN_S(200));
        CHECK_EQ(PTN_NEVER, ptn_sip_deadline(c.w->agents[ALICE]));
        CHECK_EQ(PTN_NEVER, ptn_sip_deadline(c.w->agents[BOB]));
        world_free(c.w);
    }
}
