#include "flow/latch.h"

#include "support/test.h"

static const struct ptn_addr SIGNALLED = {{203, 0, 113, 9}, 40000, PTN_IPV4, 0};
static const struct ptn_addr NATED = {{203, 0, 113, 9}, 51234, PTN_IPV4, 0};   /* same IP */
static const struct ptn_addr MAPPED = {{198, 51, 100, 7}, 51234, PTN_IPV4, 0}; /* elsewhere */
static const struct ptn_addr ATTACKER = {{192, 0, 2, 66}, 6666, PTN_IPV4, 0};
static const struct ptn_latch_formats PCMU_PCMA = {{1u << 0 | 1u << 8, 0}};

static uint8_t bytes[20];

static struct ptn_bytes rtp(uint8_t payload_type, uint16_t seq, uint32_t ssrc)
{
    struct ptn_bytes b = {bytes, sizeof bytes};

    memset(bytes, 0, sizeof bytes);
    bytes[0] = 0x80;
    bytes[1] = payload_type;
    bytes[2] = (uint8_t)(seq >> 8);
    bytes[3] = (uint8_t)seq;
    for (unsigned i = 0; i < 4; i++)
        bytes[8 + i] = (uint8_t)(ssrc >> (24 - 8 * i));
    return b;
}

static struct ptn_bytes rtcp(uint32_t ssrc)
{
    rtp(200, 4, 0);
    for (unsigned i = 0; i < 4; i++)
        bytes[4 + i] = (uint8_t)(ssrc >> (24 - 8 * i));
    return (struct ptn_bytes){bytes, sizeof bytes};
}

static struct ptn_latch latch(enum ptn_latch_mode mode)
{
    struct ptn_latch l;

    ptn_latch_init(&l, mode, false);
    ptn_latch_expect(&l, &SIGNALLED, &PCMU_PCMA);
    return l;
}

/* `count` packets 20 ms apart; the verdict of the last one. */
static enum ptn_latch_verdict stream(struct ptn_latch *l, ptn_time *now, struct ptn_addr from,
                                     uint16_t seq, uint32_t ssrc, unsigned count)
{
    enum ptn_latch_verdict verdict = PTN_LATCH_NO_MEDIA;

    for (unsigned i = 0; i < count; i++) {
        verdict = ptn_latch_take(l, *now, &from, rtp(0, (uint16_t)(seq + i), ssrc));
        *now += PTN_MS(20);
    }
    return verdict;
}

TEST(nobody_is_believed_before_the_far_end_is_named)
{
    struct ptn_latch l;

    ptn_latch_init(&l, PTN_LATCH_ANY, false);
    CHECK_EQ(PTN_LATCH_NO_FAR_END, ptn_latch_take(&l, 0, &SIGNALLED, rtp(0, 1, 7)));
}

TEST(the_named_address_is_taken_at_its_first_packet)
{
    struct ptn_latch l = latch(PTN_LATCH_OFF);

    CHECK_EQ(PTN_LATCH_TAKEN, ptn_latch_take(&l, 0, &SIGNALLED, rtp(0, 1, 7)));
    CHECK_ADDR(&SIGNALLED, &l.target);
}

/* The second packet in a row of a new source, for each mode. */
TEST(a_new_source_is_followed_as_the_mode_allows)
{
    static const struct {
        enum ptn_latch_mode mode;
        enum ptn_latch_verdict same_ip, elsewhere;
    } rows[] = {
        {PTN_LATCH_ANY, PTN_LATCH_MOVED, PTN_LATCH_MOVED},
        {PTN_LATCH_SAME_IP, PTN_LATCH_MOVED, PTN_LATCH_FOREIGN},
        {PTN_LATCH_OFF, PTN_LATCH_FOREIGN, PTN_LATCH_FOREIGN},
    };

    for (unsigned i = 0; i < 3; i++) {
        ptn_time now = 0;
        struct ptn_latch l = latch(rows[i].mode);
        CHECK_EQ(rows[i].same_ip, stream(&l, &now, NATED, 1, 7, 2));
        CHECK_ADDR(rows[i].same_ip == PTN_LATCH_MOVED ? &NATED : &SIGNALLED, &l.target);
        l = latch(rows[i].mode);
        CHECK_EQ(rows[i].elsewhere, stream(&l, &now, MAPPED, 1, 7, 2));
        CHECK_ADDR(rows[i].elsewhere == PTN_LATCH_MOVED ? &MAPPED : &SIGNALLED, &l.target);
    }
}

