/*
 * The stock of relay sockets where other programs have most of the ports.
 */
#include <stdlib.h>

#include "support/test.h"
#include "support/turn_rig.h"

static unsigned allocate_in_the_end(struct rig *g, struct rig_client *c)
{
    unsigned code = rig_allocate(g, c, NULL);

    if (code == 1) {
        rig_sleep(g, PTN_MS(500));
        c->serial--; /* the same transaction again */
        code = rig_allocate(g, c, NULL);
    }
    return code;
}

TEST(the_last_free_ports_are_found_before_anybody_is_told_that_there_are_none)
{
    enum { FREE = 10, STOCK = 4 };
    struct ptn_relay_opts opts = rig_opts();
    opts.turn.stock = STOCK;
    opts.turn.stock_pairs = 0;
    opts.turn.peer_conns_max = 0;
    opts.turn.address_count = 1;
    opts.turn.port_min = 50000;
    opts.turn.port_max = 54095;
    struct rig *g = rig_new(&opts);
    struct rig_client c[FREE + 1];

    /* Other programs take the range while the first of ours are open already. */
    for (uint32_t port = 50000, free = 0; port <= 54095; port++)
        g->taken[port] = port % 409 != 7 || free++ >= FREE - STOCK;
    for (uint16_t i = 0; i < FREE; i++) {
        c[i] = rig_client((uint16_t)(40000 + i));
        CHECK_EQ(0, allocate_in_the_end(g, &c[i]));
    }
    CHECK_EQ(0, rig_count(g, PTN_RELAY_CAPACITY));
    c[FREE] = rig_client(50000);
    CHECK_EQ(508, allocate_in_the_end(g, &c[FREE]));
    CHECK_EQ(0, rig_refresh(g, &c[FREE - 1], 0));
    rig_sleep(g, PTN_S(5));
    CHECK_EQ(0, rig_allocate(g, &c[FREE], NULL));
    rig_free(g);
}

TEST(who_waits_is_told_as_soon_as_it_is_known_that_there_are_none)
{
    struct rig *g = rig_new(NULL);
    struct rig_client c;

    memset(g->taken, true, sizeof g->taken);
    for (uint16_t i = 0; i < 9; i++) {
        c = rig_client((uint16_t)(40000 + i));
        CHECK_EQ(i < 8 ? 0 : 1, rig_allocate(g, &c, NULL));
    }
    g->sent_count = 0;
    rig_sleep(g, PTN_S(2));
    CHECK_EQ(1, rig_count(g, PTN_RELAY_CAPACITY));
    CHECK_EQ(1, g->sent_count);
    CHECK_ADDR(&c.addr, &g->sent[0].to);
    rig_free(g);
}

TEST(pairs_that_cannot_be_had_do_not_keep_anybody_from_a_single_port)
{
    struct rig *g = rig_new(NULL);
    struct rig_request q;

    for (uint32_t port = 1; port < 65536; port += 2)
        g->taken[port] = true;
    for (uint16_t i = 0; i < 4; i++) {
        struct rig_client c = rig_client((uint16_t)(41000 + i));
        rig_begin(&q, &c, PTN_STUN_ALLOCATE);
        ptn_stun_put_u32(&q.o, PTN_STUN_REQUESTED_TRANSPORT, 17u << 24);
        ptn_stun_put_u32(&q.o, PTN_STUN_EVEN_PORT, 0x80000000);
        CHECK_EQ(i < 2 ? 0 : 1, rig_ask(g, &q)); /* two of the stock; the others wait in vain */
    }
    for (uint16_t i = 0; i < 40; i++) {
        struct rig_client c = rig_client((uint16_t)(40000 + i));
        CHECK_EQ(0, rig_allocate(g, &c, NULL));
    }
    rig_sleep(g, PTN_S(2));
    CHECK_EQ(2, rig_count(g, PTN_RELAY_CAPACITY));
    rig_free(g);
}

/* A call centre comes back after a power cut, on a computer where three of five ports are taken. */
TEST(nine_thousand_at_once_all_get_a_port_where_most_are_taken)
{
    enum { CLIENTS = 9000, AT_ONCE = 512, ROUNDS_MAX = 7 };
    struct ptn_relay_opts opts = rig_opts();
    opts.turn.stock = 128;
    opts.turn.allocations_max = CLIENTS;
    opts.turn.port_min = 20000;
    opts.turn.port_max = 65535;
    struct rig *g = rig_new(&opts);
    struct rig_client *c = calloc(CLIENTS, sizeof *c);
    struct ptn_dice dice = ptn_dice_seeded(4);
    unsigned rounds = 0;

    CHECK(c != NULL);
    for (uint32_t port = 0; port < 65536; port++)
        g->taken[port] = ptn_dice_below(&dice, 10) < 6;
    for (uint16_t i = 0; i < CLIENTS; i++) {
        c[i] = rig_client((uint16_t)(40000 + i));
        g->now += PTN_MS(1);
        CHECK_EQ(437, rig_refresh(g, &c[i], 600));
    }
    /* All in the same instant; who hears nothing asks again, as clients do (RFC 8489, Rc = 7). */
    for (unsigned silent = CLIENTS; silent > 0 && rounds < ROUNDS_MAX; rounds++) {
        silent = 0;
        for (uint16_t i = 0; i < CLIENTS; i++) {
            if (rounds > 0)
                c[i].serial--;
            g->busy = i % AT_ONCE != 0;
            silent += rig_allocate(g, &c[i], NULL) != 0;
        }
        g->busy = false;
        g->sent_count = 0;
        rig_sleep(g, PTN_MS(500));
    }
    CHECK_EQ(CLIENTS, ptn_relay_now(g->relay).allocations);
    CHECK_EQ(0, rig_count(g, PTN_RELAY_CAPACITY));
    CHECK(rounds < ROUNDS_MAX);
    free(c);
    rig_free(g);
}
