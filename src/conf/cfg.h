/*
 * conf/cfg.h - the file format of desk phones.
 *
 *   #!version:1.0.0.1            must be the first line
 *   # a comment
 *   account.1.label = Reception
 *   account.1.display_name = %EMPTY%     blank
 *   sip.listen_port = %NULL%             back to its default
 *   account.1.auth_name =                as if the line were not there
 *
 * A key is known with and without a leading "static." (later firmware added it).
 * A phone has a few hundred settings that Postern has not: unknown keys are noted,
 * and whoever runs the program decides whether to look at them.
 *
 * Order of files, later ones win: what the boot file includes, in its order; without
 * a boot file the common file, then the one named after the MAC address.
 */
#ifndef PTN_CONF_CFG_H
#define PTN_CONF_CFG_H

#include "conf/conf.h"

/* What is wrong is noted and the rest still read, except that a file without the header line
 * is not read at all: a phone would not read it either, and it may be anything. */
void ptn_conf_read_cfg(const struct ptn_conf_table *t, const char *file, struct ptn_bytes text,
                       void *values, struct ptn_conf_report *r);

enum { PTN_CONF_BOOT_FILES_MAX = 64 };

struct ptn_conf_boot {
    ptn_conf_text files[PTN_CONF_BOOT_FILES_MAX]; /* in order; names as written */
    size_t file_count;
    bool overwrite; /* overwrite_mode; 1 when not said */
};

/* A boot file: `include:config "name"`, `[T46S,T48S]include:config "name"` (taken when `model`
 * is one of them), `overwrite_mode = 0|1`. True when the header is right; what is wrong or
 * unknown is noted. */
bool ptn_conf_read_boot(const char *file, struct ptn_bytes text, const char *model,
                        struct ptn_conf_boot *boot, struct ptn_conf_report *r);

#endif
