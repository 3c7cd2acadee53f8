/*
 * tests/unit/sip/test_early.c - what rings before it is answered: forks, and ringing that must
 * arrive (RFC 3262), on both sides.
 */
#include <stdio.h>
#include <stdlib.h>

#include "world.h"

#define FROM_ONE "Contact: <sip:one@192.0.2.9>\r\n"
#define FROM_TWO "Contact: <sip:two@192.0.2.9>\r\n"
#define RELIABLE(n) "Require: 100rel\r\nRSeq: " #n "\r\n"

/* Another port in the description, to tell whose it is. */
#define SDP_AT(port)                                                                               \
    "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n"                    \
    "m=audio " #port " RTP/AVP 8\r\n"

struct call {
    struct world *w;
    struct world_dialled is;
};

/* Alice calls the peer, with an account that shows 100rel or does not. */
static struct call dial_peer(uint64_t seed, bool reliable, const char *password)
{
    struct call c = {.w = world_new(seed)};

    c.is = world_dial_peer(c.w, reliable, password);
    return c;
}

static void reply(struct call *c, const char *status, const char *tag, const char *headers,
                  const char *body)
{
    world_reply(c->w, ALICE, c->is.invite, status, tag, headers, body);
}

static const struct seen *progress(struct call *c, unsigned status, unsigned port)
{
    const struct seen *seen = world_expect(c->w, ALICE, PTN_SIP_PROGRESS);

    CHECK_EQ(status, seen->event.status);
    CHECK_EQ(port, seen->has_sdp ? seen->sdp.media[0].rtp.port : 0);
    return seen;
}

TEST(the_media_is_that_of_the_fork_which_answers)
{
    /* Which one answers; with a description of its own or, having given it before, without. */
    for (unsigned row = 0; row < 4; row++) {
        bool second = row % 2, again = row / 2;
        struct call c = dial_peer(900, false, NULL);
        reply(&c, "180 Ringing", "one", FROM_ONE, "");
        progress(&c, 180, 0);
        reply(&c, "183 Session Progress", "two", FROM_TWO, SDP_AT(7002));
        progress(&c, 183, 7002);
        reply(&c, "183 Session Progress", "one", FROM_ONE, SDP_AT(7000));
        progress(&c, 183, 7000);
        reply(&c, "200 OK", second ? "two" : "one", second ? FROM_TWO : FROM_ONE,
              !again   ? ""
              : second ? SDP_AT(7102)
                       : SDP_AT(7100));
        const struct seen *seen = world_expect(c.w, ALICE, PTN_SIP_ANSWERED);
        CHECK_EQ((second ? 7002 : 7000) + (again ? 100 : 0), seen->sdp.media[0].rtp.port);
        world_receive(c.w, second ? "ACK sip:two@192.0.2.9" : "ACK sip:one@192.0.2.9");
        world_free(c.w);
    }
}

