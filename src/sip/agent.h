/*
 * sip/agent.h - what the agent is made of; for this room's files only.
 *
 *   sip.c           the verbs, the queues of asks and events
 *   transport.c     sockets and connections: bytes in, bytes out
 *   names.c         hosts to places, best first, and kept      search.c  one such look-up
 *   failures.c      places that did not answer
 *   exchange.c      transactions with their bytes and their users
 *   client.c        of these, the requests of ours
 *   syntax.c        the form of messages            body.c      and of bodies of several parts
 *   server.c        requests that come in: who is meant, and the rules before that
 *   ways.c          an account's servers and proxies, and which of them is used
 *   account.c       accounts                registration.c  REGISTER
 *   keepalive.c     the way kept open       outbound.c      what REGISTER agrees on besides
 *   opinion.c       whose fault silence is
 *   calls.h         calls, which are twelve files    target.c        texts dialled
 *   note.c          texts, waiting messages         subscription.c  asking to be told of these
 *
 * A lower file never calls a higher one, but for the two ways up: a response goes to the
 * user of its transaction (client.c) and a request to server.c.
 */
#ifndef PTN_SIP_AGENT_H
#define PTN_SIP_AGENT_H

#include "base/heap.h"
#include "sip/dialog.h"
#include "sip/digest.h"
#include "sip/msg.h"
#include "sip/sip.h"
#include "sip/stream.h"
#include "sip/transaction.h"
#include "sip/where.h"
#include "stun/msg.h"
#include "stun/txn.h"

enum {
    PTN_SIP_SOCKETS_MAX = 24,
    PTN_SIP_CONNS_MAX = 64,
    PTN_SIP_ACCEPTED_MAX = 40, /* of these, made by others */
    PTN_SIP_PONGERS_MAX = 8,
    PTN_SIP_SENDS = 4,    /* of a request, before the next place is asked */
    PTN_SIP_WAYS_MAX = 4, /* of an account: two servers, two proxies */
    PTN_SIP_ACCOUNTS_MAX = 64,
    PTN_SIP_CALL_CHAINS = 64, /* by Call-ID */
    PTN_SIP_NOTES_MAX = 16,   /* texts of ours on their way */
    PTN_SIP_OUT_MAX = 40960,  /* headers received, a description, and some */
};

/* ---- sockets and connections ---- */

struct ptn_sip_socket {
    ptn_id id; /* 0: free */
    enum ptn_transport transport;
    struct ptn_addr local;
    bool open;
    bool is_opinion; /* opinion.c's, and nobody else's */
};

struct ptn_sip_conn {
    ptn_id id; /* 0: free */
    ptn_id socket;
    enum ptn_transport transport;
    struct ptn_addr remote;
    bool up;
    bool accepted;     /* the far end connected to us */
    bool pongs;        /* the far end has answered a ping, here or on a connection before */
    ptn_time heard;    /* when it began, or said something that was whole */
    ptn_time up_by;    /* not up by then: given up. PTN_NEVER: it is up */
    ptn_time pong_due; /* PTN_NEVER: no ping is out */
    struct ptn_sip_stream stream;
};

/* ---- where a message goes ---- */

struct ptn_sip_hop {
    ptn_id socket; /* UDP: leaves here. Streams: the listener whose port is the source port */
    enum ptn_transport transport;
    ptn_id conn; /* streams: 0 until there is one */
    struct ptn_addr to;
    const char *name; /* TLS: whose certificate; borrowed */
};

enum ptn_sip_sent {
    PTN_SIP_SENT,
    PTN_SIP_SENT_LATER, /* the connection is being made */
    PTN_SIP_NOT_SENT,   /* no such socket, no room */
};

/* ---- transactions ---- */

