#include <stdlib.h>

#include "support/test.h"
#include "ua/inside.h"
#include "unit/ua/world.h"

/* Which addresses a phone tells under all kinds of settings and mishaps. */

static struct world w;

enum { ALICE, BOB };

static void begin(enum world_nat alice, void (*change)(struct ptn_ua_opts *, unsigned))
{
    world_init(&w, alice, WORLD_NAT_NONE, change);
    world_start(&w);
}

static struct ptn_ua_status status_of(unsigned phone)
{
    static struct ptn_ua_status status;

    ptn_ua_status(w.phones[phone].ua, w.now, &status);
    return status;
}

static void off(struct ptn_ua_opts *opts, unsigned phone)
{
    if (phone == ALICE)
        opts->accounts[0].nat = PTN_REACH_OFF;
}

static void by_hand(struct ptn_ua_opts *opts, unsigned phone)
{
    if (phone == ALICE) {
        opts->accounts[0].nat = PTN_REACH_MANUAL;
        opts->manual = ptn_addr_v4(192, 0, 2, 10, 0);
    }
}

static void without_stun(struct ptn_ua_opts *opts, unsigned phone)
{
    (void)phone;
    opts->stun_count = 0;
}

static void classic(struct ptn_ua_opts *opts, unsigned phone)
{
    (void)phone;
    opts->stun_dialect = PTN_UA_STUN_CLASSIC;
}

static void one_server(struct ptn_ua_opts *opts, unsigned phone)
{
    (void)phone;
    opts->stun_count = 1;
    opts->no_discovery = true;
}

TEST(the_settings_decide_what_is_told_once_registered)
{
    static const struct {
        void (*change)(struct ptn_ua_opts *, unsigned);
        enum world_nat nat;
        enum ptn_reach_why why;
        bool private_to_public;
    } rows[] = {
        {NULL, WORLD_NAT_CONE, PTN_REACH_BY_STUN, false},
        {NULL, WORLD_NAT_NONE, PTN_REACH_BY_NO_NAT, false},
        {NULL, WORLD_NAT_SYMMETRIC, PTN_REACH_BY_RPORT_ONLY, false},
        {one_server, WORLD_NAT_CONE, PTN_REACH_BY_STUN, false},
        {one_server, WORLD_NAT_SYMMETRIC, PTN_REACH_BY_RPORT_ONLY, false},
        {off, WORLD_NAT_CONE, PTN_REACH_BY_DISABLED, true},
        {off, WORLD_NAT_NONE, PTN_REACH_BY_DISABLED, false},
        {by_hand, WORLD_NAT_CONE, PTN_REACH_BY_MANUAL, false},
        {without_stun, WORLD_NAT_CONE, PTN_REACH_BY_RPORT, false},
        {without_stun, WORLD_NAT_NONE, PTN_REACH_BY_NO_NAT, false},
        {classic, WORLD_NAT_CONE, PTN_REACH_BY_STUN, false},
    };

    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        begin(rows[i].nat, rows[i].change);
        CHECK(world_until(&w, ALICE, PTN_UA_REGISTERED, 1, PTN_S(2)));
        world_run(&w, PTN_S(20));
        struct ptn_ua_status status = status_of(ALICE);
        print_message("# row %u: %s\n", i, ptn_reach_why_text(status.accounts[0].contact.why));
        CHECK_EQ(rows[i].why, status.accounts[0].contact.why);
        CHECK_EQ(rows[i].private_to_public, status.accounts[0].contact.private_to_public);
        struct ptn_addr bound = world_contact(&w, ALICE);
        CHECK_ADDR(&status.accounts[0].contact.addr, &bound);
        /* One contact at a time, and no more than two changes of mind on the way. */
        CHECK_EQ(0, ptn_registrar_count(w.registrar, PTN_REGISTRAR_DOUBLED));
        CHECK(w.phones[ALICE].events[PTN_UA_REGISTERED] <= 3);
        world_fini(&w);
    }
}

