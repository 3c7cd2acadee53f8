/*
 * os/udp.h - datagram sockets, many datagrams to a system call.
 *
 * A batch in and a batch out are allocated once; between them a datagram costs
 * no allocation and, in a busy moment, a small part of a system call.
 */
#ifndef PTN_OS_UDP_H
#define PTN_OS_UDP_H

#include <stdbool.h>

#include "base/addr.h"
#include "base/bytes.h"
#include "base/err.h"

enum { PTN_UDP_BATCH_MAX = 64, PTN_UDP_HEADROOM = 64 };

/* A non-blocking socket bound to `local`, one address and never 0.0.0.0 or ::; port 0 is any. Its
 * ICMP errors are kept for ptn_udp_error(). `bound` gets the real port. */
enum ptn_err ptn_udp_open(const struct ptn_addr *local, uint8_t dscp, int *fd,
                          struct ptn_addr *bound);

/* The same for a server: with as much room for bursts as the kernel grants, and `shared` among
 * sockets of one program, over which the kernel spreads the senders. A port that another program
 * serves is PTN_ERR_IN_USE for the first of them (the one that is not `joining`). */
enum ptn_err ptn_udp_serve(const struct ptn_addr *local, bool shared, bool joining, int *fd,
                           struct ptn_addr *bound);

/* A socket for one client's traffic with its peers. `local` holds the port; PTN_ERR_IN_USE is
 * ordinary. */
enum ptn_err ptn_udp_relay(const struct ptn_addr *local, int *fd, struct ptn_addr *bound);

enum ptn_family ptn_udp_family(int fd);

/* `whole`: what is too large for the path is lost and told of, not cut in pieces. */
void ptn_udp_set_whole(int fd, const struct ptn_addr *local, bool whole);

/* -- In ------------------------------------------------------------------------------ */

struct ptn_udp_in;

struct ptn_udp_in *ptn_udp_in_new(void);
void ptn_udp_in_free(struct ptn_udp_in *in);

/* Takes what has come, PTN_UDP_BATCH_MAX at most; answers how many. */
size_t ptn_udp_receive(int fd, struct ptn_udp_in *in);

/* The same into what is left behind the `first` ones, so that several sockets fill one batch.
 * `family` is the socket's. */
size_t ptn_udp_receive_more(int fd, enum ptn_family family, struct ptn_udp_in *in, size_t first);

/* The i-th of the last receive(). Bytes are borrowed until the next one; the PTN_UDP_HEADROOM
 * bytes before them are the borrower's too. */
struct ptn_bytes ptn_udp_in_bytes(const struct ptn_udp_in *in, size_t i);
struct ptn_addr ptn_udp_in_from(const struct ptn_udp_in *in, size_t i);
/* Both, written where they are wanted. */
void ptn_udp_in_get(const struct ptn_udp_in *in, size_t i, struct ptn_addr *from,
                    struct ptn_bytes *bytes);

/* The next ICMP error: `to` is the far end that was not reached. False when there is none. */
bool ptn_udp_error(int fd, struct ptn_addr *to, enum ptn_err *why);

/* -- Out ----------------------------------------------------------------------------- */

struct ptn_udp_out;

struct ptn_udp_out *ptn_udp_out_new(void);
void ptn_udp_out_free(struct ptn_udp_out *out);

/* Copies a datagram into the batch. False when there is no room: flush and try again, which
 * then has room for any datagram. `key` is the caller's, for failures. */
bool ptn_udp_out_add(struct ptn_udp_out *out, int fd, uint64_t key, const struct ptn_addr *to,
                     struct ptn_bytes bytes);

/* The same without a copy: the bytes must stay until the flush. Neighbours of one size to one far
 * end leave as one train, which the kernel or the card takes apart. */
bool ptn_udp_out_lend(struct ptn_udp_out *out, int fd, uint64_t key, const struct ptn_addr *to,
                      struct ptn_bytes bytes);

struct ptn_udp_failure {
    uint64_t key;
    struct ptn_addr to;
    enum ptn_err why;
};

struct ptn_udp_sent {
    size_t sent;
    size_t dropped; /* the kernel's buffer was full: lost, as on a full wire */
    size_t failure_count;
    struct ptn_udp_failure failures[PTN_UDP_BATCH_MAX]; /* refused at once: no route, not allowed */
};

/* Sends and empties the batch. */
void ptn_udp_out_flush(struct ptn_udp_out *out, struct ptn_udp_sent *sent);

#endif
