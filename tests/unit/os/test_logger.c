#include "os/logger.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/file.h"
#include "os/privileges.h"
#include "support/test.h"

TEST(lines_go_to_the_file_with_time_and_level_and_follow_it_when_reopened)
{
    char folder[] = "/tmp/ptn-test-XXXXXX", path[64], moved[64];
    struct ptn_logger logger;
    struct ptn_bytes text;

    CHECK(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/log", folder);
    snprintf(moved, sizeof moved, "%s/log.1", folder);
    CHECK_EQ(PTN_OK, ptn_logger_open(&logger, PTN_LOGGER_FILE, "test", path));
    struct ptn_log log = ptn_logger_log(&logger, PTN_LOG_INFO);
    ptn_log(&log, PTN_LOG_WARN, "the %s", "first");
    ptn_log(&log, PTN_LOG_DEBUG, "not for this level");
    CHECK_EQ(PTN_OK, ptn_file_read(path, 1000, &text));
    const char *line = (const char *)text.data;
    CHECK(line[4] == '-' && line[10] == 'T' && line[23] == 'Z');
    CHECK_STR(" warning: the first\n", line + 24);
    ptn_file_free(&text);

    CHECK_EQ(0, rename(path, moved));
    CHECK_EQ(PTN_OK, ptn_logger_reopen(&logger));
    ptn_log(&log, PTN_LOG_ERROR, "second");
    CHECK_EQ(PTN_OK, ptn_file_read(path, 1000, &text));
    CHECK_STR(" error: second\n", (const char *)text.data + 24);
    ptn_file_free(&text);

    /* A folder that has gone: the old file goes on. */
    logger.path = "/nonexistent/log";
    CHECK_EQ(PTN_ERR_NOT_FOUND, ptn_logger_reopen(&logger));
    ptn_log(&log, PTN_LOG_ERROR, "third");
    CHECK_EQ(PTN_OK, ptn_file_read(path, 1000, &text));
    CHECK(strstr((const char *)text.data, "third"));
    ptn_file_free(&text);
    ptn_logger_close(&logger);
    unlink(path);
    unlink(moved);
    rmdir(folder);
}

TEST(a_log_file_is_no_link_that_somebody_else_made_and_is_not_for_everybody_to_read)
{
    char folder[] = "/tmp/ptn-test-XXXXXX", path[64], link[64];
    struct ptn_logger logger;
    struct stat st;

    CHECK(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/log", folder);
    snprintf(link, sizeof link, "%s/link", folder);
    CHECK_EQ(0, symlink(path, link));
    CHECK_EQ(PTN_OK, ptn_logger_open(&logger, PTN_LOGGER_FILE, "test", link)); /* our own */
    ptn_logger_close(&logger);
    CHECK_EQ(0, stat(path, &st));
    CHECK_EQ(0, st.st_mode & 07);
    if (geteuid() == 0) {
        CHECK_EQ(0, lchown(link, 65534, 65534));
        CHECK(ptn_logger_open(&logger, PTN_LOGGER_FILE, "test", link) != PTN_OK);
        ptn_logger_close(&logger);
    }
    unlink(path);
    unlink(link);
    rmdir(folder);
}

TEST(a_log_file_that_cannot_be_opened_says_why)
{
    struct ptn_logger logger;

    CHECK_EQ(PTN_ERR_NOT_FOUND,
             ptn_logger_open(&logger, PTN_LOGGER_FILE, "test", "/nonexistent/log"));
    ptn_logger_close(&logger);
}

TEST(nobody_is_given_up_for_nothing_and_a_stranger_is_not_found)
{
    CHECK_EQ(PTN_OK, ptn_privileges_drop("", "", false));
    CHECK_EQ(PTN_ERR_NOT_FOUND, ptn_privileges_drop("no-such-user", "", false));
    CHECK_EQ(PTN_ERR_NOT_FOUND, ptn_privileges_drop("", "no-such-group", false));
}
