/*
 * tests/unit/sip/test_registration.c - REGISTER against a registrar who says what the test says.
 */
#include <stdio.h>
#include <stdlib.h>

#include "world.h"

static const struct ptn_sip_account PLAIN = {.password = "secret"};

#define CHALLENGE "WWW-Authenticate: Digest realm=\"example.org\", nonce=\"n1\", qop=\"auth\"\r\n"

static struct world *begin(uint64_t seed, const struct ptn_sip_account *account, ptn_sip_id *id)
{
    struct world *w = world_new(seed);

    *id = world_registering_account(w, ALICE, account);
    return w;
}

/* 200 with the contact of the request, granted for so long. */
static void grant(struct world *w, const char *request, unsigned expires)
{
    char contact[600], headers[1000];

    snprintf(contact, sizeof contact, "%s", header_of(request, "Contact"));
    char *end = strstr(contact, ";expires");
    if (end)
        *end = '\0';
    snprintf(headers, sizeof headers, "Contact: %s;expires=%u\r\n", contact, expires);
    world_reply(w, ALICE, request, "200 OK", "r", headers, "");
}

TEST(a_challenge_is_answered_and_the_lease_is_told)
{
    ptn_sip_id id;
    struct world *w = begin(1, &PLAIN, &id);
    const char *request = world_receive(w, "REGISTER");
    char call_id[100], cseq[40];

    CHECK(strstr(request, "REGISTER sip:192.0.2.9 SIP/2.0\r\n") == request);
    CHECK(strstr(header_of(request, "Via"), "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK"));
    CHECK(strstr(header_of(request, "Via"), ";rport"));
    CHECK_STR("<sip:1001@192.0.2.1:5060>;expires=3600", header_of(request, "Contact"));
    CHECK_STR("<sip:1001@192.0.2.9>", header_of(request, "To"));
    CHECK_STR("", header_of(request, "Authorization"));
    snprintf(call_id, sizeof call_id, "%s", header_of(request, "Call-ID"));
    snprintf(cseq, sizeof cseq, "%s", header_of(request, "CSeq"));
    world_reply(w, ALICE, request, "401 Unauthorized", "r", CHALLENGE, "");

    request = world_receive(w, "REGISTER");
    CHECK_STR(call_id, header_of(request, "Call-ID"));
    CHECK_EQ(atoi(cseq) + 1, atoi(header_of(request, "CSeq")));
    CHECK(strstr(header_of(request, "Authorization"),
                 "Digest username=\"1001\", realm=\"example.org\", nonce=\"n1\", "
                 "uri=\"sip:192.0.2.9\""));
    grant(w, request, 120);
    const struct seen *seen = world_expect(w, ALICE, PTN_SIP_REGISTERED);
    CHECK_EQ(id, seen->event.account);
    CHECK_EQ(120, seen->event.lease_s);
    CHECK_ADDR(&w->addr[ALICE], &seen->event.addr);

    /* The refresh carries credentials from the start. */
    ptn_time before = w->now;
    request = world_receive(w, "REGISTER");
    CHECK(w->now - before >= PTN_S(54) && w->now - before <= PTN_S(61));
    CHECK(strstr(header_of(request, "Authorization"), "nc=00000002"));
    world_free(w);
}

/* Whoever calls us could else challenge our BYE, and guess the password at leisure; our server
 * hands such a challenge on like any other answer. */
