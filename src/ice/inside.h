/*
 * ice/inside.h - what the agent's files share. Private to the room.
 *
 *   ice.c        its life: descriptions, restart, tick, output, events
 *   pairs.c      the checklist: which pairs there are, which is checked next
 *   message.c    checks and answers as bytes
 *   request.c    the far end's checks
 *   answer.c     answers to ours
 *   nominate.c   which pair media goes by, and which one is for good
 *   tell.c       what the owner may know
 */
#ifndef PTN_ICE_INSIDE_H
#define PTN_ICE_INSIDE_H

#include "ice/consent.h"
#include "ice/ice.h"
#include "stun/msg.h"
#include "stun/txn.h"

enum {
    PTN_ICE_EARLY_MAX = 8,
    PTN_ICE_ANSWERS_MAX = 16,
    PTN_ICE_UNKNOWN_MAX = 4,
    PTN_ICE_NO_PAIR = 0xff,
    PTN_ICE_SLOW = 2, /* questions for consent without an answer before we doubt */
};

enum ptn_ice_pair_state {
    PTN_ICE_FROZEN,
    PTN_ICE_WAITING,
    PTN_ICE_IN_PROGRESS,
    PTN_ICE_SUCCEEDED,
    PTN_ICE_PAIR_FAILED,
};

/* One request of a check. A triggered check takes the place of the one before, whose answer
 * still counts (RFC 8445 §7.3.1.4). */
struct ptn_ice_try {
    struct ptn_stun_id id;
    bool nominates, controlling;
    uint8_t tie_breaker[8]; /* a repeat says the same, whatever the role is by then */
};

struct ptn_ice_pair {
    uint64_t priority;
    uint8_t local, remote; /* in the tables; `local` is always a base */
    uint8_t component;
    uint8_t state;   /* enum ptn_ice_pair_state */
    bool to_send;    /* tries[0] is due */
    bool proven;     /* it is on the valid list; checks may go on, to nominate it */
    bool nominating; /* ours to nominate: its next check says so, or the one under way did */
    bool wanted;     /* the far end nominated it */
    bool nominated;  /* and it is proven: both sides know */
    bool doubted;    /* an ICMP error came back */
    bool heard;      /* a check came by it */
    bool slow;       /* its far end was slow to renew its consent */
    uint32_t queued; /* place among the triggered checks; 0: none */
    struct ptn_stun_txn txn;
    struct ptn_ice_try tries[2];
    ptn_time first_sent;
    /* once proven */
    ptn_time answered_at;
    ptn_time kept_at; /* when a keep-alive went out, or the above */
    ptn_time rtt;
    struct ptn_addr mapped;
    uint8_t mapped_kind;
    uint64_t valid_priority; /* with the mapped address as our candidate */
};

struct ptn_ice_base {
    struct ptn_ice_candidate c;
    ptn_id path;
    uint16_t preference;
    struct ptn_addr base, server;
    bool pairs; /* checks go out from here */
};

/* Where media goes and the consent for it. `pair` is none for a way from before a restart. */
struct ptn_ice_way {
    bool set, asked_around;
    uint8_t pair;
    struct ptn_ice_route route;
    ptn_time since; /* when it was chosen, or the first one before it that is relayed or direct like
                       it */
    uint32_t priority; /* PRIORITY of its questions */
    struct ptn_ice_consent consent;
};

struct ptn_ice_component {
    struct ptn_ice_way way, held;
    uint8_t nominating; /* the pair that we nominate; NO_PAIR */
    uint8_t settled;    /* the nominated pair for which the list was cleared; NO_PAIR */
    bool lost;          /* to be told */
    bool better;        /* a direct pair was proven while a relayed one is nominated */
    /* what was told */
    struct ptn_ice_route told;
    bool told_path, told_nominated, told_better, told_doubted;
};

/* A check that came before the far end's description. */
struct ptn_ice_early {
    ptn_id path;
    struct ptn_addr from;
    uint32_t priority;
    bool nominates;
    char ufrag[PTN_ICE_UFRAG_MAX + 1];
};

struct ptn_ice_reply {
    ptn_id path;
    struct ptn_addr to;
    struct ptn_stun_id id;
    unsigned code;        /* 0: success */
    bool sealed, earlier; /* with our password, or the one from before the restart */
    uint16_t unknown[PTN_ICE_UNKNOWN_MAX];
    size_t unknown_count;
};