TEST(ringing_that_must_arrive_is_acknowledged_within_its_own_dialog)
{
    struct call c = dial_peer(901, true, "secret");
    char prack[WORLD_TEXT];
    unsigned invite = (unsigned)atoi(header_of(c.is.invite, "CSeq"));

    CHECK_STR("timer, replaces, 100rel", header_of(c.is.invite, "Supported"));
    reply(&c, "180 Ringing", "one", FROM_ONE RELIABLE(77), "");
    snprintf(prack, sizeof prack, "%s", world_receive(c.w, "PRACK sip:one@192.0.2.9"));
    progress(&c, 180, 0);
    char expected[64];
    snprintf(expected, sizeof expected, "77 %u INVITE", invite);
    CHECK_STR(expected, header_of(prack, "RAck"));
    CHECK_EQ(invite + 1, (unsigned)atoi(header_of(prack, "CSeq")));
    CHECK_STR("", header_of(prack, "Contact"));
    /* Challenged, it is sent again with credentials. */
    world_reply(c.w, ALICE, prack, "407 Proxy Authentication Required", NULL,
                "Proxy-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n", "");
    snprintf(prack, sizeof prack, "%s", world_receive(c.w, "PRACK"));
    CHECK(strstr(header_of(prack, "Proxy-Authorization"), "realm=\"r\""));
    CHECK_STR(expected, header_of(prack, "RAck"));
    world_reply(c.w, ALICE, prack, "200 OK", NULL, "", "");
    /* Another fork counts for itself. */
    reply(&c, "183 Session Progress", "two", FROM_TWO RELIABLE(5), SDP_AT(7002));
    snprintf(prack, sizeof prack, "%s", world_receive(c.w, "PRACK sip:two@192.0.2.9"));
    world_reply(c.w, ALICE, prack, "200 OK", NULL, "", "");
    progress(&c, 183, 7002);
    /* Its answer has come; what the 200 says is no other one. BYE goes on counting. */
    reply(&c, "200 OK", "two", FROM_TWO, SDP_AT(7999));
    CHECK_EQ(7002, world_expect(c.w, ALICE, PTN_SIP_ANSWERED)->sdp.media[0].rtp.port);
    world_receive(c.w, "ACK sip:two@192.0.2.9");
    reply(&c, "200 OK", "one", FROM_ONE, SDP_AT(7000));
    world_receive(c.w, "ACK sip:one@192.0.2.9");
    CHECK_EQ(invite + 3, (unsigned)atoi(header_of(world_receive(c.w, "BYE sip:one"), "CSeq")));
    ptn_sip_call_hang_up(c.w->agents[ALICE], c.w->now, c.is.id);
    CHECK_EQ(invite + 2, (unsigned)atoi(header_of(world_receive(c.w, "BYE sip:two"), "CSeq")));
    world_free(c.w);
}

TEST(reliable_answers_are_taken_in_their_order_and_once)
{
    static const struct {
        const char *headers;
        bool taken;
    } rows[] = {
        {FROM_ONE RELIABLE(10), true},  {FROM_ONE RELIABLE(10), false},
        {FROM_ONE RELIABLE(12), false}, {FROM_ONE RELIABLE(11), true},
        {FROM_ONE RELIABLE(10), false}, {FROM_ONE RELIABLE(12), true},
    };
    struct call c = dial_peer(902, true, NULL);

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        reply(&c, "180 Ringing", "one", rows[i].headers, "");
        if (rows[i].taken) {
            char prack[WORLD_TEXT];
            snprintf(prack, sizeof prack, "%s", world_receive(c.w, "PRACK"));
            world_reply(c.w, ALICE, prack, "200 OK", NULL, "", "");
            progress(&c, 180, 0);
        } else {
            world_receive_none(c.w, PTN_MS(300));
            world_expect_none(c.w, ALICE, PTN_SIP_PROGRESS, PTN_MS(1));
        }
    }
    world_free(c.w);
}

TEST(a_far_end_that_wants_to_see_the_extension_gets_a_second_invite)
{
    struct call c = dial_peer(903, false, NULL);

    CHECK_STR("timer, replaces", header_of(c.is.invite, "Supported"));
    reply(&c, "421 Extension Required", "one", "Require: 100rel\r\n", "");
    world_receive(c.w, "ACK");
    snprintf(c.is.invite, sizeof c.is.invite, "%s", world_receive(c.w, "INVITE"));
    CHECK_STR("timer, replaces, 100rel", header_of(c.is.invite, "Supported"));
    reply(&c, "421 Extension Required", "one", "Require: 100rel\r\n", "");
    CHECK_EQ(421, world_expect(c.w, ALICE, PTN_SIP_ENDED)->event.status);
    world_free(c.w);
}

/* A request of the peer within the dialog of `tag`. */
static void ask_within(struct call *c, const char *method, const char *tag, unsigned cseq,
                       const char *headers, const char *body)
{
    char text[WORLD_TEXT], from[300];

    snprintf(from, sizeof from, "%s", header_of(c->is.invite, "From"));
    snprintf(text, sizeof text,
             "%s sip:alice@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK%s%s%u\r\n"
             "From: <sip:bob@192.0.2.9>;tag=%s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %u %s\r\n"
             "%sContent-Length: %zu\r\n\r\n%s",
             method, method, tag, cseq, tag, from, header_of(c->is.invite, "Call-ID"), cseq, method,
             headers, strlen(body), body);
    world_send(c->w, ALICE, text);
}

