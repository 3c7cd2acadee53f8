/*
 * sip/transaction.h - the four transaction machines of RFC 3261 §17, as corrected by RFC 6026.
 *
 * Holds a state and two timers, no bytes: the owner keeps the last message and sends it
 * when told. Transports differ in one thing only, whether they lose messages.
 */
#ifndef PTN_SIP_TRANSACTION_H
#define PTN_SIP_TRANSACTION_H

#include <stdbool.h>

#include "base/time.h"

enum ptn_sip_txn_kind {
    PTN_SIP_CLIENT_INVITE, /* §17.1.1 */
    PTN_SIP_CLIENT_OTHER,  /* §17.1.2 */
    PTN_SIP_SERVER_INVITE, /* §17.2.1 */
    PTN_SIP_SERVER_OTHER,  /* §17.2.2 */
};

enum ptn_sip_txn_state {
    PTN_SIP_TXN_TRYING, /* "calling" of a client's INVITE */
    PTN_SIP_TXN_PROCEEDING,
    PTN_SIP_TXN_COMPLETED,
    PTN_SIP_TXN_ACCEPTED,  /* RFC 6026: a 2xx to INVITE was seen or sent */
    PTN_SIP_TXN_CONFIRMED, /* server: the ACK has come */
    PTN_SIP_TXN_TERMINATED,
};

/* What happens: from the wire, or from the transaction's user. */
enum ptn_sip_txn_what {
    PTN_SIP_TXN_1XX, /* client: received; server: the user sends it */
    PTN_SIP_TXN_2XX,
    PTN_SIP_TXN_3XX,     /* to 6xx */
    PTN_SIP_TXN_REQUEST, /* server: the same request once more */
    PTN_SIP_TXN_ACK,     /* server */
    PTN_SIP_TXN_REPEAT,  /* timers A, E, G; from tick() only */
    PTN_SIP_TXN_END,     /* timers B, D, F, H, I, J, K, L, M; from tick() only */
};

/* What the owner is to do, or'ed. */
enum ptn_sip_txn_do {
    PTN_SIP_TXN_NOTHING = 0,
    PTN_SIP_TXN_SEND = 1 << 0,     /* the request, or the last response, (again) */
    PTN_SIP_TXN_SEND_ACK = 1 << 1, /* client INVITE: ACK for a non-2xx, with the INVITE's branch */
    PTN_SIP_TXN_PASS = 1 << 2,     /* hand the message to the user */
    PTN_SIP_TXN_TIMEOUT = 1 << 3,  /* tell the user that nobody answered */
};

struct ptn_sip_txn_opts {
    ptn_time t1, t2, t4;
    bool reliable; /* TCP, TLS */
};

struct ptn_sip_txn {
    enum ptn_sip_txn_kind kind;
    enum ptn_sip_txn_state state;
    struct ptn_sip_txn_opts opts;
    ptn_time repeat_at, repeat_wait, end_at;
};

/* A client transaction answers SEND, a server one NOTHING. */
unsigned ptn_sip_txn_start(struct ptn_sip_txn *t, ptn_time now, enum ptn_sip_txn_kind kind,
                           const struct ptn_sip_txn_opts *opts);

/* What does not fit the state is absorbed: NOTHING. */
unsigned ptn_sip_txn_happens(struct ptn_sip_txn *t, ptn_time now, enum ptn_sip_txn_what what);

/* At most one timer a call: look at the deadline again afterwards. */
unsigned ptn_sip_txn_tick(struct ptn_sip_txn *t, ptn_time now);
ptn_time ptn_sip_txn_deadline(const struct ptn_sip_txn *t);

#endif
