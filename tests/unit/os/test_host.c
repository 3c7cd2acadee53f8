/*
 * Machines of the test's own on real loopback sockets: what effect.h promises, kept.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/netif.h"
#include "support/test.h"
#include "unit/os/probes.h"

static void set_up(struct fixture *f, uint32_t sockets_max)
{
    set_up_with(f, sockets_max, NULL, NULL);
}

static struct ptn_addr listen_tcp(struct fixture *f, struct probe *p, ptn_id id,
                                  const struct ptn_addr *local)
{
    return listen_stream(f, p, id, PTN_TCP, local);
}

TEST(a_machine_learns_the_addresses_as_soon_as_it_is_added)
{
    struct fixture f;
    struct ptn_addr addrs[PTN_NETIF_ADDRS_MAX], from;
    size_t count;
    bool found = false;

    set_up(&f, 16);
    CHECK_EQ(PTN_TELL_ADDRESSES, f.a.tells[0].kind);
    CHECK_EQ(PTN_OK, ptn_netif_list(addrs, PTN_NETIF_ADDRS_MAX, &count));
    CHECK_EQ(count, f.a.tells[0].addr_count);
    for (size_t i = 0; i < count; i++)
        found |= ptn_addr_equal(&addrs[i], &loopback);
    CHECK(found);
    CHECK(ptn_netif_towards(&loopback, &from));
    CHECK_ADDR(&loopback, &from);
    tear_down(&f);
}

TEST(a_datagram_goes_from_one_machine_to_the_other_and_back)
{
    struct fixture f;

    set_up(&f, 16);
    f.b.echo = true;
    struct ptn_addr a = open_udp(&f, &f.a, 7, &loopback), b = open_udp(&f, &f.b, 7, &loopback_2);
    CHECK(a.port != 0 && b.port != 0);
    ask(&f.a, (struct ptn_ask){
                  .kind = PTN_ASK_DATAGRAM, .id = 7, .to = b, .bytes = ptn_bytes_of_text("hello")});
    const struct ptn_tell *there = wait_tell(&f, &f.b, PTN_TELL_DATAGRAM, 7);
    CHECK_ADDR(&a, &there->from);
    CHECK_STR("hello", text_of(&f.b, there));
    const struct ptn_tell *back = wait_tell(&f, &f.a, PTN_TELL_DATAGRAM, 7);
    CHECK_ADDR(&b, &back->from);
    CHECK_STR("hello", text_of(&f.a, back));
    CHECK_EQ(2, ptn_host_counts(f.host)->datagrams_out);
    tear_down(&f);
}

TEST(more_datagrams_than_a_batch_holds_all_arrive_each_answered_in_its_turn)
{
    struct fixture f;
    static const char *const texts[] = {"zero", "one", "two", "three", "four"};

    set_up(&f, 16);
    f.b.echo = true;
    open_udp(&f, &f.a, 1, &loopback);
    struct ptn_addr b = open_udp(&f, &f.b, 1, &loopback);
    for (unsigned i = 0; i < 150; i++)
        ask(&f.a, (struct ptn_ask){.kind = PTN_ASK_DATAGRAM,
                                   .id = 1,
                                   .to = b,
                                   .bytes = ptn_bytes_of_text(texts[i % 5])});
    f.a.tell_count = 0;
    for (unsigned i = 0; i < 40 && ptn_host_counts(f.host)->datagrams_in < 300; i++)
        turn(&f);
    CHECK_EQ(300, ptn_host_counts(f.host)->datagrams_in);
    CHECK_EQ(300, ptn_host_counts(f.host)->datagrams_out);
    for (size_t i = 0; i < LOG_MAX; i++)
        CHECK_STR(texts[i % 5], f.a.text[i]);
    tear_down(&f);
}

TEST(a_datagram_of_any_size_passes_whole)
{
    struct fixture f;
    static uint8_t big[65507];

    set_up(&f, 16);
    open_udp(&f, &f.a, 1, &loopback);
    struct ptn_addr b = open_udp(&f, &f.b, 1, &loopback);
    static const size_t sizes[] = {0, 1, 1500, 65507};
    for (size_t i = 0; i < 4; i++) {
        f.b.tell_count = 0;
        ask(&f.a,
            (struct ptn_ask){
                .kind = PTN_ASK_DATAGRAM, .id = 1, .to = b, .bytes = ptn_bytes(big, sizes[i])});
        CHECK_EQ(sizes[i], wait_tell(&f, &f.b, PTN_TELL_DATAGRAM, 1)->bytes.size);
    }
    tear_down(&f);
}

TEST(a_far_end_without_a_socket_comes_back_as_an_icmp_error)
{
    struct fixture f;

    set_up(&f, 16);
    open_udp(&f, &f.a, 1, &loopback);
    struct ptn_addr nobody = open_udp(&f, &f.b, 1, &loopback);
    ask(&f.b, (struct ptn_ask){.kind = PTN_ASK_CLOSE, .id = 1});
    turn(&f);
    ask(&f.a,
        (struct ptn_ask){
            .kind = PTN_ASK_DATAGRAM, .id = 1, .to = nobody, .bytes = ptn_bytes_of_text("x")});
    const struct ptn_tell *error = wait_tell(&f, &f.a, PTN_TELL_ICMP_ERROR, 1);
    CHECK_ADDR(&nobody, &error->from);
    CHECK_EQ(PTN_ERR_REFUSED, error->why);
    tear_down(&f);
}

TEST(an_address_in_use_or_not_ours_fails_and_the_id_is_free_again)
{
    struct fixture f;
    struct ptn_addr taken, foreign = ptn_addr_v4(192, 0, 2, 1, 0);

    set_up(&f, 16);
    taken = open_udp(&f, &f.a, 1, &loopback);
    ask(&f.a, (struct ptn_ask){.kind = PTN_ASK_OPEN, .id = 2, .local = taken});
    CHECK_EQ(PTN_ERR_IN_USE, wait_tell(&f, &f.a, PTN_TELL_FAILED, 2)->why);
    ask(&f.a, (struct ptn_ask){.kind = PTN_ASK_OPEN, .id = 3, .local = foreign});
    CHECK_EQ(PTN_ERR_NOT_FOUND, wait_tell(&f, &f.a, PTN_TELL_FAILED, 3)->why);
    open_udp(&f, &f.a, 2, &loopback);
    tear_down(&f);
}

TEST(a_host_that_is_full_says_so)
{
    struct fixture f;

    set_up(&f, 2);
    open_udp(&f, &f.a, 1, &loopback);
    open_udp(&f, &f.a, 2, &loopback);
    ask(&f.a, (struct ptn_ask){.kind = PTN_ASK_OPEN, .id = 3, .local = loopback});
    CHECK_EQ(PTN_ERR_NO_ROOM, wait_tell(&f, &f.a, PTN_TELL_FAILED, 3)->why);
    ask(&f.a, (struct ptn_ask){.kind = PTN_ASK_CLOSE, .id = 1});
    open_udp(&f, &f.a, 4, &loopback);
    tear_down(&f);
}

TEST(what_is_streamed_before_the_connection_stands_is_sent_in_order)
{
    struct fixture f;

    set_up(&f, 16);
    struct ptn_addr b = listen_tcp(&f, &f.b, 5, &loopback);
    ask(&f.a,
        (struct ptn_ask){
            .kind = PTN_ASK_CONNECT, .id = 9, .transport = PTN_TCP, .local = loopback, .to = b});
    ask(&f.a,
        (struct ptn_ask){.kind = PTN_ASK_STREAM, .id = 9, .bytes = ptn_bytes_of_text("first ")});
    ask(&f.a,
        (struct ptn_ask){.kind = PTN_ASK_STREAM, .id = 9, .bytes = ptn_bytes_of_text("second")});
    const struct ptn_tell *accepted = wait_tell(&f, &f.b, PTN_TELL_ACCEPTED, 0);
    CHECK(accepted->id >= PTN_ID_WORLD);
    CHECK_EQ(5, accepted->listener);
    CHECK_ADDR(&b, &accepted->local);
    const struct ptn_tell *opened = wait_tell(&f, &f.a, PTN_TELL_OPENED, 9);
    CHECK_ADDR(&accepted->from, &opened->local);
    CHECK_STR("first second", text_of(&f.b, wait_tell(&f, &f.b, PTN_TELL_STREAM, accepted->id)));

    ask(&f.b, (struct ptn_ask){
                  .kind = PTN_ASK_STREAM, .id = accepted->id, .bytes = ptn_bytes_of_text("bye")});
    ask(&f.b, (struct ptn_ask){.kind = PTN_ASK_CLOSE, .id = accepted->id});
    CHECK_STR("bye", text_of(&f.a, wait_tell(&f, &f.a, PTN_TELL_STREAM, 9)));
    CHECK_EQ(PTN_OK, wait_tell(&f, &f.a, PTN_TELL_CLOSED, 9)->why);
    CHECK_EQ(0, ptn_host_closing(f.host));
    tear_down(&f);
}

TEST(a_port_can_listen_and_be_the_source_of_connections_and_is_free_after_closing)
{
    struct fixture f;

    set_up(&f, 16);
    struct ptn_addr b = listen_tcp(&f, &f.b, 5, &loopback);
    struct ptn_addr a = listen_tcp(&f, &f.a, 1, &loopback_2);
    for (unsigned i = 0; i < 3; i++) {
        f.a.tell_count = 0;
        ask(&f.a, (struct ptn_ask){
                      .kind = PTN_ASK_CONNECT, .id = 9, .transport = PTN_TCP, .local = a, .to = b});
        CHECK_ADDR(&a, &wait_tell(&f, &f.a, PTN_TELL_OPENED, 9)->local);
        /* The last words arrive although the close is a hard one. */
        ask(&f.a,
            (struct ptn_ask){.kind = PTN_ASK_STREAM, .id = 9, .bytes = ptn_bytes_of_text("last")});
        ask(&f.a, (struct ptn_ask){.kind = PTN_ASK_CLOSE, .id = 9});
        f.b.stream_size = 0;
        for (unsigned round = 0; round < 40 && (!f.b.stream_size || ptn_host_closing(f.host));
             round++)
            turn(&f);
        CHECK_EQ(4, f.b.stream_size);
        CHECK_EQ(0, ptn_host_closing(f.host));
    }
    tear_down(&f);
}

