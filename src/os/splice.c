/*
 * os/splice.c - a buffer a way; a side is read only when its buffer is empty.
 *
 * So a slow reader slows the writer, and at most one buffer a way is ever held.
 */
#include "os/splice.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

static unsigned interest(const struct ptn_splice *s, unsigned side)
{
    const struct ptn_splice_way *from = &s->way[side], *to = &s->way[1 - side];

    return (!from->ended && from->start == from->end ? PTN_LOOP_IN : 0u) |
           (to->start < to->end ? PTN_LOOP_OUT : 0u);
}

enum ptn_err ptn_splice_start(struct ptn_splice *s, struct ptn_loop *l, int a, int b, uint8_t owner,
                              uint64_t key)
{
    s->fd[0] = a;
    s->fd[1] = b;
    for (unsigned side = 0; side < 2; side++) {
        s->way[side].start = s->way[side].end = 0;
        s->way[side].ended = s->way[side].shut = false;
    }
    enum ptn_err err = ptn_loop_add(l, a, PTN_LOOP_IN, owner, key);
    if (!err)
        err = ptn_loop_add(l, b, PTN_LOOP_IN, owner, key + 1);
    if (err)
        ptn_splice_stop(s, l);
    return err;
}

void ptn_splice_stop(struct ptn_splice *s, struct ptn_loop *l)
{
    for (unsigned side = 0; side < 2; side++) {
        if (s->fd[side] < 0)
            continue;
        ptn_loop_remove(l, s->fd[side]);
        close(s->fd[side]);
        s->fd[side] = -1;
    }
}

static bool may_be_tried_again(void)
{
    return errno == EAGAIN || errno == EINTR || errno == ENOTCONN;
}

/* False when a side broke. */
static bool fill(struct ptn_splice_way *way, int from)
{
    if (way->ended || way->start < way->end)
        return true;
    ssize_t size = recv(from, way->bytes, sizeof way->bytes, 0);
    if (size < 0)
        return may_be_tried_again();
    way->start = 0;
    way->end = (size_t)size;
    way->ended = size == 0;
    return true;
}

static bool drain(struct ptn_splice_way *way, int to)
{
    if (way->start < way->end) {
        ssize_t size = send(to, way->bytes + way->start, way->end - way->start, MSG_NOSIGNAL);
        if (size < 0)
            return may_be_tried_again();
        way->start += (size_t)size;
    }
    if (way->ended && way->start == way->end && !way->shut) {
        way->shut = true;
        (void)shutdown(to, SHUT_WR);
    }
    return true;
}

bool ptn_splice_move(struct ptn_splice *s, struct ptn_loop *l, uint8_t owner, uint64_t key)
{
    for (unsigned side = 0; side < 2; side++) {
        struct ptn_splice_way *way = &s->way[side];
        if (!fill(way, s->fd[side]) || !drain(way, s->fd[1 - side])) {
            ptn_splice_stop(s, l);
            return false;
        }
    }
    if (s->way[0].shut && s->way[1].shut) {
        ptn_splice_stop(s, l);
        return false;
    }
    for (unsigned side = 0; side < 2; side++)
        (void)ptn_loop_change(l, s->fd[side], interest(s, side), owner, key + side);
    return true;
}