TEST(whoever_calls_hears_no_credentials_and_gets_none_for_a_challenge)
{
    for (unsigned from = 9; from <= 11; from += 2) {
        ptn_sip_id id;
        struct world *w = begin(7, &PLAIN, &id);
        struct ptn_sdp answer = world_sdp(ALICE, PTN_SDP_SENDRECV);
        char text[WORLD_TEXT];
        world_reply(w, ALICE, world_receive(w, "REGISTER"), "401 Unauthorized", "r", CHALLENGE, "");
        grant(w, world_receive(w, "REGISTER"), 3600);

        w->peer.ip[3] = (uint8_t)from;
        snprintf(
            text, sizeof text,
            "INVITE sip:1001@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.%u;branch=z9hG4bKi\r\n"
            "From: <sip:eve@192.0.2.%u>;tag=e\r\nTo: <sip:1001@192.0.2.1>\r\nCall-ID: c\r\n"
            "CSeq: 1 INVITE\r\nContact: <sip:eve@192.0.2.%u>\r\nMax-Forwards: 70\r\n"
            "Content-Type: application/sdp\r\nContent-Length: %zu\r\n\r\n%s",
            from, from, from, strlen(WORLD_SDP_TEXT), WORLD_SDP_TEXT);
        world_send(w, ALICE, text);
        ptn_sip_id call = world_expect(w, ALICE, PTN_SIP_INCOMING)->event.call;
        ptn_sip_call_accept(w->agents[ALICE], w->now, call, NULL, &answer);
        const char *ok = world_receive(w, "SIP/2.0 200");
        snprintf(text, sizeof text,
                 "ACK sip:1001@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.%u;branch=z9hG4bKa\r\n"
                 "From: <sip:eve@192.0.2.%u>;tag=e\r\nTo: %s\r\nCall-ID: c\r\nCSeq: 1 ACK\r\n"
                 "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
                 from, from, header_of(ok, "To"));
        world_send(w, ALICE, text);
        world_run(w, PTN_MS(10));

        ptn_sip_call_hang_up(w->agents[ALICE], w->now, call);
        snprintf(text, sizeof text, "%s", world_receive(w, "BYE"));
        CHECK_STR("", header_of(text, "Authorization"));
        world_reply(w, ALICE, text, "401 Unauthorized", NULL,
                    "WWW-Authenticate: Digest realm=\"example.org\", nonce=\"of-eve\"\r\n", "");
        world_expect(w, ALICE, PTN_SIP_ENDED);
        world_receive_none(w, PTN_S(10));
        world_free(w);
    }
}

TEST(a_wrong_password_is_sent_once_and_then_rested)
{
    ptn_sip_id id;
    struct world *w = begin(2, &PLAIN, &id);

    world_reply(w, ALICE, world_receive(w, "REGISTER"), "401 No", "r", CHALLENGE, "");
    world_reply(w, ALICE, world_receive(w, "REGISTER"), "401 No", "r", CHALLENGE, "");
    const struct seen *seen = world_expect(w, ALICE, PTN_SIP_REGISTER_FAILED);
    CHECK_EQ(401, seen->event.status);
    CHECK_EQ(PTN_S(60), seen->event.retry_in);
    world_receive_none(w, PTN_S(59));
    CHECK_STR("", header_of(world_receive(w, "REGISTER"), "Authorization"));
    world_free(w);
}

TEST(without_a_password_a_challenge_is_a_refusal)
{
    ptn_sip_id id;
    struct world *w = begin(3, &(struct ptn_sip_account){.user = "1001"}, &id);

    world_reply(w, ALICE, world_receive(w, "REGISTER"), "401 No", "r", CHALLENGE, "");
    CHECK_EQ(401, world_expect(w, ALICE, PTN_SIP_REGISTER_FAILED)->event.status);
    world_free(w);
}

