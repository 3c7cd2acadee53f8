/*
 * os/tls.c - OpenSSL between two memory buffers, and its verdicts in words.
 *
 * OpenSSL forgets the certificate it refused, so the sentence is made where it is
 * refused: in the one call back that verification offers.
 */
#include "os/tls.h"

#include <dirent.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "os/tls_load.h"

struct ptn_tls_rules {
    SSL_CTX *ctx;
    bool has_certificate, trust_anyone, any_name;
};

struct ptn_tls {
    SSL *ssl;
    BIO *in, *out; /* of the network; owned by `ssl` */
    BIO *early;    /* what was written before hands were shaken */
    char name[256];
    enum ptn_err why;
    char sentence[PTN_TLS_SENTENCE_SIZE];
};

/* ---- rules ---- */

/* OpenSSL's own words for the first error, which led to the others. */
static const char *words_of_error(void)
{
    unsigned long code = ERR_peek_error();
    const char *words = ERR_reason_error_string(code);

    if (ERR_SYSTEM_ERROR(code))
        return strerror(ERR_GET_REASON(code));
    return words ? words : "no reason given";
}

static bool is_given(const char *text)
{
    return text && text[0];
}

static enum ptn_err refuse(char *sentence, const char *path, const char *what)
{
    snprintf(sentence, PTN_TLS_SENTENCE_SIZE, "%s: %s: %s", path, what, words_of_error());
    return PTN_ERR_INVALID;
}

/* OpenSSL's words for the three usual mistakes are "unsupported", "bad decrypt" (or any, as one of
 * 256 wrong passwords makes something that looks like a key) and "key values mismatch". */
static enum ptn_err refuse_key(char *sentence, const char *path, const struct ptn_tls_opts *o,
                               bool locked)
{
    unsigned long last = ERR_peek_last_error();

    if (ERR_GET_LIB(last) == ERR_LIB_X509 && ERR_GET_REASON(last) == X509_R_KEY_VALUES_MISMATCH)
        snprintf(sentence, PTN_TLS_SENTENCE_SIZE, "%s: the private key is not that of %s", path,
                 o->certificate);
    else if (locked)
        snprintf(sentence, PTN_TLS_SENTENCE_SIZE, "%s: the private key is locked, %s", path,
                 is_given(o->key_password) ? "by another password than the one that is set"
                                           : "and no password is set");
    else
        return refuse(sentence, path, "no private key in PEM");
    return PTN_ERR_INVALID;
}

static bool is_certificate_file(const char *name)
{
    static const char *const endings[] = {".pem", ".crt", ".cer"};
    size_t length = strlen(name);

    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (length > 4 && strcmp(name + length - 4, endings[i]) == 0)
            return true;
    return false;
}

/* By its names, not by OpenSSL's: those are hashes, which only c_rehash makes. */
static enum ptn_err load_folder(SSL_CTX *ctx, const char *folder, char *sentence)
{
    DIR *dir = opendir(folder);
    enum ptn_err err = PTN_OK;
    size_t loaded = 0;

    for (const struct dirent *e; dir && err == PTN_OK && (e = readdir(dir));) {
        char path[PTN_TLS_SENTENCE_SIZE - 100];
        if (!is_certificate_file(e->d_name))
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        if (SSL_CTX_load_verify_file(ctx, path))
            loaded++;
        else
            err = refuse(sentence, path, "no CA certificate in PEM");
    }
    if (dir)
        closedir(dir);
    if (err == PTN_OK && loaded == 0) {
        snprintf(sentence, PTN_TLS_SENTENCE_SIZE,
                 "%s: no folder with .pem, .crt or .cer files in it", folder);
        err = PTN_ERR_NOT_FOUND;
    }
    return err;
}

static enum ptn_err load_cas(SSL_CTX *ctx, const struct ptn_tls_opts *o, char *sentence)
{
    if (is_given(o->ca_file) && !SSL_CTX_load_verify_file(ctx, o->ca_file))
        return refuse(sentence, o->ca_file, "no CA certificates in PEM");
    if (!is_given(o->ca_file) && !is_given(o->ca_dir))
        SSL_CTX_set_default_verify_paths(ctx);
    return is_given(o->ca_dir) ? load_folder(ctx, o->ca_dir, sentence) : PTN_OK;
}

struct password {
    const char *text;
    bool wanted; /* the key is locked */
};

