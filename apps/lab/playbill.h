/*
 * lab/playbill.h - which of a scenario's programs starts and stops when, and how it all ended.
 *
 * Pure: told what programs print and how they end, it says what to do next. The
 * lab is over when all programs that are not `background` have ended; then the
 * others get SIGTERM and, after a grace, SIGKILL. The first surprise (a program
 * that could not start, ended otherwise than expected, or waits for words that
 * nobody will say) ends everything. Without such programs it goes on until stop().
 */
#ifndef PTN_LAB_PLAYBILL_H
#define PTN_LAB_PLAYBILL_H

#include "net/scenario.h"

#define PTN_PLAYBILL_GRACE PTN_S(5)

enum ptn_playbill_do {
    PTN_PLAYBILL_START,
    PTN_PLAYBILL_TERMINATE,
    PTN_PLAYBILL_KILL,
};

struct ptn_playbill_step {
    enum ptn_playbill_do what;
    unsigned program; /* its place in the scenario */
};

struct ptn_playbill;

/* `scenario` is borrowed for its life. */
enum ptn_err ptn_playbill_new(struct ptn_playbill **out, const struct ptn_scenario *scenario,
                              ptn_time start);
void ptn_playbill_free(struct ptn_playbill *p);

/* A program printed this line, on either of its outputs. */
void ptn_playbill_line(struct ptn_playbill *p, ptn_time now, unsigned program, const char *line);

/* A program ended with this exit code (128 + signal), or could not be started (127). */
void ptn_playbill_ended(struct ptn_playbill *p, ptn_time now, unsigned program, int status);

/* Somebody wants it to end: now, and the second time without grace. */
void ptn_playbill_stop(struct ptn_playbill *p, ptn_time now);

/* What is to be done now, one step at a time; false when there is nothing. A START is answered by
 * line() and ended(). */
bool ptn_playbill_step(struct ptn_playbill *p, ptn_time now, struct ptn_playbill_step *step);

ptn_time ptn_playbill_deadline(const struct ptn_playbill *p);

/* Nothing runs and nothing will. */
bool ptn_playbill_over(const struct ptn_playbill *p);

/* What went otherwise than expected, first of all things; "" when nothing did. */
const char *ptn_playbill_surprise(const struct ptn_playbill *p);

#endif
