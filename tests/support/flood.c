/*
 * tests/support/flood.c - broken SIP, fast, at a real phone over UDP, TCP and TLS.
 *
 *     flood ADDRESS PORT TLS-PORT FROM-ADDRESS COUNT SEED
 *
 * A third of COUNT goes by each transport: the messages of tests/vectors/torture.h and some of
 * calls, each changed in a few places by chance. After every few over UDP, and at the start and the
 * end of each transport, an OPTIONS must be answered; so nothing is lost for want of buffers, and
 * the phone that does not answer has been brought down. Prints what it did as JSON; 1: not
 * answered.
 */
#define _GNU_SOURCE /* sendmmsg */
#include <arpa/inet.h>
#include <errno.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/dice.h"
#include "vectors/torture.h"

enum { SIZE_MAX_ = 16000, UDP_BATCH = 32, UDP_BATCH_BYTES = 40000, STREAM_BATCH = 6 };
enum { PATIENCE_MS = 3000, TRIES = 40, TRY_MS = 250, HERE_MAX = 200 };

struct message {
    size_t size;
    uint8_t bytes[SIZE_MAX_];
};

static struct ptn_dice dice;
static struct sockaddr_in to, from;
static uint16_t tls_port;
static unsigned serial, ping;
static SSL_CTX *tls;
static unsigned long sent[3], answered,
    waited; /* waited: for something that did not come at once */

/* ---- what is sent ---- */

/* In and around calls; the branch, the tag and the number are filled in. */
static const char *const talk[] = {
    "INVITE sip:bob@192.0.2.2 SIP/2.0\r\n",
    "ACK sip:bob@192.0.2.2 SIP/2.0\r\n",
    "BYE sip:bob@192.0.2.2 SIP/2.0\r\n",
    "CANCEL sip:bob@192.0.2.2 SIP/2.0\r\n",
    "PRACK sip:bob@192.0.2.2 SIP/2.0\r\nRAck: 1 1 INVITE\r\n",
    "UPDATE sip:bob@192.0.2.2 SIP/2.0\r\nSession-Expires: 90;refresher=uac\r\nMin-SE: 90\r\n",
    "REFER sip:bob@192.0.2.2 SIP/2.0\r\nRefer-To: "
    "<sip:x@y?Replaces=a%3Bto-tag%3Db%3Bfrom-tag%3Dc>\r\n",
    "NOTIFY sip:bob@192.0.2.2 SIP/2.0\r\nEvent: message-summary\r\nSubscription-State: active\r\n",
    "SUBSCRIBE sip:bob@192.0.2.2 SIP/2.0\r\nEvent: dialog\r\nExpires: 60\r\n",
    "MESSAGE sip:bob@192.0.2.2 SIP/2.0\r\nContent-Type: text/plain\r\n",
    "INFO sip:bob@192.0.2.2 SIP/2.0\r\nContent-Type: application/dtmf-relay\r\n",
    "INVITE sip:bob@192.0.2.2 SIP/2.0\r\nRequire: 100rel\r\nSupported: timer, replaces\r\n",
    "INVITE sip:bob@192.0.2.2 SIP/2.0\r\nReplaces: a;to-tag=b;from-tag=c\r\nExpires: 1\r\n",
    "SIP/2.0 200 OK\r\n",
    "SIP/2.0 401 Unauthorized\r\nWWW-Authenticate: Digest realm=\"r\", nonce=\"n\", "
    "qop=\"auth\"\r\n",
    "SIP/2.0 302 Moved\r\n",
    "SIP/2.0 183 Early\r\nRequire: 100rel\r\nRSeq: 1\r\n",
};
enum { TALKS = sizeof talk / sizeof talk[0] };

static void write_talk(struct message *m, unsigned n)
{
    const char *first = talk[n];
    bool with_sdp = strncmp(first, "INVITE", 6) == 0 || ptn_dice_below(&dice, 4) == 0;
    const char *blank = strchr(first, ' ');
    bool is_answer = strncmp(first, "SIP/", 4) == 0;
    serial++;
    int method = is_answer ? 6 : (int)(blank - first);

    m->size = (size_t)snprintf(
        (char *)m->bytes, SIZE_MAX_,
        "%sVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK%u;rport\r\nFrom: <sip:eve@x>;tag=%u\r\n"
        "To: <sip:bob@y>%s\r\nCall-ID: flood%u\r\nCSeq: %u %.*s\r\nContact: <sip:eve@127.0.0.9>\r\n"
        "%sContent-Length: %zu\r\n\r\n%s",
        first, serial, serial % 50, ptn_dice_below(&dice, 4) ? "" : ";tag=1", serial % 50,
        1 + ptn_dice_below(&dice, 4), method, is_answer ? "INVITE" : first,
        with_sdp ? "Content-Type: application/sdp\r\n" : "", with_sdp ? strlen(TORTURE_SDP) : 0,
        with_sdp ? TORTURE_SDP : "");
}

