/*
 * lab/load.h - a scenario from a file, with what the command line sets in it.
 */
#ifndef PTN_LAB_LOAD_H
#define PTN_LAB_LOAD_H

#include "net/scenario.h"
#include "net/variables.h"

/* Prints what is wrong with the file to stderr, and answers NULL. */
struct ptn_scenario *ptn_lab_load(const char *file, const struct ptn_variable *sets,
                                  unsigned set_count);

#endif