enum ptn_sip_user {
    PTN_SIP_FOR_NOBODY, /* what comes back changes nothing: BYE of a stray fork */
    PTN_SIP_FOR_REGISTRATION,
    PTN_SIP_FOR_KEEPALIVE,
    PTN_SIP_FOR_CALL,
    PTN_SIP_FOR_LIFETIME, /* UPDATE of a call that lasts */
    PTN_SIP_FOR_UPDATE,   /* UPDATE with an offer */
    PTN_SIP_FOR_REFER,
    PTN_SIP_FOR_NOTE,
    PTN_SIP_FOR_OPINION,
    PTN_SIP_FOR_PRACK,
    PTN_SIP_FOR_SUBSCRIPTION,
    PTN_SIP_FOR_NEXT_HOP,
};

typedef uint32_t ptn_sip_txn_id; /* 0: none */

struct ptn_sip_entry {
    ptn_sip_txn_id id; /* 0: free */
    struct ptn_sip_txn txn;
    char *key;
    uint32_t key_hash;
    uint32_t next; /* slot + 1: of the same bucket, or of the free ones */
    enum ptn_sip_user user;
    ptn_sip_id user_id;
    struct ptn_sip_hop hop;
    /* client */
    struct ptn_sip_target *target; /* NULL: it has been answered */
    ptn_sip_id account;            /* whose patience it has; 0: nobody's */
    ptn_id socket;                 /* as wished, and how we are called there */
    struct ptn_addr via;
    bool veiled;               /* `via` is shown to nobody */
    bool for_home;             /* a REGISTER that was written for a server in our own network */
    struct ptn_sip_dest *ways; /* where it may go, best first; NULL: not known yet */
    unsigned way_count, way;   /* `way`: where it goes now */
    bool within, new_business; /* as asked */
    bool settled;              /* it goes where `hop` leads, and nowhere else */
    bool left;       /* an INVITE, silent here and sent elsewhere: only its late answers matter */
    bool called_off; /* of such a one */
    bool waiting;    /* for a name or a connection */
    ptn_time waits_until, gives_up; /* gives up: on this place, while it is silent */
    struct ptn_sip_in request;      /* server: to answer it later */
    uint8_t *bytes;                 /* the request, or the last response; libre counts them */
    size_t size;
};

/* What is sent: everything but the Via, which the exchange makes. */
struct ptn_sip_ask_request {
    enum ptn_sip_user user;
    ptn_sip_id user_id;
    ptn_sip_id account; /* 0: nobody's */
    struct ptn_sip_target target;
    bool within;              /* a dialog: the account's other servers may do, too */
    bool new_business;        /* waits for the registration where the server wants that first */
    struct ptn_sip_dest only; /* goes there and nowhere else; none: wherever the target leads */
    struct ptn_sip_path path;
    struct ptn_sip_request request;
};

/* ---- accounts ---- */

enum ptn_sip_reg_state {
    PTN_SIP_REG_IDLE,    /* nothing wanted, or no path yet */
    PTN_SIP_REG_TRYING,  /* a REGISTER is out */
    PTN_SIP_REG_BOUND,   /* until `next` */
    PTN_SIP_REG_BACKOFF, /* until `next` */
};

struct ptn_sip_reg {
    enum ptn_sip_reg_state state;
    bool wanted, leaving; /* leaving: un-register, then tell */
    bool again;           /* something changed while a REGISTER was out */
    bool resting;         /* the first one waits for its time, or a NAT for silence */
    bool challenged;      /* the next one goes on with this one's chain */
    bool suspected;       /* its connection, for its silence, since the last answer */
    bool looks;           /* the one that is out shows no contact: it is to learn one */
    unsigned looked;      /* how often that was answered, and taught nothing */
    char *call_id, *from_tag;
    uint32_t cseq;
    uint32_t expires_s;
    ptn_sip_txn_id txn;
    unsigned way, moves; /* of the REGISTER that is out; from how many others it has come */
    unsigned bound_way;
    enum ptn_transport asked_transport, bound_transport;
    struct ptn_sip_auth_chain chain;
    struct ptn_addr asked, bound; /* contacts: of the request out; at the registrar */
    ptn_time bound_until;
    unsigned failures;
    ptn_time asked_at, cut_off_at; /* cut off: since when there is no connection; PTN_NEVER */
    ptn_time next;
};

