/*
 * tests/unit/sip/test_nexthop.c - the way to a call's first hop: who keeps it open, and what the
 * hop is asked when that way is in doubt.
 */
#include <stdio.h>
#include <string.h>

#include "world.h"

#define EVERY PTN_S(20)
#define OPTIONS_TO_HOP "OPTIONS sip:192.0.2.9:5060 SIP/2.0"

struct call {
    struct world *w;
    ptn_sip_id account, id;
};

/* Alice, whose account has no server, calls the peer, who answers. */
static struct call begin(uint64_t seed, enum ptn_sip_keepalive kind)
{
    struct call c = {.w = world_new(seed)};
    struct ptn_sip_account with = {
        .user = "alice", .domain = "example.org", .keepalive = kind, .keepalive_every = EVERY};
    struct ptn_sip_path path = {c.w->udp[ALICE], c.w->addr[ALICE]};
    struct ptn_sdp offer = world_sdp(ALICE, PTN_SDP_SENDRECV);
    char invite[WORLD_TEXT];

    CHECK_EQ(PTN_OK, ptn_sip_account_add(c.w->agents[ALICE], c.w->now, &with, &c.account));
    ptn_sip_account_use(c.w->agents[ALICE], c.w->now, c.account, &path);
    CHECK_EQ(PTN_OK, ptn_sip_call(c.w->agents[ALICE], c.w->now, c.account, "sip:bob@192.0.2.9",
                                  NULL, &offer, &c.id));
    snprintf(invite, sizeof invite, "%s", world_receive(c.w, "INVITE"));
    world_reply(c.w, ALICE, invite, "200 OK", "b", "Contact: <sip:bob@192.0.2.9>\r\n",
                WORLD_SDP_TEXT);
    world_expect(c.w, ALICE, PTN_SIP_ANSWERED);
    world_receive(c.w, "ACK");
    return c;
}

/* The peer answers and says that it saw this address. */
static void reply_seen(struct world *w, const char *request, const char *received, unsigned port)
{
    char seen[64], text[WORLD_TEXT];
    const char *rport = strstr(request, ";rport\r\n");

    CHECK(rport != NULL);
    snprintf(seen, sizeof seen, ";rport=%u;received=%s", port, received);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(rport - request), request, seen,
             rport + strlen(";rport"));
    world_reply(w, ALICE, text, "200 OK", "o", "", "");
}

TEST(a_hop_that_no_account_speaks_to_is_asked_all_the_time_and_says_where_it_sees_us)
{
    struct call c = begin(1, PTN_SIP_KEEPALIVE_CRLF);

    for (unsigned i = 0; i < 10; i++) {
        ptn_time asked = c.w->now;
        const char *request = world_receive(c.w, OPTIONS_TO_HOP);
        CHECK(c.w->now - asked <= EVERY + PTN_MS(100));
        CHECK(c.w->now - asked >= EVERY / 2);
        reply_seen(c.w, request, "198.51.100.7", 4000 + i);
        const struct seen *seen = world_expect(c.w, ALICE, PTN_SIP_REFLEXIVE);
        CHECK(ptn_addr_equal(&seen->event.server, &c.w->peer));
        CHECK_EQ(4000 + i, seen->event.addr.port);
    }
    world_free(c.w);
}

TEST(who_wants_no_keepalives_is_asked_in_doubt_only)
{
    struct call c = begin(2, PTN_SIP_KEEPALIVE_OFF);

    world_receive_none(c.w, PTN_S(200));
    ptn_sip_doubt_call(c.w->agents[ALICE], c.w->now, c.id);
    world_receive(c.w, OPTIONS_TO_HOP);
    world_free(c.w);
}

TEST(a_doubt_asks_once_however_often_it_comes_and_silence_is_not_asked_for_ever)
{
    struct call c = begin(3, PTN_SIP_KEEPALIVE_OFF);
    unsigned sent = c.w->sent[ALICE];

    for (unsigned i = 0; i < 5; i++)
        ptn_sip_doubt_call(c.w->agents[ALICE], c.w->now, c.id);
    world_run(c.w, PTN_S(60));
    CHECK_EQ(sent + 3, c.w->sent[ALICE]); /* with repeats after 500 ms and 1 s more */
    ptn_sip_doubt_call(c.w->agents[ALICE], c.w->now, c.id);
    world_receive(c.w, OPTIONS_TO_HOP);
    world_free(c.w);
}

