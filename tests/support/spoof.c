/*
 * support/spoof.c - requests to a STUN server from addresses that did not send them, as fast as it
 * goes.
 *
 *   spoof modern|classic|change|allocate SERVER PORT SECONDS SEED
 *
 * Each datagram has another source address, drawn from all of IPv4 that is somebody's. `change` is
 * RFC 3489's wish for an answer from the other address and port; `allocate` asks TURN for a relayed
 * address. Prints how many went out and how many bytes of STUN one is. Needs the right to forge
 * (CAP_NET_RAW): for a network namespace of a test's own.
 */
#include <arpa/inet.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { BATCH = 64, STUN_MAX = 28 };

static const struct kind {
    const char *name;
    unsigned size;
    uint8_t stun[STUN_MAX];
} kinds[] = {
    {"modern", 20, {0x00, 0x01, 0, 0, 0x21, 0x12, 0xa4, 0x42}},
    {"classic", 20, {0x00, 0x01, 0, 0, 1, 2, 3, 4}},
    {"change", 28, {0x00, 0x01, 0, 8, 1, 2, 3, 4, [20] = 0x00, 0x03, 0, 4, 0, 0, 0, 6}},
    {"allocate",
     28,
     {0x00, 0x03, 0, 8, 0x21, 0x12, 0xa4, 0x42, [20] = 0x00, 0x19, 0, 4, 17, 0, 0, 0}},
};

struct packet {
    struct iphdr ip;
    struct udphdr udp;
    uint8_t stun[STUN_MAX];
};

static uint64_t luck;

static uint32_t draw(void)
{
    luck = luck * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(luck >> 32);
}

/* Host byte order. */
static uint32_t somebody(void)
{
    for (;;) {
        uint32_t ip = draw(), net = ip >> 24;
        if (net > 0 && net < 224 && net != 10 && net != 127 && net != 203)
            return ip;
    }
}

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The kernel completes the header; a UDP checksum of 0 is none. */
static void forge(struct packet *p, const struct kind *kind, const struct sockaddr_in *to)
{
    unsigned udp_size = (unsigned)sizeof p->udp + kind->size;
    uint32_t id = draw();

    memset(p, 0, sizeof *p);
    p->ip.version = 4;
    p->ip.ihl = 5;
    p->ip.ttl = 64;
    p->ip.protocol = IPPROTO_UDP;
    p->ip.tot_len = htons((uint16_t)(sizeof p->ip + udp_size));
    p->ip.saddr = htonl(somebody());
    p->ip.daddr = to->sin_addr.s_addr;
    p->udp.source = htons((uint16_t)(1024 + draw() % 60000));
    p->udp.dest = to->sin_port;
    p->udp.len = htons((uint16_t)udp_size);
    memcpy(p->stun, kind->stun, kind->size);
    memcpy(p->stun + 8, &id, sizeof id);
}

static unsigned long flood(int fd, const struct kind *kind, struct sockaddr_in *to, double seconds)
{
    static struct packet packets[BATCH];
    static struct iovec parts[BATCH];
    static struct mmsghdr headers[BATCH];
    unsigned long sent = 0;

    for (double end = now_s() + seconds; now_s() < end;) {
        for (unsigned i = 0; i < BATCH; i++) {
            forge(&packets[i], kind, to);
            parts[i] = (struct iovec){&packets[i],
                                      sizeof packets[i].ip + sizeof packets[i].udp + kind->size};
            headers[i].msg_hdr = (struct msghdr){
                .msg_name = to, .msg_namelen = sizeof *to, .msg_iov = &parts[i], .msg_iovlen = 1};
        }
        int done = sendmmsg(fd, headers, BATCH, 0);
        if (done > 0)
            sent += (unsigned)done;
    }
    return sent;
}

int main(int argc, char **argv)
{
    const struct kind *kind = NULL;
    struct sockaddr_in to = {.sin_family = AF_INET};

    for (size_t i = 0; argc == 6 && i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(argv[1], kinds[i].name) == 0)
            kind = &kinds[i];
    if (!kind || inet_pton(AF_INET, argv[2], &to.sin_addr) != 1) {
        fprintf(stderr, "spoof modern|classic|change|allocate SERVER PORT SECONDS SEED\n");
        return 2;
    }
    to.sin_port = htons((uint16_t)atoi(argv[3]));
    luck = strtoul(argv[5], NULL, 10);
    int fd = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
    if (fd < 0) {
        perror("spoof: a raw socket");
        return 1;
    }
    printf("{\"sent\": %lu, \"size\": %u}\n", flood(fd, kind, &to, atof(argv[4])), kind->size);
    return 0;
}
