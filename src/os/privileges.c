/*
 * os/privileges.c - groups first: without root they could not be given up any more.
 */
#include "os/privileges.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/errno.h"

#define READING (UINT32_C(1) << CAP_DAC_READ_SEARCH)

/* glibc has no names for these two; libcap would be a library for two calls. */
static int set_capabilities(uint32_t permitted, uint32_t effective)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {{.permitted = permitted, .effective = effective}};

    return (int)syscall(SYS_capset, &header, data);
}

static uint32_t get_permitted(uint32_t *effective)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {{0}};

    if (syscall(SYS_capget, &header, data) != 0)
        data[0].permitted = data[0].effective = 0;
    *effective = data[0].effective;
    return data[0].permitted;
}

/* A service manager may have started an ordinary user with some of root's rights. */
static enum ptn_err give_up_rights(bool keep_reading)
{
    uint32_t effective, permitted = get_permitted(&effective);

    if (geteuid() == 0 || permitted == 0)
        return PTN_OK;
    return set_capabilities(keep_reading ? permitted & READING : 0, 0) == 0
               ? PTN_OK
               : ptn_err_of_errno(errno);
}

static bool is_already(const struct passwd *pw, const struct group *gr)
{
    return (!pw || (pw->pw_uid == getuid() && pw->pw_uid == geteuid())) &&
           (!gr || (gr->gr_gid == getgid() && gr->gr_gid == getegid()));
}

enum ptn_err ptn_privileges_drop(const char *user, const char *group, bool keep_reading)
{
    const struct passwd *pw = user[0] ? getpwnam(user) : NULL;
    const struct group *gr = group[0] ? getgrnam(group) : NULL;

    if ((user[0] && !pw) || (group[0] && !gr))
        return PTN_ERR_NOT_FOUND;
    if (is_already(pw, gr))
        return give_up_rights(keep_reading);
    gid_t gid = gr ? gr->gr_gid : pw->pw_gid;
    uint32_t effective;
    bool keep = keep_reading && pw && pw->pw_uid != 0 && (get_permitted(&effective) & READING);
    if (pw ? initgroups(pw->pw_name, gid) != 0 : setgroups(0, NULL) != 0)
        return ptn_err_of_errno(errno);
    if (keep && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0)
        return ptn_err_of_errno(errno);
    if (setgid(gid) != 0 || (pw && setuid(pw->pw_uid) != 0))
        return ptn_err_of_errno(errno);
    if (keep && set_capabilities(READING, 0) != 0)
        return ptn_err_of_errno(errno);
    return PTN_OK;
}

void ptn_privileges_borrow_reading(bool on)
{
    uint32_t effective, permitted = get_permitted(&effective);

    /* Others may be in use still, before the ports are open. */
    if (geteuid() != 0 && (permitted & READING))
        set_capabilities(permitted, on ? effective | READING : effective & ~READING);
}

void ptn_privileges_forget(void)
{
    if (geteuid() != 0)
        set_capabilities(0, 0);
}
