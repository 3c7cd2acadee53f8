/*
 * tests/unit/ua/test_hold.c - hold and resume, and calls that ring for too long.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "media/tone.h"
#include "support/test.h"
#include "unit/ua/world.h"

static struct world w;

enum { ALICE, BOB };

static void short_rings(struct ptn_ua_opts *opts, unsigned phone)
{
    opts->ringing_max = phone == ALICE ? PTN_S(30) : PTN_S(40);
    opts->ringback_max = phone == ALICE ? PTN_S(50) : PTN_S(20);
}

static void dial(unsigned phone, const char *target)
{
    CHECK(world_until(&w, ALICE, PTN_UA_REGISTERED, 1, PTN_S(10)));
    CHECK(world_until(&w, BOB, PTN_UA_REGISTERED, 1, PTN_S(10)));
    CHECK_EQ(PTN_OK, ptn_ua_dial(w.phones[phone].ua, w.now, 0, target, &w.phones[phone].call));
    world_drain(&w, phone);
}

/* Alice, behind her NAT, calls Bob behind his. */
static void begin_call(void)
{
    world_init(&w, WORLD_NAT_CONE, WORLD_NAT_CONE, NULL);
    world_start(&w);
    dial(ALICE, "bob");
    CHECK(world_until(&w, BOB, PTN_UA_INCOMING, 1, PTN_S(1)));
    CHECK(ptn_ua_answer(w.phones[BOB].ua, w.now, w.phones[BOB].call));
    world_drain(&w, BOB);
    CHECK(world_until(&w, ALICE, PTN_UA_ANSWERED, 1, PTN_S(1)));
    world_run(&w, PTN_S(2));
}

static bool hold(unsigned phone, bool hold)
{
    bool done = ptn_ua_hold(w.phones[phone].ua, w.now, w.phones[phone].call, hold);

    world_drain(&w, phone);
    return done;
}

static double heard_hz(unsigned phone)
{
    return ptn_tone_hear(w.phones[phone].heard + 4000, 4000).hz;
}

static bool is_silent(unsigned phone)
{
    for (unsigned i = 4000; i < 8000; i++)
        if (abs(w.phones[phone].heard[i]) > 16)
            return false;
    return true;
}

static void check_sound(unsigned phone, double hz)
{
    double heard = heard_hz(phone);

    CHECK(heard > hz - 5 && heard < hz + 5);
}

TEST(either_side_holds_and_resumes_and_only_silence_is_heard_meanwhile)
{
    for (unsigned who = ALICE; who <= BOB; who++) {
        begin_call();
        check_sound(ALICE, 1000);
        check_sound(BOB, 440);
        CHECK(hold(who, true));
        CHECK(!hold(who, true));
        CHECK(world_until(&w, who, PTN_UA_HOLD, 1, PTN_S(1)));
        CHECK(world_until(&w, !who, PTN_UA_HOLD, 1, PTN_S(1)));
        CHECK(w.phones[who].last[PTN_UA_HOLD].held && !w.phones[who].last[PTN_UA_HOLD].held_there);
        CHECK(!w.phones[!who].last[PTN_UA_HOLD].held &&
              w.phones[!who].last[PTN_UA_HOLD].held_there);
        world_run(&w, PTN_S(3));
        CHECK(is_silent(ALICE) && is_silent(BOB));

        CHECK(hold(who, false));
        CHECK(world_until(&w, who, PTN_UA_HOLD, 2, PTN_S(1)));
        CHECK(world_until(&w, !who, PTN_UA_HOLD, 2, PTN_S(1)));
        CHECK(!w.phones[!who].last[PTN_UA_HOLD].held_there);
        world_run(&w, PTN_S(2));
        check_sound(ALICE, 1000);
        check_sound(BOB, 440);
        CHECK_EQ(0, w.private_shown);
        world_fini(&w);
    }
}

TEST(a_call_held_by_both_goes_on_when_both_resume)
{
    begin_call();
    CHECK(hold(ALICE, true));
    world_run(&w, PTN_S(1));
    CHECK(hold(BOB, true));
    world_run(&w, PTN_S(1));
    CHECK(w.phones[ALICE].last[PTN_UA_HOLD].held && w.phones[ALICE].last[PTN_UA_HOLD].held_there);
    CHECK(hold(ALICE, false));
    world_run(&w, PTN_S(3));
    CHECK(is_silent(ALICE) && is_silent(BOB));
    CHECK(w.phones[ALICE].last[PTN_UA_HOLD].held_there);
    CHECK(hold(BOB, false));
    world_run(&w, PTN_S(3));
    check_sound(ALICE, 1000);
    check_sound(BOB, 440);
    world_fini(&w);
}

TEST(a_call_that_is_not_up_cannot_be_held)
{
    world_init(&w, WORLD_NAT_NONE, WORLD_NAT_NONE, NULL);
    world_start(&w);
    dial(ALICE, "bob");
    CHECK(!hold(ALICE, true));
    CHECK(world_until(&w, BOB, PTN_UA_INCOMING, 1, PTN_S(1)));
    CHECK(!hold(BOB, true));
    world_fini(&w);
}