/* The mark that a datagram bears when it arrives. */
static int mark_received(struct fixture *f, ptn_id from)
{
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof sa;
    char text[8], control[64];
    struct iovec iov = {text, sizeof text};
    struct msghdr m = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    int fd = socket(AF_INET, SOCK_DGRAM, 0), on = 1, mark = -1;

    CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&sa, sizeof sa) == 0);
    CHECK(getsockname(fd, (struct sockaddr *)&sa, &size) == 0);
    CHECK(setsockopt(fd, IPPROTO_IP, IP_RECVTOS, &on, sizeof on) == 0);
    ask(&f->a, (struct ptn_ask){.kind = PTN_ASK_DATAGRAM,
                                .id = from,
                                .to = ptn_addr_v4(127, 0, 0, 1, ntohs(sa.sin_port)),
                                .bytes = ptn_bytes_of_text("x")});
    turn(f);
    CHECK(recvmsg(fd, &m, 0) == 1);
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TOS)
            mark = *CMSG_DATA(c) >> 2;
    close(fd);
    return mark;
}

TEST(datagrams_connections_and_who_is_accepted_bear_the_mark_that_was_asked_for)
{
    struct fixture f;

    set_up(&f, 16);
    ask(&f.a, (struct ptn_ask){.kind = PTN_ASK_OPEN, .id = 1, .local = loopback, .dscp = 46});
    wait_tell(&f, &f.a, PTN_TELL_OPENED, 1);
    CHECK_EQ(46, mark_received(&f, 1));

    ask(&f.b,
        (struct ptn_ask){
            .kind = PTN_ASK_LISTEN, .id = 5, .transport = PTN_TCP, .local = loopback, .dscp = 26});
    struct ptn_addr b = wait_tell(&f, &f.b, PTN_TELL_OPENED, 5)->local;
    ask(&f.a, (struct ptn_ask){.kind = PTN_ASK_CONNECT,
                               .id = 9,
                               .transport = PTN_TCP,
                               .local = loopback_2,
                               .to = b,
                               .dscp = 40});
    struct ptn_addr a = wait_tell(&f, &f.a, PTN_TELL_OPENED, 9)->local;
    wait_tell(&f, &f.b, PTN_TELL_ACCEPTED, 0);
    struct marked there = count_marked(b.port, 26), here = count_marked(a.port, 40);
    CHECK(there.sockets == 2 && there.so == 2);
    CHECK(here.sockets == 1 && here.so == 1);
    tear_down(&f);
}

