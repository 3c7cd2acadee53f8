#include <stdio.h>
#include <stdlib.h>

#include "media/tone.h"
#include "support/test.h"
#include "unit/ua/world.h"

static struct world w;

enum { ALICE, BOB };

static void expect_clean(void)
{
    if (w.private_shown)
        print_error("# a private address was shown to a public peer:\n%s\n", w.shown);
    CHECK_EQ(0, w.private_shown);
}

static void both_registered(enum world_nat alice, enum world_nat bob,
                            void (*change)(struct ptn_ua_opts *, unsigned))
{
    world_init(&w, alice, bob, change);
    world_start(&w);
    CHECK(world_until(&w, ALICE, PTN_UA_REGISTERED, 1, PTN_S(10)));
    CHECK(world_until(&w, BOB, PTN_UA_REGISTERED, 1, PTN_S(10)));
    world_run(&w, PTN_S(2));
}

static void auto_answer(struct ptn_ua_opts *opts, unsigned phone)
{
    opts->auto_answer = phone == BOB;
    opts->auto_answer_after = PTN_MS(100);
}

static ptn_ua_call_id dial(unsigned phone, const char *target)
{
    ptn_ua_call_id call = 0;

    CHECK_EQ(PTN_OK, ptn_ua_dial(w.phones[phone].ua, w.now, 0, target, &call));
    world_drain(&w, phone);
    return call;
}

/* In the last half second; `purity` 1 is a tone without any flaw. */
static void hears_through(unsigned phone, double hz, double purity)
{
    struct ptn_tone_heard heard = ptn_tone_hear(w.phones[phone].heard + 4000, 4000);

    if (heard.hz < hz - 5 || heard.hz > hz + 5)
        print_error("# %s hears %.0f Hz at %.0f dBFS, not %.0f Hz\n", phone ? "bob" : "alice",
                    heard.hz, heard.level_dbfs, hz);
    CHECK(heard.hz > hz - 5 && heard.hz < hz + 5);
    CHECK(heard.purity > purity);
}

static void hears(unsigned phone, double hz)
{
    hears_through(phone, hz, 0.95);
}

TEST(a_phone_registers_under_the_address_that_stun_sees)
{
    struct ptn_ua_status *status = malloc(sizeof *status);

    world_init(&w, WORLD_NAT_CONE, WORLD_NAT_NONE, NULL);
    w.strict = true;
    world_start(&w);
    CHECK(world_until(&w, ALICE, PTN_UA_REGISTERED, 1, PTN_S(1)));
    CHECK(world_until(&w, BOB, PTN_UA_REGISTERED, 1, PTN_S(1)));
    struct ptn_addr contact = world_contact(&w, ALICE);
    CHECK(ptn_addr_same_ip(&w.phones[ALICE].outside, &contact));
    expect_clean();

    world_run(&w, PTN_S(1));
    ptn_ua_status(w.phones[ALICE].ua, w.now, status);
    CHECK_EQ(PTN_UA_ACCOUNT_REGISTERED, status->accounts[0].state);
    CHECK_EQ(PTN_REACH_BY_STUN, status->accounts[0].contact.why);
    CHECK_EQ(PTN_REACH_NAT_SAME_FOR_ALL, status->nat);
    CHECK_ADDR(&WORLD_REGISTRAR, &status->accounts[0].server);
    CHECK_EQ(2, status->stun_count);
    CHECK(status->stun[0].answers && status->stun[1].answers);
    CHECK_ADDR(&WORLD_STUN_2, &status->stun[1].addr);
    CHECK_EQ(3, status->socket_count); /* SIP's and one pair that is ready */
    for (unsigned i = 0; i < status->socket_count; i++)
        CHECK(ptn_addr_same_ip(&status->sockets[i].mapped, &w.phones[ALICE].outside));
    ptn_ua_status(w.phones[BOB].ua, w.now, status);
    CHECK_EQ(PTN_REACH_BY_NO_NAT, status->accounts[0].contact.why);
    CHECK_EQ(PTN_REACH_NAT_NONE, status->nat);
    free(status);
    world_fini(&w);
}