TEST(a_classic_server_is_found_and_told_apart)
{
    world_init(&w, WORLD_NAT_CONE, WORLD_NAT_NONE, NULL);
    w.stun_classic = true;
    world_start(&w);
    CHECK(world_until(&w, ALICE, PTN_UA_REGISTERED, 1, PTN_S(2)));
    world_run(&w, PTN_S(5));
    struct ptn_ua_status status = status_of(ALICE);
    CHECK_EQ(PTN_REACH_BY_STUN, status.accounts[0].contact.why);
    CHECK(status.stun[0].answers && status.stun[0].classic);
    world_fini(&w);
}

TEST(a_setting_can_have_the_classic_form_sent_only)
{
    begin(WORLD_NAT_CONE, classic);
    world_run(&w, PTN_S(5));
    CHECK(w.stun_questions > 0);
    CHECK_EQ(w.stun_questions, w.classic_questions);
    world_fini(&w);
}

TEST(a_name_server_that_is_gone_does_not_keep_the_phone_from_waiting_for_it)
{
    world_init(&w, WORLD_NAT_CONE, WORLD_NAT_NONE, NULL);
    w.dns_dead = true;
    world_start(&w);
    world_run(&w, PTN_S(60));
    struct ptn_ua_status status = status_of(ALICE);
    CHECK_EQ(PTN_UA_ACCOUNT_WAITING, status.accounts[0].state);
    CHECK_EQ(0, ptn_registrar_count(w.registrar, PTN_REGISTRAR_REGISTERED));
    ptn_ua_call_id call;
    CHECK_EQ(PTN_ERR_UNREACHABLE, ptn_ua_dial(w.phones[ALICE].ua, w.now, 0, "bob", &call));
    world_fini(&w);
}

static void numeric_stun_only(struct ptn_ua_opts *opts, unsigned phone)
{
    (void)phone;
    opts->stun_count = 1;
}

TEST(a_stun_server_given_as_an_address_is_asked_from_the_media_sockets_too)
{
    world_init(&w, WORLD_NAT_CONE, WORLD_NAT_NONE, numeric_stun_only);
    world_start(&w);
    world_run(&w, PTN_S(1));
    struct ptn_ua_status status = status_of(ALICE);
    CHECK_EQ(3, status.socket_count); /* SIP's and one pair that is ready */
    for (unsigned i = 0; i < status.socket_count; i++)
        CHECK(ptn_addr_same_ip(&status.sockets[i].mapped, &w.phones[ALICE].outside));
    world_fini(&w);
}

static void named_stun_only(struct ptn_ua_opts *opts, unsigned phone)
{
    (void)phone;
    opts->stun[0] = opts->stun[1]; /* the one that needs SRV and A */
    opts->stun_count = 1;
    opts->accounts[0].server.name = "198.51.100.5";
    opts->accounts[0].domain = "sip.example.org";
}

TEST(registration_waits_300_ms_for_a_stun_server_whose_name_is_not_resolved)
{
    world_init(&w, WORLD_NAT_CONE, WORLD_NAT_NONE, named_stun_only);
    w.dns_dead = true;
    world_start(&w);
    ptn_time start = w.now;
    CHECK(world_until(&w, ALICE, PTN_UA_REGISTERED, 1, PTN_S(2)));
    CHECK(w.now - start >= PTN_MS(300));
    CHECK(w.now - start <= PTN_MS(300) + 4 * w.delay + PTN_MS(1));
    world_fini(&w);
}

static void wrong_password(struct ptn_ua_opts *opts, unsigned phone)
{
    if (phone == ALICE)
        opts->accounts[0].password = "guessed";
}

TEST(a_wrong_password_is_told_and_not_hammered)
{
    begin(WORLD_NAT_CONE, wrong_password);
    CHECK(world_until(&w, ALICE, PTN_UA_REGISTER_FAILED, 1, PTN_S(2)));
    CHECK_EQ(403, w.phones[ALICE].last[PTN_UA_REGISTER_FAILED].status);
    world_run(&w, PTN_S(600));
    unsigned refused = ptn_registrar_count(w.registrar, PTN_REGISTRAR_REFUSED);
    CHECK(refused >= 2 && refused <= 25);
    struct ptn_ua_status status = status_of(ALICE);
    CHECK_EQ(PTN_UA_ACCOUNT_FAILED, status.accounts[0].state);
    CHECK_EQ(403, status.accounts[0].last_status);
    CHECK(status.accounts[0].retry_at > w.now);
    world_fini(&w);
}

