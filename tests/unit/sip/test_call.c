/*
 * tests/unit/sip/test_call.c - calls between two agents, and with a peer who misbehaves.
 */
#include <stdio.h>
#include <stdlib.h>

#include "world.h"

struct call {
    struct world *w;
    ptn_sip_id account, alice, bob;
};

/* Accounts on both sides, nothing said yet. */
static struct call begin(uint64_t seed)
{
    struct call c = {.w = world_new(seed)};

    c.account = world_plain_account(c.w, ALICE, "alice");
    world_plain_account(c.w, BOB, "bob");
    return c;
}

static void dial(struct call *c, const char *target)
{
    struct ptn_sdp offer = world_sdp(ALICE, PTN_SDP_SENDRECV);

    CHECK_EQ(PTN_OK, ptn_sip_call(c->w->agents[ALICE], c->w->now, c->account, target, NULL, &offer,
                                  &c->alice));
}

static void hang_up(struct call *c, int agent)
{
    ptn_sip_call_hang_up(c->w->agents[agent], c->w->now, agent == ALICE ? c->alice : c->bob);
}

static void accept(struct call *c)
{
    struct ptn_sdp answer = world_sdp(BOB, PTN_SDP_SENDRECV);

    ptn_sip_call_accept(c->w->agents[BOB], c->w->now, c->bob, NULL, &answer);
}

static void check_ended(struct call *c, int agent, enum ptn_sip_ended ended, unsigned status)
{
    const struct seen *seen = world_expect(c->w, agent, PTN_SIP_ENDED);

    CHECK_EQ(ended, seen->event.ended);
    CHECK_EQ(status, seen->event.status);
    CHECK_EQ(agent == ALICE ? c->alice : c->bob, seen->event.call);
}

/* Everything lingering is gone, so the agents sleep. */
static void check_quiet(struct call *c)
{
    world_run(c->w, PTN_S(200));
    CHECK_EQ(PTN_NEVER, ptn_sip_deadline(c->w->agents[ALICE]));
    CHECK_EQ(PTN_NEVER, ptn_sip_deadline(c->w->agents[BOB]));
    world_free(c->w);
}

TEST(a_call_rings_is_answered_and_ended_by_either)
{
    for (int ender = ALICE; ender <= BOB; ender++) {
        struct call c = begin(20);
        dial(&c, "sip:bob@192.0.2.2");
        const struct seen *seen = world_expect(c.w, BOB, PTN_SIP_INCOMING);
        c.bob = seen->event.call;
        CHECK_STR("sip:alice@example.org", seen->peer);
        CHECK_STR("A \"quoted\" name", seen->peer_name);
        CHECK_STR("sip:bob@192.0.2.2", seen->called);
        CHECK_ADDR(&c.w->addr[ALICE], &seen->event.addr);
        CHECK(seen->has_sdp);
        CHECK_EQ(4000, seen->sdp.media[0].rtp.port);
        ptn_sip_call_progress(c.w->agents[BOB], c.w->now, c.bob, 180, NULL, NULL);
        CHECK_EQ(180, world_expect(c.w, ALICE, PTN_SIP_PROGRESS)->event.status);
        accept(&c);
        seen = world_expect(c.w, ALICE, PTN_SIP_ANSWERED);
        CHECK_EQ(c.alice, seen->event.call);
        CHECK_STR("PCMA", seen->sdp.media[0].codecs[0].name);
        world_expect(c.w, BOB, PTN_SIP_ACKED);
        hang_up(&c, ender);
        check_ended(&c, ender, PTN_SIP_ENDED_BY_US, 0);
        check_ended(&c, !ender, PTN_SIP_ENDED_BY_PEER, 0);
        check_quiet(&c);
    }
}

