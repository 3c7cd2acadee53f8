/*
 * tests/unit/sip/test_lifetime.c - session timers: who refreshes, how, and what if nobody does.
 */
#include <stdio.h>
#include <stdlib.h>

#include "world.h"

struct call {
    struct world *w;
    ptn_sip_id account, alice, bob;
};

static ptn_sip_id account(struct world *w, int agent, const char *user, unsigned expires_s,
                          bool refresher_uas)
{
    struct ptn_sip_account with = {.user = user,
                                   .domain = "example.org",
                                   .session_expires_s = expires_s,
                                   .session_refresher_uas = refresher_uas};
    struct ptn_sip_path path = {w->udp[agent], w->addr[agent]};
    ptn_sip_id id;

    CHECK_EQ(PTN_OK, ptn_sip_account_add(w->agents[agent], w->now, &with, &id));
    ptn_sip_account_use(w->agents[agent], w->now, id, &path);
    return id;
}

static struct call begin(uint64_t seed, unsigned alice_s, unsigned bob_s, bool refresher_uas)
{
    struct call c = {.w = world_new(seed)};

    c.account = account(c.w, ALICE, "alice", alice_s, refresher_uas);
    account(c.w, BOB, "bob", bob_s, refresher_uas);
    return c;
}

static void cut(struct world *w)
{
    w->loss_percent = 100;
}

static void dial_peer(struct call *c)
{
    struct ptn_sdp offer = world_sdp(ALICE, PTN_SDP_SENDRECV);

    CHECK_EQ(PTN_OK, ptn_sip_call(c->w->agents[ALICE], c->w->now, c->account, "sip:bob@192.0.2.9",
                                  NULL, &offer, &c->alice));
}

#define PEER_CONTACT "Contact: <sip:bob@192.0.2.9>\r\n"
#define SDP_TYPE "Content-Type: application/sdp\r\n"

/* Alice's call to the peer, answered with these headers. */
static void answer_as_peer(struct call *c, const char *headers)
{
    char invite[WORLD_TEXT], all[600];

    snprintf(invite, sizeof invite, "%s", world_receive(c->w, "INVITE"));
    snprintf(all, sizeof all, PEER_CONTACT SDP_TYPE "%s", headers);
    world_reply(c->w, ALICE, invite, "200 OK", "b", all, WORLD_SDP_TEXT);
    world_expect(c->w, ALICE, PTN_SIP_ANSWERED);
}

/* Who asks, who is to refresh; a silent net then ends the call on both sides in time. */
TEST(a_call_is_refreshed_for_hours_and_ends_when_the_far_end_has_vanished)
{
    static const struct {
        unsigned alice_s, bob_s;
        bool uas;
    } rows[] = {
        {120, 0, false}, {120, 0, true}, {0, 120, false}, {0, 120, true}, {1800, 120, false}};

    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct call c = begin(600 + i, rows[i].alice_s, rows[i].bob_s, rows[i].uas);
        world_call(c.w, c.account, &c.alice, &c.bob);
        c.w->loss_percent = 10;
        world_expect_none(c.w, ALICE, PTN_SIP_ENDED, PTN_S(7200));
        world_expect_none(c.w, BOB, PTN_SIP_ENDED, 0);
        cut(c.w);
        ptn_time begin = c.w->now;
        const struct seen *seen = world_expect(c.w, ALICE, PTN_SIP_ENDED);
        CHECK_EQ(PTN_SIP_ENDED_TIMED_OUT, seen->event.ended);
        seen = world_expect(c.w, BOB, PTN_SIP_ENDED);
        CHECK_EQ(PTN_SIP_ENDED_TIMED_OUT, seen->event.ended);
        CHECK(c.w->now - begin <= PTN_S(160));
        world_free(c.w);
    }
}

TEST(without_session_timers_a_quiet_call_has_no_end)
{
    struct call c = begin(610, 0, 0, false);

    world_call(c.w, c.account, &c.alice, &c.bob);
    cut(c.w);
    world_expect_none(c.w, ALICE, PTN_SIP_ENDED, PTN_S(7200));
    CHECK_EQ(PTN_NEVER, ptn_sip_deadline(c.w->agents[ALICE]));
    world_free(c.w);
}

TEST(a_far_end_that_takes_update_is_sent_one_at_half_time)
{
    struct call c = begin(611, 0, 0, false);

    dial_peer(&c);
    answer_as_peer(&c, "Allow: INVITE, UPDATE\r\nSession-Expires: 200;refresher=uac\r\n");
    ptn_time begin = c.w->now;
    char update[WORLD_TEXT];
    snprintf(update, sizeof update, "%s", world_receive(c.w, "UPDATE sip:bob@192.0.2.9"));
    CHECK(c.w->now - begin >= PTN_S(99) && c.w->now - begin <= PTN_S(101));
    CHECK_STR("200;refresher=uac", header_of(update, "Session-Expires"));
    CHECK_STR("0", header_of(update, "Content-Length"));
    /* Nothing new said about time: we go on as the one who refreshes. */
    world_reply(c.w, ALICE, update, "200 OK", NULL, PEER_CONTACT "Allow: UPDATE\r\n", "");
    world_receive(c.w, "UPDATE");
    CHECK(c.w->now - begin >= PTN_S(199) && c.w->now - begin <= PTN_S(202));
    world_free(c.w);
}

