#include "sim/sockets.h"

#include "support/test.h"

static const struct ptn_addr NOBODY;
#define HERE(port) ptn_addr_v4(192, 0, 2, 1, port)
#define THERE(port) ptn_addr_v4(198, 51, 100, 1, port)

static struct ptn_sim_socket *add(struct ptn_sim_sockets *s, enum ptn_sim_socket_kind kind,
                                  ptn_id id, struct ptn_addr local, struct ptn_addr far)
{
    struct ptn_sim_socket *added = ptn_sim_sockets_add(
        s,
        &(struct ptn_sim_socket){.kind = kind, .machine = 0, .id = id, .local = local, .far = far});

    CHECK(added);
    return added;
}

TEST(a_packet_finds_its_socket_and_a_connection_goes_before_its_listener)
{
    struct ptn_sim_sockets s = {0};
    struct ptn_addr here = HERE(5060), alice = THERE(1), bob = THERE(2);
    struct ptn_sim_socket *udp = add(&s, PTN_SIM_SOCKET_UDP, 1, here, NOBODY);
    struct ptn_sim_socket *listener = add(&s, PTN_SIM_SOCKET_LISTENER, 2, here, NOBODY);
    struct ptn_sim_socket *connection = add(&s, PTN_SIM_SOCKET_CONNECTION, 3, here, alice);

    CHECK(ptn_sim_sockets_by_ends(&s, PTN_IP_UDP, &here, &alice) == udp);
    CHECK(ptn_sim_sockets_by_ends(&s, PTN_IP_TCP, &here, &alice) == connection);
    CHECK(ptn_sim_sockets_by_ends(&s, PTN_IP_TCP, &here, &bob) == listener);
    CHECK(ptn_sim_sockets_by_ends(&s, PTN_IP_UDP, &(struct ptn_addr[]){HERE(5061)}[0], &bob) ==
          NULL);
    CHECK(ptn_sim_sockets_by_id(&s, 0, 3) == connection);
    CHECK(ptn_sim_sockets_by_id(&s, 1, 3) == NULL);
    ptn_sim_sockets_rename(&s, connection, 1, 4);
    CHECK(ptn_sim_sockets_by_id(&s, 0, 3) == NULL);
    CHECK(ptn_sim_sockets_by_id(&s, 1, 4) == connection);
    ptn_sim_sockets_remove(&s, connection);
    CHECK(ptn_sim_sockets_by_ends(&s, PTN_IP_TCP, &here, &alice) == listener);
    CHECK(ptn_sim_sockets_by_id(&s, 1, 4) == NULL);
    ptn_sim_sockets_fini(&s);
}

TEST(a_port_is_in_use_for_its_like_only)
{
    struct ptn_sim_sockets s = {0};
    struct ptn_dice dice = ptn_dice_seeded(1);
    struct ptn_addr here = HERE(5060), other = ptn_addr_v4(192, 0, 2, 2, 5060), alice = THERE(1),
                    bob = THERE(2);

    add(&s, PTN_SIM_SOCKET_UDP, 1, here, NOBODY);
    add(&s, PTN_SIM_SOCKET_CONNECTION, 2, here, alice);
    CHECK_EQ(PTN_ERR_IN_USE, ptn_sim_sockets_bind(&s, PTN_SIM_SOCKET_UDP, &here, &NOBODY, &dice));
    CHECK_EQ(PTN_ERR_IN_USE, ptn_sim_sockets_bind(&s, PTN_SIM_SOCKET_QUERY, &here, &NOBODY, &dice));
    CHECK_EQ(PTN_OK, ptn_sim_sockets_bind(&s, PTN_SIM_SOCKET_UDP, &other, &NOBODY, &dice));
    CHECK_EQ(PTN_OK, ptn_sim_sockets_bind(&s, PTN_SIM_SOCKET_LISTENER, &here, &NOBODY, &dice));
    CHECK_EQ(PTN_OK, ptn_sim_sockets_bind(&s, PTN_SIM_SOCKET_CONNECTION, &here, &bob, &dice));
    CHECK_EQ(PTN_ERR_IN_USE,
             ptn_sim_sockets_bind(&s, PTN_SIM_SOCKET_CONNECTION, &here, &alice, &dice));
    ptn_sim_sockets_fini(&s);
}

TEST(any_port_is_a_free_one_until_there_is_none)
{
    enum { FIRST = 32768, LAST = 60999, LEFT_FREE = 3 };
    struct ptn_sim_sockets s = {0};
    struct ptn_dice dice = ptn_dice_seeded(1);

    for (unsigned port = FIRST; port <= LAST - LEFT_FREE; port++)
        add(&s, PTN_SIM_SOCKET_UDP, port, HERE((uint16_t)port), NOBODY);
    for (unsigned i = 0; i < LEFT_FREE; i++) {
        struct ptn_addr local = HERE(0);
        CHECK_EQ(PTN_OK, ptn_sim_sockets_bind(&s, PTN_SIM_SOCKET_UDP, &local, &NOBODY, &dice));
        CHECK(local.port > LAST - LEFT_FREE && local.port <= LAST);
        add(&s, PTN_SIM_SOCKET_UDP, i + 1, local, NOBODY);
    }
    struct ptn_addr local = HERE(0);
    CHECK_EQ(PTN_ERR_NO_ROOM, ptn_sim_sockets_bind(&s, PTN_SIM_SOCKET_UDP, &local, &NOBODY, &dice));
    ptn_sim_sockets_fini(&s);
}

TEST(any_port_is_drawn_from_all_that_are_free)
{
    struct ptn_sim_sockets s = {0};
    struct ptn_dice dice = ptn_dice_seeded(1);
    unsigned high = 0;

    for (ptn_id id = 1; id <= 100; id++) {
        struct ptn_addr local = HERE(0);
        CHECK_EQ(PTN_OK, ptn_sim_sockets_bind(&s, PTN_SIM_SOCKET_UDP, &local, &NOBODY, &dice));
        add(&s, PTN_SIM_SOCKET_UDP, id, local, NOBODY);
        high += local.port > 46883;
    }
    CHECK(high > 30 && high < 70);
    ptn_sim_sockets_fini(&s);
}
