/*
 * relay/budget.h - how much is given away to whom has not shown that he gets it.
 *
 * A forged source address makes of a server a tool against whoever has that
 * address. What counts is by how many bytes answers exceed requests: per address
 * (IPv6: per /64), per /24 or /56, and over all. The tables are of fixed size and know
 * addresses by a keyed hash. Nobody is ever banned: a spent budget fills again at its
 * rate, and before it is empty long answers become short ones.
 */
#ifndef PTN_RELAY_BUDGET_H
#define PTN_RELAY_BUDGET_H

#include "relay/relay.h"

/* When all that was spent will be forgiven; and how fast and how far one may go into debt. */
struct ptn_relay_allowance {
    ptn_time per_byte, burst;
};

struct ptn_relay_debt {
    uint32_t tag;
    uint32_t zero;
    ptn_time clear; /* free of debt at */
};

struct ptn_relay_debts {
    struct ptn_relay_debt *rows; /* sets of four */
    uint64_t key[2];
    uint32_t mask; /* of sets */
    struct ptn_relay_allowance allowance;
};

struct ptn_relay_limits {
    bool off;
    struct ptn_relay_debts address, prefix, change, lookup;
    struct ptn_relay_allowance global, refusals;
    ptn_time global_clear, refusals_clear;
};

/* OK or NO_MEMORY. The budgets are one worker's share. */
enum ptn_err ptn_relay_limits_init(struct ptn_relay_limits *l, const struct ptn_relay_opts *opts,
                                   struct ptn_dice *dice);
void ptn_relay_limits_fini(struct ptn_relay_limits *l);

/* Other figures from now on; debts stay. */
void ptn_relay_limits_change(struct ptn_relay_limits *l, const struct ptn_relay_opts *opts);

enum ptn_relay_grant {
    PTN_RELAY_GRANT_NONE, /* no answer */
    PTN_RELAY_GRANT_LESS, /* the short form */
    PTN_RELAY_GRANT_FULL,
};

/* An answer of `full` bytes, or of `less` (at most `full`), to a request of `request` bytes. */
enum ptn_relay_grant ptn_relay_limits_ask(struct ptn_relay_limits *l, ptn_time now,
                                          const struct ptn_addr *to, size_t request, size_t full,
                                          size_t less);

/* The same for an answer that has no shorter form and is no more than 1.6 times its request:
 * `surplus` bytes longer. For the path of every datagram. */
bool ptn_relay_limits_ask_short(struct ptn_relay_limits *l, ptn_time now, const struct ptn_addr *to,
                                size_t surplus);

/* An answer by another socket than the one that was asked. */
bool ptn_relay_limits_ask_change(struct ptn_relay_limits *l, ptn_time now,
                                 const struct ptn_addr *to, size_t request, size_t answer);

/* A 401 or 438 to somebody who has shown nothing. */
bool ptn_relay_limits_ask_refusal(struct ptn_relay_limits *l, ptn_time now,
                                  const struct ptn_addr *to, size_t request, size_t answer);

/* A look-up of a user nobody knows yet, for somebody who has shown that he is at `from`. */
bool ptn_relay_limits_ask_lookup(struct ptn_relay_limits *l, ptn_time now,
                                 const struct ptn_addr *from);

#endif
