/*
 * turn/inside.h - what the files of this room share, and nobody else sees.
 *
 *   turn.c    which way is tried, what is asked when, and how it all ends
 *   answer.c  what the server says to that
 *   data.c    what goes to peers and comes from them
 *   words.c   for people
 */
#ifndef PTN_TURN_INSIDE_H
#define PTN_TURN_INSIDE_H

#include "turn/turn.h"

struct ptn_turn_failure {
    enum ptn_turn_why why;
    unsigned code;
    enum ptn_err err;
};

static inline bool ptn_turn_is_stream(const struct ptn_turn *t)
{
    return t->at.transport != PTN_UDP;
}

/* `bytes` to the server, by the way in use. */
static inline void ptn_turn_put(const struct ptn_turn *t, struct ptn_bytes bytes,
                                struct ptn_ask *ask)
{
    bool stream = ptn_turn_is_stream(t);

    *ask = (struct ptn_ask){.kind = stream ? PTN_ASK_STREAM : PTN_ASK_DATAGRAM,
                            .id = stream ? t->opts.connection : t->opts.socket,
                            .bytes = bytes};
    if (!stream)
        ask->to = t->at.server;
}

/* A new event at the end of the queue. When nobody takes them, the oldest is lost. */
struct ptn_turn_event *ptn_turn_tell(struct ptn_turn *t, enum ptn_turn_event_kind kind);

/* The way in use leads nowhere (any more): the next one, or a rest. */
void ptn_turn_fail(struct ptn_turn *t, ptn_time now, struct ptn_turn_failure f);

/* The connection stands, or none is needed: asks for an allocation. */
void ptn_turn_ask(struct ptn_turn *t, ptn_time now);

/* The request under way once more, as a new one: with another nonce, or after another one. */
void ptn_turn_ask_again(struct ptn_turn *t, ptn_time now);

/* To this server instead (300). */
void ptn_turn_send_on(struct ptn_turn *t, ptn_time now, const struct ptn_addr *server);

/* It stands from now on. */
void ptn_turn_stand(struct ptn_turn *t, ptn_time now, const struct ptn_addr *relayed);

/* It stands for so much longer. */
void ptn_turn_renewed(struct ptn_turn *t, ptn_time now, uint32_t lifetime_s);

/* Nothing is left here. */
void ptn_turn_left(struct ptn_turn *t, ptn_time now);

/* One message of the server's. `from` and `data` are set when it is DATA. */
enum ptn_turn_verdict ptn_turn_take(struct ptn_turn *t, ptn_time now, struct ptn_bytes message);

/* The same of an answer to a request. NOT_OURS: to nobody's here. */
enum ptn_turn_verdict ptn_turn_answered(struct ptn_turn *t, ptn_time now,
                                        const struct ptn_stun_msg *m);

#endif