static void choose(struct message *m)
{
    unsigned n = ptn_dice_below(&dice, TORTURE_COUNT + 4 * TALKS);

    if (n >= TORTURE_COUNT) {
        write_talk(m, n % TALKS);
        return;
    }
    m->size = torture[n].size ? torture[n].size : strlen(torture[n].text);
    memcpy(m->bytes, torture[n].text, m->size);
}

/* ---- how it is broken ---- */

/* `size` bytes at `at` become `with`; what does not fit is cut off. */
static void splice(struct message *m, size_t at, size_t size, const void *with, size_t with_size)
{
    size_t rest = m->size - at - size;

    if (at + with_size > SIZE_MAX_)
        with_size = SIZE_MAX_ - at;
    if (at + with_size + rest > SIZE_MAX_)
        rest = SIZE_MAX_ - at - with_size;
    memmove(m->bytes + at + with_size, m->bytes + at + size, rest);
    memcpy(m->bytes + at, with, with_size);
    m->size = at + with_size + rest;
}

static void change_number(struct message *m, size_t at)
{
    static const char *const numbers[] = {"0",          "-1",         "65536",
                                          "4294967295", "4294967296", "99999999999999999999",
                                          "",           "1e9",        "00000000000001"};
    size_t size = 0;

    while (at < m->size && (m->bytes[at] < '0' || m->bytes[at] > '9'))
        at++;
    while (at + size < m->size && m->bytes[at + size] >= '0' && m->bytes[at + size] <= '9')
        size++;
    const char *number = numbers[ptn_dice_below(&dice, sizeof numbers / sizeof numbers[0])];
    if (at < m->size)
        splice(m, at, size, number, strlen(number));
}

static void change_once(struct message *m)
{
    static const char odd[] = "\0\r\n\t ;:,<>\"%=@?/\\[]()'*&\xff\x80-0";
    static struct message other;
    size_t at = ptn_dice_below(&dice, (uint32_t)m->size);
    size_t left = m->size - at, some = 1 + ptn_dice_below(&dice, left < 40 ? (uint32_t)left : 40);
    uint8_t byte = (uint8_t)odd[ptn_dice_below(&dice, sizeof odd)];

    switch (ptn_dice_below(&dice, 9)) {
    case 0: m->bytes[at] ^= (uint8_t)(1u << ptn_dice_below(&dice, 8)); break;
    case 1: m->bytes[at] = byte; break;
    case 2: splice(m, at, 0, &byte, 1); break;
    case 3: splice(m, at, some, "", 0); break;
    case 4:
        memcpy(other.bytes, m->bytes + at, some);
        splice(m, at, 0, other.bytes, some);
        break;
    case 5: change_number(m, at); break;
    case 6: m->size = ptn_dice_below(&dice, 8) ? m->size : at + 1; break;
    case 7:
        memset(other.bytes, byte, 3000);
        splice(m, at, 0, other.bytes, ptn_dice_below(&dice, ptn_dice_below(&dice, 20) ? 80 : 3000));
        break;
    case 8:
        choose(&other);
        at = at < other.size ? at : 0;
        splice(m, at < m->size ? at : 0, 0, other.bytes + at, other.size - at);
        break;
    }
    if (m->size == 0) {
        m->bytes[0] = byte;
        m->size = 1;
    }
}

static void make(struct message *m)
{
    choose(m);
    for (unsigned n = 1 + ptn_dice_below(&dice, 6); n > 0; n--)
        change_once(m);
}

/* Over a stream a wrong length swallows all that follows: most are put right, so that more is read.
 */
