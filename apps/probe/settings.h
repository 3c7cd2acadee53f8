/*
 * probe/settings.h - postern-probe's settings as a struct; the rows are in settings.def.
 */
#ifndef PTN_PROBE_SETTINGS_H
#define PTN_PROBE_SETTINGS_H

#include "conf/conf.h"

struct probe_settings {
#define PTN_CONF_DEF "probe/settings.def"
#include "conf/as_fields.h"
};

extern const struct ptn_conf_table probe_settings_table;

#endif