/* What keeps the way from the server open. */
struct ptn_sip_pulse {
    enum ptn_sip_keepalive kind;
    ptn_time every, next;
    ptn_time due;        /* a question is out, and answered by then; PTN_NEVER: none is */
    unsigned sent;       /* of those that nobody answers */
    unsigned asks;       /* in a row without an answer */
    unsigned losses;     /* flows lost in a row */
    ptn_time deaf_until; /* with `losses`: until then silence means nothing */
    ptn_sip_txn_id txn;  /* OPTIONS or NOTIFY */
    bool no_stun;        /* the registrar promised it and did not answer */
    struct ptn_stun_txn stun;
    struct ptn_stun_id stun_id;
};

/* RFC 5626, 3327, 3608: what the registrar agreed to in its last 200. */
struct ptn_sip_outbound {
    bool offers;           /* reg-id goes with the contact */
    bool granted;          /* and the registrar took it as a flow */
    uint32_t flow_timer_s; /* keep-alives at least so often; 0: it did not say */
    char *route;           /* of later requests, "<sip:…>, <sip:…>"; NULL: the account's */
};

/* One of the ways by which an account may be served: a server, straight or by a proxy. */
struct ptn_sip_way {
    struct ptn_sip_target server, *proxy; /* NULL: straight */
    const struct ptn_sip_target *hop;     /* the proxy, or the server again */
    char *domain, *aor, *registrar, *route;
    struct ptn_sip_rule rule;
    unsigned sends_max, expires_s;
    bool register_first;
};

enum ptn_sip_sub_state {
    PTN_SIP_SUB_IDLE,    /* not wanted, not yet, or left */
    PTN_SIP_SUB_TRYING,  /* a SUBSCRIBE is out */
    PTN_SIP_SUB_HELD,    /* until `until`; refreshed at `next` */
    PTN_SIP_SUB_WAITING, /* until `next` */
};

/* To the waiting messages of a mailbox. */
struct ptn_sip_subscription {
    enum ptn_sip_sub_state state;
    char *target; /* as dialled; "": the account itself; NULL: not wanted */
    unsigned expires_s, failures;
    struct ptn_sip_dialog dialog;
    struct ptn_sip_auth_chain chain;
    ptn_sip_txn_id txn;
    ptn_time next, until, held_since;
    struct ptn_addr told; /* the contact, and the socket, that it was told last */
    ptn_id told_socket;
};

struct ptn_sip_acct {
    ptn_sip_id id;
    char *user, *auth_user, *password, *instance;
    struct ptn_sip_way *ways; /* best first */
    unsigned way_count, way;  /* `way`: the one used now; what follows is its */
    const char *aor;          /* "Name" <sip:user@domain> */
    const char *domain;
    const char *registrar; /* Request-URI of REGISTER */
    const char *route;     /* "<sip:proxy;lr>" or "" */
    bool domain_is_server;
    bool has_hop; /* it has a server or a proxy */
    const struct ptn_sip_target *server, *hop;
    struct ptn_sip_rule rule;
    ptn_time refreshed_at; /* its registration, last */
    bool dialogs_by_proxy;
    struct ptn_addr path_for;             /* `hop_addr` when the owner said the path */
    struct ptn_addr hop_addr, instead_of; /* of `hop`; of a better one that has failed */
    enum ptn_transport hop_transport;
    enum ptn_err fault;   /* of `instead_of` */
    enum ptn_err hop_why; /* as last told */
    ptn_time hop_until;
    bool registers;
    unsigned session_expires_s; /* 0: not asked for */
    bool session_refresher_uas;
    bool trusts_server_only;
    bool reliable; /* shows 100rel */
    struct ptn_sip_pulse pulse;
    struct ptn_sip_outbound outbound;
    ptn_time retry_first, retry_max, register_after;
    struct ptn_sip_path path;
    struct ptn_sip_auth auth;
    struct ptn_sip_reg reg;
    struct ptn_sip_subscription mailbox;
};

/* ---- calls ---- */

#include "sip/calls.h"

/* ---- texts ---- */

