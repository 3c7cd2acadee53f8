/*
 * What goes from one worker to another: connections, sockets and users, on real sockets; and how
 * joined connections wait for each other.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os/sockaddr.h"
#include "server/mail.h"
#include "support/test.h"
#include "unit/server/crew.h"

enum { UDP = 17, TCP = 6, CONTROL = 0, OTHER = 1, FULL = 5000 };

/* ---- RFC 6062 ---- */

/* A client's allocation at worker CONTROL, and a peer that it has connected to. */
struct relayed {
    struct caller control;
    int peer;
    uint32_t number;
};

static void relayed_begin(struct relayed *r, struct crew *c)
{
    struct sockaddr_storage sa;
    struct ptn_addr at = {.ip = {127, 0, 0, 1}, .family = PTN_IPV4};
    int door = socket(AF_INET, SOCK_STREAM, 0);
    socklen_t size = ptn_sockaddr_of(&at, &sa);
    uint8_t buf[1024];

    CHECK_EQ(0, bind(door, (struct sockaddr *)&sa, size));
    CHECK_EQ(0, listen(door, 1));
    at = ptn_socket_local(door);
    caller_begin(&r->control, &c->tcp[CONTROL], true);
    CHECK_EQ(0, caller_allocate(&r->control, TCP));
    struct ptn_stun_out o = caller_request(&r->control, buf, PTN_STUN_CONNECT);
    ptn_stun_put_addr(&o, PTN_STUN_XOR_PEER_ADDRESS, &at);
    CHECK_EQ(0, caller_ask(&r->control, &o));
    CHECK(ptn_stun_get_u32(&r->control.answer, PTN_STUN_CONNECTION_ID, &r->number));
    CHECK_EQ(CONTROL, r->number >> 24);
    r->peer = accept(door, NULL, NULL);
    CHECK(r->peer >= 0);
    setsockopt(r->peer, SOL_SOCKET, SO_RCVTIMEO, &crew_patience, sizeof crew_patience);
    close(door);
}

static void relayed_end(struct relayed *r)
{
    caller_end(&r->control);
    close(r->peer);
}

static void send_bind(struct caller *data, uint32_t number, const char *more)
{
    uint8_t buf[1024];
    struct ptn_stun_out o = caller_request(data, buf, PTN_STUN_CONNECTION_BIND);

    ptn_stun_put_u32(&o, PTN_STUN_CONNECTION_ID, number);
    caller_send(data, &o, more);
}

static void check_heard(int fd, const char *expected)
{
    char text[100] = "";

    CHECK_EQ(strlen(expected), recv(fd, text, strlen(expected), MSG_WAITALL));
    CHECK_STR(expected, text);
}

static void say(int fd, const char *text)
{
    CHECK_EQ(strlen(text), send(fd, text, strlen(text), MSG_NOSIGNAL));
}

TEST(a_connection_for_another_worker_goes_there_with_what_it_said_and_what_it_is_owed)
{
    struct crew c;
    struct relayed r;
    struct caller data;

    crew_begin(&c, CREW_SIZE, false);
    relayed_begin(&r, &c);
    say(r.peer, "220 hello\r\n"); /* before anybody is there to hear it */
    caller_begin(&data, &c.tcp[OTHER], true);
    send_bind(&data, r.number, "HELO there\r\n");
    CHECK_EQ(0, caller_hear(&data));
    check_heard(r.peer, "HELO there\r\n");
    check_heard(data.fd, "220 hello\r\n");
    say(data.fd, "QUIT\r\n");
    check_heard(r.peer, "QUIT\r\n");
    CHECK_EQ(0, crew_counts(&c, OTHER).now.connections);
    CHECK_EQ(2, crew_counts(&c, CONTROL).now.connections);
    close(r.peer);
    CHECK_EQ(0, recv(data.fd, &(char){0}, 1, 0)); /* its end came along, too */
    r.peer = -1;
    caller_end(&data);
    relayed_end(&r);
    crew_end(&c);
}

