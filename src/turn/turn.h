/*
 * turn/turn.h - one allocation at a TURN server, for one socket: asked for, kept, used, given back.
 *
 * The owner names the ways to a server (which one, and by UDP, TCP or TLS) in the order of his
 * liking; one after the other is tried until an allocation stands, and again when it is lost. By
 * UDP it shares the owner's socket; a connection is its own. Peers are permitted by the owner's
 * word, and what goes to one and comes from him is wrapped and unwrapped here: an indication until
 * his channel is bound, then four bytes in front.
 *
 *   start        and again after release(), once done()
 *   UP, LOST     events; every way failed: FAILED, and all are tried again later
 *   release      gives the allocation back; done() when the server has heard it, or never will
 *
 * Fixed size, and nothing is allocated. RFC 8656; credentials RFC 8489 §9.2. Verbs and order as in
 * base/effect.h.
 */
#ifndef PTN_TURN_TURN_H
#define PTN_TURN_TURN_H

#include "base/dice.h"
#include "base/effect.h"
#include "stun/frame.h"
#include "stun/txn.h"
#include "turn/auth.h"
#include "turn/peers.h"

enum {
    PTN_TURN_WAYS_MAX = 6,
    PTN_TURN_PACKET_MAX = 1600, /* the largest message in either direction */
    PTN_TURN_EVENTS_MAX = 8,
    PTN_TURN_CHANNEL_HEADER = 4,
};

/* How a server is reached. TLS: `name` is what its certificate must hold; borrowed. */
struct ptn_turn_way {
    struct ptn_addr server;
    enum ptn_transport transport; /* UDP, TCP, TLS */
    const char *name;
};

struct ptn_turn_ways {
    unsigned count, first; /* begin with ways[first] */
    struct ptn_turn_way ways[PTN_TURN_WAYS_MAX];
};

struct ptn_turn_opts {
    ptn_id socket;                    /* open; used by UDP */
    ptn_id connection;                /* an id that no one else uses, for TCP and TLS */
    struct ptn_addr local;            /* of the socket; the relayed address is of its family */
    const struct ptn_turn_user *user; /* outlives this */
    struct ptn_crypto *crypto;        /* the same */
    uint8_t dscp;                     /* of connections */
    ptn_time keepalive; /* the longest time between two words to the server; 0: 25 s */
    struct ptn_dice dice;
};

/* Why a way failed or an allocation was lost. */
enum ptn_turn_why {
    PTN_TURN_FINE,
    PTN_TURN_SILENT,            /* no answer within four seconds */
    PTN_TURN_UNREACHABLE,       /* `err`: no connection, or an ICMP error */
    PTN_TURN_CLOSED,            /* `err`: the connection has ended */
    PTN_TURN_NONSENSE,          /* what came over the connection is no TURN */
    PTN_TURN_WRONG_CREDENTIALS, /* 401 to ours, or 441 */
    PTN_TURN_NO_CHALLENGE,      /* 401 or 438 without a realm and a nonce that we can use */
    PTN_TURN_FORBIDDEN,         /* 403 */
    PTN_TURN_NOT_UNDERSTOOD,    /* 400, 420 */
    PTN_TURN_FORGOTTEN,         /* 437: it knows of no allocation of ours, or of another one */
    PTN_TURN_NO_FAMILY,         /* 440 */
    PTN_TURN_NO_TRANSPORT,      /* 442 */
    PTN_TURN_QUOTA,             /* 486 */
    PTN_TURN_FULL,              /* 508 */
    PTN_TURN_SENT_IN_CIRCLES,   /* 300 to where we come from, to nowhere, or for the second time */
    PTN_TURN_REFUSED,           /* any other code */
    PTN_TURN_WHYS,
};

enum ptn_turn_state {
    PTN_TURN_IDLE,
    PTN_TURN_CONNECTING,
    PTN_TURN_ASKING,
    PTN_TURN_STANDS,
    PTN_TURN_LEAVING,
    PTN_TURN_RESTING, /* no way led to an allocation; all are tried anew when it is time */
};

enum ptn_turn_event_kind {
    PTN_TURN_UP,           /* way, relayed */
    PTN_TURN_LOST,         /* way, relayed, why: another is being asked for already */
    PTN_TURN_WAY_FAILED,   /* way, why, code, err */
    PTN_TURN_FAILED,       /* the same, of the last way: there is no other left */
    PTN_TURN_PEER_REFUSED, /* way, peer, code */
};

struct ptn_turn_event {
    enum ptn_turn_event_kind kind;
    struct ptn_turn_way way;
    struct ptn_addr relayed, peer;
    enum ptn_turn_why why;
    unsigned code; /* the server's; 0: none */
    enum ptn_err err;
};

/* What became of what the server sent. */
enum ptn_turn_verdict {
    PTN_TURN_NOT_OURS, /* for somebody else at this socket */
    PTN_TURN_CONTROL,
    PTN_TURN_DATA,
    PTN_TURN_NO_CHANNEL, /* a channel that is not bound */
    PTN_TURN_NO_PEER,    /* from a peer who is none of ours */
    PTN_TURN_MALFORMED,
    PTN_TURN_BROKEN_SEAL, /* an answer that is not the server's */
    PTN_TURN_VERDICTS,
};