struct ptn_sip_note {
    ptn_sip_id id, account;       /* 0: free */
    struct ptn_sip_dialog dialog; /* its names and numbers only */
    struct ptn_sip_auth_chain chain;
    char *text, *dialled;
    unsigned way, moves; /* as of a call */
};

/* ---- the agent ---- */

struct ptn_sip_ask_node {
    struct ptn_sip_ask_node *next;
    struct ptn_ask ask;
    char *name;
    void *held; /* whose bytes they are; NULL: its own, below */
    uint8_t bytes[];
};

struct ptn_sip_event_node {
    struct ptn_sip_event_node *next;
    struct ptn_sip_event event;
    struct ptn_sdp *sdp;
    char *texts[6];
    uint8_t *text;
};

struct ptn_sip {
    struct ptn_sip_opts opts;
    struct ptn_dice dice;
    struct ptn_crypto *crypto;
    char *software, *warning;
    struct ptn_sip_ask_node *asks, **asks_end, *ask_shown;
    struct ptn_sip_event_node *events, **events_end, *event_shown;
    struct ptn_sip_socket sockets[PTN_SIP_SOCKETS_MAX];
    struct ptn_sip_conn conns[PTN_SIP_CONNS_MAX];
    uint32_t crowd_key;                               /* of who connected to us */
    struct ptn_sip_dest pongers[PTN_SIP_PONGERS_MAX]; /* who answers pings; none: free */
    unsigned ponger_next;
    struct ptn_sip_name names[PTN_SIP_NAMES_MAX];
    struct ptn_sip_failure failures[PTN_SIP_FAILURES_MAX];
    unsigned failure_count;
    uint32_t ids_drawn;
    struct ptn_sip_entry *entries;
    uint32_t *buckets; /* slot + 1, by hash of the key */
    uint32_t entry_count, entry_free, entry_rounds, entry_hand, bucket_mask;
    uint32_t
        entry_touched; /* entries from here on were never taken: their memory is not there yet */
    struct ptn_heap timers; /* of entries */
    struct ptn_sip_acct *accounts[PTN_SIP_ACCOUNTS_MAX];
    struct ptn_sip_session **calls; /* see calls.c */
    struct ptn_sip_session *living, *dead, *named[PTN_SIP_CALL_CHAINS];
    uint32_t call_slots, call_slots_max, call_slot_last, call_rounds, live_calls;
    struct ptn_sip_opinion {
        ptn_sip_id account;         /* 0: nothing is asked */
        ptn_id socket;              /* of another port; 0: our own port is asked */
        ptn_time not_before, until; /* asked again, given up */
        unsigned rests;
    } opinion;
    struct ptn_sip_note notes[PTN_SIP_NOTES_MAX];
    ptn_sip_id last_id;
    uint64_t counts[PTN_SIP_VERDICTS];
    uint8_t out[PTN_SIP_OUT_MAX]; /* where messages are printed */
};

/* sip.c */
void ptn_sip_ask(struct ptn_sip *s, const struct ptn_ask *ask);
/* The same without a copy: `held`, which libre counts, has the ask's bytes, and they stay. */
void ptn_sip_ask_held(struct ptn_sip *s, const struct ptn_ask *ask, void *held);
void ptn_sip_tell(struct ptn_sip *s, const struct ptn_sip_event *ev);
ptn_id ptn_sip_draw_id(struct ptn_sip *s);
bool ptn_sip_id_in_use(const struct ptn_sip *s, ptn_id id);

/* transport.c */
void ptn_sip_transport_input(struct ptn_sip *s, ptn_time now, const struct ptn_tell *tell);
/* `held` as of ptn_sip_ask_held(); NULL: `bytes` are copied. */
enum ptn_sip_sent ptn_sip_send(struct ptn_sip *s, ptn_time now, struct ptn_sip_hop *hop,
                               struct ptn_bytes bytes, void *held);
