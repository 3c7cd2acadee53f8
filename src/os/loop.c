/*
 * os/loop.c - epoll, with signals read from a descriptor.
 */
#include "os/loop.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/errno.h"

enum { EVENTS_MAX = 64, SIGNALS_MAX = 8 };

/* epoll's patience stands still while the computer sleeps, our clock does not: a wait that was
 * long before may be over. */
#define WAIT_MAX PTN_S(60)

/* No descriptor has it, so it tells the signals apart from what others added. */
#define SIGNALS_KEY UINT64_MAX

struct ptn_loop {
    int epoll, signals;
    uint8_t signals_owner;
    bool coarse; /* the kernel knows no nanoseconds here: an old one, or a sandbox */
};

enum ptn_err ptn_loop_new(struct ptn_loop **out)
{
    struct ptn_loop *l = malloc(sizeof *l);

    *out = NULL;
    if (!l)
        return PTN_ERR_NO_MEMORY;
    *l = (struct ptn_loop){.epoll = epoll_create1(EPOLL_CLOEXEC), .signals = -1};
    if (l->epoll < 0) {
        enum ptn_err err = ptn_err_of_errno(errno);
        free(l);
        return err;
    }
    *out = l;
    return PTN_OK;
}

void ptn_loop_free(struct ptn_loop *l)
{
    if (!l)
        return;
    if (l->signals >= 0)
        close(l->signals);
    close(l->epoll);
    free(l);
}

static uint32_t epoll_events(unsigned what)
{
    return (what & PTN_LOOP_IN ? EPOLLIN | EPOLLRDHUP : 0u) | (what & PTN_LOOP_OUT ? EPOLLOUT : 0u);
}

static enum ptn_err control(struct ptn_loop *l, int operation, int fd, unsigned what, uint64_t data)
{
    struct epoll_event event = {.events = epoll_events(what), .data.u64 = data};

    return epoll_ctl(l->epoll, operation, fd, &event) == 0 ? PTN_OK : ptn_err_of_errno(errno);
}

enum ptn_err ptn_loop_add(struct ptn_loop *l, int fd, unsigned what, uint8_t owner, uint64_t key)
{
    assert(key <= PTN_LOOP_KEY_MAX && owner < UINT8_MAX);
    return control(l, EPOLL_CTL_ADD, fd, what, (uint64_t)owner << 56 | key);
}

enum ptn_err ptn_loop_change(struct ptn_loop *l, int fd, unsigned what, uint8_t owner, uint64_t key)
{
    assert(key <= PTN_LOOP_KEY_MAX && owner < UINT8_MAX);
    return control(l, EPOLL_CTL_MOD, fd, what, (uint64_t)owner << 56 | key);
}

void ptn_loop_remove(struct ptn_loop *l, int fd)
{
    control(l, EPOLL_CTL_DEL, fd, 0, 0);
}

enum ptn_err ptn_loop_signals(struct ptn_loop *l, const int *signals, size_t count, uint8_t owner)
{
    sigset_t set;

    assert(count <= SIGNALS_MAX && l->signals < 0);
    sigemptyset(&set);
    for (size_t i = 0; i < count; i++)
        sigaddset(&set, signals[i]);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
        return ptn_err_of_errno(errno);
    l->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (l->signals < 0)
        return ptn_err_of_errno(errno);
    l->signals_owner = owner;
    return control(l, EPOLL_CTL_ADD, l->signals, PTN_LOOP_IN, SIGNALS_KEY);
}

/* Rounded up: waking a little late is harmless, waking early means waiting again. */
static int wait_ms(struct ptn_loop *l, struct epoll_event *events, int max, ptn_time span)
{
    ptn_time ms = span == PTN_NEVER ? -1 : (span + 999999) / 1000000;

    return epoll_wait(l->epoll, events, max, (int)ms);
}

static int wait_ns(struct ptn_loop *l, struct epoll_event *events, int max, ptn_time span)
{
    struct timespec timeout = {.tv_sec = span / 1000000000, .tv_nsec = span % 1000000000};

    return epoll_pwait2(l->epoll, events, max, span == PTN_NEVER ? NULL : &timeout, NULL);
}

static size_t read_signals(struct ptn_loop *l, struct ptn_ready *ready, size_t max)
{
    struct signalfd_siginfo info;
    size_t count = 0;

    while (count < max && read(l->signals, &info, sizeof info) == (ssize_t)sizeof info)
        ready[count++] = (struct ptn_ready){l->signals_owner, PTN_LOOP_IN, info.ssi_signo};
    return count;
}

static struct ptn_ready as_ready(const struct epoll_event *e)
{
    struct ptn_ready ready = {(uint8_t)(e->data.u64 >> 56), 0, e->data.u64 & PTN_LOOP_KEY_MAX};

    if (e->events & (EPOLLIN | EPOLLHUP | EPOLLRDHUP))
        ready.what |= PTN_LOOP_IN;
    if (e->events & EPOLLOUT)
        ready.what |= PTN_LOOP_OUT;
    if (e->events & EPOLLERR)
        ready.what |= PTN_LOOP_ERROR;
    return ready;
}

size_t ptn_loop_wait(struct ptn_loop *l, ptn_time deadline, struct ptn_ready *ready, size_t max)
{
    struct epoll_event events[EVENTS_MAX];
    ptn_time now = deadline == PTN_NEVER ? 0 : ptn_clock_now();
    ptn_time span = deadline == PTN_NEVER ? PTN_NEVER : deadline > now ? deadline - now : 0;
    if (span != PTN_NEVER)
        span = ptn_time_min(span, WAIT_MAX);
    int room = max < EVENTS_MAX ? (int)max : EVENTS_MAX, count = -1;

    assert(max > 0);
    if (!l->coarse) {
        count = wait_ns(l, events, room, span);
        l->coarse = count < 0 && (errno == ENOSYS || errno == EPERM);
    }
    if (l->coarse)
        count = wait_ms(l, events, room, span);

    size_t filled = 0;
    for (int i = 0; i < count && filled < max; i++)
        if (events[i].data.u64 == SIGNALS_KEY)
            filled += read_signals(l, ready + filled, 1);
        else
            ready[filled++] = as_ready(&events[i]);
    return filled;
}
