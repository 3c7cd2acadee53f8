/*
 * unit/conf/sample.h - the imagined program whose settings the tests of conf read.
 */
#ifndef PTN_TEST_CONF_SAMPLE_H
#define PTN_TEST_CONF_SAMPLE_H

#include "conf/cfg.h"
#include "conf/conf.h"

struct sample {
#define PTN_CONF_DEF "unit/conf/sample.def"
#include "conf/as_fields.h"
};

extern const struct ptn_conf_table sample_table;

#endif
