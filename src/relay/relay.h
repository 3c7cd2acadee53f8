/*
 * relay/relay.h - the STUN and TURN server as a pure machine; one to a worker.
 *
 * A datagram in, at most one out, in the same call, with the id of the socket it
 * leaves by. Binding requests leave no trace. TURN keeps allocations in tables of
 * fixed size; no datagram costs an allocation of memory or a lock.
 *
 * One dialect is answered in kind: a request without cookie as RFC 3489 wants it, one
 * with it as RFC 8489 and, if asked for, RFC 5780 want it. TURN is RFC 8656 and 6062.
 *
 * Driven either through input(), tick(), output(), event() and deadline() as every
 * machine, or, for speed, datagrams through ptn_relay_batch(). A program does both: after a
 * batch it takes outputs and events until there is none.
 *
 * Ids. Listeners have those of the options. Sockets that the relay asks for have ids of
 * its own, PTN_RELAY_SOCKET_ID plus a small number that is used again later: the program can
 * index an array with it. Connections that were accepted have what the program gave them,
 * above PTN_ID_WORLD.
 *
 * Relay sockets. The relay keeps a small stock of them: it asks OPEN (or, for TCP, LISTEN) with
 * a relay address and a port that it drew, and is told OPENED or FAILED (then it draws
 * another; when the whole range is taken, Allocate is answered 508). Allocate takes one out of the
 * stock at once. An allocation that ends asks CLOSE.
 * What comes in by a relay socket goes into the batch as all other datagrams do.
 *
 * Connections. A listener of PTN_TCP, PTN_TLS or PTN_DTLS is told of by ACCEPTED once
 * hands are shaken. TCP and TLS: STREAM in, STREAM out. DTLS: each record is a datagram, in by
 * DATAGRAM or the batch with the connection's id as socket; an output whose socket is
 * above PTN_ID_WORLD is a record of that connection. A datagram for a client that came by TCP is
 * a STREAM in the queue, never in the batch's outputs.
 *
 * Many workers. Each has a relay with the same listeners, and a number. What landed at the
 * wrong one leaves as mail (ptn_relay_mail) for another worker's ptn_relay_post().
 */
#ifndef PTN_RELAY_RELAY_H
#define PTN_RELAY_RELAY_H

#include "base/dice.h"
#include "base/effect.h"
#include "relay/shared.h"

#define PTN_RELAY_LISTENERS_MAX 64
#define PTN_RELAY_WORKERS_MAX 256

#define PTN_RELAY_LISTENER_ID_MAX 0xffffu  /* ids of listeners are from 1 to this */
#define PTN_RELAY_SOCKET_ID 0x01000000u    /* plus less than relay_sockets_max */
#define PTN_RELAY_SOCKETS_MAX 0x00ffffffu  /* of one relay */
#define PTN_RELAY_PEER_CONN_ID 0x02000000u /* connections made to peers (RFC 6062) */

/*
 * A socket to serve on. UDP listeners of one family and one group, other than 0, stand in for each
 * other when a client asks for an answer from another address or port (RFC 5780 §3): a group is
 * complete with two addresses times two ports.
 */
struct ptn_relay_listener {
    ptn_id id;
    enum ptn_transport transport;
    struct ptn_addr local;
    struct ptn_addr announced; /* what the world calls it, behind a 1:1 NAT; none: as `local` */
    unsigned group;
};

/* Where relay sockets are opened. */
struct ptn_relay_address {
    struct ptn_addr local;     /* port 0 */
    struct ptn_addr announced; /* none: as `local` */
};

/* A user with a password, or with a key in its place (RFC 8489 §18.5.1) when `key` has bytes: 16
 * are the MD5 key and 32 the SHA-256 key. Names longer than PTN_RELAY_USER_BYTES are not taken. */
#define PTN_RELAY_USER_BYTES 254
struct ptn_relay_user {
    struct ptn_bytes name, password, key;
};

/* All addresses from `low` to `high` of one family; ports 0. */
struct ptn_relay_range {
    struct ptn_addr low, high;
};

/*
 * Peers (relay/policy.h says which are denied by default). A peer in `allowed` may be reached
 * whatever else is said, but for our own listening sockets and what is no host at all (multicast,
 * broadcast, unspecified); one in `denied` or by default denied may not. An IPv4 address hidden in
 * an IPv6 one must pass as what it hides, too.
 */
#define PTN_RELAY_GUARDED_MAX 4
struct ptn_relay_peers {
    const struct ptn_relay_range *allowed, *denied;
    size_t allowed_count, denied_count;
    const struct ptn_addr *guarded; /* with their ports: never, as our own listening sockets */
    size_t guarded_count;           /* at most PTN_RELAY_GUARDED_MAX */
    bool allow_multicast;           /* for a range in `allowed` only */
};

