/*
 * tests/sim/middlebox.h - boxes that read SIP and should not: they stand before a server and
 * change what passes over UDP, as some routers and load balancers do.
 */
#ifndef PTN_TEST_MIDDLEBOX_H
#define PTN_TEST_MIDDLEBOX_H

#include "base/dice.h"
#include "base/effect.h"

enum middlebox_kind {
    MIDDLEBOX_NONE,
    MIDDLEBOX_LIES_PORT,    /* rport is another in every answer */
    MIDDLEBOX_LIES_ADDR,    /* received and rport are */
    MIDDLEBOX_LIES_PRIVATE, /* both are those of a private network behind it */
    MIDDLEBOX_STRIPS,       /* received and rport are taken away */
    MIDDLEBOX_ALG,          /* an "application layer gateway": Contact gets another port in every
                             * REGISTER, and the answer shows it */
    MIDDLEBOX_KINDS,
};

extern const char *const MIDDLEBOX_NAMES[MIDDLEBOX_KINDS];

struct middlebox {
    struct ptn_machine inner;
    enum middlebox_kind kind;
    struct ptn_dice dice;
    struct ptn_addr spared; /* whose messages pass unread; port ignored */
    char text[70000];       /* of what passed last */
};

struct ptn_machine middlebox_machine(struct middlebox *m, const struct ptn_machine *inner);

#endif
