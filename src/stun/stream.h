/*
 * stun/stream.h - which address a stream from one local port has outside: STUN over TCP.
 *
 * Connects from that very port to each of its servers, asks once and closes; asked again at long
 * intervals, and when something suggests that the mapping is another. A port that is listened on
 * and connected from as well can be asked about so. The connections are this machine's; whoever
 * else uses the port knows nothing of them.
 *
 * RFC 8489 §6.2.2. Verbs and order as in base/effect.h.
 */
#ifndef PTN_STUN_STREAM_H
#define PTN_STUN_STREAM_H

#include "base/dice.h"
#include "base/effect.h"
#include "stun/frame.h"
#include "stun/msg.h"

enum { PTN_STUN_STREAM_SERVERS_MAX = 4, PTN_STUN_STREAM_MESSAGE_MAX = 256 };

struct ptn_stun_stream_opts {
    ptn_id id_first;       /* of PTN_STUN_STREAM_SERVERS_MAX connections */
    struct ptn_addr local; /* with its port */
    enum ptn_stun_dialect dialect;
    ptn_time refresh; /* 0: 300 s; a server that did not answer is asked half as often */
    struct ptn_dice dice;
};

/* One server's word, the next time it is heard. */
struct ptn_stun_stream_seen {
    struct ptn_addr server, mapped;
};

struct ptn_stun_stream {
    struct ptn_stun_stream_opts opts;
    struct ptn_stun_stream_asked {
        enum {
            PTN_STUN_STREAM_RESTS,
            PTN_STUN_STREAM_CONNECTS, /* `to_do`: CONNECT is still to be asked */
            PTN_STUN_STREAM_WAITS,    /* `to_do`: so is the request */
            PTN_STUN_STREAM_CLOSES,
        } state;
        struct ptn_addr server; /* none: the place is free */
        bool to_do, tried, told;
        ptn_time due; /* begin, or give up */
        struct ptn_stun_id id;
        struct ptn_stun_frame frame;
        struct ptn_addr mapped;
        uint8_t kept[PTN_STUN_STREAM_MESSAGE_MAX];
    } asked[PTN_STUN_STREAM_SERVERS_MAX];
    uint8_t buf[PTN_STUN_HEADER_BYTES]; /* of the ask handed out last */
};

/* Copies `opts`; nobody is asked yet. The struct must not move afterwards. */
void ptn_stun_stream_init(struct ptn_stun_stream *s, const struct ptn_stun_stream_opts *opts);

/* Whom to ask from now on, of the port's family and with port; those that are new are asked at the
 * next tick. What others were asked ends by what output() still gives. */
void ptn_stun_stream_ask(struct ptn_stun_stream *s, ptn_time now, const struct ptn_addr *servers,
                         size_t count);

/* The mapping may be another: all are asked anew that are not being asked. */
void ptn_stun_stream_doubt(struct ptn_stun_stream *s, ptn_time now);

/* Is a connection of that id this machine's? */
bool ptn_stun_stream_owns(const struct ptn_stun_stream *s, ptn_id id);

void ptn_stun_stream_input(struct ptn_stun_stream *s, ptn_time now, const struct ptn_tell *tell);
void ptn_stun_stream_tick(struct ptn_stun_stream *s, ptn_time now);
bool ptn_stun_stream_output(struct ptn_stun_stream *s, ptn_time now, struct ptn_ask *ask);
bool ptn_stun_stream_event(struct ptn_stun_stream *s, struct ptn_stun_stream_seen *seen);
ptn_time ptn_stun_stream_deadline(const struct ptn_stun_stream *s);

/* Has each server answered or failed once? */
bool ptn_stun_stream_settled(const struct ptn_stun_stream *s);

#endif
