/*
 * tests/unit/sip/test_names.c - where requests go: the order that name servers give, and the next
 * place when one is silent.
 */
#include <stdio.h>

#include "world.h"

static struct ptn_addr peer(uint8_t number)
{
    return ptn_addr_v4(192, 0, 2, number, 0);
}

static struct record host(const char *name, struct ptn_addr addr, uint32_t ttl_s)
{
    return (struct record){name, {.type = PTN_DNS_A, .ttl_s = ttl_s, .addr = addr}};
}

static struct record srv(const char *name, uint16_t priority, uint16_t weight, const char *target)
{
    return (struct record){name,
                           {.type = PTN_DNS_SRV,
                            .ttl_s = 60,
                            .priority = priority,
                            .weight = weight,
                            .port = 5060,
                            .target = target}};
}

static struct record naptr(const char *name, uint16_t order, uint16_t preference, const char *flags,
                           const char *service, const char *target)
{
    return (struct record){name,
                           {.type = PTN_DNS_NAPTR,
                            .ttl_s = 60,
                            .priority = order,
                            .weight = preference,
                            .flags = flags,
                            .service = service,
                            .target = target}};
}

/* Servers 9, 10 and 11 of example.org, in this order. */
static void three_servers(struct world *w)
{
    w->records[0] = srv("_sip._udp.example.org", 30, 0, "c.example.org");
    w->records[1] = srv("_sip._udp.example.org", 10, 0, "a.example.org");
    w->records[2] = srv("_sip._udp.example.org", 20, 0, "b.example.org");
    w->records[3] = host("a.example.org", peer(9), 60);
    w->records[4] = host("b.example.org", peer(10), 60);
    w->records[5] = host("c.example.org", peer(11), 60);
}

static const struct ptn_sip_account AT_EXAMPLE = {
    .user = "1001", .server = {.name = "example.org"}, .domain = "example.org"};

static struct ptn_addr server_of(struct world *w)
{
    return world_expect(w, ALICE, PTN_SIP_SERVER)->event.addr;
}

static void grant(struct world *w, const char *request)
{
    world_reply(w, ALICE, request, "200 OK", "r", "Expires: 600\r\n", "");
    world_expect(w, ALICE, PTN_SIP_REGISTERED);
}

TEST(a_silent_server_is_followed_by_the_next_one_with_another_branch)
{
    struct world *w = world_new(1);
    char branch[WORLD_TEXT], cseq[WORLD_TEXT];

    three_servers(w);
    w->deaf[9] = true;
    world_registering_account(w, ALICE, &AT_EXAMPLE);
    ptn_time began = w->now;
    world_run(w, PTN_MS(100));
    snprintf(branch, sizeof branch, "%s", header_of(w->last_sent[ALICE], "Via"));
    snprintf(cseq, sizeof cseq, "%s", header_of(w->last_sent[ALICE], "CSeq"));
    const char *request = world_receive(w, "REGISTER");
    CHECK_EQ(10, w->received_by);
    /* Its first send and three repeats, T1, 2 T1, 4 T1 and 8 T1. */
    CHECK(w->now - began >= PTN_MS(7500) && w->now - began < PTN_MS(7700));
    CHECK(strcmp(branch, header_of(request, "Via")) != 0);
    CHECK_STR(cseq, header_of(request, "CSeq"));
    grant(w, request);

    /* What comes later goes there at once, and not to the silent one. */
    unsigned sent = w->sent[ALICE];
    struct ptn_sdp sdp = world_sdp(ALICE, PTN_SDP_SENDRECV);
    ptn_sip_id call;
    CHECK_EQ(PTN_OK, ptn_sip_call(w->agents[ALICE], w->now, 1, "1002", NULL, &sdp, &call));
    world_receive(w, "INVITE sip:1002@example.org");
    CHECK_EQ(10, w->received_by);
    CHECK_EQ(sent + 1, w->sent[ALICE]);
    world_free(w);
}

