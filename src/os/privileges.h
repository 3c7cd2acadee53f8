/*
 * os/privileges.h - becoming an ordinary user once everything is open.
 *
 * Settings and certificates that only root may read have to be read again when they are renewed.
 * So the thread that gives up root may keep one right, to read any file, which lies idle until it
 * is borrowed; threads that it starts give up that one, too.
 */
#ifndef PTN_OS_PRIVILEGES_H
#define PTN_OS_PRIVILEGES_H

#include <stdbool.h>

#include "base/err.h"

/* Gives up the process's user and groups for these; a blank name leaves that side as it is (a user
 * brings its own groups when no group is named). One who is no root, or is already the one named,
 * gives up those rights of root's that he was started with. For good. PTN_ERR_NOT_FOUND: no such
 * name. With `keep_reading` this thread can borrow the right to read. */
enum ptn_err ptn_privileges_drop(const char *user, const char *group, bool keep_reading);

/* Begins and ends to use the right that was kept. Does nothing without one. */
void ptn_privileges_borrow_reading(bool on);

/* This thread gives up every right beyond its user's. Does nothing for root. */
void ptn_privileges_forget(void);

#endif
