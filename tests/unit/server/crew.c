#include "unit/server/crew.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os/sockaddr.h"
#include "stun/cred.h"
#include "stun/seal.h"
#include "support/test.h"

#define REALM "example.org"
static const struct ptn_addr loopback = {.ip = {127, 0, 0, 1}, .family = PTN_IPV4};

/* Free a moment ago. */
static struct ptn_addr free_port(int kind)
{
    int fd = socket(AF_INET, kind, 0);
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    CHECK_EQ(0, bind(fd, (struct sockaddr *)&in, sizeof in));
    struct ptn_addr addr = ptn_socket_local(fd);
    close(fd);
    return addr;
}

static void make_worker(struct crew *c, unsigned number, bool ask_for_users)
{
    static const struct ptn_relay_user alice = {{(const uint8_t *)"alice", 5},
                                                {(const uint8_t *)"secret", 6}};
    static const struct ptn_relay_range loopbacks = {
        {.ip = {127, 0, 0, 0}, .family = PTN_IPV4},
        {.ip = {127, 255, 255, 255}, .family = PTN_IPV4}};
    static const struct ptn_log silence;
    struct ptn_relay_opts *opts = calloc(1, sizeof *opts);
    unsigned listening, not_listening;

    CHECK(opts != NULL);
    c->udp[number] = free_port(SOCK_DGRAM);
    c->tcp[number] = free_port(SOCK_STREAM);
    *opts = (struct ptn_relay_opts){
        .listeners = {{CREW_UDP, PTN_UDP, c->udp[number]}, {CREW_TCP, PTN_TCP, c->tcp[number]}},
        .listener_count = 2,
        .connections_max = 32,
        .dice = ptn_dice_seeded(number),
        .worker = number,
        .workers = CREW_SIZE,
        .shared = c->shared,
        .turn = {.realm = REALM,
                 .users = &alice,
                 .user_count = ask_for_users ? 0 : 1,
                 .ask_for_users = ask_for_users,
                 .nonce_secret = ptn_bytes("the same", 8),
                 .addresses = {{.local = loopback}},
                 .address_count = 1,
                 .peers = {.allowed = &loopbacks, .allowed_count = 1},
                 .allocations_max = 16,
                 .peer_conns_max = 16,
                 .stock = 4,
                 .stock_pairs = 2},
    };
    CHECK_EQ(PTN_OK, server_worker_new(
                         &(struct server_worker_opts){
                             .number = number, .crew = &c->is, .relay = opts, .log = &silence},
                         &c->is.workers[number]));
    server_worker_open(c->is.workers[number], &listening, &not_listening);
    CHECK_EQ(2, listening);
    free(opts);
}

void crew_begin(struct crew *c, unsigned running, bool ask_for_users)
{
    *c = (struct crew){.shared = ptn_relay_shared_new(16)};
    CHECK(c->shared != NULL);
    CHECK_EQ(PTN_OK, ptn_mailbox_new(16, &c->is.main));
    for (unsigned i = 0; i < CREW_SIZE; i++) {
        make_worker(c, i, ask_for_users);
        c->is.count++;
    }
    for (unsigned i = 0; i < running; i++)
        CHECK_EQ(PTN_OK, server_worker_start(c->is.workers[i]));
}

void crew_end(struct crew *c)
{
    for (unsigned i = 0; i < CREW_SIZE; i++)
        server_worker_stop(c->is.workers[i]);
    for (unsigned i = 0; i < CREW_SIZE; i++)
        server_worker_free(c->is.workers[i]);
    ptn_mailbox_free(c->is.main);
    ptn_relay_shared_free(c->shared);
}

static void count(struct server_worker *w, void *sum)
{
    server_worker_add_counts(w, sum);
}

struct server_counts crew_counts(struct crew *c, unsigned worker)
{
    struct server_counts sum = {0};

    server_worker_call(c->is.workers[worker], count, &sum);
    return sum;
}

/* ---- clients ---- */

