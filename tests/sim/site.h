/*
 * tests/sim/site.h - a random home or office on the Internet, and the truth about its NAT.
 *
 * Drawn from a seed: the boxes between a client and the Internet with all that may
 * vary about them, delays, jitter and loss. On the Internet stands a server with
 * two addresses.
 */
#ifndef PTN_TEST_SITE_H
#define PTN_TEST_SITE_H

#include "base/addr.h"
#include "base/dice.h"
#include "base/time.h"
#include "nat/nat.h"

enum site_kind {
    SITE_OPEN,
    SITE_FIREWALL,
    SITE_BLOCKED,
    SITE_FULL_CONE,
    SITE_ADDRESS_RESTRICTED,
    SITE_PORT_RESTRICTED,
    SITE_SYMMETRIC,
    SITE_TWO_NATS, /* of any kind each */
    SITE_KINDS,
};

#define SITE_ROUND_TRIP PTN_MS(40) /* of half of all sites; the others' differ */

struct site {
    enum site_kind kind;
    bool has_nat, blocked;
    enum ptn_nat_sees mapping, filtering; /* of all boxes together; blocked: meaningless */
    ptn_time round_trip;                  /* without jitter */
    double loss_up, loss_down;            /* of the whole path */
    struct ptn_addr client;               /* its address, port 0 */
    struct ptn_addr outside;              /* what the server sees, port 0 */
    char text[2000];                      /* the scenario: hosts "client" and "server" */
};

extern const char *const SITE_KIND_NAMES[SITE_KINDS];
#define SITE_SERVER_1 ptn_addr_v4(203, 0, 113, 5, 0)
#define SITE_SERVER_2 ptn_addr_v4(203, 0, 113, 6, 0)

void site_draw(struct site *s, struct ptn_dice *dice);

#endif
