/*
 * os/privileges.c - groups first: without root they could not be given up any more.
 */
#include "os/privileges.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include "os/errno.h"

enum ptn_err ptn_privileges_drop(const char *user, const char *group)
{
    const struct passwd *pw = user[0] ? getpwnam(user) : NULL;
    const struct group *gr = group[0] ? getgrnam(group) : NULL;

    if ((user[0] && !pw) || (group[0] && !gr))
        return PTN_ERR_NOT_FOUND;
    if (!pw && !gr)
        return PTN_OK;
    gid_t gid = gr ? gr->gr_gid : pw->pw_gid;
    if (pw ? initgroups(pw->pw_name, gid) != 0 : setgroups(0, NULL) != 0)
        return ptn_err_of_errno(errno);
    if (setgid(gid) != 0 || (pw && setuid(pw->pw_uid) != 0))
        return ptn_err_of_errno(errno);
    return PTN_OK;
}