/* Both NATs of every kind that STUN can cross, and without. */
TEST(two_phones_behind_nats_hear_each_other)
{
    static const struct {
        enum world_nat alice, bob;
    } rows[] = {
        {WORLD_NAT_NONE, WORLD_NAT_NONE},
        {WORLD_NAT_CONE, WORLD_NAT_NONE},
        {WORLD_NAT_NONE, WORLD_NAT_CONE},
        {WORLD_NAT_CONE, WORLD_NAT_CONE},
    };

    for (unsigned i = 0; i < 4; i++) {
        both_registered(rows[i].alice, rows[i].bob, NULL);
        w.strict = true;
        dial(ALICE, "bob");
        CHECK(world_until(&w, BOB, PTN_UA_INCOMING, 1, PTN_S(1)));
        CHECK(world_until(&w, ALICE, PTN_UA_RINGING, 1, PTN_S(1)));
        CHECK(ptn_ua_answer(w.phones[BOB].ua, w.now, w.phones[BOB].call));
        world_drain(&w, BOB);
        CHECK(world_until(&w, ALICE, PTN_UA_ANSWERED, 1, PTN_S(1)));
        CHECK(world_until(&w, ALICE, PTN_UA_HEARD, 1, PTN_MS(500)));
        CHECK(world_until(&w, BOB, PTN_UA_HEARD, 1, PTN_MS(500)));
        world_run(&w, PTN_S(3));
        hears(BOB, 440);
        hears(ALICE, 1000);
        CHECK(ptn_ua_hang_up(w.phones[BOB].ua, w.now, w.phones[BOB].call));
        world_drain(&w, BOB);
        CHECK(world_until(&w, ALICE, PTN_UA_ENDED, 1, PTN_S(1)));
        CHECK(world_until(&w, BOB, PTN_UA_ENDED, 1, PTN_S(1)));
        CHECK_EQ(PTN_SIP_ENDED_BY_PEER, w.phones[ALICE].last[PTN_UA_ENDED].ended);
        CHECK_EQ(PTN_SIP_ENDED_BY_US, w.phones[BOB].last[PTN_UA_ENDED].ended);
        for (unsigned p = 0; p < 2; p++) {
            CHECK(w.phones[p].final.received_packets > 140);
            CHECK_EQ(0, w.phones[p].final.lost);
            CHECK(w.phones[p].final.sent_packets > 140);
            CHECK(w.phones[p].final.rtcp_received > 0);
        }
        expect_clean();
        world_fini(&w);
    }
}

TEST(the_call_goes_the_other_way_too_and_its_round_trip_is_known)
{
    both_registered(WORLD_NAT_CONE, WORLD_NAT_CONE, NULL);
    dial(BOB, "alice");
    CHECK(world_until(&w, ALICE, PTN_UA_INCOMING, 1, PTN_S(1)));
    CHECK(ptn_ua_answer(w.phones[ALICE].ua, w.now, w.phones[ALICE].call));
    world_drain(&w, ALICE);
    CHECK(world_until(&w, BOB, PTN_UA_ANSWERED, 1, PTN_S(1)));
    world_run(&w, PTN_S(20));
    hears(ALICE, 1000);
    hears(BOB, 440);
    struct ptn_ua_status *status = malloc(sizeof *status);
    ptn_ua_status(w.phones[BOB].ua, w.now, status);
    CHECK_EQ(1, status->call_count);
    CHECK_EQ(PTN_UA_CALL_UP, status->calls[0].state);
    CHECK_EQ(PTN_CODEC_PCMU, status->calls[0].codec);
    CHECK_EQ(PTN_REACH_BY_STUN, status->calls[0].rtp.why);
    CHECK(status->calls[0].has_stats);
    CHECK(status->calls[0].stats.rtt >= PTN_MS(39) && status->calls[0].stats.rtt <= PTN_MS(42));
    CHECK_ADDR(&status->calls[0].rtp_signalled, &status->calls[0].rtp_remote);
    free(status);
    world_fini(&w);
}

TEST(a_call_is_answered_by_itself_when_the_options_say_so)
{
    both_registered(WORLD_NAT_CONE, WORLD_NAT_CONE, auto_answer);
    dial(ALICE, "bob");
    CHECK(world_until(&w, ALICE, PTN_UA_ANSWERED, 1, PTN_S(1)));
    CHECK(w.phones[BOB].told_at[PTN_UA_ANSWERED] - w.phones[BOB].told_at[PTN_UA_INCOMING] >=
          PTN_MS(100));
    world_fini(&w);
}

