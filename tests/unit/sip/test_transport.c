/*
 * tests/unit/sip/test_transport.c - connections, names and sockets.
 */
#include <stdio.h>

#include "world.h"

static struct record address(const char *name, struct ptn_addr addr, uint32_t ttl_s)
{
    addr.port = 0;
    return (struct record){name, {.type = PTN_DNS_A, .ttl_s = ttl_s, .addr = addr}};
}

TEST(a_call_over_tcp_uses_one_connection_both_ways)
{
    struct world *w = world_new(60);
    ptn_sip_id account = world_plain_account(w, ALICE, "alice"), call, at_bob;
    struct ptn_sip_path path = {w->tcp[ALICE], w->addr[ALICE]};
    struct ptn_sdp sdp = world_sdp(ALICE, PTN_SDP_SENDRECV);

    world_plain_account(w, BOB, "bob");
    CHECK_EQ(PTN_OK, ptn_sip_call(w->agents[ALICE], w->now, account,
                                  "sip:bob@192.0.2.2;transport=tcp", &path, &sdp, &call));
    const struct seen *seen = world_expect(w, BOB, PTN_SIP_INCOMING);
    at_bob = seen->event.call;
    CHECK_EQ(w->tcp[BOB], seen->event.socket);
    ptn_sip_call_accept(w->agents[BOB], w->now, at_bob, NULL, &sdp);
    world_expect(w, ALICE, PTN_SIP_ANSWERED);
    world_expect(w, BOB, PTN_SIP_ACKED);
    CHECK_EQ(0, w->sent[ALICE] + w->sent[BOB]);
    /* Bob's BYE goes to Alice's contact, which says transport=tcp: by the connection there is. */
    ptn_sip_call_hang_up(w->agents[BOB], w->now, at_bob);
    CHECK_EQ(PTN_SIP_ENDED_BY_PEER, world_expect(w, ALICE, PTN_SIP_ENDED)->event.ended);
    CHECK_EQ(0, w->sent[ALICE] + w->sent[BOB]);
    CHECK(w->wires[0].used && !w->wires[1].used);
    world_free(w);
}

TEST(a_connection_refused_is_told_at_once)
{
    struct world *w = world_new(61);
    ptn_sip_id account = world_plain_account(w, ALICE, "alice"), call;
    struct ptn_sdp sdp = world_sdp(ALICE, PTN_SDP_SENDRECV);
    ptn_time before = w->now;

    w->tcp_refused = true;
    CHECK_EQ(PTN_OK, ptn_sip_call(w->agents[ALICE], w->now, account,
                                  "sip:bob@192.0.2.2;transport=tcp", NULL, &sdp, &call));
    CHECK_EQ(PTN_SIP_ENDED_UNREACHABLE, world_expect(w, ALICE, PTN_SIP_ENDED)->event.ended);
    CHECK(w->now - before < PTN_S(1));
    world_free(w);
}

TEST(tls_is_asked_for_from_its_listening_port_with_the_name_to_verify)
{
    struct world *w = world_new(68);
    struct ptn_sip_account account = {
        .user = "1001", .registers = true, .server = {.name = "b.example", .transport = PTN_TLS}};
    struct ptn_addr local = ptn_addr_v4(192, 0, 2, 1, 5061), to = ptn_addr_v4(192, 0, 2, 2, 5061);
    struct ptn_sip_path path = {0, local};
    ptn_sip_id id;

    w->records[0] = address("b.example", to, 60);
    path.socket = ptn_sip_listen(w->agents[ALICE], w->now, PTN_TLS, &local);
    world_run(w, PTN_MS(1));
    CHECK_EQ(PTN_OK, ptn_sip_account_add(w->agents[ALICE], w->now, &account, &id));
    world_expect(w, ALICE, PTN_SIP_SERVER);
    ptn_sip_account_use(w->agents[ALICE], w->now, id, &path);
    CHECK_EQ(PTN_ERR_REFUSED, world_expect(w, ALICE, PTN_SIP_REGISTER_FAILED)->event.why);
    CHECK_EQ(PTN_TLS, w->connect.transport);
    CHECK_STR("b.example", w->connect_name);
    CHECK_ADDR(&local, &w->connect.local);
    CHECK_ADDR(&to, &w->connect.to);
    world_free(w);
}

