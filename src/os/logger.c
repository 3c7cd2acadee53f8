/*
 * os/logger.c - one line, one write: lines of two programs in one file do not mix.
 */
#include "os/logger.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/errno.h"

static const struct {
    const char *word;
    int priority;
} levels[] = {
    [PTN_LOG_ERROR] = {"error", LOG_ERR},
    [PTN_LOG_WARN] = {"warning", LOG_WARNING},
    [PTN_LOG_INFO] = {"info", LOG_INFO},
    [PTN_LOG_DEBUG] = {"debug", LOG_DEBUG},
};

enum ptn_err ptn_logger_open(struct ptn_logger *l, enum ptn_logger_kind kind, const char *program,
                             const char *path)
{
    *l = (struct ptn_logger){.kind = kind, .path = path};
    pthread_mutex_init(&l->lock, NULL);
    switch (kind) {
    case PTN_LOGGER_STDERR: l->journal = getenv("JOURNAL_STREAM") != NULL; break;
    case PTN_LOGGER_SYSLOG: openlog(program, LOG_PID, LOG_DAEMON); break;
    case PTN_LOGGER_FILE: return ptn_logger_reopen(l);
    }
    return PTN_OK;
}

void ptn_logger_close(struct ptn_logger *l)
{
    if (l->file)
        fclose(l->file);
    if (l->kind == PTN_LOGGER_SYSLOG)
        closelog();
    l->file = NULL;
}

/* Whoever may write to the log's folder, as the user whom a server becomes, could lead root by a
 * link to any file. Links that root made, and our own, are followed: /dev/stdout is one. */
static bool is_link_of_others(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0 && S_ISLNK(st.st_mode) && st.st_uid != 0 && st.st_uid != geteuid();
}

/* Names and addresses of users are not for everybody on this computer. */
static FILE *open_file(const char *path)
{
    enum { FLAGS = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, MODE = 0640 };
    int fd = open(path, FLAGS | O_NOFOLLOW, MODE);

    if (fd < 0 && errno == ELOOP && !is_link_of_others(path))
        fd = open(path, FLAGS, MODE);
    FILE *f = fd < 0 ? NULL : fdopen(fd, "a");
    if (fd >= 0 && !f)
        close(fd);
    return f;
}

enum ptn_err ptn_logger_reopen(struct ptn_logger *l)
{
    if (l->kind != PTN_LOGGER_FILE)
        return PTN_OK;
    FILE *fresh = open_file(l->path);
    if (!fresh)
        return ptn_err_of_errno(errno);
    setvbuf(fresh, NULL, _IOLBF, 4096);
    pthread_mutex_lock(&l->lock);
    if (l->file)
        fclose(l->file);
    l->file = fresh;
    pthread_mutex_unlock(&l->lock);
    return PTN_OK;
}

/* "2026-11-22T19:05:04.123Z" */
static void format_time(char *buf, size_t size)
{
    uint64_t ns = ptn_clock_unix_ns();
    time_t seconds = (time_t)(ns / 1000000000);
    struct tm tm;

    gmtime_r(&seconds, &tm);
    size_t used = strftime(buf, size, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(buf + used, size - used, ".%03uZ", (unsigned)(ns / 1000000 % 1000));
}

static void write_line(void *self, enum ptn_log_level level, const char *line)
{
    struct ptn_logger *l = self;
    char now[40];

    if (l->kind == PTN_LOGGER_SYSLOG) {
        syslog(levels[level].priority, "%s", line);
    } else if (l->journal) {
        fprintf(stderr, "<%d>%s\n", levels[level].priority, line);
    } else {
        format_time(now, sizeof now);
        pthread_mutex_lock(&l->lock);
        fprintf(l->file ? l->file : stderr, "%s %s: %s\n", now, levels[level].word, line);
        pthread_mutex_unlock(&l->lock);
    }
}

struct ptn_log ptn_logger_log(struct ptn_logger *l, enum ptn_log_level max)
{
    return (struct ptn_log){.write = write_line, .self = l, .max = max};
}
