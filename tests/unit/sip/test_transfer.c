/*
 * tests/unit/sip/test_transfer.c - REFER and Replaces, in all three parts.
 */
#include <stdio.h>

#include "world.h"

struct call {
    struct world *w;
    ptn_sip_id account, alice, bob;
};

static struct call begin(uint64_t seed)
{
    struct call c = {.w = world_new(seed)};

    c.account = world_plain_account(c.w, ALICE, "alice");
    world_plain_account(c.w, BOB, "bob");
    world_call(c.w, c.account, &c.alice, &c.bob);
    return c;
}

static bool refer(struct call *c, const char *target, ptn_sip_id other)
{
    return ptn_sip_call_refer(c->w->agents[ALICE], c->w->now, c->alice, target, other);
}

static void progress(struct call *c, unsigned status)
{
    ptn_sip_call_refer_progress(c->w->agents[BOB], c->w->now, c->bob, status);
}

static void check_told(struct call *c, unsigned status)
{
    const struct seen *seen = world_expect(c->w, ALICE, PTN_SIP_TRANSFER);

    CHECK_EQ(status, seen->event.status);
    CHECK_EQ(c->alice, seen->event.call);
}

TEST(a_transfer_is_told_step_by_step)
{
    struct call c = begin(700);

    CHECK(refer(&c, "carol", 0));
    CHECK(!refer(&c, "dave", 0));
    const struct seen *seen = world_expect(c.w, BOB, PTN_SIP_REFERRED);
    CHECK_EQ(c.bob, seen->event.call);
    CHECK_STR("sip:carol@example.org", seen->called);
    check_told(&c, 100);
    progress(&c, 180);
    check_told(&c, 180);
    progress(&c, 200);
    check_told(&c, 200);
    /* That was the last word; the next transfer is another one. */
    progress(&c, 486);
    world_expect_none(c.w, ALICE, PTN_SIP_TRANSFER, PTN_S(5));
    CHECK(refer(&c, "sip:dave@192.0.2.9", 0));
    CHECK_STR("sip:dave@192.0.2.9", world_expect(c.w, BOB, PTN_SIP_REFERRED)->called);
    progress(&c, 486);
    check_told(&c, 100);
    check_told(&c, 486);
    world_free(c.w);
}

TEST(a_transfer_under_loss_is_told_to_its_end)
{
    for (uint64_t seed = 710; seed < 730; seed++) {
        struct call c = begin(seed);
        c.w->loss_percent = 20;
        CHECK(refer(&c, "carol", 0));
        world_expect(c.w, BOB, PTN_SIP_REFERRED);
        world_run(c.w, PTN_S(20));
        progress(&c, 200);
        for (unsigned status = 0; status != 200;)
            status = world_expect(c.w, ALICE, PTN_SIP_TRANSFER)->event.status;
        world_free(c.w);
    }
}

TEST(what_cannot_be_handed_on_is_not)
{
    struct call c = begin(730);

    CHECK(!refer(&c, "", 0));
    CHECK(!refer(&c, "a b", 0));
    CHECK(!refer(&c, NULL, c.alice));
    CHECK(!refer(&c, NULL, 4711));
    ptn_sip_call_hang_up(c.w->agents[ALICE], c.w->now, c.alice);
    CHECK(!refer(&c, "carol", 0));
    world_free(c.w);
}

/* Two calls between the same two: Bob is told to call himself, in place of his second call. */
TEST(a_call_that_replaces_another_names_it)
{
    struct call c = begin(731);
    ptn_sip_id second_alice, second_bob, third;
    char called[1024];
    struct ptn_sdp offer = world_sdp(BOB, PTN_SDP_SENDRECV);

    world_call(c.w, c.account, &second_alice, &second_bob);
    CHECK(refer(&c, NULL, second_alice));
    snprintf(called, sizeof called, "%s", world_expect(c.w, BOB, PTN_SIP_REFERRED)->called);
    CHECK(strstr(called, "?Replaces=") != NULL);
    ptn_sip_id account = world_plain_account(c.w, BOB, "bobs-other");
    CHECK_EQ(PTN_OK,
             ptn_sip_call(c.w->agents[BOB], c.w->now, account, called, NULL, &offer, &third));
    const struct seen *seen = world_expect(c.w, BOB, PTN_SIP_INCOMING);
    CHECK_EQ(second_bob, seen->event.replaces);

    /* Once that call is over there is nothing to replace. */
    ptn_sip_call_hang_up(c.w->agents[ALICE], c.w->now, second_alice);
    world_expect(c.w, BOB, PTN_SIP_ENDED);
    CHECK_EQ(PTN_OK,
             ptn_sip_call(c.w->agents[BOB], c.w->now, account, called, NULL, &offer, &third));
    for (seen = NULL; !seen || seen->event.call != third;)
        seen = world_expect(c.w, BOB, PTN_SIP_ENDED);
    CHECK_EQ(481, seen->event.status);
    world_free(c.w);
}

