/*
 * sip/sip.h - a SIP user agent as a pure machine: accounts, registrations, calls.
 *
 * The agent owns transports, transactions, digest, registrations, dialogs and
 * sessions. It decides no addresses: from which socket an account speaks and under
 * which address it can be reached (Via, Contact) is told by the owner, who asks
 * `reach`, and may change at any time. It takes no media decisions: descriptions
 * enter and leave as values.
 *
 *   owner                                        agent
 *   ptn_sip_listen(udp, 192.168.1.9:5060)   ->   asks OPEN; event SOCKET_OPENED
 *   ptn_sip_account_add(alice at example)   ->   asks RESOLVE; event SERVER {address}
 *   ptn_sip_account_use(socket, contact)    ->   REGISTER …; event REGISTERED
 *   ptn_sip_call(account, "1002", sdp)      ->   INVITE …; events PROGRESS, ANSWERED, ENDED
 *
 * Driven as every machine (base/effect.h): inputs, tick, outputs until there is none,
 * events until there is none, one deadline. The functions that tell the agent what to do
 * may be called at any moment between these; take outputs, events and deadline after them.
 *
 * RFC 3261, 3262, 3263, 3264, 3311, 3327, 3428, 3515, 3581, 3608, 3842, 3891, 4028, 4320,
 * 5626, 6026, 6665, 7616.
 */
#ifndef PTN_SIP_SIP_H
#define PTN_SIP_SIP_H

#include "base/dice.h"
#include "base/effect.h"
#include "sip/sdp.h"

struct ptn_sip;

/* Accounts and calls; 0 is none. Never used twice in the life of an agent. */
typedef uint32_t ptn_sip_id;

struct ptn_sip_opts {
    ptn_id id_first, id_count; /* sockets, connections and queries take ids from this range */
    struct ptn_dice dice;
    const char *user_agent; /* User-Agent and Server; NULL: not sent */
    ptn_time t1, t2, t4;    /* RFC 3261 §17.1.1.1; 0: 500 ms, 4 s, 5 s */
    bool no_rport;          /* do not ask for RFC 3581 answers */
    bool random_tcp_port;   /* connect from any port instead of the listener's */
    uint8_t dscp;
    unsigned calls_max;        /* 0: 32; a call beyond it is answered 486 */
    unsigned transactions_max; /* 0: 1024; requests beyond it are answered 503, statelessly */
};

enum ptn_err ptn_sip_new(const struct ptn_sip_opts *opts, struct ptn_sip **out);

/* Silent: what is registered stays registered (see ptn_sip_unregister). NULL is fine. */
void ptn_sip_free(struct ptn_sip *s);

void ptn_sip_input(struct ptn_sip *s, ptn_time now, const struct ptn_tell *tell);
void ptn_sip_tick(struct ptn_sip *s, ptn_time now);
bool ptn_sip_output(struct ptn_sip *s, ptn_time now, struct ptn_ask *ask);
ptn_time ptn_sip_deadline(const struct ptn_sip *s);

/* Is `id` one of this agent's, so that a tell belongs here? Also for accepted connections. */
bool ptn_sip_owns(const struct ptn_sip *s, ptn_id id);

/* ---- sockets ---- */

/* Opens a UDP socket or, for TCP and TLS, a listener from whose port connections are made too.
 * `local` is one address of this host; port 0 is any. Answered by SOCKET_OPENED or SOCKET_FAILED.
 * Returns 0 when the id range is used up. */
ptn_id ptn_sip_listen(struct ptn_sip *s, ptn_time now, enum ptn_transport transport,
                      const struct ptn_addr *local);

/* The same for TCP and TLS without listening: connections are made from any port. SOCKET_OPENED
 * follows at once, with port 0. */
ptn_id ptn_sip_reach_out(struct ptn_sip *s, enum ptn_transport transport,
                         const struct ptn_addr *local);

/* Closes it; calls and accounts on it stay and wait for another path. */
void ptn_sip_close(struct ptn_sip *s, ptn_time now, ptn_id socket);

/* From which socket, and under which address the far end can reach that. */
struct ptn_sip_path {
    ptn_id socket;
    struct ptn_addr contact;
    bool veiled; /* it cannot, as far as is known: the contact is shown to nobody until the server
                  * has said where it sees us, or has been asked for that in vain */
};

