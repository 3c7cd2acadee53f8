/*
 * tests/unit/sip/test_redirect.c - calls that are sent elsewhere.
 */
#include <stdio.h>

#include "world.h"

struct call {
    struct world *w;
    ptn_sip_id account, id;
    char invite[WORLD_TEXT];
};

static void receive_invite(struct call *c, const char *uri)
{
    char line[200];

    snprintf(line, sizeof line, "INVITE %s SIP/2.0", uri);
    snprintf(c->invite, sizeof c->invite, "%s", world_receive(c->w, line));
}

static struct call dial(uint64_t seed, const struct ptn_sip_account *with, const char *target)
{
    struct call c = {.w = world_new(seed)};
    struct ptn_sip_path path = {c.w->udp[ALICE], c.w->addr[ALICE]};
    struct ptn_sdp offer = world_sdp(ALICE, PTN_SDP_SENDRECV);

    CHECK_EQ(PTN_OK, ptn_sip_account_add(c.w->agents[ALICE], c.w->now, with, &c.account));
    ptn_sip_account_use(c.w->agents[ALICE], c.w->now, c.account, &path);
    CHECK_EQ(PTN_OK,
             ptn_sip_call(c.w->agents[ALICE], c.w->now, c.account, target, NULL, &offer, &c.id));
    return c;
}

static const struct ptn_sip_account plain = {.user = "alice", .domain = "example.org"};

/* The far end refuses, and the owner lets the call go on to where that points. */
static void goes_on(struct call *c, const char *status, const char *headers, const char *uri)
{
    struct ptn_sdp offer = world_sdp(ALICE, PTN_SDP_SENDRECV);

    world_reply(c->w, ALICE, c->invite, status, "x", headers, "");
    const struct seen *seen = world_expect(c->w, ALICE, PTN_SIP_REDIRECTED);
    CHECK_STR(uri, seen->called);
    CHECK_EQ(c->id, seen->event.call);
    CHECK(ptn_sip_call_follow(c->w->agents[ALICE], c->w->now, c->id, NULL, &offer));
    CHECK(!ptn_sip_call_follow(c->w->agents[ALICE], c->w->now, c->id, NULL, &offer));
    receive_invite(c, uri);
}

static unsigned ends_with(struct call *c, const char *status, const char *headers)
{
    world_reply(c->w, ALICE, c->invite, status, "x", headers, "");
    return world_expect(c->w, ALICE, PTN_SIP_ENDED)->event.status;
}

TEST(places_are_tried_in_the_order_they_are_preferred_and_once)
{
    struct call c = dial(950, &plain, "sip:bob@192.0.2.9");
    char call_id[100], to[200];

    receive_invite(&c, "sip:bob@192.0.2.9");
    snprintf(call_id, sizeof call_id, "%s", header_of(c.invite, "Call-ID"));
    snprintf(to, sizeof to, "%s", header_of(c.invite, "To"));
    unsigned first = 0, then = 0;
    sscanf(header_of(c.invite, "CSeq"), "%u", &first);
    goes_on(&c, "302 Moved",
            "Contact: <sip:half@192.0.2.9?x=y>;q=0.5, <tel:+49>, *\r\n"
            "Contact: <sip:best@192.0.2.9:5060>, sip:least@192.0.2.9;q=0\r\n",
            "sip:best@192.0.2.9:5060");
    CHECK_STR(call_id, header_of(c.invite, "Call-ID"));
    CHECK_STR(to, header_of(c.invite, "To"));
    sscanf(header_of(c.invite, "CSeq"), "%u", &then);
    CHECK_EQ(first + 1, then);
    /* That one knows another, and names who was asked already, in other words. */
    goes_on(&c, "300 Multiple Choices",
            "Contact: <sip:%62ob@192.0.2.9:5060;transport=udp>;q=1, <sip:deep@192.0.2.9>;q=0.1\r\n",
            "sip:deep@192.0.2.9");
    goes_on(&c, "486 Busy Here", "", "sip:half@192.0.2.9");
    goes_on(&c, "302 Moved", "Contact: <sip:deep@192.0.2.9>, <sip:best@192.0.2.9>\r\n",
            "sip:least@192.0.2.9");
    CHECK_EQ(404, ends_with(&c, "404 Not Found", ""));
    world_free(c.w);
}

TEST(what_leads_nowhere_ends_the_call)
{
    static const struct {
        const char *status, *headers;
        unsigned ends;
    } rows[] = {
        {"302 Moved", "", 302},
        {"302 Moved", "Contact: <sip:bob@192.0.2.9>\r\n", 302}, /* itself */
        {"302 Moved", "Contact: <http://x>, <tel:+1>, <sip:x@y;transport=sctp>\r\n", 302},
        {"305 Use Proxy", "Contact: <sip:proxy@192.0.2.9>\r\n", 305},
        {"380 Alternative Service", "Contact: <sip:other@192.0.2.9>\r\n", 380},
        {"603 Decline", "Contact: <sip:other@192.0.2.9>\r\n", 603},
        {"485 Ambiguous", "Contact: <sip:other@192.0.2.9>\r\n", 485},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct call c = dial(951, &plain, "sip:bob@192.0.2.9");
        receive_invite(&c, "sip:bob@192.0.2.9");
        CHECK_EQ(rows[i].ends, ends_with(&c, rows[i].status, rows[i].headers));
        world_free(c.w);
    }
}

TEST(a_chase_without_end_ends)
{
    struct call c = dial(952, &plain, "sip:0@192.0.2.9");
    char headers[120], uri[100];

    receive_invite(&c, "sip:0@192.0.2.9");
    for (unsigned i = 1; i < 10; i++) {
        snprintf(uri, sizeof uri, "sip:%u@192.0.2.9", i);
        snprintf(headers, sizeof headers, "Contact: <%s>\r\n", uri);
        goes_on(&c, "302 Moved", headers, uri);
    }
    CHECK_EQ(302, ends_with(&c, "302 Moved", "Contact: <sip:10@192.0.2.9>\r\n"));
    world_free(c.w);
}