TEST(a_server_that_registers_us_after_another_took_its_place_is_the_one_that_is_used)
{
    struct world *w = world_new(2);
    char request[WORLD_TEXT];
    ptn_sip_id text;

    three_servers(w);
    ptn_sip_id id = world_registering_account(w, ALICE, &AT_EXAMPLE);
    snprintf(request, sizeof request, "%s", world_receive(w, "REGISTER"));
    CHECK_EQ(9, server_of(w).ip[3]);
    CHECK_EQ(PTN_OK, ptn_sip_message(w->agents[ALICE], w->now, id, "1002", "hello", &text));
    world_reply(w, ALICE, world_receive(w, "MESSAGE"), "503 Service Unavailable", "r", "", "");
    CHECK_EQ(10, server_of(w).ip[3]);

    /* It knows us now, and only the way to it is kept open. */
    ptn_time answered_at = w->now;
    world_reply(w, ALICE, request, "200 OK", "r", "Expires: 600\r\n", "");
    CHECK_EQ(9, server_of(w).ip[3]);
    CHECK(w->now < answered_at + PTN_S(1));
    world_free(w);
}

TEST(when_all_are_silent_that_is_told_and_the_next_attempt_begins_with_another)
{
    struct world *w = world_new(2);

    three_servers(w);
    w->deaf[9] = w->deaf[10] = w->deaf[11] = true;
    world_registering_account(w, ALICE, &AT_EXAMPLE);
    const struct seen *seen = world_expect(w, ALICE, PTN_SIP_REGISTER_FAILED);
    CHECK_EQ(PTN_ERR_TIMED_OUT, seen->event.why);
    CHECK(w->sent[ALICE] >= 12);
    w->deaf[9] = false;
    grant(w, world_receive(w, "REGISTER"));
    CHECK_EQ(9, w->received_by);
    world_free(w);
}

TEST(an_icmp_error_and_a_503_lead_to_the_next_one_at_once)
{
    struct world *w = world_new(3);
    ptn_time began = w->now;

    three_servers(w);
    w->deaf[9] = w->icmp[9] = true;
    world_registering_account(w, ALICE, &AT_EXAMPLE);
    const char *request = world_receive(w, "REGISTER");
    CHECK_EQ(10, w->received_by);
    CHECK(w->now - began < PTN_S(1));
    world_reply(w, ALICE, request, "503 Service Unavailable", "r", "Retry-After: 1000\r\n", "");
    grant(w, world_receive(w, "REGISTER"));
    CHECK_EQ(11, w->received_by);
    /* The first is asked again soon, the second when it wants to be. */
    w->deaf[9] = w->icmp[9] = false;
    grant(w, world_receive(w, "REGISTER"));
    CHECK_EQ(9, w->received_by);
    CHECK(w->now - began > PTN_S(25) && w->now - began < PTN_S(60));
    world_free(w);
}

TEST(with_one_server_an_icmp_error_changes_nothing)
{
    struct world *w = world_new(4);

    w->deaf[9] = w->icmp[9] = true;
    world_registering_account(w, ALICE, &(struct ptn_sip_account){0});
    world_run(w, PTN_S(1));
    w->deaf[9] = false;
    grant(w, world_receive(w, "REGISTER"));
    world_free(w);
}

TEST(a_server_that_is_back_is_registered_with_again_and_one_that_is_not_is_asked_less_and_less)
{
    struct world *w = world_new(5);
    ptn_time tried = 0, wait, last = 0;

    three_servers(w);
    w->deaf[9] = true;
    world_registering_account(w, ALICE, &AT_EXAMPLE);
    for (unsigned i = 0; i < 5; i++) {
        do
            grant(w, world_receive(w, "REGISTER"));
        while (w->received_by != 10 || w->now - tried < PTN_S(10));
        wait = w->now - tried;
        CHECK(i < 2 || wait > last);
        last = wait;
        tried = w->now;
    }
    CHECK(last > PTN_S(200));
    w->deaf[9] = false;
    do
        grant(w, world_receive(w, "REGISTER"));
    while (w->received_by != 9);
    CHECK(w->now - tried < PTN_S(320));
    world_free(w);
}

/* Of two servers alike, which is asked first; `weight` of the first and of the second. */
static unsigned firsts(uint16_t weight_9, uint16_t weight_10)
{
    unsigned count = 0;

    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct world *w = world_new(seed);
        w->records[0] = srv("_sip._udp.example.org", 10, weight_9, "a.example.org");
        w->records[1] = srv("_sip._udp.example.org", 10, weight_10, "b.example.org");
        w->records[2] = host("a.example.org", peer(9), 60);
        w->records[3] = host("b.example.org", peer(10), 60);
        world_registering_account(w, ALICE, &AT_EXAMPLE);
        count += server_of(w).ip[3] == 9;
        world_free(w);
    }
    return count;
}