/* ---- accounts ---- */

/* When a server that has failed is asked again, while another one answers. */
enum ptn_sip_failback {
    PTN_SIP_FAILBACK_SOON,    /* after 30 s, then after twice as long each time, up to 5 min */
    PTN_SIP_FAILBACK_TTL,     /* when the name servers' answer has expired; an address: soon */
    PTN_SIP_FAILBACK_REFRESH, /* with the next refresh of the registration */
    PTN_SIP_FAILBACK_AFTER,   /* after a time that is set */
};

struct ptn_sip_host {
    const char *name; /* host name or address; NULL: none */
    uint16_t port;    /* 0: SRV, else the transport's default */
    enum ptn_transport transport;
    bool by_naptr;      /* the name servers choose among the transports for which there are sockets;
                         * not asked where a port or an address is given */
    unsigned sends_max; /* of a request that is not answered, before another one is asked, where
                         * there is another; 0: 4 */
    enum ptn_sip_failback failback; /* when it is asked again after it has failed */
    ptn_time failback_after;        /* with AFTER; 0: not while others answer */
    unsigned expires_s;             /* instead of the account's; 0: that */
    bool register_first;            /* requests wait until it has taken our registration */
};

/* Sent to where REGISTER goes, once for all accounts that share a flow. Where an answer may be
 * waited for, its absence is KEEPALIVE_LOST and all of them register anew. */
enum ptn_sip_keepalive {
    PTN_SIP_KEEPALIVE_OFF,
    PTN_SIP_KEEPALIVE_CRLF, /* over streams the pong is waited for; over UDP nothing comes, so
                             * every second one is an OPTIONS while the account is registered, each
                             * where it has another server, or each a STUN request where the
                             * registrar keeps flows (RFC 5626) */
    PTN_SIP_KEEPALIVE_OPTIONS,
    PTN_SIP_KEEPALIVE_NOTIFY,
};

/* Texts are copied; each is at most 255 bytes. NULL is "none" or the default named. */
struct ptn_sip_account {
    const char *user;   /* required */
    const char *domain; /* of the address of record; NULL: the server's name */
    const char *display_name;
    const char *auth_user;      /* NULL: user */
    const char *password;       /* NULL: challenges fail the request */
    struct ptn_sip_host server; /* registrar and, without a proxy, next hop. Without either
                                 * the account calls URIs directly and does not register */
    struct ptn_sip_host proxy;  /* outbound proxy: where everything goes first (Route) */
    struct ptn_sip_host server_2, proxy_2; /* for when those have failed; a proxy serves both */
    bool dialogs_by_proxy; /* what is sent within a call goes to the proxy, too, whatever its route
                            * says */
    bool registers;
    unsigned expires_s;         /* asked for; 0: 3600 */
    unsigned session_expires_s; /* RFC 4028: calls are to be refreshed within so many seconds, at
                                 * least 90; 0: only where the far end wants it */
    bool session_refresher_uas; /* whom we ask to refresh: the side that was called */
    const char *instance;       /* +sip.instance, "urn:uuid:…"; NULL: none, and no flows */
    bool no_outbound;           /* do not offer flows (RFC 5626) */
    ptn_time register_after;    /* the first REGISTER waits so long, unless the owner asks for it */
    bool trusts_server_only;    /* calls and texts from elsewhere are answered 403 */
    bool reliable;              /* RFC 3262: ringing arrives, where the far end has it too; who
                                 * requires it is obeyed in any case */
    const char *mailbox;        /* RFC 3842: whose waiting messages it asks to be told of, as in
                                 * ptn_sip_call; "": its own; NULL: it does not ask */
    unsigned mailbox_expires_s; /* for how long at a time; 0: 3600 */
    enum ptn_sip_keepalive keepalive;
    ptn_time keepalive_every;        /* 0: 25 s */
    ptn_time retry_first, retry_max; /* back-off after a failed REGISTER; 0: 2 s, 60 s. While there
                                      * is no connection, every 2 s for two minutes before that */
};

/* Begins to look the next hop up; SERVER follows, also whenever its address changes.
 * INVALID: a text is missing, too long or holds characters that SIP forbids there. */
