/*
 * tests/unit/sip/test_subscription.c - mailboxes that are asked to tell of waiting messages.
 */
#include <stdio.h>
#include <stdlib.h>

#include "world.h"

struct box {
    struct world *w;
    ptn_sip_id account;
    char subscribe[WORLD_TEXT];
    unsigned notified;
};

static void receive_subscribe(struct box *b)
{
    snprintf(b->subscribe, sizeof b->subscribe, "%s", world_receive(b->w, "SUBSCRIBE"));
}

/* Registered; the first SUBSCRIBE is there. */
static struct box begin(uint64_t seed, const char *mailbox, unsigned expires_s)
{
    struct box b = {.w = world_new(seed)};
    struct ptn_sip_account account = {
        .password = "secret", .mailbox = mailbox, .mailbox_expires_s = expires_s};

    b.account = world_registering_account(b.w, ALICE, &account);
    world_receive_none(b.w, PTN_MS(0));
    world_reply(b.w, ALICE, world_receive(b.w, "REGISTER"), "200 OK", "r",
                "Expires: 86000\r\nContact: <sip:1001@192.0.2.1:5060>\r\n", "");
    receive_subscribe(&b);
    return b;
}

static void reply(struct box *b, const char *status, const char *headers)
{
    world_reply(b->w, ALICE, b->subscribe, status, "box", headers, "");
}

static void notify(struct box *b, const char *tag, const char *state, const char *body)
{
    char text[WORLD_TEXT], to[300];
    static unsigned branch;

    snprintf(to, sizeof to, "%s", header_of(b->subscribe, "From"));
    b->notified++;
    branch++;
    snprintf(
        text, sizeof text,
        "NOTIFY sip:1001@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKn%s%u\r\n"
        "From: <sip:1001@192.0.2.9>;tag=%s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %u NOTIFY\r\n"
        "Contact: <sip:box@192.0.2.9>\r\nEvent: message-summary\r\nSubscription-State: %s\r\n"
        "Content-Type: application/simple-message-summary\r\nContent-Length: %zu\r\n\r\n%s",
        tag, branch, tag, to, header_of(b->subscribe, "Call-ID"), b->notified, state, strlen(body),
        body);
    world_send(b->w, ALICE, text);
}

#define GRANTED(seconds) "Expires: " #seconds "\r\nContact: <sip:box@192.0.2.9>\r\n"

TEST(a_mailbox_is_subscribed_to_tells_and_is_refreshed_in_time)
{
    struct box b = begin(960, "", 600);
    char call_id[100];

    CHECK(strncmp(b.subscribe, "SUBSCRIBE sip:1001@192.0.2.9 SIP/2.0\r\n", 38) == 0);
    CHECK_STR("message-summary", header_of(b.subscribe, "Event"));
    CHECK_STR("application/simple-message-summary", header_of(b.subscribe, "Accept"));
    CHECK_STR("600", header_of(b.subscribe, "Expires"));
    snprintf(call_id, sizeof call_id, "%s", header_of(b.subscribe, "Call-ID"));
    reply(&b, "202 Accepted", GRANTED(300));
    CHECK_EQ(300, world_expect(b.w, ALICE, PTN_SIP_SUBSCRIBED)->event.lease_s);
    notify(&b, "box", "active;expires=299", "Messages-Waiting: yes\r\nVoice-Message: 2/8\r\n");
    world_receive(b.w, "SIP/2.0 200");
    const struct seen *seen = world_expect(b.w, ALICE, PTN_SIP_MESSAGES_WAITING);
    CHECK(seen->event.waiting && seen->event.messages_new == 2);
    for (unsigned i = 0; i < 4; i++) {
        ptn_time before = b.w->now;
        receive_subscribe(&b);
        CHECK(b.w->now - before >= PTN_S(209) && b.w->now - before <= PTN_S(241));
        CHECK(strncmp(b.subscribe, "SUBSCRIBE sip:box@192.0.2.9 ", 28) == 0);
        CHECK_STR(call_id, header_of(b.subscribe, "Call-ID"));
        CHECK(strstr(header_of(b.subscribe, "To"), ";tag=box"));
        reply(&b, "200 OK", GRANTED(300));
    }
    /* At the end it is given back. */
    ptn_sip_unregister(b.w->agents[ALICE], b.w->now, b.account);
    receive_subscribe(&b);
    CHECK_STR("0", header_of(b.subscribe, "Expires"));
    reply(&b, "200 OK", "Expires: 0\r\n");
    world_receive(b.w, "REGISTER");
    world_run(b.w, PTN_S(40));
    world_receive_none(b.w, PTN_S(3600));
    world_free(b.w);
}

TEST(a_notify_that_overtakes_the_answer_counts_and_one_of_another_dialog_does_not)
{
    struct box b = begin(961, "*97", 0);

    CHECK(strncmp(b.subscribe, "SUBSCRIBE sip:*97@192.0.2.9 ", 28) == 0);
    notify(&b, "first", "active;expires=3600", "Messages-Waiting: no\r\n");
    world_receive(b.w, "SIP/2.0 200");
    world_expect(b.w, ALICE, PTN_SIP_MESSAGES_WAITING);
    notify(&b, "second", "active", "Messages-Waiting: yes\r\n");
    world_receive(b.w, "SIP/2.0 481");
    b.notified = 0;
    notify(&b, "first", "active", "Messages-Waiting: yes\r\n");
    world_receive(b.w, "SIP/2.0 500"); /* out of order */
    reply(&b, "200 OK", GRANTED(3600));
    world_expect(b.w, ALICE, PTN_SIP_SUBSCRIBED);
    world_expect_none(b.w, ALICE, PTN_SIP_MESSAGES_WAITING, PTN_S(1));
    world_free(b.w);
}

