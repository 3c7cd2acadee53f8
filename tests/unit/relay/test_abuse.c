/*
 * What somebody tries who may do little, or nothing, and wants more or wants others to have less.
 */
#include <stdio.h>

#include "support/test.h"
#include "support/turn_rig.h"

enum { CONN = PTN_ID_WORLD + 1 };

static struct ptn_addr address(uint8_t last, uint16_t port)
{
    return (struct ptn_addr){.ip = {203, 0, 113, last}, .port = port, .family = PTN_IPV4};
}

/* ---- places of connections ---- */

static void connect_from(struct rig *g, ptn_id id, struct ptn_addr from)
{
    ptn_relay_input(g->relay, g->now,
                    &(struct ptn_tell){.kind = PTN_TELL_ACCEPTED,
                                       .id = id,
                                       .listener = RIG_TCP,
                                       .transport = PTN_TCP,
                                       .from = from});
    rig_settle(g);
}

TEST(who_takes_all_connections_makes_room_for_others_and_not_for_himself)
{
    struct ptn_relay_opts opts = rig_opts();
    opts.connections_max = 100;
    struct rig *g = rig_new(&opts);

    for (uint16_t i = 0; i < 150; i++)
        connect_from(g, CONN + i, address(9, (uint16_t)(1000 + i)));
    CHECK_EQ(50, rig_count(g, PTN_RELAY_CONNECTION_FULL));
    CHECK_EQ(50, g->closed_conns);
    for (uint16_t i = 0; i < 40; i++)
        connect_from(g, CONN + 200 + i, address(i < 20 ? 10 : 11, (uint16_t)(1000 + i)));
    CHECK_EQ(40, rig_count(g, PTN_RELAY_CONNECTION_CROWDED));
    CHECK_EQ(50, rig_count(g, PTN_RELAY_CONNECTION_FULL)); /* no honest one */
    CHECK_EQ(100, ptn_relay_now(g->relay).connections);
    rig_free(g);
}

TEST(the_longest_silent_makes_room_and_one_with_an_allocation_never)
{
    struct ptn_relay_opts opts = rig_opts();
    opts.connections_max = 3;
    struct rig *g = rig_new(&opts);
    struct rig_client c = rig_stream_client(g, CONN);
    struct rig_request q;

    CHECK_EQ(0, rig_allocate(g, &c, NULL));
    connect_from(g, CONN + 1, c.addr);
    rig_sleep(g, PTN_S(1));
    connect_from(g, CONN + 2, c.addr);
    connect_from(g, CONN + 3, address(10, 1000));
    CHECK_EQ(1, rig_count(g, PTN_RELAY_CONNECTION_CROWDED));
    CHECK_EQ(0, rig_refresh(g, &c, 600));
    c = (struct rig_client){.path = CONN + 2, .addr = c.addr};
    rig_begin(&q, &c, PTN_STUN_BINDING);
    CHECK_EQ(0, rig_ask_plainly(g, &q)); /* the other one of his had to go */
    rig_free(g);
}

/* ---- the first answer ---- */

TEST(twenty_thousand_forged_requests_a_second_leave_honest_clients_their_first_refusal)
{
    struct rig *g = rig_new(NULL);
    struct ptn_dice dice = ptn_dice_seeded(4);

    for (unsigned half = 0; half < 20; half++) {
        struct rig_client honest = rig_client((uint16_t)(40000 + half)), forged = honest;
        struct rig_request q;
        for (unsigned i = 0; i < 10000; i++) {
            uint32_t from = (uint32_t)ptn_dice_u64(&dice) | 1;
            forged.addr = ptn_addr_v4((uint8_t)(20 + from % 50), (uint8_t)(from >> 8),
                                      (uint8_t)(from >> 16), (uint8_t)(from >> 24), 5000);
            rig_begin(&q, &forged, PTN_STUN_ALLOCATE);
            rig_ask_plainly(g, &q);
        }
        CHECK_EQ(0, rig_allocate(g, &honest, NULL));
        rig_sleep(g, PTN_MS(500));
    }
    rig_free(g);
}

/* ---- quotas ---- */