enum ptn_err ptn_sip_account_add(struct ptn_sip *s, ptn_time now,
                                 const struct ptn_sip_account *account, ptn_sip_id *id);

/* Forgets it at once: its calls end, nothing more is sent. Unregister first for a clean end. */
void ptn_sip_account_remove(struct ptn_sip *s, ptn_time now, ptn_sip_id account);

/* What Via and Contact of the account's new requests say from now on. The first path starts
 * registration where the account registers; another contact replaces the old one in one REGISTER.
 */
void ptn_sip_account_use(struct ptn_sip *s, ptn_time now, ptn_sip_id account,
                         const struct ptn_sip_path *path);

/* Something suggests that its server reaches us no longer where it did: the next keep-alive is due,
 * one that is answered. REFLEXIVE follows. */
void ptn_sip_doubt_account(struct ptn_sip *s, ptn_time now, ptn_sip_id account);

/* What each REGISTER from now on tells the server in a header, copied: `Warning: 399 postern
 * "text"`; NULL or "": nothing. False: no memory. */
bool ptn_sip_warn_registrar(struct ptn_sip *s, const char *text);

/* Registers now, whatever waits; after UNREGISTERED or when the owner knows better. */
void ptn_sip_register(struct ptn_sip *s, ptn_time now, ptn_sip_id account);

/* Withdraws the binding; ends in UNREGISTERED, also when nobody answers or nothing was bound. */
void ptn_sip_unregister(struct ptn_sip *s, ptn_time now, ptn_sip_id account);

/* ---- calls ---- */

/* `target` is "1002", "1002@example.org" or a whole sip: URI. `path` NULL: the account's.
 * INVALID: no URI; UNREACHABLE: no path yet; NO_ROOM. `call` is set on PTN_OK only. */
enum ptn_err ptn_sip_call(struct ptn_sip *s, ptn_time now, ptn_sip_id account, const char *target,
                          const struct ptn_sip_path *path, const struct ptn_sdp *offer,
                          ptn_sip_id *call);

/* After REDIRECTED: calls there, from `path` (NULL: as before) and with `offer`. False: it cannot.
 */
bool ptn_sip_call_follow(struct ptn_sip *s, ptn_time now, ptn_sip_id call,
                         const struct ptn_sip_path *path, const struct ptn_sdp *offer);

/* False when ptn_sip_call would answer INVALID: for an owner that has to gather first. */
bool ptn_sip_may_call(struct ptn_sip *s, ptn_sip_id account, const char *target);

/* The IP address in the far end's Contact, without port; none while that is not known, or a name.
 */
struct ptn_addr ptn_sip_call_far_end(const struct ptn_sip *s, ptn_sip_id call);

/* Provisional answer to an incoming call: 180, or 183 with a description. `contact` is the
 * address under which this call can be reached; NULL: the account's. Ignored at odd moments. */
void ptn_sip_call_progress(struct ptn_sip *s, ptn_time now, ptn_sip_id call, unsigned status,
                           const struct ptn_addr *contact, const struct ptn_sdp *sdp);

/* Answers an incoming call (INCOMING) or a change (OFFERED) with 200. `sdp` is the answer or, when
 * the event had none, our offer. Ignored at odd moments. */
void ptn_sip_call_accept(struct ptn_sip *s, ptn_time now, ptn_sip_id call,
                         const struct ptn_addr *contact, const struct ptn_sdp *sdp);

/* Refuses an incoming call (it ends) or a change (the call stays as it is): 400 to 699. */
void ptn_sip_call_reject(struct ptn_sip *s, ptn_time now, ptn_sip_id call, unsigned status);

/* Offers a change within an answered call (hold, resume, another address): MODIFIED or
 * MODIFY_FAILED follows. `path` NULL: as it was. False when a change is already under way, or
 * the call is not up. One that is not answered yet can be changed where the far end has finished
 * an offer and answer with us, reliably, and takes UPDATE (RFC 3311); where several ring, each of
 * them is told, and each has a word to say about it. */
bool ptn_sip_call_modify(struct ptn_sip *s, ptn_time now, ptn_sip_id call,
                         const struct ptn_sip_path *path, const struct ptn_sdp *offer);