struct ptn_sip_socket *ptn_sip_find_socket(struct ptn_sip *s, ptn_id id);
/* The socket or listener that `id` is, or that the connection `id` came to or went from. */
ptn_id ptn_sip_listener_of(struct ptn_sip *s, ptn_id id);
bool ptn_sip_has_family(const struct ptn_sip *s, enum ptn_transport transport, uint8_t family);
/* The socket a message for `hop` leaves by; 0: there is none of that kind. */
ptn_id ptn_sip_socket_for(struct ptn_sip *s, const struct ptn_sip_hop *hop);
/* False: there is no connection to it. */
bool ptn_sip_ping_stream(struct ptn_sip *s, ptn_time now, const struct ptn_sip_hop *hop);
/* The connection there, if any, is of no use. */
void ptn_sip_drop_stream(struct ptn_sip *s, ptn_time now, const struct ptn_sip_hop *hop);
void ptn_sip_transport_tick(struct ptn_sip *s, ptn_time now);
ptn_time ptn_sip_transport_deadline(const struct ptn_sip *s);
void ptn_sip_transport_fini(struct ptn_sip *s);

/* exchange.c */
ptn_sip_txn_id ptn_sip_exchange_ask(struct ptn_sip *s, ptn_time now,
                                    struct ptn_sip_ask_request *ask);
/* Sent once, outside any transaction: the ACK of a 2xx. */
void ptn_sip_exchange_ack(struct ptn_sip *s, ptn_time now, struct ptn_sip_ask_request *ask);
ptn_sip_txn_id ptn_sip_exchange_cancel(struct ptn_sip *s, ptn_time now, ptn_sip_txn_id invite);
void ptn_sip_exchange_respond(struct ptn_sip *s, ptn_time now, ptn_sip_txn_id id,
                              const struct ptn_sip_response *r);
/* Sends the last response again. */
void ptn_sip_exchange_repeat(struct ptn_sip *s, ptn_time now, ptn_sip_txn_id id);
void ptn_sip_exchange_drop(struct ptn_sip *s, ptn_sip_txn_id id);
struct ptn_sip_entry *ptn_sip_exchange_find(struct ptn_sip *s, ptn_sip_txn_id id);
enum ptn_err ptn_sip_exchange_init(struct ptn_sip *s);
/* Gives a transaction to a call. */
void ptn_sip_exchange_assign(struct ptn_sip *s, ptn_sip_txn_id id, struct ptn_sip_session *c);
void ptn_sip_exchange_forget(struct ptn_sip *s, enum ptn_sip_user user, ptn_sip_id user_id);
/* A datagram or a message cut from a stream; `in` says where it came from. */
void ptn_sip_exchange_input(struct ptn_sip *s, ptn_time now, struct ptn_bytes bytes,
                            struct ptn_sip_in *in);
/* Names are known or a connection is up: what waited goes on. */
void ptn_sip_exchange_resume(struct ptn_sip *s, ptn_time now);
void ptn_sip_exchange_conn_lost(struct ptn_sip *s, ptn_time now, ptn_id conn, enum ptn_err why);
void ptn_sip_exchange_tick(struct ptn_sip *s, ptn_time now);
ptn_time ptn_sip_exchange_deadline(const struct ptn_sip *s);
void ptn_sip_exchange_fini(struct ptn_sip *s);

/* exchange.c, for client.c */
enum { PTN_SIP_KEY_MAX = 2048 };
uint32_t ptn_sip_entry_slot(const struct ptn_sip *s, const struct ptn_sip_entry *e);
bool ptn_sip_entry_is_client(const struct ptn_sip_entry *e);
struct ptn_sip_entry *ptn_sip_entry_find(struct ptn_sip *s, const char *key, bool client);
/* NULL: no room. */
struct ptn_sip_entry *ptn_sip_entry_add(struct ptn_sip *s, const char *key,
                                        enum ptn_sip_txn_kind kind);
