/*
 * os/runtime.h - where a running program and those who talk to it meet.
 *
 * /run/postern/NAME.sock for a service, $XDG_RUNTIME_DIR/postern/NAME.sock for
 * a user's own.
 */
#ifndef PTN_OS_RUNTIME_H
#define PTN_OS_RUNTIME_H

#include "base/err.h"

enum { PTN_RUNTIME_PATH_SIZE = 108 }; /* a socket's path, as the kernel bounds it */

/* For the program: the first of both that it may write to; makes its folder. NOT_PERMITTED:
 * neither; NO_ROOM: `name` is too long. */
enum ptn_err ptn_runtime_make(const char *name, char path[static PTN_RUNTIME_PATH_SIZE]);

/* For those who talk to it: the one that exists, the user's own before the service's. NOT_FOUND
 * leaves in `path` where it was looked for first. */
enum ptn_err ptn_runtime_find(const char *name, char path[static PTN_RUNTIME_PATH_SIZE]);

#endif