TEST(connecting_to_nobody_fails_and_listening_twice_does_too)
{
    struct fixture f;

    set_up(&f, 16);
    struct ptn_addr b = listen_tcp(&f, &f.b, 5, &loopback);
    ask(&f.a, (struct ptn_ask){.kind = PTN_ASK_LISTEN, .id = 1, .transport = PTN_TCP, .local = b});
    CHECK_EQ(PTN_ERR_IN_USE, wait_tell(&f, &f.a, PTN_TELL_FAILED, 1)->why);
    ask(&f.b, (struct ptn_ask){.kind = PTN_ASK_CLOSE, .id = 5});
    turn(&f);
    ask(&f.a,
        (struct ptn_ask){
            .kind = PTN_ASK_CONNECT, .id = 2, .transport = PTN_TCP, .local = loopback, .to = b});
    CHECK_EQ(PTN_ERR_REFUSED, wait_tell(&f, &f.a, PTN_TELL_FAILED, 2)->why);
    tear_down(&f);
}

TEST(without_rules_there_is_no_tls)
{
    struct fixture f;

    set_up(&f, 16);
    ask(&f.a,
        (struct ptn_ask){.kind = PTN_ASK_LISTEN, .id = 1, .transport = PTN_TLS, .local = loopback});
    ask(&f.a, (struct ptn_ask){.kind = PTN_ASK_CONNECT,
                               .id = 2,
                               .transport = PTN_TLS,
                               .local = loopback,
                               .to = loopback_2});
    CHECK_EQ(PTN_ERR_UNSUPPORTED, wait_tell(&f, &f.a, PTN_TELL_FAILED, 1)->why);
    CHECK_EQ(PTN_ERR_UNSUPPORTED, wait_tell(&f, &f.a, PTN_TELL_FAILED, 2)->why);
    tear_down(&f);
}

