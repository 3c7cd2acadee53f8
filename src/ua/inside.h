/*
 * ua/inside.h - what the files of this room share, and nobody else sees.
 *
 *   ua.c        the machine: who gets a tell, whose asks and deadlines there are
 *   account.c   registrations and the address each account tells its server
 *   twin.c      the same at a second server, at the same time
 *   call.c      one call from the first word to the last
 *   hold.c      what changes while a call is up: hold, resume, the far end's wishes
 *   transfer.c  calls handed on, in all three parts of that
 *   talk.c      a call's media: descriptions, streams, sound
 *   relays.c    TURN clients, lent to media's sockets
 *   sockets.c   SIP's sockets and what is known of the NAT
 *   again.c     a call whose far end is called anew, because both sides have moved
 *   move.c      another local address, another mapping, silence: what has to be done anew
 *   kind.c      of which kind the NAT is: discovery, in the background
 *   status.c    the snapshot
 *   events.c    the queue for the owner
 */
#ifndef PTN_UA_INSIDE_H
#define PTN_UA_INSIDE_H

#include "discover/discover.h"
#include "flow/meet.h"
#include "stun/stream.h"
#include "ua/agree.h"
#include "ua/pool.h"
#include "ua/servers.h"
#include "ua/ua.h"

enum {
    PTN_UA_SIP_SOCKETS_MAX = 3 * PTN_UA_LOCALS_MAX,
    PTN_UA_EVENTS_MAX = 128,
    PTN_UA_TARGET_MAX = 1024, /* a URI with Replaces is longer than what people dial */
};

/* Each part has a range of ids of its own. */
enum {
    PTN_UA_IDS_SIP = 0x01000000,
    PTN_UA_IDS_MEDIA = 0x02000000,
    PTN_UA_IDS_SERVERS = 0x03000000,
    PTN_UA_IDS_DISCOVER = 0x04000000,
    PTN_UA_IDS_STREAM = 0x05000000, /* STUN over TCP, for each SIP socket in turn */
    PTN_UA_IDS_TURN = 0x06000000,   /* names, and connections from half of it on */
    PTN_UA_IDS_EACH = 0x01000000,
};

struct ptn_ua_sip_socket {
    ptn_id id;
    unsigned local; /* index in the options */
    enum ptn_transport transport;
    bool open, again;  /* again: opened anew after its address had changed */
    bool held_back;    /* what is seen of it changes too often to be believed, and that was said */
    ptn_time again_at; /* tried anew after it failed; PTN_NEVER: no need */
    struct ptn_addr addr;
    uint16_t seen_port; /* of its connection, by the server; 0: not seen */
    struct ptn_anchor anchor;
    struct ptn_stun_stream stream; /* TCP and TLS: STUN from the same port */
};

/* Of an account that registers with both its servers: the second registration. */
struct ptn_ua_twin {
    ptn_sip_id sip; /* 0: there is none */
    struct ptn_addr server;
    enum ptn_transport transport;
    struct ptn_sip_path path; /* as told; socket 0: not yet */
    bool registered;
};

struct ptn_ua_account_here {
    struct ptn_ua_account opts; /* its texts are the phone's own copies */
    ptn_sip_id sip;
    struct ptn_ua_twin twin;
    enum ptn_ua_account_state state;
    struct ptn_addr server;
    enum ptn_transport transport; /* towards it */
    enum ptn_err server_why;      /* looking it up has failed */
    struct ptn_addr instead_of;   /* of one that has failed, */
    enum ptn_err fault;           /* in this way */
    const char *server_name;      /* one of those in `opts`; NULL: none */
    ptn_time ready_by; /* waits for mapped addresses no longer than this; 0: not yet begun */
    bool told;         /* the agent knows a path */
    struct ptn_sip_path path;
    struct ptn_reach_answer contact;
    struct ptn_addr told_before; /* the contact that this one has replaced; none: it is the first */
    ptn_time told_at;
    unsigned contact_changes;
    unsigned lease_s, last_status;
    enum ptn_err last_why; /* with FAILED */
    ptn_time registered_at, retry_at;
    struct ptn_ua_mailbox mailbox;
};

/* Of a call that is up: is it still heard, and is what it has told still true? */
struct ptn_ua_watch {
    ptn_time next;       /* look */
    ptn_time settles_by; /* its sockets are new: waits for mapped addresses no longer */
    ptn_time moved_at;   /* what it has told was found untrue; PTN_NEVER: it is true */
    ptn_time tell_at;    /* the far end has to be told in any case; PTN_NEVER: no */
    bool telling;        /* its answer is awaited */
    unsigned tells;      /* that were not taken */
    unsigned asks;       /* of STUN, in this silence */
    ptn_time asked_at;
};