TEST(one_that_does_not_is_sent_an_invite_with_what_was_said_before)
{
    struct call c = begin(612, 0, 0, false);

    dial_peer(&c);
    answer_as_peer(&c, "Session-Expires: 200;refresher=uac\r\n");
    world_run(c.w, PTN_S(50));
    char again[WORLD_TEXT];
    snprintf(again, sizeof again, "%s", world_receive(c.w, "INVITE sip:bob@192.0.2.9"));
    CHECK(strstr(again, "m=audio 4000") != NULL);
    world_reply(c.w, ALICE, again, "200 OK", NULL,
                PEER_CONTACT SDP_TYPE "Session-Expires: 200;refresher=uas\r\n", WORLD_SDP_TEXT);
    world_receive(c.w, "ACK");
    /* Now it is theirs to refresh; they do not. */
    ptn_time begin = c.w->now;
    world_receive(c.w, "BYE");
    CHECK(c.w->now - begin >= PTN_S(167) && c.w->now - begin <= PTN_S(169));
    world_free(c.w);
}

TEST(a_lifetime_that_is_too_short_for_them_is_asked_for_longer)
{
    struct call c = begin(613, 90, 0, false);
    char invite[WORLD_TEXT];

    dial_peer(&c);
    snprintf(invite, sizeof invite, "%s", world_receive(c.w, "INVITE"));
    CHECK_STR("90;refresher=uac", header_of(invite, "Session-Expires"));
    CHECK_STR("timer, replaces", header_of(invite, "Supported"));
    world_reply(c.w, ALICE, invite, "422 Session Interval Too Small", "b", "Min-SE: 300\r\n", "");
    world_receive(c.w, "ACK");
    snprintf(invite, sizeof invite, "%s", world_receive(c.w, "INVITE"));
    CHECK_STR("300;refresher=uac", header_of(invite, "Session-Expires"));
    CHECK_STR("300", header_of(invite, "Min-SE"));
    /* Who is never content is given up. */
    for (int i = 0; i < 2; i++) {
        world_reply(c.w, ALICE, invite, "422 Session Interval Too Small", "b", "Min-SE: 400\r\n",
                    "");
        snprintf(invite, sizeof invite, "%s", world_receive(c.w, "INVITE"));
    }
    world_reply(c.w, ALICE, invite, "422 Session Interval Too Small", "b", "Min-SE: 400\r\n", "");
    CHECK_EQ(422, world_expect(c.w, ALICE, PTN_SIP_ENDED)->event.status);
    world_free(c.w);
}

/* An INVITE of the peer to Alice with these headers; the answer. */
static const char *invite_alice(struct call *c, const char *headers)
{
    char text[2000];
    struct ptn_sdp answer = world_sdp(ALICE, PTN_SDP_SENDRECV);

    snprintf(
        text, sizeof text,
        "INVITE sip:alice@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKx\r\n"
        "From: <sip:p@x>;tag=f\r\nTo: <sip:alice@192.0.2.1>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n"
        "Contact: <sip:p@192.0.2.9>\r\nMax-Forwards: 70\r\n%s" SDP_TYPE
        "Content-Length: %zu\r\n\r\n%s",
        headers, strlen(WORLD_SDP_TEXT), WORLD_SDP_TEXT);
    world_send(c->w, ALICE, text);
    if (strstr(headers, "Session-Expires: 80;"))
        return world_receive(c->w, "SIP/2.0 4");
    c->alice = world_expect(c->w, ALICE, PTN_SIP_INCOMING)->event.call;
    ptn_sip_call_accept(c->w->agents[ALICE], c->w->now, c->alice, NULL, &answer);
    return world_receive(c->w, "SIP/2.0 200");
}