TEST(a_megabyte_arrives_whole_and_more_than_the_queue_ends_the_connection)
{
    struct fixture f;
    static uint8_t much[1 << 20], more[(1 << 20) + 1];

    set_up(&f, 16);
    struct ptn_addr b = listen_tcp(&f, &f.b, 5, &loopback);
    ask(&f.a,
        (struct ptn_ask){
            .kind = PTN_ASK_CONNECT, .id = 9, .transport = PTN_TCP, .local = loopback, .to = b});
    ask(&f.a,
        (struct ptn_ask){.kind = PTN_ASK_STREAM, .id = 9, .bytes = ptn_bytes(much, sizeof much)});
    for (unsigned i = 0; i < 400 && f.b.stream_size < sizeof much; i++)
        turn(&f);
    CHECK_EQ(sizeof much, f.b.stream_size);

    ask(&f.a,
        (struct ptn_ask){.kind = PTN_ASK_STREAM, .id = 9, .bytes = ptn_bytes(more, sizeof more)});
    CHECK_EQ(PTN_ERR_NO_ROOM, wait_tell(&f, &f.a, PTN_TELL_CLOSED, 9)->why);
    tear_down(&f);
}

TEST(a_stream_that_rests_is_read_when_its_time_has_come_and_then_in_small_pieces)
{
    enum { PIECE = 3 };
    struct fixture f;
    const ptn_time now = ptn_clock_now(), later = now + PTN_S(3600);

    set_up(&f, 16);
    struct ptn_addr b = listen_tcp(&f, &f.b, 5, &loopback);
    ask(&f.a,
        (struct ptn_ask){
            .kind = PTN_ASK_CONNECT, .id = 9, .transport = PTN_TCP, .local = loopback, .to = b});
    ptn_id id = wait_tell(&f, &f.b, PTN_TELL_ACCEPTED, 0)->id;
    ptn_host_pace(f.host, now, f.b_index, id,
                  &(struct ptn_host_pace){.until = later, .read_max = PIECE});
    ask(&f.a, (struct ptn_ask){
                  .kind = PTN_ASK_STREAM, .id = 9, .bytes = ptn_bytes_of_text("ten bytes.")});
    ask(&f.a, (struct ptn_ask){.kind = PTN_ASK_CLOSE, .id = 9});
    for (unsigned i = 0; i < 3; i++)
        turn(&f);
    CHECK_EQ(0, f.b.stream_size);
    CHECK(ptn_host_deadline(f.host, now) <= later);
    ptn_host_run(f.host, later);
    wait_tell(&f, &f.b, PTN_TELL_CLOSED, id);
    CHECK_EQ(10, f.b.stream_size);
    size_t pieces = 0;
    for (size_t i = 0; i < f.b.tell_count; i++)
        pieces += f.b.tells[i].kind == PTN_TELL_STREAM;
    CHECK_EQ(4, pieces);
    tear_down(&f);
}