static ptn_time set_up_span(bool stun_dead)
{
    world_init(&w, WORLD_NAT_CONE, WORLD_NAT_CONE, auto_answer);
    w.stun_dead = stun_dead;
    world_start(&w);
    CHECK(world_until(&w, ALICE, PTN_UA_REGISTERED, 1, PTN_S(10)));
    CHECK(world_until(&w, BOB, PTN_UA_REGISTERED, 1, PTN_S(10)));
    ptn_time begin = w.now; /* at once: no time to have learnt that the servers are silent */
    dial(ALICE, "bob");
    CHECK(world_until(&w, ALICE, PTN_UA_ANSWERED, 1, PTN_S(2)));
    ptn_time span = w.now - begin;
    expect_clean();
    world_fini(&w);
    return span;
}

TEST(dead_stun_servers_cost_a_call_less_than_300_ms)
{
    ptn_time alive = set_up_span(false), dead = set_up_span(true);

    print_message("# %lld ms with STUN, %lld ms without\n", (long long)ptn_time_ms(alive),
                  (long long)ptn_time_ms(dead));
    CHECK(dead - alive < PTN_MS(300));
}

static void eight_calls(struct ptn_ua_opts *opts, unsigned phone)
{
    auto_answer(opts, phone);
    opts->calls_max = 8;
    opts->rtp_port_max = 11999;
}

static ptn_time last_of_eight(bool stun_dead)
{
    world_init(&w, WORLD_NAT_CONE, WORLD_NAT_CONE, eight_calls);
    w.stun_dead = stun_dead;
    world_start(&w);
    CHECK(world_until(&w, ALICE, PTN_UA_REGISTERED, 1, PTN_S(10)));
    CHECK(world_until(&w, BOB, PTN_UA_REGISTERED, 1, PTN_S(10)));
    w.delay = PTN_MS(10);
    ptn_time begin = w.now;
    for (unsigned i = 0; i < 8; i++)
        dial(ALICE, "bob");
    CHECK(world_until(&w, ALICE, PTN_UA_ANSWERED, 8, PTN_S(3)));
    ptn_time span = w.now - begin;
    world_fini(&w);
    return span;
}

TEST(calls_without_a_ready_pair_of_sockets_do_not_wait_for_servers_known_to_be_silent)
{
    ptn_time alive = last_of_eight(false), dead = last_of_eight(true);

    print_message("# the last of eight after %lld ms with STUN, %lld ms without\n",
                  (long long)ptn_time_ms(alive), (long long)ptn_time_ms(dead));
    CHECK(alive < PTN_MS(300));
    CHECK(dead <= alive);
}

TEST(without_stun_the_registrar_tells_a_phone_where_it_is)
{
    world_init(&w, WORLD_NAT_CONE, WORLD_NAT_CONE, auto_answer);
    w.stun_dead = true;
    world_start(&w);
    CHECK(world_until(&w, ALICE, PTN_UA_REGISTERED, 1, PTN_S(5)));
    world_run(&w, PTN_S(20));
    struct ptn_ua_status *status = malloc(sizeof *status);
    ptn_ua_status(w.phones[ALICE].ua, w.now, status);
    CHECK_EQ(PTN_REACH_BY_RPORT, status->accounts[0].contact.why);
    CHECK(ptn_addr_same_ip(&status->accounts[0].contact.addr, &w.phones[ALICE].outside));
    /* The registrar has the new contact and not the old one beside it. */
    struct ptn_addr bound = world_contact(&w, ALICE);
    CHECK_ADDR(&status->accounts[0].contact.addr, &bound);
    free(status);
    dial(BOB, "alice");
    CHECK(world_until(&w, ALICE, PTN_UA_INCOMING, 1, PTN_S(1)));
    expect_clean();
    world_fini(&w);
}

TEST(behind_a_symmetric_nat_no_stun_address_is_told_and_the_phone_says_so)
{
    both_registered(WORLD_NAT_SYMMETRIC, WORLD_NAT_NONE, auto_answer);
    struct ptn_ua_status *status = malloc(sizeof *status);
    CHECK_EQ(0, w.stun_told);
    dial(ALICE, "bob");
    CHECK(world_until(&w, ALICE, PTN_UA_ANSWERED, 1, PTN_S(1)));
    world_run(&w, PTN_S(3));
    CHECK_EQ(0, w.stun_told);
    expect_clean();
    ptn_ua_status(w.phones[ALICE].ua, w.now, status);
    CHECK_EQ(PTN_REACH_NAT_PER_DESTINATION, status->nat);
    CHECK_EQ(PTN_REACH_BY_RPORT_ONLY, status->accounts[0].contact.why);
    CHECK_EQ(PTN_REACH_BY_SYMMETRIC, status->calls[0].rtp.why);
    CHECK(strstr(status->nat_type, "symmetric") != NULL);
    CHECK(w.phones[ALICE].events[PTN_UA_NAT_CHANGED] > 0);
    free(status);
    /* Bob is public and follows where Alice's sound comes from. */
    hears(BOB, 440);
    hears(ALICE, 1000);
    /* And he can call her, because her contact is what the registrar sees. */
    ptn_ua_hang_up(w.phones[BOB].ua, w.now, w.phones[BOB].call);
    world_drain(&w, BOB);
    CHECK(world_until(&w, ALICE, PTN_UA_ENDED, 1, PTN_S(1)));
    dial(BOB, "alice");
    CHECK(world_until(&w, ALICE, PTN_UA_INCOMING, 1, PTN_S(1)));
    world_fini(&w);
}

