/*
 * sip/calls.h - what a call is made of, and what its files do for each other; for this room only.
 * Part of agent.h, which includes it behind what it needs.
 *
 *   calls.c         the table of them
 *   session.c       calls, and those of ours           called.c    those of theirs
 *   early.c         what rings before it is answered   prack.c     ringing that must arrive
 *   change.c        INVITE within a call               redirect.c  3xx
 *   transfer.c      calls handed on                    lifetime.c  RFC 4028's timers
 *   invite.c        what calls send                    nexthop.c   the way they take, kept open
 *   update.c        changes by UPDATE
 */
#ifndef PTN_SIP_CALLS_H
#define PTN_SIP_CALLS_H

#include "sip/dialog.h"
#include "sip/digest.h"
#include "sip/offer.h"
#include "sip/transaction.h"

struct ptn_sip_acct;

enum ptn_sip_call_state {
    PTN_SIP_CALL_CALLING,    /* ours: INVITE out, nothing but 100 back */
    PTN_SIP_CALL_PROCEEDING, /* ours: a provisional answer came */
    PTN_SIP_CALL_CANCELLING, /* ours: given up, the last word is awaited */
    PTN_SIP_CALL_RINGING,    /* theirs: the owner decides */
    PTN_SIP_CALL_UP,         /* answered, by either */
    PTN_SIP_CALL_ENDING,     /* our BYE is out */
    PTN_SIP_CALL_OVER,       /* told; waits until its transactions are gone */
};

/* RFC 4028. */
struct ptn_sip_lifetime {
    unsigned interval_s; /* agreed on; 0: without end */
    unsigned min_s;      /* the least a 422 allowed; 0: none came */
    unsigned too_small;  /* 422s since the last agreement */
    bool ours;           /* we refresh */
    ptn_time refresh_at, dead_at;
    struct ptn_sip_auth_chain chain;
};

/* One of the dialogs that an INVITE of ours begins before it is answered. */
struct ptn_sip_early {
    struct ptn_sip_early *next;
    struct ptn_sip_dialog dialog;
    enum ptn_sip_talks talks;
    struct ptn_sdp *answer;          /* the last that came; NULL: none */
    uint32_t rseq;                   /* of the last reliable answer taken; 0: none */
    bool updates;                    /* its far end takes UPDATE */
    ptn_sip_txn_id update;           /* an offer of ours is out; 0: none */
    struct ptn_sip_auth_chain chain; /* of its PRACK, or UPDATE */
};

/* Our provisional answers to an INVITE of theirs, where they are to be acknowledged. */
struct ptn_sip_reliable {
    bool used, required;
    bool shown;       /* an INVITE of ours says that we have it */
    uint32_t rseq;    /* the last one; 0: none yet */
    uint32_t unheard; /* the one whose PRACK has not come; 0: none */
    unsigned status;  /* of it */
    bool with_sdp;
    unsigned next_status; /* waits for that PRACK; 200: the answer does; 0: nothing does */
    struct ptn_sdp *next_sdp;
    ptn_time repeat_at, repeat_wait, until; /* until: PTN_NEVER when it is not repeated */
};

/* Where 3xx have sent an INVITE of ours. */
enum { PTN_SIP_PLACES_MAX = 10 }; /* with the first */
struct ptn_sip_place {
    char *uri;
    unsigned q, round; /* in thousandths; which 3xx named it last */
    bool tried;
};
struct ptn_sip_redirect {
    struct ptn_sip_place places[PTN_SIP_PLACES_MAX];
    unsigned count, round;
    bool away; /* the present one is not our server's to find */
};

/* What was offered within a call, by INVITE, UPDATE or PRACK. */
enum ptn_sip_change {
    PTN_SIP_CHANGE_NONE,
    PTN_SIP_CHANGE_OURS,       /* out */
    PTN_SIP_CHANGE_OURS_LATER, /* met theirs (491): tried again at `change_at` */
    PTN_SIP_CHANGE_THEIRS,     /* the owner decides */
};