/* A call whose far end is called anew. */
enum { PTN_UA_AGAIN_MAX = 4 };
struct ptn_ua_again {
    ptn_time asked_at; /* the far end was told within the call what it does not answer */
    ptn_time at;       /* it is called anew; PTN_NEVER: no need */
    ptn_time tried_at; /* last */
    ptn_time give_up;  /* then the call is over; PTN_NEVER: it is not */
    unsigned tries;    /* so far */
    ptn_sip_id sip[PTN_UA_AGAIN_MAX]; /* those that are out; 0: not */
};

struct ptn_ua_call {
    ptn_ua_call_id id; /* 0: free */
    ptn_sip_id sip;    /* 0: the agent does not know of it, yet or any longer */
    unsigned account;
    enum ptn_ua_call_state state;
    bool incoming, over;     /* over: the owner was told; only the last packets have to go */
    ptn_ua_call_id follows;  /* its far end told us to make this call; 0: nobody did */
    ptn_ua_call_id replaces; /* ends once this one is up; 0: none */
    char target[PTN_UA_TARGET_MAX];
    char peer[PTN_UA_TEXT_MAX];
    char peer_name[PTN_UA_TEXT_MAX];
    char call_id[PTN_UA_TEXT_MAX]; /* SIP's; "" before the INVITE */
    ptn_time began_at, answered_at;
    ptn_time gather_by;  /* PTN_NEVER: not gathering */
    ptn_time answer_at;  /* by itself; PTN_NEVER: no */
    ptn_time ring_until; /* here or there; PTN_NEVER: it does not ring, or may for ever */
    ptn_time say_by;     /* that it rings here, though no address is known; PTN_NEVER: it is said */
    bool early_offer;    /* with what is said of ringing */

    ptn_id socket;       /* SIP's, by which the call came or goes */
    struct ptn_addr hop; /* who hears our descriptions first */
    struct ptn_addr contact;
    struct ptn_addr told_to; /* whom `ours` was composed for */
    struct ptn_pair *pair;
    struct ptn_meet meet;
    ptn_time meet_anew_at; /* ICE has to begin anew; PTN_NEVER: no */
    bool without_ice;      /* it was tried, or the far end does not speak it */
    bool has_theirs, early;
    bool held, held_there; /* as wished by us; as the far end's last description says */
    bool changing;         /* our offer of `held` is under way */
    struct ptn_sdp theirs; /* the offer that waits for an answer */
    struct ptn_agree_ours ours;
    struct ptn_agreed agreed;
    struct ptn_reach_answer rtp;
    struct ptn_stream *stream;
    struct ptn_source source;
    bool heard;
    ptn_time heard_at; /* last */
    struct ptn_ua_watch watch;
    struct ptn_ua_again again;
};

/* With texts and stats of its own, where it has some. */
struct ptn_ua_told {
    struct ptn_ua_event event;
    char *reason, *peer, *peer_name, *call_id, *text;
    struct ptn_stream_stats *stats;
};

struct ptn_ua {
    struct ptn_ua_opts opts;
    struct ptn_dice dice;
    struct ptn_sip *sip;
    struct ptn_servers servers;
    struct ptn_relays *relays; /* NULL: there is no TURN server */
    struct ptn_crypto *crypto; /* of ICE; NULL: without */
    struct ptn_pool pool;
    struct ptn_ua_sip_socket sockets[PTN_UA_SIP_SOCKETS_MAX];
    unsigned socket_count;
    bool gone[PTN_UA_LOCALS_MAX]; /* local addresses that this host has not at the moment */
    ptn_time doubted_at[PTN_UA_LOCALS_MAX]; /* all that is known of their mappings; 0: never */
    struct ptn_ua_account_here accounts[PTN_UA_ACCOUNTS_MAX];
    unsigned call_count; /* calls from here on are free, and those that never were taken are not
                          * touched: their memory is not there yet */
    struct ptn_ua_call calls[PTN_UA_CALLS_MAX];
    ptn_ua_call_id last_call;
    bool dirty; /* an address to be told may have changed */
    bool stopping, stopped;
    ptn_time stop_by;
    enum ptn_reach_nat nat; /* of the first SIP socket, as told to the owner last */
    struct ptn_addr mapped;
    struct ptn_discover *discover; /* NULL: not wanted */
    unsigned kind_searches;
    bool kind_told, kind_over; /* its result was taken; its sockets are closed, too */
    ptn_time kind_told_at;
    bool kind_again;               /* the result is of no use, for we have moved */
    enum ptn_reach_nat discovered; /* UNKNOWN: not (yet) */
    char nat_type[PTN_UA_TEXT_MAX];
    char nat_text[2 * PTN_UA_TEXT_MAX]; /* borrowed by the owner */
    struct ptn_ua_told events[PTN_UA_EVENTS_MAX];
    unsigned event_first, event_count;
    struct ptn_ua_told current; /* borrowed by the owner */
    int16_t pcm[PTN_FRAME_SAMPLES];
    char *texts[10 * PTN_UA_ACCOUNTS_MAX + 6]; /* owned copies */
    unsigned text_count;
};

