/*
 * bench/floor.c - what is the least that a UDP server can cost? The kernel's part alone.
 *
 *   bench_floor PORT [echo|stun]
 *
 * recvmmsg, sendmmsg, 64 at a time, and of the work between them nothing (echo) or the 32 bytes of
 * a Binding answer, written blindly (stun). It looks at nothing: a measure, not a server.
 */
#include <arpa/inet.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "load.h"

enum { BATCH = 64, SIZE = 2048 };

static uint8_t bytes[BATCH][SIZE + 64];
static struct sockaddr_in from[BATCH];
static struct iovec parts[BATCH];
static struct mmsghdr headers[BATCH];

static size_t answer(uint8_t *m, const struct sockaddr_in *to)
{
    static const uint8_t head[] = {1, 1, 0, 12}, attribute[] = {0, 0x20, 0, 8, 0, 1};
    uint16_t port = to->sin_port ^ htons(0x2112);
    uint32_t ip = to->sin_addr.s_addr ^ htonl(0x2112a442);

    memcpy(m, head, 4);
    memcpy(m + 20, attribute, 6);
    memcpy(m + 26, &port, 2);
    memcpy(m + 28, &ip, 4);
    return 32;
}

int main(int argc, char **argv)
{
    bool stun = argc > 2 && strcmp(argv[2], "stun") == 0;
    struct sockaddr_in local = {.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)(argc > 1 ? atoi(argv[1]) : 0)),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_DGRAM, 0), size = 4 << 20;

    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    if (fd < 0 || bind(fd, (struct sockaddr *)&local, sizeof local) != 0) {
        perror("bench_floor");
        return 1;
    }
    for (unsigned i = 0; i < BATCH; i++)
        headers[i].msg_hdr =
            (struct msghdr){.msg_name = &from[i], .msg_iov = &parts[i], .msg_iovlen = 1};
    for (;;) {
        for (unsigned i = 0; i < BATCH; i++) {
            parts[i] = (struct iovec){bytes[i], SIZE};
            headers[i].msg_hdr.msg_namelen = sizeof from[i];
        }
        int count = recvmmsg(fd, headers, BATCH, MSG_WAITFORONE, NULL);
        for (int i = 0; i < count; i++)
            parts[i].iov_len = stun ? answer(bytes[i], &from[i]) : headers[i].msg_len;
        for (int sent = 0; sent < count;) {
            int n = sendmmsg(fd, headers + sent, (unsigned)(count - sent), 0);
            sent += n > 0 ? n : 1;
        }
    }
}
