/*
 * discover/verdict.h - from what was seen to what it means: pure functions.
 */
#ifndef PTN_DISCOVER_VERDICT_H
#define PTN_DISCOVER_VERDICT_H

#include "discover/discover.h"
#include "discover/question.h"

/* One far end and how it saw the same socket. */
struct ptn_discover_sighting {
    struct ptn_addr by, mapped;
};

/* RFC 5780 §4.3. UNKNOWN when all were seen by one address only. */
enum ptn_discover_sees ptn_discover_mapping(const struct ptn_discover_sighting *seen, size_t count);

/* What the questions that bear on filtering came to. */
struct ptn_discover_filter_evidence {
    enum ptn_discover_question_state control;    /* plain, from the same socket */
    enum ptn_discover_question_state from_other; /* answer from another address and port */
    enum ptn_discover_question_state from_port;  /* answer from another port */
    enum ptn_discover_question_state at_other;   /* plain, to that address and port */
    enum ptn_discover_question_state at_port;    /* plain, to that port */
    bool has_other;                              /* the server names a second address */
    bool ignored_change;                         /* it answered, but from where it was asked */
};

/* RFC 5780 §4.4. Silence counts only with proof that the answer could have come: the socket works
 * (control), and the address that should have answered is alive (at_…). */
enum ptn_discover_sees ptn_discover_filtering(const struct ptn_discover_filter_evidence *e,
                                              enum ptn_discover_why *why);

/* The tree of RFC 3489 §10.1, after it is known that somebody answers. */
enum ptn_discover_type ptn_discover_tree(enum ptn_discover_fact nat, enum ptn_discover_sees mapping,
                                         enum ptn_discover_sees filtering);

#endif
