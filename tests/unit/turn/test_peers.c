/*
 * turn/turn.h: who may send, and by what wrapping.
 */
#include "support/test.h"
#include "world.h"

static const struct ptn_addr BOB = {.ip = {91, 198, 174, 20}, .port = 7000, .family = PTN_IPV4};
static const struct ptn_addr CAROL = {.ip = {91, 198, 174, 30}, .port = 7000, .family = PTN_IPV4};

static struct world *standing(const struct ptn_relay_opts *opts)
{
    struct world *w = world_new(opts);

    world_start(w, 1, &WORLD_UDP);
    CHECK(ptn_turn_relayed(&w->t) != NULL);
    return w;
}

TEST(nobody_is_heard_or_spoken_to_before_he_is_permitted)
{
    struct world *w = standing(NULL);

    world_peer_sends(w, &BOB, "let me in");
    CHECK_EQ(0, w->heard_count);
    CHECK(!world_say(w, &BOB, "who is there?"));
    world_free(w);
}

TEST(who_is_permitted_before_it_stands_is_at_once_when_it_does)
{
    struct world *w = world_new(NULL);

    CHECK(ptn_turn_permit(&w->t, w->now, &BOB));
    world_start(w, 1, &WORLD_UDP);
    world_peer_sends(w, &BOB, "in time");
    CHECK_STR("in time", w->heard);
    world_free(w);
}

TEST(a_bound_peer_costs_four_bytes_and_no_copy)
{
    struct world *w = standing(NULL);

    CHECK(ptn_turn_permit(&w->t, w->now, &BOB));
    /* The request has not left yet: an indication, which is 36 bytes and the padded text. */
    CHECK(world_say(w, &BOB, "hallo"));
    CHECK_EQ(20 + 12 + 4 + 8, w->sent_size);
    world_drain(w);
    CHECK(world_say(w, &BOB, "hallo"));
    CHECK_EQ(4 + 5, w->sent_size);
    CHECK(w->sent_at != NULL);
    CHECK_EQ(1, w->requests[PTN_STUN_CHANNEL_BIND]);
    CHECK_EQ(1, rig_count(w->g, PTN_RELAY_UP)); /* the indication came before the permission */
    world_free(w);
}

TEST(another_port_of_the_same_host_is_heard_by_indication_and_answered_so)
{
    struct world *w = standing(NULL);
    struct ptn_addr other = ptn_addr_with_port(BOB, 9999);

    CHECK(ptn_turn_permit(&w->t, w->now, &BOB));
    world_drain(w);
    world_peer_sends(w, &other, "my NAT says so");
    CHECK_STR("my NAT says so", w->heard);
    CHECK_ADDR(&other, &w->heard_from);
    CHECK(world_say(w, &other, "fine"));
    CHECK_EQ(20 + 12 + 4 + 4, w->sent_size);
    CHECK_EQ(1, rig_count(w->g, PTN_RELAY_UP));
    world_peer_sends(w, &CAROL, "me, too");
    CHECK_STR("", w->heard);
    world_free(w);
}

TEST(a_peer_without_a_port_is_permitted_and_has_no_channel)
{
    struct world *w = standing(NULL);
    struct ptn_addr host = ptn_addr_with_port(BOB, 0);

    CHECK(ptn_turn_permit(&w->t, w->now, &host));
    world_drain(w);
    CHECK_EQ(1, w->requests[PTN_STUN_CREATE_PERMISSION]);
    CHECK_EQ(0, w->requests[PTN_STUN_CHANNEL_BIND]);
    world_peer_sends(w, &BOB, "hi");
    CHECK_STR("hi", w->heard);
    world_free(w);
}

TEST(a_private_peer_is_refused_and_the_one_beside_him_is_not)
{
    struct world *w = standing(NULL);
    struct ptn_addr hidden = ptn_addr_v4(192, 168, 1, 20, 7000);

    CHECK(ptn_turn_permit(&w->t, w->now, &hidden));
    CHECK(ptn_turn_permit(&w->t, w->now, &BOB));
    world_drain(w);
    const struct ptn_turn_event *ev = world_event(w, PTN_TURN_PEER_REFUSED);
    CHECK(ev != NULL);
    CHECK_EQ(403, ev->code);
    CHECK_ADDR(&hidden, &ev->peer);
    CHECK(!world_say(w, &hidden, "psst"));
    world_peer_sends(w, &BOB, "here I am");
    CHECK_STR("here I am", w->heard);
    /* He is not asked for again and again. */
    world_run(w, PTN_S(1000));
    CHECK(w->requests[PTN_STUN_CHANNEL_BIND] <= 1 + 1 + 1000 / 192);
    world_free(w);
}

