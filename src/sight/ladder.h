/*
 * sight/ladder.h - entries of a trace as a diagram: the phone on the left, far ends beside it.
 *
 *     2026-11-27    phone                                       203.0.113.7:5060 UDP
 *     12:00:01.123  |--- REGISTER sip:example.org ------------------------------>|
 *                   |      Contact: <sip:1001@203.0.113.10:3856>                 |
 *     12:00:01.145  |<-- 401 Unauthorized (REGISTER) ----------------------------|
 *
 * Lines come out one after the other, so it draws what has happened and what happens. Up to
 * three far ends stand side by side; of more, the one silent for longest gives up its column.
 * Nothing that is printed can do anything to a terminal.
 */
#ifndef PTN_SIGHT_LADDER_H
#define PTN_SIGHT_LADDER_H

#include "base/cursor.h"
#include "sight/trace.h"

enum {
    PTN_LADDER_WIDTH_MIN = 60,
    PTN_LADDER_WIDTH_MAX = 200,
    PTN_LADDER_COLUMNS = 3,
    PTN_LADDER_TEXT_MAX = 32768, /* of one entry without its message */
};

struct ptn_ladder {
    unsigned width;
    bool utf8;
    int utc_offset_s; /* of the times shown */
    unsigned column_count;
    struct ptn_ladder_column {
        struct ptn_addr far;
        enum ptn_transport transport;
        uint64_t used;
    } columns[PTN_LADDER_COLUMNS];
    uint64_t uses;
    uint64_t day;     /* shown last */
    char seen_as[96]; /* the same: a server says it in every response */
    bool headed;      /* the columns have been named */
};

/* `width` is brought between MIN and MAX. */
void ptn_ladder_init(struct ptn_ladder *l, unsigned width, bool utf8, int utc_offset_s);

/* Makes a column before the first print, if there is room: so the ladder need not be named anew. */
void ptn_ladder_expect(struct ptn_ladder *l, const struct ptn_trace_entry *e);

/* Appends lines, each with its newline; at most PTN_LADDER_TEXT_MAX bytes. */
void ptn_ladder_print(struct ptn_ladder *l, const struct ptn_trace_entry *e, struct ptn_writer *w);

/* The message itself, each line behind `indent`; control characters become blanks. At most five
 * bytes, and the indent, for one of the text. */
void ptn_ladder_print_text(const struct ptn_ladder *l, struct ptn_bytes text, const char *indent,
                           struct ptn_writer *w);

/* "12:00:01.123". */
void ptn_ladder_time(const struct ptn_ladder *l, uint64_t unix_ns, char buf[static 16]);

#endif
