/*
 * sight/glance.h - what a person looks at first in a SIP message.
 *
 * Reads text as sight/trace.h keeps it, and is not picky: of a message that no parser would
 * take, too, one wants to see what there is.
 */
#ifndef PTN_SIGHT_GLANCE_H
#define PTN_SIGHT_GLANCE_H

#include "base/bytes.h"

enum { PTN_GLANCE_NOTES_MAX = 12 };

struct ptn_glance {
    char what[128];  /* "INVITE sip:1002@example.org", "200 OK (INVITE)" */
    char method[24]; /* of CSeq */
    unsigned status; /* 0: a request */
    char call_id[160];
    char from[128], to[128]; /* "1001@example.org" */
    char seen_as[96];        /* of a response: "192.0.2.1, port 5060", by received and rport */
    unsigned note_count;
    /* "sound at 192.0.2.1:11780, PCMU PCMA", "Contact: <sip:…>" */
    char notes[PTN_GLANCE_NOTES_MAX][160];
};

/* Too long words are cut. Line breaks and other control characters become blanks. */
void ptn_glance(struct ptn_bytes text, struct ptn_glance *out);

#endif