TEST(among_equals_chance_decides_by_weight)
{
    unsigned equal = firsts(5, 5), heavy = firsts(90, 10), none = firsts(0, 100);

    CHECK(equal > 70 && equal < 130);
    CHECK(heavy > 160 && heavy < 200);
    CHECK(none < 15);
}

TEST(who_is_used_stays_so_while_the_name_servers_like_him_as_well_as_others)
{
    struct world *w = world_new(6);

    w->records[0] = srv("_sip._udp.example.org", 10, 1, "a.example.org");
    w->records[1] = srv("_sip._udp.example.org", 10, 1, "b.example.org");
    w->records[2] = host("a.example.org", peer(9), 10);
    w->records[3] = host("b.example.org", peer(10), 10);
    world_registering_account(w, ALICE, &AT_EXAMPLE);
    server_of(w);
    unsigned asked = w->resolves;
    grant(w, world_receive(w, "REGISTER"));
    world_expect_none(w, ALICE, PTN_SIP_SERVER, PTN_S(250));
    CHECK(w->resolves > asked + 30);
    world_free(w);
}

TEST(naptr_chooses_the_transport_and_what_is_not_spoken_is_passed_over)
{
    struct world *w = world_new(7);
    struct ptn_sip_account account = {.user = "1001",
                                      .domain = "example.org",
                                      .server = {.name = "example.org", .by_naptr = true}};

    w->records[0] = naptr("example.org", 10, 10, "s", "SIPS+D2T", "_sips._tcp.example.org");
    w->records[1] = naptr("example.org", 30, 10, "s", "SIP+D2U", "_sip._udp.example.org");
    w->records[2] = naptr("example.org", 20, 20, "u", "E2U+sip", "example.org");
    w->records[3] = naptr("example.org", 20, 10, "S", "sip+d2t", "_sip._tcp.example.org");
    w->records[4] = srv("_sip._tcp.example.org", 1, 1, "bob.example.org");
    w->records[5] = srv("_sip._udp.example.org", 1, 1, "a.example.org");
    w->records[6] = srv("_sips._tcp.example.org", 1, 1, "a.example.org");
    w->records[7] = host("a.example.org", peer(9), 60);
    w->records[8] = host("bob.example.org", w->addr[BOB], 60);
    world_registering_account(w, ALICE, &account);
    const struct seen *seen = world_expect(w, ALICE, PTN_SIP_SERVER);
    CHECK_EQ(PTN_TCP, seen->event.transport);
    CHECK_ADDR(&w->addr[BOB], &seen->event.addr);
    /* Bob is no registrar; when there is no connection to be had, UDP is next. */
    CHECK_EQ(405, world_expect(w, ALICE, PTN_SIP_REGISTER_FAILED)->event.status);
    w->tcp_refused = true;
    ptn_sip_close(w->agents[BOB], w->now, w->tcp[BOB]);
    const char *request = world_receive(w, "REGISTER sip:example.org");
    CHECK(strstr(header_of(request, "Via"), "SIP/2.0/UDP 192.0.2.1:5060"));
    world_free(w);
}

TEST(without_naptr_srv_is_asked_for_every_transport_and_without_srv_the_name)
{
    struct world *w = world_new(8);
    struct ptn_sip_account account = {.user = "1001",
                                      .server = {.name = "example.org", .by_naptr = true}};

    w->records[0] = srv("_sip._tcp.example.org", 1, 1, "bob.example.org");
    w->records[1] = host("bob.example.org", w->addr[BOB], 60);
    w->records[2] = host("plain.example", peer(9), 60);
    world_registering_account(w, ALICE, &account);
    CHECK_EQ(PTN_TCP, world_expect(w, ALICE, PTN_SIP_SERVER)->event.transport);
    account.server.name = "plain.example";
    world_registering_account(w, ALICE, &account);
    CHECK_EQ(PTN_UDP, world_expect(w, ALICE, PTN_SIP_SERVER)->event.transport);
    world_receive(w, "REGISTER sip:plain.example");
    world_free(w);
}