/* How many bytes more than came in are given away to whom has not shown that he gets them, in bytes
 * a second and as a burst, of one worker. 0 is the default, which serves 500 phones behind one
 * address that all wake at once, at ten times their usual rate. */
struct ptn_relay_budget {
    uint32_t address_rate, address_burst;
    uint32_t prefix_rate, prefix_burst;     /* IPv4 /24, IPv6 /56 */
    uint32_t change_rate, change_burst;     /* answers by another port or address; per address */
    uint32_t global_rate, global_burst;     /* of what exceeds 1.6 times the request, everybody's */
    uint32_t refusals_rate, refusals_burst; /* 401, 438 to strangers: in answers, everybody's */
    uint32_t lookups_rate, lookups_burst;   /* USER_WANTED: in names, per address */
};

#define PTN_RELAY_REALM_BYTES 127
#define PTN_RELAY_SECRETS_MAX 8
#define PTN_RELAY_SECRET_BYTES 256

struct ptn_relay_turn {
    const char *realm; /* at most PTN_RELAY_REALM_BYTES; NULL or "": there is no TURN */

    /* Who may. None of the three: nobody, and there is no TURN. Copied. */
    const struct ptn_relay_user *users;
    size_t user_count;
    const struct ptn_bytes *secrets; /* use-auth-secret: any of them makes a password */
    size_t secret_count;             /* at most SECRETS_MAX, each of at most SECRET_BYTES */
    bool ask_for_users;              /* USER_WANTED for names that are not among `users` */
    ptn_time user_kept;              /* how long an answer to USER_WANTED holds; 0: 60 s */

    struct ptn_bytes nonce_secret; /* the same in a fleet; empty: drawn from `dice` */
    ptn_time nonce_lifetime;       /* 0: 600 s */
    bool always_algorithms; /* offer SHA-256 in the first 401 over UDP too, though it is larger than
                               76 bytes then; over connections it is always offered */

    struct ptn_relay_address addresses[PTN_RELAY_ADDRESSES_MAX];
    size_t address_count;
    uint16_t port_min, port_max; /* 0: 49152, 65535 */
    struct ptn_relay_peers peers;

    /* Of this worker; memory is touched only as it comes into use. */
    uint32_t allocations_max; /* 0: there is no TURN */
    uint32_t permissions_max; /* 0: four an allocation */
    uint32_t channels_max;    /* 0: two an allocation */
    uint32_t peer_conns_max;  /* RFC 6062; 0: there are no TCP allocations */
    uint32_t stock;           /* free sockets of a family kept ready; 0: 128 */
    uint32_t stock_pairs;     /* pairs of an even and the next port, a family; 0: 4 */

    uint32_t user_quota;   /* allocations of a user, over all workers; 0: no limit */
    uint32_t total_quota;  /* of all; 0: no limit */
    uint32_t max_bps;      /* bytes a second of an allocation, each way; 0: no limit. Datagrams
                              above it are dropped, streams read more slowly (ptn_relay_pace) */
    uint64_t bps_capacity; /* sum of max_bps of all allocations; 0: no limit */

    uint32_t lifetime_default_s, lifetime_max_s;        /* 0: 600, 3600 */
    uint32_t permission_lifetime_s, channel_lifetime_s; /* 0: 300, 600 */
    bool dont_fragment; /* the program heeds ptn_relay_out.dont_fragment; else 420 */
};

struct ptn_relay_opts {
    struct ptn_relay_listener listeners[PTN_RELAY_LISTENERS_MAX];
    size_t listener_count;

    /* Grants CHANGE-REQUEST, RESPONSE-PORT and PADDING, and tells the other address. When false
     * they are unknown attributes; an empty CHANGE-REQUEST is always taken. */
    bool behaviour_discovery;

    /*
     * RESPONSE-ORIGIN and OTHER-ADDRESS: false, only with requests that hold one of RFC 5780's
     * attributes, so a plain request gets 32 bytes; true, always. Most discovery clients learn the
     * other address from a plain request, so a server meant for them needs true; one that merely
     * tells phones their address amplifies less with false.
     */
    bool always_extras;

    bool mapped_in_modern;    /* adds MAPPED-ADDRESS to modern answers */
    size_t connections_max;   /* TCP, TLS and DTLS; 0: none is accepted */
    ptn_time connection_idle; /* closed after this long without a request; 0: 60 s */

