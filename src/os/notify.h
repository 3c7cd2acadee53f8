/*
 * os/notify.h - telling the service manager how far the program is.
 */
#ifndef PTN_OS_NOTIFY_H
#define PTN_OS_NOTIFY_H

#include "base/err.h"

/* Sends `state` ("READY=1", "STOPPING=1", "STATUS=…", "RELOADING=1\nMONOTONIC_USEC=…") to the
 * socket named by NOTIFY_SOCKET. Without one it does nothing and is PTN_OK. */
enum ptn_err ptn_notify(const char *state);

#endif