TEST(one_packet_or_packets_out_of_any_order_prove_nothing)
{
    ptn_time now = 0;
    struct ptn_latch l = latch(PTN_LATCH_ANY);

    CHECK_EQ(PTN_LATCH_WAITING, stream(&l, &now, MAPPED, 1, 7, 1));
    CHECK_EQ(PTN_LATCH_WAITING, stream(&l, &now, MAPPED, 500, 7, 1)); /* a jump */
    CHECK_EQ(PTN_LATCH_WAITING, stream(&l, &now, MAPPED, 500, 7, 1)); /* the same again */
    CHECK_EQ(PTN_LATCH_WAITING, stream(&l, &now, MAPPED, 501, 8, 1)); /* another SSRC */
    CHECK_EQ(PTN_LATCH_WAITING, stream(&l, &now, NATED, 502, 8, 1));  /* another address */
    CHECK_EQ(PTN_LATCH_MOVED, stream(&l, &now, NATED, 505, 8, 1));    /* two lost in between */
}

TEST(what_is_no_media_of_this_call_proves_nothing)
{
    struct ptn_latch l = latch(PTN_LATCH_ANY);

    CHECK_EQ(PTN_LATCH_NO_MEDIA, ptn_latch_take(&l, 0, &MAPPED, rtp(18, 1, 7)));
    CHECK_EQ(PTN_LATCH_NO_MEDIA, ptn_latch_take(&l, 0, &MAPPED, rtcp(7)));
    CHECK_EQ(PTN_LATCH_NO_MEDIA, ptn_latch_take(&l, 0, &MAPPED, (struct ptn_bytes){bytes, 11}));
    rtp(0, 1, 7);
    bytes[0] = 0x40;
    CHECK_EQ(PTN_LATCH_NO_MEDIA,
             ptn_latch_take(&l, 0, &MAPPED, (struct ptn_bytes){bytes, sizeof bytes}));
}

TEST(nobody_takes_the_place_of_one_that_is_heard)
{
    ptn_time now = 0, attack;
    struct ptn_latch l = latch(PTN_LATCH_ANY);

    stream(&l, &now, MAPPED, 1, 7, 2);
    for (uint16_t i = 0; i < 500; i++) {
        CHECK_EQ(PTN_LATCH_TAKEN, stream(&l, &now, MAPPED, (uint16_t)(3 + i), 7, 1));
        attack = now - PTN_MS(10);
        CHECK_EQ(PTN_LATCH_FOREIGN, stream(&l, &attack, ATTACKER, (uint16_t)(100 + i), 9, 1));
    }
    CHECK_ADDR(&MAPPED, &l.target);
}

TEST(a_far_end_moved_by_its_nat_is_followed_soon)
{
    ptn_time now = 0;
    struct ptn_latch l = latch(PTN_LATCH_ANY);

    stream(&l, &now, MAPPED, 1, 7, 50);
    now += PTN_MS(200);
    CHECK_EQ(PTN_LATCH_MOVED, stream(&l, &now, NATED, 61, 7, 4));
}

TEST(a_far_end_replaced_is_followed_after_two_seconds)
{
    ptn_time now = 0;
    struct ptn_latch l = latch(PTN_LATCH_ANY);

    stream(&l, &now, MAPPED, 1, 7, 50);
    now += PTN_MS(1000);
    CHECK_EQ(PTN_LATCH_FOREIGN, stream(&l, &now, NATED, 1, 8, 10));
    now += PTN_MS(900);
    CHECK_EQ(PTN_LATCH_MOVED, stream(&l, &now, NATED, 11, 8, 4));
}

