/*
 * tests/unit/ice/far.h - one agent with one socket, and a far end made by hand.
 */
#ifndef PTN_TEST_ICE_FAR_H
#define PTN_TEST_ICE_FAR_H

#include "ice/ice.h"
#include "stun/msg.h"

extern const struct ptn_ice_far FAR;

struct far_bench {
    struct ptn_crypto *crypto;
    struct ptn_ice *ice;
    ptn_time now;
    uint8_t bytes[1200];
    struct ptn_bytes out; /* what the agent said last */
    struct ptn_stun_msg m;
    struct ptn_addr to;
    uint8_t serial;
};

struct far_bench far_open(bool controlling);
void far_close(struct far_bench *b);

/* Of its candidates, which differ by address. */
struct ptn_addr far_addr(unsigned i);
void far_add(struct far_bench *b, unsigned i, uint32_t priority);

/* The next thing that the agent says, decoded; false when it has nothing to say. */
bool far_hear(struct far_bench *b);
bool far_hear_class(struct far_bench *b, enum ptn_stun_class class);
void far_quiet(struct far_bench *b);

/* A check of the far end; zeroed fields are as they should be. */
struct far_check {
    const char *user, *pwd;
    bool no_user, no_seal, no_priority, no_fingerprint, bad_fingerprint, nominates;
    enum ptn_stun_attr role;
    uint8_t tie_breaker;
    bool stranger; /* an attribute that must be understood and is not */
    uint32_t priority;
    unsigned from;
};
enum ptn_ice_verdict far_say(struct far_bench *b, const struct far_check *c);

/* The far end's answer to what was heard last. */
struct far_answer {
    unsigned code;
    const char *pwd;
    bool no_seal, no_address;
    bool elsewhere; /* comes from another port */
    ptn_id path;
};
enum ptn_ice_verdict far_answer(struct far_bench *b, const struct far_answer *a);

#endif
