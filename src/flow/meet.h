/*
 * flow/meet.h - how the two ends of a call meet: an ICE agent for its RTP and RTCP flows.
 *
 * Tells the agent which addresses the flows have, puts its words into descriptions and takes the
 * far end's out of them, and carries what it sends, through the TURN clients too. The flows hand
 * it STUN and ask it where media goes; without it, or when the far end does not speak ICE, they
 * do as they did.
 */
#ifndef PTN_FLOW_MEET_H
#define PTN_FLOW_MEET_H

#include "flow/flow.h"
#include "ice/words.h"

struct ptn_meet {
    struct ptn_ice *ice; /* NULL: there is none */
    struct ptn_flow *flows[PTN_ICE_COMPONENTS_MAX];
    ptn_id sockets[PTN_ICE_COMPONENTS_MAX]; /* whose addresses were told */
    bool heard;                             /* the far end speaks ICE, and checks go on */
    bool relayed_only;
};

struct ptn_meet_opts {
    struct ptn_flow *flows[PTN_ICE_COMPONENTS_MAX]; /* RTP, RTCP */
    struct ptn_crypto *crypto;                      /* outlives it */
    struct ptn_dice dice;
    bool controlling;  /* we make the first offer */
    bool relayed_only; /* no address of ours is told or used but a relay's */
};

/* NO_MEMORY, and then it is as if it had not begun. */
enum ptn_err ptn_meet_begin(struct ptn_meet *m, const struct ptn_meet_opts *opts);

/* The flows do without from now on. Harmless when there is no agent. */
void ptn_meet_end(struct ptn_meet *m);

/* Other credentials, and the sockets that the flows have now; media stays where it goes. */
void ptn_meet_restart(struct ptn_meet *m, ptn_time now);

/* Our words for a description that tells these addresses of the two flows: attributes, each with a
 * newline, and a final zero. False: no room, or no address to tell. New sockets are a restart. */
bool ptn_meet_say(struct ptn_meet *m, ptn_time now, const struct ptn_addr *rtp,
                  const struct ptn_addr *rtcp, char *out, size_t size);

enum ptn_meet_verdict {
    PTN_MEET_ON,       /* checks go on */
    PTN_MEET_NO_ICE,   /* nothing was said of it */
    PTN_MEET_MISMATCH, /* the addresses were changed on the way, and ICE's words were not */
    PTN_MEET_ANEW,     /* the far end has begun anew: so must we, and then hear it again */
};

/* The far end's words, and where it wishes to receive otherwise. */
enum ptn_meet_verdict ptn_meet_hear(struct ptn_meet *m, ptn_time now, const char *lines,
                                    const struct ptn_addr *rtp, const struct ptn_addr *rtcp);

void ptn_meet_tick(struct ptn_meet *m, ptn_time now);
bool ptn_meet_output(struct ptn_meet *m, ptn_time now, struct ptn_ask *ask);
ptn_time ptn_meet_deadline(const struct ptn_meet *m);

#endif
