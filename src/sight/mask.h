/*
 * sight/mask.h - a SIP message as one may show it to others.
 *
 * What would let its reader act as somebody else is replaced by "(hidden)": the responses of
 * digests, other credentials, keys in session descriptions. What is no UTF-8 becomes "?".
 */
#ifndef PTN_SIGHT_MASK_H
#define PTN_SIGHT_MASK_H

#include "base/cursor.h"

/* Appends; `w` turns bad when there is no room, and holds the beginning. */
void ptn_mask(struct ptn_writer *w, struct ptn_bytes message);

#endif
