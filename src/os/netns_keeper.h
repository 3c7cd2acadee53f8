/*
 * os/netns_keeper.h - the first process of a host: furnishes it, then runs errands.
 *
 * Only for os/netns.c; the two talk over a socket pair, one struct a message.
 */
#ifndef PTN_OS_NETNS_KEEPER_H
#define PTN_OS_NETNS_KEEPER_H

#include "os/netns.h"

enum ptn_keeper_errand_kind {
    PTN_KEEPER_SOCKET, /* family; answered with a TCP socket */
    PTN_KEEPER_CABLE,  /* cable: replaces the addresses */
};

struct ptn_keeper_errand {
    enum ptn_keeper_errand_kind kind;
    enum ptn_family family;
    struct ptn_netns_cable cable;
};

struct ptn_keeper_answer {
    enum ptn_err err;
    char stage[96]; /* of the first answer, which carries the TUN: what could not be done */
};

/* Runs in the new namespaces until `errands` ends. Never returns. */
_Noreturn void ptn_keeper_live(int errands, const struct ptn_netns_opts *opts);

#endif