TEST(of_several_contacts_our_own_lease_counts)
{
    static const struct {
        const char *instance;
        const char *headers;
        unsigned lease_s;
    } cases[] = {
        {NULL,
         "Contact: <sip:1001@198.51.100.1:5060>;expires=3600, "
         "<sip:1001@192.0.2.1>;expires=90\r\n",
         90},
        {NULL,
         "Contact: <sip:1001@198.51.100.1>;expires=3600\r\n"
         "Contact: \"x, y\" <sip:1001@192.0.2.1:5060;ob>;q=0.5;expires=80\r\n",
         80},
        {"urn:uuid:1",
         "Contact: <sip:1001@203.0.113.7:99>;+sip.instance=\"<urn:uuid:2>\";expires=20\r\n"
         "Contact: <sip:1001@203.0.113.7:98>;+sip.instance=\"<urn:uuid:1>\";expires=70\r\n",
         70},
        /* Rewritten contacts and empty answers: what is said of all. */
        {NULL, "Contact: <sip:1001@198.51.100.1>;expires=30\r\nExpires: 600\r\n", 600},
        {NULL, "Expires: 60\r\n", 60},
        {NULL, "Contact: <sip:1001@192.0.2.1>\r\nExpires: 50\r\n", 50},
        {NULL, "", 3600},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ptn_sip_id id;
        struct world *w = begin(4, &(struct ptn_sip_account){.instance = cases[i].instance}, &id);
        world_reply(w, ALICE, world_receive(w, "REGISTER"), "200 OK", "r", cases[i].headers, "");
        CHECK_EQ(cases[i].lease_s, world_expect(w, ALICE, PTN_SIP_REGISTERED)->event.lease_s);
        world_free(w);
    }
}

TEST(too_brief_is_asked_again_for_longer)
{
    ptn_sip_id id;
    struct world *w = begin(5, &(struct ptn_sip_account){.expires_s = 60}, &id);
    const char *request = world_receive(w, "REGISTER");

    CHECK(strstr(header_of(request, "Contact"), ";expires=60"));
    world_reply(w, ALICE, request, "423 Interval Too Brief", "r", "Min-Expires: 1800\r\n", "");
    request = world_receive(w, "REGISTER");
    CHECK(strstr(header_of(request, "Contact"), ";expires=1800"));
    /* A registrar that contradicts itself is not followed round and round. */
    world_reply(w, ALICE, request, "423 Interval Too Brief", "r", "Min-Expires: 1800\r\n", "");
    CHECK_EQ(423, world_expect(w, ALICE, PTN_SIP_REGISTER_FAILED)->event.status);
    world_free(w);
}

TEST(retry_after_is_heeded)
{
    ptn_sip_id id;
    struct world *w = begin(6, &PLAIN, &id);

    world_reply(w, ALICE, world_receive(w, "REGISTER"), "503 Busy", "r",
                "Retry-After: 17 (soon)\r\n", "");
    CHECK_EQ(PTN_S(17), world_expect(w, ALICE, PTN_SIP_REGISTER_FAILED)->event.retry_in);
    world_receive_none(w, PTN_MS(16900));
    world_receive(w, "REGISTER");
    world_free(w);
}

TEST(silence_is_met_with_growing_waits_and_no_loop)
{
    ptn_sip_id id;
    struct world *w = begin(7, &PLAIN, &id);
    ptn_time waits[8];

    for (unsigned i = 0; i < 8; i++) {
        const struct seen *seen = world_expect(w, ALICE, PTN_SIP_REGISTER_FAILED);
        CHECK_EQ(0, seen->event.status);
        CHECK_EQ(PTN_ERR_TIMED_OUT, seen->event.why);
        waits[i] = seen->event.retry_in;
        ptn_time least = PTN_S(1) << i, most = PTN_S(2) << i;
        CHECK(waits[i] >= ptn_time_min(least, PTN_S(30)));
        CHECK(waits[i] <= ptn_time_min(most, PTN_S(60)));
    }
    /* 11 sends each 32 s and the waits between: bounded, for ever. */
    CHECK(w->sent[ALICE] <= 8 * 11 + 1);
    world_free(w);
}