enum ptn_sip_change_by {
    PTN_SIP_BY_INVITE,
    PTN_SIP_BY_UPDATE,
    PTN_SIP_BY_PRACK,
};

/* Its first hop, while it is up. */
struct ptn_sip_next_hop {
    ptn_time next;      /* it is to be kept open; PTN_NEVER: the account wants no keep-alive */
    ptn_time asked_at;  /* last; 0: never */
    ptn_sip_txn_id txn; /* a question to it */
    ptn_time due;       /* answered by then; PTN_NEVER: none is out */
};

struct ptn_sip_session {
    ptn_sip_id id, account;
    struct ptn_sip_session *next_living, *next_named, *next_dead; /* calls.c */
    bool dead;
    enum ptn_sip_call_state state;
    enum ptn_sip_change change;
    enum ptn_sip_change_by change_by; /* theirs */
    ptn_sip_txn_id changing;          /* theirs: to be answered */
    ptn_sip_txn_id update;            /* ours, by UPDATE; 0: by INVITE */
    bool updates;                     /* the far end takes UPDATE */
    bool incoming;
    bool stranger;      /* who called us, and not by our server */
    bool hang_up_later; /* as soon as the ACK allows it: §15 */
    bool cancel_sent;
    bool needs_answer; /* theirs had no offer: ours goes in the 200, theirs comes in the ACK */
    bool acked_once;
    unsigned transactions; /* alive */
    struct ptn_sip_path path;
    char *dialled;       /* as the owner said it */
    unsigned way, moves; /* of the account, that our first INVITE takes; from how many others */
    struct ptn_sip_dialog dialog;
    struct ptn_sip_auth_chain chain;
    char *invite_auth;           /* credentials of our INVITE, for its ACK: §13.2.2.4 */
    uint32_t invite_cseq;        /* of our INVITE under way or last */
    uint32_t their_cseq;         /* of their INVITE under way or last */
    ptn_sip_txn_id invite;       /* the INVITE under way or last, either way */
    struct ptn_sip_early *early; /* of ours, until the call ends */
    struct ptn_sip_redirect redirect;
    struct ptn_sip_reliable reliable;
    enum ptn_sip_talks talks; /* theirs, until it is answered */
    struct ptn_sip_lifetime lifetime;
    struct ptn_sip_next_hop next_hop;
    bool referring, referred; /* a REFER of ours, of theirs, whose end is not known */
    char *refer_to;           /* of ours */
    struct ptn_sip_auth_chain refer_chain;
    char *replaces;                        /* header of our first INVITE, or NULL */
    bool replaces_only;                    /* who does not know that header is to refuse */
    struct ptn_sdp *offer;                 /* our last description, to be sent again */
    ptn_time ok_repeat, ok_wait, ok_until; /* our 200 until its ACK: §13.3.1.4 */
    ptn_time ringing_repeat;               /* §13.3.1.1: a provisional answer a minute */
    ptn_time expires_at;                   /* §13.3.1: theirs, given up by then */
    ptn_time change_at, cancel_until;
    enum ptn_sip_ended ended; /* why we send BYE */
    unsigned ended_status;
};

/* calls.c */
struct ptn_sip_session *ptn_sip_find_call(const struct ptn_sip *s, ptn_sip_id id);
struct ptn_sip_session *ptn_sip_call_of(const struct ptn_sip *s, const struct ptn_sip_in *request);
/* Of theirs, once its dialog is there: is_merged() will find it. */
void ptn_sip_call_name_it(struct ptn_sip *s, struct ptn_sip_session *c);
/* Has this INVITE come already, by another way? */
bool ptn_sip_call_is_merged(struct ptn_sip *s, const struct ptn_sip_in *invite);
/* NULL: as many live as may, or no memory. */
struct ptn_sip_session *ptn_sip_call_add(struct ptn_sip *s, ptn_sip_id account);
void ptn_sip_call_free(struct ptn_sip *s, struct ptn_sip_session *c);
/* Its state says so now. */
void ptn_sip_call_is_over(struct ptn_sip *s, struct ptn_sip_session *c);
void ptn_sip_call_lost_transaction(struct ptn_sip *s, struct ptn_sip_session *c);
/* Frees those that are over and have no transactions any more. */
void ptn_sip_calls_bury(struct ptn_sip *s);
void ptn_sip_calls_of_account_end(struct ptn_sip *s, ptn_sip_id account);
void ptn_sip_calls_fini(struct ptn_sip *s);