TEST(names_lead_by_srv_to_the_first_priority)
{
    struct world *w = world_new(62);
    struct ptn_sip_account account = {
        .user = "1001", .server = {.name = "example.org"}, .domain = "example.org"};

    w->records[0] = (struct record){"_sip._udp.example.org",
                                    {.type = PTN_DNS_SRV,
                                     .ttl_s = 300,
                                     .priority = 20,
                                     .port = 9,
                                     .target = "wrong.example.org"}};
    w->records[1] = (struct record){"_sip._udp.example.org",
                                    {.type = PTN_DNS_SRV,
                                     .ttl_s = 300,
                                     .priority = 10,
                                     .weight = 5,
                                     .port = 5060,
                                     .target = "right.example.org"}};
    w->records[2] = address("right.example.org", w->peer, 300);
    world_registering_account(w, ALICE, &account);
    const struct seen *seen = world_expect(w, ALICE, PTN_SIP_SERVER);
    CHECK_EQ(PTN_OK, seen->event.why);
    CHECK_ADDR(&w->peer, &seen->event.addr);
    world_receive(w, "REGISTER sip:example.org");
    world_free(w);
}

TEST(without_srv_the_name_itself_is_looked_up)
{
    struct world *w = world_new(63);
    struct ptn_sip_account account = {.user = "1001", .server = {.name = "plain.example"}};

    w->records[0] = address("plain.example", w->peer, 300);
    world_registering_account(w, ALICE, &account);
    CHECK_ADDR(&w->peer, &world_expect(w, ALICE, PTN_SIP_SERVER)->event.addr);
    world_free(w);
}

TEST(a_name_that_is_none_is_told_once_and_asked_for_again)
{
    struct world *w = world_new(64);
    struct ptn_sip_account account = {.user = "1001",
                                      .server = {.name = "later.example", .port = 5060}};

    world_registering_account(w, ALICE, &account);
    CHECK_EQ(PTN_ERR_NO_SUCH_NAME, world_expect(w, ALICE, PTN_SIP_SERVER)->event.why);
    CHECK_EQ(PTN_ERR_NO_SUCH_NAME, world_expect(w, ALICE, PTN_SIP_REGISTER_FAILED)->event.why);
    world_expect_none(w, ALICE, PTN_SIP_SERVER, PTN_S(60));
    w->records[0] = address("later.example", w->peer, 300);
    CHECK_ADDR(&w->peer, &world_expect(w, ALICE, PTN_SIP_SERVER)->event.addr);
    world_receive(w, "REGISTER");
    world_free(w);
}

TEST(an_address_outlives_its_name_server_and_follows_its_name)
{
    struct world *w = world_new(65);
    struct ptn_sip_account account = {
        .user = "1001", .expires_s = 120, .server = {.name = "a.example", .port = 5060}};

    w->records[0] = address("a.example", w->peer, 30);
    world_registering_account(w, ALICE, &account);
    world_reply(w, ALICE, world_receive(w, "REGISTER"), "200 OK", "r", "", "");
    world_expect(w, ALICE, PTN_SIP_REGISTERED);
    w->dns_gone = true;
    for (unsigned i = 0; i < 3; i++)
        world_reply(w, ALICE, world_receive(w, "REGISTER"), "200 OK", "r", "", "");
    /* That is said once; the address is the one from before. */
    const struct seen *stale = world_expect(w, ALICE, PTN_SIP_SERVER);
    CHECK_EQ(PTN_ERR_NAMES_SILENT, stale->event.why);
    CHECK_ADDR(&w->peer, &stale->event.addr);
    w->dns_gone = false;
    w->records[0] = address("a.example", w->addr[BOB], 30);
    CHECK_ADDR(&w->addr[BOB], &world_expect(w, ALICE, PTN_SIP_SERVER)->event.addr);
    world_free(w);
}

TEST(a_call_waits_for_its_name_and_can_be_given_up_meanwhile)
{
    struct world *w = world_new(66);
    ptn_sip_id account = world_plain_account(w, ALICE, "alice"), call;
    struct ptn_sdp sdp = world_sdp(ALICE, PTN_SDP_SENDRECV);

    w->dns_gone = true;
    CHECK_EQ(PTN_OK, ptn_sip_call(w->agents[ALICE], w->now, account, "sip:bob@b.example:5060", NULL,
                                  &sdp, &call));
    world_run(w, PTN_S(1));
    ptn_sip_call_hang_up(w->agents[ALICE], w->now, call);
    CHECK_EQ(PTN_SIP_ENDED_BY_US, world_expect(w, ALICE, PTN_SIP_ENDED)->event.ended);
    CHECK_EQ(0, w->sent[ALICE]);

    w->dns_gone = false;
    w->records[0] = address("b.example", w->peer, 30);
    world_run(w, PTN_S(20));
    CHECK_EQ(PTN_OK, ptn_sip_call(w->agents[ALICE], w->now, account, "sip:bob@b.example:5060", NULL,
                                  &sdp, &call));
    world_receive(w, "INVITE sip:bob@b.example:5060");
    world_free(w);
}

