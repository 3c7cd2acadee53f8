/*
 * cli/cli.h - what every program does with its settings before it does anything else.
 *
 * Reads flags and the settings file, answers --help and its like, says what is
 * wrong. It knows the commands below by their keys; a program offers one by
 * having a COMMAND row of that key in its settings.def.
 *
 *   help, version                 BOOL
 *   config                        TEXT  read this file; must exist
 *   check-config, print-config    BOOL
 *   print-sample, print-manual    BOOL  for packaging: a sample file, mdoc list items
 */
#ifndef PTN_CLI_CLI_H
#define PTN_CLI_CLI_H

#include "conf/conf.h"

/* Exit codes that all programs share; their own begin at 2. */
enum {
    PTN_CLI_FINE = 0,
    PTN_CLI_USAGE = 1, /* a flag or a setting is wrong */
};

struct ptn_cli {
    const char *program; /* "postern-server" */
    const char *usage;   /* behind the program's name: "[flags]" */
    const char *about;   /* for --help: some lines, each with its newline */
    const struct ptn_conf_table *table;
    const char *file; /* read when there is one and --config is not given; NULL: none */
    bool takes_words; /* words that are no flags are allowed */
    /* Do the values, each fine by itself, go together? False, and "key: what is wrong" in `why`.
     * NULL: they always do. */
    bool (*check)(const void *values, char why[static PTN_CONF_WHY_SIZE]);
};

enum ptn_cli_step {
    PTN_CLI_RUN, /* `values` are complete; go on */
    PTN_CLI_END, /* all is said; exit with `code` */
};

struct ptn_cli_result {
    const char **words; /* from the caller, room for argc */
    size_t word_count;
    int code;
};

/* Fills `values` (of the table's struct): defaults, then the file, then the flags. Prints what is
 * asked for to standard output and what is wrong to standard error. */
enum ptn_cli_step ptn_cli_read(const struct ptn_cli *cli, int argc, char *const *argv, void *values,
                               struct ptn_cli_result *result);

/* The same once more, for a program that was told to read its settings again: nothing is printed.
 * False, and why in the report, when something is wrong; then `values` are not to be used. */
bool ptn_cli_read_again(const struct ptn_cli *cli, int argc, char *const *argv, void *values,
                        struct ptn_conf_report *report);

#endif
