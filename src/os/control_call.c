/*
 * os/control_call.c - the asking side, for tools that do one thing and end.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/control.h"
#include "os/errno.h"

/* An answer, unlike a question, may be long: the status of many calls. */
enum { HEARD_MAX = PTN_CONTROL_QUEUE_MAX };

enum ptn_err ptn_control_call(const char *path, struct ptn_control_caller *caller)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};

    *caller = (struct ptn_control_caller){.fd = -1};
    if (strlen(path) >= sizeof addr.sun_path)
        return PTN_ERR_INVALID;
    memcpy(addr.sun_path, path, strlen(path));
    caller->buf = malloc(HEARD_MAX + 1);
    if (!caller->buf)
        return PTN_ERR_NO_MEMORY;
    caller->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (caller->fd < 0 || connect(caller->fd, (struct sockaddr *)&addr, sizeof addr) != 0) {
        enum ptn_err err = ptn_err_of_errno(errno);
        ptn_control_hang_up(caller);
        return err;
    }
    return PTN_OK;
}

void ptn_control_hang_up(struct ptn_control_caller *caller)
{
    if (caller->fd >= 0)
        close(caller->fd);
    free(caller->buf);
    *caller = (struct ptn_control_caller){.fd = -1};
}

static enum ptn_err send_all(int fd, struct ptn_bytes bytes)
{
    while (bytes.size > 0) {
        ssize_t n = send(fd, bytes.data, bytes.size, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR)
            return ptn_err_of_errno(errno);
        if (n > 0)
            bytes = ptn_bytes(bytes.data + n, bytes.size - (size_t)n);
    }
    return PTN_OK;
}

enum ptn_err ptn_control_say(struct ptn_control_caller *caller, struct ptn_bytes text)
{
    enum ptn_err err = send_all(caller->fd, text);

    return err == PTN_OK ? send_all(caller->fd, ptn_bytes_of_text("\n")) : err;
}

static bool take_line(struct ptn_control_caller *caller, struct ptn_bytes *line)
{
    char *start = caller->buf + caller->taken;
    size_t left = caller->size - caller->taken;
    char *end = left ? memchr(start, '\n', left) : NULL;

    if (!end)
        return false;
    *end = '\0';
    *line = ptn_bytes(start, (size_t)(end - start));
    caller->taken += line->size + 1;
    return true;
}

enum ptn_err ptn_control_hear(struct ptn_control_caller *caller, ptn_time span,
                              struct ptn_bytes *line)
{
    ptn_time deadline = ptn_time_add(ptn_clock_now(), span);

    while (!take_line(caller, line)) {
        struct pollfd p = {.fd = caller->fd, .events = POLLIN};
        ptn_time left = deadline == PTN_NEVER ? PTN_NEVER : deadline - ptn_clock_now();

        caller->size -= caller->taken;
        memmove(caller->buf, caller->buf + caller->taken, caller->size);
        caller->taken = 0;
        if (caller->size == HEARD_MAX)
            return PTN_ERR_NO_ROOM;
        int wait_ms = left == PTN_NEVER ? -1
                      : left <= 0       ? 0
                                        : (int)(ptn_time_min(left, PTN_S(60)) / 1000000) + 1;
        if (poll(&p, 1, wait_ms) <= 0) {
            if (left <= 0)
                return PTN_ERR_TIMED_OUT;
            continue;
        }
        ssize_t n = recv(caller->fd, caller->buf + caller->size, HEARD_MAX - caller->size, 0);
        if (n == 0)
            return PTN_ERR_RESET;
        if (n < 0 && errno != EINTR)
            return ptn_err_of_errno(errno);
        if (n > 0)
            caller->size += (size_t)n;
    }
    return PTN_OK;
}
