/*
 * tests/unit/sip/test_ways.c - an account with two servers or proxies: which of them is used, and
 * when the first one is again.
 */
#include <stdio.h>
#include <stdlib.h>

#include "world.h"

static struct ptn_sip_account two_servers(void)
{
    return (struct ptn_sip_account){
        .user = "1001",
        .password = "secret",
        .server = {.name = "192.0.2.9", .port = 5060},
        .server_2 = {.name = "192.0.2.10", .port = 5060},
    };
}

/* 200 for 100 s, so that a refresh is due after 45 to 50. */
static void grant(struct world *w, const char *request)
{
    world_reply(w, ALICE, request, "200 OK", "r", "Expires: 100\r\n", "");
    world_expect(w, ALICE, PTN_SIP_REGISTERED);
}

/* Answers every REGISTER until one comes to that server; how long it took. */
static ptn_time until_registered_with(struct world *w, unsigned number)
{
    ptn_time began = w->now;

    do
        grant(w, world_receive(w, "REGISTER"));
    while (w->received_by != number);
    return w->now - began;
}

static void die(struct world *w, unsigned number)
{
    w->deaf[number] = w->icmp[number] = true;
}

static void live(struct world *w, unsigned number)
{
    w->deaf[number] = w->icmp[number] = false;
}

TEST(the_second_server_is_registered_with_in_its_own_name)
{
    struct world *w = world_new(1);
    struct ptn_sip_account account = two_servers();
    char call_id[100];

    die(w, 9);
    world_registering_account(w, ALICE, &account);
    const char *request = world_receive(w, "REGISTER");
    CHECK_EQ(10, w->received_by);
    CHECK(strstr(request, "REGISTER sip:192.0.2.10:5060 SIP/2.0\r\n") == request);
    CHECK_STR("<sip:1001@192.0.2.10>", header_of(request, "To"));
    snprintf(call_id, sizeof call_id, "%s", header_of(request, "Call-ID"));
    world_reply(w, ALICE, request, "401 Unauthorized", "r",
                "WWW-Authenticate: Digest realm=\"two\", nonce=\"n\", qop=\"auth\"\r\n", "");
    request = world_receive(w, "REGISTER");
    CHECK_EQ(10, w->received_by);
    CHECK_STR(call_id, header_of(request, "Call-ID"));
    CHECK(strstr(header_of(request, "Authorization"), "uri=\"sip:192.0.2.10:5060\""));
    grant(w, request);
    world_free(w);
}

TEST(the_owner_hears_which_server_is_used_and_instead_of_which)
{
    struct world *w = world_new(2);
    struct ptn_sip_account account = two_servers();
    struct ptn_addr first = ptn_addr_v4(192, 0, 2, 9, 5060),
                    second = ptn_addr_v4(192, 0, 2, 10, 5060);

    die(w, 9);
    world_registering_account(w, ALICE, &account);
    const struct seen *seen = world_expect(w, ALICE, PTN_SIP_SERVER);
    CHECK_ADDR(&first, &seen->event.addr);
    CHECK(ptn_addr_is_none(&seen->event.server));
    seen = world_expect(w, ALICE, PTN_SIP_SERVER);
    CHECK_ADDR(&second, &seen->event.addr);
    CHECK_ADDR(&first, &seen->event.server);
    live(w, 9);
    until_registered_with(w, 9);
    world_free(w);
}

/* From the failure of the first server to the REGISTER that goes to it again, while it lives. */
TEST(the_first_server_is_asked_again_as_its_rule_says)
{
    static const struct {
        const char *what;
        enum ptn_sip_failback mode;
        unsigned after_s, least_s, most_s; /* most 0: never */
    } cases[] = {
        {"soon", PTN_SIP_FAILBACK_SOON, 0, 29, 32},
        {"an address has no lifetime", PTN_SIP_FAILBACK_TTL, 0, 29, 32},
        {"with the refresh", PTN_SIP_FAILBACK_REFRESH, 0, 44, 51},
        {"after a time", PTN_SIP_FAILBACK_AFTER, 200, 199, 202},
        {"not while the second one lives", PTN_SIP_FAILBACK_AFTER, 0, 0, 0},
    };

    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world *w = world_new(3);
        struct ptn_sip_account account = two_servers();
        print_message("# %s\n", cases[i].what);
        account.server.failback = cases[i].mode;
        account.server.failback_after = PTN_S(cases[i].after_s);
        die(w, 9);
        world_registering_account(w, ALICE, &account);
        until_registered_with(w, 10);
        live(w, 9);
        ptn_time began = w->now;
        if (cases[i].most_s) {
            ptn_time took = until_registered_with(w, 9);
            CHECK(took >= PTN_S(cases[i].least_s) && took <= PTN_S(cases[i].most_s));
        } else {
            while (w->now - began < PTN_S(4000)) {
                grant(w, world_receive(w, "REGISTER"));
                CHECK_EQ(10, w->received_by);
            }
            /* Then the first one is as good as any. */
            die(w, 10);
            until_registered_with(w, 9);
        }
        world_free(w);
    }
}

