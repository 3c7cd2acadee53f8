/*
 * conf/as_rows.h - the rows of a settings.def as a `const struct ptn_conf_table`.
 *
 *   #define PTN_CONF_DEF "server/settings.def"
 *   #define PTN_CONF_STRUCT struct server_settings
 *   #define PTN_CONF_TABLE server_settings_table
 *   #include "conf/as_rows.h"
 *
 * defines the table with external linkage. No guard: it is included once for each table.
 */
#define PTN_CONF_WORDS_BOOL NULL, PTN_CONF_BOOL
#define PTN_CONF_WORDS_UINT NULL, PTN_CONF_UINT
#define PTN_CONF_WORDS_UINT_OR_BARE NULL, PTN_CONF_UINT_OR_BARE
#define PTN_CONF_WORDS_SECONDS NULL, PTN_CONF_SECONDS
#define PTN_CONF_WORDS_TEXT NULL, PTN_CONF_TEXT
#define PTN_CONF_WORDS_SECRET NULL, PTN_CONF_SECRET
#define PTN_CONF_WORDS_IP NULL, PTN_CONF_IP
#define PTN_CONF_WORDS_IPS NULL, PTN_CONF_IPS
#define PTN_CONF_WORDS_CHOICE(words) words, PTN_CONF_CHOICE
#define PTN_CONF_WORDS_LIST(shape) shape, PTN_CONF_LIST
#define PTN_CONF_VALUE true
#define PTN_CONF_BARE false

#define PTN_CONF_ROW(field, key_, n, m, fallback_, min_, max_, when_, help_, words_and_type)       \
    PTN_CONF_ROW_(field, key_, n, m, fallback_, min_, max_, when_, help_, words_and_type)
#define PTN_CONF_ROW_(field, key_, n, m, fallback_, min_, max_, when_, help_, words_, type_)       \
    {.key = key_,                                                                                  \
     .help = help_,                                                                                \
     .fallback = fallback_,                                                                        \
     .words = words_,                                                                              \
     .min = min_,                                                                                  \
     .max = max_,                                                                                  \
     .offset = offsetof(PTN_CONF_STRUCT, field),                                                   \
     .counts = {n, m},                                                                             \
     .type = type_,                                                                                \
     .when = when_},

#define SECTION(title) {.key = title, .type = PTN_CONF_SECTION},
#define SETTING(field, key, type, fallback, min, max, when, help)                                  \
    PTN_CONF_ROW(field, key, 0, 0, fallback, min, max, PTN_CONF_##when, help, PTN_CONF_WORDS_##type)
#define SETTING_EACH(field, key, n, type, fallback, min, max, when, help)                          \
    PTN_CONF_ROW(field, key, n, 0, fallback, min, max, PTN_CONF_##when, help, PTN_CONF_WORDS_##type)
#define SETTING_EACH_EACH(field, key, n, m, type, fallback, min, max, when, help)                  \
    PTN_CONF_ROW(field, key, n, m, fallback, min, max, PTN_CONF_##when, help, PTN_CONF_WORDS_##type)
#define ALIAS(old, stands_for)
#define FOREIGN(key, value, fate, why)

static const struct ptn_conf_row ptn_conf_rows_[] = {
#include PTN_CONF_DEF
};

#undef SECTION
#undef SETTING
#undef SETTING_EACH
#undef SETTING_EACH_EACH
#undef ALIAS
#define SECTION(title)
#define SETTING(field, key, type, fallback, min, max, when, help)
#define SETTING_EACH(field, key, n, type, fallback, min, max, when, help)
#define SETTING_EACH_EACH(field, key, n, m, type, fallback, min, max, when, help)
#define ALIAS(old, stands_for) {old, stands_for},

static const struct ptn_conf_alias ptn_conf_aliases_[] = {
#include PTN_CONF_DEF
    {NULL, NULL},
};

#undef ALIAS
#undef FOREIGN
#define ALIAS(old, stands_for)
#define FOREIGN(key, value, fate, why)                                                             \
    {key, PTN_CONF_##value, PTN_CONF_##fate == PTN_CONF_REFUSED, why},

static const struct ptn_conf_foreign ptn_conf_foreign_[] = {
#include PTN_CONF_DEF
    {NULL, false, false, NULL},
};

const struct ptn_conf_table PTN_CONF_TABLE = {
    .rows = ptn_conf_rows_,
    .row_count = sizeof ptn_conf_rows_ / sizeof ptn_conf_rows_[0],
    .aliases = ptn_conf_aliases_,
    .alias_count = sizeof ptn_conf_aliases_ / sizeof ptn_conf_aliases_[0] - 1,
    .foreign = ptn_conf_foreign_,
    .foreign_count = sizeof ptn_conf_foreign_ / sizeof ptn_conf_foreign_[0] - 1,
    .size = sizeof(PTN_CONF_STRUCT),
};

#undef SECTION
#undef SETTING
#undef SETTING_EACH
#undef SETTING_EACH_EACH
#undef ALIAS
#undef FOREIGN
#undef PTN_CONF_ROW
#undef PTN_CONF_ROW_
#undef PTN_CONF_WORDS_BOOL
#undef PTN_CONF_WORDS_UINT
#undef PTN_CONF_WORDS_UINT_OR_BARE
#undef PTN_CONF_WORDS_SECONDS
#undef PTN_CONF_WORDS_TEXT
#undef PTN_CONF_WORDS_SECRET
#undef PTN_CONF_WORDS_IP
#undef PTN_CONF_WORDS_IPS
#undef PTN_CONF_WORDS_CHOICE
#undef PTN_CONF_WORDS_LIST
#undef PTN_CONF_VALUE
#undef PTN_CONF_BARE
#undef PTN_CONF_DEF