TEST(a_rebooted_nat_is_noticed_and_the_phone_is_reachable_again)
{
    both_registered(WORLD_NAT_CONE, WORLD_NAT_CONE, auto_answer);
    struct ptn_addr before = world_contact(&w, BOB);
    world_reboot_nat(&w, BOB);
    world_run(&w, PTN_S(60));
    struct ptn_addr after = world_contact(&w, BOB);
    CHECK(!ptn_addr_equal(&before, &after));
    dial(ALICE, "bob");
    CHECK(world_until(&w, ALICE, PTN_UA_ANSWERED, 1, PTN_S(1)));
    world_run(&w, PTN_S(2));
    hears(BOB, 440);
    expect_clean();
    world_fini(&w);
}

TEST(hours_of_registration_stay_at_one_contact_and_few_requests)
{
    both_registered(WORLD_NAT_CONE, WORLD_NAT_CONE, NULL);
    unsigned before = ptn_registrar_count(w.registrar, PTN_REGISTRAR_REGISTERED);
    world_run(&w, PTN_S(3600));
    unsigned after = ptn_registrar_count(w.registrar, PTN_REGISTRAR_REGISTERED) - before;
    /* A lease of 600 s is renewed at half of it or a little before. */
    CHECK(after >= 2 * 11 && after <= 2 * 16);
    CHECK_EQ(0, w.phones[ALICE].events[PTN_UA_REGISTER_FAILED]);
    expect_clean();
    world_fini(&w);
}

TEST(a_refused_call_ends_with_the_status_it_was_refused_with)
{
    both_registered(WORLD_NAT_CONE, WORLD_NAT_CONE, NULL);
    dial(ALICE, "bob");
    CHECK(world_until(&w, BOB, PTN_UA_INCOMING, 1, PTN_S(1)));
    CHECK(!ptn_ua_reject(w.phones[BOB].ua, w.now, w.phones[BOB].call, 200));
    CHECK(ptn_ua_reject(w.phones[BOB].ua, w.now, w.phones[BOB].call, 486));
    world_drain(&w, BOB);
    CHECK(world_until(&w, ALICE, PTN_UA_ENDED, 1, PTN_S(1)));
    CHECK_EQ(PTN_SIP_ENDED_REFUSED, w.phones[ALICE].last[PTN_UA_ENDED].ended);
    CHECK_EQ(486, w.phones[ALICE].last[PTN_UA_ENDED].status);
    CHECK(world_until(&w, BOB, PTN_UA_ENDED, 1, PTN_S(5)));
    world_fini(&w);
}

TEST(a_call_to_nobody_ends_with_404)
{
    both_registered(WORLD_NAT_CONE, WORLD_NAT_CONE, NULL);
    dial(ALICE, "nobody");
    CHECK(world_until(&w, ALICE, PTN_UA_ENDED, 1, PTN_S(1)));
    CHECK_EQ(404, w.phones[ALICE].last[PTN_UA_ENDED].status);
    world_fini(&w);
}

TEST(a_caller_may_change_his_mind)
{
    both_registered(WORLD_NAT_CONE, WORLD_NAT_CONE, NULL);
    ptn_ua_call_id call = dial(ALICE, "bob");
    CHECK(world_until(&w, BOB, PTN_UA_INCOMING, 1, PTN_S(1)));
    world_run(&w, PTN_MS(200));
    CHECK(ptn_ua_hang_up(w.phones[ALICE].ua, w.now, call));
    CHECK(!ptn_ua_hang_up(w.phones[ALICE].ua, w.now, call));
    world_drain(&w, ALICE);
    CHECK(world_until(&w, BOB, PTN_UA_ENDED, 1, PTN_S(1)));
    CHECK(world_until(&w, ALICE, PTN_UA_ENDED, 1, PTN_S(1)));
    CHECK_EQ(PTN_SIP_ENDED_BY_PEER, w.phones[BOB].last[PTN_UA_ENDED].ended);
    CHECK_EQ(PTN_SIP_ENDED_BY_US, w.phones[ALICE].last[PTN_UA_ENDED].ended);
    CHECK(!ptn_ua_answer(w.phones[BOB].ua, w.now, w.phones[BOB].call));
    world_fini(&w);
}

