/*
 * lab/printer.h - lines of many programs on one terminal, each with whose it is.
 *
 *     alice         | registered as 1001
 *     server/coturn | listening
 *     lab           | 30.0 s: reboot nat-a
 *
 * A host keeps its colour from run to run. No colours where the output is no
 * terminal or NO_COLOR is set.
 */
#ifndef PTN_LAB_PRINTER_H
#define PTN_LAB_PRINTER_H

#include "net/scenario.h"

struct ptn_printer {
    const struct ptn_scenario *scenario;
    int width; /* of the longest label */
    bool colours, times, silent;
    ptn_time start;
};

/* `times`: each line begins with the seconds since `start`. `quiet`: lines of the lab itself are
 * left out. */
struct ptn_printer ptn_printer(const struct ptn_scenario *scenario, bool times, bool quiet);

/* A line of a program. */
void ptn_print_line(const struct ptn_printer *p, ptn_time now, unsigned program, const char *line);

/* A line of the lab itself. */
__attribute__((format(printf, 3, 4))) void ptn_print(const struct ptn_printer *p, ptn_time now,
                                                     const char *format, ...);

#endif