TEST(a_connection_that_the_other_worker_has_no_room_for_is_closed_and_counted)
{
    struct crew c;
    struct relayed r;
    struct caller data;

    crew_begin(&c, CREW_SIZE, false);
    relayed_begin(&r, &c);
    /* The other one answers the first request, and then does nothing any more. */
    server_worker_stop(c.is.workers[CONTROL]);
    for (unsigned i = 0; i < FULL; i++)
        server_mail_user_undecided(&c.is, ptn_bytes("x", 1));
    caller_begin(&data, &c.tcp[OTHER], true);
    send_bind(&data, r.number, "");
    CHECK(recv(data.fd, data.received, 1, 0) <= 0);
    CHECK_EQ(1, crew_counts(&c, OTHER).mail_lost);
    CHECK_EQ(0, crew_counts(&c, OTHER).now.connections);
    caller_end(&data);
    relayed_end(&r);
    crew_end(&c);
}

TEST(a_connection_in_a_letter_that_nobody_opens_is_closed_with_the_box)
{
    struct crew c;
    struct relayed r;
    struct caller data;

    crew_begin(&c, CREW_SIZE, false);
    relayed_begin(&r, &c);
    server_worker_stop(c.is.workers[CONTROL]);
    caller_begin(&data, &c.tcp[OTHER], true);
    send_bind(&data, r.number, "");
    for (unsigned i = 0; i < 1000 && crew_counts(&c, OTHER).now.connections > 0; i++)
        poll(NULL, 0, 5);
    CHECK_EQ(0, crew_counts(&c, OTHER).now.connections);
    crew_end(&c);
    CHECK(recv(data.fd, data.received, 1, 0) <= 0);
    caller_end(&data);
    relayed_end(&r);
}

/* ---- backpressure ---- */

static uint8_t nth(size_t i)
{
    return (uint8_t)(i * 31 + i / 251);
}