    struct ptn_dice dice; /* a zeroed one is seeded with 0: for simulations only */
    unsigned worker;      /* this one's number */
    unsigned workers;     /* how many there are; 0 is 1. Budgets are divided among them */
    struct ptn_relay_shared *shared; /* all workers' quotas; NULL: one of its own */
    bool no_budget;                  /* answers whatever comes */
    struct ptn_relay_budget budget;
    struct ptn_relay_turn turn;
};

/* What became of one message; counted. */
enum ptn_relay_verdict {
    /* Binding, answered. */
    PTN_RELAY_ANSWERED,          /* with the mapped address */
    PTN_RELAY_ANSWERED_LESS,     /* the same, without all that the budget did not allow for */
    PTN_RELAY_UNKNOWN_ATTRIBUTE, /* 420, for TURN as well */
    PTN_RELAY_BAD_REQUEST,       /* 400, for TURN as well */
    /* TURN, answered. */
    PTN_RELAY_GRANTED,
    PTN_RELAY_TRY_ALTERNATE,         /* 300 */
    PTN_RELAY_CHALLENGED,            /* 401 to a request without credentials */
    PTN_RELAY_UNAUTHENTICATED,       /* 401: no such user, or a wrong password */
    PTN_RELAY_FORBIDDEN,             /* 403: the peer is denied */
    PTN_RELAY_MISMATCH,              /* 437 */
    PTN_RELAY_STALE_NONCE,           /* 438 */
    PTN_RELAY_FAMILY_UNSUPPORTED,    /* 440 */
    PTN_RELAY_WRONG_CREDENTIALS,     /* 441 */
    PTN_RELAY_TRANSPORT_UNSUPPORTED, /* 442 */
    PTN_RELAY_PEER_FAMILY,           /* 443 */
    PTN_RELAY_CONN_EXISTS,           /* 446 */
    PTN_RELAY_CONN_FAILED,           /* 447 */
    PTN_RELAY_QUOTA,                 /* 486 */
    PTN_RELAY_UNDECIDED,             /* 500: who the user is could not be found out */
    PTN_RELAY_CAPACITY,              /* 508 */
    /* Data, relayed. */
    PTN_RELAY_UP,      /* client to peer */
    PTN_RELAY_DOWN,    /* peer to client */
    PTN_RELAY_WAITING, /* for a socket, a user to be looked up, a connection to be made, another
                          worker */
    /* Dropped. */
    PTN_RELAY_NOT_STUN,
    PTN_RELAY_MALFORMED,
    PTN_RELAY_BROKEN_FINGERPRINT,
    PTN_RELAY_INDICATION, /* Binding indications keep NATs open and want no answer */
    PTN_RELAY_RESPONSE,
    PTN_RELAY_UNKNOWN_METHOD,     /* TURN's too, when there is none */
    PTN_RELAY_OWN_ADDRESS,        /* from, or to be answered to, a socket of ours: two mirrors */
    PTN_RELAY_BAD_SOURCE,         /* port 0, no unicast address */
    PTN_RELAY_NO_ROOM,            /* the answer did not fit the buffer or queue given for it, or too
                                     many wait for a socket already */
    PTN_RELAY_CONNECTION_FULL,    /* a connection refused because connections_max are open */
    PTN_RELAY_CONNECTION_CROWDED, /* one without an allocation closed to make room, because its
                                     address has more of them than any other */
    PTN_RELAY_CONNECTION_IDLE,    /* a connection closed because nothing came */
    PTN_RELAY_OVER_BUDGET,        /* more would have been an amplifier */
    PTN_RELAY_NO_ALLOCATION,      /* ChannelData, an indication or peer's data for none */
    PTN_RELAY_NO_PERMISSION,      /* to or from a peer without one */
    PTN_RELAY_NO_CHANNEL,         /* ChannelData with a number that is not bound */
    PTN_RELAY_PEER_DENIED,        /* data for a peer that the policy denies */
    PTN_RELAY_OVER_BANDWIDTH,     /* above max_bps */
    PTN_RELAY_MISPLACED,          /* mail that cannot be delivered */
    PTN_RELAY_VERDICTS,
};

struct ptn_relay_in {
    ptn_id socket; /* a listener, a relay socket, or a DTLS connection */
    struct ptn_addr from;
    struct ptn_bytes bytes;
};

#define PTN_RELAY_ANSWER_MAX 1600 /* no answer to a client's request is larger */
#define PTN_RELAY_HEADROOM 64     /* relayed data grows by no more than this */

