/*
 * os/tls.h - TLS 1.2 and 1.3 as a filter between a stream's bytes and its machine's.
 *
 * Knows no socket: what the network brought goes in, what it is to be sent comes
 * out, and between them what the machine reads and writes. So a TLS stream owes,
 * waits and ends in the host as every other stream does.
 *
 * A far end we connect to must show a certificate that a trusted CA signed, that is
 * valid today and that holds the name we asked for: three things that can be wrong,
 * each said in a sentence of its own. Those who connect to us are shown our
 * certificate and asked for none.
 */
#ifndef PTN_OS_TLS_H
#define PTN_OS_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"

enum { PTN_TLS_SENTENCE_SIZE = 512 };

/* ---- whom we trust and who we are ---- */

struct ptn_tls_rules;

/* Texts may be NULL or empty: none. */
struct ptn_tls_opts {
    const char *ca_file;         /* PEM, one or many */
    const char *ca_dir;          /* its .pem, .crt and .cer files. Neither: the system's CAs */
    const char *certificate;     /* PEM, ours first, then those that lead to its CA */
    const char *key;             /* PEM; NULL: in the certificate's file */
    const char *key_password;    /* NULL: the key is not locked */
    const char *ciphers;         /* OpenSSL's list for TLS 1.2; NULL: its defaults */
    const char *clients_ca_file; /* PEM: who connects to us must show a certificate of these */
    bool only_1_3;               /* no TLS 1.2 */
    bool trust_anyone;           /* accept whatever is shown */
    bool any_name;               /* a trusted certificate of another name will do */
};

/* Reads all files. On an error `sentence` says which file is wrong and why. */
enum ptn_err ptn_tls_rules_new(const struct ptn_tls_opts *opts, struct ptn_tls_rules **out,
                               char sentence[static PTN_TLS_SENTENCE_SIZE]);

/* Streams that were begun go on. NULL is fine. */
void ptn_tls_rules_free(struct ptn_tls_rules *r);

/* Without one of our own nobody can connect to us. */
bool ptn_tls_rules_have_certificate(const struct ptn_tls_rules *r);

/* What our own certificate says. */
struct ptn_tls_shown {
    char names[200]; /* those it is for, or its subject when it lists none */
    char until[32];  /* "2026-12-01 10:00 UTC" */
    int64_t left_s;  /* until then; negative: it has expired */
};

/* False: there is none. */
bool ptn_tls_rules_shown(const struct ptn_tls_rules *r, struct ptn_tls_shown *out);

/* ---- one stream ---- */

struct ptn_tls;

/* Towards a server: `name` is the host name or address its certificate must hold. NULL: no
 * memory. */
struct ptn_tls *ptn_tls_connect(const struct ptn_tls_rules *r, const char *name);

/* For one who has connected to us. NULL: no memory. */
struct ptn_tls *ptn_tls_accept(const struct ptn_tls_rules *r);

void ptn_tls_free(struct ptn_tls *t);

enum ptn_tls_state {
    PTN_TLS_SHAKING, /* hands; more bytes are needed */
    PTN_TLS_UP,
    PTN_TLS_ENDED,  /* the far end is done */
    PTN_TLS_FAILED, /* ptn_tls_why(), ptn_tls_sentence() */
};

/* Bytes of the network; NULL data: none, which begins a connection. Goes as far as it can. */
enum ptn_tls_state ptn_tls_input(struct ptn_tls *t, struct ptn_bytes bytes);

bool ptn_tls_is_up(const struct ptn_tls *t);

/* What the far end has said, at most `size` bytes; 0 with UP: nothing more for now. */
enum ptn_tls_state ptn_tls_read(struct ptn_tls *t, void *buf, size_t size, size_t *got);

/* Says it as soon as the handshake is over. */
enum ptn_err ptn_tls_write(struct ptn_tls *t, struct ptn_bytes bytes);

/* Says goodbye, if hands were shaken. */
void ptn_tls_end(struct ptn_tls *t);

/* What is to be sent now, borrowed until the next call; ptn_tls_sent() takes it all away. */
struct ptn_bytes ptn_tls_output(struct ptn_tls *t);
void ptn_tls_sent(struct ptn_tls *t);

/* Of FAILED: NOT_TRUSTED or more closely why (either side), UNSUPPORTED (no common way to speak),
 * or RESET. */
enum ptn_err ptn_tls_why(const struct ptn_tls *t);
const char *ptn_tls_sentence(const struct ptn_tls *t);

#endif
