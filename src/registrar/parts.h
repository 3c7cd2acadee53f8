/*
 * registrar/parts.h - what this room's files know of each other: the state, who is admitted, and
 * the rewriting of messages that pass through.
 */
#ifndef PTN_REGISTRAR_PARTS_H
#define PTN_REGISTRAR_PARTS_H

#include "registrar/registrar.h"
#include "sip/msg.h"
#include "sip/stream.h"

enum { CONNECTIONS_MAX = 64, USERS_MAX = 32, NONCES_MAX = 64, ASKS_MAX = 64, TAG_SIZE = 17 };

struct connection {
    ptn_id id;
    enum ptn_transport transport;
    struct ptn_addr local, far;
    struct ptn_sip_stream stream;
};

struct nonce {
    char text[33];
    ptn_time issued;
};

struct pending {
    struct ptn_ask ask;
    uint8_t *bytes;
};

struct ptn_registrar {
    struct ptn_registrar_opts opts;
    struct ptn_crypto *crypto;
    struct ptn_registrar_binding bindings[USERS_MAX]; /* as opts.users; "" is none */
    struct connection connections[CONNECTIONS_MAX];
    struct nonce nonces[NONCES_MAX];
    unsigned next_nonce;
    struct pending asks[ASKS_MAX];
    unsigned ask_first, ask_count;
    uint8_t *given; /* bytes of the ask last given out */
    unsigned counts[PTN_REGISTRAR_WHATS];
};

/* Where a message leaves, or how we call ourselves towards somebody. */
struct hop {
    ptn_id socket; /* UDP socket or connection */
    enum ptn_transport transport;
    struct ptn_addr local, to;
};

/* A request on its way through: what of it changes. */
struct passage {
    struct pl uri; /* the Request-URI from now on */
    const struct hop *in, *out;
    bool record_route;
};

/* registrar.c: an answer of our own; `contact` and `headers` may be NULL. */
void ptn_registrar_respond(struct ptn_registrar *r, const struct hop *back,
                           const struct ptn_sip_in *in, unsigned status, const char *contact,
                           const char *headers);

/* access.c: the row of a user, or user_count. */
unsigned ptn_registrar_user_row(const struct ptn_registrar *r, const struct pl *user);

/* True when the request may go on; else it has been answered. `proxy`: it is a call, not a
 * REGISTER. */
bool ptn_registrar_admit(struct ptn_registrar *r, ptn_time now, const struct hop *back,
                         const struct ptn_sip_in *in, bool proxy);

/* pass.c */

/* Is the topmost Route entry, or a URI, one of ours? */
bool ptn_registrar_is_ours(const struct ptn_registrar_opts *opts, struct pl uri);

/* The URI of the first Route entry that is not ours; empty when there is none. */
struct pl ptn_registrar_next_route(const struct ptn_registrar_opts *opts,
                                   const struct ptn_sip_in *in);

/* The numeric address of a URI, port 5060 where none is said; false for names. */
bool ptn_registrar_uri_addr(struct pl uri, struct ptn_addr *addr);

/* `bytes` are the message as it came, `in` libre's view of it. */
void ptn_registrar_write_request(struct ptn_writer *w, const struct ptn_registrar_opts *opts,
                                 struct ptn_bytes bytes, const struct ptn_sip_in *in,
                                 const struct passage *p);

/* The same without its topmost Via; false when that is not ours. */
bool ptn_registrar_write_response(struct ptn_writer *w, const struct ptn_registrar_opts *opts,
                                  struct ptn_bytes bytes);

#endif