TEST(ports_in_reserve_go_with_their_allocation_so_that_a_quota_bounds_them)
{
    struct ptn_relay_opts opts = rig_opts();
    opts.turn.user_quota = 1;
    struct rig *g = rig_new(&opts);
    struct rig_client c = rig_client(40000);
    struct rig_request q;

    CHECK_EQ(0, rig_allocate(g, &c, NULL));
    CHECK_EQ(0, rig_refresh(g, &c, 0));
    unsigned before = g->open_count;
    for (unsigned i = 0; i < 50; i++) {
        rig_begin(&q, &c, PTN_STUN_ALLOCATE);
        ptn_stun_put_u32(&q.o, PTN_STUN_REQUESTED_TRANSPORT, 17u << 24);
        ptn_stun_put_u32(&q.o, PTN_STUN_EVEN_PORT, 0x80000000);
        CHECK_EQ(0, rig_ask(g, &q));
        CHECK_EQ(0, rig_refresh(g, &c, 0));
    }
    CHECK(g->open_count <= before + 2);
    rig_free(g);
}

/* ---- users ---- */

static struct rig *rig_that_asks(void)
{
    struct ptn_relay_opts opts = rig_opts();
    opts.turn.user_count = 0;
    opts.turn.ask_for_users = true;
    return rig_new(&opts);
}

static unsigned allocate_as(struct rig *g, struct rig_client *c, const char *user)
{
    c->user = user;
    return rig_allocate(g, c, NULL);
}

TEST(who_guesses_names_is_asked_for_so_often_and_others_are_still_looked_up)
{
    struct rig *g = rig_that_asks();
    struct rig_client c = rig_client(40000), other = rig_client(40001);
    char name[20];

    other.addr.ip[3]++;
    for (unsigned i = 0; i < 20000; i++) {
        snprintf(name, sizeof name, "guess%u", i);
        allocate_as(g, &c, name);
        c.addr.port = (uint16_t)(1024 + i);
    }
    CHECK(g->wanted_count >= 2000); /* more than an office that powers up at once */
    CHECK(g->wanted_count <= 3000);
    CHECK_EQ(20000 - g->wanted_count, rig_count(g, PTN_RELAY_OVER_BUDGET));
    unsigned before = g->wanted_count;
    CHECK_EQ(1, allocate_as(g, &other, "honest"));
    CHECK_EQ(before + 1, g->wanted_count);
    ptn_relay_user_found(g->relay, g->now,
                         &(struct ptn_relay_user){.name = ptn_bytes_of_text("honest"),
                                                  .password = ptn_bytes_of_text("secret")});
    CHECK_EQ(0, rig_allocate(g, &other, NULL));
    rig_sleep(g, PTN_S(10));
    before = g->wanted_count;
    CHECK_EQ(1, allocate_as(g, &c, "forgiven"));
    CHECK_EQ(before + 1, g->wanted_count);
    rig_free(g);
}

TEST(a_name_with_a_zero_byte_is_nobodys_and_nobody_is_asked)
{
    struct rig *g = rig_that_asks();
    struct rig_client c = rig_client(40000);
    struct rig_request q;

    c.user = "x";
    CHECK_EQ(1, rig_allocate(g, &c, NULL)); /* learns the nonce */
    unsigned before = g->wanted_count;
    rig_begin(&q, &c, PTN_STUN_ALLOCATE);
    ptn_stun_put(&q.o, PTN_STUN_USERNAME, ptn_bytes("alice\0bob", 9));
    c.user = "x";
    CHECK_EQ(401, rig_ask(g, &q));
    CHECK_EQ(before, g->wanted_count);
    rig_free(g);
}

TEST(a_user_who_was_removed_keeps_no_allocation_beyond_its_lifetime)
{
    struct ptn_relay_opts opts = rig_opts();
    struct rig *g = rig_new(&opts);
    struct rig_client c = rig_client(40000);
    const struct ptn_relay_user other = {.name = ptn_bytes_of_text("bob"),
                                         .password = ptn_bytes_of_text("other")};

    CHECK_EQ(0, rig_allocate(g, &c, NULL));
    opts.turn.users = &other;
    opts.turn.user_count = 1;
    CHECK(ptn_relay_change(g->relay, g->now, &opts));
    CHECK_EQ(1, ptn_relay_now(g->relay).allocations);
    CHECK_EQ(401, rig_refresh(g, &c, 600));
    rig_sleep(g, PTN_S(601));
    CHECK_EQ(0, ptn_relay_now(g->relay).allocations);
    rig_free(g);
}