TEST(a_changed_contact_replaces_the_old_one_in_the_same_request)
{
    ptn_sip_id id;
    struct world *w = begin(8, &PLAIN, &id);
    struct ptn_sip_path moved = {w->udp[ALICE], ptn_addr_v4(203, 0, 113, 5, 31000)};

    grant(w, world_receive(w, "REGISTER"), 600);
    world_expect(w, ALICE, PTN_SIP_REGISTERED);
    ptn_sip_account_use(w->agents[ALICE], w->now, id, &moved);
    const char *request = world_receive(w, "REGISTER");
    CHECK_STR("<sip:1001@203.0.113.5:31000>;expires=3600, <sip:1001@192.0.2.1:5060>;expires=0",
              header_of(request, "Contact"));
    CHECK(strstr(header_of(request, "Via"), "UDP 203.0.113.5:31000;"));
    world_reply(w, ALICE, request, "200 OK", "r",
                "Contact: <sip:1001@203.0.113.5:31000>;expires=600\r\n", "");
    CHECK_ADDR(&moved.contact, &world_expect(w, ALICE, PTN_SIP_REGISTERED)->event.addr);
    /* The same again is no change. */
    ptn_sip_account_use(w->agents[ALICE], w->now, id, &moved);
    world_receive_none(w, PTN_S(10));
    /* And the next refresh speaks of one contact only. */
    CHECK(!strstr(header_of(world_receive(w, "REGISTER"), "Contact"), "192.0.2.1"));
    world_free(w);
}

TEST(a_contact_that_changes_while_registering_is_registered_next)
{
    ptn_sip_id id;
    struct world *w = begin(9, &PLAIN, &id);
    struct ptn_sip_path moved = {w->udp[ALICE], ptn_addr_v4(203, 0, 113, 5, 31000)};
    char first[WORLD_TEXT];

    snprintf(first, sizeof first, "%s", world_receive(w, "REGISTER"));
    ptn_sip_account_use(w->agents[ALICE], w->now, id, &moved);
    grant(w, first, 600);
    CHECK_ADDR(&w->addr[ALICE], &world_expect(w, ALICE, PTN_SIP_REGISTERED)->event.addr);
    CHECK(strstr(header_of(world_receive(w, "REGISTER"), "Contact"),
                 ", <sip:1001@192.0.2.1:5060>;expires=0"));
    world_free(w);
}

TEST(leaving_withdraws_the_binding_and_tells_when_it_is_gone)
{
    ptn_sip_id id;
    struct world *w = begin(10, &PLAIN, &id);

    grant(w, world_receive(w, "REGISTER"), 600);
    world_expect(w, ALICE, PTN_SIP_REGISTERED);
    ptn_sip_unregister(w->agents[ALICE], w->now, id);
    const char *request = world_receive(w, "REGISTER");
    CHECK_STR("<sip:1001@192.0.2.1:5060>;expires=0", header_of(request, "Contact"));
    world_reply(w, ALICE, request, "401 No", "r", CHALLENGE, "");
    request = world_receive(w, "REGISTER");
    CHECK(strstr(header_of(request, "Contact"), ";expires=0"));
    world_reply(w, ALICE, request, "200 OK", "r", "", "");
    CHECK_EQ(200, world_expect(w, ALICE, PTN_SIP_UNREGISTERED)->event.status);
    world_receive_none(w, PTN_S(4000));
    /* And back again. */
    ptn_sip_register(w->agents[ALICE], w->now, id);
    grant(w, world_receive(w, "REGISTER"), 600);
    world_expect(w, ALICE, PTN_SIP_REGISTERED);
    world_free(w);
}

TEST(leaving_ends_also_when_nobody_answers_and_when_nothing_was_bound)
{
    ptn_sip_id id;
    struct world *w = begin(11, &PLAIN, &id);

    grant(w, world_receive(w, "REGISTER"), 600);
    world_expect(w, ALICE, PTN_SIP_REGISTERED);
    ptn_time before = w->now;
    ptn_sip_unregister(w->agents[ALICE], w->now, id);
    CHECK_EQ(0, world_expect(w, ALICE, PTN_SIP_UNREGISTERED)->event.status);
    CHECK_EQ(PTN_S(32), w->now - before);
    ptn_sip_unregister(w->agents[ALICE], w->now, id);
    world_expect(w, ALICE, PTN_SIP_UNREGISTERED);
    CHECK_EQ(PTN_S(32), w->now - before);
    world_free(w);
}