TEST(an_early_dialog_is_changed_by_update_once_its_talks_are_over)
{
    struct call c = dial_peer(904, true, NULL);
    struct ptn_sdp answer = world_sdp(ALICE, PTN_SDP_RECVONLY);
    char prack[WORLD_TEXT];
#define UPDATE_SDP FROM_ONE "Content-Type: application/sdp\r\n"

    reply(&c, "183 Session Progress", "one", FROM_ONE, SDP_AT(7000));
    progress(&c, 183, 7000);
    ask_within(&c, "UPDATE", "one", 1, UPDATE_SDP, SDP_AT(7010));
    world_receive(c.w, "SIP/2.0 491"); /* ours is not answered for certain */
    ask_within(&c, "UPDATE", "none", 1, UPDATE_SDP, SDP_AT(7010));
    world_receive(c.w, "SIP/2.0 481");
    reply(&c, "183 Session Progress", "one", FROM_ONE RELIABLE(1), SDP_AT(7000));
    snprintf(prack, sizeof prack, "%s", world_receive(c.w, "PRACK"));
    world_reply(c.w, ALICE, prack, "200 OK", NULL, "", "");
    progress(&c, 183, 7000);
    ask_within(&c, "UPDATE", "one", 2, UPDATE_SDP, SDP_AT(7010));
    CHECK_EQ(7010, world_expect(c.w, ALICE, PTN_SIP_OFFERED)->sdp.media[0].rtp.port);
    ask_within(&c, "UPDATE", "one", 3, UPDATE_SDP, SDP_AT(7020));
    world_receive(c.w, "SIP/2.0 500"); /* one after the other */
    ptn_sip_call_accept(c.w->agents[ALICE], c.w->now, c.is.id, NULL, &answer);
    CHECK(strstr(world_receive(c.w, "SIP/2.0 200"), "a=recvonly"));
    ask_within(&c, "UPDATE", "one", 4, UPDATE_SDP, SDP_AT(7030));
    world_expect(c.w, ALICE, PTN_SIP_OFFERED);
    ptn_sip_call_reject(c.w->agents[ALICE], c.w->now, c.is.id, 488);
    world_receive(c.w, "SIP/2.0 488");
    ask_within(&c, "INVITE", "one", 5, UPDATE_SDP, SDP_AT(7040));
    world_receive(c.w, "SIP/2.0 491");
    /* The call goes on from there: a BYE of one that rings ends that one only. */
    reply(&c, "180 Ringing", "two", FROM_TWO, "");
    progress(&c, 180, 0);
    ask_within(&c, "BYE", "one", 6, "", "");
    world_receive(c.w, "SIP/2.0 200");
    reply(&c, "200 OK", "two", FROM_TWO, SDP_AT(7002));
    CHECK_EQ(7002, world_expect(c.w, ALICE, PTN_SIP_ANSWERED)->sdp.media[0].rtp.port);
    world_free(c.w);
}

TEST(more_forks_than_are_kept_ring_and_may_answer)
{
    struct call c = dial_peer(905, false, NULL);
    char tag[16];

    for (unsigned i = 0; i < 20; i++) {
        snprintf(tag, sizeof tag, "t%u", i);
        reply(&c, "180 Ringing", tag, FROM_ONE, "");
        progress(&c, 180, 0);
    }
    reply(&c, "200 OK", "t19", FROM_TWO, SDP_AT(7000));
    world_expect(c.w, ALICE, PTN_SIP_ANSWERED);
    world_receive(c.w, "ACK sip:two@192.0.2.9");
    world_free(c.w);
}

/* ---- being called ---- */

struct called {
    struct world *w;
    ptn_sip_id call;
    char to[300];
};