/* Without one OpenSSL would ask at the terminal. */
static int give_password(char *buf, int size, int writing, void *arg)
{
    struct password *password = arg;
    int length = (int)strlen(password->text);

    (void)writing;
    password->wanted = true;
    if (length > size)
        return -1;
    memcpy(buf, password->text, (size_t)length);
    return length;
}

enum ptn_err ptn_tls_load_certificate(SSL_CTX *ctx, const struct ptn_tls_opts *o,
                                      char sentence[static PTN_TLS_SENTENCE_SIZE])
{
    const char *key = is_given(o->key) ? o->key : o->certificate;
    struct password password = {.text = is_given(o->key_password) ? o->key_password : ""};

    if (!is_given(o->certificate))
        return PTN_OK;
    if (is_given(o->ciphers) && SSL_CTX_set_cipher_list(ctx, o->ciphers) != 1)
        return refuse(sentence, o->ciphers, "no list of ciphers");
    SSL_CTX_set_default_passwd_cb(ctx, give_password);
    SSL_CTX_set_default_passwd_cb_userdata(ctx, &password);
    if (SSL_CTX_use_certificate_chain_file(ctx, o->certificate) != 1)
        return refuse(sentence, o->certificate, "no certificate in PEM");
    if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
        return refuse_key(sentence, key, o, password.wanted);
    if (is_given(o->clients_ca_file)) {
        if (!SSL_CTX_load_verify_file(ctx, o->clients_ca_file))
            return refuse(sentence, o->clients_ca_file, "no CA certificates in PEM");
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    }
    SSL_CTX_set_default_passwd_cb_userdata(ctx, NULL);
    SSL_CTX_set_default_passwd_cb(ctx, NULL);
    return PTN_OK;
}

static int look_at_certificate(int fine, X509_STORE_CTX *store);

enum ptn_err ptn_tls_rules_new(const struct ptn_tls_opts *opts, struct ptn_tls_rules **out,
                               char sentence[static PTN_TLS_SENTENCE_SIZE])
{
    struct ptn_tls_rules *r = calloc(1, sizeof *r);
    enum ptn_err err = PTN_ERR_NO_MEMORY;

    *out = NULL;
    snprintf(sentence, PTN_TLS_SENTENCE_SIZE, "%s", ptn_err_text(err));
    ERR_clear_error();
    if (r && (r->ctx = SSL_CTX_new(TLS_method()))) {
        r->has_certificate = is_given(opts->certificate);
        r->trust_anyone = opts->trust_anyone;
        r->any_name = opts->any_name;
        SSL_CTX_set_min_proto_version(r->ctx, opts->only_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION);
        /* SIP says by itself how long a message is: an end without goodbye is an end. */
        SSL_CTX_set_options(r->ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
        SSL_CTX_set_mode(r->ctx, SSL_MODE_RELEASE_BUFFERS);
        SSL_CTX_set_session_cache_mode(r->ctx, SSL_SESS_CACHE_OFF);
        err = load_cas(r->ctx, opts, sentence);
        if (err == PTN_OK)
            err = ptn_tls_load_certificate(r->ctx, opts, sentence);
    }
    if (err != PTN_OK) {
        ptn_tls_rules_free(r);
        return err;
    }
    *out = r;
    return PTN_OK;
}

void ptn_tls_rules_free(struct ptn_tls_rules *r)
{
    if (r)
        SSL_CTX_free(r->ctx);
    free(r);
}

bool ptn_tls_rules_have_certificate(const struct ptn_tls_rules *r)
{
    return r->has_certificate;
}

/* ---- what a certificate says ---- */

static void print_time(const ASN1_TIME *time, char *buf, size_t size)
{
    struct tm tm;

    if (!ASN1_TIME_to_tm(time, &tm) || strftime(buf, size, "%Y-%m-%d %H:%M UTC", &tm) == 0)
        snprintf(buf, size, "an unreadable date");
}

/* The names it is for, or its subject when it lists none. */
static void print_names(X509 *certificate, char *buf, size_t size)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    size_t used = 0;

    buf[0] = '\0';
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        char text[PTN_ADDR_TEXT_MAX];
        const char *data = text;
        int length = 0;
        if (name->type == GEN_DNS) {
            data = (const char *)ASN1_STRING_get0_data(name->d.dNSName);
            length = ASN1_STRING_length(name->d.dNSName);
        } else if (name->type == GEN_IPADD && ASN1_STRING_length(name->d.iPAddress) == 4) {
            const unsigned char *ip = ASN1_STRING_get0_data(name->d.iPAddress);
            length = snprintf(text, sizeof text, "%u.%u.%u.%u", ip[0], ip[1], ip[2], ip[3]);
        }
        if (length <= 0 || used + (size_t)length + 3 > size)
            continue;
        used += (size_t)snprintf(buf + used, size - used, "%s%.*s", used ? ", " : "", length, data);
    }
    GENERAL_NAMES_free(names);
    if (used == 0)
        X509_NAME_oneline(X509_get_subject_name(certificate), buf, (int)size);
}

