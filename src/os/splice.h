/*
 * os/splice.h - two stream sockets made one: what comes in here goes out there.
 *
 * Holds the order and the half-closes: an end of one side's bytes becomes an end
 * of the other's input once all before it has been written.
 */
#ifndef PTN_OS_SPLICE_H
#define PTN_OS_SPLICE_H

#include "os/loop.h"

enum { PTN_SPLICE_ROOM = 16384 };

struct ptn_splice_way {
    uint8_t bytes[PTN_SPLICE_ROOM];
    size_t start, end; /* of what is still to be written */
    bool ended;        /* nothing more will be read */
    bool shut;         /* and that has been passed on */
};

struct ptn_splice {
    int fd[2];                    /* -1: there is no connection here */
    struct ptn_splice_way way[2]; /* from fd[i] to the other */
};

/* Takes both descriptors (not blocking; one may still be connecting) and watches them under
 * `owner` with the keys `key` and `key` + 1. On failure they are closed. */
enum ptn_err ptn_splice_start(struct ptn_splice *s, struct ptn_loop *l, int a, int b, uint8_t owner,
                              uint64_t key);

/* Moves what can be moved, after the loop named one of the two. False once both ways have ended
 * or one side broke: then it has been stopped. */
bool ptn_splice_move(struct ptn_splice *s, struct ptn_loop *l, uint8_t owner, uint64_t key);

/* Closes both; harmless twice. */
void ptn_splice_stop(struct ptn_splice *s, struct ptn_loop *l);

#endif
