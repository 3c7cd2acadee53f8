/*
 * sim/resolver.h - one question to the name servers, over UDP.
 *
 * What a host's resolver library does for a program: a query for each type
 * asked for, repeated to the servers in turn, the answers put together. It
 * sends from one socket that its owner opens; answers with another id or from
 * elsewhere are passed over. No cache: lifetimes are the business of who asked.
 */
#ifndef PTN_SIM_RESOLVER_H
#define PTN_SIM_RESOLVER_H

#include "base/bytes.h"
#include "base/dice.h"
#include "base/effect.h"

enum {
    PTN_SIM_RESOLVER_SERVERS_MAX = 4,
    PTN_SIM_RESOLVER_TYPES = 4,
};

struct ptn_sim_resolver_opts {
    struct ptn_addr servers[PTN_SIM_RESOLVER_SERVERS_MAX]; /* with their port */
    unsigned server_count;
    ptn_time wait;      /* for an answer, before the next server is asked */
    unsigned sends_max; /* queries in all for each type, at least 1 */
};

struct ptn_sim_resolver;

/* Any of enum ptn_dns_type in `types`. PTN_ERR_INVALID when `name` cannot be a name. Copies. */
enum ptn_err ptn_sim_resolver_new(struct ptn_sim_resolver **out, ptn_time now,
                                  const struct ptn_sim_resolver_opts *opts, const char *name,
                                  unsigned types, struct ptn_dice *dice);
void ptn_sim_resolver_free(struct ptn_sim_resolver *r);

void ptn_sim_resolver_input(struct ptn_sim_resolver *r, ptn_time now, const struct ptn_addr *from,
                            struct ptn_bytes message);

/* An ICMP error for a query: the next server is asked at once. */
void ptn_sim_resolver_unreachable(struct ptn_sim_resolver *r, ptn_time now,
                                  const struct ptn_addr *server);

void ptn_sim_resolver_tick(struct ptn_sim_resolver *r, ptn_time now);

/* A query to send; `message` is borrowed until the next call. */
bool ptn_sim_resolver_output(struct ptn_sim_resolver *r, ptn_time now, struct ptn_addr *to,
                             struct ptn_bytes *message);

ptn_time ptn_sim_resolver_deadline(const struct ptn_sim_resolver *r);

/* True once every type has been answered or given up. Then `why` is PTN_OK with the records of
 * whatever was answered, owned by `r` (none: no such record), PTN_ERR_NO_SUCH_NAME, or the reason
 * why nothing was answered. */
bool ptn_sim_resolver_done(const struct ptn_sim_resolver *r, enum ptn_err *why,
                           const struct ptn_dns_record **records, size_t *count);

#endif