/* The server of Alice's account is Bob. */
static ptn_sip_id account_at_bob(struct world *w, const char *user)
{
    struct ptn_sip_account with = {
        .user = user, .domain = "example.org", .server = {.name = "192.0.2.2"}};
    struct ptn_sip_path path = {w->udp[ALICE], w->addr[ALICE]};
    ptn_sip_id id;

    CHECK_EQ(PTN_OK, ptn_sip_account_add(w->agents[ALICE], w->now, &with, &id));
    ptn_sip_account_use(w->agents[ALICE], w->now, id, &path);
    return id;
}

TEST(a_far_end_that_is_called_anew_is_told_whose_place_that_takes_and_who_calls)
{
    struct world *w = world_new(735);
    ptn_sip_id account = account_at_bob(w, "alice"), alice, bob, again, third;
    struct ptn_sdp offer = world_sdp(ALICE, PTN_SDP_SENDRECV);
    char target[600];

    world_plain_account(w, BOB, "bob");
    world_call(w, account, &alice, &bob);
    world_run(w, PTN_S(1));
    CHECK_EQ(PTN_OK, ptn_sip_call_again(w->agents[ALICE], w->now, alice, NULL, &offer, &again));
    const struct seen *seen = world_expect(w, BOB, PTN_SIP_INCOMING);
    CHECK_EQ(bob, seen->event.replaces);
    CHECK(seen->event.again);
    CHECK_STR("replaces", header_of(w->last_sent[ALICE], "Require"));
    snprintf(target, sizeof target, "sip:bob@192.0.2.2?Replaces=%s",
             header_of(w->last_sent[ALICE], "Replaces"));
    ptn_sip_call_accept(w->agents[BOB], w->now, seen->event.call, NULL, &offer);
    CHECK_EQ(again, world_expect(w, ALICE, PTN_SIP_ANSWERED)->event.call);

    /* Somebody else who names the call takes its place, too, but is another one. */
    CHECK_EQ(PTN_OK, ptn_sip_call(w->agents[ALICE], w->now, account_at_bob(w, "carol"), target,
                                  NULL, &offer, &third));
    seen = world_expect(w, BOB, PTN_SIP_INCOMING);
    CHECK_EQ(bob, seen->event.replaces);
    CHECK(!seen->event.again);

    /* Once it is over there is nobody to call anew, and nothing whose place could be taken. */
    ptn_sip_call_hang_up(w->agents[BOB], w->now, bob);
    world_expect(w, ALICE, PTN_SIP_ENDED);
    CHECK_EQ(PTN_ERR_INVALID,
             ptn_sip_call_again(w->agents[ALICE], w->now, alice, NULL, &offer, &third));
    world_free(w);
}

TEST(a_far_end_is_not_called_anew_where_no_server_could_find_it)
{
    struct call c = begin(736);
    struct ptn_sdp offer = world_sdp(ALICE, PTN_SDP_SENDRECV);
    ptn_sip_id again;

    CHECK_EQ(PTN_ERR_INVALID,
             ptn_sip_call_again(c.w->agents[ALICE], c.w->now, c.alice, NULL, &offer, &again));
    world_free(c.w);
}