static void mend_length(struct message *m)
{
    uint8_t *end = memmem(m->bytes, m->size, "\r\n\r\n", 4);
    uint8_t *header =
        end ? memmem(m->bytes, (size_t)(end - m->bytes), "Content-Length:", 15) : NULL;
    char text[40];

    if (!header || ptn_dice_below(&dice, 8) == 0)
        return;
    size_t at = (size_t)(header - m->bytes), size = 0;
    while (header + size < end && header[size] != '\r')
        size++;
    int length =
        snprintf(text, sizeof text, "Content-Length: %zu", m->size - (size_t)(end - m->bytes) - 4);
    splice(m, at, size, text, (size_t)length);
}

/* ---- asking whether it lives ---- */

static int write_options(char *text, size_t size, const char *transport)
{
    char here[INET_ADDRSTRLEN];

    inet_ntop(AF_INET, &from.sin_addr, here, sizeof here);
    ping = ++serial;
    return snprintf(
        text, size,
        "OPTIONS sip:bob@192.0.2.2 SIP/2.0\r\n"
        "Via: SIP/2.0/%s %s;rport;branch=z9hG4bKping%u\r\nFrom: <sip:p@x>;tag=p\r\n"
        "To: <sip:b@y>\r\nCall-ID: ping%u\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n",
        transport, here, serial, serial);
}

/* Is it the answer to the last OPTIONS, and a good one? */
static bool is_pong(const char *text)
{
    char id[40];

    snprintf(id, sizeof id, "Call-ID: ping%u\r\n", ping);
    return strncmp(text, "SIP/2.0 200", 11) == 0 && strstr(text, id);
}

static double seconds_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Asked again and again: a datagram may be lost for want of room. */
static bool udp_lives(int fd)
{
    char text[1000], in[65536];

    for (unsigned try = 0; try < TRIES; try++, waited++) {
        double until = seconds_now() + TRY_MS / 1e3;
        int size = write_options(text, sizeof text, "UDP");
        send(fd, text, (size_t)size, 0);
        for (int left_ms = TRY_MS; left_ms > 0;) {
            struct pollfd p = {.fd = fd, .events = POLLIN};
            if (poll(&p, 1, left_ms) <= 0)
                break;
            ssize_t got = recv(fd, in, sizeof in - 1, 0);
            in[got > 0 ? got : 0] = '\0';
            answered++;
            if (is_pong(in))
                return true;
            left_ms = (int)((until - seconds_now()) * 1e3);
        }
    }
    return false;
}

/* ---- transports ---- */

static bool flood_udp(unsigned long count)
{
    static struct message batch[UDP_BATCH];
    struct iovec parts[UDP_BATCH];
    struct mmsghdr headers[UDP_BATCH] = {0};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&from, sizeof from) ||
        connect(fd, (struct sockaddr *)&to, sizeof to))
        return false;
    bool lives = udp_lives(fd);
    while (lives && sent[0] < count) {
        size_t bytes = 0;
        unsigned made = 0;
        for (; made < UDP_BATCH && bytes < UDP_BATCH_BYTES; bytes += batch[made++].size) {
            make(&batch[made]);
            parts[made] = (struct iovec){batch[made].bytes, batch[made].size};
            headers[made].msg_hdr = (struct msghdr){.msg_iov = &parts[made], .msg_iovlen = 1};
        }
        for (unsigned done = 0; done < made;) {
            int n = sendmmsg(fd, headers + done, made - done, 0);
            done += n > 0 ? (unsigned)n : 1; /* an error of an earlier one is told here */
        }
        sent[0] += made;
        lives = udp_lives(fd);
    }
    close(fd);
    return lives;
}

struct stream {
    int fd;
    SSL *ssl;
};

static void stream_close(struct stream *s)
{
    SSL_free(s->ssl);
    if (s->fd >= 0)
        close(s->fd);
}