/* --- events.c --- */

/* A new event of this kind at the end of the queue, zeroed. When nobody takes events, the
 * oldest is lost. */
struct ptn_ua_event *ptn_ua_tell(struct ptn_ua *ua, enum ptn_ua_event_kind kind);
void ptn_ua_tell_ended(struct ptn_ua *ua, ptn_time now, const struct ptn_ua_call *call,
                       enum ptn_sip_ended ended, unsigned status, const char *reason);
void ptn_ua_tell_incoming(struct ptn_ua *ua, const struct ptn_ua_call *call);
void ptn_ua_tell_note(struct ptn_ua *ua, const struct ptn_sip_event *ev);
void ptn_ua_tell_referred(struct ptn_ua *ua, const struct ptn_ua_call *call,
                          const struct ptn_ua_call *follower);
bool ptn_ua_told(struct ptn_ua *ua, struct ptn_ua_event *ev);
void ptn_ua_events_fini(struct ptn_ua *ua);

/* --- sockets.c --- */

void ptn_ua_sockets_start(struct ptn_ua *ua, ptn_time now);
struct ptn_ua_sip_socket *ptn_ua_socket(struct ptn_ua *ua, ptn_id id);

/* At its local address, which may have changed, by a new id. */
void ptn_ua_listen_again(struct ptn_ua *ua, ptn_time now, struct ptn_ua_sip_socket *s);

/* The best one for talking to `to` (none: anywhere); NULL when there is none open. */
struct ptn_ua_sip_socket *ptn_ua_socket_towards(struct ptn_ua *ua, enum ptn_transport transport,
                                                const struct ptn_addr *to);
void ptn_ua_socket_event(struct ptn_ua *ua, ptn_time now, const struct ptn_sip_event *ev);

/* What Contact and Via say to `ask->to` of a socket. */
struct ptn_reach_answer ptn_ua_contact(const struct ptn_ua *ua, const struct ptn_ua_sip_socket *s,
                                       const struct ptn_reach_ask *ask);

/* Would waiting teach more about its mapping? */
bool ptn_ua_socket_settled(const struct ptn_ua_sip_socket *s);

/* Its mapping may be another. */
void ptn_ua_socket_doubt(struct ptn_ua_sip_socket *s, ptn_time now);

/* STUN over TCP, all sockets'. */
bool ptn_ua_streams_input(struct ptn_ua *ua, ptn_time now, const struct ptn_tell *tell);
void ptn_ua_streams_tick(struct ptn_ua *ua, ptn_time now);
bool ptn_ua_streams_output(struct ptn_ua *ua, ptn_time now, struct ptn_ask *ask);
ptn_time ptn_ua_streams_deadline(const struct ptn_ua *ua);

/* Hands the STUN servers' addresses to all sockets. */
void ptn_ua_ask_servers(struct ptn_ua *ua, ptn_time now);

/* Tells pool and owner what is known of the NAT, if that is news. */
void ptn_ua_nat_refresh(struct ptn_ua *ua);
void ptn_ua_nat_tell(struct ptn_ua *ua);

/* Would it be of use to wait until `until` before `answer` is told to anybody? */
bool ptn_ua_worth_waiting(const struct ptn_ua *ua, ptn_time now, ptn_time until, bool settled,
                          const struct ptn_reach_answer *answer);

/* --- kind.c --- */

enum ptn_err ptn_ua_kind_start(struct ptn_ua *ua, ptn_time now);
bool ptn_ua_kind_owns(const struct ptn_ua *ua, ptn_id id);

/* Takes the result when it is there. */
void ptn_ua_kind_look(struct ptn_ua *ua, ptn_time now);

