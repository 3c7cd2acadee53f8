/*
 * net/scenario.h - a scenario file: an internet, what happens to it, and what runs in it.
 *
 * One text for the lab and the simulator, described in docs/scenarios.md. Text
 * in, tables out; nothing is opened or run here. Things refer to each other by
 * their index in these tables; names and words are owned by the scenario.
 */
#ifndef PTN_NET_SCENARIO_H
#define PTN_NET_SCENARIO_H

#include "base/addr.h"
#include "base/bytes.h"
#include "base/effect.h"
#include "base/err.h"
#include "base/time.h"
#include "nat/nat.h"

enum {
    PTN_SCENARIO_NONE = -1,
    PTN_SCENARIO_ADDRS_MAX = 8,
    PTN_SCENARIO_PREFIXES_MAX = 4,
    PTN_SCENARIO_LEGS_MAX = 8,
    PTN_SCENARIO_ERROR_MAX = 300,
};

/* What one direction of a wire does to packets. */
struct ptn_scenario_link {
    ptn_time delay;                  /* of every packet */
    ptn_time jitter;                 /* on top, evenly from 0; keeps the order */
    double loss, duplicate, reorder; /* shares, 0 to 1 */
    ptn_time reorder_by;             /* how long a reordered packet is held back at most */
    uint64_t rate;                   /* bits a second; 0: without limit */
    ptn_time queue;                  /* with a rate: what waits longer is dropped */
};

/* The words of a wire's link line, as bits: which numbers a change sets. */
enum {
    PTN_LINK_DELAY = 1,
    PTN_LINK_JITTER = 2,
    PTN_LINK_LOSS = 4,
    PTN_LINK_DUPLICATE = 8,
    PTN_LINK_REORDER = 16,
    PTN_LINK_RATE = 32,
    PTN_LINK_QUEUE = 64,
};

/* Up is away from the inside: from a host to its gateway, out of a box's outside leg. */
enum ptn_scenario_way { PTN_WAY_UP, PTN_WAY_DOWN, PTN_WAYS };

struct ptn_scenario_prefix {
    struct ptn_addr addr;
    unsigned bits;
};

/* Silence, or an ICMP error. */
enum ptn_scenario_unasked { PTN_UNASKED_DROP, PTN_UNASKED_REJECT };

struct ptn_scenario_wire {
    const char *name;
    struct ptn_scenario_prefix prefixes[PTN_SCENARIO_PREFIXES_MAX];
    unsigned prefix_count;
    struct ptn_scenario_link link[PTN_WAYS];
    unsigned mtu;
    enum ptn_scenario_unasked unknown; /* what a packet for nobody gets */
};

struct ptn_scenario_leg {
    int wire;
    struct ptn_addr addr; /* port 0 */
};

/* A host that the lab or the simulator gives life; a packet leaves by the wire of its source. */
struct ptn_scenario_host {
    const char *name;
    struct ptn_scenario_leg legs[PTN_SCENARIO_ADDRS_MAX];
    unsigned leg_count;
};

enum ptn_scenario_box_kind { PTN_BOX_ROUTER, PTN_BOX_NAT, PTN_BOX_FIREWALL };

/* Between wires. A router's legs are all alike; a NAT or firewall has inside and outside legs. */
struct ptn_scenario_box {
    const char *name;
    enum ptn_scenario_box_kind kind;
    struct ptn_scenario_leg inside[PTN_SCENARIO_LEGS_MAX], outside[PTN_SCENARIO_ADDRS_MAX];
    unsigned inside_count, outside_count; /* outside: one wire; of a NAT, its pool */
    uint8_t only;                         /* enum ptn_family; NONE: both. A NAT is always IPv4 */
    struct ptn_nat_opts nat;              /* NAT and firewall */
    enum ptn_scenario_unasked unasked;    /* what a stranger's packet gets */
    bool drops_fragments;                 /* else they are put together first (RFC 4787 REQ-14) */
};

struct ptn_scenario_record {
    const char *name; /* lower case, no final dot; "*.x" answers for all below x */
    struct ptn_dns_record record;
};

enum ptn_scenario_dns_mode {
    PTN_DNS_ANSWERS,
    PTN_DNS_GONE,  /* silence */
    PTN_DNS_FAILS, /* SERVFAIL */
    PTN_DNS_LIES,  /* every A and AAAA is one address */
};

struct ptn_scenario_dns {
    enum ptn_scenario_dns_mode mode;
    ptn_time delay;         /* before each answer */
    struct ptn_addr lie[2]; /* IPv4, IPv6; none: no such record */
};

