/*
 * A client of OpenSSL's own against our side of DTLS, datagram by datagram.
 */
#include "os/dtls.h"

#include <netinet/in.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/test.h"

/* Made anew: an EC key and a certificate that it signed itself. */
static void make_certificate(const char *path)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = X509_new();
    FILE *f = fopen(path, "w");

    CHECK(key && x && f);
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -60);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_pubkey(x, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
                               (const unsigned char *)"localhost", -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(x));
    CHECK(X509_sign(x, key, EVP_sha256()) > 0);
    CHECK_EQ(1, PEM_write_X509(f, x));
    CHECK_EQ(1, PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL));
    fclose(f);
    X509_free(x);
    EVP_PKEY_free(key);
}

struct fixture {
    struct ptn_dtls_rules *rules;
    struct ptn_dtls *session;
    SSL_CTX *ctx;
    SSL *client;
    int ends[2]; /* of a pair of datagram sockets: the client's and ours */
    struct ptn_addr from;
    unsigned datagrams, cookies;
    uint8_t came[2000];
};

/* Two UDP sockets, each connected to the other; `peer` is the second one's address. */
static void open_pair(int ends[2], struct sockaddr_in *peer)
{
    struct sockaddr_in at[2];
    socklen_t size = sizeof at[0];

    for (unsigned i = 0; i < 2; i++) {
        at[i] =
            (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        ends[i] = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        CHECK_EQ(0, bind(ends[i], (struct sockaddr *)&at[i], sizeof at[i]));
        CHECK_EQ(0, getsockname(ends[i], (struct sockaddr *)&at[i], &size));
    }
    for (unsigned i = 0; i < 2; i++)
        CHECK_EQ(0, connect(ends[i], (struct sockaddr *)&at[1 - i], sizeof at[0]));
    *peer = at[1];
}

static void set_up(struct fixture *f)
{
    char path[] = "/tmp/ptn-dtls-XXXXXX", sentence[PTN_TLS_SENTENCE_SIZE];
    struct sockaddr_in client_side;
    int fd = mkstemp(path);

    CHECK(fd >= 0);
    close(fd);
    make_certificate(path);
    *f = (struct fixture){.from = ptn_addr_v4(192, 0, 2, 1, 5000)};
    CHECK_EQ(PTN_OK,
             ptn_dtls_rules_new(&(struct ptn_tls_opts){.certificate = path}, &f->rules, sentence));
    unlink(path);
    open_pair(f->ends, &client_side);
    f->ctx = SSL_CTX_new(DTLS_client_method());
    f->client = SSL_new(f->ctx);
    BIO *bio = BIO_new_dgram(f->ends[0], BIO_NOCLOSE);
    BIO_ctrl(bio, BIO_CTRL_DGRAM_SET_CONNECTED, 0, &client_side);
    SSL_set_bio(f->client, bio, bio);
    SSL_set_options(f->client, SSL_OP_NO_QUERY_MTU);
    SSL_set_mtu(f->client, 1200);
    SSL_set_connect_state(f->client);
}

static void tear_down(struct fixture *f)
{
    SSL_free(f->client);
    SSL_CTX_free(f->ctx);
    ptn_dtls_free(f->session);
    ptn_dtls_rules_free(f->rules);
    close(f->ends[0]);
    close(f->ends[1]);
}

static void say_all(struct fixture *f)
{
    struct ptn_bytes out;

    while (ptn_dtls_output(f->session, &out)) {
        CHECK(out.size <= 1200);
        f->datagrams++;
        CHECK_EQ(out.size, send(f->ends[1], out.data, out.size, 0));
    }
}

/* Everything that the client has said reaches our side. */
static void carry(struct fixture *f)
{
    ssize_t n;

    while ((n = recv(f->ends[1], f->came, sizeof f->came, 0)) > 0) {
        struct ptn_bytes in = ptn_bytes(f->came, (size_t)n), say;
        if (f->session) {
            ptn_dtls_input(f->session, in);
        } else if ((f->session = ptn_dtls_knock(f->rules, &f->from, in, &say))) {
            ptn_dtls_input(f->session, ptn_bytes(NULL, 0));
        } else if (say.size > 0) {
            CHECK(say.size < in.size);
            f->cookies++;
            CHECK_EQ(say.size, send(f->ends[1], say.data, say.size, 0));
        }
        if (f->session)
            say_all(f);
    }
}

static void shake_hands(struct fixture *f)
{
    for (unsigned i = 0; i < 20 && !SSL_is_init_finished(f->client); i++) {
        SSL_do_handshake(f->client);
        carry(f);
    }
    CHECK(SSL_is_init_finished(f->client));
    CHECK(f->session && ptn_dtls_is_up(f->session));
}

TEST(a_stranger_gets_a_cookie_and_no_more_than_he_sent)
{
    struct fixture f;

    set_up(&f);
    SSL_do_handshake(f.client);
    carry(&f);
    CHECK_EQ(1, f.cookies);
    CHECK(!f.session);
    shake_hands(&f);
    CHECK_EQ(1, f.cookies);
    tear_down(&f);
}

TEST(a_cookie_is_good_from_its_own_address_only)
{
    struct fixture f;

    set_up(&f);
    SSL_do_handshake(f.client);
    carry(&f);
    f.from.port++;
    SSL_do_handshake(f.client);
    carry(&f);
    CHECK(!f.session);
    tear_down(&f);
}

TEST(records_stay_apart_both_ways)
{
    struct fixture f;
    char buf[100];
    size_t got;

    set_up(&f);
    shake_hands(&f);
    f.datagrams = 0;
    CHECK_EQ(PTN_OK, ptn_dtls_write(f.session, ptn_bytes_of_text("one")));
    CHECK_EQ(PTN_OK, ptn_dtls_write(f.session, ptn_bytes_of_text("second")));
    say_all(&f);
    CHECK_EQ(2, f.datagrams);
    CHECK_EQ(3, SSL_read(f.client, buf, sizeof buf));
    CHECK_EQ(6, SSL_read(f.client, buf, sizeof buf));
    CHECK_EQ(5, SSL_write(f.client, "hello", 5));
    carry(&f);
    CHECK_EQ(PTN_TLS_UP, ptn_dtls_read(f.session, buf, sizeof buf, &got));
    CHECK_EQ(5, got);
    CHECK_EQ(PTN_TLS_UP, ptn_dtls_read(f.session, buf, sizeof buf, &got));
    CHECK_EQ(0, got);
    SSL_shutdown(f.client);
    carry(&f);
    CHECK_EQ(PTN_TLS_ENDED, ptn_dtls_read(f.session, buf, sizeof buf, &got));
    tear_down(&f);
}

TEST(rubbish_neither_opens_nor_ends_anything)
{
    struct fixture f;
    struct ptn_bytes say;
    uint8_t rubbish[300];

    set_up(&f);
    for (unsigned first = 0; first < 256; first++) {
        memset(rubbish, (int)first, sizeof rubbish);
        rubbish[0] = 22;
        CHECK(!ptn_dtls_knock(f.rules, &f.from, ptn_bytes(rubbish, 1 + first), &say));
    }
    shake_hands(&f);
    memset(rubbish, 0xaa, sizeof rubbish);
    ptn_dtls_input(f.session, ptn_bytes(rubbish, sizeof rubbish));
    char buf[100];
    size_t got;
    CHECK_EQ(PTN_TLS_UP, ptn_dtls_read(f.session, buf, sizeof buf, &got));
    tear_down(&f);
}