void caller_begin(struct caller *c, const struct ptn_addr *to, bool stream)
{
    struct sockaddr_storage sa;
    socklen_t size = ptn_sockaddr_of(to, &sa);

    *c = (struct caller){.fd = socket(AF_INET, stream ? SOCK_STREAM : SOCK_DGRAM, 0),
                         .stream = stream,
                         .crypto = ptn_crypto_new()};
    CHECK(c->crypto != NULL);
    setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &crew_patience, sizeof crew_patience);
    CHECK_EQ(0, connect(c->fd, (struct sockaddr *)&sa, size));
}

void caller_end(struct caller *c)
{
    ptn_crypto_free(c->crypto);
    close(c->fd);
}

struct ptn_stun_out caller_request(struct caller *c, uint8_t buf[static 1024], uint16_t method)
{
    const struct ptn_stun_id id = {{0x21, 0x12, 0xa4, 0x42, 1, 2, 3, ++c->serial}};
    struct ptn_stun_out o;

    ptn_stun_begin(&o, buf, 1024, PTN_STUN_REQUEST, method, &id);
    return o;
}

static void seal(struct caller *c, struct ptn_stun_out *o)
{
    uint8_t key[PTN_DIGEST_BYTES_MAX];
    size_t size = ptn_stun_long_term_key(c->crypto, PTN_STUN_ALGORITHM_MD5, ptn_bytes("alice", 5),
                                         ptn_bytes_of_text(REALM), ptn_bytes("secret", 6), key);

    ptn_stun_put(o, PTN_STUN_USERNAME, ptn_bytes("alice", 5));
    ptn_stun_put(o, PTN_STUN_REALM, ptn_bytes_of_text(REALM));
    ptn_stun_put(o, PTN_STUN_NONCE, ptn_bytes(c->nonce, c->nonce_size));
    ptn_stun_put_integrity(o, c->crypto, ptn_bytes(key, size));
}

static void send_all(struct caller *c, const struct ptn_stun_out *o, const char *more)
{
    uint8_t text[2048];
    struct ptn_bytes message;

    CHECK(ptn_stun_end(o, &message));
    memcpy(text, message.data, message.size);
    memcpy(text + message.size, more, strlen(more));
    size_t size = message.size + strlen(more);
    CHECK_EQ(size, send(c->fd, text, size, MSG_NOSIGNAL));
}

/* Realm and nonce come with a first refusal. */
static void learn_nonce(struct caller *c, const struct ptn_stun_out *unsealed)
{
    struct ptn_bytes nonce;

    send_all(c, unsealed, "");
    CHECK_EQ(401, caller_hear(c));
    CHECK(ptn_stun_get(&c->answer, PTN_STUN_NONCE, &nonce));
    CHECK(nonce.size <= sizeof c->nonce);
    memcpy(c->nonce, nonce.data, nonce.size);
    c->nonce_size = nonce.size;
}

void caller_send(struct caller *c, struct ptn_stun_out *o, const char *more)
{
    if (c->nonce_size == 0)
        learn_nonce(c, o);
    seal(c, o);
    send_all(c, o, more);
}

unsigned caller_hear(struct caller *c)
{
    struct ptn_bytes reason;
    ssize_t size = 20;
    unsigned code = 0;

    if (c->stream) {
        CHECK_EQ(20, recv(c->fd, c->received, 20, MSG_WAITALL));
        size_t rest = (size_t)(c->received[2] << 8 | c->received[3]);
        CHECK(20 + rest <= sizeof c->received);
        CHECK_EQ(rest, recv(c->fd, c->received + 20, rest, MSG_WAITALL));
        size += (ssize_t)rest;
    } else {
        size = recv(c->fd, c->received, sizeof c->received, 0);
        CHECK(size > 0);
    }
    CHECK_EQ(PTN_STUN_OK, ptn_stun_decode(&c->answer, ptn_bytes(c->received, (size_t)size)));
    ptn_stun_get_error(&c->answer, &code, &reason);
    return code;
}

unsigned caller_ask(struct caller *c, struct ptn_stun_out *o)
{
    caller_send(c, o, "");
    return caller_hear(c);
}

unsigned caller_allocate(struct caller *c, unsigned transport)
{
    uint8_t buf[1024];
    struct ptn_stun_out o = caller_request(c, buf, PTN_STUN_ALLOCATE);

    ptn_stun_put_u32(&o, PTN_STUN_REQUESTED_TRANSPORT, transport << 24);
    return caller_ask(c, &o);
}
