/*
 * net/variables.h - one scenario file, many runs: `set NAME VALUE` and {NAME}.
 *
 *     set nat_a port-restricted
 *     nat router-a inside home-a 10.0.1.1 outside world 198.51.100.2 like {nat_a}
 *
 * Text in, text out, before the scenario is parsed. A `set` line begins at the
 * line's start and gives the value that holds unless the caller has another;
 * it is gone from the result, but its line stays, so errors name the right one.
 * Only names that have been set above are replaced: other braces are left alone.
 */
#ifndef PTN_NET_VARIABLES_H
#define PTN_NET_VARIABLES_H

#include "net/scenario.h"

enum { PTN_VARIABLES_MAX = 64 };

struct ptn_variable {
    const char *name, *value;
};

/* `sets` go before what the file says; each must be one that the file sets. The caller frees
 * `*out`, a string. On PTN_ERR_INVALID `error` is one line "FILE:LINE: …". */
enum ptn_err ptn_variables_expand(char **out, const char *file, struct ptn_bytes text,
                                  const struct ptn_variable *sets, unsigned set_count,
                                  char error[static PTN_SCENARIO_ERROR_MAX]);

#endif
