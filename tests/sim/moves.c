/*
 * tests/sim/moves.c - stories of the ground that moves under a call or a registration: a NAT
 * that forgets everything, another address outside or inside, a way that is cut for a while.
 */
#include <stdlib.h>
#include <string.h>

#include "homes.h"
#include "support/test.h"

static struct homes h;

/* How often a far end was called anew, and calls that came while ours to the same far end was out.
 */
static unsigned called_anew, turned_away;

static void log_line(void *self, enum ptn_log_level level, const char *line)
{
    (void)level;
    called_anew += strstr(line, "its far end is called anew") != NULL;
    turned_away += strstr(line, "ours goes first") != NULL;
    if (getenv("SIM_LOG"))
        print_message("# %7.3f %s: %s\n", (double)ptn_sim_now(h.w) / 1e9, (const char *)self, line);
}

static const struct ptn_log logs[HOMES] = {{log_line, "alice", PTN_LOG_DEBUG},
                                           {log_line, "bob", PTN_LOG_DEBUG}};

static void listen_to(struct ptn_ua_opts *opts, unsigned phone)
{
    opts->log = &logs[phone];
}

static void without_stun(struct ptn_ua_opts *opts, unsigned phone)
{
    listen_to(opts, phone);
    opts->stun_count = 0;
}

static void open_homes(const char *alice, const char *bob,
                       void (*change)(struct ptn_ua_opts *, unsigned))
{
    homes_open(&h, &(struct homes_opts){.seed = 1, .nat = {alice, bob}, .change = change});
    CHECK(homes_register(&h, PTN_S(5)));
    homes_run(&h, PTN_S(1));
}

static void both_hear(void)
{
    CHECK(homes_hears(&h, ALICE));
    CHECK(homes_hears(&h, BOB));
}

static void call_and_talk(void)
{
    CHECK(homes_call(&h));
    homes_run(&h, PTN_S(5));
    both_hear();
}

static struct ptn_addr contact_of(unsigned phone)
{
    static struct ptn_ua_status status;

    ptn_ua_status(h.phones[phone].ua, ptn_sim_now(h.w), &status);
    return status.accounts[0].contact.addr;
}

static const char *nat_type_of(unsigned phone)
{
    static struct ptn_ua_status status;

    ptn_ua_status(h.phones[phone].ua, ptn_sim_now(h.w), &status);
    return status.nat_type;
}

/* Each new mapping gets a random port, so that nothing is as before by chance. */
static void event_in_a_call(const char *nat, const char *event)
{
    open_homes(nat, "port-restricted ports random", listen_to);
    call_and_talk();
    homes_happen(&h, event);
    homes_run(&h, PTN_S(4));
    both_hear();
    /* In both directions the far end is found for what follows: Bob hangs up. */
    CHECK(homes_hang_up(&h, BOB));
    CHECK_EQ(PTN_SIP_ENDED_BY_PEER, h.phones[ALICE].ended);
    homes_run(&h, PTN_S(2));
    call_and_talk();
    CHECK(homes_hang_up(&h, ALICE));
    homes_close(&h);
}

TEST(a_nat_that_reboots_is_noticed_by_silence_and_the_call_goes_on_within_4_s)
{
    event_in_a_call("port-restricted ports random", "reboot nat-a");
}

TEST(a_nat_that_gets_another_address_keeps_its_call)
{
    event_in_a_call("port-restricted ports random", "address nat-a 203.0.113.77");
}

TEST(a_host_that_gets_another_address_keeps_its_call)
{
    event_in_a_call("port-restricted ports random", "address alice 192.168.1.77");
}

TEST(a_host_without_nat_that_gets_another_address_keeps_its_call)
{
    event_in_a_call(NULL, "address alice 198.51.100.77");
}

TEST(the_answering_side_may_move_as_well)
{
    open_homes("address-restricted", "port-restricted ports random", listen_to);
    call_and_talk();
    homes_happen(&h, "address bob 192.168.1.99");
    homes_run(&h, PTN_S(4));
    both_hear();
    CHECK(homes_hang_up(&h, ALICE));
    homes_close(&h);
}

TEST(one_after_the_other_may_move)
{
    open_homes("full-cone ports random", "port-restricted ports random", listen_to);
    call_and_talk();
    for (unsigned i = 0; i < 3; i++) {
        homes_happen(&h, i % 2 ? "reboot nat-a" : "reboot nat-b");
        homes_run(&h, PTN_S(12));
        both_hear();
    }
    CHECK(homes_hang_up(&h, ALICE));
    homes_close(&h);
}

