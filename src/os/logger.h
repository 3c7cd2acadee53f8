/*
 * os/logger.h - where a program's log lines end up: the terminal, a file, syslog.
 */
#ifndef PTN_OS_LOGGER_H
#define PTN_OS_LOGGER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/err.h"
#include "base/log.h"

enum ptn_logger_kind {
    PTN_LOGGER_STDERR, /* under systemd with its priorities, else with the time */
    PTN_LOGGER_FILE,
    PTN_LOGGER_SYSLOG,
};

struct ptn_logger {
    enum ptn_logger_kind kind;
    const char *path; /* FILE; borrowed */
    FILE *file;
    bool journal;         /* standard error is the journal's */
    pthread_mutex_t lock; /* threads may share a logger */
};

/* `program` names the lines in syslog; borrowed like `path`. */
enum ptn_err ptn_logger_open(struct ptn_logger *l, enum ptn_logger_kind kind, const char *program,
                             const char *path);
void ptn_logger_close(struct ptn_logger *l);

/* Opens the file anew after it was moved away; keeps the old one when that fails. */
enum ptn_err ptn_logger_reopen(struct ptn_logger *l);

/* The sink; `l` must stay where it is. */
struct ptn_log ptn_logger_log(struct ptn_logger *l, enum ptn_log_level max);

#endif