bool ptn_tls_rules_shown(const struct ptn_tls_rules *r, struct ptn_tls_shown *out)
{
    X509 *certificate = SSL_CTX_get0_certificate(r->ctx);
    int days = 0, seconds = 0;

    if (!certificate)
        return false;
    print_names(certificate, out->names, sizeof out->names);
    print_time(X509_get0_notAfter(certificate), out->until, sizeof out->until);
    ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(certificate));
    out->left_s = (int64_t)days * 86400 + seconds;
    return true;
}

/* ---- why a certificate is refused ---- */

static void explain(struct ptn_tls *t, int code, X509 *certificate)
{
    char detail[200] = "";

    switch (code) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        t->why = PTN_ERR_CERT_NAME;
        print_names(certificate, detail, sizeof detail);
        snprintf(t->sentence, sizeof t->sentence, "the certificate is for %s, not for %s", detail,
                 t->name);
        break;
    case X509_V_ERR_CERT_HAS_EXPIRED:
        t->why = PTN_ERR_CERT_DATE;
        print_time(X509_get0_notAfter(certificate), detail, sizeof detail);
        snprintf(t->sentence, sizeof t->sentence, "the certificate expired on %s", detail);
        break;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        t->why = PTN_ERR_CERT_DATE;
        print_time(X509_get0_notBefore(certificate), detail, sizeof detail);
        snprintf(t->sentence, sizeof t->sentence, "the certificate is not valid before %s", detail);
        break;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_CERT_UNTRUSTED:
        t->why = PTN_ERR_CERT_CA;
        X509_NAME_oneline(X509_get_issuer_name(certificate), detail, sizeof detail);
        snprintf(t->sentence, sizeof t->sentence,
                 "the certificate was signed by %s, which is no CA trusted here", detail);
        break;
    default:
        t->why = PTN_ERR_NOT_TRUSTED;
        snprintf(t->sentence, sizeof t->sentence, "the certificate was not accepted: %s",
                 X509_verify_cert_error_string(code));
    }
}

static int look_at_certificate(int fine, X509_STORE_CTX *store)
{
    const SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct ptn_tls *t = SSL_get_app_data(ssl);

    if (!fine)
        explain(t, X509_STORE_CTX_get_error(store), X509_STORE_CTX_get_current_cert(store));
    return fine;
}

/* ---- a stream ---- */

static struct ptn_tls *stream_new(const struct ptn_tls_rules *r)
{
    struct ptn_tls *t = calloc(1, sizeof *t);

    if (!t)
        return NULL;
    t->ssl = SSL_new(r->ctx);
    t->early = BIO_new(BIO_s_mem());
    BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
    if (!t->ssl || !t->early || !in || !out) {
        BIO_free(in);
        BIO_free(out);
        ptn_tls_free(t);
        return NULL;
    }
    /* Empty means "later", not "over". */
    BIO_set_mem_eof_return(in, -1);
    BIO_set_mem_eof_return(out, -1);
    t->in = in;
    t->out = out;
    SSL_set_bio(t->ssl, in, out);
    SSL_set_app_data(t->ssl, t);
    return t;
}

struct ptn_tls *ptn_tls_connect(const struct ptn_tls_rules *r, const char *name)
{
    struct ptn_tls *t = stream_new(r);
    struct ptn_addr addr;
    bool fine = true;

