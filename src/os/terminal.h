/*
 * os/terminal.h - what may be written for the person in front of it.
 */
#ifndef PTN_OS_TERMINAL_H
#define PTN_OS_TERMINAL_H

#include <stdbool.h>
#include <stdint.h>

/* Columns of the terminal behind `fd`, `usual` when it is none. */
unsigned ptn_terminal_width(int fd, unsigned usual);

/* Whether the user's locale is one of UTF-8. */
bool ptn_terminal_is_utf8(void);

/* Seconds that the user's clocks are ahead of UTC at that moment. */
int ptn_terminal_utc_offset_s(uint64_t unix_ns);

#endif
