/*
 * conf/as_fields.h - the rows of a settings.def as members of a struct.
 *
 *   struct server_settings {
 *   #define PTN_CONF_DEF "server/settings.def"
 *   #include "conf/as_fields.h"
 *   };
 *
 * No guard: it is included once for each struct.
 */
#define PTN_CONF_C_BOOL bool
#define PTN_CONF_C_UINT uint32_t
#define PTN_CONF_C_UINT_OR_BARE uint32_t
#define PTN_CONF_C_SECONDS uint32_t
#define PTN_CONF_C_TEXT ptn_conf_text
#define PTN_CONF_C_SECRET ptn_conf_text
#define PTN_CONF_C_IP struct ptn_addr
#define PTN_CONF_C_IPS struct ptn_conf_ips
#define PTN_CONF_C_CHOICE(words) uint32_t
#define PTN_CONF_C_LIST(shape) struct ptn_conf_list

#define SECTION(title)
#define SETTING(field, key, type, fallback, min, max, when, help) PTN_CONF_C_##type field;
#define SETTING_EACH(field, key, n, type, fallback, min, max, when, help)                          \
    PTN_CONF_C_##type field[n];
#define SETTING_EACH_EACH(field, key, n, m, type, fallback, min, max, when, help)                  \
    PTN_CONF_C_##type field[n][m];
#define ALIAS(old, stands_for)
#define FOREIGN(key, value, fate, why)

#include PTN_CONF_DEF

#undef SECTION
#undef SETTING
#undef SETTING_EACH
#undef SETTING_EACH_EACH
#undef ALIAS
#undef FOREIGN
#undef PTN_CONF_C_BOOL
#undef PTN_CONF_C_UINT
#undef PTN_CONF_C_UINT_OR_BARE
#undef PTN_CONF_C_SECONDS
#undef PTN_CONF_C_TEXT
#undef PTN_CONF_C_SECRET
#undef PTN_CONF_C_IP
#undef PTN_CONF_C_IPS
#undef PTN_CONF_C_CHOICE
#undef PTN_CONF_C_LIST
#undef PTN_CONF_DEF