TEST(a_call_that_the_agent_does_not_know_yet_can_be_doubted)
{
    struct call c = begin(1);

    ptn_sip_doubt_call(c.w->agents[ALICE], c.w->now, 0);
    dial(&c, "sip:bob@192.0.2.2");
    ptn_sip_doubt_call(c.w->agents[ALICE], c.w->now, c.alice); /* nor does it ask before it is up */
    world_expect(c.w, BOB, PTN_SIP_INCOMING);
    world_free(c.w);
}

TEST(early_media_comes_with_its_description)
{
    struct call c = begin(21);
    struct ptn_sdp early = world_sdp(BOB, PTN_SDP_SENDONLY);

    dial(&c, "bob@192.0.2.2");
    c.bob = world_expect(c.w, BOB, PTN_SIP_INCOMING)->event.call;
    ptn_sip_call_progress(c.w->agents[BOB], c.w->now, c.bob, 183, NULL, &early);
    const struct seen *seen = world_expect(c.w, ALICE, PTN_SIP_PROGRESS);
    CHECK_EQ(183, seen->event.status);
    CHECK(seen->has_sdp && seen->sdp.media[0].direction == PTN_SDP_SENDONLY);
    world_free(c.w);
}

TEST(a_refusal_reaches_the_caller)
{
    struct call c = begin(22);

    dial(&c, "sip:bob@192.0.2.2");
    c.bob = world_expect(c.w, BOB, PTN_SIP_INCOMING)->event.call;
    ptn_sip_call_reject(c.w->agents[BOB], c.w->now, c.bob, 486);
    check_ended(&c, BOB, PTN_SIP_ENDED_BY_US, 486);
    check_ended(&c, ALICE, PTN_SIP_ENDED_REFUSED, 486);
    check_quiet(&c);
}

TEST(an_unknown_user_is_not_found)
{
    struct call c = begin(23);

    dial(&c, "sip:nobody@192.0.2.2");
    check_ended(&c, ALICE, PTN_SIP_ENDED_REFUSED, 404);
    check_quiet(&c);
}

TEST(a_caller_who_gives_up_cancels)
{
    struct call c = begin(24);

    dial(&c, "sip:bob@192.0.2.2");
    c.bob = world_expect(c.w, BOB, PTN_SIP_INCOMING)->event.call;
    ptn_sip_call_progress(c.w->agents[BOB], c.w->now, c.bob, 180, NULL, NULL);
    world_expect(c.w, ALICE, PTN_SIP_PROGRESS);
    hang_up(&c, ALICE);
    check_ended(&c, BOB, PTN_SIP_ENDED_BY_PEER, 487);
    check_ended(&c, ALICE, PTN_SIP_ENDED_BY_US, 487);
    check_quiet(&c);
}

TEST(a_caller_who_gives_up_before_any_answer_cancels_with_the_first)
{
    struct call c = begin(25);

    dial(&c, "sip:bob@192.0.2.9");
    const char *invite = world_receive(c.w, "INVITE");
    char kept[WORLD_TEXT];
    snprintf(kept, sizeof kept, "%s", invite);
    hang_up(&c, ALICE);
    world_run(c.w, PTN_MS(400));
    world_reply(c.w, ALICE, kept, "100 Trying", NULL, "", "");
    const char *cancel = world_receive(c.w, "CANCEL sip:bob@192.0.2.9 SIP/2.0");
    CHECK_STR(strstr(kept, "branch="), strstr(kept, "branch="));
    char via[200];
    snprintf(via, sizeof via, "%s", header_of(kept, "Via"));
    CHECK_STR(via, header_of(cancel, "Via"));
    CHECK_EQ(atoi(header_of(kept, "CSeq")), atoi(header_of(cancel, "CSeq")));
    /* The answer to CANCEL alone ends nothing; a far end that says no more is given up. */
    world_reply(c.w, ALICE, cancel, "200 OK", "b", "", "");
    ptn_time before = c.w->now;
    check_ended(&c, ALICE, PTN_SIP_ENDED_BY_US, 0);
    CHECK(c.w->now - before <= PTN_S(32));
    check_quiet(&c);
}

