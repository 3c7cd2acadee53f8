/*
 * os/resolver.h - names to records, without waiting.
 *
 * Asks the name servers of resolv.conf, after the hosts file and after looking
 * whether the name is an address already. Several types are asked at once and
 * come back as one answer. A resolv.conf that has changed is read anew, for a
 * machine that was carried elsewhere, or started before its network.
 */
#ifndef PTN_OS_RESOLVER_H
#define PTN_OS_RESOLVER_H

#include "base/effect.h"
#include "os/loop.h"

struct ptn_resolver;

/* Its descriptors are on `l` under `owner`, with keys from PTN_RESOLVER_KEYS up. `servers` NULL:
 * those of the system; else "address:port,address:port". */
#define PTN_RESOLVER_KEYS (UINT64_C(1) << 48)
enum ptn_err ptn_resolver_new(struct ptn_loop *l, uint8_t owner, const char *servers,
                              struct ptn_resolver **out);

/* Open questions are dropped. */
void ptn_resolver_free(struct ptn_resolver *r);

/* `token` comes back with the answer. `types` are enum ptn_dns_type, or'ed, at least one. */
enum ptn_err ptn_resolver_ask(struct ptn_resolver *r, uint64_t token, const char *name,
                              unsigned types);

/* No answer will come for `token`. */
void ptn_resolver_cancel(struct ptn_resolver *r, uint64_t token);

void ptn_resolver_ready(struct ptn_resolver *r, const struct ptn_ready *ready);
void ptn_resolver_tick(struct ptn_resolver *r);
ptn_time ptn_resolver_deadline(struct ptn_resolver *r, ptn_time now);

struct ptn_resolver_answer {
    uint64_t token;
    enum ptn_err why; /* PTN_OK: the servers have spoken, perhaps to say that there is no such
                         record; PTN_ERR_NO_SUCH_NAME: they say that nothing has this name */
    const struct ptn_dns_record *records; /* borrowed until the next call */
    size_t record_count;
};

/* The next answer; false when there is none. */
bool ptn_resolver_answer(struct ptn_resolver *r, struct ptn_resolver_answer *answer);

#endif
