/*
 * base/log.h - where log lines go.
 *
 * A room that has something to say to the operator is given a sink; the program
 * decides what it is. A sink with no write function is silence.
 */
#ifndef PTN_BASE_LOG_H
#define PTN_BASE_LOG_H

enum ptn_log_level {
    PTN_LOG_ERROR, /* something the operator must mend */
    PTN_LOG_WARN,  /* works, but not as the operator meant */
    PTN_LOG_INFO,  /* what a person would tell another about this hour */
    PTN_LOG_DEBUG,
};

struct ptn_log {
    void (*write)(void *self, enum ptn_log_level level, const char *line);
    void *self;
    enum ptn_log_level max; /* lines above it are not written */
};

/* One line, without a newline; cut after 1,000 bytes, control characters shown as "?". `log` may be
 * NULL. */
__attribute__((format(printf, 3, 4))) void
ptn_log(const struct ptn_log *log, enum ptn_log_level level, const char *format, ...);

#endif