/* The same of where the requests of an answered call go first. Nothing while that is asked already.
 */
void ptn_sip_doubt_call(struct ptn_sip *s, ptn_time now, ptn_sip_id call);

/* Calls the far end of an answered call anew, by its address of record instead of its contact, so
 * that the new call takes the old one's place there (RFC 3891) or is refused: for when nothing
 * that is said within the call arrives, because both sides have moved. Otherwise as ptn_sip_call;
 * both calls stay the owner's to end. INVALID: the account has no server who could find the far
 * end, or the call is not up. */
enum ptn_err ptn_sip_call_again(struct ptn_sip *s, ptn_time now, ptn_sip_id call,
                                const struct ptn_sip_path *path, const struct ptn_sdp *offer,
                                ptn_sip_id *again);

/* Hands an answered call on: to `target`, or where `other` (a call, 0: none) is not 0 to whom that
 * one is with, who then lets go of `other`. TRANSFER tells how it goes; the call stays the owner's
 * to end. False when the call or the target is not fit for it. */
bool ptn_sip_call_refer(struct ptn_sip *s, ptn_time now, ptn_sip_id call, const char *target,
                        ptn_sip_id other);

/* After REFERRED: how the call that it named goes, 101 to 699; 200 and more is the last word. */
void ptn_sip_call_refer_progress(struct ptn_sip *s, ptn_time now, ptn_sip_id call, unsigned status);

/* Its Call-ID, as in the messages; "" when there is no such call. Borrowed until the next call
 * into the agent. */
const char *ptn_sip_call_name(const struct ptn_sip *s, ptn_sip_id call);

/* Ends it by whatever the moment asks for: CANCEL, 603 or BYE. ENDED follows. */
void ptn_sip_call_hang_up(struct ptn_sip *s, ptn_time now, ptn_sip_id call);

/* ---- texts ---- */

enum { PTN_SIP_TEXT_BYTES_MAX = 1000 }; /* so that a MESSAGE goes over UDP in one piece */

/* Sends `text` (UTF-8) to `target`, as in ptn_sip_call; MESSAGE_SENT follows. INVALID: no URI, or
 * the text is empty or too long; UNREACHABLE: no path yet; NO_ROOM: too many are under way. */
enum ptn_err ptn_sip_message(struct ptn_sip *s, ptn_time now, ptn_sip_id account,
                             const char *target, const char *text, ptn_sip_id *message);

/* ---- events ---- */

enum ptn_sip_event_kind {
    PTN_SIP_SOCKET_OPENED,   /* socket, local */
    PTN_SIP_SOCKET_FAILED,   /* socket, why; also when a listener closes later */
    PTN_SIP_SERVER,          /* account, addr, transport: where its requests go; none: `why` it is
                              * unknown; with both, the last look-up has failed, if only in part.
                              * `name` of the server, and `server`: the address that would be used
                              * if it had not failed, or none; and how it has: `fault` */
    PTN_SIP_REGISTERED,      /* account, addr: the contact bound, lease_s granted to it, status */
    PTN_SIP_REGISTER_FAILED, /* account, status (0: nobody answered), why, retry_in */
    PTN_SIP_UNREGISTERED,    /* account, status (0: nobody answered, or nothing was bound) */
    PTN_SIP_REFLEXIVE,       /* socket, server, addr: where the server saw us (received, rport) */
    PTN_SIP_KEEPALIVE_LOST,  /* account: the server is silent; a REGISTER is on its way */
    PTN_SIP_MAPPING_DEAD,  /* account, retry_in: the server answers another port of ours, so the NAT
                            * is stuck; nothing is sent for so long, that it may forget */
    PTN_SIP_INCOMING,      /* call, account, peer, peer_name, called, call_id, socket, addr (the
                            * hop it came from), sdp (NULL: the caller awaits our offer) */
    PTN_SIP_PROGRESS,      /* call, status, sdp or NULL (early media) */
    PTN_SIP_REDIRECTED,    /* call, status, called, transport, direct: it goes on there when the
                            * owner says so */
    PTN_SIP_EARLY_ANSWER,  /* call, sdp: to an offer that our ringing brought */
    PTN_SIP_ANSWERED,      /* call, status, sdp: our call is up */
    PTN_SIP_ACKED,         /* call, sdp or NULL: their call is up; later, an answer to our offer */
    PTN_SIP_OFFERED,       /* call, sdp or NULL: they want a change; accept or reject it */
    PTN_SIP_MODIFIED,      /* call, sdp: our change was taken */
    PTN_SIP_MODIFY_FAILED, /* call, status; 408: nobody answers any more, and the owner decides
                            * what becomes of the call */
    PTN_SIP_TRANSFER,      /* call, status: how our REFER goes; from 200 on the last word */
    PTN_SIP_REFERRED,      /* call, called: we are to call this URI, for the far end */
    PTN_SIP_MESSAGE,       /* account, peer, peer_name, text */
    PTN_SIP_MESSAGE_SENT,  /* account, message, status (0: nobody answered) */
    PTN_SIP_SUBSCRIBED,    /* account, lease_s: its mailbox tells; also when it goes on to */
    PTN_SIP_SUBSCRIBE_FAILED, /* account, status (0: nobody answered, or it ended), retry_in */
    PTN_SIP_MESSAGES_WAITING, /* account, waiting, messages_new, messages_old */
    PTN_SIP_ENDED,            /* call, ended, status, reason; the id is void */
};

