/*
 * tests/unit/sip/test_update.c - offers of ours that go by UPDATE: before a call is answered, and
 * while the ACK of our own answer is missing (RFC 3311).
 */
#include <stdio.h>
#include <string.h>

#include "world.h"

#define FROM_ONE "Contact: <sip:one@192.0.2.9>\r\n"
#define FROM_TWO "Contact: <sip:two@192.0.2.9>\r\n"
#define RELIABLE "Require: 100rel\r\nRSeq: 1\r\n"
#define ALLOWS "Allow: INVITE, ACK, UPDATE\r\n"
#define SDP_AT(port)                                                                               \
    "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n"                    \
    "m=audio " #port " RTP/AVP 8\r\n"

struct call {
    struct world *w;
    struct world_dialled is;
    char update[WORLD_TEXT];
};

/* Alice calls the peer. */
static struct call dial_peer(uint64_t seed)
{
    struct call c = {.w = world_new(seed)};

    c.is = world_dial_peer(c.w, true, "secret");
    return c;
}

static void reply(struct call *c, const char *status, const char *tag, const char *headers,
                  const char *body)
{
    world_reply(c->w, ALICE, c->is.invite, status, tag, headers, body);
}

/* One that rings, and has answered our offer for certain. */
static void rings(struct call *c, const char *tag, const char *headers)
{
    char prack[WORLD_TEXT];

    reply(c, "183 Session Progress", tag, headers, SDP_AT(7000));
    snprintf(prack, sizeof prack, "%s", world_receive(c->w, "PRACK"));
    world_reply(c->w, ALICE, prack, "200 OK", NULL, "", "");
    world_expect(c->w, ALICE, PTN_SIP_PROGRESS);
}

/* From now on she is at 198.51.100.1, and so is her sound. */
static bool moves(struct call *c)
{
    struct ptn_sip_path path = {c->w->udp[ALICE], ptn_addr_v4(198, 51, 100, 1, 5060)};
    struct ptn_sdp offer = world_sdp(ALICE, PTN_SDP_SENDRECV);

    offer.version++;
    offer.media[0].rtp = ptn_addr_v4(198, 51, 100, 1, 4100);
    return ptn_sip_call_modify(c->w->agents[ALICE], c->w->now, c->is.id, &path, &offer);
}

static void receive_update(struct call *c, const char *beginning)
{
    snprintf(c->update, sizeof c->update, "%s", world_receive(c->w, beginning));
    CHECK_STR("<sip:alice@198.51.100.1:5060>", header_of(c->update, "Contact"));
    CHECK(strstr(c->update, "m=audio 4100"));
    CHECK(strstr(header_of(c->update, "Allow"), "UPDATE"));
}

TEST(those_that_ring_are_told_of_a_change_and_the_last_answer_holds)
{
    struct call c = dial_peer(1);

    rings(&c, "one", FROM_ONE ALLOWS RELIABLE);
    rings(&c, "two", FROM_TWO ALLOWS RELIABLE);
    reply(&c, "180 Ringing", "three", FROM_ONE ALLOWS, "");
    world_expect(c.w, ALICE, PTN_SIP_PROGRESS);
    CHECK(moves(&c));
    receive_update(&c, "UPDATE sip:one@");
    char one[WORLD_TEXT];
    snprintf(one, sizeof one, "%s", c.update);
    receive_update(&c, "UPDATE sip:two@");
    CHECK(!moves(&c)); /* one at a time */
    world_reply(c.w, ALICE, c.update, "200 OK", NULL, FROM_TWO, SDP_AT(7102));
    CHECK_EQ(7102, world_expect(c.w, ALICE, PTN_SIP_MODIFIED)->sdp.media[0].rtp.port);
    world_reply(c.w, ALICE, one, "200 OK", NULL, "Contact: <sip:moved@192.0.2.9>\r\n",
                SDP_AT(7101));
    CHECK_EQ(7101, world_expect(c.w, ALICE, PTN_SIP_MODIFIED)->sdp.media[0].rtp.port);
    /* Its first answer, said again, is no longer what holds. */
    reply(&c, "200 OK", "one", "Contact: <sip:moved@192.0.2.9>\r\n" ALLOWS, SDP_AT(7000));
    CHECK_EQ(7101, world_expect(c.w, ALICE, PTN_SIP_ANSWERED)->sdp.media[0].rtp.port);
    world_receive(c.w, "ACK sip:moved@");
    world_free(c.w);
}

