#include "unit/conf/sample.h"

#define PTN_CONF_DEF "unit/conf/sample.def"
#define PTN_CONF_STRUCT struct sample
#define PTN_CONF_TABLE sample_table
#include "conf/as_rows.h"
