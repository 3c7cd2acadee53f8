/*
 * os/mailbox.h - letters between threads: a bounded queue with a descriptor to wait on.
 *
 * Anyone may post, one thread takes. Not for the path of every packet: a letter costs a
 * lock, a copy and, for a reader that sleeps, a system call.
 */
#ifndef PTN_OS_MAILBOX_H
#define PTN_OS_MAILBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"

struct ptn_mailbox;

struct ptn_letter {
    uint32_t kind; /* the owners' */
    uint32_t from; /* the poster's number */
    uint8_t *data; /* the taker frees it; NULL when size is 0 */
    size_t size;
};

/* Holds at most `letters_max` letters. */
enum ptn_err ptn_mailbox_new(uint32_t letters_max, struct ptn_mailbox **out);

/* With the letters nobody took. NULL is fine. */
void ptn_mailbox_free(struct ptn_mailbox *m);

/* Readable while there are letters. */
int ptn_mailbox_fd(const struct ptn_mailbox *m);

/* Copies `bytes`. PTN_ERR_NO_ROOM: the box is full; PTN_ERR_NO_MEMORY. */
enum ptn_err ptn_mailbox_post(struct ptn_mailbox *m, uint32_t kind, uint32_t from,
                              struct ptn_bytes bytes);

/* The oldest letter; false when there is none. */
bool ptn_mailbox_take(struct ptn_mailbox *m, struct ptn_letter *letter);

#endif