TEST(an_answer_that_crosses_the_cancel_is_taken_and_ended)
{
    struct call c = begin(26);

    dial(&c, "sip:bob@192.0.2.2");
    c.bob = world_expect(c.w, BOB, PTN_SIP_INCOMING)->event.call;
    ptn_sip_call_progress(c.w->agents[BOB], c.w->now, c.bob, 180, NULL, NULL);
    world_expect(c.w, ALICE, PTN_SIP_PROGRESS);
    hang_up(&c, ALICE);
    accept(&c);
    world_expect(c.w, BOB, PTN_SIP_ACKED);
    check_ended(&c, BOB, PTN_SIP_ENDED_BY_PEER, 0);
    check_ended(&c, ALICE, PTN_SIP_ENDED_BY_US, 0);
    check_quiet(&c);
}

TEST(a_silent_far_end_ends_the_call_after_timer_b)
{
    struct call c = begin(27);
    ptn_time before = c.w->now;

    dial(&c, "sip:bob@192.0.2.9");
    check_ended(&c, ALICE, PTN_SIP_ENDED_TIMED_OUT, 0);
    CHECK_EQ(PTN_S(32), c.w->now - before);
    CHECK_EQ(7, c.w->sent[ALICE]);
    world_free(c.w);
}

TEST(an_answer_never_acknowledged_is_repeated_and_then_ended)
{
    struct call c = begin(28);

    dial(&c, "sip:bob@192.0.2.2");
    c.bob = world_expect(c.w, BOB, PTN_SIP_INCOMING)->event.call;
    world_run(c.w, PTN_S(1));
    unsigned sent = c.w->sent[BOB];
    c.w->loss_percent = 100;
    ptn_time before = c.w->now;
    accept(&c);
    world_expect_none(c.w, BOB, PTN_SIP_ENDED, PTN_MS(31900));
    /* At 0, 0.5, 1.5, 3.5, 7.5, then every 4 s. */
    CHECK_EQ(11, c.w->sent[BOB] - sent);
    world_run(c.w, PTN_MS(200));
    CHECK(strncmp(c.w->last_sent[BOB], "BYE", 3) == 0);
    check_ended(&c, BOB, PTN_SIP_ENDED_NO_ACK, 0);
    CHECK_EQ(PTN_S(64), c.w->now - before);
    world_free(c.w);
}

TEST(a_callee_who_hangs_up_before_the_ack_says_bye_after_it)
{
    struct call c = begin(29);

    dial(&c, "sip:bob@192.0.2.2");
    c.bob = world_expect(c.w, BOB, PTN_SIP_INCOMING)->event.call;
    accept(&c);
    hang_up(&c, BOB);
    world_run(c.w, PTN_MS(10));
    CHECK(strncmp(c.w->last_sent[BOB], "SIP/2.0 200", 11) == 0);
    check_ended(&c, BOB, PTN_SIP_ENDED_BY_US, 0);
    check_ended(&c, ALICE, PTN_SIP_ENDED_BY_PEER, 0);
    check_quiet(&c);
}

TEST(calls_come_about_and_end_under_loss_and_reordering)
{
    unsigned up = 0;

    for (uint64_t seed = 200; seed < 260; seed++) {
        struct call c = begin(seed);
        c.w->loss_percent = 20;
        c.w->jitter = PTN_MS(60);
        dial(&c, "sip:bob@192.0.2.2");
        c.bob = world_expect(c.w, BOB, PTN_SIP_INCOMING)->event.call;
        ptn_sip_call_progress(c.w->agents[BOB], c.w->now, c.bob, 180, NULL, NULL);
        world_run(c.w, PTN_S(3));
        accept(&c);
        world_expect(c.w, ALICE, PTN_SIP_ANSWERED);
        world_expect(c.w, BOB, PTN_SIP_ACKED);
        up++;
        hang_up(&c, seed % 2 ? ALICE : BOB);
        world_expect(c.w, ALICE, PTN_SIP_ENDED);
        world_expect(c.w, BOB, PTN_SIP_ENDED);
        check_quiet(&c);
    }
    CHECK_EQ(60, up);
}