TEST(more_calls_than_allowed_are_refused_on_both_sides)
{
    ptn_ua_call_id call;

    both_registered(WORLD_NAT_CONE, WORLD_NAT_CONE, NULL);
    for (unsigned i = 0; i < 4; i++)
        dial(ALICE, "bob");
    CHECK_EQ(PTN_ERR_NO_ROOM, ptn_ua_dial(w.phones[ALICE].ua, w.now, 0, "bob", &call));
    CHECK_EQ(PTN_ERR_INVALID, ptn_ua_dial(w.phones[ALICE].ua, w.now, 1, "bob", &call));
    CHECK(world_until(&w, BOB, PTN_UA_INCOMING, 4, PTN_S(1)));
    CHECK_EQ(PTN_ERR_NO_ROOM, ptn_ua_dial(w.phones[BOB].ua, w.now, 0, "alice", &call));
    world_fini(&w);
}

static void sixteen_accounts(struct ptn_ua_opts *opts, unsigned phone)
{
    static char names[16][8];

    if (phone != ALICE)
        return;
    opts->account_count = 16;
    for (unsigned i = 1; i < 16; i++) {
        opts->accounts[i] = opts->accounts[0];
        snprintf(names[i], sizeof names[i], "u%u", i);
        opts->accounts[i].user = names[i];
        opts->accounts[i].password = NULL; /* the registrar knows none of them */
    }
    opts->accounts[15].user = "alice";
    opts->accounts[15].password = "alices secret";
    opts->accounts[0].user = "u0";
}

TEST(sixteen_accounts_share_one_socket_and_fail_or_register_each_for_itself)
{
    world_init(&w, WORLD_NAT_CONE, WORLD_NAT_NONE, sixteen_accounts);
    world_start(&w);
    CHECK(world_until(&w, ALICE, PTN_UA_REGISTER_FAILED, 15, PTN_S(2)));
    CHECK(world_until(&w, ALICE, PTN_UA_REGISTERED, 1, PTN_S(1)));
    CHECK_EQ(15, w.phones[ALICE].last[PTN_UA_REGISTERED].account);
    CHECK(world_until(&w, BOB, PTN_UA_REGISTERED, 1, PTN_S(2)));
    dial(BOB, "alice");
    CHECK(world_until(&w, ALICE, PTN_UA_INCOMING, 1, PTN_S(1)));
    CHECK_EQ(15, w.phones[ALICE].last[PTN_UA_INCOMING].account);
    world_fini(&w);
}

TEST(a_media_port_in_use_is_stepped_over)
{
    world_init(&w, WORLD_NAT_CONE, WORLD_NAT_CONE, auto_answer);
    w.phones[ALICE].busy_port = 11781;
    world_start(&w);
    CHECK(world_until(&w, ALICE, PTN_UA_REGISTERED, 1, PTN_S(5)));
    CHECK(world_until(&w, BOB, PTN_UA_REGISTERED, 1, PTN_S(5)));
    dial(ALICE, "bob");
    CHECK(world_until(&w, ALICE, PTN_UA_ANSWERED, 1, PTN_S(2)));
    world_run(&w, PTN_S(2));
    hears(BOB, 440);
    world_fini(&w);
}

TEST(a_clean_end_hangs_up_and_withdraws_the_registration)
{
    both_registered(WORLD_NAT_CONE, WORLD_NAT_CONE, auto_answer);
    dial(ALICE, "bob");
    CHECK(world_until(&w, ALICE, PTN_UA_ANSWERED, 1, PTN_S(1)));
    world_run(&w, PTN_S(1));
    ptn_ua_stop(w.phones[ALICE].ua, w.now);
    world_drain(&w, ALICE);
    CHECK(world_until(&w, ALICE, PTN_UA_STOPPED, 1, PTN_S(1)));
    CHECK(world_until(&w, BOB, PTN_UA_ENDED, 1, PTN_S(1)));
    CHECK_EQ(1, w.phones[ALICE].events[PTN_UA_ENDED]);
    CHECK_EQ(1, w.phones[ALICE].events[PTN_UA_UNREGISTERED]);
    CHECK(!ptn_registrar_binding(w.registrar, "alice", w.now));
    world_fini(&w);
}

