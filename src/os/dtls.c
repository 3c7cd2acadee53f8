/*
 * os/dtls.c - OpenSSL's DTLS on a BIO that keeps datagrams apart.
 *
 * OpenSSL's own memory BIO is a stream: two records written into it come out as one. Ours
 * holds one datagram that came in, and those that are to go out with their sizes.
 */
#include "os/dtls.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "os/tls_load.h"

enum {
    PATH_SIZE = 1200, /* of a datagram that gets through anywhere */
    OVERHEAD = 48,    /* IPv6 and UDP */
    RECORD_MAX = 16384,
    SECRET_SIZE = 32,
    COOKIE_SIZE = 16,
};

struct ptn_dtls_rules {
    SSL_CTX *ctx;
    BIO_METHOD *method;
    uint8_t secret[SECRET_SIZE];
    struct ptn_dtls *porter; /* meets strangers; becomes the session of one who is welcome */
};

struct pipe {
    struct ptn_bytes in;
    bool has_in;
    uint8_t *out; /* datagrams, each with its size before it */
    size_t out_size, out_room, out_taken;
};

struct ptn_dtls {
    SSL *ssl;
    struct pipe pipe;
    struct ptn_addr far;
    uint8_t secret[SECRET_SIZE]; /* OpenSSL checks the cookie once more as it goes on */
};

/* ---- the BIO ---- */

static int pipe_read(BIO *bio, char *buf, int size)
{
    struct pipe *p = BIO_get_data(bio);

    BIO_clear_retry_flags(bio);
    if (!p->has_in) {
        BIO_set_retry_read(bio);
        return -1;
    }
    size_t taken = p->in.size < (size_t)size ? p->in.size : (size_t)size;
    if (taken > 0)
        memcpy(buf, p->in.data, taken);
    p->has_in = false;
    return (int)taken;
}

static int pipe_write(BIO *bio, const char *data, int size)
{
    struct pipe *p = BIO_get_data(bio);
    uint16_t length = (uint16_t)size;
    size_t wanted = p->out_size + sizeof length + (size_t)size;

    BIO_clear_retry_flags(bio);
    if (size < 0 || size > UINT16_MAX)
        return -1;
    if (wanted > p->out_room) {
        uint8_t *grown = realloc(p->out, wanted);
        if (!grown)
            return -1;
        p->out = grown;
        p->out_room = wanted;
    }
    memcpy(p->out + p->out_size, &length, sizeof length);
    memcpy(p->out + p->out_size + sizeof length, data, (size_t)size);
    p->out_size = wanted;
    return size;
}

static long pipe_ctrl(BIO *bio, int command, long number, void *pointer)
{
    (void)bio, (void)number, (void)pointer;
    switch (command) {
    case BIO_CTRL_FLUSH:
    case BIO_CTRL_DUP:
    case BIO_CTRL_DGRAM_SET_NEXT_TIMEOUT:
    case BIO_CTRL_DGRAM_SET_PEER: return 1;
    case BIO_CTRL_DGRAM_QUERY_MTU:
    case BIO_CTRL_DGRAM_GET_FALLBACK_MTU: return PATH_SIZE;
    case BIO_CTRL_DGRAM_GET_MTU_OVERHEAD: return OVERHEAD;
    default: return 0;
    }
}

static int pipe_create(BIO *bio)
{
    BIO_set_init(bio, 1);
    return 1;
}

static bool next_out(struct pipe *p, struct ptn_bytes *datagram)
{
    uint16_t length;

    if (p->out_taken == p->out_size) {
        p->out_taken = p->out_size = 0;
        return false;
    }
    memcpy(&length, p->out + p->out_taken, sizeof length);
    *datagram = ptn_bytes(p->out + p->out_taken + sizeof length, length);
    p->out_taken += sizeof length + length;
    return true;
}

/* ---- cookies ---- */