    if (!t)
        return NULL;
    snprintf(t->name, sizeof t->name, "%s", name);
    SSL_set_connect_state(t->ssl);
    SSL_set_verify(t->ssl, r->trust_anyone ? SSL_VERIFY_NONE : SSL_VERIFY_PEER,
                   r->trust_anyone ? NULL : look_at_certificate);
    bool by_addr = ptn_addr_parse(name, &addr);
    if (!by_addr)
        fine = SSL_set_tlsext_host_name(t->ssl, t->name) == 1;
    if (fine && !r->any_name) {
        X509_VERIFY_PARAM *param = SSL_get0_param(t->ssl);
        SSL_set_hostflags(t->ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        fine = by_addr ? X509_VERIFY_PARAM_set1_ip(param, addr.ip,
                                                   addr.family == PTN_IPV4 ? 4 : 16) == 1
                       : SSL_set1_host(t->ssl, name) == 1;
    }
    if (!fine) {
        ptn_tls_free(t);
        return NULL;
    }
    return t;
}

struct ptn_tls *ptn_tls_accept(const struct ptn_tls_rules *r)
{
    struct ptn_tls *t = stream_new(r);

    if (t)
        SSL_set_accept_state(t->ssl);
    return t;
}

void ptn_tls_free(struct ptn_tls *t)
{
    if (!t)
        return;
    SSL_free(t->ssl);
    BIO_free(t->early);
    free(t);
}

/* The far end's alerts about certificates: ours was missing, or not to its liking. */
static bool is_about_certificates(int reason)
{
    switch (reason) {
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
    case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED: return true;
    default: return false;
    }
}

static enum ptn_tls_state state_after(struct ptn_tls *t, int result, enum ptn_tls_state later)
{
    switch (SSL_get_error(t->ssl, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE: return later;
    case SSL_ERROR_ZERO_RETURN: return PTN_TLS_ENDED;
    default: break;
    }
    if (t->why == PTN_OK) {
        t->why = is_about_certificates(ERR_GET_REASON(ERR_peek_error())) ? PTN_ERR_NOT_TRUSTED
                                                                         : PTN_ERR_UNSUPPORTED;
        snprintf(t->sentence, sizeof t->sentence, "%s", words_of_error());
    }
    return PTN_TLS_FAILED;
}

static bool say_what_waits(struct ptn_tls *t)
{
    char *data;
    long size = BIO_get_mem_data(t->early, &data);

    if (size > 0 && SSL_write(t->ssl, data, (int)size) != (int)size)
        return false;
    BIO_reset(t->early);
    return true;
}

enum ptn_tls_state ptn_tls_input(struct ptn_tls *t, struct ptn_bytes bytes)
{
    ERR_clear_error();
    if (bytes.size > 0)
        BIO_write(t->in, bytes.data, (int)bytes.size);
    if (SSL_is_init_finished(t->ssl))
        return PTN_TLS_UP;
    int result = SSL_do_handshake(t->ssl);
    if (result != 1)
        return state_after(t, result, PTN_TLS_SHAKING);
    return say_what_waits(t) ? PTN_TLS_UP : state_after(t, -1, PTN_TLS_FAILED);
}

bool ptn_tls_is_up(const struct ptn_tls *t)
{
    return SSL_is_init_finished(t->ssl);
}

enum ptn_tls_state ptn_tls_read(struct ptn_tls *t, void *buf, size_t size, size_t *got)
{
    *got = 0;
    ERR_clear_error();
    int result = SSL_read_ex(t->ssl, buf, size, got);
    return result == 1 ? PTN_TLS_UP : state_after(t, result, PTN_TLS_UP);
}

enum ptn_err ptn_tls_write(struct ptn_tls *t, struct ptn_bytes bytes)
{
    if (bytes.size == 0)
        return PTN_OK;
    ERR_clear_error();
    if (!SSL_is_init_finished(t->ssl))
        return BIO_write(t->early, bytes.data, (int)bytes.size) == (int)bytes.size
                   ? PTN_OK
                   : PTN_ERR_NO_MEMORY;
    return SSL_write(t->ssl, bytes.data, (int)bytes.size) == (int)bytes.size ? PTN_OK
                                                                             : PTN_ERR_RESET;
}

void ptn_tls_end(struct ptn_tls *t)
{
    ERR_clear_error();
    if (SSL_is_init_finished(t->ssl))
        SSL_shutdown(t->ssl);
}

struct ptn_bytes ptn_tls_output(struct ptn_tls *t)
{
    char *data;
    long size = BIO_get_mem_data(t->out, &data);

    return ptn_bytes(data, size > 0 ? (size_t)size : 0);
}

void ptn_tls_sent(struct ptn_tls *t)
{
    BIO_reset(t->out);
}

enum ptn_err ptn_tls_why(const struct ptn_tls *t)
{
    return t->why;
}

const char *ptn_tls_sentence(const struct ptn_tls *t)
{
    return t->sentence;
}