TEST(a_proxy_is_named_in_route_and_sent_to)
{
    ptn_sip_id id;
    struct ptn_sip_account account = {.domain = "example.org",
                                      .server = {.name = "registrar.example.org"},
                                      .proxy = {.name = "192.0.2.9", .port = 5060}};
    struct world *w = begin(12, &account, &id);
    const char *request = world_receive(w, "REGISTER sip:example.org SIP/2.0");

    CHECK_STR("<sip:192.0.2.9:5060;lr>", header_of(request, "Route"));
    CHECK_STR("<sip:1001@example.org>", header_of(request, "To"));
    world_free(w);
}

TEST(the_address_in_the_answers_via_is_told)
{
    ptn_sip_id id;
    struct world *w = begin(13, &PLAIN, &id);
    char request[WORLD_TEXT], *rport;

    snprintf(request, sizeof request, "%s", world_receive(w, "REGISTER"));
    rport = strstr(request, ";rport");
    char rest[WORLD_TEXT];
    snprintf(rest, sizeof rest, "%s", rport + 6);
    snprintf(rport, sizeof request - (size_t)(rport - request),
             ";rport=4242;received=203.0.113.77%s", rest);
    grant(w, request, 600);
    const struct seen *seen = world_expect(w, ALICE, PTN_SIP_REFLEXIVE);
    struct ptn_addr expected = ptn_addr_v4(203, 0, 113, 77, 4242);
    CHECK_ADDR(&expected, &seen->event.addr);
    CHECK_ADDR(&w->peer, &seen->event.server);
    CHECK_EQ(w->udp[ALICE], seen->event.socket);
    world_free(w);
}

TEST(keep_alives_are_sent_and_a_silent_server_is_noticed)
{
    ptn_sip_id id;
    struct ptn_sip_account account = {.keepalive = PTN_SIP_KEEPALIVE_CRLF};
    struct world *w = begin(14, &account, &id);

    grant(w, world_receive(w, "REGISTER"), 600);
    ptn_time last = w->now;
    for (unsigned i = 0; i < 6; i++) {
        const char *sent = world_receive(w, i % 2 ? "OPTIONS" : "\r\n");
        CHECK(w->now - last >= PTN_S(19) && w->now - last <= PTN_S(26));
        last = w->now;
        if (i % 2)
            world_reply(w, ALICE, sent, "404 Not Found", "r", "", "");
    }
    world_free(w);

    account.keepalive = PTN_SIP_KEEPALIVE_OPTIONS;
    account.keepalive_every = PTN_S(15);
    w = begin(15, &account, &id);
    grant(w, world_receive(w, "REGISTER"), 600);
    const char *request = world_receive(w, "OPTIONS");
    world_reply(w, ALICE, request, "404 Not Found", "r", "", "");
    world_expect_none(w, ALICE, PTN_SIP_KEEPALIVE_LOST, PTN_S(10));
    world_receive(w, "OPTIONS");
    world_expect(w, ALICE, PTN_SIP_KEEPALIVE_LOST);
    world_receive(w, "REGISTER");
    world_free(w);
}

TEST(a_server_that_answers_no_options_is_kept_awake_by_empty_lines)
{
    ptn_sip_id id;
    struct ptn_sip_account account = {.keepalive = PTN_SIP_KEEPALIVE_CRLF};
    struct world *w = begin(17, &account, &id);

    for (unsigned i = 0; i < 2; i++) {
        grant(w, world_receive(w, "REGISTER"), 3600);
        world_receive(w, "\r\n");
        world_receive(w, "OPTIONS");
        world_expect(w, ALICE, PTN_SIP_KEEPALIVE_LOST);
    }
    grant(w, world_receive(w, "REGISTER"), 3600);
    world_expect_none(w, ALICE, PTN_SIP_KEEPALIVE_LOST, PTN_S(600));
    world_free(w);
}