struct ptn_scenario_nameserver {
    const char *name;
    struct ptn_scenario_leg legs[PTN_SCENARIO_ADDRS_MAX];
    unsigned leg_count;
    struct ptn_scenario_dns dns;
    struct ptn_scenario_record *records;
    unsigned record_count;
};

enum ptn_scenario_action {
    PTN_ACTION_REBOOT,       /* box */
    PTN_ACTION_BOX_ADDRESS,  /* box: legs replace its outside addresses */
    PTN_ACTION_HOST_ADDRESS, /* host: legs replace all its addresses */
    PTN_ACTION_DOWN,         /* wire */
    PTN_ACTION_UP,           /* wire */
    PTN_ACTION_LINK,         /* wire: link, as far as link_sets says */
    PTN_ACTION_DNS,          /* nameserver: dns replaces its behaviour */
    PTN_ACTION_RECORDS,      /* nameserver: records replace those of their name */
};

struct ptn_scenario_event {
    ptn_time at; /* from the start */
    enum ptn_scenario_action action;
    unsigned subject; /* in boxes, hosts, wires or nameservers */
    struct ptn_scenario_leg legs[PTN_SCENARIO_ADDRS_MAX];
    unsigned leg_count;
    struct ptn_scenario_link link[PTN_WAYS];
    unsigned link_sets[PTN_WAYS]; /* PTN_LINK_…, or'ed */
    struct ptn_scenario_dns dns;
    struct ptn_scenario_record *records;
    unsigned record_count;
    const char *text; /* as written, after the time: "reboot nat-a" */
    unsigned line;
};

/* For the lab only. */
struct ptn_scenario_program {
    const char *name; /* `as`, else the command's last path part */
    unsigned host;
    const char *const *argv; /* argc words and NULL */
    unsigned argc;
    ptn_time start;        /* `after 2s`: from the start, or from when `wait_for` spoke */
    int wait_for;          /* `after NAME says TEXT`: index in programs, or PTN_SCENARIO_NONE */
    const char *wait_text; /* and a part of a line it prints */
    ptn_time stop;         /* `until 30s`: SIGTERM then; PTN_NEVER: not */
    bool background;       /* does not keep the lab running; SIGTERM when the others are done */
    int exit_expected;     /* `exit 3`; not looked at when it was sent SIGTERM */
};

struct ptn_scenario_forward {
    unsigned host;
    uint16_t port, local_port; /* TCP, on the host and on the machine's loopback */
};

struct ptn_scenario_capture {
    unsigned wire;
    const char *file;
};

struct ptn_scenario {
    const char *file; /* its name, for messages */
    struct ptn_scenario_wire *wires;
    struct ptn_scenario_host *hosts;
    struct ptn_scenario_box *boxes;
    struct ptn_scenario_nameserver *nameservers;
    struct ptn_scenario_event *events; /* in the order of their times */
    struct ptn_scenario_program *programs;
    struct ptn_scenario_forward *forwards;
    struct ptn_scenario_capture *captures;
    unsigned wire_count, host_count, box_count, nameserver_count;
    unsigned event_count, program_count, forward_count, capture_count;
    struct ptn_scenario_block *blocks; /* every word and small array above lives in one of them */
};

/* Copies `text`. On PTN_ERR_INVALID, `error` is one line: "FILE:LINE: …"; on PTN_OK it is empty. */
enum ptn_err ptn_scenario_new(struct ptn_scenario **out, const char *file, struct ptn_bytes text,
                              char error[static PTN_SCENARIO_ERROR_MAX]);
void ptn_scenario_free(struct ptn_scenario *s);

/* Index by name, or PTN_SCENARIO_NONE. */
int ptn_scenario_host(const struct ptn_scenario *s, const char *name);
int ptn_scenario_wire(const struct ptn_scenario *s, const char *name);
int ptn_scenario_box(const struct ptn_scenario *s, const char *name);
int ptn_scenario_nameserver(const struct ptn_scenario *s, const char *name);

/* Sets those numbers of `link` that `sets` names to what they are in `to`. */
void ptn_scenario_change_link(struct ptn_scenario_link *link, const struct ptn_scenario_link *to,
                              unsigned sets);

/* One more event, as after `at` ("30s reboot nat-a"), to be given to ptn_net_apply(); owned by
 * `s`. NULL with a line in `error`. */
const struct ptn_scenario_event *ptn_scenario_event(struct ptn_scenario *s, const char *text,
                                                    char error[static PTN_SCENARIO_ERROR_MAX]);

#endif
