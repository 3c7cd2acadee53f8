/*
 * server/check.h - settings that are fine by themselves and wrong together.
 */
#ifndef PTN_SERVER_CHECK_H
#define PTN_SERVER_CHECK_H

#include "settings.h"

/* ptn_cli's question (cli/cli.h); `values` are struct server_settings. */
bool server_settings_check(const void *values, char why[static PTN_CONF_WHY_SIZE]);

#endif
