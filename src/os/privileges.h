/*
 * os/privileges.h - becoming an ordinary user once everything is open.
 */
#ifndef PTN_OS_PRIVILEGES_H
#define PTN_OS_PRIVILEGES_H

#include "base/err.h"

/* Gives up the process's user and groups for these; a blank name leaves that side as it is (a user
 * brings its own groups when no group is named). For good. PTN_ERR_NOT_FOUND: no such name. */
enum ptn_err ptn_privileges_drop(const char *user, const char *group);

#endif
