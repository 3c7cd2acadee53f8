/*
 * discover/discover.h - what kind of NAT is this?
 *
 * Asks one or several STUN servers at once, over sockets of its own, the questions
 * of RFC 3489 §10.1 and of RFC 5780 §4.3 and §4.4, all in parallel as far as one
 * answer does not need another. Three results that stand apart: is there a NAT; of
 * which type, in the guide's names and in those of RFC 4787; and the mapped address.
 * What could not be learned is told with its reason.
 *
 * Answers in under a second where round trips are short, and in at most three (names
 * not counted) whatever happens. How sure it is: see discover.c.
 *
 * Verbs and order as in base/effect.h.
 */
#ifndef PTN_DISCOVER_DISCOVER_H
#define PTN_DISCOVER_DISCOVER_H

#include "base/dice.h"
#include "base/effect.h"
#include "stun/msg.h"

#define PTN_DISCOVER_SERVERS_MAX 8
#define PTN_DISCOVER_NAME_MAX 256

/* How many ids it may use from opts.first_id on. */
#define PTN_DISCOVER_IDS (2 + 4 * PTN_DISCOVER_SERVERS_MAX)

enum ptn_discover_dialect {
    PTN_DISCOVER_AUTO, /* modern first; the classic form as well where that stays silent */
    PTN_DISCOVER_CLASSIC,
    PTN_DISCOVER_MODERN,
};

struct ptn_discover_opts {
    ptn_id first_id;
    struct ptn_addr
        local; /* sockets are opened here, each on a port of its own (port is ignored) */

    /* "stun.example.org", "192.0.2.1", "2001:db8::1"; port 0: SRV, then 3478. Copied. */
    struct {
        const char *name;
        uint16_t port;
    } servers[PTN_DISCOVER_SERVERS_MAX];
    size_t server_count; /* at least 1 */
    enum ptn_discover_dialect dialect;
    ptn_time contact; /* without any answer for so long UDP is blocked; 0: 900 ms */
    struct ptn_dice dice;
};

enum ptn_discover_fact {
    PTN_DISCOVER_UNKNOWN,
    PTN_DISCOVER_NO,
    PTN_DISCOVER_YES,
};

/* The guide's names (RFC 3489 §5). Symmetric is every NAT whose mapping depends on the far end. */
enum ptn_discover_type {
    PTN_DISCOVER_TYPE_UNKNOWN,
    PTN_DISCOVER_UDP_BLOCKED,
    PTN_DISCOVER_OPEN,
    PTN_DISCOVER_UDP_FIREWALL, /* no NAT, but only those asked may answer ("symmetric firewall") */
    PTN_DISCOVER_FULL_CONE,
    PTN_DISCOVER_ADDRESS_RESTRICTED,
    PTN_DISCOVER_PORT_RESTRICTED,
    PTN_DISCOVER_SYMMETRIC,
};

/* RFC 4787 §4.1 for mapping, §5 for filtering. */
enum ptn_discover_sees {
    PTN_DISCOVER_SEES_UNKNOWN,
    PTN_DISCOVER_ENDPOINT_INDEPENDENT,
    PTN_DISCOVER_ADDRESS_DEPENDENT,
    PTN_DISCOVER_ADDRESS_AND_PORT_DEPENDENT,
    PTN_DISCOVER_DEPENDENT, /* on the far end, but on how much of it was not to be learned */
};

/* Why something stayed unknown, or what to add to UDP_BLOCKED. */
enum ptn_discover_why {
    PTN_DISCOVER_WHY_NONE,
    PTN_DISCOVER_NO_SOCKET,        /* no local socket could be opened */
    PTN_DISCOVER_NO_NAME,          /* no server's name could be resolved */
    PTN_DISCOVER_NO_ANSWER,        /* nobody answered */
    PTN_DISCOVER_ICMP_ERROR,       /* nobody answered, but somebody said "unreachable" */
    PTN_DISCOVER_REFUSED,          /* servers answered with errors only */
    PTN_DISCOVER_ONE_ADDRESS,      /* the server has no second address to ask from */
    PTN_DISCOVER_ALTERNATE_SILENT, /* it names one that does not answer */
    PTN_DISCOVER_CHANGE_IGNORED,   /* it answers from the same address whatever one asks */
    PTN_DISCOVER_OUT_OF_TIME,
};