/* session.c */
#define PTN_SIP_ALLOW                                                                              \
    "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, REFER, NOTIFY, MESSAGE, PRACK\r\n"
#define PTN_SIP_SUPPORTED "Supported: timer, replaces"
/* The dialog of the call that the request belongs to; NULL: none. */
struct ptn_sip_dialog *ptn_sip_call_dialog(struct ptn_sip_session *c,
                                           const struct ptn_sip_in *request);
struct ptn_sip_calling {
    const char *target;
    bool replaces_only; /* what `target` names, or nothing */
    const struct ptn_sip_path *path;
    const struct ptn_sdp *offer;
};
enum ptn_err ptn_sip_call_begin(struct ptn_sip *s, ptn_time now, ptn_sip_id account,
                                const struct ptn_sip_calling *how, ptn_sip_id *call);

/* called.c: calls of theirs */
void ptn_sip_call_invited(struct ptn_sip *s, ptn_time now, ptn_sip_txn_id id,
                          struct ptn_sip_acct *a, const struct ptn_sip_in *in);
void ptn_sip_call_bye(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                      ptn_sip_txn_id id);
void ptn_sip_called_tick(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c);
void ptn_sip_call_cancelled(struct ptn_sip *s, ptn_time now, ptn_sip_id call, ptn_sip_txn_id id);
/* By ACK, or by what says as much. */
void ptn_sip_call_is_acked(struct ptn_sip *s, struct ptn_sip_session *c);
void ptn_sip_call_acked(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                        const struct ptn_sip_in *in);
/* `in` NULL: nobody answered, for the reason `why`. */
void ptn_sip_call_answered(struct ptn_sip *s, ptn_time now, ptn_sip_id call,
                           const struct ptn_sip_in *in, enum ptn_err why, bool is_invite);
/* A late 2xx from a place that was given up: it is let go. */
void ptn_sip_call_answered_elsewhere(struct ptn_sip *s, ptn_time now, ptn_sip_id call,
                                     const struct ptn_sip_in *in);
void ptn_sip_calls_tick(struct ptn_sip *s, ptn_time now);
ptn_time ptn_sip_calls_deadline(const struct ptn_sip *s);

/* invite.c: what a call says, first or later */
void ptn_sip_call_send_invite(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c);
void ptn_sip_call_send_ack(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                           const struct ptn_sip_dialog *d, uint32_t cseq);
void ptn_sip_call_send_bye(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                           struct ptn_sip_dialog *d, enum ptn_sip_user user);
void ptn_sip_call_respond_to(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                             ptn_sip_txn_id id, unsigned status, const struct ptn_sdp *sdp);
/* To the INVITE, or to the UPDATE with an offer, that is under way. */
void ptn_sip_call_respond(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                          unsigned status, const struct ptn_sdp *sdp);
void ptn_sip_call_send_ok(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                          const struct ptn_sdp *sdp);
bool ptn_sip_call_keep_offer(struct ptn_sip_session *c, const struct ptn_sdp *offer);

/* Where the requests of a dialog of its go first. False: its URI cannot be used. */
bool ptn_sip_call_next_hop(const struct ptn_sip *s, const struct ptn_sip_session *c,
                           const struct ptn_sip_dialog *d, struct ptn_sip_target *target);