static struct called invite_bob(uint64_t seed, bool reliable, const char *headers, const char *body)
{
    struct called d = {.w = world_new(seed)};
    struct ptn_sip_account account = {.user = "bob", .domain = "example.org", .reliable = reliable};
    struct ptn_sip_path path = {d.w->udp[BOB], d.w->addr[BOB]};
    char text[WORLD_TEXT];
    ptn_sip_id id;

    CHECK_EQ(PTN_OK, ptn_sip_account_add(d.w->agents[BOB], d.w->now, &account, &id));
    ptn_sip_account_use(d.w->agents[BOB], d.w->now, id, &path);
    snprintf(text, sizeof text,
             "INVITE sip:bob@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKi\r\n"
             "From: <sip:p@x>;tag=p\r\nTo: <sip:bob@x>\r\nCall-ID: c\r\nCSeq: 3 INVITE\r\n"
             "Contact: <sip:p@192.0.2.9>\r\n%s%sContent-Length: %zu\r\n\r\n%s",
             headers, body[0] ? "Content-Type: application/sdp\r\n" : "", strlen(body), body);
    world_send(d.w, BOB, text);
    d.call = world_expect(d.w, BOB, PTN_SIP_INCOMING)->event.call;
    return d;
}

static void ring(struct called *d, unsigned status, const struct ptn_sdp *sdp)
{
    ptn_sip_call_progress(d->w->agents[BOB], d->w->now, d->call, status, NULL, sdp);
}

static unsigned receive_reliable(struct called *d, const char *status)
{
    const char *text = world_receive(d->w, status);

    snprintf(d->to, sizeof d->to, "%s", header_of(text, "To"));
    return strcmp(header_of(text, "Require"), "100rel") == 0
               ? (unsigned)atoi(header_of(text, "RSeq"))
               : 0;
}

static void prack(struct called *d, unsigned cseq, const char *rack, const char *body)
{
    char text[WORLD_TEXT];

    snprintf(text, sizeof text,
             "PRACK sip:bob@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKp%u\r\n"
             "From: <sip:p@x>;tag=p\r\nTo: %s\r\nCall-ID: c\r\nCSeq: %u PRACK\r\nRAck: %s\r\n"
             "%sContent-Length: %zu\r\n\r\n%s",
             cseq, d->to, cseq, rack, body[0] ? "Content-Type: application/sdp\r\n" : "",
             strlen(body), body);
    world_send(d->w, BOB, text);
}

static void prack_number(struct called *d, unsigned cseq, unsigned rseq, const char *body)
{
    char rack[64];

    snprintf(rack, sizeof rack, "%u 3 INVITE", rseq);
    prack(d, cseq, rack, body);
}

TEST(ringing_is_reliable_where_both_have_it_or_the_caller_insists)
{
    static const struct {
        bool ours;
        const char *headers;
        bool reliable;
    } rows[] = {
        {false, "", false},
        {true, "", false},
        {false, "Supported: timer, 100rel\r\n", false},
        {true, "Supported: timer, 100rel\r\n", true},
        {false, "Require: 100rel\r\n", true},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct called d = invite_bob(910, rows[i].ours, rows[i].headers, WORLD_SDP_TEXT);
        ring(&d, 180, NULL);
        CHECK_EQ(rows[i].reliable, receive_reliable(&d, "SIP/2.0 180") != 0);
        world_free(d.w);
    }
}

