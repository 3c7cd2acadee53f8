/*
 * probe/report.h - the result for a person, for a program, and as an exit code.
 */
#ifndef PTN_PROBE_REPORT_H
#define PTN_PROBE_REPORT_H

#include <stdio.h>

#include "discover/discover.h"
#include "wire_up.h"

/* Exit codes; in the manual. Those before are cli/cli.h's. */
enum {
    PROBE_NO_SERVER = 2,   /* no server could be asked, or none was willing */
    PROBE_UDP_BLOCKED = 3, /* nobody answered */
    PROBE_SYMMETRIC = 4,   /* the mapped address is of no use to others */
    PROBE_UNSURE = 5, /* there is a mapped address, but of which type the NAT is stayed unknown */
    PROBE_CANNOT_RUN = 6, /* memory, sockets */
};

int probe_exit_code(const struct ptn_discover_result *r);

/* Some lines: the answer, then what to set because of it. */
void probe_print(const struct ptn_discover_result *r, const struct probe_servers *servers,
                 FILE *out);

/* What to do about it. */
void probe_advise(const struct ptn_discover_result *r, const struct probe_servers *servers,
                  FILE *out);

/* One JSON object and a newline, as the manual describes it. False when memory is short. */
bool probe_print_json(const struct ptn_discover_result *r, const struct probe_servers *servers,
                      FILE *out);

#endif