TEST(a_new_address_replaces_the_old_contact_at_once_and_leaves_no_other)
{
    open_homes("port-restricted ports random", "port-restricted", listen_to);
    unsigned registered = h.phones[BOB].events[PTN_UA_REGISTERED];
    struct ptn_addr before = contact_of(BOB);
    homes_happen(&h, "address bob 192.168.1.99");
    CHECK(homes_wait(&h, BOB, PTN_UA_REGISTERED, registered + 1, PTN_S(2)));
    struct ptn_addr after = contact_of(BOB);
    CHECK(!ptn_addr_equal(&before, &after) || before.port == 5060);
    homes_run(&h, PTN_S(5));
    call_and_talk();
    CHECK_EQ(1, h.phones[BOB].events[PTN_UA_INCOMING]);
    homes_close(&h);
}

TEST(an_interface_that_goes_down_and_comes_back_registers_within_2_s)
{
    open_homes("port-restricted ports random", "port-restricted ports random", listen_to);
    unsigned registered = h.phones[BOB].events[PTN_UA_REGISTERED];
    homes_happen(&h, "address bob none");
    homes_run(&h, PTN_S(30));
    CHECK_EQ(registered, h.phones[BOB].events[PTN_UA_REGISTERED]);
    homes_happen(&h, "address bob 192.168.1.10");
    CHECK(homes_wait(&h, BOB, PTN_UA_REGISTERED, registered + 1, PTN_S(2)));
    call_and_talk();
    homes_close(&h);
}

TEST(a_network_that_is_left_for_another_is_left_with_the_call)
{
    open_homes("port-restricted ports random", "port-restricted ports random", listen_to);
    call_and_talk();
    homes_happen(&h, "address alice none");
    homes_run(&h, PTN_S(3));
    CHECK(!homes_hears(&h, BOB));
    homes_happen(&h, "address alice 192.168.1.33");
    homes_run(&h, PTN_S(4));
    both_hear();
    homes_close(&h);
}

TEST(after_40_s_of_darkness_the_phone_is_reached_within_a_keepalive_and_5_s)
{
    open_homes("port-restricted timeout 30s", "port-restricted timeout 30s ports random",
               listen_to);
    homes_run(&h, PTN_S(100));
    homes_happen(&h, "down home-b");
    homes_run(&h, PTN_S(40));
    homes_happen(&h, "reboot nat-b");
    homes_happen(&h, "up home-b");
    homes_run(&h, PTN_S(30));
    call_and_talk();
    homes_close(&h);
}

TEST(without_stun_a_rebooted_nat_is_noticed_by_a_keepalive_that_is_answered)
{
    open_homes("port-restricted ports random", "port-restricted ports random", without_stun);
    struct ptn_addr before = contact_of(BOB);
    unsigned registered = h.phones[BOB].events[PTN_UA_REGISTERED];
    homes_happen(&h, "reboot nat-b");
    CHECK(homes_wait(&h, BOB, PTN_UA_REGISTERED, registered + 1, PTN_S(55)));
    struct ptn_addr after = contact_of(BOB);
    CHECK(!ptn_addr_equal(&before, &after));
    CHECK(homes_call(&h));
    homes_close(&h);
}

/* Two answers of one NAT and two of the next look like one NAT that maps each server differently,
 * behind which nobody who is restricted himself would be called. */
TEST(the_kind_of_a_nat_that_changes_amid_the_questions_is_found_anew)
{
    for (ptn_time after = 0; after < PTN_MS(1200); after += PTN_MS(50)) {
        open_homes("address-restricted ports random", "port-restricted ports random", listen_to);
        homes_happen(&h, "address alice 192.168.1.79");
        homes_run(&h, after);
        homes_happen(&h, "address nat-a 203.0.113.86");
        homes_run(&h, PTN_S(25));
        CHECK(strncmp(nat_type_of(ALICE), "address-restricted", 18) == 0);
        call_and_talk();
        homes_close(&h);
    }
}

/* Each knows of the other only where it was: what one says within the call does not reach the
 * other, by whatever way. `then` is when the second one moves. */
static void both_move(enum ptn_transport transport, const char *const events[HOMES], ptn_time then)
{
    static const char *const nat = "port-restricted ports random";

    homes_open(&h, &(struct homes_opts){
                       .seed = 1, .nat = {nat, nat}, .transport = transport, .change = listen_to});
    CHECK(homes_register(&h, PTN_S(5)));
    homes_run(&h, PTN_S(1));
    call_and_talk();
    homes_happen(&h, events[ALICE]);
    homes_run(&h, then);
    homes_happen(&h, events[BOB]);
    homes_run(&h, PTN_S(15));
    both_hear();
    CHECK_EQ(0, h.phones[ALICE].events[PTN_UA_ENDED] + h.phones[BOB].events[PTN_UA_ENDED]);
    /* It stays so, and is one call that either may end. */
    homes_run(&h, PTN_S(35));
    both_hear();
    CHECK(homes_hang_up(&h, then ? ALICE : BOB));
    CHECK_EQ(1, h.phones[ALICE].events[PTN_UA_ENDED]);
    CHECK_EQ(1, h.phones[BOB].events[PTN_UA_ENDED]);
    homes_run(&h, PTN_S(2));
    call_and_talk();
    homes_close(&h);
}

