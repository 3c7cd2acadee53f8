/*
 * tests/unit/turn/world.h - a client, and a server that is our own relay or speaks as the test
 * wants.
 *
 * Time passes only in world_run(). Whatever the client sends reaches the server at once, and its
 * answers come back at once; nothing does while it is dark.
 */
#ifndef PTN_TEST_TURN_WORLD_H
#define PTN_TEST_TURN_WORLD_H

#include "support/turn_rig.h"
#include "turn/turn.h"

enum { WORLD_SOCKET = 40, WORLD_CONNECTION = 41, WORLD_EVENTS_MAX = 64 };

struct world {
    struct rig *g;
    struct ptn_turn t;
    struct ptn_turn_user user;
    struct ptn_addr client;
    ptn_time now;
    bool dark;            /* nothing reaches the server */
    bool scripted;        /* it answers what the test says, and nothing by itself */
    bool deaf;            /* CONNECT is not answered */
    ptn_id path;          /* the relay's id of the connection; 0: none */
    unsigned conns;       /* made so far */
    struct ptn_ask asked; /* the last ask for something other than bytes */
    struct ptn_addr sent_to;
    uint8_t sent[2048]; /* the last bytes */
    size_t sent_size;
    const uint8_t *sent_at; /* where they lay */
    unsigned requests[16];  /* sent, by method */
    struct ptn_turn_event events[WORLD_EVENTS_MAX];
    unsigned event_count;
    struct ptn_addr heard_from;
    char heard[200]; /* the last data, as text */
    unsigned heard_count;
};

/* 81.2.69.1:3478 by UDP, then by TCP; user alice. NULL opts: the rig's. */
struct world *world_new(const struct ptn_relay_opts *opts);
void world_free(struct world *w);

extern const struct ptn_turn_way WORLD_UDP, WORLD_TCP;

/* Begins with these ways, and lets a moment pass. */
void world_start(struct world *w, unsigned count, const struct ptn_turn_way *ways);
void world_run(struct world *w, ptn_time span);

/* Takes what the client wants to send now. */
void world_drain(struct world *w);

/* The client is told so, and what it wants then is done. */
void world_tell(struct world *w, const struct ptn_tell *tell);

/* A peer sends to the relayed address. */
void world_peer_sends(struct world *w, const struct ptn_addr *from, const char *text);

/* The last request the client sent. */
struct ptn_stun_msg world_last(const struct world *w);

/* An answer to it, begun by the test; code 0 is success. `seal` it with alice's MD5 key of realm
 * example.org, or not. */
struct world_answer {
    uint8_t buf[600];
    struct ptn_stun_out o;
};
void world_begin(struct world *w, struct world_answer *a, unsigned code);
void world_answer(struct world *w, struct world_answer *a, bool seal);

/* 401 with realm example.org and nonce "n1". */
void world_challenge(struct world *w);

/* The last event of this kind, or NULL. */
const struct ptn_turn_event *world_event(const struct world *w, enum ptn_turn_event_kind kind);

/* Bytes for a peer; false when the client does not send them. */
bool world_say(struct world *w, const struct ptn_addr *peer, const char *text);

#endif
