/*
 * os/tun.c - /dev/net/tun belongs to the namespace its opener was in, for ever:
 * so it is opened inside a host's namespace and the descriptor carried home.
 */
#include "os/tun.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "os/errno.h"

enum ptn_err ptn_tun_open(const char *name, int *fd)
{
    struct ifreq request = {.ifr_flags = (short)(IFF_TUN | IFF_NO_PI | IFF_TUN_EXCL)};

    assert(name[0] && strlen(name) < sizeof request.ifr_name);

    memcpy(request.ifr_name, name, strlen(name));
    int tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (tun < 0)
        return ptn_err_of_errno(errno);
    if (ioctl(tun, TUNSETIFF, &request) < 0 || ioctl(tun, TUNSETOFFLOAD, 0) < 0) {
        enum ptn_err err = ptn_err_of_errno(errno);
        close(tun);
        return err;
    }
    *fd = tun;
    return PTN_OK;
}
