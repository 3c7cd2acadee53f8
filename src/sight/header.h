/*
 * sight/header.h - finds headers in the text of a message, however broken the rest is.
 */
#ifndef PTN_SIGHT_HEADER_H
#define PTN_SIGHT_HEADER_H

#include "base/bytes.h"

/* The value of the first header of that name, without blanks around it; empty when it is not
 * there. `compact` is its other name or NULL. */
struct ptn_bytes ptn_header_find(struct ptn_bytes text, const char *name, const char *compact);

/* The same bytes without blanks and line breaks around them. */
struct ptn_bytes ptn_header_trim(struct ptn_bytes b);

#endif
