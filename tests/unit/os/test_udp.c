/*
 * Datagrams in trains, sockets that share a port.
 */
#include "os/udp.h"

#include <poll.h>
#include <unistd.h>

#include "support/test.h"

static const uint8_t loopback[] = {127, 0, 0, 1};

static int open_any(struct ptn_addr *bound)
{
    struct ptn_addr local = ptn_addr_v4(loopback[0], loopback[1], loopback[2], loopback[3], 0);
    int fd;

    CHECK_EQ(PTN_OK, ptn_udp_open(&local, 0, &fd, bound));
    return fd;
}

/* Everything that comes within a moment, as sizes. */
static size_t receive_sizes(int fd, size_t *sizes, size_t max)
{
    struct ptn_udp_in *in = ptn_udp_in_new();
    size_t count = 0;

    CHECK(in);
    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, 50) == 0)
            break;
        size_t n = ptn_udp_receive(fd, in);
        for (size_t i = 0; i < n && count < max; i++) {
            struct ptn_bytes b = ptn_udp_in_bytes(in, i);
            CHECK(b.size == 0 || b.data[0] == (uint8_t)count);
            sizes[count++] = b.size;
        }
    }
    ptn_udp_in_free(in);
    return count;
}

TEST(lent_datagrams_arrive_one_by_one_and_in_order)
{
    static const size_t lent[] = {172, 172, 172, 172, 100, 172, 300, 300, 1400, 1400, 0, 5};
    enum { COUNT = sizeof lent / sizeof *lent };
    static uint8_t bytes[COUNT][1500];
    struct ptn_addr from, to;
    int out_fd = open_any(&from), in_fd = open_any(&to);
    struct ptn_udp_out *out = ptn_udp_out_new();
    struct ptn_udp_sent sent;
    size_t sizes[COUNT];

    for (size_t i = 0; i < COUNT; i++) {
        bytes[i][0] = (uint8_t)i;
        CHECK(ptn_udp_out_lend(out, out_fd, 0, &to, ptn_bytes(bytes[i], lent[i])));
    }
    ptn_udp_out_flush(out, &sent);
    CHECK_EQ(COUNT, sent.sent);
    CHECK_EQ(0, sent.dropped + sent.failure_count);
    CHECK_EQ(COUNT, receive_sizes(in_fd, sizes, COUNT));
    for (size_t i = 0; i < COUNT; i++)
        CHECK_EQ(lent[i], sizes[i]);
    ptn_udp_out_free(out);
    close(out_fd);
    close(in_fd);
}

TEST(a_batch_of_lent_datagrams_has_an_end)
{
    struct ptn_addr from;
    int fd = open_any(&from);
    struct ptn_udp_out *out = ptn_udp_out_new();
    struct ptn_udp_sent sent;

    for (size_t i = 0; i < PTN_UDP_BATCH_MAX; i++)
        CHECK(ptn_udp_out_lend(out, fd, 0, &from, ptn_bytes("x", 1)));
    CHECK(!ptn_udp_out_lend(out, fd, 0, &from, ptn_bytes("x", 1)));
    ptn_udp_out_flush(out, &sent);
    CHECK_EQ(PTN_UDP_BATCH_MAX, sent.sent);
    ptn_udp_out_free(out);
    close(fd);
}

TEST(sockets_of_one_program_share_a_port_that_others_do_not_get)
{
    struct ptn_addr local = ptn_addr_v4(127, 0, 0, 1, 0), bound, again;
    int first, second, third;

    CHECK_EQ(PTN_OK, ptn_udp_serve(&local, true, false, &first, &bound));
    CHECK_EQ(PTN_OK, ptn_udp_serve(&bound, true, true, &second, &again));
    CHECK_EQ(bound.port, again.port);
    CHECK_EQ(PTN_ERR_IN_USE, ptn_udp_serve(&bound, true, false, &third, &again));
    CHECK_EQ(PTN_ERR_IN_USE, ptn_udp_relay(&bound, &third, &again));
    close(first);
    close(second);
}