TEST(what_a_caller_asks_is_answered_as_the_rfc_wants)
{
    static const struct {
        unsigned our_s;
        bool uas;
        const char *headers, *granted, *require;
    } rows[] = {
        {0, false, "Supported: timer\r\n", "", ""},
        {0, false, "Supported: timer\r\nSession-Expires: 300;refresher=uas\r\n",
         "300;refresher=uas", ""},
        {0, false, "Supported: timer\r\nSession-Expires: 300;refresher=uac\r\n",
         "300;refresher=uac", "timer"},
        {0, false, "Supported: timer\r\nSession-Expires: 300\r\n", "300;refresher=uac", "timer"},
        {0, true, "Supported: timer\r\nSession-Expires: 300\r\n", "300;refresher=uas", ""},
        /* Put in by a proxy on the way; the caller knows nothing of it. */
        {0, false, "Session-Expires: 80\r\n", "80;refresher=uas", ""},
        {200, false, "", "200;refresher=uas", ""},
        {200, false, "Supported: timer\r\n", "200;refresher=uac", "timer"},
        {200, false, "Supported: timer\r\nSession-Expires: 1800\r\n", "200;refresher=uac", "timer"},
        {200, false, "Supported: timer\r\nSession-Expires: 1800\r\nMin-SE: 900\r\n",
         "900;refresher=uac", "timer"},
        {0, false, "Require: timer\r\nSession-Expires: 300\r\n", "300;refresher=uac", "timer"},
    };

    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct call c = begin(620 + i, rows[i].our_s, 0, rows[i].uas);
        char ok[WORLD_TEXT];
        snprintf(ok, sizeof ok, "%s", invite_alice(&c, rows[i].headers));
        CHECK_STR(rows[i].granted, header_of(ok, "Session-Expires"));
        CHECK_STR(rows[i].require, header_of(ok, "Require"));
        world_free(c.w);
    }
}

TEST(a_lifetime_that_is_too_short_for_us_is_refused_with_what_we_take)
{
    struct call c = begin(640, 0, 0, false);

    const char *refusal =
        invite_alice(&c, "Supported: timer\r\nSession-Expires: 80;refresher=uac\r\n");
    CHECK(strncmp(refusal, "SIP/2.0 422", 11) == 0);
    CHECK_STR("90", header_of(refusal, "Min-SE"));
    world_expect_none(c.w, ALICE, PTN_SIP_INCOMING, PTN_S(1));
    world_free(c.w);
}

/* An UPDATE of the peer within the call that it began. */
static void update_alice(struct call *c, const char *ok, unsigned cseq, const char *body)
{
    char text[2000], to[200];

    snprintf(to, sizeof to, "%s", header_of(ok, "To"));
    snprintf(
        text, sizeof text,
        "UPDATE sip:alice@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKu%u\r\n"
        "From: <sip:p@x>;tag=f\r\nTo: %s\r\nCall-ID: c\r\nCSeq: %u UPDATE\r\n"
        "Contact: <sip:p@192.0.2.9>\r\nMax-Forwards: 70\r\n%sContent-Length: %zu\r\n\r\n%s",
        cseq, to, cseq, body[0] ? SDP_TYPE : "", strlen(body), body);
    world_send(c->w, ALICE, text);
}

static void ack_alice(struct call *c, const char *ok)
{
    char text[1000];

    snprintf(text, sizeof text,
             "ACK sip:alice@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKa\r\n"
             "From: <sip:p@x>;tag=f\r\nTo: %s\r\nCall-ID: c\r\nCSeq: 1 ACK\r\nMax-Forwards: 70\r\n"
             "Content-Length: 0\r\n\r\n",
             header_of(ok, "To"));
    world_send(c->w, ALICE, text);
    world_expect(c->w, ALICE, PTN_SIP_ACKED);
}

TEST(an_update_with_an_offer_is_a_change_that_needs_no_ack)
{
    struct call c = begin(641, 0, 0, false);
    char ok[WORLD_TEXT];
    struct ptn_sdp answer = world_sdp(ALICE, PTN_SDP_RECVONLY);

    snprintf(ok, sizeof ok, "%s", invite_alice(&c, ""));
    /* Before the ACK: not now. */
    update_alice(&c, ok, 2, WORLD_SDP_TEXT);
    world_receive(c.w, "SIP/2.0 491");
    ack_alice(&c, ok);
    update_alice(&c, ok, 3, "");
    world_receive(c.w, "SIP/2.0 200");
    update_alice(&c, ok, 4, WORLD_SDP_TEXT);
    CHECK(world_expect(c.w, ALICE, PTN_SIP_OFFERED)->has_sdp);
    update_alice(&c, ok, 5, WORLD_SDP_TEXT);
    CHECK_STR("3", header_of(world_receive(c.w, "SIP/2.0 500"), "Retry-After"));
    ptn_sip_call_accept(c.w->agents[ALICE], c.w->now, c.alice, NULL, &answer);
    const char *taken = world_receive(c.w, "SIP/2.0 200");
    CHECK_STR("4 UPDATE", header_of(taken, "CSeq"));
    CHECK(strstr(taken, "a=recvonly") != NULL);
    world_receive_none(c.w, PTN_S(40));
    world_expect_none(c.w, ALICE, PTN_SIP_ENDED, PTN_S(60));
    world_free(c.w);
}