TEST(a_fork_that_answers_second_is_acknowledged_and_let_go)
{
    struct call c = begin(30);
    char invite[WORLD_TEXT];

    dial(&c, "sip:bob@192.0.2.9");
    snprintf(invite, sizeof invite, "%s", world_receive(c.w, "INVITE"));
    world_reply(c.w, ALICE, invite, "200 OK", "one", "Contact: <sip:one@192.0.2.9>\r\n",
                WORLD_SDP_TEXT);
    world_expect(c.w, ALICE, PTN_SIP_ANSWERED);
    CHECK(strstr(world_receive(c.w, "ACK sip:one@192.0.2.9"), ";tag=one"));
    world_reply(c.w, ALICE, invite, "200 OK", "two", "Contact: <sip:two@192.0.2.9>\r\n",
                WORLD_SDP_TEXT);
    CHECK(strstr(world_receive(c.w, "ACK sip:two@192.0.2.9"), ";tag=two"));
    world_reply(c.w, ALICE, world_receive(c.w, "BYE sip:two@192.0.2.9"), "200 OK", NULL, "", "");
    /* The first is as it was: its repeats are acknowledged, its call is up. */
    world_reply(c.w, ALICE, invite, "200 OK", "one", "Contact: <sip:one@192.0.2.9>\r\n",
                WORLD_SDP_TEXT);
    CHECK(strstr(world_receive(c.w, "ACK sip:one@192.0.2.9"), ";tag=one"));
    world_expect_none(c.w, ALICE, PTN_SIP_ENDED, PTN_S(10));
    world_free(c.w);
}

TEST(route_sets_are_followed_loose_and_strict)
{
    static const struct {
        const char *record_route;
        const char *uri, *route;
    } cases[] = {
        {"Record-Route: <sip:192.0.2.9;lr>, <sip:far.example;lr>\r\n", "sip:b@198.51.100.4:77",
         "<sip:far.example;lr>, <sip:192.0.2.9;lr>"},
        {"Record-Route: <sip:192.0.2.9;lr;p=1>\r\nRecord-Route: <sip:192.0.2.9:5060;lr>\r\n",
         "sip:b@198.51.100.4:77", "<sip:192.0.2.9:5060;lr>, <sip:192.0.2.9;lr;p=1>"},
        {"Record-Route: <sip:192.0.2.9>\r\n", "sip:192.0.2.9", "<sip:b@198.51.100.4:77>"},
    };

    /* The first leads by a name, which is looked up before its ACK can go. */
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct call c = begin(31);
        char headers[600], invite[WORLD_TEXT], line[200];
        c.w->records[0] = (struct record){
            "far.example", {.type = PTN_DNS_A, .ttl_s = 60, .addr = {.family = PTN_IPV4}}};
        memcpy(c.w->records[0].record.addr.ip, c.w->peer.ip, 4);
        dial(&c, "sip:bob@192.0.2.9");
        snprintf(invite, sizeof invite, "%s", world_receive(c.w, "INVITE"));
        snprintf(headers, sizeof headers, "%sContact: <sip:b@198.51.100.4:77>\r\n",
                 cases[i].record_route);
        for (unsigned again = 0; again < 2; again++) {
            world_reply(c.w, ALICE, invite, "200 OK", "b", headers, WORLD_SDP_TEXT);
            world_run(c.w, PTN_MS(400));
        }
        CHECK(strncmp(c.w->last_sent[ALICE], "ACK", 3) == 0);
        hang_up(&c, ALICE);
        const char *bye = world_receive(c.w, "BYE");
        snprintf(line, sizeof line, "BYE %s SIP/2.0\r\n", cases[i].uri);
        CHECK(strncmp(bye, line, strlen(line)) == 0);
        CHECK_STR(cases[i].route, header_of(bye, "Route"));
        world_free(c.w);
    }
}