struct ptn_ice {
    struct ptn_ice_opts opts;
    struct ptn_dice dice;
    bool controlling, told_controlling;
    uint8_t tie_breaker[8];
    struct ptn_ice_creds ours, earlier_ours, earlier_theirs;
    struct ptn_ice_far far;
    bool has_far;
    unsigned components;
    struct ptn_ice_base locals[PTN_ICE_LOCALS_MAX];
    unsigned local_count;
    struct ptn_ice_candidate remotes[PTN_ICE_REMOTES_MAX];
    unsigned remote_count, reflexive_count;
    struct ptn_ice_pair pairs[PTN_ICE_PAIRS_MAX];
    unsigned pair_count;
    bool begun;             /* a check of this session went out: initial states are set */
    uint32_t trigger_count; /* numbers triggered checks */
    unsigned in_a_row;      /* so many triggered checks went out since an ordinary one */
    ptn_time next_check;    /* not before, for the pacing's sake */
    ptn_time started_at;    /* when the far end's description came */
    bool patience_over;     /* RFC 8863 */
    bool local_ended, remote_ended;
    bool failed, told_failed, told_completed;
    struct ptn_ice_component component[PTN_ICE_COMPONENTS_MAX];
    struct ptn_ice_early early[PTN_ICE_EARLY_MAX];
    unsigned early_count;
    struct ptn_ice_reply replies[PTN_ICE_ANSWERS_MAX];
    unsigned reply_first, reply_count;
    uint64_t counts[PTN_ICE_VERDICTS];
    uint8_t buf[PTN_STUN_BYTES_MAX]; /* of the ask handed out last */
};

/* ---- pairs.c ---- */

/* The pair of a base and a remote candidate, formed if need be; NULL when they cannot pair or
 * there is no room. */
struct ptn_ice_pair *ptn_ice_pair_of(struct ptn_ice *ice, unsigned local, unsigned remote);

/* For a new candidate: all pairs with it. */
void ptn_ice_pair_local(struct ptn_ice *ice, unsigned local);
void ptn_ice_pair_remote(struct ptn_ice *ice, unsigned remote);

/* The roles changed, or a remote candidate's priority did. */
void ptn_ice_reprioritize(struct ptn_ice *ice);

/* Its check is the next but those already queued. */
void ptn_ice_trigger(struct ptn_ice *ice, struct ptn_ice_pair *p);

/* Others of its foundation may be checked now. */
void ptn_ice_unfreeze(struct ptn_ice *ice, const struct ptn_ice_pair *p);

/* The next to be checked; NULL when there is none. */
struct ptn_ice_pair *ptn_ice_next_pair(struct ptn_ice *ice);

bool ptn_ice_has_work(const struct ptn_ice *ice);

static inline bool ptn_ice_pair_is_open(const struct ptn_ice_pair *p)
{
    return !p->proven && p->state <= PTN_ICE_IN_PROGRESS;
}

/* Of RFC 8445 §14.3. */
ptn_time ptn_ice_rto(const struct ptn_ice *ice);
ptn_time ptn_ice_pacing(const struct ptn_ice *ice);

/* ---- ice.c ---- */

/* The row of a remote candidate with this address, or -1. */
int ptn_ice_find_remote(const struct ptn_ice *ice, unsigned component, const struct ptn_addr *addr);

/* ---- message.c ---- */

bool ptn_ice_write_check(struct ptn_ice *ice, const struct ptn_ice_pair *p, struct ptn_bytes *out);
bool ptn_ice_write_question(struct ptn_ice *ice, const struct ptn_ice_way *way, bool earlier,
                            struct ptn_bytes *out);
bool ptn_ice_write_keepalive(struct ptn_ice *ice, struct ptn_bytes *out);
bool ptn_ice_write_reply(struct ptn_ice *ice, const struct ptn_ice_reply *r, struct ptn_bytes *out);

/* ---- request.c ---- */

enum ptn_ice_verdict ptn_ice_read_request(struct ptn_ice *ice, ptn_time now,
                                          const struct ptn_tell *tell,
                                          const struct ptn_stun_msg *m);

/* What a check teaches that is known to come from the far end. False: no room. */
bool ptn_ice_learn(struct ptn_ice *ice, ptn_time now, const struct ptn_ice_early *check);

void ptn_ice_change_role(struct ptn_ice *ice, bool controlling);

/* ---- answer.c ---- */

enum ptn_ice_verdict ptn_ice_read_answer(struct ptn_ice *ice, ptn_time now,
                                         const struct ptn_tell *tell, const struct ptn_stun_msg *m);

/* It is neither checked nor used any more, until the far end checks it. */
void ptn_ice_fail_pair(struct ptn_ice_pair *p);

/* ---- nominate.c ---- */

/* Looks anew by which pair each component's media goes, and nominates what is due. */
void ptn_ice_choose(struct ptn_ice *ice, ptn_time now);

/* When a nomination is due that waits for better pairs. */
ptn_time ptn_ice_nomination_due(const struct ptn_ice *ice, ptn_time now, unsigned component);

bool ptn_ice_pair_usable(const struct ptn_ice_pair *p, ptn_time now);

static inline struct ptn_ice_component *ptn_ice_component(struct ptn_ice *ice, unsigned number)
{
    return &ice->component[number - 1];
}

#endif
