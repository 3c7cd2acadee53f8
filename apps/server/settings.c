/*
 * server/settings.c - the table made of settings.def.
 */
#include "settings.h"

#define PTN_CONF_DEF "server/settings.def"
#define PTN_CONF_STRUCT struct server_settings
#define PTN_CONF_TABLE server_settings_table
#include "conf/as_rows.h"