struct ptn_relay_out {
    uint8_t *buf; /* the caller's; PTN_RELAY_ANSWER_MAX, or the largest datagram and HEADROOM */
    size_t capacity;
    ptn_id socket; /* from here on filled in: a listener, a relay socket, or a DTLS connection */
    struct ptn_addr to;
    struct ptn_bytes bytes; /* in `buf`, or a part of the datagram that came in */
    bool dont_fragment;     /* the client asked for it (turn.dont_fragment) */
};

/* Why an allocation ended. */
enum ptn_relay_end {
    PTN_RELAY_END_EXPIRED,    /* the client did not refresh it */
    PTN_RELAY_END_RELEASED,   /* the client gave it back */
    PTN_RELAY_END_CONNECTION, /* the connection it came by is gone */
    PTN_RELAY_END_SOCKET,     /* its relay socket failed */
    PTN_RELAY_END_REVOKED,    /* by ptn_relay_revoke() */
    PTN_RELAY_ENDS,
};

enum ptn_relay_event_kind {
    PTN_RELAY_LISTENING,     /* listener, local with its real port */
    PTN_RELAY_NOT_LISTENING, /* listener, why: could not be opened, or was closed */
    PTN_RELAY_USER_WANTED,   /* name, realm: answer with ptn_relay_user_found() or _undecided() */
    PTN_RELAY_BEGUN,         /* name, client, transport, relayed, lifetime_s */
    PTN_RELAY_ENDED,         /* the same, end, and what went through */
};

struct ptn_relay_event {
    enum ptn_relay_event_kind kind;
    ptn_id listener;
    struct ptn_addr local;
    enum ptn_err why;

    struct ptn_bytes name, realm; /* borrowed until the next call into the relay */
    uint32_t number;              /* of the allocation, counted from the start */
    struct ptn_addr client;
    enum ptn_transport transport; /* between client and server */
    struct ptn_addr relayed[2];   /* as announced; the second may be none */
    bool relays_tcp;
    uint32_t lifetime_s; /* granted; ENDED: how long it lasted */
    enum ptn_relay_end end;
    uint64_t bytes_up, bytes_down, packets_up, packets_down;
};

/* How things stand; what has been counted since the beginning is in ptn_relay_count(). */
struct ptn_relay_now {
    uint32_t allocations, permissions, channels, connections, peer_conns, users;
    uint32_t stock; /* relay sockets that are ready */
    uint64_t begun; /* allocations ever */
    uint64_t ended[PTN_RELAY_ENDS];
    uint64_t bytes_up, bytes_down; /* relayed */
    uint64_t stock_failures;       /* relay sockets that could not be opened */
};

struct ptn_relay;

/* NULL when memory is short, or a name, secret or realm is longer than it may be. Copies `opts` and
 * all it refers to, but for `shared`. */
struct ptn_relay *ptn_relay_new(const struct ptn_relay_opts *opts);
void ptn_relay_free(struct ptn_relay *r);

/*
 * From now on with the switches, times, budgets, users, secrets, peers and quotas of `opts`.
 * Allocations live on; permissions whose peer is denied now are gone. Not looked at: listeners,
 * relay addresses, sizes of tables, realm, dice, worker numbers, nonce_secret when it is empty, and
 * whether there is TURN at all. False, with everything as it was, when there is no room for it.
 */
bool ptn_relay_change(struct ptn_relay *r, ptn_time now, const struct ptn_relay_opts *opts);

/* Asks the world to open all listeners. A program that opens them itself does not call it. */
void ptn_relay_start(struct ptn_relay *r);

/* What the wall clock says at `now`, in seconds since 1970: for nonces that a fleet shares and for
 * names that expire. Tell it at the start and now and then; until then it is 0 at `now` 0. */
void ptn_relay_set_wall(struct ptn_relay *r, ptn_time now, uint64_t unix_s);

/* No new allocations: authenticated Allocate requests get 300 with the alternate server, if there
 * is one, else 508. What runs goes on. */
void ptn_relay_drain(struct ptn_relay *r, bool on);

/* Where new allocations are to be made, told to clients by UDP and TCP and to those by TLS and
 * DTLS, who need another port; none: here. Clients of the other family are not told. */
struct ptn_relay_alternate {
    struct ptn_addr plain, tls;
};

/* NULL: here. */
void ptn_relay_divert(struct ptn_relay *r, const struct ptn_relay_alternate *to);

/* Ends all allocations of a user. */
void ptn_relay_revoke(struct ptn_relay *r, ptn_time now, struct ptn_bytes name);

/* An answer to USER_WANTED: it cannot be found out now. Whom the program has found before is taken
 * to be as he was, and asked for again soon; others are answered 500. */