TEST(a_server_without_room_for_channels_relays_by_indications)
{
    struct ptn_relay_opts opts = rig_opts();

    opts.turn.channels_max = 1;
    struct world *w = standing(&opts);
    CHECK(ptn_turn_permit(&w->t, w->now, &BOB));
    CHECK(ptn_turn_permit(&w->t, w->now, &CAROL));
    world_drain(w);
    CHECK_EQ(1, w->requests[PTN_STUN_CREATE_PERMISSION]);
    CHECK(world_say(w, &CAROL, "long"));
    CHECK_EQ(20 + 12 + 4 + 4, w->sent_size);
    world_peer_sends(w, &CAROL, "way");
    CHECK_STR("way", w->heard);
    world_free(w);
}

TEST(a_forgotten_peer_is_heard_no_more_and_comes_back_by_the_same_number)
{
    struct world *w = standing(NULL);

    CHECK(ptn_turn_permit(&w->t, w->now, &BOB));
    world_drain(w);
    uint16_t number = ptn_turn_peers_find(&w->t.peers, &BOB)->channel;
    ptn_turn_forget(&w->t);
    CHECK(!world_say(w, &BOB, "bye"));
    world_peer_sends(w, &BOB, "wait!"); /* the server lets it through for some minutes */
    CHECK_EQ(0, w->heard_count);
    CHECK_EQ(1, w->t.counts[PTN_TURN_NO_CHANNEL]);
    world_run(w, PTN_S(60));
    CHECK(ptn_turn_permit(&w->t, w->now, &BOB));
    world_drain(w);
    CHECK_EQ(number, ptn_turn_peers_find(&w->t.peers, &BOB)->channel);
    CHECK(world_say(w, &BOB, "hi"));
    CHECK_EQ(4 + 2, w->sent_size);
    world_free(w);
}

TEST(a_hundred_peers_one_after_the_other_find_a_place)
{
    struct ptn_relay_opts opts = rig_opts();

    opts.turn.channels_max = opts.turn.permissions_max = 128;
    struct world *w = standing(&opts);
    for (uint16_t i = 0; i < 100; i++) {
        struct ptn_addr peer = ptn_addr_with_port(BOB, (uint16_t)(7000 + i));
        ptn_turn_forget(&w->t);
        CHECK(ptn_turn_permit(&w->t, w->now, &peer));
        world_drain(w);
        CHECK(world_say(w, &peer, "next"));
        CHECK(ptn_turn_peers_find(&w->t.peers, &peer)->up);
        world_run(w, PTN_S(1));
    }
    world_free(w);
}

TEST(nine_peers_at_a_time_are_one_too_many)
{
    struct world *w = standing(NULL);

    for (uint16_t i = 0; i < PTN_TURN_PEERS_MAX; i++) {
        struct ptn_addr peer = ptn_addr_with_port(BOB, (uint16_t)(7000 + i));
        CHECK(ptn_turn_permit(&w->t, w->now, &peer));
    }
    CHECK(!ptn_turn_permit(&w->t, w->now, &CAROL));
    world_free(w);
}

TEST(a_permission_that_the_server_leaves_unanswered_puts_it_in_doubt)
{
    struct world *w = standing(NULL);

    w->dark = true;
    CHECK(ptn_turn_permit(&w->t, w->now, &BOB));
    world_run(w, PTN_S(8));
    CHECK(world_event(w, PTN_TURN_LOST) != NULL);
    world_free(w);
}

TEST(what_does_not_fit_a_packet_is_not_sent)
{
    struct world *w = standing(NULL);
    static uint8_t large[PTN_TURN_PACKET_MAX];
    struct ptn_ask ask;

    CHECK(ptn_turn_permit(&w->t, w->now, &BOB));
    CHECK(!ptn_turn_send(&w->t, w->now, &BOB, ptn_bytes(large, sizeof large), NULL, &ask));
    world_drain(w);
    CHECK(!ptn_turn_send(&w->t, w->now, &BOB, ptn_bytes(large, sizeof large), NULL, &ask));
    CHECK(ptn_turn_send(&w->t, w->now, &BOB, ptn_bytes(large, 1400), NULL, &ask));
    world_free(w);
}