TEST(a_register_that_is_out_when_the_socket_changes_is_sent_by_the_new_one_at_once)
{
    ptn_sip_id id;
    struct ptn_sip_account account = {0};
    struct world *w = begin(18, &account, &id);
    struct ptn_addr local = ptn_addr_with_port(w->addr[ALICE], 5070);

    world_receive(w, "REGISTER");
    ptn_time asked = w->now;
    ptn_sip_close(w->agents[ALICE], w->now, w->udp[ALICE]);
    w->udp[ALICE] = ptn_sip_listen(w->agents[ALICE], w->now, PTN_UDP, &local);
    world_run(w, PTN_MS(1));
    ptn_sip_account_use(w->agents[ALICE], w->now, id, &(struct ptn_sip_path){w->udp[ALICE], local});
    const char *request = world_receive(w, "REGISTER");
    CHECK(w->now - asked < PTN_MS(300));
    /* The first may have been taken all the same: what it bound goes with the second. */
    CHECK(strstr(request, ":5070>") != NULL);
    CHECK(strstr(request, ">;expires=0") != NULL);
    grant(w, request, 600);
    world_expect(w, ALICE, PTN_SIP_REGISTERED);
    world_free(w);
}

/* By a path that nobody outside could use. */
static ptn_sip_id begin_veiled(struct world *w)
{
    struct ptn_sip_path path = {w->udp[ALICE], ptn_addr_v4(192, 168, 1, 9, 5060), true};
    struct ptn_sip_account account = {
        .user = "1001", .server = {"192.0.2.9", 5060, PTN_UDP}, .registers = true};
    ptn_sip_id id;

    CHECK_EQ(PTN_OK, ptn_sip_account_add(w->agents[ALICE], w->now, &account, &id));
    ptn_sip_account_use(w->agents[ALICE], w->now, id, &path);
    return id;
}

TEST(a_contact_of_no_use_is_not_shown_before_the_server_was_asked_for_a_better_one)
{
    struct world *w = world_new(31);
    ptn_sip_id id = begin_veiled(w);
    const char *request = world_receive(w, "REGISTER");
    struct ptn_sip_path path = {w->udp[ALICE], ptn_addr_v4(198, 51, 100, 7, 40000), false};

    CHECK(strstr(header_of(request, "Via"), "SIP/2.0/UDP anonymous.invalid:5060;branch="));
    CHECK_STR("", header_of(request, "Contact"));
    CHECK(strstr(request, "192.168.") == NULL);
    world_reply(w, ALICE, request, "200 OK", "r", "", "");
    world_run(w, PTN_MS(1));
    ptn_sip_account_use(w->agents[ALICE], w->now, id, &path);
    request = world_receive(w, "REGISTER");
    CHECK(strstr(header_of(request, "Via"), "SIP/2.0/UDP 198.51.100.7:40000;branch="));
    CHECK_STR("<sip:1001@198.51.100.7:40000>;expires=3600", header_of(request, "Contact"));
    grant(w, request, 600);
    CHECK_ADDR(&path.contact, &world_expect(w, ALICE, PTN_SIP_REGISTERED)->event.addr);
    world_free(w);
}

TEST(a_server_that_never_says_where_it_sees_us_is_told_what_there_is)
{
    struct world *w = world_new(32);
    ptn_time began = w->now;

    begin_veiled(w);
    for (unsigned i = 0; i < 3; i++) {
        const char *request = world_receive(w, "REGISTER");
        CHECK_STR("", header_of(request, "Contact"));
        world_reply(w, ALICE, request, "200 OK", "r", "", "");
    }
    const char *request = world_receive(w, "REGISTER");
    CHECK_STR("<sip:1001@192.168.1.9:5060>;expires=3600", header_of(request, "Contact"));
    CHECK(strstr(header_of(request, "Via"), "192.168.1.9:5060"));
    CHECK(w->now - began < PTN_S(10));
    grant(w, request, 600);
    world_expect(w, ALICE, PTN_SIP_REGISTERED);
    world_free(w);
}

