/*
 * ice/words.h - what the two ends tell each other, as lines of SDP.
 *
 * RFC 8839 (candidate, ice-ufrag, ice-pwd, ice-options, ice-lite, ice-pacing, ice-mismatch,
 * remote-candidates), RFC 8840 (end-of-candidates, trickle). A block of lines is attributes
 * without their "a=", each with a newline: how they come into a description and out of it is not
 * known here, so that the same words serve in a body of trickled candidates.
 */
#ifndef PTN_ICE_WORDS_H
#define PTN_ICE_WORDS_H

#include "base/cursor.h"
#include "ice/ice.h"

#define PTN_ICE_DEFAULT_PORT 9 /* of a default destination that is not known yet (RFC 8840 §4) */

enum ptn_ice_word_verdict {
    PTN_ICE_WORD_OK,
    PTN_ICE_WORD_SKIPPED,   /* well-formed, but nothing for us: TCP, a name (mDNS), a new kind */
    PTN_ICE_WORD_MALFORMED, /* as if it were not there */
};

struct ptn_ice_description {
    struct ptn_ice_far far;
    bool trickle, ice2; /* options */
    bool ended;         /* end-of-candidates */
    bool mismatch;      /* the far end says that our default destination was no candidate */
    struct ptn_ice_candidate candidates[PTN_ICE_REMOTES_MAX];
    unsigned count;
    struct ptn_addr remote[PTN_ICE_COMPONENTS_MAX]; /* remote-candidates, by component */
    unsigned skipped, malformed, left_out;          /* lines; left out for want of room */
};

/* "1 1 UDP 2130706431 192.0.2.1 4000 typ host": the value of a=candidate. */
enum ptn_ice_word_verdict ptn_ice_parse_candidate(struct ptn_bytes value,
                                                  struct ptn_ice_candidate *out);

/* Appends the same, without its name; `w` turns bad when there is no room. */
void ptn_ice_format_candidate(const struct ptn_ice_candidate *c, struct ptn_writer *w);

/* Adds what the lines say to what `d` says already. Others than ICE's are ignored. */
void ptn_ice_read_lines(struct ptn_ice_description *d, struct ptn_bytes lines);

/* Appends; `w` turns bad when there is no room. */
void ptn_ice_write_lines(const struct ptn_ice_description *d, struct ptn_writer *w);

/* Does the far end speak ICE? It gave both credentials. */
bool ptn_ice_speaks(const struct ptn_ice_description *d);

/* What goes into the m= and c= lines (or a=rtcp) for whoever does not speak ICE: the address that
 * most probably works for everybody. NULL: none of this component. */
const struct ptn_ice_candidate *ptn_ice_default(const struct ptn_ice_candidate *candidates,
                                                unsigned count, unsigned component);

/*
 * The default destination of a component is none of the candidates: something between us rewrote
 * the one and not the other, and ICE cannot be used (RFC 8839 §4.2.5). `dest` as the m= and c=
 * lines say.
 */
bool ptn_ice_is_mismatch(const struct ptn_ice_description *d, unsigned component,
                         const struct ptn_addr *dest);

#endif
