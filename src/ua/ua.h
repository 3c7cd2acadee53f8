/*
 * ua/ua.h - the phone without its sockets and its sound.
 *
 * Accounts and calls on one SIP agent, media on pairs of RTP and RTCP sockets, and
 * the addresses under which all of these can be reached. Whatever is told to others
 * (Via, Contact, SDP) comes from `reach`; STUN runs on the very sockets that carry
 * SIP, RTP and RTCP, and a call never waits for it longer than PTN_UA_GATHER_MAX. For its server's
 * word, where nothing but a private address is known, it waits longer (call.c).
 *
 *   new, start           opens sockets, resolves, registers, learns the NAT's type
 *   dial, answer …       at any moment after start
 *   stop                 hangs up, withdraws the registrations; STOPPED when done
 *
 * Driven as every machine (base/effect.h). Take outputs, events and the deadline after
 * each command, too. Sound comes out as AUDIO events, 20 ms each, and goes in as a
 * source; the 20 ms clock is the deadline's. What a person should read goes to the log.
 */
#ifndef PTN_UA_UA_H
#define PTN_UA_UA_H

#include "base/dice.h"
#include "base/effect.h"
#include "base/log.h"
#include "media/stream.h"
#include "reach/reach.h"
#include "sip/sip.h"
#include "ua/relays.h"

struct ptn_ua;

/* Calls; 0 is none. Never used twice in the life of a phone. Accounts are known by their
 * place in the options, from 0. */
typedef uint32_t ptn_ua_call_id;

enum {
    PTN_UA_ACCOUNTS_MAX = 16,
    PTN_UA_LOCALS_MAX = 8,
    PTN_UA_STUN_MAX = 4,
    PTN_UA_CALLS_MAX = 64,
    PTN_UA_TEXT_MAX = 256,    /* of a name or URI, with its final zero */
    PTN_UA_EVIDENCE_MAX = 64, /* that status shows */
};

/* The longest a call waits for mapped addresses before it goes on with what is known. */
#define PTN_UA_GATHER_MAX PTN_MS(300)

/* Clean end: how long stop() waits for the answers to BYE and REGISTER. */
#define PTN_UA_STOP_MAX PTN_S(4)

enum ptn_ua_dialect {
    PTN_UA_STUN_AUTO,    /* modern, and classic too where the server is silent */
    PTN_UA_STUN_MODERN,  /* RFC 8489 */
    PTN_UA_STUN_CLASSIC, /* RFC 3489 */
};

/* How media is sent when it comes from elsewhere than the far end's SDP said (RFC 4961). */
enum ptn_ua_symmetric {
    PTN_UA_SYMMETRIC_ON,      /* to where it really comes from */
    PTN_UA_SYMMETRIC_SAME_IP, /* only the port may differ */
    PTN_UA_SYMMETRIC_OFF,     /* as the SDP says; media from elsewhere is dropped */
};

/* The port that connections of TCP and TLS are made from, and the one told in Contact and Via. */
enum ptn_ua_stream_port {
    PTN_UA_PORT_FIXED,         /* the one listened on, for both; where a NAT maps it, the mapped */
    PTN_UA_PORT_RANDOM_SOURCE, /* any; told is the one listened on */
    PTN_UA_PORT_RANDOM,        /* any; told is where the server sees the connection */
};

/* Texts as in struct ptn_sip_account. */
struct ptn_ua_account {
    const char *user;
    const char *domain;
    const char *display_name;
    const char *auth_user;
    const char *password;
    struct ptn_sip_host server;
    struct ptn_sip_host proxy;
    struct ptn_sip_host server_2, proxy_2;
    bool dialogs_by_proxy;
    bool registers_with_both; /* servers, at the same time */
    bool registers;
    unsigned expires_s;
    ptn_time retry_max;         /* between attempts to register, which begin with 2 s; 0: 60 s */
    unsigned session_expires_s; /* as in struct ptn_sip_account */
    bool session_refresher_uas;
    bool trusts_server_only;
    bool reliable;
    const char *mailbox;
    unsigned mailbox_expires_s;
    bool stays_registered;     /* stop() leaves the registration as it is */
    enum ptn_reach_policy nat; /* account.X.nat.nat_traversal */
    bool no_rport;             /* account.X.nat.rport = 0 */
    enum ptn_sip_keepalive keepalive;
    ptn_time keepalive_every;
    enum ptn_codec codecs[PTN_CODEC_COUNT]; /* best first */
    unsigned codec_count;                   /* 0: the phone's */
    unsigned ptime_ms;                      /* 0: the phone's */
};