static bool make_cookie(SSL *ssl, uint8_t cookie[static COOKIE_SIZE])
{
    const struct ptn_dtls *d = SSL_get_app_data(ssl);
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;

    if (!HMAC(EVP_sha256(), d->secret, SECRET_SIZE, (const uint8_t *)&d->far, sizeof d->far, digest,
              &size) ||
        size < COOKIE_SIZE)
        return false;
    memcpy(cookie, digest, COOKIE_SIZE);
    return true;
}

static int generate_cookie(SSL *ssl, unsigned char *cookie, unsigned *size)
{
    *size = COOKIE_SIZE;
    return make_cookie(ssl, cookie);
}

static int verify_cookie(SSL *ssl, const unsigned char *cookie, unsigned size)
{
    uint8_t right[COOKIE_SIZE];

    return size == COOKIE_SIZE && make_cookie(ssl, right) &&
           CRYPTO_memcmp(right, cookie, COOKIE_SIZE) == 0;
}

/* ---- rules ---- */

static BIO_METHOD *make_method(void)
{
    BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "datagrams");

    if (m && (!BIO_meth_set_read(m, pipe_read) || !BIO_meth_set_write(m, pipe_write) ||
              !BIO_meth_set_ctrl(m, pipe_ctrl) || !BIO_meth_set_create(m, pipe_create))) {
        BIO_meth_free(m);
        m = NULL;
    }
    return m;
}

enum ptn_err ptn_dtls_rules_new(const struct ptn_tls_opts *opts, struct ptn_dtls_rules **out,
                                char sentence[static PTN_TLS_SENTENCE_SIZE])
{
    struct ptn_dtls_rules *r = calloc(1, sizeof *r);
    enum ptn_err err = PTN_ERR_NO_MEMORY;

    *out = NULL;
    strcpy(sentence, ptn_err_text(err));
    ERR_clear_error();
    if (r && (r->method = make_method()) && (r->ctx = SSL_CTX_new(DTLS_server_method())) &&
        RAND_bytes(r->secret, sizeof r->secret) == 1) {
        SSL_CTX_set_min_proto_version(r->ctx, DTLS1_2_VERSION);
        SSL_CTX_set_options(r->ctx, SSL_OP_COOKIE_EXCHANGE | SSL_OP_NO_QUERY_MTU |
                                        SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET);
        SSL_CTX_set_session_cache_mode(r->ctx, SSL_SESS_CACHE_OFF);
        SSL_CTX_set_mode(r->ctx, SSL_MODE_RELEASE_BUFFERS);
        SSL_CTX_set_read_ahead(r->ctx, 1); /* the rest of a datagram would be lost */
        SSL_CTX_set_cookie_generate_cb(r->ctx, generate_cookie);
        SSL_CTX_set_cookie_verify_cb(r->ctx, verify_cookie);
        err = ptn_tls_load_certificate(r->ctx, opts, sentence);
    }
    if (err != PTN_OK) {
        ptn_dtls_rules_free(r);
        return err;
    }
    *out = r;
    return PTN_OK;
}

void ptn_dtls_rules_free(struct ptn_dtls_rules *r)
{
    if (!r)
        return;
    ptn_dtls_free(r->porter);
    SSL_CTX_free(r->ctx);
    BIO_meth_free(r->method);
    free(r);
}

/* ---- one far end ---- */

static struct ptn_dtls *make_porter(struct ptn_dtls_rules *r)
{
    struct ptn_dtls *d = calloc(1, sizeof *d);
    BIO *bio = d ? BIO_new(r->method) : NULL;

    if (d)
        d->ssl = SSL_new(r->ctx);
    if (!d || !bio || !d->ssl) {
        BIO_free(bio);
        ptn_dtls_free(d);
        return NULL;
    }
    memcpy(d->secret, r->secret, sizeof d->secret);
    BIO_set_data(bio, &d->pipe);
    SSL_set_bio(d->ssl, bio, bio);
    SSL_set_app_data(d->ssl, d);
    SSL_set_mtu(d->ssl, PATH_SIZE);
    return d;
}

