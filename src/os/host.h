/*
 * os/host.h - runs machines on the kernel: the one that answers base/effect.h for real.
 *
 * A machine's ids become sockets, its asks system calls, and what the kernel
 * says becomes its tells. Any number of machines share one host and one loop;
 * each has ids of its own. Datagrams come and leave in batches, a machine being
 * asked for its outputs after each one, so that it needs room for one answer.
 *
 *   ptn_host_add(host, now, &machine, &index);
 *   for (;;) {
 *       ptn_host_run(host, now);       ticks, outputs
 *       ... take events from the machines, talk to them, and run again if so ...
 *       n = ptn_loop_wait(loop, ptn_host_deadline(host, now), ready, READY_MAX);
 *       ... ptn_host_ready() for each that is the host's ...
 *   }
 *
 * TLS is asked for like TCP. A connection is OPENED or ACCEPTED when hands are shaken and
 * the certificate has been found good; why not is FAILED's PTN_ERR_NOT_TRUSTED or one of
 * its kin, and in words in the log. Without rules for TLS it is PTN_ERR_UNSUPPORTED.
 *
 * Accepted connections get ids from PTN_ID_WORLD to PTN_HOST_ACCEPTED_MAX; those above are the
 * owner's, if he accepts something himself.
 */
#ifndef PTN_OS_HOST_H
#define PTN_OS_HOST_H

#include "base/effect.h"
#include "base/log.h"
#include "os/loop.h"
#include "os/tls.h"

#define PTN_HOST_ACCEPTED_MAX 0xbfffffffu

struct ptn_host;

struct ptn_host_opts {
    struct ptn_loop *loop;     /* borrowed */
    uint8_t owner;             /* on the loop */
    const struct ptn_log *log; /* borrowed, may be NULL */
    const char *name_servers;  /* NULL: the system's; else "address:port,…" */
    uint32_t sockets_max;      /* sockets, connections and open questions of all machines */
    uint32_t machines_max;
    size_t stream_queue_max;         /* bytes a connection may owe its far end; more ends it */
    const struct ptn_tls_rules *tls; /* borrowed; NULL: no TLS */

    uint32_t shaking_max; /* callers who shake hands at a time; 0: any number. Of the address that
                             has the most of them the oldest makes room for one more */
    bool streams_only;    /* for a server's worker: nothing is resolved, nobody told of ADDRESSES */
    ptn_id joins_max;     /* listeners up to this id join those of other hosts on the same ports */
};

struct ptn_host_counts {
    uint64_t datagrams_in, datagrams_out;
    uint64_t datagrams_dropped;        /* the kernel had no room */
    uint64_t datagrams_refused;        /* no route, not allowed, or no such socket */
    uint64_t accepted, accept_refused; /* the latter: sockets_max reached */
    uint64_t handshakes_failed;        /* of those who connected to us */
    uint64_t handshakes_crowded;       /* of these, given up to make room */
};

enum ptn_err ptn_host_new(const struct ptn_host_opts *opts, struct ptn_host **out);

/* Closes everything; the machines stay their owner's. */
void ptn_host_free(struct ptn_host *h);

/* From now on the machine is driven. It is told the ADDRESSES at once, and whenever they change.
 * PTN_ERR_NO_ROOM when machines_max are there. */
enum ptn_err ptn_host_add(struct ptn_host *h, ptn_time now, const struct ptn_machine *machine,
                          uint32_t *index);

/* Closes all its sockets, without telling it; what it asked to be sent before, is. */
void ptn_host_remove(struct ptn_host *h, ptn_time now, uint32_t index);

/* Does now what a machine asks that its owner drives himself. */
void ptn_host_ask(struct ptn_host *h, ptn_time now, uint32_t index, const struct ptn_ask *ask);

/* How many bytes a connection owes its far end. */
size_t ptn_host_owed(const struct ptn_host *h, uint32_t index, ptn_id id);

/* Reads no more from `id` until `slow` owes nothing or is gone: for a machine that only passes
 * bytes on from one to the other. */
void ptn_host_hold(struct ptn_host *h, uint32_t index, ptn_id id, ptn_id slow);

/* Reads no more from a stream before `until`, and then at most `read_max` bytes at a time; 0: any
 * number. What was said before is forgotten. */
struct ptn_host_pace {
    ptn_time until;
    size_t read_max;
};
void ptn_host_pace(struct ptn_host *h, ptn_time now, uint32_t index, ptn_id id,
                   const struct ptn_host_pace *pace);

/* An accepted connection on its way to another host, which may be another thread's. */
struct ptn_host_stream {
    int fd;
    enum ptn_transport transport;
    struct ptn_addr local, far;
    struct ptn_tls *tls;
    uint8_t *out;
    size_t out_size;
};

/* Takes it out, without telling the machine. False: there is no such stream. */
bool ptn_host_give(struct ptn_host *h, uint32_t index, ptn_id id, struct ptn_host_stream *stream);

/* Puts it in, telling ACCEPTED; answers its id here. 0: there was no room, and it is closed. */
ptn_id ptn_host_adopt(struct ptn_host *h, ptn_time now, uint32_t index, ptn_id listener,
                      struct ptn_host_stream *stream);

/* One that nobody will adopt. */
void ptn_host_stream_close(struct ptn_host_stream *stream);

/* Whoever connects from now on meets these rules; those who are there keep theirs. */
void ptn_host_set_tls(struct ptn_host *h, const struct ptn_tls_rules *tls);

void ptn_host_ready(struct ptn_host *h, ptn_time now, const struct ptn_ready *ready);

/* Ticks all machines and does what they ask, until none asks for more. */
void ptn_host_run(struct ptn_host *h, ptn_time now);

ptn_time ptn_host_deadline(struct ptn_host *h, ptn_time now);

/* Connections that were asked to close and still owe bytes: a program that ends waits for 0. */
uint32_t ptn_host_closing(const struct ptn_host *h);

const struct ptn_host_counts *ptn_host_counts(const struct ptn_host *h);

#endif
