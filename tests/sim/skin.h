/*
 * tests/sim/skin.h - what stands between a machine and its world in a story: it can fall asleep,
 * and all it says is read.
 *
 * A machine that sleeps is a laptop with its lid closed: no time passes for it, datagrams to it are
 * lost; how its connections ended and what happened to its addresses it learns when it wakes.
 *
 * Every SIP message that it sends to a public address is searched for private addresses, wherever
 * in the message they may stand; every REGISTER is counted once, however often it is repeated.
 */
#ifndef PTN_TEST_SKIN_H
#define PTN_TEST_SKIN_H

#include "base/effect.h"

enum { SKIN_KEPT_MAX = 256, SKIN_CONNS_MAX = 256, SKIN_REGISTERS_MAX = 4096 };

struct skin_kept {
    struct ptn_tell tell;
    void *copy; /* of its bytes or addresses */
};

struct skin {
    struct ptn_machine inner;
    bool asleep;
    struct skin_kept kept[SKIN_KEPT_MAX];
    unsigned kept_count;
    struct skin_conn {
        ptn_id id;
        struct ptn_addr to;
    } conns[SKIN_CONNS_MAX]; /* in a ring, the newest are remembered */
    unsigned conn_count;

    unsigned messages;      /* SIP, to public addresses */
    unsigned private_shown; /* of those, with a private address */
    char shown[2048];       /* the first such */
    ptn_time shown_at;
    ptn_time registers[SKIN_REGISTERS_MAX]; /* when each was first sent; later ones are not kept */
    uint32_t branches[64];                  /* of the last requests, hashed, in a ring */
    unsigned register_count, branch_count;
};

/* Zeroed before. */
struct ptn_machine skin_machine(struct skin *s, const struct ptn_machine *inner);
void skin_fini(struct skin *s);

void skin_sleep(struct skin *s);

/* Its host must be woken afterwards. */
void skin_wake(struct skin *s, ptn_time now);

/* The most REGISTERs that were sent within any `span`. */
unsigned skin_registers_within(const struct skin *s, ptn_time span);

#endif