void ptn_relay_user_undecided(struct ptn_relay *r, ptn_time now, struct ptn_bytes name);

/* The answer to USER_WANTED; with neither password nor key there is no such user. What waited for
 * it is answered through output(). */
void ptn_relay_user_found(struct ptn_relay *r, ptn_time now, const struct ptn_relay_user *user);

/* Answers one datagram into `out`, of which `buf` and `capacity` are given. False: no answer. */
bool ptn_relay_datagram(struct ptn_relay *r, ptn_time now, const struct ptn_relay_in *in,
                        struct ptn_relay_out *out);

/* The same for many: fills out[0] to out[n - 1] and answers n, at most `count`. */
size_t ptn_relay_batch(struct ptn_relay *r, ptn_time now, const struct ptn_relay_in *in,
                       size_t count, struct ptn_relay_out *out);

void ptn_relay_input(struct ptn_relay *r, ptn_time now, const struct ptn_tell *tell);
void ptn_relay_tick(struct ptn_relay *r, ptn_time now);
bool ptn_relay_output(struct ptn_relay *r, ptn_time now, struct ptn_ask *ask);

/* True when relay sockets run short: better take the outputs before more datagrams are handed in.
 */
bool ptn_relay_is_short(const struct ptn_relay *r, ptn_time now);
bool ptn_relay_event(struct ptn_relay *r, struct ptn_relay_event *ev);
ptn_time ptn_relay_deadline(const struct ptn_relay *r);

enum ptn_relay_mail_kind {
    /* A request with a RESERVATION-TOKEN of that worker: give it to that one's post(). */
    PTN_RELAY_MAIL_WANTED,
    /*
     * The reserved socket and the request, back to who asked. The program takes `socket` from
     * this worker's sockets and keeps it until the other one's post() has said in `socket` which id
     * it has there. If that is 0 it is to be closed.
     */
    PTN_RELAY_MAIL_GIVEN,
    /*
     * A connection whose ConnectionBind names one of that worker's: the program takes `socket` (an
     * accepted connection) with all its state to that worker, tells it ACCEPTED and then STREAM
     * with `bytes`, which have been read already. This relay has forgotten it. Not for post().
     */
    PTN_RELAY_MAIL_MOVE,
};

struct ptn_relay_mail {
    enum ptn_relay_mail_kind kind;
    unsigned to, from_worker;
    ptn_id path;     /* WANTED, GIVEN: by which listener or connection of the worker that asks */
    ptn_id listener; /* MOVE: who accepted */
    struct ptn_addr from;   /* the client */
    ptn_id socket;          /* GIVEN: the relay socket; MOVE: the connection */
    struct ptn_addr local;  /* GIVEN: of the socket */
    struct ptn_bytes bytes; /* borrowed until the next call into the relay */
};

/* The next mail that is to be delivered; false: there is none. */
bool ptn_relay_mail(struct ptn_relay *r, struct ptn_relay_mail *mail);

/* Mail from another worker (WANTED or GIVEN). Answers come through output() and mail(). */
void ptn_relay_post(struct ptn_relay *r, ptn_time now, struct ptn_relay_mail *mail);

/*
 * RFC 6062: the connection that `conn` is joined with, 0: none. The program can stop to read from
 * one while the other owes too much, or join the two in the kernel, for nothing but bytes is
 * relayed between them from now on.
 */
ptn_id ptn_relay_joined(const struct ptn_relay *r, ptn_id conn);

/*
 * How to read from a connection with a peer, or from one that is joined with it: nothing before
 * `rest_until` (PTN_NEVER: until it is joined), then at most `read_max` bytes (0: any number)
 * before asking anew. So max_bps holds for streams, of which nothing can be left out. It changes
 * when the connection comes up, is joined, and with what is heard from it. False: `conn` is
 * neither, and read as it comes.
 */
struct ptn_relay_pace {
    ptn_time rest_until;
    size_t read_max;
};
bool ptn_relay_pace(const struct ptn_relay *r, ptn_id conn, struct ptn_relay_pace *pace);

uint64_t ptn_relay_count(const struct ptn_relay *r, enum ptn_relay_verdict v);
struct ptn_relay_now ptn_relay_now(const struct ptn_relay *r);

/* "answered", "unknown-attribute", … */
const char *ptn_relay_verdict_name(enum ptn_relay_verdict v);

/* "expired", "released", … */
const char *ptn_relay_end_name(enum ptn_relay_end end);

/* For a host that runs machines. */
struct ptn_machine ptn_relay_machine(struct ptn_relay *r);

#endif