void ptn_sip_entry_count(struct ptn_sip *s, const struct ptn_sip_entry *e, int by);
void ptn_sip_entry_release(struct ptn_sip *s, struct ptn_sip_entry *e);
void ptn_sip_entry_set_timer(struct ptn_sip *s, const struct ptn_sip_entry *e);
/* Another key. False: no memory, and all is as it was. */
bool ptn_sip_entry_rekey(struct ptn_sip *s, struct ptn_sip_entry *e, const char *key);
/* What was written becomes the entry's bytes. */
/* It has been answered and sends nothing any more: it only waits for repeats. */
void ptn_sip_entry_lighten(struct ptn_sip_entry *e);
bool ptn_sip_entry_keep(struct ptn_sip_entry *e, const struct ptn_writer *w);
/* Its bytes (again). */
void ptn_sip_entry_send(struct ptn_sip *s, ptn_time now, struct ptn_sip_entry *e);
struct ptn_sip_txn_opts ptn_sip_txn_opts_for(const struct ptn_sip *s, enum ptn_transport transport);

/* client.c: the way a message takes up */
void ptn_sip_client_answered(struct ptn_sip *s, ptn_time now, const struct ptn_sip_in *in);
/* Nothing came from where it went: on to the next place, or up to its user. */
void ptn_sip_client_lost(struct ptn_sip *s, ptn_time now, struct ptn_sip_entry *e,
                         enum ptn_err why);
/* ICMP says that nobody is there: who can turn to somebody else does. */
void ptn_sip_client_unreachable(struct ptn_sip *s, ptn_time now, const struct ptn_addr *to);
/* Finds the way and, once there is one, begins. */
void ptn_sip_client_begin(struct ptn_sip *s, ptn_time now, struct ptn_sip_entry *e,
                          enum ptn_sip_txn_kind kind);
/* The entry is gone afterwards. */
void ptn_sip_client_fail(struct ptn_sip *s, ptn_time now, struct ptn_sip_entry *e,
                         enum ptn_err why);

/* server.c: a request without transaction yet; `entry` 0 for an ACK. */
void ptn_sip_serve(struct ptn_sip *s, ptn_time now, ptn_sip_txn_id id, struct ptn_sip_in *in);
/* 400 and the like, for what can be answered but not worked with. */
void ptn_sip_serve_bad(struct ptn_sip *s, ptn_time now, const struct ptn_sip_in *in,
                       unsigned status);
void ptn_sip_reject(struct ptn_sip *s, ptn_time now, ptn_sip_txn_id id, unsigned status,
                    const char *headers);

/* ways.c */
/* False: no memory, or a text that does not fit. */
bool ptn_sip_ways_init(struct ptn_sip_acct *a, const struct ptn_sip_account *o);
void ptn_sip_ways_fini(struct ptn_sip_acct *a);
/* Chooses the best of the ways that work, and learns its address; asks again when it may be old. */
void ptn_sip_account_look_up(struct ptn_sip *s, ptn_time now, struct ptn_sip_acct *a);
/* Is a server of the account's at this address? */
bool ptn_sip_account_has_server(struct ptn_sip *s, const struct ptn_sip_acct *a,
                                const struct ptn_addr *addr);
/* What leads to one of its servers may go to the others as well: appends them. */
void ptn_sip_account_add_others(struct ptn_sip *s, ptn_time now, const struct ptn_sip_acct *a,
                                struct ptn_sip_places *places);
/* The name that a certificate must hold there; NULL: not one of its servers. */
const char *ptn_sip_account_name_of(struct ptn_sip *s, const struct ptn_sip_acct *a,
                                    const struct ptn_sip_dest *dest);
/* The dialog's first request is made anew, for the way used now. */
bool ptn_sip_account_readdress(const struct ptn_sip_acct *a, struct ptn_sip_dialog *d,
                               const char *dialled);
/* Must a request wait until the server has taken our registration? */
bool ptn_sip_account_registers_first(const struct ptn_sip_acct *a);
const char *ptn_sip_transport_parameter(enum ptn_transport transport);

/* account.c */
struct ptn_sip_acct *ptn_sip_find_account(const struct ptn_sip *s, ptn_sip_id id);
/* Whom a request from outside means; NULL: nobody here. */
struct ptn_sip_acct *ptn_sip_account_for(struct ptn_sip *s, const struct ptn_sip_in *in);
bool ptn_sip_account_challenged(struct ptn_sip *s, struct ptn_sip_acct *a,
                                struct ptn_sip_auth_chain *chain, const struct ptn_sip_in *in);