TEST(a_lost_connection_is_registered_over_anew)
{
    struct world *w = world_new(67);
    struct ptn_sip_account account = {
        .user = "1001",
        .registers = true,
        .server = {.name = "192.0.2.2", .port = 5060, .transport = PTN_TCP}};
    struct ptn_sip_path path = {w->tcp[ALICE], w->addr[ALICE]};
    ptn_sip_id id;

    CHECK_EQ(PTN_OK, ptn_sip_account_add(w->agents[ALICE], w->now, &account, &id));
    ptn_sip_account_use(w->agents[ALICE], w->now, id, &path);
    /* Bob is no registrar, but he answers, by the connection. */
    CHECK_EQ(405, world_expect(w, ALICE, PTN_SIP_REGISTER_FAILED)->event.status);
    CHECK(w->wires[0].used);
    ptn_sip_close(w->agents[BOB], w->now, w->tcp[BOB]);
    world_run(w, PTN_S(1));
    CHECK(!w->wires[0].used);
    w->tcp[BOB] = ptn_sip_listen(w->agents[BOB], w->now, PTN_TCP, &w->addr[BOB]);
    CHECK_EQ(405, world_expect(w, ALICE, PTN_SIP_REGISTER_FAILED)->event.status);
    CHECK(w->wires[0].used);
    world_free(w);
}

/* An account of Alice's at Bob's TCP address, with its path. */
static ptn_sip_id add_at_bob(struct world *w, struct ptn_sip_account account)
{
    struct ptn_sip_path path = {w->tcp[ALICE], w->addr[ALICE]};
    ptn_sip_id id;

    account.user = "1001";
    account.registers = true;
    account.server = (struct ptn_sip_host){.name = "192.0.2.2", .port = 5060, .transport = PTN_TCP};
    CHECK_EQ(PTN_OK, ptn_sip_account_add(w->agents[ALICE], w->now, &account, &id));
    ptn_sip_account_use(w->agents[ALICE], w->now, id, &path);
    return id;
}

TEST(without_a_connection_it_is_tried_every_two_seconds_for_two_minutes_and_then_less)
{
    struct world *w = world_new(69);
    ptn_time began, last;
    unsigned often = 0;

    w->tcp_refused = true;
    add_at_bob(w, (struct ptn_sip_account){.retry_max = PTN_S(60)});
    const struct seen *seen = world_expect(w, ALICE, PTN_SIP_REGISTER_FAILED);
    for (began = last = w->now; w->now - began < PTN_S(119); last = w->now, often++) {
        seen = world_expect(w, ALICE, PTN_SIP_REGISTER_FAILED);
        CHECK(w->now - last >= PTN_MS(1900) && w->now - last <= PTN_MS(2200));
    }
    CHECK(often >= 55 && often <= 62);
    for (unsigned i = 0; i < 8; i++)
        seen = world_expect(w, ALICE, PTN_SIP_REGISTER_FAILED);
    CHECK(seen->event.retry_in >= PTN_S(30) && seen->event.retry_in <= PTN_S(60));

    /* Once it has been there, all begins anew. */
    w->tcp_refused = false;
    CHECK_EQ(405, world_expect(w, ALICE, PTN_SIP_REGISTER_FAILED)->event.status);
    w->tcp_refused = true;
    ptn_sip_close(w->agents[BOB], w->now, w->tcp[BOB]);
    do
        seen = world_expect(w, ALICE, PTN_SIP_REGISTER_FAILED);
    while (seen->event.status);
    CHECK(seen->event.retry_in <= PTN_S(2));
    world_free(w);
}

TEST(connecting_into_the_dark_is_given_up_and_tried_anew)
{
    struct world *w = world_new(70);

    w->tcp_silent = true;
    add_at_bob(w, (struct ptn_sip_account){0});
    ptn_time before = w->now;
    const struct seen *seen = world_expect(w, ALICE, PTN_SIP_REGISTER_FAILED);
    CHECK_EQ(PTN_ERR_TIMED_OUT, seen->event.why);
    CHECK(w->now - before >= PTN_S(2) && w->now - before <= PTN_MS(2100));
    CHECK(seen->event.retry_in <= PTN_MS(200));
    w->tcp_silent = false;
    CHECK_EQ(405, world_expect(w, ALICE, PTN_SIP_REGISTER_FAILED)->event.status);
    CHECK(w->now - before < PTN_S(3));
    world_free(w);
}