TEST(the_named_address_takes_its_place_back)
{
    ptn_time now = 0, attack;
    struct ptn_latch l = latch(PTN_LATCH_ANY);

    stream(&l, &now, ATTACKER, 1, 9, 10);
    CHECK_ADDR(&ATTACKER, &l.target);
    for (uint16_t i = 0; i < 4; i++) {
        stream(&l, &now, SIGNALLED, (uint16_t)(1 + i), 7, 1);
        attack = now - PTN_MS(5);
        stream(&l, &attack, ATTACKER, (uint16_t)(11 + i), 9, 1);
    }
    CHECK_ADDR(&SIGNALLED, &l.target);
}

/* Behind a NAT, so that SDP does not name it. */
TEST(who_was_silent_takes_his_place_back_from_a_thief_and_a_thief_does_not)
{
    ptn_time now = 0;
    struct ptn_latch l = latch(PTN_LATCH_ANY);

    CHECK_EQ(PTN_LATCH_MOVED, stream(&l, &now, MAPPED, 1, 7, 2));
    now += PTN_S(3); /* on hold */
    CHECK_EQ(PTN_LATCH_MOVED, stream(&l, &now, ATTACKER, 1, 66, 4));
    for (uint16_t i = 0; i < 3; i++) { /* both send */
        CHECK_EQ(PTN_LATCH_TAKEN, stream(&l, &now, ATTACKER, (uint16_t)(5 + i), 66, 1));
        CHECK_EQ(PTN_LATCH_WAITING, stream(&l, &now, MAPPED, (uint16_t)(150 + i), 7, 1));
    }
    CHECK_EQ(PTN_LATCH_MOVED, stream(&l, &now, MAPPED, 153, 7, 1));
    CHECK_EQ(PTN_LATCH_TAKEN, stream(&l, &now, MAPPED, 154, 7, 50));
    CHECK_EQ(PTN_LATCH_FOREIGN, stream(&l, &now, ATTACKER, 8, 66, 50));
    CHECK_ADDR(&MAPPED, &l.target);
}

TEST(moves_are_few_in_ten_seconds)
{
    ptn_time now = PTN_S(100);
    struct ptn_latch l = latch(PTN_LATCH_ANY);
    unsigned moves = 0;

    for (unsigned i = 0; i < 40; i++) {
        struct ptn_addr from = ptn_addr_with_port(MAPPED, (uint16_t)(1000 + i));
        stream(&l, &now, from, (uint16_t)(5 * i), 7, 4);
        moves += ptn_addr_equal(&from, &l.target);
        now += PTN_MS(150);
    }
    CHECK(now - PTN_S(100) < PTN_S(10));
    CHECK_EQ(4, moves);
}

TEST(the_same_description_again_undoes_nothing_and_another_one_begins_anew)
{
    ptn_time now = 0;
    struct ptn_latch l = latch(PTN_LATCH_ANY);

    stream(&l, &now, MAPPED, 1, 7, 2);
    ptn_latch_expect(&l, &SIGNALLED, &PCMU_PCMA);
    CHECK_ADDR(&MAPPED, &l.target);
    ptn_latch_expect(&l, &NATED, &PCMU_PCMA);
    CHECK_ADDR(&NATED, &l.target);
    CHECK(!l.heard);
}

TEST(rtcp_follows_the_rtp_beside_it)
{
    ptn_time now = 0;
    struct ptn_latch media = latch(PTN_LATCH_ANY), control;
    struct ptn_addr beside = ptn_addr_with_port(MAPPED, 9999);

    ptn_latch_init(&control, PTN_LATCH_ANY, true);
    ptn_latch_expect(&control, &SIGNALLED, &PCMU_PCMA);
    CHECK_EQ(PTN_LATCH_WAITING, ptn_latch_take(&control, now, &beside, rtcp(7)));
    stream(&media, &now, MAPPED, 1, 7, 2);
    ptn_latch_beside(&control, &media);
    CHECK_EQ(PTN_LATCH_WAITING, ptn_latch_take(&control, now, &ATTACKER, rtcp(9)));
    CHECK_EQ(PTN_LATCH_NO_MEDIA, ptn_latch_take(&control, now, &beside, rtp(0, 1, 7)));
    CHECK_EQ(PTN_LATCH_MOVED, ptn_latch_take(&control, now, &beside, rtcp(7)));
    CHECK_ADDR(&beside, &control.target);
}