TEST(a_clean_end_without_a_server_takes_its_bound_and_no_longer)
{
    both_registered(WORLD_NAT_CONE, WORLD_NAT_CONE, NULL);
    w.registrar_dead = true;
    ptn_time begin = w.now;
    ptn_ua_stop(w.phones[ALICE].ua, w.now);
    world_drain(&w, ALICE);
    CHECK(world_until(&w, ALICE, PTN_UA_STOPPED, 1, PTN_S(40)));
    CHECK(w.now - begin <= PTN_UA_STOP_MAX);
    world_fini(&w);
}

TEST(a_frame_of_sound_comes_out_every_20_ms_also_after_a_late_awakening)
{
    both_registered(WORLD_NAT_NONE, WORLD_NAT_NONE, auto_answer);
    dial(ALICE, "bob");
    CHECK(world_until(&w, ALICE, PTN_UA_ANSWERED, 1, PTN_S(1)));
    world_run(&w, PTN_S(1));
    unsigned before = w.phones[ALICE].frames;
    world_run(&w, PTN_S(2));
    CHECK(w.phones[ALICE].frames - before >= 99 && w.phones[ALICE].frames - before <= 101);

    /* Nobody looks for a second: a few frames are made up for, not fifty. */
    before = w.phones[ALICE].frames;
    w.now += PTN_S(1);
    ptn_ua_tick(w.phones[ALICE].ua, w.now);
    world_drain(&w, ALICE);
    CHECK(w.phones[ALICE].frames - before <= 6);
    world_run(&w, PTN_S(1));
    hears(BOB, 440);
    world_fini(&w);
}

TEST(five_percent_loss_does_not_end_a_call)
{
    both_registered(WORLD_NAT_CONE, WORLD_NAT_CONE, auto_answer);
    w.loss = 0.05;
    for (unsigned i = 1; i <= 20; i++) {
        ptn_ua_call_id call = dial(ALICE, "bob");
        CHECK(world_until(&w, ALICE, PTN_UA_ANSWERED, i, PTN_S(20)));
        world_run(&w, PTN_S(5));
        hears_through(BOB, 440, 0.5);
        hears_through(ALICE, 1000, 0.5);
        ptn_ua_hang_up(w.phones[ALICE].ua, w.now, call);
        world_drain(&w, ALICE);
        CHECK(world_until(&w, ALICE, PTN_UA_ENDED, i, PTN_S(40)));
        CHECK(world_until(&w, BOB, PTN_UA_ENDED, i, PTN_S(40)));
    }
    expect_clean();
    world_fini(&w);
}

/* A caller who requires reliable ringing and brings no offer (RFC 3262 §5). */
TEST(a_caller_without_offer_who_insists_on_hearing_it_ring_gets_the_offer_with_that)
{
    static char rang[2048];
    static const char invite[] =
        "INVITE sip:alice@198.51.100.5 SIP/2.0\r\n"
        "Via: SIP/2.0/UDP 198.51.100.5:5060;branch=z9hG4bKlate\r\nFrom: <sip:carol@x>;tag=c\r\n"
        "To: <sip:alice@x>\r\nCall-ID: late\r\nCSeq: 1 INVITE\r\nRequire: 100rel\r\n"
        "Contact: <sip:carol@198.51.100.5>\r\nContent-Length: 0\r\n\r\n";

    both_registered(WORLD_NAT_CONE, WORLD_NAT_CONE, NULL);
    struct ptn_addr alice = world_contact(&w, ALICE);
    world_send(&w, &WORLD_REGISTRAR, &alice, invite, sizeof invite - 1);
    CHECK(world_until(&w, ALICE, PTN_UA_INCOMING, 1, PTN_S(1)));
    for (unsigned i = 0; i < w.packet_count; i++)
        if (w.packets[i].size > 11 && memcmp(w.packets[i].bytes, "SIP/2.0 180", 11) == 0)
            snprintf(rang, sizeof rang, "%.*s", (int)w.packets[i].size,
                     (const char *)w.packets[i].bytes);
    CHECK(strstr(rang, "Require: 100rel\r\nRSeq: ") && strstr(rang, "m=audio "));
    expect_clean();
    world_fini(&w);
}