struct ptn_ua_local {
    struct ptn_addr addr;
    unsigned prefix_bits; /* 0: 24 for IPv4, 64 for IPv6 */
};

struct ptn_ua_stun_server {
    const char *name; /* host name or address */
    uint16_t port;    /* 0: SRV, else 3478 */
};

/* TURN: relayed addresses for media that would not be reached at its mapped ones. */
struct ptn_ua_turn {
    struct ptn_relays_server servers[PTN_RELAYS_SERVERS_MAX];
    unsigned server_count; /* 0: no TURN */
    const char *user, *password;
    enum ptn_relays_by by;
    bool always; /* also for media that would be reached without */
};

/* Everything is copied except log, the samples of `source`, and nothing is changed later. */
struct ptn_ua_opts {
    struct ptn_ua_local locals[PTN_UA_LOCALS_MAX]; /* each gets a SIP socket; the first one of a
                                                    * server's family is used towards it */
    unsigned local_count;                          /* at least 1 */
    bool roams;          /* another address of this host may take the place of one that is gone */
    ptn_time t1, t2, t4; /* as in struct ptn_sip_opts */
    uint16_t sip_port;   /* UDP and, with `tcp`, TCP; 0: any */
    uint16_t tls_port;   /* 0: connects from any, and does not listen */
    bool tcp, tls;       /* some account needs them */
    enum ptn_ua_stream_port stream_port;
    uint16_t rtp_port_min, rtp_port_max; /* even ports for RTP, the next one for RTCP */
    struct ptn_ua_account accounts[PTN_UA_ACCOUNTS_MAX];
    unsigned account_count;
    struct ptn_ua_stun_server stun[PTN_UA_STUN_MAX];
    unsigned stun_count;
    struct ptn_ua_turn turn;
    bool ice; /* RFC 8445, with far ends that speak it */
    enum ptn_ua_dialect stun_dialect;
    ptn_time stun_every;    /* between two questions on a socket; 0: 20 s */
    bool no_discovery;      /* do not look for the NAT's type */
    struct ptn_addr manual; /* set by hand, port 0: the socket's own; none: not set */
    enum ptn_codec codecs[PTN_CODEC_COUNT]; /* of accounts that name none, best first */
    unsigned codec_count;                   /* 0: all, PCMU first */
    unsigned ptime_ms;                      /* the same; 0: 20 */
    enum ptn_ua_symmetric symmetric;
    ptn_time register_within; /* each account begins to register at a random moment within it */
    bool no_outbound;         /* as in struct ptn_sip_account */
    bool reports_nat;         /* REGISTER says of which type the NAT is, once that is known */
    unsigned calls_max;       /* 0: 4 */
    unsigned warm_pairs;      /* RTP and RTCP sockets kept ready with known mappings; 0: 1 */
    bool auto_answer;
    ptn_time auto_answer_after;
    ptn_time ringing_max;  /* an incoming call that nobody answered is refused (480) then; 0: 180 s,
                            * PTN_NEVER: no limit */
    ptn_time ringback_max; /* the same of a call of ours that rings at the far end: given up */
    struct ptn_source source; /* of calls that are given no other; zero is silence */
    const char *user_agent;
    const char *instance; /* "urn:uuid:…" or NULL */
    uint8_t sip_dscp, rtp_dscp;
    struct ptn_dice dice;
    const struct ptn_log *log; /* may be NULL; outlives the phone */
};

/* INVALID: an option is out of its range, or an account's text is not fit for SIP. */
enum ptn_err ptn_ua_new(const struct ptn_ua_opts *opts, struct ptn_ua **out);

