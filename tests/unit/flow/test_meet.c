/*
 * flow/meet.h: two ends on one wire, and descriptions that were meddled with.
 */
#include "flow/meet.h"

#include <string.h>

#include "support/test.h"

enum { ANN, BOB, ENDS, LINES = 2048 };
static const struct ptn_latch_formats PCMU = {{1, 0}};

struct end {
    struct ptn_flow flows[2];
    struct ptn_meet meet;
    struct ptn_addr rtp, rtcp;
    char lines[LINES];
    unsigned media; /* that its flows have taken */
};

struct wire {
    struct ptn_crypto *crypto;
    struct end ends[ENDS];
    ptn_time now;
};

static void open_end(struct wire *w, unsigned i)
{
    struct end *e = &w->ends[i];

    e->rtp = ptn_addr_v4(192, 0, 2, (uint8_t)(10 + i), 4000);
    e->rtcp = ptn_addr_with_port(e->rtp, 4001);
    for (unsigned k = 0; k < 2; k++) {
        struct ptn_flow_opts opts = {.socket = 10 * (i + 1) + k,
                                     .rtcp = k == 1,
                                     .latch = PTN_LATCH_ANY,
                                     .dice = ptn_dice_seeded(10 * i + k)};
        opts.anchor.reach = PTN_REACH_DEFAULTS;
        opts.anchor.reach.local = k ? e->rtcp : e->rtp;
        ptn_flow_init(&e->flows[k], &opts);
    }
}

static enum ptn_err begin(struct wire *w, unsigned i, bool relayed_only)
{
    struct end *e = &w->ends[i];

    return ptn_meet_begin(&e->meet, &(struct ptn_meet_opts){.flows = {&e->flows[0], &e->flows[1]},
                                                            .crypto = w->crypto,
                                                            .dice = ptn_dice_seeded(7 + i),
                                                            .controlling = i == ANN,
                                                            .relayed_only = relayed_only});
}

static void open_wire(struct wire *w)
{
    *w = (struct wire){.crypto = ptn_crypto_new(), .now = PTN_S(1)};
    for (unsigned i = 0; i < ENDS; i++) {
        open_end(w, i);
        CHECK_EQ(PTN_OK, begin(w, i, false));
    }
}

static void close_wire(struct wire *w)
{
    for (unsigned i = 0; i < ENDS; i++)
        ptn_meet_end(&w->ends[i].meet);
    ptn_crypto_free(w->crypto);
}

static void say(struct wire *w, unsigned i)
{
    struct end *e = &w->ends[i];

    CHECK(ptn_meet_say(&e->meet, w->now, &e->rtp, &e->rtcp, e->lines, sizeof e->lines));
}

static enum ptn_meet_verdict hear(struct wire *w, unsigned i)
{
    const struct end *other = &w->ends[!i];

    return ptn_meet_hear(&w->ends[i].meet, w->now, other->lines, &other->rtp, &other->rtcp);
}

static void carry(struct wire *w, unsigned from, const struct ptn_ask *ask)
{
    struct end *to = &w->ends[!from];

    for (unsigned k = 0; k < 2; k++)
        if (ptn_addr_equal(&ask->to, &to->flows[k].anchor.reach.opts.local)) {
            struct ptn_tell tell = {.kind = PTN_TELL_DATAGRAM,
                                    .id = to->flows[k].opts.socket,
                                    .from =
                                        w->ends[from].flows[ask->id % 10].anchor.reach.opts.local,
                                    .bytes = ask->bytes};
            to->media += ptn_flow_input(&to->flows[k], w->now, &tell) == PTN_FLOW_MEDIA;
        }
}

static void run(struct wire *w, ptn_time span)
{
    struct ptn_ask ask;

    for (ptn_time until = w->now + span; w->now < until; w->now += PTN_MS(5))
        for (unsigned i = 0; i < ENDS; i++) {
            ptn_meet_tick(&w->ends[i].meet, w->now);
            while (ptn_meet_output(&w->ends[i].meet, w->now, &ask))
                carry(w, i, &ask);
        }
}

static bool send_media(struct wire *w, unsigned i)
{
    static const uint8_t rtp[12] = {0x80, 0};
    struct ptn_ask ask;

    if (!ptn_flow_send(&w->ends[i].flows[0], w->now, ptn_bytes(rtp, sizeof rtp), NULL, &ask))
        return false;
    carry(w, i, &ask);
    return true;
}

TEST(media_flows_when_a_way_is_proven_and_not_before)
{
    struct wire w;

    open_wire(&w);
    say(&w, ANN);
    CHECK_EQ(PTN_MEET_ON, hear(&w, BOB));
    say(&w, BOB);
    for (unsigned i = 0; i < ENDS; i++)
        ptn_flow_expect(&w.ends[i].flows[0], &w.ends[!i].rtp, &PCMU);
    CHECK_EQ(PTN_MEET_ON, hear(&w, ANN));
    CHECK(!send_media(&w, ANN) && !send_media(&w, BOB));
    run(&w, PTN_S(1));
    CHECK(send_media(&w, ANN) && send_media(&w, BOB));
    CHECK_EQ(1, w.ends[ANN].media);
    CHECK_EQ(1, w.ends[BOB].media);
    close_wire(&w);
}