TEST(a_caller_too_many_is_turned_away)
{
    struct fixture f;
    int fds[2];
    struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    char byte;

    set_up(&f, 2);
    sin.sin_port = htons(listen_tcp(&f, &f.b, 5, &loopback).port);
    for (unsigned i = 0; i < 2; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM, 0);
        CHECK_EQ(0, connect(fds[i], (struct sockaddr *)&sin, sizeof sin));
    }
    for (unsigned i = 0; i < 40 && ptn_host_counts(f.host)->accept_refused == 0; i++)
        turn(&f);
    CHECK_EQ(1, ptn_host_counts(f.host)->accepted);
    CHECK_EQ(1, ptn_host_counts(f.host)->accept_refused);
    CHECK_EQ(-1, recv(fds[1], &byte, 1, 0)); /* reset */
    close(fds[0]);
    wait_tell(&f, &f.b, PTN_TELL_CLOSED, 0);
    close(fds[1]);
    tear_down(&f);
}

TEST(for_want_of_descriptors_a_caller_waits_and_the_loop_rests)
{
    struct fixture f;
    struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct rlimit before, none;
    struct ptn_ready ready[4];

    set_up(&f, 16);
    sin.sin_port = htons(listen_tcp(&f, &f.b, 5, &loopback).port);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_EQ(0, connect(fd, (struct sockaddr *)&sin, sizeof sin));
    CHECK_EQ(0, getrlimit(RLIMIT_NOFILE, &before));
    none = before;
    none.rlim_cur = 0;
    CHECK_EQ(0, setrlimit(RLIMIT_NOFILE, &none));
    turn(&f);
    CHECK_EQ(0, ptn_host_counts(f.host)->accepted);
    CHECK_EQ(0, ptn_loop_wait(f.loop, 0, ready, 4));
    CHECK(ptn_host_deadline(f.host, 0) < PTN_NEVER);
    CHECK_EQ(0, setrlimit(RLIMIT_NOFILE, &before));
    wait_tell(&f, &f.b, PTN_TELL_ACCEPTED, 0);
    close(fd);
    tear_down(&f);
}

TEST(a_deadline_brings_a_tick)
{
    struct fixture f;

    set_up(&f, 16);
    f.a.due = ptn_clock_now() + PTN_MS(5);
    CHECK_EQ(f.a.due, ptn_host_deadline(f.host, ptn_clock_now()));
    for (unsigned i = 0; i < 10 && f.a.due != PTN_NEVER; i++)
        turn(&f);
    CHECK_EQ(PTN_NEVER, f.a.due);
    tear_down(&f);
}

TEST(a_machine_taken_away_hears_nothing_more_and_its_sockets_are_closed)
{
    struct fixture f;

    set_up(&f, 16);
    struct ptn_addr a = open_udp(&f, &f.a, 1, &loopback);
    ask(&f.a, (struct ptn_ask){
                  .kind = PTN_ASK_RESOLVE, .id = 2, .name = "x.invalid", .types = PTN_DNS_A});
    turn(&f);
    size_t heard = f.a.tell_count;
    ptn_host_remove(f.host, ptn_clock_now(), f.a_index);
    ask(&f.b, (struct ptn_ask){.kind = PTN_ASK_OPEN, .id = 1, .local = a});
    wait_tell(&f, &f.b, PTN_TELL_OPENED, 1);
    CHECK_EQ(heard, f.a.tell_count);
    tear_down(&f);
}

TEST(a_number_is_resolved_without_a_server_and_a_dead_server_is_a_failure)
{
    struct fixture f;

    set_up(&f, 16);
    ask(&f.a, (struct ptn_ask){.kind = PTN_ASK_RESOLVE,
                               .id = 1,
                               .name = "192.0.2.7",
                               .types = PTN_DNS_A | PTN_DNS_AAAA});
    CHECK_EQ(1, wait_tell(&f, &f.a, PTN_TELL_RESOLVED, 1)->record_count);
    ask(&f.a, (struct ptn_ask){
                  .kind = PTN_ASK_RESOLVE, .id = 2, .name = "x.invalid", .types = PTN_DNS_A});
    CHECK_EQ(PTN_ERR_NAMES_UNREACHABLE, wait_tell(&f, &f.a, PTN_TELL_FAILED, 2)->why);
    tear_down(&f);
}