/* May whom the call is with hear what is derived from our password? Whoever calls could else
 * challenge our BYE, and guess the password from what we answer: also by way of our server, which
 * hands such a challenge on as it hands on any other answer. The same for whom we called, where our
 * server is not on the way any more. */
bool ptn_sip_call_trusts(struct ptn_sip *s, const struct ptn_sip_session *c);

/* Authorization lines into `buf`; "" without. False: no room. */
bool ptn_sip_account_authorize(struct ptn_sip *s, struct ptn_sip_acct *a, const char *method,
                               const char *uri, char *buf, size_t size);
void ptn_sip_accounts_resume(struct ptn_sip *s, ptn_time now);
void ptn_sip_accounts_tick(struct ptn_sip *s, ptn_time now);
ptn_time ptn_sip_accounts_deadline(const struct ptn_sip *s);
void ptn_sip_accounts_fini(struct ptn_sip *s);
/* "<sip:user@contact>" with the transport where it is not UDP. */
void ptn_sip_print_contact(const char *user, enum ptn_transport transport,
                           const struct ptn_addr *contact, char *buf, size_t size);

/* keepalive.c */
void ptn_sip_keepalive_start(struct ptn_sip *s, ptn_time now, struct ptn_sip_acct *a);
void ptn_sip_keepalive_stop(struct ptn_sip *s, struct ptn_sip_acct *a);
void ptn_sip_keepalive_answered(struct ptn_sip *s, ptn_time now, ptn_sip_id account,
                                const struct ptn_sip_in *in);
/* True when the datagram was the answer to a question of ours. */
bool ptn_sip_keepalive_stun(struct ptn_sip *s, const struct ptn_tell *tell);
void ptn_sip_keepalive_conn_lost(struct ptn_sip *s, ptn_time now, const struct ptn_sip_conn *conn);
void ptn_sip_keepalive_tick(struct ptn_sip *s, ptn_time now, struct ptn_sip_acct *a);
ptn_time ptn_sip_keepalive_deadline(const struct ptn_sip_acct *a);
/* How long until the next one: a little less than its interval, by chance. */
ptn_time ptn_sip_keepalive_wait(struct ptn_sip *s, const struct ptn_sip_acct *a);

/* opinion.c: REGISTER goes unanswered; does the server answer another port? */
void ptn_sip_opinion_want(struct ptn_sip *s, ptn_time now, struct ptn_sip_acct *a);
void ptn_sip_opinion_opened(struct ptn_sip *s, ptn_time now, const struct ptn_sip_socket *k);
void ptn_sip_opinion_failed(struct ptn_sip *s, ptn_time now);
void ptn_sip_opinion_tick(struct ptn_sip *s, ptn_time now);
/* The registrar has answered the account. */
void ptn_sip_opinion_heard(struct ptn_sip *s, ptn_time now, const struct ptn_sip_acct *a);
void ptn_sip_opinion_answered(struct ptn_sip *s, ptn_time now, ptn_sip_id account,
                              const struct ptn_sip_in *in);

/* outbound.c */
void ptn_sip_outbound_fini(struct ptn_sip_outbound *o);
/* Header lines of a REGISTER, and parameters of its Contact. */
void ptn_sip_outbound_print_headers(const struct ptn_sip_acct *a, struct ptn_writer *w);
void ptn_sip_outbound_print_contact(const struct ptn_sip_acct *a, struct ptn_writer *w);
/* Is a contact with our instance that of our flow? */
bool ptn_sip_outbound_is_ours(const struct ptn_sip_acct *a, const struct sip_addr *contact);
/* Takes a 200 in. */
void ptn_sip_outbound_taken(struct ptn_sip_acct *a, const struct ptn_sip_in *in);
/* A 439: true when the REGISTER is to be sent again without it. */
bool ptn_sip_outbound_refused(struct ptn_sip_acct *a);
/* Another server is used: what that one said of later requests is void. */
void ptn_sip_outbound_forget(struct ptn_sip_acct *a);
/* The route of a new request that is no REGISTER; "" for none. */
const char *ptn_sip_account_route(const struct ptn_sip_acct *a);
/* Where such a request goes first; false: the account has no server. */
bool ptn_sip_account_aim(const struct ptn_sip_acct *a, struct ptn_sip_target *target);

