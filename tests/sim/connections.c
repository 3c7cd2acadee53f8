/*
 * tests/sim/connections.c - stories of TCP: through NATs, through loss, into walls.
 */
#include "support/puppet.h"
#include "support/test.h"

static const char HOME[] = "wire internet 198.51.100.0/24 203.0.113.0/24 2001:db8::/64 delay 10ms\n"
                           "wire lan 192.168.1.0/24 delay 1ms\n"
                           "host server internet 198.51.100.1 2001:db8::1\n"
                           "host bob internet 198.51.100.2 2001:db8::2\n"
                           "host alice lan 192.168.1.10\n"
                           "nat nat-a port-restricted inside lan outside internet 203.0.113.1\n";

static struct puppet_home home_open(uint64_t seed)
{
    struct puppet_home h = puppet_home_open(HOME, seed);

    puppet_listen(h.server, 1, "198.51.100.1:5060");
    return h;
}

TEST(a_connection_from_behind_a_nat_is_accepted_and_echoes)
{
    struct puppet_home h = home_open(1);

    h.server->echoes = true;
    puppet_connect(h.alice, 5, "192.168.1.10:5060", "198.51.100.1:5060");
    puppet_stream(h.alice, 5, ptn_bytes_of_text("REGISTER"));
    ptn_sim_run(h.w, PTN_S(1));
    const struct ptn_tell *opened = puppet_last(h.alice, PTN_TELL_OPENED);
    CHECK_EQ(5, opened->id);
    CHECK_EQ(5060, opened->local.port);
    const struct ptn_tell *accepted = puppet_last(h.server, PTN_TELL_ACCEPTED);
    CHECK(accepted->id >= PTN_ID_WORLD);
    CHECK_EQ(1, accepted->listener);
    CHECK_EQ(PTN_TCP, accepted->transport);
    CHECK(
        ptn_addr_same_ip(&accepted->from, &(struct ptn_addr[]){ptn_addr_v4(203, 0, 113, 1, 0)}[0]));
    const struct ptn_tell *echo = puppet_last(h.alice, PTN_TELL_STREAM);
    CHECK_EQ(8, echo->bytes.size);
    CHECK_BYTES("REGISTER", echo->bytes.data, 8);
    /* SYN, SYN, then the data's round trip; nothing waits for anything else. */
    CHECK_EQ(PTN_MS(44), puppet_last_at(h.alice, PTN_TELL_STREAM));
    puppet_home_close(&h);
}

TEST(bytes_survive_loss_and_reordering_on_the_way)
{
    static uint8_t bytes[20000];

    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 251);
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct puppet_home h = home_open(seed);

        puppet_event(h.w, h.s, "0s link internet loss 5% reorder 10% 40ms duplicate 2%");
        puppet_connect(h.alice, 5, NULL, "198.51.100.1:5060");
        puppet_stream(h.alice, 5, ptn_bytes(bytes, sizeof bytes));
        ptn_sim_run(h.w, PTN_S(200));
        CHECK_EQ(sizeof bytes, h.server->bytes_received);
        size_t at = 0;
        for (unsigned i = 0; i < h.server->told_count; i++) {
            const struct ptn_tell *t = &h.server->told[i].tell;
            if (t->kind != PTN_TELL_STREAM)
                continue;
            CHECK_BYTES(bytes + at, t->bytes.data, t->bytes.size);
            at += t->bytes.size;
        }
        puppet_close(h.alice, 5);
        ptn_sim_run(h.w, PTN_S(400));
        CHECK_EQ(1, puppet_count(h.server, PTN_TELL_CLOSED));
        CHECK_EQ(PTN_OK, puppet_last(h.server, PTN_TELL_CLOSED)->why);
        CHECK_EQ(0, puppet_count(h.alice, PTN_TELL_CLOSED));
        puppet_home_close(&h);
    }
}

TEST(nobody_listens_nobody_is_there_and_nobody_may_listen_twice)
{
    struct puppet_home h = home_open(1);

    puppet_connect(h.alice, 5, NULL, "198.51.100.1:9");
    ptn_sim_run(h.w, PTN_S(1));
    CHECK_EQ(PTN_ERR_REFUSED, puppet_last(h.alice, PTN_TELL_FAILED)->why);
    CHECK_EQ(PTN_MS(22), puppet_last_at(h.alice, PTN_TELL_FAILED));

    puppet_connect(h.alice, 5, NULL,
                   "192.0.2.77:5060"); /* no route: a router says so, or silence */
    ptn_sim_run(h.w, PTN_S(300));
    CHECK_EQ(2, puppet_count(h.alice, PTN_TELL_FAILED));

    puppet_connect(h.alice, 6, NULL, "[2001:db8::1]:5060");
    CHECK_EQ(6, puppet_last(h.alice, PTN_TELL_FAILED)->id);
    CHECK_EQ(PTN_ERR_UNREACHABLE, puppet_last(h.alice, PTN_TELL_FAILED)->why);

    puppet_listen(h.server, 2, "198.51.100.1:5060");
    CHECK_EQ(PTN_ERR_IN_USE, puppet_last(h.server, PTN_TELL_FAILED)->why);
    puppet_home_close(&h);
}

TEST(connecting_into_a_wire_that_is_down_times_out)
{
    struct puppet_home h = home_open(1);

    puppet_event(h.w, h.s, "0s down internet");
    puppet_connect(h.alice, 5, NULL, "198.51.100.1:5060");
    ptn_sim_run(h.w, PTN_S(60));
    CHECK_EQ(0, puppet_count(h.alice, PTN_TELL_FAILED));
    ptn_sim_run(h.w, PTN_S(300));
    CHECK_EQ(1, puppet_count(h.alice, PTN_TELL_FAILED));
    CHECK_EQ(PTN_ERR_TIMED_OUT, puppet_last(h.alice, PTN_TELL_FAILED)->why);
    puppet_home_close(&h);
}

