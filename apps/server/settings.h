/*
 * server/settings.h - postern-server's settings as a struct; the rows are in settings.def.
 */
#ifndef PTN_SERVER_SETTINGS_H
#define PTN_SERVER_SETTINGS_H

#include "conf/conf.h"

struct server_settings {
#define PTN_CONF_DEF "server/settings.def"
#include "conf/as_fields.h"
};

extern const struct ptn_conf_table server_settings_table;

#endif
