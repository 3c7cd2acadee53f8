/*
 * sip/text.h - building and taking apart SIP's text.
 *
 * Printing goes through a writer that turns bad when it is full, so a message is
 * checked once, at its end. What comes from the network and is kept is copied flat:
 * a folded header must not carry its line break into a message of ours.
 */
#ifndef PTN_SIP_TEXT_H
#define PTN_SIP_TEXT_H

#include "base/cursor.h"
#include "base/dice.h"
#include "sip/libre.h"

/* Appends; no final zero. */
__attribute__((format(printf, 2, 3))) void ptn_sip_printf(struct ptn_writer *w, const char *format,
                                                          ...);

/* Appends `text` with quotes around it, quote and backslash escaped. */
void ptn_sip_print_quoted(struct ptn_writer *w, const char *text);

/* A copy of its own, line breaks turned into spaces; NULL when memory is short. Caller frees. */
char *ptn_sip_dup(struct pl text);

/* The text put into `to` replacing what was there. False: no memory. */
bool ptn_sip_replace(char **to, struct pl text);

struct pl ptn_pl(const char *text); /* NULL gives an empty one */
struct pl ptn_pl_bytes(struct ptn_bytes b);

/* The same bytes; unlike libre's comparison, empty texts are equal. */
bool ptn_pl_is(struct pl a, const char *b);

/* Is the user of a URI `user`, with its %-escapes read where it has some (RFC 3261 §19.1.4)? */
bool ptn_sip_user_is(struct pl a, const char *user);

/* -1: no hexadecimal digit. */
int ptn_sip_hex_digit(char c);

/* Takes the next element of a comma-separated list off the front of `list`; commas within quotes
 * and angle brackets do not count, elements come without blanks around them. False at the end. */
bool ptn_sip_list_next(struct pl *list, struct pl *element);

/* Does a comma-separated list hold `token`, compared without case? */
bool ptn_sip_list_has(struct pl list, const char *token);

/* Decimal digits only, at most `max`; false leaves `out` alone. */
bool ptn_sip_number(struct pl text, uint32_t max, uint32_t *out);

/* `size` - 1 hexadecimal digits from the dice and a final zero. */
void ptn_sip_token(struct ptn_dice *dice, char *out, size_t size);

#endif