TEST(a_final_no_stops_the_search_and_silence_does_not)
{
    struct call c = dial(953, &plain, "sip:bob@192.0.2.9");
    struct ptn_sdp offer = world_sdp(ALICE, PTN_SDP_SENDRECV);

    receive_invite(&c, "sip:bob@192.0.2.9");
    goes_on(&c, "302 Moved", "Contact: <sip:a@192.0.2.9>, <sip:b@192.0.2.9>, <sip:c@192.0.2.9>\r\n",
            "sip:a@192.0.2.9");
    CHECK_STR("sip:b@192.0.2.9", world_expect(c.w, ALICE, PTN_SIP_REDIRECTED)->called);
    CHECK(ptn_sip_call_follow(c.w->agents[ALICE], c.w->now, c.id, NULL, &offer));
    receive_invite(&c, "sip:b@192.0.2.9");
    CHECK_EQ(600, ends_with(&c, "600 Busy Everywhere", ""));
    world_free(c.w);
}

TEST(a_secure_call_is_not_made_an_insecure_one)
{
    struct world *w = world_new(954);
    struct ptn_sip_path path = {w->udp[ALICE], w->addr[ALICE]};
    struct ptn_sip_account account = plain;
    struct ptn_sdp offer = world_sdp(ALICE, PTN_SDP_SENDRECV);
    ptn_sip_id id, call;

    account.server = (struct ptn_sip_host){.name = "192.0.2.9", .port = 5060};
    CHECK_EQ(PTN_OK, ptn_sip_account_add(w->agents[ALICE], w->now, &account, &id));
    ptn_sip_account_use(w->agents[ALICE], w->now, id, &path);
    CHECK_EQ(PTN_OK, ptn_sip_call(w->agents[ALICE], w->now, id, "sips:bob@example.org", NULL,
                                  &offer, &call));
    world_reply(w, ALICE, world_receive(w, "INVITE sips:bob@example.org"), "302 Moved", "x",
                "Contact: <sip:bob@example.com>\r\n", "");
    CHECK_EQ(302, world_expect(w, ALICE, PTN_SIP_ENDED)->event.status);
    world_free(w);
}

/* By the account's server where it knows the way; who is not it gets no credentials. */
TEST(the_account_s_server_is_asked_for_its_own_and_nobody_else_gets_its_credentials)
{
    static const struct ptn_sip_account account = {
        .user = "alice", .password = "secret", .server = {.name = "192.0.2.9", .port = 5060}};
    static const struct ptn_sip_account with_proxy = {.user = "alice",
                                                      .password = "secret",
                                                      .server = {.name = "example.org"},
                                                      .proxy = {.name = "192.0.2.9", .port = 5060}};
    struct ptn_sdp offer = world_sdp(ALICE, PTN_SDP_SENDRECV);

    for (unsigned row = 0; row < 3; row++) {
        struct call c = dial(955, row == 2 ? &with_proxy : &account, "1002");
        const char *contact = row == 0 ? "Contact: <sip:1003@192.0.2.9:5060>\r\n"
                                       : "Contact: <sip:bob@192.0.2.2>\r\n";
        snprintf(c.invite, sizeof c.invite, "%s", world_receive(c.w, "INVITE sip:1002@"));
        world_reply(c.w, ALICE, c.invite, "407 Proxy Authentication Required", "x",
                    "Proxy-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n", "");
        world_receive(c.w, "ACK");
        snprintf(c.invite, sizeof c.invite, "%s", world_receive(c.w, "INVITE sip:1002@"));
        world_reply(c.w, ALICE, c.invite, "302 Moved", "x", contact, "");
        CHECK_EQ(row == 1, world_expect(c.w, ALICE, PTN_SIP_REDIRECTED)->event.direct);
        world_plain_account(c.w, BOB, "bob");
        CHECK(ptn_sip_call_follow(c.w->agents[ALICE], c.w->now, c.id, NULL, &offer));
        if (row == 1) {
            world_expect(c.w, BOB, PTN_SIP_INCOMING);
            CHECK(strstr(c.w->last_sent[ALICE], "INVITE sip:bob@192.0.2.2"));
            CHECK(!strstr(c.w->last_sent[ALICE], "Authorization"));
        } else {
            const char *again =
                world_receive(c.w, row == 0 ? "INVITE sip:1003@" : "INVITE sip:bob@192.0.2.2");
            CHECK(strstr(header_of(again, "Proxy-Authorization"), "realm=\"r\""));
        }
        world_free(c.w);
    }
}

TEST(hanging_up_while_it_is_decided_where_to_go_ends_the_call)
{
    struct call c = dial(956, &plain, "sip:bob@192.0.2.9");
    struct ptn_sdp offer = world_sdp(ALICE, PTN_SDP_SENDRECV);

    receive_invite(&c, "sip:bob@192.0.2.9");
    world_reply(c.w, ALICE, c.invite, "302 Moved", "x", "Contact: <sip:a@192.0.2.9>\r\n", "");
    world_expect(c.w, ALICE, PTN_SIP_REDIRECTED);
    ptn_sip_call_hang_up(c.w->agents[ALICE], c.w->now, c.id);
    CHECK_EQ(PTN_SIP_ENDED_BY_US, world_expect(c.w, ALICE, PTN_SIP_ENDED)->event.ended);
    CHECK(!ptn_sip_call_follow(c.w->agents[ALICE], c.w->now, c.id, NULL, &offer));
    world_free(c.w);
}
