/*
 * tests/sim/datagrams.c - stories of datagrams between hosts: through each kind of NAT, to nobody,
 * to oneself, with an address that changes.
 */
#include "support/puppet.h"
#include "support/test.h"

#include <stdio.h>

/* Alice behind a NAT, a server with two addresses, and Bob beside it. */
static const char HOME[] = "wire internet 198.51.100.0/24 203.0.113.0/24 delay 5ms\n"
                           "wire lan 192.168.1.0/24 delay 5ms\n"
                           "host server internet 198.51.100.1 198.51.100.2\n"
                           "host bob internet 198.51.100.9\n"
                           "host alice lan 192.168.1.10\n"
                           "nat nat-a %s inside lan outside internet 203.0.113.1\n";

static struct puppet_home home_open(const char *nat, uint64_t seed)
{
    char text[1000];

    snprintf(text, sizeof text, HOME, nat);
    struct puppet_home h = puppet_home_open(text, seed);
    puppet_open(h.alice, 1, "192.168.1.10:4000");
    puppet_open(h.server, 1, "198.51.100.1:3478");
    puppet_open(h.server, 2, "198.51.100.1:3479");
    puppet_open(h.server, 3, "198.51.100.2:3478");
    puppet_open(h.bob, 1, "198.51.100.9:7000");
    return h;
}

TEST(each_kind_of_nat_maps_and_filters_as_its_name_says)
{
    static const struct {
        const char *nat;
        bool same_mapping;           /* towards two servers */
        bool other_port, other_addr; /* may answer a datagram that was not sent to them */
    } cases[] = {
        {"full-cone", true, true, true},
        {"address-restricted", true, true, false},
        {"port-restricted", true, false, false},
        {"symmetric", false, false, false},
        {"mapping address filtering address ports random", false, true, false},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct puppet_home h = home_open(cases[i].nat, i);

        puppet_send(h.alice, 1, "198.51.100.1:3478", "hello");
        ptn_sim_run(h.w, PTN_MS(100));
        const struct ptn_tell *seen = puppet_last(h.server, PTN_TELL_DATAGRAM);
        CHECK(seen);
        CHECK_EQ(5, seen->bytes.size);
        CHECK_EQ(1, seen->id);
        struct ptn_addr mapped = seen->from;
        CHECK(ptn_addr_same_ip(&mapped, &(struct ptn_addr[]){ptn_addr_v4(203, 0, 113, 1, 0)}[0]));

        puppet_send_addr(h.server, 1, &mapped, "1");
        ptn_sim_run(h.w, PTN_MS(200));
        CHECK_EQ(1, puppet_count(h.alice, PTN_TELL_DATAGRAM));
        puppet_send_addr(h.server, 2, &mapped, "2");
        ptn_sim_run(h.w, PTN_MS(300));
        CHECK_EQ(1 + cases[i].other_port, puppet_count(h.alice, PTN_TELL_DATAGRAM));
        puppet_forget(h.alice);
        puppet_send_addr(h.server, 3, &mapped, "3");
        ptn_sim_run(h.w, PTN_MS(400));
        CHECK_EQ(cases[i].other_addr, puppet_count(h.alice, PTN_TELL_DATAGRAM));

        puppet_send(h.alice, 1, "198.51.100.2:3478", "hello");
        ptn_sim_run(h.w, PTN_MS(500));
        seen = puppet_last(h.server, PTN_TELL_DATAGRAM);
        CHECK_EQ(3, seen->id);
        CHECK_EQ(cases[i].same_mapping, ptn_addr_equal(&mapped, &seen->from));
        puppet_home_close(&h);
    }
}

TEST(a_datagram_takes_the_delay_of_its_wires)
{
    struct puppet_home h = home_open("port-restricted", 1);

    h.server->echoes = true;
    puppet_send(h.alice, 1, "198.51.100.1:3478", "hello");
    ptn_sim_run(h.w, PTN_S(1));
    CHECK_EQ(PTN_MS(10), puppet_last_at(h.server, PTN_TELL_DATAGRAM));
    CHECK_EQ(PTN_MS(20), puppet_last_at(h.alice, PTN_TELL_DATAGRAM));
    CHECK_EQ(PTN_S(1), ptn_sim_now(h.w));
    puppet_home_close(&h);
}