/* Sends nothing more. NULL is fine. */
void ptn_ua_free(struct ptn_ua *ua);

/* Once, before anything else. */
void ptn_ua_start(struct ptn_ua *ua, ptn_time now);

void ptn_ua_input(struct ptn_ua *ua, ptn_time now, const struct ptn_tell *tell);
void ptn_ua_tick(struct ptn_ua *ua, ptn_time now);
bool ptn_ua_output(struct ptn_ua *ua, ptn_time now, struct ptn_ask *ask);
ptn_time ptn_ua_deadline(const struct ptn_ua *ua);

/* The same four, for a host. */
struct ptn_machine ptn_ua_machine(struct ptn_ua *ua);

/* ---- commands ---- */

/* `target` is "1002", "1002@example.org" or a whole sip: URI. `call` is set on PTN_OK only.
 * INVALID: no such account or no URI; NO_ROOM: too many calls; UNREACHABLE: the account's
 * server is not known (yet). */
enum ptn_err ptn_ua_dial(struct ptn_ua *ua, ptn_time now, unsigned account, const char *target,
                         ptn_ua_call_id *call);

/* These are false when there is no such call, or it is not at a moment for it. */
bool ptn_ua_answer(struct ptn_ua *ua, ptn_time now, ptn_ua_call_id call);
bool ptn_ua_reject(struct ptn_ua *ua, ptn_time now, ptn_ua_call_id call, unsigned status);
bool ptn_ua_hang_up(struct ptn_ua *ua, ptn_time now, ptn_ua_call_id call);

/* Puts a call on hold, or takes it back: HOLD follows, or CHANGE_FAILED and all is as it was.
 * Meanwhile and while it is held, nothing but silence is sent. */
bool ptn_ua_hold(struct ptn_ua *ua, ptn_time now, ptn_ua_call_id call, bool hold);

/* Hands a call on: to `target`, as in dial, or where `other` is not 0 to the far end of that call,
 * which is up too. TRANSFER tells how it goes; when the far end has been answered the call is hung
 * up. */
bool ptn_ua_transfer(struct ptn_ua *ua, ptn_time now, ptn_ua_call_id call, const char *target,
                     ptn_ua_call_id other);

/* What the far end hears from now on; also before the call is answered. */
bool ptn_ua_set_source(struct ptn_ua *ua, ptn_ua_call_id call, const struct ptn_source *source);

/* Sends a text of at most PTN_SIP_TEXT_BYTES_MAX bytes; MESSAGE_SENT follows, with `message`.
 * Errors as in dial. */
enum ptn_err ptn_ua_message(struct ptn_ua *ua, ptn_time now, unsigned account, const char *target,
                            const char *text, unsigned *message);

/* All accounts. */
void ptn_ua_register(struct ptn_ua *ua, ptn_time now);
void ptn_ua_unregister(struct ptn_ua *ua, ptn_time now);

/* Hangs up, withdraws registrations; STOPPED follows within PTN_UA_STOP_MAX. */
void ptn_ua_stop(struct ptn_ua *ua, ptn_time now);

/* ---- events ---- */

enum ptn_ua_event_kind {
    PTN_UA_REGISTERED,      /* account, addr: the contact bound, lease_s */
    PTN_UA_REGISTER_FAILED, /* account, status (0: nobody answered), why, retry_in */
    PTN_UA_UNREGISTERED,    /* account */
    PTN_UA_INCOMING,        /* call, account, peer, peer_name, call_id: answer or reject it */
    PTN_UA_RINGING,         /* call, status: our call rings at the far end */
    PTN_UA_ANSWERED,        /* call: media flows from now on, in both directions */
    PTN_UA_HEARD,           /* call: the first packet of the far end's sound has come */
    PTN_UA_ENDED,         /* call, ended, status, reason, call_id, stats or NULL; the id is void */
    PTN_UA_HOLD,          /* call, held, held_there: who has put the call on hold now */
    PTN_UA_CHANGE_FAILED, /* call, status: the far end did not take our hold or resume */
    PTN_UA_TRANSFER,      /* call, status: how our transfer goes; from 200 on the last word */
    PTN_UA_REFERRED,      /* call, other, peer: its far end made us call `peer` */
    PTN_UA_MESSAGE,       /* account, peer, peer_name, text */
    PTN_UA_MESSAGE_SENT,  /* account, message, status (0: nobody answered), reason */
    PTN_UA_MESSAGES_WAITING, /* account, waiting, messages_new, messages_old */
    PTN_UA_NAT_CHANGED,      /* text: what is known of the NAT now */
    PTN_UA_SOCKET_FAILED,    /* addr: the local address wanted, why. SIP's only */
    PTN_UA_AUDIO,            /* call, pcm: PTN_FRAME_SAMPLES samples received */
    PTN_UA_STOPPED,
};