TEST(media_of_somebody_who_proved_nothing_is_foreign)
{
    static const uint8_t rtp[12] = {0x80, 0};
    struct wire w;

    open_wire(&w);
    say(&w, ANN);
    hear(&w, BOB);
    say(&w, BOB);
    hear(&w, ANN);
    run(&w, PTN_S(1));
    struct ptn_tell tell = {.kind = PTN_TELL_DATAGRAM,
                            .id = w.ends[BOB].flows[0].opts.socket,
                            .from = ptn_addr_v4(192, 0, 2, 99, 4000),
                            .bytes = ptn_bytes(rtp, sizeof rtp)};
    CHECK_EQ(PTN_FLOW_FOREIGN, ptn_flow_input(&w.ends[BOB].flows[0], w.now, &tell));
    tell.from = w.ends[ANN].rtp;
    CHECK_EQ(PTN_FLOW_MEDIA, ptn_flow_input(&w.ends[BOB].flows[0], w.now, &tell));
    close_wire(&w);
}

TEST(without_the_agent_the_latch_decides_again)
{
    struct wire w;

    open_wire(&w);
    say(&w, ANN);
    hear(&w, BOB);
    ptn_flow_expect(&w.ends[BOB].flows[0], &w.ends[ANN].rtp, &PCMU);
    CHECK(!send_media(&w, BOB));
    ptn_meet_end(&w.ends[BOB].meet);
    CHECK(send_media(&w, BOB));
    ptn_meet_end(&w.ends[BOB].meet);
    close_wire(&w);
}

TEST(what_a_description_says_decides_whether_checks_go_on)
{
    struct wire w;

    open_wire(&w);
    say(&w, BOB);
    struct end *bob = &w.ends[BOB];
    char lines[LINES];
    strcpy(lines, bob->lines);
    bob->lines[0] = '\0';
    CHECK_EQ(PTN_MEET_NO_ICE, hear(&w, ANN));
    strcpy(bob->lines, lines);
    /* A box on the way has put its own address into the description. */
    struct ptn_addr real = bob->rtp;
    bob->rtp = ptn_addr_v4(203, 0, 113, 9, 9999);
    CHECK_EQ(PTN_MEET_MISMATCH, hear(&w, ANN));
    bob->rtp = real;
    CHECK_EQ(PTN_MEET_ON, hear(&w, ANN));
    CHECK_EQ(PTN_MEET_ON, hear(&w, ANN));
    ptn_meet_restart(&bob->meet, w.now);
    say(&w, BOB);
    CHECK_EQ(PTN_MEET_ANEW, hear(&w, ANN));
    ptn_meet_restart(&w.ends[ANN].meet, w.now);
    CHECK_EQ(PTN_MEET_ON, hear(&w, ANN));
    close_wire(&w);
}

TEST(an_address_that_is_told_is_a_candidate_however_it_is_known)
{
    struct wire w;
    struct ptn_addr by_hand = ptn_addr_v4(203, 0, 113, 7, 4000);

    open_wire(&w);
    struct end *ann = &w.ends[ANN];
    CHECK(ptn_meet_say(&ann->meet, w.now, &by_hand, &ann->rtcp, ann->lines, sizeof ann->lines));
    CHECK(strstr(ann->lines, " 192.0.2.10 4000 typ host\n"));
    CHECK(strstr(ann->lines, " 203.0.113.7 4000 typ srflx raddr 192.0.2.10 rport 4000\n"));
    CHECK(strstr(ann->lines, " 2 UDP 2130706430 192.0.2.10 4001 typ host\n"));
    char few[100];
    CHECK(!ptn_meet_say(&ann->meet, w.now, &by_hand, &ann->rtcp, few, sizeof few));
    close_wire(&w);
}

TEST(who_wants_relayed_addresses_only_and_has_none_says_nothing)
{
    struct wire w;

    open_wire(&w);
    struct end *ann = &w.ends[ANN];
    ptn_meet_end(&ann->meet);
    CHECK_EQ(PTN_OK, begin(&w, ANN, true));
    CHECK(!ptn_meet_say(&ann->meet, w.now, &ann->rtp, &ann->rtcp, ann->lines, sizeof ann->lines));
    close_wire(&w);
}

TEST(other_sockets_are_a_new_beginning)
{
    struct wire w;
    char before[LINES];

    open_wire(&w);
    say(&w, ANN);
    strcpy(before, w.ends[ANN].lines);
    say(&w, ANN);
    CHECK_STR(before, w.ends[ANN].lines);
    w.ends[ANN].flows[0].opts.socket = 18;
    say(&w, ANN);
    CHECK(strcmp(before, w.ends[ANN].lines) != 0);
    close_wire(&w);
}
