/*
 * server/worker.h - one relay on one thread, with sockets of its own; and the crew of all of them.
 *
 * Workers share nothing that packets touch: each has its sockets on the same ports, among
 * which the kernel spreads the clients. What landed at the wrong one goes by letter. The main
 * thread asks workers for something by a call, which the worker runs between two packets.
 */
#ifndef PTN_SERVER_WORKER_H
#define PTN_SERVER_WORKER_H

#include "base/log.h"
#include "dtls.h"
#include "os/host.h"
#include "os/mailbox.h"
#include "relay/relay.h"
#include "sockets.h"

enum { SERVER_DURATIONS = 8 };

struct server_worker;

struct server_crew {
    struct server_worker *workers[PTN_RELAY_WORKERS_MAX];
    unsigned count;
    struct ptn_mailbox *main; /* letters to the main thread */
};

/* Letters to the main thread. */
enum server_letter {
    SERVER_LETTER_USER_WANTED, /* from a worker: the name, a zero byte, the realm */
};

struct server_worker_opts {
    unsigned number;
    struct server_crew *crew;           /* borrowed, as the others */
    const struct ptn_relay_opts *relay; /* for the time of the call */
    const struct ptn_log *log;          /* copied */
    const struct ptn_tls_rules *tls;    /* NULL: none */
    struct ptn_dtls_rules *dtls;        /* taken; NULL: none */
};

/* Everything but its thread. */
enum ptn_err server_worker_new(const struct server_worker_opts *opts, struct server_worker **out);
void server_worker_free(struct server_worker *w);

/* Opens all listeners and says how that went. */
void server_worker_open(struct server_worker *w, unsigned *listening, unsigned *not_listening);

/* Its thread begins. */
enum ptn_err server_worker_start(struct server_worker *w);

/* Its thread ends; returns when it has. */
void server_worker_stop(struct server_worker *w);

/* Runs `run` on the worker's thread and waits for it (when it has none, at once). */
void server_worker_call(struct server_worker *w, void (*run)(struct server_worker *w, void *arg),
                        void *arg);

/* Where letters to it go. */
struct ptn_mailbox *server_worker_mailbox(struct server_worker *w);

/* ---- inside a call ---- */

struct ptn_relay *server_worker_relay(struct server_worker *w);
void server_worker_set_log(struct server_worker *w, enum ptn_log_level max);
void server_worker_set_tls(struct server_worker *w, const struct ptn_tls_rules *tls,
                           struct ptn_dtls_rules *dtls);

/* What a worker has counted; sums when added up. */
struct server_counts {
    uint64_t verdicts[PTN_RELAY_VERDICTS];
    struct ptn_relay_now now;
    struct server_sockets_counts sockets;
    struct server_dtls_counts dtls;
    struct ptn_host_counts host;
    uint64_t
        durations[SERVER_DURATIONS + 1]; /* of allocations, by server_durations_s; and longer */
    uint64_t duration_sum_s;
    uint64_t private_relayed; /* a public client got a private relayed address */
    uint64_t mail_lost;
};

extern const uint32_t server_durations_s[SERVER_DURATIONS];

void server_worker_add_counts(const struct server_worker *w, struct server_counts *sum);

#endif
