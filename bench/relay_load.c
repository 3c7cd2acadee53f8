/*
 * bench/relay_load.c - what do allocations and relayed packets cost a TURN server?
 *
 *   bench_relay_load PORT PID USER PASSWORD allocate N
 *   bench_relay_load PORT PID USER PASSWORD up|down FLOWS SECONDS
 *
 * Clients of long-term credentials on the loopback address, a socket each, with one channel to one
 * peer. allocate: makes N, and tells the server's CPU time and resident memory for each. up, down:
 * keeps six packets of 172 bytes on their way in each flow, from the client or from the peer, and
 * tells the CPU time for each. The server must allow loopback peers.
 */
#include <arpa/inet.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load.h"
#include "stun/cred.h"
#include "stun/seal.h"

enum { PAYLOAD = 172, TRAIN = 6, CHANNEL = 0x4000, CLIENTS_MAX = 20000 };

struct client {
    int fd, peer_fd;
    struct sockaddr_in relayed, peer;
    uint64_t last;
};

static struct client clients[CLIENTS_MAX];
static struct ptn_crypto *crypto;
static struct ptn_dice dice;
static const char *user, *password;
static uint8_t realm[128], nonce[200];
static size_t realm_size, nonce_size;
static struct sockaddr_in server = {.sin_family = AF_INET};

static int open_socket(const struct sockaddr_in *to, struct sockaddr_in *bound)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof any;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof any) != 0 ||
        (to && connect(fd, (const struct sockaddr *)to, sizeof *to) != 0)) {
        perror("bench_relay_load: socket");
        exit(1);
    }
    if (bound)
        getsockname(fd, (struct sockaddr *)bound, &size);
    return fd;
}

static void put_body(struct ptn_stun_out *o, uint16_t method, const struct client *c)
{
    struct ptn_addr peer = ptn_addr_v4(127, 0, 0, 1, ntohs(c->peer.sin_port));

    if (method == PTN_STUN_ALLOCATE) {
        ptn_stun_put_u32(o, PTN_STUN_REQUESTED_TRANSPORT, 17u << 24);
        return;
    }
    ptn_stun_put_u32(o, PTN_STUN_CHANNEL_NUMBER, (uint32_t)CHANNEL << 16);
    ptn_stun_put_addr(o, PTN_STUN_XOR_PEER_ADDRESS, &peer);
}

static struct ptn_bytes make_request(uint8_t *buf, size_t size, uint16_t method,
                                     const struct client *c)
{
    struct ptn_stun_id id = ptn_stun_id_new(&dice, PTN_STUN_MODERN);
    struct ptn_bytes request = {0};
    uint8_t key[PTN_DIGEST_BYTES_MAX];
    struct ptn_stun_out o;

    ptn_stun_begin(&o, buf, size, PTN_STUN_REQUEST, method, &id);
    put_body(&o, method, c);
    if (nonce_size > 0) {
        size_t key_size =
            ptn_stun_long_term_key(crypto, PTN_STUN_ALGORITHM_MD5, ptn_bytes_of_text(user),
                                   ptn_bytes(realm, realm_size), ptn_bytes_of_text(password), key);
        ptn_stun_put(&o, PTN_STUN_USERNAME, ptn_bytes_of_text(user));
        ptn_stun_put(&o, PTN_STUN_REALM, ptn_bytes(realm, realm_size));
        ptn_stun_put(&o, PTN_STUN_NONCE, ptn_bytes(nonce, nonce_size));
        ptn_stun_put_integrity(&o, crypto, ptn_bytes(key, key_size));
    }
    ptn_stun_end(&o, &request);
    return request;
}

static void keep(struct ptn_bytes from, uint8_t *to, size_t max, size_t *size)
{
    *size = from.size < max ? from.size : max;
    memcpy(to, from.data, *size);
}

/* Asks until there is an answer; nonces are not kept from one client to the next, as real ones do
 * not. */
static bool ask(struct client *c, uint16_t method, bool challenge_first)
{
    static uint8_t buf[1000], got[1500];
    struct ptn_stun_msg m;
    struct ptn_bytes value;

    if (challenge_first)
        nonce_size = 0;
    for (unsigned tries = 0; tries < 12; tries++) {
        struct ptn_bytes request = make_request(buf, sizeof buf, method, c);
        struct pollfd p = {.fd = c->fd, .events = POLLIN};
        send(c->fd, request.data, request.size, 0);
        if (poll(&p, 1, 500) != 1)
            continue;
        ssize_t n = recv(c->fd, got, sizeof got, 0);
        if (n <= 0 || ptn_stun_decode(&m, ptn_bytes(got, (size_t)n)) != PTN_STUN_OK)
            continue;
        struct ptn_addr relayed;
        if (m.class == PTN_STUN_SUCCESS) {
            if (ptn_stun_get_addr(&m, PTN_STUN_XOR_RELAYED_ADDRESS, &relayed)) {
                c->relayed =
                    (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(relayed.port)};
                memcpy(&c->relayed.sin_addr, relayed.ip, 4);
            }
            return true;
        }
        if (!ptn_stun_get(&m, PTN_STUN_NONCE, &value))
            return false;
        keep(value, nonce, sizeof nonce, &nonce_size);
        if (ptn_stun_get(&m, PTN_STUN_REALM, &value))
            keep(value, realm, sizeof realm, &realm_size);
    }
    return false;
}