TEST(a_broken_replaces_is_not_sent)
{
    struct call c = begin(732);
    struct ptn_sdp offer = world_sdp(ALICE, PTN_SDP_SENDRECV);
    static const char *const broken[] = {
        "sip:x@192.0.2.9?Replaces=a%0D%0AX", "sip:x@192.0.2.9?Replaces=%",
        "sip:x@192.0.2.9?Replaces=%4", "sip:x@192.0.2.9?Replaces=%zz"};

    for (unsigned i = 0; i < sizeof broken / sizeof broken[0]; i++)
        CHECK(ptn_sip_call(c.w->agents[ALICE], c.w->now, c.account, broken[i], NULL, &offer,
                           &c.alice) != PTN_OK);
    CHECK_EQ(PTN_OK, ptn_sip_call(c.w->agents[ALICE], c.w->now, c.account,
                                  "sip:x@192.0.2.9?Subject=a&replaces=a%40b%3Bto-tag%3D1", NULL,
                                  &offer, &c.alice));
    const char *invite = world_receive(c.w, "INVITE sip:x@192.0.2.9 SIP/2.0");
    CHECK_STR("a@b;to-tag=1", header_of(invite, "Replaces"));
    CHECK_STR("", header_of(invite, "Subject"));
    world_free(c.w);
}

#define PEER_INVITE                                                                                \
    "INVITE sip:alice@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKi\r\n"         \
    "From: <sip:p@x>;tag=f\r\nTo: <sip:alice@192.0.2.1>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n"       \
    "Contact: <sip:p@192.0.2.9>\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"

/* A request of the peer within his call with Alice. */
static const char *ask_alice(struct call *c, const char *method, const char *to, unsigned cseq,
                             const char *headers, const char *body, const char *answer)
{
    char text[1500];

    snprintf(text, sizeof text,
             "%s sip:alice@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK%s%u\r\n"
             "From: <sip:p@x>;tag=f\r\nTo: %s\r\nCall-ID: c\r\nCSeq: %u %s\r\n"
             "Contact: <sip:p@192.0.2.9>\r\nMax-Forwards: 70\r\n%sContent-Length: %zu\r\n\r\n%s",
             method, method, cseq, to, cseq, method, headers, strlen(body), body);
    world_send(c->w, ALICE, text);
    return answer ? world_receive(c->w, answer) : NULL;
}

TEST(refers_and_notifies_are_answered_as_the_rfcs_say)
{
    static const struct {
        const char *method, *headers, *body, *answer;
    } rows[] = {
        {"NOTIFY", "Event: refer\r\n", "SIP/2.0 200 OK", "SIP/2.0 489"}, /* nobody asked */
        {"REFER", "", "", "SIP/2.0 400"},
        {"REFER", "Refer-To: <sip:a@x>\r\nRefer-To: <sip:b@x>\r\n", "", "SIP/2.0 400"},
        {"REFER", "Refer-To: <tel:+1>\r\n", "", "SIP/2.0 4"},
        {"REFER", "Refer-To: <sip:carol@192.0.2.9>\r\n", "", "SIP/2.0 202"},
        {"REFER", "Refer-To: <sip:carol@192.0.2.9>\r\n", "", "SIP/2.0 491"}, /* one at a time */
    };
    struct call c = begin(733);
    struct ptn_sdp offer = world_sdp(ALICE, PTN_SDP_SENDRECV);
    char to[200];

    world_send(c.w, ALICE, PEER_INVITE);
    ptn_sip_id call = world_expect(c.w, ALICE, PTN_SIP_INCOMING)->event.call;
    ptn_sip_call_accept(c.w->agents[ALICE], c.w->now, call, NULL, &offer);
    snprintf(to, sizeof to, "%s", header_of(world_receive(c.w, "SIP/2.0 200"), "To"));
    ask_alice(&c, "ACK", to, 1, "Content-Type: application/sdp\r\n", WORLD_SDP_TEXT, NULL);
    world_expect(c.w, ALICE, PTN_SIP_ACKED);
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++)
        ask_alice(&c, rows[i].method, to, 2 + i, rows[i].headers, rows[i].body, rows[i].answer);
    CHECK_STR("sip:carol@192.0.2.9", world_expect(c.w, ALICE, PTN_SIP_REFERRED)->called);
    const char *notify = world_receive(c.w, "NOTIFY");
    CHECK_STR("refer", header_of(notify, "Event"));
    CHECK(strstr(notify, "\r\n\r\nSIP/2.0 100 Trying\r\n") != NULL);
    world_free(c.w);
}