TEST(a_name_server_that_is_silent_is_asked_twice_and_not_for_each_kind_of_record)
{
    struct world *w = world_new(13);
    struct ptn_sip_account account = AT_EXAMPLE;
    ptn_time began = w->now;

    account.server.by_naptr = true;
    w->dns_gone = true; /* which takes five seconds to find out */
    world_registering_account(w, ALICE, &account);
    const struct seen *seen = world_expect(w, ALICE, PTN_SIP_SERVER);
    CHECK_EQ(PTN_ERR_NAMES_SILENT, seen->event.why);
    CHECK_EQ(10, ptn_time_ms(w->now - began) / 1000);
    world_free(w);
}

TEST(a_name_server_that_knows_no_naptr_is_asked_for_services_and_the_name_at_once)
{
    static const struct {
        unsigned deaf;
        struct ptn_addr found;
    } rows[] = {{PTN_DNS_NAPTR, {{192, 0, 2, 9}, 5060, PTN_IPV4, 0}},
                {PTN_DNS_NAPTR | PTN_DNS_SRV, {{192, 0, 2, 10}, 5060, PTN_IPV4, 0}}};
    struct ptn_sip_account account = AT_EXAMPLE;

    account.server.by_naptr = true;
    for (unsigned i = 0; i < 2; i++) {
        struct world *w = world_new(14);
        ptn_time began = w->now;
        w->dns_deaf = rows[i].deaf;
        w->records[0] = srv("_sip._udp.example.org", 1, 1, "a.example.org");
        w->records[1] = host("a.example.org", peer(9), 60);
        w->records[2] = host("example.org", peer(10), 60);
        world_registering_account(w, ALICE, &account);
        CHECK_ADDR(&rows[i].found, &world_expect(w, ALICE, PTN_SIP_SERVER)->event.addr);
        CHECK_EQ(5 * (i + 1), ptn_time_ms(w->now - began) / 1000);
        world_free(w);
    }
}

/* What stands in for a service that could not be asked for is no more than that, however long its
 * own lifetime is. */
TEST(a_service_that_could_not_be_asked_for_is_asked_for_again_soon)
{
    struct world *w = world_new(15);

    w->dns_deaf = PTN_DNS_SRV;
    w->records[0] = srv("_sip._udp.example.org", 1, 1, "a.example.org");
    w->records[1] = host("a.example.org", peer(9), 60);
    w->records[2] = host("example.org", peer(10), 86400);
    world_registering_account(w, ALICE, &AT_EXAMPLE);
    const struct seen *seen = world_expect(w, ALICE, PTN_SIP_SERVER);
    CHECK_EQ(10, seen->event.addr.ip[3]);
    CHECK_EQ(PTN_ERR_NAMES_SILENT, seen->event.why);
    grant(w, world_receive(w, "REGISTER"));
    w->dns_deaf = 0;
    ptn_time began = w->now;
    seen = world_expect(w, ALICE, PTN_SIP_SERVER);
    CHECK_EQ(9, seen->event.addr.ip[3]);
    CHECK_EQ(PTN_OK, seen->event.why);
    CHECK(w->now - began <= PTN_S(61));
    world_free(w);
}

