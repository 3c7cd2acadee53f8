/*
 * flow/flow.h with a TURN client, against our own relay: whose media is let in, and by which way
 * ours goes.
 */
#include "flow/flow.h"

#include "support/test.h"
#include "support/turn_rig.h"

enum { SOCKET = 77, CONNECTION = 78 };
static const struct ptn_addr LOCAL = {{192, 168, 1, 10}, 11780, PTN_IPV4, 0};
static const struct ptn_addr CLIENT = {{91, 198, 174, 10}, 4000, PTN_IPV4, 0}; /* seen outside */
static const struct ptn_addr SERVER = {{81, 2, 69, 1}, 3478, PTN_IPV4, 0};
static const struct ptn_addr PEER = {{91, 198, 174, 20}, 20000, PTN_IPV4, 0};
static const struct ptn_addr HIDDEN = {{192, 168, 7, 7}, 20000, PTN_IPV4, 0};
static const struct ptn_latch_formats PCMU = {{1, 0}};

struct scene {
    struct rig *g;
    struct ptn_flow f;
    struct ptn_turn t;
    ptn_time now;
    uint16_t seq;
    unsigned heard, direct; /* packets: from the far end; sent beside the server */
};

static const struct ptn_turn_user alice = {"alice", "secret"};

static void hear(struct scene *s, struct ptn_bytes bytes)
{
    struct ptn_tell tell = {
        .kind = PTN_TELL_DATAGRAM, .id = SOCKET, .from = SERVER, .bytes = bytes};
    struct ptn_bytes media;

    if (ptn_flow_input(&s->f, s->now, &tell) == PTN_FLOW_RELAY)
        while (ptn_flow_relayed(&s->f, s->now, &media))
            s->heard++;
}

static void put(struct scene *s, const struct ptn_ask *ask)
{
    struct ptn_relay_out out;

    if (!ptn_addr_equal(&ask->to, &SERVER)) {
        s->direct++;
        return;
    }
    if (rig_datagram(s->g, RIG_UDP, &CLIENT, ask->bytes, &out) && out.socket == RIG_UDP)
        hear(s, out.bytes);
    rig_settle(s->g);
}

static void settle(struct scene *s)
{
    struct ptn_ask ask;

    for (unsigned i = 0; i < 10; i++) {
        ptn_flow_tick(&s->f, s->now);
        while (ptn_flow_output(&s->f, s->now, &ask))
            put(s, &ask);
    }
}

static struct scene *begin(const struct ptn_addr *signalled)
{
    static struct scene s;
    struct ptn_flow_opts opts = {.socket = SOCKET, .dice = ptn_dice_seeded(1)};
    struct ptn_turn_ways ways = {.count = 1, .ways = {{SERVER, PTN_UDP, NULL}}};

    s = (struct scene){.g = rig_new(NULL)};
    struct ptn_turn_opts turn = {.socket = SOCKET,
                                 .connection = CONNECTION,
                                 .local = LOCAL,
                                 .user = &alice,
                                 .crypto = s.g->crypto,
                                 .dice = ptn_dice_seeded(2)};
    opts.anchor.reach = PTN_REACH_DEFAULTS;
    opts.anchor.reach.local = LOCAL;
    ptn_flow_init(&s.f, &opts);
    ptn_turn_init(&s.t, &turn);
    ptn_turn_start(&s.t, 0, &ways);
    ptn_flow_lend(&s.f, &s.t);
    ptn_flow_expect(&s.f, signalled, &PCMU);
    ptn_flow_go_relayed(&s.f, true);
    settle(&s);
    return &s;
}

static void end(struct scene *s)
{
    rig_free(s->g);
}

/* Sound from there, five packets; answers how many were let in. */
static unsigned play(struct scene *s, const struct ptn_addr *from)
{
    const struct ptn_addr *relayed = ptn_turn_relayed(&s->t);
    struct ptn_relay_out out;
    unsigned before = s->heard;

    for (unsigned i = 0; i < 5; i++) {
        uint8_t packet[172] = {0x80, 0, (uint8_t)(++s->seq >> 8), (uint8_t)s->seq, [11] = 9};
        CHECK(relayed != NULL);
        if (rig_datagram(s->g, rig_socket(s->g, relayed), from, ptn_bytes(packet, sizeof packet),
                         &out) &&
            out.socket == RIG_UDP)
            hear(s, out.bytes);
        s->now += PTN_MS(20);
        settle(s);
    }
    return s->heard - before;
}

TEST(what_stands_is_told_to_reach_and_what_is_gone_is_not)
{
    struct scene *s = begin(&PEER);
    struct ptn_reach_ask public = {.to = PEER};

    /* No STUN server was asked, and the address is private. */
    struct ptn_reach_answer answer = ptn_reach_answer(&s->f.anchor.reach, &public);
    CHECK_EQ(PTN_REACH_BY_RELAY, answer.why);
    CHECK_ADDR(ptn_turn_relayed(&s->t), &answer.addr);
    ptn_flow_lend(&s->f, NULL);
    CHECK(ptn_reach_answer(&s->f.anchor.reach, &public).why != PTN_REACH_BY_RELAY);
    CHECK(!ptn_flow_send(&s->f, s->now, ptn_bytes("", 0), NULL, &(struct ptn_ask){0}));
    end(s);
}

TEST(media_comes_and_goes_by_the_server_and_nothing_beside_it)
{
    struct scene *s = begin(&PEER);
    uint8_t packet[PTN_TURN_CHANNEL_HEADER + 172] = {[4] = 0x80};
    struct ptn_ask ask;

    CHECK_EQ(5, play(s, &PEER));
    CHECK(ptn_flow_send(&s->f, s->now, ptn_bytes(packet + 4, 172), packet, &ask));
    CHECK_ADDR(&SERVER, &ask.to);
    CHECK_EQ(4 + 172, ask.bytes.size);
    CHECK(ask.bytes.data == packet);
    CHECK_EQ(0, s->direct);
    /* A stranger's is dropped by the server already. */
    struct ptn_addr stranger = ptn_addr_v4(91, 198, 174, 99, 20000);
    CHECK_EQ(0, play(s, &stranger));
    end(s);
}

TEST(another_port_of_the_far_end_is_followed_and_gets_a_channel)
{
    struct scene *s = begin(&PEER);
    struct ptn_addr other = ptn_addr_with_port(PEER, 31313);

    CHECK(play(s, &other) >= 3); /* the first ones prove the source */
    CHECK_ADDR(&other, &s->f.latch.target);
    const struct ptn_turn_peer *row = ptn_turn_peers_find(&s->t.peers, &other);
    CHECK(row && row->bound);
    end(s);
}

TEST(a_far_end_that_names_a_private_address_is_let_in_from_the_one_of_its_contact)
{
    struct scene *s = begin(&HIDDEN);

    CHECK_EQ(0, play(s, &PEER));
    ptn_flow_expect_also(&s->f, &PEER);
    settle(s);
    CHECK(play(s, &PEER) >= 3);
    CHECK_ADDR(&PEER, &s->f.latch.target);
    end(s);
}

TEST(whom_a_new_description_names_is_permitted_and_the_one_before_is_not_any_more)
{
    struct scene *s = begin(&PEER);
    struct ptn_addr moved = ptn_addr_v4(91, 198, 174, 30, 5000);

    CHECK_EQ(5, play(s, &PEER));
    ptn_flow_expect(&s->f, &moved, &PCMU);
    settle(s);
    CHECK_EQ(0, play(s, &PEER));
    CHECK_EQ(5, play(s, &moved));
    end(s);
}
