/*
 * server/selftest.h - asks the server that runs here through the address that the world knows.
 */
#ifndef PTN_SERVER_SELFTEST_H
#define PTN_SERVER_SELFTEST_H

#include "settings.h"

/* Prints what a client would see; answers the exit code. */
int server_selftest(const struct server_settings *settings, const char *program);

#endif
