/*
 * ice/ice.h - finds the way by which two ends can hear each other, and watches it.
 *
 * A full agent (RFC 8445) for one stream of media with one or two components. It is
 * told of local candidates, relayed ones included, and of the far end's; it checks
 * pairs, says by which of them media goes, nominates or follows nominations, and asks
 * for consent as long as media is sent (RFC 7675). Candidates may come late at either
 * side (RFC 8838), and failure is told late (RFC 8863).
 *
 * Media never waits: it goes by the best pair proven so far, a relayed one perhaps,
 * and moves on without a gap when a better one is proven. Only then one is nominated.
 *
 * Sockets and relays are the owner's. To the agent they are paths: ids that datagrams
 * come in by and leave by. Verbs and order as in base/effect.h. All memory is taken
 * in new().
 */
#ifndef PTN_ICE_ICE_H
#define PTN_ICE_ICE_H

#include "base/dice.h"
#include "base/effect.h"
#include "crypto/crypto.h"
#include "ice/candidate.h"

enum {
    PTN_ICE_UFRAG_MAX = 256, /* RFC 8839 §5.4 */
    PTN_ICE_PWD_MAX = 256,
    PTN_ICE_LOCALS_MAX = 24, /* candidates of all components */
    PTN_ICE_REMOTES_MAX = 40,
    PTN_ICE_PAIRS_MAX = 100, /* RFC 8445 §6.1.2.5 */
};

struct ptn_ice;

struct ptn_ice_creds {
    char ufrag[PTN_ICE_UFRAG_MAX + 1]; /* at least 4 characters; "": none */
    char pwd[PTN_ICE_PWD_MAX + 1];     /* at least 22 */
};

struct ptn_ice_opts {
    struct ptn_crypto *crypto; /* borrowed; it outlives the agent */
    struct ptn_dice dice;
    bool controlling;    /* we made the first offer */
    unsigned components; /* 1 or 2 */
    unsigned pacing_ms;  /* between two new checks (Ta), at least 5; 0: 50 */
    ptn_time
        direct_patience; /* what a better pair gets before a direct one is nominated; 0: 0.4 s */
    ptn_time relay_patience; /* the same before a relayed one; 0: 2 s */
};

/* What the far end says about itself as a whole. */
struct ptn_ice_far {
    struct ptn_ice_creds creds;
    bool lite;
    unsigned pacing_ms; /* a=ice-pacing; 0: not said, which means 50 */
};

/* A local candidate, as its owner knows it. */
struct ptn_ice_local {
    enum ptn_ice_kind kind; /* no PEER_REFLEXIVE: those are found here */
    unsigned component;
    ptn_id path; /* HOST, SERVER_REFLEXIVE: the socket; RELAYED: one of its own */
    struct ptn_addr addr;
    struct ptn_addr base;    /* SERVER_REFLEXIVE: the socket's address */
    struct ptn_addr server;  /* the STUN or TURN server, for the foundation */
    struct ptn_addr related; /* RELAYED: the mapped address, for diagnosis; may be none */
    uint16_t preference;     /* see ptn_ice_preferences(); 0: PTN_ICE_PREFERENCE_MAX */
};

enum ptn_ice_verdict {
    PTN_ICE_NOT_OURS, /* no STUN, or STUN of the socket's other users */
    PTN_ICE_CHECK,    /* a check, answered */
    PTN_ICE_EARLY,    /* the same, before the far end's description came */
    PTN_ICE_EARLIER,  /* the same, from before a restart */
    PTN_ICE_ANSWER,   /* to one of our checks */
    PTN_ICE_KEEPALIVE,
    PTN_ICE_HINT, /* an ICMP error: believed only as far as waiting for its pair goes */
    /* refused */
    PTN_ICE_BAD_FINGERPRINT,
    PTN_ICE_NO_CREDENTIALS,     /* a check without USERNAME or MESSAGE-INTEGRITY; 400 */
    PTN_ICE_FOREIGN_USER,       /* not for us or not from our far end; 401 */
    PTN_ICE_BAD_INTEGRITY,      /* of a check; 401 */
    PTN_ICE_UNKNOWN_ATTRIBUTE,  /* 420 */
    PTN_ICE_NO_PRIORITY,        /* 400 */
    PTN_ICE_ROLE_CONFLICT,      /* the far end must change its role; 487 */
    PTN_ICE_NO_ROOM,            /* a table is full */
    PTN_ICE_ANSWER_NOT_SEALED,  /* integrity missing or wrong: as if it had not come */
    PTN_ICE_ANSWER_ASYMMETRIC,  /* from elsewhere than the check went: its pair failed */
    PTN_ICE_ANSWER_MEANINGLESS, /* no address in it, or an error: its pair failed */
    PTN_ICE_VERDICTS,
};

