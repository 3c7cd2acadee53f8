/*
 * tests/support/puppet.h - a machine on strings, for tests of a world.
 *
 * It asks what a test makes it ask and remembers all it is told. It decides
 * nothing, but may echo: every datagram and stream goes back to where it came from.
 */
#ifndef PTN_TEST_PUPPET_H
#define PTN_TEST_PUPPET_H

#include "base/effect.h"
#include "sim/world.h"

enum { PUPPET_BYTES_MAX = 70000, PUPPET_ASKS_MAX = 64, PUPPET_TELLS_MAX = 4096 };

struct puppet_tell {
    struct ptn_tell tell; /* bytes, records and addrs are copies */
    ptn_time at;
};

struct puppet {
    bool echoes;
    struct puppet_tell told[PUPPET_TELLS_MAX]; /* later ones are counted only */
    unsigned told_count;
    struct ptn_ask asks[PUPPET_ASKS_MAX]; /* bytes are copies */
    unsigned ask_first, ask_count;
    void *taken_bytes; /* of the ask last given out */
    uint64_t bytes_received;

    struct ptn_sim *world;
    ptn_sim_machine number;
};

/* On the heap, since it is large; on `host` of the world from now on. */
struct puppet *puppet_new(struct ptn_sim *w, const char *host, const struct ptn_scenario *s);
void puppet_free(struct puppet *p);

/* A copy of the ask is made at once and carried out. */
void puppet_ask(struct puppet *p, const struct ptn_ask *a);

/* Shorthands. An address is text, "192.0.2.1:5060". */
void puppet_open(struct puppet *p, ptn_id id, const char *local);
void puppet_listen(struct puppet *p, ptn_id id, const char *local);
void puppet_connect(struct puppet *p, ptn_id id, const char *local, const char *to);
void puppet_send(struct puppet *p, ptn_id id, const char *to, const char *text);
void puppet_send_addr(struct puppet *p, ptn_id id, const struct ptn_addr *to, const char *text);
void puppet_stream(struct puppet *p, ptn_id id, struct ptn_bytes bytes);
void puppet_close(struct puppet *p, ptn_id id);
void puppet_resolve(struct puppet *p, ptn_id id, const char *name, unsigned types);

/* How often it was told this; the last of them, NULL when never. */
unsigned puppet_count(const struct puppet *p, enum ptn_tell_kind kind);
const struct ptn_tell *puppet_last(const struct puppet *p, enum ptn_tell_kind kind);
ptn_time puppet_last_at(const struct puppet *p, enum ptn_tell_kind kind);

/* Forgets what it was told. */
void puppet_forget(struct puppet *p);

/* A scenario from text that must be right, and a world of it. */
struct ptn_scenario *puppet_scenario(const char *text);
struct ptn_sim *puppet_world(const struct ptn_scenario *s, uint64_t seed);

/* A world from text, with puppets on those of its hosts that are called so. */
struct puppet_home {
    struct ptn_scenario *s;
    struct ptn_sim *w;
    struct puppet *alice, *server, *bob; /* NULL: there is no such host */
};
struct puppet_home puppet_home_open(const char *text, uint64_t seed);
void puppet_home_close(struct puppet_home *h);

/* Something of a scenario's language happens now, as "0s link home loss 5%"; it must be right, too.
 */
void puppet_event(struct ptn_sim *w, struct ptn_scenario *s, const char *event);

#endif