/* registration.c */
/* Nothing is sent for so long, whatever changes but the socket. */
void ptn_sip_reg_rest(struct ptn_sip *s, ptn_time now, struct ptn_sip_acct *a, ptn_time span);
/* There is a path now. */
void ptn_sip_reg_begin(struct ptn_sip *s, ptn_time now, struct ptn_sip_acct *a);
void ptn_sip_reg_go(struct ptn_sip *s, ptn_time now, struct ptn_sip_acct *a);
/* The socket is another: what is out went the old way. */
void ptn_sip_reg_renew(struct ptn_sip *s, ptn_time now, struct ptn_sip_acct *a);
void ptn_sip_reg_answered(struct ptn_sip *s, ptn_time now, ptn_sip_id account,
                          const struct ptn_sip_in *in, enum ptn_err why);
void ptn_sip_reg_tick(struct ptn_sip *s, ptn_time now, struct ptn_sip_acct *a);
void ptn_sip_reg_fini(struct ptn_sip_reg *r);

/* target.c */
bool ptn_sip_print_target(const struct ptn_sip_acct *a, const char *target, char *uri, size_t size);
/* The Replaces that a URI carries, NULL where it has none; the caller frees. False: it is broken.
 */
bool ptn_sip_target_replaces(const char *target, char **value);
/* As it may stand in a URI's header. */
void ptn_sip_print_escaped(struct ptn_writer *w, const char *text);

/* note.c; `in` NULL: nobody answered */
void ptn_sip_note_answered(struct ptn_sip *s, ptn_time now, ptn_sip_id id,
                           const struct ptn_sip_in *in);
void ptn_sip_note_received(struct ptn_sip *s, ptn_time now, ptn_sip_txn_id id,
                           struct ptn_sip_acct *a, const struct ptn_sip_in *in);
void ptn_sip_note_notified(struct ptn_sip *s, ptn_time now, ptn_sip_txn_id id,
                           struct ptn_sip_acct *a, const struct ptn_sip_in *in);
void ptn_sip_notes_fini(struct ptn_sip *s);
/* Tells what a NOTIFY says of waiting messages, if it does. */
void ptn_sip_mailbox_says(struct ptn_sip *s, const struct ptn_sip_acct *a,
                          const struct ptn_sip_in *in);

/* subscription.c; false: no memory */
bool ptn_sip_subscription_init(struct ptn_sip_subscription *u, const struct ptn_sip_account *o);
void ptn_sip_subscription_fini(struct ptn_sip_subscription *u);
/* The account is registered, or need not be; or its path is another. */
void ptn_sip_subscription_ready(struct ptn_sip *s, ptn_time now, struct ptn_sip_acct *a);
void ptn_sip_subscription_leave(struct ptn_sip *s, ptn_time now, struct ptn_sip_acct *a);
/* `in` NULL: nobody answered. */
void ptn_sip_subscription_answered(struct ptn_sip *s, ptn_time now, ptn_sip_id account,
                                   const struct ptn_sip_in *in);
/* Whose subscription a request belongs to; NULL: nobody's. */
struct ptn_sip_acct *ptn_sip_subscription_of(const struct ptn_sip *s, const struct ptn_sip_in *in);
void ptn_sip_subscription_notified(struct ptn_sip *s, ptn_time now, ptn_sip_txn_id id,
                                   struct ptn_sip_acct *a, const struct ptn_sip_in *in);
void ptn_sip_subscription_tick(struct ptn_sip *s, ptn_time now, struct ptn_sip_acct *a);
ptn_time ptn_sip_subscription_deadline(const struct ptn_sip_acct *a);

#endif