/* What a name server may say that leads nowhere: it is not asked for ever, and not believed. */
TEST(lies_of_the_name_server_are_found_out)
{
    static const struct {
        const char *what;
        struct record records[3];
        enum ptn_err why;
    } cases[] = {
        {"nobody's address",
         {{"example.org", {.type = PTN_DNS_A, .addr = {.family = PTN_IPV4}}}},
         PTN_ERR_NO_ADDRESS},
        {"a private address",
         {{"example.org", {.type = PTN_DNS_A, .addr = {.family = PTN_IPV4, .ip = {10, 0, 0, 1}}}}},
         PTN_ERR_NO_ADDRESS},
        {"ourselves",
         {{"example.org", {.type = PTN_DNS_A, .addr = {.family = PTN_IPV4, .ip = {127, 0, 0, 1}}}}},
         PTN_ERR_NO_ADDRESS},
        {"many",
         {{"example.org",
           {.type = PTN_DNS_A, .addr = {.family = PTN_IPV4, .ip = {224, 0, 1, 75}}}}},
         PTN_ERR_NO_ADDRESS},
        {"an address of the wrong kind",
         {{"example.org", {.type = PTN_DNS_A, .addr = {.family = PTN_IPV6, .ip = {0x20, 1}}}}},
         PTN_ERR_NO_ADDRESS},
        {"a service that leads to itself",
         {{"_sip._udp.example.org",
           {.type = PTN_DNS_SRV, .port = 5060, .target = "_sip._udp.example.org"}}},
         PTN_ERR_NO_ADDRESS},
        {"a service that is nowhere",
         {{"_sip._udp.example.org", {.type = PTN_DNS_SRV, .port = 0, .target = "a.example.org"}},
          {"_sip._udp.example.org", {.type = PTN_DNS_SRV, .port = 5060, .target = ""}}},
         PTN_ERR_NO_SUCH_NAME},
    };

    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world *w = world_new(9);
        print_message("# %s\n", cases[i].what);
        memcpy(w->records, cases[i].records, sizeof cases[i].records);
        world_registering_account(w, ALICE, &AT_EXAMPLE);
        CHECK_EQ(cases[i].why, world_expect(w, ALICE, PTN_SIP_SERVER)->event.why);
        unsigned asked = w->resolves;
        world_run(w, PTN_S(120));
        CHECK(w->resolves - asked <= 3 * 120 / 5);
        CHECK_EQ(0, w->sent[ALICE]);
        world_free(w);
    }
}

TEST(a_server_that_has_answered_is_the_last_resort_when_its_name_leads_elsewhere)
{
    struct world *w = world_new(10);

    w->records[0] = host("_sip._udp.example.org", peer(9), 0);
    w->records[1] = host("example.org", peer(9), 20);
    world_registering_account(w, ALICE, &AT_EXAMPLE);
    grant(w, world_receive(w, "REGISTER"));
    w->records[1] = host("example.org", peer(12), 20);
    w->deaf[12] = true;
    grant(w, world_receive(w, "REGISTER"));
    CHECK_EQ(9, w->received_by);
    world_free(w);
}

TEST(a_lifetime_of_zero_does_not_ask_for_every_message)
{
    struct world *w = world_new(11);

    w->records[0] = host("example.org", peer(9), 0);
    world_registering_account(w, ALICE, &AT_EXAMPLE);
    grant(w, world_receive(w, "REGISTER"));
    unsigned asked = w->resolves;
    world_run(w, PTN_S(100));
    CHECK(w->resolves - asked <= 2 * 100 / 5);
    world_free(w);
}

/* ---- calls ---- */

TEST(a_call_goes_on_to_the_next_server_and_what_the_first_says_late_is_called_off)
{
    struct world *w = world_new(12);
    ptn_sip_id account = world_plain_account(w, ALICE, "alice");
    char first[WORLD_TEXT], second[WORLD_TEXT];

    three_servers(w);
    world_dial(w, account, "sip:bob@example.org");
    memcpy(first, world_receive(w, "INVITE"), sizeof first);
    CHECK_EQ(9, w->received_by);
    w->deaf[9] = true;
    do
        memcpy(second, world_receive(w, "INVITE"), sizeof second);
    while (w->received_by == 9);
    CHECK_EQ(10, w->received_by);
    CHECK(!strstr(second, header_of(first, "Via")));
    w->deaf[9] = false;

    world_reply(w, ALICE, first, "180 Ringing", "slow", "", "");
    const char *cancel = world_receive(w, "CANCEL");
    CHECK_EQ(9, w->received_by);
    CHECK(strstr(first, header_of(cancel, "Via")));
    world_expect_none(w, ALICE, PTN_SIP_PROGRESS, PTN_MS(10));

    /* Answered there all the same: acknowledged, and let go. The call is the second one's. */
    world_reply(w, ALICE, second, "200 OK", "b", "Contact: <sip:bob@192.0.2.10>\r\n",
                WORLD_SDP_TEXT);
    world_expect(w, ALICE, PTN_SIP_ANSWERED);
    world_receive(w, "ACK sip:bob@192.0.2.10");
    world_reply(w, ALICE, first, "200 OK", "slow", "Contact: <sip:bob@192.0.2.9>\r\n",
                WORLD_SDP_TEXT);
    world_receive(w, "ACK sip:bob@192.0.2.9");
    world_receive(w, "BYE sip:bob@192.0.2.9");
    world_expect_none(w, ALICE, PTN_SIP_ENDED, PTN_S(1));
    world_free(w);
}