TEST(ringing_is_repeated_until_it_is_acknowledged_and_the_next_waits_for_that)
{
    struct called d = invite_bob(911, true, "Require: 100rel\r\n", WORLD_SDP_TEXT);
    struct ptn_sdp early = world_sdp(BOB, PTN_SDP_SENDONLY);

    ring(&d, 180, NULL);
    unsigned first = receive_reliable(&d, "SIP/2.0 180"), sent = d.w->sent[BOB];
    ring(&d, 183, &early);
    ring(&d, 180, NULL); /* the description is not lost to it */
    world_run(d.w, PTN_MS(1600));
    CHECK_EQ(2, d.w->sent[BOB] - sent); /* at 0.5 and 1.5 s */
    static const char *const bad[] = {"", "x", "1 3 INVITE", "99999999999 3 INVITE"};
    for (unsigned i = 0; i < 4; i++) {
        prack(&d, 4 + i, bad[i], "");
        world_receive(d.w, "SIP/2.0 481");
    }
    prack_number(&d, 10, first, "");
    CHECK_EQ(first + 1, receive_reliable(&d, "SIP/2.0 180"));
    CHECK(strstr(d.w->last_sent[BOB], "m=audio 4000"));
    prack_number(&d, 11, first, "");
    world_receive(d.w, "SIP/2.0 481");
    /* The answer waits for what has the description, and goes by itself without another. */
    ptn_sip_call_accept(d.w->agents[BOB], d.w->now, d.call, NULL, &early);
    world_run(d.w, PTN_MS(300));
    CHECK(!strstr(d.w->last_sent[BOB], "SIP/2.0 200"));
    prack_number(&d, 12, first + 1, "");
    world_receive(d.w, "SIP/2.0 200"); /* PRACK's */
    const char *ok = d.w->last_sent[BOB];
    CHECK(strncmp(ok, "SIP/2.0 200", 11) == 0 && strstr(ok, "CSeq: 3 INVITE"));
    CHECK_STR("0", header_of(ok, "Content-Length"));
    world_free(d.w);
}

TEST(ringing_never_acknowledged_ends_the_call)
{
    struct called d = invite_bob(912, true, "Require: 100rel\r\n", WORLD_SDP_TEXT);
    ptn_time before = d.w->now;

    ring(&d, 180, NULL);
    const struct seen *seen = world_expect(d.w, BOB, PTN_SIP_ENDED);
    CHECK_EQ(PTN_SIP_ENDED_NO_ACK, seen->event.ended);
    CHECK_EQ(PTN_S(32), d.w->now - before);
    world_receive(d.w, "SIP/2.0 504");
    world_free(d.w);
}

TEST(a_final_answer_does_not_wait_for_ringing_without_description)
{
    struct called d = invite_bob(913, true, "Supported: 100rel\r\n", WORLD_SDP_TEXT);
    struct ptn_sdp answer = world_sdp(BOB, PTN_SDP_SENDRECV);

    ring(&d, 180, NULL);
    unsigned first = receive_reliable(&d, "SIP/2.0 180");
    ptn_sip_call_accept(d.w->agents[BOB], d.w->now, d.call, NULL, &answer);
    CHECK(strstr(world_receive(d.w, "SIP/2.0 200"), "m=audio 4000"));
    prack_number(&d, 4, first, "");
    CHECK(strstr(world_receive(d.w, "SIP/2.0 200"), "CSeq: 4 PRACK"));
    world_free(d.w);
}

TEST(a_caller_without_offer_gets_ours_with_the_ringing_and_answers_in_prack)
{
    struct called d = invite_bob(914, true, "Require: 100rel\r\n", "");
    struct ptn_sdp offer = world_sdp(BOB, PTN_SDP_SENDRECV);

    ring(&d, 180, NULL); /* it could not be reliable without an offer, and not unreliable at all */
    world_run(d.w, PTN_MS(100));
    CHECK(strncmp(d.w->last_sent[BOB], "SIP/2.0 100", 11) == 0);
    ring(&d, 183, &offer);
    unsigned first = receive_reliable(&d, "SIP/2.0 183");
    CHECK(strstr(d.w->last_sent[BOB], "m=audio 4000"));
    prack_number(&d, 4, first, SDP_AT(7050));
    CHECK_EQ(7050, world_expect(d.w, BOB, PTN_SIP_EARLY_ANSWER)->sdp.media[0].rtp.port);
    world_receive(d.w, "SIP/2.0 200");
    /* A second offer comes with the next one's. */
    ring(&d, 180, NULL);
    first = receive_reliable(&d, "SIP/2.0 180");
    prack_number(&d, 5, first, SDP_AT(7060));
    CHECK_EQ(7060, world_expect(d.w, BOB, PTN_SIP_OFFERED)->sdp.media[0].rtp.port);
    ptn_sip_call_accept(d.w->agents[BOB], d.w->now, d.call, NULL, &offer);
    CHECK(strstr(world_receive(d.w, "SIP/2.0 200"), "CSeq: 5 PRACK"));
    CHECK(strstr(d.w->last_sent[BOB], "m=audio 4000"));
    ptn_sip_call_accept(d.w->agents[BOB], d.w->now, d.call, NULL, &offer);
    CHECK_STR("0", header_of(world_receive(d.w, "SIP/2.0 200"), "Content-Length"));
    world_free(d.w);
}