TEST(a_mapping_is_gone_when_the_nat_has_rebooted)
{
    struct puppet_home h = home_open("full-cone", 1);

    puppet_send(h.alice, 1, "198.51.100.1:3478", "hello");
    ptn_sim_run(h.w, PTN_S(1));
    struct ptn_addr mapped = puppet_last(h.server, PTN_TELL_DATAGRAM)->from;
    puppet_event(h.w, h.s, "0s reboot nat-a");
    puppet_send_addr(h.server, 1, &mapped, "anybody?");
    ptn_sim_run(h.w, PTN_S(2));
    CHECK_EQ(0, puppet_count(h.alice, PTN_TELL_DATAGRAM));
    puppet_home_close(&h);
}

TEST(a_closed_port_says_so_and_the_sender_is_told_whom_it_did_not_reach)
{
    struct puppet_home h = home_open("port-restricted", 1);

    puppet_send(h.alice, 1, "198.51.100.9:9", "hello"); /* through the NAT: ICMP is rewritten */
    ptn_sim_run(h.w, PTN_S(1));
    const struct ptn_tell *error = puppet_last(h.alice, PTN_TELL_ICMP_ERROR);
    CHECK(error);
    CHECK_EQ(1, error->id);
    CHECK_EQ(PTN_ERR_REFUSED, error->why);
    CHECK_ADDR(&(struct ptn_addr[]){ptn_addr_v4(198, 51, 100, 9, 9)}[0], &error->from);
    puppet_home_close(&h);
}

TEST(sockets_are_had_closed_and_had_again_as_a_kernel_gives_them)
{
    struct puppet_home h = home_open("full-cone", 1);

    CHECK_EQ(1, puppet_count(h.alice, PTN_TELL_ADDRESSES));
    const struct ptn_tell *addrs = puppet_last(h.server, PTN_TELL_ADDRESSES);
    CHECK_EQ(2, addrs->addr_count);
    CHECK_ADDR(&(struct ptn_addr[]){ptn_addr_v4(198, 51, 100, 2, 0)}[0], &addrs->addrs[1]);

    puppet_open(h.alice, 2, "192.168.1.10:4000");
    CHECK_EQ(PTN_ERR_IN_USE, puppet_last(h.alice, PTN_TELL_FAILED)->why);
    CHECK_EQ(2, puppet_last(h.alice, PTN_TELL_FAILED)->id);
    struct puppet *other = puppet_new(h.w, "alice", h.s); /* ports belong to the host */
    puppet_open(other, 2, "192.168.1.10:4000");
    CHECK_EQ(PTN_ERR_IN_USE, puppet_last(other, PTN_TELL_FAILED)->why);
    puppet_open(other, 2, "192.168.1.11:4000");
    CHECK_EQ(PTN_ERR_NOT_FOUND, puppet_last(other, PTN_TELL_FAILED)->why);

    puppet_open(other, 3, "192.168.1.10");
    const struct ptn_tell *opened = puppet_last(other, PTN_TELL_OPENED);
    CHECK_EQ(3, opened->id);
    CHECK(opened->local.port >= 32768);

    puppet_close(h.alice, 1);
    puppet_open(other, 2, "192.168.1.10:4000");
    CHECK_EQ(2, puppet_last(other, PTN_TELL_OPENED)->id);
    ptn_sim_remove(h.w, other->number);
    puppet_open(h.alice, 1, "192.168.1.10:4000");
    CHECK_EQ(2, puppet_count(h.alice, PTN_TELL_OPENED));
    puppet_free(other);
    puppet_home_close(&h);
}

