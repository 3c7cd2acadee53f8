/*
 * tests/unit/sip/test_note.c - texts, waiting messages, and who may send them.
 */
#include <stdio.h>

#include "world.h"

static enum ptn_err message(struct world *w, ptn_sip_id account, const char *target,
                            const char *text, ptn_sip_id *id)
{
    return ptn_sip_message(w->agents[ALICE], w->now, account, target, text, id);
}

TEST(a_text_arrives_as_it_was_written_and_is_told_taken)
{
    for (uint64_t seed = 800; seed < 815; seed++) {
        struct world *w = world_new(seed);
        ptn_sip_id account = world_plain_account(w, ALICE, "alice"), id;
        world_plain_account(w, BOB, "bob");
        w->loss_percent = 20;
        CHECK_EQ(PTN_OK, message(w, account, "sip:bob@192.0.2.2", "Grüße,\r\nAlice", &id));
        const struct seen *seen = world_expect(w, BOB, PTN_SIP_MESSAGE);
        CHECK_STR("Grüße,\r\nAlice", seen->text);
        CHECK_STR("sip:alice@example.org", seen->peer);
        seen = world_expect(w, ALICE, PTN_SIP_MESSAGE_SENT);
        CHECK_EQ(id, seen->event.message);
        CHECK_EQ(200, seen->event.status);
        world_expect_none(w, BOB, PTN_SIP_MESSAGE, PTN_S(60)); /* once, whatever was repeated */
        world_free(w);
    }
}

TEST(texts_that_do_not_arrive_are_told_so)
{
    struct world *w = world_new(820);
    ptn_sip_id account = world_plain_account(w, ALICE, "alice"), id;
    char longest[PTN_SIP_TEXT_BYTES_MAX + 2];

    CHECK_EQ(PTN_ERR_INVALID, message(w, account, "sip:bob@192.0.2.2", "", &id));
    CHECK_EQ(PTN_ERR_INVALID, message(w, account, "b b", "x", &id));
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    CHECK_EQ(PTN_ERR_INVALID, message(w, account, "sip:bob@192.0.2.2", longest, &id));
    longest[sizeof longest - 2] = '\0';
    CHECK_EQ(PTN_OK, message(w, account, "sip:nobody@192.0.2.2", longest, &id));
    CHECK_EQ(404, world_expect(w, ALICE, PTN_SIP_MESSAGE_SENT)->event.status);
    CHECK_EQ(PTN_OK, message(w, account, "sip:silent@192.0.2.9", "x", &id));
    CHECK_EQ(0, world_expect(w, ALICE, PTN_SIP_MESSAGE_SENT)->event.status);
    /* There is room for so many at once, and again when they are done. */
    unsigned sent = 0;
    while (message(w, account, "sip:silent@192.0.2.9", "x", &id) == PTN_OK)
        sent++;
    CHECK_EQ(16, sent);
    world_run(w, PTN_S(60));
    CHECK_EQ(PTN_OK, message(w, account, "sip:silent@192.0.2.9", "x", &id));
    world_free(w);
}

TEST(a_text_answers_a_challenge)
{
    struct world *w = world_new(821);
    ptn_sip_id id,
        account = world_registering_account(w, ALICE, &(struct ptn_sip_account){.password = "p"});
    char first[WORLD_TEXT];

    world_receive(w, "REGISTER");
    CHECK_EQ(PTN_OK, message(w, account, "1002", "x", &id));
    snprintf(first, sizeof first, "%s", world_receive(w, "MESSAGE sip:1002@192.0.2.9 SIP/2.0"));
    world_reply(w, ALICE, first, "407 Proxy Authentication Required", "b",
                "Proxy-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n", "");
    const char *again = world_receive(w, "MESSAGE");
    while (!header_of(again, "Proxy-Authorization")[0])
        again = world_receive(w, "MESSAGE");
    snprintf(first, sizeof first, "%s", again);
    world_reply(w, ALICE, first, "202 Accepted", "b", "", "");
    CHECK_EQ(202, world_expect(w, ALICE, PTN_SIP_MESSAGE_SENT)->event.status);
    world_free(w);
}

static void notify_alice(struct world *w, unsigned n, const char *event, const char *body)
{
    char text[1000];

    snprintf(
        text, sizeof text,
        "NOTIFY sip:alice@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKn%u\r\n"
        "From: <sip:mail@x>;tag=f\r\nTo: <sip:alice@192.0.2.1>\r\nCall-ID: n%u\r\n"
        "CSeq: 1 NOTIFY\r\nMax-Forwards: 70\r\nEvent: %s\r\nSubscription-State: active\r\n"
        "Content-Type: application/simple-message-summary\r\nContent-Length: %zu\r\n\r\n%s",
        n, n, event, strlen(body), body);
    world_send(w, ALICE, text);
}

TEST(a_mailbox_that_notifies_unasked_is_heard)
{
    static const struct {
        const char *body;
        bool waiting;
        unsigned fresh, old;
    } rows[] = {
        {"Messages-Waiting: yes\r\nMessage-Account: sip:m@x\r\nVoice-Message: 2/8 (0/2)\r\n", true,
         2, 8},
        {"Messages-Waiting: no\r\nVoice-Message: 0/8\r\n", false, 0, 8},
        {"messages-waiting:yes", true, 0, 0},
        {"Messages-Waiting: yes\r\nVoice-Message: x/99999999999999\r\n", true, 0, 0},
    };
    struct world *w = world_new(822);

    world_plain_account(w, ALICE, "alice");
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        notify_alice(w, i, "message-summary", rows[i].body);
        const struct seen *seen = world_expect(w, ALICE, PTN_SIP_MESSAGES_WAITING);
        CHECK_EQ(rows[i].waiting, seen->event.waiting);
        CHECK_EQ(rows[i].fresh, seen->event.messages_new);
        CHECK_EQ(rows[i].old, seen->event.messages_old);
        world_receive(w, "SIP/2.0 200");
    }
    notify_alice(w, 9, "message-summary", "nothing of that");
    world_receive(w, "SIP/2.0 200");
    notify_alice(w, 10, "presence", "");
    world_receive(w, "SIP/2.0 489");
    world_expect_none(w, ALICE, PTN_SIP_MESSAGES_WAITING, PTN_S(1));
    world_free(w);
}

TEST(an_account_that_trusts_its_server_takes_nothing_from_others)
{
    static const char *const servers[] = {"192.0.2.9", "192.0.2.2"};

    for (unsigned i = 0; i < 2; i++) {
        struct world *w = world_new(823);
        struct ptn_sip_account account = {
            .user = "alice", .server = {.name = servers[i]}, .trusts_server_only = true};
        world_registering_account(w, ALICE, &account);
        world_run(w, PTN_S(1));
        notify_alice(w, 1, "message-summary", "Messages-Waiting: no\r\n");
        world_receive(w, i ? "SIP/2.0 403" : "SIP/2.0 200");
        world_free(w);
    }
}