void ptn_dtls_free(struct ptn_dtls *d)
{
    if (!d)
        return;
    SSL_free(d->ssl);
    free(d->pipe.out);
    free(d);
}

struct ptn_dtls *ptn_dtls_knock(struct ptn_dtls_rules *r, const struct ptn_addr *from,
                                struct ptn_bytes datagram, struct ptn_bytes *say)
{
    BIO_ADDR *unused = BIO_ADDR_new();
    struct ptn_dtls *d = r->porter ? r->porter : make_porter(r);
    int welcome = -1;

    *say = ptn_bytes(NULL, 0);
    r->porter = d;
    if (d && unused) {
        struct pipe *p = &d->pipe;
        d->far = *from;
        p->in = datagram;
        p->has_in = true;
        p->out_size = p->out_taken = 0;
        ERR_clear_error();
        welcome = DTLSv1_listen(d->ssl, unused);
        p->has_in = false;
    }
    BIO_ADDR_free(unused);
    if (welcome == 1) {
        r->porter = NULL;
        return d;
    }
    if (d)
        next_out(&d->pipe, say);
    return NULL;
}

static enum ptn_tls_state state_after(const struct ptn_dtls *d, int result,
                                      enum ptn_tls_state later)
{
    switch (SSL_get_error(d->ssl, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE: return later;
    case SSL_ERROR_ZERO_RETURN: return PTN_TLS_ENDED;
    default: return PTN_TLS_FAILED;
    }
}

enum ptn_tls_state ptn_dtls_input(struct ptn_dtls *d, struct ptn_bytes datagram)
{
    ERR_clear_error();
    d->pipe.in = datagram;
    d->pipe.has_in = datagram.size > 0;
    if (SSL_is_init_finished(d->ssl))
        return PTN_TLS_UP;
    int result = SSL_accept(d->ssl);
    return result == 1 ? PTN_TLS_UP : state_after(d, result, PTN_TLS_SHAKING);
}

bool ptn_dtls_is_up(const struct ptn_dtls *d)
{
    return SSL_is_init_finished(d->ssl);
}

enum ptn_tls_state ptn_dtls_read(struct ptn_dtls *d, void *buf, size_t size, size_t *got)
{
    *got = 0;
    ERR_clear_error();
    int result = SSL_read_ex(d->ssl, buf, size, got);
    return result == 1 ? PTN_TLS_UP : state_after(d, result, PTN_TLS_UP);
}

enum ptn_err ptn_dtls_write(struct ptn_dtls *d, struct ptn_bytes bytes)
{
    if (bytes.size > RECORD_MAX)
        return PTN_ERR_NO_ROOM;
    ERR_clear_error();
    return bytes.size == 0 || SSL_write(d->ssl, bytes.data, (int)bytes.size) == (int)bytes.size
               ? PTN_OK
               : PTN_ERR_RESET;
}

void ptn_dtls_end(struct ptn_dtls *d)
{
    ERR_clear_error();
    if (SSL_is_init_finished(d->ssl))
        SSL_shutdown(d->ssl);
}

bool ptn_dtls_output(struct ptn_dtls *d, struct ptn_bytes *datagram)
{
    return next_out(&d->pipe, datagram);
}

ptn_time ptn_dtls_patience(const struct ptn_dtls *d)
{
    struct timeval left;

    if (SSL_is_init_finished(d->ssl) || !DTLSv1_get_timeout(d->ssl, &left))
        return PTN_NEVER;
    return PTN_S(left.tv_sec) + (ptn_time)left.tv_usec * 1000;
}

void ptn_dtls_again(struct ptn_dtls *d)
{
    ERR_clear_error();
    DTLSv1_handle_timeout(d->ssl);
}