TEST(an_offer_that_prack_leaves_unanswered_ends_the_call)
{
    struct called d = invite_bob(915, true, "Require: 100rel\r\n", "");
    struct ptn_sdp offer = world_sdp(BOB, PTN_SDP_SENDRECV);

    ring(&d, 183, &offer);
    prack_number(&d, 4, receive_reliable(&d, "SIP/2.0 183"), "");
    CHECK_EQ(488, world_expect(d.w, BOB, PTN_SIP_ENDED)->event.status);
    world_free(d.w);
}

TEST(a_call_whose_invite_expires_is_given_up_for_the_caller)
{
    struct called d = invite_bob(916, false, "Expires: 20\r\n", WORLD_SDP_TEXT);

    ring(&d, 180, NULL);
    world_expect_none(d.w, BOB, PTN_SIP_ENDED, PTN_S(19));
    world_receive(d.w, "SIP/2.0 487");
    CHECK_EQ(PTN_SIP_ENDED_BY_PEER, world_expect(d.w, BOB, PTN_SIP_ENDED)->event.ended);
    world_free(d.w);
}

TEST(two_agents_ring_reliably_under_loss)
{
    for (uint64_t seed = 930; seed < 950; seed++) {
        struct world *w = world_new(seed);
        ptn_sip_id accounts[AGENTS], alice, bob;
        struct ptn_sdp offer = world_sdp(ALICE, PTN_SDP_SENDRECV),
                       answer = world_sdp(BOB, PTN_SDP_SENDRECV);
        for (int i = 0; i < AGENTS; i++) {
            struct ptn_sip_account account = {
                .user = i == ALICE ? "alice" : "bob", .domain = "x", .reliable = true};
            CHECK_EQ(PTN_OK, ptn_sip_account_add(w->agents[i], w->now, &account, &accounts[i]));
            ptn_sip_account_use(w->agents[i], w->now, accounts[i],
                                &(struct ptn_sip_path){w->udp[i], w->addr[i]});
        }
        w->loss_percent = 20;
        w->jitter = PTN_MS(60);
        CHECK_EQ(PTN_OK, ptn_sip_call(w->agents[ALICE], w->now, accounts[ALICE],
                                      "sip:bob@192.0.2.2", NULL, &offer, &alice));
        bob = world_expect(w, BOB, PTN_SIP_INCOMING)->event.call;
        ptn_sip_call_progress(w->agents[BOB], w->now, bob, 180, NULL, NULL);
        ptn_sip_call_progress(w->agents[BOB], w->now, bob, 183, NULL, &answer);
        /* Each once, and in order, whatever was lost. */
        CHECK_EQ(180, world_expect(w, ALICE, PTN_SIP_PROGRESS)->event.status);
        const struct seen *seen = world_expect(w, ALICE, PTN_SIP_PROGRESS);
        CHECK(seen->event.status == 183 && seen->has_sdp);
        ptn_sip_call_accept(w->agents[BOB], w->now, bob, NULL, &answer);
        CHECK(world_expect(w, ALICE, PTN_SIP_ANSWERED)->has_sdp);
        world_expect(w, BOB, PTN_SIP_ACKED);
        ptn_sip_call_hang_up(w->agents[BOB], w->now, bob);
        world_expect(w, ALICE, PTN_SIP_ENDED);
        world_expect(w, BOB, PTN_SIP_ENDED);
        world_free(w);
    }
}
