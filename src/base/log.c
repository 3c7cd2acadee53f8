/*
 * base/log.c - one line to the sink.
 */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

void ptn_log(const struct ptn_log *log, enum ptn_log_level level, const char *format, ...)
{
    char line[1001];
    va_list args;

    if (!log || !log->write || level > log->max)
        return;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    log->write(log->self, level, line);
}