static void make_clients(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct client *c = &clients[i];
        c->fd = open_socket(&server, NULL);
        /* All peers are one when there are many: descriptors are dear. */
        c->peer_fd = count > 1000 && i > 0 ? clients[0].peer_fd : open_socket(NULL, &c->peer);
        c->peer = count > 1000 && i > 0 ? clients[0].peer : c->peer;
        if (!ask(c, PTN_STUN_ALLOCATE, true) || !ask(c, PTN_STUN_CHANNEL_BIND, false)) {
            fprintf(stderr, "bench_relay_load: client %u was refused\n", i);
            exit(1);
        }
    }
}

static long resident_kib(long pid)
{
    char path[64];
    long pages = 0;

    snprintf(path, sizeof path, "/proc/%ld/statm", pid);
    FILE *f = fopen(path, "r");
    if (f && fscanf(f, "%*d %ld", &pages) != 1)
        pages = 0;
    if (f)
        fclose(f);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static int allocate(unsigned count, long pid)
{
    long resident = resident_kib(pid);
    uint64_t cpu = load_cpu_time(pid), begin = load_now();

    make_clients(count);
    printf("allocations=%u per_second=%.0f cpu_us_each=%.1f bytes_each=%ld resident_kib=%ld\n",
           count, count * 1e9 / (double)(load_now() - begin),
           (double)(load_cpu_time(pid) - cpu) / 1000 / count,
           (resident_kib(pid) - resident) * 1024 / (long)count, resident_kib(pid));
    return 0;
}

/* ---- relaying ---- */

static void send_train(struct client *c, bool up, unsigned count)
{
    static uint8_t bytes[4 + PAYLOAD] = {CHANNEL >> 8, CHANNEL & 0xff, 0, PAYLOAD};
    struct iovec part = {bytes + (up ? 0 : 4), sizeof bytes - (up ? 0 : 4)};
    struct mmsghdr headers[64];

    for (unsigned i = 0; i < count; i++)
        headers[i].msg_hdr = (struct msghdr){.msg_name = up ? NULL : &c->relayed,
                                             .msg_namelen = up ? 0 : sizeof c->relayed,
                                             .msg_iov = &part,
                                             .msg_iovlen = 1};
    for (unsigned done = 0; done < count;) {
        int n = sendmmsg(up ? c->fd : c->peer_fd, headers + done, count - done, 0);
        done += n > 0 ? (unsigned)n : 1;
    }
}

static unsigned hear(int fd, size_t size)
{
    static uint8_t bytes[64][PAYLOAD + 64];
    struct iovec parts[64];
    struct mmsghdr headers[64];
    unsigned right = 0;

    for (unsigned i = 0; i < 64; i++) {
        parts[i] = (struct iovec){bytes[i], sizeof bytes[i]};
        headers[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
    }
    int count = recvmmsg(fd, headers, 64, MSG_DONTWAIT, NULL);
    for (int i = 0; i < count; i++)
        right += headers[i].msg_len == size;
    return right;
}

static int relay(bool up, unsigned flows, unsigned seconds, long pid)
{
    struct epoll_event events[64];
    int epoll = epoll_create1(0);
    uint64_t relayed = 0, lost = 0;

    make_clients(flows);
    for (unsigned i = 0; i < flows; i++) {
        struct epoll_event e = {.events = EPOLLIN, .data.u32 = i};
        epoll_ctl(epoll, EPOLL_CTL_ADD, up ? clients[i].peer_fd : clients[i].fd, &e);
    }
    uint64_t cpu = load_cpu_time(pid), begin = load_now(), end = begin + seconds * 1000000000ull;
    for (unsigned i = 0; i < flows; i++) {
        clients[i].last = begin;
        send_train(&clients[i], up, TRAIN);
    }
    for (uint64_t now = begin; now < end; now = load_now()) {
        int count = epoll_wait(epoll, events, 64, 10);
        for (int i = 0; i < count; i++) {
            struct client *c = &clients[events[i].data.u32];
            unsigned right = hear(up ? c->peer_fd : c->fd, up ? PAYLOAD : PAYLOAD + 4);
            relayed += right;
            c->last = now;
            if (right > 0)
                send_train(c, up, right);
        }
        for (unsigned i = 0; i < flows; i++)
            if (now > clients[i].last + 1000000000u) {
                lost += TRAIN;
                clients[i].last = now;
                send_train(&clients[i], up, TRAIN);
            }
    }
    cpu = load_cpu_time(pid) - cpu;
    printf("per_second=%.0f ns_each=%.0f lost=%llu\n", (double)relayed / seconds,
           relayed ? (double)cpu / (double)relayed : 0, (unsigned long long)lost);
    return relayed > 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct rlimit files;

    if (argc < 7) {
        fprintf(stderr,
                "bench_relay_load PORT PID USER PASSWORD allocate N | up|down FLOWS SECONDS\n");
        return 2;
    }
    server.sin_port = htons((uint16_t)atoi(argv[1]));
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    long pid = atol(argv[2]);
    user = argv[3];
    password = argv[4];
    unsigned count = (unsigned)atoi(argv[6]);
    crypto = ptn_crypto_new();
    dice = ptn_dice_seeded(load_now());
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    if (!crypto || count == 0 || count > CLIENTS_MAX)
        return 2;
    if (strcmp(argv[5], "allocate") == 0)
        return allocate(count, pid);
    return relay(strcmp(argv[5], "up") == 0, count, argc > 7 ? (unsigned)atoi(argv[7]) : 2, pid);
}
