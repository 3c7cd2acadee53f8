/*
 * tests/support/registrar.h - a small SIP registrar and proxy for the simulator, as a machine.
 *
 * Does what Kamailio does in the lab with NAT help switched off: digest for REGISTER and,
 * if asked for, for calls; Record-Route; answers go back to where a request came from
 * (rport), requests to where the Contact says. It keeps no transactions: what is
 * repeated to it is repeated by it. Over TCP and TLS it speaks on the connections that phones made.
 *
 * RFC 3261 §10.3, §16.11 (stateless proxy), §22; RFC 3581.
 */
#ifndef PTN_TEST_REGISTRAR_H
#define PTN_TEST_REGISTRAR_H

#include "base/dice.h"
#include "base/effect.h"
#include "crypto/crypto.h"

enum { REGISTRAR_LOCALS_MAX = 4, REGISTRAR_CONTACT_MAX = 256 };

struct registrar_user {
    const char *name, *password;
};

struct registrar_opts {
    struct ptn_addr locals[REGISTRAR_LOCALS_MAX]; /* UDP and TCP are served on each */
    unsigned local_count;
    bool tls;           /* and TLS, on the next port */
    const char *domain; /* also the realm */
    const struct registrar_user *users;
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
struct registrar_binding {
    char contact[REGISTRAR_CONTACT_MAX]; /* the URI as it was said */
    struct ptn_addr source;              /* where the REGISTER came from */
    ptn_id socket;                       /* and by which socket or connection */
    enum ptn_transport transport;
    ptn_time until;
};

enum registrar_what {
    REGISTRAR_REGISTERED, /* 200 to a REGISTER that binds, first or again */
    REGISTRAR_DOUBLED,    /* REGISTERs that would have bound a second contact */
    REGISTRAR_UNREGISTERED,
    REGISTRAR_CHALLENGED, /* 401 or 407 */
    REGISTRAR_FORWARDED,  /* requests and responses */
    REGISTRAR_REFUSED,    /* requests answered with another 4xx */
    REGISTRAR_DROPPED,    /* unreadable, or nobody to send it to */
    REGISTRAR_CONNECTED,  /* connections made to it */
    REGISTRAR_PINGED,     /* pings on them */
    REGISTRAR_WHATS,
};

struct registrar;

/* Copies `opts`, not what it points to. */
struct registrar *registrar_new(const struct registrar_opts *opts);
void registrar_free(struct registrar *r);
struct ptn_machine registrar_machine(struct registrar *r);

/* It has died and this is its successor, which found the bindings on disk. */
void registrar_inherit(struct registrar *r, const struct registrar *from);

/* Other users, or other passwords, from now on; at most as many as before. Not copied. */
void registrar_set_users(struct registrar *r, const struct registrar_user *users, unsigned count);

/* NULL when the user is not registered at `now`. */
const struct registrar_binding *registrar_binding(const struct registrar *r, const char *user,
                                                  ptn_time now);
/* The address in what he is bound to; none: he is not registered, or a name. */
struct ptn_addr registrar_contact(const struct registrar *r, const char *user, ptn_time now);
unsigned registrar_count(const struct registrar *r, enum registrar_what what);

#endif