TEST(challenges_and_intervals_too_brief_are_met_at_once)
{
    struct box b = begin(962, "", 60);

    reply(&b, "401 Unauthorized", "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n");
    receive_subscribe(&b);
    CHECK(strstr(header_of(b.subscribe, "Authorization"), "uri=\"sip:1001@192.0.2.9\""));
    reply(&b, "423 Interval Too Brief", "Min-Expires: 900\r\n");
    receive_subscribe(&b);
    CHECK_STR("900", header_of(b.subscribe, "Expires"));
    reply(&b, "423 Interval Too Brief", "Min-Expires: 900\r\n"); /* again, without reason */
    CHECK_EQ(423, world_expect(b.w, ALICE, PTN_SIP_SUBSCRIBE_FAILED)->event.status);
    world_free(b.w);
}

/* How long it is waited before the next SUBSCRIBE, and whether that begins a dialog of its own. */
TEST(refusals_and_ends_are_followed_by_the_wait_they_ask_for)
{
    static const struct {
        const char *refusal, *headers; /* of the first, or NULL: it was taken, and then */
        const char *state;             /* ends so, or NULL: the refresh is refused with 481 */
        unsigned held_s, least_s, most_s;
    } rows[] = {
        {"489 Bad Event", "", NULL, 0, 3600, 3600},
        {"403 Forbidden", "", NULL, 0, 3600, 3600},
        {"503 Service Unavailable", "Retry-After: 77\r\n", NULL, 0, 77, 77},
        {"500 Server Internal Error", "", NULL, 0, 15, 30},
        {NULL, NULL, "terminated;reason=deactivated", 100, 0, 0},
        {NULL, NULL, "terminated;reason=deactivated", 1, 15, 30}, /* no hot loop */
        {NULL, NULL, "terminated;reason=timeout", 100, 0, 0},
        {NULL, NULL, "terminated;reason=probation;retry-after=50", 100, 50, 50},
        {NULL, NULL, "terminated;reason=giveup", 100, 15, 30},
        {NULL, NULL, "terminated;reason=rejected;retry-after=5", 100, 3600, 3600},
        {NULL, NULL, "terminated;reason=noresource", 100, 3600, 3600},
        {NULL, NULL, "terminated", 100, 15, 30},
        {NULL, NULL, NULL, 0, 0, 0},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct box b = begin(963, "", 600);
        char call_id[100];
        snprintf(call_id, sizeof call_id, "%s", header_of(b.subscribe, "Call-ID"));
        if (rows[i].refusal) {
            reply(&b, rows[i].refusal, rows[i].headers);
        } else {
            reply(&b, "200 OK", GRANTED(600));
            world_run(b.w, PTN_S(rows[i].held_s));
            if (rows[i].state) {
                notify(&b, "box", rows[i].state, "");
            } else {
                world_run(b.w, PTN_S(400));
                receive_subscribe(&b);
                reply(&b, "481 Subscription does not exist", "");
            }
        }
        ptn_time before = b.w->now;
        if (rows[i].least_s > 100)
            world_run(b.w, PTN_S(rows[i].least_s - 100));
        receive_subscribe(&b);
        ptn_time waited = b.w->now - before;
        CHECK(waited >= PTN_S(rows[i].least_s) && waited <= PTN_S(rows[i].most_s) + PTN_MS(100));
        CHECK(strcmp(call_id, header_of(b.subscribe, "Call-ID")) != 0);
        world_free(b.w);
    }
}

TEST(a_mailbox_that_falls_silent_is_asked_anew_when_what_it_granted_has_run_out)
{
    struct box b = begin(964, "", 600);
    char call_id[100];

    snprintf(call_id, sizeof call_id, "%s", header_of(b.subscribe, "Call-ID"));
    reply(&b, "200 OK", GRANTED(600));
    ptn_time granted = b.w->now;
    world_run(b.w, PTN_S(400));
    receive_subscribe(&b); /* and its repeats, until nobody has answered them */
    CHECK_EQ(0, world_expect(b.w, ALICE, PTN_SIP_SUBSCRIBE_FAILED)->event.status);
    while (strcmp(call_id, header_of(b.subscribe, "Call-ID")) == 0)
        receive_subscribe(&b);
    CHECK(b.w->now - granted >= PTN_S(600) && b.w->now - granted <= PTN_S(601));
    CHECK(!strstr(header_of(b.subscribe, "To"), "tag"));
    world_free(b.w);
}

TEST(another_address_of_ours_is_told_to_the_mailbox)
{
    struct box b = begin(965, "", 600);
    struct ptn_sip_path path = {b.w->udp[ALICE], ptn_addr_v4(203, 0, 113, 7, 5060)};

    reply(&b, "200 OK", GRANTED(600));
    world_expect(b.w, ALICE, PTN_SIP_SUBSCRIBED);
    ptn_sip_account_use(b.w->agents[ALICE], b.w->now, b.account, &path);
    receive_subscribe(&b);
    CHECK_STR("<sip:1001@203.0.113.7:5060>", header_of(b.subscribe, "Contact"));
    CHECK(strstr(header_of(b.subscribe, "To"), ";tag=box"));
    world_free(b.w);
}

TEST(an_account_without_mailbox_asks_for_nothing)
{
    struct world *w = world_new(966);

    world_registering_account(w, ALICE, &(struct ptn_sip_account){.password = "secret"});
    world_reply(w, ALICE, world_receive(w, "REGISTER"), "200 OK", "r", "Expires: 86000\r\n", "");
    world_receive_none(w, PTN_S(1));
    world_free(w);
}
