/*
 * tests/support/registrar_parts.h - what the registrar's two files know of each other: the state,
 * and the rewriting of messages that pass through.
 */
#ifndef PTN_TEST_REGISTRAR_PARTS_H
#define PTN_TEST_REGISTRAR_PARTS_H

#include "sip/msg.h"
#include "sip/stream.h"
#include "support/registrar.h"

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

/* Is the topmost Route entry, or a URI, one of ours? */
bool registrar_is_ours(const struct registrar_opts *opts, struct pl uri);

/* The URI of the first Route entry that is not ours; empty when there is none. */
struct pl registrar_next_route(const struct registrar_opts *opts, const struct ptn_sip_in *in);

/* The numeric address of a URI, port 5060 where none is said; false for names. */
bool registrar_uri_addr(struct pl uri, struct ptn_addr *addr);

/* `bytes` are the message as it came, `in` libre's view of it. */
void registrar_write_request(struct ptn_writer *w, const struct registrar_opts *opts,
                             struct ptn_bytes bytes, const struct ptn_sip_in *in,
                             const struct passage *p);

/* The same without its topmost Via; false when that is not ours. */
bool registrar_write_response(struct ptn_writer *w, const struct registrar_opts *opts,
                              struct ptn_bytes bytes);

#endif
