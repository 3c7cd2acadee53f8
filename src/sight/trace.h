/*
 * sight/trace.h - the SIP messages of the last while, for a person to look at.
 *
 * A ring of bounded size: the oldest give way. What keeps ways open (empty lines, pings, OPTIONS,
 * NOTIFY keep-alive and their answers) is only counted, one count a way, which becomes an entry
 * when something else happens there. Messages are kept without their secrets (sight/mask.h).
 */
#ifndef PTN_SIGHT_TRACE_H
#define PTN_SIGHT_TRACE_H

#include "sight/ends.h"

enum ptn_trace_kind {
    PTN_TRACE_MESSAGE,
    PTN_TRACE_KEEPALIVES, /* sent_count, received_count; from `unix_ns` to `until_ns` */
    PTN_TRACE_UP,         /* a connection */
    PTN_TRACE_DOWN,       /* why: PTN_OK is in order */
    PTN_TRACE_FAILED,     /* why */
};

struct ptn_trace_entry {
    enum ptn_trace_kind kind;
    uint64_t number; /* from 1, in order; 0: a count that goes on */
    uint64_t unix_ns, until_ns;
    bool sent;
    bool repeat; /* this very message was seen before, in this direction */
    enum ptn_transport transport;
    struct ptn_addr local, far;
    enum ptn_err why;
    uint32_t sent_count, received_count;
    uint32_t call;         /* the phone's number for it; 0: none, or not known */
    struct ptn_bytes text; /* UTF-8; borrowed until the next add */
};

struct ptn_trace;

enum { PTN_TRACE_BYTES_MIN = 1 << 17 }; /* a message of the largest size fits */

/* `bytes_max`: for texts, at least PTN_TRACE_BYTES_MIN; there are at most a 256th as many entries.
 * NULL: no memory. */
struct ptn_trace *ptn_trace_new(size_t bytes_max);
void ptn_trace_free(struct ptn_trace *t);

/* What is no SIP (STUN, sound) is passed over. */
void ptn_trace_add(struct ptn_trace *t, uint64_t unix_ns, const struct ptn_seen *seen);

/* Messages with this Call-ID, those that are there and those to come, belong to that call. */
void ptn_trace_name(struct ptn_trace *t, const char *call_id, uint32_t call);

/* The first entry after the one with this number; 0 is before all. False when there is none. */
bool ptn_trace_next(const struct ptn_trace *t, uint64_t number, struct ptn_trace_entry *out);

/* Count `i`, from 0, of those that go on; false when there are no more. */
bool ptn_trace_counting(const struct ptn_trace *t, unsigned i, struct ptn_trace_entry *out);

#endif
