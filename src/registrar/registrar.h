/*
 * registrar/registrar.h - a small SIP registrar and proxy for the simulator, as a machine.
 *
 * Does what Kamailio does in the lab with NAT help switched off: digest for REGISTER and,
 * if asked for, for calls; Record-Route; answers go back to where a request came from
 * (rport), requests to where the Contact says. It keeps no transactions: what is
 * repeated to it is repeated by it. Over TCP and TLS it speaks on the connections that phones made.
 *
 * RFC 3261 §10.3, §16.11 (stateless proxy), §22; RFC 3581.
 */
#ifndef PTN_REGISTRAR_REGISTRAR_H
#define PTN_REGISTRAR_REGISTRAR_H

#include "base/dice.h"
#include "base/effect.h"
#include "crypto/crypto.h"

enum { PTN_REGISTRAR_LOCALS_MAX = 4, PTN_REGISTRAR_CONTACT_MAX = 256 };

struct ptn_registrar_user {
    const char *name, *password;
};

struct ptn_registrar_opts {
    struct ptn_addr locals[PTN_REGISTRAR_LOCALS_MAX]; /* UDP and TCP are served on each */
    unsigned local_count;
    bool tls;           /* and TLS, on the next port */
    const char *domain; /* also the realm */
    const struct ptn_registrar_user *users;
    unsigned user_count;
    enum ptn_digest algorithm;
    bool challenges_calls;   /* 407 to an INVITE without credentials */
    ptn_time nonce_lifetime; /* then a challenge says "stale"; 0: for ever */
    unsigned expires_max_s;  /* 0: 3600 */
    /* What boxes on the way do to its answers. */
    bool shows_any_port;    /* another rport each time */
    bool shows_any_contact; /* another address in the Contact of each 200 to REGISTER */
    struct ptn_dice dice;
};

/* Where a user can be reached. */
struct ptn_registrar_binding {
    char contact[PTN_REGISTRAR_CONTACT_MAX]; /* the URI as it was said */
    struct ptn_addr source;                  /* where the REGISTER came from */
    ptn_id socket;                           /* and by which socket or connection */
    enum ptn_transport transport;
    ptn_time until;
};

enum ptn_registrar_what {
    PTN_REGISTRAR_REGISTERED, /* 200 to a REGISTER that binds, first or again */
    PTN_REGISTRAR_DOUBLED,    /* REGISTERs that would have bound a second contact */
    PTN_REGISTRAR_UNREGISTERED,
    PTN_REGISTRAR_CHALLENGED, /* 401 or 407 */
    PTN_REGISTRAR_FORWARDED,  /* requests and responses */
    PTN_REGISTRAR_REFUSED,    /* requests answered with another 4xx */
    PTN_REGISTRAR_DROPPED,    /* unreadable, or nobody to send it to */
    PTN_REGISTRAR_CONNECTED,  /* connections made to it */
    PTN_REGISTRAR_PINGED,     /* pings on them */
    PTN_REGISTRAR_WHATS,
};

struct ptn_registrar;

/* Copies `opts`, not what it points to. NULL: no memory. */
struct ptn_registrar *ptn_registrar_new(const struct ptn_registrar_opts *opts);
void ptn_registrar_free(struct ptn_registrar *r);
struct ptn_machine ptn_registrar_machine(struct ptn_registrar *r);

/* It has died and this is its successor, which found the bindings on disk. */
void ptn_registrar_inherit(struct ptn_registrar *r, const struct ptn_registrar *from);

/* Other users, or other passwords, from now on; at most as many as before. Not copied. */
void ptn_registrar_set_users(struct ptn_registrar *r, const struct ptn_registrar_user *users,
                             unsigned count);

/* NULL when the user is not registered at `now`. */
const struct ptn_registrar_binding *ptn_registrar_binding(const struct ptn_registrar *r,
                                                          const char *user, ptn_time now);
/* The address in what he is bound to; none: he is not registered, or a name. */
struct ptn_addr ptn_registrar_contact(const struct ptn_registrar *r, const char *user,
                                      ptn_time now);
unsigned ptn_registrar_count(const struct ptn_registrar *r, enum ptn_registrar_what what);

#endif