static bool stream_open(struct stream *s, bool over_tls)
{
    struct sockaddr_in there = to;
    struct timeval patience = {.tv_sec = PATIENCE_MS / 1000};
    int on = 1;

    if (over_tls)
        there.sin_port = htons(tls_port);
    *s = (struct stream){.fd = socket(AF_INET, SOCK_STREAM, 0)};
    setsockopt(s->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    /* From many addresses: each has only so many ports before the first is free again. */
    struct sockaddr_in here = from;
    here.sin_addr.s_addr =
        htonl((ntohl(from.sin_addr.s_addr) & ~0xffu) | (1 + serial++ % HERE_MAX));
    if (bind(s->fd, (struct sockaddr *)&here, sizeof here))
        return false;
    setsockopt(s->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(s->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (s->fd < 0 || connect(s->fd, (struct sockaddr *)&there, sizeof there))
        return false;
    if (!over_tls)
        return true;
    s->ssl = SSL_new(tls);
    return s->ssl && SSL_set_fd(s->ssl, s->fd) && SSL_connect(s->ssl) == 1;
}

static bool stream_write(struct stream *s, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;

    while (size > 0) {
        ssize_t n = s->ssl ? SSL_write(s->ssl, at, (int)size) : send(s->fd, at, size, 0);
        if (n <= 0)
            return false;
        at += n;
        size -= (size_t)n;
    }
    return true;
}

static ssize_t stream_read(struct stream *s, void *bytes, size_t size)
{
    return s->ssl ? SSL_read(s->ssl, bytes, (int)size) : recv(s->fd, bytes, size, 0);
}

static bool stream_lives(bool over_tls)
{
    char text[1000], in[20000];
    size_t got = 0;
    struct stream s;
    int size = write_options(text, sizeof text, over_tls ? "TLS" : "TCP");
    bool lives = stream_open(&s, over_tls) && stream_write(&s, text, (size_t)size);

    for (in[0] = '\0'; lives && !is_pong(in);) {
        ssize_t n = stream_read(&s, in + got, sizeof in - 1 - got);
        lives = n > 0;
        got += n > 0 ? (size_t)n : 0;
        in[got] = '\0';
    }
    stream_close(&s);
    return lives;
}

/* Some messages by a connection of their own; then it is read until the phone has let go of it. */
static bool stream_batch(bool over_tls, unsigned long *count)
{
    static struct message m;
    char in[16384];
    struct stream s;
    bool open = stream_open(&s, over_tls);

    for (unsigned i = 0; i < STREAM_BATCH; i++) {
        make(&m);
        mend_length(&m);
        ++*count;
        if (!open || !stream_write(&s, m.bytes, m.size))
            break; /* the phone does not read on: that is its right */
    }
    if (open && s.ssl)
        SSL_shutdown(s.ssl);
    if (open)
        shutdown(s.fd, SHUT_WR);
    ssize_t got = 1;
    while (open && (got = recv(s.fd, in, sizeof in, 0)) > 0)
        answered++;
    waited += got < 0 && errno == EAGAIN;
    stream_close(&s);
    return open;
}

static bool flood_stream(bool over_tls, unsigned long count)
{
    unsigned long *done = &sent[over_tls ? 2 : 1];

    if (!stream_lives(over_tls))
        return false;
    while (*done < count)
        if (!stream_batch(over_tls, done) && !stream_lives(over_tls))
            return false;
    return stream_lives(over_tls);
}

int main(int argc, char **argv)
{
    if (argc != 7) {
        fprintf(stderr, "usage: flood ADDRESS PORT TLS-PORT FROM-ADDRESS COUNT SEED\n");
        return 2;
    }
    unsigned long each = strtoul(argv[5], NULL, 10) / 3;
    double began = seconds_now();

    signal(SIGPIPE, SIG_IGN);
    to.sin_family = from.sin_family = AF_INET;
    to.sin_port = htons((uint16_t)atoi(argv[2]));
    tls_port = (uint16_t)atoi(argv[3]);
    tls = SSL_CTX_new(TLS_client_method());
    dice = ptn_dice_seeded(strtoull(argv[6], NULL, 10));
    if (!tls || inet_pton(AF_INET, argv[1], &to.sin_addr) != 1 ||
        inet_pton(AF_INET, argv[4], &from.sin_addr) != 1)
        return 2;
    bool udp = flood_udp(each);
    double udp_s = seconds_now() - began;
    bool tcp = flood_stream(false, each);
    double tcp_s = seconds_now() - began - udp_s;
    bool secure = flood_stream(true, each);
    printf("{\"seed\": %s, \"udp\": %lu, \"tcp\": %lu, \"tls\": %lu, \"answers\": %lu, "
           "\"waited\": %lu, \"udp_s\": %.1f, \"tcp_s\": %.1f, \"seconds\": %.1f, \"udp_lives\": "
           "%s, \"tcp_lives\": %s, \"tls_lives\": %s}\n",
           argv[6], sent[0], sent[1], sent[2], answered, waited, udp_s, tcp_s,
           seconds_now() - began, udp ? "true" : "false", tcp ? "true" : "false",
           secure ? "true" : "false");
    SSL_CTX_free(tls);
    return udp && tcp && secure ? 0 : 1;
}
