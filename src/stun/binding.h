/*
 * stun/binding.h - keeps the mapping of one socket known and warm.
 *
 * Asks one or several STUN servers from a socket that belongs to somebody else
 * (SIP, RTP, RTCP), all at once when it matters, then only the one that answered,
 * often enough that the NAT does not forget. Says when the mapped address is
 * learned, changes or is lost, and whether it differs from server to server,
 * which makes it useless to anybody but that server.
 *
 * A call never waits for it longer than its budget: want() is answered by SETTLED
 * in time, with an address or without one.
 *
 * Verbs and order as in base/effect.h. No memory of its own but this struct.
 */
#ifndef PTN_STUN_BINDING_H
#define PTN_STUN_BINDING_H

#include "base/dice.h"
#include "base/effect.h"
#include "stun/msg.h"
#include "stun/txn.h"

#define PTN_STUN_BINDING_SERVERS_MAX 8

enum ptn_stun_binding_dialect {
    PTN_STUN_BINDING_AUTO, /* modern first; with the first repeat the classic form as well */
    PTN_STUN_BINDING_CLASSIC,
    PTN_STUN_BINDING_MODERN,
};

struct ptn_stun_binding_opts {
    ptn_id socket;                                         /* every datagram leaves by it */
    struct ptn_addr servers[PTN_STUN_BINDING_SERVERS_MAX]; /* of the socket's family, with port */
    size_t server_count;                                   /* at least 1 */
    enum ptn_stun_binding_dialect dialect;
    ptn_time refresh;     /* at most this long between two requests; 0: 25 s */
    ptn_time budget;      /* SETTLED comes at most this long after want(); 0: 300 ms */
    struct ptn_dice dice; /* for ids and for the jitter of refreshes */
};

enum ptn_stun_binding_event_kind {
    PTN_STUN_BINDING_MAPPED,  /* mapped is now known, or another than `before` */
    PTN_STUN_BINDING_LOST,    /* nobody confirms `before` any longer */
    PTN_STUN_BINDING_VARIES,  /* servers see different addresses, or (varies false) no longer do */
    PTN_STUN_BINDING_SETTLED, /* what want() asked for: mapped, or none within the budget */
    PTN_STUN_BINDING_HEARD,   /* `server` answered for the first time or again: dialect, rtt */
    PTN_STUN_BINDING_SILENT,  /* `server` did not, or refused: why, error_code */
};

struct ptn_stun_binding_event {
    enum ptn_stun_binding_event_kind kind;
    struct ptn_addr mapped, before; /* family none where there is none */
    bool varies;
    size_t server;                 /* index in opts.servers */
    enum ptn_stun_dialect dialect; /* the server's own, see ptn_stun_get_mapped() */
    ptn_time rtt;                  /* smoothed; PTN_NEVER while unknown */
    enum ptn_err why;              /* TIMED_OUT, UNREACHABLE or REFUSED */
    unsigned error_code;           /* REFUSED: the answer's, 0 for an answer without sense */
};

enum ptn_stun_binding_server_state {
    PTN_STUN_BINDING_NOT_ASKED,
    PTN_STUN_BINDING_ANSWERS,
    PTN_STUN_BINDING_DEAD,
};

struct ptn_stun_binding_server {
    struct ptn_stun_txn txn;
    struct ptn_stun_id ids[2]; /* by dialect, new for each round */
    struct ptn_stun_rtt rtt;
    struct ptn_addr mapped;
    enum ptn_stun_dialect speaks, is; /* what to send first; what the server proved to be */
    enum ptn_stun_binding_server_state state, told_state;
    enum ptn_err why;
    unsigned error_code;
    unsigned answered_round, done_round; /* done: answered or failed */
    uint8_t to_send, refused;            /* bits by dialect: due now; not again in this round */
    bool asked;                          /* in this round, and no answer yet */
};

struct ptn_stun_binding {
    struct ptn_stun_binding_opts opts;
    struct ptn_stun_binding_server servers[PTN_STUN_BINDING_SERVERS_MAX];
    struct ptn_addr mapped, told_mapped;
    size_t source;  /* the server whose word `mapped` is */
    unsigned round; /* counts, so that answers are compared within one */
    ptn_time next_round;
    ptn_time settle_by; /* PTN_NEVER: nobody waits */
    bool running, varies, told_varies, settled;
    uint8_t buf[PTN_STUN_HEADER_BYTES]; /* of the ask handed out last */
};

/* Copies `opts`. Nothing is asked before start(). */
void ptn_stun_binding_init(struct ptn_stun_binding *b, const struct ptn_stun_binding_opts *opts);

/* Asks all servers now and keeps on; the same as want() when it runs already. */
void ptn_stun_binding_start(struct ptn_stun_binding *b, ptn_time now);

/* Stops asking; the mapped address is forgotten without an event. */
void ptn_stun_binding_stop(struct ptn_stun_binding *b);

/*
 * A call is about to use the address: SETTLED follows, at once if the address is known, else as
 * soon as all servers answered, or shortly after the first one did, or when the budget is spent.
 * Starts the machine if it was not running.
 */
void ptn_stun_binding_want(struct ptn_stun_binding *b, ptn_time now);

/* Something suggests that the mapping is lost: the next tick asks about it, unless a question is
 * out already. Nothing when it does not run. */
void ptn_stun_binding_doubt(struct ptn_stun_binding *b, ptn_time now);

/* Looks at DATAGRAM and ICMP_ERROR of its socket. True when it was an answer to one of its
 * requests or an error about one; all else is left to the socket's other users. */
bool ptn_stun_binding_input(struct ptn_stun_binding *b, ptn_time now, const struct ptn_tell *tell);

void ptn_stun_binding_tick(struct ptn_stun_binding *b, ptn_time now);
bool ptn_stun_binding_output(struct ptn_stun_binding *b, ptn_time now, struct ptn_ask *ask);
bool ptn_stun_binding_event(struct ptn_stun_binding *b, struct ptn_stun_binding_event *ev);
ptn_time ptn_stun_binding_deadline(const struct ptn_stun_binding *b);

/* What is known now; false when nothing is. */
bool ptn_stun_binding_mapped(const struct ptn_stun_binding *b, struct ptn_addr *mapped);

#endif