TEST(after_the_lifetime_of_its_name_the_first_server_is_asked_again)
{
    struct world *w = world_new(4);
    struct ptn_sip_account account = two_servers();

    account.server.name = "one.example";
    account.server.failback = PTN_SIP_FAILBACK_TTL;
    w->records[0] = (struct record){
        "one.example", {.type = PTN_DNS_A, .ttl_s = 100, .addr = ptn_addr_v4(192, 0, 2, 9, 0)}};
    die(w, 9);
    world_registering_account(w, ALICE, &account);
    until_registered_with(w, 10);
    live(w, 9);
    ptn_time took = until_registered_with(w, 9);
    CHECK(took >= PTN_S(99) && took <= PTN_S(102));
    world_free(w);
}

TEST(each_server_has_its_own_lease_and_patience)
{
    struct world *w = world_new(5);
    struct ptn_sip_account account = two_servers();

    account.server.expires_s = 900;
    account.server.sends_max = 2;
    account.server_2.expires_s = 300;
    w->deaf[9] = true;
    world_registering_account(w, ALICE, &account);
    ptn_time began = w->now;
    const char *request = world_receive(w, "REGISTER");
    CHECK_EQ(10, w->received_by);
    CHECK(w->now - began >= PTN_MS(1500) && w->now - began < PTN_MS(1600));
    CHECK(strstr(header_of(request, "Contact"), ";expires=300"));
    world_free(w);
}

TEST(with_both_dead_they_take_turns_and_who_comes_back_first_is_found)
{
    for (unsigned alive = 9; alive <= 10; alive++) {
        struct world *w = world_new(6);
        struct ptn_sip_account account = two_servers();
        w->deaf[9] = w->deaf[10] = true;
        account.retry_max = PTN_S(30);
        world_registering_account(w, ALICE, &account);
        for (unsigned i = 0; i < 6; i++)
            world_expect(w, ALICE, PTN_SIP_REGISTER_FAILED);
        /* Four to each every time, and waits between that grow. */
        CHECK(w->sent[ALICE] <= 6 * 2 * 4 + 1);
        CHECK(w->now > PTN_S(1000 + 6 * 15 + 30));
        w->deaf[alive] = false;
        ptn_time began = w->now;
        until_registered_with(w, alive);
        CHECK(w->now - began < PTN_S(60));
        world_free(w);
    }
}

TEST(a_call_goes_to_the_second_server_by_its_name_and_so_does_the_registration)
{
    struct world *w = world_new(7);
    struct ptn_sip_account account = two_servers();
    char invite[WORLD_TEXT], tag[100];

    ptn_sip_id id = world_registering_account(w, ALICE, &account);
    grant(w, world_receive(w, "REGISTER"));
    w->deaf[9] = true;
    world_dial(w, id, "1002");
    world_run(w, PTN_MS(100));
    snprintf(tag, sizeof tag, "%s", strstr(header_of(w->last_sent[ALICE], "From"), ";tag="));
    /* The REGISTER first: who hears of the call there knows us by then. */
    const char *request = world_receive(w, "REGISTER");
    CHECK_EQ(10, w->received_by);
    memcpy(invite, world_receive(w, "INVITE"), sizeof invite);
    CHECK_EQ(10, w->received_by);
    CHECK(strstr(invite, "INVITE sip:1002@192.0.2.10:5060 SIP/2.0\r\n") == invite);
    CHECK(strstr(header_of(invite, "From"), "sip:1001@192.0.2.10>"));
    CHECK(strstr(header_of(invite, "From"), tag));
    world_reply(w, ALICE, invite, "486 Busy Here", "b", "", "");
    CHECK_EQ(486, world_expect(w, ALICE, PTN_SIP_ENDED)->event.status);
    (void)request;
    world_free(w);
}

TEST(a_call_waits_for_the_registration_where_the_second_server_wants_that)
{
    struct world *w = world_new(8);
    struct ptn_sip_account account = two_servers();
    char request[WORLD_TEXT];

    account.server_2.register_first = true;
    ptn_sip_id id = world_registering_account(w, ALICE, &account);
    grant(w, world_receive(w, "REGISTER"));
    w->deaf[9] = true;
    world_dial(w, id, "1002");
    memcpy(request, world_receive(w, "REGISTER"), sizeof request);
    CHECK_EQ(10, w->received_by);
    world_receive_none(w, PTN_MS(300));
    grant(w, request);
    world_receive(w, "INVITE sip:1002@192.0.2.10:5060");
    world_free(w);
}

TEST(a_text_goes_to_the_second_server_too_and_a_call_refused_by_both_ends)
{
    struct world *w = world_new(9);
    struct ptn_sip_account account = two_servers();
    ptn_sip_id message;

    ptn_sip_id id = world_registering_account(w, ALICE, &account);
    grant(w, world_receive(w, "REGISTER"));
    CHECK_EQ(PTN_OK, ptn_sip_message(w->agents[ALICE], w->now, id, "1002", "hello", &message));
    const char *request = world_receive(w, "MESSAGE");
    CHECK_EQ(9, w->received_by);
    world_reply(w, ALICE, request, "503 Busy", "m", "", "");
    request = world_receive(w, "MESSAGE sip:1002@192.0.2.10:5060");
    CHECK_EQ(10, w->received_by);
    world_reply(w, ALICE, request, "200 OK", "m", "", "");
    CHECK_EQ(200, world_expect(w, ALICE, PTN_SIP_MESSAGE_SENT)->event.status);

    world_dial(w, id, "1002");
    world_reply(w, ALICE, world_receive(w, "INVITE"), "503 Busy", "i", "", "");
    world_reply(w, ALICE, world_receive(w, "INVITE"), "503 Busy", "i", "", "");
    CHECK_EQ(503, world_expect(w, ALICE, PTN_SIP_ENDED)->event.status);
    world_free(w);
}

