/*
 * os/notify.c - one datagram; the protocol is sd_notify(3)'s.
 */
#include "os/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "os/errno.h"

enum ptn_err ptn_notify(const char *state)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    const char *path = getenv("NOTIFY_SOCKET");
    enum ptn_err err = PTN_OK;

    if (!path || !path[0])
        return PTN_OK;
    if ((path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof to.sun_path)
        return PTN_ERR_INVALID;
    memcpy(to.sun_path, path, strlen(path));
    /* An abstract name begins with a zero byte, which the variable shows as '@'. */
    if (path[0] == '@')
        to.sun_path[0] = '\0';

    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return ptn_err_of_errno(errno);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    if (sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&to, size) < 0)
        err = ptn_err_of_errno(errno);
    close(fd);
    return err;
}

ptn_time ptn_notify_every(void)
{
    const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    char *end;

    if (!usec || (pid && strtol(pid, NULL, 10) != (long)getpid()))
        return PTN_NEVER;
    unsigned long long value = strtoull(usec, &end, 10);
    if (*end != '\0' || value == 0 || value > 86400000000ull)
        return PTN_NEVER;
    return (ptn_time)value * 1000 / 2;
}
