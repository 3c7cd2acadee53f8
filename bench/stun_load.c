/*
 * bench/stun_load.c - how many Binding requests does a server answer, and what does each cost it?
 *
 *   bench_stun_load PORT PID SECONDS [WINDOW|rate=N] [SIZE]
 *
 * 64 sockets, each on a loopback address in a /24 of its own, as a server may give each of those so
 * much and no more without being asked by a user, keep WINDOW (256) requests on their way, each
 * answer drawing the next one; with rate=N they are sent by the clock, and latencies count from
 * when they were due. With SIZE the requests are that long and come back as they are: the floor of
 * a relay. Prints one line: requests a second, the server's CPU time a request, latencies, what was
 * lost or wrong.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "load.h"

enum { SOCKETS = 64, SLOTS = 4096, BATCH = 64, SIZE_MAX_ = 1500 };
#define LOST_AFTER 1000000000u

struct source {
    int fd;
    uint32_t next;
    uint64_t sent_at[SLOTS]; /* 0: not on its way */
    uint64_t last;
    unsigned under_way;
};

static struct source sources[SOCKETS];
static struct load_times times;
static uint64_t sent, answered, wrong, lost;
static size_t request_size = 20;
static bool echo;

static void put_request(uint8_t *m, uint32_t number, unsigned source)
{
    static const uint8_t head[] = {0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42};

    memcpy(m, head, sizeof head);
    memcpy(m + 8, &number, 4);
    memcpy(m + 12, &source, 4);
    memcpy(m + 16, "load", 4);
}

static void ask(unsigned s, unsigned count, uint64_t due)
{
    static uint8_t bytes[BATCH][SIZE_MAX_];
    static struct iovec parts[BATCH];
    static struct mmsghdr headers[BATCH];
    struct source *from = &sources[s];

    for (unsigned i = 0; i < count; i++) {
        put_request(bytes[i], from->next, s);
        from->sent_at[from->next++ % SLOTS] = due;
        parts[i] = (struct iovec){bytes[i], request_size};
        headers[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
    }
    for (unsigned done = 0; done < count;) {
        int n = sendmmsg(from->fd, headers + done, count - done, 0);
        done += n > 0 ? (unsigned)n : 1;
    }
    from->under_way += count;
    sent += count;
}

static bool is_right(const uint8_t *m, size_t size)
{
    return echo ? size == request_size
                : size >= 32 && m[0] == 1 && m[1] == 1 && memcmp(m + 16, "load", 4) == 0;
}

static unsigned hear(unsigned s, uint64_t now)
{
    static uint8_t bytes[BATCH][SIZE_MAX_];
    static struct iovec parts[BATCH];
    static struct mmsghdr headers[BATCH];
    struct source *from = &sources[s];
    unsigned right = 0;

    for (unsigned i = 0; i < BATCH; i++) {
        parts[i] = (struct iovec){bytes[i], SIZE_MAX_};
        headers[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
    }
    int count = recvmmsg(from->fd, headers, BATCH, MSG_DONTWAIT, NULL);
    for (int i = 0; i < count; i++) {
        uint32_t number;
        memcpy(&number, bytes[i] + 8, sizeof number);
        uint64_t *at = &from->sent_at[number % SLOTS];
        if (!is_right(bytes[i], headers[i].msg_len) || *at == 0) {
            wrong++;
            continue;
        }
        load_time(&times, now - *at);
        *at = 0;
        right++;
    }
    from->under_way -= right < from->under_way ? right : from->under_way;
    from->last = now;
    answered += right;
    return right;
}

/* What has been silent for long is given up, and asked for anew. */
static void give_up(unsigned each, uint64_t now)
{
    for (unsigned s = 0; s < SOCKETS; s++) {
        struct source *from = &sources[s];
        if (from->under_way == 0 || now - from->last < LOST_AFTER)
            continue;
        lost += from->under_way;
        from->under_way = 0;
        from->last = now;
        ask(s, each, now);
    }
}

static void run(int epoll, unsigned each, double rate, uint64_t seconds)
{
    uint64_t begin = load_now(), end = begin + seconds * 1000000000u, scheduled = 0;
    struct epoll_event events[SOCKETS];
    unsigned next = 0;

    for (unsigned s = 0; s < SOCKETS && rate == 0; s++)
        ask(s, each, begin);
    for (uint64_t now = begin; now < end; now = load_now()) {
        for (; rate > 0 && (double)scheduled < (double)(now - begin) * rate / 1e9; scheduled++)
            ask(next++ % SOCKETS, 1, begin + (uint64_t)((double)scheduled / rate * 1e9));
        int count = epoll_wait(epoll, events, SOCKETS, rate > 0 ? 0 : 10);
        now = load_now();
        for (int i = 0; i < count; i++) {
            unsigned right = hear(events[i].data.u32, now);
            unsigned under_way = sources[events[i].data.u32].under_way;
            if (rate == 0 && right > 0 && under_way < each)
                ask(events[i].data.u32, each - under_way, now);
        }
        if (rate == 0)
            give_up(each, now);
    }
}

int main(int argc, char **argv)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int epoll = epoll_create1(0);

    if (argc < 4 || epoll < 0) {
        fprintf(stderr, "bench_stun_load PORT PID SECONDS [WINDOW|rate=N] [SIZE]\n");
        return 2;
    }
    to.sin_port = htons((uint16_t)atoi(argv[1]));
    long pid = atol(argv[2]);
    uint64_t seconds = strtoull(argv[3], NULL, 10);
    const char *how = argc > 4 ? argv[4] : "256";
    double rate = strncmp(how, "rate=", 5) == 0 ? atof(how + 5) : 0;
    unsigned each = rate > 0 ? 1 : (unsigned)atoi(how) / SOCKETS;
    each = each == 0 ? 1 : each < BATCH ? each : BATCH;
    echo = argc > 5;
    request_size = echo ? (size_t)atoi(argv[5]) : request_size;
    if (request_size < 20 || request_size > SIZE_MAX_)
        return 2;
    for (unsigned s = 0; s < SOCKETS; s++) {
        struct epoll_event e = {.events = EPOLLIN, .data.u32 = s};
        struct sockaddr_in own = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(0x7f0a0001u + (s << 8))};
        sources[s].fd = socket(AF_INET, SOCK_DGRAM, 0);
        sources[s].last = load_now();
        if (sources[s].fd < 0 || bind(sources[s].fd, (struct sockaddr *)&own, sizeof own) != 0 ||
            connect(sources[s].fd, (struct sockaddr *)&to, sizeof to) != 0 ||
            epoll_ctl(epoll, EPOLL_CTL_ADD, sources[s].fd, &e) != 0) {
            perror("bench_stun_load");
            return 1;
        }
    }
    uint64_t cpu = load_cpu_time(pid);
    run(epoll, each, rate, seconds);
    cpu = load_cpu_time(pid) - cpu;
    printf("per_second=%.0f ns_each=%.0f p50_us=%.1f p99_us=%.1f lost=%llu wrong=%llu\n",
           (double)answered / (double)seconds, answered ? (double)cpu / (double)answered : 0,
           load_percentile(&times, 0.5), load_percentile(&times, 0.99), (unsigned long long)lost,
           (unsigned long long)wrong);
    return answered > 0 ? 0 : 1;
}