/* Whom they reach by our server; whoever is reached without it gets none. */
static void check_credentials(const char *contact, bool by_server)
{
    struct world *w = world_new(32);
    struct ptn_sip_account account = {
        .user = "alice", .password = "secret", .server = {.name = "192.0.2.9", .port = 5060}};
    struct ptn_sip_path path = {w->udp[ALICE], w->addr[ALICE]};
    struct ptn_sdp offer = world_sdp(ALICE, PTN_SDP_SENDRECV);
    ptn_sip_id id, call;
    char invite[WORLD_TEXT], auth[600];

    CHECK_EQ(PTN_OK, ptn_sip_account_add(w->agents[ALICE], w->now, &account, &id));
    ptn_sip_account_use(w->agents[ALICE], w->now, id, &path);
    CHECK_EQ(PTN_OK, ptn_sip_call(w->agents[ALICE], w->now, id, "1002", NULL, &offer, &call));
    snprintf(invite, sizeof invite, "%s", world_receive(w, "INVITE sip:1002@192.0.2.9:5060"));
    world_reply(w, ALICE, invite, "407 Proxy Authentication Required", "p",
                "Proxy-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n", "");
    const char *ack = world_receive(w, "ACK");
    CHECK(strstr(header_of(ack, "To"), ";tag=p"));
    const char *again = world_receive(w, "INVITE");
    CHECK_EQ(atoi(header_of(invite, "CSeq")) + 1, atoi(header_of(again, "CSeq")));
    snprintf(auth, sizeof auth, "%s", header_of(again, "Proxy-Authorization"));
    CHECK(strstr(auth, "uri=\"sip:1002@192.0.2.9:5060\""));
    CHECK(!strstr(header_of(again, "To"), "tag"));
    world_reply(w, ALICE, again, "200 OK", "b", contact, WORLD_SDP_TEXT);
    CHECK_STR(by_server ? auth : "",
              header_of(world_receive(w, "ACK sip:1002"), "Proxy-Authorization"));
    ptn_sip_call_hang_up(w->agents[ALICE], w->now, call);
    const char *bye = world_receive(w, "BYE");
    CHECK_EQ(by_server, header_of(bye, "Proxy-Authorization")[0] != '\0');
    world_reply(w, ALICE, bye, "401 Unauthorized", NULL,
                "WWW-Authenticate: Digest realm=\"r2\", nonce=\"n\"\r\n", "");
    if (by_server)
        CHECK(header_of(world_receive(w, "BYE"), "Authorization")[0]);
    else
        world_receive_none(w, PTN_S(5));
    world_free(w);
}

TEST(an_invite_is_sent_again_with_credentials_and_so_are_ack_and_bye_to_our_server)
{
    check_credentials("Contact: <sip:1002@192.0.2.9>\r\n", true);
    check_credentials("Contact: <sip:1002@192.0.2.11>\r\n", false);
    check_credentials("Contact: <sip:1002@192.0.2.11>\r\nRecord-Route: <sip:192.0.2.9;lr>\r\n",
                      true);
}

TEST(a_caller_without_offer_gets_ours_and_answers_in_the_ack)
{
    struct call c = begin(33);

    world_send(c.w, BOB,
               "INVITE sip:bob@192.0.2.2 SIP/2.0\r\n"
               "Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKx\r\nFrom: <sip:p@x>;tag=p\r\n"
               "To: <sip:bob@192.0.2.2>\r\nCall-ID: late\r\nCSeq: 7 INVITE\r\n"
               "Contact: <sip:p@192.0.2.9>\r\nContent-Length: 0\r\n\r\n");
    const struct seen *seen = world_expect(c.w, BOB, PTN_SIP_INCOMING);
    CHECK(!seen->has_sdp);
    c.bob = seen->event.call;
    accept(&c);
    const char *ok = world_receive(c.w, "SIP/2.0 200");
    char ack[WORLD_TEXT];
    CHECK(strstr(ok, "m=audio 4000"));
    snprintf(ack, sizeof ack,
             "ACK sip:bob@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKy\r\n"
             "From: <sip:p@x>;tag=p\r\nTo: %s\r\nCall-ID: late\r\nCSeq: 7 ACK\r\n"
             "Content-Type: application/sdp\r\nContent-Length: %zu\r\n\r\n%s",
             header_of(ok, "To"), strlen(WORLD_SDP_TEXT), WORLD_SDP_TEXT);
    world_send(c.w, BOB, ack);
    seen = world_expect(c.w, BOB, PTN_SIP_ACKED);
    CHECK(seen->has_sdp && seen->sdp.media[0].rtp.port == 7000);
    world_free(c.w);
}