TEST(a_user_who_was_looked_up_is_asked_for_again_though_he_has_an_allocation)
{
    struct rig *g = rig_that_asks();
    struct rig_client c = rig_client(40000);
    struct ptn_relay_user dora = {.name = ptn_bytes_of_text("dora"),
                                  .password = ptn_bytes_of_text("secret")};

    ptn_relay_user_found(g->relay, g->now, &dora);
    CHECK_EQ(0, allocate_as(g, &c, "dora"));
    rig_sleep(g, PTN_S(61));
    CHECK_EQ(0, rig_refresh(g, &c, 600)); /* nobody waits for the answer */
    CHECK_EQ(1, g->wanted_count);
    CHECK_EQ(0, rig_refresh(g, &c, 600));
    CHECK_EQ(1, g->wanted_count);
    dora.password = ptn_bytes(NULL, 0);
    ptn_relay_user_found(g->relay, g->now, &dora);
    CHECK_EQ(401, rig_refresh(g, &c, 600));
    rig_free(g);
}

/* ---- what our own computer has ---- */

static unsigned connect_to(struct rig *g, struct rig_client *c, struct ptn_addr peer)
{
    struct rig_request q;

    rig_begin(&q, c, PTN_STUN_CONNECT);
    ptn_stun_put_addr(&q.o, PTN_STUN_XOR_PEER_ADDRESS, &peer);
    return rig_ask(g, &q);
}

TEST(a_port_that_is_relayed_is_so_by_its_transport_and_on_its_address_only)
{
    static const struct ptn_addr second = {.ip = {81, 2, 69, 7}, .family = PTN_IPV4};
    struct ptn_relay_opts opts = rig_opts();
    opts.turn.addresses[opts.turn.address_count++].local = second;
    struct rig *g = rig_new(&opts);
    struct rig_client alice = rig_client(40000), bob = rig_client(40001);
    struct rig_client control = rig_stream_client(g, CONN);
    struct rig_request q;
    struct ptn_addr relayed;

    CHECK_EQ(0, rig_allocate(g, &alice, NULL));
    CHECK_EQ(0, rig_allocate(g, &bob, &relayed));
    struct ptn_addr elsewhere = ptn_addr_with_port(
        ptn_addr_same_ip(&relayed, &second) ? opts.turn.addresses[0].local : second, relayed.port);
    CHECK_EQ(0, rig_bind(g, &alice, 0x4000, &relayed));
    CHECK_EQ(403, rig_bind(g, &alice, 0x4001, &elsewhere));
    rig_begin(&q, &control, PTN_STUN_ALLOCATE);
    ptn_stun_put_u32(&q.o, PTN_STUN_REQUESTED_TRANSPORT, 6u << 24);
    CHECK_EQ(0, rig_ask(g, &q));
    CHECK_EQ(403, connect_to(g, &control, relayed));
    CHECK_EQ(1, connect_to(g, &control, g->begun.relayed[0])); /* it is being connected to */
    rig_free(g);
}

TEST(a_guarded_port_is_reached_by_nobody_whatever_is_allowed)
{
    static const struct ptn_addr redis = {.ip = {10, 0, 0, 5}, .port = 6379, .family = PTN_IPV4};
    static const struct ptn_relay_range all = {
        .low = {.ip = {10}, .family = PTN_IPV4},
        .high = {.ip = {10, 255, 255, 255}, .family = PTN_IPV4}};
    struct ptn_relay_opts opts = rig_opts();
    opts.turn.peers = (struct ptn_relay_peers){
        .allowed = &all, .allowed_count = 1, .guarded = &redis, .guarded_count = 1};
    struct rig *g = rig_new(&opts);
    struct rig_client c = rig_client(40000), control = rig_stream_client(g, CONN);
    struct ptn_addr beside = ptn_addr_with_port(redis, 6380);
    struct rig_request q;

    CHECK_EQ(0, rig_allocate(g, &c, NULL));
    CHECK_EQ(0, rig_permit(g, &c, &redis));
    CHECK_EQ(403, rig_bind(g, &c, 0x4000, &redis));
    CHECK_EQ(0, rig_bind(g, &c, 0x4001, &beside));
    rig_begin(&q, &control, PTN_STUN_ALLOCATE);
    ptn_stun_put_u32(&q.o, PTN_STUN_REQUESTED_TRANSPORT, 6u << 24);
    CHECK_EQ(0, rig_ask(g, &q));
    CHECK_EQ(403, connect_to(g, &control, redis));
    CHECK_EQ(1, connect_to(g, &control, beside));
    rig_free(g);
}