TEST(where_an_account_s_keepalives_go_the_call_sends_none_of_its_own)
{
    struct ptn_sip_account with = {.keepalive = PTN_SIP_KEEPALIVE_OPTIONS,
                                   .keepalive_every = EVERY};
    struct call c = {.w = world_new(4)};
    struct ptn_sdp offer = world_sdp(ALICE, PTN_SDP_SENDRECV);
    char request[WORLD_TEXT];

    c.account = world_registering_account(c.w, ALICE, &with);
    world_reply(c.w, ALICE, world_receive(c.w, "REGISTER"), "200 OK", "r", "Expires: 3600\r\n", "");
    world_expect(c.w, ALICE, PTN_SIP_REGISTERED);
    CHECK_EQ(PTN_OK,
             ptn_sip_call(c.w->agents[ALICE], c.w->now, c.account, "1002", NULL, &offer, &c.id));
    snprintf(request, sizeof request, "%s", world_receive(c.w, "INVITE"));
    world_reply(c.w, ALICE, request, "200 OK", "b",
                "Contact: <sip:bob@192.0.2.15>\r\nRecord-Route: <sip:192.0.2.9;lr>\r\n",
                WORLD_SDP_TEXT);
    world_expect(c.w, ALICE, PTN_SIP_ANSWERED);
    world_receive(c.w, "ACK");
    for (unsigned i = 0; i < 10; i++) {
        snprintf(request, sizeof request, "%s", world_receive(c.w, "OPTIONS "));
        CHECK(!strstr(request, OPTIONS_TO_HOP));
        world_reply(c.w, ALICE, request, "200 OK", "o", "", "");
    }
    world_free(c.w);
}

TEST(a_call_that_is_over_asks_nobody)
{
    struct call c = begin(5, PTN_SIP_KEEPALIVE_CRLF);

    ptn_sip_doubt_call(c.w->agents[ALICE], c.w->now, c.id);
    world_receive(c.w, OPTIONS_TO_HOP);
    ptn_sip_call_hang_up(c.w->agents[ALICE], c.w->now, c.id);
    world_reply(c.w, ALICE, world_receive(c.w, "BYE"), "200 OK", NULL, "", "");
    world_expect(c.w, ALICE, PTN_SIP_ENDED);
    world_receive_none(c.w, PTN_S(100));
    CHECK_EQ(PTN_NEVER, ptn_sip_deadline(c.w->agents[ALICE]));
    world_free(c.w);
}

/* Alice calls Bob by TCP. */
static struct call begin_by_tcp(uint64_t seed)
{
    struct call c = {.w = world_new(seed)};
    struct ptn_sip_account with = {.user = "alice",
                                   .domain = "example.org",
                                   .keepalive = PTN_SIP_KEEPALIVE_CRLF,
                                   .keepalive_every = EVERY};
    struct ptn_sip_path path = {c.w->tcp[ALICE], c.w->addr[ALICE]};
    struct ptn_sdp offer = world_sdp(ALICE, PTN_SDP_SENDRECV), answer;

    world_plain_account(c.w, BOB, "bob");
    CHECK_EQ(PTN_OK, ptn_sip_account_add(c.w->agents[ALICE], c.w->now, &with, &c.account));
    ptn_sip_account_use(c.w->agents[ALICE], c.w->now, c.account, &path);
    CHECK_EQ(PTN_OK, ptn_sip_call(c.w->agents[ALICE], c.w->now, c.account,
                                  "sip:bob@192.0.2.2:5060;transport=tcp", &path, &offer, &c.id));
    ptn_sip_id bob = world_expect(c.w, BOB, PTN_SIP_INCOMING)->event.call;
    answer = world_sdp(BOB, PTN_SDP_SENDRECV);
    ptn_sip_call_accept(c.w->agents[BOB], c.w->now, bob, NULL, &answer);
    world_expect(c.w, ALICE, PTN_SIP_ANSWERED);
    world_run(c.w, PTN_S(1));
    return c;
}

static void lose_connection(struct world *w)
{
    struct ptn_tell lost = {.kind = PTN_TELL_CLOSED, .id = w->connect.id};

    w->event_read[ALICE] = w->event_count[ALICE];
    ptn_sip_input(w->agents[ALICE], w->now, &lost);
}

/* Behind a NAT the hop has no other way to us than the connection. */
TEST(a_connection_to_the_hop_that_is_lost_is_made_anew_at_once)
{
    struct call c = begin_by_tcp(6);
    ptn_id before = c.w->connect.id;
    ptn_time began = c.w->now;

    lose_connection(c.w);
    world_expect(c.w, ALICE, PTN_SIP_REFLEXIVE);
    CHECK(c.w->connect.id != before);
    CHECK(c.w->now < began + PTN_MS(500));
    /* Where nobody takes it any more that is asked for now and then. */
    c.w->tcp_refused = true;
    lose_connection(c.w);
    unsigned connects = c.w->connects;
    world_run(c.w, PTN_S(10));
    CHECK(c.w->connects - connects >= 4 && c.w->connects - connects <= 6);
    world_free(c.w);
}

/* A pong that does not come says nothing of who has never answered one; but who has answered on the
 * last connection is missed on this one. Once: it may be another program by now. */
TEST(who_has_answered_pings_is_missed_on_the_next_connection_too)
{
    struct call c = begin_by_tcp(7);

    world_run(c.w, 2 * EVERY);
    CHECK_EQ(1, c.w->connects);
    lose_connection(c.w);
    world_expect(c.w, ALICE, PTN_SIP_REFLEXIVE);
    CHECK_EQ(2, c.w->connects);
    c.w->streams_lost = true;
    world_run(c.w, EVERY + PTN_S(11));
    CHECK_EQ(3, c.w->connects);
    world_run(c.w, 3 * EVERY);
    CHECK_EQ(3, c.w->connects);
    world_free(c.w);
}