struct ptn_turn {
    struct ptn_turn_opts opts;
    struct ptn_turn_ways ways;
    enum ptn_turn_state state;
    unsigned way, failed;   /* the one in use; so many failed in a row */
    struct ptn_turn_way at; /* ways[way], or where it has sent us */
    struct ptn_turn_auth auth;
    struct ptn_addr relayed;
    uint32_t lifetime_s;
    bool asked_with_credentials, challenged, sent_on, began_anew; /* of this way */
    bool gave_up;   /* no way led to an allocation, and none has since */
    unsigned stale; /* nonces in a row */
    bool clears;    /* the request is a Refresh of 0 before an Allocate */
    bool ask_connect, ask_close, connected;
    ptn_time due; /* RESTING: begin anew; CONNECTING: give up; STANDS: refresh */
    ptn_time rest;
    struct ptn_stun_txn txn; /* Allocate or Refresh */
    struct ptn_stun_id id;
    bool to_send;
    struct ptn_turn_peers peers;
    struct ptn_stun_frame frame;
    struct ptn_bytes coming; /* of the tell; taken by data() */
    bool has_data;
    struct ptn_addr from;
    struct ptn_bytes data;
    uint64_t counts[PTN_TURN_VERDICTS];
    struct ptn_turn_event events[PTN_TURN_EVENTS_MAX];
    unsigned event_first, event_count;
    uint8_t out[PTN_TURN_PACKET_MAX];
    uint8_t kept[PTN_TURN_PACKET_MAX]; /* of a message in pieces */
};

/* Copies `opts`. Must not move afterwards. */
void ptn_turn_init(struct ptn_turn *t, const struct ptn_turn_opts *opts);

/* At least one way, each to a server of the socket's family. */
void ptn_turn_start(struct ptn_turn *t, ptn_time now, const struct ptn_turn_ways *ways);

/* Others from now on: what stands is kept, what is being tried goes on, and who rests does not. */
void ptn_turn_set_ways(struct ptn_turn *t, ptn_time now, const struct ptn_turn_ways *ways);

/* Is the allocation still there? Asks at once. */
void ptn_turn_doubt(struct ptn_turn *t, ptn_time now);

/* Gives it back, and goes on with what output() and the deadline want until done(). */
void ptn_turn_release(struct ptn_turn *t, ptn_time now);
bool ptn_turn_done(const struct ptn_turn *t);

/* It stands, or there is no use in waiting for it now. */
bool ptn_turn_settled(const struct ptn_turn *t);

/* NULL while nothing stands. */
static inline const struct ptn_addr *ptn_turn_relayed(const struct ptn_turn *t)
{
    return t->state == PTN_TURN_STANDS ? &t->relayed : NULL;
}

/* This peer may send to us from now on, and is sent to by a channel; with port 0: whatever port of
 * his IP address, without one. Kept until forget(). False: too many. */
bool ptn_turn_permit(struct ptn_turn *t, ptn_time now, const struct ptn_addr *peer);

/* All of them. What the server knows of them runs out there. */
void ptn_turn_forget(struct ptn_turn *t);

/*
 * Bytes for a peer: fills `ask`, or false where nothing stands or he is not permitted. `room`
 * points to PTN_TURN_CHANNEL_HEADER bytes right in front of them that may be written; NULL: there
 * are none, and the bytes are copied.
 */
bool ptn_turn_send(struct ptn_turn *t, ptn_time now, const struct ptn_addr *peer,
                   struct ptn_bytes bytes, uint8_t *room, struct ptn_ask *ask);

/* DATAGRAM and ICMP_ERROR of the socket; OPENED, FAILED, STREAM and CLOSED of the connection.
 * False: not ours. When true, data() is to be called until it answers false. */
bool ptn_turn_input(struct ptn_turn *t, ptn_time now, const struct ptn_tell *tell);

/* What a peer has sent. The view holds as long as the tell's bytes do, until the next call. */
bool ptn_turn_data(struct ptn_turn *t, ptn_time now, struct ptn_addr *from,
                   struct ptn_bytes *bytes);

void ptn_turn_tick(struct ptn_turn *t, ptn_time now);
bool ptn_turn_output(struct ptn_turn *t, ptn_time now, struct ptn_ask *ask);
bool ptn_turn_event(struct ptn_turn *t, struct ptn_turn_event *ev);
ptn_time ptn_turn_deadline(const struct ptn_turn *t);

/* "no answer", "wrong user name or password", …; never NULL. */
const char *ptn_turn_why_text(enum ptn_turn_why why);

/* For counters: "control", "data", …. */
const char *ptn_turn_verdict_name(enum ptn_turn_verdict v);

#define PTN_TURN_WAY_TEXT_MAX (PTN_ADDR_TEXT_MAX + 24)

/* "turn:203.0.113.5:3478", "turns:…:443", with "?transport=tcp" where it is TCP. Returns `buf`. */
const char *ptn_turn_way_text(const struct ptn_turn_way *way,
                              char buf[static PTN_TURN_WAY_TEXT_MAX]);

#endif
