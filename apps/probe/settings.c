/*
 * probe/settings.c - the table made of settings.def.
 */
#include "settings.h"

#define PTN_CONF_DEF "probe/settings.def"
#define PTN_CONF_STRUCT struct probe_settings
#define PTN_CONF_TABLE probe_settings_table
#include "conf/as_rows.h"