TEST(a_call_held_for_ten_minutes_can_be_resumed_behind_nats_that_forget)
{
    begin_call();
    CHECK(hold(BOB, true));
    world_run(&w, PTN_S(600));
    CHECK_EQ(0, w.phones[ALICE].events[PTN_UA_ENDED]);
    CHECK(hold(BOB, false));
    world_run(&w, PTN_S(3));
    check_sound(ALICE, 1000);
    check_sound(BOB, 440);
    world_fini(&w);
}

TEST(a_call_nobody_answers_is_refused_when_it_has_rung_long_enough)
{
    world_init(&w, WORLD_NAT_CONE, WORLD_NAT_CONE, short_rings);
    world_start(&w);
    dial(ALICE, "bob");
    CHECK(world_until(&w, BOB, PTN_UA_INCOMING, 1, PTN_S(1)));
    ptn_time begin = w.now;
    CHECK(world_until(&w, BOB, PTN_UA_ENDED, 1, PTN_S(60)));
    CHECK(w.now - begin >= PTN_S(40) && w.now - begin <= PTN_S(41));
    CHECK_EQ(480, w.phones[BOB].last[PTN_UA_ENDED].status);
    CHECK(world_until(&w, ALICE, PTN_UA_ENDED, 1, PTN_S(1)));
    CHECK_EQ(PTN_SIP_ENDED_REFUSED, w.phones[ALICE].last[PTN_UA_ENDED].ended);
    CHECK_EQ(480, w.phones[ALICE].last[PTN_UA_ENDED].status);
    world_fini(&w);
}

TEST(a_caller_gives_up_when_it_has_rung_there_long_enough)
{
    world_init(&w, WORLD_NAT_CONE, WORLD_NAT_CONE, short_rings);
    world_start(&w);
    dial(BOB, "alice");
    CHECK(world_until(&w, BOB, PTN_UA_RINGING, 1, PTN_S(1)));
    ptn_time begin = w.now;
    CHECK(world_until(&w, BOB, PTN_UA_ENDED, 1, PTN_S(60)));
    CHECK(w.now - begin >= PTN_S(19) && w.now - begin <= PTN_S(21));
    CHECK_EQ(PTN_SIP_ENDED_BY_US, w.phones[BOB].last[PTN_UA_ENDED].ended);
    CHECK_EQ(PTN_SIP_ENDED_BY_PEER, w.phones[ALICE].last[PTN_UA_ENDED].ended);
    world_fini(&w);
}

/* The last INVITE to the phone outside, and the Contact of its last 200 to one. */
static struct {
    uint8_t invite[2048];
    size_t size;
    char contact[200];
} tapped;

static void tap(struct world *world, const struct world_packet *p)
{
    char text[sizeof p->bytes + 1];
    const char *contact;

    (void)world;
    snprintf(text, sizeof text, "%.*s", (int)p->size, (const char *)p->bytes);
    contact = strstr(text, "\r\nContact: ");
    if (strncmp(text, "INVITE sip:bob@", 15) == 0 && ptn_addr_equal(&p->from, &WORLD_REGISTRAR)) {
        memcpy(tapped.invite, p->bytes, p->size);
        tapped.size = p->size;
    } else if (strncmp(text, "SIP/2.0 200", 11) == 0 && strstr(text, " INVITE\r\n") && contact &&
               ptn_addr_equal(&p->to, &WORLD_REGISTRAR)) {
        snprintf(tapped.contact, sizeof tapped.contact, "%.*s", (int)strcspn(contact + 11, "\r\n"),
                 contact + 11);
    }
}

static struct ptn_addr told_by(unsigned phone)
{
    static struct ptn_ua_status status;

    ptn_ua_status(w.phones[phone].ua, w.now, &status);
    return status.accounts[0].contact.addr;
}

/* What is asked within a call may find a phone that has just moved and not said so yet: the ACK
 * goes where the answer's Contact leads (RFC 3261 §12.2.1.2). */
TEST(the_answer_to_a_change_says_where_the_phone_is_now)
{
    char text[PTN_ADDR_TEXT_MAX], expected[200];

    begin_call();
    w.wire_tap = tap;
    struct ptn_addr before = told_by(BOB);
    world_reboot_nat(&w, BOB);
    CHECK(hold(ALICE, true));
    struct ptn_addr after = before;
    for (unsigned i = 0; i < 5000 && ptn_addr_equal(&before, &after); i++) {
        world_run(&w, PTN_MS(1));
        after = told_by(BOB);
    }
    CHECK(!ptn_addr_equal(&before, &after));
    CHECK(tapped.size > 0);
    world_send(&w, &WORLD_REGISTRAR, &after, tapped.invite, tapped.size);
    world_run(&w, PTN_MS(100));
    snprintf(expected, sizeof expected, "<sip:bob@%s>", ptn_addr_format(&after, text));
    CHECK_STR(expected, tapped.contact);
    world_fini(&w);
}
