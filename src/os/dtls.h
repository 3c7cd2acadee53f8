/*
 * os/dtls.h - DTLS 1.2 for those who come to us, as a filter between datagrams.
 *
 * Whoever knocks is first sent a cookie (RFC 6347 §4.2.1), made of his address and a secret
 * of this process: before it comes back nothing is kept of him, and he is sent no more
 * than a few dozen bytes. Knows no socket and no timer, like os/tls.h.
 */
#ifndef PTN_OS_DTLS_H
#define PTN_OS_DTLS_H

#include "base/addr.h"
#include "base/bytes.h"
#include "base/time.h"
#include "os/tls.h"

struct ptn_dtls_rules;

/* As ptn_tls_rules_new(); what is there of CAs is not looked at. */
enum ptn_err ptn_dtls_rules_new(const struct ptn_tls_opts *opts, struct ptn_dtls_rules **out,
                                char sentence[static PTN_TLS_SENTENCE_SIZE]);
void ptn_dtls_rules_free(struct ptn_dtls_rules *r);

/* ---- one far end ---- */

struct ptn_dtls;

/* A datagram of a stranger has come. Answers him, or NULL when he has yet to show that he is where
 * he says; `say` is then what he is to be sent, if anything: borrowed until the next call. */
struct ptn_dtls *ptn_dtls_knock(struct ptn_dtls_rules *r, const struct ptn_addr *from,
                                struct ptn_bytes datagram, struct ptn_bytes *say);

void ptn_dtls_free(struct ptn_dtls *d);

/* A datagram of his, borrowed until the reads that follow; no data: goes on by itself, once after
 * ptn_dtls_knock(). */
enum ptn_tls_state ptn_dtls_input(struct ptn_dtls *d, struct ptn_bytes datagram);
bool ptn_dtls_is_up(const struct ptn_dtls *d);

/* What one record said; 0 with UP: nothing more for now. */
enum ptn_tls_state ptn_dtls_read(struct ptn_dtls *d, void *buf, size_t size, size_t *got);

/* One record. PTN_ERR_NO_ROOM: it is too long for one. */
enum ptn_err ptn_dtls_write(struct ptn_dtls *d, struct ptn_bytes bytes);
void ptn_dtls_end(struct ptn_dtls *d);

/* The next datagram to be sent, borrowed until the next call of any kind; false: there is none. */
bool ptn_dtls_output(struct ptn_dtls *d, struct ptn_bytes *datagram);

/* How long until something has to be sent again; PTN_NEVER once hands are shaken. */
ptn_time ptn_dtls_patience(const struct ptn_dtls *d);
/* Sends it again. */
void ptn_dtls_again(struct ptn_dtls *d);

#endif
