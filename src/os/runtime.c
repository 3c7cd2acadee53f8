/*
 * os/runtime.c - two folders, tried in order.
 */
#include "os/runtime.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FOLDERS = 2 };

/* False when there is no such folder here. */
static bool folder_at(unsigned i, char folder[static PTN_RUNTIME_PATH_SIZE])
{
    const char *user = getenv("XDG_RUNTIME_DIR");
    if (i == 0)
        return snprintf(folder, PTN_RUNTIME_PATH_SIZE, "/run/postern") > 0;
    return user && user[0] == '/' &&
           snprintf(folder, PTN_RUNTIME_PATH_SIZE, "%s/postern", user) < PTN_RUNTIME_PATH_SIZE;
}

static enum ptn_err socket_in(const char *folder, const char *name,
                              char path[static PTN_RUNTIME_PATH_SIZE])
{
    int size = snprintf(path, PTN_RUNTIME_PATH_SIZE, "%s/%s.sock", folder, name);
    return size < PTN_RUNTIME_PATH_SIZE ? PTN_OK : PTN_ERR_NO_ROOM;
}

enum ptn_err ptn_runtime_make(const char *name, char path[static PTN_RUNTIME_PATH_SIZE])
{
    char folder[PTN_RUNTIME_PATH_SIZE];
    for (unsigned i = 0; i < FOLDERS; i++) {
        if (!folder_at(i, folder))
            continue;
        mkdir(folder, i == 0 ? 0755 : 0700); /* what went wrong shows in the next line */
        if (access(folder, W_OK | X_OK) == 0)
            return socket_in(folder, name, path);
    }
    return PTN_ERR_NOT_PERMITTED;
}

enum ptn_err ptn_runtime_find(const char *name, char path[static PTN_RUNTIME_PATH_SIZE])
{
    char folder[PTN_RUNTIME_PATH_SIZE];
    for (unsigned i = FOLDERS; i-- > 0;) {
        if (folder_at(i, folder) && socket_in(folder, name, path) == PTN_OK &&
            access(path, F_OK) == 0)
            return PTN_OK;
    }
    folder_at(0, folder);
    enum ptn_err err = socket_in(folder, name, path);
    return err == PTN_OK ? PTN_ERR_NOT_FOUND : err;
}