TEST(machines_on_one_host_reach_each_other_and_themselves)
{
    struct puppet_home h = home_open("full-cone", 1);
    struct puppet *other = puppet_new(h.w, "alice", h.s);

    other->echoes = true;
    puppet_open(other, 1, "192.168.1.10:5000");
    puppet_send(h.alice, 1, "192.168.1.10:5000", "next door");
    ptn_sim_run(h.w, PTN_MS(1));
    CHECK_EQ(1, puppet_count(other, PTN_TELL_DATAGRAM));
    CHECK_EQ(1, puppet_count(h.alice, PTN_TELL_DATAGRAM));
    puppet_send(h.alice, 1, "192.168.1.10:4000", "me");
    ptn_sim_run(h.w, PTN_MS(2));
    CHECK_EQ(2, puppet_count(h.alice, PTN_TELL_DATAGRAM));
    puppet_send(h.alice, 1, "192.168.1.10:9", "nobody");
    ptn_sim_run(h.w, PTN_MS(3));
    CHECK_EQ(1, puppet_count(h.alice, PTN_TELL_ICMP_ERROR));
    puppet_free(other);
    puppet_home_close(&h);
}

TEST(a_datagram_larger_than_any_wire_arrives_whole)
{
    struct puppet_home h = home_open("port-restricted", 1);
    static char large[30001];

    memset(large, 'x', sizeof large - 1);
    large[29999] = 'y';
    h.server->echoes = true;
    puppet_send(h.alice, 1, "198.51.100.1:3478", large);
    ptn_sim_run(h.w, PTN_S(1));
    const struct ptn_tell *back = puppet_last(h.alice, PTN_TELL_DATAGRAM);
    CHECK(back);
    CHECK_EQ(30000, back->bytes.size);
    CHECK_BYTES(large, back->bytes.data, 30000);
    puppet_home_close(&h);
}

TEST(a_host_that_gets_another_address_is_told_and_its_old_sockets_are_mute)
{
    struct puppet_home h = home_open("full-cone", 1);

    puppet_event(h.w, h.s, "0s address bob 198.51.100.10");
    ptn_sim_run(h.w, PTN_MS(1));
    const struct ptn_tell *addrs = puppet_last(h.bob, PTN_TELL_ADDRESSES);
    CHECK_EQ(1, addrs->addr_count);
    CHECK_ADDR(&(struct ptn_addr[]){ptn_addr_v4(198, 51, 100, 10, 0)}[0], &addrs->addrs[0]);
    puppet_send(h.bob, 1, "198.51.100.1:3478", "from the old one");
    puppet_open(h.bob, 2, "198.51.100.10:7000");
    puppet_send(h.bob, 2, "198.51.100.1:3479", "from the new one");
    ptn_sim_run(h.w, PTN_S(1));
    CHECK_EQ(1, puppet_count(h.server, PTN_TELL_DATAGRAM));
    CHECK_EQ(2, puppet_last(h.server, PTN_TELL_DATAGRAM)->id);
    puppet_home_close(&h);
}

/* A number that depends on every byte and time on the wires. */
static uint64_t digest_of_run(uint64_t seed)
{
    struct puppet_home h = home_open("symmetric", seed);
    uint64_t digest = 14695981039346656037u;
    struct ptn_sim_step step;

    for (unsigned i = 0; i < h.s->wire_count; i++)
        ptn_net_tap(ptn_sim_net(h.w), i, true);
    puppet_event(h.w, h.s, "0s link internet loss 5% jitter 10ms");
    h.server->echoes = true;
    for (unsigned i = 0; i < 50; i++) {
        puppet_send(h.alice, 1, i % 2 ? "198.51.100.1:3478" : "198.51.100.2:3478", "hello");
        while (ptn_sim_step(h.w, PTN_MS(20 * i), &step)) {
            if (step.kind != PTN_SIM_TAPPED)
                continue;
            digest = (digest ^ (uint64_t)step.at ^ step.wire) * 1099511628211u;
            for (size_t j = 0; j < step.packet.size; j++)
                digest = (digest ^ step.packet.data[j]) * 1099511628211u;
        }
    }
    puppet_home_close(&h);
    return digest;
}

TEST(the_same_seed_is_the_same_run_and_another_is_another)
{
    uint64_t first = digest_of_run(7);

    CHECK(first == digest_of_run(7));
    CHECK(first != digest_of_run(8));
}