bool ptn_ua_kind_output(struct ptn_ua *ua, ptn_time now, struct ptn_ask *ask);

/* We are elsewhere: asks anew, as soon as it has finished what it asks now. */
void ptn_ua_kind_again(struct ptn_ua *ua, ptn_time now);

/* The NAT may have changed, and not only now: the same, where that was amid the questions. */
void ptn_ua_kind_doubt(struct ptn_ua *ua, ptn_time now);

/* --- move.c --- */

/* ADDRESSES. */
void ptn_ua_addresses(struct ptn_ua *ua, ptn_time now, const struct ptn_tell *tell);

/* Looks at a call that is up when it is time. */
void ptn_ua_call_watch(struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call);

/* One mapping of a socket at this local address is another: are the others, too? */
void ptn_ua_mappings_doubtful(struct ptn_ua *ua, ptn_time now, unsigned local);

/* What the far end said to our new addresses; 0: nothing. */
void ptn_ua_call_told(struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call, unsigned status);

/* A socket that could not be opened anew is tried again. */
void ptn_ua_listen_later(struct ptn_ua_sip_socket *s, ptn_time now);
void ptn_ua_moves_tick(struct ptn_ua *ua, ptn_time now);
ptn_time ptn_ua_moves_deadline(const struct ptn_ua *ua);

/* --- account.c --- */

void ptn_ua_account_event(struct ptn_ua *ua, ptn_time now, const struct ptn_sip_event *ev);

/* Account by the agent's id; account_count when it is none of ours. */
unsigned ptn_ua_account_of(const struct ptn_ua *ua, ptn_sip_id sip);

/* Tells the agent each account's path and contact as far as they changed. */
void ptn_ua_accounts_refresh(struct ptn_ua *ua, ptn_time now);
ptn_time ptn_ua_accounts_deadline(const struct ptn_ua *ua);

static inline struct ptn_reach_ask ptn_ua_reach_ask(const struct ptn_ua_account *account,
                                                    const struct ptn_addr *to)
{
    return (struct ptn_reach_ask){*to, account->nat, account->no_rport};
}

/* An address that is of no use to whom it would be told, and nobody asked for it. */
static inline bool ptn_ua_is_guess(const struct ptn_reach_answer *answer)
{
    return answer->private_to_public && answer->why == PTN_REACH_BY_INTERFACE;
}

/* The same, while the account asks its server where that sees it. */
static inline bool ptn_ua_is_guess_so_far(const struct ptn_ua_account_here *a,
                                          const struct ptn_reach_answer *answer)
{
    return a->opts.registers && a->state != PTN_UA_ACCOUNT_REGISTERED && ptn_ua_is_guess(answer);
}

/* --- twin.c --- */

void ptn_ua_twin_start(struct ptn_ua *ua, ptn_time now, struct ptn_ua_account_here *a,
                       const struct ptn_sip_account *account);
/* False: the event is of no second registration. */
bool ptn_ua_twin_event(struct ptn_ua *ua, const struct ptn_sip_event *ev);
void ptn_ua_twin_refresh(struct ptn_ua *ua, ptn_time now, struct ptn_ua_account_here *a);
/* Withdraws it; nobody waits for the answer. */
void ptn_ua_twin_leave(struct ptn_ua *ua, ptn_time now, const struct ptn_ua_account_here *a);

/* --- call.c --- */

void ptn_ua_call_event(struct ptn_ua *ua, ptn_time now, const struct ptn_sip_event *ev);

/* Answers by itself, and goes on when the addresses are known or the wait for them is over. */
void ptn_ua_call_go_on(struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call);

/* What Contact says from now on: the address may have become another. Of a call that is up what was
 * said stays until the new one is known. */
void ptn_ua_call_renew_contact(struct ptn_ua *ua, struct ptn_ua_call *call);

/* Lets go of the calls whose last packets have been taken. */
void ptn_ua_calls_bury(struct ptn_ua *ua, ptn_time now);
ptn_time ptn_ua_call_deadline(const struct ptn_ua_call *call);
void ptn_ua_call_hang_up(struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call);
/* Tells the owner; the rest of the call goes with its last packet. */
void ptn_ua_call_end(struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call,
                     enum ptn_sip_ended ended, unsigned status, const char *reason);
struct ptn_ua_call *ptn_ua_find_call(struct ptn_ua *ua,
                                     ptn_ua_call_id id); /* NULL: none, or over */
