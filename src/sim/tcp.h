/*
 * sim/tcp.h - one small TCP connection, without its IP header.
 *
 * Enough of RFC 9293 that a NAT sees a true life: SYN, FIN and RST, real sequence
 * numbers, acknowledgements, retransmission with backoff (RFC 6298), a user timeout.
 * Left out on purpose: options other than the segment size, a changing window,
 * congestion control, simultaneous open, urgent data, half-closed connections.
 * A receiver keeps nothing that comes out of order; the sender goes back and repeats.
 *
 * Addresses and ports belong to the owner; segments go in and out as values.
 */
#ifndef PTN_SIM_TCP_H
#define PTN_SIM_TCP_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/time.h"
#include "ip/ip.h"

struct ptn_sim_segment {
    struct ptn_tcp head;
    struct ptn_bytes payload;
};

struct ptn_sim_tcp_opts {
    ptn_time rto_first;    /* before a round trip has been measured, 1 s in RFC 6298 */
    ptn_time rto_min;      /* 200 ms on Linux */
    ptn_time rto_max;      /* where doubling stops */
    ptn_time user_timeout; /* sent and never acknowledged for so long: given up */
    ptn_time time_wait;    /* kept after both have finished, to answer a repeated FIN */
    uint16_t segment_max;  /* payload bytes in one segment */
};

extern const struct ptn_sim_tcp_opts PTN_SIM_TCP_DEFAULTS;

enum ptn_sim_tcp_phase {
    PTN_SIM_TCP_SYN_SENT,
    PTN_SIM_TCP_SYN_RECEIVED,
    PTN_SIM_TCP_ESTABLISHED,
    PTN_SIM_TCP_TIME_WAIT, /* both have finished */
    PTN_SIM_TCP_DEAD,      /* nothing will come out of it any more */
};

enum ptn_sim_tcp_event_kind {
    PTN_SIM_TCP_CONNECTED, /* reported once, by either side */
    PTN_SIM_TCP_DATA,      /* bytes, borrowed from the segment last put in */
    PTN_SIM_TCP_ENDED,     /* why; PTN_OK: the far end has finished. The last event */
};

struct ptn_sim_tcp_event {
    enum ptn_sim_tcp_event_kind kind;
    struct ptn_bytes bytes;
    enum ptn_err why;
};

/* Fields are the module's own, except where a function's comment says otherwise. */
struct ptn_sim_tcp {
    struct ptn_sim_tcp_opts opts;
    enum ptn_sim_tcp_phase phase;

    uint8_t *queue; /* bytes from sequence number `queue_seq` on that are not acknowledged */
    size_t queue_size, queue_room;
    uint32_t queue_seq;
    uint32_t una, next, highest; /* first unacknowledged, next to send, end of all ever sent */
    uint16_t far_window;
    bool finishing; /* a FIN follows the queue */

    uint32_t far_next; /* the number expected from the far end */
    bool far_finished, ack_due, reset_due;
    uint32_t reset_seq;

    ptn_time rto, round_trip, round_trip_variance;
    ptn_time timed_at; /* when the segment being timed left, PTN_NEVER when none is */
    uint32_t timed_seq;
    ptn_time repeat_at, waiting_since, linger_until;
    unsigned same_acks;
    uint32_t repeated_to; /* no second fast repeat before this is acknowledged */

    bool connected_told, connected_due, ended_due, ended_told;
    enum ptn_err ended_why, last_unreachable;
    struct ptn_bytes fresh; /* received and not yet taken as an event */
};

/* The side that asks. `first_seq` should come from dice. Copies `opts`. */
void ptn_sim_tcp_connect(struct ptn_sim_tcp *t, ptn_time now, const struct ptn_sim_tcp_opts *opts,
                         uint32_t first_seq);

/* The side that listened: `syn` is the far end's first segment. */
void ptn_sim_tcp_accept(struct ptn_sim_tcp *t, ptn_time now, const struct ptn_sim_tcp_opts *opts,
                        uint32_t first_seq, const struct ptn_sim_segment *syn);

void ptn_sim_tcp_fini(struct ptn_sim_tcp *t);

/* Queues bytes; they leave by output(). After close() or the end they go nowhere. */
enum ptn_err ptn_sim_tcp_send(struct ptn_sim_tcp *t, struct ptn_bytes bytes);

/* No more to send: a FIN follows what is queued. Events other than those of the closing
 * itself cease; data that still arrives is answered with RST, as a kernel does. */
void ptn_sim_tcp_close(struct ptn_sim_tcp *t, ptn_time now);

/* An ICMP error came for a segment of ours. Fatal while connecting; later it only gives the
 * reason in case the connection times out (RFC 1122 §4.2.3.9). */
void ptn_sim_tcp_unreachable(struct ptn_sim_tcp *t, enum ptn_err why);

/* A router said (ICMP) that segments of more than `segment_max` bytes do not pass (RFC 1191): what
 * is in flight leaves again in smaller ones. */
void ptn_sim_tcp_too_big(struct ptn_sim_tcp *t, uint16_t segment_max);

/* Take outputs and events after each of these; DATA is valid as long as `in` is. */
void ptn_sim_tcp_input(struct ptn_sim_tcp *t, ptn_time now, const struct ptn_sim_segment *in);
void ptn_sim_tcp_tick(struct ptn_sim_tcp *t, ptn_time now);

/* The payload is borrowed until the next call. */
bool ptn_sim_tcp_output(struct ptn_sim_tcp *t, ptn_time now, struct ptn_sim_segment *out);
bool ptn_sim_tcp_event(struct ptn_sim_tcp *t, struct ptn_sim_tcp_event *ev);
ptn_time ptn_sim_tcp_deadline(const struct ptn_sim_tcp *t);

/* What a host without such a connection answers (RFC 9293 §3.10.7.1); false: nothing, since
 * `in` is a RST itself. */
bool ptn_sim_tcp_refusal(const struct ptn_sim_segment *in, struct ptn_sim_segment *out);

#endif