enum ptn_discover_server_state {
    PTN_DISCOVER_SERVER_RESOLVING,
    PTN_DISCOVER_SERVER_UNRESOLVED,
    PTN_DISCOVER_SERVER_ASKED,
    PTN_DISCOVER_SERVER_ANSWERED,
    PTN_DISCOVER_SERVER_REFUSED, /* with errors only: error_code */
    PTN_DISCOVER_SERVER_SILENT,
};

struct ptn_discover_server {
    enum ptn_discover_server_state state;
    struct ptn_addr addr;          /* none while unresolved */
    enum ptn_err why;              /* UNRESOLVED */
    struct ptn_addr other;         /* its second address and port; none: has none */
    struct ptn_addr mapped;        /* how it saw the first socket */
    enum ptn_stun_dialect dialect; /* its own; valid when it answered */
    ptn_time rtt;                  /* the shortest seen; PTN_NEVER while none was */
    unsigned error_code;
    enum ptn_discover_sees filtering; /* as learned with this server */
    enum ptn_discover_why filtering_why;
};

struct ptn_discover_result {
    enum ptn_discover_fact nat;
    enum ptn_discover_type type;
    enum ptn_discover_why type_why;
    enum ptn_discover_sees mapping;
    enum ptn_discover_why mapping_why;
    enum ptn_discover_sees filtering;
    enum ptn_discover_why filtering_why;
    struct ptn_addr local, mapped; /* of one socket; mapped is none when nobody answered */
    enum ptn_discover_fact port_preserved;
    enum ptn_discover_fact hairpin; /* UNKNOWN also where there is no NAT to turn a packet round */
    double loss;                    /* of exchanges, from 0 to 1, as seen on the way */
    ptn_time took;                  /* from the first question */
    size_t server_count;
    struct ptn_discover_server servers[PTN_DISCOVER_SERVERS_MAX];
};

enum ptn_discover_event_kind {
    PTN_DISCOVER_MAPPED, /* an address is known; the rest will follow */
    PTN_DISCOVER_DONE,   /* the result is final and the sockets are closed */
};

struct ptn_discover_event {
    enum ptn_discover_event_kind kind;
    const struct ptn_discover_result *result; /* the machine's, until it is freed */
};

struct ptn_discover;

/* NULL when memory is short. Copies `opts`, names too (cut to PTN_DISCOVER_NAME_MAX - 1). */
struct ptn_discover *ptn_discover_new(const struct ptn_discover_opts *opts);
void ptn_discover_free(struct ptn_discover *d);

/* Once. */
void ptn_discover_start(struct ptn_discover *d, ptn_time now);

void ptn_discover_input(struct ptn_discover *d, ptn_time now, const struct ptn_tell *tell);
void ptn_discover_tick(struct ptn_discover *d, ptn_time now);
bool ptn_discover_output(struct ptn_discover *d, ptn_time now, struct ptn_ask *ask);
bool ptn_discover_event(struct ptn_discover *d, struct ptn_discover_event *ev);
ptn_time ptn_discover_deadline(const struct ptn_discover *d);

/* Final after DONE; before that what is known so far. */
const struct ptn_discover_result *ptn_discover_result(const struct ptn_discover *d);

/* For a host that runs machines. */
struct ptn_machine ptn_discover_machine(struct ptn_discover *d);

/* For people: "port-restricted cone", "address-and-port-dependent", "the server has one address
 * only", "yes". Never NULL. */
const char *ptn_discover_type_text(enum ptn_discover_type t);
const char *ptn_discover_sees_text(enum ptn_discover_sees s);
const char *ptn_discover_why_text(enum ptn_discover_why w);
const char *ptn_discover_fact_text(enum ptn_discover_fact f);

#endif