TEST(a_server_that_is_silent_is_looked_up_anew)
{
    struct world *w = world_new(33);
    struct ptn_sip_account account = {
        .user = "1001", .server = {"sip.example", 5060, PTN_UDP}, .registers = true};
    struct ptn_sip_path path = {w->udp[ALICE], w->addr[ALICE], false};
    ptn_time began = w->now;
    ptn_sip_id id;

    /* Perhaps the name server has lied, and for a day. */
    w->records[0] = (struct record){
        "sip.example", {.type = PTN_DNS_A, .ttl_s = 86400, .addr = ptn_addr_with_port(w->peer, 0)}};
    CHECK_EQ(PTN_OK, ptn_sip_account_add(w->agents[ALICE], w->now, &account, &id));
    ptn_sip_account_use(w->agents[ALICE], w->now, id, &path);
    CHECK_ADDR(&w->peer, &world_expect(w, ALICE, PTN_SIP_SERVER)->event.addr);
    w->records[0].record.addr = ptn_addr_with_port(w->addr[BOB], 0);
    CHECK_ADDR(&w->addr[BOB], &world_expect(w, ALICE, PTN_SIP_SERVER)->event.addr);
    CHECK(w->now - began < PTN_S(40));
    CHECK_EQ(2, w->resolves);
    world_free(w);
}

TEST(a_connection_that_is_tried_every_2_s_does_not_ask_for_the_name_each_time)
{
    struct world *w = world_new(34);
    struct ptn_sip_account account = {
        .user = "1001", .server = {"sip.example", 5060, PTN_TCP}, .registers = true};
    struct ptn_sip_path path = {w->tcp[ALICE], w->addr[ALICE], false};
    ptn_sip_id id;

    w->tcp_refused = true;
    w->records[0] = (struct record){
        "sip.example", {.type = PTN_DNS_A, .ttl_s = 86400, .addr = ptn_addr_with_port(w->peer, 0)}};
    CHECK_EQ(PTN_OK, ptn_sip_account_add(w->agents[ALICE], w->now, &account, &id));
    ptn_sip_account_use(w->agents[ALICE], w->now, id, &path);
    world_run(w, PTN_S(60));
    CHECK(w->resolves >= 5 && w->resolves <= 13);
    world_free(w);
}

TEST(a_removed_account_is_silent)
{
    ptn_sip_id id;
    struct world *w = begin(16, &PLAIN, &id);
    char request[WORLD_TEXT];

    snprintf(request, sizeof request, "%s", world_receive(w, "REGISTER"));
    ptn_sip_account_remove(w->agents[ALICE], w->now, id);
    grant(w, request, 60);
    world_receive_none(w, PTN_S(1000));
    CHECK_EQ(PTN_NEVER, ptn_sip_deadline(w->agents[ALICE]));
    world_free(w);
}

TEST(settings_that_would_break_a_message_are_refused)
{
    static const struct ptn_sip_account bad[] = {
        {.user = NULL, .domain = "x"},
        {.user = "", .domain = "x"},
        {.user = "a b", .domain = "x"},
        {.user = "a@b", .domain = "x"},
        {.user = "a", .domain = "x\r\nVia: y"},
        {.user = "a", .display_name = "x\ny", .domain = "x"},
        {.user = "a"},
        {.user = "a", .registers = true, .domain = "x"},
        {.user = "a", .server = {.name = "x>y"}},
    };
    struct world *w = world_new(17);
    ptn_sip_id id = 99;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CHECK_EQ(PTN_ERR_INVALID, ptn_sip_account_add(w->agents[ALICE], w->now, &bad[i], &id));
    CHECK_EQ(99, id);
    world_free(w);
}

TEST(registration_survives_loss)
{
    for (uint64_t seed = 100; seed < 130; seed++) {
        ptn_sip_id id;
        struct world *w = begin(seed, &PLAIN, &id);
        w->loss_percent = 20;
        world_reply(w, ALICE, world_receive(w, "REGISTER"), "401 No", "r", CHALLENGE, "");
        while (!strstr(world_receive(w, "REGISTER"), "Authorization"))
            continue;
        world_free(w);
    }
}