struct ptn_ua_call *ptn_ua_call_with_pair(struct ptn_ua *ua, const struct ptn_pair *pair);

/* --- meet.c --- */

/* Our offer, with ICE where that is wanted. After compose(). */
void ptn_ua_say_offer(struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call,
                      struct ptn_sdp *offer);
/* Our answer, as ptn_agree_answer(), with ICE where `offer` has it. */
bool ptn_ua_say_answer(struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call,
                       const struct ptn_sdp *offer, struct ptn_sdp *answer,
                       struct ptn_agreed *agreed);
/* Reads theirs into call->agreed, as ptn_agree_read_answer(). */
bool ptn_ua_take_answer(struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call,
                        const struct ptn_sdp *answer);
void ptn_ua_meet_tick(struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call);
ptn_time ptn_ua_meet_deadline(const struct ptn_ua_call *call);
/* Before the call's sockets go. */
void ptn_ua_meet_end(struct ptn_ua_call *call);
/* "directly: through our NAT to the far end itself"; false, and "", without ICE or a way. */
bool ptn_ua_meet_words(const struct ptn_ua_call *call, ptn_time now,
                       char words[static PTN_UA_TEXT_MAX]);

/* --- hold.c --- */

/* The far end wants a change. */
void ptn_ua_hold_offered(struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call,
                         const struct ptn_sip_event *ev);
/* Says our media anew: the answer to their offer, or an offer where they have made none. False: it
 * has nothing in common with theirs. */
bool ptn_ua_hold_agree(struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call,
                       const struct ptn_sdp *theirs, struct ptn_sdp *sdp);

/* Ours was taken, or was not. */
void ptn_ua_hold_taken(struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call,
                       const struct ptn_sip_event *ev);
void ptn_ua_hold_failed(struct ptn_ua *ua, struct ptn_ua_call *call,
                        const struct ptn_sip_event *ev);

/* After a description of theirs that came with no change of ours. */
void ptn_ua_hold_noticed(struct ptn_ua *ua, struct ptn_ua_call *call);

/* --- again.c --- */

void ptn_ua_again_reset(struct ptn_ua_again *again);
/* Nothing of it is needed any more: what is out is let go. */
void ptn_ua_again_stop(struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call);

/* The far end was told of our new addresses; it answered. */
void ptn_ua_again_may_be_needed(const struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call);
void ptn_ua_again_not_needed(struct ptn_ua_call *call);

/* Nobody answers within the call: it ends unless its far end is found anew. */
void ptn_ua_again_or_end(struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call);

/* The agent's call is over: true when one that is to take its place is out. */
bool ptn_ua_again_outlives(ptn_time now, struct ptn_ua_call *call);
void ptn_ua_again_tick(struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call);

/* False: the event is of no such call. */
bool ptn_ua_again_event(struct ptn_ua *ua, ptn_time now, const struct ptn_sip_event *ev);

/* The far end of `call` calls anew. False: it is to be taken as any call that replaces one. */
bool ptn_ua_again_called(struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call,
                         const struct ptn_sip_event *ev, const struct ptn_ua_sip_socket *socket);

/* --- transfer.c --- */

/* How ours goes, and that the far end wants one. */
void ptn_ua_transfer_told(struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call,
                          const struct ptn_sip_event *ev);
void ptn_ua_transfer_wanted(struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call,
                            const struct ptn_sip_event *ev);

/* A call that was made because of one: how it goes. */
void ptn_ua_transfer_followed(struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call,
                              unsigned status);

/* A call is up that replaces another. */
void ptn_ua_transfer_replaced(struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call);

/* --- mailbox.c --- */

void ptn_ua_mailbox_event(struct ptn_ua *ua, ptn_time now, const struct ptn_sip_event *ev);

/* --- talk.c --- */

/* Fills call->ours with the addresses to be told now. */
void ptn_ua_talk_compose(struct ptn_ua *ua, struct ptn_ua_call *call);

/* Begins sending and receiving what was agreed on, or changes it. */
void ptn_ua_talk_begin(struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call);
void ptn_ua_talk_input(struct ptn_ua *ua, ptn_time now, struct ptn_ua_call *call, unsigned end,
                       struct ptn_bytes datagram);
bool ptn_ua_talk_output(struct ptn_ua_call *call, ptn_time now, struct ptn_ask *ask);

/* The next frame of sound that is due in any call. */
bool ptn_ua_talk_frame(struct ptn_ua *ua, ptn_time now, struct ptn_ua_event *ev);

#endif
