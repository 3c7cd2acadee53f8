/*
 * flow/anchor.h - what others see of one socket: its STUN binding and its `reach` together.
 *
 * The socket may carry anything else: its owner hands in datagrams that look like
 * STUN and ICMP errors, and sends what output() gives. Each server's word goes to
 * `reach`, which decides what is made of it.
 */
#ifndef PTN_FLOW_ANCHOR_H
#define PTN_FLOW_ANCHOR_H

#include "reach/reach.h"
#include "stun/binding.h"

enum { PTN_ANCHOR_SERVERS_MAX = PTN_STUN_BINDING_SERVERS_MAX };

/* Servers of both families; a socket asks those of its own. */
struct ptn_anchor_servers {
    unsigned count;
    struct ptn_addr addrs[PTN_ANCHOR_SERVERS_MAX];
};

struct ptn_anchor_opts {
    struct ptn_reach_opts reach;
    struct ptn_stun_binding_opts binding; /* without its servers */
};

struct ptn_anchor {
    struct ptn_reach reach;
    struct ptn_stun_binding binding;
    bool asks, settled, doubtful;
    unsigned heard_round[PTN_ANCHOR_SERVERS_MAX]; /* of the answer reach was told last */
};

/* Copies `opts`. Nothing is asked yet. */
void ptn_anchor_init(struct ptn_anchor *a, const struct ptn_anchor_opts *opts);

/* Whom to ask from now on; those of another family are left out. The same servers again change
 * nothing. What was learnt from others is kept. */
void ptn_anchor_ask(struct ptn_anchor *a, ptn_time now, const struct ptn_anchor_servers *servers);

/* The mapping may have been lost: asks about it now, not at its next turn. */
void ptn_anchor_doubt(struct ptn_anchor *a, ptn_time now);

/* RFC 7983: does this datagram belong to STUN, whoever sent it? SIP, RTP and RTCP never do. */
static inline bool ptn_anchor_is_stun(struct ptn_bytes datagram)
{
    return datagram.size > 0 && datagram.data[0] < 4;
}

/* DATAGRAM and ICMP_ERROR of the socket. True when it was about a question asked here. */
bool ptn_anchor_input(struct ptn_anchor *a, ptn_time now, const struct ptn_tell *tell);

void ptn_anchor_tick(struct ptn_anchor *a, ptn_time now);

bool ptn_anchor_output(struct ptn_anchor *a, ptn_time now, struct ptn_ask *ask);

ptn_time ptn_anchor_deadline(const struct ptn_anchor *a);

/* True when waiting longer would teach nothing: all servers answered, or had their time. */
static inline bool ptn_anchor_settled(const struct ptn_anchor *a)
{
    return a->settled;
}

/* Has a server seen what leaves in doubt what others saw (reach.h)? Told once. */
static inline bool ptn_anchor_doubtful(struct ptn_anchor *a)
{
    bool doubtful = a->doubtful;

    a->doubtful = false;
    return doubtful;
}

/* Does any server answer at this socket? */
bool ptn_anchor_hears(const struct ptn_anchor *a);

/* Does this server answer at this socket? */
bool ptn_anchor_answers(const struct ptn_anchor *a, const struct ptn_addr *server,
                        enum ptn_stun_dialect *dialect);

#endif
