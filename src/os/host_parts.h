/*
 * os/host_parts.h - what host.c and its two halves, datagrams and streams, share.
 */
#ifndef PTN_OS_HOST_PARTS_H
#define PTN_OS_HOST_PARTS_H

#include "base/heap.h"
#include "os/host.h"
#include "os/resolver.h"
#include "os/slots.h"
#include "os/udp.h"

/* The key of the descriptor that says addresses have changed; above slots and resolver. */
#define PTN_HOST_NETIF_KEY (UINT64_C(1) << 52)

enum { PTN_HOST_READ_SIZE = 65536 };

struct ptn_host {
    struct ptn_host_opts opts;
    struct ptn_slots slots;
    struct ptn_heap waits; /* when to look again at slots that are CLOSING or SHAKING, or rest */
    uint32_t closing_count;
    uint32_t shaking_count; /* of those who connected to us */
    uint32_t crowd_key;
    struct ptn_machine *machines; /* self NULL: the place is free */
    bool *dirty;                  /* was told something, or asked something, since its last turn */
    struct ptn_resolver *resolver;
    struct ptn_udp_in *in;
    struct ptn_udp_out *out;
    unsigned held; /* datagrams in `out` */
    struct ptn_host_counts counts;
    ptn_id next_accepted;
    int netif;
    uint8_t read_buf[PTN_HOST_READ_SIZE];
};

/* -- host.c -------------------------------------------------------------------------- */

void ptn_host_tell(struct ptn_host *h, ptn_time now, uint32_t machine, const struct ptn_tell *tell);

/* Ticks the machine and does what it asks. */
void ptn_host_turn(struct ptn_host *h, ptn_time now, uint32_t machine);

/* Tells FAILED about an id that has no slot (any more). */
void ptn_host_tell_failed(struct ptn_host *h, ptn_time now, uint32_t machine, ptn_id id,
                          enum ptn_err why);

/* Closes the descriptor, frees the slot. */
void ptn_host_drop(struct ptn_host *h, struct ptn_slot *slot);

/* Watches the slot's descriptor for `what`. */
enum ptn_err ptn_host_watch(struct ptn_host *h, struct ptn_slot *slot, unsigned what);

/* -- host_udp.c ------------------------------------------------------------------------ */

void ptn_host_udp_open(struct ptn_host *h, ptn_time now, uint32_t machine,
                       const struct ptn_ask *ask);
void ptn_host_udp_send(struct ptn_host *h, ptn_time now, uint32_t machine,
                       const struct ptn_ask *ask);
void ptn_host_udp_ready(struct ptn_host *h, ptn_time now, struct ptn_slot *slot, unsigned what);
void ptn_host_udp_flush(struct ptn_host *h, ptn_time now);

/* -- host_tcp.c ------------------------------------------------------------------------ */

void ptn_host_tcp_listen(struct ptn_host *h, ptn_time now, uint32_t machine,
                         const struct ptn_ask *ask);
void ptn_host_tcp_connect(struct ptn_host *h, ptn_time now, uint32_t machine,
                          const struct ptn_ask *ask);
void ptn_host_tcp_send(struct ptn_host *h, ptn_time now, struct ptn_slot *slot,
                       struct ptn_bytes bytes);
void ptn_host_tcp_ready(struct ptn_host *h, ptn_time now, struct ptn_slot *slot, unsigned what);

/* Lets the machine's id go; the bytes it owes are still sent, for some seconds. */
void ptn_host_tcp_close(struct ptn_host *h, ptn_time now, struct ptn_slot *slot);

/* Looks again at a slot whose time has come: CLOSING, SHAKING, or a LISTENER or
 * STREAM that rests. */
void ptn_host_tcp_due(struct ptn_host *h, ptn_time now, struct ptn_slot *slot);

/* More for the far end. The caller ends the slot on an error. */
enum ptn_err ptn_host_tcp_owe(struct ptn_host *h, struct ptn_slot *slot, struct ptn_bytes bytes);

/* Writes of it what the kernel takes now; an error when the connection is no more. */
enum ptn_err ptn_host_tcp_write(struct ptn_slot *slot);

/* A slot with the next id of an accepted stream. NULL: all are taken. */
struct ptn_slot *ptn_host_take_accepted(struct ptn_host *h, uint32_t machine);

/* Waits for bytes and, as long as some are owed, for room. */
void ptn_host_tcp_watch(struct ptn_host *h, struct ptn_slot *slot);

/* A connection stands: tells so, the slot being a STREAM from now on. */
void ptn_host_tcp_up(struct ptn_host *h, ptn_time now, struct ptn_slot *slot);

/* Ends a stream and tells why; PTN_OK is an orderly end. */
void ptn_host_tcp_end(struct ptn_host *h, ptn_time now, struct ptn_slot *slot, enum ptn_err why);

/* -- host_move.c ----------------------------------------------------------------------- */

/* Reads again from the one that was held for the sake of `slot`. */
void ptn_host_unhold(struct ptn_host *h, struct ptn_slot *slot);

/* -- host_tls.c ------------------------------------------------------------------------ */

/* A TCP connection stands: begins to shake hands over it. */
void ptn_host_tls_begin(struct ptn_host *h, ptn_time now, struct ptn_slot *slot);

/* Bytes of the network have come. False: the slot is no stream any more. */
bool ptn_host_tls_input(struct ptn_host *h, ptn_time now, struct ptn_slot *slot,
                        struct ptn_bytes bytes);

/* What TLS has to say goes to what is owed. */
enum ptn_err ptn_host_tls_flush(struct ptn_host *h, struct ptn_slot *slot);

/* The handshake, or the connecting before it, has come to nothing; `words` NULL: says `why`. */
void ptn_host_tls_fail(struct ptn_host *h, ptn_time now, struct ptn_slot *slot, enum ptn_err why,
                       const char *words);

#endif
