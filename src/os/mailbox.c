/*
 * os/mailbox.c - a ring of letters under a mutex; an eventfd counts what the ring holds.
 */
#include "os/mailbox.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "os/errno.h"

struct ptn_mailbox {
    pthread_mutex_t lock;
    int fd;
    uint32_t first, count, max;
    struct ptn_letter letters[];
};

enum ptn_err ptn_mailbox_new(uint32_t letters_max, struct ptn_mailbox **out)
{
    struct ptn_mailbox *m = calloc(1, sizeof *m + letters_max * sizeof m->letters[0]);

    assert(letters_max > 0);
    *out = NULL;
    if (!m)
        return PTN_ERR_NO_MEMORY;
    m->max = letters_max;
    m->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (m->fd < 0) {
        enum ptn_err err = ptn_err_of_errno(errno);
        free(m);
        return err;
    }
    pthread_mutex_init(&m->lock, NULL);
    *out = m;
    return PTN_OK;
}

void ptn_mailbox_free(struct ptn_mailbox *m)
{
    struct ptn_letter letter;

    if (!m)
        return;
    while (ptn_mailbox_take(m, &letter))
        free(letter.data);
    pthread_mutex_destroy(&m->lock);
    close(m->fd);
    free(m);
}

int ptn_mailbox_fd(const struct ptn_mailbox *m)
{
    return m->fd;
}

enum ptn_err ptn_mailbox_post(struct ptn_mailbox *m, uint32_t kind, uint32_t from,
                              struct ptn_bytes bytes)
{
    struct ptn_letter letter = {.kind = kind, .from = from, .size = bytes.size};
    bool first = false, full;

    if (bytes.size > 0) {
        letter.data = malloc(bytes.size);
        if (!letter.data)
            return PTN_ERR_NO_MEMORY;
        memcpy(letter.data, bytes.data, bytes.size);
    }
    pthread_mutex_lock(&m->lock);
    full = m->count == m->max;
    if (!full) {
        first = m->count == 0;
        m->letters[(m->first + m->count++) % m->max] = letter;
    }
    pthread_mutex_unlock(&m->lock);
    if (full)
        free(letter.data);
    else if (first)
        eventfd_write(m->fd, 1);
    return full ? PTN_ERR_NO_ROOM : PTN_OK;
}

bool ptn_mailbox_take(struct ptn_mailbox *m, struct ptn_letter *letter)
{
    eventfd_t rung;
    bool found;

    pthread_mutex_lock(&m->lock);
    found = m->count > 0;
    if (found) {
        *letter = m->letters[m->first];
        m->first = (m->first + 1) % m->max;
        m->count--;
    }
    /* Under the lock: a letter that comes now rings anew. */
    if (m->count == 0)
        eventfd_read(m->fd, &rung);
    pthread_mutex_unlock(&m->lock);
    return found;
}
