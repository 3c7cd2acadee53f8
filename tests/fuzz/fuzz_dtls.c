/*
 * fuzz_dtls - datagrams of strangers before the cookie, and of one who has shaken hands or is about
 * to.
 *
 * The first byte: how many of an honest client's datagrams come through as they are. Then parts,
 * each with a byte before it for what it is and one for its size: a datagram of its own, from a
 * stranger or in the client's name, or what is laid over the client's next one.
 */
#define _GNU_SOURCE /* mkstemp */
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os/dtls.h"

enum { STRANGER, IN_HIS_NAME, LAID_OVER, KINDS, DATAGRAM_MAX = 2000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct ptn_dtls_rules *rules;
static SSL_CTX *ctx;
static int ends[2] = {-1, -1}; /* the client's, ours */
static struct sockaddr_in ours;

static void must(bool good)
{
    if (!good)
        abort();
}

static void make_certificate(FILE *f)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = X509_new();

    must(key && x && f);
    X509_gmtime_adj(X509_getm_notBefore(x), -60);
    X509_gmtime_adj(X509_getm_notAfter(x), 86400);
    X509_set_pubkey(x, key);
    must(X509_sign(x, key, EVP_sha256()) > 0 && PEM_write_X509(f, x) == 1 &&
         PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) == 1 && fclose(f) == 0);
    X509_free(x);
    EVP_PKEY_free(key);
}

static void begin(void)
{
    char path[] = "/tmp/ptn-fuzz-dtls-XXXXXX", sentence[PTN_TLS_SENTENCE_SIZE];
    struct sockaddr_in at[2];
    socklen_t size = sizeof at[0];

    make_certificate(fdopen(mkstemp(path), "w"));
    must(ptn_dtls_rules_new(&(struct ptn_tls_opts){.certificate = path}, &rules, sentence) ==
         PTN_OK);
    unlink(path);
    for (unsigned i = 0; i < 2; i++) {
        at[i] =
            (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        ends[i] = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        must(bind(ends[i], (struct sockaddr *)&at[i], sizeof at[i]) == 0 &&
             getsockname(ends[i], (struct sockaddr *)&at[i], &size) == 0);
    }
    for (unsigned i = 0; i < 2; i++)
        must(connect(ends[i], (struct sockaddr *)&at[1 - i], sizeof at[0]) == 0);
    ours = at[1];
    ctx = SSL_CTX_new(DTLS_client_method());
    must(ctx != NULL);
}

static SSL *new_client(void)
{
    SSL *client = SSL_new(ctx);
    BIO *bio = BIO_new_dgram(ends[0], BIO_NOCLOSE);

    must(client && bio);
    BIO_ctrl(bio, BIO_CTRL_DGRAM_SET_CONNECTED, 0, &ours);
    SSL_set_bio(client, bio, bio);
    SSL_set_options(client, SSL_OP_NO_QUERY_MTU);
    SSL_set_mtu(client, 1200);
    SSL_set_connect_state(client);
    return client;
}

/* A cookie cannot be guessed, and who has none is sent less than he said. */
static void knock_as_stranger(struct ptn_bytes datagram)
{
    struct ptn_addr from = ptn_addr_v4(192, 0, 2, 2, 5000);
    struct ptn_bytes say;

    must(!ptn_dtls_knock(rules, &from, datagram, &say) && say.size <= datagram.size);
}

/* False: the session is over. */
static bool hear(struct ptn_dtls **session, struct ptn_bytes datagram)
{
    struct ptn_addr from = ptn_addr_v4(192, 0, 2, 1, 5000);
    static uint8_t plain[16384];
    struct ptn_bytes say = {0};
    size_t got = 0;

    if (!*session) {
        *session = ptn_dtls_knock(rules, &from, datagram, &say);
        must(say.size <= datagram.size);
        if (say.size > 0)
            send(ends[1], say.data, say.size, 0);
        if (!*session)
            return true;
        datagram = ptn_bytes(NULL, 0);
    }
    enum ptn_tls_state state = ptn_dtls_input(*session, datagram);
    while (state == PTN_TLS_UP) {
        state = ptn_dtls_read(*session, plain, sizeof plain, &got);
        if (state == PTN_TLS_UP && got == 0)
            break;
    }
    while (ptn_dtls_output(*session, &say))
        send(ends[1], say.data, say.size, 0);
    return state == PTN_TLS_UP || state == PTN_TLS_SHAKING;
}

/* The client's next datagram; nothing when he has none to say. */
static size_t client_says(SSL *client, uint8_t datagram[static DATAGRAM_MAX])
{
    ssize_t n = recv(ends[1], datagram, DATAGRAM_MAX, 0);

    if (n < 0) {
        if (SSL_do_handshake(client) == 1)
            SSL_write(client, "hello", 5);
        n = recv(ends[1], datagram, DATAGRAM_MAX, 0);
    }
    return n > 0 ? (size_t)n : 0;
}

static bool lay_over(SSL *client, struct ptn_dtls **session, struct ptn_bytes mask)
{
    uint8_t datagram[DATAGRAM_MAX];
    size_t n = client_says(client, datagram);

    for (size_t i = 0; i < n && i < mask.size; i++)
        datagram[i] ^= mask.data[i];
    return n == 0 || hear(session, ptn_bytes(datagram, n));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ptn_dtls *session = NULL;
    uint8_t old[DATAGRAM_MAX];
    bool on = true;

    if (size == 0)
        return 0;
    if (!rules)
        begin();
    SSL *client = new_client();
    for (unsigned i = 0; on && i < (data[0] & 15); i++)
        on = lay_over(client, &session, ptn_bytes(NULL, 0));
    for (size_t at = 1; on && at + 2 <= size;) {
        size_t length = data[at + 1] < size - at - 2 ? data[at + 1] : size - at - 2;
        struct ptn_bytes part = ptn_bytes(data + at + 2, length);
        if (data[at] % KINDS == STRANGER)
            knock_as_stranger(part);
        else if (data[at] % KINDS == IN_HIS_NAME)
            on = hear(&session, part);
        else
            on = lay_over(client, &session, part);
        at += 2 + length;
    }
    ptn_dtls_free(session);
    SSL_free(client);
    while (recv(ends[0], old, sizeof old, 0) >= 0 || recv(ends[1], old, sizeof old, 0) >= 0)
        ;
    return 0;
}