enum ptn_ice_event_kind {
    PTN_ICE_ROLE,      /* the role changed: see ptn_ice_controlling() */
    PTN_ICE_PATH,      /* component: media goes by another pair from now on, or by one at all */
    PTN_ICE_NOMINATED, /* component: that pair is final, as far as nomination goes */
    PTN_ICE_COMPLETED, /* the same for all components */
    PTN_ICE_BETTER,    /* component: a pair better than the nominated one was proven; a restart
                        * would use it */
    PTN_ICE_DOUBTED,   /* component: the far end was slow to renew its consent twice */
    PTN_ICE_LOST,      /* component: no consent any more, media must stop; restart */
    PTN_ICE_FAILED,    /* no way was found for all components, and no hope is left */
};

struct ptn_ice_event {
    enum ptn_ice_event_kind kind;
    unsigned component; /* 0 where none is named above */
};

/* Where a component's media goes, for people and for the sender. */
struct ptn_ice_route {
    ptn_id path;
    struct ptn_addr to;
    struct ptn_addr local; /* our address as the far end sees it */
    uint8_t local_kind, remote_kind;
    bool nominated;
    ptn_time rtt; /* of the check that proved it; PTN_NEVER when unknown */
};

/* NULL when memory is short. */
struct ptn_ice *ptn_ice_new(const struct ptn_ice_opts *opts);
void ptn_ice_free(struct ptn_ice *ice);

/* Ours, to be told to the far end; new after each restart. */
const struct ptn_ice_creds *ptn_ice_creds(const struct ptn_ice *ice);
bool ptn_ice_controlling(const struct ptn_ice *ice);
unsigned ptn_ice_pacing_ms(const struct ptn_ice *ice); /* what we say of ourselves */

/* False: full, or it adds nothing to what is known (RFC 8445 §5.1.3). At any time. */
bool ptn_ice_add_local(struct ptn_ice *ice, ptn_time now, const struct ptn_ice_local *local);

/* The i-th as it is told to the far end; NULL behind the last. New ones come at the end. */
const struct ptn_ice_candidate *ptn_ice_local(const struct ptn_ice *ice, unsigned i);

/* The far end's description came: checks begin. The same again changes nothing. False: another one
 * came before; the far end restarts, and so must we first. */
bool ptn_ice_set_far(struct ptn_ice *ice, ptn_time now, const struct ptn_ice_far *far);

/* At any time. False: full, or no candidate to send to (no port, component not in use). */
bool ptn_ice_add_remote(struct ptn_ice *ice, ptn_time now,
                        const struct ptn_ice_candidate *candidate);

/* Without end-of-candidates from both sides failure is never told. */
void ptn_ice_end_local(struct ptn_ice *ice);
void ptn_ice_end_remote(struct ptn_ice *ice);

/* Fewer than was offered: rtcp-mux was agreed on, or the far end has RTP only. */
void ptn_ice_use_components(struct ptn_ice *ice, unsigned components);

/*
 * Begins anew with other credentials and no candidates, for a new offer or answer. Media goes on
 * by the old pairs, with consent under the old credentials, until a new pair is proven.
 */
void ptn_ice_restart(struct ptn_ice *ice, ptn_time now);

/* DATAGRAM and ICMP_ERROR of its paths. Through a relay, `from` is the peer's address. */
enum ptn_ice_verdict ptn_ice_input(struct ptn_ice *ice, ptn_time now, const struct ptn_tell *tell);
void ptn_ice_tick(struct ptn_ice *ice, ptn_time now);
/* DATAGRAM asks by path. */
bool ptn_ice_output(struct ptn_ice *ice, ptn_time now, struct ptn_ask *ask);
bool ptn_ice_event(struct ptn_ice *ice, struct ptn_ice_event *ev);
ptn_time ptn_ice_deadline(const struct ptn_ice *ice);

/* Where media of a component may be sent now; false: nowhere, for want of proof or consent. */
bool ptn_ice_route(const struct ptn_ice *ice, ptn_time now, unsigned component,
                   struct ptn_ice_route *route);

/* Has somebody who knows our credentials proved to be there? From others no media is taken. */
bool ptn_ice_knows(const struct ptn_ice *ice, ptn_id path, const struct ptn_addr *from);

uint64_t ptn_ice_count(const struct ptn_ice *ice, enum ptn_ice_verdict verdict);
/* For counters: "check", "bad-integrity", …. */
const char *ptn_ice_verdict_name(enum ptn_ice_verdict verdict);

#endif
