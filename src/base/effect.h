/*
 * base/effect.h - what a machine asks of the world, and what the world tells it.
 *
 * A machine owns no socket and no clock. It asks for them here, by ids that it
 * chooses; the world (os with a kernel, sim without one) answers by the same
 * ids. Every machine is driven in one order: any number of inputs, a tick, then
 * outputs until there is none, events until there is none, and one deadline.
 *
 * Bytes, names and records are borrowed: those in an ask until the next call
 * into the machine, those in a tell until input() returns.
 */
#ifndef PTN_BASE_EFFECT_H
#define PTN_BASE_EFFECT_H

#include "base/addr.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/time.h"

/* A socket, listener, connection or query of one machine; 0 is none. The machine
 * chooses below PTN_ID_WORLD, the world above it (accepted connections). */
typedef uint32_t ptn_id;
#define PTN_ID_WORLD 0x80000000u

enum ptn_dns_type {
    PTN_DNS_A = 1 << 0,
    PTN_DNS_AAAA = 1 << 1,
    PTN_DNS_SRV = 1 << 2,
    PTN_DNS_NAPTR = 1 << 3,
};

struct ptn_dns_record {
    enum ptn_dns_type type;
    uint32_t ttl_s;
    struct ptn_addr addr;        /* A, AAAA; port 0 */
    uint16_t priority, weight;   /* SRV; NAPTR: order, preference */
    uint16_t port;               /* SRV */
    const char *target;          /* SRV target, NAPTR replacement; no final dot */
    const char *flags, *service; /* NAPTR */
};

enum ptn_ask_kind {
    PTN_ASK_DATAGRAM, /* id, to, bytes */
    PTN_ASK_STREAM,   /* id, bytes: in order, kept by the world until sent */
    PTN_ASK_OPEN,     /* id, local: a UDP socket; port 0 is any. Answered OPENED or FAILED */
    PTN_ASK_LISTEN,   /* id, transport, local. Answered OPENED or FAILED */
    PTN_ASK_CONNECT,  /* id, transport, local (port 0 is any), to, name. OPENED or FAILED */
    PTN_ASK_CLOSE,    /* id: what was asked before is still sent; never answered */
    PTN_ASK_RESOLVE,  /* id, name, types. Answered RESOLVED or FAILED, once */
};

struct ptn_ask {
    enum ptn_ask_kind kind;
    ptn_id id;
    enum ptn_transport transport;
    struct ptn_addr local; /* never 0.0.0.0 or :: with OPEN */
    struct ptn_addr to;
    struct ptn_bytes bytes;
    const char *name; /* RESOLVE: what; CONNECT with TLS: the name the certificate must hold */
    unsigned types;   /* RESOLVE: enum ptn_dns_type, or'ed */
    uint8_t dscp;     /* OPEN, CONNECT, LISTEN (for whoever is accepted): 0 to 63 */
};

enum ptn_tell_kind {
    PTN_TELL_DATAGRAM,   /* id, from, bytes */
    PTN_TELL_STREAM,     /* id, bytes */
    PTN_TELL_OPENED,     /* id, local with its real port; CONNECT: connected, TLS verified */
    PTN_TELL_ACCEPTED,   /* id (new, above PTN_ID_WORLD), listener, transport, local, from */
    PTN_TELL_FAILED,     /* id, why; the id is free again */
    PTN_TELL_CLOSED,     /* id, why (PTN_OK: the far end was done); the id is free again */
    PTN_TELL_RESOLVED,   /* id, records: possibly none, which means "no such record"; then `why` is
                            PTN_OK, or PTN_ERR_NO_SUCH_NAME when nothing has this name */
    PTN_TELL_ICMP_ERROR, /* id, from: the far end a datagram did not reach, why */
    PTN_TELL_ADDRESSES,  /* addrs: all addresses of this host's interfaces, now */
};

struct ptn_tell {
    enum ptn_tell_kind kind;
    ptn_id id;
    ptn_id listener;
    enum ptn_transport transport;
    struct ptn_addr local;
    struct ptn_addr from;
    struct ptn_bytes bytes;
    enum ptn_err why;
    const struct ptn_dns_record *records;
    size_t record_count;
    const struct ptn_addr *addrs; /* port 0 */
    size_t addr_count;
};

/* A machine as its host sees it; events go to its owner, not through here. */
struct ptn_machine {
    void *self;
    void (*input)(void *self, ptn_time now, const struct ptn_tell *tell);
    void (*tick)(void *self, ptn_time now);
    bool (*output)(void *self, ptn_time now, struct ptn_ask *ask);
    ptn_time (*deadline)(const void *self);
};

#endif