static void answer_call(struct world *w, const char *route)
{
    char headers[300];

    snprintf(headers, sizeof headers, "Contact: <sip:bob@192.0.2.2>\r\nRecord-Route: %s\r\n",
             route);
    world_reply(w, ALICE, world_receive(w, "INVITE"), "200 OK", "b", headers, WORLD_SDP_TEXT);
    world_expect(w, ALICE, PTN_SIP_ANSWERED);
    world_receive(w, "ACK");
}

TEST(within_a_call_the_other_server_does_when_that_of_its_route_is_dead)
{
    struct world *w = world_new(10);
    struct ptn_sip_account account = two_servers();

    ptn_sip_id id = world_registering_account(w, ALICE, &account);
    grant(w, world_receive(w, "REGISTER"));
    ptn_sip_id talk = world_dial(w, id, "1002");
    answer_call(w, "<sip:192.0.2.9;lr>");
    die(w, 9);
    ptn_sip_call_hang_up(w->agents[ALICE], w->now, talk);
    const char *request = world_receive(w, "BYE sip:bob@192.0.2.2");
    CHECK_EQ(10, w->received_by);
    CHECK_STR("<sip:192.0.2.9;lr>", header_of(request, "Route"));
    world_reply(w, ALICE, request, "200 OK", "b", "", "");
    CHECK_EQ(PTN_SIP_ENDED_BY_US, world_expect(w, ALICE, PTN_SIP_ENDED)->event.ended);
    world_free(w);
}

TEST(a_route_of_strangers_is_not_led_through_our_servers)
{
    struct world *w = world_new(11);
    struct ptn_sip_account account = two_servers();

    ptn_sip_id id = world_registering_account(w, ALICE, &account);
    grant(w, world_receive(w, "REGISTER"));
    ptn_sip_id talk = world_dial(w, id, "1002");
    answer_call(w, "<sip:192.0.2.12;lr>");
    die(w, 12);
    ptn_sip_call_hang_up(w->agents[ALICE], w->now, talk);
    w->received[0] = '\0';
    world_expect(w, ALICE, PTN_SIP_ENDED);
    CHECK(strncmp(w->received, "BYE", 3) != 0);
    world_free(w);
}

TEST(a_second_proxy_serves_when_the_first_is_dead_and_dialogs_may_stay_with_it)
{
    for (unsigned by_proxy = 0; by_proxy < 2; by_proxy++) {
        struct world *w = world_new(12);
        struct ptn_sip_account account = {
            .user = "1001",
            .server = {.name = "192.0.2.13", .port = 5060},
            .proxy = {.name = "192.0.2.9", .port = 5060},
            .proxy_2 = {.name = "192.0.2.10", .port = 5060},
            .dialogs_by_proxy = by_proxy,
        };
        die(w, 9);
        ptn_sip_id id = world_registering_account(w, ALICE, &account);
        const char *request = world_receive(w, "REGISTER sip:192.0.2.13:5060");
        CHECK_EQ(10, w->received_by);
        CHECK_STR("<sip:192.0.2.10:5060;lr>", header_of(request, "Route"));
        grant(w, request);
        ptn_sip_id talk = world_dial(w, id, "1002");
        answer_call(w, "<sip:192.0.2.12;lr>");
        ptn_sip_call_hang_up(w->agents[ALICE], w->now, talk);
        world_receive(w, "BYE");
        CHECK_EQ(by_proxy ? 10 : 12, w->received_by);
        world_free(w);
    }
}

TEST(calls_from_either_server_are_trusted_and_from_elsewhere_not)
{
    struct world *w = world_new(13);
    struct ptn_sip_account account = two_servers();
    char text[WORLD_TEXT];

    account.trusts_server_only = true;
    world_registering_account(w, ALICE, &account);
    grant(w, world_receive(w, "REGISTER"));
    for (unsigned i = 9; i <= 11; i++) {
        w->peer.ip[3] = (uint8_t)i;
        snprintf(
            text, sizeof text,
            "MESSAGE sip:1001@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.%u;branch=z9hG4bK%u\r\n"
            "From: <sip:bob@192.0.2.9>;tag=1\r\nTo: <sip:1001@192.0.2.9>\r\nCall-ID: c%u\r\n"
            "CSeq: 1 MESSAGE\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
            i, i, i);
        world_send(w, ALICE, text);
        world_receive(w, i < 11 ? "SIP/2.0 200" : "SIP/2.0 403");
    }
    world_free(w);
}