enum ptn_sip_ended {
    PTN_SIP_ENDED_BY_US,
    PTN_SIP_ENDED_BY_PEER,     /* BYE, or CANCEL before we answered */
    PTN_SIP_ENDED_REFUSED,     /* status says how */
    PTN_SIP_ENDED_TIMED_OUT,   /* nobody answered a request of ours */
    PTN_SIP_ENDED_NO_ACK,      /* our 200 was never acknowledged */
    PTN_SIP_ENDED_UNREACHABLE, /* no such name, no route, no connection */
    PTN_SIP_ENDED_BAD_SDP,     /* their description could not be read */
};

/* Texts and descriptions are borrowed until the next call into the agent. */
struct ptn_sip_event {
    enum ptn_sip_event_kind kind;
    ptn_id socket;
    ptn_sip_id account, call;
    ptn_sip_id replaces; /* INCOMING: the call that ends once this one is up; 0: none */
    bool again;          /* and it is that call's own far end who calls */
    struct ptn_addr local, addr, server;
    enum ptn_transport transport;
    enum ptn_err why, fault;
    unsigned status;
    unsigned lease_s;
    ptn_time retry_in; /* PTN_NEVER: not before the owner asks */
    enum ptn_sip_ended ended;
    const char *reason; /* the reason phrase, or a few words of ours */
    const char *peer, *peer_name, *called, *call_id, *name;
    bool direct;      /* REDIRECTED: not by the account's server */
    bool early_offer; /* INCOMING: the caller wants our offer with the ringing, not with the 200 */
    const struct ptn_sdp *sdp;
    ptn_sip_id message;
    struct ptn_bytes text;
    bool waiting; /* a mailbox has something new */
    uint32_t messages_new, messages_old;
};

bool ptn_sip_event(struct ptn_sip *s, struct ptn_sip_event *ev);

/* ---- counters ---- */

enum ptn_sip_verdict {
    PTN_SIP_TAKEN,
    PTN_SIP_KEEPALIVE_BYTES, /* CRLF and other bytes too short for a message */
    PTN_SIP_NOT_SIP,   /* no message libre can read; or Via, From, To, Call-ID or CSeq is missing */
    PTN_SIP_TRUNCATED, /* ends before its headers or its body do */
    PTN_SIP_TOO_LONG,  /* more than 64 KiB, or headers of more than 16 */
    PTN_SIP_BAD_HEADER, /* CSeq of another method, Content-Length …; a request is answered 400 */
    PTN_SIP_STRAY_RESPONSE, /* of no transaction of ours */
    PTN_SIP_STRAY_ACK,
    PTN_SIP_NO_ROOM, /* tables full */
    PTN_SIP_VERDICTS
};

/* How often each was given since the agent began. */
uint64_t ptn_sip_count(const struct ptn_sip *s, enum ptn_sip_verdict verdict);

/* A word for a log line: "stray response". */
const char *ptn_sip_verdict_text(enum ptn_sip_verdict verdict);

#endif