TEST(a_connection_that_swallows_a_registration_is_made_anew_once_after_eight_seconds)
{
    struct world *w = world_new(72);

    w->streams_lost = true;
    add_at_bob(w, (struct ptn_sip_account){0});
    world_run(w, PTN_MS(7900));
    CHECK_EQ(1, w->connects);
    world_run(w, PTN_S(3));
    CHECK_EQ(2, w->connects);
    /* A registrar that is slow may take as long as any request, and no longer. */
    world_run(w, PTN_S(28));
    CHECK_EQ(2, w->connects);
    world_run(w, PTN_S(5));
    CHECK_EQ(3, w->connects);
    w->streams_lost = false;
    world_run(w, PTN_S(35));
    while (world_expect(w, ALICE, PTN_SIP_REGISTER_FAILED)->event.status != 405)
        ;
    /* Once it has been heard the next silence is suspected again. */
    w->streams_lost = true;
    unsigned before = w->connects;
    ptn_sip_register(w->agents[ALICE], w->now, 1);
    world_run(w, PTN_S(10));
    CHECK_EQ(before + 1, w->connects);
    world_free(w);
}

TEST(without_listening_connections_leave_from_any_port)
{
    struct world *w = world_new(71);
    struct ptn_sip_account account = {
        .user = "1001", .registers = true, .server = {.name = "192.0.2.2", .transport = PTN_TLS}};
    struct ptn_addr any = ptn_addr_with_port(w->addr[ALICE], 0);
    struct ptn_sip_path path = {0, w->addr[ALICE]};
    ptn_sip_id id;

    path.socket = ptn_sip_reach_out(w->agents[ALICE], PTN_TLS, &w->addr[ALICE]);
    const struct seen *seen = world_expect(w, ALICE, PTN_SIP_SOCKET_OPENED);
    CHECK_EQ(path.socket, seen->event.socket);
    CHECK_ADDR(&any, &seen->event.local);
    CHECK_EQ(PTN_OK, ptn_sip_account_add(w->agents[ALICE], w->now, &account, &id));
    ptn_sip_account_use(w->agents[ALICE], w->now, id, &path);
    world_expect(w, ALICE, PTN_SIP_REGISTER_FAILED);
    CHECK_EQ(PTN_TLS, w->connect.transport);
    CHECK_ADDR(&any, &w->connect.local);
    world_free(w);
}

TEST(ids_are_the_agents_own_and_run_out_politely)
{
    struct ptn_sip_opts opts = {.id_first = 7, .id_count = 2, .dice = ptn_dice_seeded(1)};
    struct ptn_addr local = ptn_addr_v4(192, 0, 2, 1, 5060);
    struct ptn_sip *s;

    CHECK_EQ(PTN_OK, ptn_sip_new(&opts, &s));
    CHECK_EQ(7, ptn_sip_listen(s, 0, PTN_UDP, &local));
    CHECK_EQ(8, ptn_sip_listen(s, 0, PTN_TCP, &local));
    CHECK_EQ(0, ptn_sip_listen(s, 0, PTN_TLS, &local));
    CHECK(ptn_sip_owns(s, 7) && ptn_sip_owns(s, 8));
    CHECK(!ptn_sip_owns(s, 6) && !ptn_sip_owns(s, 9) && !ptn_sip_owns(s, PTN_ID_WORLD + 1));
    ptn_sip_close(s, 0, 7);
    CHECK_EQ(7, ptn_sip_listen(s, 0, PTN_TLS, &local));
    ptn_sip_free(s);
    ptn_sip_free(NULL);
}

TEST(a_socket_that_cannot_be_opened_is_told_with_its_reason)
{
    struct ptn_sip_opts opts = {.id_first = 7, .id_count = 2, .dice = ptn_dice_seeded(1)};
    struct ptn_addr local = ptn_addr_v4(192, 0, 2, 1, 5060);
    struct ptn_sip_event ev;
    struct ptn_sip *s;

    CHECK_EQ(PTN_OK, ptn_sip_new(&opts, &s));
    ptn_id id = ptn_sip_listen(s, 0, PTN_UDP, &local);
    ptn_sip_input(s, 0,
                  &(struct ptn_tell){.kind = PTN_TELL_FAILED, .id = id, .why = PTN_ERR_IN_USE});
    CHECK(ptn_sip_event(s, &ev));
    CHECK_EQ(PTN_SIP_SOCKET_FAILED, ev.kind);
    CHECK_EQ(PTN_ERR_IN_USE, ev.why);
    CHECK_EQ(id, ev.socket);
    CHECK(!ptn_sip_event(s, &ev));
    ptn_sip_free(s);
}