/* What else a call may ask within its dialog. */
struct ptn_sip_within {
    enum ptn_sip_user user;
    struct ptn_sip_dialog *dialog; /* NULL: the call's */
    bool no_contact;
    const char *method;
    const char *headers;       /* whole lines; NULL: none */
    bool able;                 /* say what we can do */
    const char *type, *text;   /* of a body; NULL: none */
    const struct ptn_sdp *sdp; /* as the body */
};
/* 0: it cannot be sent. */
ptn_sip_txn_id ptn_sip_call_send(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                                 const struct ptn_sip_within *what);
/* An UPDATE without a description. */
void ptn_sip_call_send_update(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c);

/* early.c: `sdp` is what came, and afterwards what it is good for */
struct ptn_sip_early *ptn_sip_early_find(struct ptn_sip_session *c, const struct ptn_sip_in *in);
/* A provisional answer. False: it is to be passed over. */
bool ptn_sip_early_rings(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                         const struct ptn_sip_in *in, const struct ptn_sdp **sdp);
/* A 2xx: `d` goes on where its early dialog stood, and `sdp` is the answer that holds. */
void ptn_sip_early_answers(struct ptn_sip_session *c, const struct ptn_sip_in *in,
                           struct ptn_sip_dialog *d, const struct ptn_sdp **sdp);
void ptn_sip_early_drop(struct ptn_sip_session *c, struct ptn_sip_early *gone);
void ptn_sip_early_fini(struct ptn_sip_session *c);
void ptn_sip_early_keep_answer(struct ptn_sip_early *e, const struct ptn_sdp *sdp);
/* `in` NULL: nobody answered. */
void ptn_sip_prack_answered(struct ptn_sip *s, ptn_time now, ptn_sip_id call,
                            const struct ptn_sip_in *in);

/* redirect.c: true: a refusal (NULL: nobody answered) leads on, and the owner was asked. */
bool ptn_sip_redirect_follow(struct ptn_sip *s, struct ptn_sip_session *c,
                             const struct ptn_sip_in *in);
void ptn_sip_redirect_fini(struct ptn_sip_redirect *r);

/* prack.c */
void ptn_sip_prack_begin(const struct ptn_sip *s, struct ptn_sip_session *c,
                         const struct ptn_sip_in *invite, bool has_offer);
/* A provisional answer, reliable where that is used; now or after the one that is out. */
void ptn_sip_prack_progress(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                            unsigned status, const struct ptn_sdp *sdp);
/* True: the 200 has to wait, and will go by itself. */
bool ptn_sip_prack_holds(struct ptn_sip_session *c, const struct ptn_sdp *sdp);
void ptn_sip_call_pracked(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                          ptn_sip_txn_id id, const struct ptn_sip_in *in);
/* The offer that came with a PRACK is answered: what waited for that goes on. */
void ptn_sip_prack_go_on(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c);
void ptn_sip_prack_tick(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c);
void ptn_sip_prack_stop(struct ptn_sip_reliable *r);
void ptn_sip_prack_fini(struct ptn_sip_reliable *r);

/* transfer.c; `in` NULL: nobody answered */
void ptn_sip_refer_answered(struct ptn_sip *s, ptn_time now, ptn_sip_id call,
                            const struct ptn_sip_in *in);
void ptn_sip_call_referred(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                           ptn_sip_txn_id id, const struct ptn_sip_in *in);
void ptn_sip_call_notified(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                           ptn_sip_txn_id id, const struct ptn_sip_in *in);
/* False: the INVITE's Replaces cannot be followed, and is refused already. NULL: it has none. */
bool ptn_sip_replaces_judge(struct ptn_sip *s, ptn_time now, ptn_sip_txn_id id,
                            const struct ptn_sip_in *in, const struct ptn_sip_session **replaced);
/* Does it come from whom the call that it replaces is with? */
bool ptn_sip_is_far_end(const struct ptn_sip_session *c, const struct ptn_sip_in *in);

/* lifetime.c: headers of what we ask and answer, and what comes of theirs */
void ptn_sip_lifetime_ask(const struct ptn_sip *s, const struct ptn_sip_session *c,
                          struct ptn_writer *w);
