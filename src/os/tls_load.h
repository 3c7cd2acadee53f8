/*
 * os/tls_load.h - what os/tls and os/dtls share: our certificate and its key.
 */
#ifndef PTN_OS_TLS_LOAD_H
#define PTN_OS_TLS_LOAD_H

#include <openssl/ssl.h>

#include "os/tls.h"

/* None when none is named. On an error `sentence` says which file is wrong and why. */
enum ptn_err ptn_tls_load_certificate(SSL_CTX *ctx, const struct ptn_tls_opts *o,
                                      char sentence[static PTN_TLS_SENTENCE_SIZE]);

#endif