TEST(who_cannot_take_an_update_yet_is_sent_none)
{
    static const struct {
        const char *headers, *body;
    } rows[] = {
        {FROM_ONE ALLOWS, ""},             /* it rings */
        {FROM_ONE ALLOWS, SDP_AT(7000)},   /* and that may be lost */
        {FROM_ONE RELIABLE, SDP_AT(7000)}, /* it says nothing of UPDATE */
        {FROM_ONE RELIABLE ALLOWS, ""},    /* our offer is not answered */
        {ALLOWS RELIABLE, SDP_AT(7000)},   /* it has no Contact: no dialog */
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct call c = dial_peer(10 + i);
        reply(&c, "183 Session Progress", "one", rows[i].headers, rows[i].body);
        world_run(c.w, PTN_MS(100));
        CHECK(!moves(&c));
        world_run(c.w, PTN_MS(100));
        CHECK(!strstr(c.w->last_sent[ALICE], "UPDATE sip:"));
        world_free(c.w);
    }
}

TEST(an_update_that_is_refused_leaves_what_rings_as_it_was)
{
    static const struct {
        const char *status;
        unsigned told;
        bool again; /* is it worth another one? */
    } rows[] = {
        {"405 Method Not Allowed", 405, false},
        {"501 Not Implemented", 501, false},
        {"481 No Such Call", 481, false},
        {"491 Request Pending", 491, true},
        {"500 Server Internal Error", 500, true},
        {"488 Not Acceptable Here", 488, true},
        {NULL, 0, true},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct call c = dial_peer(20 + i);
        rings(&c, "one", FROM_ONE ALLOWS RELIABLE);
        CHECK(moves(&c));
        receive_update(&c, "UPDATE");
        if (rows[i].status)
            world_reply(c.w, ALICE, c.update, rows[i].status, NULL, "", "");
        const struct seen *seen = world_expect(c.w, ALICE, PTN_SIP_MODIFY_FAILED);
        CHECK_EQ(rows[i].told, seen->event.status);
        CHECK_EQ(rows[i].again, moves(&c));
        reply(&c, "200 OK", "one", FROM_ONE ALLOWS, "");
        CHECK_EQ(7000, world_expect(c.w, ALICE, PTN_SIP_ANSWERED)->sdp.media[0].rtp.port);
        world_free(c.w);
    }
}

TEST(an_update_is_challenged_and_goes_on_when_the_call_is_answered_meanwhile)
{
    struct call c = dial_peer(30);

    rings(&c, "one", FROM_ONE ALLOWS RELIABLE);
    CHECK(moves(&c));
    receive_update(&c, "UPDATE");
    world_reply(c.w, ALICE, c.update, "407 Proxy Authentication Required", NULL,
                "Proxy-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n", "");
    receive_update(&c, "UPDATE");
    CHECK(strstr(header_of(c.update, "Proxy-Authorization"), "realm=\"r\""));
    reply(&c, "200 OK", "one", FROM_ONE ALLOWS, SDP_AT(7000));
    CHECK_EQ(7000, world_expect(c.w, ALICE, PTN_SIP_ANSWERED)->sdp.media[0].rtp.port);
    CHECK(!moves(&c));
    /* The 200 again is no answer to it. */
    reply(&c, "200 OK", "one", FROM_ONE ALLOWS, SDP_AT(7000));
    world_expect_none(c.w, ALICE, PTN_SIP_MODIFIED, PTN_MS(100));
    world_reply(c.w, ALICE, c.update, "200 OK", NULL, FROM_ONE ALLOWS, SDP_AT(7100));
    CHECK_EQ(7100, world_expect(c.w, ALICE, PTN_SIP_MODIFIED)->sdp.media[0].rtp.port);
    CHECK(moves(&c));
    world_receive(c.w, "INVITE sip:one@");
    world_free(c.w);
}

TEST(theirs_that_meets_ours_is_told_to_come_again)
{
    struct call c = dial_peer(31);
    char theirs[WORLD_TEXT], from[200], to[200];

    rings(&c, "one", FROM_ONE ALLOWS RELIABLE);
    CHECK(moves(&c));
    receive_update(&c, "UPDATE");
    snprintf(from, sizeof from, "%s", header_of(c.update, "To"));
    snprintf(to, sizeof to, "%s", header_of(c.update, "From"));
    snprintf(theirs, sizeof theirs,
             "UPDATE sip:alice@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKu\r\n"
             "From: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: 1 UPDATE\r\n" FROM_ONE
             "Content-Type: application/sdp\r\nContent-Length: %zu\r\n\r\n%s",
             from, to, header_of(c.update, "Call-ID"), strlen(SDP_AT(7010)), SDP_AT(7010));
    world_send(c.w, ALICE, theirs);
    world_receive(c.w, "SIP/2.0 491");
    world_free(c.w);
}

/* ---- being called ---- */