TEST(a_sip_port_in_use_is_told)
{
    world_init(&w, WORLD_NAT_CONE, WORLD_NAT_NONE, NULL);
    w.phones[ALICE].busy_port = 5060;
    world_start(&w);
    world_run(&w, PTN_S(5));
    CHECK_EQ(1, w.phones[ALICE].events[PTN_UA_SOCKET_FAILED]);
    CHECK_EQ(PTN_ERR_IN_USE, w.phones[ALICE].last[PTN_UA_SOCKET_FAILED].why);
    CHECK_EQ(5060, w.phones[ALICE].last[PTN_UA_SOCKET_FAILED].addr.port);
    CHECK_EQ(0, w.phones[ALICE].events[PTN_UA_REGISTERED]);
    world_fini(&w);
}

TEST(options_out_of_range_are_refused)
{
    struct ptn_ua *ua = NULL;
    struct ptn_ua_opts good = {
        .locals = {{.addr = ptn_addr_v4(192, 0, 2, 1, 0)}},
        .local_count = 1,
        .rtp_port_min = 11780,
        .rtp_port_max = 11799,
        .account_count = 1,
        .accounts = {{.user = "alice"}},
        .dice = ptn_dice_seeded(1),
    };
    struct ptn_ua_opts bad[9];

    for (unsigned i = 0; i < 9; i++)
        bad[i] = good;
    bad[0].local_count = 0;
    bad[1].locals[0].addr = (struct ptn_addr){.family = PTN_IPV4};
    bad[2].rtp_port_max = 11780;
    bad[3].account_count = 17;
    bad[4].accounts[0].user = NULL;
    bad[5].ptime_ms = 33;
    bad[6].stun_count = 5;
    bad[7].accounts[0].server.transport = PTN_TCP;
    bad[8].accounts[0].server.transport = PTN_TLS;
    for (unsigned i = 0; i < 9; i++)
        CHECK_EQ(PTN_ERR_INVALID, ptn_ua_new(&bad[i], &ua));
    CHECK_EQ(PTN_OK, ptn_ua_new(&good, &ua));
    ptn_ua_free(ua);
    ptn_ua_free(NULL);
}

TEST(without_stun_the_server_is_asked_where_it_sees_us_before_anything_private_is_shown)
{
    static const enum world_nat nats[] = {WORLD_NAT_CONE, WORLD_NAT_SYMMETRIC};

    for (unsigned i = 0; i < 2; i++) {
        world_init(&w, nats[i], WORLD_NAT_NONE, without_stun);
        w.strict = true;
        world_start(&w);
        CHECK(world_until(&w, ALICE, PTN_UA_REGISTERED, 1, PTN_S(2)));
        world_run(&w, PTN_S(60));
        CHECK_EQ(0, w.private_shown);
        CHECK_EQ(PTN_REACH_BY_RPORT, status_of(ALICE).accounts[0].contact.why);
        world_fini(&w);
    }
}

TEST(each_search_for_the_nats_kind_has_ids_of_its_own)
{
    struct ptn_addr moved = ptn_addr_v4(192, 168, 1, 77, 0);
    struct ptn_ua *ua;
    struct ptn_ask ask;
    ptn_id first = 0;

    world_init(&w, WORLD_NAT_CONE, WORLD_NAT_NONE, NULL);
    ua = w.phones[ALICE].ua;
    ptn_ua_start(ua, 0);
    while (ptn_ua_output(ua, 0, &ask))
        if (ptn_ua_kind_owns(ua, ask.id))
            first = ask.id;
    CHECK(first != 0);
    /* An answer to the first search must not be taken for one to the second. */
    ua->kind_over = true;
    ua->opts.roams = true;
    ptn_ua_input(ua, PTN_S(1),
                 &(struct ptn_tell){.kind = PTN_TELL_ADDRESSES, .addrs = &moved, .addr_count = 1});
    CHECK(!ptn_ua_kind_owns(ua, first));
    world_fini(&w);
}