void ptn_sip_lifetime_answer(const struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                             const struct ptn_sip_in *request, struct ptn_writer *w);
void ptn_sip_lifetime_answered(const struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                               const struct ptn_sip_in *in);
/* A 422: true when a longer one may be asked for now. */
bool ptn_sip_lifetime_too_small(struct ptn_sip_session *c, const struct ptn_sip_in *in);
/* False: theirs is too short, and refused already. */
bool ptn_sip_lifetime_judge(struct ptn_sip *s, ptn_time now, ptn_sip_txn_id id,
                            const struct ptn_sip_in *in);
/* `in` NULL: nobody answered our UPDATE. */
void ptn_sip_lifetime_updated(struct ptn_sip *s, ptn_time now, ptn_sip_id call,
                              const struct ptn_sip_in *in);
void ptn_sip_lifetime_refused(ptn_time now, struct ptn_sip_session *c);
void ptn_sip_lifetime_stop(struct ptn_sip_lifetime *l);
void ptn_sip_lifetime_tick(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c);

/* nexthop.c */
void ptn_sip_next_hop_start(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c);
void ptn_sip_next_hop_stop(struct ptn_sip *s, struct ptn_sip_session *c);
void ptn_sip_next_hop_answered(struct ptn_sip *s, ptn_sip_id call);
void ptn_sip_next_hop_conn_lost(struct ptn_sip *s, ptn_time now, const struct ptn_sip_conn *conn);
void ptn_sip_next_hop_tick(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c);
ptn_time ptn_sip_next_hop_deadline(const struct ptn_sip_session *c);

/* change.c: INVITE, UPDATE and PRACK within a call */
void ptn_sip_change_take_on(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                            ptn_sip_txn_id id, const struct ptn_sdp *offer,
                            enum ptn_sip_change_by by);
void ptn_sip_change_reject(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                           unsigned status);
void ptn_sip_call_updated(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                          ptn_sip_txn_id id, const struct ptn_sip_in *in);
void ptn_sip_call_reinvited(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                            ptn_sip_txn_id id, const struct ptn_sip_in *in);
void ptn_sip_change_accept(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                           const struct ptn_sdp *sdp);
void ptn_sip_change_answered(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                             const struct ptn_sip_in *in, enum ptn_err why);
/* The call ends: theirs is answered 487. */
void ptn_sip_change_abandon(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c);
void ptn_sip_change_tick(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c);

/* update.c */
/* Is this a moment at which an offer of ours may go by UPDATE? */
bool ptn_sip_may_update(const struct ptn_sip_session *c);
/* Offers c->offer; before the answer, to each of those that ring. False: to nobody. */
bool ptn_sip_update_offer(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c);
/* The call is answered: it goes on where its early dialog (NULL: there was none) stood. */
void ptn_sip_update_goes_on(struct ptn_sip_session *c, const struct ptn_sip_early *e);
/* `in` NULL: nobody answered. */
void ptn_sip_update_answered(struct ptn_sip *s, ptn_time now, ptn_sip_id call,
                             const struct ptn_sip_in *in, enum ptn_err why);

/* called.c, for prack.c: the 200 of a call that rings */
void ptn_sip_call_answer(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                         const struct ptn_sdp *sdp);

/* session.c, for the others */
void ptn_sip_call_tell(struct ptn_sip *s, const struct ptn_sip_session *c,
                       enum ptn_sip_event_kind kind, unsigned status, const struct ptn_sdp *sdp);
void ptn_sip_call_end(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                      enum ptn_sip_ended ended, unsigned status);
/* Ends an answered call. */
void ptn_sip_call_say_bye(struct ptn_sip *s, ptn_time now, struct ptn_sip_session *c,
                          enum ptn_sip_ended ended, unsigned status);
/* Reads the description of an INVITE; false: refused already. */
bool ptn_sip_call_read_offer(struct ptn_sip *s, ptn_time now, ptn_sip_txn_id id,
                             const struct ptn_sip_in *in, struct ptn_sdp *room,
                             const struct ptn_sdp **offer);

#endif