TEST(who_is_called_without_an_offer_may_change_what_was_agreed_on_while_it_rings)
{
    struct world *w = world_new(40);
    struct ptn_sip_account account = {.user = "bob", .domain = "example.org", .reliable = true};
    struct ptn_sip_path path = {w->udp[BOB], w->addr[BOB]},
                        moved = {w->udp[BOB], ptn_addr_v4(198, 51, 100, 2, 5060)};
    struct ptn_sdp offer = world_sdp(BOB, PTN_SDP_SENDRECV);
    char text[WORLD_TEXT], ringing[WORLD_TEXT];
    ptn_sip_id id;

    CHECK_EQ(PTN_OK, ptn_sip_account_add(w->agents[BOB], w->now, &account, &id));
    ptn_sip_account_use(w->agents[BOB], w->now, id, &path);
    world_send(w, BOB,
               "INVITE sip:bob@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKi\r\n"
               "From: <sip:p@x>;tag=p\r\nTo: <sip:bob@x>\r\nCall-ID: c\r\nCSeq: 3 INVITE\r\n"
               "Contact: <sip:p@192.0.2.9>\r\nRequire: 100rel\r\n" ALLOWS
               "Content-Length: 0\r\n\r\n");
    ptn_sip_id call = world_expect(w, BOB, PTN_SIP_INCOMING)->event.call;
    ptn_sip_call_progress(w->agents[BOB], w->now, call, 180, NULL, &offer);
    snprintf(ringing, sizeof ringing, "%s", world_receive(w, "SIP/2.0 180"));
    CHECK(!ptn_sip_call_modify(w->agents[BOB], w->now, call, &moved, &offer));
    snprintf(text, sizeof text,
             "PRACK sip:bob@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKp\r\n"
             "From: <sip:p@x>;tag=p\r\nTo: %s\r\nCall-ID: c\r\nCSeq: 4 PRACK\r\n",
             header_of(ringing, "To"));
    snprintf(text + strlen(text), sizeof text - strlen(text),
             "RAck: %s 3 INVITE\r\nContent-Type: application/sdp\r\nContent-Length: %zu\r\n\r\n%s",
             header_of(ringing, "RSeq"), strlen(SDP_AT(7050)), SDP_AT(7050));
    world_send(w, BOB, text);
    world_expect(w, BOB, PTN_SIP_EARLY_ANSWER);
    CHECK(ptn_sip_call_modify(w->agents[BOB], w->now, call, &moved, &offer));
    snprintf(text, sizeof text, "%s", world_receive(w, "UPDATE sip:p@"));
    CHECK_STR("<sip:bob@198.51.100.2:5060>", header_of(text, "Contact"));
    /* Where it meets theirs it comes again by itself. */
    world_reply(w, BOB, text, "491 Request Pending", NULL, "", "");
    snprintf(text, sizeof text, "%s", world_receive(w, "UPDATE sip:p@"));
    world_reply(w, BOB, text, "200 OK", NULL, "Contact: <sip:p@192.0.2.9>\r\n", SDP_AT(7060));
    CHECK_EQ(7060, world_expect(w, BOB, PTN_SIP_MODIFIED)->sdp.media[0].rtp.port);
    ptn_sip_call_accept(w->agents[BOB], w->now, call, NULL, &offer);
    CHECK_STR("<sip:bob@198.51.100.2:5060>", header_of(world_receive(w, "SIP/2.0 200"), "Contact"));
    world_free(w);
}

/* Whose answer is not acknowledged may not send an INVITE; he may have moved, so that the ACK goes
 * to where he was. */
TEST(while_an_ack_is_missing_a_change_goes_by_update_and_brings_the_ack)
{
    struct world *w = world_new(41);
    ptn_sip_id account = world_plain_account(w, ALICE, "alice"), alice, bob;
    struct ptn_sip_path moved = {w->udp[BOB], w->addr[BOB]};
    struct ptn_sdp sdp = world_sdp(ALICE, PTN_SDP_SENDRECV), theirs = world_sdp(BOB, 0);

    world_plain_account(w, BOB, "bob");
    CHECK_EQ(PTN_OK, ptn_sip_call(w->agents[ALICE], w->now, account, "sip:bob@192.0.2.2", NULL,
                                  &sdp, &alice));
    bob = world_expect(w, BOB, PTN_SIP_INCOMING)->event.call;
    theirs = world_sdp(BOB, PTN_SDP_SENDRECV);
    /* He says an address at which he is not. */
    ptn_sip_call_accept(w->agents[BOB], w->now, bob, &w->peer, &theirs);
    world_expect(w, ALICE, PTN_SIP_ANSWERED);
    world_receive(w, "ACK sip:bob@192.0.2.9");
    theirs.version++;
    CHECK(ptn_sip_call_modify(w->agents[BOB], w->now, bob, &moved, &theirs));
    world_expect(w, ALICE, PTN_SIP_OFFERED);
    ptn_sip_call_accept(w->agents[ALICE], w->now, alice, NULL, &sdp);
    world_expect(w, BOB, PTN_SIP_MODIFIED);
    world_expect(w, BOB, PTN_SIP_ACKED);
    world_expect_none(w, BOB, PTN_SIP_ENDED, PTN_S(60));
    world_free(w);
}
