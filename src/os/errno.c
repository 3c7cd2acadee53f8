/*
 * os/errno.c - one table; what is not in it is plain input or output gone wrong.
 */
#include "os/errno.h"

#include <errno.h>
#include <stddef.h>

enum ptn_err ptn_err_of_errno(int number)
{
    static const struct {
        int number;
        enum ptn_err err;
    } words[] = {
        {0, PTN_OK},
        {ENOMEM, PTN_ERR_NO_MEMORY},
        {EMFILE, PTN_ERR_NO_ROOM},
        {ENFILE, PTN_ERR_NO_ROOM},
        {ENOBUFS, PTN_ERR_NO_ROOM},
        {ENOSPC, PTN_ERR_NO_ROOM},
        {EADDRINUSE, PTN_ERR_IN_USE},
        {EBUSY, PTN_ERR_IN_USE},
        {EEXIST, PTN_ERR_IN_USE},
        {EPERM, PTN_ERR_NOT_PERMITTED},
        {EACCES, PTN_ERR_NOT_PERMITTED},
        {EROFS, PTN_ERR_NOT_PERMITTED},
        {ENOENT, PTN_ERR_NOT_FOUND},
        {ENOTDIR, PTN_ERR_NOT_FOUND},
        {ENODEV, PTN_ERR_NOT_FOUND},
        {ENXIO, PTN_ERR_NOT_FOUND},
        {ESRCH, PTN_ERR_NOT_FOUND},
        {EADDRNOTAVAIL, PTN_ERR_NOT_FOUND},
        {ENETUNREACH, PTN_ERR_UNREACHABLE},
        {EHOSTUNREACH, PTN_ERR_UNREACHABLE},
        {ENETDOWN, PTN_ERR_UNREACHABLE},
        {EHOSTDOWN, PTN_ERR_UNREACHABLE},
        {ECONNREFUSED, PTN_ERR_REFUSED},
        {ECONNRESET, PTN_ERR_RESET},
        {ECONNABORTED, PTN_ERR_RESET},
        {EPIPE, PTN_ERR_RESET},
        {ETIMEDOUT, PTN_ERR_TIMED_OUT},
        {ENOSYS, PTN_ERR_UNSUPPORTED},
        {EOPNOTSUPP, PTN_ERR_UNSUPPORTED},
        {EAFNOSUPPORT, PTN_ERR_UNSUPPORTED},
        {EPROTONOSUPPORT, PTN_ERR_UNSUPPORTED},
        {EINVAL, PTN_ERR_INVALID},
    };

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (words[i].number == number)
            return words[i].err;
    return PTN_ERR_IO;
}
