/*
 * postern/show.h - what a phone reports, for people.
 */
#ifndef PTN_POSTERN_SHOW_H
#define PTN_POSTERN_SHOW_H

#include <jansson.h>

/* The whole state; the NAT part of it in full; what a call's sound was like, in one line. */
void show_status(const json_t *status);
void show_nat(const json_t *status);
void show_stats(const json_t *stats, const char *indent);

/* How much was captured, and where. */
void show_capture(const json_t *capture);

/* One line for an event; nothing for those a person does not care about. */
void show_event(const json_t *event);

#endif
