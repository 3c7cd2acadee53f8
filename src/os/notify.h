/*
 * os/notify.h - telling the service manager how far the program is.
 */
#ifndef PTN_OS_NOTIFY_H
#define PTN_OS_NOTIFY_H

#include "base/err.h"
#include "base/time.h"

/* Sends `state` ("READY=1", "STOPPING=1", "STATUS=…", "RELOADING=1\nMONOTONIC_USEC=…") to the
 * socket named by NOTIFY_SOCKET. Without one it does nothing and is PTN_OK. */
enum ptn_err ptn_notify(const char *state);

/* How often the manager wants to hear "WATCHDOG=1": half of what WATCHDOG_USEC says; PTN_NEVER
 * when it does not ask this process. */
ptn_time ptn_notify_every(void);

#endif