static void direct(struct ptn_ua_opts *opts, unsigned phone)
{
    opts->accounts[0].server.name = NULL;
    opts->accounts[0].domain = "example.org";
    opts->accounts[0].registers = false;
    opts->auto_answer = phone == BOB;
}

TEST(a_phone_without_a_server_calls_an_address_directly)
{
    ptn_ua_call_id call;

    begin(WORLD_NAT_CONE, direct);
    world_run(&w, PTN_S(2));
    struct ptn_ua_status status = status_of(ALICE);
    CHECK_EQ(PTN_UA_ACCOUNT_DIRECT, status.accounts[0].state);
    CHECK_EQ(PTN_OK, ptn_ua_dial(w.phones[ALICE].ua, w.now, 0, "sip:bob@192.0.2.11:5060", &call));
    world_drain(&w, ALICE);
    w.strict = true;
    CHECK(world_until(&w, ALICE, PTN_UA_ANSWERED, 1, PTN_S(2)));
    CHECK(world_until(&w, ALICE, PTN_UA_HEARD, 1, PTN_S(1)));
    CHECK(world_until(&w, BOB, PTN_UA_HEARD, 1, PTN_S(1)));
    CHECK_EQ(0, w.private_shown);
    world_fini(&w);
}

/* Bob puts Alice on hold and resumes, as his agent would for any phone. */
static void bob_offers(enum ptn_sdp_direction direction)
{
    struct ptn_ua *bob = w.phones[BOB].ua;
    struct ptn_ua_call *call = &bob->calls[0];
    struct ptn_sdp offer;

    call->ours.direction = direction;
    call->ours.version++;
    ptn_agree_offer(&call->ours, &offer);
    CHECK(ptn_sip_call_modify(bob->sip, w.now, call->sip, NULL, &offer));
    world_drain(&w, BOB);
}

TEST(a_call_on_hold_sends_nothing_but_keeps_the_way_open)
{
    ptn_ua_call_id call;

    begin(WORLD_NAT_CONE, NULL);
    CHECK(world_until(&w, ALICE, PTN_UA_REGISTERED, 1, PTN_S(2)));
    CHECK(world_until(&w, BOB, PTN_UA_REGISTERED, 1, PTN_S(2)));
    CHECK_EQ(PTN_OK, ptn_ua_dial(w.phones[ALICE].ua, w.now, 0, "bob", &call));
    world_drain(&w, ALICE);
    CHECK(world_until(&w, BOB, PTN_UA_INCOMING, 1, PTN_S(2)));
    CHECK(ptn_ua_answer(w.phones[BOB].ua, w.now, w.phones[BOB].call));
    world_drain(&w, BOB);
    CHECK(world_until(&w, ALICE, PTN_UA_ANSWERED, 1, PTN_S(2)));
    world_run(&w, PTN_S(2));

    bob_offers(PTN_SDP_SENDONLY);
    world_run(&w, PTN_S(1));
    struct ptn_ua_status status = status_of(ALICE);
    uint64_t sent = status.calls[0].stats.sent_packets;
    world_run(&w, PTN_S(40));
    status = status_of(ALICE);
    CHECK_EQ(sent, status.calls[0].stats.sent_packets);
    CHECK_EQ(PTN_UA_CALL_UP, status.calls[0].state);
    /* Something left Alice's RTP and RTCP sockets all the same, and not long ago. */
    for (unsigned end = 0; end < 2; end++)
        CHECK(w.now - w.phones[ALICE].ua->calls[0].pair->ends[end].flow.sent_at <= PTN_S(15));

    bob_offers(PTN_SDP_SENDRECV);
    world_run(&w, PTN_S(2));
    status = status_of(ALICE);
    CHECK(status.calls[0].stats.sent_packets > sent + 50);
    CHECK_EQ(0, w.private_shown);
    world_fini(&w);
}