/* Sends until it has had to wait for a fifth of a second; how much that was. */
static size_t pour(int fd)
{
    static uint8_t bytes[4096];
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    size_t sent = 0;

    while (poll(&p, 1, 200) == 1) {
        for (size_t i = 0; i < sizeof bytes; i++)
            bytes[i] = nth(sent + i);
        ssize_t n = send(fd, bytes, sizeof bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
        CHECK(n > 0);
        sent += (size_t)n;
    }
    return sent;
}

static void check_drink(int fd, size_t size)
{
    static uint8_t bytes[1 << 16];

    for (size_t got = 0; got < size;) {
        ssize_t n = recv(fd, bytes, size - got < sizeof bytes ? size - got : sizeof bytes, 0);
        CHECK(n > 0);
        for (size_t i = 0; i < (size_t)n; i++)
            if (bytes[i] != nth(got + i))
                fail_msg("byte %zu is another", got + i);
        got += (size_t)n;
    }
}

TEST(who_pours_waits_for_one_who_does_not_read_and_nothing_is_lost)
{
    struct crew c;
    struct relayed r;
    struct caller data;

    crew_begin(&c, CREW_SIZE, false);
    relayed_begin(&r, &c);
    caller_begin(&data, &c.tcp[CONTROL], true);
    send_bind(&data, r.number, "");
    CHECK_EQ(0, caller_hear(&data));
    for (unsigned way = 0; way < 2; way++) {
        int from = way ? data.fd : r.peer, to = way ? r.peer : data.fd;
        size_t poured = pour(from);
        CHECK(poured > 1 << 16);
        CHECK_EQ(1, crew_counts(&c, CONTROL).now.peer_conns);
        check_drink(to, poured);
        say(from, "and more");
        check_heard(to, "and more");
    }
    caller_end(&data);
    relayed_end(&r);
    crew_end(&c);
}

/* ---- reservations ---- */

TEST(a_reserved_socket_goes_to_the_worker_where_its_token_is_shown)
{
    struct crew c;
    struct caller first, second;
    struct ptn_addr even, odd, to = {.ip = {127, 0, 0, 1}, .family = PTN_IPV4};
    struct ptn_bytes token;
    uint8_t buf[1024], kept[8];
    struct sockaddr_storage sa;

    crew_begin(&c, CREW_SIZE, false);
    caller_begin(&first, &c.udp[CONTROL], false);
    struct ptn_stun_out o = caller_request(&first, buf, PTN_STUN_ALLOCATE);
    ptn_stun_put_u32(&o, PTN_STUN_REQUESTED_TRANSPORT, UDP << 24);
    ptn_stun_put(&o, PTN_STUN_EVEN_PORT, ptn_bytes("\x80", 1));
    CHECK_EQ(0, caller_ask(&first, &o));
    CHECK(ptn_stun_get_addr(&first.answer, PTN_STUN_XOR_RELAYED_ADDRESS, &even));
    CHECK(ptn_stun_get(&first.answer, PTN_STUN_RESERVATION_TOKEN, &token));
    memcpy(kept, token.data, sizeof kept);

    caller_begin(&second, &c.udp[OTHER], false);
    o = caller_request(&second, buf, PTN_STUN_ALLOCATE);
    ptn_stun_put_u32(&o, PTN_STUN_REQUESTED_TRANSPORT, UDP << 24);
    ptn_stun_put(&o, PTN_STUN_RESERVATION_TOKEN, ptn_bytes(kept, sizeof kept));
    CHECK_EQ(0, caller_ask(&second, &o));
    CHECK(ptn_stun_get_addr(&second.answer, PTN_STUN_XOR_RELAYED_ADDRESS, &odd));
    CHECK_EQ(even.port + 1, odd.port);
    CHECK_EQ(1, crew_counts(&c, OTHER).now.allocations);

    /* And it relays there. */
    int peer = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK_EQ(0, bind(peer, (struct sockaddr *)&sa, ptn_sockaddr_of(&to, &sa)));
    to = ptn_socket_local(peer);
    o = caller_request(&second, buf, PTN_STUN_CHANNEL_BIND);
    ptn_stun_put_u16(&o, PTN_STUN_CHANNEL_NUMBER, 0x4000);
    ptn_stun_put_addr(&o, PTN_STUN_XOR_PEER_ADDRESS, &to);
    CHECK_EQ(0, caller_ask(&second, &o));
    CHECK_EQ(9,
             sendto(peer, "from peer", 9, 0, (struct sockaddr *)&sa, ptn_sockaddr_of(&odd, &sa)));
    CHECK_EQ(13, recv(second.fd, second.received, sizeof second.received, 0));
    CHECK_BYTES("\x40\x00\x00\x09"
                "from peer",
                second.received, 13);
    close(peer);
    caller_end(&first);
    caller_end(&second);
    crew_end(&c);
}

/* ---- users ---- */

static void wait_letter(struct crew *c, struct ptn_letter *letter)
{
    struct pollfd p = {.fd = ptn_mailbox_fd(c->is.main), .events = POLLIN};

    CHECK_EQ(1, poll(&p, 1, 10000));
    CHECK(ptn_mailbox_take(c->is.main, letter));
}

TEST(a_user_is_asked_for_by_letter_and_the_answer_is_for_all_workers)
{
    struct crew c;
    struct caller here, there;
    struct ptn_letter letter;
    uint8_t buf[1024];
    const struct ptn_relay_user alice = {ptn_bytes("alice", 5), ptn_bytes("secret", 6)};

    crew_begin(&c, CREW_SIZE, true);
    caller_begin(&here, &c.udp[CONTROL], false);
    caller_begin(&there, &c.udp[OTHER], false);
    struct ptn_stun_out o = caller_request(&here, buf, PTN_STUN_ALLOCATE);
    ptn_stun_put_u32(&o, PTN_STUN_REQUESTED_TRANSPORT, UDP << 24);
    caller_send(&here, &o, "");
    wait_letter(&c, &letter);
    CHECK_EQ(SERVER_LETTER_USER_WANTED, letter.kind);
    CHECK_EQ(CONTROL, letter.from);
    CHECK_EQ(strlen("alice") + 1 + strlen("example.org"), letter.size);
    CHECK_BYTES("alice\0example.org", letter.data, letter.size);
    free(letter.data);
    server_mail_user_undecided(&c.is, alice.name);
    CHECK_EQ(500, caller_hear(&here));
    server_mail_user_found(&c.is, &alice);
    for (unsigned i = 0; i < CREW_SIZE; i++)
        CHECK_EQ(0, crew_counts(&c, i).now.allocations); /* and it has read its letters */
    CHECK_EQ(0, caller_allocate(&here, UDP));
    CHECK_EQ(0, caller_allocate(&there, UDP));
    CHECK(!ptn_mailbox_take(c.is.main, &letter));
    caller_end(&here);
    caller_end(&there);
    crew_end(&c);
}