/* Texts, pcm and stats are borrowed until the next call into the phone. */
struct ptn_ua_event {
    enum ptn_ua_event_kind kind;
    unsigned account;
    ptn_ua_call_id call;
    ptn_ua_call_id other; /* REFERRED; INCOMING: the call that this one replaces, or 0 */
    struct ptn_addr addr;
    unsigned status;
    unsigned lease_s;
    enum ptn_err why;
    ptn_time retry_in;
    enum ptn_sip_ended ended;
    bool held, held_there;
    unsigned message;
    bool waiting; /* the mailbox has something new */
    unsigned messages_new, messages_old;
    const char *reason;
    const char *peer, *peer_name;
    const char *call_id; /* SIP's; "" when no message was sent */
    const char *text;
    const int16_t *pcm;
    const struct ptn_stream_stats *stats;
};

bool ptn_ua_event(struct ptn_ua *ua, ptn_time now, struct ptn_ua_event *ev);

/* ---- status ---- */

enum ptn_ua_account_state {
    PTN_UA_ACCOUNT_WAITING, /* its server is not known yet, or its socket is not open */
    PTN_UA_ACCOUNT_DIRECT,  /* does not register */
    PTN_UA_ACCOUNT_REGISTERING,
    PTN_UA_ACCOUNT_REGISTERED,
    PTN_UA_ACCOUNT_FAILED, /* tries again at `retry_at` */
    PTN_UA_ACCOUNT_UNREGISTERED,
};

enum ptn_ua_call_state {
    PTN_UA_CALL_GATHERING, /* waits for mapped addresses before the INVITE or the answer */
    PTN_UA_CALL_DIALLED,   /* INVITE sent */
    PTN_UA_CALL_RINGING,   /* here or there */
    PTN_UA_CALL_UP,
    PTN_UA_CALL_ENDING, /* hung up; waits for the far end's word */
};

enum ptn_ua_socket_use {
    PTN_UA_SOCKET_SIP,
    PTN_UA_SOCKET_RTP,
    PTN_UA_SOCKET_RTCP,
};

enum ptn_ua_mailbox_state {
    PTN_UA_MAILBOX_UNASKED, /* not (yet) */
    PTN_UA_MAILBOX_SUBSCRIBED,
    PTN_UA_MAILBOX_FAILED,
};

struct ptn_ua_mailbox {
    enum ptn_ua_mailbox_state state;
    ptn_time until;       /* subscribed so long; failed: asked again then */
    unsigned last_status; /* of a failure; 0: nobody answered, or it ended */
    bool heard;           /* it has told something, which is: */
    bool waiting;
    unsigned messages_new, messages_old;
};

struct ptn_ua_account_status {
    char user[PTN_UA_TEXT_MAX];
    char server_name[PTN_UA_TEXT_MAX]; /* of the one that is used */
    enum ptn_ua_account_state state;
    struct ptn_addr server;          /* none while not known */
    enum ptn_transport transport;    /* towards it */
    enum ptn_err server_why;         /* looking it up has failed, if only in part */
    struct ptn_addr instead_of;      /* who would be used, had he not failed; none: nobody */
    enum ptn_err fault;              /* how he has */
    struct ptn_addr also_at;         /* registered there, too; none: nowhere */
    struct ptn_reach_answer contact; /* what is told to the server, and why */
    ptn_time contact_since;
    struct ptn_addr contact_before; /* none: it is the first */
    unsigned contact_changes;
    unsigned lease_s;
    ptn_time registered_at, retry_at;
    unsigned last_status;  /* of the last REGISTER; 0: none, or nobody answered */
    enum ptn_err last_why; /* with 0 */
    struct ptn_ua_mailbox mailbox;
};