TEST(a_nat_that_forgot_the_mapping_ends_in_a_reset_or_a_new_port_never_in_foreign_bytes)
{
    struct puppet_home h = home_open(1);

    puppet_connect(h.alice, 5, "192.168.1.10:5060", "198.51.100.1:5060");
    puppet_stream(h.alice, 5, ptn_bytes_of_text("one"));
    ptn_sim_run(h.w, PTN_S(1));
    puppet_event(h.w, h.s, "1s reboot nat-a");
    ptn_id accepted = puppet_last(h.server, PTN_TELL_ACCEPTED)->id;
    puppet_stream(h.server, accepted, ptn_bytes_of_text("are you there?"));
    ptn_sim_run(h.w, PTN_S(600));
    /* What comes from outside finds no mapping: the server gives up in the end. */
    CHECK_EQ(0, puppet_count(h.alice, PTN_TELL_STREAM));
    CHECK_EQ(1, puppet_count(h.server, PTN_TELL_CLOSED));

    puppet_stream(h.alice, 5, ptn_bytes_of_text("two"));
    ptn_sim_run(h.w, PTN_S(1200));
    CHECK_EQ(3, h.server->bytes_received);
    CHECK_EQ(1, puppet_count(h.alice, PTN_TELL_CLOSED));
    CHECK(puppet_last(h.alice, PTN_TELL_CLOSED)->why != PTN_OK);

    /* And the same ports are good for a new connection at once. */
    puppet_connect(h.alice, 5, "192.168.1.10:5060", "198.51.100.1:5060");
    ptn_sim_run(h.w, PTN_S(1300));
    CHECK_EQ(2, puppet_count(h.alice, PTN_TELL_OPENED));
    puppet_home_close(&h);
}

TEST(listening_and_connecting_from_one_port_go_together)
{
    struct puppet_home h = home_open(1);

    puppet_listen(h.bob, 1, "198.51.100.2:5060");
    puppet_connect(h.bob, 2, "198.51.100.2:5060", "198.51.100.1:5060");
    puppet_connect(h.alice, 5, NULL, "198.51.100.2:5060");
    ptn_sim_run(h.w, PTN_S(1));
    CHECK_EQ(2, puppet_count(h.bob, PTN_TELL_OPENED));
    CHECK_EQ(1, puppet_count(h.bob, PTN_TELL_ACCEPTED));
    CHECK_EQ(1, puppet_count(h.server, PTN_TELL_ACCEPTED));
    puppet_connect(h.bob, 3, "198.51.100.2:5060", "198.51.100.1:5060");
    CHECK_EQ(PTN_ERR_IN_USE, puppet_last(h.bob, PTN_TELL_FAILED)->why);

    /* Closed, the very same ends connect again without waiting. */
    puppet_close(h.bob, 2);
    puppet_connect(h.bob, 3, "198.51.100.2:5060", "198.51.100.1:5060");
    ptn_sim_run(h.w, PTN_S(10));
    CHECK_EQ(3, puppet_last(h.bob, PTN_TELL_OPENED)->id);
    puppet_home_close(&h);
}

TEST(a_process_that_ends_closes_its_connections)
{
    struct puppet_home h = home_open(1);

    puppet_connect(h.alice, 5, NULL, "198.51.100.1:5060");
    ptn_sim_run(h.w, PTN_S(1));
    ptn_sim_remove(h.w, h.alice->number);
    ptn_sim_run(h.w, PTN_S(2));
    CHECK_EQ(1, puppet_count(h.server, PTN_TELL_CLOSED));
    CHECK_EQ(PTN_OK, puppet_last(h.server, PTN_TELL_CLOSED)->why);
    puppet_home_close(&h);
}

TEST(ipv6_connects_as_ipv4_does)
{
    struct puppet_home h = home_open(1);

    puppet_listen(h.server, 2, "[2001:db8::1]:5060");
    puppet_connect(h.bob, 5, NULL, "[2001:db8::1]:5060");
    puppet_stream(h.bob, 5, ptn_bytes_of_text("six"));
    ptn_sim_run(h.w, PTN_S(1));
    CHECK_EQ(2, puppet_last(h.server, PTN_TELL_ACCEPTED)->listener);
    CHECK_EQ(3, h.server->bytes_received);
    puppet_home_close(&h);
}

TEST(a_wire_with_a_small_mtu_is_learnt_from_icmp)
{
    struct ptn_scenario *s =
        puppet_scenario("wire internet 198.51.100.0/24 delay 10ms\n"
                        "wire thin 203.0.113.0/24 mtu 600\n"
                        "wire lan 192.168.1.0/24\n"
                        "host server internet 198.51.100.1\n"
                        "host alice lan 192.168.1.10\n"
                        "nat nat-a full-cone inside lan outside thin 203.0.113.2\n"
                        "router r thin 203.0.113.1 internet 198.51.100.254\n");
    struct ptn_sim *w = puppet_world(s, 1);
    struct puppet *alice = puppet_new(w, "alice", s), *server = puppet_new(w, "server", s);
    static uint8_t bytes[10000];

    puppet_listen(server, 1, "198.51.100.1:5060");
    server->echoes = true;
    puppet_connect(alice, 1, NULL, "198.51.100.1:5060");
    puppet_stream(alice, 1, ptn_bytes(bytes, sizeof bytes));
    ptn_sim_run(w, PTN_S(30));
    CHECK_EQ(sizeof bytes, server->bytes_received);
    CHECK_EQ(sizeof bytes, alice->bytes_received);
    puppet_free(alice);
    puppet_free(server);
    ptn_sim_free(w);
    ptn_scenario_free(s);
}