TEST(one_call_too_many_is_busy)
{
    struct call c = begin(34);

    for (unsigned i = 0; i < 32; i++) {
        dial(&c, "sip:bob@192.0.2.2");
        world_expect(c.w, BOB, PTN_SIP_INCOMING);
    }
    struct ptn_sdp offer = world_sdp(ALICE, PTN_SDP_SENDRECV);
    ptn_sip_id id;
    CHECK_EQ(PTN_ERR_NO_ROOM, ptn_sip_call(c.w->agents[ALICE], c.w->now, c.account,
                                           "sip:bob@192.0.2.2", NULL, &offer, &id));
    world_send(c.w, BOB,
               "INVITE sip:bob@192.0.2.2 SIP/2.0\r\n"
               "Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKx\r\nFrom: <sip:p@x>;tag=p\r\n"
               "To: <sip:bob@192.0.2.2>\r\nCall-ID: late\r\nCSeq: 7 INVITE\r\n"
               "Contact: <sip:p@192.0.2.9>\r\nContent-Length: 0\r\n\r\n");
    world_receive(c.w, "SIP/2.0 486");
    world_free(c.w);
}

TEST(what_cannot_be_called_is_said_at_once)
{
    static const char *const bad[] = {
        "", "a b", "<x>", "sip:", "http://x", "a\r\nb", "sip:x@y;transport=sctp"};
    struct call c = begin(35);
    struct ptn_sdp offer = world_sdp(ALICE, PTN_SDP_SENDRECV);
    struct ptn_sip *s = c.w->agents[ALICE];
    ptn_sip_id id = 77;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CHECK_EQ(PTN_ERR_INVALID, ptn_sip_call(s, c.w->now, c.account, bad[i], NULL, &offer, &id));
    CHECK_EQ(PTN_ERR_UNREACHABLE, ptn_sip_call(s, c.w->now, c.account, "sip:x@192.0.2.9",
                                               &(struct ptn_sip_path){0}, &offer, &id));
    CHECK_EQ(77, id);
    world_free(c.w);
}

TEST(functions_called_at_odd_moments_do_nothing)
{
    struct call c = begin(36);
    struct ptn_sip *a = c.w->agents[ALICE];
    struct ptn_sdp sdp = world_sdp(ALICE, PTN_SDP_SENDRECV);

    world_call(c.w, c.account, &c.alice, &c.bob);
    unsigned sent = c.w->sent[ALICE];
    ptn_sip_call_accept(a, c.w->now, c.alice, NULL, &sdp);
    ptn_sip_call_progress(a, c.w->now, c.alice, 180, NULL, NULL);
    ptn_sip_call_reject(a, c.w->now, c.alice, 486);
    ptn_sip_call_hang_up(a, c.w->now, 12345);
    ptn_sip_call_accept(a, c.w->now, 12345, NULL, &sdp);
    CHECK(!ptn_sip_call_modify(a, c.w->now, 12345, NULL, &sdp));
    ptn_sip_close(a, c.w->now, 4711);
    ptn_sip_register(a, c.w->now, c.account);
    world_run(c.w, PTN_S(1));
    CHECK_EQ(sent, c.w->sent[ALICE]);
    world_free(c.w);
}