TEST(a_call_that_is_refused_with_503_goes_on_and_the_refusal_is_acknowledged_again)
{
    struct world *w = world_new(13);
    ptn_sip_id account = world_plain_account(w, ALICE, "alice");
    char first[WORLD_TEXT], second[WORLD_TEXT];

    three_servers(w);
    world_dial(w, account, "sip:bob@example.org");
    memcpy(first, world_receive(w, "INVITE"), sizeof first);
    world_reply(w, ALICE, first, "503 Busy", "x", "", "");
    memcpy(second, world_receive(w, "INVITE"), sizeof second);
    CHECK_EQ(10, w->received_by);
    world_reply(w, ALICE, first, "503 Busy", "x", "", "");
    CHECK(strstr(first, header_of(world_receive(w, "ACK"), "Via")));
    CHECK_EQ(9, w->received_by);
    world_reply(w, ALICE, second, "486 Busy Here", "y", "", "");
    CHECK_EQ(486, world_expect(w, ALICE, PTN_SIP_ENDED)->event.status);
    world_free(w);
}

TEST(a_call_that_was_given_up_is_not_made_elsewhere)
{
    struct world *w = world_new(14);
    ptn_sip_id account = world_plain_account(w, ALICE, "alice"), id;

    three_servers(w);
    w->deaf[9] = true;
    id = world_dial(w, account, "sip:bob@example.org");
    world_run(w, PTN_S(1));
    ptn_sip_call_hang_up(w->agents[ALICE], w->now, id);
    CHECK_EQ(PTN_SIP_ENDED_BY_US, world_expect(w, ALICE, PTN_SIP_ENDED)->event.ended);
    CHECK_STR("", w->received);
    world_free(w);
}

/* ---- large requests ---- */

TEST(a_large_request_goes_by_tcp_and_by_udp_where_that_is_refused)
{
    struct world *w = world_new(15);
    ptn_sip_id account = world_plain_account(w, ALICE, "alice"), message, id;
    struct ptn_sdp sdp = world_sdp(ALICE, PTN_SDP_SENDRECV);
    char target[700], text[PTN_SIP_TEXT_BYTES_MAX + 1];

    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    snprintf(target, sizeof target, "sip:bob@192.0.2.2;x=%0300d", 1);
    world_plain_account(w, BOB, "bob");
    CHECK_EQ(PTN_OK, ptn_sip_message(w->agents[ALICE], w->now, account, target, text, &message));
    CHECK_EQ(sizeof text - 1, world_expect(w, BOB, PTN_SIP_MESSAGE)->event.text.size);
    CHECK_EQ(200, world_expect(w, ALICE, PTN_SIP_MESSAGE_SENT)->event.status);
    CHECK_EQ(0, w->sent[ALICE]);

    /* The peer refuses connections; then it is known for a while that it does. */
    snprintf(target, sizeof target, "sip:carol@192.0.2.9;x=%0300d", 1);
    for (unsigned i = 0; i < 2; i++) {
        w->connect = (struct ptn_ask){0};
        CHECK_EQ(PTN_OK,
                 ptn_sip_message(w->agents[ALICE], w->now, account, target, text, &message));
        const char *request = world_receive(w, "MESSAGE");
        CHECK(strstr(header_of(request, "Via"), "SIP/2.0/UDP 192.0.2.1:5060;"));
        CHECK_EQ(i == 0 ? PTN_ASK_CONNECT : 0, w->connect.kind);
        world_reply(w, ALICE, request, "200 OK", "c", "", "");
        CHECK_EQ(200, world_expect(w, ALICE, PTN_SIP_MESSAGE_SENT)->event.status);
    }

    /* A small one stays with UDP, and so does the Contact, by which we are reached. */
    CHECK_EQ(PTN_OK, ptn_sip_call(w->agents[ALICE], w->now, account, "sip:carol@192.0.2.9", NULL,
                                  &sdp, &id));
    const char *invite = world_receive(w, "INVITE");
    CHECK(strlen(invite) < 1300);
    CHECK_STR("<sip:alice@192.0.2.1:5060>", header_of(invite, "Contact"));
    world_free(w);
}