TEST(both_may_move_at_once_and_keep_their_call)
{
    static const enum ptn_transport transports[] = {PTN_UDP, PTN_TCP, PTN_TLS};
    static const char *const moves[][HOMES] = {
        {"address alice 192.168.1.77", "address bob 192.168.1.99"},
        {"address nat-a 203.0.113.77", "address nat-b 203.0.113.99"},
        {"reboot nat-a", "reboot nat-b"},
        {"address alice 192.168.1.77", "reboot nat-b"},
    };
    static const ptn_time then[] = {0, PTN_MS(300), PTN_MS(1500)};

    for (unsigned t = 0; t < 3; t++)
        for (unsigned m = 0; m < 4; m++)
            both_move(transports[t], moves[m], then[(t + m) % 3]);
}

/* Bob moves while Alice is cut off, and she moves with her return: each calls the other anew, in
 * one moment or the next. */
TEST(two_that_call_each_other_anew_at_once_agree_on_one_call)
{
    turned_away = 0;
    for (ptn_time after = PTN_MS(4500); after < PTN_MS(5700); after += PTN_MS(40)) {
        open_homes("port-restricted ports random", "port-restricted ports random", listen_to);
        call_and_talk();
        homes_happen(&h, "down home-a");
        homes_happen(&h, "address bob 192.168.1.99");
        homes_run(&h, after);
        homes_happen(&h, "address alice 192.168.1.77");
        homes_happen(&h, "up home-a");
        homes_run(&h, PTN_S(10));
        both_hear();
        CHECK_EQ(0, h.phones[ALICE].events[PTN_UA_ENDED] + h.phones[BOB].events[PTN_UA_ENDED]);
        CHECK_EQ(1, h.phones[BOB].events[PTN_UA_INCOMING]);
        CHECK_EQ(0, h.phones[ALICE].events[PTN_UA_INCOMING]);
        CHECK(homes_hang_up(&h, BOB));
        homes_close(&h);
    }
    print_message("# %u were turned away\n", turned_away);
    CHECK(turned_away > 0);
}

TEST(a_far_end_that_is_gone_ends_the_call_once_it_was_called_anew_in_vain)
{
    open_homes("port-restricted ports random", "port-restricted ports random", listen_to);
    call_and_talk();
    called_anew = 0;
    homes_happen(&h, "down home-b");
    homes_happen(&h, "address alice 192.168.1.77");
    CHECK(homes_wait(&h, ALICE, PTN_UA_ENDED, 1, PTN_S(60)));
    CHECK_EQ(PTN_SIP_ENDED_TIMED_OUT, h.phones[ALICE].ended);
    CHECK_EQ(4, called_anew);
    /* Nothing of it is left: the next call is one call. */
    homes_happen(&h, "up home-b");
    homes_run(&h, PTN_S(60));
    CHECK_EQ(1, h.phones[BOB].events[PTN_UA_ENDED]);
    call_and_talk();
    CHECK(homes_hang_up(&h, ALICE));
    homes_close(&h);
}

TEST(a_call_on_hold_is_found_anew_too_and_stays_on_hold)
{
    open_homes("port-restricted ports random", "port-restricted ports random", listen_to);
    call_and_talk();
    CHECK(ptn_ua_hold(h.phones[ALICE].ua, ptn_sim_now(h.w), h.phones[ALICE].call, true));
    homes_wake(&h, ALICE);
    homes_run(&h, PTN_S(2));
    called_anew = 0;
    homes_happen(&h, "address alice 192.168.1.77");
    homes_happen(&h, "address bob 192.168.1.99");
    homes_run(&h, PTN_S(30));
    CHECK(called_anew > 0);
    CHECK(!homes_hears(&h, ALICE) && !homes_hears(&h, BOB));
    CHECK(ptn_ua_hold(h.phones[ALICE].ua, ptn_sim_now(h.w), h.phones[ALICE].call, false));
    homes_wake(&h, ALICE);
    homes_run(&h, PTN_S(2));
    both_hear();
    CHECK_EQ(0, h.phones[ALICE].events[PTN_UA_ENDED] + h.phones[BOB].events[PTN_UA_ENDED]);
    homes_close(&h);
}

/* Sound finds its way to who is behind an open NAT by himself; messages do not. */
TEST(who_is_heard_but_does_not_answer_is_called_anew_as_well)
{
    open_homes("full-cone ports random", "full-cone ports sequential by 2", listen_to);
    call_and_talk();
    called_anew = 0;
    homes_happen(&h, "address nat-a 203.0.113.77");
    homes_run(&h, PTN_MS(1200));
    homes_happen(&h, "address bob 192.168.1.99");
    homes_run(&h, PTN_S(20));
    both_hear();
    CHECK(called_anew > 0);
    CHECK(homes_hang_up(&h, BOB));
    CHECK_EQ(PTN_SIP_ENDED_BY_PEER, h.phones[ALICE].ended);
    homes_close(&h);
}
