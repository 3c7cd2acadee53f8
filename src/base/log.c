/*
 * base/log.c - one line to the sink.
 */
#include "base/log.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

/* Lines quote what strangers said. Nothing in them ends the line, moves a terminal's cursor, or, as
 * one of UTF-8's C1 characters, does either. */
static void tame(char *line)
{
    for (uint8_t *at = (uint8_t *)line; *at; at++)
        if (*at < ' ' || *at == 0x7f || (at[0] == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0))
            *at = '?';
}

void ptn_log(const struct ptn_log *log, enum ptn_log_level level, const char *format, ...)
{
    char line[1001];
    va_list args;

    if (!log || !log->write || level > log->max)
        return;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    tame(line);
    log->write(log->self, level, line);
}
