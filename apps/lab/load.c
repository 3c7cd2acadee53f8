/*
 * lab/load.c - read, put the variables in, parse.
 */
#include "load.h"

#include <stdio.h>
#include <stdlib.h>

#include "os/file.h"

enum { FILE_BYTES_MAX = 1 << 20 };

struct ptn_scenario *ptn_lab_load(const char *file, const struct ptn_variable *sets,
                                  unsigned set_count)
{
    char error[PTN_SCENARIO_ERROR_MAX] = "";
    struct ptn_scenario *scenario = NULL;
    struct ptn_bytes text;
    char *expanded = NULL;

    enum ptn_err err = ptn_file_read(file, FILE_BYTES_MAX, &text);
    if (err) {
        fprintf(stderr, "postern-lab: cannot read %s: %s\n", file, ptn_err_text(err));
        return NULL;
    }
    err = ptn_variables_expand(&expanded, file, text, sets, set_count, error);
    if (!err)
        err = ptn_scenario_new(&scenario, file, ptn_bytes_of_text(expanded), error);
    if (err)
        fprintf(stderr, "%s\n", error[0] ? error : ptn_err_text(err));
    free(expanded);
    ptn_file_free(&text);
    return scenario;
}
