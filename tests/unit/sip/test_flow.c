/*
 * tests/unit/sip/test_flow.c - the way from the server: flows, keep-alives, and the way of later
 * requests, against a registrar who says what the test says.
 */
#include <stdio.h>

#include "world.h"

#define INSTANCE "urn:uuid:00000000-0000-1000-8000-0123456789ab"

static struct world *begin(uint64_t seed, const struct ptn_sip_account *account, ptn_sip_id *id)
{
    struct world *w = world_new(seed);

    *id = world_registering_account(w, ALICE, account);
    return w;
}

static void grant(struct world *w, const char *request, const char *headers)
{
    char text[1000];

    snprintf(text, sizeof text, "Expires: 3600\r\n%s", headers);
    world_reply(w, ALICE, request, "200 OK", "r", text, "");
}

/* ---- what REGISTER offers ---- */

TEST(flows_are_offered_with_an_instance_only)
{
    static const struct {
        struct ptn_sip_account account;
        const char *supported, *contact;
    } cases[] = {
        {{0}, "path", "<sip:1001@192.0.2.1:5060>;expires=3600"},
        {{.instance = INSTANCE},
         "path, outbound",
         "<sip:1001@192.0.2.1:5060>;+sip.instance=\"<" INSTANCE ">\";reg-id=1;expires=3600"},
        {{.instance = INSTANCE, .no_outbound = true},
         "path",
         "<sip:1001@192.0.2.1:5060>;+sip.instance=\"<" INSTANCE ">\";expires=3600"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ptn_sip_id id;
        struct world *w = begin(1, &cases[i].account, &id);
        const char *request = world_receive(w, "REGISTER");
        CHECK_STR(cases[i].supported, header_of(request, "Supported"));
        CHECK_STR(cases[i].contact, header_of(request, "Contact"));
        world_free(w);
    }
}

TEST(of_two_flows_of_this_phone_ours_has_our_number)
{
    ptn_sip_id id;
    struct world *w = begin(2, &(struct ptn_sip_account){.instance = INSTANCE}, &id);

    world_reply(w, ALICE, world_receive(w, "REGISTER"), "200 OK", "r",
                "Contact: <sip:1001@192.0.2.1>;+sip.instance=\"<" INSTANCE ">\";reg-id=2;"
                "expires=20, <sip:1001@192.0.2.1>;+sip.instance=\"<" INSTANCE ">\";reg-id=1;"
                "expires=70\r\n",
                "");
    CHECK_EQ(70, world_expect(w, ALICE, PTN_SIP_REGISTERED)->event.lease_s);
    world_free(w);
}

TEST(a_registrar_whose_first_hop_knows_no_flows_is_asked_without)
{
    ptn_sip_id id;
    struct world *w = begin(3, &(struct ptn_sip_account){.instance = INSTANCE}, &id);

    world_reply(w, ALICE, world_receive(w, "REGISTER"), "439 First Hop Lacks Outbound Support", "r",
                "", "");
    const char *request = world_receive(w, "REGISTER");
    CHECK_STR("path", header_of(request, "Supported"));
    CHECK(!strstr(header_of(request, "Contact"), "reg-id"));
    /* And once is enough. */
    world_reply(w, ALICE, request, "439 First Hop Lacks Outbound Support", "r", "", "");
    CHECK_EQ(439, world_expect(w, ALICE, PTN_SIP_REGISTER_FAILED)->event.status);
    world_free(w);
}

TEST(a_flow_is_replaced_by_its_number_and_not_withdrawn)
{
    ptn_sip_id id;
    struct world *w = begin(4, &(struct ptn_sip_account){.instance = INSTANCE}, &id);
    struct ptn_sip_path moved = {w->udp[ALICE], ptn_addr_v4(203, 0, 113, 5, 31000)};

    grant(w, world_receive(w, "REGISTER"), "Require: outbound\r\n");
    ptn_sip_account_use(w->agents[ALICE], w->now, id, &moved);
    CHECK(!strstr(header_of(world_receive(w, "REGISTER"), "Contact"), "expires=0"));
    world_free(w);
}

/* ---- Service-Route ---- */

static const char *invite_route(struct world *w, ptn_sip_id account)
{
    struct ptn_sdp offer = world_sdp(ALICE, PTN_SDP_SENDRECV);
    ptn_sip_id call;

    CHECK_EQ(PTN_OK, ptn_sip_call(w->agents[ALICE], w->now, account, "1002", NULL, &offer, &call));
    world_run(w, PTN_MS(1));
    CHECK(strstr(w->last_sent[ALICE], "INVITE ") == w->last_sent[ALICE]);
    return header_of(w->last_sent[ALICE], "Route");
}

TEST(later_requests_go_by_the_service_route)
{
    static const struct {
        const char *proxy, *headers, *route;
    } cases[] = {
        {NULL, "", ""},
        {NULL, "Service-Route: <sip:192.0.2.9;lr>\r\n", "<sip:192.0.2.9;lr>"},
        {NULL, "Service-Route: <sip:192.0.2.9;lr>, <sip:b.example.org;lr>\r\n",
         "<sip:192.0.2.9;lr>, <sip:b.example.org;lr>"},
        {NULL,
         "Service-Route: <sip:192.0.2.9;lr>\r\nService-Route: \"x, y\" <sip:b.example.org;lr>\r\n",
         "<sip:192.0.2.9;lr>, \"x, y\" <sip:b.example.org;lr>"},
        /* Our own proxy stays in front, and is not named twice. */
        {"192.0.2.9", "Service-Route: <sip:b.example.org;lr>\r\n",
         "<sip:192.0.2.9;lr>, <sip:b.example.org;lr>"},
        {"192.0.2.9", "Service-Route: <sip:192.0.2.9;lr>, <sip:b.example.org;lr>\r\n",
         "<sip:192.0.2.9;lr>, <sip:b.example.org;lr>"},
        {"192.0.2.9", "Service-Route: <sip:192.0.2.9:5060;lr>\r\n", "<sip:192.0.2.9:5060;lr>"},
        {"192.0.2.9", "Service-Route: <sip:192.0.2.9:5070;lr>\r\n",
         "<sip:192.0.2.9;lr>, <sip:192.0.2.9:5070;lr>"},
        {"192.0.2.9", "", "<sip:192.0.2.9;lr>"},
        /* What cannot be followed is none. */
        {NULL, "Service-Route: <tel:+1>\r\n", ""},
        {NULL, "Service-Route: <sip:192.0.2.9;lr>, nonsense\r\n", ""},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ptn_sip_id id;
        struct ptn_sip_account account = {.proxy = {.name = cases[i].proxy}};
        struct world *w = begin(5, &account, &id);
        grant(w, world_receive(w, "REGISTER"), cases[i].headers);
        world_expect(w, ALICE, PTN_SIP_REGISTERED);
        printf("# row %zu\n", i);
        CHECK_STR(cases[i].route, invite_route(w, id));
        world_free(w);
    }
}

TEST(a_service_route_is_good_until_the_next_answer)
{
    ptn_sip_id id;
    struct world *w = begin(6, &(struct ptn_sip_account){0}, &id);

    grant(w, world_receive(w, "REGISTER"), "Service-Route: <sip:192.0.2.9;lr;x=1>\r\n");
    CHECK_STR("<sip:192.0.2.9;lr;x=1>", invite_route(w, id));
    ptn_sip_register(w->agents[ALICE], w->now, id);
    const char *request = world_receive(w, "REGISTER");
    CHECK_STR("", header_of(request, "Route"));
    grant(w, request, "");
    CHECK_STR("", invite_route(w, id));
    world_free(w);
}

/* ---- keep-alives ---- */

TEST(a_keepalive_can_be_a_notify)
{
    ptn_sip_id id;
    struct ptn_sip_account account = {.keepalive = PTN_SIP_KEEPALIVE_NOTIFY,
                                      .keepalive_every = PTN_S(15)};
    struct world *w = begin(7, &account, &id);

    grant(w, world_receive(w, "REGISTER"), "");
    for (unsigned i = 0; i < 3; i++) {
        const char *request = world_receive(w, "NOTIFY sip:192.0.2.9 SIP/2.0\r\n");
        CHECK_STR("keep-alive", header_of(request, "Event"));
        CHECK_STR("<sip:1001@192.0.2.1:5060>", header_of(request, "Contact"));
        world_reply(w, ALICE, request, "489 Bad Event", "r", "", "");
    }
    world_expect_none(w, ALICE, PTN_SIP_KEEPALIVE_LOST, PTN_S(1));
    world_free(w);
}

TEST(one_unanswered_is_asked_again_every_two_seconds_and_then_registered)
{
    ptn_sip_id id;
    struct ptn_sip_account account = {.keepalive = PTN_SIP_KEEPALIVE_OPTIONS,
                                      .keepalive_every = PTN_S(20)};
    struct world *w = begin(8, &account, &id);
    char call_id[3][100];
    ptn_time first = 0;

    grant(w, world_receive(w, "REGISTER"), "");
    for (unsigned i = 0; i < 3;) {
        const char *request = world_receive(w, "OPTIONS");
        if (i > 0 && strcmp(call_id[i - 1], header_of(request, "Call-ID")) == 0)
            continue;
        snprintf(call_id[i], sizeof call_id[i], "%s", header_of(request, "Call-ID"));
        first = i == 0 ? w->now : first;
        CHECK_EQ(PTN_S(2) * (int)i, w->now - first);
        i++;
    }
    world_expect(w, ALICE, PTN_SIP_KEEPALIVE_LOST);
    CHECK_EQ(PTN_S(6) - w->delay, w->now - first);
    const char *request = world_receive(w, "REGISTER");
    CHECK_EQ(PTN_S(6), w->now - first);
    grant(w, request, "");

    /* The second time it answers late, and that is enough. */
    request = world_receive(w, "OPTIONS");
    snprintf(call_id[0], sizeof call_id[0], "%s", header_of(request, "Call-ID"));
    do
        request = world_receive(w, "OPTIONS");
    while (strcmp(call_id[0], header_of(request, "Call-ID")) == 0);
    world_reply(w, ALICE, request, "200 OK", "r", "", "");
    world_expect_none(w, ALICE, PTN_SIP_KEEPALIVE_LOST, PTN_S(10));
    world_free(w);
}

TEST(nothing_is_lost_while_registering_fails_anyway)
{
    ptn_sip_id id;
    struct ptn_sip_account account = {.keepalive = PTN_SIP_KEEPALIVE_OPTIONS,
                                      .keepalive_every = PTN_S(15)};
    struct world *w = begin(9, &account, &id);

    world_reply(w, ALICE, world_receive(w, "REGISTER"), "403 No", "r", "", "");
    world_expect_none(w, ALICE, PTN_SIP_KEEPALIVE_LOST, PTN_S(200));
    world_free(w);
}

static const struct ptn_sip_account FLOW = {.instance = INSTANCE,
                                            .keepalive = PTN_SIP_KEEPALIVE_CRLF};

TEST(a_registrar_that_keeps_flows_is_asked_by_stun_as_often_as_it_says)
{
    ptn_sip_id id;
    struct world *w = begin(10, &FLOW, &id);
    struct ptn_addr seen = ptn_addr_v4(203, 0, 113, 8, 6000);

    grant(w, world_receive(w, "REGISTER"), "Require: outbound\r\nFlow-Timer: 12\r\n");
    ptn_time last = w->now;
    for (unsigned i = 0; i < 5; i++) {
        world_receive_stun(w, &seen);
        CHECK(w->now - last >= PTN_MS(9600) && w->now - last <= PTN_MS(12100));
        last = w->now;
        const struct seen *told = world_expect(w, ALICE, PTN_SIP_REFLEXIVE);
        CHECK_ADDR(&seen, &told->event.addr);
        CHECK_ADDR(&w->peer, &told->event.server);
        CHECK_EQ(w->udp[ALICE], told->event.socket);
    }
    world_free(w);
}

TEST(a_flow_whose_stun_is_not_answered_is_lost_and_made_anew)
{
    ptn_sip_id id;
    struct world *w = begin(11, &FLOW, &id);

    for (unsigned round = 0; round < 2; round++) {
        grant(w, world_receive(w, "REGISTER"), "Require: outbound\r\n");
        world_receive_stun(w, NULL);
        ptn_time first = w->now;
        unsigned before = w->sent[ALICE];
        world_expect(w, ALICE, PTN_SIP_KEEPALIVE_LOST);
        CHECK_EQ(PTN_S(6) - w->delay, w->now - first);
        CHECK_EQ(9, w->sent[ALICE] - before); /* thrice three, less the first, and the REGISTER */
    }
    /* A promise not kept twice: SIP is asked instead. */
    grant(w, world_receive(w, "REGISTER"), "Require: outbound\r\n");
    world_receive(w, "\r\n");
    world_reply(w, ALICE, world_receive(w, "OPTIONS"), "200 OK", "r", "", "");
    world_expect_none(w, ALICE, PTN_SIP_KEEPALIVE_LOST, PTN_S(10));
    world_free(w);
}

TEST(stun_that_nobody_asked_for_moves_nothing)
{
    ptn_sip_id id;
    struct world *w = begin(12, &FLOW, &id);
    static const char forged[] = "\x01\x01\x00\x0c\x21\x12\xa4\x42"
                                 "abcdefghijkl\x00\x20\x00\x08\x00\x01\x11\x11\x22\x22\x33\x33";
    struct ptn_tell tell = {.kind = PTN_TELL_DATAGRAM,
                            .id = w->udp[ALICE],
                            .from = w->peer,
                            .bytes = ptn_bytes(forged, sizeof forged - 1)};

    grant(w, world_receive(w, "REGISTER"), "Require: outbound\r\n");
    world_expect(w, ALICE, PTN_SIP_REGISTERED);
    ptn_sip_input(w->agents[ALICE], w->now, &tell);
    world_receive_stun(w, NULL);
    ptn_sip_input(w->agents[ALICE], w->now, &tell);
    world_expect_none(w, ALICE, PTN_SIP_REFLEXIVE, PTN_S(1));
    CHECK_EQ(2, ptn_sip_count(w->agents[ALICE], PTN_SIP_NOT_SIP) +
                    ptn_sip_count(w->agents[ALICE], PTN_SIP_TRUNCATED));
    world_free(w);
}

TEST(sixteen_accounts_on_one_flow_send_one_keepalive_and_lose_it_together)
{
    struct world *w = world_new(13);
    struct ptn_sip_account account = {.keepalive = PTN_SIP_KEEPALIVE_OPTIONS};
    char user[16][8];
    ptn_sip_id ids[16];
    unsigned asked = 0, registered = 0;

    account.user = user[0];
    for (unsigned i = 0; i < 16; i++) {
        snprintf(user[i], sizeof user[i], "%u", 1001 + i);
        account.user = user[i];
        ids[i] = world_registering_account(w, ALICE, &account);
        grant(w, world_receive(w, "REGISTER"), "");
    }
    for (ptn_time until = w->now + PTN_S(250); w->now < until;) {
        const char *request = world_receive(w, "OPTIONS");
        world_reply(w, ALICE, request, "200 OK", "r", "", "");
        asked++;
    }
    CHECK(asked >= 10 && asked <= 14);

    world_receive(w, "OPTIONS");
    ptn_time missed = w->now;
    for (; registered < 16; registered++) {
        char request[WORLD_TEXT];
        snprintf(request, sizeof request, "%s", world_receive(w, "REGISTER"));
        grant(w, request, "");
    }
    CHECK(w->now - missed <= PTN_MS(6600));
    world_expect(w, ALICE, PTN_SIP_KEEPALIVE_LOST);

    /* Who keeps it open may go: another takes over. */
    ptn_sip_account_remove(w->agents[ALICE], w->now, ids[0]);
    CHECK(strstr(header_of(world_receive(w, "OPTIONS"), "From"), "1002"));
    world_free(w);
}

/* ---- when and with what it registers ---- */

TEST(the_first_register_waits_for_its_time_and_for_nobody_who_asks)
{
    ptn_sip_id id;
    struct ptn_sip_account account = {.register_after = PTN_S(40)};
    struct world *w = begin(14, &account, &id);
    struct ptn_sip_path moved = {w->udp[ALICE], ptn_addr_v4(203, 0, 113, 5, 31000)};

    world_receive_none(w, PTN_S(20));
    ptn_sip_account_use(w->agents[ALICE], w->now, id, &moved);
    world_receive_none(w, PTN_MS(19900));
    /* The path is the one that is true by then. */
    const char *request = world_receive(w, "REGISTER");
    CHECK(strstr(header_of(request, "Contact"), "203.0.113.5:31000"));
    grant(w, request, "");
    world_free(w);

    w = begin(15, &account, &id);
    world_receive_none(w, PTN_S(1));
    ptn_sip_register(w->agents[ALICE], w->now, id);
    ptn_time asked = w->now;
    world_receive(w, "REGISTER");
    CHECK(w->now - asked < PTN_S(1));
    world_free(w);

    w = begin(16, &account, &id);
    ptn_sip_unregister(w->agents[ALICE], w->now, id);
    world_expect(w, ALICE, PTN_SIP_UNREGISTERED);
    world_receive_none(w, PTN_S(100));
    world_free(w);
}

TEST(the_registrar_is_told_what_the_owner_wants_it_to_know)
{
    ptn_sip_id id;
    struct world *w = begin(17, &(struct ptn_sip_account){0}, &id);
    const char *request = world_receive(w, "REGISTER");

    CHECK_STR("", header_of(request, "Warning"));
    CHECK(ptn_sip_warn_registrar(w->agents[ALICE], "NAT: \"full cone\""));
    grant(w, request, "");
    ptn_sip_register(w->agents[ALICE], w->now, id);
    request = world_receive(w, "REGISTER");
    CHECK_STR("399 postern \"NAT: \\\"full cone\\\"\"", header_of(request, "Warning"));
    grant(w, request, "");
    CHECK(ptn_sip_warn_registrar(w->agents[ALICE], NULL));
    ptn_sip_register(w->agents[ALICE], w->now, id);
    CHECK_STR("", header_of(world_receive(w, "REGISTER"), "Warning"));
    world_free(w);
}

/* ---- a NAT that is stuck ---- */

TEST(a_server_that_answers_another_port_is_left_alone_until_the_nat_has_forgotten)
{
    ptn_sip_id id, second;
    struct ptn_sip_account account = {.keepalive = PTN_SIP_KEEPALIVE_CRLF};
    struct world *w = begin(20, &account, &id);
    ptn_id own = w->udp[ALICE];

    account.user = "1002";
    second = world_registering_account(w, ALICE, &account);
    w->stuck = true;
    world_receive(w, "OPTIONS");
    CHECK(w->elsewhere != 0 && w->elsewhere != own);
    const char *request = world_receive(w, "OPTIONS"); /* as UDP repeats it */
    w->udp[ALICE] = w->elsewhere;
    world_reply(w, ALICE, request, "404 Not Found", "r", "", "");
    w->udp[ALICE] = own;
    ptn_time answered = w->now;
    for (unsigned i = 0; i < 2; i++) {
        const struct seen *seen = world_expect(w, ALICE, PTN_SIP_MAPPING_DEAD);
        CHECK(seen->event.account == id || seen->event.account == second);
        CHECK_EQ(PTN_S(125), seen->event.retry_in);
        CHECK_EQ(PTN_MS(4500), w->now - answered);
    }
    /* No packet at all for so long, whatever is told about addresses meanwhile. */
    unsigned sent = w->sent[ALICE];
    struct ptn_sip_path moved = {own, ptn_addr_v4(203, 0, 113, 5, 31000)};
    world_run(w, PTN_S(60));
    ptn_sip_account_use(w->agents[ALICE], w->now, id, &moved);
    world_run(w, PTN_S(64));
    CHECK_EQ(sent, w->sent[ALICE]);
    w->stuck = false;
    CHECK(strstr(header_of(world_receive(w, "REGISTER"), "Contact"), "203.0.113.5:31000"));
    world_free(w);
}

TEST(a_server_that_is_silent_everywhere_is_tried_as_before)
{
    ptn_sip_id id;
    struct world *w = begin(21, &(struct ptn_sip_account){0}, &id);

    world_expect_none(w, ALICE, PTN_SIP_MAPPING_DEAD, PTN_S(1000));
    /* A question each five minutes, of four datagrams. */
    CHECK(w->sent_elsewhere >= 8 && w->sent_elsewhere <= 20);
    CHECK(w->sent[ALICE] > 10 * 11);
    world_free(w);
}

TEST(a_socket_that_is_another_need_not_rest)
{
    ptn_sip_id id;
    struct world *w = begin(22, &(struct ptn_sip_account){0}, &id);
    struct ptn_addr local = ptn_addr_with_port(w->addr[ALICE], 5070);
    ptn_id own = w->udp[ALICE];

    w->stuck = true;
    const char *request = world_receive(w, "OPTIONS");
    w->udp[ALICE] = w->elsewhere;
    world_reply(w, ALICE, request, "200 OK", "r", "", "");
    w->udp[ALICE] = own;
    world_expect(w, ALICE, PTN_SIP_MAPPING_DEAD);
    ptn_sip_close(w->agents[ALICE], w->now, own);
    w->udp[ALICE] = ptn_sip_listen(w->agents[ALICE], w->now, PTN_UDP, &local);
    world_run(w, PTN_MS(1));
    w->stuck = false;
    ptn_time before = w->now;
    ptn_sip_account_use(w->agents[ALICE], w->now, id, &(struct ptn_sip_path){w->udp[ALICE], local});
    world_receive(w, "REGISTER");
    CHECK(w->now - before < PTN_S(1));
    world_free(w);
}

TEST(a_way_that_came_back_between_two_questions_is_no_stuck_nat)
{
    ptn_sip_id id;
    struct world *w = begin(23, &(struct ptn_sip_account){0}, &id);
    ptn_id own = w->udp[ALICE];

    w->stuck = true;
    const char *request = world_receive(w, "OPTIONS");
    w->stuck = false;
    w->udp[ALICE] = w->elsewhere;
    world_reply(w, ALICE, request, "200 OK", "r", "", "");
    w->udp[ALICE] = own;
    ptn_time answered = w->now;
    grant(w, world_receive(w, "REGISTER"), "");
    CHECK(w->now - answered < PTN_MS(100));
    world_expect(w, ALICE, PTN_SIP_REGISTERED);
    world_expect_none(w, ALICE, PTN_SIP_MAPPING_DEAD, PTN_S(300));
    world_free(w);
}
