/*
 * relay/relay.h - the STUN server as a pure machine.
 *
 * A datagram in, at most one answer out, in the same call, with the id of the
 * socket it leaves by. Nothing is remembered about who asked over UDP and nothing
 * is allocated after new(). Over TCP it keeps what a connection has sent so far.
 *
 * One dialect is answered in kind: a request without cookie as RFC 3489 wants it, one
 * with it as RFC 8489 and, if asked for, RFC 5780 want it.
 *
 * The machine is driven either through input(), tick(), output(), event() and
 * deadline() as every machine, or, for speed, datagrams through ptn_relay_batch().
 */
#ifndef PTN_RELAY_RELAY_H
#define PTN_RELAY_RELAY_H

#include "base/effect.h"

#define PTN_RELAY_LISTENERS_MAX 64

/*
 * A socket to serve on. UDP listeners of one family and one group, other than 0, stand in for each
 * other when a client asks for an answer from another address or port (RFC 5780 §3): a group is
 * complete with two addresses times two ports.
 */
struct ptn_relay_listener {
    ptn_id id; /* below PTN_ID_WORLD */
    enum ptn_transport transport;
    struct ptn_addr local;
    struct ptn_addr announced; /* what the world calls it, behind a 1:1 NAT; none: as `local` */
    unsigned group;
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
    size_t connections_max;   /* TCP; 0: none is accepted */
    ptn_time connection_idle; /* closed after this long without a request; 0: 60 s */
};

/* What became of one message; counted. */
enum ptn_relay_verdict {
    PTN_RELAY_ANSWERED,          /* with the mapped address */
    PTN_RELAY_UNKNOWN_ATTRIBUTE, /* answered with 420 */
    PTN_RELAY_BAD_REQUEST,       /* answered with 400 */
    PTN_RELAY_NOT_STUN,
    PTN_RELAY_MALFORMED,
    PTN_RELAY_BROKEN_FINGERPRINT,
    PTN_RELAY_INDICATION, /* Binding indications keep NATs open and want no answer */
    PTN_RELAY_RESPONSE,
    PTN_RELAY_UNKNOWN_METHOD,
    PTN_RELAY_OWN_ADDRESS,     /* from, or to be answered to, a socket of ours: two mirrors */
    PTN_RELAY_BAD_SOURCE,      /* port 0, no unicast address */
    PTN_RELAY_NO_ROOM,         /* the answer did not fit the buffer or queue given for it */
    PTN_RELAY_CONNECTION_FULL, /* a connection refused because connections_max are open */
    PTN_RELAY_CONNECTION_IDLE, /* a connection closed because nothing came */
    PTN_RELAY_VERDICTS,
};

struct ptn_relay_in {
    ptn_id socket;
    struct ptn_addr from;
    struct ptn_bytes bytes;
};

#define PTN_RELAY_ANSWER_MAX 1600 /* no answer is larger */

struct ptn_relay_out {
    uint8_t *buf; /* the caller's */
    size_t capacity;
    ptn_id socket; /* from here on filled in */
    struct ptn_addr to;
    size_t size;
};

enum ptn_relay_event_kind {
    PTN_RELAY_LISTENING,     /* listener, local with its real port */
    PTN_RELAY_NOT_LISTENING, /* listener, why: could not be opened, or was closed */
};

struct ptn_relay_event {
    enum ptn_relay_event_kind kind;
    ptn_id listener;
    struct ptn_addr local;
    enum ptn_err why;
};

struct ptn_relay;

/* NULL when memory is short. Copies `opts`. */
struct ptn_relay *ptn_relay_new(const struct ptn_relay_opts *opts);
void ptn_relay_free(struct ptn_relay *r);

/* From now on with the switches and times of `opts`; its listeners and connections_max are not
 * looked at. */
void ptn_relay_change(struct ptn_relay *r, const struct ptn_relay_opts *opts);

/* Asks the world to open all listeners. A program that opens them itself does not call it. */
void ptn_relay_start(struct ptn_relay *r);

/* Answers one datagram into `out`, of which `buf` and `capacity` are given. False: no answer. */
bool ptn_relay_datagram(struct ptn_relay *r, const struct ptn_relay_in *in,
                        struct ptn_relay_out *out);

/* The same for many: fills out[0] to out[n - 1] and answers n, at most `count`. */
size_t ptn_relay_batch(struct ptn_relay *r, const struct ptn_relay_in *in, size_t count,
                       struct ptn_relay_out *out);

void ptn_relay_input(struct ptn_relay *r, ptn_time now, const struct ptn_tell *tell);
void ptn_relay_tick(struct ptn_relay *r, ptn_time now);
bool ptn_relay_output(struct ptn_relay *r, ptn_time now, struct ptn_ask *ask);
bool ptn_relay_event(struct ptn_relay *r, struct ptn_relay_event *ev);
ptn_time ptn_relay_deadline(const struct ptn_relay *r);

uint64_t ptn_relay_count(const struct ptn_relay *r, enum ptn_relay_verdict v);

/* "answered", "unknown-attribute", … */
const char *ptn_relay_verdict_name(enum ptn_relay_verdict v);

/* For a host that runs machines. */
struct ptn_machine ptn_relay_machine(struct ptn_relay *r);

#endif