struct ptn_ua_socket_status {
    enum ptn_ua_socket_use use;
    enum ptn_transport transport;
    struct ptn_addr local;
    struct ptn_addr mapped;  /* by STUN; none while not known */
    struct ptn_addr relayed; /* by TURN; none where there is none */
    enum ptn_reach_nat nat;
    ptn_ua_call_id call; /* 0: none, or SIP's */
};

/* What somebody has seen of a SIP socket: the ground on which a contact is chosen. */
struct ptn_ua_evidence_status {
    unsigned socket; /* index below */
    struct ptn_reach_evidence is;
};

struct ptn_ua_stun_status {
    char name[PTN_UA_TEXT_MAX];
    struct ptn_addr addr; /* none while not resolved */
    enum ptn_err why;     /* its name leads nowhere now */
    bool answers;         /* it has answered the last question on some socket */
    bool classic;         /* in the dialect of RFC 3489 */
};

/* Of TURN, as a whole. */
struct ptn_ua_turn_status {
    bool wanted;               /* there is a server in the settings */
    unsigned standing;         /* allocations, at this moment */
    uint64_t begun, lost;      /* ever */
    struct ptn_turn_way way;   /* that led to the last one; server none: none has yet */
    bool is_wrong;             /* the last attempt failed: */
    struct ptn_turn_way wrong; /* by this way */
    enum ptn_turn_why why;
};

struct ptn_ua_call_status {
    ptn_ua_call_id id;
    unsigned account;
    bool incoming;
    enum ptn_ua_call_state state;
    bool held, held_there; /* by us; by the far end */
    char peer[PTN_UA_TEXT_MAX];
    char peer_name[PTN_UA_TEXT_MAX];
    char call_id[PTN_UA_TEXT_MAX];  /* SIP's; "" before the INVITE */
    ptn_time began_at, answered_at; /* answered_at: PTN_NEVER before */
    enum ptn_codec codec;           /* PTN_CODEC_COUNT: not agreed yet */
    struct ptn_addr rtp_local;
    struct ptn_reach_answer rtp;   /* what SDP told, and why */
    struct ptn_addr rtp_signalled; /* the far end's SDP; none before */
    struct ptn_addr rtp_remote;    /* where media really goes */
    char way[PTN_UA_TEXT_MAX];     /* with ICE: by which pair, in words; else "" */
    bool relayed;                  /* by way of a TURN server: */
    struct ptn_turn_way relay;     /* server none: by none at the moment */
    bool has_stats;
    struct ptn_stream_stats stats;
};

/* A snapshot; everything is inside, which makes it some 100 kB: not for the stack. Entries beyond
 * their count are left as they were. */
struct ptn_ua_status {
    char nat_type[PTN_UA_TEXT_MAX]; /* by discovery, in words */
    enum ptn_reach_nat nat;         /* of the first SIP socket */
    struct ptn_addr mapped;         /* by discovery; none while not known */
    bool stopping;
    unsigned account_count, socket_count, stun_count, call_count;
    struct ptn_ua_account_status accounts[PTN_UA_ACCOUNTS_MAX];
    struct ptn_ua_stun_status stun[PTN_UA_STUN_MAX];
    struct ptn_ua_turn_status turn;
    struct ptn_ua_call_status calls[PTN_UA_CALLS_MAX];
    struct ptn_ua_socket_status sockets[3 * PTN_UA_LOCALS_MAX + 4 * PTN_UA_CALLS_MAX];
    unsigned evidence_count;
    struct ptn_ua_evidence_status evidence[PTN_UA_EVIDENCE_MAX];
};

void ptn_ua_status(const struct ptn_ua *ua, ptn_time now, struct ptn_ua_status *out);

/* What a server has done that is not used, with its address before it: "does not answer". */
const char *ptn_ua_fault_text(enum ptn_err fault);

#endif
